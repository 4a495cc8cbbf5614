"""An MCAP file whose end is missing, made readable up to there: where the disk was full, or the recorder was killed."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

_MAGIC = b"\x89MCAP0\r\n"
# Of the specification's records (mcap.dev/spec) those that matter here.
_FOOTER, _MESSAGE, _CHUNK, _DATA_END = 0x02, 0x05, 0x06, 0x0F
_HEAD = struct.Struct("<BQ")  # of every record: its kind, and the bytes that follow
_CHUNK_HEAD = struct.Struct("<QQQII")  # first and last time, size, checksum, length of the compression's name
_SIZE = struct.Struct("<Q")
_MESSAGE_HEAD = struct.Struct("<HIQ")  # channel, number, time
# No checksum, and a footer that says that there is no summary.
_END = _HEAD.pack(_DATA_END, 4) + bytes(4) + _HEAD.pack(_FOOTER, 20) + bytes(20) + _MAGIC


def mend(path: Path) -> None:
    """End a file behind its last complete message, in place; one that is complete is left alone.

    It has no index afterwards: readers go through it once. It takes some 50 bytes more room than what is kept.

    Raises:
        OSError: it cannot be read or written.
    """
    with open(path, "r+b") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(_MAGIC)) != _MAGIC:
            return
        file.seek(max(size - len(_MAGIC), len(_MAGIC)))
        if file.read() == _MAGIC:
            return
        at, kind = _skip(file, len(_MAGIC), size)
        if kind == _CHUNK:
            at = _shorten(file, at, size)
        file.truncate(at)
        file.seek(at)
        file.write(_END)


def _skip(file: BinaryIO, at: int, size: int) -> tuple[int, int | None]:
    """Where the first record begins that is cut, or ends the data; and its kind, None where it is not even known."""
    while at + _HEAD.size <= size:
        file.seek(at)
        kind, length = _HEAD.unpack(file.read(_HEAD.size))
        if kind == _DATA_END or at + _HEAD.size + length > size:
            return at, kind
        at += _HEAD.size + length
    return at, None


def _shorten(file: BinaryIO, at: int, size: int) -> int:
    """Have a chunk that is cut end with its last complete record; its end. It is dropped where no message is in it."""
    start = at + _HEAD.size
    messages = start + _CHUNK_HEAD.size + _SIZE.size
    file.seek(start)
    head = file.read(_CHUNK_HEAD.size)
    if messages > size or _CHUNK_HEAD.unpack(head)[4]:  # of compressed messages nothing can be read without all
        return at
    end, times = messages, []
    while end + _HEAD.size <= size:
        file.seek(end)
        kind, length = _HEAD.unpack(file.read(_HEAD.size))
        if end + _HEAD.size + length > size:
            break
        if kind == _MESSAGE:
            times.append(_MESSAGE_HEAD.unpack(file.read(_MESSAGE_HEAD.size))[2])
        end += _HEAD.size + length
    if not times:
        return at
    file.seek(at)
    file.write(_HEAD.pack(_CHUNK, end - start))
    file.write(_CHUNK_HEAD.pack(min(times), max(times), end - messages, 0, 0))
    file.write(_SIZE.pack(end - messages))
    return end
