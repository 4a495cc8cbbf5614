# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What goes over topics: how often, how large, from whom to whom, and who gets nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from rclpy.qos import DurabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from fer_ros.message_fields import OVERLAYS
from fer_ros.ros.listener import message_class
from fer_ros.ros.qos import UNKNOWN_NODE, as_offered, mismatches, name_of
from fer_ros.ros.visitor import Visitor

_DEPTH = 10
UNTOLD = ("/parameter_events", "/rosout", "/transition_event")
"""How topics end that every node has, and nobody means."""
_SEVERAL = "it has several types"
_LOOK = 0.3  # seconds between two looks who is there


@dataclass
class Traffic:
    """A topic.

    Attributes:
        publishers, subscribers: who is at it, without those who only look.
        messages, size: how many have come, and their bytes.
        not_measured: why none were counted; empty where they were.
        problems: who gets nothing, and why, each a sentence.
    """

    name: str
    publishers: list[TopicEndpointInfo]
    subscribers: list[TopicEndpointInfo]
    not_measured: str = ""
    messages: int = 0
    size: int = 0
    first: float = 0.0
    last: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return sorted({info.topic_type for info in (*self.publishers, *self.subscribers)})

    @property
    def rate(self) -> float | None:
        """Messages per second; None of fewer than two."""
        return (self.messages - 1) / (self.last - self.first) if self.messages > 1 and self.last > self.first else None

    def count(self, data: bytes) -> None:
        """A message has come."""
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.messages += 1
        self.size += len(data)


def topics_of(visitor: Visitor, nodes: Collection[str] | None, names: Collection[str] = ()) -> list[Traffic]:
    """Topics at which some nodes are now, by their full names, and those of some names.

    Args:
        nodes: None for all topics there are.
    """
    every = [Traffic(name, *_ends_of(visitor, name)) for name, _ in sorted(visitor.get_topic_names_and_types())]
    return [one for one in every if one.publishers or one.subscribers if one.name in names or _is_of(one, nodes)]


def _is_of(topic: Traffic, nodes: Collection[str] | None) -> bool:
    ends = _all_ends([topic])
    if nodes is None:
        return bool(ends)
    return any(name_of(info) in nodes for info in ends) and not topic.name.endswith(UNTOLD)


def measure(visitor: Visitor, look: Callable[[], Collection[Traffic]], seconds: float,
            named: Collection[str] = ()) -> list[Traffic]:
    """Count what comes for a while, and look who gets nothing.

    Args:
        look: the topics that are there; one process is found after the other.
        named: topics that are counted although nobody subscribes to them, so that they would not be made otherwise.
    """
    found: dict[str, Traffic] = {}
    subscriptions: dict[str, Subscription] = {}
    end, looked = time.monotonic() + seconds, 0.0
    while (left := end - time.monotonic()) > 0:
        if time.monotonic() - looked > _LOOK:
            looked = time.monotonic()
            for topic in look():
                known = found.setdefault(topic.name, topic)
                known.publishers, known.subscribers = topic.publishers, topic.subscribers
                if topic.name not in subscriptions and (made := _subscribed(visitor, known, topic.name in named)):
                    subscriptions[topic.name] = made
        visitor.step(min(left, 0.05))
    for subscription in subscriptions.values():
        visitor.destroy_subscription(subscription)
    for topic in found.values():
        if len(_published(topic)) > 1:  # one of them may have been found late
            topic.not_measured = _SEVERAL
        topic.problems = mismatches(topic.publishers, topic.subscribers)
        if topic.subscribers and not topic.publishers:
            topic.problems.append("nobody publishes it")
    return sorted(found.values(), key=lambda topic: topic.name)


def _subscribed(visitor: Visitor, topic: Traffic, is_named: bool) -> Subscription | None:
    """A subscription that counts; None where there is a reason not to."""
    topic.not_measured = ""
    types = _published(topic)
    kind = message_class(next(iter(types))) if len(types) == 1 else None
    if not topic.publishers:
        topic.not_measured = "nobody publishes it"
    elif kind is None:
        topic.not_measured = _SEVERAL if len(types) > 1 else "its type is not installed here"
    elif topic.name.endswith(OVERLAYS) and not topic.subscribers and not is_named:
        topic.not_measured = "nobody subscribes, so that it is not made; name it to measure it all the same"
    else:
        wanted = as_offered(topic.publishers, _DEPTH)
        wanted.durability = DurabilityPolicy.VOLATILE  # what is kept for who comes late is not of now
        return visitor.create_subscription(kind, topic.name, topic.count, wanted, raw=True)
    return None


def _published(topic: Traffic) -> set[str]:
    """The types of what is published."""
    return {info.topic_type for info in topic.publishers}


def _ends_of(visitor: Visitor, topic: str) -> tuple[list[TopicEndpointInfo], list[TopicEndpointInfo]]:
    """Publishers and subscribers."""
    return (_ends(visitor.get_publishers_info_by_topic(topic)), _ends(visitor.get_subscriptions_info_by_topic(topic)))


def _ends(infos: Collection[TopicEndpointInfo]) -> list[TopicEndpointInfo]:
    """Without those who only look, as this process does."""
    return [info for info in infos if not info.node_name.startswith("_") or name_of(info) == UNKNOWN_NODE]


def _all_ends(topics: Collection[Traffic]) -> list[TopicEndpointInfo]:
    return [info for topic in topics for info in (*topic.publishers, *topic.subscribers)]
