# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The topics of REP-155 of a graph that runs as a user starts it, and a ROS4HRI detector that finds its faces."""

from __future__ import annotations

import re

import pytest

# Reads as libhri does: who is tracked, then the topics of each of them.
READER = """
import sys, rclpy
from hri_msgs.msg import Expression, IdsList, NormalizedRegionOfInterest2D
from rclpy.node import Node

rclpy.init()
node, heard = Node("reader"), {}

def tracked(message):
    for name in message.ids:
        if name not in heard:
            place = f"/robot1/humans/faces/{name}"
            heard[name] = [
                node.create_subscription(Expression, f"{place}/expression", lambda m: print(
                    "expression", name, m.expression, m.confidence, flush=True), 10),
                node.create_subscription(NormalizedRegionOfInterest2D, f"{place}/roi", lambda m: print(
                    "roi", name, m.xmin, m.xmax, flush=True), 10)]

node.create_subscription(IdsList, "/robot1/humans/faces/tracked", tracked, 10)
print("listening", flush=True)
rclpy.spin(node)
"""
# Finds one face where there is one in the demo clip, and says so as hri_face_detect does.
DETECTOR = """
import rclpy
from hri_msgs.msg import IdsList, NormalizedRegionOfInterest2D
from rclpy.node import Node
from sensor_msgs.msg import Image
from fer_ros import FaceDetector
from fer_ros.ros.images import to_bgr

rclpy.init()
node, detector = Node("detector"), FaceDetector()
roi = node.create_publisher(NormalizedRegionOfInterest2D, "/robot1/humans/faces/bf3d/roi", 1)
ids = node.create_publisher(IdsList, "/robot1/humans/faces/tracked", 1)

def look(message):
    faces = detector.detect(to_bgr(message))[:1]
    for face in faces:
        left, top, right, bottom = face.box.xyxy
        roi.publish(NormalizedRegionOfInterest2D(
            header=message.header, xmin=max(0.0, left / message.width), ymin=max(0.0, top / message.height),
            xmax=min(1.0, right / message.width), ymax=min(1.0, bottom / message.height), c=face.score))
    ids.publish(IdsList(header=message.header, ids=["bf3d"] if faces else []))

node.create_subscription(Image, "/camera/image_raw", look, 1)
rclpy.spin(node)
"""


@pytest.mark.parametrize("composed", ["--composed", "--no-composed"])
def test_faces_and_expressions_are_on_the_topics_of_rep_155(fer_ros, python, composed):
    reader = python("-c", READER)
    reader.wait_for(lambda: "listening" in reader.text, "the reader")
    command = fer_ros("run", "--source", "demo", "--loop", "--hri", "--humans-namespace", "/robot1/humans", composed)
    reader.wait_for(lambda: "roi" in reader.text and "expression" in reader.text, "a face")
    name, share = re.search(r"expression ([a-z]{4}1) happy (0\.\d+|1\.0)", reader.text).groups()
    assert float(share) > 0.5
    assert re.search(rf"roi {name} 0\.\d+ 0\.\d+", reader.text)
    assert command.end() == 0, command.text
    assert "Traceback" not in command.text + reader.text


@pytest.mark.parametrize("composed", ["--composed", "--no-composed"])
def test_the_faces_of_a_ros4hri_detector_have_expressions(fer_ros, python, composed):
    reader, detector = python("-c", READER), python("-c", DETECTOR)
    reader.wait_for(lambda: "listening" in reader.text, "the reader")
    command = fer_ros("run", "--source", "demo", "--loop", "--hri", "--faces", "hri", "--humans-namespace", "/robot1/humans",
                      composed)
    reader.wait_for(lambda: "expression bf3d happy" in reader.text, "an expression")
    command.wait_for(lambda: re.search(r"face bf3d +happy", command.text), "the face")
    assert command.end() == 0, command.text
    assert "Traceback" not in command.text + reader.text + detector.text


def test_a_detector_that_is_not_there_is_named(fer_ros):
    command = fer_ros("run", "--source", "demo", "--faces", "/other/faces")
    command.wait_for(lambda: "nobody publishes /other/faces" in command.text, "the warning")
    assert command.end() == 0, command.text
