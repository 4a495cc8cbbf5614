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

from rclpy.node import Node

from fer_ros.graph import webcam_graph
from fer_ros.ros.qos import type_name

_OWN = webcam_graph({}).topics
_SUFFIX = "/compressed"
IMAGE, CAMERA_INFO, FACES, EMOTIONS, EVENTS, _OVERLAY = (name.removeprefix("/") for name in (
    _OWN.image, _OWN.camera_info, _OWN.faces, _OWN.emotions, _OWN.events, _OWN.overlay))
IMAGE_COMPRESSED, OVERLAY_COMPRESSED = f"{IMAGE}{_SUFFIX}", f"{_OVERLAY}{_SUFFIX}"
_SOURCES = ("camera/camera_node", "camera/replay_node")
_PUBLISHERS = {
    **dict.fromkeys((IMAGE, IMAGE_COMPRESSED, CAMERA_INFO), _SOURCES),
    FACES: ("fer/face_detector_node", "fer/hri_faces_node"),
    **dict.fromkeys((EMOTIONS, EVENTS), ("fer/emotion_node",)), OVERLAY_COMPRESSED: ("fer/overlay_node",)}
_TAKING_IMAGES = ("pipeline_node", "fer/face_detector_node", "fer/hri_faces_node")
_TAKING_FACES = ("fer/emotion_node",)
_RAW, _COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
_DETECTIONS = "vision_msgs/msg/Detection2DArray"


class Names:
    """The names of a graph's topics, as they are found.

    Args:
        node: looks.
        prefix: of the graph, absolute; empty for none.
    """

    def __init__(self, node: Node, prefix: str):
        self._node, self._prefix = node, prefix

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
        image = raw or compressed.removesuffix(_SUFFIX)
        own = self._published(_SOURCES, _RAW) or self.own(IMAGE)
        if not image or image == own:
            return ""
        return {IMAGE: image, IMAGE_COMPRESSED: compressed or f"{image}{_SUFFIX}",
                CAMERA_INFO: f"{image.rpartition('/')[0]}/camera_info"}[topic]  # where camera drivers have it

    def _published(self, nodes: Iterable[str], kind: str) -> str:
        return self._of(nodes, kind, self._node.get_publisher_names_and_types_by_node)

    def _taken(self, nodes: Iterable[str], kind: str) -> str:
        return self._of(nodes, kind, self._node.get_subscriber_names_and_types_by_node)

    def _of(self, nodes: Iterable[str], kind: str, topics_of: Callable[[str, str], list[tuple[str, list[str]]]]) -> str:
        """The topic of a type at which one of some nodes is; empty where none of them is there, or not at one such topic."""
        there = {f"{namespace.rstrip('/')}/{name}": (name, namespace)
                 for name, namespace in self._node.get_node_names_and_namespaces()}
        for full in map(self.own, nodes):
            if full in there:
                with contextlib.suppress(RuntimeError):  # it has just gone
                    found = [topic for topic, types in topics_of(*there[full]) if kind in types]
                    if len(found) == 1:
                        return found[0]
        return ""
