"""A face's box without the scatter of its detections: still while the face is, and with it when it moves.

The 1 euro filter: G. Casiez, N. Roussel, D. Vogel, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
Interactive Systems", CHI 2012.
"""

from __future__ import annotations

import math

import numpy as np

from fer_ros.core.types import Box

_SPEED_CUTOFF = 1.0
"""Hz, of the low-pass that the speeds go through."""
_OPENING = 10.0
"""Hz by which the cut-off rises with a speed of a face size, a factor e in size, or a radian a second."""


class SteadyBox:
    """The box of one face over time."""

    def __init__(self, box: Box, stamp: float):
        self._last = self._state = _vector(box)
        self._speed = np.zeros(5)
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
        moved = _difference(measured, self._last) / (size, size, 1, 1, 1) / elapsed
        self._speed += _share(_SPEED_CUTOFF, elapsed) * (moved - self._speed)
        across, growth, turn = math.hypot(*self._speed[:2]), np.abs(self._speed[2:4]).max(), abs(self._speed[4])
        cutoffs = cutoff + _OPENING * np.array([across, across, growth, growth, turn])
        self._state = self._state + _share(cutoffs, elapsed) * _difference(measured, self._state)
        self._last, self._stamp = measured, stamp
        x, y, width, height, roll = map(float, self._state)
        return Box(x, y, math.exp(width), math.exp(height), math.remainder(roll, 2 * math.pi))


def _vector(box: Box) -> np.ndarray:
    """Centre, logarithms of width and height, roll."""
    return np.array([box.cx, box.cy, math.log(max(box.width, 1e-3)), math.log(max(box.height, 1e-3)), box.roll])


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """`a` - `b`, the roll by the shorter way round."""
    found = a - b
    found[4] = math.remainder(found[4], 2 * math.pi)
    return found


def _share(cutoff, elapsed: float):
    """Of the new value, in a low-pass of first order after so many seconds."""
    return 1 / (1 + 1 / (2 * math.pi * cutoff * elapsed))
