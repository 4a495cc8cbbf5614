"""`fer-ros run`: the graph on a camera, a video, a folder, a stream or the demo clip."""

from __future__ import annotations

import argparse
import sys

from fer_ros.commands import running
from fer_ros.graph import webcam_graph
from fer_ros.media.source import SourceParams
from fer_ros.media.source_name import without_secrets
from fer_ros.parameters.params import specs

_CAMERA = ("width", "height", "fps", "flip")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="start the graph and watch it",
                                 description="Start camera, face detector, emotion and overlay as ROS 2 nodes, watch "
                                 "them, and end with a summary. Ctrl-C ends it.")
    known = {spec.name: spec for spec in specs(SourceParams)}
    parser.add_argument("--source", default="0", help=known["source"].description + " (default: 0)")
    for name in _CAMERA:
        parser.add_argument(f"--{name}", type=running.parameter(known[name]), help=known[name].description,
                            choices=known[name].choices, metavar=known[name].unit.upper() or None)
    parser.add_argument("--loop", action="store_true", help=known["loop"].description)
    running.add_to(parser)
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        SourceParams(width=options.width or 0, height=options.height or 0)
    except ValueError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 2
    camera = {name: getattr(options, name) for name in _CAMERA if getattr(options, name) is not None}
    camera |= {"source": options.source, "loop": options.loop}
    return running.run(options, webcam_graph, camera, f"fer-ros run {without_secrets(options.source)}")
