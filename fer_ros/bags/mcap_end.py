# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The end of an MCAP file (mcap.dev/spec): whether it has one, where it belongs, and what stands there."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO, NamedTuple

MAGIC = b"\x89MCAP0\r\n"
FOOTER, MESSAGE, CHUNK, DATA_END = 0x02, 0x05, 0x06, 0x0F
HEAD = struct.Struct("<BQ")
"""Of every record: its kind, and the bytes that follow."""
END = HEAD.pack(DATA_END, 4) + bytes(4) + HEAD.pack(FOOTER, 20) + bytes(20) + MAGIC
"""Without a checksum, and with a footer that says that there is no summary."""


class Cut(NamedTuple):
    """Where a file ends that was not finished.

    Attributes:
        records: how many are complete.
        place: bytes up to the end of the last of them.
        kind: of the record that is cut there; None where not even that can be read.
    """

    records: int
    place: int
    kind: int | None


def cut_of(file: BinaryIO) -> Cut | None:
    """None for a file that was finished, or is no MCAP file. Raises OSError."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        return None
    file.seek(max(size - len(MAGIC), len(MAGIC)))
    if file.read() == MAGIC:
        return None
    records, place = 0, len(MAGIC)
    while place + HEAD.size <= size:
        file.seek(place)
        kind, length = HEAD.unpack(file.read(HEAD.size))
        # Zeros follow where the power failed.
        if kind in (0, DATA_END, FOOTER) or place + HEAD.size + length > size:
            return Cut(records, place, kind)
        records, place = records + 1, place + HEAD.size + length
    return Cut(records, place, None)
