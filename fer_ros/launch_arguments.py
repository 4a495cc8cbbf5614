# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The arguments of the launch files: what each means, and which parameter of which nodes it sets. Needs no launch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from fer_ros.graph import default_params_file
from fer_ros.parameters.graph_params import NODES, parameters_of
from fer_ros.parameters.node_params import ImageInputParams
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.parameters.privacy_params import MODES

_LEVELS = ("debug", "info", "warn", "error", "fatal")
_FROM_FILE = "Empty: as params_file says"


@dataclass(frozen=True)
class Argument:
    """One argument of a launch file.

    Attributes:
        description: in sentences.
        choices: the allowed values; empty where any is.
        nodes: whose parameter it sets, where it is not empty.
        spec: that parameter, by the name of the argument.
        parameter: its own name.
    """

    name: str
    description: str
    default: str = ""
    choices: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    spec: ParamSpec | None = None
    parameter: str = ""


def arguments_of(launch_file: str) -> tuple[Argument, ...]:
    """Those of `launch/<launch_file>.launch.py`, its own first."""
    return (*_OWN[launch_file](), *_common())


def _parameter(node: str, name: str, *, argument: str = "", nodes: tuple[str, ...] = (), note: str = "") -> Argument:
    """An argument that sets a parameter.

    Args:
        node: that the parameter is described at.
        argument: its name, where it is not the parameter's.
        nodes: all that it is set of, where there are more.
        note: a sentence beside the description.
    """
    spec = parameters_of(node)[name]
    unit = f" {spec.unit}" if spec.unit else ""
    facts = [spec.description, note]
    facts += [f"One of {', '.join(spec.choices)}."] if spec.choices else []
    facts += [f"From {spec.range[0]:g} to {spec.range[1]:g}{unit}."] if spec.range else []
    facts += ["One of true, false."] if spec.type is bool else []
    shown = f'"{spec.default}"' if spec.default == "" else str(spec.default).lower() if spec.type is bool else spec.default
    text = " ".join(fact for fact in (*facts, f"{_FROM_FILE} ({shown}).") if fact)
    return Argument(argument or name, text, nodes=nodes or (node,), parameter=name, spec=replace(spec, name=argument or name))


def _camera() -> tuple[Argument, ...]:
    names = ("source", "width", "height", "fps", "flip", "loop", "frame_id", "camera_info_file")
    return (
        *(_parameter("camera_node", name) for name in names),
        Argument("image", "Topic with the images of another camera driver, in place of a camera node."),
        *_one_camera(),
    )


def _replay() -> tuple[Argument, ...]:
    names = ("bag", "topic", "rate", "loop", "clock")
    return (*(_parameter("replay_node", name) for name in names), *_one_camera())


def _cameras() -> tuple[Argument, ...]:
    return (
        Argument("cameras", "File with a list of cameras, each as `- {name: left, source: /dev/video0}`. A name is put before "
                 "its camera's nodes and topics. `image: TOPIC` takes the place of a source, of some of the cameras or of "
                 "all; what else a camera has are parameters of its camera_node."),
        *_page("Each camera has one, with a port of its own.", "That of the first camera; each other one has the next."),
        *_people("One list for all cameras; their names are in the ids."),
    )


_OWN: dict[str, Callable[[], tuple[Argument, ...]]] = {"webcam": _camera, "replay": _replay, "cameras": _cameras}


def _one_camera() -> tuple[Argument, ...]:
    """What a graph of one camera has, and one of several has not."""
    return (
        Argument("composed", "Whether all nodes are in one process, which is faster; or each in its own.", "true"),
        *_page(),
        Argument("faces", "Topic with another detector's faces (vision_msgs/Detection2DArray), in place of a detector node; "
                 "'hri' takes those of a ROS4HRI detector."),
        *_people(which="read and published"),
    )


def _page(note: str = "", of_ports: str = "") -> tuple[Argument, ...]:
    """What is asked of a live page, with sentences beside the descriptions of it and of its port."""
    return (
        Argument("web", f"Whether to serve a live page. {note}".strip(), "false"),
        _parameter("web_node", "host", argument="web_host"),
        _parameter("web_node", "port", argument="web_port", note=of_ports),
        _parameter("web_node", "web_control"),
    )


def _people(note: str = "", which: str = "") -> tuple[Argument, ...]:
    """What is asked of the topics of REP-155.

    Args:
        note: a sentence beside the description.
        which: of the topics the namespace is of.
    """
    text = "Whether to publish faces and expressions on the topics of REP-155 (ROS4HRI)."
    return (
        Argument("hri", f"{text} {note}".strip(), "false"),
        Argument("humans_namespace", f"Namespace of those topics{', ' if which else ''}{which}. {_FROM_FILE} (/humans)."),
    )


def _common() -> tuple[Argument, ...]:
    return (
        Argument("namespace", "Put before all names of nodes and topics, below the namespace of an including launch file."),
        Argument("params_file", "Parameters of all nodes. Arguments win over it.", str(default_params_file())),
        _parameter("emotion_node", "model"),
        _parameter("face_detector_node", "model", argument="detector"),
        *(_parameter("emotion_node", name, nodes=_of_images(name), note="For images that come from other processes.")
          for name in ("image_reliability", "image_transport")),
        _parameter("emotion_node", "use_sim_time", nodes=tuple(node for node in NODES if node != "replay_node")),
        _parameter("emotion_node", "autostart", nodes=tuple(NODES)),
        Argument("overlay", "Whether to start the overlay node.", "true"),
        Argument("anonymize", f"What is done to faces in overlay and page: {', '.join(MODES)}. {_FROM_FILE}.",
                 choices=("", *MODES)),
        Argument("ids", "Whether faces have ids, by which a person can be followed from frame to frame.", "true"),
        Argument("log_level", f"{', '.join(_LEVELS[:-1])} or {_LEVELS[-1]}.", "info", choices=_LEVELS),
        Argument("respawn", "Whether to start a process again that ended; otherwise the graph ends with it.", "false"),
    )


def _of_images(name: str) -> tuple[str, ...]:
    """The nodes that have a parameter of how images are subscribed to."""
    return tuple(node for node, groups in NODES.items() if any(
        spec.name == name for group in groups if issubclass(group, ImageInputParams) for spec in specs(group)))
