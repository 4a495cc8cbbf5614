# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera's controls by name: exposure, gain, white balance, focus and the like, checked before any is set."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fer_ros.media import v4l2
from fer_ros.media.v4l2 import Control
from fer_ros.words import suggestion

DEFAULT = "default"
"""A value that stands for the driver's own."""
_TRUTHS = {"1": 1, "true": 1, "on": 1, "yes": 1, "0": 0, "false": 0, "off": 0, "no": 0}

_EXPOSURE, _AUTO_EXPOSURE, _DYNAMIC_RATE = 0x009A0902, 0x009A0901, 0x009A0903
_WHITE_BALANCE, _AUTO_WHITE_BALANCE = 0x0098091A, 0x0098090C
_FOCUS, _AUTO_FOCUS, _ZOOM = 0x009A090A, 0x009A090C, 0x009A090D
_GAIN, _AUTO_GAIN = 0x00980913, 0x00980912
_ALIASES = {  # Linux 5.19 has changed some names, and people write short ones
    "exposure": _EXPOSURE, "exposure_absolute": _EXPOSURE, "exposure_time_absolute": _EXPOSURE,
    "exposure_auto": _AUTO_EXPOSURE, "auto_exposure": _AUTO_EXPOSURE,
    "exposure_auto_priority": _DYNAMIC_RATE, "exposure_dynamic_framerate": _DYNAMIC_RATE,
    "white_balance": _WHITE_BALANCE, "white_balance_temperature": _WHITE_BALANCE,
    "white_balance_temperature_auto": _AUTO_WHITE_BALANCE, "white_balance_automatic": _AUTO_WHITE_BALANCE,
    "auto_white_balance": _AUTO_WHITE_BALANCE,
    "focus": _FOCUS, "focus_absolute": _FOCUS, "focus_auto": _AUTO_FOCUS, "auto_focus": _AUTO_FOCUS,
    "focus_automatic_continuous": _AUTO_FOCUS, "zoom": _ZOOM, "zoom_absolute": _ZOOM,
}
_AUTOMATIC = {_EXPOSURE: _AUTO_EXPOSURE, _WHITE_BALANCE: _AUTO_WHITE_BALANCE, _FOCUS: _AUTO_FOCUS, _GAIN: _AUTO_GAIN}
"""What makes a control have no effect, by the control."""


def named_controls(text: str) -> dict[str, str]:
    """Names and values of `NAME=VALUE, NAME=VALUE`, as they are written.

    >>> named_controls("auto_exposure=manual_mode, gain=30")
    {'auto_exposure': 'manual_mode', 'gain': '30'}

    Raises:
        ValueError: it is something else, or a name is there twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, re.split("[,;\n]", text))):
        name, equals, value = (word.strip() for word in part.partition("="))
        if not (name and equals and value):
            raise ValueError(f"controls are written NAME=VALUE, NAME=VALUE, not {part!r}")
        if name in found:
            raise ValueError(f"controls has {name} twice")
        found[name] = value
    return found


def set_controls(path: Path, text: str) -> None:
    """Set controls of a camera, which may be playing. What is automatic is switched before what it would overrule.

    Args:
        text: see `named_controls`.

    Raises:
        ValueError: the camera has no such control, or not this value of it, and nothing is set; or it has no effect as long as
            something else is automatic, or the driver refuses. The text says what there is.
        OSError: the camera cannot be opened.
    """
    asked = named_controls(text)
    if not asked:
        return
    with v4l2.opened(path) as descriptor:
        known = list(v4l2.controls_of(descriptor))
        values = {control.id: value for control, value in _checked(path, asked, known)}
        for numbers in (False, True):
            for control in list(v4l2.controls_of(descriptor)):  # again: what was inactive is so no more
                if control.id in values and (control.kind in ("int", "bitmask")) == numbers:
                    _set(path, descriptor, control, values[control.id], known)


def _checked(path: Path, asked: Mapping[str, str], known: Sequence[Control]) -> list[tuple[Control, int]]:
    found = [(_find(path, name, known), name, text) for name, text in asked.items()]
    for control, name, _ in found:
        other = next((other for one, other, _ in found if one is control and other != name), None)
        if other is not None:
            raise ValueError(f"controls: {name} and {other} are the same control of camera {path}")
    return [(control, _value(control, name, text)) for control, name, text in found]


def _find(path: Path, name: str, known: Sequence[Control]) -> Control:
    plain = v4l2.plain_name(name)
    found = next((one for one in known if one.name == plain), None) or next(
        (one for one in known if one.id == _ALIASES.get(plain)), None)
    if found is None:
        if not known:
            raise ValueError(f"camera {path} has no controls, and {name} is asked for")
        there = {one.id for one in known}
        names = [one.name for one in known] + [alias for alias, control in _ALIASES.items() if control in there]
        raise ValueError(f"camera {path} has no control {name}{suggestion(plain, names)}")
    if found.read_only:
        raise ValueError(f"control {name} of camera {path} can only be read")
    return found


def _value(control: Control, name: str, text: str) -> int:
    """What the driver is told. Raises ValueError."""
    if text == DEFAULT:
        return control.default
    if control.kind == "button":
        return 1
    if control.kind == "bool":
        if text.lower() not in _TRUTHS:
            raise ValueError(f"control {name} must be true or false, not {text}")
        return _TRUTHS[text.lower()]
    number = int(text, 0) if re.fullmatch(r"[+-]?(0x[0-9a-fA-F]+|[1-9][0-9]*|0)", text) else None
    if control.kind == "menu":
        plain = v4l2.plain_name(text)
        labels = {index: v4l2.plain_name(label) for index, label in control.choices.items()}
        fitting = [index for index, label in labels.items() if label == plain] or [
            index for index, label in labels.items() if plain and label.startswith(plain)]
        if number in control.choices:
            assert number is not None  # it is one of them
            return number
        if len(fitting) != 1:
            there = ", ".join(f"{index} ({label})" for index, label in labels.items())
            raise ValueError(f"control {name} must be one of {there}, not {text}")
        return fitting[0]
    if number is None or not control.minimum <= number <= control.maximum:
        raise ValueError(f"control {name} must be a whole number from {control.minimum} to {control.maximum}, not {text}")
    return number


def _set(path: Path, descriptor: int, control: Control, value: int, known: Sequence[Control]) -> None:
    if control.inactive and control.value != value:
        switch = next((one for one in known if one.id == _AUTOMATIC.get(control.id)), None)
        because = (f"while {switch.name} is automatic: set {switch.name}={_manual(switch)}, too" if switch else
                   "as the camera is set now")
        raise ValueError(f"control {control.name} of camera {path} has no effect {because}")
    try:
        v4l2.set_control(descriptor, control, value)
    except OSError as error:
        raise ValueError(f"control {control.name}={value} is refused by camera {path}: {error.strerror}") from None


def _manual(switch: Control) -> str:
    """The value of what switches something automatic that switches it off."""
    labels = (v4l2.plain_name(label) for label in switch.choices.values())
    return next((label for label in labels if "manual" in label), "false" if switch.kind == "bool" else "...")
