# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros cameras`: which cameras this machine has, and what each can do."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from fer_ros.commands.visiting import line
from fer_ros.media import v4l2
from fer_ros.media.camera_format import READ
from fer_ros.media.device import access_refused, device_files, path_of_device
from fer_ros.media.v4l2 import Control, Device, Mode, PixelFormat
from fer_ros.words import listed

_STABLE = Path("/dev/v4l/by-id")
_SIZES, _RATES = 40, 6  # that are shown of a format, and of a size


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("cameras", help="list this machine's cameras and what each can do", description=(
        "Print each camera of this machine with its pixel formats, sizes and rates, and its controls (exposure, gain, white "
        "balance, focus ...) with their values, as the parameters source, width, height, fps, pixel_format and controls of "
        "camera_node take them. It can be asked while a camera is in use."))
    parser.add_argument("cameras", nargs="*", metavar="CAMERA", help="an index or /dev/videoN (default: all there are)")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line for each camera: device, name, "
                        "driver, bus, stable, formats, controls, problem")
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        asked = [path_of_device(name) for name in options.cameras]
    except ValueError:
        print(f"fer-ros: name a camera by its index or its path, not {' '.join(options.cameras)}", file=sys.stderr)
        return 1
    found = 0
    others = []
    for path in asked or device_files():
        problem, camera = "", None
        try:
            problem = access_refused(path)
            camera = None if problem else v4l2.device(path)
        except v4l2.NoCamera as error:
            if not asked:  # of most cameras there is a second device, with metadata
                others.append(str(path))
                continue
            problem = str(error)
        except OSError as error:
            problem = f"camera {path} cannot be opened: {error.strerror}"
        found += camera is not None
        _show(options.json, path, camera, problem)
    if others and not options.json:
        print(f"no cameras: {', '.join(others)} (metadata of a camera, or codecs)")
    if not found and not asked:
        print(f"fer-ros: {_none(others)}", file=sys.stderr)
    return 0 if found else 1


def _none(others: list[str]) -> str:
    if device_files():
        return "no camera can be used" if len(others) < len(device_files()) else "no device of /dev/video* gives images"
    if not Path("/dev").is_dir() or sys.platform != "linux":
        return "cameras are found through Video4Linux, which only Linux has"
    return ("this machine has no camera (/dev/video*): plug one in; pass it into a container (--device /dev/video0); in a "
            "virtual machine or WSL attach it (usbipd)")


def _show(json: bool, path: Path, camera: Device | None, problem: str) -> None:
    stable = _stable_name(path)
    if json:
        line(_row(path, camera, problem, stable))
        return
    print(f"{path}  {camera.name} ({camera.driver}, {camera.bus})" if camera else problem)
    if stable:
        print(f"  always: {stable}")
    if camera is None:
        return
    for one in camera.formats:
        print(f"  {one.fourcc}  {one.description}{'' if one.fourcc in READ else ' (not read here)'}")
        for mode in one.modes[:_SIZES]:
            print(f"    {_size(mode)}{_rates(mode)}")
    if camera.controls:
        print("  controls")
        width = max(len(control.name) for control in camera.controls)
        for control in camera.controls:
            print(f"    {control.name:<{width}}  {_told(control)}")


def _size(mode: Mode) -> str:
    return f"{mode.width}x{mode.height}" if mode.smallest is None else "{}x{} to {}x{}".format(
        *mode.smallest, mode.width, mode.height)


def _rates(mode: Mode) -> str:
    return f" at {listed([f'{rate:g}' for rate in mode.rates], _RATES)} Hz" if mode.rates else ""


def _told(control: Control) -> str:
    now = "" if control.value is None else str(control.value)
    if control.kind == "menu":
        label = control.choices.get(control.value) if control.value is not None else None
        now += f" ({v4l2.plain_name(label)})" if label else ""
        there = "; ".join(f"{value} {v4l2.plain_name(label)}" for value, label in control.choices.items())
    elif control.kind == "bool":
        there = "0 or 1"
    elif control.kind == "button":
        return "a button: =1 presses it"
    else:
        there = f"{control.minimum} to {control.maximum}" + (f" in steps of {control.step}" if control.step > 1 else "")
    notes = [there, f"default {control.default}", "read only" * control.read_only, "no effect now" * control.inactive]
    return f"{now}  [{', '.join(filter(None, notes))}]"


def _stable_name(path: Path) -> str:
    """A name that stays with the camera whichever number it gets; empty where there is none."""
    try:
        return next((str(link) for link in sorted(_STABLE.iterdir()) if link.resolve() == path.resolve()), "")
    except OSError:
        return ""


def _row(path: Path, camera: Device | None, problem: str, stable: str) -> dict[str, Any]:
    return {
        "device": str(path), "name": camera.name if camera else None, "driver": camera.driver if camera else None,
        "bus": camera.bus if camera else None, "stable": stable or None,
        "formats": [_format(one) for one in camera.formats] if camera else [],
        "controls": [_control(one) for one in camera.controls] if camera else [],
        "problem": problem,
    }


def _format(one: PixelFormat) -> dict[str, Any]:
    sizes = [{"width": mode.width, "height": mode.height, "rates": list(mode.rates),
              "smallest": list(mode.smallest) if mode.smallest else None} for mode in one.modes]
    return {"fourcc": one.fourcc, "description": one.description, "compressed": one.compressed,
            "read": one.fourcc in READ, "sizes": sizes}


def _control(one: Control) -> dict[str, Any]:
    row = dataclasses.asdict(one)
    row.pop("id")
    row["choices"] = [{"value": value, "name": v4l2.plain_name(label)} for value, label in one.choices.items()]
    return row
