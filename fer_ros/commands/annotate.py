"""`fer-ros annotate`: a bag or a video through the whole pipeline, offline, into an MCAP file, a table, a video."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fer_ros.commands.signals import interrupt, on_end
from fer_ros.commands.status import SKIPPED
from fer_ros.core.files import OutputError, check_outputs, places
from fer_ros.core.words import counted


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser(
        "annotate", help="annotate a bag or a video, offline",
        description="Run the whole pipeline over every image of a bag (ROS 1 or 2, sqlite3 or MCAP), a video or a folder of "
                    "images, as fast as this machine can, and write faces and emotions. The answer is the graph's, and the "
                    "same each time.",
    )
    parser.add_argument("source", metavar="BAG|VIDEO", help="a bag, a video, an image, a folder of images, or demo")
    parser.add_argument("-o", "--out", type=Path, metavar="OUT.mcap",
                        help="write /fer/faces and /fer/emotions (default: the source's name with _annotated.mcap, here)")
    parser.add_argument("--topic", default="", help="of a bag: the topic with the images (default: the only one)")
    parser.add_argument("--overlay", action="store_true", help="write /fer/overlay/compressed, too")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the overlay as a video")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write every face of every image as .csv or .parquet")
    parser.add_argument("--params-file", type=Path, metavar="YAML", help="parameters of the nodes (default: config/fer.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                        help="change one parameter (NODE.NAME=VALUE: of one node alone); may be given several times")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there (never what is annotated)")
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        from fer_ros.bags.reader import BagError
    except ImportError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    from fer_ros.core.record import RecordError
    from fer_ros.core.source import SourceError, SourceUnavailable
    from fer_ros.core.source_name import without_secrets

    try:
        with on_end(interrupt):  # however it is ended, no half-written file is left
            return _annotate(options)
    except (BagError, SourceError, SourceUnavailable, RecordError, ValueError, OSError) as error:
        print(f"fer-ros: {without_secrets(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fer-ros: interrupted: nothing is written", file=sys.stderr)
        return 130


def _annotate(options: argparse.Namespace) -> int:
    from fer_ros.bags.annotate import Annotator, Recording
    from fer_ros.bags.reader import BagError
    from fer_ros.bags.table import Table
    from fer_ros.bags.writer import ResultWriter
    from fer_ros.core.overlay import draw_overlay
    from fer_ros.core.params import assignment
    from fer_ros.core.params_file import parameters
    from fer_ros.core.pipeline import PARAMS
    from fer_ros.core.record import RecordError, VideoRecorder
    from fer_ros.core.source_name import without_secrets
    from fer_ros.core.summary import Summary
    from fer_ros.graph import default_params_file

    outputs, sources = _outputs(options)
    files = [default_params_file(), *([options.params_file] if options.params_file else [])]
    annotator = Annotator(parameters(PARAMS, files, dict(map(assignment, options.changes))))
    topics = {"faces": "/fer/faces", "emotions": "/fer/emotions"}
    if options.overlay:
        topics["overlay"] = "/fer/overlay/compressed"
    summary, damage = Summary(), None
    complete, troubles = [], []
    console = Console(highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
               TimeRemainingColumn())
    started = time.monotonic()
    with ExitStack() as stack:
        recording = stack.enter_context(Recording(options.source, options.topic))
        writer = stack.enter_context(ResultWriter(outputs[0], topics, annotator.model, options.force, sources))
        rows = stack.enter_context(Table(options.table, options.force, sources)) if options.table else None
        video = VideoRecorder(options.record, options.force, sources) if options.record else None
        if video is not None:
            stack.callback(video.discard)
        bar = stack.enter_context(Progress(*columns, console=console, transient=True))
        task = bar.add_task(f"annotating {without_secrets(options.source)}", total=recording.length or None, rate="")
        try:
            for frame in recording:
                found = annotator(frame)
                picture = draw_overlay(frame.image, found.emotions) if options.overlay or video is not None else None
                writer.write(frame, found.faces, found.emotions, picture if options.overlay else None)
                if rows is not None:
                    rows.write(found)
                if video is not None:
                    video.write(picture, found.seconds)
                summary.add(found.emotions, found.seconds, math.nan)
                bar.update(task, completed=frame.number + 1,
                           rate=f"{summary.frames / max(time.monotonic() - started, 1e-9):.0f} images/s")
                if all(output is None or output.cut for output in (writer, rows, video)):
                    break
        except BagError as error:
            if not summary.frames:
                raise
            damage = error  # what came before is sound, and kept
        if not summary.frames:
            raise ValueError(f"{without_secrets(options.source)} holds no image that can be read"
                             + (f": {recording.notices[0]}" if recording.notices else ""))
        total = 0 if damage else recording.length - recording.skipped
        closing = {writer.path: lambda: writer.close(total)}
        if rows is not None:
            closing[rows.path] = rows.close
        if video is not None:
            closing[video.path] = lambda: video.close(total)
        for path, close in closing.items():
            try:
                close()
                complete.append(path)
            except (BagError, OutputError, RecordError) as error:
                troubles.append(error)
    spent = time.monotonic() - started
    for notice in recording.notices:
        print(f"fer-ros: {notice}", file=sys.stderr)
    names = ", ".join(map(str, complete)) or "nothing complete"
    console.print(f"{counted(summary.frames, 'image')} of {summary.duration:.1f} s in {spent:.1f} s "
                  f"({summary.frames / max(spent, 1e-9):.0f} a second), {counted(len(summary.faces), 'face')}: {names}")
    if recording.skipped:
        print(f"fer-ros: {counted(recording.skipped, 'image')} of {recording.length} could not be read: all others are "
              "annotated", file=sys.stderr)
    if damage is not None:
        troubles.append(f"{damage}: only what came before is annotated")
    for trouble in troubles:
        print(f"fer-ros: {trouble}", file=sys.stderr)
    return 1 if troubles else SKIPPED if recording.skipped else 0


def _outputs(options: argparse.Namespace) -> tuple[list[Path], list[str | Path]]:
    """The files to write, the bag first, and what is read. Raises OutputError where one must not be written."""
    sources = [options.source, *filter(None, [options.params_file])]
    stem = Path(os.path.realpath(places(options.source)[0])).stem if options.source.strip() else ""
    out = options.out or Path(f"{stem or options.source}_annotated.mcap")
    outputs = [out, *filter(None, (options.table, options.record))]
    check_outputs(outputs, force=options.force, sources=sources)
    return outputs, sources
