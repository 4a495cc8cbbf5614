# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Networks as people bring them: taken where they can be meant in one way only, refused with what to add where not."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.labels import EMOTIONS
from fer_ros.models.model_entries import ModelError
from fer_ros.models.onnx_graph import operator_of
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier

onnx = pytest.importorskip("onnx", reason="makes its models with the package onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

LABELS = ",".join(EMOTIONS)
PLAIN = {"labels": LABELS, "scale": "1/255"}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "own_model.md"


def network(path: Path, metadata: dict[str, str], *, shape=("n", 1, 16, 16), classes=7, ends=("Softmax",), gain=5.0,
            first: int = 0, channel: int = 0) -> Path:
    """Logits are `gain` times the mean of a channel, in column `first`; then come the operators of `ends`."""
    last = shape[3] in (1, 3) and shape[1] not in (1, 3)
    channels = shape[3] if last else shape[1]
    weights = np.zeros((channels if isinstance(channels, int) else 3, classes), np.float32)
    weights[channel, first] = gain
    constants = {"weights": weights, "form": np.array([0, classes]), "axis": np.array([2]), "one": np.float32(1)}
    nodes = [helper.make_node("Transpose", ["in"], ["planes"], perm=(0, 3, 1, 2) if last else (0, 1, 2, 3)),
             helper.make_node("GlobalAveragePool", ["planes"], ["pooled"]), helper.make_node("Flatten", ["pooled"], ["flat"]),
             helper.make_node("MatMul", ["flat", "weights"], ["x0"])]
    for i, end in enumerate(ends):
        more = {"Reshape": ["form"], "Unsqueeze": ["axis"], "Squeeze": ["axis"], "Div": ["sum"], "Add": ["one"]}.get(end, [])
        form = {"Softmax": {"axis": 1}, "LogSoftmax": {"axis": 1}, "Cast": {"to": TensorProto.FLOAT}}.get(end, {})
        if end == "Div":
            nodes.append(helper.make_node("ReduceSum", [f"x{i}"], ["sum"], keepdims=1))
            constants["axes"] = np.array([1])
            nodes[-1].input.append("axes")
        nodes.append(helper.make_node(end, [f"x{i}", *more], [f"x{i + 1}"], **form))
    nodes[-1].output[0] = "out"
    shapes = [None] * (3 if "Unsqueeze" in ends and "Squeeze" not in ends else 2)
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("in", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("out", TensorProto.FLOAT, shapes)],
                              [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


@pytest.fixture
def load(tmp_path):
    def make(metadata=PLAIN, **how) -> EmotionClassifier:
        return EmotionClassifier(ClassifierParams(model=str(network(tmp_path / "mine.onnx", metadata, **how))))

    return make


def face(classifier: EmotionClassifier, colour=(255, 255, 255)) -> np.ndarray:
    """Probabilities of a face of one (blue, green, red)."""
    return classifier(np.full((1, classifier.input_size, classifier.input_size, 3), colour, np.uint8))[0]


def softmax(*logits: float) -> np.ndarray:
    odds = np.exp(np.array(logits))
    return odds / odds.sum()


ONCE = softmax(5, 0, 0, 0, 0, 0, 0)


# Logits or probabilities


@pytest.mark.parametrize("ends", [
    ("Softmax",), ("Softmax", "Identity"), ("Softmax", "Reshape"), ("Softmax", "Flatten", "Cast"), ("LogSoftmax",),
    ("Identity",),
    ("Softmax", "Unsqueeze", "Squeeze"), ("Softmax", "Unsqueeze"), ("Exp", "Div"), ("Reshape", "Identity"), ("Softmax", "Log"),
], ids="-".join)
@pytest.mark.parametrize("batch", ["n", 1, 2])
def test_a_network_is_softmaxed_once_however_it_ends(load, ends, batch):
    assert face(load(ends=ends, shape=(batch, 1, 16, 16))) == pytest.approx(ONCE, abs=1e-5)


@pytest.mark.parametrize(("ends", "output"), [
    (("Softmax",), "probabilities"), (("Exp", "Div"), "Probabilities"), (("Identity",), "logits"), (("LogSoftmax",), "logits"),
    (("Softmax",), "softmax"),
])
def test_the_metadata_says_which_it_is(load, ends, output):
    assert face(load({**PLAIN, "output": output}, ends=ends)) == pytest.approx(ONCE, abs=1e-5)


def test_what_the_metadata_says_wins_over_what_the_network_looks_like(load):
    """Its logits are always between 0 and 1 and sum to 1."""
    twice = softmax(*ONCE)
    assert face(load({**PLAIN, "output": "logits"})) == pytest.approx(twice, abs=1e-5)


def test_probabilities_follow_the_temperature_as_logits_do(load):
    assert face(load({**PLAIN, "temperature": "2"})) == pytest.approx(softmax(2.5, 0, 0, 0, 0, 0, 0), abs=1e-5)


def test_probabilities_of_other_classes_are_shared_out(load):
    labels = "happiness,contempt,surprise,sadness,anger,disgust,fear,neutral"
    found = face(load({**PLAIN, "labels": labels}, classes=8))
    assert found == pytest.approx(softmax(0, 0, 0, 5, 0, 0, 0), abs=1e-5)
    assert found.sum() == pytest.approx(1, abs=1e-6)


def test_a_probability_of_zero_stays_one(load):
    found = face(load(gain=500.0))
    assert found == pytest.approx([1, 0, 0, 0, 0, 0, 0], abs=1e-6)


@pytest.mark.parametrize(("metadata", "how", "reason"), [
    ({"output": "percent"}, {}, "output must be logits or probabilities, not 'percent'"),
    ({"output": "probabilities"}, {"ends": ("Identity",)}, "its metadata says that out holds probabilities, but a row goes"),
    ({}, {"ends": ("Sigmoid",)}, "ends in Sigmoid"),
])
def test_what_is_neither_is_refused(load, metadata, how, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        load({**PLAIN, **metadata}, **how)


def test_the_last_operator_is_read_and_a_broken_file_tells_none(tmp_path):
    content = network(tmp_path / "m.onnx", PLAIN, ends=("Softmax", "Identity")).read_bytes()
    assert operator_of(content, "out") == "Softmax"
    assert operator_of(content, "in") == operator_of(content, "nothing") == operator_of(b"", "out") == ""
    for length in range(0, len(content), 7):
        assert operator_of(content[:length], "out") in ("", "Softmax", "Identity")
    rng = np.random.default_rng(0)
    for _ in range(500):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(0, len(damaged), 5)] = rng.integers(0, 256, 5)
        assert isinstance(operator_of(damaged.tobytes(), "out"), str)


# Labels


@pytest.mark.parametrize("labels", [
    "angry,disgust,fear,happy,sad,surprise,neutral", "Angry, Disgust, Fear, Happy, Sad, Surprise, Neutral",
    "anger,disgusted,fearful,happiness,sadness,surprised,neutral", "ANGRY;DISGUST;SCARED;JOY;SAD;SURPRISE;NEUTRAL",
    "['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']",
    '{"6": "neutral", "0": "anger", "1": "disgust", "2": "fear", "3": "happy", "4": "sad", "5": "surprise"}',
    '{"angry": 0, "disgust": 1, "neutral": 6, "fear": 2, "happy": 3, "sad": 4, "surprise": 5}',
    "angry\ndisgust\nfear\nhappy\nsad\nsurprise\nneutral", "angry disgust fear happy sad surprise neutral",
])
def test_labels_are_known_by_the_words_that_people_use(load, labels):
    classifier = load({**PLAIN, "labels": labels})
    assert classifier.answer.labels == EMOTIONS
    assert EMOTIONS[face(classifier).argmax()] == "angry"


@pytest.mark.parametrize("key", ["labels", "Labels", "classes", "class_names", "names", "id2label", "class_indices"])
def test_labels_are_found_under_the_names_that_people_give_them(load, key):
    assert face(load({key: LABELS, "scale": "1/255"})).argmax() == 0


@pytest.mark.parametrize("labels", [
    "fear,scared,angry,disgust,happy,sad,surprise,neutral", "0,1,2,3,4,5,6", "[1", "", "{1: [2]}",
    "{'a': 'angry'}", "[" * 20_000, "(5)", "{[]: 1}", "{None: 'angry'}", "{1e999: 'angry'}", f"{{{LABELS!r}}}",
    "{'angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'}",
    "{'angry': 0, 'disgust': 0, 'fear': 2, 'happy': 3, 'sad': 4, 'surprise': 5, 'neutral': 6}",
])
def test_labels_that_may_mean_several_things_are_refused(load, labels):
    with pytest.raises(ValueError, match=r"mine\.onnx.*(once|labels|entry)") as caught:
        load({**PLAIN, "labels": labels}, classes=8)
    assert "\n" not in str(caught.value)


# Size, colour, channels


@pytest.mark.parametrize("side", [48, 64, 96, 112, 224])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("last", [False, True], ids=["NCHW", "NHWC"])
@pytest.mark.parametrize("batch", ["n", 1])
def test_any_size_and_order_of_dimensions_is_seen_from_the_input(load, side, channels, last, batch):
    shape = (batch, side, side, channels) if last else (batch, channels, side, side)
    metadata = PLAIN if channels == 1 else {**PLAIN, "colour": "RGB"}
    classifier = load(metadata, shape=shape)
    assert classifier.input_size == side
    red, grey = face(classifier, (0, 0, 255))[0], face(classifier, (255, 255, 255))[0]
    assert grey == pytest.approx(ONCE[0], abs=1e-5)
    assert (red == pytest.approx(ONCE[0], abs=1e-5)) == (channels == 3)


@pytest.mark.parametrize(("colour", "key", "seen"), [
    ("RGB", "colour", (0, 0, 255)), ("rgb", "color", (0, 0, 255)), ("BGR", "color_space", (255, 0, 0)),
    ("bgr", "colour", (255, 0, 0)),
])
def test_the_first_channel_is_the_colour_that_is_named(load, colour, key, seen):
    classifier = load({**PLAIN, key: colour}, shape=("n", 3, 16, 16))
    assert face(classifier, seen) == pytest.approx(ONCE, abs=1e-5)
    assert face(classifier, (0, 255, 0)) == pytest.approx([1 / 7] * 7, abs=1e-5)


@pytest.mark.parametrize("colour", ["grey", "Gray", "grayscale"])
@pytest.mark.parametrize("shape", [("n", 3, 16, 16), ("n", 16, 16, 3)])
def test_a_grey_face_fills_three_channels(load, colour, shape):
    classifier = load({**PLAIN, "colour": colour}, shape=shape)
    assert classifier.is_grey
    grey = classifier(np.full((2, 16, 16), 255, np.uint8))  # as the pipeline cuts them
    assert grey[1] == pytest.approx(ONCE, abs=1e-5)
    assert 0.2 < face(classifier, (0, 0, 255))[0] < 0.9


@pytest.mark.parametrize(("metadata", "shape"), [
    ({"layout": "NHWC", "colour": "rgb", "input_size": "16"}, ("n", "h", "w", 3)),
    ({"colour": "rgb", "input_size": "[16, 16]"}, ("n", 3, "h", "w")), ({"input_size": "16x16"}, ("n", 1, "h", "w")),
    ({"imgsz": "[16, 16]"}, ("n", 1, 16, 16)),
])
def test_open_dimensions_are_named_in_the_metadata(load, metadata, shape):
    assert face(load({**PLAIN, **metadata}, shape=shape)) == pytest.approx(ONCE, abs=1e-5)


# Normalization


IMAGENET = {"mean": "0.485, 0.456, 0.406", "std": "[0.229, 0.224, 0.225]"}


@pytest.mark.parametrize(("metadata", "seen"), [
    ({"scale": "1"}, 255), ({"scale": "0.00392156862745098"}, 1), ({"scale": "1/255", "mean": "0.5", "std": "0.5"}, 1),
    ({"mean": "0.5", "std": "0.5"}, 1), ({"mean": "127.5", "std": "127.5"}, 1), ({"mean": "127.5", "std": "255"}, 0.5),
    ({"std": "255"}, 1), (IMAGENET, (1 - 0.485) / 0.229), ({"mean": "123.675,116.28,103.53", "std": "58.395,57.12,57.375"},
                                                           (255 - 123.675) / 58.395),
    ({"image_mean": "[0.5, 0.5, 0.5]", "image_std": "[0.5, 0.5, 0.5]", "rescale_factor": "0.00392156862745098"}, 1),
    ({"mean": "0.485 0.456 0.406", "std": "0.229"}, (1 - 0.485) / 0.229),
], ids=str)
@pytest.mark.parametrize("shape", [("n", 3, 16, 16), ("n", 16, 16, 3)], ids=["NCHW", "NHWC"])
def test_pixels_are_normalized_as_the_numbers_can_only_mean(load, metadata, seen, shape):
    classifier = load({"labels": LABELS, "colour": "rgb", **metadata}, shape=shape, gain=0.01)
    assert face(classifier) == pytest.approx(softmax(0.01 * seen, 0, 0, 0, 0, 0, 0), abs=1e-6)


def test_each_channel_has_its_own_mean_in_the_order_of_the_colours(load):
    values = {"labels": LABELS, "scale": "1", "mean": "10,20,30", "std": "1,2,3"}
    for channel, seen in enumerate(((200 - 10) / 1, (200 - 20) / 2, (200 - 30) / 3)):
        for colour, place in (("rgb", 2 - channel), ("bgr", channel)):
            classifier = load({**values, "colour": colour}, shape=("n", 3, 16, 16), gain=0.01, channel=channel)
            only = tuple(200 if i == place else 0 for i in range(3))
            assert face(classifier, only) == pytest.approx(softmax(0.01 * seen, 0, 0, 0, 0, 0, 0), abs=1e-6)


# What may mean several things is refused with what to add


AMBIGUOUS = [
    ({"scale": "1"}, ("n", 1, 16, 16), "labels"), ({"labels": LABELS}, ("n", 1, 16, 16), "scale"),
    (PLAIN, ("n", 3, 16, 16), "colour"), (PLAIN, ("n", 16, 16, 3), "colour"), (PLAIN, ("n", 1, "h", "w"), "input_size"),
    (PLAIN, ("n", "c", 16, 16), "colour"),
]


def changed(path: Path, change) -> Path:
    """A model of `network` with something else in it."""
    model = onnx.load(path)
    change(model.graph)
    onnx.save(model, path)
    return path


def takes(kind: int):
    """Of a graph: its input is of another type, and a cast follows it."""

    def change(graph) -> None:
        graph.input[0].type.tensor_type.elem_type = kind
        graph.node[0].input[0] = "floats"
        graph.node.insert(0, helper.make_node("Cast", ["in"], ["floats"], to=TensorProto.FLOAT))

    return change


@pytest.mark.parametrize(("kind", "scale"), [("FLOAT16", "1/255"), ("DOUBLE", "1/255"), ("UINT8", "1")])
def test_pixels_are_given_in_the_type_that_the_network_takes(tmp_path, kind, scale):
    path = changed(network(tmp_path / "a.onnx", PLAIN | {"scale": scale}, gain=5.0 * (1 if "/" in scale else 1 / 255)),
                   takes(getattr(TensorProto, kind)))
    assert face(EmotionClassifier(ClassifierParams(model=str(path)))) == pytest.approx(ONCE, abs=1e-3)


def half(graph) -> None:
    graph.input[0].type.tensor_type.elem_type = graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    for one in graph.initializer:
        if one.data_type == TensorProto.FLOAT:
            one.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(one).astype(np.float16), one.name))


@pytest.mark.parametrize("ends", [("Softmax",), ("Exp", "Div"), ("Identity",)], ids="-".join)
def test_a_network_of_half_precision_is_read_as_any_other(tmp_path, ends):
    classifier = EmotionClassifier(ClassifierParams(model=str(changed(network(tmp_path / "a.onnx", PLAIN, ends=ends), half))))
    assert face(classifier) == pytest.approx(ONCE, abs=5e-3)
    assert classifier(np.zeros((1, 16, 16, 3), np.uint8)).dtype == np.float32


def over_the_batch(graph) -> None:
    graph.node[-1].attribute[0].i = 0


def per_cent(graph) -> None:
    graph.node[-1].output[0] = "shares"
    graph.initializer.append(numpy_helper.from_array(np.float32(100), "hundred"))
    graph.node.append(helper.make_node("Mul", ["shares", "hundred"], ["out"]))


def another_input(graph) -> None:
    graph.input.append(helper.make_tensor_value_info("training", TensorProto.BOOL, []))
    graph.output.append(helper.make_tensor_value_info("same", TensorProto.BOOL, []))
    graph.node.append(helper.make_node("Identity", ["training"], ["same"]))


def no_input(graph) -> None:
    graph.initializer.append(numpy_helper.from_array(np.zeros((1, 1, 16, 16), np.float32), "in"))
    del graph.input[:]


@pytest.mark.parametrize(("change", "reason"), [
    (over_the_batch, "not taken over the classes"), (per_cent, "sum to 100"), (another_input, "has the inputs in, training"),
    (no_input, r"has the inputs \(none\)"), (takes(TensorProto.UINT8), "scale and std must be 1"),
    (takes(TensorProto.INT64), r"takes tensor\(int64\)"),
])
def test_a_network_that_is_not_for_faces_is_refused_in_one_line(tmp_path, change, reason):
    path = changed(network(tmp_path / "a.onnx", PLAIN), change)
    with pytest.raises(ModelError, match=reason) as refused:
        EmotionClassifier(ClassifierParams(model=str(path)))
    assert str(refused.value).isprintable()


def test_a_huge_batch_is_refused_before_it_is_filled(load):
    with pytest.raises(ModelError, match="takes batches of 100000 faces"):
        load(shape=(100_000, 1, 16, 16))


@pytest.mark.parametrize("content", [b"", b"a text\n\x1b[2J" * 30, b"\xff" * 200], ids=["empty", "text", "bytes"])
def test_what_onnxruntime_says_comes_as_one_line(tmp_path, content):
    (tmp_path / "a\n.onnx").write_bytes(content)
    with pytest.raises(ModelError, match="is not an ONNX model") as refused:
        EmotionClassifier(ClassifierParams(model=str(tmp_path / "a\n.onnx")))
    assert str(refused.value).isprintable()


def test_metadata_that_is_no_text_is_said_with_the_file(tmp_path):
    path = network(tmp_path / "a.onnx", PLAIN | {"name": "ABCDEFGH"})
    path.write_bytes(path.read_bytes().replace(b"ABCDEFGH", b"\xff\xfeCDEFGH"))
    with pytest.raises(ModelError, match=r"a\.onnx is damaged: a name or a metadata entry in it is not UTF-8"):
        EmotionClassifier(ClassifierParams(model=str(path)))


def test_a_name_is_published_as_one_short_line(load):
    assert load(PLAIN | {"name": "a\nb\x1b" + "c" * 5000}).metadata.name.startswith("a b?c")
    assert len(load(PLAIN | {"name": "c" * 5000}).metadata.name) < 250
    with pytest.raises(ModelError) as refused:
        load(PLAIN | {"labels": "x" * 5000})
    assert len(str(refused.value)) < 1000


@pytest.mark.parametrize(("metadata", "ends", "faces"), [
    (PLAIN | {"output": "probabilities"}, ("Softmax",), 1), (PLAIN | {"output": "logits"}, ("Identity",), 1),
    (PLAIN, ("Softmax", "Reshape"), 1), (PLAIN, ("Identity",), 1), (PLAIN, ("Exp", "Div"), 4),
])
def test_loading_asks_no_more_faces_than_it_needs(load, monkeypatch, metadata, ends, faces):
    asked = []
    outputs = EmotionClassifier._outputs
    monkeypatch.setattr(EmotionClassifier, "_outputs", lambda self, crops, *answers:
                        asked.append(len(crops)) or outputs(self, crops, *answers))
    load(metadata, ends=ends)
    assert sum(asked) == faces


@pytest.mark.parametrize(("metadata", "shape", "entry"), AMBIGUOUS)
def test_what_is_missing_is_named_and_the_command_that_adds_it_works(load, tmp_path, metadata, shape, entry):
    with pytest.raises(ValueError, match=rf"has no metadata entry '{entry}'") as caught:
        load(metadata, shape=shape)
    said = str(caught.value)
    assert "\n" not in said
    assert "docs/how-to/own_model.md" in said
    command = shlex.split(re.search(r"`python3 (.*)`", said)[1])
    subprocess.run([sys.executable, *command], cwd=tmp_path, check=True, timeout=600)
    try:
        EmotionClassifier(ClassifierParams(model=str(tmp_path / "mine.onnx")))
    except ValueError as error:
        assert f"entry '{entry}'" not in str(error)  # another one may be missing


@pytest.mark.parametrize(("metadata", "how", "reason"), [
    ({"mean": "1,2"}, {}, "mean has 2 numbers, the input 1 channel"), ({"scale": "1/0"}, {}, "divides by zero"),
    ({"scale": "much"}, {}, "no number or name"), ({"layout": "CHWN"}, {}, "layout must be NCHW or NHWC"),
    ({"input_size": "16x24"}, {}, "is not the side of a square"),
    ({"colour": "hsv"}, {}, "colour must be one of grey, rgb, bgr"),
    ({"colour": "rgb"}, {}, "takes"), ({"input_size": "24"}, {}, "takes"), ({}, {"classes": 8}, "is not an emotion network"),
    ({"layout": "NHWC", "colour": "rgb", "input_size": "16"}, {"shape": ("n", 3, 16, 16)}, "takes"),
])
def test_what_contradicts_the_network_is_refused(load, metadata, how, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        load({**PLAIN, **metadata}, **how)
    assert "mine.onnx" in str(caught.value)


# docs/how-to/own_model.md


@pytest.mark.skipif(not DOCUMENT.is_file(), reason="only where the source tree is")
def test_the_documents_examples_work(tmp_path, demo_frames):
    network(tmp_path / "mine.onnx", {}, shape=("n", 3, 64, 64), ends=("Identity",), first=3)
    network(tmp_path / "mine_keras.onnx", {}, shape=("n", 48, 48, 1), first=3)
    cv2.imwrite(str(tmp_path / "face.png"), demo_frames[0])
    examples = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 4
    said = []
    for example in examples:
        if "torch" in example and not importlib.util.find_spec("onnxscript"):
            continue
        done = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert re.findall(r"^\w+", said[-1], re.MULTILINE) == list(EMOTIONS)
    keras = EmotionClassifier(ClassifierParams(model=str(tmp_path / "mine_keras.onnx")))
    assert face(keras) == pytest.approx(softmax(0, 0, 0, 5, 0, 0, 0), abs=1e-5)
    if (tmp_path / "mine_torch.onnx").is_file():
        assert len(EmotionClassifier(ClassifierParams(model=str(tmp_path / "mine_torch.onnx"))).answer.labels) == 8
