"""The one description of the graph: which nodes, where, with which parameters and remappings.

The launch files, `fer-ros run` and `fer-ros replay` all start what this says. Needs neither ROS nor launch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_ros.core.resources import share_directory
from fer_ros.core.source import is_finite

PACKAGE = "fer_ros"
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""What names Fast DDS's profile: the first since Fast DDS 2.10, the second up to Jazzy's."""


@dataclass(frozen=True)
class NodeSpec:
    """One process of the graph.

    Attributes:
        executable: its name, which is the node's name too.
        namespace: absolute.
        remappings: from the node's own topic names to the graph's.
        tuned: parameters that suit this graph better than the defaults; a user's parameter file comes on top of them.
        named: parameters that the user has named on the command line; they come last.
    """

    executable: str
    namespace: str
    remappings: Mapping[str, str] = field(default_factory=dict)
    tuned: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[str, Any] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.executable}"

    def parameter_sources(self, users_file: Path) -> list[Path | Mapping[str, Any]]:
        """Parameter files and values in the order in which they apply, the last winning."""
        shipped = default_params_file()
        between = [] if users_file.absolute() == shipped else [users_file]
        return [shipped, self.tuned, *between, self.named]


@dataclass(frozen=True)
class Topics:
    """Names of the graph's topics, absolute."""

    image: str
    camera_info: str
    faces: str
    emotions: str
    overlay: str


@dataclass(frozen=True)
class Graph:
    """The nodes in the order in which they should start, and the topics between them."""

    nodes: tuple[NodeSpec, ...]
    topics: Topics

    @property
    def source(self) -> NodeSpec:
        """The node that publishes the images; the last."""
        return self.nodes[-1]


def webcam_graph(
    camera: Mapping[str, Any], *, namespace: str = "", overlay: bool = True, more_subscribers: int = 0
) -> Graph:
    """Camera, face detector, emotion and, if wanted, overlay.

    Args:
        camera: parameters of the camera node that its user names (`source`, `width`, ...).
        namespace: put before /camera and /fer, so that several robots share a network; empty for none.
        more_subscribers: how many more nodes than detector and emotion are going to subscribe to the image.

    Raises:
        ValueError: `namespace` cannot be one.
    """
    finite = "source" in camera and is_finite(str(camera["source"]))
    return _graph("camera_node", camera, finite, {}, namespace, overlay, more_subscribers)


def replay_graph(
    replay: Mapping[str, Any], *, namespace: str = "", overlay: bool = True, more_subscribers: int = 0
) -> Graph:
    """The same with a recorded bag in the camera's place.

    Args:
        replay: parameters of the replay node that its user names (`bag`, `rate`, ...). With its `clock` the other nodes take
            their time from there.
    """
    to_others = {"use_sim_time": True} if replay.get("clock") else {}
    return _graph("replay_node", replay, True, to_others, namespace, overlay, more_subscribers)


def _graph(source: str, named: Mapping[str, Any], finite: bool, to_others: Mapping[str, Any], namespace: str, overlay: bool,
           more_subscribers: int) -> Graph:
    prefix = f"/{namespace.strip('/')}" if namespace.strip("/") else ""
    if not re.fullmatch(r"(/[A-Za-z_][A-Za-z0-9_]*)*", prefix):
        raise ValueError(f"'{namespace}' is no ROS namespace: letters, digits and _, not beginning with a digit, parted by /")
    topics = Topics(
        image=f"{prefix}/camera/image_raw",
        camera_info=f"{prefix}/camera/camera_info",
        faces=f"{prefix}/fer/faces",
        emotions=f"{prefix}/fer/emotions",
        overlay=f"{prefix}/fer/overlay",
    )
    # A file plays once and every frame of it counts: wait until all are there to see it, and lose nothing. From a camera,
    # on the other hand, the newest frame is wanted, and it waits for nobody.
    from_source: dict[str, Any] = {"wait_for_subscribers": 2 + more_subscribers}
    to_others = dict(to_others)
    if finite:
        # One end of a connection knows of the other first: durable, so that nothing is lost in between.
        from_source |= {"image_durability": "transient_local", "image_depth": 30}
        to_others |= {"image_reliability": "reliable", "image_durability": "transient_local", "image_depth": 30}
    image = {"image": topics.image}
    executables = ["face_detector_node", "emotion_node", *(["overlay_node"] if overlay else [])]
    nodes = [NodeSpec(name, f"{prefix}/fer", image, to_others) for name in executables]
    nodes.append(NodeSpec(source, f"{prefix}/camera", {}, from_source, dict(named)))
    return Graph(tuple(nodes), topics)


def default_params_file() -> Path:
    """config/fer.yaml as installed."""
    return share_directory() / "config" / "fer.yaml"


def dds_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that give Fast DDS a profile fit for images; none where the user has set one."""
    if any(environment.get(name) for name in PROFILE_VARIABLES):
        return {}
    # Humble's rmw would leave the profile's UDP open to the network, whatever this variable says.
    file = "fastdds_localhost.xml" if environment.get("ROS_LOCALHOST_ONLY") == "1" else "fastdds.xml"
    return {name: os.fspath(share_directory() / "config" / file) for name in PROFILE_VARIABLES}


def privacy_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep a graph to this machine; none where the user has said how far it should reach."""
    if any(environment.get(name) for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS")):
        return {}
    if environment.get("ROS_DISTRO") == "humble":
        return {"ROS_LOCALHOST_ONLY": "1"}
    return {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
