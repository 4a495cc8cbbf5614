# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What lies there and can be read at any rate, and again: what files, folders and arrays have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod

from fer_ros.types import Image


class Recorded(ABC):
    """Frames that were taken before.

    Attributes:
        name: what it is, for people.
        fps: frames per second.
        length: how many there should be; 0 where that is not known.
        stamp: when the last frame that `next` gave is shown, in seconds from the first one.
        notice: what a user should know of what was just read, else empty.
    """

    name: str
    fps: float
    length: int
    stamp: float = 0.0
    notice: str = ""

    @abstractmethod
    def next(self) -> Image | None:
        """The next frame, HxWx3 uint8 BGR; None after the last."""

    @abstractmethod
    def rewind(self) -> None:
        """Begin again."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held; `next` gives no frame afterwards."""

    def _say(self, text: str) -> None:
        self.notice += f"{'; ' if self.notice else ''}{text}"
