"""`fer-ros data`: what is in a data set, what is wrong with it, and what it looks like."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fer_ros.commands.arguments import folder
from fer_ros.commands.training_errors import training_errors


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("data", help="check a data set, or draw it")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    info = actions.add_parser("info", help="count the faces and find the bad ones",
                              description="Count the faces of each class and split, and list what is wrong. Exit status 1 if "
                                          "a face cannot be used or a class is missing.")
    plot = actions.add_parser("plot", help="draw classes, examples and augmented faces")
    for action in (info, plot):
        action.add_argument("--data", type=Path, required=True, metavar="DIR",
                            help="folder with fer2013.csv (and fer2013new.csv), or with train/<class> and test/<class>")
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
    return 1 if survey.show(options.data, console, options.every) else 0


@training_errors
def draw(options: argparse.Namespace) -> int:
    from fer_ros.training import gallery

    for path in gallery.draw(options.data, options.out, options.seed, options.force):
        print(path)
    return 0
