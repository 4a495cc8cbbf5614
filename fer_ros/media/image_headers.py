# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a picture's first bytes say of it: its kind and its size, before anything is decoded."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import Any

MOST_PIXELS = 100_000_000
"""A larger picture is not decoded: its pixels alone would take more than 300 MB."""
MOST_BYTES = 8 * MOST_PIXELS
"""A larger file is no picture that could be decoded: four channels of 16 bits, without compression."""

HEAD = 64
"""How many bytes `kind_of` looks at."""

_JPEG_SIZE = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # start of frame, whatever the process
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a length
_BRANDS = {
    "HEIC": (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
    "AVIF": (b"avif", b"avis"),
    "Canon raw": (b"crx ",),
}


def kind_of(head: bytes) -> str:
    """The kind of a picture (`JPEG`, `PNG`, `HEIC`, ...) by its first `HEAD` bytes; empty where they are of no picture."""
    if head[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if head[:2] == b"BM" and head[14:18] in _BMP_HEADERS:
        return "BMP"
    if re.match(rb"P[1-7Ff]\s", head):
        return "PNM"
    if head[:12] == b"\0\0\0\x0cjP  \r\n\x87\n" or head[:4] == b"\xff\x4f\xff\x51":
        return "JPEG 2000"
    if head[:12] == b"\0\0\0\x0cJXL \r\n\x87\n" or head[:2] == b"\xff\x0a":
        return "JPEG XL"
    if head[4:8] == b"ftyp":
        return next((kind for kind, brands in _BRANDS.items() if head[8:12] in brands), "")
    return ""


_BMP_HEADERS = {struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124)}


def is_animated_webp(head: bytes) -> bool:
    """Whether a picture is a WebP that holds several, each with its time, by its first `HEAD` bytes."""
    return kind_of(head) == "WebP" and head[12:16] == b"VP8X" and bool(head[20] & 2)


def size_of(data: Any) -> tuple[int, int] | None:
    """Width and height in pixels of a picture of one of the kinds `READ`; None where its header does not say.

    Args:
        data: the whole picture, bytes or an array of them.
    """
    view = memoryview(data)
    find = READ.get(kind_of(bytes(view[:HEAD])))
    try:
        return find(view) if find else None
    except (struct.error, IndexError, ValueError):
        return None


def _png(data: memoryview) -> tuple[int, int]:
    return struct.unpack_from(">II", data, 16)


def _gif(data: memoryview) -> tuple[int, int]:
    return struct.unpack_from("<HH", data, 6)


def _bmp(data: memoryview) -> tuple[int, int]:
    if data[14] == 12:
        return struct.unpack_from("<HH", data, 18)
    width, height = struct.unpack_from("<ii", data, 18)
    return abs(width), abs(height)  # a negative height is an image from top to bottom


def _jpeg(data: memoryview) -> tuple[int, int] | None:
    at = 2
    while True:
        while data[at] != 0xFF:  # libjpeg, too, skips what lies between two segments
            at += 1
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        if marker in _JPEG_SIZE:
            height, width = struct.unpack_from(">HH", data, at + 4)
            return width, height
        if marker in (0xD9, 0xDA):  # pixels, or the end, before a size
            return None
        at += 1 if marker in _ALONE else 1 + struct.unpack_from(">H", data, at + 1)[0]


def _webp(data: memoryview) -> tuple[int, int] | None:
    part = bytes(data[12:16])
    if part == b"VP8X":
        return (int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    if part == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if part == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: memoryview) -> tuple[int, int] | None:
    order = "<" if data[0] == 0x49 else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    start = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0]
    count = struct.unpack_from(order + ("Q" if big else "H"), data, start)[0]
    start, length, value = (start + 8, 20, 12) if big else (start + 2, 12, 8)
    size: dict[int, int] = {}
    for entry in range(start, start + min(count, 4096) * length, length):
        tag, kind = struct.unpack_from(order + "HH", data, entry)
        if tag in (256, 257) and kind in (3, 4, 16):
            size[tag] = struct.unpack_from(order + {3: "H", 4: "I", 16: "Q"}[kind], data, entry + value)[0]
    return (size[256], size[257]) if len(size) == 2 else None


def _pnm(data: memoryview) -> tuple[int, int] | None:
    head = re.sub(rb"#[^\n]*", b"", bytes(data[:4096]))
    found = (re.match(rb"P7\s.*?WIDTH\s+(\d{1,9})\s.*?HEIGHT\s+(\d{1,9})\s", head, re.DOTALL) if head[:2] == b"P7" else
             re.match(rb"P\w\s+(\d{1,9})\s+(\d{1,9})\s", head))
    return (int(found[1]), int(found[2])) if found else None


READ: dict[str, Callable[[memoryview], tuple[int, int] | None]] = {
    "BMP": _bmp, "GIF": _gif, "JPEG": _jpeg, "PNG": _png, "PNM": _pnm, "TIFF": _tiff, "WebP": _webp,
}
"""The kinds of pictures that are decoded."""


def too_large(size: tuple[int, int]) -> str:
    """Why a picture or a video of this width and height is not decoded; empty where it is."""
    width, height = size
    if width * height <= MOST_PIXELS:
        return ""
    return f"{width}x{height} pixels are more than the {MOST_PIXELS // 10**6} megapixels that are read"
