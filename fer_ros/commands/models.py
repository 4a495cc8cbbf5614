# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros models`: what models there are, whether they are the right ones, and how to get those that are missing."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fer_ros.models.model_files import ModelFileError, fetch, folder_of, load_catalogue, verify
from fer_ros.resources import model_downloads, share_directory


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("models", help="list, verify or fetch the models")
    parser.add_argument("action", nargs="?", choices=("list", "verify", "get"), default="list",
                        help="list: show all (default); verify: compare their sha256; get: fetch what is missing")
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        folder = share_directory() / "models"
        entries = load_catalogue(folder / "models.yaml").values()
        if options.action == "get":
            into = folder if os.access(folder, os.W_OK) else model_downloads()
            for entry in entries:
                print(folder / entry.file if verify(entry, folder) == "ok" else fetch(entry, into))
            return 0
        states = {entry.id: verify(entry, folder_of(entry, folder, model_downloads())) for entry in entries}
    except (ModelFileError, OSError) as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    table = Table("id", "file", "state", "licence", "source", title=str(folder), title_justify="left")
    for entry in entries:
        table.add_row(*map(escape, (entry.id, entry.file, states[entry.id], entry.licence, entry.source)))
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(table)
    for entry in entries:
        if entry.terms:
            console.print(f"[bold]{escape(entry.file)}[/]: {escape(entry.terms)}")
    wrong = [f"{name} is {state}" for name, state in states.items() if state != "ok"]
    if wrong:
        print(f"fer-ros: {', '.join(wrong)}: run `fer-ros models get`", file=sys.stderr)
    return 1 if wrong and options.action == "verify" else 0
