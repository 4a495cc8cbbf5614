# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A stream from the network."""

from __future__ import annotations

import re

import cv2

from fer_ros.media.frame_times import FrameTimes
from fer_ros.media.frames import Source, SourceUnavailable
from fer_ros.media.image_headers import too_large
from fer_ros.media.opencv_capture import OpenCvCapture
from fer_ros.media.paced import Pace
from fer_ros.media.source_name import SCHEMES, SourceError, without_secrets
from fer_ros.media.source_params import SourceParams, scaled
from fer_ros.types import Image


class StreamSource(Source):
    """A network stream (RTSP, HTTP). One with an end, a video on a web server say, plays once."""

    _TIMEOUT_MS = 5000

    def __init__(self, url: str, params: SourceParams):
        self.name = without_secrets(url)
        scheme = url.partition("://")[0].lower()
        if scheme not in SCHEMES:
            raise SourceError(f"source '{self.name}': {scheme}:// is no stream that is read ({', '.join(SCHEMES)})")
        self._params = params
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, self._TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, self._TIMEOUT_MS]
        self._capture = OpenCvCapture.of_stream(url, options)
        if not self._capture.is_open():
            raise SourceUnavailable(f"stream {self.name} cannot be opened: check the address and that its server runs"
                                    + _hint_on_password(url))
        reason = too_large(self._capture.size())
        if reason:
            self._capture.release()
            raise SourceError(f"stream {self.name} is not read: {reason}")
        self._expected = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._read = 0
        self.finite = 0 < self._expected < 1e9
        self._pace = Pace() if self.finite and params.realtime else None
        self._times = FrameTimes(1 / self._capture.fps())

    def read(self) -> Image | None:
        image, position = self._capture.read_timed()
        if image is not None:
            if self.finite:
                self.stamp = self._read / self._params.fps if self._params.fps else self._times(position)
            self._read += 1
            if self._pace and self.stamp is not None:
                self._pace.wait(self.stamp, self.interrupted)
            return scaled(image, self._params)
        if self.finite:
            if self._read < 0.9 * self._expected:
                self.notice = f"stream {self.name} ended after {self._read} of about {self._expected:.0f} frames"
            return None
        raise SourceUnavailable(f"stream {self.name} stopped giving images")

    def close(self) -> None:
        self._ended = True
        self._capture.release()


def _hint_on_password(url: str) -> str:
    """What to do where a password in a URL cuts it in the wrong place; empty where none does."""
    if re.match(r"[^:]+://[^/?#@]*[/?#].*@", url) is None:
        return ""
    return ". If its password holds one of / ? # @ it must be percent-encoded (%2F %3F %23 %40)"
