# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

import array

import numpy as np
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

from fer_ros.nodes.face_detector import FaceDetectorNode


def test_a_face_is_published_as_the_standard_message(bench, astronaut, message_of):
    found = bench.listen(Detection2DArray, "faces")
    bench.add(FaceDetectorNode)
    bench.speak(Image, "image")(message_of(astronaut, 12, 345))
    bench.wait_for(lambda: found, "faces")
    (face,) = found[0].detections
    assert (found[0].header.stamp.sec, found[0].header.stamp.nanosec) == (12, 345)
    assert found[0].header.frame_id == face.header.frame_id == "camera_optical_frame"
    assert face.id == "1"
    assert face.results[0].hypothesis.class_id == "face"
    assert 0.6 <= face.results[0].hypothesis.score <= 1
    assert 90 < face.bbox.size_x < 250
    assert abs(face.bbox.center.theta) < 0.5


def test_an_image_without_a_face_gives_an_empty_array_with_its_stamp(bench, message_of):
    found = bench.listen(Detection2DArray, "faces")
    bench.add(FaceDetectorNode)
    bench.speak(Image, "image")(message_of(np.zeros((480, 640, 3), np.uint8), 3))
    bench.wait_for(lambda: found, "an empty array")
    assert found[0].detections == []
    assert found[0].header.stamp.sec == 3


def test_no_image_ends_the_node_and_one_error_is_said_once(bench, astronaut, message_of, monkeypatch):
    found = bench.listen(Detection2DArray, "faces")
    node = bench.add(FaceDetectorNode)
    said = []
    monkeypatch.setattr(type(node.get_logger()), "error", lambda self, text, **_: said.append(text))
    send = bench.speak(Image, "image")
    for i in range(5):
        broken = message_of(astronaut, i)
        broken.data = array.array("B", broken.data[:1000])
        send(broken)
        bench.wait_for(lambda n=i + 1: node.diagnostics.total("errors") == n, "the broken image to be counted")
    assert len(said) == 1
    assert "1000 bytes" in said[0]
    send(message_of(astronaut, 9))
    bench.wait_for(lambda: found, "faces after broken images")
    assert found[0].header.stamp.sec == 9


def test_ids_say_which_camera(bench, astronaut, message_of):
    found = bench.listen(Detection2DArray, "faces")
    node = bench.add(FaceDetectorNode, id_prefix="left_")
    assert not node.set_parameters([Parameter("id_prefix", value="left/")])[0].successful
    bench.speak(Image, "image")(message_of(astronaut, 1))
    bench.wait_for(lambda: found, "faces")
    assert [face.id for face in found[0].detections] == ["left_1"]


def test_a_threshold_takes_effect_while_it_runs(bench, astronaut, message_of):
    found = bench.listen(Detection2DArray, "faces")
    node = bench.add(FaceDetectorNode)
    send = bench.speak(Image, "image")
    assert node.set_parameters([Parameter("min_face_size", value=400)])[0].successful
    send(message_of(astronaut, 1))
    bench.wait_for(lambda: found, "faces")
    assert found[0].detections == []


def test_a_missing_model_ends_configuration(bench):
    node = bench.add(FaceDetectorNode, start=False, model="no_such_model.onnx")
    assert node.trigger_configure().name == "FAILURE"
