# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""H.264, which every browser and phone plays, through PyAV where that is installed: OpenCV from PyPI cannot write it."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fer_ros.types import Image

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov"}
_FRAGMENTS = {"movflags": "hybrid_fragmented", "frag_duration": "1000000"}
"""An index every second, until one of the whole replaces them: what a killed process has written plays, up to its last
second."""
_HAS_FRAGMENTS = (61, 7)
"""The libavformat, of FFmpeg 7.1, that knows them."""
_OPTIONS = {"crf": "20", "preset": "veryfast", "tune": "zerolatency"}
"""Each frame is written as it comes, in the order in which it is shown: what came before a full disk can be read."""


class H264Unavailable(Exception):
    """H.264 cannot be written here, or not such a video."""


class H264Writer:
    """Writes frames as H.264; what `cv2.VideoWriter` has of methods.

    Args:
        path: ends in .mp4, .m4v or .mov.
        rate: frames a second.
        size: width and height. H.264 that plays everywhere has half as many pixels of colour: of an odd length the last row or
            column is there twice.

    Raises:
        H264Unavailable: PyAV is not installed or has no libx264, or it cannot write such a video.
    """

    def __init__(self, path: Path, rate: float, size: tuple[int, int]):
        if path.suffix.lower() not in _FORMATS:
            raise H264Unavailable(f"{path.suffix} holds no H.264 here")
        try:
            import av
        except ImportError as error:
            raise H264Unavailable(f"PyAV is not installed ({error}): pip install 'fer_ros[video]'") from None
        self._av = av
        self._file: Any = None
        self._count = 0
        try:
            fragments = _FRAGMENTS if av.library_versions.get("libavformat", (0,)) >= _HAS_FRAGMENTS else {}
            self._file = av.open(str(path), "w", format=_FORMATS[path.suffix.lower()], options=fragments)
            self._stream = self._file.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000), options=_OPTIONS)
            self._right, self._bottom = (length % 2 for length in size)
            self._stream.width, self._stream.height = size[0] + self._right, size[1] + self._bottom
            self._stream.pix_fmt = "yuv420p"
        except (av.FFmpegError, ValueError, OSError) as error:
            self.release()
            raise H264Unavailable(f"PyAV cannot write it: {error}") from None

    def isOpened(self) -> bool:
        return self._file is not None

    def write(self, image: Image) -> bool:
        """Add an HxWx3 uint8 BGR frame. Returns whether that worked."""
        if self._right or self._bottom:
            image = np.pad(image, ((0, self._bottom), (0, self._right), (0, 0)), mode="edge")
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
        frame.pts, self._count = self._count, self._count + 1
        return self._mux(frame)

    def release(self) -> None:
        """Finish the file."""
        if self._file is None:
            return
        if self._count:
            self._mux(None)
        with contextlib.suppress(self._av.FFmpegError, OSError):  # whoever reads it back sees how far it goes
            self._file.close()
        self._file = None

    def _mux(self, frame: Any) -> bool:
        try:
            self._file.mux(self._stream.encode(frame))
        except (self._av.FFmpegError, OSError):
            return False
        return True
