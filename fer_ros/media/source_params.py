# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which source of frames, and how it is played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2

from fer_ros.media.camera_controls import named_controls
from fer_ros.media.camera_format import AUTO
from fer_ros.media.scaling import resized
from fer_ros.media.source_name import has_secret, without_secrets
from fer_ros.parameters.params import param
from fer_ros.types import Image

_FLIPS = {"none": None, "horizontal": 1, "vertical": 0, "both": -1}


@dataclass(frozen=True)
class SourceParams:
    """Which source, and how it is played."""

    source: str = param(
        "0",
        "A device index or /dev/videoN, a video or image file, a folder of images, an rtsp:// or http:// URL, or 'demo'. "
        "A URL's password may come from elsewhere: ${NAME} is an environment variable, @FILE the first line of a file.",
        live=False, shown=without_secrets, private=has_secret,
    )
    loop: bool = param(False, "Play a file, folder or the demo again when it ends.", live=False)
    realtime: bool = param(
        True, "Play a file, folder or the demo at its own rate; otherwise as fast as it can be read.", live=False
    )
    width: int = param(0, "Width of a frame; 0 keeps the source's own. A device is asked for it, a file is scaled.",
                       unit="px", range=(0, 8192), live=False)
    height: int = param(0, "Height of a frame, likewise.", unit="px", range=(0, 8192), live=False)
    fps: float = param(
        0.0, "Frames per second; 0 keeps the source's own (10 for a folder). A device is asked for it, a file is "
        "played at it.", unit="Hz", range=(0.0, 1000.0), live=False,
    )
    pixel_format: str = param(
        AUTO, "In which format a device sends its images, by the four characters that `fer-ros cameras` shows (YUYV, MJPG); "
        "auto takes raw images, or MJPG where raw ones of this size would come slowly.", live=False,
    )
    controls: str = param(
        "", "What is set of a device, by the names that `fer-ros cameras` shows: 'auto_exposure=manual_mode, exposure=200, "
        "gain=30'. What is not named stays as it is.",
    )
    flip: str = param("none", "Mirror the image.", choices=tuple(_FLIPS))

    def __post_init__(self) -> None:
        named_controls(self.controls)
        if self.pixel_format != AUTO and len(self.pixel_format) != 4:
            raise ValueError(f"pixel_format must be auto or four characters as in YUYV or MJPG, not {self.pixel_format!r}")
        if bool(self.width) != bool(self.height):
            raise ValueError(f"width and height go together: both 0 or neither, not {self.width} x {self.height}")


def flip_image(image: Image, flip: str) -> Image:
    """The image mirrored as the parameter `flip` says; the same array where it says none."""
    code = _FLIPS[flip]
    return image if code is None else cast(Image, cv2.flip(image, code))


def scaled(image: Image, params: SourceParams) -> Image:
    """The image in the size that the parameters ask for, its own if they ask for none."""
    return resized(image, params.width, params.height) if params.width else image
