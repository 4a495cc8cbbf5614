# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Finds the topics of a running graph that a launch file has given other names than the graph's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.subscription import Subscription

from fer_ros.graph import webcam_graph
from fer_ros.ros.diagnostics import PUBLISHERS_OF
from fer_ros.ros.qos import RESULTS, type_name

_OWN = webcam_graph({}).topics
_SUFFIX = "/compressed"
IMAGE, CAMERA_INFO, FACES, EMOTIONS, EVENTS, _OVERLAY = (name.removeprefix("/") for name in (
    _OWN.image, _OWN.camera_info, _OWN.faces, _OWN.emotions, _OWN.events, _OWN.overlay))
IMAGE_COMPRESSED, OVERLAY_COMPRESSED = f"{IMAGE}{_SUFFIX}", f"{_OVERLAY}{_SUFFIX}"
_PIPELINE, _DETECTOR = "pipeline_node", "fer/face_detector_node"
_SOURCES = ("camera/camera_node", "camera/replay_node")
_PUBLISHERS = {
    **dict.fromkeys((IMAGE, IMAGE_COMPRESSED, CAMERA_INFO), _SOURCES),
    FACES: (_DETECTOR, "fer/hri_faces_node"),
    **dict.fromkeys((EMOTIONS, EVENTS), ("fer/emotion_node",)), OVERLAY_COMPRESSED: ("fer/overlay_node",)}
_TAKING_IMAGES = (_PIPELINE, _DETECTOR, "fer/hri_faces_node")
_TAKING_FACES = ("fer/emotion_node",)
_RAW, _COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_DETECTIONS = "vision_msgs/msg/Detection2DArray"
_TopicsOf = Callable[[str, str], list[tuple[str, list[str]]]]
"""What rclpy tells by a node's name and namespace."""


class Names:
    """The names of a graph's topics, as they are found.

    Args:
        node: looks.
        prefix: of the graph, absolute; empty for none.
    """

    def __init__(self, node: Node, prefix: str):
        self._node, self._prefix = node, prefix
        self._reports: Subscription | None = None
        self._reported = ""  # topic of the images that the detector says it looks at

    def own(self, topic: str) -> str:
        """The graph's own name for a topic, one of those above."""
        return f"{self._prefix}/{topic}"

    def renamed(self, topic: str, kind: type) -> str:
        """The name of a topic that nobody publishes under its own; empty where none is found."""
        if found := self._published(_PUBLISHERS.get(topic, ()), type_name(kind)):
            return found
        return self._taken(_TAKING_FACES, _DETECTIONS) if topic == FACES else ""

    def elsewhere(self, topic: str) -> str:
        """Of images and their camera info: the name where the graph takes those of others; empty where it does not.

        That may be so although the graph's own camera publishes some.
        """
        if topic not in (IMAGE, IMAGE_COMPRESSED, CAMERA_INFO):
            return ""
        raw = self._taken(_TAKING_IMAGES, _RAW)
        compressed = self._taken(_TAKING_IMAGES, _COMPRESSED)
        if not (raw or compressed):
            raw, compressed = self._taken_for_all()
        image = raw or compressed.removesuffix(_SUFFIX)
        own = self._published(_SOURCES, _RAW) or self.own(IMAGE)
        if not image or image == own:
            return ""
        return {IMAGE: image, IMAGE_COMPRESSED: compressed or f"{image}{_SUFFIX}",
                CAMERA_INFO: f"{image.rpartition('/')[0]}/camera_info"}[topic]  # where camera drivers have it

    def _taken_for_all(self) -> tuple[str, str]:
        """The topics of raw and of compressed images, one of them empty, where this graph is that of one of several cameras.

        One node takes in the images of all, and the ROS graph does not tell which are whose: the detector's reports do. Both
        are empty where this graph is no such one, and until such a report has come.
        """
        if not self._prefix:
            return "", ""
        if self._reports is None:
            self._reports = self._node.create_subscription(DiagnosticArray, "/diagnostics", self._hear, RESULTS)
        taken = self._topics(f"{self._prefix.rpartition('/')[0]}/{_PIPELINE}",
                             self._node.get_subscriber_names_and_types_by_node)
        image = self._reported
        if _RAW in taken.get(image, ()):
            return image, ""
        return "", next((name for name in (f"{image}{_SUFFIX}", image) if _COMPRESSED in taken.get(name, ())), "")

    def _hear(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self.own(_DETECTOR):
                told = [entry.key for entry in status.values if entry.key.startswith(PUBLISHERS_OF)]
                if len(told) == 1:  # it takes nothing else; while it rests it tells of none
                    self._reported = told[0].removeprefix(PUBLISHERS_OF)

    def _published(self, nodes: Iterable[str], kind: str) -> str:
        return self._of(nodes, kind, self._node.get_publisher_names_and_types_by_node)

    def _taken(self, nodes: Iterable[str], kind: str) -> str:
        return self._of(nodes, kind, self._node.get_subscriber_names_and_types_by_node)

    def _of(self, nodes: Iterable[str], kind: str, topics_of: _TopicsOf) -> str:
        """The topic of a type at which one of some nodes is; empty where none of them is there, or not at one such topic."""
        for full in map(self.own, nodes):
            found = [topic for topic, types in self._topics(full, topics_of).items() if kind in types]
            if len(found) == 1:
                return found[0]
        return ""

    def _topics(self, full_name: str, topics_of: _TopicsOf) -> dict[str, list[str]]:
        """The topics at which a node is, each with its types; none where the node is not there."""
        for name, namespace in self._node.get_node_names_and_namespaces():
            if f"{namespace.rstrip('/')}/{name}" == full_name:
                with contextlib.suppress(RuntimeError):  # it has just gone
                    return dict(topics_of(name, namespace))
        return {}
