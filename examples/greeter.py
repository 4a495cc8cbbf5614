#!/usr/bin/env python3
"""A robot that greets whoever smiles at it for a second, each person once.

Beside the graph (`ros2 launch fer_ros webcam.launch.py`):

    python3 examples/greeter.py --ros-args -r emotions:=/fer/emotions -p smile_time:=1.0

It publishes what it says on `greetings` (std_msgs/String), for a speech synthesizer, say.
"""

from __future__ import annotations

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from std_msgs.msg import String

from fer_ros.msg import EmotionArray


class Greeter(Node):
    """Counts for each face how long it has smiled, by the images' own stamps: right in a replayed bag, too."""

    def __init__(self, **options) -> None:
        super().__init__("greeter", **options)
        self._smile_time = self.declare_parameter("smile_time", 1.0).value
        self._confidence = self.declare_parameter("confidence", 0.6).value
        self._smiling_since: dict[str, float] = {}
        self._greeted: set[str] = set()
        self._stamp = 0.0
        self._greetings = self.create_publisher(String, "greetings", 10)
        self.create_subscription(EmotionArray, "emotions", self._on_emotions, 10)

    def _on_emotions(self, message: EmotionArray) -> None:
        stamp = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        if stamp <= 0:  # an answer that says nothing of its time
            return
        if stamp < self._stamp:  # a bag that starts again
            self._smiling_since.clear()
            self._greeted.clear()
        self._stamp = stamp
        smiling = {
            face.face_id for face in message.emotions
            if face.face_id and face.label == "happy" and face.confidence >= self._confidence
        }
        # Who has stopped smiling, or left, starts anew.
        self._smiling_since = {face: self._smiling_since.get(face, stamp) for face in smiling}
        for face, since in self._smiling_since.items():
            if face not in self._greeted and stamp - since >= self._smile_time:
                self._greeted.add(face)
                self.get_logger().info(f"face {face} has smiled for {stamp - since:.1f} s: hello!")
                self._greetings.publish(String(data=f"Hello, number {face}!"))


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
