"""Work that should not hold up other work of its process."""

from __future__ import annotations

import contextlib
import os
import threading

_NICE = 10


def give_way() -> None:
    """Let this thread wait where all cores are wanted; without effect where threads have no priority of their own."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(os.getpriority(os.PRIO_PROCESS, 0) + _NICE, 19))
