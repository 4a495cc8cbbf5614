# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A set of faces as a recipe's `sets` names it: read in whatever layout it has, framed, and divided into its parts.

Three layouts are read:

- `fer2013`: fer2013.csv (and the FER+ votes fer2013new.csv), or its folders; see `fer_ros.training.data`;
- `folders`: `<part>/<class>/<picture>`, pictures of any size and colour; a class is known by the names that published sets
  give it, and a folder of another name, such as `unlabelled`, holds faces without a label;
- `table`: a CSV file, `labels.csv` unless `table` names another, with a column of files and a column of labels or, for what
  several people said, a column of shares for each class.

A picture is brought to the framing of the node's crops by cutting `margin` off each of its sides, or by looking for its face
with the package's own detector and cutting that out upright, as the node does.
"""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS
from fer_ros.parameters.params import param
from fer_ros.training.data import FERPLUS
from fer_ros.training.framing import crop, finder
from fer_ros.training.pictures import CLASSES, PARTS, class_key, entries, framed, parts_of, picture_of
from fer_ros.training.progress import told
from fer_ros.training.tables import DataError, columns, rows
from fer_ros.types import Comparable
from fer_ros.words import counted, one_line, suggestion

UNLABELLED = -1
_READERS = 4


@dataclass(frozen=True)
class SetSpec:
    """How a recipe uses one set of faces."""

    path: str = param("", "Where the set is, below the folder given as --data; empty is a folder of the set's own name.")
    layout: str = param("auto", "How the set is laid out.", choices=("auto", "fer2013", "folders", "table"))
    head: str = param("", "Name of the labelling convention, and of the network's head that learns it; sets with the same "
                      "convention share a head. Empty takes the set's name. A set of layout fer2013 has the heads of the "
                      "recipe's `targets`.")
    contempt: bool = param(False, "Whether contempt is an eighth class of the convention; otherwise such faces are left out.")
    framing: str = param("margin", "How a picture is brought to the framing of the node's crops: by cutting `margin` off each "
                         "side, or by the package's own detector, which finds the face, and by `margin` where it finds none.",
                         choices=("margin", "detector"))
    margin: float = param(0.0, "Share of a picture's side that is cut off each side, to frame the face as the node's crops "
                          "do; a negative one adds the border's pixels.", range=(-0.5, 0.45))
    share: float = param(1.0, "Share of each class's training faces that is learnt from.", range=(0.0, 1.0))
    cap: int = param(0, "Most training faces of a class; 0 takes all.", range=(0, 10_000_000))
    weight: float = param(1.0, "How much a face counts in the loss, compared with the faces of other sets; of 0 its label "
                          "counts nothing: it is measured on, and learnt from by what teachers answer.",
                          range=(0.0, 1000.0))
    held_out: float = param(0.1, "Share of each class that validates, where the set has no part for that.",
                            range=(0.0, 0.5))
    groups_held_out: int = param(0, "So many whole groups validate (people, films), in place of a share of each class.",
                                 range=(0, 100_000))
    classes: str = param("", "What the set calls its classes, where it numbers them or has names of its own: "
                         "`1=surprise, 2=fear, ...`.")
    table: str = param("labels.csv", "The CSV file of layout table.")
    file_column: str = param("file", "Column of the picture's file, below the table's folder or the set's.")
    label_column: str = param("label", "Column of the class.")
    part_column: str = param("part", "Column of the part (train, valid, test), where there is one.")
    group_column: str = param("", "Column of the group that a face belongs to; empty where there are no groups.")
    shares_prefix: str = param("", "Prefix of the columns with the share of raters for each class: `rated_` for rated_angry, "
                               "rated_fear, ...; empty where there are none.")


@dataclass(frozen=True, eq=False)
class FaceSet(Comparable):
    """The faces of a set; all arrays have one row for each face.

    Attributes:
        images: (N, 48, 48) uint8, grey, framed as the node's crops.
        labels: (N,) int64, index into `FERPLUS`; `UNLABELLED` without one.
        shares: (N, 8) float32, what share of the raters said each of `FERPLUS`; all 0 without raters.
        parts: (N,) `training`, `validation` or `test`.
        groups: (N,) to which group of faces each belongs; empty text without groups.
        rows: (N,) the file of each face.
    """

    images: NDArray[Any]
    labels: NDArray[Any]
    shares: NDArray[Any]
    parts: NDArray[Any]
    groups: NDArray[Any]
    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, keep: NDArray[Any]) -> FaceSet:
        """The rows for which `keep` (a mask or indices) holds."""
        return FaceSet(*(getattr(self, field.name)[keep] for field in dataclasses.fields(self)))


@dataclass(frozen=True)
class Entry:
    """One picture before it is read."""

    file: Path
    label: int
    part: str
    group: str = ""
    shares: Mapping[int, float] = dataclasses.field(default_factory=dict)


def layout_of(folder: Path, spec: SetSpec) -> str:
    """What a set's folder holds.

    Raises:
        DataError: nothing that is known.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: a set lies below --data in a folder of its name, or where its path says")
    if spec.layout != "auto":
        return spec.layout
    if (folder / "fer2013.csv").is_file():
        return "fer2013"
    if (folder / spec.table).is_file():
        return "table"
    if any(parts_of(folder)):
        return "folders"
    raise DataError(f"{folder} is not a set of faces: it holds neither fer2013.csv, nor {spec.table}, nor folders such as "
                    "train/<class>")


def load(folder: Path, spec: SetSpec) -> FaceSet:
    """Read a set of layout `folders` or `table`.

    Raises:
        DataError: it is not there, a class is unknown, or a picture cannot be read; the text names the first ones.
    """
    listed = list(_from_table(folder, spec) if layout_of(folder, spec) == "table" else _from_folders(folder, spec))
    if not spec.contempt:
        listed = [entry for entry in listed if entry.label < len(EMOTIONS)]
    if not listed:
        raise DataError(f"{folder} holds no faces")

    mine = threading.local()  # a detector serves one thread

    def face(entry: Entry) -> NDArray[Any] | ValueError:
        try:
            picture, _ = picture_of(entry.file)
        except ValueError as error:
            return error
        found = None
        if spec.framing == "detector":
            if not hasattr(mine, "detector"):
                mine.detector = finder()
            found = crop(picture, mine.detector)
        return framed(picture, spec.margin) if found is None else found

    with ThreadPoolExecutor(_READERS) as pool:
        found = list(told(pool.map(face, listed), f"reading {folder.name}", len(listed)))
    wrong = [one_line(f"  {entry.file}: {face}")
             for entry, face in zip(listed, found, strict=True) if isinstance(face, ValueError)]
    if wrong:
        more = [f"  and {len(wrong) - 5} more"] if len(wrong) > 5 else []
        raise DataError("\n".join([f"{folder}: {counted(len(wrong), 'unusable picture')}; mend, replace or remove them:",
                                   *wrong[:5], *more]))
    shares = np.zeros((len(listed), len(FERPLUS)), np.float32)
    for row, entry in zip(shares, listed, strict=True):
        row[list(entry.shares)] = list(entry.shares.values())
    images = np.stack([one for one in found if not isinstance(one, ValueError)])
    return FaceSet(images, np.array([e.label for e in listed], np.int64), shares,
                   np.array([e.part for e in listed], object), np.array([e.group for e in listed], object),
                   np.array([str(e.file) for e in listed], object))


def divided(faces: FaceSet, spec: SetSpec, seed: int) -> FaceSet:
    """The set with a validation part: its own, whole groups, or a share of each class, drawn by `seed`.

    Raises:
        DataError: there are not enough groups.
    """
    if (faces.parts == "validation").any():
        return faces
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(faces), bool)
    training = faces.parts == "training"
    # Where there is no label, what most raters said.
    labels = np.where((faces.labels == UNLABELLED) & faces.shares.any(axis=1), faces.shares.argmax(axis=1), faces.labels)
    if spec.groups_held_out:
        groups = np.unique(faces.groups[training].astype(str))
        if len(groups) <= spec.groups_held_out:
            raise DataError(f"{len(groups)} groups are too few to hold {spec.groups_held_out} of them out: give group_column "
                            "the column that says who a face is of")
        chosen = training & np.isin(faces.groups.astype(str), rng.permutation(groups)[: spec.groups_held_out])
    else:
        for label in np.unique(labels[training & (labels != UNLABELLED)]):
            rows = np.flatnonzero(training & (labels == label))
            chosen[rng.permutation(rows)[: round(len(rows) * spec.held_out)]] = True
    return dataclasses.replace(faces, parts=np.where(chosen, "validation", faces.parts))


def thinned(labels: NDArray[Any], spec: SetSpec, seed: int) -> NDArray[Any]:
    """(N,) mask of the training faces that the recipe's `share` and `cap` leave of each class."""
    keep = np.zeros(len(labels), bool)
    rng = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        count = round(len(rows) * spec.share)
        keep[rows[: min(count, spec.cap) if spec.cap else count]] = True
    return keep


class _Classes:
    """What a set's names of classes mean."""

    def __init__(self, spec: SetSpec):
        self._known = {name: index for name, index in CLASSES.items() if not name.isdigit()}
        for pair in filter(str.strip, spec.classes.split(",")):
            theirs, equals, ours = (part.strip().lower() for part in pair.partition("="))
            if not equals or ours not in self._known:
                raise DataError(f"classes: {pair.strip()!r} is not NAME=CLASS with one of {', '.join(FERPLUS)}")
            self._known[theirs] = self._known[ours]

    def __call__(self, name: str, where: str) -> int:
        """Index into `FERPLUS`, or `UNLABELLED`.

        Raises:
            DataError: nobody knows the name.
        """
        key = re.sub(r"^(\d+)\.0+$", r"\1", name.strip().lower())  # pandas writes 3.0 where a column once had a gap
        if key in self._known:
            return self._known[key]
        if key in ("", "unlabelled", "unlabeled", "unknown", "none"):
            return UNLABELLED
        # Published sets number the same classes differently: a guess would teach the wrong ones.
        advice = "say what the numbers mean in the recipe" if key.isdigit() else "give it another name in the recipe"
        raise DataError(f"{where}: {name!r} is not a class; known are {', '.join(FERPLUS)} and unlabelled. Or {advice}, as "
                        "classes: 1=surprise, 2=fear, ...")


def _from_folders(folder: Path, spec: SetSpec) -> Iterator[Entry]:
    classes = _Classes(spec)
    for part, path in parts_of(folder):
        for place in entries(path):
            if not place.is_dir():
                raise DataError(f"{place} lies beside the folders of the classes: move it into one of them, or away")
            label = classes(class_key(place) or place.name, str(place))
            yield from (Entry(file, label, part) for file in entries(place))


def _from_table(folder: Path, spec: SetSpec) -> Iterator[Entry]:
    path = folder / spec.table
    classes = _Classes(spec)
    there = columns(path, "strict")
    _look_for_columns(there, path, spec)
    shares = _rated(there, classes, spec, path)
    needed = [spec.file_column, *([spec.group_column] if spec.group_column else []), *shares]
    for line, row in rows(path, needed, (spec.label_column, spec.part_column), "strict"):
        where = f"{path}:{line}"
        part = row.get(spec.part_column, "").strip().lower() or "train"
        if part not in PARTS:
            raise DataError(f"{where}: {part!r} is not a part; known are {', '.join(PARTS)}")
        file, label = _file(row[spec.file_column], path.parent, folder), classes(row.get(spec.label_column, ""), where)
        yield Entry(file, label, PARTS[part],
                    row[spec.group_column] if spec.group_column else "",
                    {label: _share(row[column], where) for column, label in shares.items()})


def _file(name: str, *folders: Path) -> Path:
    """The file that a table names, in the first of the folders that has it, else where the first would have it.

    Tables that were made on Windows have backslashes in their paths, others blanks behind them.
    """
    plain = name.strip()
    for spelling in dict.fromkeys((name, plain, plain.replace("\\", "/"))):
        for folder in folders:
            if (folder / spelling).exists():
                return folder / spelling
    return folders[0] / name


def _look_for_columns(there: Sequence[str], path: Path, spec: SetSpec) -> None:
    """See to it that a column is there that a recipe names; those of the usual names may be missing.

    Raises:
        DataError: one is not.
    """
    usual = SetSpec()
    for field in ("label_column", "part_column"):
        name = getattr(spec, field)
        if name not in ("", getattr(usual, field)) and name.lower() not in map(str.lower, there):
            raise DataError(one_line(f"{path} has no column {name}, which the recipe names as {field}"
                                     f"{suggestion(name, there)}"))
    if spec.shares_prefix and not any(name.startswith(spec.shares_prefix) for name in there):
        raise DataError(one_line(f"{path} has no column that begins with {spec.shares_prefix}, the recipe's shares_prefix; "
                                 f"its first line has {', '.join(there)[:200]}"))


def _rated(names: Sequence[str], classes: _Classes, spec: SetSpec, path: Path) -> dict[str, int]:
    """The columns of a table with raters' shares, and the class of each; what raters could not tell is of no class.

    Raises:
        DataError: a column is of no known class, or two are of one.
    """
    if not spec.shares_prefix:
        return {}
    found = {name: classes(name[len(spec.shares_prefix):], str(path)) for name in names if name.startswith(spec.shares_prefix)}
    found = {name: label for name, label in found.items() if label != UNLABELLED}
    if len(set(found.values())) < len(found):
        raise DataError(f"{path}: two of the columns {', '.join(found)} are of one class: remove one, or name it otherwise")
    return found


def _share(text: str, where: str) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise DataError(f"{where}: the share {text!r} is not a number from 0 to 1")
    return value
