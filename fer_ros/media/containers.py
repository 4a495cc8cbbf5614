# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a video file's bytes say of it: whether it moves, names other files, or was cut off. Decodes nothing."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

HEAD = 4096
"""How many bytes `lists_others` looks at."""

DEMUXERS = (
    "3dostr,4xm,amv,anm,apng,asf,asf_o,av1,avi,avs2,avs3,bink,c93,cavsvideo,cdxl,dirac,dv,dvdnav,ea,film_cpk,flic,flv,gif,gxf,"
    "h261,h263,h264,hevc,iv8,ivf,jpeg_pipe,kux,live_flv,lxf,m4v,matroska,mjpeg,mjpeg_2000,mov,mpeg,mpegts,mpegvideo,mpjpeg,"
    "mtv,mvi,mxf,nsv,nut,nuv,obu,ogg,pva,rl2,rm,roq,smjpeg,smk,swf,thp,ty,vc1,vc1test,vivo,vvc,webm,wsvqa,wtv,xmv,yuv4mpegpipe"
)
"""FFmpeg's demuxers of files that hold all of their frames themselves. Left out are those that open other files or addresses:
hls, dash, concat, sdp, imf, image2, mlv, ..."""

_LISTS = {
    "HLS playlist": rb"#EXTM3U",
    "concat list": rb"ffconcat\s+version",
    "session description": rb"v=0\r?\n",
    "DASH manifest": rb"<(\?xml.*<)?MPD[\s>]",
    "playlist": rb"\[playlist\]|\[Reference\]|<asx|<\?wpl|<(\?xml.*<)?(playlist|CompositionPlaylist)[\s>]",
}


def lists_others(head: bytes) -> str:
    """What a file that does not hold frames but names other files is called; empty where it is another file."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for kind, pattern in _LISTS.items() if re.match(pattern, text, re.IGNORECASE | re.DOTALL)), "")


def moves(kind: str, path: Path) -> bool:
    """Whether a file of a picture's kind holds several pictures, each with its time."""
    if kind == "GIF":
        return True
    if kind == "PNG":
        return _has_animation_control(path)
    return kind == "JPEG" and _is_chain_of_jpegs(path)


def _has_animation_control(path: Path) -> bool:
    """Of a PNG: whether it is an APNG, whose acTL comes before the pixels."""
    with open(path, "rb") as file:
        file.seek(8)
        for _ in range(1000):
            length, kind = struct.unpack(">I4s", _exactly(file.read(8), 8))
            if kind in (b"acTL", b"IDAT", b"IEND", b"\0\0\0\0"):
                return bool(kind == b"acTL")
            file.seek(length + 4, 1)
    return False


def _is_chain_of_jpegs(path: Path) -> bool:
    """Of a JPEG: whether another one follows at once. That is Motion JPEG, unless an MPF segment says that the others belong
    to the first (a phone's depth or gain map)."""
    with open(path, "rb") as file:
        data = file.read(1 << 24)
    start = data.find(b"\xff\xda")
    end = data.find(b"\xff\xd9", start) if start > 0 else -1
    return end > 0 and data[end + 2 : end + 5] == b"\xff\xd8\xff" and b"MPF\0" not in data[:start]


def times_may_jump(head: bytes) -> bool:
    """Whether a file is a recorded MPEG stream, whose clock may jump wherever the broadcast was cut."""
    return head[:4] == b"\0\0\1\xba" or any(head[at : at + 1] == b"G" == head[at + size : at + size + 1]
                                             for at, size in ((0, 188), (4, 192), (0, 204)))


def missing_bytes(path: Path) -> int:
    """How many bytes a file lacks of what its structure (RIFF, ISO media, Matroska) says; 0 where none or unknown."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(64)
        if head[:4] == b"RIFF":
            length = struct.unpack_from("<I", head, 4)[0]
            return max(0, 8 + length - size) if length < 2**32 - 1 else 0  # written without going back: unknown
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return _missing_of_boxes(file, size)
        if head[:4] == b"\x1a\x45\xdf\xa3":
            return _missing_of_segment(head, size)
    return 0


def _missing_of_boxes(file: BinaryIO, size: int) -> int:
    at = 0
    for _ in range(10_000):
        file.seek(at)
        head = _exactly(file.read(16), 16)
        length: int = struct.unpack_from(">I", head)[0]
        if length == 1:
            length = struct.unpack_from(">Q", head, 8)[0]
        if length < 8 or not head[4:8].isalnum():  # 0: to the end of the file; what is no box says nothing
            return 0
        at += length
        if at >= size:
            return at - size
    return 0


def _missing_of_segment(head: bytes, size: int) -> int:
    at, length = _vint(head, 4)
    at += length or 0
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return 0
    at, length = _vint(head, at + 4)
    return max(0, at + length - size) if length is not None else 0


def _vint(data: bytes, at: int) -> tuple[int, int | None]:
    """Where a Matroska number ends, and the number; None for `unknown`."""
    if at >= len(data) or not data[at]:
        return at, None
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
    return at + length, None if value == (1 << 7 * length) - 1 else value


def _exactly(data: bytes, length: int) -> bytes:
    """Padded with zeros, so that what ends too early reads as nothing."""
    return data.ljust(length, b"\0")
