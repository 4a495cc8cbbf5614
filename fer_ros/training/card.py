"""models/MODEL_CARD.md, from an evaluation's report and what the ONNX file says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

from fer_ros.core.labels import EMOTIONS
from fer_ros.core.yaml_text import load
from fer_ros.training import fairness
from fer_ros.training.data import FERPLUS
from fer_ros.training.evaluate import FER2013, FERPLUS_7, FERPLUS_8
from fer_ros.training.report import confusions

_NO_PEOPLE = ("How often each emotion is answered of people of different age, gender or origin was not measured "
              "(`fer-ros evaluate --people`).")
_TEMPLATE = Path(__file__).with_name("card_template.md")
_ANSWERS = {"ferplus": "what most of ten people would say", "fer2013": "what FER2013's label would be"}


def write(report: Mapping[str, Any], entries: Mapping[str, str]) -> str:
    """The card's text.

    Args:
        report: of `fer-ros evaluate`.
        entries: the metadata of the ONNX file.
    """
    model, about, figures, times = (report[part] for part in ("model", "data", "figures", "speed"))
    csv = about["layout"].startswith("fer2013.csv")
    official = {"validation": "PublicTest", "test": "PrivateTest"} if csv else {}
    disputed = about.get("disputed")
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=model["name"], file=model["file"], sha256=model["sha256"][:16], what=_what(model, entries),
        answers=_answers(model["answers"], entries), data=_data(entries), origin=_origin(entries),
        median=f"{times['one_median_ms']:.2f}", p95=f"{times['one_p95_ms']:.2f}", sixteen=f"{times['sixteen_median_ms']:.2f}",
        onnxruntime=model["onnxruntime"], split=official.get(about["split"], about["split"]), figures=_figures(figures),
        copies=about["copies"], crossed=_crossed(report["answers"], figures), recall=_recall(figures),
        confused="\n".join(f"{name}: {'; '.join(confusions(figures[name]))}." for name in (FER2013, FERPLUS_7)
                           if name in figures),
        robustness=_robustness(report["robustness"]),
        people=fairness.section(report["people"]) if "people" in report else _NO_PEOPLE,
        disputed="" if disputed is None else f"; {disputed:.0%} of its labels here disagree with the FER+ majority",
        licence=entries.get("licence", "unknown"),
    )


def _what(model: Mapping[str, Any], entries: Mapping[str, str]) -> str:
    count = entries.get("parameters", "")
    parameters = f"{int(count) / 1e6:.2f} M parameters, " if count.isdigit() else ""
    colour = {"grey": "grey", "rgb": "colour", "bgr": "colour"}[entries.get("colour", "grey")]
    ours = _recipe(entries).get("architecture", "notebook") != "notebook"
    inside = ", and standardizes each inside the network" if ours else ""
    return (f"A network ({parameters}{model['bytes'] / 1e6:.1f} MB) that takes {colour} faces of {model['input_size']}x"
            f"{model['input_size']} pixels, cut as FER2013 cuts them{inside}.")


def _recipe(entries: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = load(entries.get("recipe", ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _data(entries: Mapping[str, str]) -> str:
    """What it learnt from, as far as the file says."""
    recipe = _recipe(entries)
    if "trained.training_faces" not in entries:
        return "The file does not say what it was trained on."
    official = entries.get("trained.layout", "").startswith("fer2013.csv")
    truths = {"both": "FER2013's labels and FER+'s ten votes for each face", "fer2013": "FER2013's labels",
              "ferplus": "FER+'s ten votes for each face"}
    faces = f"{int(entries['trained.training_faces']):,} faces of {'FER2013 Training' if official else 'a training folder'}"
    fraction = float(entries.get("trained.fraction", 1))
    share = f" ({fraction:.0%} of them)" if fraction < 1 else ""
    clean = ("; constant images, rows voted \"not a face\" and copies of held-out images were left out"
             if recipe.get("clean") else "")
    chosen = "PublicTest" if official else "the validation faces"
    labels = truths.get(recipe.get("targets", ""), "their labels")
    return (f"Learnt from {faces}{share}, with {labels}{clean}.\nThe epoch, the prior adjustments and the temperatures were "
            f"chosen on {chosen}, so that figures on it are slightly optimistic.")


def _origin(entries: Mapping[str, str]) -> str:
    """Where it comes from, as far as the file says."""
    if "trained.commit" not in entries:
        return "The file does not say how it was trained."
    recipe = {name: value for name, value in _recipe(entries).items() if name != "description"}
    ancestors = [f", {text} {entries[key]}" for text, key in (("taught by", "trained.teachers"),
                                                              ("begun with", "trained.start_from")) if entries.get(key)]
    when = f"epoch {entries.get('epoch', 'unknown')} of {recipe.get('epochs', 'unknown')}"
    where = entries.get("trained.place", "an unknown machine")
    return (f"Training commit `{entries['trained.commit']}`, {when}{''.join(ancestors)}, on {where}.\nThe recipe, as "
            "[docs/training.md](../docs/training.md) explains it:\n\n```yaml\n"
            f"{yaml.safe_dump(recipe, sort_keys=False).strip()}\n```")


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
