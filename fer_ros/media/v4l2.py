# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Video4Linux as the kernel has it: what a camera can do, and its controls.

The libraries of PyPI that do this are under the GPL or have not been kept up for years, and it takes eight requests of
<linux/videodev2.h>.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_char, c_int32, c_uint8, c_uint32
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fer_ros.words import one_line

T = TypeVar("T", bound=ctypes.Structure)

_CAPTURE, _CAPTURE_PLANES, _OF_THIS_NODE = 0x1, 0x1000, 0x80000000
_BUFFERS = {_CAPTURE: 1, _CAPTURE_PLANES: 9}  # type of the buffers by capability
_COMPRESSED = 0x1  # V4L2_FMT_FLAG_COMPRESSED
_DISCRETE = 1
_NEXT_CONTROL = 0x80000000
_DISABLED, _READ_ONLY, _INACTIVE, _WRITE_ONLY = 0x1, 0x4, 0x10, 0x40
_KINDS = {1: "int", 2: "bool", 3: "menu", 4: "button", 8: "bitmask", 9: "menu"}
_NUMBERS_MENU = 9
_MOST = 256  # answers to one question, of a driver that never says that it has no more
_NAME = 64  # characters of what a device calls itself


class Capability(ctypes.Structure):
    _fields_ = (("driver", c_char * 16), ("card", c_char * 32), ("bus_info", c_char * 32), ("version", c_uint32),
                ("capabilities", c_uint32), ("device_caps", c_uint32), ("reserved", c_uint32 * 3))


class FormatDescription(ctypes.Structure):
    _fields_ = (("index", c_uint32), ("type", c_uint32), ("flags", c_uint32), ("description", c_char * 32),
                ("pixelformat", c_uint32), ("mbus_code", c_uint32), ("reserved", c_uint32 * 3))


class _Sizes(ctypes.Structure):
    _fields_ = (("min_width", c_uint32), ("max_width", c_uint32), ("step_width", c_uint32), ("min_height", c_uint32),
                ("max_height", c_uint32), ("step_height", c_uint32))


class FrameSize(ctypes.Structure):
    # Of a discrete size, width and height stand in the place of min_width and max_width.
    _fields_ = (("index", c_uint32), ("pixel_format", c_uint32), ("type", c_uint32), ("sizes", _Sizes),
                ("reserved", c_uint32 * 2))


class FrameInterval(ctypes.Structure):
    # Three fractions of a second: of a discrete interval the first, else the shortest, the longest and the step.
    _fields_ = (("index", c_uint32), ("pixel_format", c_uint32), ("width", c_uint32), ("height", c_uint32),
                ("type", c_uint32), ("fractions", c_uint32 * 6), ("reserved", c_uint32 * 2))


class QueryControl(ctypes.Structure):
    _fields_ = (("id", c_uint32), ("type", c_uint32), ("name", c_char * 32), ("minimum", c_int32), ("maximum", c_int32),
                ("step", c_int32), ("default_value", c_int32), ("flags", c_uint32), ("reserved", c_uint32 * 2))


class QueryMenu(ctypes.Structure):
    # The item is a name, or a number of eight bytes.
    _fields_ = (("id", c_uint32), ("index", c_uint32), ("item", c_uint8 * 32), ("reserved", c_uint32))


class ControlValue(ctypes.Structure):
    _fields_ = (("id", c_uint32), ("value", c_int32))


def _request(number: int, structure: type[ctypes.Structure], writes: bool = True) -> int:
    """As the macros _IOR and _IOWR of most processors make it."""
    return (3 if writes else 2) << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | number


QUERYCAP = _request(0, Capability, writes=False)
ENUM_FMT = _request(2, FormatDescription)
G_CTRL = _request(27, ControlValue)
S_CTRL = _request(28, ControlValue)
QUERYCTRL = _request(36, QueryControl)
QUERYMENU = _request(37, QueryMenu)
ENUM_FRAMESIZES = _request(74, FrameSize)
ENUM_FRAMEINTERVALS = _request(75, FrameInterval)


@dataclass(frozen=True)
class Mode:
    """A size that a pixel format has.

    Attributes:
        width, height: in pixels.
        rates: frames per second, the fastest first; of a range the fastest and the slowest; empty where it is not known.
        smallest: where any size up to this one will do, in steps: the smallest; else None.
    """

    width: int
    height: int
    rates: tuple[float, ...]
    smallest: tuple[int, int] | None = None

    def has(self, width: int, height: int) -> bool:
        """Whether images can have this size."""
        if self.smallest is None:
            return (self.width, self.height) == (width, height)
        return self.smallest[0] <= width <= self.width and self.smallest[1] <= height <= self.height


@dataclass(frozen=True)
class PixelFormat:
    """How a camera can send its images.

    Attributes:
        fourcc: of four characters, `MJPG` say.
        description: in the driver's words.
        compressed: whether it is.
        modes: the sizes that it has.
    """

    fourcc: str
    description: str
    compressed: bool
    modes: tuple[Mode, ...]

    def mode(self, width: int, height: int) -> Mode | None:
        """That of a size; None where it has none."""
        return next((mode for mode in self.modes if mode.has(width, height)), None)


@dataclass(frozen=True)
class Control:
    """Something that can be set of a camera.

    Attributes:
        id: the kernel's.
        name: as `v4l2-ctl` shows it, `exposure_time_absolute` say.
        label: in the driver's words.
        kind: int, bool, menu, button or bitmask.
        value: as it is now; None where it cannot be read.
        choices: of a menu, by value.
        inactive: whether it has no effect now, as a fixed exposure while exposure is automatic.
        read_only: whether it can only be read.
    """

    id: int
    name: str
    label: str
    kind: str
    minimum: int
    maximum: int
    step: int
    default: int
    value: int | None
    choices: dict[int, str]
    inactive: bool
    read_only: bool


@dataclass(frozen=True)
class Device:
    """What a camera says of itself.

    Attributes:
        path: its file.
        name: of the product.
        driver: the kernel's.
        bus: where it is plugged in.
    """

    path: Path
    name: str
    driver: str
    bus: str
    formats: tuple[PixelFormat, ...]
    controls: tuple[Control, ...]


class NoCamera(Exception):
    """A device file is not that of something that gives images: metadata of a camera, a codec, a radio."""


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """A descriptor of a device; others may use it at the same time. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def device(path: Path, controls: bool = True) -> Device:
    """Ask a camera what it can do.

    Args:
        controls: whether its controls are read, too, each of which goes to the camera and back.

    Raises:
        OSError: it cannot be opened.
        NoCamera: it is none.
    """
    with opened(path) as descriptor:
        capability = _ask(descriptor, QUERYCAP, Capability())
        if capability is None:
            raise NoCamera(f"{path} is no Video4Linux device")
        able = capability.device_caps if capability.capabilities & _OF_THIS_NODE else capability.capabilities
        buffers = next((kind for bit, kind in _BUFFERS.items() if able & bit), None)
        if buffers is None:
            raise NoCamera(f"{path} ({_text(capability.card)}) gives no images: metadata of a camera, or a codec")
        return Device(path, _text(capability.card), _text(capability.driver), _text(capability.bus_info),
                      tuple(_formats(descriptor, buffers)), tuple(controls_of(descriptor)) if controls else ())


def controls_of(descriptor: int) -> Iterator[Control]:
    """The controls of an open device that have one number as their value."""
    last = 0
    for _ in range(_MOST):
        found = _ask(descriptor, QUERYCTRL, QueryControl(id=last | _NEXT_CONTROL))
        if found is None or found.id <= last:
            return
        last = found.id
        kind = _KINDS.get(found.type)
        if kind is not None and not found.flags & _DISABLED:
            yield _control(descriptor, found, kind)


def set_control(descriptor: int, control: Control, value: int) -> None:
    """Raises OSError where the driver refuses."""
    _ioctl(descriptor, S_CTRL, ControlValue(control.id, value))


def _control(descriptor: int, found: QueryControl, kind: str) -> Control:
    choices = {}
    if kind == "menu":
        for index in range(found.minimum, min(found.maximum, found.minimum + _MOST) + 1):
            item = _ask(descriptor, QUERYMENU, QueryMenu(id=found.id, index=index))
            if item is not None:  # not every number between them is one
                content = bytes(item.item)
                choices[index] = (str(int.from_bytes(content[:8], sys.byteorder, signed=True)) if found.type == _NUMBERS_MENU
                                  else _text(content.partition(b"\0")[0]))
    now = None if kind == "button" or found.flags & _WRITE_ONLY else _ask(descriptor, G_CTRL, ControlValue(found.id))
    label = _text(found.name)
    return Control(found.id, plain_name(label), label, kind, found.minimum, found.maximum, found.step, found.default_value,
                   None if now is None else now.value, choices, bool(found.flags & _INACTIVE), bool(found.flags & _READ_ONLY))


def plain_name(label: str) -> str:
    """What `v4l2-ctl` makes of a driver's words.

    >>> plain_name("Exposure Time, Absolute"), plain_name("White Balance, Automatic")
    ('exposure_time_absolute', 'white_balance_automatic')
    """
    return re.sub("[^a-z0-9]+", "_", label.lower()).strip("_")


def _formats(descriptor: int, buffers: int) -> Iterator[PixelFormat]:
    for index in range(_MOST):
        found = _ask(descriptor, ENUM_FMT, FormatDescription(index=index, type=buffers))
        if found is None:
            return
        fourcc = (found.pixelformat & 0x7FFFFFFF).to_bytes(4, "little").decode("latin-1")
        yield PixelFormat(_text(fourcc.encode()), _text(found.description), bool(found.flags & _COMPRESSED),
                          tuple(_modes(descriptor, found.pixelformat)))


def _modes(descriptor: int, pixel_format: int) -> Iterator[Mode]:
    for index in range(_MOST):
        found = _ask(descriptor, ENUM_FRAMESIZES, FrameSize(index=index, pixel_format=pixel_format))
        if found is None:
            return
        sizes = found.sizes
        if found.type == _DISCRETE:
            width, height, smallest = sizes.min_width, sizes.max_width, None
        else:
            width, height, smallest = sizes.max_width, sizes.max_height, (sizes.min_width, sizes.min_height)
        yield Mode(width, height, _rates(descriptor, pixel_format, width, height), smallest)
        if smallest is not None:  # there is one range, and none other
            return


def _rates(descriptor: int, pixel_format: int, width: int, height: int) -> tuple[float, ...]:
    rates = set()
    for index in range(_MOST):
        found = _ask(descriptor, ENUM_FRAMEINTERVALS,
                     FrameInterval(index=index, pixel_format=pixel_format, width=width, height=height))
        if found is None:
            break
        ends = 1 if found.type == _DISCRETE else 2
        for seconds, parts in zip(found.fractions[: 2 * ends : 2], found.fractions[1 : 2 * ends : 2], strict=True):
            if seconds and parts:
                rates.add(round(parts / seconds, 3))
        if found.type != _DISCRETE:
            break
    return tuple(sorted(rates, reverse=True))


def _ask(descriptor: int, request: int, question: T) -> T | None:
    """The answer; None where the driver has none."""
    try:
        _ioctl(descriptor, request, question)
    except OSError as error:
        if error.errno == errno.ENODEV:  # it was unplugged
            raise
        return None
    return question


def _ioctl(descriptor: int, request: int, argument: ctypes.Structure) -> None:
    ioctl: Callable[..., object] = fcntl.ioctl  # whose types know no structures
    ioctl(descriptor, request, argument)


def _text(content: bytes) -> str:
    return one_line(content.decode("utf-8", "replace"), _NAME).strip()
