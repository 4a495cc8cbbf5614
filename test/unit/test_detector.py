# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Faces are found where they are, whatever the image's size and shape."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.perception.detector import DetectorParams, FaceDetector, eye_roll, letterbox
from fer_ros.perception.detector_networks import YuNet
from fer_ros.resources import model_file
from fer_ros.types import Box, Face, intersection_over_union


def with_params(detector: FaceDetector, **params) -> FaceDetector:
    """The same network with other parameters, as a node swaps them in while it runs."""
    other = object.__new__(FaceDetector)
    other.__dict__.update(detector.__dict__, params=dataclasses.replace(detector.params, **params))
    return other


def only(faces: list[Face]) -> Face:
    assert len(faces) == 1, faces
    return faces[0]


def moved(box: Box, scale: float = 1.0, x: float = 0.0, y: float = 0.0) -> Box:
    return Box(box.cx * scale + x, box.cy * scale + y, box.width * scale, box.height * scale)


@pytest.mark.parametrize(
    ("seconds", "faces"), [(0, 1), (2, 1), (3, 1), (5, 1), (6, 0), (7, 1), (9, 2), (10, 2), (10.6, 2)]
)
def test_the_demo_clip_shows_as_many_faces_as_it_is_said_to(any_detector, demo_frames, seconds, faces):
    assert len(any_detector.detect(demo_frames[int(seconds * 30) // 10 * 10])) == faces


def test_the_box_lies_on_the_face_and_the_landmarks_in_it(any_detector, demo_frames):
    face = only(any_detector.detect(demo_frames[0]))
    assert intersection_over_union(face.box, Box(295, 178, 134, 168)) > 0.75
    assert face.score > 0.8
    assert face.id == ""
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert face.landmarks.dtype == np.float32
    assert (np.abs(face.landmarks - (face.box.cx, face.box.cy)) < (face.box.width / 2, face.box.height / 2)).all()
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < nose[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


def test_the_best_face_comes_first(any_detector, demo_frames):
    scores = [face.score for face in any_detector.detect(demo_frames[270])]
    assert len(scores) == 2
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("scale", [0.25, 0.5, 1.5, 3.0])
def test_boxes_scale_with_the_image(any_detector, demo_frames, scale):
    image = demo_frames[0]
    expected = moved(only(any_detector.detect(image)).box, scale)
    scaled = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    assert intersection_over_union(only(any_detector.detect(scaled)).box, expected) > 0.85


@pytest.mark.parametrize("width, height", [(640, 480), (480, 640), (641, 481), (333, 479), (900, 300), (300, 900)])
def test_boxes_are_right_in_images_of_any_aspect(any_detector, demo_frames, width, height):
    """Portrait, odd and panoramic images, the face moved to another place in each."""
    face = cv2.resize(demo_frames[0][60:320, 170:430], (200, 200), interpolation=cv2.INTER_AREA)
    image = np.full((height, width, 3), 170, np.uint8)
    left, top = width - 210, height - 230
    image[top : top + 200, left : left + 200] = face
    expected = moved(Box(293 - 170, 178 - 60, 134, 168), 200 / 260, left, top)
    assert intersection_over_union(only(any_detector.detect(image)).box, expected) > 0.7


def test_a_face_that_fills_the_frame_is_found(any_detector, demo_frames):
    face = only(any_detector.detect(demo_frames[0])).box
    left, top = int(face.cx - face.width / 2), int(face.cy - face.height / 2)
    close = demo_frames[0][top : top + int(face.height), left : left + int(face.width)]
    close = cv2.resize(close, (640, 800), interpolation=cv2.INTER_CUBIC)
    found = only(any_detector.detect(close)).box
    assert intersection_over_union(found, Box(320, 400, 640, 800)) > 0.6


def test_roll_turns_with_the_image(any_detector, demo_frames):
    detector = with_params(any_detector, inference_size=640)
    image = demo_frames[50]  # close
    level = only(detector.detect(image)).box
    rolls = []
    for degrees in (-20, 20):  # positive is counter-clockwise for OpenCV, clockwise for us
        turn = cv2.getRotationMatrix2D((level.cx, level.cy), -degrees, 1)
        turned = cv2.warpAffine(image, turn, (640, 480), borderMode=cv2.BORDER_REPLICATE)
        rolls.append(only(detector.detect(turned)).box.roll - level.roll)
    assert rolls == pytest.approx(np.radians([-20, 20]), abs=np.radians(8))


def test_roll_is_the_angle_between_the_eyes():
    assert eye_roll(np.array([0, 0]), np.array([10, 0])) == 0
    assert eye_roll(np.array([0, 0]), np.array([10, 10])) == pytest.approx(np.pi / 4)
    assert eye_roll(np.array([10, 0]), np.array([0, 0])) == pytest.approx(np.pi)


def test_no_face_where_there_is_none(any_detector):
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    for image in (np.zeros_like(noise), np.full_like(noise, 255), noise):
        assert any_detector.detect(image) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 1), (3, 5), (31, 33), (2160, 3840)])
def test_tiny_huge_and_thin_images_do_no_harm(any_detector, shape):
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3), np.uint8)
    for face in with_params(any_detector, score_threshold=0.05, inference_size=64).detect(image):
        assert face.box.is_usable()


@pytest.mark.parametrize("image", [
    np.zeros((48, 64), np.uint8), np.zeros((48, 64, 4), np.uint8), np.zeros((48, 64, 3), np.float32),
    np.zeros((0, 64, 3), np.uint8),
], ids=["grey", "four channels", "float", "empty"])
def test_what_is_no_bgr_image_is_refused(detector, image):
    with pytest.raises(ValueError, match="expected an HxWx3 uint8 image"):
        detector.detect(image)


def test_the_score_threshold_holds_back_weaker_faces(detector, demo_frames):
    image = demo_frames[270]
    strong, weak = detector.detect(image)
    assert strong.score > weak.score
    between = (strong.score + weak.score) / 2
    assert only(with_params(detector, score_threshold=between).detect(image)).box == strong.box
    assert with_params(detector, score_threshold=1.0).detect(image) == []


def test_max_faces_keeps_the_best(detector, demo_frames):
    image = demo_frames[270]
    assert only(with_params(detector, max_faces=1).detect(image)).box == detector.detect(image)[0].box


def test_min_face_size_is_in_pixels_of_the_image(detector, demo_frames):
    box = only(detector.detect(demo_frames[0])).box
    longer = int(max(box.width, box.height))
    assert len(with_params(detector, min_face_size=longer).detect(demo_frames[0])) == 1
    assert with_params(detector, min_face_size=longer + 1).detect(demo_frames[0]) == []


def test_a_face_is_found_once(any_detector, demo_frames):
    """Without suppression of overlaps the network answers many times for one face."""
    assert len(with_params(any_detector, nms_threshold=1.0).detect(demo_frames[50])) > 1
    assert len(any_detector.detect(demo_frames[50])) == 1


@pytest.mark.parametrize(("output", "value"), [("bbox", 1000), ("bbox", np.nan), ("bbox", -1000), ("kps", np.nan)])
def test_nonsense_from_the_network_gives_no_face(detector, demo_frames, output, value):
    """A box that is endless, no number or empty, and landmarks that are no numbers."""
    class Broken:
        def run(self, names, inputs):
            results = detector._session.run(names, inputs)
            for name, result in zip(names, results, strict=True):
                if name.startswith(output):
                    result[..., 2:] = value
            return results

    broken = with_params(detector)
    broken._session = Broken()
    assert broken.detect(demo_frames[0]) == []


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (1, 1), (1, 5000), (5000, 1), (333, 77)])
@pytest.mark.parametrize("side", [64, 300, 320])
def test_the_network_sees_the_whole_image_in_multiples_of_32(width, height, side):
    image = np.full((height, width, 3), 200, np.uint8)
    seen, factor = letterbox(image, side)
    assert seen.shape[0] % 32 == seen.shape[1] % 32 == 0
    assert max(seen.shape[:2]) == -(-side // 32) * 32
    used = np.argwhere(seen[..., 0] == 200).max(axis=0) + 1
    assert used[::-1] * factor == pytest.approx((width, height), abs=max(1.0, factor))
    assert (seen[used[0] :] == 0).all()
    assert (seen[:, used[1] :] == 0).all()


def test_a_wrong_model_is_refused_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.onnx not found"):
        FaceDetector(DetectorParams(model="nothing.onnx"))
    with pytest.raises(ValueError, match=r"emotion\.onnx is neither a YuNet .* nor a CenterFace"):
        FaceDetector(DetectorParams(model="emotion.onnx"))
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"junk\.onnx is not an ONNX model"):
        FaceDetector(DetectorParams(model=str(junk)))


def test_parameters_are_given_by_name():
    assert FaceDetector(inference_size=640, threads=2).params == DetectorParams(inference_size=640)
    assert FaceDetector().params == DetectorParams()
    with pytest.raises(TypeError, match="no parameter inference_sise: did you mean inference_size"):
        FaceDetector(inference_sise=640)
    with pytest.raises(TypeError, match="no parameter detect_every"):  # which is about several frames
        FaceDetector(detect_every=2)
    with pytest.raises(ValueError, match="from 0 to 2048 px, not 4096"):
        FaceDetector(inference_size=4096)
    with pytest.raises(ValueError, match="inference_size must be 0, or from 64"):
        FaceDetector(inference_size=10)
    with pytest.raises(TypeError, match="by name"):
        FaceDetector("centerface.onnx")


def test_a_call_finds_faces_in_a_picture_of_any_encoding(detector, demo_frames):
    image = demo_frames[0]
    expected = detector.detect(image)
    assert detector(image) == detector(image[..., ::-1], encoding="rgb8") == expected
    assert detector(np.dstack([image, image[..., 0]])) == expected
    grey = only(detector(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)))
    assert (grey.id, grey.landmarks.shape) == ("", (5, 2))
    assert intersection_over_union(grey.box, only(expected).box) > 0.7
    with pytest.raises(TypeError, match="not str: open_source"):
        detector("photo.jpg")
    with pytest.raises(ValueError, match="float64"):
        detector(image / 255)


def test_pictures_of_odd_shapes_are_searched(detector):
    for shape in ((1, 1), (1, 40_000), (40_000, 1), (7, 9), (9, 33_000, 3), (33_000, 40)):
        assert detector(np.zeros(shape, np.uint8)) == []


def test_a_model_is_found_by_its_path_too(tmp_path, demo_frames):
    copy = tmp_path / "my detector.onnx"
    copy.write_bytes(model_file("face_detection_yunet_2023mar.onnx").read_bytes())
    assert len(FaceDetector(DetectorParams(model=str(copy))).detect(demo_frames[0])) == 1


@pytest.fixture(scope="module")
def close_up():
    """The demo clip's first face, so near that it fills the frame: 1110x882."""
    source = open_source(SourceParams(source="demo", realtime=False))
    image = source.read()
    source.close()
    return cv2.resize(image[85:270, 220:367], None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("size", [160, 320, 640, 672, 960, 1280, 2048])
def test_a_face_that_fills_the_frame_is_one_face_at_every_inference_size(any_detector, close_up, size):
    face = only(with_params(any_detector, inference_size=size).detect(close_up))
    assert face.box.height == pytest.approx(0.92 * close_up.shape[0], rel=0.1)
    assert face.box.cx == pytest.approx(close_up.shape[1] / 2, abs=60)


def test_small_faces_beside_a_large_one_are_found_at_a_large_inference_size(any_detector, close_up):
    frame = np.full((1110, 2000, 3), 120, np.uint8)
    frame[:, : close_up.shape[1]] = close_up
    small = cv2.resize(close_up, None, fx=0.06, fy=0.06, interpolation=cv2.INTER_AREA)
    for x in (1200, 1500, 1800):
        frame[500 : 500 + small.shape[0], x : x + small.shape[1]] = small
    found = sorted(face.box.cx for face in with_params(any_detector, inference_size=1280).detect(frame))
    assert found == pytest.approx([441, 1226, 1526, 1826], abs=60)


@pytest.mark.parametrize(("smallest", "longer_side", "expected"), [
    (24, 640, 480), (60, 640, 192), (18, 1920, 1920), (4, 1920, 2048), (4000, 640, 64)])
def test_the_inference_size_follows_the_smallest_face_wanted(smallest, longer_side, expected):
    assert DetectorParams(inference_size=0, min_face_size=smallest).size_for(longer_side, 18) == expected
    assert DetectorParams(inference_size=320, min_face_size=smallest).size_for(longer_side, 18) == 320


@pytest.mark.parametrize("smallest", [20, 30, 40])
def test_faces_of_the_size_that_is_wanted_are_found(any_detector, demo_frames, smallest):
    detector = any_detector
    picture = demo_frames[0]
    known = only(detector.detect(picture)).box
    scale = 1.25 * smallest / max(known.width, known.height)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame = np.full((1080, 1920, 3), 120, np.uint8)
    frame[500 : 500 + small.shape[0], 900 : 900 + small.shape[1]] = small
    assert with_params(detector, inference_size=320).detect(frame) == []
    box = only(with_params(detector, inference_size=0, min_face_size=smallest).detect(frame)).box
    assert (box.cx, box.cy) == (pytest.approx(900 + known.cx * scale, abs=4), pytest.approx(500 + known.cy * scale, abs=4))


@pytest.mark.parametrize(("params", "text"), [
    ({"inference_size": 0}, "chosen by min_face_size"), ({"inference_size": 32}, "must be 0, or from 64 to 2048 px, not 32")])
def test_an_inference_size_that_cannot_be_is_refused(params, text):
    with pytest.raises(ValueError, match=text):
        DetectorParams(**params)


def at(box: Box) -> Face:
    """Somebody expected there."""
    return Face(box, 1.0)


def shifted(box: Box, x: float, y: float) -> Box:
    """By shares of its size."""
    return box._replace(cx=box.cx + x * box.width, cy=box.cy + y * box.height)


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.7, 6.0])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (0.15, -0.1), (-0.15, 0.15)])
def test_a_known_face_is_found_around_where_it_is_expected(any_detector, demo_frames, scale, x, y):
    image = cv2.resize(demo_frames[0], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    face = only(any_detector.detect(image))
    again = only(any_detector.follow(image, [at(shifted(face.box, x, y))]))
    assert intersection_over_union(again.box, face.box) > 0.7
    assert np.abs(again.landmarks - face.landmarks).max() < 0.15 * face.box.width
    assert again.score > 0.6


@pytest.mark.parametrize("cut", [
    (slice(None), slice(250, None)), (slice(None), slice(0, 330)), (slice(130, None), slice(None))])
def test_a_known_face_at_the_border_is_found(any_detector, demo_frames, cut):
    image = np.ascontiguousarray(demo_frames[0][cut])
    face = only(any_detector.detect(image))
    again = only(any_detector.follow(image, [face]))
    assert intersection_over_union(again.box, face.box) > 0.75


def test_known_faces_are_looked_at_side_by_side_each_for_itself(detector, demo_frames):
    """Two faces of very different sizes, near each other."""
    small = cv2.resize(demo_frames[0], None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    image = demo_frames[0].copy()
    image[: small.shape[0], 370 : 370 + small.shape[1]] = small[:, :270]
    faces = detector.detect(image)
    assert len(faces) == 2
    again = detector.follow(image, faces[::-1])
    assert [face.score for face in again] == sorted((face.score for face in again), reverse=True)
    for face in faces:
        assert max(intersection_over_union(face.box, other.box) for other in again) > 0.8
        # Who else is seen there is nobody who is known.
        assert intersection_over_union(only(detector.follow(image, [face])).box, face.box) > 0.8


def test_who_is_not_where_expected_is_not_found(detector, demo_frames):
    box = only(detector.detect(demo_frames[0])).box
    for elsewhere in (shifted(box, 1.5, 0), shifted(box, 0, -1.5), shifted(box, -50, 0), box._replace(width=20, height=25)):
        assert detector.follow(demo_frames[0], [at(elsewhere)]) is None
        assert detector.follow(demo_frames[0], [at(box), at(elsewhere)]) is None
    # Two that are expected at one place are one.
    assert detector.follow(demo_frames[0], [at(box), at(shifted(box, 0.05, 0))]) is None


@pytest.mark.parametrize(("width", "height", "size", "most"), [
    (640, 480, 320, 3), (640, 480, 640, 12), (640, 480, 128, 0), (1280, 720, 320, 2), (1920, 1080, 640, 10),
    (480, 640, 320, 3), (480, 480, 320, 4), (1920, 1080, 960, 23), (4, 4, 640, 0)])
def test_few_faces_are_worth_following(detector, width, height, size, most):
    looking, image = with_params(detector, inference_size=size), np.zeros((height, width, 3), np.uint8)
    assert [looking.worth_following(image, count) for count in range(most + 2)] == [False, *[True] * most, False]


def test_on_other_providers_nobody_is_followed(detector, demo_frames):
    other = with_params(detector)
    assert other.worth_following(demo_frames[0], 1)
    other.provider = "CUDAExecutionProvider"
    assert not other.worth_following(demo_frames[0], 1)


def test_nobody_expected_is_nobody_found(detector, demo_frames):
    assert detector.follow(demo_frames[0], []) == []


@pytest.mark.parametrize("roll", [0, 15, 30])
@pytest.mark.parametrize("scale", [0.42, 0.45, 0.6, 0.8, 1.0, 1.3])
def test_a_face_at_rest_is_followed_to_rest(detector, demo_frames, scale, roll):
    """What is found decides what is seen, and that what is found: it must not go round for ever."""
    turn = cv2.getRotationMatrix2D((293, 178), roll, scale)
    image = cv2.warpAffine(demo_frames[0], turn, (640, 480), borderValue=(110, 110, 110))
    face, boxes = only(detector.detect(image)), []
    for _ in range(30):
        face = only(detector.follow(image, [dataclasses.replace(face, id="1")]))
        boxes.append(face.box)
    assert len(set(boxes[5:])) == 1


def test_a_search_leaves_known_faces_as_they_are_and_adds_others(detector, demo_frames):
    image = demo_frames[270]
    one, other = detector.detect(image)
    known = Face(shifted(other.box, 0.1, 0.05), 0.99)
    assert [face.box for face in detector.detect(image, [known])] == [one.box, known.box]
    elsewhere = Face(Box(30, 30, 40, 40), 0.01)
    assert [face.box for face in detector.detect(image, [elsewhere])] == [one.box, other.box, elsewhere.box]
    assert detector.detect(np.zeros_like(image), [known]) == [known]


def test_of_known_and_new_faces_the_best_are_kept(detector, demo_frames):
    """As a search sees both: from near another score comes out."""
    image = demo_frames[270]
    one, other = detector.detect(image)
    assert one.score > other.score
    single = with_params(detector, max_faces=1)
    assert [face.box for face in single.detect(image, [dataclasses.replace(other, score=1.0)])] == [one.box]
    assert [face.score for face in single.detect(image, [dataclasses.replace(one, score=0.61)])] == [0.61]


def test_following_obeys_the_parameters(detector, demo_frames):
    face = only(detector.detect(demo_frames[0]))
    for params in ({"score_threshold": 0.99}, {"min_face_size": 300}):
        assert with_params(detector, **params).follow(demo_frames[0], [face]) is None
    both = detector.detect(demo_frames[270])
    assert len(detector.follow(demo_frames[270], both)) == 2
    assert len(with_params(detector, max_faces=1).follow(demo_frames[270], both)) == 1


@pytest.mark.parametrize("image", [
    np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3), np.float32), np.zeros((0, 64, 3), np.uint8)])
def test_what_is_no_bgr_image_is_not_followed_in(detector, image):
    with pytest.raises(ValueError, match="expected an HxWx3 uint8 image"):
        detector.follow(image, [at(Box(10, 10, 10, 10))])


def test_yunets_score_is_the_geometric_mean_of_its_two_outputs():
    """As `cv2.FaceDetectorYN` and the published thresholds have it."""
    results = []
    for stride in YuNet.STRIDES:
        cells = (64 // stride) ** 2
        results += [np.zeros((1, cells, 1), np.float32), np.zeros((1, cells, 1), np.float32),
                    np.zeros((1, cells, 4), np.float32), np.zeros((1, cells, 10), np.float32)]
    class_, objectness, box, points = results[:4]
    class_[0, 10], objectness[0, 10] = 0.9, 0.4
    box[0, 10] = 0.5, 0.25, np.log(2), np.log(3)
    points[0, 10] = np.arange(10) / 10
    boxes, scores, landmarks = YuNet.decode(results, (64, 64), 0.59)
    assert scores == pytest.approx([0.6])
    # The tenth of eight cells in a row is in column 2 of row 1.
    assert boxes == pytest.approx(np.array([[2.5 * 8 - 8, 1.25 * 8 - 12, 16, 24]]))
    assert landmarks[0, 0] == pytest.approx([16, 8.8])
    assert landmarks[0, 4] == pytest.approx([16 + 6.4, 8 + 7.2])
    assert len(YuNet.decode(results, (64, 64), 0.61)[1]) == 0


def test_a_face_that_left_the_middle_of_its_surroundings_is_found_beside_others(detector, demo_frames):
    """Its box reaches over the left edge of what is looked at, into what belongs to its neighbour."""
    image = np.hstack([demo_frames[0], demo_frames[0]])
    faces = sorted(detector.detect(image), key=lambda face: face.box.cx)
    assert len(faces) == 2
    moved_on = at(shifted(faces[1].box, 0.42, 0))
    found = detector.follow(image, [faces[0], moved_on])
    assert found is not None
    again = max(found, key=lambda face: face.box.cx)
    assert intersection_over_union(again.box, faces[1].box) > 0.7
