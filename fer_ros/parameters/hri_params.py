# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parameters of the topics of REP-155 (ROS4HRI): what is published there, and what is taken from there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fer_ros.parameters.node_params import camera_names
from fer_ros.parameters.params import param

HUMANS = "/humans"
"""Where REP-155 puts everything about people."""
_NAMESPACE = r"/?[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*"


@dataclass(frozen=True)
class HumansParams:
    """Where the topics are."""

    humans_namespace: str = param(
        HUMANS, "Namespace of the topics. REP-155 asks for /humans; a second robot on the network needs another one. Without "
        "/ in front it lies in the node's own namespace.", live=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(_NAMESPACE, self.humans_namespace):
            raise ValueError("humans_namespace must be a ROS name, of letters, digits and _, parted by /, not "
                             f"'{self.humans_namespace}'")


@dataclass(frozen=True)
class HriParams:
    """What is published of each face, and for whom there are topics."""

    cameras: str = param(
        "", "Names of several cameras, separated by commas, whose people are in one list: answers come on NAME/emotions and "
        "images on NAME/image. Empty for one camera, whose answers come on emotions.", live=False)
    publish_faces: bool = param(
        True, "Publish who is tracked and where; off where a ROS4HRI detector does: then there is /expression alone.",
        live=False)
    cropped: bool = param(False, "Publish each face as an image, /cropped. It shows the face as it is.")
    aligned: bool = param(False, "Publish each face as an image with its eyes level, /aligned. It shows the face as it is.")
    crop_width: int = param(128, "Width of /cropped and /aligned; what the face does not fill is black.", unit="px",
                            range=(8, 1024))
    crop_height: int = param(128, "Height of /cropped and /aligned.", unit="px", range=(8, 1024))
    appear_after: float = param(
        0.1, "A face has topics once it was seen for so long without a gap, so that a mistake of one frame makes none.",
        unit="s", range=(0.0, 10.0))
    hold: float = param(
        1.0, "A face that is not seen keeps its topics for so long. Not shorter than the detector's track_timeout, or its id "
        "goes and comes again.", unit="s", range=(0.0, 60.0))
    lost_after: float = param(
        3.0, "Without any answer for so long nobody is tracked any more: a camera may have gone.", unit="s",
        range=(0.1, 3600.0))
    max_faces: int = param(32, "How many faces have topics at once, at most, those of all cameras together; the first come "
                           "first.", range=(1, 200))
    deterministic_ids: bool = param(
        False, "Begin ids with f in every run, in the place of four letters that are drawn anew, so that no id of this run "
        "was one of the last run's.", live=False)

    def __post_init__(self) -> None:
        camera_names("cameras", self.cameras)

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the cameras; an empty one of the only camera."""
        return camera_names("cameras", self.cameras)


@dataclass(frozen=True)
class HriFacesParams:
    """What is taken of a ROS4HRI detector."""

    most_faces: int = param(32, "How many faces are followed at once, at most.", range=(1, 200))
