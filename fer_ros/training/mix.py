# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The sets of a recipe together: how many faces of each class, how they are framed, what they look like. Needs no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from fer_ros.perception.align import FRAME_SIDE
from fer_ros.system.files import check_outputs, filling
from fer_ros.training import plots, pool
from fer_ros.training.data import FERPLUS
from fer_ros.training.framing import finder, framing
from fer_ros.training.pool import NO_TRUTH, Pool
from fer_ros.training.progress import tell
from fer_ros.training.recipe import Recipe

CLASSES, EXAMPLES = "classes.png", "examples.png"
_SAMPLE = 300
"""Faces of a set that are looked at to tell how it is framed."""


def counts(faces: Pool) -> dict[str, NDArray[Any]]:
    """By set, (8,) faces of each of `FERPLUS`."""
    classes = pool.classes_of(faces)
    return {name: np.bincount(classes[(faces.origin == index) & (classes != NO_TRUTH)], minlength=len(FERPLUS))
            for index, name in enumerate(faces.sets)}


def show(folder: Path, recipe: Recipe, console: Console) -> None:
    """Print how many faces of each class and set are learnt from, and held out, and how each set is framed.

    Raises:
        DataError: a set is not there or not right.
    """
    found = pool.gather(folder, recipe)
    for what, faces in (("learnt from", found.training), ("chosen by", found.validation), ("reported on", found.report)):
        table = Table("set", "faces", *FERPLUS, title=f"{what}, {len(faces):,} faces", title_justify="left")
        for name, each in counts(faces).items():
            total = int((faces.origin == faces.sets.index(name)).sum())
            table.add_row(name, f"{total:,}", *(f"{count:,}" for count in each))
        console.print(table)
    for reason, count in found.left_out.items():
        if count:
            console.print(f"{count:,} faces {reason}: they are left out")
    console.print(f"framing, as the package's own detector sees {_SAMPLE} faces of each set; the node cuts a crop "
                  f"{FRAME_SIDE:.2f} times as wide as the face it finds:")
    for name, (share, side) in framings(found.training).items():
        console.print(f"    {name}: {side:.2f} times as wide as the face ({share:.0%} of the faces are found)")


def framings(faces: Pool, seed: int = 0) -> dict[str, tuple[float, float]]:
    """By set, the share of its faces that the detector finds, and the median of a picture's side, a found face being 1."""
    detector = finder()
    rng = np.random.default_rng(seed)
    told = {}
    for index, name in enumerate(faces.sets):
        tell(f"looking for the faces of {name}")
        rows = np.flatnonzero(faces.origin == index)
        sample = faces.images[rng.permutation(rows)[:_SAMPLE]]
        found = framing(sample, detector)
        if len(sample):
            told[name] = (len(found) / len(sample), float(np.median(found[:, 0])) if len(found) else float("nan"))
    return told


def draw(folder: Path, recipe: Recipe, out: Path, seed: int, force: bool = False) -> list[Path]:
    """Write classes.png, how frequent the classes of each set are, and examples.png, a face of each; their paths.

    Args:
        force: replace files that are there.

    Raises:
        DataError: a set is not there or not right.
        OutputError: a file is there, or cannot be written.
    """
    check_outputs([out / CLASSES, out / EXAMPLES], force=force, sources=[folder], parents=True)
    faces = pool.gather(folder, recipe).training
    rng = np.random.default_rng(seed)
    classes = pool.classes_of(faces)
    nobody = np.full(faces.images.shape[1:], 255, np.uint8)
    rows = []
    for index, name in enumerate(faces.sets):
        there = [np.flatnonzero((faces.origin == index) & (classes == label)) for label in range(len(FERPLUS))]
        rows.append((name, [faces.images[rng.choice(some)] if len(some) else nobody for some in there]))
    with filling(out, force) as scratch:
        plots.distributions(counts(faces), FERPLUS, scratch / CLASSES)
        plots.faces(rows, "A face of each class and set", scratch / EXAMPLES, FERPLUS)
    return [out / CLASSES, out / EXAMPLES]
