# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Who was there lately, and what they showed: events of the last minute, added up."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fer_ros.types import CHANGED, EmotionEvent

_KEPT = 10_000
"""Spans that are kept at most, whatever comes."""
_RESTART = 1.0
"""Seconds by which time must jump back to be that of a recording that starts again, as for `FrameClock`."""


@dataclass
class Presence:
    """One face in a stretch of time.

    >>> face = Presence("1", begin=10.0, end=30.0, is_there=True, label="happy", shown={"neutral": 15.0, "happy": 5.0})
    >>> face.seconds, face.shares
    (20.0, {'neutral': 0.75, 'happy': 0.25})

    Attributes:
        begin, end: when it was there first and last in that time, in seconds; in between it may have been away.
        is_there: whether it is still there at the end.
        label: what it showed last.
        shown: seconds for which it showed each label, in order of appearance; labels that it did not show are left out.
        changes: how often it went on to another label.
    """

    face_id: str
    begin: float
    end: float
    is_there: bool = False
    label: str = ""
    shown: dict[str, float] = field(default_factory=dict)
    changes: int = 0

    @property
    def seconds(self) -> float:
        """For how long it was there."""
        return sum(self.shown.values())

    @property
    def shares(self) -> dict[str, float]:
        """The share of that time for which it showed each label; they sum to 1. Empty where no time has passed."""
        total = self.seconds
        return {label: time / total for label, time in self.shown.items()} if total > 0 else {}

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain numbers, texts and dictionaries, for JSON say."""
        return {"face_id": self.face_id, "begin": self.begin, "end": self.end, "is_there": self.is_there, "label": self.label,
                "shown": dict(self.shown), "changes": self.changes, "seconds": self.seconds, "shares": self.shares}


@dataclass
class _Span:
    """A face shows a label.

    Attributes:
        end: None as long as it does.
        came: when the face appeared.
        changed: whether it showed another label before.
    """

    face_id: str
    label: str
    begin: float
    end: float | None
    came: float
    changed: bool = False


class RecentEvents:
    """Fed with events as they come, tells who was there in the last `window` seconds and what they showed.

    >>> recent = RecentEvents(window=60)
    >>> recent.add(EmotionEvent("appeared", "1", 10.0, "neutral", "", 0.9, 0.0))
    >>> recent.add(EmotionEvent("changed", "1", 30.0, "happy", "neutral", 0.8, 20.0))
    >>> [(face.face_id, face.shown) for face in recent.presences(now=40.0)]
    [('1', {'neutral': 20.0, 'happy': 10.0})]
    >>> recent.who_showed("happy", now=40.0)
    {'1': 10.0}

    It may begin in the middle: an event says for how long the label before was shown. Nobody is there after having left; who
    listens to a graph that may end without a word has to tell that apart from a face that goes on.
    """

    def __init__(self, window: float = 60.0):
        """Args: window: seconds that are looked back."""
        self.window = window
        self._spans: deque[_Span] = deque(maxlen=_KEPT)
        self._open: dict[str, _Span] = {}
        self._now = -math.inf

    def add(self, event: EmotionEvent) -> None:
        """Take an event, of each face in the order in which they happened."""
        before = self._open.pop(event.face_id, None)
        if before is None and event.previous_label:  # its beginning was missed
            since = event.stamp - event.lasted
            before = _Span(event.face_id, event.previous_label, since, None, since)
            self._spans.append(before)
        if before is not None:
            before.end = max(event.stamp, before.begin)
        if event.label:
            came = before.came if before is not None else event.stamp
            self._open[event.face_id] = _Span(event.face_id, event.label, event.stamp, None, came, event.kind == CHANGED)
            self._spans.append(self._open[event.face_id])

    def clear(self) -> None:
        """Forget everybody."""
        self._spans.clear()
        self._open.clear()

    def presences(self, now: float) -> list[Presence]:
        """Everybody who was there in the last `window` seconds, in order of appearance.

        Args:
            now: in seconds as the events' stamps are: of the last answer, say. If it is more than a second before that of the
                last call, a recording has started again, and what was then still to come is forgotten.
        """
        if now < self._now - _RESTART:
            self._keep(lambda span: (span.begin if span.end is None else span.end) <= now)
        self._now, begin = now, now - self.window
        self._keep(lambda span: span.end is None or span.end > begin)
        found: dict[str, Presence] = {}
        for span in sorted(self._spans, key=lambda span: span.came):  # those of one face stay in their order
            since, until = max(span.begin, begin), now if span.end is None else min(span.end, now)
            if until < since:
                continue
            one = found.setdefault(span.face_id, Presence(span.face_id, since, until))
            one.begin, one.end = min(one.begin, since), max(one.end, until)
            one.shown[span.label] = one.shown.get(span.label, 0.0) + until - since
            one.changes += span.changed and span.begin >= begin
            one.is_there, one.label = span.end is None, span.label
        return list(found.values())

    def who_showed(self, label: str, now: float) -> dict[str, float]:
        """Who showed a label in the last `window` seconds, by face id, and for how many of them."""
        return {one.face_id: one.shown[label] for one in self.presences(now) if one.shown.get(label, 0.0) > 0}

    def _keep(self, wanted: Callable[[_Span], bool]) -> None:
        self._spans = deque(filter(wanted, self._spans), maxlen=_KEPT)
        self._open = {name: span for name, span in self._open.items() if wanted(span)}


def summarize(events: Iterable[EmotionEvent], now: float, window: float = 60.0) -> list[Presence]:
    """Everybody who was there in the `window` seconds before `now`, by all events of a recording or a graph.

    >>> events = [EmotionEvent("appeared", "1", 10.0, "happy", "", 0.9, 0.0),
    ...           EmotionEvent("left", "1", 30.0, "", "happy", 0.0, 20.0)]
    >>> [(face.seconds, face.is_there) for face in summarize(events, now=80.0)]
    [(10.0, False)]
    """
    recent = RecentEvents(window)
    for event in events:
        recent.add(event)
    return recent.presences(now)
