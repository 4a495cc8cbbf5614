# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parameters that nodes have beside those of the stages that they run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fer_ros.parameters.params import param

AUTO = "auto"
RELIABILITIES = RELIABLE, BEST_EFFORT = "reliable", "best_effort"
RAW, COMPRESSED = "raw", "compressed"
DURABILITIES = ("volatile", "transient_local")
IMAGE_NODES = ("camera_node", "replay_node", "none")
FACE_NODES = ("face_detector_node", "hri_faces_node", "none")


def camera_names(parameter: str, text: str) -> tuple[str, ...]:
    """The names in a parameter that lists cameras; of an empty one the empty name of the only camera.

    Raises:
        ValueError: they cannot be names, or two are the same.
    """
    names = tuple(name.strip() for name in text.split(","))
    if len(set(names)) < len(names) or (text and not all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) for name in names)):
        raise ValueError(f"{parameter} must be different names of letters, digits and _, separated by commas, not '{text}'")
    return names


@dataclass(frozen=True)
class NodeParams:
    """What every node has."""

    autostart: bool = param(True, "Configure and activate when the process starts; otherwise wait for `fer-ros lifecycle "
                            "set` or `ros2 lifecycle set`.", live=False)
    enabled: bool = param(True, "Whether the node works; the service ~/enable switches it too.")
    diagnostics_period: float = param(1.0, "Time between two reports on /diagnostics.", unit="s", range=(0.1, 60.0),
                                      live=False)
    silence_timeout: float = param(5.0, "A node that receives nothing for so long says why, once.", unit="s",
                                   range=(0.5, 3600.0))


@dataclass(frozen=True)
class ImageOutputParams:
    """How images are published."""

    image_reliability: str = param("reliable", "Reliability of published images; reliable serves every subscriber.",
                                   choices=RELIABILITIES, live=False)
    image_durability: str = param(
        "volatile", "Durability of published images; transient_local keeps the last image_depth ones for a subscriber that "
        "asks for them and comes late.", choices=DURABILITIES, live=False,
    )
    image_depth: int = param(1, "How many images are kept for a slow or late subscriber.", range=(1, 1000), live=False)


@dataclass(frozen=True)
class CompressedParams:
    """How images are published that are compressed."""

    compressed_quality: int = param(
        90, "Quality of image_raw/compressed (JPEG), which is made only while somebody subscribes to it.", range=(1, 100))


@dataclass(frozen=True)
class ImageInputParams:
    """How images are subscribed where each of them takes time."""

    image_transport: str = param(
        AUTO, "Which images are taken: raw, from the topic itself (sensor_msgs/Image); compressed, from <topic>/compressed "
        "(sensor_msgs/CompressedImage); auto takes raw ones where somebody publishes them, and else compressed ones.",
        choices=(AUTO, RAW, COMPRESSED), live=False)
    image_reliability: str = param(
        AUTO, "Reliability asked of images: auto asks for what their publishers offer, so that none of a reliable one gets "
        "lost; best_effort takes any publisher; reliable refuses one that is not.", choices=(AUTO, *RELIABILITIES), live=False)
    image_durability: str = param("volatile", "Durability asked of images; volatile takes any publisher.",
                                  choices=DURABILITIES, live=False)
    image_depth: int = param(
        1, "How many images wait while one is worked on; with 1 the newest replaces the one that waits.",
        range=(1, 1000), live=False,
    )


@dataclass(frozen=True)
class SharedImageParams(ImageInputParams):
    """How images are subscribed that are handed on at once: what cannot follow skips them there, and counts them."""

    image_depth: int = param(5, "How many images wait to be handed on to the other nodes, which take the newest.",
                             range=(1, 1000), live=False)


@dataclass(frozen=True)
class PairedImageParams(ImageInputParams):
    """How images are subscribed that wait for what others find in them."""

    image_depth: int = param(
        10, "How many images wait to be read. None may be missed that the detector has seen, and waiting costs no time "
        "here: an image is only kept until its faces come.", range=(1, 1000), live=False,
    )


@dataclass(frozen=True)
class MatchingParams:
    """How long one half of a frame waits for the other."""

    cache_size: int = param(30, "Images, and likewise results, that wait for their other half; the oldest goes first.",
                            range=(1, 1000), live=False)


@dataclass(frozen=True)
class AudienceParams:
    """For whom what has an end waits."""

    wait_for_subscribers: int = param(
        0, "A file starts playing once image_raw has this many subscribers, so that no subscriber misses the beginning.",
        range=(0, 100), live=False,
    )


@dataclass(frozen=True)
class CameraParams:
    """What the images are published as."""

    frame_id: str = param("camera_optical_frame", "Frame of the images: z forward, x right, y down.")
    camera_info_file: str = param("", "Calibration YAML of camera_calibration; empty publishes an uncalibrated "
                                  "CameraInfo.", live=False)


@dataclass(frozen=True)
class OverlayParams:
    """How the overlay is published."""

    jpeg_quality: int = param(80, "Quality of overlay/compressed.", range=(1, 100))


@dataclass(frozen=True)
class PipelineParams:
    """Which nodes are in the process, and what they hand on."""

    image_node: str = param(
        "camera_node", "Where images come from; with none they are subscribed to, from a camera driver say.",
        choices=IMAGE_NODES, live=False,
    )
    cameras: str = param(
        "", "Names of several cameras, separated by commas: each has nodes of its own, below its name (/left/camera, "
        "/left/fer). Empty for one, without a name.", live=False,
    )
    topic_cameras: str = param(
        "", "Of these, the names of those whose images are subscribed to, on NAME/image, from a camera driver say; the others "
        "have an image_node. With image_node: none all are.", live=False,
    )
    overlay: bool = param(True, "Whether there is an overlay node.", live=False)
    face_node: str = param(
        "face_detector_node", "Where faces come from: the detector, a ROS4HRI detector's topics, or with none a topic that is "
        "subscribed to.", choices=FACE_NODES, live=False,
    )
    web: bool = param(False, "Whether there is a web node, which serves a live page; each of `cameras` has one, and needs a "
                      "port of its own.", live=False)
    hri: bool = param(False, "Whether there is an hri node, which publishes the topics of REP-155: one for all of "
                      "`cameras`, below /fer.", live=False)
    drop_frames: bool = param(
        True, "The newest image takes the place of one that waits, and what is skipped is counted; otherwise nothing is "
        "skipped, and the source waits.", live=False,
    )

    def __post_init__(self) -> None:
        names = camera_names("cameras", self.cameras)
        strangers = [name for name in camera_names("topic_cameras", self.topic_cameras) if name and name not in names]
        if strangers:
            raise ValueError(f"topic_cameras must be some of cameras ({self.cameras or 'none'}), not '{strangers[0]}'")
        if len(names) > 1 and self.face_node == "hri_faces_node":
            raise ValueError("the faces of a ROS4HRI detector are those of one camera: start a graph of its own, with a "
                             f"humans_namespace of its own, for each of the {len(names)} cameras")

    @property
    def names(self) -> tuple[str, ...]:
        return camera_names("cameras", self.cameras)

    @property
    def subscribed(self) -> tuple[str, ...]:
        """The names of the cameras whose images come from outside."""
        if self.image_node == "none":
            return self.names
        return tuple(filter(None, camera_names("topic_cameras", self.topic_cameras)))
