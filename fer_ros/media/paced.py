# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recorded frames, played: at their times or as fast as they are read, once or in a loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fer_ros.media.frames import Source
from fer_ros.media.recorded import Recorded
from fer_ros.media.source_params import SourceParams
from fer_ros.types import Image

_SLICE = 0.1  # seconds: how soon a wait notices that it is interrupted


class Pace:
    """Lets frames go when they are due."""

    def __init__(self) -> None:
        self._start: float | None = None  # this machine's time at the frames' time 0

    def wait(self, stamp: float, interrupted: Callable[[], bool]) -> None:
        """Until a frame is due that is shown `stamp` seconds after the first one."""
        now = time.monotonic()
        if self._start is None or now - self._start - stamp > 1.0:  # after a stall go on from here, do not race to catch up
            self._start = now - stamp
        while self._start + stamp > now and not interrupted():
            time.sleep(min(self._start + stamp - now, _SLICE))
            now = time.monotonic()

    def restart(self, length: float) -> None:
        """The frames begin again, `length` seconds after they began."""
        if self._start is not None:
            self._start += length


class PacedSource(Source):
    """Plays recorded frames: at their times or as fast as they are read, once or in a loop."""

    finite = True

    def __init__(self, recorded: Recorded, params: SourceParams):
        self.name = recorded.name
        self.finite = not params.loop
        self.rate, self.length = recorded.fps, recorded.length
        self._recorded = recorded
        self._loop = params.loop
        self._pace = Pace() if params.realtime else None
        self._step = 1 / recorded.fps  # between the last two frames
        self._lock = threading.Lock()
        self._closed = False

    def read(self) -> Image | None:
        with self._lock:
            if self._closed:
                return None
            image = self._next()
            self.notice, self._recorded.notice = self._recorded.notice, ""
        if image is not None and self._pace and self.stamp is not None:
            self._pace.wait(self.stamp, self.interrupted)
        return image

    def _next(self) -> Image | None:
        image = self._recorded.next()
        if image is None and self._loop:
            self._recorded.rewind()
            image = self._recorded.next()
            if self._pace:
                self._pace.restart((self.stamp or 0.0) + self._step)
        elif image is not None and self.stamp is not None:
            self._step = self._recorded.stamp - self.stamp
        if image is not None:
            self.stamp = self._recorded.stamp
        return image

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._recorded.close()
