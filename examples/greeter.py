#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A robot that greets whoever smiles at it, each person once.

Beside the graph (`ros2 launch fer_ros webcam.launch.py`):

    python3 examples/greeter.py --ros-args -r events:=/fer/events -p confidence:=0.6

How long a smile must last is the graph's to know: emotion_node's event_hold and appear_hold. It publishes what it says on
`greetings` (std_msgs/String), for a speech synthesizer, say.
"""

from __future__ import annotations

import rclpy
from rcl_interfaces.srv import SetParameters
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String

from fer_ros.msg import EmotionEvent


class Greeter(Node):
    """Reacts to events alone: nothing is done in a frame in which nothing changes."""

    def __init__(self, **options) -> None:
        super().__init__("greeter", **options)
        self._confidence = self.declare_parameter("confidence", 0.6).value
        self._greeted: set[str] = set()
        self._greetings = self.create_publisher(String, "greetings", 10)
        self.create_subscription(EmotionEvent, "events", self._on_event, 10)

    def _on_event(self, event: EmotionEvent) -> None:
        if event.kind == EmotionEvent.LEFT:
            self._greeted.discard(event.face_id)
        elif event.label == "happy" and event.confidence >= self._confidence and event.face_id not in self._greeted:
            self._greeted.add(event.face_id)
            self.get_logger().info(f"face {event.face_id} smiles: hello!")
            self._greetings.publish(String(data=f"Hello, number {event.face_id}!"))


def main() -> None:
    rclpy.init()
    try:
        greeter = Greeter()
        take_smile_time(greeter)
        rclpy.spin(greeter)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


def take_smile_time(greeter: Node) -> None:
    """How long a smile must last was the greeter's own parameter in version 0.1: it still holds, and goes in version 0.3."""
    seconds = greeter.declare_parameter("smile_time", 0.0).value
    if seconds <= 0:
        return
    node = f"{greeter.resolve_topic_name('events').rpartition('/')[0]}/emotion_node"
    greeter.get_logger().warning(f"smile_time is old: it sets event_hold and appear_hold of {node}; set these instead")
    client = greeter.create_client(SetParameters, f"{node}/set_parameters")
    if not client.wait_for_service(timeout_sec=10.0):
        greeter.get_logger().error(f"{node} is not there: smile_time has no effect")
        return
    holds = [Parameter(name, value=float(seconds)).to_parameter_msg() for name in ("event_hold", "appear_hold")]
    client.call_async(SetParameters.Request(parameters=holds))


if __name__ == "__main__":
    main()
