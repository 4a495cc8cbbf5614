# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros replay`: the graph on a recorded bag."""

from __future__ import annotations

import argparse
import sys

from fer_ros.commands import running
from fer_ros.graph import replay_graph
from fer_ros.media.source_name import path_of
from fer_ros.parameters.params import specs
from fer_ros.parameters.replay_params import ReplayParams


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("replay", help="start the graph on a recorded bag and watch it",
                                 description="Play the images of a bag, with their own stamps, into face detector, emotion "
                                 "and overlay as ROS 2 nodes, watch them, and end with a summary. Ctrl-C ends it. "
                                 "`fer-ros annotate` does the same without ROS, as fast as it goes.")
    known = {spec.name: spec for spec in specs(ReplayParams)}
    parser.add_argument("bag", metavar="BAG", help=known["bag"].description)
    parser.add_argument("--topic", default="", help=known["topic"].description)
    parser.add_argument("--rate", type=running.parameter(known["rate"]), default=1.0, metavar="R",
                        help=known["rate"].description)
    parser.add_argument("--loop", action="store_true", help=known["loop"].description)
    parser.add_argument("--clock", action="store_true", help=f"{known['clock'].description} The graph's own use it, too.")
    running.add_to(parser)
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        from fer_ros.bags.reader import BagReader
    except ImportError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    if not options.bag.strip():
        print("fer-ros: no bag is named", file=sys.stderr)
        return 2
    try:
        bag = path_of(options.bag).absolute()
        with BagReader(bag) as reader:  # what is wrong with it is said before anything is started
            topic = reader.image_topic(options.topic).name
    except ValueError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 2
    replay = {"bag": str(bag), "topic": topic, "rate": options.rate, "loop": options.loop, "clock": options.clock}
    own = {f"replay_node.{name}": f"that is what {'BAG' if name == 'bag' else f'--{name}'} says" for name in replay}
    return running.run(options, replay_graph, replay, f"fer-ros replay {options.bag}", live=False, own=own)
