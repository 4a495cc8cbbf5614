# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A network is fed as its own metadata says, or refused with what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from fer_ros.labels import EMOTIONS
from fer_ros.models.inference import InferenceParams, open_session
from fer_ros.perception.align import align_faces, squared
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier

METADATA = {
    "name": "tiny", "labels": ",".join(EMOTIONS), "input_size": "8", "colour": "grey", "scale": "0.00392156862745098",
    "mean": "0", "std": "1", "temperature": "1",
}
FIRST = np.eye(1, 7)


@pytest.fixture
def tiny(tmp_path):
    """Makes an ONNX file whose logits are `weights` (channels x classes) times each channel's mean over the face."""
    onnx = pytest.importorskip("onnx", reason="makes its models with the package onnx")
    from onnx import TensorProto, helper, numpy_helper

    def make(metadata=METADATA, weights=FIRST, batch="n", side=8, kind=TensorProto.FLOAT, inputs=1) -> Path:
        channels = len(weights)
        typed = np.float32 if kind == TensorProto.FLOAT else np.float64
        nodes = [
            helper.make_node("GlobalAveragePool", ["in0"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        ]
        graph = helper.make_graph(
            nodes, "tiny",
            [helper.make_tensor_value_info(f"in{i}", kind, [batch, channels, side, side]) for i in range(inputs)],
            [helper.make_tensor_value_info("logits", kind, [batch, weights.shape[1]])],
            [numpy_helper.from_array(weights.astype(typed), "weights")],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        helper.set_model_props(model, metadata)
        path = tmp_path / "tiny.onnx"
        onnx.save(model, path)
        return path

    return make


def load(path: Path) -> EmotionClassifier:
    return EmotionClassifier(ClassifierParams(model=str(path)))


def flat(*colours: tuple[int, int, int]) -> np.ndarray:
    """One 8x8 crop of each (blue, green, red)."""
    return np.array(colours, np.uint8)[:, None, None, :] * np.ones((1, 8, 8, 1), np.uint8)


def softmax(logits) -> np.ndarray:
    odds = np.exp(np.asarray(logits, float))
    return odds / odds.sum(axis=-1, keepdims=True)


# What is in the metadata is done


def test_logits_become_probabilities(tiny):
    found = load(tiny())(flat((255, 255, 255), (0, 0, 0)))
    assert found.dtype == np.float32
    assert found == pytest.approx(softmax([[1, 0, 0, 0, 0, 0, 0], [0] * 7]), abs=1e-5)


def test_pixels_are_scaled_shifted_and_divided(tiny):
    found = load(tiny({**METADATA, "scale": "1", "mean": "100", "std": "50"}))(flat((200, 200, 200)))
    assert found == pytest.approx(softmax([[2, 0, 0, 0, 0, 0, 0]]), abs=1e-5)


def test_the_temperature_divides_the_logits(tiny):
    weights = 6 * np.eye(1, 7)
    found = load(tiny({**METADATA, "temperature": "3"}, weights))(flat((255, 255, 255)))
    assert found == pytest.approx(softmax([[2, 0, 0, 0, 0, 0, 0]]), abs=1e-5)


def test_the_prior_is_read_and_changes_no_answer_of_a_face_alone(tiny):
    plain, other = load(tiny()), load(tiny({**METADATA, "neutral_prior": "3", "rare_prior": "0.5"}))
    assert (plain.answer.neutral_prior, other.answer.neutral_prior) == (1.0, 3.0)
    assert (plain.answer.rare_prior, other.answer.rare_prior) == (1.0, 0.5)
    crops = flat((10, 90, 250))
    assert np.array_equal(plain(crops), other(crops))


def test_large_logits_do_not_overflow(tiny):
    found = load(tiny({**METADATA, "temperature": "0.001"}, 1000 * np.eye(1, 7, 3)))(flat((255, 255, 255)))
    assert found[0].tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_labels_in_another_order_are_put_into_ours(tiny):
    theirs = ("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear")
    classifier = load(tiny({**METADATA, "labels": ", ".join(theirs)}, 3 * np.eye(1, 7, 1)))
    assert EMOTIONS[int(classifier(flat((255, 255, 255))).argmax())] == "happy"


@pytest.mark.parametrize(("colour", "first"), [("bgr", (255, 0, 0)), ("rgb", (0, 0, 255))])
def test_colours_come_in_the_order_that_is_asked_for(tiny, colour, first):
    weights = np.zeros((3, 7))
    weights[0, 4] = 5
    classifier = load(tiny({**METADATA, "colour": colour}, weights))
    assert classifier(flat(first)) == pytest.approx(softmax([[0, 0, 0, 0, 5, 0, 0]]), abs=1e-5)


def test_grey_is_weighted_as_the_eye_does(tiny):
    blue, green, red = load(tiny(weights=10 * np.eye(1, 7)))(flat((255, 0, 0), (0, 255, 0), (0, 0, 255)))[:, 0]
    assert blue < red < green


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 2, 5, 7])
def test_any_number_of_faces_goes_through_a_fixed_batch(tiny, batch, count):
    crops = flat(*[(30 * i, 30 * i, 30 * i) for i in range(count)])
    expected = softmax([[30 * i / 255, 0, 0, 0, 0, 0, 0] for i in range(count)])
    assert load(tiny(batch=batch))(crops) == pytest.approx(expected, abs=1e-5)


def test_no_faces_give_no_rows(tiny):
    assert load(tiny())(np.empty((0, 8, 8, 3), np.uint8)).shape == (0, 7)


# Faces of any size


def test_faces_of_any_size_grey_or_coloured_get_a_row_each(tiny):
    classifier = load(tiny())
    levels = [0, 50, 100, 150, 200, 250]
    shapes = [(8, 8), (8, 8, 3), (1, 1), (300, 200, 3), (5, 90, 4), (64, 64, 1)]
    faces = [np.full(shape, level, np.uint8) for shape, level in zip(shapes, levels, strict=True)]
    found = classifier(faces)
    assert found.dtype == np.float32
    assert found == pytest.approx(softmax([[level / 255, 0, 0, 0, 0, 0, 0] for level in levels]), abs=1e-5)
    assert classifier(iter(faces)) == pytest.approx(found)


@pytest.mark.parametrize("shape", [(3, 20, 30), (3, 20, 30, 3), (3, 8, 8), (3, 8, 8, 3), (3, 20, 30, 1)])
def test_one_array_may_hold_several_faces(tiny, shape):
    assert load(tiny())(np.full(shape, 255, np.uint8)) == pytest.approx(softmax([[1, 0, 0, 0, 0, 0, 0]] * 3), abs=1e-5)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (8, 8), (8, 8, 3), (20, 30, 4), (20, 30, 1)])
def test_one_array_may_be_one_face(tiny, shape):
    assert load(tiny())(np.full(shape, 255, np.uint8)) == pytest.approx(softmax([[1, 0, 0, 0, 0, 0, 0]]), abs=1e-5)


@pytest.mark.parametrize("none", [[], (), np.empty((0, 48, 48), np.uint8), np.empty((0, 9, 9, 3), np.uint8), np.array([])])
def test_nobody_gives_no_rows(tiny, none):
    found = load(tiny())(none)
    assert (found.shape, found.dtype) == ((0, 7), np.float32)


def test_what_is_told_to_be_rgb_is_taken_so(tiny):
    weights = np.zeros((3, 7))
    weights[0, 4] = 5
    classifier = load(tiny({**METADATA, "colour": "rgb"}, weights))
    red = np.full((20, 20, 3), (255, 0, 0), np.uint8)
    assert classifier([red], encoding="rgb8") == pytest.approx(softmax([[0, 0, 0, 0, 5, 0, 0]]), abs=1e-5)
    assert classifier([red]) == pytest.approx(softmax([[0] * 7]), abs=1e-5)
    exact = np.full((1, 8, 8, 3), (255, 0, 0), np.uint8)
    assert classifier(exact, encoding="rgb8") == pytest.approx(classifier([red], encoding="rgb8"))


def test_a_face_that_is_not_square_is_not_stretched():
    circle = np.zeros((100, 60), np.uint8)
    yy, xx = np.mgrid[:100, :60]
    circle[(yy - 50) ** 2 + (xx - 30) ** 2 < 25**2] = 255
    for face in (circle, circle.T):
        made = squared(np.dstack([face] * 3), 48)[..., 0] > 127
        rows, columns = made.any(axis=1).sum(), made.any(axis=0).sum()
        assert made.shape == (48, 48)
        assert abs(int(rows) - int(columns)) <= 1
        assert rows == pytest.approx(50 * 48 / 77.5, abs=1.5)  # the square of the same area has a side of 77.5


@pytest.mark.parametrize(("faces", "error", "text"), [
    (None, TypeError, "faces are numpy arrays, not None"), ("a.jpg", TypeError, "open_source reads a file"),
    (["a.jpg"], TypeError, "face 0: an image is a numpy array, not str"), ([None], TypeError, "face 0"),
    ([np.zeros((8, 8), np.uint8), np.zeros((8, 8))], ValueError, "face 1: the image is float64"),
    (np.full((2, 8, 8), np.nan), ValueError, "face 0: the image is float64"),
    (np.zeros((2, 8, 8), np.uint16), ValueError, "uint16"), ([np.zeros((0, 8), np.uint8)], ValueError, "no pixels"),
    (np.zeros((2, 0, 8), np.uint8), ValueError, "no pixels"), (np.zeros(8, np.uint8), ValueError, r"\(8,\)"),
    (np.zeros((2, 3, 8, 8, 3), np.uint8), ValueError, "face 0"), (3, TypeError, "int"),
])
def test_what_is_no_face_is_refused(tiny, faces, error, text):
    with pytest.raises(error, match=text):
        load(tiny())(faces)


def test_faces_as_the_network_sees_them_are_not_copied(tiny, monkeypatch):
    classifier, seen = load(tiny()), []
    monkeypatch.setattr(classifier, "logits", lambda crops, *_: seen.append(crops) or [np.zeros((len(crops), 7))])
    for faces in (np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8, 3), np.uint8)):
        classifier(faces)
        assert seen.pop() is faces


# What is wrong is said


def test_parameters_are_given_by_name(tiny):
    path = tiny()
    for classifier in (EmotionClassifier(model=str(path), threads=2), EmotionClassifier(model=path),
                       EmotionClassifier(ClassifierParams(model=str(path)), InferenceParams())):
        assert classifier.path == path
    with pytest.raises(TypeError, match="there is no parameter modle: did you mean model"):
        EmotionClassifier(modle="auto")
    with pytest.raises(TypeError, match="there are answer, model, provider, threads"):
        EmotionClassifier(xyz=1)
    with pytest.raises(ValueError, match="threads must be from 1 to 64, not 0"):
        EmotionClassifier(threads=0)
    with pytest.raises(ValueError, match="model must be a str, not None"):
        EmotionClassifier(model=None)
    with pytest.raises(TypeError, match=r"by name \(model, answer, provider, threads\), not as 'mine.onnx' alone"):
        EmotionClassifier("mine.onnx")
    with pytest.raises(TypeError, match="not both"):
        EmotionClassifier(ClassifierParams(), threads=2)


@pytest.mark.parametrize("entry", ["labels", "scale"])
def test_an_entry_that_cannot_be_guessed_is_asked_for(tiny, entry):
    with pytest.raises(ValueError, match=rf"tiny\.onnx has no metadata entry '{entry}'"):
        load(tiny({key: value for key, value in METADATA.items() if key != entry}))


def test_what_can_mean_one_thing_only_need_not_be_written(tiny):
    known = load(tiny())
    spare = load(tiny({"labels": METADATA["labels"], "scale": "1/255"}))
    assert spare.metadata.name == "tiny"
    assert (spare.input_size, spare.is_grey) == (8, True)
    crops = flat((10, 90, 250), (255, 255, 255))
    assert spare(crops) == pytest.approx(known(crops), abs=1e-6)


@pytest.mark.parametrize(("entry", "value", "reason"), [
    ("input_size", "eight", "no number"), ("input_size", "4", "from 8 to 1024"), ("input_size", "16", "takes"),
    ("scale", "nan", "positive"), ("scale", "0", "positive"), ("std", "0", "positive"), ("mean", "inf", "positive"),
    ("temperature", "-1", "positive"), ("neutral_prior", "0", "positive"), ("neutral_prior", "inf", "positive"),
    ("rare_prior", "0", "positive"),
    ("colour", "purple", "grey, rgb, bgr"), ("colour", "rgb", "takes"),
    ("labels", "happy,sad", "knows happy, sad"), ("outputs", "other", "its metadata names other"),
    ("labels", ",".join(EMOTIONS[:6]) + ",contempt", "contempt"),
    ("labels", ",".join((*EMOTIONS, "happy")), "once"),
])
def test_a_wrong_entry_is_named(tiny, entry, value, reason):
    with pytest.raises(ValueError, match=reason):
        load(tiny({**METADATA, entry: value}))


@pytest.mark.parametrize("shape", [
    {"weights": np.eye(1, 6)}, {"kind": 11}, {"inputs": 2}, {"weights": np.full((1, 7), np.nan)},
], ids=["six classes", "double", "two inputs", "not finite"])
def test_a_network_of_another_kind_is_refused_when_it_is_loaded(tiny, shape):
    with pytest.raises(ValueError, match=r"tiny\.onnx"):
        load(tiny(**shape))


def test_a_file_that_is_no_emotion_network_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="not found"):
        EmotionClassifier(ClassifierParams(model="nothing.onnx"))
    with pytest.raises(ValueError, match="metadata"):
        EmotionClassifier(ClassifierParams(model="face_detection_yunet_2023mar.onnx"))
    (tmp_path / "junk.onnx").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"junk\.onnx is not an ONNX model"):
        load(tmp_path / "junk.onnx")


def test_a_provider_that_is_not_there_is_refused_with_what_is():
    import onnxruntime

    if "TensorrtExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has TensorRT")
    with pytest.raises(ValueError, match=r"'tensorrt' is not in this onnxruntime, which has: .*cpu"):
        EmotionClassifier(inference=InferenceParams(provider="tensorrt"))


# The model that ships


@pytest.fixture(scope="module")
def shipped() -> EmotionClassifier:
    return EmotionClassifier()


def test_the_shipped_model_gives_probabilities(shipped):
    size = shipped.input_size
    crops = np.random.default_rng(0).integers(0, 255, (5, size, size, 3), np.uint8)
    crops[3:] = 0
    found = shipped(crops)
    assert found.shape == (5, 7)
    assert found.min() >= 0
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_face_gets_the_same_answer_alone_and_among_others(shipped, detector, demo_frames):
    image = demo_frames[270]
    crops = align_faces(image, detector.detect(image), shipped.input_size)
    assert len(crops) == 2
    assert shipped(crops) == pytest.approx(np.concatenate([shipped(crops[:1]), shipped(crops[1:])]), abs=1e-4)


def test_the_smiling_astronaut_is_happy(shipped, detector, demo_frames):
    seen = []
    for image in demo_frames.values():
        faces = detector.detect(image)
        for face, row in zip(faces, shipped(align_faces(image, faces, shipped.input_size)), strict=True):
            if face.box.cx - face.box.width / 2 > 0 and face.box.cy - face.box.height / 2 > 0:  # all of it in view
                seen.append(EMOTIONS[int(row.argmax())])
    assert len(seen) > 30
    assert seen.count("happy") / len(seen) > 0.95


def test_a_network_is_in_memory_once(share):
    content = (share / "models" / "face_detection_yunet_2023mar.onnx").read_bytes()
    before = sys.getrefcount(content)
    session = open_session(share / "models" / "face_detection_yunet_2023mar.onnx", InferenceParams(), lambda _: content)
    assert sys.getrefcount(content) == before
    assert session.get_inputs()
