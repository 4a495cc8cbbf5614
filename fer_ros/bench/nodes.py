# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The nodes of one process, given images as fast as they take them."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Sequence

import rclpy
from std_msgs.msg import Header

from fer_ros.bench.timing import Spread
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.ros.exchange import Exchange, LocalImage, Worker
from fer_ros.ros.joining import join
from fer_ros.ros.node import FerNode
from fer_ros.types import Image

FPS = 30


def unpaced(images: Sequence[Image], frames: int, cores: int) -> float:
    """Seconds that a frame takes through detector and emotion node, which work at the same time, on so many cores.

    The median over ten parts of the run, each after the other, none with a pause.
    """
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])  # of this thread, and of those that it starts
    join()
    exchange, worker = Exchange(lossless=True), Worker()
    nodes: list[FerNode] = []
    arguments = ["--ros-args", "-r", f"__ns:=/fer_bench_{os.getpid()}"]
    try:
        for node_class in (FaceDetectorNode, EmotionNode):
            node: FerNode = node_class(exchange=exchange, cli_args=arguments)
            nodes.append(node)
            exchange.topics.update(map(node.resolve_topic_name, (*node.LOCAL_OUTPUTS, "image")))
        for node in nodes:
            node.trigger_configure()
            node.trigger_activate()
        topic, answers = nodes[0].resolve_topic_name("image"), nodes[1].resolve_topic_name("emotions")
        done = threading.Semaphore(0)
        exchange.subscribe(answers, worker, lambda message: done.release(), 100)
        part = max(frames // 10, 1)
        took = []
        for number in range(part * 11 + 1):
            header = Header()
            header.stamp.sec, rest = divmod(FPS + number, FPS)  # from 1 s on: 0 stands for no stamp
            header.stamp.nanosec = rest * 10**9 // FPS
            if number % part == 0:
                took.append(time.perf_counter())
            exchange.put(topic, LocalImage(header, images[number % len(images)]))
        for _ in range(part * 11 + 1):
            if not done.acquire(timeout=60):
                raise ValueError("a frame got no answer within a minute")
        # The first part warms up.
        return Spread.of([(b - a) / part for a, b in itertools.pairwise(took[1:])]).p50
    finally:
        for node in nodes:
            node.release()
            node.destroy_node()
        worker.end()
        rclpy.try_shutdown()
        os.sched_setaffinity(0, allowed)
