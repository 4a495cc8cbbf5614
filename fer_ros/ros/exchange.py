# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the nodes of one process hand on to each other as it is: nothing is serialized, and an image is never copied."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.media.compressed import compressed_size, decompressed
from fer_ros.msg import EmotionArray
from fer_ros.system.priority import give_way
from fer_ros.types import Comparable, Emotion, Face
from fer_ros.types import Image as Pixels


@dataclass(frozen=True, eq=False)
class LocalImage(Comparable):
    """Stands for a `sensor_msgs/Image`; `pixels` are HxWx3 uint8 BGR, to be read only."""

    header: Header
    pixels: Pixels


class PackedImage:
    """Stands for a `sensor_msgs/CompressedImage`: decoded once, when somebody looks at its pixels."""

    def __init__(self, message: CompressedImage):
        self.header: Header = message.header
        self.message = message

    @cached_property
    def pixels(self) -> Pixels:
        """HxWx3 uint8 BGR, to be read only. Raises ImageError where it is damaged."""
        return decompressed(self.message.data, self.message.format)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, without decoding it. Raises ImageError where it is damaged."""
        return compressed_size(self.message.data, self.message.format)


@dataclass(frozen=True)
class LocalFaces:
    """Stands for a `vision_msgs/Detection2DArray`, and brings the image along."""

    header: Header
    faces: Sequence[Face]
    image: Image | LocalImage | PackedImage


@dataclass(frozen=True)
class LocalEmotions:
    """Stands for a `fer_ros/EmotionArray`, and brings the image along, and all of the faces that were found in it."""

    header: Header
    emotions: Sequence[Emotion]
    labels: Sequence[str]
    image: Image | LocalImage | PackedImage
    faces: Detection2DArray | LocalFaces


AnyImage = Image | LocalImage | PackedImage
AnyFaces = Detection2DArray | LocalFaces
AnyEmotions = EmotionArray | LocalEmotions


class Worker:
    """A thread that works off what the other nodes of the process hand to one node, in the order in which it comes."""

    def __init__(self, patient: bool = False, name: str = "exchange"):
        """Args: patient: whether it gives way to the others where all cores are wanted; name: of the thread."""
        self._patient = patient
        self.busy = threading.RLock()  # held while a message is worked on
        self._waiting: deque[tuple[Inlet, Any]] = deque()
        self._change = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, inlet: Inlet, message: Any) -> None:
        """Hand a message over; see `Exchange.subscribe` for what happens where too many wait."""
        with self._change:
            while inlet.lossless and inlet.waiting >= inlet.depth and not (self._ended or inlet.closed):
                self._change.wait()
            if self._ended or inlet.closed:
                return
            if inlet.waiting >= inlet.depth:
                del self._waiting[next(i for i, (other, _) in enumerate(self._waiting) if other is inlet)]
                inlet.waiting -= 1
                inlet.skipped()
            self._waiting.append((inlet, message))
            inlet.waiting += 1
            self._change.notify_all()

    def wake(self) -> None:
        """Let whoever waits look again."""
        with self._change:
            self._change.notify_all()

    def end(self) -> None:
        """Finish the message in hand and no other."""
        with self._change:
            self._ended = True
            self._waiting.clear()
            self._change.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        if self._patient:
            give_way()
        while True:
            with self._change:
                while not self._waiting and not self._ended:
                    self._change.wait()
                if self._ended:
                    return
                inlet, message = self._waiting.popleft()
                inlet.waiting -= 1
                self._change.notify_all()
            with self.busy:
                if not inlet.closed:
                    inlet.callback(message)


class Inlet:
    """One subscription within the process."""

    def __init__(self, exchange: Exchange, topic: str, worker: Worker, callback: Callable[[Any], None], depth: int,
                 lossless: bool, skipped: Callable[[], None], onlooker: bool):
        self.topic, self.callback, self.depth, self.lossless, self.skipped = topic, callback, depth, lossless, skipped
        self.onlooker = onlooker
        self.waiting = 0
        self.closed = False
        self._exchange, self._worker = exchange, worker

    def put(self, message: Any) -> None:
        self._worker.put(self, message)

    def close(self) -> None:
        """Take nothing more; a message that is being worked on is finished first."""
        self.closed = True
        self._exchange.remove(self)
        self._worker.wake()
        with self._worker.busy:
            pass


class Exchange:
    """Who hears what within the process, by absolute topic name.

    Attributes:
        topics: those that are published within the process; all others come over ROS.

    Args:
        lossless: for all subscriptions, see `subscribe`.
    """

    def __init__(self, lossless: bool = False):
        self.topics: set[str] = set()
        self._lossless = lossless
        self._inlets: dict[str, tuple[Inlet, ...]] = {}
        self._lock = threading.Lock()

    def subscribe(self, topic: str, worker: Worker, callback: Callable[[Any], None], depth: int, lossless: bool = False,
                  skipped: Callable[[], None] = lambda: None, onlooker: bool = False) -> Inlet:
        """Take what is published on a topic.

        Args:
            callback: called in the worker's thread; must not raise.
            depth: how many messages wait.
            lossless: whether a publisher waits while so many do; otherwise the newest takes the place of the oldest.
            skipped: called for each message whose place was taken.
            onlooker: whether no publisher ever waits for this one, in a process that otherwise loses nothing, too, and it is
                given a message last.
        """
        waits = (lossless or self._lossless) and not onlooker
        inlet = Inlet(self, topic, worker, callback, max(depth, 1), waits, skipped, onlooker)
        with self._lock:
            self._inlets[topic] = (*self._inlets.get(topic, ()), inlet)
        return inlet

    def remove(self, inlet: Inlet) -> None:
        with self._lock:
            self._inlets[inlet.topic] = tuple(one for one in self._inlets.get(inlet.topic, ()) if one is not inlet)

    def listeners(self, topic: str) -> tuple[Inlet, ...]:
        return self._inlets.get(topic, ())

    def put(self, topic: str, message: Any) -> None:
        """Give a message to all who subscribe; returns when each has it or has let it go."""
        self.put_to(False, topic, message)
        self.put_to(True, topic, message)

    def put_to(self, onlookers: bool, topic: str, message: Any) -> None:
        """Give it to the onlookers alone, or to the others."""
        for inlet in self.listeners(topic):
            if inlet.onlooker == onlookers:
                inlet.put(message)
