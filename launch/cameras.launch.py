# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Several cameras in one process: `ros2 launch fer_ros cameras.launch.py cameras:=cameras.yaml`.

The nodes and their wiring are described once, in fer_ros.graph; the arguments in fer_ros.launch_arguments.
"""

from typing import Any

from launch import LaunchDescription

from fer_ros.graph import CamerasGraph, cameras_graph
from fer_ros.launching import Arguments, launch_description, several_cameras
from fer_ros.media.source_name import path_of
from fer_ros.parameters.cameras_file import read_cameras


def _graph(given: Arguments, **how: Any) -> CamerasGraph:
    file = given.text("cameras")
    if not file:
        raise ValueError("cameras is empty: name a file with a list of cameras, each as `- {name: left, source: /dev/video0}`")
    return cameras_graph(read_cameras(path_of(file)), **several_cameras(given), **how)


def generate_launch_description() -> LaunchDescription:
    return launch_description("cameras", _graph)
