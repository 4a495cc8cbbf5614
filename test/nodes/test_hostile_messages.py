# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whatever comes on a node's topics, the node goes on, counts it, and says so no more than a few times."""

from __future__ import annotations

import array

import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from fer_ros.msg import Emotion, EmotionArray
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode

NUMBERS = (0.0, -1.0, 1e-300, 1e300, float("inf"), float("-inf"), float("nan"))


def header(sec: int, nanosec: int = 0) -> Header:
    made = Header(frame_id="x")
    made.stamp.sec, made.stamp.nanosec = sec, nanosec
    return made


def odd_images() -> list[Image]:
    byte, lots = array.array("B", [0]), array.array("B", bytes(3 * 64 * 64))
    shapes = [(1, 1), (1, 4096), (4096, 1), (64, 64), (2**32 - 1, 2**32 - 1), (2**32 - 1, 1), (1, 2**32 - 1), (0, 0), (0, 64)]
    encodings = ("bgr8", "nonsense", "", "nv12", "bayer_rggb8", "32FC1", "x" * 10_000, "\x1b[2J")
    return [Image(height=height, width=width, encoding=encoding, step=step, data=data)
            for height, width in shapes for encoding in encodings
            for step, data in ((0, array.array("B")), (1, byte), (192, lots), (2**32 - 1, lots))]


def odd_faces(number: float) -> list[Detection2D]:
    """Detections with a number in each of their fields, with ids that are empty, the same, or long."""
    made = []
    for place in range(6):
        one = Detection2D(id=("", "1", "x" * 10_000)[place % 3])
        values = [20.0, 20.0, 30.0, 30.0, 0.0, 0.9]
        values[place] = number
        one.bbox.center.position.x, one.bbox.center.position.y, one.bbox.size_x, one.bbox.size_y = values[:4]
        one.bbox.center.theta = values[4]
        result = ObjectHypothesisWithPose()
        result.hypothesis.score = values[5]
        one.results = [result] * (place % 3)
        made.append(one)
    return made


@pytest.fixture
def said(monkeypatch):
    texts: list[str] = []

    def listen(node):
        for level in ("warning", "error"):
            monkeypatch.setattr(type(node.get_logger()), level, lambda self, text, **_: texts.append(text))
        return texts

    return listen


def test_images_of_any_kind_end_no_detector(bench, said, astronaut, message_of):
    node = bench.add(FaceDetectorNode)
    texts, faces, send = said(node), bench.listen(Detection2DArray, "faces"), bench.speak(Image, "image")
    for count, message in enumerate(odd_images(), 1):
        message.header = header(count - 200, count)
        send(message)
        bench.wait_for(lambda count=count: node.diagnostics.total("images") == count, "the image")
    assert node.diagnostics.total("errors") > count // 2
    assert 3 < len(texts) <= 10
    assert all(len(text) < 600 and text.isprintable() for text in texts)
    send(message_of(astronaut, 2000))
    bench.wait_for(lambda: any(one.header.stamp.sec == 2000 and one.detections for one in faces), "the face")


@pytest.mark.parametrize("stamps", [(0, -1, 2**31 - 1, 5, 4, 3, -(2**31), 2000)])
def test_stamps_of_any_kind_end_no_detector(bench, astronaut, message_of, stamps):
    bench.add(FaceDetectorNode)
    faces, send = bench.listen(Detection2DArray, "faces"), bench.speak(Image, "image")
    for count, sec in enumerate(stamps, 1):
        send(message_of(astronaut, sec))
        bench.wait_for(lambda count=count: len(faces) == count, "the faces")
    assert [one.header.stamp.sec for one in faces] == list(stamps)
    assert all(one.detections for one in faces)


def test_faces_of_any_kind_end_no_emotion_node(bench, said, astronaut, message_of):
    node = bench.add(EmotionNode)
    texts, emotions = said(node), bench.listen(EmotionArray, "emotions")
    messages = [Detection2DArray(detections=odd_faces(number)) for number in NUMBERS]
    many = odd_faces(0.0)[5]
    messages.append(Detection2DArray(detections=[many] * 10_000))
    faces, images = bench.speak(Detection2DArray, "faces"), bench.speak(Image, "image")
    for number, message in enumerate(messages, 1):
        message.header = header(number)
        faces(message)
        images(message_of(astronaut, number))
        bench.wait_for(lambda number=number: emotions and emotions[-1].header.stamp.sec == number, f"an answer to {number}")
        for one in emotions[-1].emotions:
            assert abs(sum(one.probabilities) - 1) < 1e-3
    assert len(texts) <= 10
    assert node.diagnostics.total("unusable boxes") > 10


def test_emotions_of_any_kind_end_no_overlay(bench, said, astronaut, message_of):
    node = bench.add(OverlayNode)
    pictures = bench.listen(Image, "overlay")
    emotions, images = bench.speak(EmotionArray, "emotions"), bench.speak(Image, "image")
    texts = said(node)
    number = 0
    for length in (0, 1, 6, 8, 1000):
        for value in NUMBERS:
            number += 1
            one = Emotion(face_id="\x1b\n" * 100, label="\x00x" * length, confidence=max(-1e38, min(value, 1e38)),
                          detection_score=0.5)
            one.bbox.center.position.x = one.bbox.size_x = one.bbox.center.theta = value
            one.bbox.center.position.y = one.bbox.size_y = 50.0
            one.probabilities = one.raw_probabilities = array.array("f", [value] * length)
            emotions(EmotionArray(header=header(number), labels=["\u00b2" * length] * (length % 10), emotions=[one] * 3))
            images(message_of(astronaut, number))
            bench.spin(0.02)
    emotions(EmotionArray(header=header(2000)))
    images(message_of(astronaut, 2000))
    bench.wait_for(lambda: pictures and pictures[-1].header.stamp.sec == 2000, "the last picture")
    assert len(texts) <= 10
    assert all(text.isprintable() for text in texts)


@pytest.mark.parametrize(("stamp", "reason"), [((0, 0), "no stamp"), ((7, 5), "the same stamp")])
def test_images_that_cannot_be_told_apart_are_not_paired_with_faces(bench, said, astronaut, message_of, stamp, reason):
    node = bench.add(EmotionNode)
    texts, emotions = said(node), bench.listen(EmotionArray, "emotions")
    faces, images = bench.speak(Detection2DArray, "faces"), bench.speak(Image, "image")
    face = odd_faces(0.0)[5]
    for left_out in (2, 5, 8):
        images(message_of(astronaut, *stamp))
        images(message_of(np.zeros_like(astronaut), *stamp))
        bench.wait_for(lambda left_out=left_out: node._images.dropped == left_out, "the images to be left out")
        faces(Detection2DArray(header=header(*stamp), detections=[face]))
        bench.wait_for(lambda left_out=left_out: node._images.dropped == left_out + 1, "the faces to be left out")
    assert not emotions
    assert [reason in text and "/image and /faces" in text for text in texts] == [True]
    faces(Detection2DArray(header=header(8), detections=[face]))
    images(message_of(astronaut, 8))
    bench.wait_for(lambda: emotions, "an answer")
    assert emotions[0].header.stamp.sec == 8
