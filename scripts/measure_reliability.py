#!/usr/bin/env python3
"""How many of a driver's images reach pipeline_node, by what it asks for: "Images of other drivers" in
docs/explanation/performance.md.

    .venv/bin/python scripts/measure_reliability.py --sizes 640x480 1920x1080

A driver and a subscription of this package, each a process, on this machine, in turns. The driver's queue is 10 long, as that
of most drivers; it has this package's Fast DDS profile or none.
"""

from __future__ import annotations

import argparse
import array
import itertools
import os
import subprocess
import sys
import time

import numpy as np

from fer_ros.dds import PROFILE_VARIABLES, profile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["640x480", "1920x1080"], metavar="WxH")
    parser.add_argument("--frames", type=int, default=100, metavar="N", help="of each (default: 100)")
    parser.add_argument("--fps", type=float, default=15.0, metavar="HZ", help="(default: 15)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="in turns (default: 3)")
    parser.add_argument("--role", choices=("publish", "receive"), help=argparse.SUPPRESS)
    parser.add_argument("--reliability", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        (publish if options.role == "publish" else receive)(options)
        return
    print(f"| images | the driver offers | its profile | image_reliability | received of {options.frames}, in "
          f"{options.rounds} rounds | median of the medians |\n|---|---|---|---|---|---|")
    rows: dict[tuple[str, str, bool, str], list[tuple[int, float]]] = {}
    for _, size, offered, profiled, asked in itertools.product(
            range(options.rounds), options.sizes, ("best_effort", "reliable"), (False, True), ("best_effort", "auto")):
        rows.setdefault((size, offered, profiled, asked), []).append(once(size, offered, profiled, asked, options))
    for (size, offered, profiled, asked), found in rows.items():
        counts, medians = zip(*found, strict=True)
        print(f"| {size} | {offered.replace('_', ' ')} | {'ours' if profiled else 'none'} | {asked} | "
              f"{', '.join(map(str, counts))} | {np.nanmedian(medians):.1f} ms |", flush=True)


def once(size: str, offered: str, profiled: bool, asked: str, options: argparse.Namespace) -> tuple[int, float]:
    """How many images arrived, and the median of their age in ms."""
    def start(role: str, reliability: str, files: dict[str, str]) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--role", role, "--sizes", size, "--frames", str(options.frames), "--fps",
                   str(options.fps), "--reliability", reliability]
        plain = {name: value for name, value in os.environ.items() if name not in PROFILE_VARIABLES}
        environment = {**plain, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", **files}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    ours = {name: str(profile(name, local=True, images=True)) for name in PROFILE_VARIABLES} if profiled else {}
    small = {name: str(profile(name, local=True, images=False)) for name in PROFILE_VARIABLES}
    with start("receive", asked, small) as receiver, start("publish", offered, ours):
        count, median = receiver.communicate()[0].split()
    return int(count), float(median)


def publish(options: argparse.Namespace) -> None:
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image

    rclpy.init()
    node = rclpy.create_node("driver")
    width, height = map(int, options.sizes[0].split("x"))
    message = Image(width=width, height=height, encoding="bgr8", step=3 * width)
    message.data = array.array("B", bytes(3 * width * height))
    publisher = node.create_publisher(Image, "measured_images", QoSProfile(
        depth=10, reliability=getattr(ReliabilityPolicy, options.reliability.upper())))
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
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.parameter import Parameter

    from fer_ros.parameters.node_params import SharedImageParams
    from fer_ros.ros.node import FerNode

    ages: list[float] = []

    class Receiver(FerNode):
        NAME = "receiver"
        PARAMS = (SharedImageParams,)

        def start(self) -> None:
            self.subscribe_images("measured_images", self._on_image, self.params[SharedImageParams])

        def _on_image(self, message) -> None:
            ages.append((time.time_ns() - message.header.stamp.sec * 10**9 - message.header.stamp.nanosec) * 1e-6)

    rclpy.init(args=["--ros-args", "--log-level", "error"])
    node = Receiver(parameter_overrides=[Parameter("image_reliability", value=options.reliability)])
    node.trigger_configure()
    node.trigger_activate()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    last, heard = time.monotonic() + 30, 0
    while len(ages) < options.frames and time.monotonic() - last < 3:
        executor.spin_once(timeout_sec=0.1)
        if len(ages) > heard:
            last, heard = time.monotonic(), len(ages)
    print(len(ages), np.median(ages) if ages else "nan")


if __name__ == "__main__":
    main()
