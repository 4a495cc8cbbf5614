# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the level of a report means: it warns while something is wrong, and is OK again when it is over."""

import re
import threading
from pathlib import Path

import pytest
import yaml
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray

from fer_ros.models.inference import InferenceParams
from fer_ros.nodes import camera
from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.hri import HriNode
from fer_ros.nodes.hri_faces import HriFacesNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode
from fer_ros.nodes.replay import ReplayNode
from fer_ros.nodes.web import WebNode
from fer_ros.parameters.graph_params import NODES
from fer_ros.resources import share_directory
from fer_ros.ros.diagnostics import Troubles

OFTEN = {"diagnostics_period": 0.1, "silence_timeout": 3600.0}
LEVELS = {DiagnosticStatus.OK: "ok", DiagnosticStatus.WARN: "warn", DiagnosticStatus.ERROR: "error"}
CLASSES = (CameraNode, ReplayNode, FaceDetectorNode, HriFacesNode, EmotionNode, OverlayNode, HriNode, WebNode, PipelineNode)


class Reports:
    """The reports of the only node of the package that is there."""

    def __init__(self, bench):
        self._bench, self._heard = bench, bench.listen(DiagnosticArray, "/diagnostics", 100)

    def wait_for(self, level, text=""):
        """The first report from now on with a level and a text in its message."""
        self._heard.clear()

        def found():
            return [one for report in self._heard for one in report.status
                    if LEVELS[one.level] == level and text in one.message]

        self._bench.wait_for(found, f"a report of level {level} with '{text}'")
        return found()[0]


@pytest.fixture
def reports(bench):
    return Reports(bench)


def test_what_stopped_going_wrong_is_not_told_again():
    troubles = Troubles()
    assert troubles({"images": 100, "dropped": 3}) == []  # at most a tenth
    assert troubles({"images": 120, "dropped": 8, "errors": 2}) == ["5 dropped of 25 images", "2 errors"]
    assert troubles({"images": 150, "dropped": 8, "errors": 2}) == []
    assert troubles({"images": 150, "dropped": 9, "skipped": 4, "errors": 2}) == ["1 dropped and 4 skipped of 5 images"]
    assert troubles({"images": 160, "dropped": 2, "errors": 1}) == ["2 dropped of 12 images", "1 error"]  # counted anew
    assert troubles({"images": 160, "dropped": 3, "errors": 1}) == []  # one alone


def test_dropped_images_warn_until_all_are_answered_again(bench, reports, astronaut, message_of):
    bench.add(EmotionNode, cache_size=2, **OFTEN)
    images, faces = bench.speak(Image, "image"), bench.speak(Detection2DArray, "faces")
    reports.wait_for("ok", "active")
    for sec in range(1, 20):
        faces(Detection2DArray(header=message_of(astronaut, sec).header))
    assert re.search(r"\d+ dropped of \d+ image", reports.wait_for("warn", "dropped").message)
    message = message_of(astronaut, 100)
    images(message)
    faces(Detection2DArray(header=message.header))
    reports.wait_for("ok", "active")


def test_a_message_that_is_wrong_warns_once(bench, reports):
    bench.add(FaceDetectorNode, **OFTEN)
    send = bench.speak(Image, "image")
    reports.wait_for("ok", "active")
    send(Image(encoding="no such encoding", width=3, height=3))
    reports.wait_for("warn", "1 error")
    reports.wait_for("ok", "active")


def test_a_publisher_whose_qos_does_not_fit_warns_although_another_one_delivers(bench, reports):
    bench.add(EmotionNode, **OFTEN)
    bench.speak(Detection2DArray, "faces")
    reports.wait_for("ok", "active")
    publisher = bench.stranger(Detection2DArray, "faces", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    text = reports.wait_for("warn", "/stranger").message
    assert "nothing comes on /faces from /stranger" in text and "published best effort" in text
    publisher.destroy()
    reports.wait_for("ok", "active")


def test_a_subscriber_that_asks_for_more_than_is_offered_is_named(bench, reports):
    bench.add(FaceDetectorNode, **OFTEN)
    reports.wait_for("ok", "active")
    asking = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL, reliability=ReliabilityPolicy.RELIABLE)
    subscription = bench.tester.create_subscription(Detection2DArray, "faces", lambda message: None, asking)
    assert "/tester gets nothing from /face_detector_node" in reports.wait_for("warn", "/tester").message
    bench.tester.destroy_subscription(subscription)
    reports.wait_for("ok", "active")


def test_a_camera_that_hangs_is_an_error_until_it_gives_images_or_is_switched_off(bench, reports, monkeypatch, astronaut):
    gives = threading.Event()
    gives.set()

    class Hanging:
        finite, stamp, notice, unused, name = False, None, "", (), "camera 0"

        def read(self):
            threading.Event().wait(0.01)
            while not gives.is_set() and not self.interrupted():
                threading.Event().wait(0.01)
            return astronaut

        def close(self):
            pass

    monkeypatch.setattr(camera, "open_source", lambda params: Hanging())
    bench.add(CameraNode, source="0", **{**OFTEN, "silence_timeout": 1.0})
    assert reports.wait_for("ok").hardware_id == "0"
    gives.clear()
    assert "camera 0 has given no image for" in reports.wait_for("error").message
    gives.set()
    reports.wait_for("ok", "camera 0")
    bench.call(SetBool, "/camera_node/enable", SetBool.Request(data=False))
    bench.spin(1.5)
    monkeypatch.setattr(bench.nodes[0], "report", lambda: None)  # the next one is the first after it is on again
    bench.call(SetBool, "/camera_node/enable", SetBool.Request(data=True))
    assert bench.nodes[0].health()[0] == DiagnosticStatus.OK


def test_a_node_says_in_which_state_it_rests(bench, reports):
    """Who reads that it is unconfigured configures it, which one that was shut down refuses for ever."""
    node = bench.add(EmotionNode, **OFTEN)
    for transition, after in ((node.trigger_deactivate, "inactive"), (node.trigger_cleanup, "unconfigured"),
                              (node.trigger_configure, "inactive"), (node.trigger_shutdown, "finalized")):
        transition()
        assert reports.wait_for("warn", after).message == after


def test_hardware_ids_name_the_device_the_provider_or_the_machine(bench):
    expected = {CameraNode: "0", FaceDetectorNode: "CPUExecutionProvider", EmotionNode: "CPUExecutionProvider"}
    assert InferenceParams().provider == "cpu"
    for node_class, hardware in expected.items():
        assert bench.add(node_class).hardware_id == hardware
    assert bench.add(OverlayNode).hardware_id


def matches(analyzer: dict, name: str) -> bool:
    """GenericAnalyzer::match of diagnostic_aggregator (ros2, ros2-jazzy): any rule that holds."""
    return (any(re.fullmatch(rule, name) for rule in analyzer.get("regex", []))  # std::regex_match
            or name in analyzer.get("expected", [])
            or any(name.startswith(rule) for rule in analyzer.get("startswith", []))
            or any(rule in name for rule in analyzer.get("contains", [])))


def test_the_aggregator_takes_every_node_in_any_namespace_and_nobody_else(bench):
    config = yaml.safe_load((Path(share_directory()) / "config" / "diagnostics.yaml").read_text())
    parameters = config["analyzers"]["ros__parameters"]
    assert isinstance(parameters["path"], str)
    (analyzer,) = [entry for entry in parameters.values() if isinstance(entry, dict)]
    assert analyzer["type"] == "diagnostic_aggregator/GenericAnalyzer" and isinstance(analyzer["path"], str)
    assert isinstance(analyzer["timeout"], float)  # the aggregator ends over a whole number

    heard = bench.listen(DiagnosticArray, "/diagnostics", 100)
    assert {node_class.NAME for node_class in CLASSES} == set(NODES)
    for node_class in CLASSES:
        for place in ("", "/fer", "/robot_1/left/fer"):
            bench.add(node_class, start=False, remap=f"__ns:={place}" if place else "", diagnostics_period=0.2)
    names = {f"{place}/{node_class.NAME}" for node_class in CLASSES for place in ("", "/fer", "/robot_1/left/fer")}
    bench.wait_for(lambda: {one.name for report in heard for one in report.status} == names, "the report of every node")
    assert [name for name in names if not matches(analyzer, name)] == []
    for other in ("/camera/camera_node: Camera status", "v4l2_camera_node", "/arm/camera_node_2", "/manager", "/fer/x"):
        assert not matches(analyzer, other)
