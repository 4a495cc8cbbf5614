#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How many images arrive, and how late, through shared memory segments of several sizes: "Shared memory" in
docs/explanation/performance.md.

    .venv/bin/python scripts/measure_segments.py --segments 8 16 32 --sizes 640x480 1920x1080

A publisher and a subscriber, each a process, on this machine; the shipped Fast DDS profiles with another segment size.
"""

from __future__ import annotations

import argparse
import itertools
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import image_traffic
from image_traffic import End

from fer_ros.dds import PROFILE_VARIABLES, profile

DEPTH = 1  # of both queues


def main() -> None:
    parser = image_traffic.parser(__doc__, frames=150, fps=30.0)
    parser.add_argument("--segments", type=int, nargs="+", default=[8, 16, 32], metavar="MiB", help="(default: 8 16 32)")
    image_traffic.play(parser.parse_args(), DEPTH, receive, compare)


def compare(options: argparse.Namespace) -> None:
    print(image_traffic.heading(options, "images", "reliability", "segment"))
    rows: dict[tuple[str, str, int], list[tuple[int, float]]] = {}
    for _, size, segment, reliability in itertools.product(
            range(options.rounds), options.sizes, options.segments, ("best_effort", "reliable")):
        rows.setdefault((size, reliability, segment), []).append(once(size, segment, reliability, options))
    for (size, reliability, segment), found in sorted(rows.items()):
        print(f"| {size} | {reliability.replace('_', ' ')} | {segment} MiB | {image_traffic.in_words(found)} |")


def once(size: str, segment: int, reliability: str, options: argparse.Namespace) -> tuple[int, float]:
    """How many images arrived, and the median of their age in ms."""
    with tempfile.TemporaryDirectory() as folder:
        changed = {name: str(Path(folder) / f"{name}.xml") for name in PROFILE_VARIABLES}
        for name, file in changed.items():
            text = profile(name, local=True, images=True).read_text(encoding="utf-8")
            Path(file).write_text(re.sub(r"(?<=<segment_size>)\d+", str(segment * 2**20), text), encoding="utf-8")
        return image_traffic.measured(options, size, End(reliability, changed), End(reliability, image_traffic.SMALL))


def receive(options: argparse.Namespace) -> None:
    import rclpy
    from sensor_msgs.msg import Image

    def subscribe(on_image: Callable[[Any], None]) -> Callable[[float], object]:
        rclpy.init()
        node = rclpy.create_node("receiver")
        node.create_subscription(Image, image_traffic.TOPIC, on_image, image_traffic.quality(options.reliability, DEPTH))
        return lambda seconds: rclpy.spin_once(node, timeout_sec=seconds)

    image_traffic.receive(options, subscribe)


if __name__ == "__main__":
    main()
