# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros data`: what is in a data set, what is wrong with it, and what it looks like."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ros.commands.arguments import folder
from fer_ros.commands.training_errors import training_errors

if TYPE_CHECKING:
    from fer_ros.training.recipe import Recipe


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("data", help="check a data set, or draw it")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="count the faces and find the bad ones",
                              description="Count the faces of each class and split, and list what is wrong. Exit status 1 if "
                                          "a face cannot be used or a class is missing.")
    plot = actions.add_parser("plot", help="draw classes, examples and augmented faces")
    for action in (info, plot):
        action.add_argument("--data", type=Path, required=True, metavar="DIR",
                            help="folder with fer2013.csv (and fer2013new.csv), or with train/<class> and test/<class>; "
                            "with --recipe the folder that holds its sets")
        action.add_argument("--recipe", metavar="NAME|FILE", help="the sets of this recipe together, framed as it says")
    info.add_argument("--list", action="store_true", dest="every", help="name every face, not the first few of each kind")
    plot.add_argument("--out", type=folder, required=True, metavar="DIR", help="folder for the pictures")
    plot.add_argument("--seed", type=int, default=0, help="of the random choice of faces")
    plot.add_argument("--force", action="store_true", help="overwrite pictures that are there")
    info.set_defaults(command=inform)
    plot.set_defaults(command=draw)


@training_errors
def inform(options: argparse.Namespace) -> int:
    from rich.console import Console

    from fer_ros.training import survey

    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    if options.recipe:
        if options.every:
            raise ValueError("--list is for one data set: leave it out, or --recipe")
        from fer_ros.training import mix, recipe

        mix.show(options.data, _of_sets(recipe.read(options.recipe)), console)
        return 0
    return 1 if survey.show(options.data, console, options.every) else 0


@training_errors
def draw(options: argparse.Namespace) -> int:
    if options.recipe:
        from fer_ros.training import mix, recipe

        chosen = _of_sets(recipe.read(options.recipe))
        print(*mix.draw(options.data, chosen, options.out, options.seed, options.force), sep="\n")
        return 0
    from fer_ros.training import gallery

    for path in gallery.draw(options.data, options.out, options.seed, options.force):
        print(path)
    return 0


def _of_sets(recipe: Recipe) -> Recipe:
    """The recipe, if it names sets. Raises ValueError otherwise."""
    if not recipe.sets:
        raise ValueError("the recipe learns from FER2013 alone: leave out --recipe")
    return recipe
