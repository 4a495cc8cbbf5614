# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a node subscribes to, over ROS or within its process, and why one of its topics is silent."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from rclpy.node import Node
from rclpy.qos import QoSProfile

from fer_ros.ros.diagnostics import PUBLISHERS_OF
from fer_ros.ros.exchange import Exchange, Worker
from fer_ros.ros.qos import UNKNOWN_NODE, explain_silence, publishers_of, unfit

M = TypeVar("M")


class Receiver(Protocol):
    """What the inputs ask of, and tell, the node that they are of."""

    def takes_messages(self) -> bool:
        """Whether messages are wanted now; others are dropped."""

    def message_skipped(self) -> None:
        """A message of the same process was replaced by a newer one before it was taken."""

    def message_failed(self, topic: str, name: str, error: Exception) -> None:
        """A callback raised.

        Args:
            topic: as it was subscribed to.
            name: of the topic, fully resolved.
        """


class Input:
    """One subscription and when it last brought something.

    Attributes:
        topic: its name, fully resolved.
        kind: type of its messages.
        local: whether they come within the process.
        rare: whether it is no news that nothing comes.
        close: ends it.
    """

    def __init__(self, topic: str, kind: type, qos: QoSProfile, local: bool, rare: bool):
        self.topic, self.kind, self.qos, self.local, self.rare = topic, kind, qos, local, rare
        self.close: Callable[[], object] = lambda: None
        self._heard = time.monotonic()
        self._explained: set[str] = set()  # what has been said of this silence
        self._unnamed = False  # whether a publisher was found whose name had not come yet

    def hear(self) -> None:
        """A message has come: the next silence is another one."""
        self._heard = time.monotonic()
        self._explained.clear()

    def is_silent(self, timeout: float) -> bool:
        """Whether nothing has come for `timeout` seconds."""
        return not self.rare and time.monotonic() - self._heard > timeout

    def new_reason(self, node: Node) -> str:
        """Why it is silent, unless that has been said of this silence already; then an empty text."""
        if self.local:  # within the process somebody else knows why
            return ""
        reason = self.why_silent(node)
        was_unnamed, self._unnamed = self._unnamed, UNKNOWN_NODE in reason
        if self._unnamed and not was_unnamed:  # its name is on the way
            return ""
        if reason in self._explained:
            return ""
        self._explained.add(reason)  # it may become another one: a publisher of the wrong type comes late
        return reason

    def why_silent(self, node: Node) -> str:
        """Why nothing may be coming."""
        return explain_silence(node, self.topic, self.kind, self.qos)

    def publishers(self, node: Node) -> tuple[str, int]:
        """The topic on which messages come, and how many publish what this one understands."""
        return self.topic, len(publishers_of(node, self.topic, self.kind))

    def refused(self, node: Node) -> list[str]:
        """Whose messages it cannot get, and why, each in a sentence."""
        return unfit(node, self.topic, self.kind, self.qos)

    def follow(self) -> bool:
        """Look what there is, where that decides what is asked for; whether that may soon be something else."""
        return False

    def trouble(self) -> tuple[str, str]:
        """What goes wrong with what comes, in a few words, and, once, in a sentence; empty for nothing."""
        return "", ""


class Inputs:
    """The subscriptions of a node while it is active.

    Args:
        node: makes them.
        receiver: hears how they fare; the node itself, as a rule.
        exchange: what the nodes of one process share; None for a node alone.
    """

    def __init__(self, node: Node, receiver: Receiver, exchange: Exchange | None):
        self._node, self._receiver, self._exchange = node, receiver, exchange
        self._worker: Worker | None = None
        self._all: list[Input] = []

    def __iter__(self) -> Iterator[Input]:
        return iter(self._all)

    def is_local(self, topic: str) -> bool:
        """Whether a topic is published within the process, and handed on as it is."""
        return self._exchange is not None and self._node.resolve_topic_name(topic) in self._exchange.topics

    def subscribe(self, message_type: type[M], topic: str, callback: Callable[[M], None], qos: QoSProfile, *,
                  waited_for: bool = False, local_depth: int = 0, outside: bool = False, onlooker: bool = False,
                  rare: bool = False) -> None:
        """Take messages from now on. Whatever `callback` raises is told to the receiver: no message ends the node.

        Args:
            waited_for: whether a publisher in the same process waits until each message is taken. What this node cannot
                follow is then not made in the first place.
            local_depth: how many messages of the same process wait; 0 for as many as `qos` says.
            outside: over ROS, although the topic is handed on within the process.
            onlooker: whether no publisher in the same process ever waits for this node.
            rare: whether messages come only where something happens, so that a silence says nothing.
        """
        exchange = self._exchange if self.is_local(topic) and not outside else None
        entry = Input(self._node.resolve_topic_name(topic), message_type, qos, exchange is not None, rare)

        guarded = self._guarded(topic, entry, callback)
        if exchange is not None:
            self._worker = self._worker or Worker(patient=onlooker)
            depth = 1 if waited_for else local_depth or qos.depth
            entry.close = exchange.subscribe(entry.topic, self._worker, guarded, depth, waited_for,
                                             self._receiver.message_skipped, onlooker).close
        else:
            subscription = self._node.create_subscription(message_type, topic, guarded, qos)
            entry.close = lambda: self._node.destroy_subscription(subscription)
        self._all.append(entry)

    def add(self, entry: Input, topic: str, callback: Callable[[M], None]) -> Callable[[M], None]:
        """Count an input among these that makes its own subscription.

        Args:
            topic: as it is subscribed to.

        Returns:
            What that is to be given each message: `callback`, whose errors are told to the receiver.
        """
        self._all.append(entry)
        return self._guarded(topic, entry, callback)

    def _guarded(self, topic: str, entry: Input, callback: Callable[[M], None]) -> Callable[[M], None]:
        def guarded(message: M) -> None:
            entry.hear()
            if not self._receiver.takes_messages():
                return
            try:
                with self.busy:  # messages of the same process come in a thread of their own
                    callback(message)
            except Exception as error:  # a message from outside can be wrong in any way
                self._receiver.message_failed(topic, entry.topic, error)

        return guarded

    def follow(self) -> bool:
        """Let each look what there is, where that decides what is asked for; whether that may soon be something else."""
        return any([entry.follow() for entry in self._all])

    def close(self, attempt: Callable[[Callable[[], object]], object], topic: str | None = None) -> None:
        """End them all, or those of one topic.

        Args:
            attempt: does what it is given, and keeps to itself what that raises: one that fails must not keep the others.
        """
        name = None if topic is None else self._node.resolve_topic_name(topic)
        for entry in [one for one in reversed(self._all) if name in (None, one.topic)]:
            self._all.remove(entry)
            attempt(entry.close)
        if topic is None and self._worker is not None:
            self._worker.end()
            self._worker = None

    @property
    def busy(self) -> AbstractContextManager[object]:
        """Held while a message of the same process is worked on."""
        return self._worker.busy if self._worker else contextlib.nullcontext()

    def publishers(self) -> dict[str, int]:
        """How many publishers each topic has, as the diagnostics name it. What these send from here on arrives."""
        return {f"{PUBLISHERS_OF}{topic}": count for topic, count in (entry.publishers(self._node) for entry in self._all)}

    def refused(self) -> list[str]:
        """Who publishes what is subscribed to with a type or a QoS that does not fit, so that nothing of it comes."""
        return [text for entry in self._all if not entry.local for text in entry.refused(self._node)]
