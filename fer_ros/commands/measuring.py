# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What all measurements have: they end in a table and, if wanted, in JSON."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from fer_ros.commands.training_errors import lacking
from fer_ros.system.files import check_outputs, write_text

Rows = list[dict[str, Any]]
Measure = Callable[[argparse.Namespace], tuple[Table, Rows]]


def measured_by(parser: argparse.ArgumentParser, measure: Measure, status: Callable[[Rows], int] = lambda rows: 0) -> None:
    """Let a command print what `measure` gives, and end with the `status` that its figures mean."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there (never what is measured)")
    parser.set_defaults(command=_main, measure=measure, status=status)


def _main(options: argparse.Namespace) -> int:
    try:
        _check(options)  # before hours of measuring and not after them
        table, rows = options.measure(options)
        Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
        if options.json is not None:
            write_text(options.json, json.dumps(rows, indent=1) + "\n", options.force)
        status: int = options.status(rows)
        return status
    except (ValueError, OSError) as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    except ImportError as error:
        text = lacking(error) or f"this measurement needs what cannot be imported ({error}): `fer-ros doctor` says what to do"
        print(f"fer-ros: {text}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fer-ros: interrupted", file=sys.stderr)
        return 130


def _check(options: argparse.Namespace) -> None:
    """Raises OutputError where a file must not be written."""
    given = vars(options)
    sources = [given[name] for name in ("folder", "table", "video", "data") if given.get(name)]
    outputs = [given[name] for name in ("json", "plot") if given.get(name)]
    check_outputs(outputs, force=options.force, sources=[*sources, *given.get("models", ())])
