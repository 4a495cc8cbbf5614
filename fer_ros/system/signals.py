# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a command does when it is to end."""

from __future__ import annotations

import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN = 0.5  # seconds after which it is looked whether an interrupt got lost


class Asked:
    """Notes that a command is to end.

    A threading.Event would not do: a second signal may come while the handler of the first holds the event's lock, and its
    own handler would wait for that lock for ever.
    """

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> None:
        self.asked = True


class Once(Asked):
    """Raises KeyboardInterrupt where it is told so once more."""

    def __call__(self) -> None:
        if self.asked:
            raise KeyboardInterrupt
        super().__call__()


class _Interrupt(KeyboardInterrupt):
    """Others can refer to it weakly, as they cannot to Python's own."""


class Interrupt:
    """Raises KeyboardInterrupt, for a command that is unwound wherever it is; and once more where that got lost.

    What is raised in a destructor or in a callback from C goes nowhere, and some libraries make another error of it. As long
    as an interrupt is on its way, or what it ended is cleared away, somebody refers to it; to one that got lost nobody does.
    """

    def __init__(self) -> None:
        self._raised: Callable[[], _Interrupt | None] | None = None

    @property
    def came(self) -> bool:
        return self._raised is not None

    def __call__(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN, _AGAIN)
        raise self._made()

    def _made(self) -> _Interrupt:
        # Not in the function that raises it: the traceback refers to the variables of that one.
        made = _Interrupt()
        self._raised = weakref.ref(made)
        return made

    def look(self) -> None:
        """Whether it got lost, which counts as another Ctrl-C: for whoever handles that by now."""
        if self._raised is not None and self._raised() is None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.raise_signal(signal.SIGINT)


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


@contextmanager
def interrupted_on_end() -> Iterator[None]:
    """Inside of the block a command is interrupted wherever it is, but where an `on_end` in it says otherwise.

    Raises:
        KeyboardInterrupt: a signal came, whatever else has been made of it.
    """
    interrupt = Interrupt()
    before, tell = signal.signal(signal.SIGALRM, lambda *_: interrupt.look()), sys.unraisablehook
    # One that got lost is raised again: Python need not print it.
    sys.unraisablehook = lambda lost: None if isinstance(lost.exc_value, _Interrupt) else tell(lost)
    try:
        with on_end(interrupt):
            yield
    except Exception as error:
        if interrupt.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = tell
