"""models/MODEL_CARD.md, from an evaluation's report and what the ONNX file says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

from fer_ros.core.labels import EMOTIONS
from fer_ros.training.data import FERPLUS
from fer_ros.training.evaluate import FER2013, FERPLUS_7, FERPLUS_8
from fer_ros.training.report import confusions

_TEMPLATE = Path(__file__).with_name("card_template.md")
_ANSWERS = {"ferplus": "what most of ten people would say", "fer2013": "what FER2013's label would be"}


def write(report: Mapping[str, Any], entries: Mapping[str, str]) -> str:
    """The card's text.

    Args:
        report: of `fer-ros evaluate`.
        entries: the metadata of the ONNX file.
    """
    model, about, figures, times = (report[part] for part in ("model", "data", "figures", "speed"))
    official = {"validation": "PublicTest", "test": "PrivateTest"} if "csv" in about["layout"] else {}
    recipe = yaml.safe_load(entries.get("recipe", "")) or {}
    recipe.pop("description", None)
    ancestors = [f", {text} {entries[key]}" for text, key in (("teachers", "trained.teachers"),
                                                              ("begun with", "trained.start_from")) if entries.get(key)]
    disputed = about.get("disputed")
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=model["name"], file=model["file"], sha256=model["sha256"][:16], size=model["input_size"],
        parameters=f"{int(entries.get('parameters', 0)) / 1e6:.2f}", megabytes=f"{model['bytes'] / 1e6:.1f}",
        answers=_answers(model["answers"], entries),
        median=f"{times['one_median_ms']:.2f}", p95=f"{times['one_p95_ms']:.2f}", sixteen=f"{times['sixteen_median_ms']:.2f}",
        onnxruntime=model["onnxruntime"],
        training_faces=f"{int(entries.get('trained.training_faces', 0)):,}", commit=entries.get("trained.commit", "unknown"),
        epoch=entries.get("epoch", "unknown"), ancestors="".join(ancestors),
        place=entries.get("trained.place", "an unknown machine"), recipe=yaml.safe_dump(recipe, sort_keys=False).strip(),
        split=official.get(about["split"], about["split"]), figures=_figures(figures),
        copies=about.get("copies_of_training", 0), crossed=_crossed(report["answers"], figures), recall=_recall(figures),
        confused="\n".join(f"{name}: {'; '.join(confusions(figures[name]))}." for name in (FER2013, FERPLUS_7)
                           if name in figures),
        robustness=_robustness(report["robustness"]),
        disputed="" if disputed is None else f"; {disputed:.0%} of its labels here disagree with the FER+ majority",
        licence=entries.get("licence", "unknown"),
    )


def _answers(answers: Mapping[str, Mapping[str, Any]], entries: Mapping[str, str]) -> str:
    listed = [f"`{name}`, {_ANSWERS.get(name, 'as its data was labelled')} (temperature {answer['temperature']:.3f}, "
              f"prior adjustment {entries.get(f'adjustment.{name}', '0')})" for name, answer in answers.items()]
    if len(listed) == 1:
        return f"Its answer is {listed[0]}: probabilities of {', '.join(EMOTIONS)}."
    return (f"It has two answers, each of them probabilities of\n{', '.join(EMOTIONS)}: {' and '.join(listed)}. The node\n"
            f"answers with `{next(iter(answers))}` unless its parameter `answer` says otherwise.")


def _figures(figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, values in figures.items():
        numbers = (values["balanced_accuracy"], values["macro_f1"], values["ece"], values["ece_other_half"],
                   values["without_copies"]["accuracy"], values["ten_views"]["accuracy"])
        rows.append([name, f"`{values['answer']}`", f"{values['faces']:,}", f"**{values['accuracy']:.1%}**",
                     *map(_percent, numbers)])
    return _table(["truth", "answer", "faces", "accuracy", "balanced accuracy", "macro-F1", "calibration error",
                   "of the other half", "without copies", "ten views"], rows)


def _crossed(answers: Mapping[str, Mapping[str, Mapping[str, float]]], figures: Mapping[str, Any]) -> str:
    """Every answer against the main truths, where there are several of both."""
    truths = [name for name in (FER2013, FERPLUS_8, FERPLUS_7) if name in figures]
    if len(answers) < 2 or len(truths) < 2:
        return ""
    rows = [[f"`{answer}`", *(_both(by[name]) for name in truths)] for answer, by in answers.items()]
    return "Each answer against each truth, accuracy (balanced accuracy):\n\n" + _table(["answer", *truths], rows)


def _recall(figures: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [[label, *(_percent(values["recall"].get(label)) for values in figures.values())] for label in FERPLUS]
    return _table(["recall", *figures], [row for row in rows if any(row[1:])])


def _robustness(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    names = list(next(iter(found.values())))
    return _table(["", *names], [[change, *(_both(by[name]) for name in names)] for change, by in found.items()])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _both(values: Mapping[str, float]) -> str:
    return f"{values['accuracy']:.1%} ({values['balanced_accuracy']:.1%})"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"
