# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How good models are on several sets of faces, side by side: one table, and a page of the faces that they get most wrong.

Measured on the half of each set's held-out faces that nothing is chosen by, through the code with which the node runs a model.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from fer_ros.labels import EMOTIONS
from fer_ros.perception.classifier import EmotionClassifier
from fer_ros.resources import model_file
from fer_ros.system.files import filling, write_text
from fer_ros.training import evaluate, metrics, pool, robustness
from fer_ros.training.pool import Pool
from fer_ros.training.progress import tell, told
from fer_ros.training.recipe import ANSWER, Recipe
from fer_ros.training.tables import DataError
from fer_ros.types import Comparable

FIGURES, WRONG = "sets.json", "wrong.html"
MEAN = "mean of the sets"
_SHOWN = 24


@dataclass(frozen=True, eq=False)
class Opinion(Comparable):
    """What one answer of one model says of the faces of one set that have a right answer among the seven emotions.

    Attributes:
        truth: what it is compared with: a labelling convention.
        probabilities: (N, 7) float32.
        classes: (N,) int64, the right ones.
        rows: (N,) int64, the faces' rows in the pool.
    """

    model: str
    answer: str
    set: str
    truth: str
    probabilities: NDArray[Any]
    classes: NDArray[Any]
    rows: NDArray[Any]

    def figures(self) -> dict[str, Any]:
        """Everything that is measured of it, as plain numbers."""
        return {"model": self.model, "answer": self.answer, "set": self.set, "truth": self.truth,
                **evaluate.scores(self.probabilities, self.classes, EMOTIONS)}

    def most_wrong(self, count: int) -> NDArray[Any]:
        """Indices of the wrong answers, the most confident one first."""
        guess = self.probabilities.argmax(axis=1)
        wrong = np.flatnonzero(guess != self.classes)
        return wrong[np.argsort(-self.probabilities[wrong, guess[wrong]], kind="stable")][:count]


def truths(faces: Pool) -> list[tuple[str, str, NDArray[Any], NDArray[Any]]]:
    """(set, convention, rows, classes) of everything that an answer can be compared with.

    Of each set first the convention by which the one answer is checked.
    """
    found = []
    for index, name in enumerate(faces.sets):
        for convention in sorted(faces.truth, key=lambda convention: convention != pool.CLEAR):
            rows, classes = pool.truth_of(faces, convention, len(EMOTIONS))
            mine = faces.origin[rows] == index
            if convention != ANSWER and mine.any():
                found.append((name, convention, rows[mine], classes[mine]))
    return found


def opinions(model: str, faces: Pool) -> list[Opinion]:
    """What every answer of a model says of every set.

    Raises:
        FileNotFoundError, ValueError: see `EmotionClassifier`.
    """
    classifier = evaluate.classifier_of(model)
    logits = evaluate.logits_of(classifier, faces.images)
    found = []
    for answer in classifier.metadata.answers:
        said = evaluate.of_emotions(logits, answer)
        found += [Opinion(Path(model).name, answer.output, name, truth, said[rows], classes, rows)
                  for name, truth, rows, classes in truths(faces)]
    return found


def make(models: Sequence[str], folder: Path, recipe: Recipe, out: Path, console: Console, force: bool = False,
         whole: bool = False, as_node: bool = False) -> dict[str, Any]:
    """Measure models on the sets of a recipe, and write sets.json and wrong.html.

    Args:
        models: ONNX files; the faces of the page are those that the first one's default answer gets wrong.
        folder: which holds the sets.
        force: replace files that are there.
        whole: measure everything that a model card of the first model tells.
        as_node: find each face and cut it as the node does, whatever the recipe says; FER2013's faces, which are cut already,
            stay as they are.

    Returns:
        `sets`, what is in sets.json; with `whole` also `model`, `speed` and `robustness`.

    Raises:
        DataError: a set is not there or not right.
        OutputError: a file is there, or cannot be written.
        FileNotFoundError, ValueError: see `EmotionClassifier`.
    """
    paths = [str(model_file(model)) for model in models]
    if as_node:
        recipe = dataclasses.replace(recipe, sets={name: dataclasses.replace(spec, framing="detector")
                                                   for name, spec in recipe.sets.items()})
    faces = pool.gather(folder, recipe).report
    if not len(faces):
        raise DataError(f"{folder}: no held-out face is left to report on: half of a set's held-out faces of each class "
                        "choose, and of one alone that is all. Hold out more of them (`held_out`), or add some")
    found, figures = [], []
    for path in paths:
        tell(f"measuring {Path(path).name}")
        found.append(opinions(path, faces))
        figures += show(found[-1], console)
    with filling(out, force) as scratch:
        write_text(scratch / FIGURES, json.dumps(figures, indent=1, allow_nan=False) + "\n")
        default = [opinion for opinion in found[0] if opinion.answer == found[0][0].answer]
        write_text(scratch / WRONG, page(default, faces))
    report: dict[str, Any] = {"sets": figures}
    if whole:
        classifier = evaluate.classifier_of(paths[0])
        tell("measuring the speed")
        report |= {"model": evaluate.model_facts(classifier, Path(paths[0])), "speed": evaluate.speed(paths[0]),
                   "robustness": robust(classifier, faces)}
    return report


def robust(classifier: EmotionClassifier, faces: Pool) -> dict[str, dict[str, dict[str, float]]]:
    """By change, the mean over the sets of the default answer's accuracy and balanced accuracy."""
    first = {name: (rows, classes) for name, _, rows, classes in reversed(truths(faces))}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for name, ways in told(robustness.CHANGES.items(), "measuring robustness"):
        scores = []
        for change in ways:
            logits = evaluate.logits_of(classifier, robustness.apply(change, faces.images))
            guess = evaluate.of_emotions(logits, classifier.answer).argmax(axis=1)
            scores += [((guess[rows] == classes).mean(), metrics.balanced_accuracy(classes, guess[rows], len(EMOTIONS)))
                       for rows, classes in first.values()]
        accuracy, balanced = np.mean(scores, axis=0).tolist()
        found[name] = {MEAN: {"accuracy": accuracy, "balanced_accuracy": balanced}}
    return found


def show(found: Sequence[Opinion], console: Console) -> list[dict[str, Any]]:
    """Print a table for each answer of a model: a line for each set, and one for their mean.

    Returns:
        The figures of each opinion.
    """
    measured = [opinion.figures() for opinion in found]
    for answer in dict.fromkeys(opinion.answer for opinion in found):
        figures = [row for row in measured if row["answer"] == answer]
        table = Table("set", "truth", "faces", "accuracy", "balanced", "ECE", "by chance", *EMOTIONS,
                      title=f"{found[0].model}, answer {answer}, in %", title_justify="left")
        for row in figures:
            recalls = (row["recall"][emotion] for emotion in EMOTIONS)
            table.add_row(row["set"], row["truth"], f"{row['faces']:,}", *map(_percent, (
                row["accuracy"], row["balanced_accuracy"], row["ece"], row["ece_by_chance"], *recalls)))
        table.add_section()
        table.add_row(MEAN, "", "", *map(_percent, mean_of(figures).values()))
        console.print(table)
    return measured


def mean_of(figures: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Accuracy, balanced accuracy, calibration error and what chance alone has of that, each set counting alike.

    A set of several conventions counts once, by what the answer is compared with first.
    """
    firsts = {row["set"]: row for row in reversed(figures)}.values()
    return {key: float(np.mean([row[key] for row in firsts]))
            for key in ("accuracy", "balanced_accuracy", "ece", "ece_by_chance")}


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"


def page(found: Sequence[Opinion], faces: Pool) -> str:
    """The faces that an answer gets most confidently wrong, set by set, as one HTML file that needs no other."""
    parts = [f"<!doctype html><meta charset=utf-8><title>{html.escape(found[0].model)}: most confidently wrong</title>"
             "<style>body{font:14px sans-serif;margin:2em}"
             "figure{display:inline-block;width:9em;margin:.4em;vertical-align:top}"
             "img{width:96px;image-rendering:pixelated}</style>"
             f"<h1>{html.escape(found[0].model)}, answer {html.escape(found[0].answer)}: most confidently wrong</h1>"]
    for opinion in found:
        parts.append(f"<h2>{html.escape(opinion.set)}, {html.escape(opinion.truth)}</h2>")
        for index in opinion.most_wrong(_SHOWN):
            said = opinion.probabilities[index]
            picture = base64.b64encode(cv2.imencode(".png", faces.images[opinion.rows[index]])[1].data).decode()
            parts.append(f"<figure><img alt='' src='data:image/png;base64,{picture}'><figcaption>"
                         f"{EMOTIONS[opinion.classes[index]]} is taken for {EMOTIONS[said.argmax()]} ({said.max():.0%})"
                         "</figcaption></figure>")
    return "".join(parts)
