# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The recorder hears a graph from its first message on, with the quality of service that is offered."""

from __future__ import annotations

import pytest
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header, String
from vision_msgs.msg import Detection2DArray

from fer_ros.msg import EmotionArray
from fer_ros.ros import names
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.recorder import Recorder


@pytest.fixture
def recorder(bench):
    """A recorder of /soon, from the beginning, and /later, and what it heard."""
    heard = []
    node = Recorder({"soon": Header, "later": Header}, "", ["soon"], lambda *message: heard.append(message), pytest.fail)
    bench.executor.add_node(node)
    yield heard
    bench.executor.remove_node(node)
    node.destroy_node()


def test_a_topic_of_another_type_is_told_once_and_recorded_when_the_right_one_comes(bench):
    heard, told = [], []
    node = Recorder({"soon": Header, "later": Header}, "", ["soon"], lambda *message: heard.append(message), told.append)
    bench.executor.add_node(node)
    bench.stranger(String, "/later")
    bench.wait_for(lambda: told, "a word")
    bench.spin(0.5)
    node.explain()
    assert len(told) == 2
    assert "/later is std_msgs/msg/String and not std_msgs/msg/Header" in told[0]
    assert "/stranger" in told[0]
    assert "nobody publishes /soon" in told[1]
    publisher = bench.tester.create_publisher(Header, "/later", 10)
    bench.wait_for(lambda: publisher.get_subscription_count() == 1, "the recorder")
    publisher.publish(Header(frame_id="right"))
    bench.wait_for(lambda: heard, "the message")
    bench.executor.remove_node(node)
    node.destroy_node()


def test_what_cannot_be_written_ends_the_recording_and_nothing_else_does(bench):
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    node = Recorder({"soon": Header}, "", ["soon"], full, pytest.fail)
    bench.executor.add_node(node)
    node.check()
    send = bench.speak(Header, "/soon")
    send(Header())

    def failed() -> bool:
        try:
            node.check()
        except OSError as error:
            return "no space left" in str(error)
        return False

    bench.wait_for(failed, "the failure")
    bench.executor.remove_node(node)
    node.destroy_node()


def test_it_waits_for_results_before_anybody_publishes_them(bench, recorder):
    bench.wait_for(lambda: bench.tester.count_subscribers("/soon") == 1, "the subscription")
    assert bench.tester.count_subscribers("/later") == 0


@pytest.mark.parametrize("topic", ["/soon", "/later"])
@pytest.mark.parametrize("reliability", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_each_message_is_heard_once_whatever_is_offered(bench, recorder, topic, reliability):
    publisher = bench.tester.create_publisher(Header, topic, QoSProfile(depth=10, reliability=reliability))
    bench.wait_for(lambda: publisher.get_subscription_count() == 1, "the recorder")
    for number in range(5):
        publisher.publish(Header(frame_id=str(number)))
        bench.wait_for(lambda number=number: len(recorder) > number, "the message")
    assert [name for name, *_ in recorder] == [topic] * 5
    assert {kind for _, kind, *_ in recorder} == {"std_msgs/msg/Header"}
    assert [deserialize_message(data, Header).frame_id for *_, data in recorder] == ["0", "1", "2", "3", "4"]
    bench.spin(0.5)
    assert len(recorder) == 5


def test_it_follows_a_publisher_that_comes_back_with_another_reliability(bench, recorder):
    """And hears each message once, also of one that keeps some for who comes late."""
    def publisher(reliability: ReliabilityPolicy):
        return bench.tester.create_publisher(Header, "/later", QoSProfile(
            depth=10, reliability=reliability, durability=DurabilityPolicy.TRANSIENT_LOCAL))

    def heard(number: int, reliability: ReliabilityPolicy) -> bool:
        bench.wait_for(lambda: made[-1].get_subscription_count() == 1 and [
            info.qos_profile.reliability for info in bench.tester.get_subscriptions_info_by_topic("/later")] == [reliability],
            "the recorder")
        made[-1].publish(Header(frame_id=str(number)))
        bench.wait_for(lambda: len(recorder) > number, "the message")
        return [deserialize_message(data, Header).frame_id for *_, data in recorder] == [str(i) for i in range(number + 1)]

    made = [publisher(ReliabilityPolicy.RELIABLE)]
    assert heard(0, ReliabilityPolicy.RELIABLE)
    made.append(publisher(ReliabilityPolicy.BEST_EFFORT))  # beside the other one
    assert heard(1, ReliabilityPolicy.BEST_EFFORT)
    bench.tester.destroy_publisher(made[0])
    bench.tester.destroy_publisher(made[1])
    made.append(publisher(ReliabilityPolicy.RELIABLE))
    assert heard(2, ReliabilityPolicy.RELIABLE)
    bench.spin(0.5)
    assert len(recorder) == 3


@pytest.fixture
def there(bench):
    """Makes nodes, of which nobody but the recorder needs to hear."""
    made = []

    def make(full_name: str) -> Node:
        namespace, _, name = full_name.rpartition("/")
        made.append(Node(name, namespace=namespace))
        return made[-1]

    yield make
    for node in made:
        node.destroy_node()


@pytest.fixture
def recording(bench):
    """Records topics of /robot; what was heard, what was told, and the recorder."""
    heard, told, made = [], [], []

    def record(topics: dict[str, type], *early: str):
        made.append(Recorder(topics, "/robot", early, lambda *message: heard.append(message[0]), told.append))
        bench.executor.add_node(made[-1])
        return heard, told, made[-1]

    yield record
    for node in made:
        bench.executor.remove_node(node)
        node.destroy_node()


def test_topics_that_a_launch_file_has_renamed_are_recorded_under_their_new_names(bench, there, recording):
    topics = {names.EMOTIONS: EmotionArray, names.FACES: Detection2DArray, names.IMAGE: Image, names.CAMERA_INFO: CameraInfo,
              names.IMAGE_COMPRESSED: CompressedImage}
    heard, told, recorder = recording(topics, names.EMOTIONS, names.FACES)
    camera, emotion = there("/robot/camera/camera_node"), there("/robot/fer/emotion_node")
    there("/robot/fer/face_detector_node").create_subscription(Image, "/robot/camera/picture", print, 1)
    emotion.create_subscription(Detection2DArray, "/others/faces", print, RESULTS)
    publishers = [emotion.create_publisher(EmotionArray, "/robot/fer/moods", RESULTS),
                  bench.tester.create_publisher(Detection2DArray, "/others/faces", RESULTS),
                  camera.create_publisher(Image, "/robot/camera/picture", 10),
                  camera.create_publisher(CameraInfo, "/robot/camera/camera_info", 10),
                  camera.create_publisher(CompressedImage, "/robot/camera/picture/compressed", 10)]
    found = [publisher.topic_name for publisher in publishers]
    bench.wait_for(lambda: all(bench.tester.count_subscribers(name) for name in found)
                   and all(publisher.get_subscription_count() for publisher in publishers), "the recorder")
    for publisher in publishers:
        publisher.publish(publisher.msg_type())
    bench.wait_for(lambda: set(heard) == set(found), "a message of each")
    assert [recorder.name(topic) for topic in topics] == found
    assert f"/robot/{names.EMOTIONS} has another name here: recording /robot/fer/moods" in told
    assert len(told) == 4
    assert not bench.tester.count_subscribers(f"/robot/{names.EMOTIONS}")
    for publisher in publishers:
        assert publisher.get_subscription_count() == 1 + (publisher.topic_name in ("/robot/camera/picture", "/others/faces"))


@pytest.mark.parametrize(("reader", "kind", "topic", "compressed"), [
    ("pipeline_node", Image, "/other/camera", False), ("fer/face_detector_node", Image, "/other/camera", True),
    ("fer/face_detector_node", CompressedImage, "/other/camera/compressed", False),
    ("pipeline_node", CompressedImage, "/other/camera/compressed", True)])
def test_images_that_the_graph_takes_elsewhere_are_recorded(bench, there, recording, reader, kind, topic, compressed):
    """Also where the camera is found first."""
    image = names.IMAGE_COMPRESSED if compressed else names.IMAGE
    topics = {image: CompressedImage if compressed else Image, names.CAMERA_INFO: CameraInfo}
    heard, told, recorder = recording(topics)
    camera = there("/robot/camera/camera_node")
    own = [camera.create_publisher(Image, f"/robot/{names.IMAGE}", 10),
           camera.create_publisher(CompressedImage, f"/robot/{names.IMAGE_COMPRESSED}", 10),
           camera.create_publisher(CameraInfo, f"/robot/{names.CAMERA_INFO}", 10)]
    bench.wait_for(lambda: own[compressed].get_subscription_count() and own[2].get_subscription_count(), "the recorder")
    there(f"/robot/{reader}").create_subscription(kind, topic, print, 1)
    name = "/other/camera/compressed" if compressed else "/other/camera"
    others = [bench.tester.create_publisher(topics[image], name, 10),
              bench.tester.create_publisher(CameraInfo, "/other/camera_info", 10)]
    bench.wait_for(lambda: recorder.name(names.CAMERA_INFO) == "/other/camera_info" and all(
        publisher.get_subscription_count() >= 1 + (publisher.topic_name == topic) for publisher in others), "the recorder")
    bench.wait_for(lambda: not any(publisher.get_subscription_count() for publisher in own), "it to leave the camera")
    for publisher in (*own, *others):
        publisher.publish(publisher.msg_type())
    bench.wait_for(lambda: len(heard) >= 2, "the messages")
    bench.spin(0.3)
    assert sorted(heard) == sorted((name, "/other/camera_info"))
    assert len(told) == 2


def test_a_graph_under_its_own_names_is_recorded_under_these(bench, there, recording):
    topics = {names.IMAGE: Image, names.CAMERA_INFO: CameraInfo}
    _, told, recorder = recording(topics)
    there("/robot/fer/face_detector_node").create_subscription(Image, f"/robot/{names.IMAGE}", print, 1)
    camera = there("/robot/camera/camera_node")
    publishers = [camera.create_publisher(kind, f"/robot/{topic}", 10) for topic, kind in topics.items()]
    bench.wait_for(lambda: [one.get_subscription_count() for one in publishers] == [2, 1], "the recorder")
    camera.destroy_node()
    bench.spin(0.6)
    assert told == []
    assert [recorder.name(topic) for topic in topics] == [f"/robot/{topic}" for topic in topics]
