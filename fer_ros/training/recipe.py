# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A recipe: everything that decides what a training run learns, as one YAML file that is stored with the run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import yaml

from fer_ros.labels import EMOTIONS
from fer_ros.parameters.params import assignment, build, param, specs
from fer_ros.parameters.yaml_text import read_file
from fer_ros.training.data import FERPLUS
from fer_ros.training.sets import SetSpec

FOLDER = Path(__file__).parent / "recipes"
FER2013_SET = "fer2013"
"""The name of FER2013 among a recipe's sets."""
ANSWER = "answer"
"""The head that learns one answer from all conventions."""


class RecipeError(ValueError):
    """A recipe is not to be had or not right; the text says what is."""


@dataclass(frozen=True)
class Recipe:
    """What a run learns from, with which network, and how."""

    description: str = param("", "What the recipe is for.")
    architecture: str = param("fernet", "The network; see fer_ros.training.model.",
                              choices=("fernet", "fernet-deep", "fernet-wide", "teacher", "teacher-fine", "teacher-wide",
                                       "recognizer", "recognizer-fine", "notebook", "tiny"))
    targets: str = param("both", "Whose word counts: FER2013's label, the FER+ votes, or a head of the network for each.",
                         choices=("both", "fer2013", "ferplus"))
    epochs: int = param(40, "Passes over the training faces; after each the run is saved.", range=(1, 10_000))
    epoch_parts: int = param(1, "Epochs in a pass; more of them save a run more often.", range=(1, 1000))
    batch: int = param(128, "Faces in a step, over all processes.", range=(2, 65_536))
    optimizer: str = param("adamw", "The optimizer.", choices=("adam", "adamw", "sgd"))
    learning_rate: float = param(2e-3, "The highest learning rate.", range=(1e-8, 10))
    schedule: str = param("cosine", "How the learning rate goes on from there: to 0 by a cosine or a line, or not at all.",
                          choices=("cosine", "linear", "constant"))
    warmup: float = param(0.05, "Share of the run in which the learning rate rises from 0.", range=(0, 1))
    momentum: float = param(0.9, "Nesterov momentum of sgd.", range=(0, 0.9999))
    weight_decay: float = param(0.05, "Decay of all weights but biases and normalizations; decoupled with adamw.",
                                range=(0, 1))
    clip: float = param(5.0, "Largest norm of the gradient; 0 does not clip.", range=(0, 1e6))
    dropout: float = param(0.2, "Dropout before the heads.", range=(0, 0.95))
    label_smoothing: float = param(0.05, "Share of FER2013's label that is spread over all classes.", range=(0, 0.9))
    mixup: float = param(0.0, "Alpha of mixup's Beta distribution; 0 does not mix (H. Zhang et al., ICLR 2018).", range=(0, 8))
    class_balance: float = param(0.33, "Faces count by the rarity of their class to this power: 0 alike, 1 each class as "
                                 "much as any other.", range=(0, 1))
    augmentation: float = param(1.0, "Strength of the augmentation; 0 only mirrors.", range=(0, 2))
    mirror: bool = param(True, "Whether half of the faces are mirrored.")
    calm: float = param(0.0, "Share of the run, at its end, in which the augmentation has half its strength.", range=(0, 1))
    ema: float = param(0.998, "Decay of the moving average of the weights, for one step; 0 keeps none.", range=(0, 0.99999))
    distillation: float = param(0.0, "Share of the teachers' word in the loss, where there are teachers.", range=(0, 1))
    distillation_temperature: float = param(2.0, "Divides the logits of teacher and student in that part.", range=(0.5, 20))
    clean: bool = param(True, "Leave out training faces that are constant, voted 'not a face', or copies of a held-out face; "
                        "with several sets also those that merely look like one, or like a training face before them.")
    validation_share: float = param(0.125, "Share of the training faces that validate, where the data has no validation "
                                    "split of its own.", range=(0.01, 0.5))
    precision: str = param("auto", "Arithmetic of the network: auto takes bfloat16 where the processor on which the run "
                           "begins has it, and stays with that.",
                           choices=("auto", "float32", "bfloat16"))
    compile: bool = param(False, "Whether torch.compile makes the network faster (it takes a compiler, and a minute first).")
    seed: int = param(1, "Of every random number of the training.", range=(0, 2**31 - 1))
    split_seed: int = param(0, "Of what is held out of a set that has no part to validate with.", range=(0, 2**31 - 1))
    answer_weight: float = param(1.0, "How much the one answer for faces of any origin counts, compared with the head of a "
                                 "convention.", range=(0, 100))
    choose_by: str = param("accuracy", "What the best epoch is chosen by: the mean of the heads' accuracies, or of their "
                           "balanced accuracies; with several sets that of the answer on each.",
                           choices=("accuracy", "balanced"))
    sets: Mapping[str, SetSpec] = dataclasses.field(default_factory=dict)
    """The sets of faces to learn from, by name; empty is FER2013 alone, in the folder given as --data itself."""

    def __post_init__(self) -> None:
        if self.distillation == 1 and self.targets != "both":
            raise ValueError("distillation of 1 learns from teachers alone: targets must be both")
        for name, spec in self.sets.items():
            if name == ANSWER or (spec.head or name) == ANSWER:
                raise ValueError(f"no set and no convention can be called {ANSWER}")
            for word in (name, spec.head):  # a column of the history, and a name in the exported file's list of answers
                if not name or word != word.strip() or "," in word or not word.isprintable():
                    raise ValueError(f"the name {word!r} of a set or convention is empty, or has a comma, a blank at its end "
                                     "or a character that cannot be printed: choose another (`path` says where the set is)")
            if spec.contempt and name != FER2013_SET and (spec.head or name) == "fer2013":
                raise ValueError(f"set {name}: FER2013's convention has no contempt: name another head, or leave contempt out")
        if self.sets and set(self.heads) <= {ANSWER}:
            raise ValueError("every set has weight 0: there is nothing to learn")

    @property
    def votes(self) -> bool:
        """Whether FER2013's faces are learnt by the FER+ votes (alone, or beside their label)."""
        return self.targets != "fer2013"

    @property
    def heads(self) -> dict[str, tuple[str, ...]]:
        """The network's heads with their classes; the first is what a model answers with."""
        fer2013 = {"ferplus": FERPLUS, "fer2013": EMOTIONS}
        chosen = fer2013 if self.targets == "both" else {self.targets: fer2013[self.targets]}
        if not self.sets:
            return chosen
        found: dict[str, tuple[str, ...]] = {}
        for name, spec in self.sets.items():
            if name == FER2013_SET:
                found |= chosen
            elif spec.weight:
                head = spec.head or name
                found[head] = FERPLUS if spec.contempt or found.get(head) == FERPLUS else EMOTIONS
        return {ANSWER: EMOTIONS, **found} if len(self.sets) > 1 else found


def names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read(name_or_path: str, changes: Sequence[str] = ()) -> Recipe:
    """A recipe by its name or its file, with changes such as `epochs=3`.

    Raises:
        RecipeError: there is no such recipe, or something in it is not right.
    """
    path = Path(name_or_path) if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")) \
        else FOLDER / f"{name_or_path}.yaml"
    if not os.path.exists(path):
        raise RecipeError(f"no recipe {name_or_path}: name a YAML file, or one of {', '.join(names())}")
    try:
        content: Any = read_file(path)
    except ValueError as error:
        raise RecipeError(str(error)) from None
    if not isinstance(content, Mapping):
        raise RecipeError(f"{path} is not a list of `name: value`")
    values = dict(from_values(content, str(path), whole=False))
    for change in changes:
        try:
            name, value = assignment(change)
        except ValueError as error:
            raise RecipeError(str(error)) from None
        values |= from_values({name: value}, f"--set {change}", whole=False)
    return from_values(values, name_or_path)


@overload
def from_values(values: Mapping[str, Any], where: str, whole: Literal[True] = True) -> Recipe: ...


@overload
def from_values(values: Mapping[str, Any], where: str, whole: Literal[False]) -> dict[str, Any]: ...


def from_values(values: Mapping[str, Any], where: str, whole: bool = True) -> Recipe | dict[str, Any]:
    """A recipe from its fields by name; without `whole` the fields alone, each checked by itself.

    Raises:
        RecipeError: a field is unknown or its value not allowed; the text begins with `where`.
    """
    values = dict(values)
    try:
        chosen = _sets(values.pop("sets", {}), where)
        checked = _checked(Recipe, values, f"{where}: a recipe")
        if whole:
            return build(Recipe, checked, sets=chosen)
        return checked | ({"sets": chosen} if chosen else {})
    except ValueError as error:
        raise RecipeError(str(error) if str(error).startswith(where) else f"{where}: {error}") from None


def _sets(content: Any, where: str) -> dict[str, SetSpec]:
    """The sets of a recipe, each checked.

    Raises:
        ValueError: they are not `name: {field: value}`, or a field is not right.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{where}: sets must be `name: {{path: ..., ...}}`, not {content!r}")
    found = {}
    for name, fields in content.items():
        if isinstance(fields, SetSpec):
            found[str(name)] = fields
        elif isinstance(fields or {}, Mapping):
            found[str(name)] = build(SetSpec, _checked(SetSpec, fields or {}, f"{where}: set {name}"))
        else:
            raise ValueError(f"{where}: set {name} must be a list of `name: value`, not {fields!r}")
    return found


def _checked(group: type, values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Values of a parameter class by name, each checked by itself.

    Raises:
        ValueError: one is unknown or not allowed; the text begins with `what`.
    """
    known = {spec.name: spec for spec in specs(group)}
    if strange := [repr(name) for name in values if name not in known]:
        raise ValueError(f"{what} has no {', '.join(strange)}; it has {', '.join(known)}")
    checked = {}
    for name, value in values.items():
        try:
            checked[name] = known[name].check(_number(value, known[name].type))
        except ValueError as error:
            raise ValueError(f"{what.removesuffix(': a recipe')}: {error}") from None
    return checked


def to_yaml(recipe: Recipe) -> str:
    """The whole recipe, every field, as it was used."""
    return yaml.safe_dump(dataclasses.asdict(recipe), sort_keys=False, width=120, allow_unicode=True)


def _number(value: Any, kind: type) -> Any:
    """`2e-3`, which YAML 1.1 reads as text for want of a point, as a number; and `1e3` as a whole one where that is asked."""
    if kind not in (float, int) or isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    return int(value) if kind is int and isinstance(value, float) and value.is_integer() else value
