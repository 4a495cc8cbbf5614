# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros annotate`: a bag or a video through the whole pipeline, offline, into an MCAP file, a table, a video."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fer_ros.commands import annotate_many
from fer_ros.commands.left_behind import tell_of_left_behind
from fer_ros.commands.status import INTERRUPTED, SKIPPED
from fer_ros.models.terms import news
from fer_ros.parameters.privacy_params import MODES, IdParams, PrivacyParams
from fer_ros.system.files import check_outputs, places
from fer_ros.system.signals import Once, on_end
from fer_ros.words import counted

if TYPE_CHECKING:
    from fer_ros.bags.annotate import Annotator, Recording
    from fer_ros.bags.errors import BagError
    from fer_ros.bags.outputs import Outputs
    from fer_ros.run_summary import Summary


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "annotate", help="annotate a bag or a video, offline",
        description="Run the whole pipeline over every image of a bag (ROS 1 or 2, sqlite3 or MCAP), a video or a folder of "
                    "images, as fast as this machine can, and write faces, emotions and events. The answer is the "
                    "graph's, and the same each time.",
    )
    parser.add_argument("source", metavar="BAG|VIDEO", nargs="+",
                        help="a bag, a video, an image, a folder of images, or demo; or several of them")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT.mcap|DIR",
                        help="write /fer/faces, /fer/emotions and /fer/events (default: the source's name with "
                             "_annotated.mcap, here); of several recordings: a folder")
    parser.add_argument("--topic", default="", help="of a bag: the topic with the images (default: the only one)")
    parser.add_argument("--overlay", action="store_true", help="write /fer/overlay/compressed, too")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the overlay as a video")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write every face of every image as .csv or .parquet")
    parser.add_argument("--events", type=Path, metavar="FILE",
                        help="write who appeared, showed another emotion or left, and when, as .csv or .parquet")
    parser.add_argument("--anonymize", choices=MODES, metavar="MODE",
                        help=f"what is done to the overlay's faces: {', '.join(MODES)} (default: overlay_node's parameter)")
    parser.add_argument("--no-ids", action="store_true",
                        help="leave out the faces' ids, by which a person can be followed through the recording")
    parser.add_argument("--params-file", type=Path, metavar="YAML", help="parameters of the nodes (default: config/fer.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="change one parameter (NODE.NAME=VALUE: of one node alone); may be given several times")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there (never what is annotated)")
    annotate_many.add_arguments(parser)
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        from fer_ros.bags.errors import BagError
    except ImportError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    from fer_ros.media.frames import SourceUnavailable
    from fer_ros.media.source_name import SourceError, without_secrets
    from fer_ros.media.video_recorder import RecordError

    try:
        if annotate_many.are_many(options):
            return annotate_many.annotate_many(options, _parameters(options))
        (options.source,) = options.source
        return _annotate(options)
    except (BagError, SourceError, SourceUnavailable, RecordError, ValueError, OSError) as error:
        print(f"fer-ros: {without_secrets(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fer-ros: interrupted: nothing is written", file=sys.stderr)
        return INTERRUPTED


class _Interrupted(Exception):
    """A signal has ended an annotation; the text says after how many images."""


def _annotate(options: argparse.Namespace) -> int:
    from fer_ros.bags.annotate import Annotator, Recording
    from fer_ros.bags.outputs import Outputs
    from fer_ros.drawing.overlay import OverlayStyle
    from fer_ros.media.source_name import without_secrets
    from fer_ros.perception.pipeline import EMOTION
    from fer_ros.run_summary import Summary

    bag, sources = _outputs(options)
    for beside in {path.parent: path for path in (bag, options.table, options.events, options.record) if path}.values():
        tell_of_left_behind(beside)
    params = _parameters(options)
    annotator, drawn = Annotator(params), params["overlay_node"]
    ids = params[EMOTION][IdParams].publish_ids and not options.no_ids
    summary, shown = Summary(), without_secrets(options.source)
    started = time.monotonic()
    with Recording(options.source, options.topic) as recording, Outputs(
        bag, annotator.model, table=options.table, events=options.events, video=options.record, overlay=options.overlay,
        force=options.force, sources=sources, privacy=drawn[PrivacyParams], style=drawn[OverlayStyle], ids=ids,
    ) as outputs, on_end(ending := Once()):
        if terms := news(annotator.file):  # once it is sure that there is something to do
            print(f"fer-ros: {terms}", file=sys.stderr)
        ended = _annotate_all(recording, annotator, outputs, summary, ending, f"annotating {shown}")
        if not summary.frames:
            raise ValueError(f"{shown} holds no image that can be read"
                             + (f": {recording.notices[0]}" if recording.notices else ""))
        complete, troubles = outputs.close(0 if ended else recording.length - recording.skipped, annotator.end())
    if ended is not None:
        troubles.append(ValueError(f"{ended}: only what came before is annotated"))
    _report(recording, summary, time.monotonic() - started, complete, troubles)
    if outputs.notice:
        print(f"fer-ros: {outputs.notice}", file=sys.stderr)
    if isinstance(ended, _Interrupted):
        return INTERRUPTED
    return 1 if troubles else SKIPPED if recording.skipped else 0


def _parameters(options: argparse.Namespace) -> dict[str, dict[type, Any]]:
    """Of the nodes whose work is done. Raises ValueError where one is not known, or its value is not allowed."""
    from fer_ros.drawing.overlay import OverlayStyle
    from fer_ros.graph import default_params_file
    from fer_ros.parameters.params import assignment
    from fer_ros.parameters.params_file import parameters
    from fer_ros.perception.pipeline import DETECTOR, EMOTION, PARAMS

    files = [default_params_file(), *([options.params_file] if options.params_file else [])]
    changes = dict(map(assignment, options.changes))
    if options.anonymize is not None:
        if not (options.overlay or options.record):
            raise ValueError("--anonymize changes the overlay: write one with --overlay or --record")
        changes["overlay_node.anonymize"] = options.anonymize
    known = {node: (*PARAMS[node], IdParams) for node in (DETECTOR, EMOTION)}
    known["overlay_node"] = (OverlayStyle, PrivacyParams)
    return parameters(known, files, changes)


def _annotate_all(recording: Recording, annotator: Annotator, outputs: Outputs, summary: Summary, ending: Once,
                  title: str) -> BagError | _Interrupted | None:
    """Image by image, with a progress bar, until the end or until there is no room for more.

    Returns:
        What ended it before its time: what came before is sound, and kept.
    """
    from fer_ros.bags.errors import BagError

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
               TimeRemainingColumn())
    started = time.monotonic()
    with Progress(*columns, console=_console(), transient=True) as bar:
        task = bar.add_task(title, total=recording.length or None, rate="")
        try:
            for frame in recording:
                found = annotator(frame)
                outputs.write(found)
                summary.add(found.emotions, found.seconds, math.nan)
                bar.update(task, completed=frame.number + 1,
                           rate=f"{summary.frames / max(time.monotonic() - started, 1e-9):.0f} images/s")
                if ending.asked:
                    of = f" of {recording.length}" if recording.length else ""
                    return _Interrupted(f"interrupted after {counted(summary.frames, 'image')}{of}")
                if outputs.cut:
                    break
        except BagError as error:
            if not summary.frames:
                raise
            return error
    return None


def _report(recording: Recording, summary: Summary, spent: float, complete: list[Path], troubles: list[Exception]) -> None:
    for notice in recording.notices:
        print(f"fer-ros: {notice}", file=sys.stderr)
    names = ", ".join(map(str, complete)) or "nothing complete"
    _console().print(f"{counted(summary.frames, 'image')} of {summary.duration:.1f} s in {spent:.1f} s "
                     f"({summary.frames / max(spent, 1e-9):.0f} a second), {counted(len(summary.faces), 'face')}: {names}")
    if recording.skipped:
        print(f"fer-ros: {counted(recording.skipped, 'image')} of {recording.length} could not be read: all others are "
              "annotated", file=sys.stderr)
    for trouble in troubles:
        print(f"fer-ros: {trouble}", file=sys.stderr)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _outputs(options: argparse.Namespace) -> tuple[Path, list[str | Path]]:
    """The bag to write, and what is read. Raises OutputError where one of the outputs must not be written."""
    sources = [options.source, *filter(None, [options.params_file])]
    stem = Path(os.path.realpath(places(options.source)[0])).stem if options.source.strip() else ""
    bag = options.out or Path(f"{stem or options.source}_annotated.mcap")
    check_outputs([bag, *filter(None, (options.table, options.events, options.record))], force=options.force, sources=sources)
    return bag, sources
