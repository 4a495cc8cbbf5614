"""Two topics of one image, put together by their stamp."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class StampPairs(Generic[A, B]):
    """Pairs items of two kinds that carry exactly the same key; either may come first.

    Each kind waits in a cache of `capacity`; the oldest goes when it is full, and everything older than a pair goes
    with that pair, because answers come in the order of their images. What goes unpaired is counted in `dropped`.
    message_filters' exact-time policy does the same where it is installed, but says nothing of what it drops.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.dropped = 0
        self._waiting: tuple[OrderedDict[Hashable, object], ...] = (OrderedDict(), OrderedDict())

    def add_first(self, key: Hashable, item: A) -> tuple[A, B] | None:
        """An item of the first kind; the pair if its partner is there."""
        other = self._add(0, key, item)
        return None if other is None else (item, other)  # type: ignore[return-value]

    def add_second(self, key: Hashable, item: B) -> tuple[A, B] | None:
        """An item of the second kind; the pair if its partner is there."""
        other = self._add(1, key, item)
        return None if other is None else (other, item)  # type: ignore[return-value]

    def clear(self) -> None:
        """Forget what waits, without counting it."""
        for cache in self._waiting:
            cache.clear()

    def _add(self, kind: int, key: Hashable, item: object) -> object | None:
        mine, theirs = self._waiting[kind], self._waiting[1 - kind]
        if key in theirs:
            # What came before this pair will not find its own any more.
            self.dropped += len(mine)
            mine.clear()
            while True:
                first, partner = theirs.popitem(last=False)
                if first == key:
                    return partner
                self.dropped += 1
        if key in mine:  # two messages with one stamp: the newer one counts
            self.dropped += 1
            del mine[key]
        mine[key] = item
        while len(mine) > self.capacity:
            mine.popitem(last=False)
            self.dropped += 1
        return None
