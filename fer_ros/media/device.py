# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera of this machine."""

from __future__ import annotations

import grp
import os
import re
from pathlib import Path

import cv2

from fer_ros.media import v4l2
from fer_ros.media.camera_controls import named_controls, set_controls
from fer_ros.media.camera_format import AUTO, READ, better_format, on_slow_bus
from fer_ros.media.frames import Source, SourceUnavailable
from fer_ros.media.opencv_capture import OpenCvCapture
from fer_ros.media.source_name import SourceError, kind_of_source, opened_as
from fer_ros.media.source_params import SourceParams
from fer_ros.types import Image
from fer_ros.words import listed

_SHOWN = 12  # sizes that a message names


class DeviceSource(Source):
    """A camera of this machine, through Video4Linux."""

    finite = False

    def __init__(self, name: str, params: SourceParams):
        path = path_of_device(name)
        self.name = str(path)
        self._params = params
        self._told = ""
        self._device = _asked(path)
        fourcc = self._fourcc()
        self._capture = OpenCvCapture(self.name, cv2.CAP_V4L2)
        try:
            if not self._capture.is_open():
                raise SourceUnavailable(f"camera {path} cannot be opened: another program may be using it, or it gives its "
                                        f"images in no format that is read ({', '.join(READ)})")
            self._configure(fourcc)
            if self._capture.read() is None:
                raise SourceUnavailable(f"camera {path} gives no image: another program may be using it")
            self._set_controls()  # what a driver resets when it begins is set again
            self._told = self._differences(fourcc)
        except Exception:
            self._capture.release()
            raise

    def _fourcc(self) -> str:
        """The pixel format to ask for; empty for what OpenCV takes."""
        asked = self._params.pixel_format
        if asked == AUTO:
            size = (self._params.width, self._params.height)
            return better_format(self._device, size, self._params.fps, on_slow_bus(self._device))
        have = [one.fourcc for one in self._device.formats]
        if have and asked not in have:
            raise SourceError(f"camera {self.name} has no pixel_format {asked}: it has {', '.join(have)}")
        if asked not in READ:
            raise SourceError(f"pixel_format {asked} is not read: camera {self.name} has "
                              f"{', '.join(one for one in have if one in READ) or 'none that is'}")
        return asked

    def _configure(self, fourcc: str) -> None:
        # The newest frame is wanted, not a queue of old ones.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if fourcc:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*fourcc))
        if self._params.width:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._params.width)
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._params.height)
        if self._params.fps:
            self._capture.set(cv2.CAP_PROP_FPS, self._params.fps)

    def _set_controls(self) -> None:
        try:
            set_controls(Path(self.name), self._params.controls)
        except ValueError as error:
            raise SourceError(str(error)) from None
        except OSError as error:
            raise SourceUnavailable(f"camera {self.name} cannot be opened: {error.strerror}") from None

    def _differences(self, fourcc: str) -> str:
        """What the camera gives in place of what it was asked for; empty where it does as it was told."""
        size, rate = self._capture.size(), self._capture.get(cv2.CAP_PROP_FPS)
        wanted = (self._params.width, self._params.height)
        code = (int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF).to_bytes(4, "little").decode("latin-1")
        parts = []
        if fourcc and code != fourcc and self._params.pixel_format != AUTO:
            parts.append(f"{code} and not {fourcc}")
        if all(wanted) and size != wanted:
            parts.append("images of {}x{} and not {}x{}".format(*size, *wanted))
        if self._params.fps and rate and abs(rate - self._params.fps) > 1:
            parts.append(f"{rate:g} images a second and not {self._params.fps:g}")
        if not parts:
            return ""
        modes = [mode for one in self._device.formats if one.fourcc == code for mode in one.modes]
        sizes = [f"{mode.width}x{mode.height}" + (f" at {mode.rates[0]:g} Hz" if mode.rates else "") for mode in modes]
        return (f"camera {self.name} gives {', '.join(parts)}"
                + (f": as {code} it has {listed(sizes, _SHOWN)}" if sizes else "") + " (`fer-ros cameras` shows all)")

    def read(self) -> Image | None:
        image = self._capture.read()
        if image is None:
            raise SourceUnavailable(f"camera {self.name} stopped giving images: unplugged?")
        self.notice, self._told = self._told, ""
        return image

    def close(self) -> None:
        self._ended = True
        self._capture.release()


def path_of_device(name: str) -> Path:
    """The file of a camera that is named by its index or its path."""
    return Path(name if name.startswith("/") else f"/dev/video{int(name)}")


def change_controls(source: str, controls: str) -> None:
    """Set the controls of a camera that may be playing; one that is not there gets them when it is opened.

    Args:
        source: as a user names it; what is no camera has none.

    Raises:
        ValueError: see `fer_ros.media.camera_controls.set_controls`.
    """
    name = opened_as(source)
    if kind_of_source(name) != "device" or not named_controls(controls):
        return
    try:
        set_controls(path_of_device(name), controls)
    except OSError:  # what is wrong with it is said where it is opened
        return


def device_files() -> list[Path]:
    """Of all Video4Linux devices of this machine, by their number."""
    found = [path for path in Path("/dev").glob("video*") if re.fullmatch("video[0-9]+", path.name)]
    return sorted(found, key=lambda path: int(path.name[5:]))


def access_refused(path: Path) -> str:
    """Why a user may not open a device, and what to do; empty where they may."""
    if os.access(path, os.R_OK | os.W_OK):
        return ""
    group = path.stat().st_gid
    if group == 0:
        return (f"camera {path} may not be opened: it is for root alone. Give it to the group video (sudo chgrp video {path}) "
                "and add your user to that (sudo usermod -aG video $USER)")
    try:
        name = grp.getgrgid(group).gr_name
    except KeyError:  # in a container the host's groups may have no name
        return (f"camera {path} may not be opened: it is for the group {group} of the host, so start the container with "
                f"--group-add {group}")
    return f"camera {path} may not be opened: add your user to its group (sudo usermod -aG {name} $USER), and log in again"


def _asked(path: Path) -> v4l2.Device:
    """What a camera says of itself. Raises SourceUnavailable."""
    if not path.exists():
        have = ", ".join(map(str, device_files())) or "none"
        raise SourceUnavailable(f"camera {path} is not there (cameras on this machine: {have})")
    if refused := access_refused(path):
        raise SourceUnavailable(refused)
    try:
        return v4l2.device(path, controls=False)
    except v4l2.NoCamera as error:
        raise SourceUnavailable(f"{error} (`fer-ros cameras` shows what there is)") from None
    except OSError as error:
        raise SourceUnavailable(f"camera {path} cannot be opened: {error.strerror}") from None
