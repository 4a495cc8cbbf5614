# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An evaluation reports what a model does, through the node's own code."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

pytest.importorskip("onnx", reason="makes its models with the package onnx")
pytest.importorskip("matplotlib", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")

import onnx
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from fer_ros import cli
from fer_ros.labels import EMOTIONS
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
from fer_ros.system.files import OutputError
from fer_ros.training import card, report, robustness, survey
from fer_ros.training.data import FERPLUS, DataError, load
from fer_ros.training.evaluate import CLEAR_7, FER2013, FERPLUS_7, FERPLUS_8, Evaluator, truths

pytestmark = pytest.mark.training

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def folder(drawn_fer2013, tmp_path_factory):
    return drawn_fer2013(tmp_path_factory.mktemp("data") / "drawn", each=8)


@pytest.fixture(scope="module")
def known(folder, tmp_path_factory):
    """A model that has learnt a folder's validation faces by heart: by their product with each, it says which it is."""
    faces = load(folder).splits["validation"]
    flat = faces.images.reshape(len(faces), -1).astype(np.float32) / 255
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    weights = {"ferplus": np.eye(8, dtype=np.float32)[faces.labels], "fer2013": np.eye(7, dtype=np.float32)[faces.labels]}

    def make(path, outputs=("ferplus", "fer2013"), wrong=0):
        """With `wrong`, that many of its answers (the first ones) say the next class."""
        nodes = [helper.make_node("Flatten", ["faces"], ["flat"]), helper.make_node("MatMul", ["flat", "known"], ["alike"]),
                 helper.make_node("Mul", ["alike", "sharp"], ["sharper"]), helper.make_node("Softmax", ["sharper"], ["which"])]
        constants = [numpy_helper.from_array(flat.T.copy(), "known"), numpy_helper.from_array(np.float32(100), "sharp"),
                     numpy_helper.from_array(np.float32(9), "sure")]
        for name in outputs:
            table = weights[name].copy()
            table[:wrong] = np.roll(table[:wrong], 1, axis=1)
            constants.append(numpy_helper.from_array(table, f"of_{name}"))
            nodes += [helper.make_node("MatMul", ["which", f"of_{name}"], [f"soft_{name}"]),
                      helper.make_node("Mul", [f"soft_{name}", "sure"], [name])]
        graph = helper.make_graph(
            nodes, "known", [helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 1, 48, 48])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", weights[name].shape[1]]) for name in outputs],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        labels = {"ferplus": FERPLUS, "fer2013": EMOTIONS}
        helper.set_model_props(model, {
            "name": "known", "outputs": ",".join(outputs), "input_size": "48", "colour": "grey", "scale": repr(1 / 255),
            "mean": "0", "std": "1", **{f"labels.{name}": ",".join(labels[name]) for name in outputs},
            **{f"temperature.{name}": "1" for name in outputs},
        })
        onnx.save(model, path)
        return str(path)

    base = tmp_path_factory.mktemp("models")
    return lambda name="known.onnx", **more: make(base / name, **more)


def test_a_model_that_knows_the_faces_is_right(known, folder):
    faces = load(folder).splits["validation"]
    figures = Evaluator(known(), faces).figures()
    assert list(figures)[:3] == [FER2013, FERPLUS_8, FERPLUS_7]
    for values in figures.values():
        assert values["accuracy"] == values["balanced_accuracy"] == values["macro_f1"] == 1
        assert values["faces"] == len(faces)
        assert values["most_confused"] == []
    assert figures[FER2013]["answer"] == "fer2013"
    assert figures[FERPLUS_8]["answer"] == "ferplus"
    assert figures[FERPLUS_8]["recall"]["contempt"] is None


def test_what_is_wrong_is_counted(known, folder):
    faces = load(folder).splits["validation"]
    figures = Evaluator(known("wrong.onnx", wrong=4), faces).figures()[FER2013]
    assert figures["accuracy"] == pytest.approx(24 / 28)
    assert figures["recall"]["angry"] == 0
    assert figures["most_confused"][0] == {"truth": "angry", "answer": "disgust", "share": 1.0, "faces": 4}
    assert np.array(figures["confusion"]).sum() == 28


def test_copies_of_training_faces_are_reported_apart(known, folder):
    splits = load(folder).splits
    faces = splits["validation"]
    with_copies = splits["training"].take(np.arange(3))
    copies = type(faces)(np.concatenate([with_copies.images, faces.images[:4]]), *(
        np.concatenate([getattr(with_copies, name), getattr(faces, name)[:4]]) for name in ("labels", "votes", "rows")))
    figures = Evaluator(known("wrong.onnx", wrong=4), faces, [copies]).figures()[FER2013]
    assert figures["faces"] == 28
    assert figures["without_copies"]["faces"] == 24
    assert figures["without_copies"]["accuracy"] == 1


def test_a_model_with_one_answer_is_measured_against_every_truth(known, folder):
    faces = load(folder).splits["validation"]
    evaluator = Evaluator(known("one.onnx", outputs=("fer2013",)), faces)
    figures = evaluator.figures()
    assert {values["answer"] for values in figures.values()} == {"fer2013"}
    assert figures[FERPLUS_8]["accuracy"] == 1
    assert list(evaluator.crossed()) == ["fer2013"]


def test_without_votes_there_is_one_truth(drawn_folders, tmp_path):
    assert [t.name for t in truths(load(drawn_folders(tmp_path / "d")).splits["test"])] == [FER2013]


def test_a_report_leaves_its_figures_and_pictures(known, folder, tmp_path):
    found = report.make(known(), folder, "", tmp_path / "out", QUIET)
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(json.dumps(found))
    assert found["data"]["split"] == "validation"
    assert set(found["robustness"]) == set(robustness.CHANGES)
    assert found["robustness"]["as it is"][FER2013]["accuracy"] == 1
    assert found["speed"]["one_median_ms"] > 0
    pictures = {path.name for path in (tmp_path / "out").glob("*.png")}
    assert {"confusion_fer2013_label.png", "confusion_ferplus_majority_8_classes.png", "reliability.png",
            "robustness.png"} <= pictures
    assert all((tmp_path / "out" / name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    with pytest.raises(DataError, match="no test split"):
        report.make(known(), folder, "test", tmp_path / "out", QUIET)
    older = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(older) <= {path.name for path in report.outputs(tmp_path)}
    with pytest.raises(OutputError, match="is there already: name another, or --force"):
        report.make(known(), folder, "", tmp_path / "out", QUIET)
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == older
    report.make(known(), folder, "", tmp_path / "out", QUIET, force=True)


def test_a_quick_report_leaves_out_what_takes_longest(known, folder, tmp_path, capsys):
    path = known()
    arguments = ["evaluate", path, "--data", str(folder), "--out", str(tmp_path / "out"), "--quick"]
    assert cli.parser().parse_args(arguments).command(cli.parser().parse_args(arguments)) == 0
    captured = capsys.readouterr()
    assert "measuring robustness" not in captured.err and "reading fer2013.csv" in captured.err
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "robustness" not in found
    assert all("ten_views" not in figures and figures["accuracy"] > 0.9 for figures in found["figures"].values())
    assert not (tmp_path / "out" / "robustness.png").exists()
    for more in (["--card", str(tmp_path / "card.md")], ["--recipe", "everyone"]):
        options = cli.parser().parse_args([*arguments, "--force", *more])
        assert options.command(options) == 1
        assert "leave out --quick" in capsys.readouterr().err


def test_a_card_says_every_figure_and_leaves_no_gap(known, folder, tmp_path):
    path = known()
    found = report.make(path, folder, "", tmp_path, QUIET)
    entries = EmotionClassifier(ClassifierParams(model=path)).metadata.entries
    more = {"parameters": "1580000", "recipe": "epochs: 3\nbatch: 8\ntargets: both\nclean: false\n", "licence": "Apache-2.0",
            "trained.commit": "abc", "trained.training_faces": "1000", "trained.layout": "fer2013.csv", "epoch": "2"}
    text = card.write(found, {**entries, **more})
    assert "1.58 M parameters" in text
    assert "epochs: 3\nbatch: 8" in text
    assert "1,000 faces of FER2013 Training, with FER2013's labels and FER+'s ten votes" in text
    assert "left out" not in text
    assert "commit `abc`, epoch 2 of 3" in text
    assert f"| {FER2013} | `fer2013` | 28 | **100.0%** | 100.0% |" in text
    assert CLEAR_7 in text
    assert "The node\nanswers with `ferplus`" in text
    assert "$" not in text
    assert "nan" not in text


# What happens to faces


def test_changes_do_what_they_are_called():
    face = np.zeros((48, 48), np.uint8)
    face[20:28, 20:28] = 200

    def middle(image) -> tuple[float, float]:
        y, x = np.nonzero(image > 100)
        return float(x.mean()), float(y.mean())

    assert middle(robustness.moved()(face)) == (23.5, 23.5)
    assert middle(robustness.moved(right=0.125)(face)) == pytest.approx((29.5, 23.5), abs=0.1)
    assert middle(robustness.moved(down=-0.125)(face)) == pytest.approx((23.5, 17.5), abs=0.1)
    larger = robustness.moved(scale=1.5)(face)
    assert (larger > 100).sum() == pytest.approx(1.5**2 * 64, rel=0.15)
    assert middle(larger) == pytest.approx((23.5, 23.5), abs=0.3)
    side = face.copy()
    side[20:28, 40:46] = 200
    assert robustness.moved(angle=90)(side)[2:8, 20:28].mean() > 150  # counter-clockwise: the right side goes up
    assert robustness.darkened(0.5)(face).max() == 100
    assert 0 < robustness.blurred(1.5)(face)[23, 18] < 100
    assert robustness.enlarged(24)(face).shape == (48, 48)
    assert robustness.compressed(30)(face).dtype == np.uint8


# What is in a data set


def test_a_data_set_is_counted_and_its_faults_are_named(drawn_fer2013, tmp_path):
    folder = drawn_fer2013(tmp_path / "d", each=6)
    lines = (folder / "fer2013.csv").read_text().splitlines()
    label, pixels, usage = lines[1].split(",")
    other = f"{(int(label) + 1) % 7},{pixels},{usage}"
    lines[2] = other  # the first face again, with another label
    lines[3] = f"{label},{' '.join(['9'] * 2304)},{usage}"
    lines[-1] = lines[-1].split(",")[0] + f",{pixels},PublicTest"
    lines[5] = lines[5].replace(" ", "x", 1)
    (folder / "fer2013.csv").write_text("\n".join(lines) + "\n")
    found = load(folder)
    what = {finding.what: finding for finding in survey.findings(found)}
    assert what["training: unusable"].fatal
    assert what["training: unusable"].examples[0].startswith(f"{folder}/fer2013.csv:6: ")
    assert what["training: all pixels are the same"].faces == 1
    assert what["training: the same image with different labels"].faces == 2
    assert what["validation: copies of training images"].examples == [f"{folder}/fer2013.csv:64 (neutral)"]
    assert not any(finding.fatal for name, finding in what.items() if name != "training: unusable")
    console = Console(width=160, record=True, quiet=False, file=io.StringIO())
    assert survey.show(folder, console, every=False)
    text = console.export_text()
    assert "angry" in text
    assert "100.00%" in text
    assert "mend, replace or remove" in text


def test_the_framing_of_a_data_set_is_found_in_faces_that_were_cut_so(demo_frames, detector):
    from fer_ros.perception.align import AlignParams, align_faces
    from fer_ros.training.framing import framing

    crops = []
    for number, image in demo_frames.items():
        if 180 <= number < 340:
            crops += list(align_faces(image, detector.detect(image), 48, AlignParams(align=False))[..., 0])
    side, right, down = np.median(framing(np.stack(crops), detector), axis=0)
    assert side == pytest.approx(1.10, abs=0.06)  # fer_ros.perception.align cuts so
    assert right == pytest.approx(0, abs=0.04)
    assert down == pytest.approx(-0.02, abs=0.04)


def test_a_card_says_nothing_that_the_file_does_not(known, folder, tmp_path):
    path = known()
    found = report.make(path, folder, "", tmp_path, QUIET)
    entries = EmotionClassifier(ClassifierParams(model=path)).metadata.entries
    for recipe in ({}, {"recipe": "[1, 2]"}, {"recipe": "a: [1"}):
        text = card.write(found, {**entries, **recipe})
        assert "does not say what it was trained on" in text
        assert "0.00 M" not in text
        assert "standardizes" not in text


def test_faces_are_scaled_to_what_a_model_takes(known, folder, tmp_path):
    path = tmp_path / "large.onnx"
    model = onnx.load(known())
    for entry in model.metadata_props:
        entry.value = "64" if entry.key == "input_size" else entry.value
    model.graph.node.insert(0, helper.make_node("Resize", ["large", "", "scales"], ["faces"], mode="linear"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 0.75, 0.75], np.float32), "scales"))
    model.graph.input[0].name = "large"
    for i in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[i].dim_value = 64
    onnx.save(model, path)
    figures = Evaluator(str(path), load(folder).splits["validation"]).figures()[FER2013]
    assert figures["accuracy"] > 0.9


def test_a_truth_without_faces_is_left_out(known, folder, tmp_path):
    copy = tmp_path / "d"
    copy.mkdir()
    (copy / "fer2013.csv").write_bytes((folder / "fer2013.csv").read_bytes())
    lines = (folder / "fer2013new.csv").read_text().splitlines()
    doubtful = [line if i == 0 else f"{line.split(',')[0]},,0,0,0,0,0,0,0,0,10,0" for i, line in enumerate(lines)]
    (copy / "fer2013new.csv").write_text("\n".join(doubtful) + "\n")
    found = report.make(known(), copy, "", tmp_path / "out", QUIET)
    assert list(found["figures"]) == [FER2013]
    assert "NaN" not in (tmp_path / "out" / "report.json").read_text()
