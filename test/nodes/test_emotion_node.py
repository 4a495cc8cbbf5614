import numpy as np
import pytest
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2D, Detection2DArray

from fer_ros.labels import EMOTIONS
from fer_ros.msg import EmotionArray
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
    assert bench.add(EmotionNode, model=model).hardware_id == (emotion_model() if model == "auto" else model)
