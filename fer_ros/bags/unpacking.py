# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is packed in a bag, unpacked to no more than it may be: a megabyte of zeros can stand for ten thousand."""

from __future__ import annotations

import bz2
from typing import Any

import lz4.frame
from rosbags.rosbag1 import reader as rosbag1
from rosbags.rosbag2 import storage_mcap as mcap

LARGEST = 2**29
"""Bytes of a message or chunk; an 8K image has 100 MB."""


def unpack_zstd(data: bytes, *_: object) -> bytes:
    """Raises ValueError where it is incomplete or too large, and what zstd makes of damage."""
    try:
        from compression import zstd  # Python 3.14
    except ImportError:
        from backports import zstd  # what rosbags has
    return _unpacked(zstd.ZstdDecompressor(), data)


def unpack_lz4(data: bytes, *_: object) -> bytes:
    """Likewise."""
    return _unpacked(lz4.frame.LZ4FrameDecompressor(), data)


def unpack_bz2(data: bytes) -> bytes:
    """Likewise."""
    return _unpacked(bz2.BZ2Decompressor(), data)


def _unpacked(unpacker: Any, data: bytes) -> bytes:
    content: bytes = unpacker.decompress(data, max_length=LARGEST)
    if not unpacker.eof:
        raise ValueError(f"what is packed is incomplete, or larger than {LARGEST} bytes")
    return content


def bound() -> None:
    """Let rosbags unpack with these: its own functions take all the memory that a file asks for."""
    for table, names in ((getattr(mcap, "DECOMPRESSORS", {}), {"zstd": unpack_zstd, "lz4": unpack_lz4}),
                         (getattr(rosbag1, "decompressors", {}), {"bz2": unpack_bz2, "lz4": unpack_lz4})):
        table.update({name: function for name, function in names.items() if name in table})
