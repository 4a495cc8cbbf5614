# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An exported model says what the network says, adjusted and tempered as it claims."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch (pip install 'fer_ros[train]', or make training)")
pytest.importorskip("onnxscript", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")

import onnx
import torch
from onnx import numpy_helper

from fer_ros.cli import main
from fer_ros.models.model_files import sha256_of
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
from fer_ros.system.files import OutputError
from fer_ros.training import checkpoint, export, metrics, session, unfold
from fer_ros.training.checkpoint import RunError
from fer_ros.training.data import load, most_voted
from fer_ros.training.pool import gather
from fer_ros.training.recipe import Recipe
from fer_ros.training.train import Place, Run, Watcher, predict

pytestmark = pytest.mark.training

CPU = Place(torch.device("cpu"))
RECIPE = Recipe(architecture="tiny", epochs=20, batch=16, optimizer="adamw", learning_rate=0.02, augmentation=0.2)


@pytest.fixture(scope="module")
def run(drawn_fer2013, tmp_path_factory):
    """(folder of a run, folder of its data)."""
    base = tmp_path_factory.mktemp("made")
    data = drawn_fer2013(base / "data", each=8)
    found = gather(data, RECIPE)
    Run(base / "run", RECIPE, found.training, found.validation, CPU, facts=session.facts_of(found, CPU)).train(Watcher())
    return base / "run", data


def faces_of(data) -> tuple[np.ndarray, np.ndarray]:
    validation = load(data).splits["validation"]
    return validation, np.repeat(validation.images[..., None], 3, axis=3)


def test_the_file_says_what_the_network_says(run, tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "fit_adjustment", lambda logits, truth, prior, cost: 0.25 if len(prior) == 7 else 0.5)
    folder, data = run
    said = []
    export.export(folder, data, tmp_path, None, False, said.append)
    validation, crops = faces_of(data)
    classifier = EmotionClassifier(ClassifierParams(model=str(tmp_path / "emotion.onnx")))
    found = dict(zip(("ferplus", "fer2013"), classifier.logits(crops, *classifier.metadata.answers), strict=True))
    expected = predict(checkpoint.trained(folder).network, validation.images, CPU)
    # Classes are equally frequent in the labels, so that only the votes' adjustment changes an answer.
    assert found["fer2013"] - expected["fer2013"] == pytest.approx(-0.25 * np.log(1 / 7), abs=1e-3)
    shift = (found["ferplus"] - expected["ferplus"]).mean(axis=0)
    training = load(data).splits["training"]
    prior = training.votes[:, :8].sum(axis=0) / training.votes[:, :8].sum()
    assert shift == pytest.approx(-0.5 * np.log(prior), abs=1e-3)
    assert shift[7] > shift[6] + 0.5  # contempt, rarely voted, is helped more than neutral
    assert classifier.metadata.entries["adjustment.ferplus"] == "0.5"
    for answer in classifier.metadata.answers:
        rows, truth = (slice(None), validation.labels) if answer.output == "fer2013" else most_voted(validation, 7)
        logits = found[answer.output][rows][:, :7]
        best = min(metrics.log_loss(logits, truth, t) for t in np.geomspace(0.05, 20, 400))
        assert metrics.log_loss(logits, truth, answer.temperature) <= best + 1e-6
    assert "emotion.onnx: " in said[0]


def test_a_file_that_says_something_else_is_refused(run, tmp_path):
    folder, data = run
    export.export(folder, data, tmp_path, None, False, lambda text: None)
    path = tmp_path / "emotion.onnx"
    model = onnx.load(path)
    weights = next(t for t in model.graph.initializer if numpy_helper.to_array(t).ndim == 4)
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * np.float32(1.2), weights.name))
    onnx.save(model, path)
    validation, _ = faces_of(data)
    expected = predict(checkpoint.trained(folder).network, validation.images, CPU)
    with pytest.raises(RunError, match="differ by"):
        export._parity(path, validation, expected, {"ferplus": 1.0, "fer2013": 1.0})
    nothing = {head: np.full_like(values, np.nan) for head, values in expected.items()}
    with pytest.raises(RunError, match="differ by nan"):
        export._parity(path, validation, nothing, {"ferplus": 1.0, "fer2013": 1.0})


def test_a_network_without_finite_answers_is_not_exported(run, tmp_path):
    folder, data = run
    content = checkpoint.read(folder / "best.pt", ("weights",))
    next(iter(content["weights"].values())).fill_(float("nan"))
    (tmp_path / "run").mkdir()
    checkpoint.save(tmp_path / "run" / "best.pt", content)
    with pytest.raises(RunError, match="no finite numbers"):
        export.export(tmp_path / "run", data, tmp_path / "out", None, False, lambda text: None)
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_there_is_not_replaced_unless_told_to(run, tmp_path):
    folder, data = run
    for name, int8 in (("emotion.onnx", False), ("emotion_int8.onnx", True)):
        (tmp_path / name).write_text("older")
        with pytest.raises(OutputError, match=rf"{name} is there already: name another, or --force"):
            export.export(folder, data, tmp_path, None, int8, lambda text: None)
        assert [path.read_text() for path in tmp_path.iterdir()] == ["older"]
        (tmp_path / name).unlink()


@pytest.mark.parametrize(("times", "kept"), [((1.0, 0.5), True), ((1.0, 0.95), False)])
def test_an_int8_model_is_kept_only_if_it_is_faster_and_as_good(run, tmp_path, monkeypatch, times, kept):
    folder, data = run
    monkeypatch.setattr(export, "_alternating", lambda first, second: ([times[0]], [times[1]]))
    monkeypatch.setattr(export, "WORSE", 1.0)
    monkeypatch.setattr(export, "WORSE_HEAD", 1.0)
    monkeypatch.setattr(export, "_ENOUGH", 1)
    (tmp_path / "emotion_int8.onnx").write_bytes(b"of an earlier export")
    said = []
    export.export(folder, data, tmp_path, "mine", True, said.append, force=True)
    assert ("kept as" in said[-1]) is kept
    assert (tmp_path / "emotion_int8.onnx").exists() is kept
    if kept:
        small = EmotionClassifier(ClassifierParams(model=str(tmp_path / "emotion_int8.onnx")))
        assert small.metadata.name == "mine-int8"
        assert [a.output for a in small.metadata.answers] == ["ferplus", "fer2013"]
        for name in ("WORSE", "WORSE_HEAD"):  # the default answer's share, and what another may lose
            (tmp_path / "emotion_int8.onnx").write_bytes(b"of an earlier export")
            monkeypatch.setattr(export, name, -2.0)  # nothing is as good as that
            export.export(folder, data, tmp_path, "mine", True, said.append, force=True)
            assert not (tmp_path / "emotion_int8.onnx").exists()
            monkeypatch.setattr(export, name, 1.0)
        monkeypatch.setattr(export, "WORSE_HEAD", -2.0)
        monkeypatch.setattr(export, "_ENOUGH", 1000)  # of so few faces a head's loss is chance
        export.export(folder, data, tmp_path, "mine", True, said.append, force=True)
        assert (tmp_path / "emotion_int8.onnx").exists()


def test_of_the_faces_that_choose_the_int8_ranges_one_batch_is_in_memory(run, tmp_path, monkeypatch):
    from onnxruntime.quantization import calibrate

    batches = []
    collect = calibrate.HistogramCalibrater.collect_data

    def counted(self, reader):
        given = list(iter(reader.get_next, None))
        batches.append(len(given))
        given.append(None)
        collect(self, SimpleNamespace(get_next=lambda: given.pop(0)))

    monkeypatch.setattr(calibrate.HistogramCalibrater, "collect_data", counted)
    monkeypatch.setattr(export, "_BATCH", 8)
    folder, data = run
    export.export(folder, data, tmp_path, "mine", True, lambda text: None)
    assert len(batches) > 1
    assert set(batches) == {1}


def test_the_gates_of_attention_stay_in_floats():
    def node(kind, name, *inputs):
        return onnx.helper.make_node(kind, inputs, [f"{name}_out"], name)

    nodes = [node("Conv", "first", "x", "w"),
             node("ReduceMean", "mean", "first_out"), node("Conv", "squeeze", "mean_out", "w"),
             node("Relu", "relu", "squeeze_out"),
             node("Conv", "excite", "relu_out", "w"), node("Sigmoid", "gate", "excite_out"),
             node("Mul", "weigh", "first_out", "gate_out"), node("Conv", "next", "weigh_out", "w")]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "attention", [], []))
    assert export._gates(model) == ["squeeze", "relu", "excite", "gate"]


def test_the_catalogue_gets_the_new_sha256_of_its_own_entry(run, tmp_path):
    folder, data = run
    (tmp_path / "models.yaml").write_text(
        "models:\n  - id: other\n    file: other.onnx\n    sha256: aaa\n"
        "  - id: emotion\n    file: emotion.onnx\n    licence: Apache-2.0\n    sha256: bbb\n")
    export.export(folder, data, tmp_path, None, False, lambda text: None)
    text = (tmp_path / "models.yaml").read_text()
    assert "sha256: aaa" in text
    assert "sha256: bbb" not in text
    (tmp_path / "models.yaml").write_text("models: []\n")
    said = []
    export.export(folder, data, tmp_path, None, False, said.append, force=True)
    assert any("lists no sha256 of emotion.onnx" in line for line in said)


def test_one_head_is_enough(drawn_folders, tmp_path):
    data = drawn_folders(tmp_path / "data", each=16)
    recipe = dataclasses.replace(RECIPE, targets="fer2013", epochs=1)
    found = gather(data, recipe)
    Run(tmp_path / "run", recipe, found.training, found.validation, CPU, facts=session.facts_of(found, CPU)).train(Watcher())
    export.export(tmp_path / "run", data, tmp_path, None, False, lambda text: None)
    classifier = EmotionClassifier(ClassifierParams(model=str(tmp_path / "emotion.onnx")))
    assert [answer.output for answer in classifier.metadata.answers] == ["fer2013"]


def test_training_goes_on_from_an_exported_file(run, tmp_path):
    folder, data = run
    export.export(folder, data, tmp_path, None, False, lambda text: None)
    validation, crops = faces_of(data)
    start = unfold.trained(tmp_path / "emotion.onnx", load(data).splits["training"].images)
    classifier = EmotionClassifier(ClassifierParams(model=str(tmp_path / "emotion.onnx")))
    answers = predict(start.network, validation.images, CPU)
    shipped = classifier.metadata.answers
    for answer, logits in zip(shipped, classifier.logits(crops, *shipped), strict=True):
        assert answers[answer.output] == pytest.approx(logits, abs=1e-3)
    # In training the normalizations measure anew what comes into them: of the faces that they were set up with, the same.
    faces = torch.from_numpy(load(data).splits["training"].images[:, None]).float() / 255
    with torch.inference_mode():
        before = start.network.eval()(faces)
        learning = start.network.train()
        learning.head[2].p = 0.0  # the dropout, which draws by chance
        assert learning(faces).numpy() == pytest.approx(before.numpy(), abs=0.02)


@pytest.mark.parametrize(("words", "asked"), [
    ((), {"balance": export.BALANCE, "neutral_prior": export.NEUTRAL_PRIOR, "rare_prior": export.RARE_PRIOR}),
    (("--balance", "0.5", "--neutral-prior", "2", "--rare-prior", "0.3"),
     {"balance": 0.5, "neutral_prior": 2.0, "rare_prior": 0.3})])
def test_the_command_passes_on_what_it_is_asked(words, asked, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(export, "export", lambda *arguments, **more: seen.update(more))
    with pytest.raises(SystemExit) as end:
        main(["export", str(tmp_path), "--data", str(tmp_path), "--out", str(tmp_path / "out"), *words])
    assert not end.value.code
    assert {name: seen[name] for name in asked} == asked


def test_an_exported_file_teaches(run, tmp_path):
    folder, data = run
    export.export(folder, data, tmp_path, None, False, lambda text: None)
    changes = ("architecture=tiny", "batch=8", "epochs=1", "distillation=0.5")
    with pytest.raises(SystemExit) as end:
        main(["train", "--data", str(data), "--device", "cpu", "--out", str(tmp_path / "taught"), "--teacher",
              str(tmp_path / "emotion.onnx"), *(word for change in changes for word in ("--set", change))])
    assert not end.value.code
    assert checkpoint.trained(tmp_path / "taught").facts["teachers"] == (
        f"{RECIPE.architecture} of run {sha256_of(tmp_path / 'emotion.onnx')[:8]}")


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_a_file_that_was_not_exported_here_is_no_start(tmp_path, content):
    path = tmp_path / "other.onnx"
    if content is None:
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [])), path)
    else:
        path.write_bytes(content)
    with pytest.raises(RunError, match=r"other\.onnx"):
        unfold.trained(path, np.zeros((1, 48, 48), np.uint8))
    with pytest.raises(RunError, match="No such file"):
        unfold.trained(tmp_path / "none.onnx", np.zeros((1, 48, 48), np.uint8))
