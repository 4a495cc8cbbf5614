# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros run`: the graph on a camera, a video, a folder, a stream, the demo clip, or a topic with images."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from fer_ros.commands import running
from fer_ros.graph import webcam_graph
from fer_ros.media.source_name import without_secrets
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.params import specs

_CAMERA = ("width", "height", "fps", "flip")
_DEFAULT = "0"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("run", help="start the graph and watch it",
                                 description="Start camera, face detector, emotion and overlay as ROS 2 nodes, watch "
                                 "them, and end with a summary. Ctrl-C ends it.")
    known = {spec.name: spec for spec in specs(SourceParams)}
    images = parser.add_mutually_exclusive_group()
    images.add_argument("--source", help=f"{known['source'].description} (default: {_DEFAULT})")
    images.add_argument("--image", metavar="TOPIC", help="take the images of this topic (sensor_msgs/Image or "
                        "CompressedImage), which a camera driver publishes, say, in the place of a source")
    for name in _CAMERA:
        parser.add_argument(f"--{name}", type=running.parameter(known[name]), help=known[name].description,
                            choices=known[name].choices, metavar=known[name].unit.upper() or None)
    parser.add_argument("--loop", action="store_true", help=known["loop"].description)
    running.add_to(parser)
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    camera = {name: getattr(options, name) for name in _CAMERA if getattr(options, name) is not None}
    if options.image is not None:
        return _on_topic(options, [*camera, *(["loop"] if options.loop else [])])
    try:
        SourceParams(width=options.width or 0, height=options.height or 0)
    except ValueError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 2
    source = _DEFAULT if options.source is None else options.source
    camera |= {"source": source, "loop": options.loop}
    own = {f"camera_node.{name}": f"that is what --{name} says" for name in camera}
    return running.run(options, webcam_graph, camera, f"fer-ros run {without_secrets(source)}", own=own)


def _on_topic(options: argparse.Namespace, of_a_camera: list[str]) -> int:
    if not options.image.strip():
        print("fer-ros: --image names no topic", file=sys.stderr)
        return 2
    if of_a_camera:
        print(f"fer-ros: --{of_a_camera[0]} is of a source, and --image takes the images of a topic as they come",
              file=sys.stderr)
        return 2
    make = partial(webcam_graph, image=options.image.strip())
    return running.run(options, make, {}, f"fer-ros run --image {options.image}")
