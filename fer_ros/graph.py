"""The one description of the graph: which nodes, where, with which parameters and remappings.

`webcam.launch.py` and `fer-ros run` both start what this says. Needs neither ROS nor launch.
"""

from __future__ import annotations

import os
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
        parameters: by name; they come on top of the parameter file.
        remappings: from the node's own topic names to the graph's.
    """

    executable: str
    namespace: str
    parameters: Mapping[str, Any]
    remappings: Mapping[str, str] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.executable}"


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


def webcam_graph(
    camera: Mapping[str, Any], *, namespace: str = "", overlay: bool = True, more_subscribers: int = 0
) -> Graph:
    """Camera, face detector, emotion and, if wanted, overlay.

    Args:
        camera: parameters of the camera node that its user names (`source`, `width`, ...).
        namespace: put before /camera and /fer, so that several robots share a network; empty for none.
        more_subscribers: how many more nodes than detector and emotion are going to subscribe to the image.
    """
    prefix = f"/{namespace.strip('/')}" if namespace.strip("/") else ""
    topics = Topics(
        image=f"{prefix}/camera/image_raw",
        camera_info=f"{prefix}/camera/camera_info",
        faces=f"{prefix}/fer/faces",
        emotions=f"{prefix}/fer/emotions",
        overlay=f"{prefix}/fer/overlay",
    )
    camera = dict(camera)
    images: dict[str, Any] = {}
    if "source" in camera and is_finite(str(camera["source"])):
        # A file plays once and every frame of it counts: wait until all are there to see it, and lose nothing. From a
        # camera, on the other hand, the newest frame is wanted.
        camera = {"wait_for_subscribers": 2 + more_subscribers, "image_depth": 30, **camera}
        images = {"image_reliability": "reliable", "image_depth": 30}
    image = {"image": topics.image}
    nodes = [
        NodeSpec("face_detector_node", f"{prefix}/fer", images, image),
        NodeSpec("emotion_node", f"{prefix}/fer", images, image),
        NodeSpec("camera_node", f"{prefix}/camera", camera),
    ]
    if overlay:
        nodes.insert(2, NodeSpec("overlay_node", f"{prefix}/fer", images, image))
    return Graph(tuple(nodes), topics)


def default_params_file() -> Path:
    """config/fer.yaml as installed."""
    return share_directory() / "config" / "fer.yaml"


def dds_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that give Fast DDS a profile fit for images; none where the user has set one."""
    if any(environment.get(name) for name in PROFILE_VARIABLES):
        return {}
    profile = share_directory() / "config" / "fastdds.xml"
    return {name: os.fspath(profile) for name in PROFILE_VARIABLES}
