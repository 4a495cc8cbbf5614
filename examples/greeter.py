#!/usr/bin/env python3
"""A robot that greets whoever smiles at it, each person once.

Beside the graph (`ros2 launch fer_ros webcam.launch.py`):

    python3 examples/greeter.py --ros-args -r events:=/fer/events -p confidence:=0.6

How long a smile must last is the graph's to know: emotion_node's event_hold and appear_hold. It publishes what it says on
`greetings` (std_msgs/String), for a speech synthesizer, say.
"""

from __future__ import annotations

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
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
        rclpy.spin(Greeter())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
