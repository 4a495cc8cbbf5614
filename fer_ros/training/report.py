# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros evaluate`: every figure of a model in the terminal, as report.json, and as pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from fer_ros.labels import EMOTIONS
from fer_ros.resources import model_file
from fer_ros.system.files import filling, write_text
from fer_ros.training import data, metrics, plots
from fer_ros.training.data import Split
from fer_ros.training.evaluate import CLEAR_8, FER2013, FERPLUS_7, FERPLUS_8, Evaluator, model_facts, speed
from fer_ros.training.progress import tell
from fer_ros.training.tables import DataError

SPLITS = ("validation", "test")
REPORT, RELIABILITY, ROBUSTNESS = "report.json", "reliability.png", "robustness.png"
_PICTURED = (FER2013, FERPLUS_8, FERPLUS_7, CLEAR_8)


def outputs(out: Path) -> list[Path]:
    """The files that `make` may write to a folder."""
    return [out / name for name in (REPORT, RELIABILITY, ROBUSTNESS, *map(_confusion, _PICTURED))]


def make(model: str, folder: Path, split: str, out: Path, console: Console, force: bool = False,
         quick: bool = False) -> dict[str, Any]:
    """Measure a model, print what is found as it comes, and write report.json and the pictures to `out`.

    Args:
        model: an ONNX file: a name in share/fer_ros/models, or a path.
        split: one of `SPLITS`, or empty for the first that the data has.
        force: replace files that are there.
        quick: without ten views of each face, without robustness.

    Returns:
        The report.

    Raises:
        OutputError: a file is there, or cannot be written.
        DataError: the data has no such split.
        FileNotFoundError, ValueError: see `EmotionClassifier`.
    """
    path = model_file(model)
    found = data.load(folder).only_faces()
    there = [name for name in SPLITS if name in found.splits]
    if not there or (split and split not in there):
        raise DataError(f"{folder} has no {split or 'validation or test'} split: it has {', '.join(found.splits)}")
    name = split or there[0]
    faces = found.splits[name]
    # The validation faces have chosen epoch, adjustment and temperature.
    earlier = ("training", "validation") if name == "test" else ("training",)
    evaluator = Evaluator(model, faces, [found.splits[other] for other in earlier if other in found.splits])
    tell("measuring the speed")
    report: dict[str, Any] = {
        "model": model_facts(evaluator.classifier, path),
        "data": {"layout": found.layout, "split": name, "faces": len(faces), "copies": int(evaluator.copies.sum()),
                 "disputed": _disputed(faces)},
        "speed": speed(model),
    }
    show_model(report, console)
    tell(f"measuring {path.name}")
    report |= {"figures": evaluator.figures(quick), "answers": evaluator.crossed()}
    show_figures(report["figures"], console)
    if not quick:
        report["robustness"] = evaluator.robustness()
        show_robustness(report["robustness"], console)
    tell("drawing")
    with filling(out, force) as scratch:
        pictures(report, evaluator, scratch)
        write_text(scratch / REPORT, json.dumps(report, indent=1, allow_nan=False) + "\n")
    return report


def pictures(report: dict[str, Any], evaluator: Evaluator, out: Path) -> None:
    """confusion_*.png, reliability.png and, where that was measured, robustness.png."""
    for truth in evaluator.truths:
        if truth.name in _PICTURED:
            figures = report["figures"][truth.name]
            counts = np.array(figures["confusion"])
            title = (f"{report['model']['name']}, {truth.name}, {figures['faces']:,} faces\n"
                     f"accuracy {figures['accuracy']:.1%}, balanced {figures['balanced_accuracy']:.1%}")
            plots.confusion(metrics.normalized(counts), counts, truth.labels, title, out / _confusion(truth.name))
    found = evaluator.reliabilities()
    plots.reliability({name: bins for name, bins in found.items() if name in _PICTURED}, out / RELIABILITY)
    if "robustness" in report:
        plots.robustness(report["robustness"], out / ROBUSTNESS)


def _confusion(name: str) -> str:
    return f"confusion_{slug(name)}.png"


def slug(name: str) -> str:
    """As part of a file's name: `FER+ majority, 8 classes` is `ferplus_majority_8_classes`."""
    return "_".join(name.lower().replace("+", "plus").replace(",", "").split())


def show_model(report: dict[str, Any], console: Console) -> None:
    """What is measured, and on what."""
    model, about, times = report["model"], report["data"], report["speed"]
    console.print(f"{model['name']} ({model['bytes'] / 1e6:.1f} MB, {times['one_median_ms']:.2f} ms a face on one thread) on "
                  f"{about['faces']:,} {about['split']} faces", soft_wrap=True, highlight=False, markup=False)


def show_figures(figures: dict[str, Any], console: Console) -> None:
    """A table of all figures, one of the recall of each class, and what is most confused."""
    table = Table("one crop, in %", "answer", "faces", "accuracy", "balanced", "macro-F1", "ECE", "ECE, other half",
                  "no copies", "ten views")
    for name, values in figures.items():
        numbers = (values["accuracy"], values["balanced_accuracy"], values["macro_f1"], values["ece"],
                   values["ece_other_half"], values["without_copies"]["accuracy"],
                   values.get("ten_views", {}).get("accuracy"))
        table.add_row(name, values["answer"], f"{values['faces']:,}",
                      *("-" if number is None else f"{100 * number:.1f}" for number in numbers))
    console.print(table)
    table = Table("recall, in %", *figures)
    for label in data.FERPLUS:
        cells = [values["recall"].get(label) for values in figures.values()]
        if any(cell is not None for cell in cells):
            table.add_row(label, *("" if cell is None else f"{100 * cell:.1f}" for cell in cells))
    console.print(table)
    for name, values in figures.items():
        if name in _PICTURED[:2]:
            console.print(f"{name}: {'; '.join(confusions(values))}", soft_wrap=True, highlight=False, markup=False)


def show_robustness(robustness: dict[str, Any], console: Console) -> None:
    """A table with a line for each change."""
    names = list(next(iter(robustness.values())))
    table = Table("accuracy (balanced), in %", *names)
    for change, values in robustness.items():
        table.add_row(change, *(f"{100 * by['accuracy']:.1f} ({100 * by['balanced_accuracy']:.1f})"
                                for by in (values[name] for name in names)))
    console.print(table)


def confusions(values: dict[str, Any]) -> list[str]:
    """The most confused pairs of one truth's figures, in words."""
    return [f"{pair['share']:.0%} of {pair['truth']} are taken for {pair['answer']} ({pair['faces']})"
            for pair in values["most_confused"]]


def _disputed(faces: Split) -> float | None:
    """Share of the labels that the voters disagree with."""
    rows, winner = data.most_voted(faces, len(EMOTIONS))
    return float((faces.labels[rows] != winner).mean()) if len(rows) else None
