# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How large the images of a process are going to be, before it joins its graph.

Fast DDS takes its shared memory then, and neither nodes nor their parameters are there yet.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from fer_ros.dds import SMALL_IMAGE
from fer_ros.media.frames import SourceUnavailable
from fer_ros.media.source_name import SourceError, filled_in, kind_of_source, path_of
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.node_params import PipelineParams
from fer_ros.ros.parameters import parameter_files

_NODES = ("camera_node", "pipeline_node")
# What says something of the camera or its images and is in no file: parameters, images from elsewhere, another node's name.
_SAID = re.compile(rf"-p|--param|(.*/)?image:=.*|(.*:)?__(node|name):=(?!({'|'.join(_NODES)})$).*")
_DEVICES_OWN = (640, 480)
"""What OpenCV asks of a device of which nobody asks anything (DEFAULT_V4L_WIDTH and DEFAULT_V4L_HEIGHT in its cap_v4l.cpp)."""
_PATIENCE = 1.0  # seconds that a file may take to show its first image


def has_small_images() -> bool:
    """Whether the one camera of this process gives images of at most `fer_ros.dds.SMALL_IMAGE` bytes.

    It is what the parameter files of the command line say, and of a file its first image. Where that is unclear, of several
    cameras, of streams, of what is given with -p, the answer is no: it only costs memory.
    """
    if any(_SAID.fullmatch(word) for word in sys.argv[1:]):
        return False
    try:
        params = _of_camera(parameter_files())
        size = None if params is None else _size(params)
    except (ValueError, OSError, SourceError):  # whoever has a use for it says what is wrong
        return False
    return size is not None and 3 * size[0] * size[1] <= SMALL_IMAGE


def _of_camera(files: Sequence[Path]) -> SourceParams | None:
    """None where there are several cameras, or the images come from elsewhere. Raises ValueError for files that are wrong."""
    from fer_ros.parameters.params_file import parameters  # loads all stages

    found = parameters(dict(zip(_NODES, ((SourceParams,), (PipelineParams,)), strict=True)), files)
    process: PipelineParams = found["pipeline_node"][PipelineParams]
    if process.cameras or process.image_node != "camera_node":
        return None
    camera: SourceParams = found["camera_node"][SourceParams]
    return camera


def _size(params: SourceParams) -> tuple[int, int] | None:
    """Width and height of the images; None where only the source itself can tell."""
    if params.width:
        return params.width, params.height
    name = filled_in(params.source)
    kind = kind_of_source(name)
    if kind == "device":
        return _DEVICES_OWN
    if kind == "stream" or (name != "demo" and path_of(name).is_dir()):  # pictures may have any size
        return None
    found: list[tuple[int, int]] = []
    # In a thread: a signal could not end what a file that hangs is waited for.
    looking = threading.Thread(target=_look, args=(params, found), daemon=True)
    looking.start()
    looking.join(_PATIENCE)
    return found[0] if found else None


def _look(params: SourceParams, found: list[tuple[int, int]]) -> None:
    from fer_ros.media.source import open_source

    with contextlib.suppress(SourceError, SourceUnavailable, OSError, ValueError), contextlib.closing(
            open_source(dataclasses.replace(params, loop=False, realtime=False))) as source:
        image = source.read()
        if image is not None:
            found.append((image.shape[1], image.shape[0]))
