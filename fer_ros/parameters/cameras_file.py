# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A list of cameras, as a user writes it: the name of each, and where its images come from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fer_ros.parameters.yaml_text import compose, read_file, value_of
from fer_ros.words import counted, one_line, suggestion

MOST = 32
"""Cameras in one process."""
_FORM = "a list of cameras, each as `- {name: left, source: /dev/video0}`"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_TOPIC = re.compile(r"/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


@dataclass(frozen=True)
class Camera:
    """One of several cameras.

    Attributes:
        name: what its nodes and topics lie below.
        named: parameters of its camera node.
        image: topic with its images in place of a camera node; empty for none.
    """

    name: str
    named: Mapping[str, Any]
    image: str = ""


def read_cameras(file: Path) -> list[Camera]:
    """Read a list of cameras.

    Each has a `name`, and a `source` or, in place of it, `image`, a topic. What else it has are parameters of its camera node.

    Raises:
        ValueError: the file is not to be read, or something in it is not allowed; the text names the file, the line, and what
            may have been meant.
    """
    root = read_file(file, compose)
    if root is None:
        raise ValueError(f"{file} is empty: it would be {_FORM}")
    if not isinstance(root, yaml.SequenceNode):
        raise ValueError(f"{_at(file, root)}: this is not {_FORM}")
    if not 0 < len(root.value) <= MOST:
        raise ValueError(f"{file} has {counted(len(root.value), 'camera')}: there can be 1 to {MOST}")
    cameras: list[Camera] = []
    for node in root.value:
        try:
            camera = _camera(node, [other.name for other in cameras])
            if (device := _device(camera)) and (same := next((other for other in cameras if _device(other) == device), None)):
                raise ValueError(f"{same.name} and {camera.name} are both the camera {device}, which gives its images to one")
            cameras.append(camera)
        except ValueError as error:
            raise ValueError(f"{_at(file, node)}: {one_line(str(error), 300)}") from None
    return cameras


def check_topic(name: str) -> None:
    """Raises ValueError where a name cannot be that of a topic."""
    if not _TOPIC.fullmatch(name):
        raise ValueError(f"'{name}' is no ROS topic: letters, digits and _, not beginning with a digit, parted by /")


def _at(file: Path, node: yaml.Node) -> str:
    return f"{file}:{node.start_mark.line + 1}"


def _camera(node: yaml.Node, others: Sequence[str]) -> Camera:
    """Raises ValueError where it is none."""
    if not isinstance(node, yaml.MappingNode):
        raise ValueError(f"this is not one of {_FORM}")
    _check_keys([key.value if isinstance(key, yaml.ScalarNode) else "" for key, _ in node.value])
    values = value_of(node)
    name, image = values.pop("name", ""), values.pop("image", "")
    if name == "":
        raise ValueError("a camera has no name: add `name: left`, say")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"a camera needs a name of up to 60 letters, digits and _, not beginning with a digit, not {name!r}")
    if name in others:
        raise ValueError(f"there are two cameras named {name}")
    if not isinstance(image, str):
        raise ValueError(f"image of {name} must be a topic, not {image!r}")
    if image:
        try:
            check_topic(image)
        except ValueError as error:
            raise ValueError(f"image of {name}: {error}") from None
        if values:
            raise ValueError(f"image of {name} is in place of a camera node: {', '.join(values)} cannot be given as well")
    if not image and values.get("source", "") in ("", None):
        raise ValueError(f"{name} has no source: add `source: /dev/video0` or a URL, say, or `image:` and a topic")
    return Camera(name, _checked(name, values), image)


def _device(camera: Camera) -> str:
    """The file of a camera of this machine, which may have several names; empty for any other source."""
    from fer_ros.media.device import path_of_device  # loads OpenCV
    from fer_ros.media.source_name import kind_of_source, opened_as

    source = opened_as(camera.named.get("source", ""))
    return os.path.realpath(path_of_device(source)) if source and kind_of_source(source) == "device" else ""


def _check_keys(keys: Sequence[str]) -> None:
    known = ["name", "image", *_parameters()]
    for key in keys:
        if key not in known:
            raise ValueError(f"a camera has no {key or 'list for a name'}{suggestion(key, known)}")
        if keys.count(key) > 1:
            raise ValueError(f"{key} is there twice")


def _checked(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    known = _parameters()
    try:
        return {key: known[key].check(value) for key, value in values.items()}
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _parameters() -> dict[str, Any]:
    """Those of a camera node that say what it is and how its images are."""
    from fer_ros.media.source_params import SourceParams  # loads OpenCV
    from fer_ros.parameters.node_params import CameraParams
    from fer_ros.parameters.params import specs

    return {spec.name: spec for group in (SourceParams, CameraParams) for spec in specs(group)}
