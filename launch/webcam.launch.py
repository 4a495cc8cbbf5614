# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Camera, face detector, emotion and overlay: `ros2 launch fer_ros webcam.launch.py source:=0`.

The nodes and their wiring are described once, in fer_ros.graph, for this file and for `fer-ros run`; the arguments in
fer_ros.launch_arguments.
"""

from typing import Any

from launch import LaunchDescription

from fer_ros.graph import Graph, webcam_graph
from fer_ros.launching import Arguments, launch_description, one_camera


def _graph(given: Arguments, **how: Any) -> Graph:
    image, of_a_camera = given.text("image"), given.only_of("camera_node")
    if image and of_a_camera:
        raise ValueError(f"image:={image} is in place of a camera node: {', '.join(of_a_camera)} cannot be given as well")
    return webcam_graph(given.parameters("camera_node"), image=image, **one_camera(given), **how)


def generate_launch_description() -> LaunchDescription:
    return launch_description("webcam", _graph)
