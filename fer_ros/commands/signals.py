"""What a command does when it is to end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt() -> None:
    """Raise KeyboardInterrupt: for a command that is unwound wherever it is."""
    raise KeyboardInterrupt


class Once:
    """Notes that a command is to end; raises KeyboardInterrupt where it is told so once more."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> None:
        if self.asked:
            interrupt()
        self.asked = True


@contextmanager
def on_end(handle: Callable[[], None]) -> Iterator[None]:
    """Call `handle` on Ctrl-C, on a supervisor's SIGTERM, and when the terminal is closed; inside of the block alone.

    A command that `nohup` has started goes on without its terminal.
    """
    numbers = [one for one in _ENDS if one != signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: handle()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
