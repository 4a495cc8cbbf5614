# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A video from disk."""

from __future__ import annotations

from pathlib import Path

import cv2

from fer_ros.media.containers import missing_bytes
from fer_ros.media.frame_times import FrameTimes
from fer_ros.media.image_headers import too_large
from fer_ros.media.opencv_capture import OpenCvCapture
from fer_ros.media.recorded import Recorded
from fer_ros.media.source_name import SourceError
from fer_ros.media.source_params import SourceParams, scaled
from fer_ros.types import Image
from fer_ros.words import counted

_LONGEST_IN_STREAM = 10.0  # seconds; as in FFmpeg, a longer gap in a recorded broadcast is no pause


class VideoFile(Recorded):
    """A video through OpenCV and FFmpeg, every frame with the time that its container says."""

    _SAME = 3  # frames; a container that says no time of so many says none at all

    def __init__(self, path: Path, params: SourceParams, kind: str = "", times_jump: bool = False):
        """Open it.

        Args:
            kind: of the pictures that it holds without another container, `GIF` say; empty where it has one.
            times_jump: whether times that jump are usual in its container.

        Raises:
            SourceError: it is no video, or its images are too large.
        """
        self.name = str(path)
        self._path = path
        self._params = params
        self._longest = _LONGEST_IN_STREAM if times_jump else FrameTimes.LONGEST
        self._kind = kind
        self._said: set[str] = set()  # in a loop it would be said every time
        self._capture = OpenCvCapture.of_file(path, bool(kind))
        self._begin()
        reason = too_large(self._capture.size()) if self._capture.is_open() else ""
        self._pending = self._grab() if not reason and self._capture.is_open() else None
        if self._pending is None:
            self._capture.release()
            if reason:
                raise SourceError(f"source '{path}' is not read: {reason}")
            missing = missing_bytes(path)
            raise SourceError(f"source '{path}' is not a video or image that OpenCV can read"
                              + (f": its last {missing} bytes are missing" if missing else ""))
        self.length = max(0, int(min(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), 2**31)))

    def _begin(self) -> None:
        self.fps = self._params.fps or self._capture.fps()
        self._times = FrameTimes(1 / self.fps, self._longest)
        self._read = 0

    def _grab(self) -> tuple[Image, float] | None:
        image, position = self._capture.read_timed()
        if image is None:
            return None
        shown = self._read / self._params.fps if self._params.fps else self._times(position)
        self._read += 1
        return scaled(image, self._params), shown

    def next(self) -> Image | None:
        frame, self._pending = self._pending or self._grab(), None
        if frame is None:
            self._tell_of_end()
            return None
        self._tell_of_times()
        image, self.stamp = frame
        return image

    def _tell_of_times(self) -> None:
        if self._times.jumps:
            self._say_once(f"{self.name}: its times jump by more than {self._longest:g} s or back: played without the gap")
        # FFmpeg gives Motion JPEG, which has no times, 25 images a second.
        elif (self._kind == "JPEG" and not self._params.fps) or self._times.unstamped == self._read - 1 == self._SAME:
            self._say_once(f"{self.name} has no times of its frames: played at {self.fps:g} frames a second (fps sets another "
                           "rate)")

    def _tell_of_end(self) -> None:
        try:
            missing = missing_bytes(self._path)
        except OSError:  # it was removed while it played
            return
        if missing:
            self._say_once(f"{self.name} ended after {counted(self._read, 'frame')}: the file is damaged, its last {missing} "
                           "bytes are missing")

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def rewind(self) -> None:
        self._capture.release()
        self._capture = OpenCvCapture.of_file(self._path, bool(self._kind))
        self._begin()

    def close(self) -> None:
        self._capture.release()
