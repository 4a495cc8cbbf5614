"""`fer-ros annotate`: a bag or a video through the whole pipeline, offline, into an MCAP file, a table, a video."""

from __future__ import annotations

import argparse
import math
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fer_ros.commands.signals import interrupt, on_end
from fer_ros.commands.status import SKIPPED


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
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        from fer_ros.bags.reader import BagError
    except ImportError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    from fer_ros.core.record import RecordError
    from fer_ros.core.source import SourceError, SourceUnavailable

    try:
        with on_end(interrupt):  # however it is ended, no half-written file is left
            return _annotate(options)
    except (BagError, SourceError, SourceUnavailable, RecordError, ValueError, OSError) as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("fer-ros: interrupted: nothing is written", file=sys.stderr)
        return 130


def _annotate(options: argparse.Namespace) -> int:
    from fer_ros.bags.annotate import Annotator, Recording, table
    from fer_ros.bags.reader import BagError
    from fer_ros.bags.writer import ResultWriter
    from fer_ros.core.overlay import draw_overlay
    from fer_ros.core.params import assignment
    from fer_ros.core.params_file import parameters
    from fer_ros.core.pipeline import PARAMS
    from fer_ros.core.record import VideoRecorder
    from fer_ros.core.summary import Summary
    from fer_ros.graph import default_params_file

    outputs = _outputs(options)
    files = [default_params_file(), *([options.params_file] if options.params_file else [])]
    annotator = Annotator(parameters(PARAMS, files, dict(map(assignment, options.changes))))
    topics = {"faces": "/fer/faces", "emotions": "/fer/emotions"}
    if options.overlay:
        topics["overlay"] = "/fer/overlay/compressed"
    summary, damage = Summary(), None
    console = Console(highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
               TimeRemainingColumn())
    started = time.monotonic()
    with ExitStack() as stack:
        recording = stack.enter_context(Recording(options.source, options.topic))
        writer = stack.enter_context(ResultWriter(outputs[0], topics, annotator.model))
        write_rows = stack.enter_context(table(options.table)) if options.table else None
        video = VideoRecorder(options.record) if options.record else None
        if video is not None:
            stack.callback(video.discard)
        bar = stack.enter_context(Progress(*columns, console=console, transient=True))
        task = bar.add_task(f"annotating {options.source}", total=recording.length or None, rate="")
        try:
            for frame in recording:
                found = annotator(frame)
                picture = draw_overlay(frame.image, found.emotions) if options.overlay or video is not None else None
                writer.write(frame, found.faces, found.emotions, picture if options.overlay else None)
                if write_rows is not None:
                    write_rows(found)
                if video is not None:
                    video.write(picture, found.seconds)
                summary.add(found.emotions, found.seconds, math.nan)
                bar.update(task, completed=frame.number + 1,
                           rate=f"{summary.frames / max(time.monotonic() - started, 1e-9):.0f} images/s")
        except BagError as error:
            if not summary.frames:
                raise
            damage = error  # what came before is sound, and kept
        if not summary.frames:
            raise ValueError(f"{options.source} holds no image that can be read"
                             + (f": {recording.notices[0]}" if recording.notices else ""))
        if video is not None:
            video.close()
    spent = time.monotonic() - started
    for notice in recording.notices:
        print(f"fer-ros: {notice}", file=sys.stderr)
    written = ", ".join(map(str, outputs))
    images = f"{summary.frames} image{'s' if summary.frames != 1 else ''}"
    faces = f"{len(summary.faces)} face{'s' if len(summary.faces) != 1 else ''}"
    console.print(f"{images} of {summary.duration:.1f} s in {spent:.1f} s "
                  f"({summary.frames / max(spent, 1e-9):.0f} a second), {faces}: {written}")
    if recording.skipped:
        print(f"fer-ros: {recording.skipped} image{'s' if recording.skipped != 1 else ''} of {recording.length} could not be "
              "read: all others are annotated", file=sys.stderr)
    if damage is not None:
        print(f"fer-ros: {damage}: only what came before is annotated", file=sys.stderr)
        return 1
    return SKIPPED if recording.skipped else 0


def _outputs(options: argparse.Namespace) -> list[Path]:
    """The files to write, the bag first. Raises ValueError where one must not be written."""
    source = Path(options.source).expanduser().resolve()
    out = options.out or Path(f"{source.stem or options.source}_annotated.mcap")
    outputs = [out, *filter(None, (options.table, options.record))]
    if len({file.resolve() for file in outputs}) < len(outputs):
        raise ValueError("two outputs have one name: name another")
    for file in outputs:
        if file.resolve() == source or (file.exists() and file.resolve().parent == source):
            raise ValueError(f"{file} is what is annotated: name another")
        if file.exists() and not options.force:
            raise ValueError(f"{file} is there already: name another, or --force to overwrite it")
        if not file.parent.is_dir():
            raise ValueError(f"cannot write '{file}': {file.parent} is not a folder")
    return outputs
