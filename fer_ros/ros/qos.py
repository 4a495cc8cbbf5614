"""Quality of service: what the topics of the graph use, and why two ends do not match."""

from __future__ import annotations

from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible

from fer_ros.core.node_params import ImageInputParams, ImageOutputParams

RESULTS = QoSProfile(depth=100, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.RELIABLE,
                     durability=DurabilityPolicy.VOLATILE)
"""Faces, emotions, diagnostics: small, and none should be lost, though a reader may stand still for seconds."""

PICTURES = QoSProfile(depth=10, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.RELIABLE,
                      durability=DurabilityPolicy.VOLATILE)
"""The overlay: each a megabyte and more."""

_RELIABILITY = {"reliable": ReliabilityPolicy.RELIABLE, "best_effort": ReliabilityPolicy.BEST_EFFORT}
_DURABILITY = {"volatile": DurabilityPolicy.VOLATILE, "transient_local": DurabilityPolicy.TRANSIENT_LOCAL}


def image_qos(params: ImageOutputParams | ImageInputParams) -> QoSProfile:
    """The QoS profile that the parameters describe."""
    return QoSProfile(depth=params.image_depth, history=HistoryPolicy.KEEP_LAST,
                      reliability=_RELIABILITY[params.image_reliability], durability=_DURABILITY[params.image_durability])


def explain_silence(node: Node, topic: str, qos: QoSProfile) -> str:
    """Why nothing may be coming in on a topic: who publishes it, and whose QoS does not match.

    Args:
        topic: fully resolved name.
        qos: what the node asks for.
    """
    publishers = node.get_publishers_info_by_topic(topic)
    if not publishers:
        return f"nobody publishes {topic}: is its node running, in this ROS_DOMAIN_ID, and is the topic remapped right?"
    names = []
    for info in publishers:
        name = f"{info.node_namespace.rstrip('/')}/{info.node_name}"
        verdict, reason = qos_check_compatible(info.qos_profile, qos)
        if verdict == QoSCompatibility.ERROR:
            name += f" (its QoS does not match: {reason.strip()})"
        names.append(name)
    return f"nothing comes on {topic}, which is published by {', '.join(names)}: it may be waiting, paused or at its end"
