# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""In which pixel format a camera is asked to send its images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fer_ros.media.v4l2 import Device, PixelFormat

AUTO = "auto"
READ = ("MJPG", "JPEG", "YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "BGR3", "RGB3", "GREY", "BA81", "GBRG")
"""What OpenCV makes images of, by their fourcc; the first two are compressed."""
DEFAULT_SIZE = (640, 480)
"""What OpenCV asks a camera for where nobody says."""

_USUAL_RATE = 30.0
_FULL_SPEED = 480  # Mbit/s, of USB 2
_MOST_RAW = 2 * 640 * 480 * 30
"""Bytes per second that USB 2 surely carries beside other things: raw VGA at 30 Hz."""


def better_format(device: Device, size: tuple[int, int], fps: float, slow_bus: bool) -> str:
    """The fourcc to ask a camera for, where raw images of a size would be slow; else empty: OpenCV then takes a raw format.

    Args:
        size: width and height; (0, 0) for OpenCV's own.
        fps: that is wanted; 0 for what is usual.
        slow_bus: whether the camera is plugged in where raw images do not fit through; see `on_slow_bus`.
    """
    width, height = size if all(size) else DEFAULT_SIZE
    wanted = fps or _USUAL_RATE
    if not device.formats:  # a driver that does not tell: raw images would not fit through USB 2
        return "MJPG" if width * height > DEFAULT_SIZE[0] * DEFAULT_SIZE[1] else ""
    readable = [one for one in device.formats if one.fourcc in READ]
    packed = next((one for one in readable if one.compressed), None)
    if packed is None:
        return ""
    raw = [one for one in readable if not one.compressed]
    packed_rate, raw_rate = _best_rate([packed], width, height), _best_rate(raw, width, height)
    if packed_rate is None:
        return ""  # not of this size, of which the camera makes what it can
    if raw_rate is None:
        return packed.fourcc
    too_much = slow_bus and 2 * width * height * min(wanted, raw_rate or wanted) > _MOST_RAW
    too_slow = bool(raw_rate) and raw_rate + 1 < min(wanted, packed_rate)
    return packed.fourcc if too_much or too_slow else ""


def on_slow_bus(device: Device) -> bool:
    """Whether a camera is on USB 2 or slower, or on USB nobody knows how fast."""
    if not device.bus.startswith("usb"):
        return False
    try:
        # The camera is an interface of the USB device above it.
        interface = Path("/sys/class/video4linux", device.path.resolve().name, "device").resolve()
        return float((interface.parent / "speed").read_text(encoding="ascii")) <= _FULL_SPEED
    except (OSError, ValueError):
        return True


def _best_rate(formats: Sequence[PixelFormat], width: int, height: int) -> float | None:
    """Of images of a size, 0 where it is not known; None where there are none."""
    modes = [mode for mode in (one.mode(width, height) for one in formats) if mode is not None]
    return max((max(mode.rates, default=0.0) for mode in modes), default=None)
