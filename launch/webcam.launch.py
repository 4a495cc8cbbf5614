"""Camera, face detector, emotion and overlay: `ros2 launch fer_ros webcam.launch.py source:=0`.

The nodes and their wiring are described once, in fer_ros.graph, for this file and for `fer-ros run`.
"""

import os
from pathlib import Path

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

from fer_ros.graph import PACKAGE, dds_environment, default_params_file, webcam_graph

_TYPES = {"source": str, "width": int, "height": int, "fps": float}

ARGUMENTS = (
    ("source", "", "device index or /dev/videoN, video file, image folder, rtsp:// or http:// URL, or 'demo'; "
     "empty takes it from params_file"),
    ("width", "", "width of a frame in pixels; empty takes it from params_file"),
    ("height", "", "height of a frame in pixels; empty takes it from params_file"),
    ("fps", "", "frames per second; empty takes it from params_file"),
    ("namespace", "", "put before /camera and /fer"),
    ("params_file", str(default_params_file()), "parameters of all nodes"),
    ("overlay", "true", "whether to start the overlay node"),
    ("log_level", "info", "debug, info, warn, error or fatal"),
    ("respawn", "false", "whether to start a node again that ended"),
)


def _flag(context: LaunchContext, name: str) -> bool:
    text = LaunchConfiguration(name).perform(context).lower()
    if text not in ("true", "false", "1", "0"):
        raise RuntimeError(f"{name} must be true or false, not '{text}'")
    return text in ("true", "1")


def _camera(context: LaunchContext) -> dict:
    """The camera's parameters that were named on the command line, in their types."""
    given = {}
    for name, kind in _TYPES.items():
        text = LaunchConfiguration(name).perform(context)
        if text:
            try:
                given[name] = kind(text)
            except ValueError:
                raise RuntimeError(f"{name} must be a number, not '{text}'") from None
    return given


def _nodes(context: LaunchContext) -> list:
    params_file = Path(LaunchConfiguration("params_file").perform(context))
    if not params_file.is_file():
        raise RuntimeError(f"params_file '{params_file}' does not exist")
    respawn = _flag(context, "respawn")
    graph = webcam_graph(
        _camera(context), namespace=LaunchConfiguration("namespace").perform(context), overlay=_flag(context, "overlay")
    )
    return [
        Node(
            package=PACKAGE,
            executable=node.executable,
            name=node.executable,
            namespace=node.namespace,
            parameters=[
                ParameterFile(str(source)) if isinstance(source, Path) else
                {name: ParameterValue(value, value_type=type(value)) for name, value in source.items()}
                for source in node.parameter_sources(params_file)
            ],
            remappings=list(node.remappings.items()),
            arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
            respawn=respawn,
            respawn_delay=2.0,
            # Per node: whoever includes this file keeps the environment of the other nodes.
            additional_env=dds_environment(os.environ),
            # Without images there is nothing to do for the others: a file that is none ends the launch, with the reason.
            on_exit=Shutdown(reason="camera_node ended") if node.executable == "camera_node" and not respawn else None,
            output="screen",
        )
        for node in graph.nodes
    ]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription(
        [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in ARGUMENTS]
        + [OpaqueFunction(function=_nodes)]
    )
