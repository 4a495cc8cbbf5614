"""How many frames a second."""

from __future__ import annotations

from collections import deque


class RateMeter:
    """Frames per second over the last frames, from their own stamps."""

    def __init__(self, window: float = 2.0):
        """Average over `window` seconds."""
        self._window = window
        self._stamps: deque[float] = deque()

    def tick(self, stamp: float) -> float | None:
        """Count a frame with a stamp in seconds; the rate in Hz, None until there are two. A step back starts anew."""
        if self._stamps and stamp < self._stamps[-1]:
            self._stamps.clear()
        self._stamps.append(stamp)
        while stamp - self._stamps[0] > self._window and len(self._stamps) > 2:
            self._stamps.popleft()
        elapsed = stamp - self._stamps[0]
        return (len(self._stamps) - 1) / elapsed if elapsed > 0 else None
