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

from fer_ros.commands.signals import interrupt, on_end

Rows = list[dict[str, Any]]
Measure = Callable[[argparse.Namespace], tuple[Table, Rows]]


def measured_by(parser: argparse.ArgumentParser, measure: Measure, status: Callable[[Rows], int] = lambda rows: 0) -> None:
    """Let a command print what `measure` gives, and end with the `status` that its figures mean."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    parser.set_defaults(command=_main, measure=measure, status=status)


def _main(options: argparse.Namespace) -> int:
    try:
        with on_end(interrupt):
            table, rows = options.measure(options)
        Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
        if options.json is not None:
            _write(options.json, rows)
        return options.status(rows)
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


def _write(file: Path, rows: Rows) -> None:
    try:
        file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"cannot write {file}: {error.strerror}") from None
