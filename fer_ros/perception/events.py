# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What changes, told once and steadily: a face appeared, shows another emotion, or left."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from fer_ros.labels import UNCERTAIN
from fer_ros.parameters.params import given_or_named, param, specs, takes
from fer_ros.types import APPEARED, CHANGED, LEFT, EmotionEvent

_SLACK = 1e-6
"""Seconds: times of frames that are added up are never quite what they should be."""
_LOSS = 4.0
"""How many times the time counts in which another label is shown than the one that is on its way. One frame in between does
not start it anew; labels that take turns get nowhere."""
_BLINK = 0.25
"""Seconds for which a face that is not found in every frame still counts as seen all the time."""
_GAP = 60.0
"""Seconds without an image after which nobody is there any more: as long as labels are smoothed over."""


@dataclass(frozen=True)
class EventParams:
    """How long a change must last until it is told of."""

    event_hold: float = param(
        0.5, "For how long a face must show another emotion until that is an event (CHANGED). The label itself is held, too: "
        "see label_hold.", unit="s", range=(0.0, 60.0),
    )
    event_uncertain_hold: float = param(
        2.0, "The same for 'uncertain': for how long a face must show no emotion clearly until that is an event.", unit="s",
        range=(0.0, 60.0),
    )
    appear_hold: float = param(
        0.5, "For how long a face must be seen until that is an event (APPEARED). Of one that is seen for less nothing is "
        "told.", unit="s", range=(0.0, 60.0),
    )
    leave_hold: float = param(
        1.0, "For how long a face must not be seen until that is an event (LEFT). If it is less than track_timeout, who comes "
        "back in between appears again with the same id.", unit="s", range=(0.0, 60.0),
    )


class Answer(Protocol):
    """What is asked of an answer about one face: a `fer_ros.Emotion` has it, and so has a message of that name."""

    @property
    def face_id(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def confidence(self) -> float: ...


class _Moment(NamedTuple):
    stamp: float
    frame: Any


@dataclass
class _Rival:
    """A label that is not told of yet.

    Attributes:
        since: when it was shown first.
        led: seconds for which it was shown since, less those in which another one was.
        confidences: their sum, of the frames in which it was shown.
        frames: how many these are.
    """

    since: _Moment
    led: float = 0.0
    confidences: float = 0.0
    frames: int = 0


@dataclass
class _Face:
    """A face that is there, or was a moment ago.

    Attributes:
        since: when it was seen first; once it is told of, when it began to show `told`.
        seen: when it was seen last.
        current: what it showed then.
        told: the label that was told of last; empty before the first event.
        present: seconds for which it was seen, until it is told of.
        missed: whether it is missing in the last frame.
    """

    since: _Moment
    seen: _Moment
    current: str = ""
    told: str = ""
    present: float = 0.0
    missed: bool = False
    rivals: dict[str, _Rival] = field(default_factory=dict)

    def see(self, label: str, confidence: float, now: _Moment) -> None:
        """Take what the face shows in a frame."""
        elapsed = self.pass_to(now)
        self.present += elapsed
        for name, rival in list(self.rivals.items()):
            if name != label:
                rival.led -= _LOSS * elapsed
                if rival.led <= 0:
                    del self.rivals[name]
        if label != self.told:
            rival = self.rivals.setdefault(label, _Rival(now))
            rival.led += elapsed if label == self.current else 0.0  # from its first frame on
            rival.confidences, rival.frames = rival.confidences + confidence, rival.frames + 1
        self.current = label

    def pass_to(self, now: _Moment) -> float:
        """Go on to a frame in which the face is. The seconds that it was seen since the last one."""
        elapsed = now.stamp - self.seen.stamp
        was_there = not self.missed or elapsed <= _BLINK
        self.seen, self.missed = now, False
        return elapsed if was_there else 0.0

    def tell(self, face_id: str, kind: str, label: str) -> EmotionEvent:
        """An event: `label` is what is shown from now on, its rivals begin anew."""
        rival, began = self.rivals.pop(label), self.since
        if kind == CHANGED:
            self.rivals.clear()
            self.since = rival.since
        confidence = float(np.float32(rival.confidences / rival.frames))  # as exact as a message's
        event = EmotionEvent(kind, face_id, self.since.stamp, label, self.told, confidence, _between(began, self.since),
                             self.since.frame)
        self.told = label
        return event

    def leave(self, face_id: str) -> EmotionEvent:
        """The event that it has gone, when it was seen last."""
        return EmotionEvent(LEFT, face_id, self.seen.stamp, "", self.told, 0.0, _between(self.since, self.seen),
                            self.seen.frame)


def _between(begin: _Moment, end: _Moment) -> float:
    """Seconds, to the nanosecond: stamps are no finer."""
    return round(end.stamp - begin.stamp, 9)


@takes({spec.name: spec for spec in specs(EventParams)})
class EventDetector:
    """Answers about one frame after another in, events out.

    >>> from fer_ros.perception.events import EventDetector
    >>> from fer_ros import Pipeline, open_source
    >>> pipeline, detector = Pipeline(), EventDetector(event_hold=0.3)
    >>> for frame in open_source("demo"):
    ...     for event in detector(pipeline(frame.image, frame.stamp), frame.stamp):
    ...         print(event.kind, event.face_id, event.label)
    ...     if frame.number == 30:
    ...         break
    appeared 1 happy
    >>> [(event.kind, event.face_id) for event in detector.end()]
    [('left', '1')]

    `Pipeline.events` gives the same for a pipeline's own answers; the emotion node and `fer-ros annotate` take them from here.

    The same answers give the same events, wherever they come from: time is that of the stamps.

    - A face without an id is nobody, and neither is one whose id another face of the frame has, too.
    - A label that the face shows for less than `event_hold` is no event. One frame in between does not start it anew.
    - `uncertain` is a label like another, but has to last `event_uncertain_hold`.
    - Who is not seen for `leave_hold` has left, and appears again if it comes back with the same id. Where no images come,
      nobody leaves; after a minute without any everybody has.
    - If a stamp is before the last one, a recording starts again: everybody leaves first.
    """

    def __init__(self, params: EventParams | None = None, **parameters: Any):
        """Begin with nobody.

        Args:
            params: in place of parameters by name.
            parameters: see the class.

        Raises:
            TypeError: there is no such parameter; the text names the nearest one.
            ValueError: a parameter's value is not allowed.
        """
        known = {spec.name: spec for spec in specs(EventParams)}
        (self.params,) = given_or_named({EventParams: params}, parameters, known)
        self._faces: dict[str, _Face] = {}
        self._stamp = -math.inf

    def __call__(self, answers: Iterable[Answer], stamp: float, frame: Any = None) -> list[EmotionEvent]:
        """What a frame's answers change.

        Args:
            answers: about all faces of the frame.
            stamp: the frame's time in seconds.
            frame: comes back as `EmotionEvent.frame` of what has happened in this frame: its header or number, say.

        Returns:
            The events that are settled now, of who left first. What they tell of may have happened in an earlier frame.

        Raises:
            ValueError: `stamp` is not finite.
        """
        if not math.isfinite(stamp):
            raise ValueError(f"the stamp must be a finite number of seconds, not {stamp}")
        starts_again = not self._stamp <= stamp <= self._stamp + _GAP
        events = self.end() if starts_again else []
        now, self._stamp = _Moment(stamp, frame), stamp
        found: dict[str, Answer | None] = {}
        for answer in answers:
            if answer.face_id:
                found[answer.face_id] = None if answer.face_id in found else answer
        events += self._who_left(found, now)
        for name, one in found.items():
            if one is not None:
                events += self._see(one, now)
            elif name in self._faces:  # somebody of that name is there, but nobody knows what they show
                self._faces[name].pass_to(now)
        return events

    def end(self) -> list[EmotionEvent]:
        """Everybody leaves: the recording is over, or nobody looks any more. Nothing happens a second time."""
        faces, self._faces, self._stamp = self._faces, {}, -math.inf
        return [face.leave(name) for name, face in faces.items() if face.told]

    def _who_left(self, there: Container[str], now: _Moment) -> list[EmotionEvent]:
        """Of those that were missing, or are, who has been for too long."""
        events = []
        for name, face in list(self._faces.items()):
            face.missed = face.missed or name not in there
            patience = self.params.leave_hold if face.told else min(self.params.leave_hold, _BLINK)
            if face.missed and now.stamp - face.seen.stamp > patience + _SLACK:
                del self._faces[name]
                events += [face.leave(name)] if face.told else []
        return events

    def _see(self, answer: Answer, now: _Moment) -> list[EmotionEvent]:
        """Take what a face shows; the event that comes of it, if any."""
        face = self._faces.get(answer.face_id)
        if face is None:
            face = self._faces[answer.face_id] = _Face(now, now)
        face.see(answer.label, answer.confidence, now)
        if not face.told:
            if face.present < self.params.appear_hold - _SLACK:
                return []
            # What it has shown for longest lately; of two the newer one.
            label = max(reversed(face.rivals), key=lambda name: face.rivals[name].led)
            return [face.tell(answer.face_id, APPEARED, label)]
        hold = self.params.event_uncertain_hold if answer.label == UNCERTAIN else self.params.event_hold
        if answer.label == face.told or face.rivals[answer.label].led < hold - _SLACK:
            return []
        return [face.tell(answer.face_id, CHANGED, answer.label)]
