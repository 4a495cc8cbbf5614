"""Parameters: one table, refused with a reason, live where they can be, the same in the documents."""

import subprocess
import sys
from pathlib import Path

import pytest
import rclpy
from rcl_interfaces.srv import DescribeParameters
from rclpy.parameter import Parameter

from fer_ros.core.detector import DetectorParams
from fer_ros.core.source import SourceParams
from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.ros.node import NodeParams

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
    with pytest.raises(ValueError, match=r"(?s)nms_threshold.*max_faces|max_faces.*nms_threshold"):
        bench.add(FaceDetectorNode, nms_threshold=7.0, max_faces=-1)


def test_what_goes_together_is_checked_together(bench):
    with pytest.raises(ValueError, match="width and height"):
        bench.add(CameraNode, start=False, width=320)


def test_a_parameter_that_cannot_change_now_says_what_to_do(bench):
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


@pytest.mark.parametrize("node_class", [CameraNode, FaceDetectorNode, EmotionNode, OverlayNode])
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
