# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Rectangles of pixels, and which places of a frame are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.types import Box

T = TypeVar("T", int, NDArray[Any])

CROWD = 32
"""More faces than this are a crowd, in which a tag without a free place is left out."""
_COMPARED = 4
"""Up to so many faces it is faster to compare a place with each than to count who covers a pixel."""
_SUMMED = 16
"""Rectangles that cover the frame more often than this are counted faster by their corners."""


class Rect(NamedTuple):
    """Pixel columns `left` to `right` - 1 and rows `top` to `bottom` - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def sized(cls, left: int, top: int, width: int, height: int) -> Rect:
        return cls(left, top, left + width, top + height)

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def meets(self, other: Rect) -> bool:
        """Whether a pixel is in both."""
        left, top, right, bottom = other
        return self[0] < right and left < self[2] and self[1] < bottom and top < self[3]

    def overlap(self, other: Rect) -> int:
        """The area that both cover, in pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0

    def clipped(self, bounds: Rect) -> Rect:
        """The part inside `bounds`; its width or height is not positive where there is none."""
        left, top, right, bottom = self
        return Rect(max(left, bounds[0]), max(top, bounds[1]), min(right, bounds[2]), min(bottom, bounds[3]))

    def grown(self, by: int) -> Rect:
        """With so many pixels more on every side."""
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def contains(self, other: Rect) -> bool:
        return (self.left <= other.left and self.top <= other.top and other.right <= self.right
                and other.bottom <= self.bottom)


def pixels_of(boxes: Sequence[Box], frame: Rect) -> list[Rect | None]:
    """The boxes in whole pixels; None where there is nothing of one to see in the frame."""
    if not boxes:
        return []
    values = np.array(boxes, np.float64)
    usable = cast(NDArray[Any], np.isfinite(values).all(axis=1) & (values[:, 2:4] >= 1).all(axis=1))
    # Far out is as invisible as farther out, and stays clear of what the arithmetic of pixels can hold.
    reach = 2 * max(frame.width, frame.height)
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.concatenate([values[:, :2] - values[:, 2:4] / 2, values[:, :2] + values[:, 2:4] / 2], axis=1)
    edges = np.rint(np.where(usable[:, None], edges, 0).clip(-reach, reach)).astype(int)
    first, last = edges[:, :2], edges[:, 2:]
    seen: NDArray[Any] = usable & ((first < last) & (last > 0) & (first < (frame.width, frame.height))).all(axis=1)
    return [Rect(*rect) if visible else None for rect, visible in zip(edges.tolist(), seen.tolist(), strict=True)]


class Taken:
    """The places that must not be covered: faces, tags, panels and the rate; all inside the frame.

    A few are compared with a place one by one. More are counted pixel by pixel, so that a look at a place takes the same
    time however many there are.
    """

    def __init__(self, frame: Rect, faces: Sequence[Rect]):
        self.faces, self._rects = faces, list(faces)
        self.alike = Counter(faces)
        self._counts = _coverage(frame, faces) if len(faces) > _COMPARED else None
        # A single pixel is read several times as fast through it as from the array.
        self._pixels = None if self._counts is None else self._counts.data
        self.crowded = len(faces) > CROWD

    def add(self, rect: Rect) -> None:
        """Take one more place."""
        if self._counts is None:
            self._rects.append(rect)
        else:
            self._counts[rect.top : rect.bottom, rect.left : rect.right] += 1

    def remove(self, rect: Rect) -> None:
        """Give a place back."""
        if self._counts is None:
            self._rects.remove(rect)
        else:
            self._counts[rect.top : rect.bottom, rect.left : rect.right] -= 1

    def covered(self, place: Rect) -> int:
        """Pixels of a place that are taken, each as often as it is."""
        if self._counts is not None:
            left, top, right, bottom = place
            return int(cv2.sumElems(self._counts[top:bottom, left:right])[0])
        return sum(place.overlap(other) for other in self._rects)

    def is_free(self, place: Rect, face: Rect | None = None) -> bool:
        """Whether nothing that is taken lies in a place, but for a face that it belongs on and others just like it."""
        if self._pixels is None:
            return not any(place.meets(other) for other in self._rects if other != face)
        expected = 0 if face is None else self.alike[face]
        left, top, right, bottom = place
        for row, column in _looked_at(left, top, right, bottom):
            if self._pixels[row, column] > expected:
                return False
        return self.covered(place) == (0 if face is None else expected * place.overlap(face))

    def may_be_free(self, places: NDArray[Any], most: NDArray[Any]) -> NDArray[Any]:
        """(N, K) mask of (N, K, 4) places: which pass the first look of `is_free`, each row with at most so many of (N,)."""
        assert self._counts is not None  # of a crowd
        free = np.ones(places.shape[:2], bool)
        for row, column in _looked_at(*np.moveaxis(places, 2, 0)):
            free &= self._counts[row, column] <= most[:, None]
        return free


def _looked_at(left: T, top: T, right: T, bottom: T) -> tuple[tuple[T, T], ...]:
    """Row and column of five pixels of a place, or of many: one that is taken mostly is so at a corner or in the middle."""
    return ((top, left), (top, right - 1), (bottom - 1, left), (bottom - 1, right - 1),
            ((top + bottom) // 2, (left + right) // 2))


def _coverage(frame: Rect, rects: Sequence[Rect]) -> NDArray[Any]:
    """(height, width) int32: how many rectangles cover each pixel; all must lie in the frame, none may be empty."""
    counts = np.zeros((frame.height, frame.width), np.int32)
    if sum(rect.width * rect.height for rect in rects) <= _SUMMED * counts.size:
        for left, top, right, bottom in rects:
            counts[top:bottom, left:right] += 1
        return counts
    # Large ones that overlap: mark the corners alone and sum up, which takes no longer the larger they are.
    left, top, right, bottom = np.array(rects).T
    corners = np.zeros((frame.height + 1, frame.width + 1), np.float32)
    for rows, columns, sign in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
        np.add.at(corners, (rows, columns), sign)
    return cv2.integral(corners, sdepth=cv2.CV_64F)[1:-1, 1:-1].astype(np.int32)
