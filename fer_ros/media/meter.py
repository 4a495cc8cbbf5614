# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Time as the frames tell it: their rate, and seconds that can be relied on."""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class RateMeter:
    """Frames per second over the last frames, from their own stamps."""

    def __init__(self, window: float = 2.0):
        """Average over `window` seconds."""
        self._window = window
        self._stamps: deque[float] = deque(maxlen=1000)

    def tick(self, stamp: float) -> float | None:
        """Count a frame with a stamp in seconds; the rate in Hz, None until there are two. A step back starts anew."""
        if self._stamps and stamp < self._stamps[-1]:
            self._stamps.clear()
        self._stamps.append(stamp)
        while stamp - self._stamps[0] > self._window and len(self._stamps) > 2:
            self._stamps.popleft()
        elapsed = stamp - self._stamps[0]
        return (len(self._stamps) - 1) / elapsed if elapsed > 0 else None


class RateLimit:
    """Lets frames through up to a rate. Frames that come at that rate pass all, though a bit early or late.

    >>> limit = RateLimit()
    >>> [limit.passes(now, 10.0) for now in (0.0, 0.09, 0.13, 0.21, 0.5)]
    [True, True, False, True, True]
    """

    _SLACK = 0.3  # of a period, early or late

    def __init__(self) -> None:
        self._due = -math.inf

    def passes(self, now: float, rate: float) -> bool:
        """Whether a frame may go; it then counts.

        Args:
            now: in seconds.
            rate: frames a second, at most.
        """
        period = 1 / rate
        slack = self._SLACK * period
        if now < self._due - slack:
            return False
        self._due = max(self._due, now - slack) + period
        return True


class StageTimes:
    """How long the steps of the work on a frame take.

    One thread measures, another may take the results.
    """

    _KEPT = 2000

    def __init__(self) -> None:
        self._durations: dict[str, deque[float]] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Measure what is done inside of the block."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.add(stage, time.perf_counter() - begun)

    def add(self, stage: str, duration: float) -> None:
        """Count a duration in seconds."""
        self._durations.setdefault(stage, deque(maxlen=self._KEPT)).append(duration)

    def take(self) -> dict[str, tuple[float, float]]:
        """Median and 95th percentile in seconds of each stage since the last call; stages without a duration are left out."""
        taken = {}
        for stage, durations in list(self._durations.items()):
            values = [durations.popleft() for _ in range(len(durations))]
            if values:
                # Not numpy.percentile, whose checks were a quarter of what a report of a node's diagnostics costs.
                twentieths = statistics.quantiles(values if len(values) > 1 else 2 * values, n=20, method="inclusive")
                taken[stage] = (twentieths[9], twentieths[18])
        return taken


class FrameClock:
    """Seconds for tracking and smoothing, out of stamps that may be missing, repeated or a little out of order.

    A good stamp is given back as it is. One that is zero or the same as the last counts the time of this machine on, so
    that nothing that hangs on time stands still; one from before the last, as two publishers on one topic make them, counts
    as the last. A step back of more than `RESTART` seconds, or to the first stamp since the last jump of more than that, is a
    recording that starts again, and is given back.

    Args:
        now: this machine's time in seconds; one that stands still for what is not played in real time.
    """

    RESTART = 1.0

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._stamp = self._seconds = self._heard = 0.0
        self._first: float | None = None

    def __call__(self, stamp: float) -> float:
        """The time of a frame with a stamp in seconds, in seconds."""
        now = self._now()
        if stamp == 0 or stamp == self._stamp:
            self._seconds += now - self._heard if self._heard else 0.0
        elif stamp > self._seconds or stamp < self._seconds - self.RESTART or stamp == self._first:
            if self._first is None or stamp < self._first or abs(stamp - self._seconds) > self.RESTART:
                self._first = stamp  # another recording, or one after a gap
            self._seconds = stamp
        self._stamp, self._heard = stamp, now
        return self._seconds
