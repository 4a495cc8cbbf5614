# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Faces and expressions as a robot's other packages read them, by REP-155."""

from __future__ import annotations

import gc
import re
import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hri_msgs.msg import Expression, IdsList, NormalizedRegionOfInterest2D
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.msg import EmotionArray
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.hri import HriNode
from fer_ros.perception.face_images import aligned_face, cropped_face
from fer_ros.ros.exchange import Exchange, LocalEmotions, LocalImage
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import emotions_to_message
from fer_ros.types import Box, Emotion

BOX = Box(320.0, 240.0, 100.0, 120.0, 0.25)


def emotion(face_id: str, label: str = "happy", box: Box = BOX) -> Emotion:
    shares = np.full(7, 0.1, np.float32)
    shares[EMOTIONS.index("fear" if label == UNCERTAIN else label)] = 0.4
    return Emotion(face_id, box, 0.9, label, 0.4, shares, shares)


@dataclass
class Listener:
    """As libhri does: hears who is tracked, and subscribes to the topics of each while that lasts."""

    bench: Any
    place: str = "/humans"
    heard: dict[str, dict[str, list]] = field(default_factory=dict)
    lists: list[IdsList] = field(default_factory=list)
    KINDS: ClassVar = {"roi": NormalizedRegionOfInterest2D, "expression": Expression, "cropped": Image, "aligned": Image}

    def __post_init__(self) -> None:
        self._subscriptions: dict[str, list] = {}
        self.bench.tester.create_subscription(IdsList, f"{self.place}/faces/tracked", self._tracked, 50)

    def _tracked(self, message: IdsList) -> None:
        self.lists.append(message)
        for gone in self._subscriptions.keys() - set(message.ids):
            for subscription in self._subscriptions.pop(gone):
                self.bench.tester.destroy_subscription(subscription)
        for new in set(message.ids) - self._subscriptions.keys():
            heard = self.heard.setdefault(new, {name: [] for name in self.KINDS})
            self._subscriptions[new] = [
                self.bench.tester.create_subscription(kind, f"{self.place}/faces/{new}/{name}", heard[name].append, 50)
                for name, kind in self.KINDS.items()]

    @property
    def ids(self) -> list[str]:
        return list(self.lists[-1].ids) if self.lists else []


@dataclass
class Speaker:
    """Sends frames and what is shown in them: in a process of its own with the image, or within the process of the node."""

    bench: Any
    exchange: Exchange | None = None
    pixels: np.ndarray = field(default_factory=lambda: np.full((480, 640, 3), 77, np.uint8))
    nanoseconds: int = 10 * 10**9

    camera: str = ""

    def __post_init__(self) -> None:
        front = f"{self.camera}/" if self.camera else ""
        self.topic = f"/{front}emotions"
        if self.exchange is None:
            self._image = self.bench.speak(Image, f"{front}image")
            self._emotions = self.bench.speak(EmotionArray, f"{front}emotions")

    def __call__(self, *emotions: Emotion, after: float = 0.1) -> Header:
        self.nanoseconds += round(after * 1e9)
        header = Header(frame_id=f"{self.camera or 'camera'}_optical_frame")
        header.stamp.sec, header.stamp.nanosec = divmod(self.nanoseconds, 10**9)
        if self.exchange is None:
            self._image(self.message(header))
            self._emotions(emotions_to_message(emotions, header, "m"))
        else:
            local = LocalEmotions(header, emotions, EMOTIONS, LocalImage(header, self.pixels), Detection2DArray())
            self.exchange.put(self.topic, local)
        return header

    def message(self, header: Header) -> Image:
        from fer_ros.ros.images import from_bgr

        return from_bgr(self.pixels, header)

    def until(self, condition, what: str, *emotions: Emotion) -> None:
        """Send the same faces again and again until something holds."""
        def sent() -> bool:
            self(*emotions)
            self.bench.spin(0.02)
            return condition()

        self.bench.wait_for(sent, what)


@pytest.fixture(params=["apart", "in_one_process"])
def start(request, bench):
    """Starts the node with parameters; gives it, a listener and a speaker."""

    def started(place: str = "/humans", **parameters):
        exchange = Exchange() if request.param == "in_one_process" else None
        if exchange is not None:
            exchange.topics.update(("/emotions", "/left/emotions", "/right/emotions"))
        listener = Listener(bench, place)
        node = bench.add(HriNode, exchange=exchange, **{"appear_after": 0.0, **parameters})
        if parameters.get("publish_faces", True):
            bench.wait_for(lambda: node._tracked.remote, "the listener")
        cameras = parameters.get("cameras", "")
        return node, listener, *(Speaker(bench, exchange, camera=name) for name in cameras.split(","))

    return started


def publishers(bench, place: str = "/humans") -> set[str]:
    return {name for name, _ in bench.tester.get_publisher_names_and_types_by_node("hri_node", "/") if name.startswith(place)}


def test_a_face_has_its_place_and_its_expression(bench, start):
    _, listener, speak = start()
    speak.until(lambda: any(one["roi"] and one["expression"] for one in listener.heard.values()), "a face",
                emotion("3", "fear"))
    [(name, heard)] = listener.heard.items()
    assert re.fullmatch("[a-z]{4}3", name)
    assert listener.ids == [name]
    roi, expression = heard["roi"][-1], heard["expression"][-1]
    assert (roi.xmin, roi.ymin) == (pytest.approx(270 / 640), pytest.approx(180 / 480))
    assert (roi.xmax, roi.ymax, roi.c) == (pytest.approx(370 / 640), pytest.approx(300 / 480), pytest.approx(0.9))
    assert (expression.expression, expression.confidence) == (Expression.SCARED, pytest.approx(0.4))
    assert (expression.valence, expression.arousal) == (0, 0)
    for message in (listener.lists[-1], roi, expression):
        assert message.header.frame_id == "camera_optical_frame"
        assert message.header.stamp.sec >= 10


def test_an_uncertain_face_has_a_word_that_readers_know(bench, start):
    _, listener, speak = start()
    speak.until(lambda: any(one["expression"] for one in listener.heard.values()), "a face", emotion("1", UNCERTAIN))
    [heard] = listener.heard.values()
    assert (heard["expression"][-1].expression, heard["expression"][-1].confidence) == ("scared", pytest.approx(0.4))


def test_who_leaves_is_tracked_no_more_and_leaves_no_topic(bench, start):
    node, listener, speak = start(hold=0.5)
    speak.until(lambda: len(listener.ids) == 2, "two faces", emotion("1"), emotion("2"))
    bench.wait_for(lambda: len(publishers(bench)) == 5, "tracked, and two topics a face")
    speak.until(lambda: len(listener.ids) == 1, "one to leave", emotion("2"))
    assert listener.ids[0].endswith("2")
    bench.wait_for(lambda: len(publishers(bench)) == 3, "the topics to go")
    assert len(node._topics) == 1


def test_an_id_that_is_allowed_stays(bench, start):
    """Others, a ROS4HRI detector say, speak of the face by it."""
    _, listener, speak = start()
    speak.until(lambda: listener.ids, "a face", emotion("bf3d"))
    assert listener.ids == ["bf3d"]


def test_ids_can_be_the_same_in_every_run(bench, start):
    _, listener, speak = start(deterministic_ids=True)
    speak.until(lambda: listener.ids, "a face", emotion("7"))
    assert listener.ids == ["f7"]


@pytest.mark.parametrize("place", ["/robot1/humans", "robot2/humans"])
def test_a_second_robot_has_a_namespace_of_its_own(bench, start, place):
    _, listener, speak = start(place=place, humans_namespace=place)
    speak.until(lambda: any(one["roi"] for one in listener.heard.values()), "a face", emotion("1"))
    assert publishers(bench) == set()


def test_pictures_of_faces_are_there_only_if_they_are_asked_for(bench, start):
    node, listener, speak = start()
    speak.pixels[180:300, 270:370] = np.random.default_rng(1).integers(0, 255, (120, 100, 3), np.uint8)
    speak.until(lambda: listener.ids, "a face", emotion("1"))
    bench.wait_for(lambda: len(publishers(bench)) == 3, "tracked, roi and expression")
    node.set_parameters([Parameter("cropped", value=True), Parameter("aligned", value=True),
                         Parameter("crop_width", value=96), Parameter("crop_height", value=64)])
    [name] = listener.ids
    heard = listener.heard[name]
    speak.until(lambda: heard["cropped"] and heard["aligned"], "pictures", emotion("1"))
    for made, message in ((cropped_face, heard["cropped"][-1]), (aligned_face, heard["aligned"][-1])):
        assert (message.width, message.height, message.encoding) == (96, 64, "bgr8")
        assert np.array_equal(to_bgr(message), made(speak.pixels, BOX, 96, 64))
        assert message.header.stamp.sec >= 10
    node.set_parameters([Parameter("cropped", value=False)])
    bench.wait_for(lambda: len(publishers(bench)) == 4, "the topic to go")


def test_beside_a_detector_that_says_where_faces_are_there_is_the_expression_alone(bench, start):
    node, _, speak = start(publish_faces=False, cropped=True)
    heard = bench.listen(Expression, "/humans/faces/bf3d/expression")
    speak.until(lambda: heard, "an expression", emotion("bf3d"))
    assert publishers(bench) == {"/humans/faces/bf3d/expression"}
    assert node._tracked is None


@pytest.mark.parametrize("ending", ["deactivate", "disable", "silence"])
def test_nobody_is_tracked_once_no_answers_come(bench, start, ending):
    node, listener, speak = start(lost_after=0.5 if ending == "silence" else 60.0)
    speak.until(lambda: listener.ids, "a face", emotion("1"))
    if ending == "deactivate":
        node.trigger_deactivate()
    elif ending == "disable":
        node.set_parameters([Parameter("enabled", value=False)])
    bench.wait_for(lambda: not listener.ids, "an empty list")
    assert listener.lists[-1].header.frame_id == "camera_optical_frame"
    bench.wait_for(lambda: len(publishers(bench)) <= 1, "the topics to go")
    assert node._topics == {}


def test_it_goes_through_its_states_again_and_again(bench, start):
    node, listener, speak = start()
    for _ in range(3):
        speak.until(lambda: listener.ids, "a face", emotion("1"))
        node.trigger_deactivate()
        bench.wait_for(lambda: not listener.ids, "an empty list")
        node.trigger_cleanup()
        assert [publisher for publisher in node.publishers if "/humans" in publisher.topic_name] == []
        node.trigger_configure()
        node.trigger_activate()
        bench.wait_for(lambda: node._tracked.remote, "the listener")
    first, second = list(listener.heard)[:2]
    assert first[:4] != second[:4], "ids of one run are not those of another"


def test_a_box_that_makes_no_sense_costs_that_face_alone(bench, start):
    node, listener, speak = start(cropped=True)
    beside, nan = Box(-500.0, 240.0, 100.0, 120.0), Box(float("nan"), 1.0, 2.0, 3.0)
    strange = Emotion("9", BOX, 0.9, "pleased", 0.4, np.zeros(0), np.zeros(0))
    faces = [emotion("2", box=beside), emotion("3", box=nan), strange, emotion("1")]
    speak.until(lambda: any(one["cropped"] for one in listener.heard.values()), "the one that is right", *faces)
    good = [name for name, one in listener.heard.items() if one["cropped"]]
    assert [name[4:] for name in good] == ["1"]
    assert node.active


def test_faces_without_an_id_and_too_many_are_named_once(bench, start, monkeypatch):
    node, listener, speak = start(max_faces=2)
    said = []
    monkeypatch.setattr(node, "say_once", lambda subject, text, **_: said.append(text))
    speak.until(lambda: len(listener.ids) == 2, "faces", *map(emotion, ("", "1", "2", "3")))
    assert "more than max_faces (2)" in said[0]
    assert "no id" in said[0]


def test_a_message_with_thousands_of_faces_makes_no_more_topics_than_are_allowed(bench, start):
    node, listener, speak = start(max_faces=3)
    crowd = [emotion(str(number)) for number in range(2000)]
    speak.until(lambda: len(listener.ids) == 3, "some of them", *crowd)
    assert len(publishers(bench)) <= 7
    assert node.diagnostics.total("left out") >= 1997


@pytest.mark.parametrize("cameras", ["", "left,right"])
def test_thousands_of_people_who_come_and_go_leave_nothing(bench, cameras):
    """Publishers, rclpy's books of them, and memory stay as they are after the first hundreds."""
    exchange = Exchange(lossless=True)
    exchange.topics.update(("/emotions", "/left/emotions", "/right/emotions"))
    node = bench.add(HriNode, exchange=exchange, appear_after=0.0, hold=0.05, cameras=cameras)
    speakers = [Speaker(bench, exchange, camera=name) for name in cameras.split(",")]

    def visitors(first: int, count: int) -> None:
        for number in range(first, first + count):
            speakers[number % len(speakers)](emotion(str(number)), emotion(f"{number} x"))
            if number % 100 == 0:
                bench.spin(0.01)
        bench.wait_for(lambda: all(view.humans._time * 1e9 >= speak.nanoseconds - 1e6
                                   for view, speak in zip(node._views, speakers, strict=True)), "the node to have seen them")

    def held() -> tuple[int, int, int, int]:
        gc.collect()
        memory = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        group = node.default_callback_group
        return len(list(node.publishers)), len(group.entities), len(gc.get_objects()), memory

    visitors(1, 300)
    before = held()
    visitors(301, 2000)
    after = held()
    assert after[0] == before[0] <= 12
    assert after[1] == before[1]
    assert after[2] - before[2] < 2000  # objects; one left behind by each of 4000 people would be twice as many
    assert after[3] - before[3] < 12e6  # bytes: 3 kB for each


# Several cameras.


def test_people_in_front_of_several_cameras_are_in_one_list(bench, start):
    _, listener, left, right = start(cameras="left,right")
    left.until(lambda: listener.ids, "one on the left", emotion("left_1"))
    right.until(lambda: len(listener.ids) == 2, "one on the right, too", emotion("right_1"))
    first, second = listener.ids
    assert re.fullmatch("left_[a-z]{4}1", first)
    assert second == first.replace("left", "right")
    assert listener.lists[-1].header.frame_id == "right_optical_frame", "the image's that the list came with"
    for name, speak in ((first, left), (second, right)):
        speak.until(lambda name=name: all(listener.heard[name][kind] for kind in ("roi", "expression")), "what it shows",
                    emotion(f"{speak.camera}_1"))
        assert {one.header.frame_id for one in listener.heard[name]["roi"]} == {f"{speak.camera}_optical_frame"}


def test_pictures_are_those_of_the_camera_that_sees_the_face(bench, start):
    """The two give images of the same stamps."""
    _, listener, left, right = start(cameras="left,right", cropped=True)
    right.pixels = np.full((480, 640, 3), 177, np.uint8)

    def sent() -> bool:
        left(emotion("left_1"))
        right(emotion("right_1"))
        bench.spin(0.02)
        return len([name for name, one in listener.heard.items() if one["cropped"]]) == 2

    bench.wait_for(sent, "both pictures")
    for name, heard in listener.heard.items():
        assert {int(to_bgr(one).max()) for one in heard["cropped"]} == {77 if name.startswith("left") else 177}


@pytest.mark.parametrize("gone", ["left", "right"])
def test_a_camera_that_falls_silent_takes_its_own_people_away(bench, start, gone):
    node, listener, *speakers = start(cameras="left,right", lost_after=0.5, max_faces=3)
    silent, going_on = sorted(speakers, key=lambda speak: speak.camera != gone)
    silent.until(lambda: len(listener.ids) == 2, "two", *(emotion(f"{gone}_{number}") for number in (1, 2)))
    going_on.until(lambda: len(listener.ids) == 3, "one more", emotion(f"{going_on.camera}_1"))
    going_on.until(lambda: len(listener.ids) == 1, "two to leave", emotion(f"{going_on.camera}_1"))
    assert listener.ids[0].startswith(going_on.camera)
    bench.wait_for(lambda: len(publishers(bench)) == 3, "the topics to go")
    assert len(node._topics) == 1
    going_on.until(lambda: len(listener.ids) == 3, "others in their places",
                   *(emotion(f"{going_on.camera}_{number}") for number in (1, 2, 3)))


@pytest.mark.parametrize("ending", ["deactivate", "disable"])
def test_nobody_is_there_any_more_in_front_of_any_camera_once_it_stops(bench, start, ending):
    node, listener, left, right = start(cameras="left,right")
    left.until(lambda: listener.ids, "one on the left", emotion("left_1"))
    right.until(lambda: len(listener.ids) == 2, "one on the right, too", emotion("right_1"))
    if ending == "deactivate":
        node.trigger_deactivate()
    else:
        node.set_parameters([Parameter("enabled", value=False)])
    bench.wait_for(lambda: not listener.ids, "an empty list")
    bench.wait_for(lambda: len(publishers(bench)) <= 1, "the topics to go")
    assert node._topics == {}


def test_no_more_have_topics_than_are_allowed_in_front_of_all_cameras(bench, start):
    node, listener, left, right = start(cameras="left,right", max_faces=3)
    left.until(lambda: len(listener.ids) == 2, "two", emotion("left_1"), emotion("left_2"))
    right.until(lambda: node.diagnostics.total("left out"), "one to be left out", emotion("right_1"), emotion("right_2"))
    bench.wait_for(lambda: len(listener.ids) == 3, "the third")
    assert len(node._topics) == 3


@pytest.mark.parametrize("cameras", ["left,left", "left,", "a b"])
def test_cameras_that_cannot_be_names_are_refused(bench, cameras):
    with pytest.raises(ValueError, match="cameras must be different names of letters, digits and _"):
        bench.add(HriNode, start=False, cameras=cameras)


def test_without_the_messages_it_says_what_to_install(bench, monkeypatch):
    monkeypatch.delitem(sys.modules, "fer_ros.ros.humans", raising=False)
    monkeypatch.delattr("fer_ros.ros.humans", raising=False)
    monkeypatch.setitem(sys.modules, "hri_msgs.msg", None)
    said = []
    node = bench.add(HriNode, start=False)
    monkeypatch.setattr(type(node.get_logger()), "error", lambda self, text, **_: said.append(text))
    node.trigger_configure()
    assert "need hri_msgs" in said[0]
    assert "hri-msgs" in said[0]


def test_the_graph_in_one_process_says_on_these_topics_what_it_says_on_its_own(bench, astronaut):
    exchange = Exchange(lossless=True)
    for node_class in (FaceDetectorNode, EmotionNode, HriNode):
        more = {"appear_after": 0.0} if node_class is HriNode else {}
        node = bench.add(node_class, start=False, remap="image:=image_raw", exchange=exchange, **more)
        exchange.topics.update(map(node.resolve_topic_name, node.LOCAL_OUTPUTS))
    exchange.topics.add("/image_raw")
    for node in bench.nodes:
        node.trigger_configure()
        node.trigger_activate()
    listener, emotions = Listener(bench), bench.listen(EmotionArray, "emotions")
    speak = Speaker(bench, exchange, astronaut)

    def sent() -> bool:
        speak.nanoseconds += 10**8
        header = Header(frame_id="camera_optical_frame")
        header.stamp.sec, header.stamp.nanosec = divmod(speak.nanoseconds, 10**9)
        exchange.put("/image_raw", LocalImage(header, astronaut))
        bench.spin(0.1)
        return any(one["expression"] and one["roi"] for one in listener.heard.values())

    bench.wait_for(sent, "an expression")
    [heard] = listener.heard.values()
    told = {(m.header.stamp.sec, m.header.stamp.nanosec): m for m in emotions}
    expression, roi = heard["expression"][-1], heard["roi"][-1]
    [mine] = told[expression.header.stamp.sec, expression.header.stamp.nanosec].emotions
    assert (expression.expression, expression.confidence) == ("happy", pytest.approx(mine.confidence))
    [mine] = told[roi.header.stamp.sec, roi.header.stamp.nanosec].emotions
    height, width = astronaut.shape[:2]
    assert (roi.xmin + roi.xmax) / 2 == pytest.approx(mine.bbox.center.position.x / width, abs=1e-4)
    assert roi.ymax - roi.ymin == pytest.approx(mine.bbox.size_y / height, abs=1e-4)
