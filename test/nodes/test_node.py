# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What every node has: lifecycle, diagnostics, enable, and a word when nothing comes in."""

import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray

from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.hri import HriNode
from fer_ros.nodes.hri_faces import HriFacesNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.ros.qos import RESULTS, explain_silence


def change(bench, node, transition):
    request = ChangeState.Request(transition=Transition(id=transition))
    return bench.call(ChangeState, f"/{node.NAME}/change_state", request).success


def state(bench, node):
    return bench.call(GetState, f"/{node.NAME}/get_state", GetState.Request()).current_state.label


def last_status(messages, name):
    found = [status for message in messages for status in message.status if status.name == f"/{name}"]
    return found[-1] if found else DiagnosticStatus()


@pytest.mark.parametrize("node_class", [FaceDetectorNode, EmotionNode, OverlayNode, HriNode, HriFacesNode])
def test_a_node_goes_through_its_states_and_back_again(bench, node_class):
    node = bench.add(node_class, start=False)
    assert state(bench, node) == "unconfigured"
    for _ in range(2):
        for transition, label in (
            (Transition.TRANSITION_CONFIGURE, "inactive"),
            (Transition.TRANSITION_ACTIVATE, "active"),
            (Transition.TRANSITION_DEACTIVATE, "inactive"),
            (Transition.TRANSITION_CLEANUP, "unconfigured"),
        ):
            assert change(bench, node, transition)
            assert state(bench, node) == label


def test_aligned_timers_count_from_now(bench):
    nodes = [bench.add(EmotionNode, diagnostics_period=60.0) for _ in range(2)]
    timers = [node._report_timer for node in nodes]
    time.sleep(0.01)
    before = [timer.time_until_next_call() for timer in timers]
    for node in nodes:
        node.align_timers()
    assert all(timer.time_until_next_call() > left for timer, left in zip(timers, before, strict=True))


def test_an_inactive_node_publishes_nothing(bench, astronaut, message_of):
    heard = bench.listen(Detection2DArray, "faces")
    node = bench.add(FaceDetectorNode)
    send = bench.speak(Image, "image")
    node.trigger_deactivate()
    send(message_of(astronaut))
    bench.spin(0.5)
    assert not heard


def test_what_was_published_last_arrives_before_its_publisher_goes(bench, monkeypatch):
    heard = bench.listen(EmotionArray, "emotions")
    node = bench.add(EmotionNode)
    output = next(one for one in node._outputs if one.topic_name == "/emotions")
    bench.wait_for(lambda: output.remote, "the listener")
    done = []
    waits, goes = output.publisher.wait_for_all_acked, node.destroy_lifecycle_publisher
    monkeypatch.setattr(output.publisher, "wait_for_all_acked", lambda timeout: done.append(("waits", waits(timeout))))
    monkeypatch.setattr(node, "destroy_lifecycle_publisher",
                        lambda publisher: (done.append(("goes", publisher is output.publisher)), goes(publisher)))
    output.publish(EmotionArray)
    node.release()
    assert done.index(("waits", True)) < done.index(("goes", True))
    bench.wait_for(lambda: heard, "the message")


def test_nobody_who_takes_nothing_holds_up_the_end(bench, monkeypatch):
    """Not for each of its publishers anew, and not where a middleware cannot tell."""
    node = bench.add(EmotionNode)
    asked = []

    def settle(self, timeout):
        asked.append(timeout)
        time.sleep(max(min(timeout, 0.3), 0))

    monkeypatch.setattr("fer_ros.ros.output.Output.settle", settle)
    node.release()
    assert len(asked) == 2 and asked[0] <= 0.5 and asked[1] <= asked[0] - 0.3
    monkeypatch.undo()
    bench.listen(EmotionArray, "emotions")
    other = bench.add(EmotionNode)
    output = next(one for one in other._outputs if one.topic_name == "/emotions")
    bench.wait_for(lambda: output.remote, "the listener")

    def unsupported(timeout):
        raise RuntimeError("not implemented")

    monkeypatch.setattr(output.publisher, "wait_for_all_acked", unsupported)
    other.release()
    assert other.diagnostics.total("errors") == 0


def test_diagnostics_tell_state_rate_model_and_provider(bench, astronaut, message_of):
    heard = bench.listen(DiagnosticArray, "/diagnostics")
    faces = bench.listen(Detection2DArray, "faces")
    bench.add(FaceDetectorNode, diagnostics_period=0.1)
    send = bench.speak(Image, "image")
    for sec in range(1, 4):
        send(message_of(astronaut, sec))
        bench.wait_for(lambda n=sec: len(faces) == n, f"the faces of image {sec}")

    def values():
        return {entry.key: entry.value for entry in last_status(heard, "face_detector_node").values}

    bench.wait_for(lambda: values().get("images") == "3", "three images to be reported")
    status = last_status(heard, "face_detector_node")
    assert status.level == DiagnosticStatus.OK
    assert status.message == "active"
    assert values()["execution provider"] == "CPUExecutionProvider"
    assert values()["model"].startswith("face_detection_yunet")
    assert values()["faces"] == "3"
    assert values()["images rate"].endswith("Hz")


def test_a_disabled_node_rests_and_says_so(bench, astronaut, message_of):
    faces = bench.listen(Detection2DArray, "faces")
    reports = bench.listen(DiagnosticArray, "/diagnostics")
    bench.add(FaceDetectorNode)
    send = bench.speak(Image, "image")
    assert bench.call(SetBool, "/face_detector_node/enable", SetBool.Request(data=False)).success
    bench.wait_for(lambda: last_status(reports, "face_detector_node").message == "disabled", "the report")
    send(message_of(astronaut, 1))
    bench.spin(0.5)
    assert not faces
    bench.call(SetBool, "/face_detector_node/enable", SetBool.Request(data=True))
    send(message_of(astronaut, 2))
    bench.wait_for(lambda: faces, "faces after it was enabled")
    assert faces[0].header.stamp.sec == 2


def test_a_node_that_hears_nothing_says_so_once_and_warns_in_diagnostics(bench, monkeypatch):
    said = []
    node = bench.add(FaceDetectorNode, silence_timeout=0.5, diagnostics_period=0.1)
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text, **_: said.append(text))
    reports = bench.listen(DiagnosticArray, "/diagnostics")
    bench.wait_for(lambda: said, "a word about the silence")
    bench.spin(0.5)
    assert len(said) == 1
    assert "/image" in said[0]
    status = last_status(reports, "face_detector_node")
    assert status.level == DiagnosticStatus.WARN
    assert "/image" in status.message


def test_it_is_no_silence_where_messages_come_when_something_happens(bench):
    node = bench.add(OverlayNode, silence_timeout=0.5, diagnostics_period=0.1)  # of which nothing is asked
    node.subscribe(EmotionEvent, "events", lambda message: None, RESULTS, rare=True)
    node.subscribe(EmotionArray, "faces_of_others", lambda message: None, RESULTS)
    bench.wait_for(lambda: node._silent_topics() == ["/faces_of_others"], "the silence of the other topic")


def test_the_word_names_a_publisher_whose_qos_does_not_match(bench):
    bench.tester.create_publisher(Image, "image", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    bench.wait_for(lambda: bench.tester.count_publishers("/image"), "the publisher")
    reliable = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
    text = explain_silence(bench.tester, "/image", Image, reliable)
    assert "/tester" in text
    assert "QoS does not match" in text
    assert "nobody publishes /other" in explain_silence(bench.tester, "/other", Image, reliable)


def test_a_wrong_type_is_named_with_what_to_do(bench, monkeypatch):
    """Also where it comes late: until then nobody publishes the topic, and that was said."""
    node, said = bench.add(FaceDetectorNode, silence_timeout=0.5, diagnostics_period=0.1), []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text, **_: said.append(text))
    bench.wait_for(lambda: said, "a word about the silence")
    bench.stranger(CameraInfo, "image")
    bench.wait_for(lambda: len(said) > 1, "a word about the type")
    bench.spin(0.5)
    assert "nobody publishes /image" in said[0]
    assert "/image is sensor_msgs/msg/CameraInfo and not sensor_msgs/msg/Image" in said[1]
    assert "/stranger" in said[1]
    assert len(said) == 2
    bench.stranger(Image, "/fer/overlay")  # what the graph makes of its input is none
    bench.spin(0.5)
    assert len(said) == 2
    bench.stranger(Image, "elsewhere")
    bench.wait_for(lambda: len(said) > 2, "a word about the other topic")
    assert "name the topic that has sensor_msgs/msg/Image: /elsewhere" in said[2]
    assert "/fer/overlay" not in said[2]


@pytest.mark.parametrize(("node_class", "topic", "wanted"), [
    (EmotionNode, "faces", "vision_msgs/msg/Detection2DArray"), (EmotionNode, "image", "sensor_msgs/msg/Image"),
    (OverlayNode, "emotions", "fer_ros/msg/EmotionArray"),
])
def test_every_input_of_the_wrong_type_is_named(bench, monkeypatch, node_class, topic, wanted):
    node, said = bench.add(node_class, silence_timeout=0.5, diagnostics_period=0.1), []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text, **_: said.append(text))
    bench.listen(Image, "overlay")
    bench.stranger(DiagnosticArray, topic)
    bench.wait_for(lambda: any(wanted in text for text in said), "a word about the type")
    assert any(f"/{topic} is diagnostic_msgs/msg/DiagnosticArray and not {wanted}" in text for text in said)


def test_what_goes_wrong_in_a_transition_is_said_and_leaves_nothing_behind(bench, monkeypatch):
    node = bench.add(FaceDetectorNode, start=False)
    said = []
    monkeypatch.setattr(type(node.get_logger()), "error", lambda self, text, **_: said.append(text))

    def broken(self):
        self.advertise(Image, "half_made", QoSProfile(depth=1))
        raise KeyError("a mistake")

    before = len(list(node.publishers))
    with monkeypatch.context() as patch:
        patch.setattr(FaceDetectorNode, "setup", broken)
        for _ in range(3):
            assert node.trigger_configure().name == "FAILURE"
    assert len(list(node.publishers)) == before
    assert "a mistake" in said[0]
    with monkeypatch.context() as patch:
        patch.setattr(FaceDetectorNode, "start", broken)
        node.trigger_configure()
        assert node.trigger_activate().name == "FAILURE"
    assert node.trigger_activate().name == "SUCCESS"


def test_a_log_line_is_not_repeated_though_its_numbers_change_or_it_alternates(bench, monkeypatch):
    node = bench.add(FaceDetectorNode)
    said = []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text, **_: said.append(text))
    for i in range(100):
        node.say_once("subject", f"got {i} bytes")
        node.say_once("subject", "something else")
    assert said == ["got 0 bytes", "something else"]


def test_images_without_stamps_are_still_followed_and_it_is_said(bench, astronaut, message_of, monkeypatch):
    faces = bench.listen(Detection2DArray, "faces")
    node = bench.add(FaceDetectorNode, track_timeout=0.3)
    said = []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text, **_: said.append(text))
    send = bench.speak(Image, "image")
    for count in range(1, 4):
        send(message_of(astronaut, 0, 0))
        bench.wait_for(lambda n=count: len(faces) == n, "faces")
        bench.spin(0.05)
    bench.spin(0.5)
    send(message_of(astronaut, 0, 0))
    bench.wait_for(lambda: len(faces) == 4, "faces")
    assert [one.detections[0].id for one in faces] == ["1", "1", "1", "2"]  # time went on though the stamps did not
    assert len(said) == 1 and "no stamp" in said[0]
