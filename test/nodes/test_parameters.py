# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parameters: one table, refused with a reason, live where they can be, the same in the documents."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import rclpy
from rcl_interfaces.srv import DescribeParameters
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from fer_ros.media.source_params import SourceParams
from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.hri import HriNode
from fer_ros.nodes.hri_faces import HriFacesNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode
from fer_ros.nodes.replay import ReplayNode
from fer_ros.parameters.graph_params import NODES
from fer_ros.parameters.node_params import MatchingParams, NodeParams
from fer_ros.perception.detector import DetectorParams
from fer_ros.ros.exchange import Exchange
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.spinning import run_node

ROOT = Path(__file__).resolve().parents[2]


def set_one(node, name, value):
    return node.set_parameters([Parameter(name, value=value)])[0]


def test_a_bad_value_is_refused_with_the_reason_and_changes_nothing(bench):
    node = bench.add(FaceDetectorNode)
    for name, value in (("score_threshold", 1.5), ("score_threshold", "high"), ("score_threshold", float("nan")),
                        ("max_faces", 0), ("max_faces", 2.5)):
        result = set_one(node, name, value)
        assert not result.successful
        assert name in result.reason
    assert node.params[DetectorParams] == DetectorParams()


def test_an_integer_does_for_a_float_and_a_device_index_for_a_source(bench):
    node = bench.add(CameraNode, start=False, fps=15, source=3)
    assert node.params[SourceParams].fps == 15.0
    assert node.params[SourceParams].source == "3"


def test_a_bad_value_at_start_names_every_one(bench):
    with pytest.raises(ValueError, match=r"(?s)nms_threshold.*max_faces|max_faces.*nms_threshold") as raised:
        bench.add(FaceDetectorNode, nms_threshold=7.0, max_faces=-1)
    # The node that was refused is not in the graph, though something still refers to it.
    bench.wait_for(lambda: "face_detector_node" not in bench.tester.get_node_names(), "it to be gone")
    assert raised.tb is not None


def test_what_goes_together_is_checked_together(bench):
    with pytest.raises(ValueError, match="width and height"):
        bench.add(CameraNode, start=False, width=320)


def test_a_parameter_that_cannot_change_now_says_what_to_do(bench, monkeypatch):
    monkeypatch.setattr("fer_ros.ros.parameters.has_ros2", lambda: True)
    node = bench.add(EmotionNode)
    result = set_one(node, "model", "other.onnx")
    assert not result.successful
    assert "ros2 lifecycle set /emotion_node" in result.reason
    assert set_one(node, "model", "auto").successful  # no change
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert set_one(node, "model", "other.onnx").successful


def test_a_parameter_describes_itself(bench):
    bench.add(FaceDetectorNode, start=False)
    request = DescribeParameters.Request(names=["inference_size", "provider"])
    size, provider = bench.call(DescribeParameters, "/face_detector_node/describe_parameters", request).descriptors
    assert "[px]" in size.description
    assert (size.integer_range[0].from_value, size.integer_range[0].to_value) == (0, 2048)
    assert "cpu" in provider.additional_constraints


@pytest.mark.parametrize("node_class", [CameraNode, FaceDetectorNode, EmotionNode, OverlayNode, HriNode, HriFacesNode])
def test_a_parameter_file_like_the_shipped_one_reaches_every_node(bench, share, tmp_path, node_class):
    text = (share / "config" / "fer.yaml").read_text()
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("silence_timeout: 5.0", "silence_timeout: 7.5"))
    rclpy.shutdown()
    rclpy.init(args=["--ros-args", "--params-file", str(file)])
    try:
        node = node_class()
        assert node.params[NodeParams].silence_timeout == 7.5
        for group in node.PARAMS:
            assert node.params[group] == group()
        node.destroy_node()
    finally:
        rclpy.shutdown()
        rclpy.init()


@pytest.mark.skipif(not (ROOT / "scripts").is_dir(), reason="only where the source tree is")
def test_parameter_file_and_documentation_are_up_to_date():
    script = ROOT / "scripts" / "write_parameter_docs.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("node_class", [PipelineNode, CameraNode, ReplayNode, FaceDetectorNode, EmotionNode, OverlayNode,
                                        HriNode, HriFacesNode])
def test_what_is_checked_in_files_is_what_the_nodes_have(node_class):
    assert NODES[node_class.NAME] == (*node_class.PARAMS, NodeParams)


def test_a_parameter_that_a_node_does_not_have_is_told_once_with_the_nearest_name(bench, capfd):
    for _ in range(2):
        bench.add(EmotionNode, start=False, confidense_threshold=0.9, use_sim_time=False)
    said = capfd.readouterr().err
    assert said.count("emotion_node has no parameter confidense_threshold: did you mean confidence_threshold?") == 1
    assert "use_sim_time" not in said


@pytest.mark.parametrize(("file", "said"), [
    ("/**/emotion_node: {ros__parameters: {confidence_treshold: 0.9}}",
     "mine.yaml:1: emotion_node has no parameter confidence_treshold: did you mean confidence_threshold?"),
    ("/**: {ros__parameters: {max_face: 3, robot_description: x}}",
     "mine.yaml:1: no node has a parameter max_face: did you mean max_faces?"),
    ("/**/emotions_node: {ros__parameters: {max_faces: 3}}", "no node here is named /**/emotions_node: did you mean"),
    ("/fer/emotion_node: {ros__parameters: {max_faces: 3}}", "did you mean /emotion_node?"),
    ("/**/emotion_node: {max_faces: 3}", "ros__parameters is missing between /**/emotion_node and max_faces"),
    ("/**/emotion_node: {ros__parameters: {max_faces: many}}", "max_faces must be an int, not 'many'"),
    ("[" * 20_000, "mine.yaml cannot be read: line 1"),
    ("/nav: {ros__parameters: {max_faces: 3}}\n/**: {ros__parameters: {robot_description: x, score_threshold: 0.5}}", ""),
])
def test_a_node_of_its_own_process_tells_what_is_wrong_with_its_file(monkeypatch, capfd, tmp_path, file, said):
    (tmp_path / "mine.yaml").write_text(file)
    (tmp_path / "theirs.yaml").write_text("/nav: {ros__parameters: {a: [1, 2]}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["emotion_node", "--ros-args", "-p", "model:=none.onnx", "--params-file", "mine.yaml",
                                      "--params-file", "theirs.yaml"])
    # The model that is not there ends it, after everything was read.
    assert run_node(EmotionNode) == 1
    text = capfd.readouterr().err
    told = [line for line in text.splitlines() if "mine.yaml" in line or "theirs.yaml" in line or "max_faces" in line]
    told = [line for line in told if "[rcl]" not in line]
    assert len(told) == bool(said), text
    assert said in "".join(told)


def test_a_parameter_on_the_command_line_of_a_node_without_it_is_told(monkeypatch, capfd):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["emotion_node", "--ros-args", "-p", "model:=none.onnx", "-p", "nms_threshold:=0.2"])
    assert run_node(EmotionNode) == 1
    assert "emotion_node has no parameter nms_threshold: it is a parameter of face_detector_node" in capfd.readouterr().err


def test_a_change_waits_until_the_image_in_hand_is_finished(bench):
    """No image is seen half one way and half the other."""
    begun, applied, seen = threading.Event(), threading.Event(), []

    class Slow(FerNode):
        NAME = "slow"
        PARAMS = (MatchingParams, DetectorParams)

        def start(self):
            self.subscribe(Header, "in", self.work, RESULTS)

        def apply(self):
            applied.set()

        def work(self, message):
            begun.set()
            applied.wait(1.0)  # which a change would use, if nothing held it
            seen.append(applied.is_set())

    exchange = Exchange()
    exchange.topics.add("/in")
    node = bench.add(Slow, exchange=exchange)
    exchange.put("/in", Header())
    assert begun.wait(60)
    assert set_one(node, "max_faces", 3).successful
    assert applied.is_set()
    bench.wait_for(lambda: seen, "the end of the work")
    assert seen == [False]
