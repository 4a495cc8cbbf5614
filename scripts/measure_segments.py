#!/usr/bin/env python3
"""How many images arrive, and how late, through shared memory segments of several sizes: "Shared memory" in
docs/explanation/performance.md.

    .venv/bin/python scripts/measure_segments.py --segments 8 16 32 --sizes 640x480 1920x1080

A publisher and a subscriber, each a process, on this machine; the shipped Fast DDS profiles with another segment size.
"""

from __future__ import annotations

import argparse
import array
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fer_ros.dds import PROFILE_VARIABLES, profile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, nargs="+", default=[8, 16, 32], metavar="MiB", help="(default: 8 16 32)")
    parser.add_argument("--sizes", nargs="+", default=["640x480", "1920x1080"], metavar="WxH")
    parser.add_argument("--frames", type=int, default=150, metavar="N", help="of each (default: 150)")
    parser.add_argument("--fps", type=float, default=30.0, metavar="HZ", help="(default: 30)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="in turns (default: 3)")
    parser.add_argument("--role", choices=("publish", "receive"), help=argparse.SUPPRESS)
    parser.add_argument("--reliable", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        (publish if options.role == "publish" else receive)(options)
        return
    print("| images | reliability | segment | received of "
          f"{options.frames}, in {options.rounds} rounds | median of the medians |\n|---|---|---|---|---|")
    rows: dict[tuple[str, bool, int], list[tuple[int, float]]] = {}
    for _, size, segment, reliable in itertools.product(range(options.rounds), options.sizes, options.segments, (False, True)):
        rows.setdefault((size, reliable, segment), []).append(once(size, segment, reliable, options))
    for (size, reliable, segment), found in sorted(rows.items()):
        counts, medians = zip(*found, strict=True)
        print(f"| {size} | {'reliable' if reliable else 'best effort'} | {segment} MiB | {', '.join(map(str, counts))} | "
              f"{np.median(medians):.1f} ms |")


def once(size: str, segment: int, reliable: bool, options: argparse.Namespace) -> tuple[int, float]:
    """How many images arrived, and the median of their age in ms."""
    with tempfile.TemporaryDirectory() as folder:
        changed = {name: str(Path(folder) / f"{name}.xml") for name in PROFILE_VARIABLES}
        for name, file in changed.items():
            text = profile(name, local=True, images=True).read_text(encoding="utf-8")
            Path(file).write_text(re.sub(r"(?<=<segment_size>)\d+", str(segment * 2**20), text), encoding="utf-8")
        small = {name: str(profile(name, local=True, images=False)) for name in PROFILE_VARIABLES}

        def start(role: str, files: dict[str, str]) -> subprocess.Popen[str]:
            command = [sys.executable, __file__, "--role", role, "--sizes", size, "--frames", str(options.frames), "--fps",
                       str(options.fps), *(["--reliable"] if reliable else [])]
            environment = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", **files}
            return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

        with start("receive", small) as receiver, start("publish", changed):
            count, median = receiver.communicate()[0].split()
    return int(count), float(median)


def publish(options: argparse.Namespace) -> None:
    import rclpy
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("publisher")
    width, height = map(int, options.sizes[0].split("x"))
    message = Image(width=width, height=height, encoding="bgr8", step=3 * width)
    message.data = array.array("B", bytes(3 * width * height))
    publisher = node.create_publisher(Image, "measured_images", quality(options))
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


def receive(options: argparse.Namespace) -> None:
    import rclpy
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("receiver")
    ages: list[float] = []

    def on_image(message: Image) -> None:
        ages.append((time.time_ns() - message.header.stamp.sec * 10**9 - message.header.stamp.nanosec) * 1e-6)

    node.create_subscription(Image, "measured_images", on_image, quality(options))
    last, heard = time.monotonic() + 30, 0
    while len(ages) < options.frames and time.monotonic() - last < 3:
        rclpy.spin_once(node, timeout_sec=0.1)
        if len(ages) > heard:
            last, heard = time.monotonic(), len(ages)
    print(len(ages), np.median(ages) if ages else "nan")


def quality(options: argparse.Namespace):
    from rclpy.qos import QoSProfile, ReliabilityPolicy

    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE if options.reliable else ReliabilityPolicy.BEST_EFFORT)


if __name__ == "__main__":
    main()
