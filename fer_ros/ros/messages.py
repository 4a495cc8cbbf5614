"""Faces and emotions to messages and back. Nothing in a message from outside can raise here."""

from __future__ import annotations

import array
import math

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from vision_msgs.msg import BoundingBox2D, Detection2D, Detection2DArray, ObjectHypothesisWithPose

from fer_ros.labels import EMOTIONS, FACE_CLASS
from fer_ros.media.calibration import Calibration
from fer_ros.msg import Emotion as EmotionMessage
from fer_ros.msg import EmotionArray
from fer_ros.ros.exchange import AnyEmotions, AnyFaces, LocalEmotions, LocalFaces
from fer_ros.types import Box, Emotion, Face


def stamp_key(header: Header) -> tuple[int, int]:
    """A header's stamp as (seconds, nanoseconds): what two messages of one image share."""
    return header.stamp.sec, header.stamp.nanosec


def seconds(stamp: Time) -> float:
    """A stamp in seconds."""
    return stamp.sec + stamp.nanosec * 1e-9


def box_to_message(box: Box) -> BoundingBox2D:
    message = BoundingBox2D(size_x=box.width, size_y=box.height)
    message.center.position.x = box.cx
    message.center.position.y = box.cy
    message.center.theta = box.roll
    return message


def box_from_message(message: BoundingBox2D) -> Box:
    """The box as it is in the message, usable or not; a roll that is not finite becomes 0."""
    centre = message.center
    roll = centre.theta if math.isfinite(centre.theta) else 0.0
    return Box(centre.position.x, centre.position.y, message.size_x, message.size_y, roll)


def faces_to_message(faces: list[Face], header: Header) -> Detection2DArray:
    """Every face as a detection of the class `face`, its track in `id`, its roll in `bbox.center.theta`."""
    message = Detection2DArray(header=header)
    for face in faces:
        result = ObjectHypothesisWithPose()
        result.hypothesis.class_id = FACE_CLASS
        result.hypothesis.score = face.score
        message.detections.append(Detection2D(header=header, results=[result], bbox=box_to_message(face.box), id=face.id))
    return message


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


def emotions_to_message(emotions: list[Emotion], header: Header, model: str) -> EmotionArray:
    message = EmotionArray(header=header, model=model, labels=list(EMOTIONS))
    for emotion in emotions:
        message.emotions.append(
            EmotionMessage(
                face_id=emotion.face_id,
                bbox=box_to_message(emotion.box),
                detection_score=emotion.detection_score,
                label=emotion.label,
                confidence=emotion.confidence,
                probabilities=_floats(emotion.probabilities),
                raw_probabilities=_floats(emotion.raw_probabilities),
            )
        )
    return message


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


def _floats(values: np.ndarray) -> array.array:
    return array.array("f", values.astype(np.float32).tobytes())
