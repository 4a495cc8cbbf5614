# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The faces of a run, of one set or of several, with what each labelling convention says of them.

Each convention (FER+'s voters, FER2013's search words, another set's annotators) is a head of the network. A face has a target
for the heads of its own set alone. Where there are several conventions a further head, `answer`, learns one answer for
faces of any origin from all of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS
from fer_ros.training import data, sets
from fer_ros.training.data import FERPLUS, Split
from fer_ros.training.duplicates import look_alikes
from fer_ros.training.recipe import ANSWER, FER2013_SET, Recipe
from fer_ros.training.sets import FaceSet, SetSpec
from fer_ros.training.tables import DataError
from fer_ros.types import Comparable

NO_TRUTH = -1
CLEAR = "ferplus, clear"
"""Among `Pool.truth`: what most of FER+'s voters say where they agree."""


@dataclass(frozen=True, eq=False)
class Pool(Comparable):
    """Faces of one or more sets; all arrays have one row for each face.

    Attributes:
        images: (N, 48, 48) uint8, grey.
        origin: (N,) int64, index into `sets`.
        sets: the names of the sets.
        targets: by head, (N, C) float32, the distribution that the head should give; rows sum to 1 (or to 0 without one).
        says: by head, (N,) float32, from 0 to 1, how much a row's target says; 0 without one.
        truth: by head, and `CLEAR`, (N,) int64, the class that a head is checked by; `NO_TRUTH` without one.
        rows: (N,) what each face is called in its source.
    """

    images: NDArray[Any]
    origin: NDArray[Any]
    sets: tuple[str, ...]
    targets: Mapping[str, NDArray[Any]]
    says: Mapping[str, NDArray[Any]]
    truth: Mapping[str, NDArray[Any]]
    rows: NDArray[Any]

    def __len__(self) -> int:
        return len(self.images)

    def take(self, keep: NDArray[Any]) -> Pool:
        """The rows for which `keep` (a mask or indices) holds."""
        def of(values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            return {head: array[keep] for head, array in values.items()}

        return Pool(self.images[keep], self.origin[keep], self.sets, of(self.targets), of(self.says), of(self.truth),
                    self.rows[keep])

    @property
    def digest(self) -> str:
        """SHA-256 of every face and everything that is said of it."""
        digest = hashlib.sha256()
        for array in (self.images, self.origin, *self.targets.values(), *self.says.values(), *self.truth.values()):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Sources:
    """What a run learns from and chooses by.

    Attributes:
        report: of several sets, the half of the held-out faces that nothing is chosen by; of FER2013 alone, `validation`.
        layout: in words, how the data came.
        left_out: in words, what was left out and how many faces, by reason.
    """

    training: Pool
    validation: Pool
    report: Pool
    layout: str
    left_out: Mapping[str, int]


def gather(folder: Path, recipe: Recipe, fraction: float = 1.0) -> Sources:
    """Everything that a recipe names, below a folder.

    Raises:
        DataError: a set is not there or not right, or the data lacks what the recipe learns from.
    """
    if not recipe.sets:
        return _only_fer2013(folder, recipe, fraction)
    parts: dict[str, list[Pool]] = {"training": [], "validation": [], "test": []}
    layouts = []
    names = tuple(recipe.sets)
    for index, (name, spec) in enumerate(recipe.sets.items()):
        place = folder / (spec.path or name)
        # FER2013 has more layouts than other sets: whether one of them is there, says whoever reads it.
        layout = "fer2013" if name == FER2013_SET and spec.layout == "auto" else sets.layout_of(place, spec)
        layouts.append(f"{name} ({layout})")
        if (layout == "fer2013") != (name == FER2013_SET):
            raise DataError(f"{place} has layout {layout}: FER2013 and only FER2013 is called {FER2013_SET} in a recipe")
        found = _fer2013_parts(place, recipe, spec) if layout == "fer2013" else _set_parts(place, name, recipe, spec)
        for part, pool in found.items():
            parts[part].append(dataclasses.replace(pool, origin=np.full(len(pool), index, np.int64), sets=names))
    for part, pools in parts.items():
        if part == "training" and not pools:
            raise DataError(f"{folder}: the recipe's sets have no training faces: they lie in a set's folder train, or its "
                            "table says train of them")
        if part == "validation" and not pools:
            raise DataError(f"{folder}: the recipe's sets have no validation faces with a label: of a set without a part of "
                            "its own `held_out` says what share validates, and `label_column` where a table's labels are")
    training, validation = (joined(parts[part], recipe) for part in ("training", "validation"))
    left_out = {}
    if recipe.clean:
        held_out = [pool.images for part in ("validation", "test") for pool in parts[part]]
        seen, twice = look_alikes(training.images, np.concatenate(held_out))
        left_out = {"look like a held-out face": int(seen.sum()),
                    "look like another training face": int((twice & ~seen).sum())}
        training = training.take(~(seen | twice))
    if fraction < 1:
        training = training.take(_share_of(training, fraction))
    choosing = half_of(validation, recipe.split_seed)
    return Sources(training, validation.take(choosing), validation.take(~choosing), ", ".join(layouts), left_out)


def classes_of(pool: Pool) -> NDArray[Any]:
    """(N,) index into `FERPLUS`: what each face's own set says it shows; `NO_TRUTH` without a word."""
    classes: NDArray[Any] = np.full(len(pool), NO_TRUTH, np.int64)
    for truth in pool.truth.values():
        classes = np.where(classes == NO_TRUTH, truth, classes)
    return classes


def half_of(pool: Pool, seed: int) -> NDArray[Any]:
    """(N,) mask of half of the faces, drawn from each class of each set alike."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(pool), bool)
    classes = classes_of(pool)
    for index in range(len(pool.sets)):
        for label in np.unique(classes):
            rows = np.flatnonzero((pool.origin == index) & (classes == label))
            chosen[rng.permutation(rows)[: (len(rows) + 1) // 2]] = True
    return chosen


def joined(pools: list[Pool], recipe: Recipe) -> Pool:
    """Several pools as one, with the targets of `answer` where there are several conventions."""
    heads = {head: classes for head, classes in recipe.heads.items() if head != ANSWER}

    def together(field: str, head: str, empty: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([getattr(pool, field).get(head, np.broadcast_to(empty, (len(pool), *empty.shape)))
                               for pool in pools])

    targets = {head: together("targets", head, np.zeros(len(classes), np.float32)) for head, classes in heads.items()}
    says = {head: together("says", head, np.zeros((), np.float32)) for head in heads}
    checked = dict.fromkeys([*heads, *(head for pool in pools for head in pool.truth)])
    truth = {head: together("truth", head, np.full((), NO_TRUTH, np.int64)) for head in checked}
    images, origin, rows = (np.concatenate([getattr(pool, field) for pool in pools]) for field in ("images", "origin", "rows"))
    whole = Pool(images, origin, pools[0].sets, targets, says, truth, rows)
    return with_answer(whole, recipe) if ANSWER in recipe.heads else whole


def with_answer(pool: Pool, recipe: Recipe) -> Pool:
    """The pool with what the head `answer` learns: what each face's own set says of the seven emotions.

    FER2013's faces answer by their FER+ votes, where there are any, and are checked by their clear majority. Faces of other
    sets that share one of its heads answer by what that says. What was said to be contempt says that much less.
    """
    from_fer2013 = np.array([name == FER2013_SET for name in pool.sets])[pool.origin]
    count = len(EMOTIONS)
    targets = np.zeros((len(pool), count), np.float32)
    says = np.zeros(len(pool), np.float32)
    truth = np.full(len(pool), NO_TRUTH, np.int64)
    for head in recipe.heads:
        if head == ANSWER:
            continue
        seven = pool.targets[head][:, :count]
        rest = seven.sum(axis=1)
        rows = rest * pool.says[head] > 0
        checked = pool.truth[head]
        if head == "ferplus" and CLEAR in pool.truth:
            checked = np.where(from_fer2013, pool.truth[CLEAR], checked)
        if head == "fer2013" and recipe.votes:  # its own labels do not answer where FER+'s voters were asked
            rows &= ~from_fer2013
            checked = np.where(from_fer2013, NO_TRUTH, checked)
        targets[rows] = seven[rows] / rest[rows, None]
        says[rows] = (rest * pool.says[head])[rows]
        known = (checked != NO_TRUTH) & (checked < count)
        truth[known] = checked[known]

    def also(values: Mapping[str, NDArray[Any]], mine: NDArray[Any]) -> dict[str, NDArray[Any]]:
        return {ANSWER: mine, **{head: array for head, array in values.items() if head != ANSWER}}

    return dataclasses.replace(pool, targets=also(pool.targets, targets), says=also(pool.says, says),
                               truth=also(pool.truth, truth))


def of_fer2013(split: Split, recipe: Recipe) -> Pool:
    """FER2013's faces with its label and the FER+ votes, as far as the recipe learns from them."""
    targets: dict[str, NDArray[Any]] = {}
    says: dict[str, NDArray[Any]] = {}
    truth: dict[str, NDArray[Any]] = {}
    if recipe.votes:
        targets["ferplus"], says["ferplus"] = data.vote_shares(split)
        for name, rule in ((CLEAR, data.clear_majority), ("ferplus", data.most_voted)):
            rows, classes = rule(split)
            truth[name] = np.full(len(split), NO_TRUTH, np.int64)
            truth[name][rows] = classes
    if recipe.targets != "ferplus":
        targets["fer2013"] = np.eye(len(EMOTIONS), dtype=np.float32)[split.labels]
        says["fer2013"] = np.ones(len(split), np.float32)
        truth["fer2013"] = split.labels
    return Pool(split.images, np.zeros(len(split), np.int64), (FER2013_SET,), targets, says, truth, split.rows)


def _only_fer2013(folder: Path, recipe: Recipe, fraction: float) -> Sources:
    found = data.load(folder).only_faces()
    training, validation = data.training_and_validation(found, recipe.validation_share)
    count = len(training)
    if recipe.clean:
        held_out = [validation, *([found.splits["test"]] if "test" in found.splits else [])]
        training = training.take(data.worth_learning(training, held_out))
    left_out = {"are constant, not a face or copies of a held-out face": count - len(training)}
    if fraction < 1:
        training = training.take(data.stratified(training, fraction, seed=0))
    for split in (training, validation):
        if "ferplus" in recipe.heads and len(split) and not len(data.most_voted(split)[0]):
            raise DataError("the recipe learns from FER+ votes and the data has none: put FER+'s fer2013new.csv beside "
                            "fer2013.csv, or learn from FER2013's labels alone with --set targets=fer2013")
    checked = of_fer2013(validation, recipe)
    return Sources(of_fer2013(training, recipe), checked, checked, found.layout, left_out)


def _fer2013_parts(folder: Path, recipe: Recipe, spec: SetSpec) -> dict[str, Pool]:
    found = data.load(folder).only_faces()
    training, validation = data.training_and_validation(found, recipe.validation_share)
    if recipe.clean:
        training = training.take(data.worth_learning(training, [validation]))
    training = training.take(sets.thinned(training.labels, spec, recipe.seed))
    parts = {"training": training, "validation": validation}
    if "test" in found.splits:
        parts["test"] = found.splits["test"]
    return {part: of_fer2013(split, recipe) for part, split in parts.items()}


def _set_parts(folder: Path, name: str, recipe: Recipe, spec: SetSpec) -> dict[str, Pool]:
    faces = sets.divided(sets.load(folder, spec), spec, recipe.split_seed)
    parts = {}
    for part in ("training", "validation", "test"):
        mine = faces.take(faces.parts == part)
        if part == "training":
            mine = mine.take(sets.thinned(mine.labels, spec, recipe.seed))
        if len(mine):
            parts[part] = _labelled(mine, spec.head or name, recipe)
    return parts


def _labelled(faces: FaceSet, head: str, recipe: Recipe) -> Pool:
    """The faces with what their set says: half its label, half its raters' shares, where there are both.

    A class that the raters could not choose stands by its label alone. Of a set that counts nothing, and whose convention has
    no head therefore, the faces can only be measured on, or learnt from by what teachers answer.
    """
    classes = len(recipe.heads.get(head, FERPLUS))
    known = faces.labels != sets.UNLABELLED
    targets = np.zeros((len(faces), classes), np.float32)
    targets[np.flatnonzero(known), faces.labels[known]] = 1
    rated = faces.shares[:, :classes]
    total = rated.sum(axis=1)
    could_say = cast(NDArray[Any], (rated > 0).any(axis=0))
    rows = (total > 0) & (~known | could_say[np.minimum(faces.labels, classes - 1)])
    said = rated[rows] / total[rows, None]
    targets[rows] = np.where(known[rows, None], (targets[rows] + said) / 2, said)
    says = (known | rows).astype(np.float32)
    truth = np.where(known, faces.labels, np.where(rows, rated.argmax(axis=1), NO_TRUTH)).astype(np.int64)
    return Pool(faces.images, np.zeros(len(faces), np.int64), (), {head: targets}, {head: says}, {head: truth}, faces.rows)


def _share_of(pool: Pool, fraction: float) -> NDArray[Any]:
    """Indices of a share of each set's faces."""
    rng = np.random.default_rng(0)
    return np.sort(np.concatenate([
        rng.permutation(rows)[: max(2, round(len(rows) * fraction))]
        for rows in (np.flatnonzero(pool.origin == index) for index in range(len(pool.sets)))
    ]))


def truth_of(pool: Pool, head: str, classes: int = len(FERPLUS)) -> tuple[NDArray[Any], NDArray[Any]]:
    """What a head is checked by: the rows with a right class among the first `classes`, and that class for each."""
    truth = pool.truth[head]
    rows = np.flatnonzero((truth != NO_TRUTH) & (truth < classes))
    return rows, truth[rows]
