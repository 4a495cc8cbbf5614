"""Hears topics and hands on their messages as they come over the wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from fer_ros.ros.qos import RESULTS, as_offered, explain_silence, explain_type, type_name

_DEPTH = 100


class Recorder(Node):
    """Subscribes to topics as soon as somebody publishes them, with the quality of service that is offered.

    Args:
        topics: message types by absolute topic name.
        early: those that are subscribed to before anybody publishes them, with the quality of service of results: nothing is
            missed of a graph that starts.
        heard: called with topic, type as `package/msg/Name`, time of receipt in nanoseconds since 1970, and CDR bytes. What it
            raises is raised by `check`, and nothing more is given to it.
        tell: called, once for each topic, with what a user should know.
    """

    _LOOK = 0.2  # seconds between two looks for publishers

    def __init__(self, topics: Mapping[str, type], early: Collection[str], heard: Callable[[str, str, int, bytes], None],
                 tell: Callable[[str], None]):
        # Without services for parameters, which it has none of: they are one more thing that others can call.
        super().__init__("fer_ros_record", start_parameter_services=False)
        self._missing, self._heard, self._tell = dict(topics), heard, tell
        self._mistyped: set[str] = set()
        self._failure: Exception | None = None
        self._early = {topic: self._subscribe(topic, topics[topic], RESULTS) for topic in early}
        self.create_timer(self._LOOK, self._look)
        self._look()

    def explain(self) -> None:
        """Tell why the topics that nobody publishes are silent."""
        for topic, kind in self._missing.items():
            if topic not in self._mistyped:
                self._tell(explain_silence(self, topic, kind, QoSProfile(depth=1)))

    def check(self) -> None:
        """Raise what `heard` raised: unlike what others send, that ends a recording."""
        if self._failure is not None:
            raise self._failure

    def _look(self) -> None:
        for topic, kind in list(self._missing.items()):
            publishers = self.get_publishers_info_by_topic(topic)
            offered = [info for info in publishers if info.topic_type == type_name(kind)]
            if not offered:
                if publishers and topic not in self._mistyped:
                    self._mistyped.add(topic)
                    self._tell(f"{explain_type(self, topic, kind, publishers)}. Until then it is not recorded")
                continue
            del self._missing[topic]
            early = self._early.pop(topic, None)
            wanted = as_offered(offered, _DEPTH)
            if early is not None and (wanted.reliability, wanted.durability) == (RESULTS.reliability, RESULTS.durability):
                continue
            if early is not None:
                self.destroy_subscription(early)
            self._subscribe(topic, kind, wanted)

    def _subscribe(self, topic: str, kind: type, qos: QoSProfile) -> Subscription:
        def write(data: bytes) -> None:
            if self._failure is not None:
                return
            try:
                self._heard(topic, type_name(kind), time.time_ns(), data)
            except Exception as error:
                self._failure = error

        return self.create_subscription(kind, topic, write, qos, raw=True)
