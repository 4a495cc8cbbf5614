# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray

from fer_ros.labels import EMOTIONS
from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.resources import emotion_model, model_file


def detections(image: Image, *boxes: tuple) -> Detection2DArray:
    """Faces at (x, y, width, height), named a, b, ..."""
    made = Detection2DArray(header=image.header)
    for index, (x, y, width, height) in enumerate(boxes):
        face = Detection2D(header=image.header, id=chr(ord("a") + index))
        face.bbox.center.position.x, face.bbox.center.position.y = float(x), float(y)
        face.bbox.size_x, face.bbox.size_y = float(width), float(height)
        made.detections.append(face)
    return made


@pytest.fixture
def graph(bench):
    """(heard emotions, send image, send faces) of a running emotion node."""
    heard = bench.listen(EmotionArray, "emotions")
    bench.add(EmotionNode)
    return heard, bench.speak(Image, "image"), bench.speak(Detection2DArray, "faces")


def face_box(astronaut) -> tuple:
    from fer_ros.perception.detector import DetectorParams, FaceDetector

    (face,) = FaceDetector(DetectorParams()).detect(astronaut)
    return face.box[:4]


@pytest.mark.parametrize("faces_first", [False, True])
def test_emotions_carry_the_stamp_of_their_image(bench, graph, astronaut, message_of, faces_first):
    heard, send_image, send_faces = graph
    image = message_of(astronaut, 5, 77)
    faces = detections(image, face_box(astronaut))
    sends = [lambda: send_image(image), lambda: send_faces(faces)]
    for send in reversed(sends) if faces_first else sends:
        send()
        bench.spin(0.2)
    bench.wait_for(lambda: heard, "emotions")
    message = heard[0]
    assert message.header == image.header
    assert tuple(message.labels) == EMOTIONS
    assert message.model
    (emotion,) = message.emotions
    assert emotion.face_id == "a"
    assert emotion.bbox == faces.detections[0].bbox
    assert emotion.label == "happy"
    assert emotion.confidence == pytest.approx(max(emotion.probabilities))
    assert sum(emotion.probabilities) == pytest.approx(1, abs=1e-5)
    assert sum(emotion.raw_probabilities) == pytest.approx(1, abs=1e-5)


def test_boxes_that_make_no_sense_are_left_out_and_the_others_answered(bench, graph, astronaut, message_of):
    heard, send_image, send_faces = graph
    nan, inf = float("nan"), float("inf")
    image = message_of(astronaut)
    send_faces(detections(image, (nan, 1, 50, 50), (320, 240, 0, 0), (320, 240, -5, 20), (inf, 0, 10, 10),
                          (5000, 5000, 50, 50), (320, 240, 1e12, 1e12), face_box(astronaut), (0, 0, 80, 80)))
    send_image(image)
    bench.wait_for(lambda: heard, "emotions")
    ids = [emotion.face_id for emotion in heard[0].emotions]
    assert "g" in ids and "h" in ids
    assert not set(ids) & set("abcde")


def test_a_frame_without_faces_has_an_answer_too(bench, graph, astronaut, message_of):
    heard, send_image, send_faces = graph
    image = message_of(astronaut, 8)
    send_image(image)
    send_faces(detections(image))
    bench.wait_for(lambda: heard, "emotions")
    assert heard[0].emotions == []
    assert heard[0].header.stamp.sec == 8


def test_what_never_pairs_is_counted_and_the_next_frame_is_answered(bench, astronaut, message_of):
    heard = bench.listen(EmotionArray, "emotions")
    node = bench.add(EmotionNode, cache_size=2, image_depth=50)
    send_image, send_faces = bench.speak(Image, "image"), bench.speak(Detection2DArray, "faces")
    for sec in range(1, 7):
        send_image(message_of(astronaut, sec))
    bench.wait_for(lambda: node.health()[2]["dropped"] >= 4, "unpaired images to be dropped")
    send_faces(detections(message_of(astronaut, 6), face_box(astronaut)))
    bench.wait_for(lambda: heard, "emotions")
    assert heard[0].header.stamp.sec == 6
    assert node.health()[2]["dropped"] == 5


def test_an_image_that_cannot_be_read_does_not_end_the_node(bench, graph, astronaut, message_of):
    heard, send_image, send_faces = graph
    image = message_of(astronaut, 1)
    image.encoding = "nonsense"
    send_image(image)
    send_faces(detections(image, (320, 240, 100, 100)))
    good = message_of(astronaut, 2)
    send_image(good)
    send_faces(detections(good, face_box(astronaut)))
    bench.wait_for(lambda: heard, "emotions after a broken image")
    assert heard[0].header.stamp.sec == 2


def test_the_graph_of_detector_and_emotion_sees_the_smile(bench, astronaut, message_of):
    heard = bench.listen(EmotionArray, "emotions")
    bench.add(FaceDetectorNode)
    bench.add(EmotionNode)
    send = bench.speak(Image, "image")
    for node in bench.nodes:
        bench.wait_for(lambda n=node: all(
            n.count_publishers(entry.topic) for entry in n._inputs), "the nodes to find each other")
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 2, "both nodes on the image")
    for sec in range(1, 4):
        send(message_of(astronaut, sec))
        bench.wait_for(lambda n=sec: len(heard) == n, f"the answer to image {sec}")
    assert [one.emotions[0].label for one in heard] == ["happy"] * 3
    assert {one.emotions[0].face_id for one in heard} == {"1"}


def test_a_file_that_is_no_model_ends_configuration(bench, tmp_path):
    file = tmp_path / "emotion.onnx"
    file.write_bytes(b"not a model")
    node = bench.add(EmotionNode, start=False, model=str(file))
    assert node.trigger_configure().name == "FAILURE"


def test_dark_or_flat_crops_give_numbers_too(bench, graph, message_of):
    heard, send_image, send_faces = graph
    image = message_of(np.zeros((480, 640, 3), np.uint8))
    send_image(image)
    send_faces(detections(image, (320, 240, 100, 100)))
    bench.wait_for(lambda: heard, "emotions")
    assert np.isfinite(heard[0].emotions[0].probabilities).all()


@pytest.mark.parametrize("model", ["auto", "emotion.onnx", "/path"])
def test_diagnostics_name_the_model_as_it_was_asked_for_and_what_auto_is(bench, model):
    if model == "/path":
        model = str(model_file("emotion.onnx"))
    assert bench.add(EmotionNode, model=model).health()[2]["model file"] == (emotion_model() if model == "auto" else model)


class Watched:
    """An emotion node whose images show the same face, and the events that it tells."""

    def __init__(self, bench, image, message_of, **parameters):
        self.heard, self._bench, self._image, self._message_of = bench.listen(EmotionEvent, "events"), bench, image, message_of
        self._answers = bench.listen(EmotionArray, "emotions", 500)
        self.node = bench.add(EmotionNode, **parameters)
        self._box = face_box(image)
        self._send = (bench.speak(Image, "image"), bench.speak(Detection2DArray, "faces"))
        bench.wait_for(lambda: bench.tester.count_publishers("events"), "the events' publisher")

    def play(self, begin: float, frames: int, *there: bool) -> None:
        """Frames of 0.1 s, each answered before the next one is sent; the face is there unless told otherwise."""
        for number in range(frames):
            stamp, wanted = round((begin + number * 0.1) * 1e9), len(self._answers) + 1
            image = self._message_of(self._image, *divmod(stamp, 10**9))
            for send, message in zip(self._send, (image, detections(image, *[self._box] * all(there))), strict=True):
                send(message)
            self._bench.wait_for(lambda wanted=wanted: len(self._answers) == wanted, "the answer")

    def told(self, count: int) -> list[tuple]:
        """Kind, face, and stamp of so many events, once they are there; and no more come."""
        self._bench.wait_for(lambda: len(self.heard) >= count, f"{count} events, not {self.heard}")
        self._bench.spin(0.2)
        return [(event.kind, event.face_id, event.header.stamp.sec + event.header.stamp.nanosec / 1e9) for event in self.heard]


@pytest.fixture
def watched(bench, astronaut, message_of):
    return lambda **parameters: Watched(bench, astronaut, message_of, **parameters)


APPEARED, LEFT = EmotionEvent.APPEARED, EmotionEvent.LEFT


def test_who_comes_and_leaves_is_told_of_with_the_headers_of_the_images(watched):
    graph = watched()
    graph.play(10, 20)
    graph.play(12, 20, False)
    assert graph.told(2) == [(APPEARED, "a", 10.0), (LEFT, "a", 11.9)]
    came, left = graph.heard
    assert came.header.frame_id == left.header.frame_id == "camera_optical_frame"
    assert (came.label, came.previous_label, left.label, left.previous_label) == ("happy", "", "", "happy")
    assert came.confidence > 0.45 and left.confidence == 0
    assert (came.lasted.sec, came.lasted.nanosec, left.lasted.sec) == (0, 0, 1)
    assert left.lasted.nanosec == pytest.approx(9e8, abs=1e3)


@pytest.mark.parametrize("how", ["deactivate", "disable", "cleanup", "shutdown"])
def test_everybody_leaves_once_when_the_node_rests(watched, how):
    graph = watched()
    graph.play(10, 20)
    assert graph.told(1) == [(APPEARED, "a", 10.0)]
    if how == "disable":
        graph.node.set_parameters([Parameter("enabled", value=False)])
    else:
        graph.node.trigger_deactivate()
    assert graph.told(2)[1] == (LEFT, "a", 11.9)
    if how == "cleanup":
        graph.node.trigger_cleanup()
    elif how == "shutdown":
        graph.node.trigger_shutdown()
    assert len(graph.told(2)) == 2
    if how in ("deactivate", "disable"):
        if how == "deactivate":
            graph.node.trigger_activate()
        graph.node.set_parameters([Parameter("enabled", value=True)])
        graph.play(20, 20)
        assert graph.told(3)[2] == (APPEARED, "a", 20.0)


def test_a_node_that_is_ended_in_the_middle_of_its_work_says_that_everybody_leaves(watched):
    graph = watched()
    graph.play(10, 20)
    assert graph.told(1)
    graph.node.release()
    assert graph.told(2)[1] == (LEFT, "a", 11.9)


def test_a_recording_that_starts_again_lets_everybody_leave_first(watched):
    graph = watched()
    for _ in range(3):
        graph.play(10, 20)
    assert graph.told(5) == [(APPEARED, "a", 10.0), *[(LEFT, "a", 11.9), (APPEARED, "a", 10.0)] * 2]


def test_how_long_a_change_must_last_can_be_changed_while_the_node_runs(watched):
    graph = watched(appear_hold=5.0)
    graph.play(10, 20)
    assert graph.told(0) == []
    (done,) = graph.node.set_parameters([Parameter("appear_hold", value=1.0)])
    assert done.successful
    graph.play(12, 1)
    assert graph.told(1) == [(APPEARED, "a", 10.0)]
    (done,) = graph.node.set_parameters([Parameter("leave_hold", value=-1.0)])
    assert not done.successful
    assert "leave_hold" in done.reason and "60" in done.reason


def test_faces_of_a_detector_without_ids_are_followed(bench, graph, astronaut, message_of):
    heard, send_image, send_faces = graph
    events = bench.listen(EmotionEvent, "events")
    box = face_box(astronaut)

    def sent() -> bool:
        sent.count += 1
        image = message_of(astronaut, 5 + sent.count // 10, sent.count % 10 * 10**8)
        faces = detections(image, box)
        faces.detections[0].id = ""
        send_image(image)
        send_faces(faces)
        bench.spin(0.03)
        return bool(events)

    sent.count = 0
    bench.wait_for(sent, "an event")
    assert {one.face_id for message in heard for one in message.emotions} == {"1"}
    assert (events[0].kind, events[0].face_id, events[0].label) == (EmotionEvent.APPEARED, "1", "happy")


def test_how_often_a_face_is_classified_can_be_changed_while_the_node_runs(bench, astronaut, message_of):
    heard = bench.listen(EmotionArray, "emotions")
    node = bench.add(EmotionNode)
    send_image, send_faces = bench.speak(Image, "image"), bench.speak(Detection2DArray, "faces")
    classify, classified = node._stage.classifier.logits, []

    def counted(crops, *more):
        classified.append(len(crops))
        return classify(crops, *more)

    node._stage.classifier.logits = counted
    for i in range(8):
        if i == 4:
            (done,) = node.set_parameters([Parameter("steady_period", value=0.0)])
            assert done.successful
        image = message_of(astronaut, 5, i * 33_000_000)
        send_image(image)
        send_faces(detections(image, face_box(astronaut)))
        bench.wait_for(lambda count=i + 1: len(heard) == count, "emotions")
    assert [len(message.emotions) for message in heard] == [1] * 8
    assert classified == [1, 1, 0, 1, 1, 1, 1, 1]
