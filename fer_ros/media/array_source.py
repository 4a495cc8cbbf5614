# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Arrays that somebody has already, played as if they were a recording."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sized
from typing import Any

from numpy.typing import NDArray

from fer_ros.media.encodings import each_bgr, separate
from fer_ros.media.recorded import Recorded
from fer_ros.media.scaling import resized
from fer_ros.media.source_name import SourceError
from fer_ros.types import Image
from fer_ros.words import counted

FPS = 10.0
"""Frames per second of pictures that have no times, unless somebody says another rate."""


class ArrayFrames(Recorded):
    """One array or several."""

    def __init__(self, images: NDArray[Any] | Iterable[NDArray[Any]], encoding: str | None = None, fps: float = 0.0,
                 size: tuple[int, int] = (0, 0)):
        """Look at the first one.

        Args:
            images: see `fer_ros.media.encodings.separate`; what can be iterated only once cannot be rewound.
            encoding: see `fer_ros.media.encodings.bgr_of`.
            fps: 0 for `FPS`.
            size: width and height that they are scaled to; 0 keeps their own.

        Raises:
            TypeError, ImageError: the first one is not an image.
            SourceError: there is none.
        """
        self._images, self._encoding = separate(images), encoding
        self.fps = fps or FPS
        self._size = size
        self._frames: Iterator[Image]
        self.length = len(self._images) if isinstance(self._images, Sized) else 0
        self.name = counted(self.length, "array") if self.length else "arrays"
        self.rewind()
        first = next(self._frames, None)
        if first is None:
            raise SourceError("source has no image in it: give one array or several")
        self._frames = itertools.chain([first], self._frames)

    @property
    def can_rewind(self) -> bool:
        """Whether the images can be read again."""
        return not isinstance(self._images, Iterator)

    def next(self) -> Image | None:
        image = next(self._frames, None)
        if image is None:
            return None
        self.stamp = self._given / self.fps
        self._given += 1
        return resized(image, *self._size) if all(self._size) else image

    def rewind(self) -> None:
        self._given = 0
        self._frames = each_bgr(self._images, self._encoding)

    def close(self) -> None:
        self._frames = iter(())
