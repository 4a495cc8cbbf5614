"""A data set as pictures: its classes, an example of each, and what the augmentation makes of a face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from fer_ros.core.labels import EMOTIONS
from fer_ros.training import data, plots
from fer_ros.training.augment import augment
from fer_ros.training.survey import counts


def draw(folder: Path, out: Path, seed: int) -> list[Path]:
    """Write classes.png, examples.png and augmented.png; their paths.

    Raises:
        DataError: the folder holds no data set, or a class has no face.
    """
    found = data.load(folder).only_faces()
    training = next(iter(found.splits.values()))
    rng = np.random.default_rng(seed)
    paths = [out / name for name in ("classes.png", "examples.png", "augmented.png")]
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
    return paths


def _others(split: data.Split, label: int, rng: np.random.Generator, count: int = 9) -> list[np.ndarray]:
    rows = np.flatnonzero(split.labels == label)
    return list(split.images[rng.choice(rows, min(count, len(rows)), replace=False)])
