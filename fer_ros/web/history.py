# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The last two minutes, person by person: what the lanes of the page show, and who was happy in the last minute."""

from __future__ import annotations

import math
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.types import Emotion, EmotionEvent

WINDOW = 120.0
"""Seconds that are kept."""
STEP = 0.2
"""Seconds that one sample stands for."""
MINUTE = 60.0
"""Seconds that the summary speaks of."""
_MOST = 32  # faces of a sample
_LABELS = (*EMOTIONS, UNCERTAIN)
_LONGEST_ID = 64


def usable(emotions: Sequence[Emotion]) -> list[Emotion]:
    """Those that can be shown: what comes over a network may hold anything."""
    return [one for one in emotions if one.box.is_usable() and math.isfinite(one.confidence) and one.label in _LABELS
            and len(one.probabilities) == len(EMOTIONS) and bool(np.isfinite(one.probabilities).all())
            and one.face_id.isprintable() and len(one.face_id) <= _LONGEST_ID]


def usable_event(event: EmotionEvent) -> bool:
    """Whether an event can be shown, likewise."""
    return (event.label in (*_LABELS, "") and event.previous_label in (*_LABELS, "") and event.face_id.isprintable()
            and len(event.face_id) <= _LONGEST_ID and math.isfinite(event.confidence))


@dataclass
class _Open:
    """What is known so far of one face in the sample that is being made."""

    sum: NDArray[Any] = field(default_factory=lambda: np.zeros(len(EMOTIONS)))
    count: int = 0
    label: str = UNCERTAIN


Row = tuple[str, int, list[int]]
"""A face in a sample: id, index of its label (7 is uncertain), probabilities in thousandths."""


@dataclass(frozen=True)
class Sample:
    """A fifth of a second.

    Attributes:
        number: counts up; what a reader has seen is known by it.
        time: its beginning, by the images' stamps, in seconds.
        faces: who was there.
    """

    number: int
    time: float
    faces: tuple[Row, ...]

    def to_json(self) -> list[Any]:
        return [self.number, round(self.time, 3), [list(face) for face in self.faces]]


class History:
    """Samples of the last `WINDOW` seconds of stamps. A stamp that goes back (a recording begins again) clears it."""

    _BACK = 1.0  # seconds that a stamp may be behind the newest: frames may overtake each other

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._index: int | None = None
        self.number = 0
        self.cleared = 0

    def add(self, stamp: float, emotions: Sequence[Emotion]) -> bool:
        """Take a frame's answers; whether a sample has become complete."""
        index = math.floor(stamp / STEP)
        if self._index is not None and (index - self._index) * STEP < -self._BACK:
            self._samples.clear()
            self._open.clear()
            self._index, self.cleared = None, self.cleared + 1
        complete = False
        if self._index is None or index > self._index:
            complete = self._close()
            self._index = index
        for one in emotions[:_MOST]:
            face = self._open.setdefault(one.face_id, _Open())
            face.sum += np.clip(one.probabilities, 0, 1)
            face.count += 1
            face.label = one.label
        return complete

    def _close(self) -> bool:
        if self._index is None:
            return False
        rows = tuple((face, _LABELS.index(one.label), [round(1000 * p) for p in one.sum / one.count])
                     for face, one in self._open.items())
        self._open.clear()
        self.number += 1
        self._samples.append(Sample(self.number, self._index * STEP, rows))
        while self._samples[-1].time - self._samples[0].time > WINDOW:
            self._samples.popleft()
        return True

    def since(self, number: int) -> list[Sample]:
        """The samples after the one of a number."""
        found = []
        for sample in reversed(self._samples):
            if sample.number <= number:
                break
            found.append(sample)
        return found[::-1]

    def summary(self) -> list[dict[str, Any]]:
        """Of each face of the last minute: how long it was there, which share of that each label had, how often it changed.

        Who was there longest comes first. It is what the lanes show, and so of faces without ids, too, of whom there are no
        events: `fer_ros.perception.recent` adds those up.
        """
        if not self._samples:
            return []
        end = self._samples[-1].time + STEP
        labels: dict[str, list[int]] = {}
        for sample in self._samples:
            if end - sample.time <= MINUTE:
                for face, label, _ in sample.faces:
                    labels.setdefault(face, []).append(label)
        here = {face for face, _, _ in self._samples[-1].faces}
        people = [{
            "face": face, "seconds": round(len(shown) * STEP, 1), "here": face in here,
            "shares": [(_LABELS[label], round(count / len(shown), 3)) for label, count in Counter(shown).most_common()],
            "changes": sum(a != b for a, b in pairwise(shown)),
        } for face, shown in labels.items()]
        return sorted(people, key=lambda one: one["seconds"], reverse=True)
