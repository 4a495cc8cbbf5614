# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which face in this frame is which face of the last: ids that stay with a person, and boxes that do not tremble."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fer_ros.parameters.params import param
from fer_ros.perception.assignment import assign
from fer_ros.perception.steady import SteadyBox
from fer_ros.types import Box, Face


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


class _Track:
    """A face that is followed: where it is and how it moves.

    A Kalman filter with constant velocity for each of centre x, centre y and the logarithm of the size; lengths in units of
    the face's size, so that one set of noises suits all faces.
    """

    # For x, y and log size each. Standard deviations of a detection, as shares of the face: a few percent.
    _NOISE = (0.03, 0.03, 0.05)
    # How much a velocity changes: square root of the spectral density of the acceleration, in sizes / s^1.5.
    _ACCELERATION = (1.2, 1.2, 1.0)
    # Standard deviation of a velocity that is not known yet, in sizes / s.
    _SPEED = (2.0, 2.0, 0.5)
    # Seconds in which the velocity of a face that is not seen fades: people stop sooner than they walk on for ever.
    _FADE = 1.0
    # Sizes / s up to which a face keeps still, and seconds after which its velocity is known.
    _STILL, _ACQUAINTED = 0.3, 0.25

    # In plain floats: for three filters of two states numpy takes several times as long.

    def __init__(self, name: str, box: Box, stamp: float):
        self.id, self.stamp, self.seen, self._born = name, stamp, stamp, stamp
        self.steady = SteadyBox(box, stamp)
        *values, self._unit = _measured(box)  # the size when it was seen last
        # Value and velocity, in pixels for x and y.
        self._states = [(value, 0.0) for value in values]
        # Covariances in sizes: of the value, of value and velocity, of the velocity.
        self._spreads = [(noise**2, 0.0, speed**2) for noise, speed in zip(self._NOISE, self._SPEED, strict=True)]

    def move(self, stamp: float) -> None:
        """On to a time."""
        elapsed = stamp - self.stamp
        if elapsed <= 0:
            return
        self.stamp = stamp
        fade = math.exp(-elapsed / self._FADE)
        reach = self._FADE * (1 - fade)
        self._states = [(value + reach * speed, fade * speed) for value, speed in self._states]
        self._spreads = [
            (a + 2 * reach * b + reach**2 * c + q**2 * elapsed**3 / 3, fade * (b + reach * c) + q**2 * elapsed**2 / 2,
             fade**2 * c + q**2 * elapsed)
            for (a, b, c), q in zip(self._spreads, self._ACCELERATION, strict=True)
        ]

    def ahead(self, box: Box, stamp: float) -> Box:
        """A box of the time that was moved on to, as it should be later."""
        reach = self._FADE * (1 - math.exp(-max(stamp - self.stamp, 0.0) / self._FADE))
        x, y, growth = (reach * speed for _, speed in self._states)
        factor = math.exp(growth)
        return box._replace(cx=box.cx + x, cy=box.cy + y, width=box.width * factor, height=box.height * factor)

    @property
    def is_still(self) -> bool:
        """Whether it hardly moves, as far as that is known by now."""
        x, y, growth = (speed / unit for (_, speed), unit in zip(self._states, self.scale, strict=True))
        return self.seen - self._born >= self._ACQUAINTED and max(math.hypot(x, y), abs(growth)) <= self._STILL

    @property
    def expected(self) -> tuple[float, ...]:
        """Centre x, centre y and log size that a detection should have now."""
        return tuple(value for value, _ in self._states)

    @property
    def scale(self) -> tuple[float, ...]:
        """What one unit of these is."""
        return self._unit, self._unit, 1.0

    @property
    def variance(self) -> tuple[float, ...]:
        """Of a detection about them, in units."""
        return tuple(a + noise**2 for (a, _, _), noise in zip(self._spreads, self._NOISE, strict=True))

    def see(self, box: Box) -> None:
        """Take a detection at the time that was moved on to."""
        *measured, unit = _measured(box)
        states, spreads = [], []
        for found, (value, speed), (a, b, c), variance in zip(measured, self._states, self._spreads, self.variance,
                                                              strict=True):
            surprise = found - value
            states.append((value + a / variance * surprise, speed + b / variance * surprise))
            spreads.append((a - a * a / variance, b - a * b / variance, c - b * b / variance))
        self._states, self._spreads = states, spreads
        self._unit, self.seen = unit, self.stamp


class Tracker:
    """Follows faces from frame to frame by position and size, each expected to go on as it moved.

    First the pairs are made that a detector's scatter explains: of the faces that were seen in the last frame, then of those
    that were missed. What is left over goes to whom it is nearest to, within `track_distance`: somebody jumps, or the camera
    does. Each time with the least sum of costs (the Hungarian method), in a cascade like DeepSORT's (N. Wojke et al., ICIP
    2017). Deterministic: the same faces at the same stamps get the same ids, "1", "2", ... in order of appearance (of
    detection score within a frame), and no id is used twice.

    Attributes:
        prefix: what the ids of new faces begin with.
    """

    def __init__(self, params: TrackerParams = TrackerParams(), prefix: str = ""):
        self.params, self.prefix = params, prefix
        self._tracks: list[_Track] = []
        self._count = 0
        self._stamp: float | None = None
        self._shown: list[tuple[Face, _Track]] = []  # what the last frame gave

    def reset(self) -> None:
        """Forget every face. Ids go on counting, so that none comes twice."""
        self._tracks.clear()
        self._shown.clear()
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
        for known in self._tracks:
            known.move(stamp)
        recent, lost = ([t for t in self._tracks if (t.seen == before) == last] for last in (True, False))
        matched: dict[int, _Track] = {}
        for sure in (True, False):
            for group in (recent, lost):
                taken = {id(track) for track in matched.values()}
                free = [i for i in range(len(faces)) if i not in matched]
                matched |= self._match(faces, free, [t for t in group if id(t) not in taken], sure)

        self._shown = []
        for i, face in enumerate(faces):
            track, box = matched.get(i), face.box
            if track is None:
                self._count += 1
                track = _Track(f"{self.prefix}{self._count}", box, stamp)
                self._tracks.append(track)
            else:
                track.see(box)
                box = track.steady.update(box, stamp, self.params.box_cutoff)
            self._shown.append((dataclasses.replace(face, box=box, id=track.id), track))
        return self.shown

    @property
    def shown(self) -> list[Face]:
        """The faces of the last `update`."""
        return [face for face, _ in self._shown]

    def predict(self, stamp: float) -> list[Face]:
        """The faces of the last `update`, where they and their landmarks should be now if they go on as they moved.

        Args:
            stamp: the frame's time in seconds, not before that of the last `update` nor much later.
        """
        return [_moved(face, track.ahead(face.box, stamp)) for face, track in self._shown]

    @property
    def is_still(self) -> bool:
        """Whether there was somebody in the last `update`, nobody was missing, and all keep still."""
        return bool(self._shown) and all(known.seen == self._stamp and known.is_still for known in self._tracks)

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
        choices: dict[int, dict[int, float]] = {}
        possible &= np.isfinite(costs)
        for row, column in zip(*(index.tolist() for index in possible.nonzero()), strict=True):
            choices.setdefault(row, {})[column] = float(costs[row, column])
        return {free[row]: tracks[column] for row, column in assign(choices).items()}


def _moved(face: Face, box: Box) -> Face:
    """A face in another place, and its landmarks where they are in its box."""
    if face.landmarks is None:
        return dataclasses.replace(face, box=box)
    before, now = np.array(((face.box.cx, face.box.cy), (box.cx, box.cy)))
    landmarks = now + (face.landmarks - before) * (box.width / max(face.box.width, 1e-9))
    return dataclasses.replace(face, box=box, landmarks=landmarks.astype(np.float32))


def _measured(box: Box) -> tuple[float, float, float, float]:
    """Centre x, centre y, log size, size."""
    size = max(box.width, box.height, 1.0)
    return box.cx, box.cy, math.log(size), size
