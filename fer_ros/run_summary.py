# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a run came to: frames, faces, how long each emotion was shown, latency."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fer_ros.types import Emotion

_KEPT = 100_000  # an hour at 30 Hz


@dataclass
class Summary:
    """Fed with every frame's emotions.

    Attributes:
        frames: how many frames had an answer.
        duration: from the first frame to the last, in seconds; a step back, of a bag that starts again, takes no time, and
            neither does a step of more than an hour, which is a wrong stamp or another recording. Live frames last no longer
            than it took until their answers had come, whatever their stamps are.
        faces: ids of all faces seen; what has none is only in `shown`.
        shown: seconds for which each label was shown, added up over the faces.
        changes: (stamp, face id, label) of every new label, in order; of a very long run the last ones, as for latency.
    """

    frames: int = 0
    duration: float = 0.0
    faces: set[str] = field(default_factory=set)
    shown: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    changes: deque[tuple[float, str, str]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    first_stamp: float | None = None
    last_stamp: float | None = None
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _labels: dict[str, str] = field(default_factory=dict)
    _LONGEST_STEP = 3600.0  # seconds
    _LONGEST_FRAME = 1.0  # seconds; a longer gap says nothing of what was shown in it
    _begun: float | None = None  # when the first live frame was taken
    _arrived: float = -math.inf  # when the last live answer came

    def add(self, emotions: Sequence[Emotion], stamp: float, latency: float) -> list[Emotion]:
        """Count a frame.

        Args:
            stamp: of the image, in seconds.
            latency: from the stamp to the answer's arrival, in seconds; NaN where the stamp is of another time.

        Returns:
            The emotions whose label is new for their face.
        """
        if self.first_stamp is None:
            self.first_stamp = stamp
        forward = max(stamp - self.last_stamp, 0.0) if self.last_stamp is not None else 0.0
        if forward > self._LONGEST_STEP:
            forward = 0.0
        elapsed = min(forward, self._LONGEST_FRAME)
        self.duration += forward
        if not math.isnan(latency):
            if self._begun is None:
                self._begun = stamp + latency - max(latency, 0.0)
            self._arrived = max(self._arrived, stamp + latency)
            self.duration = min(self.duration, self._arrived - self._begun)
        self.last_stamp = stamp
        self.frames += 1
        if not math.isnan(latency):
            self._latencies.append(latency)
        new = []
        for emotion in emotions:
            self.shown[emotion.label] += elapsed
            if not emotion.face_id:
                continue  # nobody can say whether it is the one of the frame before
            self.faces.add(emotion.face_id)
            if self._labels.get(emotion.face_id) != emotion.label:
                self._labels[emotion.face_id] = emotion.label
                self.changes.append((stamp, emotion.face_id, emotion.label))
                new.append(emotion)
        return new

    @property
    def fps(self) -> float:
        """Mean frames per second; 0 before the second frame."""
        return (self.frames - 1) / self.duration if self.duration > 0 else 0.0

    def latency(self, percentile: float) -> float:
        """A percentile of the latency in seconds; NaN where none was told."""
        return float(np.percentile(self._latencies, percentile)) if self._latencies else float("nan")
