#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How many of a driver's images reach pipeline_node, by what it asks for: "Images of other drivers" in
docs/explanation/performance.md.

    .venv/bin/python scripts/measure_reliability.py --sizes 640x480 1920x1080

A driver and a subscription of this package, each a process, on this machine, in turns. The driver's queue is 10 long, as that
of most drivers; it has this package's Fast DDS profile or none.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from typing import Any

import image_traffic
from image_traffic import End

from fer_ros.dds import PROFILE_VARIABLES, profile

DEPTH = 10  # of the driver's queue


def main() -> None:
    image_traffic.play(image_traffic.parser(__doc__, frames=100, fps=15.0).parse_args(), DEPTH, receive, compare)


def compare(options: argparse.Namespace) -> None:
    print(image_traffic.heading(options, "images", "the driver offers", "its profile", "image_reliability"))
    ours = {name: str(profile(name, local=True, images=True)) for name in PROFILE_VARIABLES}
    rows: dict[tuple[str, str, bool, str], list[tuple[int, float]]] = {}
    for _, size, offered, profiled, asked in itertools.product(
            range(options.rounds), options.sizes, ("best_effort", "reliable"), (False, True), ("best_effort", "auto")):
        driver, subscription = End(offered, ours if profiled else {}), End(asked, image_traffic.SMALL)
        rows.setdefault((size, offered, profiled, asked), []).append(
            image_traffic.measured(options, size, driver, subscription))
    for (size, offered, profiled, asked), found in rows.items():
        print(f"| {size} | {offered.replace('_', ' ')} | {'ours' if profiled else 'none'} | {asked} | "
              f"{image_traffic.in_words(found)} |")


def receive(options: argparse.Namespace) -> None:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.parameter import Parameter

    from fer_ros.parameters.node_params import SharedImageParams
    from fer_ros.ros.node import FerNode

    class Receiver(FerNode):
        NAME = "receiver"
        PARAMS = (SharedImageParams,)

        def __init__(self, on_image: Callable[[Any], None]):
            super().__init__(parameter_overrides=[Parameter("image_reliability", value=options.reliability)])
            self._on_image = on_image

        def start(self) -> None:
            self.subscribe_images(image_traffic.TOPIC, self._on_image, self.params[SharedImageParams])

    def subscribe(on_image: Callable[[Any], None]) -> Callable[[float], object]:
        rclpy.init(args=["--ros-args", "--log-level", "error"])
        node = Receiver(on_image)
        node.trigger_configure()
        node.trigger_activate()
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        return lambda seconds: executor.spin_once(timeout_sec=seconds)

    image_traffic.receive(options, subscribe)


if __name__ == "__main__":
    main()
