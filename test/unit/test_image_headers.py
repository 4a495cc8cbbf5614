# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a picture is, by its content; and what is too large, is told before it is decoded."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.media.encodings import decode
from fer_ros.media.image_headers import kind_of, size_of
from fer_ros.media.source import open_source
from fer_ros.media.source_name import SourceError
from fer_ros.media.source_params import SourceParams

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)


def opened(source: Path):
    return open_source(SourceParams(source=str(source), realtime=False))


def frames_of(path: Path) -> list[np.ndarray]:
    source, found = opened(path), []
    while (image := source.read()) is not None:
        found.append(image)
    return found


def encoded(kind: str, height: int = 31, width: int = 47) -> bytes:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 2] = 200
    return cv2.imencode(kind, image)[1].tobytes()


def turned(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with an EXIF segment that says how to turn it."""
    entry = struct.pack("<HHII", 0x0112, 3, 1, orientation)
    body = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def png_of(width: int, height: int) -> bytes:
    """A PNG of zeros, whatever its size, in about a thousandth of it."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = bytes(3750 + 1) * 100
    data = b"".join(packer.compress(rows) for _ in range(height // 100)) + packer.flush()
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)) + chunk(b"IDAT", data)
            + chunk(b"IEND", b""))


@pytest.mark.parametrize("kind", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm"])
def test_the_size_stands_in_the_header(kind):
    assert size_of(encoded(kind)) == (47, 31)


def test_a_header_that_is_cut_off_anywhere_says_nothing_or_the_size():
    for kind in (".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm"):
        data = encoded(kind)
        assert {size_of(data[:length]) for length in range(min(len(data), 700))} <= {None, (47, 31), (47, 3), (4, 3)}


@pytest.mark.parametrize("name", ["photo.jfif", "photo.jpe", "photo", "photo.mp4", "photo.png", "photo.txt"])
def test_a_jpeg_is_read_as_one_whatever_its_name(tmp_path, name):
    jpeg = turned(encoded(".jpg"), 6)
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    (tmp_path / name).write_bytes(jpeg)
    (expected,), (image,) = frames_of(tmp_path / "photo.jpg"), frames_of(tmp_path / name)
    assert image.shape == (47, 31, 3)  # turned
    assert (image == expected).all()


def test_a_video_is_read_as_one_whatever_its_name(tmp_path, write_video, numbered):
    video = write_video(tmp_path / "v.avi", numbered(4))
    (tmp_path / "take_%d").mkdir()
    for name in ("v.png", "v.jpg", "v", "take_%d/v.png", "take_%d/v.avi"):
        assert len(frames_of(video.rename(tmp_path / name))) == 4, name
        video = tmp_path / name


def test_motion_jpeg_is_a_video_and_a_phones_photo_is_none(tmp_path):
    (tmp_path / "v.jpg").write_bytes(encoded(".jpg", 48, 64) * 3)
    assert len(frames_of(tmp_path / "v.jpg")) == 3
    mpf = b"\xff\xe2" + struct.pack(">H", 6) + b"MPF\0"
    jpeg = encoded(".jpg", 48, 64)
    (tmp_path / "photo.jpg").write_bytes(jpeg[:2] + mpf + jpeg[2:] + jpeg)
    assert len(frames_of(tmp_path / "photo.jpg")) == 1


def test_a_folder_says_what_it_leaves_out(tmp_path):
    (tmp_path / "IMG_1.JPG").write_bytes(encoded(".jpg"))
    for number in range(2, 7):
        (tmp_path / f"IMG_{number}.HEIC").write_bytes(HEIC)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "nothing.jpg").write_bytes(b"")
    (tmp_path / "more").mkdir()
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    os.mkfifo(tmp_path / "pipe.jpg")
    source = opened(tmp_path)
    assert source.length == 1
    assert source.read() is not None
    assert "1 image; left out: 9 files" in source.notice
    assert "IMG_2.HEIC, IMG_3.HEIC, IMG_4.HEIC and 2 more are HEIC, which is not read: convert them to JPEG" in source.notice
    for told in ("gone.jpg is a link that leads nowhere", "nothing.jpg is empty", "more is a folder, which is not looked into",
                 "pipe.jpg is not a file"):
        assert told in source.notice
    assert "DS_Store" not in source.notice


def test_a_picture_of_a_kind_that_is_not_read_says_which(tmp_path):
    (tmp_path / "IMG_2.mp4").write_bytes(HEIC)
    with pytest.raises(SourceError, match=r"HEIC picture.*convert"):
        opened(tmp_path / "IMG_2.mp4")


@pytest.mark.parametrize(("data", "size"), [
    (png_of(30_000, 30_000), (30_000, 30_000)),
    (b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + bytes(100), (60_000, 60_000)),
    (encoded(".bmp")[:18] + struct.pack("<ii", 50_000, -50_000) + encoded(".bmp")[26:], (50_000, 50_000)),
    (b"P6\n# a comment\n40000 40000\n255\n" + bytes(100), (40_000, 40_000)),
    (b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2 + bytes(20), (16_384, 16_384)),
    (b"II*\0\x08\0\0\0\x02\0" + struct.pack("<HHIIHHII", 256, 4, 1, 99_999, 257, 4, 1, 99_999) + bytes(8), (99_999, 99_999)),
], ids=["png", "gif", "bmp", "ppm", "webp", "tiff"])
def test_a_picture_that_would_take_all_memory_is_refused_with_its_size(tmp_path, data, size):
    assert kind_of(data)
    assert size_of(data) == size
    assert decode(data) is None
    for name in ("bomb.png", "bomb.mp4"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(SourceError, match=f"{size[0]}x{size[1]} pixels are more than"):
            opened(tmp_path / name)
    (tmp_path / "bombs").mkdir()
    (tmp_path / "bomb.png").rename(tmp_path / "bombs" / "bomb.png")
    (tmp_path / "bombs" / "good.jpg").write_bytes(encoded(".jpg"))
    if kind_of(data) != "GIF":  # which some versions of OpenCV cannot read at all
        source = opened(tmp_path / "bombs")
        assert source.read().shape == (31, 47, 3)
        assert "bomb.png is too large" in source.notice


def test_refusing_one_takes_little_memory(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(30_000, 30_000))
    program = """
import resource, sys
from fer_ros.media.source import open_source
from fer_ros.media.source_name import SourceError
from fer_ros.media.source_params import SourceParams
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    open_source(SourceParams(source=sys.argv[1]))
except SourceError:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    grown = subprocess.run([sys.executable, "-c", program, str(tmp_path / "bomb.png")], capture_output=True, text=True,
                           check=True, cwd=tmp_path)
    assert int(grown.stdout) < 100_000  # kB


@pytest.mark.parametrize(("name", "content"), [
    ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{other}\n#EXT-X-ENDLIST\n"),
    ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{other}\n#EXT-X-ENDLIST\n"),
    ("list.avi", "\ufeffffconcat version 1.0\nfile '{other}'\n"),
    ("list.txt", "ffconcat version 1.0\nfile {name}\n"),
    ("list.sdp", "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5000 RTP/AVP 96\r\n"),
    ("list.mpd", "<?xml version='1.0'?>\n<MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{other}</BaseURL></MPD>"),
])
def test_a_file_that_only_names_others_is_refused(tmp_path, write_video, numbered, name, content):
    other = write_video(tmp_path / "other.mp4", numbered(4))
    (tmp_path / name).write_text(content.format(other=other, name=other.name))
    with pytest.raises(SourceError, match="not a video but a list of other files"):
        opened(tmp_path / name)


def test_a_list_behind_something_else_opens_nothing_either(tmp_path, write_video, numbered):
    other = write_video(tmp_path / "other.mp4", numbered(4))
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{other}\n#EXT-X-ENDLIST\n".encode()
    (tmp_path / "list.mp3").write_bytes(b"ID3\x04\0\0\0\0\0\0" + text)
    with pytest.raises(SourceError, match="not a video"):
        opened(tmp_path / "list.mp3")


def test_a_name_with_a_pattern_opens_no_other_files(tmp_path, numbered):
    for number, image in enumerate(numbered(3)):
        cv2.imwrite(str(tmp_path / f"f{number}.png"), image)
    (tmp_path / "f%d.png").write_bytes(b"no picture")
    with pytest.raises(SourceError, match="not a video or image"):
        opened(tmp_path / "f%d.png")


@pytest.mark.parametrize("form", ["concat:{}|{}", "subfile,,start,0,end,0,,:{}", "file:{}", "data:text/plain;base64,AAAA",
                                  "concat://{}", "subfile://{}", "crypto://{}", "pipe://0", "async://file:{}", "cache://{}",
                                  "lavfi://testsrc", "data://text/plain,x", "hls+file://{}", "file,http://x{}", "tee://{}"])
def test_addresses_that_open_files_of_this_machine_are_no_streams(tmp_path, write_video, numbered, form):
    video = write_video(tmp_path / "v.ts.mp4", numbered(4))
    with pytest.raises(SourceError):
        opened(Path("x").with_name(form.format(video, video)) if "/" not in form.format(video, video) else
               form.format(video, video))


def test_a_name_with_a_colon_plays_from_its_folder(tmp_path, write_video, numbered, monkeypatch):
    write_video(tmp_path / "v.mp4", numbered(4)).rename(tmp_path / "12:30.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(frames_of(Path("12:30.mp4"))) == 4


def test_what_a_user_has_set_for_ffmpeg_stays(tmp_path, write_video, numbered, monkeypatch):
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    video = write_video(tmp_path / "v.mp4", numbered(4))
    monkeypatch.setenv(name, "rtsp_transport;udp")
    opened(video).close()
    assert os.environ[name] == "rtsp_transport;udp"
    monkeypatch.delenv(name)
    opened(video).close()
    assert name not in os.environ
