# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the page shows, as it is now. The node's threads feed it, the server's thread reads it."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fer_ros.types import Emotion, EmotionEvent
from fer_ros.web.history import History

_EVENTS = 200  # that are kept
Json = Any


@dataclass(frozen=True)
class Picture:
    """One frame for all pages.

    Attributes:
        number: counts up.
        message: the length of the head as 4 bytes, little endian; the head in JSON: number, stamp, size and faces; the JPEG.
    """

    number: int
    message: bytes


def head_of(emotions: Sequence[Emotion]) -> list[dict[str, Json]]:
    """The faces of a frame as the page draws them: boxes in pixels of the source image."""
    return [{"id": one.face_id, "box": [round(value, 2) for value in one.box.xyxy], "label": one.label,
             "confidence": round(float(one.confidence), 4)} for one in emotions]


class Live:
    """The newest picture, the lanes, the events, and named topics of JSON (health, parameters, ...), each with a version."""

    def __init__(self, begun: float | None = None) -> None:
        self.begun = time.time() if begun is None else begun
        self.watchers = 0
        """Pages that want pictures now; without one none is made."""
        self.frames_sent = self.frames_dropped = 0
        self._lock = threading.Lock()
        self._picture: Picture | None = None
        self._numbered = 0
        self._history = History()
        self._events: deque[tuple[int, dict[str, Json]]] = deque(maxlen=_EVENTS)
        self._event = 0
        self._topics: dict[str, tuple[int, str]] = {}
        self._changed: Callable[[], None] = lambda: None

    def on_change(self, changed: Callable[[], None]) -> None:
        """Whom to tell that something is new; called from any thread."""
        self._changed = changed

    # Fed.

    def show(self, jpeg: bytes, stamp: float, size: tuple[int, int], faces: list[dict[str, Json]] | None,
             latency: float | None) -> None:
        """A picture and the answers of this very frame.

        Args:
            size: width and height of the source image, whose pixels the boxes are in.
            faces: as `head_of`; None where nobody has looked for faces.
            latency: seconds from the image to its answer.
        """
        self._numbered += 1
        head = json.dumps({"n": self._numbered, "stamp": stamp, "size": size, "faces": faces, "latency": latency},
                          separators=(",", ":"), allow_nan=False).encode()
        picture = Picture(self._numbered, struct.pack("<I", len(head)) + head + jpeg)
        with self._lock:
            self._picture = picture
        self._changed()

    def forget_picture(self) -> None:
        """Give the newest picture to no page that has not seen it yet."""
        with self._lock:
            self._picture = None

    def answer(self, stamp: float, emotions: Sequence[Emotion]) -> None:
        """A frame's answers, for the lanes."""
        with self._lock:
            complete = self._history.add(stamp, emotions)
        if complete:
            self._changed()

    def happened(self, event: EmotionEvent) -> None:
        with self._lock:
            self._event += 1
            self._events.append((self._event, {"n": self._event, **event.to_dict()}))
        self._changed()

    def tell(self, topic: str, content: Json) -> None:
        """Something that the page shows as it is now; nothing is sent where it has not changed."""
        text = json.dumps(content, separators=(",", ":"), allow_nan=False, sort_keys=True)
        with self._lock:
            version, before = self._topics.get(topic, (0, ""))
            if text == before:
                return
            self._topics[topic] = (version + 1, text)
        self._changed()

    def summarise(self) -> None:
        """Tell the summary of the last minute."""
        with self._lock:
            people = self._history.summary()
        self.tell("summary", people)

    # Read.

    @property
    def picture(self) -> Picture | None:
        return self._picture

    def news(self, seen: Seen) -> list[str]:
        """What a page has not seen, as messages; it then counts as seen."""
        found = []
        with self._lock:
            if seen.cleared != self._history.cleared:
                seen.cleared, seen.sample = self._history.cleared, 0
                found.append('{"type":"clear"}')
            samples = self._history.since(seen.sample)
            events = [event for number, event in self._events if number > seen.event]
            topics = {topic: text for topic, (version, text) in self._topics.items() if seen.topics.get(topic) != version}
            seen.topics = {topic: version for topic, (version, _) in self._topics.items()}
        if samples:
            seen.sample = samples[-1].number
            found.append(json.dumps({"type": "samples", "samples": [one.to_json() for one in samples]}, separators=(",", ":")))
        if events:
            seen.event = events[-1]["n"]
            found.append(json.dumps({"type": "events", "events": events}, separators=(",", ":")))
        return found + [f'{{"type":"{topic}","content":{text}}}' for topic, text in topics.items()]


class Seen:
    """How far a page is: nothing waits for a slow one but these few numbers."""

    def __init__(self) -> None:
        self.sample = self.event = self.cleared = 0
        self.topics: dict[str, int] = {}


class Refused(Exception):
    """What a page asked for is not done; the text is the reason, in the node's own words where a node refused."""


class Control:
    """What a page may ask of the graph. Each returns when it is done, may be called from any thread, and may block.

    This one refuses everything; a node that is there fills in its own.
    """

    def set_parameter(self, node: str, name: str, value: Json) -> None:
        """Raises Refused with the node's reason."""
        raise Refused("parameters cannot be changed here")

    def switch(self, node: str, on: bool) -> None:
        """Let a node work or rest. Raises Refused."""
        raise Refused("nodes cannot be switched here")

    def record(self, on: bool) -> None:
        """Start or end a recording. Raises Refused."""
        raise Refused("nothing can be recorded here")

    def parameter_file(self) -> str:
        """What was changed, as a parameter file."""
        return ""

    def recordings(self) -> Mapping[str, Any]:
        """Paths of the finished recordings, by name."""
        return {}
