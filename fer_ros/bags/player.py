# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The images of a bag at the pace at which they were recorded."""

from __future__ import annotations

import time
from collections.abc import Callable

from fer_ros.bags.reader import BagReader, Frame, Skipped
from fer_ros.media.source_name import path_of
from fer_ros.parameters.replay_params import ReplayParams

_TICK = 0.02  # seconds: how often time is told while no image is due, and how soon an interruption is noticed
_STALL = 1.0  # seconds behind, or of standing still, after which playing goes on from here instead of racing to catch up
_NEAR = 1e3  # nanoseconds: no machine sleeps for less
_PERIOD = 1e8  # nanoseconds from the last image of a loop to the first, where the bag has but one, or one time for all


class BagPlayer:
    """What `fer_ros.media.capture.Capture` reads: images with the stamps that they were recorded with.

    Attributes:
        rate: see `ReplayParams`; may be changed while it plays.
        skipped: images that cannot be read, counted once however often they are played.
        notice, interrupted: as of `fer_ros.media.frames.Source`.
    """

    finite = True
    notice = ""
    skipped = 0

    def __init__(self, params: ReplayParams, tell_time: Callable[[int], None] = lambda now: None):
        """Open the bag.

        Args:
            tell_time: called with the time of the recording in nanoseconds, before each image and every 20 ms between two.

        Raises:
            BagError: it cannot be played; the text says why and what to do.
        """
        if not params.bag.strip():
            raise ValueError("no bag is named: `bag` takes a folder with metadata.yaml, or a .mcap, .db3 or .bag file")
        self.name = params.bag
        self.rate = self._paced = params.rate
        self.interrupted: Callable[[], bool] = lambda: False
        self._loop, self._tell_time = params.loop, tell_time
        self._told = False  # whether `notice` has been given with a frame
        self._bag = BagReader(path_of(params.bag))
        try:
            self._topic = self._bag.image_topic(params.topic.strip())
            self.calibration = self._bag.calibration(self._topic, self._note)
        except ValueError:
            self._bag.close()
            raise
        self.length = self._topic.count
        self._frames = self._bag.frames(self._topic, self._skip)
        self._first: int | None = None
        self._last: int | None = None
        # Nanoseconds of the recording since its first image: how far time is, and when the next image is due.
        self._position = self._due = 0.0
        self._tick = 0.0  # when that was so on this machine, in seconds

    def read(self) -> Frame | None:
        """The next image when it is due; None after the last, or once closed.

        Raises:
            BagError: the bag is damaged from here on.
        """
        if self._told:
            self.notice = ""
        frame = next(self._frames, None)
        self._told = bool(self.notice)
        if frame is None and self._loop and self._first is not None and self._last is not None:
            # As long after the last image as one was after another.
            pause = (self._last - self._first) / max(self.length - 1, 1) or _PERIOD
            self._frames = self._bag.frames(self._topic)
            frame = next(self._frames, None)
        elif self._last is None:
            pause = 0.0
        elif frame is not None:
            pause = max(frame.recorded - self._last, 0)
        if frame is None:
            return None
        if self._first is None:
            self._first, self._tick = frame.recorded, time.monotonic()
        self._last = frame.recorded
        self._due += pause
        if self._wait(frame.recorded):
            self._tell_time(frame.recorded)
        return frame

    def close(self) -> None:
        """Give the files back."""
        self._frames, self._loop = iter(()), False
        self._bag.close()

    def _skip(self, skipped: Skipped) -> None:
        self.skipped += 1
        self._note(str(skipped))

    def _note(self, text: str) -> None:
        self.notice += f"{'; ' if self.notice else ''}{text}"

    def _wait(self, until: int) -> bool:
        """Until the next image is due, at a time of the recording; False where that was interrupted."""
        elapsed = self._advance()
        late = self._position - self._due
        changed, self._paced = self.rate != self._paced, self.rate
        if elapsed > _STALL:
            self._position = self._due
        elif changed and late > 0:
            self._due = self._position  # it was late at another rate: there is nothing to catch up with at this one
        elif late > _STALL * 1e9 * self.rate:
            self._due = self._position
        while self._due - self._position > _NEAR:
            if self.interrupted():
                return False
            time.sleep(min((self._due - self._position) / 1e9 / self.rate, _TICK))
            self._advance()
            if self._due - self._position > _NEAR:
                assert self._first is not None  # nothing is due before the first image
                self._tell_time(max(round(until - (self._due - self._position)), self._first))
        return True

    def _advance(self) -> float:
        """Let time go on; by how many seconds of this machine."""
        now = time.monotonic()
        elapsed, self._tick = now - self._tick, now
        self._position += elapsed * self.rate * 1e9
        return elapsed
