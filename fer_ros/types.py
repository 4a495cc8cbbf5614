"""What passes between the stages: boxes, faces and emotions, all in pixels of the source image."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""An HxWx3 uint8 BGR image."""


class Comparable:
    """Equality and hash for a frozen dataclass that holds arrays, which have neither for themselves.

    Such a class is decorated with `@dataclass(frozen=True, eq=False)`. Two are equal if they are of one class and all their
    fields are, arrays by shape and content. The hash leaves arrays and mappings out; every other field must have one.

    >>> Face(Box(1, 2, 3, 4), 0.9, np.zeros((5, 2))) == Face(Box(1, 2, 3, 4), 0.9, np.zeros((5, 2)))
    True
    """

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(_same(mine, theirs) for mine, theirs in zip(_values(self), _values(other), strict=True))

    def __hash__(self) -> int:
        return hash((self.__class__, *(value for value in _values(self) if not isinstance(value, (np.ndarray, Mapping)))))


def _values(of: object) -> list[object]:
    return [getattr(of, field.name) for field in dataclasses.fields(of)]


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a is b or np.array_equal(a, b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    return a is b or a == b


class Box(NamedTuple):
    """A rectangle in pixels: its centre, its extent, and how far the face in it is rolled.

    `roll` is the angle of the line between the eyes in radians, in (-pi, pi], positive clockwise as seen on the
    screen (x to the right, y down). The rectangle itself is upright: `width` and `height` are along x and y.
    """

    cx: float
    cy: float
    width: float
    height: float
    roll: float = 0.0

    @property
    def area(self) -> float:
        return self.width * self.height

    def is_usable(self) -> bool:
        """Finite, and neither empty nor so small that no pixel is inside."""
        return all(map(math.isfinite, self)) and self.width >= 1 and self.height >= 1


@dataclass(frozen=True, eq=False)
class Face(Comparable):
    """One detected face.

    Attributes:
        box: where it is.
        score: detection score in [0, 1].
        landmarks: (5, 2) float32, right eye, left eye, nose, right and left corner of the mouth (the person's own
            right and left), or None where only the box is known.
        id: the track's id; empty for a face that is not tracked.
    """

    box: Box
    score: float
    landmarks: np.ndarray | None = None
    id: str = ""


@dataclass(frozen=True, eq=False)
class Emotion(Comparable):
    """What one face shows.

    Attributes:
        face_id: id of the face's track.
        box: where the face is.
        detection_score: in [0, 1].
        label: what is shown: the winner of `probabilities` once it has led for a while, or `uncertain`.
        confidence: the label's probability, in [0, 1]; of `uncertain` the largest one.
        probabilities: (7,) float32, smoothed over time, sums to 1.
        raw_probabilities: (7,) float32, of this frame alone, sums to 1.
    """

    face_id: str
    box: Box
    detection_score: float
    label: str
    confidence: float
    probabilities: np.ndarray
    raw_probabilities: np.ndarray


def intersection_over_union(a: Box, b: Box) -> float:
    """Overlap of two boxes in [0, 1], their roll left aside."""
    width = min(a.cx + a.width / 2, b.cx + b.width / 2) - max(a.cx - a.width / 2, b.cx - b.width / 2)
    height = min(a.cy + a.height / 2, b.cy + b.height / 2) - max(a.cy - a.height / 2, b.cy - b.height / 2)
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    return overlap / (a.area + b.area - overlap)
