"""FER2013 (`fer2013.csv`) with the FER+ votes (`fer2013new.csv`) as arrays.

FER2013: I. Goodfellow et al., "Challenges in Representation Learning", ICONIP 2013.
FER+: E. Barsoum et al., "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
Distribution", ICMI 2016.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_ros.core.labels import EMOTIONS

FACE_SIZE = 48
# The FER+ vote columns of our seven emotions, in our order; contempt, unknown and NF ("not a face") follow.
_VOTE_COLUMNS = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
_OTHER_COLUMNS = ("contempt", "unknown", "NF")


@dataclass(frozen=True)
class Split:
    """One split of the data.

    Attributes:
        images: (N, 48, 48) uint8, grey.
        labels: (N,) int64, FER2013's label, index into `EMOTIONS`.
        votes: (N, 7) float32, the FER+ votes of the seven emotions; all 0 without `fer2013new.csv`.
        other_votes: (N, 3) float32, the votes for contempt, unknown and not-a-face.
    """

    images: np.ndarray
    labels: np.ndarray
    votes: np.ndarray
    other_votes: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, keep: np.ndarray) -> Split:
        """The rows for which `keep` (a mask or indices) holds."""
        return Split(self.images[keep], self.labels[keep], self.votes[keep], self.other_votes[keep])


def load_fer2013(folder: Path) -> dict[str, Split]:
    """Read `fer2013.csv` and, where it is there, `fer2013new.csv` from a folder.

    Returns:
        The splits by FER2013's own names: `Training`, `PublicTest` and, if the file holds it, `PrivateTest`.

    Raises:
        FileNotFoundError: `fer2013.csv` is not in `folder`.
        ValueError: a row is malformed, or the two files do not have the same rows.
    """
    path = folder / "fer2013.csv"
    if not path.is_file():
        raise FileNotFoundError(f"{path} not found: download FER2013 (fer2013.csv) and name its folder with --data")
    usages, labels, images = [], [], []
    with open(path, newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                face = np.array(row["pixels"].split(), dtype=np.int64)
                label = int(row["emotion"])
                usage = row["Usage"]
            except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise ValueError(f"{path}:{line}: not a row of emotion,pixels,Usage ({error})") from error
            if face.size != FACE_SIZE**2 or not 0 <= label < len(EMOTIONS):
                raise ValueError(f"{path}:{line}: {face.size} pixels with label {label}; expected 2304 and 0..6")
            if face.min() < 0 or face.max() > 255:
                raise ValueError(f"{path}:{line}: not a row of emotion,pixels,Usage (a pixel is not in 0..255)")
            usages.append(usage)
            labels.append(label)
            images.append(face.astype(np.uint8))
    if not images:
        raise ValueError(f"{path} has no rows: download it again")
    votes, others = _load_votes(folder / "fer2013new.csv", usages)
    everything = Split(np.stack(images).reshape(-1, FACE_SIZE, FACE_SIZE), np.array(labels), votes, others)
    names = np.array(usages)
    return {name: everything.take(names == name) for name in dict.fromkeys(usages)}


def _load_votes(path: Path, usages: list[str]) -> tuple[np.ndarray, np.ndarray]:
    votes = np.zeros((len(usages), len(_VOTE_COLUMNS)), np.float32)
    others = np.zeros((len(usages), len(_OTHER_COLUMNS)), np.float32)
    if not path.is_file():
        return votes, others
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if [row.get("Usage") for row in rows] != usages:
        raise ValueError(f"{path} has {len(rows)} rows that do not line up with the {len(usages)} of fer2013.csv")
    try:
        for i, row in enumerate(rows):
            votes[i] = [float(row[c]) for c in _VOTE_COLUMNS]
            others[i] = [float(row[c]) for c in _OTHER_COLUMNS]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: row {i + 2} lacks a vote column ({error})") from error
    return votes, others


def clean_training_rows(train: Split, held_out: Split) -> Split:
    """Training rows worth learning from: a face, not constant, and not a copy of a held-out image."""
    held = {image.tobytes() for image in held_out.images}
    copy = np.array([image.tobytes() in held for image in train.images])
    constant = train.images.reshape(len(train), -1).std(axis=1) == 0
    not_a_face = train.other_votes[:, 2] > train.votes.max(axis=1)
    return train.take(~(copy | constant | not_a_face))


def soft_targets(split: Split, label_weight: float) -> np.ndarray:
    """(N, 7) float32 target distributions: `label_weight` of FER2013's label, the rest of the FER+ votes.

    A row without a vote for any of the seven emotions keeps its label alone.
    """
    hard = np.eye(len(EMOTIONS), dtype=np.float32)[split.labels]
    total = split.votes.sum(axis=1, keepdims=True)
    soft = np.where(total > 0, split.votes / np.maximum(total, 1), hard)
    return label_weight * hard + (1 - label_weight) * soft


def vote_majority(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """FER+ majority: (rows whose most voted class is one of the seven emotions, that class for those rows)."""
    everything = np.concatenate([split.votes, split.other_votes], axis=1)
    winner = everything.argmax(axis=1)
    rows = np.flatnonzero((winner < len(EMOTIONS)) & (everything.sum(axis=1) > 0))
    return rows, winner[rows]
