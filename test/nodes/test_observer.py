# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Of two graphs with the same names the one that came later gives way; no message of anybody else ends or distorts a run."""

from __future__ import annotations

import array
import itertools
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node
from sensor_msgs.msg import Image

from fer_ros.graph import webcam_graph
from fer_ros.msg import Emotion, EmotionArray
from fer_ros.ros.observer import Health, Observer, number
from fer_ros.ros.qos import RESULTS


@pytest.fixture
def seen():
    """What the observer handed on: answers, pictures and texts."""
    return {"answers": [], "pictures": [], "told": []}


@pytest.fixture
def observer(bench, seen):
    """Of a graph of now whose one process is ours:1."""
    made = Observer(webcam_graph({}), lambda *answer: seen["answers"].append(answer),
                    lambda *picture: seen["pictures"].append(picture), "ours:1".__eq__, seen["told"].append, live=True)
    bench.executor.add_node(made)
    yield made
    bench.executor.remove_node(made)
    made.destroy_node()


@pytest.fixture
def reporter(bench, observer):
    """Publishes on /diagnostics from a node that has the name of one of the graph's."""
    node = Node("emotion_node", namespace="/fer")
    publisher = node.create_publisher(DiagnosticArray, "/diagnostics", RESULTS)
    bench.wait_for(lambda: publisher.get_subscription_count() > 0, "the observer")
    yield publisher.publish
    node.destroy_node()


def report_of(name: str, values: dict[str, str]) -> DiagnosticArray:
    return DiagnosticArray(status=[DiagnosticStatus(
        name=f"/fer/{name}", message="active", values=[KeyValue(key=key, value=value) for key, value in values.items()])])


@pytest.mark.parametrize(("process", "started", "strangers"), [
    ("ours:1", -60, set()), ("other:1", -60, {"/fer/emotion_node"}), ("other:1", 60, set()),
    ("other:1", None, {"/fer/emotion_node"}),
])
def test_nodes_of_an_older_process_are_strangers(bench, observer, reporter, process, started, strangers):
    values = {"process": process, **({} if started is None else {"started": str(time.time() + started)})}
    reporter(report_of("emotion_node", values))
    reporter(report_of("face_detector_node", {"process": "ours:1"}))
    bench.wait_for(lambda: "face_detector_node" in observer.health, "the report")
    bench.wait_for(lambda: observer.strangers == strangers, "the ROS graph to show it")
    assert ("emotion_node" in observer.health) == (process == "ours:1")


def test_a_report_alone_makes_no_stranger(bench, observer, reporter):
    """As anybody can send it: the node of that name is the graph's own, and there is no other."""
    reporter(report_of("emotion_node", {"process": "ours:1"}))
    send = bench.speak(DiagnosticArray, "/diagnostics")
    odd = ({}, {"process": "other:1"}, {"process": "\u00b2", "started": "nan"}, {"process": "other:1", "started": "-inf"})
    for values in odd:
        send(report_of("emotion_node", values))
    send(report_of("face_detector_node", {"process": "ours:1"}))
    bench.wait_for(lambda: len(observer.health) == 2, "the reports")
    assert observer.strangers == set()
    other = Node("emotion_node", namespace="/fer")
    other.create_publisher(DiagnosticArray, "/diagnostics", RESULTS)
    bench.wait_for(lambda: observer.strangers == {"/fer/emotion_node"}, "the node that is there")
    other.destroy_node()


@pytest.mark.parametrize("text", ["\u00b2", "\u0664", "", "-1", "1.0", "1e3", "nan", "9" * 5000, None])
def test_what_is_no_counter_is_no_number(text):
    assert number(text) == -1
    assert number("360") == 360


def test_a_report_with_a_counter_that_is_none_is_left_out_and_told_once(bench, observer, reporter, seen):
    reporter(report_of("emotion_node", {"process": "ours:1", "frames": "12", "subscribers": "1"}))
    for _ in range(10):
        reporter(report_of("emotion_node", {"process": "ours:1", "frames": "\u00b2", "": "", "\x07": "x" * 10_000}))
    bench.wait_for(lambda: observer.left_out["/diagnostics"] == 10, "the reports")
    assert observer.health["emotion_node"].values["frames"] == "12"
    assert len(seen["told"]) == 1
    assert "its frames are '\u00b2'" in seen["told"][0]


def answer_of(stamp: float, label: str = "happy", confidence: float = 0.9, face_id: str = "1") -> EmotionArray:
    message = EmotionArray(emotions=[Emotion(face_id=face_id, label=label, confidence=confidence)])
    message.header.stamp.sec, message.header.stamp.nanosec = int(stamp // 1), int(stamp % 1 * 1e9)
    return message


def test_an_answer_that_cannot_be_the_graphs_is_left_out_and_told_once(bench, observer, seen):
    send = bench.speak(EmotionArray, "/fer/emotions")
    now = time.time()
    odd = [*map(answer_of, (0, -3, now - 1000, 2**31 - 1)),
           *(answer_of(now, label) for label in ("", "x" * 10_000, "\x1b[2J")),
           *(answer_of(now, "happy", confidence) for confidence in (float("nan"), float("inf"), -1.0)),
           *(answer_of(now, "happy", 0.9, face_id) for face_id in ("\x1b", "1" * 100))]
    for message in [*odd, *odd]:
        send(message)
    send(answer_of(time.time()))
    bench.wait_for(lambda: seen["answers"], "the answer")
    assert len(seen["answers"]) == 1
    assert observer.left_out["/fer/emotions"] == 2 * len(odd)
    assert len(seen["told"]) == 5  # and not more within a minute
    assert "it has no stamp" in seen["told"][0]
    assert any("/tester can have sent it" in text for text in seen["told"])


def test_answers_with_any_boxes_and_probabilities_are_taken(bench, observer, seen):
    """What is not shown may be anything."""
    send = bench.speak(EmotionArray, "/fer/emotions")
    for length, value in itertools.product((0, 1, 6, 8, 10_000), (float("nan"), float("-inf"), -1.0)):
        message = answer_of(time.time())
        message.emotions[0].probabilities = message.emotions[0].raw_probabilities = array.array("f", [value] * length)
        message.emotions[0].bbox.center.position.x = message.emotions[0].bbox.size_x = value
        send(message)
    bench.wait_for(lambda: len(seen["answers"]) == 15, "the answers")
    assert not seen["told"]


def test_a_picture_that_nobody_can_read_is_left_out_and_told_once(bench, observer, seen, message_of):
    send = bench.speak(Image, "/fer/overlay")
    byte = array.array("B", [0])
    odd = [{"height": 1, "width": 1, "encoding": "nonsense", "step": 1, "data": byte},
           {"height": 2, "width": 2, "encoding": "bgr8", "step": 1, "data": byte},
           {"height": 0, "width": 0, "encoding": "bgr8"},
           {"height": 2**32 - 1, "width": 2**32 - 1, "encoding": "bgr8", "step": 2**32 - 1, "data": byte},
           {"height": 3, "width": 3, "encoding": "nv12", "step": 3, "data": array.array("B", bytes(12))}]

    answer = answer_of(time.time())
    bench.speak(EmotionArray, "/fer/emotions")(answer)
    bench.wait_for(lambda: seen["answers"], "the answer")

    def stamped(message: Image) -> Image:
        message.header = answer.header
        return message

    messages = [message_of(np.zeros((4, 4, 3), np.uint8), 0), *(stamped(Image(**fields)) for fields in [*odd, *odd])]
    for count, message in enumerate(messages, 1):
        send(message)
        bench.wait_for(lambda count=count: observer.left_out["/fer/overlay"] == count, "the picture")
    send(stamped(message_of(np.zeros((4, 4, 3), np.uint8))))
    bench.wait_for(lambda: seen["pictures"], "the picture")
    assert len(seen["pictures"]) == 1
    assert observer.left_out["/fer/overlay"] == len(messages)
    assert any("'nonsense'" in text for text in seen["told"])
    assert len(seen["told"]) <= 5


def test_a_picture_of_no_answer_is_none_of_the_graphs(bench, observer, seen, message_of):
    """One pixel, say, of a size that no video can have."""
    send = bench.speak(Image, "/fer/overlay")
    for count in range(9):  # fewer than the subscription holds
        send(message_of(np.zeros((1, 1, 3), np.uint8), int(time.time()), count))
    bench.wait_for(lambda: observer.left_out["/fer/overlay"] == 5, "the pictures")
    assert not seen["pictures"]
    assert len(seen["told"]) == 1
    assert "its stamp is that of no answer" in seen["told"][0]


def test_a_picture_that_comes_before_its_answer_waits_for_it(bench, observer, seen, message_of):
    second = int(time.time())
    bench.speak(Image, "/fer/overlay")(message_of(np.zeros((4, 4, 3), np.uint8), second))
    bench.wait_for(lambda: observer._early, "the picture")
    assert not seen["pictures"]
    bench.speak(EmotionArray, "/fer/emotions")(answer_of(second))
    bench.wait_for(lambda: seen["pictures"], "the picture")
    (picture, stamp), = seen["pictures"]
    assert (picture.shape, stamp) == ((4, 4, 3), second)
    assert not seen["told"]


def test_what_rclpy_raises_is_told_once(observer, seen):
    for _ in range(3):
        observer.failed(ValueError("77 is not a valid type\x1b"))
    assert seen["told"] == ["a request or message could not be handled: 77 is not a valid type?"]


def test_what_a_handler_raises_ends_nothing(bench, observer, seen, monkeypatch):
    monkeypatch.setattr(observer, "_on_emotions", lambda *_: [][1])
    send = bench.speak(EmotionArray, "/fer/emotions")
    send(answer_of(time.time()))
    bench.wait_for(lambda: observer.left_out["/fer/emotions"] == 1, "the answer")
    assert "list index out of range" in seen["told"][0]


def test_all_who_subscribe_to_the_results_are_waited_for(bench, observer):
    """The observer listens to the emotions, the emotion node within its process to the faces, and then a recorder to both."""
    inside = {"face_detector_node": 1, "emotion_node": 0}

    def found(faces: int, emotions: int) -> None:
        observer.health = {"face_detector_node": Health("active", {"subscribers": str(faces)}),
                           "emotion_node": Health("active", {"subscribers": str(emotions)})}

    found(1, 1)
    bench.wait_for(lambda: observer.others_hear(inside), "nobody else")
    bench.listen(EmotionArray, "/fer/emotions")
    bench.wait_for(lambda: not observer.others_hear(inside), "the recorder to be known of")
    found(1, 2)
    assert observer.others_hear(inside)
    found(0, 2)
    assert not observer.others_hear(inside)
