# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images from one process to another, on this machine: how many arrive, and how late.

For measure_segments.py and measure_reliability.py, which run themselves again as these two processes.
"""

from __future__ import annotations

import argparse
import array
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fer_ros.dds import PROFILE_VARIABLES, RANGE, profile

TOPIC = "measured_images"
SMALL = {name: str(profile(name, local=True, images=False)) for name in PROFILE_VARIABLES}
"""Profiles of a process that publishes no images."""


@dataclass(frozen=True)
class End:
    """One of the two processes.

    Attributes:
        reliability: `best_effort` or `reliable`, or whatever else the script makes of it.
        profiles: files by the variable of Fast DDS that names them; empty for none.
    """

    reliability: str
    profiles: dict[str, str]


def parser(description: str, *, frames: int, fps: float) -> argparse.ArgumentParser:
    """What both scripts are asked, with the defaults of one."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--sizes", nargs="+", default=["640x480", "1920x1080"], metavar="WxH")
    made.add_argument("--frames", type=int, default=frames, metavar="N", help=f"of each (default: {frames})")
    made.add_argument("--fps", type=float, default=fps, metavar="HZ", help=f"(default: {fps:g})")
    made.add_argument("--rounds", type=int, default=3, metavar="N", help="in turns (default: 3)")
    made.add_argument("--role", choices=("publish", "receive"), help=argparse.SUPPRESS)
    made.add_argument("--reliability", help=argparse.SUPPRESS)
    return made


def play(options: argparse.Namespace, depth: int, receive: Callable[[argparse.Namespace], None],
         compare: Callable[[argparse.Namespace], None]) -> None:
    """Be what the options ask for: one of the two processes, or the script that compares.

    Args:
        depth: of the publisher's queue.
    """
    if options.role == "publish":
        publish(options, depth)
    else:
        (receive if options.role == "receive" else compare)(options)


def measured(options: argparse.Namespace, size: str, publisher: End, receiver: End) -> tuple[int, float]:
    """How many images arrived, and the median of their age in ms."""
    def start(role: str, end: End) -> subprocess.Popen[str]:
        command = [sys.executable, sys.argv[0], "--role", role, "--sizes", size, "--frames", str(options.frames), "--fps",
                   str(options.fps), "--reliability", end.reliability]
        plain = {name: value for name, value in os.environ.items() if name not in PROFILE_VARIABLES}
        return subprocess.Popen(command, env={**plain, RANGE: "LOCALHOST", **end.profiles}, stdout=subprocess.PIPE, text=True)

    with start("receive", receiver) as receiving, start("publish", publisher):
        count, median = receiving.communicate()[0].split()
    return int(count), float(median)


def heading(options: argparse.Namespace, *names: str) -> str:
    """The head of a table whose rows end with `in_words`."""
    columns = [*names, f"received of {options.frames}, in {options.rounds} rounds", "median of the medians"]
    return f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"


def in_words(found: Sequence[tuple[int, float]]) -> str:
    """What was measured in all rounds, as the last two columns have it."""
    counts, medians = zip(*found, strict=True)
    return f"{', '.join(map(str, counts))} | {np.nanmedian(medians):.1f} ms"


def quality(reliability: str, depth: int) -> Any:
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    return QoSProfile(depth=depth, reliability=getattr(ReliabilityPolicy, reliability.upper()))


def publish(options: argparse.Namespace, depth: int) -> None:
    """Publish images at a steady rate as soon as somebody listens, until nobody does.

    Args:
        depth: of the publisher's queue.
    """
    import rclpy
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("publisher")
    width, height = map(int, options.sizes[0].split("x"))
    message = Image(width=width, height=height, encoding="bgr8", step=3 * width)
    message.data = array.array("B", bytes(3 * width * height))
    publisher = node.create_publisher(Image, TOPIC, quality(options.reliability, depth))
    while publisher.get_subscription_count() == 0:
        rclpy.spin_once(node, timeout_sec=0.05)
    time.sleep(1)  # the other end finds this one, too
    begun = time.monotonic()
    for number in range(options.frames):
        time.sleep(max(0.0, begun + number / options.fps - time.monotonic()))
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.time_ns(), 10**9)
        publisher.publish(message)
    while publisher.get_subscription_count() > 0:
        rclpy.spin_once(node, timeout_sec=0.05)


def receive(options: argparse.Namespace, subscribe: Callable[[Callable[[Any], None]], Callable[[float], object]]) -> None:
    """Receive images until all are there or none comes any more, and print what `measured` reads.

    Args:
        subscribe: to `TOPIC`, with what is to be called for each image; returns what spins for some seconds.
    """
    ages: list[float] = []

    def on_image(message: Any) -> None:
        ages.append((time.time_ns() - message.header.stamp.sec * 10**9 - message.header.stamp.nanosec) * 1e-6)

    spin = subscribe(on_image)
    last, heard = time.monotonic() + 30, 0
    while len(ages) < options.frames and time.monotonic() - last < 3:
        spin(0.1)
        if len(ages) > heard:
            last, heard = time.monotonic(), len(ages)
    print(len(ages), np.median(ages) if ages else "nan")
