"""Watches a running graph from outside: its answers, its health, its overlay."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import Image

from fer_ros.core.types import Emotion
from fer_ros.core.types import Image as Pixels
from fer_ros.graph import Graph
from fer_ros.msg import EmotionArray
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import emotions_from_message, seconds
from fer_ros.ros.qos import PICTURES, RESULTS


@dataclass
class Health:
    """A node's last diagnostics: its state in words and its values by name."""

    state: str
    values: dict[str, str]


def number(text: str | None) -> int:
    """A diagnostics value as a whole number; -1 where it is none."""
    return int(text) if text is not None and text.isdigit() else -1


def _seconds(text: str) -> float:
    """A time as it is in diagnostics; 0 where it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0


class Observer(Node):
    """Calls back for every answer and overlay image, and keeps every node's last diagnostics in `health`."""

    CONFIGURE, ACTIVATE = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE

    def __init__(
        self, graph: Graph, on_emotions: Callable[[list[Emotion], float, float], None],
        on_overlay: Callable[[Pixels, float], None] | None, is_ours: Callable[[str], bool],
    ):
        """Subscribe.

        Args:
            on_emotions: called with a frame's emotions, its stamp and the latency of the answer, both in seconds.
            on_overlay: called with the overlay image and its stamp; without it the overlay is not subscribed to.
            is_ours: whether a process, as host:pid, belongs to the graph; the names of nodes that report from another one,
                which has been there longer, are put into `strangers`.
        """
        super().__init__("fer_ros_run", namespace=graph.nodes[0].namespace)
        self.health: dict[str, Health] = {}
        self.strangers: set[str] = set()
        self._is_ours, self._begun = is_ours, time.time()
        self._topics = graph.topics
        self._names = {node.full_name: node.executable for node in graph.nodes}
        self._on_emotions, self._on_overlay = on_emotions, on_overlay
        self.create_subscription(EmotionArray, graph.topics.emotions, self._emotions, RESULTS)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._diagnostics, RESULTS)
        if on_overlay is not None:
            self.create_subscription(Image, graph.topics.overlay, self._overlay, PICTURES)

    def _emotions(self, message: EmotionArray) -> None:
        stamp = seconds(message.header.stamp)
        latency = self.get_clock().now().nanoseconds * 1e-9 - stamp
        self._on_emotions(emotions_from_message(message), stamp, latency)

    def _overlay(self, message: Image) -> None:
        self._on_overlay(to_bgr(message), seconds(message.header.stamp))

    def _diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name in self._names:
                values = {entry.key: entry.value for entry in status.values}
                if not self._is_ours(values.get("process", "")):
                    if _seconds(values.get("started", "")) < self._begun:
                        self.strangers.add(status.name)
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
        """Whether detector and emotion node have found all who subscribe to their results, as far as the ROS graph knows.

        Args:
            inside: of each, how many listen within its process.
        """
        topics = {"face_detector_node": self._topics.faces, "emotion_node": self._topics.emotions}
        return all(number(self.health[name].values.get("subscribers")) >= inside[name] + self.count_subscribers(topic)
                   for name, topic in topics.items())

    def is_ready(self, executable: str, subscribers: int, reads: str | None) -> bool:
        """Whether a node works, has so many subscribers, and has found the publisher of the topic that it `reads`."""
        health = self.health.get(executable)
        if health is None or number(health.values.get("subscribers")) < subscribers:
            return False
        return reads is None or number(health.values.get(f"publishers of {reads}")) > 0
