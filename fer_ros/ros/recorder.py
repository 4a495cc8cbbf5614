"""Hears topics and hands on their messages as they come over the wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from fer_ros.ros.qos import RESULTS, explain_silence

_DEPTH = 100


class Recorder(Node):
    """Subscribes to topics as soon as somebody publishes them, with the quality of service that is offered.

    Args:
        topics: message types by absolute topic name.
        early: those that are subscribed to before anybody publishes them, with the quality of service of results: nothing is
            missed of a graph that starts.
        heard: called with topic, type as `package/msg/Name`, time of receipt in nanoseconds since 1970, and CDR bytes.
        tell: called, once for each topic, with what a user should know.
    """

    _LOOK = 0.2  # seconds between two looks for publishers

    def __init__(self, topics: Mapping[str, type], early: Collection[str], heard: Callable[[str, str, int, bytes], None],
                 tell: Callable[[str], None]):
        super().__init__("fer_ros_record")
        self._missing, self._heard, self._tell = dict(topics), heard, tell
        self._early = {topic: self._subscribe(topic, topics[topic], RESULTS) for topic in early}
        self.create_timer(self._LOOK, self._look)
        self._look()

    def explain(self) -> None:
        """Tell why the topics that nobody publishes are silent."""
        for topic in self._missing:
            self._tell(explain_silence(self, topic, QoSProfile(depth=1)))

    def _look(self) -> None:
        for topic, kind in list(self._missing.items()):
            offered = self.get_publishers_info_by_topic(topic)
            if not offered:
                continue
            del self._missing[topic]
            name = _name(kind)
            others = {info.topic_type for info in offered} - {name}
            if others:
                self._tell(f"{topic} is {', '.join(sorted(others))} and not {name}: it is not recorded")
                continue
            early = self._early.pop(topic, None)
            # As `ros2 bag record` does: as much as every publisher offers.
            reliable = all(info.qos_profile.reliability == ReliabilityPolicy.RELIABLE for info in offered)
            durable = all(info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for info in offered)
            if early is not None and reliable and not durable:
                continue
            if early is not None:
                self.destroy_subscription(early)
            self._subscribe(topic, kind, QoSProfile(
                depth=_DEPTH, history=HistoryPolicy.KEEP_LAST,
                reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
                durability=DurabilityPolicy.TRANSIENT_LOCAL if durable else DurabilityPolicy.VOLATILE,
            ))

    def _subscribe(self, topic: str, kind: type, qos: QoSProfile) -> Subscription:
        return self.create_subscription(kind, topic, lambda data: self._heard(topic, _name(kind), time.time_ns(), data), qos,
                                        raw=True)


def _name(kind: type) -> str:
    """A message type as `package/msg/Name`."""
    return f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
