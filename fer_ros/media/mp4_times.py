# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The time of each frame in an MP4 or QuickTime file that OpenCV, which knows one rate alone, has written."""

from __future__ import annotations

import itertools
import math
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

_SCALES = (90_000, 1_000)  # ticks a second: the first with which the length fits into 32 bits
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
_MOST_INDEX = 2**30  # bytes


def write_times(path: Path, times: Sequence[float], last: float) -> None:
    """Give the frames of a video their times, pixels and everything else left as they are.

    Args:
        times: of each frame in seconds, from 0 on and increasing; those of frames that the file does not hold are not used.
        last: for how many seconds the last frame is shown.

    Raises:
        OSError: there is no room for it; the file is as it was.
        ValueError: it is not laid out as OpenCV's FFmpeg does; likewise.
    """
    with open(path, "r+b") as file:
        try:
            start, index = _index(file)
            made = _Retimed(index, times, last).index
        except (struct.error, KeyError) as error:
            raise ValueError(f"its index is unknown: {error!r}") from None
        if len(made) > len(index):
            os.posix_fallocate(file.fileno(), start, len(made))  # before what is there is written over
        file.seek(start)
        file.write(made)
        file.truncate()


def has_index(path: Path) -> bool:
    """Whether an MP4 or QuickTime file can be read: whoever wrote it has come to its index, or wrote one of each part."""
    try:
        with open(path, "rb") as file:
            return any(kind == b"moov" for kind, _, _ in _outermost(file))
    except (OSError, struct.error):
        return False


def _index(file: BinaryIO) -> tuple[int, bytes]:
    """Where the box `moov` begins, which must be the file's last, and the box."""
    size = file.seek(0, os.SEEK_END)
    for kind, at, length in _outermost(file):
        if kind == b"moov" and at + length == size and length < _MOST_INDEX:
            file.seek(at)
            return at, file.read(length)
    raise ValueError("it has no index at its end")


def _outermost(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length of each outermost box, as far as they are whole."""
    size, at = file.seek(0, os.SEEK_END), 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        if length < 8:
            return
        yield kind, at, length
        at += length


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box."""
    at = 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if not 8 <= length <= len(data) - at:
            raise ValueError(f"its index is unknown: {kind!r} has {length} bytes")
        yield kind, data[at + 8 : at + length]
        at += length


class _Retimed:
    """An index, made anew with other times.

    Attributes:
        index: the box `moov`.
    """

    def __init__(self, index: bytes, times: Sequence[float], last: float):
        found: dict[bytes, bytes] = {}
        self._collect(index, found)
        if b"ctts" in found:
            raise ValueError("its frames are not in the order in which they are shown")
        count = struct.unpack_from(">I", found[b"stsz"], 8)[0]
        if not 0 < count <= len(times):
            raise ValueError(f"it has {count} frames, and not {len(times)}")
        length = times[count - 1] + last
        self._scale = next(scale for scale in _SCALES if length * scale < 2**32 or scale == _SCALES[-1])
        ticks = [round(time * self._scale) for time in itertools.islice(times, count)]
        self._steps = [max(1, after - before) for before, after in itertools.pairwise(ticks)]
        self._steps.append(max(1, round(last * self._scale)))
        self._ticks = sum(self._steps)
        movie = found[b"mvhd"]
        movie_scale = struct.unpack_from(">I", movie, 20 if movie[0] else 12)[0]
        self._length = math.ceil(self._ticks * movie_scale / self._scale)
        change: dict[bytes, Callable[[bytes], bytes]] = {
            b"mvhd": lambda box: _with_length(box, 24 if box[0] else 16, self._length),
            b"tkhd": lambda box: _with_length(box, 28 if box[0] else 20, self._length),
            b"elst": lambda box: _with_length(box, 8, self._length),
            b"mdhd": lambda box: self._media_header(box),
            b"stts": lambda box: self._steps_box(),
        }
        self.index = self._made(index, change)

    def _collect(self, data: bytes, found: dict[bytes, bytes]) -> None:
        for kind, box in _boxes(data):
            if kind in (b"trak", b"elst") and kind in found:
                raise ValueError(f"it has more than one {kind.decode()}")
            found[kind] = box
            if kind in _PARENTS:
                self._collect(box, found)

    def _made(self, data: bytes, change: dict[bytes, Callable[[bytes], bytes]]) -> bytes:
        made = []
        for kind, box in _boxes(data):
            if kind in _PARENTS:
                box = self._made(box, change)
            elif kind in change:
                box = change[kind](box)
            made.append(struct.pack(">I4s", 8 + len(box), kind) + box)
        return b"".join(made)

    def _media_header(self, box: bytes) -> bytes:
        at = 20 if box[0] else 12
        return _with_length(box[:at] + struct.pack(">I", self._scale) + box[at + 4 :], at + 4, self._ticks)

    def _steps_box(self) -> bytes:
        runs = [(sum(1 for _ in group), step) for step, group in itertools.groupby(self._steps)]
        return struct.pack(">II", 0, len(runs)) + b"".join(struct.pack(">II", *run) for run in runs)


def _with_length(box: bytes, at: int, length: int) -> bytes:
    """A box whose length in ticks, at `at`, is another; in version 1 it has 64 bits."""
    field = ">Q" if box[0] else ">I"
    return box[:at] + struct.pack(field, length) + box[at + struct.calcsize(field) :]
