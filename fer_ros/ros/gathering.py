# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The faces of one image, put together from topics that bring them one by one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fer_ros.ros.matching import UNSTAMPED

F = TypeVar("F")


@dataclass
class _Frame(Generic[F]):
    ids: tuple[str, ...] | None = None
    faces: dict[str, F] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return self.ids is not None and all(name in self.faces for name in self.ids)


class Gathering(Generic[F]):
    """Puts a list of who is tracked, and where each of them is, together by their stamp, whatever comes first.

    A frame is whole once all of its list are there. One whose list names somebody who is not seen is over once the list of a
    later frame comes: with the topics of one publisher in turn, what belongs to it has come by then.

    Args:
        capacity: frames that are kept without being whole; the oldest goes, and is counted in `dropped`.
        refused: called with the key of what cannot be told apart from what is of another frame; it is counted there, too.
    """

    def __init__(self, capacity: int, refused: Callable[[Hashable], None] = lambda key: None):
        self.capacity, self.dropped = capacity, 0
        self._refused = refused
        self._frames: OrderedDict[Hashable, _Frame[F]] = OrderedDict()
        self._last: Hashable | None = None  # the key of the last frame that was given

    def add_list(self, key: Hashable, ids: Iterable[str]) -> list[tuple[Hashable, Mapping[str, F]]]:
        """Who is tracked in a frame; the frames that are over, in the order in which they came, each with its faces."""
        frame = self._frame(key)
        if frame is None:
            return []
        frame.ids = tuple(ids)
        return self._over(key)

    def add_face(self, key: Hashable, name: str, face: F) -> list[tuple[Hashable, Mapping[str, F]]]:
        """Where somebody is in a frame; likewise."""
        frame = self._frame(key)
        if frame is None:
            return []
        frame.faces[name] = face
        return self._over(key) if frame.is_whole else []

    def clear(self) -> None:
        self._frames.clear()
        self._last = None

    def _frame(self, key: Hashable) -> _Frame[F] | None:
        """The frame of a key, which may be new; None where it cannot be told apart from others or is over."""
        if key == UNSTAMPED:
            self.dropped += 1
            self._refused(key)
            return None
        if key == self._last:
            return None
        if key not in self._frames:
            self._frames[key] = _Frame()
            while len(self._frames) > self.capacity:
                self._frames.popitem(last=False)
                self.dropped += 1
        return self._frames[key]

    def _over(self, key: Hashable) -> list[tuple[Hashable, Mapping[str, F]]]:
        """All frames before one whose list has come, and that one if it is whole."""
        over: list[tuple[Hashable, Mapping[str, F]]] = []
        for earlier in list(self._frames):
            frame = self._frames[earlier]
            if earlier == key and not frame.is_whole:
                break
            del self._frames[earlier]
            if frame.ids is None:
                self.dropped += 1
            else:
                over.append((earlier, {name: frame.faces[name] for name in frame.ids if name in frame.faces}))
            self._last = earlier
            if earlier == key:
                break
        return over
