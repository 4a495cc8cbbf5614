"""Which face in this frame is which face of the last: ids that stay with a person, and boxes that do not tremble."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from fer_ros.core.params import param
from fer_ros.core.steady import SteadyBox
from fer_ros.core.types import Box, Face


@dataclass(frozen=True)
class TrackerParams:
    """How long and how far a face is followed."""

    track_timeout: float = param(1.0, "A face that is not seen for longer gets a new id.", unit="s", range=(0.0, 60.0))
    track_distance: float = param(
        0.6, "How far a face may be from where it is expected, in face sizes, to be taken for the same one; for one that has "
        "not been seen lately more, up to twice that after a second.",
        range=(0.05, 5.0),
    )
    box_cutoff: float = param(
        1.0, "Cut-off frequency of the low-pass that steadies box and roll of a face at rest; it opens as the face moves. 0 "
        "publishes boxes as they are detected.", unit="Hz", range=(0.0, 60.0),
    )


_SURE = 30.0
"""Squared Mahalanobis distance up to which scatter explains a pair. Of normal scatter 999 in 1000 would stay below 16.3 (three
degrees of freedom); a detector's has longer tails, and with that a face in a crowd loses its id to one that is hidden."""
_NEVER = 1e6
"""Cost of a pair that cannot be."""


class _Track:
    """A face that is followed: where it is and how it moves.

    A Kalman filter with constant velocity for each of centre x, centre y and the logarithm of the size; lengths in units of
    the face's size, so that one set of noises suits all faces.
    """

    # Standard deviations of a detection, as shares of the face: a few percent.
    _NOISE = np.array([0.03, 0.03, 0.05])
    # How much a velocity changes: square root of the spectral density of the acceleration, in sizes / s^1.5.
    _ACCELERATION = np.array([1.2, 1.2, 1.0])
    # Standard deviation of a velocity that is not known yet, in sizes / s.
    _SPEED = np.array([2.0, 2.0, 0.5])
    # Seconds in which the velocity of a face that is not seen fades: people stop sooner than they walk on for ever.
    _FADE = 1.0

    def __init__(self, name: str, box: Box, stamp: float):
        self.id, self.stamp, self.seen = name, stamp, stamp
        self.steady = SteadyBox(box, stamp)
        self._unit = _measured(box)[3]  # the size when it was seen last
        # Rows: x, y, log size. Columns: value and velocity, in pixels for x and y.
        self._state = np.stack([_measured(box)[:3], np.zeros(3)], axis=1)
        self._spread = np.zeros((3, 2, 2))  # covariances, in sizes
        self._spread[:, 0, 0], self._spread[:, 1, 1] = self._NOISE**2, self._SPEED**2

    def move(self, stamp: float) -> None:
        """On to a time."""
        elapsed = stamp - self.stamp
        if elapsed <= 0:
            return
        self.stamp = stamp
        fade = math.exp(-elapsed / self._FADE)
        step = np.array([[1.0, self._FADE * (1 - fade)], [0.0, fade]])
        noise = np.array([[elapsed**3 / 3, elapsed**2 / 2], [elapsed**2 / 2, elapsed]])
        self._state = self._state @ step.T
        self._spread = step @ self._spread @ step.T + self._ACCELERATION[:, None, None] ** 2 * noise

    @property
    def expected(self) -> np.ndarray:
        """(3,), centre x, centre y and log size that a detection should have now."""
        return self._state[:, 0]

    @property
    def scale(self) -> np.ndarray:
        """(3,), what one unit of these is."""
        return np.array([self._unit, self._unit, 1.0])

    @property
    def variance(self) -> np.ndarray:
        """(3,), of a detection about them, in units."""
        return self._spread[:, 0, 0] + self._NOISE**2

    def see(self, box: Box) -> None:
        """Take a detection at the time that was moved on to."""
        measured = _measured(box)
        gain = self._spread[:, :, 0] / self.variance[:, None]
        surprise = (measured[:3] - self.expected) / self.scale
        self._state = self._state + self.scale[:, None] * gain * surprise[:, None]
        self._spread = self._spread - gain[:, :, None] * self._spread[:, None, 0, :]
        self._unit, self.seen = measured[3], self.stamp


class Tracker:
    """Follows faces from frame to frame by position and size, each expected to go on as it moved.

    First the pairs are made that a detector's scatter explains: of the faces that were seen in the last frame, then of those
    that were missed. What is left over goes to whom it is nearest to, within `track_distance`: somebody jumps, or the camera
    does. Each time with the least sum of costs (the Hungarian method), in a cascade like DeepSORT's (N. Wojke et al., ICIP
    2017). Deterministic: the same faces at the same stamps get the same ids, "1", "2", ... in order of appearance (of
    detection score within a frame), and no id is used twice.
    """

    def __init__(self, params: TrackerParams = TrackerParams()):
        self.params = params
        self._tracks: list[_Track] = []
        self._count = 0
        self._stamp: float | None = None

    def reset(self) -> None:
        """Forget every face. Ids go on counting, so that none comes twice."""
        self._tracks.clear()
        self._stamp = None

    def update(self, faces: Sequence[Face], stamp: float) -> list[Face]:
        """Give every face of a frame its id, and steady its box.

        Args:
            faces: in any order, in pixels of one camera's image.
            stamp: the frame's time in seconds; a step back forgets all faces (a bag that starts again, say).
        """
        if self._stamp is not None and stamp < self._stamp:
            self.reset()
        before, self._stamp = self._stamp, stamp
        self._tracks = [t for t in self._tracks if stamp - t.seen <= self.params.track_timeout]
        for track in self._tracks:
            track.move(stamp)
        recent, lost = ([t for t in self._tracks if (t.seen == before) == last] for last in (True, False))
        matched: dict[int, _Track] = {}
        for sure in (True, False):
            for group in (recent, lost):
                taken = {id(track) for track in matched.values()}
                free = [i for i in range(len(faces)) if i not in matched]
                matched |= self._match(faces, free, [t for t in group if id(t) not in taken], sure)

        out = []
        for i, face in enumerate(faces):
            track, box = matched.get(i), face.box
            if track is None:
                self._count += 1
                track = _Track(str(self._count), box, stamp)
                self._tracks.append(track)
            else:
                track.see(box)
                box = track.steady.update(box, stamp, self.params.box_cutoff)
            out.append(dataclasses.replace(face, box=box, id=track.id))
        return out

    def _match(self, faces: Sequence[Face], free: list[int], tracks: list[_Track],
               sure: bool) -> dict[int, _Track]:
        """The best pairs of free faces, by their index, and tracks; with `sure` only such as scatter explains."""
        if not free or not tracks:
            return {}
        measured = np.array([_measured(faces[i].box) for i in free])
        expected = np.array([t.expected for t in tracks])
        away = measured[:, None, :3] - expected
        sizes = np.exp(expected[:, 2].clip(-20, 20))
        distance = np.hypot(away[..., 0], away[..., 1]) * 2 / (measured[:, 3, None] + sizes)
        growth = np.abs(away[..., 2])
        unseen = np.array([min(t.stamp - t.seen, 1.0) for t in tracks])
        possible = (distance <= self.params.track_distance * (1 + unseen)) & (growth <= math.log(2))
        if sure:
            variance = np.array([t.variance for t in tracks])
            surprise = (away**2 / np.array([t.scale for t in tracks]) ** 2 / variance).sum(axis=2)
            possible &= surprise <= _SURE
            costs = surprise + np.log(variance).sum(axis=1)  # twice the negative log-likelihood, but for a constant
        else:
            costs = distance + growth
        rows, columns = linear_sum_assignment(np.where(possible, costs, _NEVER))
        return {free[r]: tracks[c] for r, c in zip(rows, columns, strict=True) if possible[r, c]}


def _measured(box: Box) -> np.ndarray:
    """Centre x, centre y, log size, size."""
    size = max(box.width, box.height, 1.0)
    return np.array([box.cx, box.cy, math.log(size), size])
