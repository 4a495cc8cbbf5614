# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros evaluate`: how good a model is, through the code that the node runs it with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_ros.commands.arguments import folder
from fer_ros.commands.training_errors import training_errors

if TYPE_CHECKING:
    from rich.console import Console


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("evaluate", help="measure an emotion network (an ONNX file)")
    parser.add_argument("model", nargs="?", default="emotion.onnx", metavar="MODEL",
                        help="ONNX file: a path, or a name in share/fer_ros/models (default: emotion.onnx, the shipped one)")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR",
                        help="folder with fer2013.csv (and fer2013new.csv), or with train/<class> and test/<class>; with "
                        "--recipe the folder that holds its sets")
    parser.add_argument("--out", type=folder, required=True, metavar="DIR", help="folder for report.json and the pictures")
    parser.add_argument("--split", choices=("validation", "test"), default="",
                        help="which faces (default: validation, which is PublicTest, where there is one, else test)")
    parser.add_argument("--recipe", metavar="NAME|FILE",
                        help="measure on the sets of this recipe, on the half of their held-out faces that chooses nothing")
    parser.add_argument("--beside", action="append", default=[], metavar="MODEL",
                        help="with --recipe: another model, measured on the same faces; may be given several times")
    parser.add_argument("--as-node", action="store_true",
                        help="with --recipe: find each face and cut it out as the node does, whatever the recipe says")
    parser.add_argument("--people", type=Path, metavar="DIR",
                        help="count the answers in each group of people, too: a folder with labels.csv, which has a column "
                        "`file` and one for age, gender, ...; the card then says where they differ most")
    parser.add_argument("--quick", action="store_true",
                        help="leave out what takes longest: ten views of each face, and what blur, shift, ... cost")
    parser.add_argument("--card", type=_file, metavar="FILE", help="write a model card, too")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there (never the model or the data)")
    parser.set_defaults(command=main)


def _file(text: str) -> Path:
    path = Path(text)
    folder(str(path.parent))
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder: name a file in it")
    return path


@training_errors
def main(options: argparse.Namespace) -> int:
    from rich.console import Console

    from fer_ros.resources import model_file
    from fer_ros.system.files import check_outputs
    from fer_ros.training import fairness, report

    if options.quick and (options.card or options.recipe):
        raise ValueError("leave out --quick: --card tells everything, and with --recipe nothing takes longest")
    model = _named(options.model)
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    if options.recipe:
        return _on_sets([model, *map(_named, options.beside)], options, console)
    if options.beside or options.as_node:
        raise ValueError("--beside and --as-node are for --recipe, which names the sets to measure on")
    possible = [*report.outputs(options.out), *([options.out / fairness.FIGURES] if options.people else [])]
    read = [options.data, model_file(model), *([options.people] if options.people else [])]
    check_outputs([*possible, *([options.card] if options.card else [])], force=options.force, sources=read, parents=True)
    people = fairness.load(options.people) if options.people else None  # before minutes are spent on the rest
    found = report.make(model, options.data, options.split, options.out, console, options.force, options.quick)
    if people is not None:
        found["people"] = fairness.make(model, people, options.people.absolute().name, options.out, console, options.force)
    written = [path for path in possible if path.is_file()]
    if options.card:
        _write_card(model, found, options)
        written.append(options.card)
    print("\n".join(map(str, written)))
    return 0


def _write_card(model: str, found: dict[str, Any], options: argparse.Namespace) -> None:
    from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
    from fer_ros.resources import model_file
    from fer_ros.system.files import write_text
    from fer_ros.training import card

    entries = EmotionClassifier(ClassifierParams(model=str(model_file(model).absolute()))).metadata.entries
    write_text(options.card, card.write(found, entries), options.force)


def _named(model: str) -> str:
    """A path as a user types it; a bare name is a file here, if there is one, or a shipped model."""
    return model if "/" in model or not Path(model).is_file() else f"./{model}"


def _on_sets(models: list[str], options: argparse.Namespace, console: Console) -> int:
    from fer_ros.resources import model_file
    from fer_ros.system.files import check_outputs
    from fer_ros.training import comparison, fairness, recipe

    if options.split:
        raise ValueError("--split is for FER2013 alone: leave it out, or --recipe")
    names = [comparison.FIGURES, comparison.WRONG, *([fairness.FIGURES] if options.people else [])]
    outputs = [*(options.out / name for name in names), *([options.card] if options.card else [])]
    read = [options.data, *map(model_file, models), *([options.people] if options.people else [])]
    check_outputs(outputs, force=options.force, sources=read, parents=True)
    people = fairness.load(options.people) if options.people else None  # before minutes are spent on the rest
    found = comparison.make(models, options.data, recipe.read(options.recipe), options.out, console, options.force,
                            whole=bool(options.card), as_node=options.as_node)
    if people is not None:
        found["people"] = fairness.make(models[0], people, options.people.absolute().name, options.out, console, options.force)
    if options.card:
        _write_card(models[0], found, options)
    print(*outputs, sep="\n")
    return 0
