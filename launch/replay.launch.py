# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A recorded bag in the camera's place: `ros2 launch fer_ros replay.launch.py bag:=/path/to/bag`.

The nodes and their wiring are described once, in fer_ros.graph, for this file and for `fer-ros replay`; the arguments in
fer_ros.launch_arguments.
"""

from typing import Any

from launch import LaunchDescription

from fer_ros.graph import Graph, replay_graph
from fer_ros.launching import Arguments, launch_description, one_camera
from fer_ros.parameters.params import build
from fer_ros.parameters.replay_params import ReplayParams


def _graph(given: Arguments, **how: Any) -> Graph:
    replay = given.parameters("replay_node")
    if "bag" in replay:  # else params_file may name one
        try:  # what is wrong is said before anything is started
            from fer_ros.bags.player import BagPlayer

            BagPlayer(build(ReplayParams, replay)).close()
        except ImportError as error:
            raise ValueError(str(error)) from None
    return replay_graph(replay, **one_camera(given), **how)


def generate_launch_description() -> LaunchDescription:
    return launch_description("replay", _graph)
