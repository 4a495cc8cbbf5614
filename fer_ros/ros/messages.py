# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Faces and emotions to messages and back. Nothing in a message from outside can raise here."""

from __future__ import annotations

import array
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from builtin_interfaces.msg import Duration, Time
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox2D,
    Detection2D,
    Detection2DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
    Point2D,
    Pose2D,
)

from fer_ros.media.calibration import Calibration
from fer_ros.message_fields import emotions_message, event_message, faces_message
from fer_ros.msg import Emotion as EmotionMessage
from fer_ros.msg import EmotionArray
from fer_ros.msg import EmotionEvent as EventMessage
from fer_ros.ros.exchange import AnyEmotions, AnyFaces, LocalEmotions, LocalFaces
from fer_ros.ros.qos import type_name
from fer_ros.types import EVENTS, Box, Emotion, EmotionEvent, Face

_NUMBER = {"float": float, "double": float} | {f"{sign}int{bits}": int for sign in ("", "u") for bits in (8, 16, 32, 64)}


def _numbers(kind: Any) -> list[tuple[str, type]]:
    """The fields of a message that are one number, and what each has to be in Python."""
    return [(name, _NUMBER[declared]) for name, declared in kind.get_fields_and_field_types().items() if declared in _NUMBER]


class _Rclpy:
    """Makes messages of the classes that a node publishes."""

    _CLASSES: ClassVar[dict[str, type]] = {type_name(kind): kind for kind in (
        BoundingBox2D, Detection2D, Detection2DArray, Duration, EmotionArray, EmotionMessage, EventMessage, ObjectHypothesis,
        ObjectHypothesisWithPose, Point2D, Pose2D)}

    # rclpy reads the memory of a number in a message as that of a float or an int, whatever it is: an int 1 is sent as 5e-324.
    _NUMBERS: ClassVar[dict[str, list[tuple[str, type]]]] = {name: _numbers(kind) for name, kind in _CLASSES.items()}

    @classmethod
    def message(cls, kind: str, /, **fields: Any) -> Any:
        """See `Maker`."""
        for name, number in cls._NUMBERS[kind]:
            if name in fields:
                fields[name] = number(fields[name])
        return cls._CLASSES[kind](**fields)

    @staticmethod
    def floats(values: NDArray[Any], /) -> array.array[float]:
        """An array of the type that rclpy takes without a look at each number."""
        return array.array("f", np.asarray(values, np.float32).tobytes())


def stamp_key(header: Header) -> tuple[int, int]:
    """A header's stamp as (seconds, nanoseconds): what two messages of one image share."""
    return header.stamp.sec, header.stamp.nanosec


def seconds(stamp: Time | Duration) -> float:
    """A stamp, or a duration, in seconds."""
    time: float = stamp.sec + stamp.nanosec * 1e-9
    return time


def box_from_message(message: BoundingBox2D) -> Box:
    """The box as it is in the message, usable or not; a roll that is not finite becomes 0."""
    centre = message.center
    roll = centre.theta if math.isfinite(centre.theta) else 0.0
    return Box(centre.position.x, centre.position.y, message.size_x, message.size_y, roll)


def located_in(emotions: AnyEmotions, faces: AnyFaces | None) -> list[Face]:
    """Where faces are by the messages of one image, boxes that make no sense included.

    What only one of them has is there, too: the emotion node may leave out faces that were found.
    """
    found: list[Face] = []
    if isinstance(faces, LocalFaces):
        found += faces.faces
    elif faces is not None:
        found += [Face(box_from_message(one.bbox), 1.0, id=one.id) for one in faces.detections]
    known = {face.box for face in found}
    found += [Face(one.box, 1.0, id=one.face_id) for one in emotions_from_message(emotions) if one.box not in known]
    return found


def faces_to_message(faces: Sequence[Face], header: Header) -> Detection2DArray:
    """Every face as a detection of the class `face`, its track in `id`, its roll in `bbox.center.theta`."""
    return faces_message(_Rclpy, faces, header)


def faces_from_message(message: AnyFaces) -> tuple[list[Face], int]:
    """The detections that have a usable box, and how many have not.

    The score is the best of a detection's results, 1 where a detector gives none.
    """
    if isinstance(message, LocalFaces):
        return list(message.faces), 0
    faces = []
    for detection in message.detections:
        box = box_from_message(detection.bbox)
        if box.is_usable():
            scores = [r.hypothesis.score for r in detection.results if math.isfinite(r.hypothesis.score)]
            score = min(1.0, max(0.0, max(scores))) if scores else 1.0
            faces.append(Face(box, score, id=detection.id))
    return faces, len(message.detections) - len(faces)


def emotions_to_message(emotions: Sequence[Emotion], header: Header, model: str) -> EmotionArray:
    """What every face shows, by a model of this name."""
    return emotions_message(_Rclpy, emotions, header, model)


def emotions_from_message(message: AnyEmotions) -> list[Emotion]:
    """The emotions as they are in the message; a reader must be ready for boxes and numbers that make no sense."""
    if isinstance(message, LocalEmotions):
        return list(message.emotions)
    return [
        Emotion(
            face_id=one.face_id,
            box=box_from_message(one.bbox),
            detection_score=one.detection_score,
            label=one.label,
            confidence=one.confidence,
            probabilities=np.array(one.probabilities, np.float32),
            raw_probabilities=np.array(one.raw_probabilities, np.float32),
        )
        for one in message.emotions
    ]


def event_to_message(event: EmotionEvent, header: Header) -> EventMessage:
    """Something that changed; the header is that of the image in which it happened."""
    return event_message(_Rclpy, event, header)


def event_from_message(message: EventMessage) -> EmotionEvent | None:
    """An event as it is in the message, with the message's header as its frame; None where its kind is unknown."""
    if not 1 <= message.kind <= len(EVENTS):
        return None
    return EmotionEvent(EVENTS[message.kind - 1], message.face_id, seconds(message.header.stamp), message.label,
                        message.previous_label, message.confidence, seconds(message.lasted), message.header)


def camera_info(header: Header, width: int, height: int, calibration: Calibration | None) -> CameraInfo:
    """A CameraInfo; without a calibration its K is 0, which is ROS's way to say so."""
    message = CameraInfo(header=header, width=width, height=height)
    if calibration is not None:
        message.distortion_model = calibration.distortion_model
        message.d = list(calibration.distortion)
        message.k = list(calibration.camera_matrix)
        message.r = list(calibration.rectification)
        message.p = list(calibration.projection)
    return message
