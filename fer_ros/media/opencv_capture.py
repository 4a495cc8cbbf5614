# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""cv2.VideoCapture, made safe: what it may open, which thread may use it, what it may answer."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import cv2

from fer_ros.media.containers import DEMUXERS
from fer_ros.types import Image

_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"  # OpenCV's only way to FFmpeg's options: key;value|key;value
_FILE_OPTIONS = f"format_whitelist;{DEMUXERS}|protocol_whitelist;file"
# Without files of this machine, which a playlist from elsewhere could name.
_STREAM_OPTIONS = ("protocol_whitelist;http,https,httpproxy,tls,tcp,udp,udplite,rtp,srtp,rtsp,rtmp,rtmps,rtmpt,rtmpe,rtmpte,"
                   "rtmpts,srt,rist,crypto,data,mmsh,mmst,ftp,sftp")
_options_lock = threading.Lock()


@contextmanager
def _ffmpeg_options(file: bool) -> Iterator[None]:
    """What FFmpeg may open in this block: the one file, or addresses. What a user has set for streams holds for those."""
    users = os.environ.get(_OPTIONS)
    if file:
        options = _FILE_OPTIONS
    else:
        options = users or "rtsp_transport;tcp"  # OpenCV's own default
        if "protocol_whitelist" not in options:
            options += f"|{_STREAM_OPTIONS}"
    os.environ[_OPTIONS] = options
    try:
        yield
    finally:
        if users is None:
            del os.environ[_OPTIONS]
        else:
            os.environ[_OPTIONS] = users


class OpenCvCapture:
    """cv2.VideoCapture without cv2.error, and with a lock: releasing one while another thread reads it is a crash."""

    def __init__(self, *arguments: object):
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture(*arguments)

    @classmethod
    def of_file(cls, path: Path, by_content: bool = False) -> OpenCvCapture:
        """A video.

        Args:
            by_content: whether FFmpeg does not get to know the name, whose suffix would make it look for a single picture.
        """
        with _options_lock, _ffmpeg_options(file=True), open(path, "rb") as file:
            # The whole path: FFmpeg takes `12:30.mp4` for an address. And `take_%d/video.png` for a numbered sequence.
            name = str(path.absolute())
            if by_content or "%" in name:
                name = f"/proc/self/fd/{file.fileno()}"
            return cls(name, cv2.CAP_FFMPEG)

    @classmethod
    def of_stream(cls, url: str, options: list[int]) -> OpenCvCapture:
        with _options_lock, _ffmpeg_options(file=False):
            return cls(url, cv2.CAP_FFMPEG, options)

    def is_open(self) -> bool:
        return self._capture.isOpened()

    def set(self, prop: int, value: float) -> None:
        self._capture.set(prop, value)

    def get(self, prop: int) -> float:
        """A property; 0 where the backend does not know it or answers nonsense."""
        value = self._capture.get(prop)
        return value if math.isfinite(value) else 0.0

    def fps(self) -> float:
        """The frame rate that the container names. Some name 0, NaN or the time base (90,000): 30 then."""
        fps = self.get(cv2.CAP_PROP_FPS)
        return fps if 0.1 <= fps <= 1000 else 30.0

    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the container names them."""
        return int(self.get(cv2.CAP_PROP_FRAME_WIDTH)), int(self.get(cv2.CAP_PROP_FRAME_HEIGHT))

    def read_timed(self) -> tuple[Image | None, float]:
        """The next frame, and what the container says of when it is shown, in seconds."""
        image = self.read()
        return image, self.get(cv2.CAP_PROP_POS_MSEC) / 1000 if image is not None else 0.0

    def read(self) -> Image | None:
        """The next frame as BGR, None where there is none."""
        try:
            with self._lock:
                ok, image = self._capture.read()
            if not ok or image is None or image.size == 0:
                return None
            coloured = image if image.ndim == 3 and image.shape[2] == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            return cast(Image, coloured)
        except cv2.error:
            return None

    def release(self) -> None:
        with self._lock:
            self._capture.release()
