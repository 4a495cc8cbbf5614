"""The images of a bag at the pace at which they were recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from fer_ros.bags.params import ReplayParams
from fer_ros.bags.reader import BagReader, Frame

_TICK = 0.02  # seconds: how often time is told while no image is due, and how soon an interruption is noticed
_STALL = 1.0  # seconds behind, after which playing goes on from here instead of racing to catch up


class BagPlayer:
    """What `fer_ros.core.capture.Capture` reads: images with the stamps that they were recorded with.

    Attributes:
        rate: see `ReplayParams`; may be changed while it plays.
        notice, interrupted: as of `fer_ros.core.source.Source`.
    """

    finite = True
    notice = ""

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
        self.rate = params.rate
        self.interrupted: Callable[[], bool] = lambda: False
        self._loop, self._tell_time = params.loop, tell_time
        self._bag = BagReader(Path(params.bag).expanduser())
        try:
            self._topic = self._bag.image_topic(params.topic.strip())
            self.calibration = self._bag.calibration(self._topic)
        except ValueError:
            self._bag.close()
            raise
        self.length = self._topic.count
        self._frames = self._bag.frames(self._topic)
        self._first = self._last = self._due = None

    def read(self) -> Frame | None:
        """The next image when it is due; None after the last, or once closed.

        Raises:
            BagError: the bag is damaged from here on.
        """
        frame = next(self._frames, None)
        if frame is None and self._loop and self._last is not None:
            # As long after the last image as one was after another.
            pause = (self._last - self._first) / max(self.length - 1, 1)
            self._frames = self._bag.frames(self._topic)
            frame = next(self._frames)
        elif self._last is None:
            pause = 0.0
        elif frame is not None:
            pause = max(frame.recorded - self._last, 0)
        if frame is None:
            return None
        if self._first is None:
            self._first = frame.recorded
        self._last = frame.recorded
        self._wait(pause, frame.recorded)
        self._tell_time(frame.recorded)
        return frame

    def close(self) -> None:
        """Give the files back."""
        self._frames, self._loop = iter(()), False
        self._bag.close()

    def _wait(self, pause: float, until: int) -> None:
        """So many nanoseconds of the recording, from when the last image was due, up to a time of the recording."""
        now = time.monotonic()
        due = now if self._due is None else self._due + pause / 1e9 / self.rate
        if now - due > _STALL:
            due = now
        while now < due and not self.interrupted():
            time.sleep(min(due - now, _TICK))
            now = time.monotonic()
            if now < due:
                self._tell_time(max(round(until - (due - now) * self.rate * 1e9), self._first))
        self._due = due
