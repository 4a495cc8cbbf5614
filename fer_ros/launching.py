# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the launch files share: they start a graph of `fer_ros.graph`. Needs launch and launch_ros."""

from __future__ import annotations

import atexit
import functools
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from launch import Event, EventHandler, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, GroupAction, LogInfo, OpaqueFunction, RegisterEventHandler
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile
from launch_ros.utilities import prefix_namespace

from fer_ros.graph import (
    HRI,
    PACKAGE,
    CamerasGraph,
    G,
    Graph,
    Privacy,
    check_named,
    check_params_file,
    default_params_file,
    with_group_parameters,
    with_named,
    with_ports,
)
from fer_ros.launch_arguments import Argument, arguments_of
from fer_ros.media.source_name import SourceError, filled_in, is_finite, without_secrets
from fer_ros.parameters.params import build
from fer_ros.renaming import in_order, renamed
from fer_ros.resources import model_file, users_file
from fer_ros.system.orphans import bound_to_this_process
from fer_ros.system.process_title import hide_secrets_in_arguments
from fer_ros.words import exit_reason, nearest, one_line


class Arguments:
    """The values of a launch file's arguments.

    Args:
        known: the arguments that it has.
    """

    def __init__(self, context: LaunchContext, known: Sequence[Argument]):
        self._context, self._known = context, known

    def has(self, name: str) -> bool:
        """Whether the launch file has an argument."""
        return any(one.name == name for one in self._known)

    def text(self, name: str) -> str:
        value: str = LaunchConfiguration(name).perform(self._context)
        return value

    def flag(self, name: str) -> bool:
        """Raises ValueError where it is neither true nor false."""
        text = self.text(name).lower()
        if text not in ("true", "false", "1", "0"):
            raise ValueError(f"{name} must be true or false, not '{self.text(name)}'")
        return text in ("true", "1")

    def parameters(self, node: str) -> dict[str, Any]:
        """Those of a node that are named. Raises ValueError where one is not allowed."""
        return {one.parameter: self._value(one) for one in self._named() if node in one.nodes}

    def only_of(self, node: str) -> list[str]:
        """The arguments that are named and are about that node alone."""
        return [one.name for one in self._named() if one.nodes == (node,)]

    def check(self, graph: Graph | CamerasGraph) -> None:
        """Raises ValueError where an argument has a value that is not allowed, or is about a node that the graph has not."""
        there = {node.executable for process in graph.processes for node in process.nodes}
        for one in self._known:
            if one.choices and self.text(one.name) not in one.choices:
                raise ValueError(f"{one.name} must be one of {', '.join(filter(None, one.choices))}, not "
                                 f"'{self.text(one.name)}'")
        for one in self._named():
            if not there.intersection(one.nodes):
                raise ValueError(f"{one.name} is about {' and '.join(one.nodes)}, which the graph has not")

    def misspelt(self) -> list[str]:
        """What to say of arguments that nobody has and that look like one of these.

        Those of the command line, and those that an including launch file gives: launch passes over both. What that file has
        for itself looks the same, so of these only what looks like an argument that is left at its default is told.
        """
        defaults = {one.name: one.default for one in self._known}
        typed = [word.partition(":=")[0] for word in self._context.argv if ":=" in word]
        given = [name for name in self._context.launch_configurations if name not in _OF_LAUNCH_ROS]
        close = {name: nearest(name, defaults, 0.75) for name in (*typed, *given) if name not in defaults}
        return [f"there is no argument {one_line(name, 60)}: did you mean {meant}?" for name, meant in close.items()
                if meant and (name in typed or self.text(meant) == defaults[meant])]

    def _named(self) -> list[Argument]:
        return [one for one in self._known if one.spec and self.text(one.name)]

    def _value(self, one: Argument) -> Any:
        assert one.spec is not None  # only such arguments are asked for
        text = self.text(one.name)
        if one.spec.type is bool:
            return self.flag(one.name)
        try:
            value = one.spec.type(text)
        except ValueError:
            raise ValueError(f"{one.name} must be {'a whole number' if one.spec.type is int else 'a number'}, not "
                             f"'{text}'") from None
        return one.spec.check(value)


_OF_LAUNCH_ROS = ("ros_namespace", "ros_remaps", "global_params")
"""Where its actions keep what they say to a group."""


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
    if not given.flag("web"):
        if named := given.only_of("web_node"):
            raise ValueError(f"{', '.join(named)} is about the live page: add web:=true")
        return None
    return {}  # what is named of it is named of the graph


def _people(given: Arguments, taken: bool = False) -> dict[str, Any]:
    """What a graph is told of the topics of REP-155.

    Args:
        taken: whether it takes faces from there.
    """
    place, publishes = given.text("humans_namespace"), given.flag("hri")
    if place and not (publishes or taken):
        others = " or faces:=hri" if given.has("faces") else ""
        raise ValueError(f"humans_namespace is about the topics of REP-155: add hri:=true{others}")
    return {"hri": publishes, "humans_namespace": place}


def one_camera(given: Arguments) -> dict[str, Any]:
    """What the graph of one camera is made of beside what all are made of."""
    faces = given.text("faces")
    return {"composed": given.flag("composed"), "web": _web(given), "faces": faces, **_people(given, faces == HRI)}


def several_cameras(given: Arguments) -> dict[str, Any]:
    """The same of several cameras."""
    return {"web": _web(given), **_people(given)}


def _namespace(given: Arguments, context: LaunchContext) -> str:
    """The namespace of the graph, below the one that an including launch file has pushed."""
    pushed = context.launch_configurations.get("ros_namespace")
    return prefix_namespace(pushed, given.text("namespace") or None) or ""


def _params_file(given: Arguments) -> Path:
    """The user's parameter file; empty, as an including launch file may hand it on, is the one that ships."""
    named = given.text("params_file")
    return users_file(named) if named else default_params_file()


def _group_parameters(context: LaunchContext) -> list[tuple[str, Any] | Path]:
    """What SetParameter and SetParametersFromFile of an including launch file say to all nodes."""
    return [one if isinstance(one, tuple) else Path(one) for one in context.launch_configurations.get("global_params", ())]


def _remaps(context: LaunchContext) -> list[tuple[str, str]]:
    """What SetRemap of an including launch file says to all nodes."""
    return list(context.launch_configurations.get("ros_remaps", ()))


def _without_the_groups_own(context: LaunchContext) -> None:
    """What a group gives to all nodes, these have themselves: launch would put it before all else.

    Each of the nodes' files would win over its parameters, and its rules over what follows from them.
    """
    for name in ("global_params", "ros_remaps"):
        context.launch_configurations.pop(name, None)


def _check_files(graph: Graph | CamerasGraph) -> None:
    """Refuse files that are named and are not what they should be. Raises ValueError, OSError or SourceError."""
    from fer_ros.media.calibration import load_calibration
    from fer_ros.media.source import open_source
    from fer_ros.media.source_params import SourceParams

    for node in graph.nodes:
        if (model := node.named.get("model", "auto")) != "auto":
            model_file(model)
        if file := node.named.get("camera_info_file", ""):
            load_calibration(users_file(file))
        source = filled_in(node.named.get("source", "demo"))
        if source != "demo" and is_finite(source):  # a device or a stream may come later, and is opened once
            open_source(build(SourceParams, node.named)).close()


def _made(given: Arguments, context: LaunchContext, graph: Callable[..., G]) -> G:
    """The graph, in the group of nodes that an including launch file puts it in.

    Raises:
        ValueError, OSError, SourceError: something in it cannot be; the text says what is right.
    """
    made = graph(given, namespace=_namespace(given, context), overlay=given.flag("overlay"),
                 privacy=Privacy(given.text("anonymize"), given.flag("ids")))
    given.check(made)
    made = with_named(made, {node.full_name: given.parameters(node.executable) for process in made.processes
                             for node in process.nodes})
    made = renamed(made, _remaps(context))
    made = with_group_parameters(made, _group_parameters(context))  # after that: they win over what suits the graph
    params_file = _params_file(given)
    check_params_file(params_file, made)
    made = with_ports(made, params_file)
    check_named(made, params_file)
    _check_files(made)
    return made


def launch_description(name: str, graph: Callable[..., G]) -> LaunchDescription:
    """A launch file's description.

    Args:
        name: of the file, which says what its arguments are.
        graph: makes the graph of the arguments and, by name, of what `fer_ros.graph` says of all graphs.
    """

    hide_secrets_in_arguments()  # those of `ros2 launch`, whose process this is
    known = arguments_of(name)

    def processes(context: LaunchContext) -> list[Any]:
        given: Arguments = Arguments(context, known)
        try:
            made = _made(given, context, graph)
            respawn, params_file = given.flag("respawn"), _params_file(given)
        except (ValueError, OSError, SourceError) as error:
            raise RuntimeError(one_line(without_secrets(str(error)))) from None
        folder = tempfile.TemporaryDirectory(prefix="fer_ros_")
        atexit.register(folder.cleanup)  # not at shutdown: a process that is still starting reads its files then
        nodes: list[Any] = [
            Node(
                package=PACKAGE,
                executable=process.node.executable,
                name=process.node.executable,
                namespace=process.node.namespace,
                parameters=[ParameterFile(str(file)) for file in process.parameter_files(params_file, Path(folder.name))],
                remappings=in_order(process.node, _remaps(context)),
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
        alone = GroupAction([OpaqueFunction(function=_without_the_groups_own), *nodes])
        return [*(LogInfo(msg=text) for text in given.misspelt()), RegisterEventHandler(failed), alone]

    return LaunchDescription(
        [DeclareLaunchArgument(one.name, default_value=one.default, description=one.description) for one in known]
        + [OpaqueFunction(function=processes)]
    )
