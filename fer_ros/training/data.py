# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""FER2013 and the FER+ votes as arrays, from the layouts in which people have them.

FER2013: I. Goodfellow et al., "Challenges in Representation Learning", ICONIP 2013.
FER+: E. Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", ICMI 2016.

A folder holds either a table, `fer2013.csv` (`emotion,pixels,Usage`), Kaggle's `icml_face_data.csv` (the same in another
order) or `train.csv` (`emotion,pixels`), and beside it, row by row, the votes `fer2013new.csv`; or the folders
`train/<class>/*`, `test/<class>/*` and perhaps `valid/<class>/*` (see `fer_ros.training.pictures` for other names). Folders
that an archive puts around them are looked into. What `load` gives is either's splits under one set of names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS
from fer_ros.training.pictures import CLASSES, FACE_SIZE, PARTS, class_key, entries, face_of, parts_of
from fer_ros.training.progress import told
from fer_ros.training.tables import DataError, columns, rows
from fer_ros.types import Comparable
from fer_ros.words import counted, one_line

FERPLUS = (*EMOTIONS, "contempt")
"""The eight expressions that FER+ asks for: our seven, in our order, and contempt."""
VOTES = (*FERPLUS, "unknown", "not a face")
"""What the ten people of FER+ could vote for, in the order of `Split.votes`."""

_VOTE_COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral", "contempt", "unknown", "NF")
_USAGES = {"Training": "training", "PublicTest": "validation", "PrivateTest": "test"}
_TABLES = ("fer2013.csv", "icml_face_data.csv", "train.csv")
"""The names under which FER2013 is published as a table; the first that is there counts."""
_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_DEEPEST = 3
"""Folders around the data that are looked into: an archive's own, one that it was unpacked in, ..."""


@dataclass(frozen=True, eq=False)
class Split(Comparable):
    """One split of the data; all arrays have one row for each face.

    Attributes:
        images: (N, 48, 48) uint8, grey.
        labels: (N,) int64, FER2013's label, index into `EMOTIONS`.
        votes: (N, 10) float32, how many people of FER+ voted for each of `VOTES`; all 0 where there are no votes.
        rows: (N,) what each face is called in its source: the line of fer2013.csv, or the path of a file.
    """

    images: NDArray[Any]
    labels: NDArray[Any]
    votes: NDArray[Any]
    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, keep: NDArray[Any]) -> Split:
        """The rows for which `keep` (a mask or indices) holds."""
        return Split(*(getattr(self, field.name)[keep] for field in dataclasses.fields(self)))

    @property
    def voted(self) -> bool:
        """Whether there are FER+ votes."""
        return bool(self.votes.any())


@dataclass(frozen=True)
class Unreadable:
    """A file or a row that is no face: `row` says which, `problem` why."""

    row: str
    problem: str


@dataclass(frozen=True)
class Dataset:
    """Everything that was found in a folder.

    Attributes:
        folder: where.
        layout: `fer2013.csv`, `fer2013.csv with FER+ votes`, `folders` or `folders named by FER2013's numbers, ...`.
        splits: by `training`, `validation` (FER2013's PublicTest) and `test` (PrivateTest, or the folder `test`).
        unreadable: what could not be read, by split.
        converted: what is a face, but was not stored as one (of another size, in colour), by split.
        ignored: what lies beside the data and was not read.
    """

    folder: Path
    layout: str
    splits: dict[str, Split]
    unreadable: dict[str, list[Unreadable]]
    converted: dict[str, list[Unreadable]] = dataclasses.field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    def only_faces(self) -> Dataset:
        """Itself, if everything could be read.

        Raises:
            DataError: something could not; the text names the first ones.
        """
        wrong = [one_line(f"  {entry.row}: {entry.problem}") for entries in self.unreadable.values() for entry in entries]
        if wrong:
            more = [f"  and {len(wrong) - 5} more: `fer-ros data info` lists them"] if len(wrong) > 5 else []
            raise DataError("\n".join([f"{self.folder}: {counted(len(wrong), 'unusable face')}; mend, replace or remove them:",
                                       *wrong[:5], *more]))
        for name, split in self.splits.items():
            missing = [EMOTIONS[c] for c in range(len(EMOTIONS)) if not (split.labels == c).any()]
            if missing:
                raise DataError(f"{self.folder}: the {name} split has no face of {', '.join(missing)}: download the data "
                                "set again, or add some")
        return self


def load(folder: Path) -> Dataset:
    """Read a folder in any of the layouts; what is not a face is listed and left out.

    Raises:
        DataError: the folder holds none of the layouts, or a file that is not what its name says.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder: name the one that FER2013 is in with --data")
    places = list(_places(folder, _DEEPEST))
    if len(places) > 1:
        raise DataError(f"{folder} holds several data sets, in {', '.join(map(str, places))}: name one of them with --data")
    if places:
        table = _table(places[0])
        return _load_csv(table) if table else _load_folders(places[0])
    if packed := next((path for path in entries(folder) if path.suffix.lower() in _ARCHIVES), None):
        raise DataError(f"{folder} holds {packed.name}, still packed: unpack it there")
    if any(parts_of(folder)):
        return _load_folders(folder)  # which says what is wrong with them
    if classes := _classes_in(folder):
        raise DataError(f"{folder} holds the classes {', '.join(classes)} themselves: move them into {folder / 'train'}, and "
                        "some faces of each into the same folders below test")
    raise DataError(
        f"{folder} holds neither {' nor '.join(_TABLES)} nor the folders train/<class> and test/<class>: download FER2013 "
        "(kaggle.com: 'fer2013' or 'challenges-in-representation-learning-facial-expression-recognition-challenge') "
        "and name its folder with --data"
    )


def _places(folder: Path, depth: int) -> Iterator[Path]:
    """The folders with data: a folder itself, or else those in it."""
    try:
        if _table(folder) or any(_classes_in(part) for _, part in parts_of(folder)):
            yield folder
        elif depth:
            for path in entries(folder):
                if path.is_dir() and class_key(path) not in CLASSES:
                    yield from _places(path, depth - 1)
    except PermissionError:  # a folder of somebody else's that happens to lie there
        return


def _table(folder: Path) -> Path | None:
    """FER2013 as a table, if a folder holds it, whatever the case of its name."""
    files = {path.name.lower(): path for path in entries(folder) if path.suffix.lower() == ".csv" and path.is_file()}
    return next((files[name] for name in _TABLES if name in files), None)


def _classes_in(folder: Path) -> list[str]:
    """The folders in a folder that are named as a class."""
    return [path.name for path in entries(folder) if class_key(path) in CLASSES and path.is_dir()]


def training_and_validation(data: Dataset, share: float = 0.125, seed: int = 0) -> tuple[Split, Split]:
    """The faces to learn from and those to choose by.

    The data's own validation split (PublicTest) where it has one, otherwise `share` of the training split, drawn from
    each class alike. Copies of one image stay on one side.

    Raises:
        DataError: there is no training split, or a class is too small to be divided.
    """
    if "training" not in data.splits:
        raise DataError(f"{data.folder} has no training faces: they lie in the folder train, or their Usage in fer2013.csv is "
                        "'Training'")
    training = data.splits["training"]
    if "validation" in data.splits:
        return training, data.splits["validation"]
    chosen = stratified(training, share, seed)
    return training.take(~chosen), training.take(chosen)


def stratified(split: Split, share: float, seed: int) -> NDArray[Any]:
    """(N,) mask of about `share` of each class's faces; copies of one image are all in or all out.

    Raises:
        DataError: a class has fewer than two different faces.
    """
    chosen = np.zeros(len(split), bool)
    copies = np.array([hash_of(image) for image in split.images])
    rng = np.random.default_rng(seed)
    taken: set[bytes] = set()
    left: set[bytes] = set()
    for label in np.unique(split.labels):
        rows = np.flatnonzero(split.labels == label)
        different = np.unique(copies[rows])
        if len(different) < 2:
            raise DataError(f"class {EMOTIONS[label]} has {len(different)} different face: too few for a validation split")
        # An image that another class has too was decided there.
        new = [name for name in different if name not in taken and name not in left]
        picked = rng.permutation(len(new))[: max(1, round(len(different) * share))]
        taken.update(new[i] for i in picked)
        left.update(name for name in new if name not in taken)
        chosen[rows] = [name in taken for name in copies[rows]]
    return chosen


def hash_of(image: NDArray[Any]) -> bytes:
    """A face's content, to find its copies."""
    return image.tobytes()


class HasImages(Protocol):
    """A `Split`, or something else that holds faces."""

    @property
    def images(self) -> NDArray[Any]:
        """(N, S, S) uint8, grey."""


def copied_from(split: HasImages, other: HasImages) -> NDArray[Any]:
    """(N,) mask of the faces that are exact copies of a face in `other`."""
    there = {hash_of(image) for image in other.images}
    return np.array([hash_of(image) in there for image in split.images], bool)


def constant(split: Split) -> NDArray[Any]:
    """(N,) mask of the faces whose pixels are all the same."""
    flat = split.images.reshape(len(split), -1)
    same: NDArray[Any] = flat.min(axis=1) == flat.max(axis=1)
    return same


def not_a_face(split: Split) -> NDArray[Any]:
    """(N,) mask of the faces that more people voted "not a face" than any one expression."""
    none: NDArray[Any] = split.votes[:, VOTES.index("not a face")] > split.votes[:, : len(FERPLUS)].max(axis=1)
    return none


def worth_learning(training: Split, held_out: Sequence[Split]) -> NDArray[Any]:
    """(N,) mask of the training faces to learn from: a face, not constant, and not a copy of a held-out image."""
    bad: NDArray[Any] = constant(training) | not_a_face(training)
    for split in held_out:
        bad |= copied_from(training, split)
    good: NDArray[Any] = ~bad
    return good


def vote_shares(split: Split) -> tuple[NDArray[Any], NDArray[Any]]:
    """The votes as distributions over `FERPLUS`.

    Returns:
        (N, 8) float32 that sum to 1 (uniform without a vote), and (N,) float32, the share of all votes that went to one
        of the eight: how much the row says.
    """
    expressions = split.votes[:, : len(FERPLUS)]
    voted, everything = expressions.sum(axis=1), split.votes.sum(axis=1)
    shares = np.where(voted[:, None] > 0, expressions / np.maximum(voted, 1)[:, None], 1 / len(FERPLUS))
    return shares.astype(np.float32), (voted / np.maximum(everything, 1)).astype(np.float32)


def most_voted(split: Split, classes: int = len(FERPLUS)) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows whose most voted entry is one of the first `classes` of `FERPLUS`, and that entry for each.

    The first of several with equally many votes counts, in the order of `VOTES`.
    """
    winner = split.votes.argmax(axis=1)
    rows = np.flatnonzero((winner < classes) & (split.votes.sum(axis=1) > 0))
    return rows, winner[rows]


def validation_faces(folder: Path, count: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """PublicTest faces drawn by chance, always the same ones, and what most people see in them (FER+).

    Returns:
        (N, 48, 48) uint8, and (N,) indices of `EMOTIONS`; N is `count`, or fewer where there are no more.

    Raises:
        ValueError: there are none with votes.
    """
    split = load(folder).splits.get("validation")
    if split is None or not split.voted:
        raise ValueError(f"{folder} has no PublicTest faces with FER+ votes (fer2013new.csv)")
    rows, truth = most_voted(split, len(EMOTIONS))
    chosen = np.random.default_rng(0).permutation(len(rows))[:count]
    return split.images[rows[chosen]], truth[chosen]


def clear_majority(split: Split, classes: int = len(FERPLUS)) -> tuple[NDArray[Any], NDArray[Any]]:
    """Like `most_voted`, for the rows on which people agree: FER+'s own protocol.

    Single votes count as slips of the hand and go; an entry then needs more than half of the rest (the mode `majority`
    of FER+'s published code, github.com/microsoft/FERPlus).
    """
    votes = np.where(split.votes > 1, split.votes, 0)
    winner = votes.argmax(axis=1)
    rows = np.flatnonzero((votes.max(axis=1) > votes.sum(axis=1) / 2) & (winner < classes))
    return rows, winner[rows]


def _load_csv(path: Path) -> Dataset:
    folder = path.parent
    # Kaggle's train.csv is the training split alone.
    whole = path.name.lower() != "train.csv" or "usage" in map(str.lower, columns(path))
    votes = _votes(folder / "fer2013new.csv")
    if votes is not None and not whole:
        votes = [vote for vote in votes if _part(vote[0]) == "training"]
    found: dict[str, list[tuple[NDArray[Any], int, NDArray[Any], str]]] = {}
    unreadable: dict[str, list[Unreadable]] = {}
    count = 0
    for line, row in told(rows(path, ("emotion", "pixels", *(["Usage"] if whole else []))), f"reading {path.name}"):
        where, usage = f"{path}:{line}", row["Usage"].strip() if whole else "Training"
        name = _part(usage)
        theirs, vote = votes[count] if votes is not None and count < len(votes) else (usage, np.zeros(len(VOTES), np.float32))
        count += 1
        if name is None:
            unreadable.setdefault("training", []).append(
                Unreadable(where, f"Usage is {usage[:40]!r}, not one of {', '.join(_USAGES)} (a truncated file ends so)")
            )
            continue
        if _part(theirs) != name:
            raise DataError(f"{where} is of {usage}, row {count} of fer2013new.csv of {theirs[:40]!r}: the two files do not "
                            "line up; take both from their original downloads")
        try:
            face, label = _face(row["emotion"], row["pixels"])
        except ValueError as error:
            unreadable.setdefault(name, []).append(Unreadable(where, str(error)))
            continue
        found.setdefault(name, []).append((face, label, vote, where))
    if not found:
        raise DataError(f"{path} has no usable rows: download it again{_first(unreadable)}")
    if votes is not None and len(votes) != count:
        raise DataError(f"{folder / 'fer2013new.csv'} has {len(votes)} rows, {path.name} has {count}: one of them is "
                        "truncated, or they do not line up; take both from their original downloads")
    splits = {name: _split(found[name]) for name in _USAGES.values() if name in found}
    layout = path.name if votes is None else f"{path.name} with FER+ votes"
    beside = tuple(p.name for p in entries(folder) if (p.suffix.lower() == ".csv" or p.is_dir())
                   and p.name not in (path.name, "fer2013new.csv"))
    return Dataset(folder, layout, splits, unreadable, ignored=beside)


def _part(usage: str) -> str | None:
    """The split that a `Usage` means, in FER2013's words or in those of folders; None of another text."""
    return _USAGES.get(usage) or PARTS.get(usage.lower())


def _first(unreadable: dict[str, list[Unreadable]]) -> str:
    """Why nothing could be read, by the first example."""
    several = [entry for found in unreadable.values() for entry in found]
    return one_line(f" ({several[0].row}: {several[0].problem})") if several else ""


def _face(label: str, pixels: str) -> tuple[NDArray[Any], int]:
    try:
        index = float(label)  # pandas writes 3.0 where a column once had a gap
    except ValueError:
        raise ValueError(f"emotion is {label[:60]!r}, not a number from 0 to 6") from None
    if index not in range(len(EMOTIONS)):
        raise ValueError(f"emotion is {index:g}, not a number from 0 to 6")
    try:
        face = np.array(pixels.split(), dtype=np.int64)
    except (ValueError, OverflowError):
        raise ValueError("a pixel is not a whole number") from None
    if face.size != FACE_SIZE**2:
        raise ValueError(f"{face.size} pixels, not {FACE_SIZE}x{FACE_SIZE} = {FACE_SIZE**2}")
    if face.min() < 0 or face.max() > 255:
        raise ValueError("a pixel is not in 0..255")
    return face.astype(np.uint8).reshape(FACE_SIZE, FACE_SIZE), int(index)


def _votes(path: Path) -> list[tuple[str, NDArray[Any]]] | None:
    """(Usage, votes) of each row; None without the file."""
    if not path.is_file():
        return None
    found = []
    for line, row in rows(path, ("Usage", *_VOTE_COLUMNS)):
        try:
            vote = np.array([float(row[column]) for column in _VOTE_COLUMNS], np.float32)
        except ValueError:
            raise DataError(f"{path}:{line}: a vote is not a number; download the file again") from None
        if not np.isfinite(vote).all() or vote.min() < 0:
            raise DataError(f"{path}:{line}: a vote is not a number of people; download the file again")
        found.append((row["Usage"].strip(), vote))
    return found


def _load_folders(folder: Path) -> Dataset:
    splits: dict[str, Split] = {}
    unreadable: dict[str, list[Unreadable]] = {}
    converted: dict[str, list[Unreadable]] = {}
    places = list(parts_of(folder))
    known = {place for _, place in places}
    ignored = [path.name for path in entries(folder) if path.is_dir() and path not in known]
    numbered = False
    for name, place in places:
        if name in splits:
            raise DataError(f"{folder} holds two folders of {name} faces, {place.name} one of them: move one away")
        classes = {path: CLASSES.get(class_key(path), len(FERPLUS)) for path in entries(place) if path.is_dir()}
        ignored += [f"{place.name}/{path.name}" for path in entries(place) if not path.is_dir()]
        strange = [path.name for path, index in classes.items() if index >= len(EMOTIONS)]
        if strange:
            raise DataError(f"{place}: {', '.join(strange)} is no class: its folders are {', '.join(EMOTIONS)}")
        for index, emotion in enumerate(EMOTIONS):
            same = [path.name for path, one in classes.items() if one == index]
            if len(same) > 1:
                raise DataError(f"{place}: the folders {', '.join(same)} all mean {emotion}: move their faces into one")
        numbered |= any(class_key(path).isdigit() for path in classes)
        missing = [emotion for i, emotion in enumerate(EMOTIONS) if i not in classes.values()]
        if missing:
            raise DataError(f"{place} has no folder {', '.join(missing)}: every class needs one, in every split; download "
                            "the data set again")
        found: list[tuple[NDArray[Any], int, NDArray[Any], str]] = []
        for path, index in classes.items():
            for file in told(entries(path), f"reading {place.name}/{path.name}"):
                try:
                    face, changed = face_of(file)
                except ValueError as error:
                    unreadable.setdefault(name, []).append(Unreadable(str(file), str(error)))
                    continue
                found.append((face, index, np.zeros(len(VOTES), np.float32), str(file)))
                if changed:
                    converted.setdefault(name, []).append(Unreadable(str(file), changed))
        if not found:
            raise DataError(f"{place} holds no readable face: download the data set again{_first(unreadable)}")
        splits[name] = _split(found)
    ordered = {name: splits[name] for name in _USAGES.values() if name in splits}
    # Other sets number the same classes differently.
    numbers = ", ".join(f"{number} {emotion}" for number, emotion in enumerate(EMOTIONS))
    layout = f"folders named by FER2013's numbers, {numbers}" if numbered else "folders"
    return Dataset(folder, layout, ordered, unreadable, converted, tuple(ignored))


def _split(found: list[tuple[NDArray[Any], int, NDArray[Any], str]]) -> Split:
    images, labels, votes, rows = zip(*found, strict=True)
    return Split(np.stack(images), np.array(labels, np.int64), np.stack(votes), np.array(rows, object))
