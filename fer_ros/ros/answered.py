# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images, each with what another node has found in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from fer_ros.ros.exchange import AnyEmotions, AnyFaces, AnyImage, LocalEmotions, LocalFaces
from fer_ros.ros.matching import StampPairs
from fer_ros.ros.messages import stamp_key

T = TypeVar("T")


class AnsweredImages(Generic[T]):
    """Gives an image on once its answer is there: faces or emotions.

    An answer of the same process brings its image along; otherwise the messages of two topics are put together by their stamp,
    whichever comes first.

    Args:
        pairs: of these two.
        take: is called with an image, and with the item that came with its answer.
    """

    def __init__(self, pairs: StampPairs[AnyImage, T], take: Callable[[AnyImage, T], None]):
        self._pairs, self._take = pairs, take

    @property
    def dropped(self) -> int:
        """Messages that were left out because their other half has not come, or cannot be told."""
        return self._pairs.dropped

    def clear(self) -> None:
        """Forget what waits."""
        self._pairs.clear()

    def add_image(self, message: AnyImage) -> None:
        self._give(self._pairs.add_first(stamp_key(message.header), message))

    def add_answer(self, message: AnyFaces | AnyEmotions, item: T) -> None:
        """An answer, and what is to be given on with its image: the message itself, say."""
        local = isinstance(message, (LocalFaces, LocalEmotions))
        self._give((message.image, item) if local else self._pairs.add_second(stamp_key(message.header), item))

    def _give(self, pair: tuple[AnyImage, T] | None) -> None:
        if pair is not None:
            self._take(*pair)
