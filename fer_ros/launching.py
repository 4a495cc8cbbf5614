"""What the launch files share: they start a graph of `fer_ros.graph`. Needs launch and launch_ros."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile, ParameterValue

from fer_ros.graph import PACKAGE, Graph, dds_environment, default_params_file

_COMMON = (
    ("namespace", "", "put before /camera and /fer"),
    ("params_file", str(default_params_file()), "parameters of all nodes"),
    ("overlay", "true", "whether to start the overlay node"),
    ("log_level", "info", "debug, info, warn, error or fatal"),
    ("respawn", "false", "whether to start a node again that ended"),
)


class Arguments:
    """The values of a launch file's arguments."""

    def __init__(self, context: LaunchContext):
        self._context = context

    def text(self, name: str) -> str:
        return LaunchConfiguration(name).perform(self._context)

    def flag(self, name: str) -> bool:
        """Raises RuntimeError where it is neither true nor false."""
        text = self.text(name).lower()
        if text not in ("true", "false", "1", "0"):
            raise RuntimeError(f"{name} must be true or false, not '{text}'")
        return text in ("true", "1")

    def named(self, kinds: Mapping[str, type]) -> dict[str, Any]:
        """Those of some arguments that are not empty, in their types. Raises RuntimeError where one is no such type."""
        given: dict[str, Any] = {}
        for name, kind in kinds.items():
            if not self.text(name):
                continue
            try:
                given[name] = self.flag(name) if kind is bool else kind(self.text(name))
            except ValueError:
                raise RuntimeError(f"{name} must be a number, not '{self.text(name)}'") from None
        return given


def launch_description(arguments: Iterable[tuple[str, str, str]],
                       graph: Callable[[Arguments, str, bool], Graph]) -> LaunchDescription:
    """A launch file's description.

    Args:
        arguments: its own arguments as (name, default, description), before those that all have.
        graph: makes the graph of the arguments, the namespace, and whether there is an overlay.
    """

    def nodes(context: LaunchContext) -> list[Node]:
        given = Arguments(context)
        params_file = Path(given.text("params_file"))
        if not params_file.is_file():
            raise RuntimeError(f"params_file '{params_file}' does not exist")
        made, respawn = graph(given, given.text("namespace"), given.flag("overlay")), given.flag("respawn")
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
                # Per node: whoever includes the file keeps the environment of the other nodes.
                additional_env=dds_environment(os.environ),
                # Without images there is nothing to do for the others: a file that is none ends the launch, with the reason.
                on_exit=Shutdown(reason=f"{node.executable} ended") if node is made.source and not respawn else None,
                output="screen",
            )
            for node in made.nodes
        ]

    return LaunchDescription(
        [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in (*arguments, *_COMMON)]
        + [OpaqueFunction(function=nodes)]
    )
