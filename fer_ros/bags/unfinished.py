# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An MCAP file that was never finished: its recorder was killed, the disk was full, or a copy was cut short."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ros.bags.mcap_end import END, cut_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Unfinished:
    """The complete records of such a file with an end behind them, as a path that `rosbags` opens.

    The file itself stays as it is. What the last, incomplete chunk holds is lost.
    """

    suffix = ".mcap"

    def __init__(self, path: Path, size: int):
        """Args: size: bytes of complete records."""
        self._path, self._size = path, size
        self.stem = path.stem

    @staticmethod
    def of(path: Path) -> Unfinished | None:
        """None where it is finished, no MCAP file, or without a complete record behind its header. Raises OSError."""
        with open(path, "rb") as file:
            cut = cut_of(file)
        return Unfinished(path, cut.place) if cut is not None and cut.records >= 2 else None

    def __str__(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        return True

    def is_dir(self) -> bool:
        return False

    def open(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(_Completed(self._path, self._size))


class _Completed(io.RawIOBase):
    """The first `size` bytes of a file, and the end that it lacks."""

    def __init__(self, path: Path, size: int):
        self._file, self._size, self._at = io.FileIO(path), size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size + len(END)}[whence]
        if start + offset < 0:
            raise OSError("seek before the beginning")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        room = memoryview(buffer)
        wanted = len(room)
        if self._at < self._size:
            self._file.seek(self._at)
            data = self._file.read(min(wanted, self._size - self._at))
        else:
            data = END[self._at - self._size : self._at - self._size + wanted]
        room[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()
