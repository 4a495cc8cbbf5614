# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one answer is put together of all heads, on faces that nothing was learnt from."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch (pip install 'fer_ros[train]', or make training)")
pytest.importorskip("onnxscript", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")

import torch

from fer_ros.labels import EMOTIONS
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
from fer_ros.training import answer, checkpoint, export, session
from fer_ros.training.answer import Blend, fit, fold
from fer_ros.training.data import FERPLUS
from fer_ros.training.metrics import balanced_accuracy
from fer_ros.training.model import FerNet
from fer_ros.training.pool import Pool, gather
from fer_ros.training.recipe import ANSWER, from_values
from fer_ros.training.train import Place, Run, Watcher, predict

pytestmark = pytest.mark.training

HEADS = {ANSWER: EMOTIONS, "ferplus": FERPLUS, "other": EMOTIONS}


def faces(truth: np.ndarray, origin: np.ndarray | None = None) -> Pool:
    """A pool of which only the right answers are looked at."""
    count = len(truth)
    origin = np.zeros(count, np.int64) if origin is None else origin
    return Pool(np.zeros((count, 2, 2), np.uint8), origin, tuple(f"set {i}" for i in range(origin.max() + 1)), {}, {},
                {ANSWER: truth.astype(np.int64)}, np.arange(count))


def drawn(truth: np.ndarray, seed: int, strength: float, classes: int = 7) -> np.ndarray:
    """(N, classes) logits that tell the truth the better the stronger they are."""
    logits = np.random.default_rng(seed).normal(size=(len(truth), classes))
    logits[np.arange(len(truth)), truth] += strength
    return logits.astype(np.float32)


@pytest.fixture
def truth() -> np.ndarray:
    return np.random.default_rng(0).choice(7, 2000, p=[0.05, 0.02, 0.03, 0.4, 0.1, 0.1, 0.3])


def test_a_head_that_knows_more_gets_the_greater_share(truth):
    logits = {ANSWER: drawn(truth, 1, 1.0), "ferplus": drawn(truth, 2, 3.0, 8), "other": drawn(truth, 3, 0.0)}
    blend = fit(logits, faces(truth), balance=0.0)
    assert blend.shares["ferplus"] > 2 * blend.shares[ANSWER] > 0
    assert abs(blend.shares["other"]) < 0.2
    new = np.random.default_rng(7).choice(7, 2000)
    held_out = {ANSWER: drawn(new, 4, 1.0), "ferplus": drawn(new, 5, 3.0, 8), "other": drawn(new, 6, 0.0)}
    right = [(values[:, :7].argmax(1) == new).mean() for values in (blend(held_out), *held_out.values())]
    assert right[0] > max(right[1:])


def test_balance_favours_rare_emotions(truth):
    logits = {ANSWER: drawn(truth, 1, 1.5)}
    guesses = [fit(logits, faces(truth), balance)(logits).argmax(1) for balance in (0.0, 1.0)]
    accuracy, balanced = ([(g == truth).mean() for g in guesses], [balanced_accuracy(truth, g, 7) for g in guesses])
    assert accuracy[0] > accuracy[1] + 0.02
    assert balanced[1] > balanced[0] + 0.02


def test_a_large_set_counts_no_more_than_a_small_one(truth):
    """In the large one the first head is right, in the small one the second."""
    origin = (np.arange(len(truth)) % 20 == 0).astype(np.int64)
    knows = np.where(origin[:, None] == 1, drawn(truth, 1, 0.0), drawn(truth, 2, 3.0))
    other = np.where(origin[:, None] == 1, drawn(truth, 3, 3.0), drawn(truth, 4, 0.0))
    blend = fit({ANSWER: knows, "other": other}, faces(truth, origin), balance=0.0)
    assert blend.shares["other"] == pytest.approx(blend.shares[ANSWER], rel=0.25)


def test_a_bias_that_is_wrong_is_put_right(truth):
    logits = drawn(truth, 1, 4.0)
    logits[:, EMOTIONS.index("disgust")] += 5
    blend = fit({ANSWER: logits}, faces(truth), balance=0.0)
    assert blend.bias[EMOTIONS.index("disgust")] < -2
    assert (blend({ANSWER: logits}).argmax(1) == truth).mean() > 0.9


def test_few_faces_leave_the_answer_where_it_was():
    truth = np.arange(7)
    logits = {ANSWER: 20 * np.eye(7, dtype=np.float32), "other": drawn(truth, 1, 0.0)}
    blend = fit(logits, faces(truth), balance=0.5)
    assert blend.shares[ANSWER] == pytest.approx(1, abs=0.05)
    assert np.abs(blend.bias).max() < 0.05


def test_the_network_then_answers_so_itself():
    torch.manual_seed(0)
    network = FerNet(HEADS, 0.2, width=8, blocks=(1, 1)).eval()
    blend = Blend({ANSWER: 0.5, "ferplus": -0.25, "other": 1.5}, np.linspace(-1, 1, 7))
    given = torch.rand(5, 1, 48, 48)
    with torch.no_grad():
        before = {head: values.numpy().copy() for head, values in network.split(network(given)).items()}
        fold(blend, network)
        after = {head: values.numpy() for head, values in network.split(network(given)).items()}
    assert after[ANSWER] == pytest.approx(blend(before), abs=1e-5)
    assert all((after[head] == before[head]).all() for head in ("ferplus", "other"))


def test_the_gradient_is_that_of_the_loss(truth, monkeypatch):
    """Else the search ends somewhere, and nobody sees it."""
    seen = {}

    def search(function, start, **options):
        seen.update(function=function, start=start, options=options)
        return type("Found", (), {"x": start})

    monkeypatch.setattr(answer, "minimize", search)
    fit({ANSWER: drawn(truth, 1, 1.0), "ferplus": drawn(truth, 2, 1.0, 8)}, faces(truth), balance=0.5)
    at = seen["start"] + np.random.default_rng(0).normal(size=len(seen["start"]))
    _, gradient = seen["function"](at)
    for number in range(len(at)):
        step = np.zeros(len(at))
        step[number] = 1e-5
        measured = (seen["function"](at + step)[0] - seen["function"](at - step)[0]) / 2e-5
        assert gradient[number] == pytest.approx(measured, abs=1e-6)


def test_an_exported_model_answers_with_the_blend(drawn_fer2013, tmp_path):
    drawn_fer2013(tmp_path / "data" / "fer2013", each=8)
    rng = np.random.default_rng(0)
    for emotion in EMOTIONS:
        folder = tmp_path / "data" / "crowd" / "train" / emotion
        folder.mkdir(parents=True)
        for number in range(4):
            cv2.imwrite(str(folder / f"{number}.png"), cv2.resize(rng.integers(0, 256, (8, 8), np.uint8), (48, 48)))
    recipe = from_values({"architecture": "tiny", "epochs": 1, "batch": 16, "clean": False,
                          "sets": {"fer2013": {}, "crowd": {"held_out": 0.5}}}, "here")
    found = gather(tmp_path / "data", recipe)
    where = Place(torch.device("cpu"))
    Run(tmp_path / "run", recipe, found.training, found.validation, where,
        facts=session.facts_of(found, where)).train(Watcher())
    said: list[str] = []
    export.export(tmp_path / "run", tmp_path / "data", tmp_path / "out", None, False, said.append, balance=1.0)
    classifier = EmotionClassifier(ClassifierParams(model=str(tmp_path / "out" / "emotion.onnx")))
    images = found.report.images
    logits = predict(checkpoint.trained(tmp_path / "run").network, found.validation.images, where)
    blend = fit(logits, found.validation, 1.0)
    assert blend.text == classifier.metadata.entries["blend.answer"]
    priors = {answer.output: answer.neutral_prior for answer in classifier.metadata.answers}
    assert priors.pop("answer") == export.NEUTRAL_PRIOR
    rare = {answer.output: answer.rare_prior for answer in classifier.metadata.answers}
    assert rare.pop("answer") == export.RARE_PRIOR
    assert set(priors.values()) == set(rare.values()) == {1.0}  # what the others say is as frequent as in their sets
    assert blend.text in said[0]
    expected = blend(predict(checkpoint.trained(tmp_path / "run").network, images, where))
    crops = np.repeat(images[..., None], 3, axis=3)
    (given,) = classifier.logits(crops, classifier.answer)
    assert classifier.answer.output == ANSWER
    assert given == pytest.approx(expected, abs=1e-3)
