# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a model answers of people of different age, gender and origin: how often each emotion in each group.

The faces are of a table `labels.csv` with a column `file` and a column for each attribute, as FairFace's are (K. Karkkainen
and J. Joo, "FairFace: Face Attribute Dataset for Balanced Race, Gender, and Age", WACV 2021). Nobody said what they show:
groups may also differ in that, children smile for pictures more often than their parents do. A gap is a reason to look, and
no proof.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.perception.smoothing import SmoothingParams
from fer_ros.resources import model_file
from fer_ros.system.files import write_text
from fer_ros.training import evaluate, sets
from fer_ros.training.progress import tell
from fer_ros.training.sets import SetSpec
from fer_ros.training.tables import DataError, columns, rows
from fer_ros.types import Comparable
from fer_ros.words import counted

FIGURES = "people.json"
ANSWERS = (*EMOTIONS, UNCERTAIN)
SMALLEST = 100
"""Faces that a group must have to be compared."""
_SHOWN = 8


@dataclass(frozen=True, eq=False)
class People(Comparable):
    """Faces and whose they are.

    Attributes:
        images: (N, 48, 48) uint8, grey.
        groups: by attribute, (N,) text.
    """

    images: NDArray[Any]
    groups: Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Gap:
    """How much more often an answer is given in one group than in another.

    Attributes:
        often, seldom: the shares of the two groups' faces, from 0 to 1.
        margin: half the width of the 95 % interval of their difference (normal approximation).
    """

    attribute: str
    answer: str
    most: str
    least: str
    often: float
    seldom: float
    margin: float

    @property
    def size(self) -> float:
        """From 0 to 1."""
        return self.often - self.seldom

    def text(self) -> str:
        """In plain words."""
        return (f"`{self.answer}` is answered for {self.often:.1%} of the faces with {self.attribute} {self.most}, and for "
                f"{self.seldom:.1%} of those with {self.attribute} {self.least} (a gap of {100 * self.size:.1f} points, "
                f"give or take {100 * self.margin:.1f})")


def load(folder: Path) -> People:
    """Read labels.csv and its pictures.

    Raises:
        DataError: there are none, or one cannot be read.
    """
    spec = SetSpec(layout="table", label_column="", part_column="")
    table = folder / spec.table
    # pandas writes the numbers of its rows into a first column without a name, and calls that so when it reads it again.
    attributes = [name for name in columns(table, "strict")
                  if name.lower() not in ("", spec.file_column, "part") and not name.startswith("Unnamed: ")]
    if not attributes:
        raise DataError(f"{table} says nothing of the people: beside the column {spec.file_column} it needs one for age, "
                        "gender, or the like")
    found = [row for _, row in rows(table, attributes, errors="strict")]
    images = sets.load(folder, spec).images
    return People(images, {name: np.array([row[name].strip() for row in found]) for name in attributes})


def answers(model: str, images: NDArray[Any]) -> NDArray[Any]:
    """(N,) index into `ANSWERS`: what the node would show of each face alone.

    Raises:
        FileNotFoundError, ValueError: see `EmotionClassifier`.
    """
    classifier = evaluate.classifier_of(model)
    said = evaluate.of_emotions(evaluate.logits_of(classifier, images), classifier.answer)
    sure = said.max(axis=1) >= SmoothingParams().confidence_threshold
    return np.where(sure, said.argmax(axis=1), ANSWERS.index(UNCERTAIN))


def shares(given: NDArray[Any], groups: NDArray[Any]) -> dict[str, dict[str, Any]]:
    """By group, its number of faces and the share of each answer."""
    found = {}
    for group in sorted(np.unique(groups), key=_in_order):
        mine = given[groups == group]
        each = np.bincount(mine, minlength=len(ANSWERS)) / len(mine)
        found[str(group)] = {"faces": len(mine), "shares": dict(zip(ANSWERS, each.tolist(), strict=True))}
    return found


def _in_order(group: str) -> tuple[float, str]:
    """Ages by their number, other groups by name."""
    number = re.search(r"\d+", group)
    return float(number[0]) if number else math.inf, group


def gaps(by_attribute: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Gap]:
    """For each attribute and answer the two groups that are farthest apart; the largest gap first."""
    found = []
    for attribute, groups in by_attribute.items():
        large = {name: group for name, group in groups.items() if group["faces"] >= SMALLEST}
        if len(large) < 2:
            continue
        for answer in ANSWERS:
            order = sorted(large, key=lambda name: large[name]["shares"][answer])
            least, most = order[0], order[-1]
            low, high = (large[name]["shares"][answer] for name in (least, most))
            variance = sum(p * (1 - p) / large[name]["faces"] for name, p in ((least, low), (most, high)))
            found.append(Gap(attribute, answer, most, least, high, low, 1.96 * math.sqrt(variance)))
    return sorted(found, key=lambda gap: -gap.size)


def make(model: str, people: People, name: str, out: Path, console: Console, force: bool = False) -> dict[str, Any]:
    """Measure a model on people, print the shares and the largest gaps, and write people.json.

    Args:
        name: of the set that they are.

    Returns:
        What is written.

    Raises:
        OutputError, FileNotFoundError, ValueError: see `write_text` and `answers`.
    """
    path = model_file(model)
    tell(f"measuring {path.name}")
    given = answers(str(path), people.images)
    by_attribute = {name: shares(given, groups) for name, groups in people.groups.items()}
    largest = gaps(by_attribute)
    report = {"model": path.name, "set": name, "faces": len(given), "groups": by_attribute,
              "gaps": [{**gap.__dict__, "size": gap.size} for gap in largest]}
    write_text(out / FIGURES, json.dumps(report, indent=1, allow_nan=False) + "\n", force)
    show(report, console)
    return report


def show(report: Mapping[str, Any], console: Console) -> None:
    """A table of each attribute, then the largest gaps in words."""
    for attribute, groups in report["groups"].items():
        table = Table(attribute, "faces", *ANSWERS, title=f"{report['model']}, what is answered, in %", title_justify="left")
        for name, group in groups.items():
            table.add_row(name, f"{group['faces']:,}", *(f"{100 * group['shares'][answer]:.1f}" for answer in ANSWERS))
        console.print(table)
    for gap in largest_of(report):
        console.print(gap.text())


def largest_of(report: Mapping[str, Any], count: int = _SHOWN) -> list[Gap]:
    """The largest gaps of a report that are surely no accident."""
    found = (Gap(**{name: value for name, value in gap.items() if name != "size"}) for gap in report["gaps"])
    return list(itertools.islice((gap for gap in found if gap.size > gap.margin), count))


def section(report: Mapping[str, Any], learnt: Collection[str] = ()) -> str:
    """For the model card: a table of each attribute, and the largest gaps in words.

    Args:
        learnt: the names of the sets that the network has learnt from.
    """
    parts = [f"What is answered of the {report['faces']:,} faces of `{report['set']}`, in % of each group's faces "
             f"(groups of fewer than {counted(SMALLEST, 'face')} are left out). Nobody said what these faces show: a gap can "
             "lie in the pictures, or in the network, and is a reason to look."]
    if report["set"] in learnt:
        parts.append("The network has learnt from these pictures, too: from what its teachers answered on them. On other "
                     "pictures of such people it may answer less alike.")
    for attribute, groups in report["groups"].items():
        lines = [f"| {attribute} | faces | {' | '.join(ANSWERS)} |", "|---" * (len(ANSWERS) + 2) + "|"]
        lines += [f"| {name} | {group['faces']:,} | " + " | ".join(f"{100 * group['shares'][a]:.1f}" for a in ANSWERS) + " |"
                  for name, group in groups.items() if group["faces"] >= SMALLEST]
        parts.append("\n".join(lines))
    found = largest_of(report)
    parts.append("\n".join(["The largest gaps:", "", *(f"- {gap.text()}" for gap in found)]) if found
                 else "No gap is larger than chance would make it.")
    return "\n\n".join(parts)

