# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Hears topics and hands on their messages as they come over the wire."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription

from fer_ros.ros.names import Names
from fer_ros.ros.qos import RESULTS, as_offered, explain_silence, explain_type, type_name

_DEPTH = 100


class Recorder(Node):
    """Subscribes to topics of a graph as soon as somebody publishes them, with the quality of service that is offered.

    It follows where a launch file has given a topic another name, and takes the images that the graph takes.

    Args:
        topics: message types by topic, as `fer_ros.ros.names` has them.
        prefix: of the graph, absolute; empty for none.
        early: those that are subscribed to before anybody publishes them, with the quality of service of results: nothing is
            missed of a graph that starts.
        heard: called with topic, type as `package/msg/Name`, time of receipt in nanoseconds since 1970, and CDR bytes. What it
            raises is raised by `check`, and nothing more is given to it.
        tell: called, once for each topic, with what a user should know.
    """

    _LOOK = 0.2  # seconds between two looks for publishers

    def __init__(self, topics: Mapping[str, type], prefix: str, early: Collection[str],
                 heard: Callable[[str, str, int, bytes], None], tell: Callable[[str], None]):
        # Without services for parameters, which it has none of: they are one more thing that others can call.
        super().__init__("fer_ros_record", start_parameter_services=False)
        self._topics, self._missing, self._heard, self._tell = dict(topics), set(topics), heard, tell
        self._names = Names(self, prefix)
        self._called = {topic: self._names.own(topic) for topic in topics}
        self._mistyped: set[str] = set()
        self._failure: Exception | None = None
        self._subscribed = {topic: self._subscribe(topic, RESULTS) for topic in early}
        self.create_timer(self._LOOK, self._look)
        self._look()

    def name(self, topic: str) -> str:
        """A topic's absolute name, as far as it is known."""
        return self._called[topic]

    def explain(self) -> None:
        """Tell why the topics that nobody publishes are silent."""
        for topic in (one for one in self._topics if one in self._missing):
            if topic not in self._mistyped:
                self._tell(explain_silence(self, self.name(topic), self._topics[topic], QoSProfile(depth=1)))

    def check(self) -> None:
        """Raise what `heard` raised: unlike what others send, that ends a recording."""
        if self._failure is not None:
            raise self._failure

    def _look(self) -> None:
        for topic, kind in self._topics.items():
            self._follow(topic, kind)
            publishers = self.get_publishers_info_by_topic(self.name(topic))
            offered = [info for info in publishers if info.topic_type == type_name(kind)]
            is_new = topic in self._missing
            if offered:
                self._missing.discard(topic)
                self._suit(topic, as_offered(offered, _DEPTH), is_new)
            elif is_new and publishers and topic not in self._mistyped:
                self._mistyped.add(topic)
                self._tell(f"{explain_type(self, self.name(topic), kind, publishers)}. Until then it is not recorded")

    def _suit(self, topic: str, wanted: QoSProfile, is_new: bool) -> None:
        """Subscribe to a topic as it is offered, and anew where that has changed: a driver may come back as another one."""
        asked = self._subscribed[topic].qos_profile if topic in self._subscribed else None
        if not is_new:
            wanted.durability = DurabilityPolicy.VOLATILE  # what is kept for who comes late has come already
        if asked is not None and asked.reliability == wanted.reliability and (
                not is_new or asked.durability == wanted.durability):
            return
        self._unsubscribe(topic)
        self._subscribed[topic] = self._subscribe(topic, wanted)

    def _follow(self, topic: str, kind: type) -> None:
        """Look whether a topic has another name than the one that is known. Images that are taken elsewhere can come late."""
        name = self._names.elsewhere(topic)
        if not name and topic in self._missing:
            own = self._names.own(topic)
            name = own if self.count_publishers(own) else self._names.renamed(topic, kind)
        if not name or name == self.name(topic):
            return
        self._tell(f"{self._names.own(topic)} has another name here: recording {name}")
        self._called[topic] = name
        self._missing.add(topic)
        if self._unsubscribe(topic):
            self._subscribed[topic] = self._subscribe(topic, RESULTS)

    def _unsubscribe(self, topic: str) -> bool:
        """Whether it was subscribed to."""
        subscription = self._subscribed.pop(topic, None)
        if subscription is not None:
            self.destroy_subscription(subscription)
        return subscription is not None

    def _subscribe(self, topic: str, qos: QoSProfile) -> Subscription:
        name, kind = self.name(topic), self._topics[topic]

        def write(data: bytes) -> None:
            if self._failure is not None:
                return
            try:
                self._heard(name, type_name(kind), time.time_ns(), data)
            except Exception as error:
                self._failure = error

        return self.create_subscription(kind, name, write, qos, raw=True)
