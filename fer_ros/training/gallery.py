# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A data set as pictures: its classes, an example of each, and what the augmentation makes of a face."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS
from fer_ros.system.files import check_outputs, filling
from fer_ros.training import data, plots
from fer_ros.training.augment import augment
from fer_ros.training.survey import counts


def draw(folder: Path, out: Path, seed: int, force: bool = False) -> list[Path]:
    """Write classes.png, examples.png and augmented.png; their paths.

    Args:
        force: replace files that are there.

    Raises:
        DataError: the folder holds no data set, or a class has no face.
        OutputError: a file is there, or cannot be written.
    """
    names = ("classes.png", "examples.png", "augmented.png")
    check_outputs([out / name for name in names], force=force, sources=[folder], parents=True)
    with filling(out, force) as scratch:
        _draw(folder, [scratch / name for name in names], seed)
    return [out / name for name in names]


def _draw(folder: Path, paths: list[Path], seed: int) -> None:
    found = data.load(folder).only_faces()
    training = next(iter(found.splits.values()))
    rng = np.random.default_rng(seed)
    plots.distributions({name: counts(split) for name, split in found.splits.items()}, EMOTIONS, paths[0])
    chosen = [rng.choice(np.flatnonzero(training.labels == c)) for c in range(len(EMOTIONS))]
    examples = [(EMOTIONS[c], [training.images[row], *_others(training, c, rng)]) for c, row in enumerate(chosen)]
    plots.faces(examples, "Examples of each class", paths[1])
    originals = torch.from_numpy(training.images[chosen]).unsqueeze(1).float() / 255
    generator = torch.Generator().manual_seed(seed)
    versions = [augment(originals, generator) for _ in range(9)]
    rows = [(EMOTIONS[c], [training.images[row], *((v[c, 0] * 255).byte().numpy() for v in versions)])
            for c, row in enumerate(chosen)]
    plots.faces(rows, "A face of each class, then nine times as training sees it", paths[2])


def _others(split: data.Split, label: int, rng: np.random.Generator, count: int = 9) -> list[NDArray[Any]]:
    rows = np.flatnonzero(split.labels == label)
    return list(split.images[rng.choice(rows, min(count, len(rows)), replace=False)])
