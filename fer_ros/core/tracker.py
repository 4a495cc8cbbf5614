"""Which face in this frame is which face of the last: ids that stay with a person."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from fer_ros.core.params import param
from fer_ros.core.types import Box, Face, intersection_over_union


@dataclass(frozen=True)
class TrackerParams:
    """How long and how far a face is followed."""

    track_timeout: float = param(1.0, "A face that is not seen for longer gets a new id.", unit="s", range=(0.0, 60.0))
    track_distance: float = param(
        0.6, "How far a face may be from where it is expected, in face sizes, to be taken for the same one.",
        range=(0.05, 5.0),
    )


@dataclass
class _Track:
    id: str
    box: Box
    velocity: tuple[float, float]  # pixels per second
    stamp: float


class Tracker:
    """Follows faces from frame to frame by position and size, each expected to go on as it moved.

    Pairs are made nearest first. Deterministic: the same faces at the same stamps get the same ids, "1", "2", ... in
    order of appearance (of detection score within a frame), and no id is used twice.
    """

    _SETTLE = 0.15  # seconds over which the velocity is averaged; detections jitter by a few percent of a face

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
        """Give every face of a frame its id.

        Args:
            faces: in any order, in pixels of one camera's image.
            stamp: the frame's time in seconds; a step back forgets all faces (a bag that starts again, say).
        """
        if self._stamp is not None and stamp < self._stamp:
            self.reset()
        self._stamp = stamp
        self._tracks = [t for t in self._tracks if stamp - t.stamp <= self.params.track_timeout]

        pairs = []
        for i, face in enumerate(faces):
            for j, track in enumerate(self._tracks):
                cost = self._cost(face.box, track, stamp)
                if cost is not None:
                    pairs.append((cost, i, j))
        matched: dict[int, _Track] = {}
        taken: set[int] = set()
        for _, i, j in sorted(pairs):
            if i not in matched and j not in taken:
                matched[i] = self._tracks[j]
                taken.add(j)

        out = []
        for i, face in enumerate(faces):
            track = matched.get(i)
            if track is None:
                self._count += 1
                track = _Track(str(self._count), face.box, (0.0, 0.0), stamp)
                self._tracks.append(track)
            else:
                self._move(track, face.box, stamp)
            out.append(dataclasses.replace(face, id=track.id))
        return out

    def _cost(self, box: Box, track: _Track, stamp: float) -> float | None:
        """How badly a box fits a track (0 is a perfect fit), or None where it cannot be the same face."""
        elapsed = stamp - track.stamp
        expected = track.box._replace(
            cx=track.box.cx + track.velocity[0] * elapsed, cy=track.box.cy + track.velocity[1] * elapsed
        )
        size = (max(box.width, box.height) + max(expected.width, expected.height)) / 2
        distance = ((box.cx - expected.cx) ** 2 + (box.cy - expected.cy) ** 2) ** 0.5 / size
        ratio = max(box.width, box.height) / max(expected.width, expected.height)
        if distance > self.params.track_distance or not 0.5 <= ratio <= 2:
            return None
        return distance + 1 - intersection_over_union(box, expected)

    def _move(self, track: _Track, box: Box, stamp: float) -> None:
        elapsed = stamp - track.stamp
        if elapsed > 0:
            gain = elapsed / (elapsed + self._SETTLE)
            measured = ((box.cx - track.box.cx) / elapsed, (box.cy - track.box.cy) / elapsed)
            track.velocity = tuple(v + gain * (m - v) for v, m in zip(track.velocity, measured, strict=True))
        track.box, track.stamp = box, stamp
