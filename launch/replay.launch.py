"""A recorded bag in the camera's place: `ros2 launch fer_ros replay.launch.py bag:=/path/to/bag`.

The nodes and their wiring are described once, in fer_ros.graph, for this file and for `fer-ros replay`.
"""

from typing import Any

from launch import LaunchDescription

from fer_ros.graph import Graph, replay_graph
from fer_ros.launching import Arguments, launch_description
from fer_ros.parameters.params import build
from fer_ros.parameters.replay_params import ReplayParams

ARGUMENTS = (
    ("bag", "", "folder of a rosbag2, its .mcap or .db3 file, or a .bag of ROS 1; empty takes it from params_file"),
    ("topic", "", "topic with the images, raw or compressed; empty takes the only one there is"),
    ("rate", "", "how many times as fast as it was recorded; empty takes it from params_file"),
    ("loop", "", "whether to play it again when it ends; empty takes it from params_file"),
    ("clock", "", "whether to publish the time of the recording on /clock, which the other nodes then use"),
)


def _graph(given: Arguments, **how: Any) -> Graph:
    replay = given.named({"bag": str, "topic": str, "rate": float, "loop": bool, "clock": bool})
    if "bag" in replay:  # else params_file may name one
        try:  # what is wrong is said before anything is started
            from fer_ros.bags.player import BagPlayer

            BagPlayer(build(ReplayParams, replay)).close()
        except (ImportError, ValueError) as error:
            raise RuntimeError(str(error)) from None
    return replay_graph(replay, **how)


def generate_launch_description() -> LaunchDescription:
    return launch_description(ARGUMENTS, _graph)
