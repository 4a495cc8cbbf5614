# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""models/MODEL_CARD.md, from an evaluation's report and what the ONNX file says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

from fer_ros.labels import EMOTIONS
from fer_ros.parameters.yaml_text import load
from fer_ros.training import fairness, known_sets
from fer_ros.training.comparison import MEAN, mean_of
from fer_ros.training.data import FERPLUS
from fer_ros.training.evaluate import FER2013, FERPLUS_7, FERPLUS_8
from fer_ros.training.report import confusions

_NO_PEOPLE = ("How often each emotion is answered of people of different age, gender or origin was not measured "
              "(`fer-ros evaluate --people`).")
_FIGURES = """The FER+ majority is the entry with most of the ten votes; it is "clear" as FER+'s authors count: single votes
dropped, and more than half of the rest for one entry. The calibration error "of the other half" is of faces that had no part
in their temperature: each half gets that of the other. Without copies: without the {copies} faces that are in an earlier split
too. Ten views: the mean of the answers to the face, to four shifts of it by two pixels, and to these five mirrored."""
_EXPECT = """Expect more errors on children and older people, on profiles, under strong side light, with masks, hands or
beards before the mouth, and between fear and surprise, sad and neutral, angry and disgust. A confidence says how often such
an answer is right on faces like these; on others it may be wrong more often."""
_TEMPLATE = Path(__file__).with_name("card_template.md")
_ANSWERS = {"answer": "one answer for faces of any origin", "ferplus": "what most of ten people would say",
            "fer2013": "what FER2013's label would be", "affectnet": "what AffectNet's annotator would say",
            "expw": "what ExpW's label would be", "rafdb": "what most of RAF-DB's forty people would say",
            "posed": "what a performer would have posed"}
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}


def write(report: Mapping[str, Any], entries: Mapping[str, str]) -> str:
    """The card's text.

    Args:
        report: of `fer-ros evaluate`: on FER2013, or on the sets of a recipe.
        entries: the metadata of the ONNX file.
    """
    model, times = report["model"], report["speed"]
    learnt = _recipe(entries).get("sets") or ()
    of, figures, limits, licence = (_on_sets if "sets" in report else _on_fer2013)(report, entries)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=model["name"], file=model["file"], sha256=model["sha256"][:16], what=_what(model, entries),
        answers=_answers(model["answers"], entries), data=_data(entries), origin=_origin(entries),
        median=f"{times['one_median_ms']:.2f}", p95=f"{times['one_p95_ms']:.2f}", sixteen=f"{times['sixteen_median_ms']:.2f}",
        onnxruntime=model["onnxruntime"], of=of, figures=figures, robustness=_robustness(report["robustness"]),
        people=fairness.section(report["people"], learnt) if "people" in report else _NO_PEOPLE, limits=limits,
        licence=licence,
    )


def _on_fer2013(report: Mapping[str, Any], entries: Mapping[str, str]) -> tuple[str, str, str, str]:
    """Of what the figures are, the figures, the limits and the licence of a model that was measured on FER2013 alone."""
    about, figures = report["data"], report["figures"]
    csv = about["layout"].startswith("fer2013.csv")
    official = {"validation": "PublicTest", "test": "PrivateTest"} if csv else {}
    disputed = about.get("disputed")
    confused = "\n".join(f"{name}: {'; '.join(confusions(figures[name]))}." for name in (FER2013, FERPLUS_7)
                         if name in figures)
    explained = _FIGURES.format(copies=about["copies"])
    parts = (_figures(figures), explained, _crossed(report["answers"], figures), _recall(figures), confused)
    known = "" if disputed is None else f"; {disputed:.0%} of its labels here disagree with the FER+ majority"
    limits = ("FER2013's faces come from a web search, most of them frontal and of adults, and nobody has balanced ages, skin "
              f"colours or\ngenders{known}. {_EXPECT}")
    licence = (f"Weights: {entries.get('licence', 'unknown')}. FER2013: I. Goodfellow et al., ICONIP 2013. FER+ votes: E. "
               "Barsoum et al., ICMI\n2016.")
    return official.get(about["split"], about["split"]), "\n\n".join(parts), limits, licence


def _on_sets(report: Mapping[str, Any], entries: Mapping[str, str]) -> tuple[str, str, str, str]:
    """The same of a model that was measured on the sets of a recipe."""
    mine = [row for row in report["sets"] if row["model"] == report["model"]["file"]]
    default = mine[0]["answer"]
    parts = [f"Of each set the half of the held-out faces by which nothing was chosen. The answer `{default}`:",
             _of_answer([row for row in mine if row["answer"] == default])]
    others = [row for row in report["sets"] if row["model"] != report["model"]["file"]]
    for model in dict.fromkeys(row["model"] for row in others):
        theirs = [row for row in others if row["model"] == model]
        parts += [f"Beside it, on the same faces, `{model}` (answer `{theirs[0]['answer']}`):",
                  _of_answer([row for row in theirs if row["answer"] == theirs[0]["answer"]])]
    own = [row for row in mine if row["answer"] != default and row["truth"].startswith(row["answer"])]
    if own:
        parts += ["Each further answer on the faces of its own convention:",
                  _table(["answer", "set", "truth", "faces", "accuracy", "balanced accuracy", "calibration error"],
                         [[f"`{row['answer']}`", row["set"], row["truth"], f"{row['faces']:,}",
                           *(_percent(row[key]) for key in ("accuracy", "balanced_accuracy", "ece"))] for row in own])]
    sets = list(dict.fromkeys(row["set"] for row in mine))
    named = ", ".join(f"`{name}`" for name in sets)
    limits = (f"The faces come from several sets ({named}), whose people, cameras and labellers differ; what a face\nshows is "
              f"what the labellers of its set would say, and they do not agree with each other. {_EXPECT}")
    learnt = list(_recipe(entries).get("sets") or sets)
    licence = "\n".join([f"Weights: {entries.get('licence', 'unknown')}, on the terms of what they learnt from:", "",
                         *(f"- {known_sets.describe(name)}" for name in learnt)])
    return "held-out faces of several sets", "\n\n".join(parts), limits, licence


def _of_answer(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each set and truth, and one for the mean of the sets."""
    def line(name: str, truth: str, values: Mapping[str, Any], faces: str) -> list[str]:
        return [name, truth, faces, f"**{values['accuracy']:.1%}**", _percent(values["balanced_accuracy"]),
                _percent(values["ece"]), _percent(values["ece_by_chance"]),
                *(_percent(values["recall"].get(emotion)) for emotion in EMOTIONS)]

    lines = [line(row["set"], row["truth"], row, f"{row['faces']:,}") for row in rows]
    lines.append(line(MEAN, "", {**mean_of(rows), "recall": {}}, ""))
    return _table(["set", "truth", "faces", "accuracy", "balanced accuracy", "calibration error", "by chance", *EMOTIONS],
                  lines)


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
    if sets := recipe.get("sets"):
        held = "; faces that look like a held-out one, and second copies, were left out" if recipe.get("clean") else ""
        each = "\n".join(f"- {known_sets.describe(name)}" for name in sets)
        return (f"Learnt from {int(entries['trained.training_faces']):,} faces of {_NUMBERS.get(len(sets), len(sets))} sets, "
                f"with what the people of each set said{held}:\n\n{each}\n\nThe epoch, the shares of the heads in the one "
                "answer, and the temperatures were chosen on one half of the\nheld-out faces; the figures below are of the "
                "other half.")
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
            "[docs/how-to/train.md](../docs/how-to/train.md) explains it:\n\n```yaml\n"
            f"{yaml.safe_dump(recipe, sort_keys=False).strip()}\n```")


def _answers(answers: Mapping[str, Mapping[str, Any]], entries: Mapping[str, str]) -> str:
    listed = [f"`{name}`, {_ANSWERS.get(name, 'as its data was labelled')} (temperature {answer['temperature']:.3f}, "
              f"prior adjustment {entries.get(f'adjustment.{name}', '0')})" for name, answer in answers.items()]
    if len(listed) == 1:
        return f"Its answer is {listed[0]}: probabilities of {', '.join(EMOTIONS)}."
    count = _NUMBERS.get(len(listed), str(len(listed)))
    all_but_last = ", ".join(listed[:-1])
    return (f"It has {count} answers, each of them probabilities of\n{', '.join(EMOTIONS)}: {all_but_last} and {listed[-1]}. "
            f"The node\nanswers with `{next(iter(answers))}` unless its parameter `answer` says otherwise.")


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
