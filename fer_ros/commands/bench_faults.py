# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros bench faults`: what is wrong in any way, tried on everything that takes something in."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from rich.table import Table

from fer_ros.commands.arguments import folder
from fer_ros.commands.measuring import Rows, measured_by

_DATA = {"data set": "fer_ros.training.data:load"}
PARTS = ("messages", "files", "kills", "disk", "peers", "storms")


def add_to(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = kinds.add_parser(
        "faults", help="what wrong messages, files, signals, disks and peers do",
        description="Makes sound inputs wrong and tries them: messages and requests to every subscription and service of the "
                    "graph's nodes; files of every kind that is read; a graph, its nodes, a recorder and an annotation that "
                    "are killed; full disks; a hostile peer beside a running graph; storms of lifecycle requests. Each is "
                    "tried in a process of its own with bounded memory and time. The same seed makes the same inputs. Exit "
                    "status 1 if anything failed.",
    )
    parser.add_argument("parts", nargs="*", type=part, metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD",
                        help="kinds of inputs that have one of these words in their name")
    parser.add_argument("--seed", type=number, default=0, metavar="N", help="(default: 0)")
    for name, default, what in (("messages", 20_000, "and requests"), ("files", 5_000, ""), ("kills", 6, ""),
                                ("disks", 3, "that are full"), ("peers", 1, "graphs with a hostile peer"),
                                ("storms", 1, "graphs with a storm of requests")):
        parser.add_argument(f"--{name}", type=number, default=default, metavar="N",
                            help=f"{what} (default: {default})".strip())
    parser.add_argument("--workers", type=number, default=0, metavar="N",
                        help="processes that try messages or files (default: one for each core)")
    parser.add_argument("--keep", type=folder, default=Path("faults"), metavar="DIR",
                        help="for inputs that failed, each with its reason (default: faults)")
    parser.add_argument("--again", type=Path, nargs="+", metavar="FILE",
                        help="try inputs that were kept once more, and nothing else: their folders")
    measured_by(parser, _faults, lambda rows: int(any(row["failed"] for row in rows)))


def number(text: str) -> int:
    """A whole number from 0 on, for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) > 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def part(text: str) -> str:
    """One of `PARTS`, for argparse."""
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(PARTS)}")
    return text


def _faults(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import faults

    graph = "fer_ros.bench.faults_graph"
    counts = dict(zip(PARTS, (options.messages, options.files, options.kills, options.disks, options.peers, options.storms),
                      strict=True))
    parts = {"messages": faults.Part("messages", "fer_ros.bench.faults_messages:Messages"),
             "files": faults.Part("files", "fer_ros.bench.faults_files:Files", {"readers": _readers()}),
             **{name: faults.Part(name, f"{graph}:Graphs", {"part": name}, 400.0) for name in PARTS[2:]}}
    again = [faults.kept(place) for place in options.again or ()]
    table = Table("part", "kind", "tried", "refused", "failed", "reasons")
    rows: Rows = []
    chosen = {name for name, _ in again} or set(options.parts or PARTS)
    for name, made in parts.items():
        cases = [case for of, case in again if of == name]
        count = len(cases) or counts[name]
        if name not in chosen or not count:
            continue
        alone = name not in ("messages", "files")
        workers = 1 if alone else options.workers or len(os.sched_getaffinity(0))
        try:
            found = faults.campaign(made, count, options.seed, workers, None if again else options.keep,
                                    _progress(name, count), cases, options.only)
        except faults.Unavailable as error:
            found = {"all": faults.Tally(skipped=str(error))}
        rows += [faults.as_row(name, kind, tally) for kind, tally in found.items()]
        right = {kind: tally for kind, tally in found.items() if not tally.findings and not tally.skipped}
        if right:
            together = faults.Tally(sum(one.tried for one in right.values()), sum(one.refused for one in right.values()))
            _add(table, name, next(iter(right)) if len(right) == 1 else f"{len(right)} kinds", together)
        for kind, tally in found.items():
            if kind not in right:
                _add(table, name, kind, tally)
    tried, failed = (sum(row[key] for row in rows) for key in ("tried", "failed"))
    table.add_section()
    table.add_row("all", "", str(tried), str(sum(row["refused"] for row in rows)), str(failed), "")
    if failed and not again:
        print(f"fer-ros: what failed is in {options.keep}; `fer-ros bench faults --again FOLDER` tries one of it again",
              file=sys.stderr)
    return table, rows


def _readers() -> dict[str, str]:
    """Of data sets, where what reads them can be imported."""
    try:
        import PIL  # noqa: F401, I001 (it reads the pictures)
        import fer_ros.training.data  # noqa: F401
    except ImportError as error:
        print(f"fer-ros: data sets are left out: {error}", file=sys.stderr)
        return {}
    return _DATA


def _progress(name: str, count: int) -> Any:
    step = max(count // 10, 1)

    def tell(done: int) -> None:
        if done % step == 0:
            print(f"{name}: {done} of {count} ...", file=sys.stderr, flush=True)

    return tell


def _add(table: Table, part: str, kind: str, tally: Any) -> None:
    from rich.text import Text

    from fer_ros.bench.faults import grouped

    reasons = [f"{count}x {words}" for words, count in grouped(tally.findings).items()]
    shown = reasons[:3] + ([f"and {len(reasons) - 3} more"] if len(reasons) > 3 else [])
    # As Text: a reason may hold what rich reads as markup.
    table.add_row(part, kind, str(tally.tried), str(tally.refused), str(len(tally.findings)),
                  Text(f"skipped: {tally.skipped}" if tally.skipped else "\n".join(shown)))
