# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Nodes in this process, in a ROS domain of their own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

# Before rclpy is initialized: tests talk to nobody but themselves. Higher domains use ports that Linux hands out freely.
os.environ["ROS_DOMAIN_ID"] = str(1 + os.getpid() % 90)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
if os.environ.get("ROS_DISTRO") == "humble":  # Humble's name for it, of which later ones complain
    os.environ["ROS_LOCALHOST_ONLY"] = "1"

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.bags.annotate import Annotator
from fer_ros.bags.reader import BagReader
from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.pipeline import PARAMS
from fer_ros.ros.exchange import Exchange
from fer_ros.ros.images import from_bgr
from fer_ros.ros.messages import emotions_to_message, event_to_message, faces_to_message
from fer_ros.ros.node import FerNode


class Bench:
    """Nodes under test, and a node that speaks with them."""

    def __init__(self) -> None:
        self.tester = Node("tester")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.tester)
        self.nodes: list[FerNode] = []
        self._strangers: list[tuple[rclpy.Context, Node]] = []

    def add(self, node_class: type[FerNode], start: bool = True, remap: str = "", exchange: Exchange | None = None,
            **parameters: Any) -> FerNode:
        """Make a node with parameters, topics remapped (FROM:=TO ...); unless `start` is false, configure and activate it."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = node_class(exchange=exchange, parameter_overrides=overrides,
                          cli_args=["--ros-args", *(word for rule in remap.split() for word in ("-r", rule))])
        self.executor.add_node(node)
        self.nodes.append(node)
        if start:
            node.trigger_configure()
            node.trigger_activate()
        return node

    def listen(self, kind: type, topic: str, depth: int = 50) -> list:
        """Subscribe; the list fills up with what comes."""
        heard: list = []
        self.tester.create_subscription(kind, topic, heard.append, QoSProfile(depth=depth))
        return heard

    def speak(self, kind: type, topic: str) -> Callable[[Any], None]:
        """A publisher that has found its subscriber."""
        publisher = self.tester.create_publisher(kind, topic, QoSProfile(depth=50))
        self.wait_for(lambda: publisher.get_subscription_count() > 0, f"a subscriber of {topic}")
        return publisher.publish

    def stranger(self, kind: type, topic: str, qos: QoSProfile | int = 10) -> Publisher:
        """A publisher of a process of its own, as far as ROS knows: within one, a topic has one type."""
        context = rclpy.Context()
        rclpy.init(context=context)
        node = Node("stranger", context=context)
        self._strangers.append((context, node))
        return node.create_publisher(kind, topic, qos)

    def call(self, kind: type, name: str, request: Any) -> Any:
        # On a machine with much else to do, rmw_fastrtps has once not told a client of its server, ever: then another asks.
        clients = [self.tester.create_client(kind, name)]
        started = time.monotonic()

        def is_ready() -> bool:
            if time.monotonic() - started > 10 * len(clients):
                clients.append(self.tester.create_client(kind, name))
            return any(client.service_is_ready() for client in clients)

        self.wait_for(is_ready, f"the service {name}")
        future = next(client for client in clients if client.service_is_ready()).call_async(request)
        self.wait_for(future.done, f"an answer of {name}")
        return future.result()

    def wait_for(self, condition: Callable[[], Any], what: str, seconds: float = 60.0) -> None:
        """Spin until something holds; a deadline so far off that only a failure meets it."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {seconds:g} s in vain for {what}")
            self.executor.spin_once(timeout_sec=0.02)

    def spin(self, seconds: float) -> None:
        """Give something that must not happen the time to happen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.executor.spin_once(timeout_sec=0.02)

    def close(self) -> None:
        for node in self.nodes:
            node.release()
        # In rclpy an executor that has just called a waitable, an event of a subscription say, keeps all that it waited for in
        # use until it waits again: without this the nodes stay in the graph of the next test until garbage is collected.
        self.executor.shutdown(timeout_sec=0)
        for node in (*self.nodes, self.tester):
            node.destroy_node()
        for context, node in self._strangers:
            node.destroy_node()
            rclpy.shutdown(context=context)


@pytest.fixture
def bench() -> Iterator[Bench]:
    rclpy.init()
    made = Bench()
    try:
        yield made
    finally:
        made.close()
        rclpy.shutdown()


@pytest.fixture(scope="session")
def golden() -> Callable[[Path], list[tuple[Detection2DArray, EmotionArray]]]:
    """What `fer-ros annotate` makes of a bag, as the messages that a graph should publish."""

    def of(bag: Path) -> list[tuple[Detection2DArray, EmotionArray]]:
        annotator, found = Annotator(parameters(PARAMS, [])), []
        with BagReader(bag) as reader:
            for frame in reader.frames(reader.image_topic()):
                one = annotator(frame)
                header = Header(frame_id=frame.frame_id)
                header.stamp.sec, header.stamp.nanosec = divmod(frame.stamp, 10**9)
                found.append((faces_to_message(one.faces, header), emotions_to_message(one.emotions, header, annotator.model)))
        return found

    return of


@pytest.fixture(scope="session")
def golden_events() -> Callable[[Path], list[EmotionEvent]]:
    """The same of its events, up to its last image."""

    def of(bag: Path) -> list[EmotionEvent]:
        annotator, found = Annotator(parameters(PARAMS, [])), []
        with BagReader(bag) as reader:
            for frame in reader.frames(reader.image_topic()):
                for event in annotator(frame).events:
                    header = Header(frame_id=frame.frame_id)
                    header.stamp.sec, header.stamp.nanosec = divmod(event.frame.stamp, 10**9)
                    found.append(event_to_message(event, header))
        return found

    return of


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """The demo clip's first frame: one smiling face, 640x480."""
    source = open_source(SourceParams(source="demo", realtime=False))
    image = source.read()
    source.close()
    return image


def image_message(pixels: np.ndarray, sec: int = 1, nanosec: int = 0) -> Image:
    """A bgr8 message with a stamp."""
    header = Header(frame_id="camera_optical_frame")
    header.stamp.sec, header.stamp.nanosec = sec, nanosec
    return from_bgr(pixels, header)


@pytest.fixture(scope="session")
def message_of() -> Callable[..., Image]:
    return image_message
