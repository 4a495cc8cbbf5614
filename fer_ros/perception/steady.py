# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A face's box without the scatter of its detections: still while the face is, and with it when it moves.

The 1 euro filter: G. Casiez, N. Roussel, D. Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems", CHI 2012.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from fer_ros.types import Box

_SPEED_CUTOFF = 1.0
"""Hz, of the low-pass that the speeds go through."""
_OPENING = 10.0
"""Hz by which the cut-off rises with a speed of a face size, a factor e in size, or a radian a second."""


class SteadyBox:
    """The box of one face over time."""

    # Five numbers each, in plain floats: for so few numpy takes several times as long.

    def __init__(self, box: Box, stamp: float):
        self._last = self._state = _vector(box)
        self._speed = [0.0] * 5
        self._stamp = stamp

    def update(self, box: Box, stamp: float, cutoff: float) -> Box:
        """The steadied box for a detection.

        Args:
            stamp: in seconds; the same as the last, or an earlier one, changes nothing.
            cutoff: cut-off frequency of a face at rest, in Hz; 0 gives the box as it is.
        """
        measured, elapsed = _vector(box), stamp - self._stamp
        if cutoff <= 0 or elapsed <= 0:
            self._last = self._state = measured
            self._stamp = max(stamp, self._stamp)
            return box
        size = math.sqrt(box.area)
        share = _share(_SPEED_CUTOFF, elapsed)
        units = (size, size, 1.0, 1.0, 1.0)
        self._speed = [speed + share * (moved / unit / elapsed - speed) for speed, moved, unit in
                       zip(self._speed, _difference(measured, self._last), units, strict=True)]
        across = math.hypot(*self._speed[:2])
        growth, turn = max(map(abs, self._speed[2:4])), abs(self._speed[4])
        speeds = (across, across, growth, growth, turn)
        self._state = [state + _share(cutoff + _OPENING * speed, elapsed) * away for state, speed, away in
                       zip(self._state, speeds, _difference(measured, self._state), strict=True)]
        self._last, self._stamp = measured, stamp
        x, y, width, height, roll = self._state
        return Box(x, y, math.exp(width), math.exp(height), math.remainder(roll, 2 * math.pi))


def _vector(box: Box) -> list[float]:
    """Centre, logarithms of width and height, roll."""
    return [float(box.cx), float(box.cy), math.log(max(box.width, 1e-3)), math.log(max(box.height, 1e-3)), float(box.roll)]


def _difference(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """`a` - `b`, the roll by the shorter way round."""
    found = [one - other for one, other in zip(a, b, strict=True)]
    found[4] = math.remainder(found[4], 2 * math.pi)
    return found


def _share(cutoff: float, elapsed: float) -> float:
    """Of the new value, in a low-pass of first order after so many seconds."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * elapsed))
