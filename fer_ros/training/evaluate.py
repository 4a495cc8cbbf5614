# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How good an ONNX file is, measured through the code with which the emotion node runs it. Needs no torch."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS
from fer_ros.models.inference import InferenceParams
from fer_ros.models.model_files import sha256_of
from fer_ros.perception.classifier import Answer, ClassifierParams, EmotionClassifier, probabilities
from fer_ros.training import metrics, robustness
from fer_ros.training.data import FERPLUS, Split, clear_majority, copied_from, most_voted
from fer_ros.training.progress import told
from fer_ros.types import Comparable

FER2013, FERPLUS_8, FERPLUS_7 = "FER2013 label", "FER+ majority, 8 classes", "FER+ majority, 7 classes"
CLEAR_8, CLEAR_7 = "FER+ clear majority, 8 classes", "FER+ clear majority, 7 classes"


@dataclass(frozen=True, eq=False)
class Truth(Comparable):
    """What an answer is compared with.

    Attributes:
        answer: name of the model's answer that speaks of it.
        labels: its classes.
        rows: (M,) int, the faces of the split that have one.
        classes: (M,) int, theirs.
    """

    name: str
    answer: str
    labels: tuple[str, ...]
    rows: NDArray[Any]
    classes: NDArray[Any]


def truths(split: Split) -> list[Truth]:
    """Everything that the split's faces can be compared with."""
    found = [Truth(FER2013, "fer2013", EMOTIONS, np.arange(len(split)), split.labels)]
    if split.voted:
        for name, rule, labels in ((FERPLUS_8, most_voted, FERPLUS), (FERPLUS_7, most_voted, EMOTIONS),
                                   (CLEAR_8, clear_majority, FERPLUS), (CLEAR_7, clear_majority, EMOTIONS)):
            found.append(Truth(name, "ferplus", labels, *rule(split, len(labels))))
    return [truth for truth in found if len(truth.rows)]


class Evaluator:
    """One ONNX file on one split.

    Args:
        split: the faces to answer.
        seen: splits that the model may have learnt from or been chosen by; the figures `without_copies` leave out what is
            in them too.

    Raises:
        FileNotFoundError, ValueError: see `EmotionClassifier`.
    """

    def __init__(self, model: str, split: Split, seen: Sequence[Split] = ()):
        self.classifier = classifier_of(model)
        self.split = split
        self.truths = truths(split)
        # Whoever has learnt a picture by heart answers right on its copies.
        self.copies = np.any([copied_from(split, other) for other in seen], axis=0) if seen else np.zeros(len(split), bool)
        self._answers = {answer.output: answer for answer in self.classifier.metadata.answers}

    def answer_for(self, truth: Truth) -> Answer:
        """The model's answer to a truth: the one of its name, or the default of a model without it."""
        return self._answers.get(truth.answer, self.classifier.answer)

    def logits(self, images: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `logits_of`."""
        return logits_of(self.classifier, images)

    def probabilities(self, logits: dict[str, NDArray[Any]], truth: Truth, answer: Answer | None = None,
                      temperature: float | None = None) -> NDArray[Any]:
        """(M, C) probabilities of a truth's classes for its faces; 0 for a class that the answer does not know."""
        answer = answer or self.answer_for(truth)
        known = [label for label in truth.labels if label in answer.labels]
        columns = [answer.labels.index(label) for label in known]
        found = probabilities(logits[answer.output][truth.rows][:, columns], temperature or answer.temperature)
        out = np.zeros((len(truth.rows), len(truth.labels)), np.float32)
        out[:, [truth.labels.index(label) for label in known]] = found
        return out

    @cached_property
    def _plain(self) -> dict[str, NDArray[Any]]:
        """Logits of the faces as they are."""
        return self.logits(self.split.images)

    def figures(self, quick: bool = False) -> dict[str, Any]:
        """All figures by truth: of all faces, of those that are no copies of training faces, and of ten views of each.

        Without the views if it is to be quick.
        """
        logits = self._plain
        views = [] if quick else self._views()
        result: dict[str, Any] = {}
        for truth in self.truths:
            found = self.probabilities(logits, truth)
            new = ~self.copies[truth.rows]
            result[truth.name] = {
                "answer": self.answer_for(truth).output,
                **scores(found, truth.classes, truth.labels),
                "ece_other_half": self._held_out_error(logits, truth),
                "without_copies": scores(found[new], truth.classes[new], truth.labels),
            }
            if views:
                mean = np.mean([self.probabilities(view, truth) for view in views], axis=0)
                result[truth.name]["ten_views"] = scores(mean, truth.classes, truth.labels)
        return result

    def crossed(self) -> dict[str, dict[str, dict[str, float]]]:
        """Accuracy and balanced accuracy of every answer against every truth."""
        logits = self._plain
        result: dict[str, dict[str, dict[str, float]]] = {}
        for answer in self._answers.values():
            for truth in self.truths:
                guess = self.probabilities(logits, truth, answer).argmax(axis=1)
                result.setdefault(answer.output, {})[truth.name] = _accuracies(truth, guess)
        return result

    def robustness(self) -> dict[str, dict[str, dict[str, float]]]:
        """Accuracy and balanced accuracy by change and truth, averaged over the ways of a change."""
        result: dict[str, dict[str, dict[str, float]]] = {}
        for name, ways in told(robustness.CHANGES.items(), "measuring robustness"):
            found: dict[str, list[dict[str, float]]] = {}
            for change in ways:
                logits = self.logits(robustness.apply(change, self.split.images))
                for truth in self.truths[:2]:
                    guess = self.probabilities(logits, truth).argmax(axis=1)
                    found.setdefault(truth.name, []).append(_accuracies(truth, guess))
            result[name] = {truth: {key: float(np.mean([one[key] for one in several])) for key in several[0]}
                            for truth, several in found.items()}
        return result

    def reliabilities(self) -> dict[str, metrics.Reliability]:
        """Confidence and accuracy by truth."""
        logits = self._plain
        return {t.name: metrics.reliability(self.probabilities(logits, t), t.classes) for t in self.truths}

    def _views(self) -> list[dict[str, NDArray[Any]]]:
        """Logits of ten views of each face: as it is and shifted by 2 pixels to each side, all of that mirrored too."""
        shift = 2 / self.split.images.shape[1]
        moves = [robustness.moved(right=x * shift, down=y * shift) for x, y in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))]
        found = []
        for move in told(moves, "measuring ten views of each face"):
            images = robustness.apply(move, self.split.images)
            found += [self.logits(images), self.logits(np.ascontiguousarray(images[:, :, ::-1]))]
        return found

    def _held_out_error(self, logits: dict[str, NDArray[Any]], truth: Truth, repeats: int = 10) -> float:
        """Expected calibration error of faces that had no part in their temperature: each half gets that of the other.

        The mean over `repeats` random halvings.
        """
        answer = self.answer_for(truth)
        known = np.array([label in answer.labels for label in truth.labels])
        columns = [answer.labels.index(label) for label in truth.labels if label in answer.labels]
        mine = logits[answer.output][truth.rows][:, columns]
        to_column = np.cumsum(known) - 1
        rng = np.random.default_rng(0)
        errors = []
        for _ in range(repeats):
            order = rng.permutation(len(truth.rows))
            found = np.zeros((len(truth.rows), len(truth.labels)), np.float32)
            for fit, test in ((order[::2], order[1::2]), (order[1::2], order[::2])):
                fit = fit[known[truth.classes[fit]]]
                temperature = metrics.fit_temperature(mine[fit], to_column[truth.classes[fit]])
                found[test] = self.probabilities(logits, truth, temperature=temperature)[test]
            errors.append(metrics.reliability(found, truth.classes).error)
        return float(np.mean(errors))


def classifier_of(model: str) -> EmotionClassifier:
    """A model on all cores: what is measured with it are answers and not times."""
    return EmotionClassifier(ClassifierParams(model=model), InferenceParams(threads=min(os.cpu_count() or 1, 64)))


def logits_of(classifier: EmotionClassifier, images: NDArray[Any], batch: int = 256) -> dict[str, NDArray[Any]]:
    """By answer, of (N, S, S) uint8 grey faces; they are scaled to the size that the model takes."""
    answers = classifier.metadata.answers
    size = classifier.input_size
    if images.shape[1] != size:
        images = np.stack([cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR) for image in images])
    parts = []
    for start in range(0, len(images), batch):
        crops = np.repeat(images[start : start + batch, ..., None], 3, axis=3)
        parts.append(classifier.logits(crops, *answers))
    columns = zip(*parts, strict=True)
    return {answer.output: np.concatenate(column) for answer, column in zip(answers, columns, strict=True)}


def of_emotions(logits: dict[str, NDArray[Any]], answer: Answer) -> NDArray[Any]:
    """(N, 7) probabilities of `EMOTIONS`, from the logits of `logits_of`."""
    return probabilities(logits[answer.output][:, [answer.labels.index(emotion) for emotion in EMOTIONS]], answer.temperature)


def scores(found: NDArray[Any], truth: NDArray[Any], labels: tuple[str, ...]) -> dict[str, Any]:
    """All figures of (N, C) probabilities against (N,) true classes, as plain numbers; None for those of no faces."""
    if not len(truth):
        return {"faces": 0, **dict.fromkeys(("accuracy", "balanced_accuracy", "macro_f1", "ece", "ece_by_chance"))}
    guess = found.argmax(axis=1)
    count = len(labels)
    counts = metrics.confusion(truth, guess, count)
    return {
        "faces": len(truth),
        "accuracy": float((guess == truth).mean()),
        "balanced_accuracy": metrics.balanced_accuracy(truth, guess, count),
        "macro_f1": float(np.nanmean(metrics.f1(truth, guess, count))),
        "ece": metrics.reliability(found, truth).error,
        "ece_by_chance": metrics.error_by_chance(found),
        "recall": _by_label(labels, metrics.recall(truth, guess, count)),
        "f1": _by_label(labels, metrics.f1(truth, guess, count)),
        "confusion": counts.tolist(),
        "most_confused": [
            {"truth": a, "answer": b, "share": share, "faces": faces}
            for a, b, share, faces in metrics.most_confused(counts, labels)
        ],
    }


def model_facts(classifier: EmotionClassifier, path: Path) -> dict[str, Any]:
    """What the file is."""
    meta = classifier.metadata
    return {
        "name": meta.name,
        "file": path.name,
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
        "input_size": meta.input_size,
        "answers": {a.output: {"labels": list(a.labels), "temperature": a.temperature} for a in meta.answers},
        "onnxruntime": onnxruntime.__version__,
    }


def speed(model: str, runs: int = 300) -> dict[str, float]:
    """Milliseconds of a face on one thread, pre-processing included: median and 95th percentile, alone and among 16."""
    classifier = EmotionClassifier(ClassifierParams(model=model))
    size = classifier.input_size
    faces = np.random.default_rng(0).integers(0, 256, (16, size, size, 3), np.uint8)
    result = {}
    for name, batch, count in (("one", faces[:1], runs), ("sixteen", faces, max(1, runs // 10))):
        times = []
        for _ in range(count):
            started = time.perf_counter()
            classifier(batch)
            times.append((time.perf_counter() - started) * 1e3 / len(batch))
        result[f"{name}_median_ms"], result[f"{name}_p95_ms"] = (float(np.percentile(times, p)) for p in (50, 95))
    return result


def _accuracies(truth: Truth, guess: NDArray[Any]) -> dict[str, float]:
    return {"accuracy": float((guess == truth.classes).mean()),
            "balanced_accuracy": metrics.balanced_accuracy(truth.classes, guess, len(truth.labels))}


def _by_label(labels: tuple[str, ...], values: NDArray[Any]) -> dict[str, float | None]:
    return {label: None if np.isnan(value) else float(value) for label, value in zip(labels, values, strict=True)}
