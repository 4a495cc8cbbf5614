"""`fer-ros bench`: measurements on this machine, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("bench", help="measure detector, tracker, ... on this machine")
    kinds = parser.add_subparsers(title="what to measure", metavar="WHAT", required=True)
    tracker = kinds.add_parser(
        "tracker", help="how well ids stay with people",
        description="Scripted scenes with a detector's faults (3 % jitter, 3 % missed, false alarms), whose truth is known.",
    )
    tracker.add_argument("--takes", type=_count, default=40, metavar="N", help="of each scene (default: 40)")
    tracker.add_argument("--fps", type=_count, nargs="+", default=[30, 10], metavar="N", help="frame rates (default: 30 10)")
    tracker.add_argument("--json", type=Path, metavar="FILE", help="write the figures, too")
    tracker.set_defaults(command=_tracker)


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 100_000:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 100000")
    return number


def _tracker(options: argparse.Namespace) -> int:
    from fer_ros.bench import tracking
    from fer_ros.core.tracker import TrackerParams

    table = Table("scene", "fps", "people", "MOTA", "id switches", "of these swaps")
    rows = []
    for scene in tracking.SCENES:
        for fps in options.fps:
            found = tracking.measure(scene, fps, options.takes, TrackerParams())
            rows.append({"scene": scene, "fps": fps, "people": found.people, "truths": found.truths, "misses": found.misses,
                         "false_alarms": found.false_alarms, "switches": found.switches, "swaps": found.swaps,
                         "mota": found.mota})
            table.add_row(scene, str(fps), str(found.people), f"{found.mota:.3f}", str(found.switches), str(found.swaps))
    return _show(table, rows, options.json)


def _show(table: Table, rows: list[dict[str, object]], file: Path | None) -> int:
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)
    if file is not None:
        try:
            file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            print(f"fer-ros: cannot write {file}: {error.strerror}", file=sys.stderr)
            return 1
    return 0
