# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros param`, `topics`, `echo` and `lifecycle` on nodes that run: what they print, what they change, what they say."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable

import pytest
import rclpy
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose

from fer_ros.cli import parser
from fer_ros.commands import visiting
from fer_ros.commands.echo import _event
from fer_ros.msg import Emotion, EmotionArray, EmotionEvent
from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.parameters.params_file import check, typed
from fer_ros.perception.smoothing import SmoothingParams
from fer_ros.ros.listener import Listener
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.visitor import Visitor

FER = "__ns:=/fer"


@pytest.fixture
def shell(bench, monkeypatch, capsys):
    """Runs a command of `fer-ros` while the nodes of the bench work, as in another process; its status, output and errors."""
    context = rclpy.Context()
    rclpy.init(context=context)
    keeper = Node("_keeper", context=context)  # or each command would have to find the nodes anew
    monkeypatch.setattr(Visitor, "DISCOVERY", 20.0)  # of a machine with much else to do

    @contextlib.contextmanager
    def visitor():
        with Visitor(lambda: False, context) as made:
            yield made

    monkeypatch.setattr(visiting, "joined", visitor)

    def run(*arguments: str, meanwhile: Callable[[], None] = lambda: None) -> tuple[int, str, str]:
        options, over = parser().parse_args(arguments), threading.Event()

        def work() -> None:
            while not over.is_set():
                bench.executor.spin_once(timeout_sec=0.02)
                meanwhile()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            capsys.readouterr()
            status = options.command(options)
        finally:
            over.set()
            worker.join()
        return status, *capsys.readouterr()

    yield run
    keeper.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def impatient(monkeypatch):
    """For what is not there."""
    def become() -> None:
        monkeypatch.setattr(Visitor, "DISCOVERY", 1.0)

    return become


# Parameters.


def test_the_list_says_all_there_is_to_say_of_a_parameter(bench, shell):
    bench.add(EmotionNode, start=False, remap=FER, label_hold=0.5)
    status, out, _ = shell("param", "list")
    assert status == 0
    assert out.startswith("/fer/emotion_node\n")
    assert "  label_hold: 0.5 s  (default 0.3; from 0 to 10)\n" in out
    assert "  smoothing: exponential  (default exponential; one of none, exponential, mean)\n" in out
    assert "model:" not in out  # which takes effect when it is configured
    lines = [json.loads(line) for line in shell("param", "list", "emotion_node", "--all", "--json")[1].splitlines()]
    told = {line["name"]: line for line in lines}
    hold = told["label_hold"]
    assert hold.pop("description").startswith("Unless smoothing is none: for how long")
    assert hold == {"node": "/fer/emotion_node", "name": "label_hold", "type": "float", "value": 0.5, "default": 0.3,
                    "unit": "s", "minimum": 0.0, "maximum": 10.0, "choices": None, "live": True}
    assert (told["model"]["live"], told["model"]["value"], told["smoothing"]["choices"]) == (
        False, "auto", ["none", "exponential", "mean"])


def test_a_value_is_printed_alone_and_several_with_their_names(bench, shell):
    bench.add(EmotionNode, start=False, remap=FER)
    bench.add(FaceDetectorNode, start=False, remap=FER)
    for names in (("label_hold",), ("emotion_node.label_hold",), ("/fer/emotion_node.label_hold",),
                  ("/fer/emotion_node", "label_hold")):
        assert shell("param", "get", *names) == (0, "0.3\n", "")
    assert shell("param", "get", "provider")[1].splitlines() == [
        "/fer/emotion_node.provider: cpu", "/fer/face_detector_node.provider: cpu"]
    assert json.loads(shell("param", "get", "align", "--json")[1]) == {
        "node": "/fer/emotion_node", "name": "align", "value": True}
    err = "fer-ros: there is no parameter lable_hold: did you mean label_hold?\n"
    assert shell("param", "get", "lable_hold") == (1, "", err)


@pytest.mark.parametrize("words", [["label_hold=0.6"], ["emotion_node", "label_hold", "0.6"]])
def test_a_change_reaches_the_node(bench, shell, words):
    node = bench.add(EmotionNode, remap=FER)
    assert shell("param", "set", *words) == (0, "/fer/emotion_node.label_hold: 0.6 (was 0.3)\n", "")
    assert node.params[SmoothingParams].label_hold == 0.6


def test_what_goes_together_is_set_together(bench, shell):
    node = bench.add(CameraNode, start=False)
    assert shell("param", "set", "width=640", "height=480")[0] == 0
    status, out, err = shell("param", "set", "width=0")
    assert (status, out) == (1, "")
    assert "/camera_node refuses: width and height go together" in err
    assert node.get_parameter("width").value == 640


def test_a_refusal_has_the_nodes_own_reason_and_changes_nothing(bench, shell):
    node = bench.add(EmotionNode, remap=FER)
    for change, reason in (("label_hold=99", "99"), ("label_hold=high", "label_hold must be a float, not 'high'"),
                           ("smoothing=mena", "smoothing must be one of none, exponential, mean")):
        status, out, err = shell("param", "set", "confidence_threshold=0.9", change)
        assert (status, out) == (1, "")
        assert err.startswith("fer-ros: /fer/emotion_node refuses: ")
        assert reason in err
    assert node.params[SmoothingParams] == SmoothingParams()
    status, out, _ = shell("param", "set", "label_hold=high", "--json")
    line = json.loads(out)
    assert list(line) == ["node", "name", "value", "before", "ok", "reason"]
    assert (status, line["ok"], line["value"], line["before"]) == (1, False, 0.3, 0.3)
    assert "must be a float" in line["reason"]


@pytest.mark.parametrize("has_ros2", [True, False])
def test_what_cannot_change_now_says_how_with_a_command_that_is_there(bench, shell, monkeypatch, has_ros2):
    monkeypatch.setattr("fer_ros.ros.parameters.has_ros2", lambda: has_ros2)
    bench.add(EmotionNode, remap=FER)
    _, _, err = shell("param", "set", "emotion_node.model=emotion.onnx")
    assert ("`ros2 lifecycle set /fer/emotion_node deactivate`" in err) == has_ros2
    assert ("`fer-ros param set --configure /fer/emotion_node.model=VALUE`" in err) == (not has_ros2)


@pytest.mark.parametrize("started", [True, False])
def test_a_node_is_configured_anew_where_that_is_asked_for(bench, shell, started):
    node = bench.add(EmotionNode, start=started, remap=FER)
    status, out, err = shell("param", "set", "--configure", "emotion_node.model=emotion_fer2013.onnx")
    assert (status, err) == (0, "")
    assert "(was auto)" in out
    assert (node.active, node.get_parameter("model").value) == (started, "emotion_fer2013.onnx")


@pytest.mark.parametrize("change", ["emotion_node.model=./nowhere.onnx", "emotion_node.model=emotion.onnx cache_size=0"])
def test_a_node_that_cannot_be_configured_so_has_its_old_values_again(bench, shell, change):
    node = bench.add(EmotionNode, remap=FER)
    status, out, err = shell("param", "set", "--configure", *change.split())
    assert (status, out) == (1, "")
    assert "/fer/emotion_node " in err
    assert (node.active, node.get_parameter("model").value) == (True, "auto")


def test_a_secret_is_not_sent(bench, shell, monkeypatch):
    bench.add(CameraNode, start=False)
    sent: list[object] = []
    monkeypatch.setattr(Visitor, "change_parameters", lambda self, *what: sent.append(what))
    status, out, err = shell("param", "set", "source=rtsp://me:s3cret@cam/x")
    assert (status, out, sent) == (1, "", [])
    assert "is given when the node starts" in err
    assert "s3cret" not in err


def test_a_file_keeps_what_differs_and_a_graph_takes_it(bench, shell, tmp_path):
    bench.add(EmotionNode, start=False, remap=FER, label_hold=0.6, autostart=False, image_depth=3)
    bench.add(CameraNode, start=False, remap="__ns:=/camera", source="1e3", flip="both")
    file = tmp_path / "mine.yaml"
    status, out, _ = shell("param", "save", str(file))
    assert (status, out) == (0, f"{file}: 2 parameters of 2 nodes\n")
    check(file, "/robot")
    assert typed(file) == {"/**/camera_node": {"flip": "both"}, "/**/emotion_node": {"label_hold": 0.6}}
    status, _, err = shell("param", "save", str(file))
    assert (status, "--force" in err) == (1, True)
    assert shell("param", "save", str(file), "emotion_node", "--force", "--all")[0] == 0
    check(file, "")
    assert list(typed(file)) == ["/**/emotion_node"]
    assert typed(file)["/**/emotion_node"].items() > {"label_hold": 0.6, "align": True}.items()


def test_a_file_of_defaults_says_so_and_can_be_given(bench, shell, tmp_path):
    bench.add(OverlayNode, start=False, remap=FER)
    file = tmp_path / "mine.yaml"
    assert "changes nothing" in shell("param", "save", str(file))[1]
    check(file, "")
    assert typed(file) == {}


def test_two_graphs_are_told_apart(bench, shell, tmp_path):
    for place in ("left", "right"):
        bench.add(EmotionNode, start=False, remap=f"__ns:=/{place}/fer", label_hold={"left": 0.5, "right": 0.6}[place])
    assert shell("param", "get", "label_hold", "--namespace", "right") == (0, "0.6\n", "")
    assert len(shell("param", "get", "label_hold")[1].splitlines()) == 2
    status, _, err = shell("param", "set", "label_hold=1")
    assert (status, "/left/fer/emotion_node, /right/fer/emotion_node: name one" in err) == (1, True)
    assert shell("param", "set", "label_hold=1", "--namespace", "left")[0] == 0
    file = tmp_path / "both.yaml"
    assert shell("param", "save", str(file))[0] == 0
    assert typed(file) == {"/left/fer/emotion_node": {"label_hold": 1.0}, "/right/fer/emotion_node": {"label_hold": 0.6}}


def test_nodes_of_one_name_are_told_of(bench, shell):
    bench.add(EmotionNode, start=False, remap=FER)
    context = rclpy.Context()
    rclpy.init(context=context)
    other = Node("emotion_node", namespace="/fer", context=context)
    bench.wait_for(lambda: bench.tester.get_node_names().count("emotion_node") == 2, "the other node")
    assert "/fer/emotion_node: there are several nodes of this name" in shell("param", "list")[2]
    other.destroy_node()
    rclpy.shutdown(context=context)


def test_a_node_that_does_not_answer_is_named(bench, shell, monkeypatch):
    bench.add(EmotionNode, start=False, remap=FER)
    monkeypatch.setattr(Visitor, "_ANSWER", 0.5)
    stuck = Node("overlay_node", namespace="/fer")  # which nobody spins
    status, out, err = shell("param", "list")
    assert (status, "/fer/emotion_node" in out) == (1, True)
    assert "/fer/overlay_node has not answered within 0.5 s" in err
    stuck.destroy_node()


@pytest.mark.parametrize("arguments", [("param", "list"), ("param", "set", "x=1"), ("lifecycle", "list"), ("topics",),
                                       ("echo", "faces"), ("echo", "emotions", "--timeout", "1"),
                                       ("lifecycle", "set", "emotion_node", "activate"), ("topics", "/x")])
def test_where_nothing_runs_it_is_said_what_to_do(bench, shell, impatient, arguments):
    impatient()
    status, out, err = shell(*arguments)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "`fer-ros run` starts one" in err or "there is no topic /x; there are" in err


@pytest.mark.parametrize("arguments", [("param", "list"), ("topics",), ("echo", "emotions"), ("lifecycle", "list")])
def test_a_wrong_namespace_is_answered_with_the_right_one(bench, shell, impatient, arguments):
    bench.add(EmotionNode, remap="__ns:=/left/fer")
    assert shell("param", "list")[0] == 0  # by now it is found at once
    impatient()
    status, out, err = shell(*arguments, "--namespace", "right")
    assert (status, out) == (1, "")
    assert "/left" in err
    assert shell(*arguments, "--namespace", "3")[0] == 2


def test_a_node_of_others_is_shown_too_whatever_it_says(bench, shell):
    """Of no package is known what its parameters hold."""
    node = Node("other", namespace="/fer")
    node.declare_parameter("nan", float("nan"), ParameterDescriptor(description="\x1b[2J\n\u202e [\x07]"))
    node.declare_parameter("text", "\x1b]0;title\x07\n" * 1000)
    node.declare_parameter("list", [1, 2])
    node.declare_parameter("numbers", [0.5, float("nan")])
    node.declare_parameter("words", ["a, b", "\x1b[2J"])
    node.declare_parameter("bytes", [b"\x01", b"\xff"])
    node.declare_parameter("nothing", None, ParameterDescriptor(dynamic_typing=True))
    bench.executor.add_node(node)
    status, out, _ = shell("param", "list", "/fer/other", "--all")
    assert status == 0
    assert all(line.isprintable() for line in out.splitlines())
    assert "  nan: nan" in out
    assert len(out) < 3000
    lines = {line["name"]: line for line in map(json.loads, shell("param", "list", "other", "--json")[1].splitlines())}
    assert (lines["nan"]["value"], lines["nan"]["default"]) == (None, None)
    assert lines["text"]["value"] == node.get_parameter("text").value
    assert (lines["list"]["type"], lines["list"]["value"], lines["numbers"]["value"]) == ("list", [1, 2], [0.5, None])
    names = [f"/fer/other.{name}" for name in ("list", "numbers", "words", "bytes")]
    assert shell("param", "get", *names)[1].splitlines() == [
        "/fer/other.list: [1, 2]", "/fer/other.numbers: [0.5, nan]", '/fer/other.words: ["a, b", "\\u001b[2J"]',
        "/fer/other.bytes: [1, 255]"]
    assert shell("param", "set", "/fer/other.list=[3, 4, 5]") == (0, "/fer/other.list: [3, 4, 5] (was [1, 2])\n", "")
    assert list(node.get_parameter("list").value) == [3, 4, 5]
    assert shell("param", "set", "/fer/other.nan=2") == (0, "/fer/other.nan: 2.0 (was nan)\n", "")
    status, _, err = shell("param", "save", "unused.yaml", "/fer/other")
    assert (status, "/fer/other is none of fer_ros's nodes" in err) == (2, True)
    bench.executor.remove_node(node)
    node.destroy_node()


def test_a_node_that_is_found_late_is_waited_for_where_it_is_named(bench, shell, monkeypatch):
    bench.add(EmotionNode, start=False, remap=FER)
    assert shell("lifecycle", "list")[0] == 0  # it is known by now
    monkeypatch.setattr(Visitor, "_SETTLED", 0.0)
    names, started = Visitor.names, time.monotonic()
    monkeypatch.setattr(Visitor, "names", lambda self: [
        name for name in names(self) if "overlay" not in name or time.monotonic() - started > 2])
    bench.add(OverlayNode, start=False, remap=FER)
    assert shell("lifecycle", "set", "/fer/overlay_node", "configure") == (0, "/fer/overlay_node: inactive\n", "")


# States.


def test_states_are_shown_and_changed(bench, shell):
    node = bench.add(EmotionNode, start=False, remap=FER)
    assert shell("lifecycle", "list") == (0, "/fer/emotion_node: unconfigured\n", "")
    assert shell("lifecycle", "set", "emotion_node", "configure") == (0, "/fer/emotion_node: inactive\n", "")
    assert json.loads(shell("lifecycle", "set", "/fer/emotion_node", "activate", "--json")[1]) == {
        "node": "/fer/emotion_node", "state": "active"}
    assert node.active
    status, _, err = shell("lifecycle", "set", "emotion_node", "configure")
    assert (status, "does not configure: it is active" in err) == (1, True)
    assert shell("lifecycle", "set", "emotion_node", "shutdown")[1] == "/fer/emotion_node: finalized\n"


# Topics.


def test_topics_tell_rate_size_and_ends(bench, shell):
    bench.add(OverlayNode, remap=FER)
    bench.add(EmotionNode, remap=FER)
    publisher = bench.tester.create_publisher(Detection2DArray, "/fer/faces", RESULTS)
    status, out, _ = shell("topics", "--json", "--duration", "3", meanwhile=lambda: publisher.publish(Detection2DArray()))
    topics = {line["topic"]: line for line in map(json.loads, out.splitlines())}
    assert status == 0
    faces = topics["/fer/faces"]
    assert list(faces) == ["topic", "types", "rate", "bytes", "messages", "not_measured", "publishers", "subscribers",
                           "problems"]
    assert faces["messages"] > 3
    assert 0 < (faces["messages"] - 1) / faces["rate"] <= 3.5  # seconds
    assert (faces["types"], faces["not_measured"], faces["problems"]) == (["vision_msgs/msg/Detection2DArray"], "", [])
    assert 20 < faces["bytes"] < 200
    assert [end["node"] for end in faces["publishers"]] == ["/tester"]
    assert faces["subscribers"] == [{"node": "/fer/emotion_node", "type": "vision_msgs/msg/Detection2DArray",
                                     "reliability": "reliable", "durability": "volatile"}]
    assert topics["/fer/image"]["problems"] == ["nobody publishes it"]
    assert topics["/fer/emotions"]["messages"] == 0
    assert "nobody subscribes" in topics["/fer/overlay"]["not_measured"]
    assert "/rosout" not in topics
    status, out, _ = shell("topics", "fer/faces", "/fer/overlay", "--duration", "1")
    assert out.splitlines() == [
        "/fer/faces  vision_msgs/msg/Detection2DArray", "  nothing came", "  from /tester (reliable)",
        "  to   /fer/emotion_node (reliable)", "/fer/overlay  sensor_msgs/msg/Image", "  nothing came",
        "  from /fer/overlay_node (reliable)"]


def test_who_gets_nothing_is_told_with_the_reason(bench, shell):
    bench.add(FaceDetectorNode, remap=FER, image_reliability="reliable", image_durability="transient_local")
    bench.stranger(Image, "/fer/image", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    bench.stranger(Detection2DArray, "/fer/image")
    out = shell("topics", "/fer/image", "--duration", "5")[1]  # in which all is found
    assert ("  ! /fer/face_detector_node gets nothing from /stranger: it asks for reliable messages, and they are published "
            "best effort; it asks for messages of before it came (transient local), and none are kept (volatile)") in out
    assert "it takes sensor_msgs/msg/Image, and vision_msgs/msg/Detection2DArray is published" in out
    assert "not measured: it has several types" in out


def test_a_publisher_of_another_type_that_is_found_late_is_told_of_too(bench, shell):
    publisher = bench.tester.create_publisher(Image, "/fer/image", 10)
    strangers: list[object] = []

    def meanwhile() -> None:
        publisher.publish(Image())
        if not strangers and publisher.get_subscription_count():  # the first one is being measured
            strangers.append(bench.stranger(Detection2DArray, "/fer/image"))

    out = shell("topics", "/fer/image", "--duration", "5", meanwhile=meanwhile)[1]
    assert "not measured: it has several types" in out


def test_a_node_of_others_is_among_the_ends_of_a_topic(bench, shell):
    heard = bench.tester.create_subscription(Header, "/others/header", lambda message: None, 10)
    publisher = bench.stranger(Header, "/others/header")
    arguments = ("topics", "/others/header", "--json", "--duration", "5")
    line = json.loads(shell(*arguments, meanwhile=lambda: publisher.publish(Header()))[1])
    assert (line["topic"], line["types"]) == ("/others/header", ["std_msgs/msg/Header"])
    assert line["messages"] > 0
    assert [[end["node"] for end in line[which]] for which in ("publishers", "subscribers")] == [["/stranger"], ["/tester"]]
    assert shell("topics", "--all", "--duration", "5")[1].count("/others/header") == 1
    assert heard is not None


# Answers.


def answer(face_id: str = "1", label: str = "happy", confidence: float = 0.9) -> EmotionArray:
    message = EmotionArray(header=Header(frame_id="cam"), model="m", labels=["happy"])
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 345_000_000
    emotion = Emotion(face_id=face_id, label=label, confidence=confidence, probabilities=[0.9, float("nan")])
    emotion.bbox.center.position.x = 320.0
    message.emotions = [emotion]
    return message


def test_a_topic_that_a_launch_file_has_renamed_is_found(shell):
    node = Node("emotion_node", namespace="/robot/fer")
    publisher = node.create_publisher(EmotionArray, "/robot/fer/moods", RESULTS)
    status, out, err = shell("echo", "emotions", "-n", "1", "--namespace", "robot", "--timeout", "60",
                             meanwhile=lambda: publisher.publish(answer()))
    node.destroy_node()
    assert (status, out.count("happy")) == (0, 1)
    assert err == "fer-ros: /robot/fer/emotions is renamed: this is /robot/fer/moods\n"


def echoed(bench, shell, message, *arguments):
    kind = type(message)
    publisher = bench.tester.create_publisher(kind, "/fer/faces" if kind is Detection2DArray else "/fer/emotions", RESULTS)
    return shell("echo", *arguments, "--timeout", "60", meanwhile=lambda: publisher.publish(message))


def test_emotions_are_printed_as_they_come(bench, shell):
    status, out, err = echoed(bench, shell, answer(), "emotions", "--count", "2")
    assert (status, err) == (0, "")
    assert out == 2 * "12.345  face   1  happy       90%  at 320, 0, 0 x 0\n"


def test_a_line_of_json_has_the_fields_of_the_message(bench, shell):
    status, out, _ = echoed(bench, shell, answer(), "emotions", "-n", "1", "--json")
    message = json.loads(out)
    assert status == 0
    assert list(message) == ["header", "model", "labels", "emotions"]
    assert message["header"] == {"stamp": {"sec": 12, "nanosec": 345_000_000}, "frame_id": "cam"}
    (emotion,) = message["emotions"]
    assert list(emotion) == list(Emotion.get_fields_and_field_types())
    assert (emotion["confidence"], emotion["probabilities"]) == (0.9, [0.9, None])
    assert emotion["bbox"]["center"]["position"] == {"x": 320.0, "y": 0.0}


def test_faces_are_printed_with_their_best_score(bench, shell):
    results = [ObjectHypothesisWithPose(), ObjectHypothesisWithPose()]
    results[1].hypothesis.score = 0.8
    message = Detection2DArray(detections=[Detection2D(id="7", results=results), Detection2D(id="8")] * 15)
    out = echoed(bench, shell, message, "faces", "-n", "1")[1].splitlines()
    assert out[0] == "0.000  face   7   80%  at 0, 0, 0 x 0"
    assert len(out) == 21
    assert out[-1] == "0.000  and 10 more"


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_no_message_controls_the_terminal(bench, shell, json_too):
    hostile = answer("\x1b[2J\n\u202e" * 1000, "\x07x\r", float("nan"))
    status, out, _ = echoed(bench, shell, hostile, "emotions", "-n", "1", *json_too)
    assert status == 0
    assert out.count("\n") == 1
    assert out.removesuffix("\n").isprintable()
    assert json_too or len(out) < 250


def test_diagnostics_tell_the_state_of_the_nodes_of_a_namespace(bench, shell):
    for place in ("left", "right"):
        bench.add(EmotionNode, start=False, remap=f"__ns:=/{place}/fer", diagnostics_period=0.2)
    status, out, _ = shell("echo", "diagnostics", "-n", "3", "--namespace", "left", "--timeout", "60")
    assert (status, out.count("\n")) == (0, 3)
    assert all("  /left/fer/emotion_node  warning: unconfigured; process " in line for line in out.splitlines())
    (node,) = json.loads(shell("echo", "diagnostics", "-n", "1", "--namespace", "right", "--json")[1])["status"]
    assert (node["level"], node["name"]) == (1, "/right/fer/emotion_node")


def test_a_silence_ends_where_that_is_asked_for_and_is_explained(bench, shell):
    bench.tester.create_publisher(EmotionArray, "/fer/emotions", RESULTS)
    status, out, err = shell("echo", "emotions", "--timeout", "2")
    assert (status, out) == (1, "")
    assert "nothing comes on /fer/emotions, which is published by /tester" in err


def test_what_is_published_best_effort_is_heard_too(bench, shell):
    publisher = bench.tester.create_publisher(EmotionArray, "/fer/emotions", QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    patient = ("--timeout", "30")
    assert shell("echo", "emotions", "-n", "1", *patient, meanwhile=lambda: publisher.publish(answer()))[0] == 0


def test_a_message_that_is_not_installed_is_named(bench, shell, monkeypatch):
    monkeypatch.setattr("fer_ros.ros.listener.message_class", lambda name: None)
    status, _, err = shell("echo", "events")
    assert (status, "fer_ros/msg/EmotionEvent is not installed" in err) == (1, True)


def event(kind: int, **fields: object) -> EmotionEvent:
    message = EmotionEvent(kind=kind, face_id="1", confidence=0.9, **fields)
    message.header.stamp.sec, message.header.stamp.nanosec = 12, 500_000_000
    message.lasted.sec, message.lasted.nanosec = 2, 500_000_000
    return message


def test_events_are_printed_as_they_come(bench, shell):
    publisher = bench.tester.create_publisher(EmotionEvent, "/fer/events", RESULTS)
    changed = event(EmotionEvent.CHANGED, label="happy", previous_label="sad")
    arguments = ("echo", "events", "-n", "1", "--timeout", "60")
    status, out, err = shell(*arguments, meanwhile=lambda: publisher.publish(changed))
    assert (status, out, err) == (0, "12.500  face   1  changed: happy   90%, after 2.5 s of sad\n", "")
    message = json.loads(shell(*arguments, "--json", meanwhile=lambda: publisher.publish(changed))[1])
    assert list(message) == list(EmotionEvent.get_fields_and_field_types())
    assert (message["kind"], message["label"], message["confidence"]) == (EmotionEvent.CHANGED, "happy", 0.9)
    assert message["lasted"] == {"sec": 2, "nanosec": 500_000_000}


def test_it_is_no_fault_that_nothing_changes(bench, shell, monkeypatch):
    monkeypatch.setattr(Listener, "SILENCE", 0.5)
    bench.tester.create_publisher(EmotionEvent, "/fer/events", RESULTS)
    status, out, err = shell("echo", "events", "--timeout", "3")
    assert (status, out) == (1, "")
    assert err.startswith("fer-ros: nothing has changed for a while: an event comes where somebody appears")
    assert "may be waiting" not in err.splitlines()[0]


@pytest.mark.parametrize(("kind", "told"), [
    (1, "12.500  face   1  appeared: happy   90%"), (2, "12.500  face   1  changed: happy   90%, after 2.5 s of sad"),
    (3, "12.500  face   1  left, after 2.5 s of sad"), (9, "12.500  face   1  an event of the unknown kind 9"),
])
def test_events_are_told_in_words(kind, told):
    assert _event(event(kind, label="happy", previous_label="sad")) == [told]
