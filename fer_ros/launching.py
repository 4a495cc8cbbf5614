"""What the launch files share: they start a graph of `fer_ros.graph`. Needs launch and launch_ros."""

from __future__ import annotations

import atexit
import functools
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from launch import Event, EventHandler, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, LogInfo, OpaqueFunction, RegisterEventHandler
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile
from launch_ros.utilities import prefix_namespace

from fer_ros.graph import HRI, PACKAGE, Graph, Privacy, check_params_file, default_params_file
from fer_ros.parameters.privacy_params import MODES
from fer_ros.system.orphans import bound_to_this_process
from fer_ros.system.process_title import hide_secrets_in_arguments
from fer_ros.words import exit_reason

_COMMON = (
    ("namespace", "", "put before /camera and /fer"),
    ("params_file", str(default_params_file()), "parameters of all nodes"),
    ("overlay", "true", "whether to start the overlay node"),
    ("web", "false", "whether to serve a live page"),
    ("web_host", "", "address that the page is served on; empty takes it from params_file, which is this machine alone"),
    ("web_port", "", "port of the page; empty takes it from params_file"),
    ("web_control", "", "whether the page can change anything; empty takes it from params_file"),
    ("anonymize", "", f"what is done to faces in overlay and page: {', '.join(MODES)}; empty takes it from params_file"),
    ("ids", "true", "whether faces have ids, by which a person can be followed from frame to frame"),
    ("faces", "", "topic with another detector's faces (vision_msgs/Detection2DArray), in place of a detector node; 'hri' "
     "takes those of a ROS4HRI detector"),
    ("hri", "false", "whether to publish faces and expressions on the topics of REP-155 (ROS4HRI)"),
    ("humans_namespace", "", "namespace of those topics, read and published; empty takes it from params_file, which is "
     "/humans"),
    ("composed", "true", "all nodes in one process, which is faster; or each in its own"),
    ("log_level", "info", "debug, info, warn, error or fatal"),
    ("respawn", "false", "whether to start a process again that ended; otherwise the graph ends with it"),
)


class Arguments:
    """The values of a launch file's arguments."""

    def __init__(self, context: LaunchContext):
        self._context = context

    def text(self, name: str) -> str:
        value: str = LaunchConfiguration(name).perform(self._context)
        return value

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


class GraphFailed(Event):
    """A process ended that the graph cannot do without."""

    name = "fer_ros.GraphFailed"

    def __init__(self, reason: str):
        self.reason = reason


def _fail(context: LaunchContext) -> None:
    """End everything with a status that is not 0, as launch does for an error and not for a Shutdown.

    The error follows an event of its own: it keeps the handlers that come after it from seeing the event.
    """
    raise RuntimeError(context.locals.event.reason)


def _ended(name: str, respawn: bool, event: ProcessExited, context: LaunchContext) -> list[Any]:
    """What follows the end of a process: without any one of them the graph only looks alive."""
    if context.is_shutdown:  # all end
        return []
    told = f"{name} ended with {exit_reason(event.returncode)}"
    if respawn:
        return [LogInfo(msg=f"{told}: it is started again")]
    return [EmitEvent(event=GraphFailed(f"{told}: the others end, too (respawn:=true starts it again)"))]


def _web(given: Arguments) -> dict[str, Any] | None:
    """Parameters of the web node that are named; None where there is none."""
    named = given.named({"web_host": str, "web_port": int, "web_control": bool})
    if not given.flag("web"):
        if named:
            raise RuntimeError(f"{', '.join(named)} is about the live page: add web:=true")
        return None
    return {name if name == "web_control" else name.removeprefix("web_"): value for name, value in named.items()}


def _namespace(given: Arguments, context: LaunchContext) -> str:
    """The namespace of the graph, below the one that an including launch file has pushed."""
    pushed = context.launch_configurations.get("ros_namespace")
    return prefix_namespace(pushed, given.text("namespace") or None) or ""


def _privacy(given: Arguments) -> Privacy:
    anonymize = given.text("anonymize")
    if anonymize and anonymize not in MODES:
        raise RuntimeError(f"anonymize must be one of {', '.join(MODES)}, not '{anonymize}'")
    return Privacy(anonymize, given.flag("ids"))


def _humans(given: Arguments) -> dict[str, Any]:
    """What `fer_ros.graph` is told of the topics of REP-155."""
    place, publishes = given.text("humans_namespace"), given.flag("hri")
    if place and not publishes and given.text("faces") != HRI:
        raise RuntimeError("humans_namespace is about the topics of REP-155: add hri:=true or faces:=hri")
    return {"faces": given.text("faces"), "hri": publishes, "humans_namespace": place}


def launch_description(arguments: Iterable[tuple[str, str, str]], graph: Callable[..., Graph]) -> LaunchDescription:
    """A launch file's description.

    Args:
        arguments: its own arguments as (name, default, description), before those that all have.
        graph: makes the graph of the arguments and, by name, of what `fer_ros.graph` says of all graphs.
    """

    hide_secrets_in_arguments()  # those of `ros2 launch`, whose process this is

    def processes(context: LaunchContext) -> list[Any]:
        given = Arguments(context)
        params_file = Path(given.text("params_file"))
        respawn = given.flag("respawn")
        try:
            made = graph(given, namespace=_namespace(given, context), overlay=given.flag("overlay"),
                         composed=given.flag("composed"), web=_web(given), privacy=_privacy(given),
                         **_humans(given))
            check_params_file(params_file, made)
        except ValueError as error:
            raise RuntimeError(str(error)) from None
        folder = tempfile.TemporaryDirectory(prefix="fer_ros_")
        atexit.register(folder.cleanup)  # not at shutdown: a process that is still starting reads its files then
        nodes = [
            Node(
                package=PACKAGE,
                executable=process.node.executable,
                name=process.node.executable,
                namespace=process.node.namespace,
                parameters=[ParameterFile(str(file)) for file in process.parameter_files(params_file, Path(folder.name))],
                remappings=list(process.node.remappings.items()),
                arguments=["--ros-args", "--log-level", LaunchConfiguration("log_level")],
                additional_env=bound_to_this_process(),
                respawn=respawn,
                respawn_delay=2.0,
                on_exit=functools.partial(_ended, process.node.full_name, respawn),
                output="screen",
            )
            for process in made.processes
        ]
        failed = EventHandler(matcher=lambda event: isinstance(event, GraphFailed), entities=[OpaqueFunction(function=_fail)])
        return [RegisterEventHandler(failed), *nodes]

    return LaunchDescription(
        [DeclareLaunchArgument(name, default_value=value, description=text) for name, value, text in (*arguments, *_COMMON)]
        + [OpaqueFunction(function=processes)]
    )
