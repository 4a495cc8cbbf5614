# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What every source of frames gives, and what it is asked for."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from fer_ros.media.source_params import flip_image
from fer_ros.types import Comparable, Image

_LOG = logging.getLogger("fer_ros")

class SourceUnavailable(Exception):
    """The source does not work now but may later: a camera that is absent, busy or unplugged, a stream that is down."""


@dataclass(frozen=True, eq=False)
class SourceFrame(Comparable):
    """One frame of a source.

    Attributes:
        image: HxWx3 uint8, BGR.
        stamp: when it is shown, in seconds from the first one: as a video's container says it, by the rate of a folder or of
            arrays, and of a camera or a stream without end when it came.
        number: of the frame, from 0.
    """

    image: Image
    stamp: float
    number: int


class Source(ABC):
    """Frames, one after the other: an iterator of `SourceFrame`, and a context manager that closes it.

    What a user should know of what was read, a skipped image or an early end, the logger `fer_ros` says as a warning.
    Whoever calls `read` instead finds it in `notice`.

    Attributes:
        name: what it is, for people.
        finite: whether it ends, as a file does and a camera does not.
        rate: of a file, folder or the demo, frames per second; else None.
        length: of these, how many frames there should be; 0 where that is not known.
        stamp: of a file, folder or the demo, when the frame that was just read is shown, in seconds from the first one; in a
            loop it starts again. None where a frame is of the moment at which it is read.
        notice: what a user should know of what was just read (a skipped image, an early end), else empty.
        unused: which parameters are set and have no effect on it, else empty; iterating says that, too.
        interrupted: asked while a frame is not due yet, which can take long; once it is true, `read` returns at once.
    """

    name: str
    finite: bool
    rate: float | None = None
    length: int = 0
    stamp: float | None = None
    notice: str = ""
    unused: str = ""
    interrupted: Callable[[], bool] = staticmethod(lambda: False)
    _ended = False
    _begun: float | None = None  # this machine's time at the first frame that was iterated over
    _number = 0
    _flip = "none"

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self.close()

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> SourceFrame:
        if self._ended:
            raise StopIteration
        image = self.read()
        for text in filter(None, (self.unused, self.notice)):
            _LOG.warning("%s", text)
        self.unused = self.notice = ""
        if image is None:
            self._ended = True
            self.close()
            raise StopIteration
        now = time.monotonic()
        if self._begun is None:
            self._begun = now
        stamp = now - self._begun if self.stamp is None else self.stamp
        self._number += 1
        return SourceFrame(flip_image(image, self._flip), stamp, self._number - 1)

    @abstractmethod
    def read(self) -> Image | None:
        """The next frame, HxWx3 uint8 BGR, when it is due; None after the last.

        Raises:
            SourceUnavailable: a live source does not deliver; open it again later.
        """

    def close(self) -> None:  # noqa: B027  (a source that holds nothing has nothing to give back)
        """Give the device or file back. Any number of times, and from any thread; `read` gives no frame afterwards."""
