# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros bench board`: one line that says what a machine is and what a frame costs on it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from fer_ros.commands.arguments import count, seconds
from fer_ros.system.files import check_outputs, write_text

_PRINTED = Path("-")


def add_to(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    board = kinds.add_parser(
        "board", help="one line to report: this machine, and what a frame costs on it",
        description="Processor, cores, memory, versions; the two networks alone and a whole frame of 640x480 with one face, "
                    "in turns; less than a minute, and without ROS.",
    )
    board.add_argument("--threads", type=count, nargs="+", metavar="N", help=(
        "that one inference may use, each measured; the frame takes the first (default: 1, 2 and 4, up to the cores)"))
    board.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                       help="a parameter of the stages: provider=cuda; can be given several times")
    board.add_argument("--seconds", type=seconds, default=8.0, metavar="S", help="to measure (default: 8)")
    board.add_argument("--json", type=Path, nargs="?", const=_PRINTED, metavar="FILE",
                       help="the figures as JSON, in place of the line, or in a file beside it")
    board.add_argument("--force", action="store_true", help="overwrite a file that is there")
    board.set_defaults(command=_main)


def _main(options: argparse.Namespace) -> int:
    try:
        file = options.json if options.json not in (None, _PRINTED) else None
        check_outputs([file] if file else [], force=options.force)
        from fer_ros.bench import board
        from fer_ros.parameters.params import assignment

        cores = len(os.sched_getaffinity(0))
        threads = list(dict.fromkeys(options.threads or [number for number in (1, 2, 4) if number <= cores]))
        report = board.measure(dict(map(assignment, options.changes)), threads, options.seconds)
        facts = json.dumps(report.facts(), indent=1)
        print(facts if options.json == _PRINTED else report.line())
        if file:
            write_text(file, facts + "\n", options.force)
    except (ValueError, OSError) as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"fer-ros: this measurement needs what cannot be imported ({error}): `fer-ros doctor` says what to do",
              file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fer-ros: interrupted", file=sys.stderr)
        return 130
    return 0
