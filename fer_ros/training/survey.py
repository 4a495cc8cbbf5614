# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is in a data set and what is wrong with it, found without torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fer_ros.labels import EMOTIONS
from fer_ros.training import data
from fer_ros.training.data import Dataset, Split
from fer_ros.training.pictures import FACE_SIZE
from fer_ros.words import one_line

_SHOWN = 3
_LONGEST = 10_000
"""Characters of an example: a face may have many copies."""


@dataclass(frozen=True)
class Finding:
    """Something to know about some faces.

    Attributes:
        what: in words.
        advice: what to do, or what training does about it.
        faces: how many.
        examples: each in words, all of them.
        fatal: whether training refuses the data for it.
    """

    what: str
    advice: str
    faces: int
    examples: list[str]
    fatal: bool = False


def counts(split: Split) -> NDArray[Any]:
    """(7,) faces of each of `EMOTIONS`."""
    return np.bincount(split.labels, minlength=len(EMOTIONS))


def findings(found: Dataset) -> Iterator[Finding]:
    """Everything that there is to say."""
    for name, entries in found.unreadable.items():
        yield Finding(f"{name}: unusable", "mend, replace or remove them", len(entries),
                      [f"{entry.row}: {entry.problem}" for entry in entries], fatal=True)
    for name, entries in found.converted.items():
        yield Finding(f"{name}: not stored as grey faces of {FACE_SIZE}x{FACE_SIZE}",
                      "their central square is scaled, colour becomes grey", len(entries),
                      [f"{entry.row}: {entry.problem}" for entry in entries])
    if found.ignored:
        yield Finding("beside the data, not read", "move it away, or name its folder with --data", len(found.ignored),
                      list(found.ignored))
    for name, split in found.splits.items():
        missing = [EMOTIONS[c] for c in np.flatnonzero(counts(split) == 0)]
        if missing:
            yield Finding(f"{name}: no face of {', '.join(missing)}", "download the data set again, or add some", 0, [],
                          fatal=True)
        advice = "a recipe with `clean` leaves them out" if name == "training" else "evaluation counts them as any other"
        for what, mask in (("all pixels are the same", data.constant(split)), ("voted 'not a face'", data.not_a_face(split))):
            if mask.any():
                yield _of(f"{name}: {what}", advice, split, mask)
        yield from _copies(name, split)
    for name, split in found.splits.items():
        for other_name, other in found.splits.items():
            if name < other_name:
                continue
            if name != other_name and (copies := data.copied_from(split, other)).any():
                yield _of(f"{name}: copies of {other_name} images", "a recipe with `clean` leaves them out of training; "
                          "evaluation reports without them too", split, copies)


def _of(what: str, advice: str, split: Split, mask: NDArray[Any]) -> Finding:
    return Finding(what, advice, int(mask.sum()), [f"{split.rows[i]} ({EMOTIONS[split.labels[i]]})" for i in
                                                   np.flatnonzero(mask)])


def _copies(name: str, split: Split) -> Iterator[Finding]:
    """Images that occur several times in one split, and those of them whose labels differ."""
    groups: dict[bytes, list[int]] = {}
    for i, image in enumerate(split.images):
        groups.setdefault(data.hash_of(image), []).append(i)
    several = [rows for rows in groups.values() if len(rows) > 1]
    if several:
        yield Finding(f"{name}: the same image more than once", "kept; a validation split keeps them together",
                      sum(len(rows) - 1 for rows in several), [_together(split, rows) for rows in several])
    torn = [rows for rows in several if len(set(split.labels[rows])) > 1]
    if torn:
        advice = "kept; their FER+ votes tell more" if split.voted else "kept"
        yield Finding(f"{name}: the same image with different labels", advice, sum(map(len, torn)),
                      [_together(split, rows) for rows in torn])


def _together(split: Split, rows: list[int]) -> str:
    return " = ".join(f"{split.rows[i]} ({EMOTIONS[split.labels[i]]})" for i in rows)


def show(folder: Path, console: Console, every: bool) -> bool:
    """Print the table of counts and all findings; True if training would refuse the data.

    Raises:
        DataError: the folder holds no data set.
    """
    found = data.load(folder)
    size = f"{FACE_SIZE}x{FACE_SIZE}"  # what is otherwise is among the findings
    console.print(f"{found.folder}: {found.layout}; faces of {size} 8-bit grey{_formats(found)}", soft_wrap=True, markup=False)
    table = Table("class", title_justify="left")
    for name in found.splits:
        table.add_column(name, justify="right")
        table.add_column("%", justify="right")
    columns = {name: counts(split) for name, split in found.splits.items()}
    for c, emotion in enumerate(EMOTIONS):
        table.add_row(emotion, *(cell for values in columns.values()
                                 for cell in (f"{values[c]:,}", f"{values[c] / values.sum():.2%}")))
    table.add_section()
    table.add_row("total", *(cell for values in columns.values() for cell in (f"{values.sum():,}", "100.00%")))
    console.print(table)
    for name, split in found.splits.items():
        if split.voted:
            rows, winner = data.most_voted(split)
            agree = float((split.labels[rows] == winner).mean())
            spread = np.bincount(winner, minlength=len(data.FERPLUS))
            each = ", ".join(f"{label} {count:,}" for label, count in zip(data.FERPLUS, spread, strict=True))
            console.print(f"{name}, most voted in FER+ ({len(rows):,} faces): {each}; {agree:.1%} as FER2013's label",
                          soft_wrap=True, markup=False)
    fatal = False
    for finding in findings(found):
        fatal |= finding.fatal
        colour = "red" if finding.fatal else "yellow"
        number = f" ({finding.faces:,})" if finding.faces else ""
        console.print(f"[{colour}]{escape(finding.what)}{number}[/]: {escape(finding.advice)}", soft_wrap=True)
        shown = finding.examples if every else finding.examples[:_SHOWN]
        for example in shown:
            console.print(f"    {one_line(example, _LONGEST)}", soft_wrap=True, markup=False)
        if len(shown) < len(finding.examples):
            console.print(f"    ... and {len(finding.examples) - len(shown):,} more: --list names all", markup=False)
    return fatal


def _formats(found: Dataset) -> str:
    if not found.layout.startswith("folders"):
        return ""
    kinds = Counter(Path(row).suffix.lower() or "without a suffix" for split in found.splits.values() for row in split.rows)
    return "; files: " + ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
