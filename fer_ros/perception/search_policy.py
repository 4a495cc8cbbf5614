# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""When faces are looked for, in what frames and where: small rules that know nothing but times."""

from __future__ import annotations

import math
from typing import NamedTuple


class Look(NamedTuple):
    """A frame in which faces are looked for.

    Attributes:
        elapsed: seconds since the last such frame; infinite for the first.
        recent: whether that was so lately that the faces of then are still known.
    """

    elapsed: float
    recent: bool


class DetectionSchedule:
    """In which frames faces are looked for; in those between they are taken to move on as they did.

    >>> schedule = DetectionSchedule()
    >>> [schedule.look(stamp, every=2, memory=0.5) is not None for stamp in (0.0, 0.1, 0.2, 0.3)]
    [True, False, True, False]
    """

    def __init__(self) -> None:
        self._looked = -math.inf
        self._frames = 0  # since then

    def look(self, stamp: float, every: int, memory: float, rest: float = 0.0) -> Look | None:
        """Whether faces are looked for in this frame, and what is known of the last time; None if they are not.

        Args:
            stamp: the frame's time in seconds; a step back is a new beginning.
            every: every how many frames.
            memory: seconds for which the faces of the last time are known: after that they are looked for, however few
                frames have come in between.
            rest: seconds between two looks at the least, where nobody can be lost by then; it ends at the nearer frame.
        """
        self._frames += 1
        elapsed = stamp - self._looked
        recent = 0 <= elapsed <= memory
        resting = 0 < elapsed < math.inf and elapsed + elapsed / self._frames / 2 < rest
        if resting or (recent and self._frames < every):
            return None
        self._frames, self._looked = 0, stamp
        return Look(elapsed, recent)


class Attention:
    """Whether somebody was in view lately.

    >>> attention = Attention()
    >>> [attention.rests(stamp) for stamp in (0.0, 4.0, 5.0)]
    [False, False, True]
    >>> attention.see(6.0)
    >>> attention.rests(7.0)
    False
    """

    AFTER = 5.0
    """Seconds without anybody."""

    def __init__(self) -> None:
        self._seen: float | None = None

    def see(self, stamp: float) -> None:
        """Somebody is in view."""
        self._seen = stamp

    def rests(self, stamp: float) -> bool:
        """Whether nobody has been in view for long; a step back of the time is a new beginning, as the first frame is."""
        if self._seen is None or stamp < self._seen:
            self._seen = stamp
        return stamp - self._seen >= self.AFTER


class SearchPolicy:
    """Whether known faces may be followed, each near where it was, and when the whole image is searched.

    >>> policy = SearchPolicy()
    >>> policy.search(0.0)
    >>> [policy.search_is_due(stamp, Look(0.1, recent=True), period=0.3) for stamp in (0.1, 0.2, 0.3)]
    [False, False, True]

    A period that ends between two frames ends at the nearer one.
    """

    PATIENCE = 0.2
    """Seconds after somebody was missed until known faces are followed again: whom the network does not see from near, it
    sees in the whole image, and nobody should be looked at twice in every frame."""

    def __init__(self) -> None:
        # Stamps of the last search of a whole image and of the last time that somebody was missing.
        self._searched = self._missed = -math.inf

    def may_follow(self, stamp: float, look: Look, period: float) -> bool:
        """Whether known faces may be followed in this frame.

        Args:
            period: seconds between two searches of the whole image; 0 to search each.
        """
        if not look.recent:
            self._missed = -math.inf  # that was somebody else
        return look.recent and period > 0 and stamp - self._missed + look.elapsed / 2 >= self.PATIENCE

    def miss(self, stamp: float) -> None:
        """Somebody was not where they were expected."""
        self._missed = stamp

    def search_is_due(self, stamp: float, look: Look, period: float) -> bool:
        """Whether the whole image is searched in this frame though all known faces were found in it.

        Where time stands still, each is.

        Args:
            period: as above.
        """
        return look.elapsed <= 0 or stamp - self._searched + look.elapsed / 2 >= period

    def search(self, stamp: float) -> None:
        """The whole image is searched."""
        self._searched = stamp
