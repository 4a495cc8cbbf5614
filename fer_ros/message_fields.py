# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Faces and emotions as ROS messages, written once for nodes, whose classes are rclpy's, and for bags, whose are rosbags'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS, FACE_CLASS
from fer_ros.types import EVENTS, Box, Emotion, EmotionEvent, Face

FACES, EMOTION_ARRAY = "vision_msgs/msg/Detection2DArray", "fer_ros/msg/EmotionArray"
"""What a frame's faces and emotions are sent as."""
EMOTION_EVENT = "fer_ros/msg/EmotionEvent"
_LONGEST = (2**31 - 1) * 10**9
"""Nanoseconds that a Duration can hold."""
OVERLAYS = ("/fer/overlay", "/fer/overlay/compressed")
"""How the topics end on which the graph sends its input with the answers drawn in: no camera's images."""


class Maker(Protocol):
    """Makes messages of one library."""

    def message(self, kind: str, /, **fields: Any) -> Any:
        """One of type `kind`, `package/msg/Name`. Fields that are not named have their default, zero."""

    def floats(self, values: NDArray[Any], /) -> Any:
        """(N,) numbers as the library has them in a field `float32[]`."""


def box_message(make: Maker, box: Box) -> Any:
    """A box as vision_msgs/BoundingBox2D, its roll in `center.theta`."""
    centre = make.message("vision_msgs/msg/Pose2D", position=make.message("vision_msgs/msg/Point2D", x=box.cx, y=box.cy),
                          theta=box.roll)
    return make.message("vision_msgs/msg/BoundingBox2D", center=centre, size_x=box.width, size_y=box.height)


def faces_message(make: Maker, faces: Sequence[Face], header: Any) -> Any:
    """Every face as a detection of the class `face`, its track in `id`."""
    detections = []
    for face in faces:
        hypothesis = make.message("vision_msgs/msg/ObjectHypothesis", class_id=FACE_CLASS, score=face.score)
        result = make.message("vision_msgs/msg/ObjectHypothesisWithPose", hypothesis=hypothesis)
        detections.append(make.message("vision_msgs/msg/Detection2D", header=header, results=[result],
                                       bbox=box_message(make, face.box), id=face.id))
    return make.message(FACES, header=header, detections=detections)


def emotions_message(make: Maker, emotions: Sequence[Emotion], header: Any, model: str) -> Any:
    """What every face shows, by a model of this name."""
    found = [
        make.message(
            "fer_ros/msg/Emotion", face_id=emotion.face_id, bbox=box_message(make, emotion.box),
            detection_score=emotion.detection_score, label=emotion.label, confidence=emotion.confidence,
            probabilities=make.floats(emotion.probabilities), raw_probabilities=make.floats(emotion.raw_probabilities),
        )
        for emotion in emotions
    ]
    return make.message(EMOTION_ARRAY, header=header, model=model, labels=list(EMOTIONS), emotions=found)


def event_message(make: Maker, event: EmotionEvent, header: Any) -> Any:
    """Something that changed; the header is that of the image in which it happened."""
    seconds, nanoseconds = divmod(min(round(event.lasted * 1e9), _LONGEST), 10**9)
    return make.message(
        EMOTION_EVENT, header=header, face_id=event.face_id, kind=1 + EVENTS.index(event.kind), label=event.label,
        previous_label=event.previous_label, confidence=event.confidence,
        lasted=make.message("builtin_interfaces/msg/Duration", sec=seconds, nanosec=nanoseconds),
    )
