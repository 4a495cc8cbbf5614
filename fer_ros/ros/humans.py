# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The topics of REP-155 (ROS4HRI) about faces: published and subscribed to, one namespace a face. Needs hri_msgs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hri_msgs.msg import Expression, IdsList, NormalizedRegionOfInterest2D
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from fer_ros.parameters.hri_params import HriParams
from fer_ros.perception.face_images import aligned_face, cropped_face
from fer_ros.perception.humans import expression_of, normalized
from fer_ros.ros.event_callbacks import PublisherEventCallbacks
from fer_ros.ros.images import from_bgr
from fer_ros.ros.output import Output
from fer_ros.ros.qos import PICTURES, RESULTS
from fer_ros.types import Box, Emotion
from fer_ros.types import Image as Pixels

TRACKED, LIST = "faces/tracked", IdsList
"""The topic that says who is there, below the humans' namespace, and its type."""
PICTURE_KINDS: dict[str, Callable[[Pixels, Box, int, int], Pixels]] = {"cropped": cropped_face, "aligned": aligned_face}


def ids_list(header: Header, ids: list[str]) -> IdsList:
    """Who is tracked."""
    return IdsList(header=header, ids=ids)


class FaceTopics:
    """What is published of one face, from when it comes to when it leaves.

    Args:
        place: the face's namespace.
        params: which topics there are.
    """

    def __init__(self, node: Node, place: str, params: HriParams):
        self._node, self._place = node, place
        self._outputs: dict[str, Output] = {"expression": self._made(Expression, "expression")}
        if params.publish_faces:
            self._outputs["roi"] = self._made(NormalizedRegionOfInterest2D, "roi")
        self.follow(params)

    def follow(self, params: HriParams) -> None:
        """Make and end the topics with pictures as the parameters ask."""
        for name in PICTURE_KINDS:
            wanted = params.publish_faces and getattr(params, name)
            if wanted and name not in self._outputs:
                self._outputs[name] = self._made(Image, name)
            elif not wanted and name in self._outputs:
                self._node.destroy_publisher(self._outputs.pop(name).publisher)

    def publish(self, header: Header, emotion: Emotion, pixels: Callable[[], Pixels], size: tuple[int, int],
                params: HriParams) -> None:
        """Publish what a frame says of the face, for those who listen.

        Args:
            pixels: gives the frame's, if asked.
            size: its width and height.
        """
        word, confidence = expression_of(emotion)
        self._outputs["expression"].publish(lambda: Expression(header=header, expression=word, confidence=confidence))
        if "roi" in self._outputs:
            self._outputs["roi"].publish(lambda: _roi(header, emotion, size))
        for name, cut in PICTURE_KINDS.items():
            if name in self._outputs and self._outputs[name].remote:
                face = cut(pixels(), emotion.box, params.crop_width, params.crop_height)
                self._outputs[name].publish(partial(from_bgr, face, header))

    def close(self) -> None:
        while self._outputs:
            self._node.destroy_publisher(self._outputs.popitem()[1].publisher)

    def _made(self, kind: type, name: str) -> Output:
        # Without rclpy's own callbacks: their callback group would remember each one for ever, and people come and go.
        publisher: Any = self._node.create_publisher(kind, f"{self._place}/{name}",
                                                     PICTURES if kind is Image else RESULTS,
                                                     event_callbacks=PublisherEventCallbacks(use_default_callbacks=False))
        return Output(publisher, None)


def _roi(header: Header, emotion: Emotion, size: tuple[int, int]) -> NormalizedRegionOfInterest2D:
    left, top, right, bottom = normalized(emotion.box, *size)
    score = min(1.0, max(0.0, emotion.detection_score))
    return NormalizedRegionOfInterest2D(header=header, xmin=left, ymin=top, xmax=right, ymax=bottom, c=score)


class RoiInput:
    """Where another node says that one face is, from when it comes to when it leaves."""

    def __init__(self, node: Node, topic: str, heard: Callable[[NormalizedRegionOfInterest2D], None]):
        self._node = node
        # A callback group of its own: the node's would remember each subscription for ever.
        self._subscription: Any = node.create_subscription(NormalizedRegionOfInterest2D, topic, heard, RESULTS,
                                                           callback_group=MutuallyExclusiveCallbackGroup())

    def close(self) -> None:
        self._node.destroy_subscription(self._subscription)
