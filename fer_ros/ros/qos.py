# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Quality of service: what the topics of the graph use, and why two ends do not match."""

from __future__ import annotations

from collections.abc import Sequence

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible
from rclpy.topic_endpoint_info import TopicEndpointInfo

from fer_ros.message_fields import OVERLAYS
from fer_ros.parameters.node_params import ImageInputParams, ImageOutputParams
from fer_ros.words import listed

RESULTS = QoSProfile(depth=100, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.VOLATILE)
"""Faces, emotions, diagnostics: small, and none should be lost, though a reader may stand still for seconds."""

PICTURES = QoSProfile(depth=10, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.RELIABLE,
                      durability=DurabilityPolicy.VOLATILE)
"""The overlay: each a megabyte and more."""

UNKNOWN_NODE = "a node whose name is not known yet"

_SHOWN = 5  # topics that are named at most
_RELIABILITY = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
_DURABILITY = {"volatile": DurabilityPolicy.VOLATILE, "transient_local": DurabilityPolicy.TRANSIENT_LOCAL}


def image_qos(params: ImageOutputParams | ImageInputParams, reliability: str = "") -> QoSProfile:
    """The QoS profile that the parameters describe; `reliability` in the place of theirs, if there is one."""
    return QoSProfile(
        depth=params.image_depth, history=HistoryPolicy.KEEP_LAST,
        reliability=_RELIABILITY[reliability or params.image_reliability], durability=_DURABILITY[params.image_durability])


def type_name(kind: type) -> str:
    """A message type as `package/msg/Name`."""
    return f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"


def publishers_of(node: Node, topic: str, kind: type) -> list[TopicEndpointInfo]:
    """Who publishes a topic, by its fully resolved name, with messages of a type."""
    return [info for info in node.get_publishers_info_by_topic(topic) if info.topic_type == type_name(kind)]


def as_offered(publishers: Sequence[TopicEndpointInfo], depth: int) -> QoSProfile:
    """What to ask of publishers, as `ros2 bag record` does: as much as every one of them offers."""
    offered = [info.qos_profile for info in publishers]
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
    durable = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
    return QoSProfile(
        depth=depth, history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if durable else DurabilityPolicy.VOLATILE,
    )


def mismatches(publishers: Sequence[TopicEndpointInfo], subscriptions: Sequence[TopicEndpointInfo]) -> list[str]:
    """Who of a topic's subscribers gets nothing from whom of its publishers, and why, each in a sentence."""
    return list(dict.fromkeys(filter(None, (
        _mismatch(publisher, subscription) for subscription in subscriptions for publisher in publishers))))


def _mismatch(publisher: TopicEndpointInfo, subscription: TopicEndpointInfo) -> str:
    reason = _why_nothing(publisher, subscription.topic_type, subscription.qos_profile)
    return reason and f"{name_of(subscription)} gets nothing from {name_of(publisher)}: {reason}"


def unfit(node: Node, topic: str, kind: type, qos: QoSProfile) -> list[str]:
    """Whose messages a subscription cannot get, and why, each in a sentence; for the arguments see `explain_silence`."""
    reasons = ((name_of(info), _why_nothing(info, type_name(kind), qos)) for info in node.get_publishers_info_by_topic(topic))
    return list(dict.fromkeys(f"nothing comes on {topic} from {name}: {reason}" for name, reason in reasons if reason))


def _why_nothing(publisher: TopicEndpointInfo, kind: str, asked: QoSProfile) -> str:
    """Why a subscription for a type and a QoS gets nothing from a publisher; empty where it does."""
    if publisher.topic_type != kind:
        return f"it takes {kind}, and {publisher.topic_type} is published"
    offered = publisher.qos_profile
    verdict, reason = qos_check_compatible(offered, asked)
    if verdict != QoSCompatibility.ERROR:
        return ""
    why = []
    if asked.reliability == ReliabilityPolicy.RELIABLE and offered.reliability == ReliabilityPolicy.BEST_EFFORT:
        why.append("it asks for reliable messages, and they are published best effort")
    if asked.durability == DurabilityPolicy.TRANSIENT_LOCAL and offered.durability == DurabilityPolicy.VOLATILE:
        why.append("it asks for messages of before it came (transient local), and none are kept (volatile)")
    return "; ".join(why) or reason.strip()


def explain_silence(node: Node, topic: str, kind: type, qos: QoSProfile, also: Sequence[str] = ()) -> str:
    """Why nothing may be coming in on a topic: who publishes it, and whose type or QoS does not match.

    Args:
        topic: fully resolved name.
        kind: type of the messages that the node takes.
        qos: what the node asks for.
        also: further topics, which nobody publishes, on which the same could come.
    """
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        topics = " or ".join([topic, *also])
        return f"nobody publishes {topics}: is its node running, in this ROS_DOMAIN_ID, and is the topic remapped right?"
    if all(info.topic_type != type_name(kind) for info in publishers):
        return explain_type(node, topic, kind, publishers)
    names = []
    for info in publishers:
        name = name_of(info)
        verdict, reason = qos_check_compatible(info.qos_profile, qos)
        if info.topic_type != type_name(kind):
            name += f" (as {info.topic_type} and not {type_name(kind)})"
        elif verdict == QoSCompatibility.ERROR:
            name += f" (its QoS does not match: {reason.strip()})"
        names.append(name)
    return f"nothing comes on {topic}, which is published by {', '.join(names)}: it may be waiting, paused or at its end"


def explain_type(node: Node, topic: str, kind: type, publishers: Sequence[TopicEndpointInfo]) -> str:
    """Which type a topic has whose publishers all have another one than `kind`, and what to do."""
    wanted = type_name(kind)
    published = ", ".join(sorted({info.topic_type for info in publishers}))
    text = (f"{topic} is {published} and not {wanted}, so that nothing can be taken from "
            f"{', '.join(sorted({name_of(info) for info in publishers}))}")
    others = sorted(name for name, types in node.get_topic_names_and_types() if wanted in types and name != topic
                    and not name.endswith(OVERLAYS) and publishers_of(node, name, kind))
    if others:
        return f"{text}: name the topic that has {wanted}: {listed(others, _SHOWN)}"
    if published == "sensor_msgs/msg/CompressedImage" and wanted == "sensor_msgs/msg/Image":
        return f"{text}: image_transport: auto or compressed takes it"
    return f"{text}: publish {wanted} there, or name another topic"


def name_of(info: TopicEndpointInfo) -> str:
    """The full name of an endpoint's node; `UNKNOWN_NODE` for one that has just been found."""
    if "_NODE_NAME_UNKNOWN_" in info.node_name:
        return UNKNOWN_NODE
    return f"{info.node_namespace.rstrip('/')}/{info.node_name}"
