# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a command is at, so that nobody waits before a silent terminal.

What takes long says so with `tell`; the command's own `shown` decides how people see it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from rich.console import Console

Item = TypeVar("Item")
Tell = Callable[[str], None]

_EVERY = 30.0
"""Seconds after which a file that takes the progress down gets another line of the same task."""
_teller: ContextVar[Tell] = ContextVar("teller", default=lambda text: None)


def tell(what: str, done: int | None = None, total: int = 0) -> None:
    """Say what is done now, and how far it is; empty when it is over."""
    _teller.get()(what if done is None else f"{what}: {done:,} of {total:,}" if total else f"{what}: {done:,}")


def told(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """The items, one by one, telling how many of them have been taken."""
    count = total if total is not None else len(items) if isinstance(items, Sized) else 0
    last = -1.0
    for done, item in enumerate(items):
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            tell(what, done, count)
        yield item


@contextmanager
def shown() -> Iterator[None]:
    """Show what is told inside of the block: on a terminal as a line that is renewed and vanishes, else as lines on stderr."""
    teller: _Line | _Lines = _Line() if sys.stdout.isatty() else _Lines()
    token = _teller.set(teller)
    try:
        yield
    finally:
        _teller.reset(token)
        teller("")


class _Line:
    """The last line of a terminal; what is printed meanwhile comes above it."""

    def __init__(self) -> None:
        self._status = Console(highlight=False).status("")

    def __call__(self, text: str) -> None:
        self._status.update(text)
        if text:
            self._status.start()
        else:
            self._status.stop()


class _Lines:
    """A line for each new task, and another every half minute of one."""

    def __init__(self) -> None:
        self._task, self._last = "", 0.0

    def __call__(self, text: str) -> None:
        task = text.partition(":")[0]
        if text and (task != self._task or time.monotonic() - self._last > _EVERY):
            self._last = time.monotonic()
            print(text if task == self._task else task, file=sys.stderr, flush=True)
        self._task = task
