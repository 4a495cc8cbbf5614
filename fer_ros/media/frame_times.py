# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""When a video's frame is shown: from what its container says of it to seconds that can be relied on."""

from __future__ import annotations

import math


class FrameTimes:
    """Seconds since the first frame, strictly increasing, out of a container's presentation times (PTS).

    What a container says is taken as it is, pauses included. A frame without a time, which OpenCV gives as 0, comes one
    step after the last frame. A time that is the last one's or a little earlier, as streams with a wrong order have it, is
    put just behind the last one. After a jump that cannot be (hours on, or seconds back) the times go on from the last frame.

    Args:
        step: seconds from a frame to the next where the container does not say.
        longest: the longest pause, in seconds, that is believed.

    Attributes:
        unstamped: how many frames since the first had no time.
        jumps: how many jumps were taken out.
    """

    LONGEST = 3600.0
    _LATE = 1.0  # seconds; frames that are less out of order are jitter
    _LEAST = 1e-4  # seconds between two frames

    def __init__(self, step: float, longest: float = LONGEST):
        self._step, self._longest = step, longest
        self._base = 0.0  # seconds from the container's times to ours
        self._former: float | None = None  # the same, before a jump at the last frame
        self._time: float | None = None
        self.unstamped = self.jumps = 0

    def __call__(self, position: float) -> float:
        """The time of the next frame in seconds.

        Args:
            position: what the container says, in seconds; 0 or not finite where it says nothing.
        """
        known = math.isfinite(position)
        if self._time is None:
            self._base = -position if known else 0.0
            self._time = 0.0
            return 0.0
        if not known or position == 0:
            self.unstamped += 1
            self._time += self._step
            return self._time
        former, self._former = self._former, None
        if former is not None and 0 < position + former - self._time <= self._LATE:
            self._base = former  # one frame alone was wrong
        ahead = position + self._base - self._time
        if 0 < ahead <= self._longest:
            self._step = ahead
            self._time += ahead
        elif -self._LATE <= ahead <= 0:
            self._time += self._LEAST
        else:
            self.jumps += 1
            self._time += self._step
            self._former, self._base = self._base, self._time - position
        return self._time


class StampClock:
    """Puts a recording's own times on the clock that stamps the images: their differences stay exact.

    A recording begins when its first frame comes. It is put on the clock anew where it starts again, and, if it plays in
    real time, where the two have come far apart: after a pause, or when somebody has set the clock.

    Args:
        realtime: whether the frames come when they are due.
    """

    _EARLY, _LATE = 10**9, 60 * 10**9  # nanoseconds

    def __init__(self, realtime: bool):
        self._realtime = realtime
        self._base: int | None = None  # nanoseconds of the clock at the recording's time 0
        self._last = (-math.inf, 0)  # time and stamp of the last frame

    def __call__(self, now: int, time: float | None) -> int:
        """The stamp of a frame in nanoseconds.

        Args:
            now: what the clock says, in nanoseconds.
            time: the frame's own time in seconds; None where it is of now.
        """
        if time is None:
            return now
        since = round(time * 1e9)
        apart = now - since - self._base if self._base is not None else 0
        if self._base is None:
            self._base = now - since
        elif time <= self._last[0]:
            self._base = (now if self._realtime else max(now, self._last[1] + 1)) - since
        elif self._realtime and not -self._EARLY <= apart <= self._LATE:
            self._base = now - since
        self._last = (time, self._base + since)
        return self._base + since

    def restart(self) -> None:
        """The next frame is of now."""
        self._base = None
