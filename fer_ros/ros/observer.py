# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Watches a running graph from outside: its answers, its health, its overlay."""

from __future__ import annotations

import re
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import Image

from fer_ros.graph import Graph
from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.msg import EmotionArray
from fer_ros.ros.diagnostics import PUBLISHERS_OF
from fer_ros.ros.guard import Repetitions
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import emotions_from_message, seconds, stamp_key
from fer_ros.ros.qos import PICTURES, RESULTS, UNKNOWN_NODE, name_of
from fer_ros.types import Emotion
from fer_ros.types import Image as Pixels
from fer_ros.words import listed, one_line

_DIAGNOSTICS = "/diagnostics"
_COUNTERS = ("frames", "subscribers")  # values that decide how a run goes on
_LABELS = {*EMOTIONS, UNCERTAIN}
_LONGEST_ID = 64  # characters
_ANSWERS = 1000  # whose overlay images may still come
_EARLY = 4  # overlay images that came before their answer and wait for it
_SHOWN = 5  # names


@dataclass
class Health:
    """A node's last diagnostics: its state in words and its values by name."""

    state: str
    values: dict[str, str]


def number(text: str | None) -> int:
    """A diagnostics value as a whole number; -1 where it is none."""
    return int(text) if text is not None and re.fullmatch("[0-9]{1,18}", text) else -1


def _seconds(text: str) -> float:
    """A time as it is in diagnostics; 0 where it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def _fault_of(emotions: Sequence[Emotion]) -> str:
    """Why an answer cannot be one of the graph's; empty where it can."""
    for one in emotions:
        if one.label not in _LABELS:
            return f"its label '{one.label}' is unknown"
        if not 0 <= one.confidence <= 1.001:  # false for NaN, too
            return f"its confidence {one.confidence:g} is not from 0 to 1"
        if not one.face_id.isprintable() or len(one.face_id) > _LONGEST_ID:
            return f"its face id '{one.face_id}' cannot be shown"
    return ""


class Observer(Node):
    """Calls back for every answer and overlay image, and keeps every node's last diagnostics in `health`.

    A message that cannot come from the graph is left out and told once; `left_out` counts them by topic. An overlay image is
    one of the graph's if its stamp is that of an answer, whichever of the two comes first.
    """

    CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE
    _PRESENT = 60.0  # seconds that the stamp of a live image may be away from now

    def __init__(
        self, graph: Graph, on_emotions: Callable[[list[Emotion], float, float], None],
        on_overlay: Callable[[Pixels, float], None] | None, is_ours: Callable[[str], bool],
        tell: Callable[[str], None] = lambda text: None, live: bool = False,
    ):
        """Subscribe.

        Args:
            on_emotions: called with a frame's emotions, its stamp and the latency of the answer, both in seconds.
            on_overlay: called with the overlay image and its stamp; without it the overlay is not subscribed to.
            is_ours: whether a process, as host:pid, belongs to the graph; see `strangers` for others.
            tell: called with what a user should know.
            live: whether the images are of now.
        """
        # Without services for parameters, which it has none of: they are one more thing that others can call.
        super().__init__("fer_ros_run", namespace=graph.nodes[0].namespace, start_parameter_services=False)
        self.health: dict[str, Health] = {}
        self.left_out: Counter[str] = Counter()
        self._elsewhere: set[str] = set()  # names of ours that somebody reports under
        self._is_ours, self._begun = is_ours, time.time()
        self._tell, self._told, self._live = tell, Repetitions(), live
        self._topics = graph.topics
        self._names = {node.full_name: node.executable for node in graph.nodes}
        self._own = {*self._names, *(process.node.full_name for process in graph.processes), UNKNOWN_NODE}
        self._on_emotions, self._on_overlay = on_emotions, on_overlay
        self._answered: OrderedDict[tuple[int, int], None] = OrderedDict()  # stamps
        self._early: OrderedDict[tuple[int, int], Image] = OrderedDict()
        self._listen(EmotionArray, graph.topics.emotions, self._emotions, RESULTS)
        self._listen(DiagnosticArray, _DIAGNOSTICS, self._diagnostics, RESULTS)
        if on_overlay is not None:
            self._listen(Image, graph.topics.overlay, self._overlay, PICTURES)

    @property
    def strangers(self) -> set[str]:
        """Names of the graph's nodes that a process reports under which is none of the graph's and has been there longer.

        A report alone may be anybody's: the ROS graph has to show such a node beside the graph's own.
        """
        if not self._elsewhere:
            return set()
        there = Counter(map(name_of, self.get_publishers_info_by_topic(_DIAGNOSTICS)))
        return {name for name in self._elsewhere if there[name] > (self._names[name] in self.health)}

    def leave_out(self, topic: str, reason: object) -> None:
        """Count a message that is none of the graph's, or cannot be used, and tell it once."""
        self.left_out[topic] += 1
        if not self._told.is_new(topic, str(reason)):
            return
        others = sorted({name_of(info) for info in self.get_publishers_info_by_topic(topic)} - self._own)
        whose = f"; besides the graph's own, {listed(others, _SHOWN)} can have sent it" if others else ""
        self._tell(one_line(f"a message on {topic} is left out: {reason}{whose}"))

    def failed(self, error: Exception) -> None:
        """Tell once what a callback of rclpy's own raised."""
        text = f"a request or message could not be handled: {error}"
        if self._told.is_new("", text):
            self._tell(one_line(text))

    def _listen(self, kind: type, topic: str, callback: Callable[[Any], None], qos: QoSProfile) -> None:
        def guarded(message: Any) -> None:
            try:
                callback(message)
            except Exception as error:  # a message from outside can be wrong in any way
                self.leave_out(topic, error)

        self.create_subscription(kind, topic, guarded, qos)

    def _latency(self, stamp: float) -> float:
        """Seconds since a stamp. Raises ValueError where it cannot be the stamp of an image of the graph's."""
        if stamp <= 0:
            raise ValueError("it has no stamp")
        latency = self.get_clock().now().nanoseconds * 1e-9 - stamp
        if self._live and abs(latency) > self._PRESENT:
            raise ValueError(f"its stamp is {abs(latency):.0f} s {'ago' if latency > 0 else 'ahead'}")
        return latency

    def _emotions(self, message: EmotionArray) -> None:
        stamp, emotions = seconds(message.header.stamp), emotions_from_message(message)
        latency, fault = self._latency(stamp), _fault_of(emotions)
        if fault:
            raise ValueError(fault)
        self._on_emotions(emotions, stamp, latency)
        key = stamp_key(message.header)
        self._answered[key] = None
        while len(self._answered) > _ANSWERS:
            self._answered.popitem(last=False)
        early = self._early.pop(key, None)
        if early is not None:
            self._overlay(early)

    def _overlay(self, message: Image) -> None:
        self._latency(seconds(message.header.stamp))
        key = stamp_key(message.header)
        if key in self._answered:
            assert self._on_overlay is not None  # it is subscribed to for this alone
            self._on_overlay(to_bgr(message), seconds(message.header.stamp))
            return
        self._early[key] = message
        if len(self._early) > _EARLY:
            self._early.popitem(last=False)
            raise ValueError("its stamp is that of no answer")

    def _diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name in self._names:
                values = {entry.key: entry.value for entry in status.values}
                if not self._is_ours(values.get("process", "")):
                    if _seconds(values.get("started", "")) < self._begun:
                        self._elsewhere.add(status.name)
                    continue
                wrong = [key for key in _COUNTERS if number(values.get(key, "0")) < 0]
                if wrong:
                    self.leave_out(_DIAGNOSTICS, f"its {wrong[0]} are '{values[wrong[0]]}', which is no number")
                    continue
                self.health[self._names[status.name]] = Health(status.message, values)

    def change_state(self, name: str, transition: int) -> Future:
        """Ask a managed node, by its absolute name, for CONFIGURE or ACTIVATE; the answer has `success`."""
        client = self.create_client(ChangeState, f"{name}/change_state")
        future = Future()

        def ask() -> None:
            # A request to a service that has not been found yet would be lost.
            if client.service_is_ready():
                self.destroy_timer(timer)
                client.call_async(ChangeState.Request(transition=Transition(id=transition))).add_done_callback(
                    lambda answer: future.set_result(answer.result()))

        timer = self.create_timer(0.05, ask)
        return future

    def hears(self) -> bool:
        """Whether this end, too, has found the publishers that it listens to; one end knows of the other first."""
        topics = [self._topics.emotions, *([self._topics.overlay] if self._on_overlay else [])]
        return all(self.count_publishers(topic) for topic in topics)

    def others_hear(self, inside: Mapping[str, int]) -> bool:
        """Whether some nodes have found all who subscribe to their results, as far as the ROS graph knows.

        Args:
            inside: of each, by its executable, how many listen within its process.
        """
        return all(number(self.health[name].values.get("subscribers")) >= listeners + self.count_subscribers(topic)
                   for name, listeners in inside.items()
                   for topic in [self._topics.emotions if name == "emotion_node" else self._topics.faces])

    def is_ready(self, executable: str, subscribers: int, reads: str | None) -> bool:
        """Whether a node works, has so many subscribers, and has found the publisher of the topic that it `reads`."""
        health = self.health.get(executable)
        if health is not None and health.state == "disabled":
            return True  # as its parameters say: it hears nobody, and need not
        if health is None or number(health.values.get("subscribers")) < subscribers:
            return False
        return reads is None or number(health.values.get(f"{PUBLISHERS_OF}{reads}")) > 0
