# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An MCAP file whose end is missing, made readable up to there: where the disk was full, or the recorder was killed."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from fer_ros.bags.mcap_end import CHUNK, END, HEAD, MESSAGE, cut_of

_CHUNK_HEAD = struct.Struct("<QQQII")  # first and last time, size, checksum, length of the compression's name
_SIZE = struct.Struct("<Q")
_MESSAGE_HEAD = struct.Struct("<HIQ")  # channel, number, time


def mend(path: Path) -> None:
    """End a file behind its last complete message, in place; one that is complete is left alone.

    It has no index afterwards: readers go through it once. It takes some 50 bytes more room than what is kept.

    Raises:
        OSError: it cannot be read or written.
    """
    with open(path, "r+b") as file:
        cut = cut_of(file)
        if cut is None:
            return
        size = os.fstat(file.fileno()).st_size
        end = _shorten(file, cut.place, size) if cut.kind == CHUNK else cut.place
        file.truncate(end)
        file.seek(end)
        file.write(END)


def _shorten(file: BinaryIO, at: int, size: int) -> int:
    """Have a chunk that is cut end with its last complete record; its end. It is dropped where no message is in it."""
    start = at + HEAD.size
    messages = start + _CHUNK_HEAD.size + _SIZE.size
    file.seek(start)
    head = file.read(_CHUNK_HEAD.size)
    if messages > size or _CHUNK_HEAD.unpack(head)[4]:  # of compressed messages nothing can be read without all
        return at
    end, times = messages, []
    while end + HEAD.size <= size:
        file.seek(end)
        kind, length = HEAD.unpack(file.read(HEAD.size))
        if end + HEAD.size + length > size:
            break
        if kind == MESSAGE:
            times.append(_MESSAGE_HEAD.unpack(file.read(_MESSAGE_HEAD.size))[2])
        end += HEAD.size + length
    if not times:
        return at
    file.seek(at)
    file.write(HEAD.pack(CHUNK, end - start))
    file.write(_CHUNK_HEAD.pack(min(times), max(times), end - messages, 0, 0))
    file.write(_SIZE.pack(end - messages))
    return end
