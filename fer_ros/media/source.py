# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Opens where frames come from: a camera, a video, a folder of images, a network stream, the demo clip, or arrays."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.media.array_source import ArrayFrames
from fer_ros.media.containers import HEAD, lists_others, moves, times_may_jump
from fer_ros.media.device import DeviceSource
from fer_ros.media.frames import Source
from fer_ros.media.image_folder import ImageFolder, images_in
from fer_ros.media.image_headers import READ, is_animated_webp, kind_of, size_of, too_large
from fer_ros.media.paced import PacedSource
from fer_ros.media.recorded import Recorded
from fer_ros.media.source_name import SourceError, filled_in, kind_of_source, path_of, without_secrets
from fer_ros.media.source_params import SourceParams
from fer_ros.media.stream import StreamSource
from fer_ros.media.video_file import VideoFile
from fer_ros.media.without_effect import without_effect
from fer_ros.parameters.params import by_name, specs, takes
from fer_ros.resources import share_directory
from fer_ros.words import one_line

# Whoever has no clock to keep to wants each frame as soon as it is there.
_BY_NAME = {spec.name: dataclasses.replace(spec, default=False) if spec.name == "realtime" else spec
            for spec in specs(SourceParams) if spec.name != "source"}


@takes(_BY_NAME)
def open_source(source: SourceParams | int | str | os.PathLike[str] | NDArray[Any] | Iterable[NDArray[Any]], *,
                encoding: str | None = None, **parameters: Any) -> Source:
    """Open what gives frames: a camera, a video, a picture, a folder of them, a stream, arrays, or the demo clip.

    >>> from fer_ros import open_source
    >>> for frame in open_source("demo", width=320, height=240):
    ...     print(frame.number, f"{frame.stamp:.3f}", frame.image.shape)
    ...     if frame.number == 1:
    ...         break
    0 0.000 (240, 320, 3)
    1 0.033 (240, 320, 3)
    >>> import numpy as np
    >>> with open_source([np.zeros((48, 64), np.uint8)] * 3, fps=25) as source:
    ...     [frame.stamp for frame in source]
    [0.0, 0.04, 0.08]

    What is open is given back after the last frame, at the end of a `with` block, by `close()`, and when nobody refers to it
    any more.

    Args:
        source: the index of a camera (0), the name of a file, a folder, a device or `demo`, an rtsp:// or http:// URL, or a
            `pathlib.Path`. Or arrays, uint8 from 0 to 255, 10 of them a second unless `fps` says otherwise: one, (H, W) grey,
            (H, W, 3) BGR or (H, W, 4) BGRA; several in a list, or in whatever else can be iterated over; or several in one
            array, (N, H, W) or (N, H, W, channels). Or `SourceParams`, in place of parameters by name.
        encoding: what else arrays hold, `rgb8`, `rgba8`, `bgra8`, `bgr8` or `mono8`.
        parameters: see below.

    Returns:
        An iterator of frames with `image` (HxWx3 uint8 BGR), `stamp` (seconds from the first one) and `number`, see
        `SourceFrame`. It raises SourceUnavailable where a camera or a stream stops.

    Raises:
        SourceError: it can never work; the text says why and what to do.
        SourceUnavailable: it does not work now; try again later.
        TypeError: `source` is none of these, an array is no image, or there is no such parameter; the text names the nearest.
        ValueError: a parameter's value or an array is not allowed.
    """
    name: str | None
    if isinstance(source, SourceParams):
        if parameters or encoding is not None:
            raise TypeError("parameters are given by name or as SourceParams, not both")
        params, name = source, source.source
    else:
        params = by_name((SourceParams,), {"realtime": False, **parameters}, _BY_NAME)[SourceParams]
        name = _name_of(source)
    if name is None:
        opened = _open_arrays(source, encoding, params)
    elif encoding is None:
        opened = _open_named(dataclasses.replace(params, source=name))
    else:
        raise TypeError(f"encoding tells what arrays hold, and source {without_secrets(name)!r} tells that itself")
    opened._flip = params.flip
    opened.unused = without_effect(params if name is None else dataclasses.replace(params, source=name), opened.finite,
                                   specs(SourceParams) if isinstance(source, SourceParams) else _BY_NAME.values(),
                                   opened.name if name is None else "")
    return opened


def _name_of(source: object) -> str | None:
    """The name of what is no array; None of arrays."""
    if isinstance(source, str):
        return source
    if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        if source < 0:
            raise SourceError(f"source {source} is not there: a camera's index is 0 or more")
        return str(int(source))
    if isinstance(source, os.PathLike):
        return os.path.join(".", os.fsdecode(source))  # a file called `demo`, or `0`, is not what these names mean
    if isinstance(source, Sequence) and source and isinstance(source[0], (str, os.PathLike)):
        raise TypeError("source must be one file, or a folder whose pictures are shown one after the other, not a "
                        f"{type(source).__name__} of names: open each by itself")
    if isinstance(source, np.ndarray) or (isinstance(source, Iterable) and not isinstance(source, (bytes, dict))
                                          and not hasattr(source, "read")):
        return None
    raise TypeError("source must be a camera's index, the name of a file, a folder, a device or a URL, 'demo', or arrays, not "
                    + (repr(source) if source is None or isinstance(source, bool) else type(source).__name__))


def _open_arrays(images: Any, encoding: str | None, params: SourceParams) -> Source:
    frames = ArrayFrames(images, encoding, params.fps, (params.width, params.height))
    if params.loop and not frames.can_rewind:
        raise SourceError("loop needs images that can be read again: give a list of them")
    return PacedSource(frames, params)


def _open_named(params: SourceParams) -> Source:
    name = filled_in(params.source)
    if not name:
        raise SourceError("source is empty: name a device index, a file, a folder, a URL or 'demo'")
    kind = kind_of_source(name)
    if kind == "device":
        return DeviceSource(name, params)
    if kind == "stream":
        return StreamSource(name, params)
    if name == "demo":
        return PacedSource(VideoFile(share_directory() / "demo" / "demo.mp4", params), params)
    try:
        return _open_path(name, params)
    except OSError as error:  # a name that is too long, no right to look there
        raise SourceError(f"source '{one_line(without_secrets(name))}' cannot be read: {error.strerror}") from None


def _open_path(name: str, params: SourceParams) -> Source:
    path = path_of(name)
    if path.is_dir():
        paths, left_out = images_in(path)
        return PacedSource(ImageFolder(paths, str(path), params, left_out), params)
    if not path.exists():
        raise SourceError(f"source '{without_secrets(name)}' does not exist: name a device index, a file, a folder, a URL or "
                          "'demo'")
    if not path.is_file() or not os.access(path, os.R_OK):
        raise SourceError(f"source '{name}' cannot be read: check what it is and its permissions (ls -l)")
    return PacedSource(_open_file(path, params), params)


def _open_file(path: Path, params: SourceParams) -> Recorded:
    """A file as what its content says, whatever its name."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if not head:
        raise SourceError(f"source '{path}' is empty: nothing was written to it")
    kind = kind_of(head)
    if kind in READ and not moves(kind, path):
        more = "all but the first picture of an animated WebP, which is not played: convert it to MP4 or GIF"
        return ImageFolder([path], str(path), params, more if is_animated_webp(head) else "")
    if kind and kind not in READ:
        raise SourceError(f"source '{path}' is a {kind} picture, which is not read: convert it to JPEG or PNG")
    others = lists_others(head)
    if others:
        raise SourceError(f"source '{path}' is not a video but a list of other files ({others}): name one of those, or "
                          "the stream's own address")
    if kind:  # GIF, APNG, Motion JPEG: FFmpeg would decode a first picture before it told the size
        with open(path, "rb") as file:
            reason = too_large(size_of(file.read(1 << 20)) or (0, 0))
        if reason:
            raise SourceError(f"source '{path}' is not read: {reason}")
    return VideoFile(path, params, kind, times_may_jump(head))
