# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A bag that is replayed gives the answers that its annotation has, image by image, every time."""

from __future__ import annotations

import itertools
import sys

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection2DArray

from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.replay import ReplayNode
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import stamp_key

LOSSLESS = {"image_durability": "transient_local", "image_depth": 60}  # as fer_ros.graph has it for a bag
STAMPS = [(1_700_000_000 + (250_000_000 + i * 33_333_333) // 10**9, (250_000_000 + i * 33_333_333) % 10**9)
          for i in range(45)]


@pytest.fixture
def graph(bench):
    """Face detector and emotion node, connected; what they say is in `faces` and `emotions`."""

    class Graph:
        def __init__(self):
            for node in (FaceDetectorNode, EmotionNode):
                bench.add(node, remap="image:=image_raw", image_reliability="reliable", **LOSSLESS)
            self.faces = bench.listen(Detection2DArray, "faces", 500)
            self.emotions = bench.listen(EmotionArray, "emotions", 500)
            self.events = bench.listen(EmotionEvent, "events", 500)
            detector, emotion = bench.nodes
            bench.wait_for(lambda: detector._faces.get_subscription_count() == 2
                           and emotion._emotions.get_subscription_count() == 1
                           and emotion._events.get_subscription_count() == 1
                           and bench.tester.count_publishers("faces") == bench.tester.count_publishers("emotions")
                           == bench.tester.count_publishers("events") == 1, "the graph to be connected")
            bench.spin(0.3)

        def play(self, bag, count: int = 45, **named) -> ReplayNode:
            """Until so many images are answered."""
            for heard in (self.faces, self.emotions, self.events):
                heard.clear()
            node = bench.add(ReplayNode, bag=str(bag), wait_for_subscribers=2, **LOSSLESS, **named)
            bench.wait_for(lambda: len(self.emotions) >= count, f"{count} answers")
            return node

    return Graph()


def images(bench) -> list[Image]:
    """Everything on image_raw, from its first message on."""
    heard: list[Image] = []
    bench.tester.create_subscription(Image, "image_raw", heard.append,
                                     QoSProfile(depth=200, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    return heard


def test_the_graph_answers_each_image_as_the_annotation_does(bench, graph, demo_bag, golden, golden_events):
    graph.play(demo_bag)
    expected = golden(demo_bag)
    assert sum(len(emotions.emotions) for _, emotions in expected) > 30
    assert graph.faces == [faces for faces, _ in expected]
    assert graph.emotions == [emotions for _, emotions in expected]
    events = golden_events(demo_bag)
    bench.wait_for(lambda: len(graph.events) >= len(events), "all events")
    assert graph.events == events != []


def test_twice_gives_the_same_but_for_new_ids(graph, demo_bag):
    first = graph.play(demo_bag) and list(graph.emotions)
    again = graph.play(demo_bag) and list(graph.emotions)
    assert [stamp_key(m.header) for m in first] == [stamp_key(m.header) for m in again] == STAMPS
    for one, other in zip(first, again, strict=True):
        for before, after in zip(one.emotions, other.emotions, strict=True):
            assert before.face_id != after.face_id
            after.face_id = before.face_id
            assert before == after


def test_a_loop_makes_time_jump_back_and_everything_begins_anew(graph, demo_bag):
    graph.play(demo_bag, count=100, loop=True)
    rounds = [graph.emotions[:45], graph.emotions[45:90]]
    assert [[stamp_key(m.header) for m in answers] for answers in rounds] == [STAMPS, STAMPS]
    ids = [{e.face_id for m in answers for e in m.emotions} for answers in rounds]
    assert not ids[0] & ids[1]
    for one, other in zip(*rounds, strict=True):
        assert [list(e.probabilities) for e in one.emotions] == [list(e.probabilities) for e in other.emotions]


def test_in_a_loop_everybody_leaves_once_a_round_and_appears_anew(bench, graph, demo_bag, golden_events):
    graph.play(demo_bag, count=100, loop=True)
    first = golden_events(demo_bag)
    came = [event for event in first if event.kind == EmotionEvent.APPEARED]
    bench.wait_for(lambda: len(graph.events) > len(first) + len(came), "the events of the second round")
    kinds = {}
    for event in graph.events:
        kinds.setdefault(event.face_id, []).append(event.kind)
    assert all(told[0] == EmotionEvent.APPEARED and told.count(EmotionEvent.APPEARED) == 1 for told in kinds.values())
    assert all(EmotionEvent.LEFT not in told[:-1] for told in kinds.values())
    gone = {event.face_id for event in graph.events if event.kind == EmotionEvent.LEFT}
    assert {event.face_id for event in came} <= gone
    again = [event for event in graph.events if event.kind == EmotionEvent.APPEARED][len(came) : 2 * len(came)]
    assert [event.header for event in again] == [event.header for event in came]


def test_images_have_their_own_stamps_frames_and_calibration(bench, demo_bag, demo_images):
    heard, infos = images(bench), bench.listen(CameraInfo, "camera_info", 200)
    bench.add(ReplayNode, bag=str(demo_bag), rate=3.0, wait_for_subscribers=1, **LOSSLESS)
    bench.wait_for(lambda: len(heard) == 45, "all images")
    assert [stamp_key(message.header) for message in heard] == STAMPS
    assert {message.header.frame_id for message in heard} == {"cam"}
    assert all((to_bgr(message) == image).all() for message, image in zip(heard, demo_images, strict=True))
    bench.wait_for(lambda: infos, "camera_info")
    assert (infos[-1].k[0], infos[-1].width, infos[-1].distortion_model) == (300.0, 320, "plumb_bob")
    assert stamp_key(infos[-1].header) in STAMPS


@pytest.mark.parametrize("kind", ["sqlite3", "ros1"])
def test_bags_of_other_kinds_and_compressed_images(bench, new_bag, demo_images, tmp_path, kind):
    path = tmp_path / ("a.bag" if kind == "ros1" else "a")
    with new_bag(path, kind) as bag:
        for i in range(5):
            bag.compressed(demo_images[i], 10**9 * (i + 1) // 50)
    heard = images(bench)
    bench.add(ReplayNode, bag=str(path), wait_for_subscribers=1, **LOSSLESS)
    bench.wait_for(lambda: len(heard) == 5, "all images")
    assert all((to_bgr(message) == image).all() for message, image in zip(heard, demo_images, strict=False))


def test_the_clock_runs_as_the_recording_did(bench, demo_bag):
    told, heard = bench.listen(Clock, "/clock", 2000), images(bench)
    bench.wait_for(lambda: bench.tester.count_subscribers("/clock"), "a subscriber of /clock")
    bench.add(ReplayNode, bag=str(demo_bag), rate=0.5, clock=True, wait_for_subscribers=1, **LOSSLESS)
    bench.wait_for(lambda: len(heard) == 45, "all images")
    times = [message.clock.sec * 10**9 + message.clock.nanosec for message in told]
    assert times == sorted(times)
    assert len(times) > 45  # it runs between images, too
    recorded = {sec * 10**9 + nanosec + 3_000_000 for sec, nanosec in STAMPS}
    assert len(recorded & set(times)) > 40


def test_a_node_with_sim_time_takes_it_from_there_and_reports_even_while_it_stands_still(bench, demo_bag):
    reports = bench.listen(DiagnosticArray, "/diagnostics", 200)
    detector = bench.add(FaceDetectorNode, remap="image:=image_raw", use_sim_time=True, diagnostics_period=0.1)
    bench.wait_for(lambda: len(reports) > 3, "reports without any clock")
    bench.add(ReplayNode, bag=str(demo_bag), clock=True, wait_for_subscribers=1)
    bench.wait_for(lambda: detector.get_clock().now().nanoseconds > STAMPS[40][0] * 10**9, "the recording's time")
    bench.spin(0.5)
    reports.clear()
    bench.wait_for(lambda: [r for r in reports if r.status[0].name.endswith("face_detector_node")], "reports after the end")
    assert reports[-1].header.stamp.sec == STAMPS[-1][0] or "replay" in reports[-1].status[0].name


def test_an_interrupted_replay_goes_on_where_it_was(bench, demo_bag):
    heard = images(bench)
    node = bench.add(ReplayNode, bag=str(demo_bag), wait_for_subscribers=1, **LOSSLESS)
    bench.wait_for(lambda: len(heard) >= 10, "the first images")
    node.trigger_deactivate()
    bench.spin(0.3)
    before = len(heard)
    assert before < 45
    node.trigger_activate()
    bench.wait_for(lambda: len(heard) >= 45, "the rest")
    stamps = [stamp_key(message.header) for message in heard]
    assert [stamp for stamp, _ in itertools.groupby(stamps)] == STAMPS


def test_the_rate_can_be_changed_while_it_plays_and_nothing_else(bench, demo_bag):
    node = bench.add(ReplayNode, bag=str(demo_bag), rate=0.01)
    assert node.set_parameters([Parameter("rate", value=50.0)])[0].successful
    assert not node.set_parameters([Parameter("rate", value=0.0)])[0].successful
    assert "configured" in node.set_parameters([Parameter("topic", value="/x")])[0].reason
    bench.wait_for(lambda: node.health()[2]["source"] == "ended", "the end")


def test_what_cannot_be_played_ends_configuration_and_says_why(bench, tmp_path, monkeypatch):
    (tmp_path / "a.mcap").write_text("hello")
    said = []
    monkeypatch.setattr(ReplayNode, "get_logger", lambda self: type("Log", (), {"error": said.append}))
    for bag in ("", "/none", str(tmp_path / "a.mcap"), str(tmp_path)):
        node = bench.add(ReplayNode, start=False, bag=bag)
        assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    for text, words in zip(said, ("no bag is named", "does not exist", "cannot be read", "no metadata.yaml"), strict=True):
        assert words in text


def test_without_rosbags_it_says_what_to_install(bench, demo_bag, monkeypatch):
    said = []
    monkeypatch.setattr(ReplayNode, "get_logger", lambda self: type("Log", (), {"error": said.append}))
    for name in [name for name in sys.modules if name.startswith("fer_ros.bags")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rosbags", None)
    assert bench.add(ReplayNode, start=False, bag=str(demo_bag)).trigger_configure() == TransitionCallbackReturn.FAILURE
    assert "pip install rosbags" in said[0]


def test_an_image_that_cannot_be_read_is_told_and_counted_and_the_others_are_played(bench, new_bag, demo_images, tmp_path,
                                                                                    monkeypatch):
    with new_bag(tmp_path / "a") as bag:
        for i in range(4):
            bag.compressed(demo_images[i], (i + 1) * 10**7, name="/x")
            if i == 1:
                bag.write("/x", "sensor_msgs/msg/CompressedImage", 25 * 10**6, header=bag.header(25 * 10**6), format="png",
                          data=demo_images[0].ravel()[:9])
    said = []
    monkeypatch.setattr(ReplayNode, "say_once", lambda self, subject, text, **_: said.append(text))
    heard = images(bench)
    reports = bench.listen(DiagnosticArray, "/diagnostics", 200)
    node = bench.add(ReplayNode, bag=str(tmp_path / "a"), wait_for_subscribers=1, diagnostics_period=0.1, **LOSSLESS)
    bench.wait_for(lambda: len(heard) == 4 and node.health()[2]["source"] == "ended", "four images and the end")
    bench.wait_for(lambda: any(one.level == DiagnosticStatus.WARN and "1 unreadable image" in one.message
                               for report in reports for one in report.status), "a warning")
    assert all((to_bgr(message) == image).all() for message, image in zip(heard, demo_images, strict=False))
    assert "image 3 of 5 on /x" in said[0]
    assert node.health()[0] == DiagnosticStatus.OK  # that is over
    assert node.health()[2]["unreadable"] == 1


def test_damage_of_the_file_is_told_after_what_is_sound(bench, new_bag, demo_images, tmp_path, monkeypatch):
    with new_bag(tmp_path / "a") as bag:
        for i in range(12):
            bag.image(demo_images[i], (i + 1) * 10**7, name="/x")
    (file,) = (tmp_path / "a").glob("*.mcap")
    content = file.read_bytes()
    (tmp_path / "cut.mcap").write_bytes(content[: len(content) * 2 // 3])
    said = []
    monkeypatch.setattr(ReplayNode, "say_once", lambda self, subject, text, **_: said.append(text))
    heard = images(bench)
    node = bench.add(ReplayNode, bag=str(tmp_path / "cut.mcap"), wait_for_subscribers=1, **LOSSLESS)
    bench.wait_for(lambda: node.health()[0] == DiagnosticStatus.ERROR, "the error")
    bench.wait_for(lambda: len(heard) >= 4, "what is sound")
    assert "was not finished" in said[0]
    assert node.health()[2]["source"] == "failed"
