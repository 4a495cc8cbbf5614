# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Items that wait for their other half for a while, and go on without it."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Latecomers(Generic[A, B]):
    """Gives items what comes under the same key, before or after them, in the order of the items.

    Args:
        capacity: how many items, and how many of what comes for them, wait; the oldest goes first.
        now: this machine's time in seconds.
    """

    def __init__(self, capacity: int, now: Callable[[], float] = time.monotonic):
        self._capacity, self._now = capacity, now
        self._waiting: deque[tuple[Hashable, float, A]] = deque()
        self._halves: OrderedDict[Hashable, B] = OrderedDict()

    def add(self, key: Hashable, item: A) -> None:
        """An item."""
        self._waiting.append((key, self._now(), item))

    def meet(self, key: Hashable, half: B) -> None:
        """What an item waits for."""
        self._halves[key] = half
        while len(self._halves) > self._capacity:
            self._halves.popitem(last=False)

    def due(self, patience: float) -> list[tuple[A, B | None]]:
        """The items that need not wait any more, each with its half; None where that has not come for `patience` seconds."""
        due: list[tuple[A, B | None]] = []
        while self._waiting:
            key, since, item = self._waiting[0]
            if not (key in self._halves or self._now() - since >= patience or len(self._waiting) > self._capacity):
                break
            self._waiting.popleft()
            due.append((item, self._halves.pop(key, None)))
        return due
