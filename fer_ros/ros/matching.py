# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Two topics of one image, put together by their stamp."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable
from typing import Generic, TypeVar, cast

UNSTAMPED = (0, 0)
"""The key of a message whose publisher left its stamp empty."""
_STRANGERS = 10
"""Items of each kind in a row of which none finds its other half, after which it is no chance."""

A = TypeVar("A")
B = TypeVar("B")


class StampPairs(Generic[A, B]):
    """Pairs items of two kinds that carry exactly the same key; either may come first.

    Each kind waits in a cache of `capacity`; the oldest goes when it is full, and everything older than a pair goes
    with that pair, because answers come in the order of their images. What goes unpaired is counted in `dropped`.
    message_filters' exact-time policy does the same where it is installed, but says nothing of what it drops.

    Items that cannot be told apart are not paired, since a face might be looked for in another frame's pixels: those without a
    stamp, and two of one kind in a row with the same stamp. They count as dropped, too.

    Args:
        capacity: how many items of each kind wait.
        refused: called with the key of each item that cannot be told apart from another.
        strange: called with a key, and with those of the other kind that wait, where of many of both kinds none have paired.
    """

    def __init__(self, capacity: int, refused: Callable[[Hashable], None] = lambda key: None,
                 strange: Callable[[Hashable, Collection[Hashable]], None] = lambda key, others: None):
        self.capacity = capacity
        self.dropped = 0
        self._refused, self._strange = refused, strange
        self._alone = [0, 0]  # items of each kind since the last pair
        self._waiting: tuple[OrderedDict[Hashable, object], ...] = (OrderedDict(), OrderedDict())
        self._last: list[Hashable | None] = [None, None]  # key of each kind's last item
        self._ambiguous: Hashable | None = None

    def add_first(self, key: Hashable, item: A) -> tuple[A, B] | None:
        """An item of the first kind; the pair if its partner is there."""
        other = self._add(0, key, item)
        return None if other is None else (item, cast(B, other))

    def add_second(self, key: Hashable, item: B) -> tuple[A, B] | None:
        """An item of the second kind; the pair if its partner is there."""
        other = self._add(1, key, item)
        return None if other is None else (cast(A, other), item)

    def clear(self) -> None:
        """Forget what waits, without counting it."""
        for cache in self._waiting:
            cache.clear()
        self._last, self._ambiguous, self._alone = [None, None], None, [0, 0]

    def _add(self, kind: int, key: Hashable, item: object) -> object | None:
        if key == self._last[kind]:
            self._ambiguous = key
            self.dropped += sum(cache.pop(key, None) is not None for cache in self._waiting)
        self._last[kind] = key
        if key in (UNSTAMPED, self._ambiguous):
            self.dropped += 1
            self._refused(key)
            return None
        mine, theirs = self._waiting[kind], self._waiting[1 - kind]
        if key in theirs:
            self._alone = [0, 0]
            # What came before this pair will not find its own any more.
            self.dropped += len(mine)
            mine.clear()
            while True:
                first, partner = theirs.popitem(last=False)
                if first == key:
                    return partner
                self.dropped += 1
        if key in mine:  # a recording that starts again: the newer one counts
            self.dropped += 1
            del mine[key]
        mine[key] = item
        while len(mine) > self.capacity:
            mine.popitem(last=False)
            self.dropped += 1
        self._alone[kind] += 1
        if min(self._alone) >= _STRANGERS:
            self._alone = [0, 0]
            self._strange(key, theirs.keys())
        return None


def explain_refusal(key: Hashable, topics: str) -> str:
    """What to tell of messages on some topics that cannot be told apart.

    Args:
        key: the stamp that they have in common, as (seconds, nanoseconds).
        topics: their names, for people.
    """
    what = "have no stamp" if key == UNSTAMPED else "have the same stamp as the ones before"
    return (f"messages on {topics} {what}: nobody can tell which image an answer is about, so they are left out. Let the "
            "images' publisher set header.stamp of each image (with use_sim_time: does /clock run?), let whoever looks at an "
            "image copy it, and let only one node publish each topic")


def explain_strangers(key: Hashable, others: Collection[Hashable], topics: str) -> str:
    """What to tell of messages on some topics that do not belong together, although they should.

    Args:
        key: the stamp of one of them, as (seconds, nanoseconds).
        others: those of the others that wait.
        topics: their names, for people.
    """
    stamp = _nanoseconds(key)
    apart = min((abs(stamp - _nanoseconds(other)) for other in others), default=0)
    nearest = f" (the nearest are {apart * 1e-9:.9f}".rstrip("0") + " s apart)" if apart else ""
    return (f"of the last messages on {topics} no two have the same stamp{nearest}, so nothing is answered. Let whoever looks "
            "at an image copy its header.stamp as it is; where the answer comes after many more images, set a larger "
            "cache_size")


def _nanoseconds(stamp: Hashable) -> int:
    sec, nanosec = cast("tuple[int, int]", stamp)
    return sec * 10**9 + nanosec
