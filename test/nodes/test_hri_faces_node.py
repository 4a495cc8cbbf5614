# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The faces of a ROS4HRI detector feed the emotion node."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from builtin_interfaces.msg import Time
from hri_msgs.msg import Expression, IdsList, NormalizedRegionOfInterest2D
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.msg import EmotionArray
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.hri import HriNode
from fer_ros.nodes.hri_faces import HriFacesNode
from fer_ros.perception.detector import DetectorParams, FaceDetector
from fer_ros.perception.humans import normalized
from fer_ros.types import Box


@dataclasses.dataclass
class Detector:
    """Publishes as hri_face_detect does: of each image first where each face is, then who is tracked."""

    bench: object
    image: Image
    nanoseconds: int = 5 * 10**9

    def __post_init__(self) -> None:
        self._image = self.bench.speak(Image, "image")
        self._list = self.bench.speak(IdsList, "/humans/faces/tracked")
        self._rois: dict = {}

    def __call__(self, faces: dict[str, Box], retained: tuple[str, ...] = (), score: float = 0.9) -> None:
        self.nanoseconds += 10**8
        header = self.image.header
        header.stamp.sec, header.stamp.nanosec = divmod(self.nanoseconds, 10**9)
        self._image(self.image)
        for name, box in faces.items():
            if name not in self._rois:
                self._rois[name] = self.bench.tester.create_publisher(NormalizedRegionOfInterest2D,
                                                                      f"/humans/faces/{name}/roi", 1)
            left, top, right, bottom = normalized(box, self.image.width, self.image.height)
            self._rois[name].publish(NormalizedRegionOfInterest2D(header=header, xmin=left, ymin=top, xmax=right, ymax=bottom,
                                                                  c=score))
        self._list(IdsList(header=header, ids=[*faces, *retained]))

    def until(self, condition, what: str, *arguments, **more) -> None:
        def sent() -> bool:
            self(*arguments, **more)
            self.bench.spin(0.05)
            return condition()

        self.bench.wait_for(sent, what)


@pytest.fixture
def detector(bench, astronaut, message_of):
    faces = bench.listen(Detection2DArray, "faces")
    node = bench.add(HriFacesNode)
    return node, Detector(bench, message_of(astronaut)), faces


def test_faces_have_the_detectors_ids_places_and_stamps(bench, detector):
    _, publish, heard = detector
    box = Box(200, 120, 80, 100)
    publish.until(lambda: any(m.detections for m in heard), "faces", {"bf3d": box, "face_1": box._replace(cx=400)})
    publish.until(lambda: len(heard[-1].detections) == 2, "both faces", {"bf3d": box, "face_1": box._replace(cx=400)})
    message = heard[-1]
    assert {face.id for face in message.detections} == {"bf3d", "face_1"}
    face = next(face for face in message.detections if face.id == "bf3d")
    assert (face.bbox.center.position.x, face.bbox.center.position.y) == pytest.approx((200, 120), abs=1e-3)
    assert (face.bbox.size_x, face.bbox.size_y) == pytest.approx((80, 100), abs=1e-3)
    assert face.results[0].hypothesis.score == pytest.approx(0.9)
    assert message.header.frame_id == "camera_optical_frame"
    stamps = [(m.header.stamp.sec, m.header.stamp.nanosec) for m in heard]
    assert stamps == sorted(set(stamps))


def test_an_image_without_faces_has_an_empty_answer(bench, detector):
    _, publish, heard = detector
    publish.until(lambda: heard, "an answer", {})
    assert list(heard[-1].detections) == []


def test_one_who_is_tracked_and_not_seen_holds_nobody_up(bench, detector):
    _, publish, heard = detector
    publish.until(lambda: any(m.detections for m in heard), "the other's face", {"a": Box(200, 120, 80, 100)},
                  retained=("gone",))
    assert {face.id for m in heard for face in m.detections} == {"a"}


def test_those_who_left_are_not_listened_to(bench, detector):
    node, publish, heard = detector
    publish.until(lambda: any(m.detections for m in heard), "a face", {"a": Box(200, 120, 80, 100)})
    assert set(node._rois) == {"a"}
    publish.until(lambda: not node._rois, "it to be forgotten", {})
    assert not [s for s in node.subscriptions if "/humans/faces/a" in s.topic_name]


def test_thousands_who_come_and_go_leave_nothing(bench, detector):
    node, publish, _ = detector
    publish.until(lambda: node._rois, "a face", {}, retained=("a",))
    before = len(list(node.subscriptions)), len(node.default_callback_group.entities)
    for number in range(2000):
        node._on_list(IdsList(header=publish.image.header, ids=[f"p{number}"]))
    assert (len(list(node.subscriptions)), len(node.default_callback_group.entities)) == before
    node.trigger_deactivate()
    assert not node._rois


@pytest.mark.parametrize("ids", [["a/b", "", "é", "a__b"], ["a", "a"], [f"p{n}" for n in range(500)]])
def test_ids_that_cannot_be_or_are_too_many_are_left_out_and_named(bench, detector, monkeypatch, ids):
    node, publish, _ = detector
    said = []
    monkeypatch.setattr(node, "say_once", lambda subject, text, **_: said.append(text))
    publish.until(lambda: said, "a word about it", {}, retained=tuple(ids))
    assert "more than most_faces (32)" in said[0]
    assert len(node._rois) <= 32
    assert node.active


@pytest.mark.parametrize(("stamps", "reason"), [
    (itertools.repeat(0), "have no stamp"), (itertools.count(1000), "no two have the same stamp")])
def test_a_detector_that_does_not_copy_the_stamps_of_images_is_told_of(bench, detector, monkeypatch, stamps, reason):
    node, publish, faces = detector
    texts = []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text, **_: texts.append(text))
    send = publish._list
    publish._list = lambda message: send(IdsList(header=Header(stamp=Time(sec=next(stamps))), ids=message.ids))
    publish.until(lambda: texts, "a word", {"a": Box(200, 200, 100, 100)})
    bench.spin(0.5)
    assert [reason in text and "/humans/faces/tracked" in text for text in texts] == [True]
    assert not faces


def test_places_that_make_no_sense_are_no_faces(bench, detector):
    _, publish, heard = detector
    beyond = Box(float("nan"), 120, 80, 100)
    publish.until(lambda: len(heard) > 3, "answers", {"a": Box(200, 120, 0, 100), "b": beyond}, score=float("nan"))
    assert all(not m.detections for m in heard)


@pytest.mark.parametrize("publish_faces", [False, True])
def test_an_expression_is_published_beside_what_the_detector_says(bench, astronaut, message_of, publish_faces):
    [face] = FaceDetector(DetectorParams()).detect(astronaut)
    emotions = bench.listen(EmotionArray, "emotions")
    heard = bench.listen(Expression, "/humans/faces/bf3d/expression")
    for node_class, more in ((HriFacesNode, {}), (EmotionNode, {}),
                             (HriNode, {"appear_after": 0.0, "publish_faces": publish_faces})):
        bench.add(node_class, **more)
    publish = Detector(bench, message_of(astronaut))
    publish.until(lambda: heard, "an expression", {"bf3d": face.box})
    assert {one.face_id for m in emotions for one in m.emotions} == {"bf3d"}
    assert (heard[-1].expression, heard[-1].confidence > 0.5) == ("happy", True)
