# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Every node of the package, where a graph has it, and what can be set of it."""

from __future__ import annotations

from collections.abc import Iterable

from fer_ros.drawing.overlay import OverlayStyle
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.hri_params import HriFacesParams, HriParams, HumansParams
from fer_ros.parameters.node_params import (
    AudienceParams,
    CameraParams,
    CompressedParams,
    ImageInputParams,
    ImageOutputParams,
    MatchingParams,
    NodeParams,
    OverlayParams,
    PairedImageParams,
    PipelineParams,
    SharedImageParams,
)
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.parameters.privacy_params import IdParams, PrivacyParams
from fer_ros.parameters.replay_params import ReplayParams
from fer_ros.parameters.web_params import WebParams
from fer_ros.perception.pipeline import DETECTOR, EMOTION, PARAMS

NODES: dict[str, tuple[type, ...]] = {
    "pipeline_node": (PipelineParams, SharedImageParams, NodeParams),
    "camera_node": (SourceParams, CameraParams, AudienceParams, ImageOutputParams, CompressedParams, NodeParams),
    "replay_node": (ReplayParams, AudienceParams, ImageOutputParams, CompressedParams, NodeParams),
    "face_detector_node": (*PARAMS[DETECTOR], IdParams, ImageInputParams, NodeParams),
    "emotion_node": (*PARAMS[EMOTION], IdParams, MatchingParams, PairedImageParams, NodeParams),
    "overlay_node": (OverlayStyle, PrivacyParams, OverlayParams, MatchingParams, PairedImageParams, NodeParams),
    "web_node": (WebParams, PrivacyParams, MatchingParams, PairedImageParams, NodeParams),
    "hri_node": (HumansParams, HriParams, MatchingParams, PairedImageParams, NodeParams),
    "hri_faces_node": (HumansParams, HriFacesParams, MatchingParams, PairedImageParams, NodeParams),
}
"""The parameter classes of each node by its name."""

SHARED = ("hri_node",)
"""Nodes that cameras of a list share: of two, each would overwrite the other's list of who is there."""

_SUBSPACES = {"camera_node": "/camera", "replay_node": "/camera"}

_OF_A_START = (PipelineParams, ReplayParams, AudienceParams, ImageInputParams, ImageOutputParams)
_NAMES_OF_A_START = ("autostart", "diagnostics_period", "silence_timeout", "host", "port", "web_control", "cameras")

_BUILT_IN = {
    name: ParamSpec(name, bool, default, description, "", None, None, live=False)
    for name, default, description in (("use_sim_time", False, "Take the time from /clock."),
                                       ("start_type_description_service", True, "Answer what types the node uses."))
}
NOT_EVERYWHERE = frozenset({"start_type_description_service"})
"""Those that rclpy does not give a node in Humble. A node that is asked for a parameter that it does not have tells nothing of
the others either."""
QOS_OVERRIDES = "qos_overrides."
"""What the names of rclpy's other parameters begin with."""


def parameters_of(node: str) -> dict[str, ParamSpec]:
    """By name, those of a node, and those that rclpy gives every node."""
    return {spec.name: spec for group in NODES[node] for spec in specs(group)} | _BUILT_IN


def lasting_parameters_of(node: str) -> dict[str, ParamSpec]:
    """By name, those of a node that are worth keeping: all but what follows from how its graph was started.

    That is what the images come from, how they are handed on, who waits for whom and where the page is; and what may hold a
    secret.
    """
    lasting = [spec for group in NODES[node] if not issubclass(group, _OF_A_START) for spec in specs(group)]
    return {spec.name: spec for spec in lasting if spec.shown is None and spec.name not in _NAMES_OF_A_START}


def places(prefix: str = "", cameras: Iterable[str] = ("",)) -> dict[str, str]:
    """Full names of all nodes that a graph may have, and which node each of them is.

    Args:
        prefix: the graph's namespace, absolute; empty for none.
        cameras: names of its cameras, each of which has nodes of its own; one without a name is empty. Those that have names
            share the node of `SHARED`.
    """
    cameras = list(cameras)
    shared = SHARED if any(cameras) else ()
    bases = [f"{prefix}/{camera}" if camera else prefix for camera in cameras]
    per_camera = {f"{base}{_SUBSPACES.get(node, '/fer')}/{node}": node for base in bases for node in NODES
                  if node not in ("pipeline_node", *shared)}
    return {f"{prefix}/pipeline_node": "pipeline_node", **per_camera, **{f"{prefix}/fer/{node}": node for node in shared}}
