"""What goes over topics: how often, how large, from whom to whom, and who gets nothing."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from rclpy.qos import DurabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo

from fer_ros.message_fields import OVERLAYS
from fer_ros.ros.listener import message_class
from fer_ros.ros.qos import UNKNOWN_NODE, as_offered, mismatches, name_of
from fer_ros.ros.visitor import Visitor

_DEPTH = 10
UNTOLD = ("/parameter_events", "/rosout", "/transition_event")
"""How topics end that every node has, and nobody means."""
_SETTLED = 1.0  # seconds without a new end after which there will be no more


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


def topics_of(visitor: Visitor, nodes: Collection[str] | None, names: Collection[str]) -> list[Traffic]:
    """Topics at which some nodes are, by their full names, and those of some names.

    Args:
        nodes: None for all topics there are.
    """
    def found() -> list[Traffic]:
        every = [Traffic(name, *_ends_of(visitor, name)) for name, _ in sorted(visitor.get_topic_names_and_types())]
        return [one for one in every if one.name in names or _is_of(one, nodes)]

    # One process is found after the other, and the names of its nodes later still.
    latest, since = found(), time.monotonic()
    deadline = since + visitor.DISCOVERY
    while time.monotonic() < min(since + _SETTLED, deadline):
        visitor.step()
        now = found()
        if list(map(_names_of_ends, now)) != list(map(_names_of_ends, latest)):
            since = time.monotonic()
        latest = now
    return latest


def _is_of(topic: Traffic, nodes: Collection[str] | None) -> bool:
    ends = _all_ends([topic])
    if nodes is None:
        return bool(ends)
    return any(name_of(info) in nodes for info in ends) and not topic.name.endswith(UNTOLD)


def measure(visitor: Visitor, topics: Collection[Traffic], seconds: float, named: Collection[str]) -> None:
    """Count what comes for a while, and look who gets nothing.

    Args:
        named: topics that are counted although nobody subscribes to them, so that they would not be made otherwise.
    """
    subscriptions = [made for topic in topics for made in _subscribed(visitor, topic, topic.name in named)]
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        visitor.step(min(left, 0.05))
    for subscription in subscriptions:
        visitor.destroy_subscription(subscription)
    for topic in topics:
        topic.publishers, topic.subscribers = _ends_of(visitor, topic.name)  # somebody may have come
        topic.problems = mismatches(topic.publishers, topic.subscribers)
        if topic.subscribers and not topic.publishers:
            topic.problems.append("nobody publishes it")


def _subscribed(visitor: Visitor, topic: Traffic, is_named: bool) -> Iterator[Any]:
    """A subscription that counts; none where there is a reason not to."""
    types = {info.topic_type for info in topic.publishers}
    kind = message_class(next(iter(types))) if len(types) == 1 else None
    if not topic.publishers:
        topic.not_measured = "nobody publishes it"
    elif kind is None:
        topic.not_measured = "it has several types" if len(types) > 1 else "its type is not installed here"
    elif topic.name.endswith(OVERLAYS) and not topic.subscribers and not is_named:
        topic.not_measured = "nobody subscribes, so that it is not made; name it to measure it all the same"
    else:
        wanted = as_offered(topic.publishers, _DEPTH)
        wanted.durability = DurabilityPolicy.VOLATILE  # what is kept for who comes late is not of now
        yield visitor.create_subscription(kind, topic.name, topic.count, wanted, raw=True)


def _ends_of(visitor: Visitor, topic: str) -> tuple[list[TopicEndpointInfo], list[TopicEndpointInfo]]:
    """Publishers and subscribers."""
    return (_ends(visitor.get_publishers_info_by_topic(topic)), _ends(visitor.get_subscriptions_info_by_topic(topic)))


def _names_of_ends(topic: Traffic) -> tuple[str, list[str]]:
    return topic.name, sorted(map(name_of, _all_ends([topic])))


def _ends(infos: Collection[TopicEndpointInfo]) -> list[TopicEndpointInfo]:
    """Without those who only look, as this process does."""
    return [info for info in infos if not info.node_name.startswith("_") or name_of(info) == UNKNOWN_NODE]


def _all_ends(topics: Collection[Traffic]) -> list[TopicEndpointInfo]:
    return [info for topic in topics for info in (*topic.publishers, *topic.subscribers)]
