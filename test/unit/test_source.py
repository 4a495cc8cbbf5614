# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What someone who names a source relies on."""

from __future__ import annotations

import functools
import http.server
import io
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.media import frames, paced
from fer_ros.media.device import DeviceSource
from fer_ros.media.frames import Source, SourceUnavailable
from fer_ros.media.source import open_source
from fer_ros.media.source_name import SourceError, is_finite, without_secrets
from fer_ros.media.source_params import SourceParams, flip_image
from fer_ros.media.v4l2 import Device
from fer_ros.media.without_effect import without_effect


def opened(source: Path | str, realtime: bool = False, **more):
    return open_source(SourceParams(source=str(source), realtime=realtime, **more))


def frames_of(source) -> Iterator[np.ndarray]:
    while (image := source.read()) is not None:
        yield image


def rest(source) -> list[np.ndarray]:
    return list(frames_of(source))


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    for module in (frames, paced):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def video(tmp_path, write_video, numbered) -> Path:
    return write_video(tmp_path / "v.avi", numbered(8), fps=25)


@pytest.fixture
def folder(tmp_path, numbered) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for i, image in enumerate(numbered(11)):
        cv2.imwrite(str(folder / f"frame{i}.png"), image)
    (folder / "notes.txt").write_text("not an image")
    return folder


# Videos


def test_a_video_plays_once_from_its_first_to_its_last_frame(video, number_of):
    source = opened(video)
    assert source.finite
    assert [number_of(image) for image in rest(source)] == list(range(8))
    assert source.read() is None
    assert source.notice == ""


def test_a_looped_video_starts_again_and_never_ends(video, number_of):
    source = opened(video, loop=True)
    assert not source.finite
    assert [number_of(source.read()) for _ in range(20)] == [i % 8 for i in range(20)]


def test_a_video_plays_at_its_own_rate(video, clock):
    source = opened(video, realtime=True)
    times = []
    while source.read() is not None:
        times.append(clock.now)
        clock.now += 0.01  # work between two frames takes nothing from the rate
    assert np.diff(times) == pytest.approx([1 / 25] * 7)


def test_a_video_plays_at_the_rate_that_is_asked_for(video, clock):
    source = opened(video, realtime=True, fps=5.0)
    times = [clock.now for _ in frames_of(source)]
    assert np.diff(times) == pytest.approx([0.2] * 7)


def test_without_realtime_a_video_is_read_without_waiting(video, clock):
    assert len(rest(opened(video))) == 8
    assert clock.now == 1000.0


def test_a_short_delay_is_caught_up_and_a_long_one_is_not(video, clock):
    source = opened(video, realtime=True)
    source.read()
    start = clock.now
    clock.now += 0.1
    for _ in range(3):
        source.read()
    assert clock.now == pytest.approx(start + 0.12)
    clock.now += 60
    start = clock.now
    for _ in range(4):
        source.read()
    assert clock.now == pytest.approx(start + 0.12)


def test_the_demo_clip_is_12_seconds_of_vga():
    source = opened("demo")
    frames = [image.shape for image in frames_of(source)]
    assert frames == [(480, 640, 3)] * 360


def test_frames_are_scaled_to_the_size_that_is_asked_for(video, folder):
    for source in (video, folder):
        for width, height in ((32, 24), (128, 90)):
            frames = rest(opened(source, width=width, height=height))
            assert {image.shape for image in frames} == {(height, width, 3)}
            assert len(frames) in (8, 11)


def test_a_video_that_was_cut_off_plays_as_far_as_it_goes_and_says_so(tmp_path, write_video, demo_frames):
    whole = write_video(tmp_path / "whole.avi", list(demo_frames.values()))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    # An AVI without its index may be indexed anew by the reader: the count in the header stays the same.
    source = opened(cut)
    frames = rest(source)
    assert 0 < len(frames) < 30
    assert "damaged" in source.notice
    assert str(cut) in source.notice


def test_in_a_loop_damage_is_told_once(tmp_path, write_video, demo_frames):
    whole = write_video(tmp_path / "whole.avi", list(demo_frames.values()))
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = opened(cut, loop=True)
    notices = []
    for _ in range(80):
        assert source.read() is not None
        notices.append(source.notice)
    assert sum(map(bool, notices)) == 1


# Folders and images


def test_a_folder_plays_in_the_natural_order_of_its_names(folder, number_of):
    source = opened(folder)
    assert source.finite
    assert [number_of(image) for image in rest(source)] == list(range(11))


def test_a_folder_plays_at_ten_frames_a_second_unless_told_otherwise(folder, clock):
    times = [clock.now for _ in frames_of(opened(folder, realtime=True))]
    assert np.diff(times) == pytest.approx([0.1] * 10)
    times = [clock.now for _ in frames_of(opened(folder, realtime=True, fps=0.5))]
    assert np.diff(times) == pytest.approx([2.0] * 10)


def test_a_looped_folder_starts_again(folder, number_of):
    source = opened(folder, loop=True)
    assert [number_of(source.read()) for _ in range(25)] == [i % 11 for i in range(25)]


def test_an_image_that_cannot_be_read_is_skipped_and_said(folder, number_of):
    whole = (folder / "frame3.png").read_bytes()
    (folder / "frame3.png").write_bytes(whole[:30])
    (folder / "frame4.png").write_bytes(b"")
    source = opened(folder)
    seen, notices = [], []
    for image in frames_of(source):
        seen.append(number_of(image))
        notices.append(source.notice)
    assert seen == [0, 1, 2, 5, 6, 7, 8, 9, 10]
    assert notices[3].endswith("frame3.png is not an image that can be read: skipped")
    assert "10 images; left out: 2 files (frame4.png is empty; notes.txt is not an image)" in notices[0]
    assert not any(notices[1:3] + notices[4:])


def test_in_a_loop_a_bad_image_is_told_once(folder):
    (folder / "notes.txt").unlink()
    whole = (folder / "frame3.png").read_bytes()
    (folder / "frame3.png").write_bytes(whole[:30])
    source = opened(folder, loop=True)
    notices = []
    for _ in range(30):
        source.read()
        notices.append(source.notice)
    assert sum(map(bool, notices)) == 1


def test_a_single_image_is_one_frame(tmp_path, number_of, numbered):
    cv2.imwrite(str(tmp_path / "one.PNG"), numbered(4)[3])
    frames = rest(opened(tmp_path / "one.PNG"))
    assert [number_of(image) for image in frames] == [3]


@pytest.mark.parametrize("pixels", [
    np.full((20, 30), 100, np.uint8), np.full((20, 30, 4), 100, np.uint8), np.full((20, 30), 100 * 257, np.uint16),
], ids=["grey", "with alpha", "16 bit"])
def test_every_kind_of_image_becomes_bgr(tmp_path, pixels):
    cv2.imwrite(str(tmp_path / "i.png"), pixels)
    (image,) = rest(opened(tmp_path / "i.png"))
    assert (image.shape, image.dtype) == ((20, 30, 3), np.uint8)
    assert (image == 100).all()


# Names


@pytest.mark.parametrize("name", ["my holiday.avi", "Grüße.avi", "表情.avi", "50%02d.avi", "#1?.avi", "a:b.avi"])
def test_odd_file_names_play(tmp_path, video, name, number_of):
    path = video.rename(tmp_path / name)
    assert [number_of(image) for image in rest(opened(path))] == list(range(8))
    assert path.name in opened(path).name


def test_file_urls_and_the_home_folder_are_understood(tmp_path, video, monkeypatch):
    spaced = video.rename(tmp_path / "a b.avi")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (f"file://{spaced}", spaced.as_uri(), f"FILE://{spaced}", "~/a b.avi", f"  {spaced} "):
        assert len(rest(opened(name))) == 8, name


@pytest.mark.parametrize("name", ["²", "x²1²2.png", "1", "²³"])
def test_no_file_name_in_a_folder_breaks_the_order(folder, name):
    (folder / name).write_bytes(b"")
    assert len(rest(opened(folder))) == 11


@pytest.mark.parametrize(("name", "reason"), [
    ("", "empty"), ("  ", "empty"), ("nowhere.mp4", "does not exist"), ("file:///nowhere.mp4", "does not exist"),
    ("nowhere/", "does not exist"), ("~no_such_user_at_all/v.mp4", "does not exist"), ("v" * 5000, "cannot be read"),
    ("a\0b", "does not exist"), ("://", "does not exist"), ("-1", "does not exist"), ("web cam", "does not exist"),
])
def test_a_name_that_is_no_source_is_refused_with_the_reason(name, reason):
    with pytest.raises(SourceError, match=reason):
        opened(name)


@pytest.mark.parametrize("content", [b"", b"I am a text", bytes(range(256)) * 40], ids=["empty", "text", "noise"])
@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".png", ".txt", ""])
def test_a_file_that_is_no_video_is_refused_by_name(tmp_path, content, suffix):
    path = tmp_path / f"thing{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"thing.*(not a video|can be read|is empty: nothing)"):
        opened(path)


def test_a_file_that_may_not_be_read_is_refused(video, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything
    with pytest.raises(SourceError, match="permissions"):
        opened(video)


def test_a_folder_that_may_not_be_listed_is_refused(folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SourceError, match="Permission denied"):
        opened(folder)


def test_a_folder_without_a_readable_image_is_refused(tmp_path):
    with pytest.raises(SourceError, match="no image"):
        opened(tmp_path)
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(SourceError, match=r"no image .*; left out: 1 file \(a.png is not an image\)"):
        opened(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SourceError, match=r"1 image, none of which can be read \(a.png is not an image"):
        opened(tmp_path)


@pytest.mark.parametrize(("name", "finite"), [
    ("0", False), (" 12 ", False), ("/dev/video0", False), ("/dev/v4l/by-id/cam", False), ("/dev/shm/v.mp4", True),
    ("rtsp://h/s", False), ("HTTP://h/v.mp4", False), ("demo", True), ("v.mp4", True), ("a/b", True),
    ("file:///v.mp4", True), ("File:///v.mp4", True), ("", True), ("dir/a://b", True),
])
def test_whether_a_source_ends_is_known_from_its_name(name, finite):
    assert is_finite(name) is finite


@pytest.mark.parametrize(("url", "shown"), [
    ("rtsp://me:secret@cam:554/live", "rtsp://cam:554/live"),
    ("rtsp://me:s@cr:t@cam/live?x=a@b", "rtsp://cam/live?x=***"),
    ("http://cam/a@b", "http://cam/***"),
    ("/home/me//a@b.mp4", "/home/me//a@b.mp4"),
])
def test_a_password_is_not_shown(url, shown):
    assert without_secrets(url) == shown


# Cameras


def test_a_camera_that_is_not_there_may_come_later():
    for name in ("/dev/video_none", "9999"):
        with pytest.raises(SourceUnavailable, match=r"/dev/video\w+ is not there"):
            opened(name)


def test_a_device_that_is_no_camera_is_unavailable():
    with pytest.raises(SourceUnavailable, match="/dev/null is no Video4Linux device"):
        opened("/dev/null")


def test_a_camera_without_permission_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SourceUnavailable, match="usermod"):
        opened("/dev/null")


class FakeCamera:
    """cv2.VideoCapture of a camera that gives `frames`; what lies in between is an error of OpenCV."""

    def __init__(self, *frames):
        self.frames = list(frames)
        self.asked: dict[int, float] = {}
        self.released = False

    def __call__(self, *arguments):
        return self

    def isOpened(self):
        return True

    def set(self, prop, value):
        self.asked[prop] = value

    def get(self, prop):
        return self.asked.get(prop, 0.0)

    def read(self):
        frame = self.frames.pop(0) if self.frames else None
        if isinstance(frame, Exception):
            raise frame
        return frame is not None, frame

    def release(self):
        self.released = True


@pytest.fixture
def plugged_in(monkeypatch):
    """Every file is a camera that tells nothing of what it can do."""
    monkeypatch.setattr("fer_ros.media.v4l2.device", lambda path, controls: Device(path, "", "", "", (), ()))


@pytest.mark.usefixtures("plugged_in")
def test_a_camera_is_asked_for_size_and_rate(monkeypatch, numbered):
    camera = FakeCamera(*numbered(2))
    monkeypatch.setattr(cv2, "VideoCapture", camera)
    source = opened("/dev/null", width=1280, height=720, fps=15.0)
    assert not source.finite
    assert camera.asked[cv2.CAP_PROP_FRAME_WIDTH] == 1280
    assert camera.asked[cv2.CAP_PROP_FRAME_HEIGHT] == 720
    assert camera.asked[cv2.CAP_PROP_FPS] == 15


@pytest.mark.usefixtures("plugged_in")
@pytest.mark.parametrize("end", [None, cv2.error("device gone"), np.empty((0, 0, 3), np.uint8)])
def test_a_camera_that_is_unplugged_is_unavailable(monkeypatch, numbered, end):
    camera = FakeCamera(*numbered(3), end)
    monkeypatch.setattr(cv2, "VideoCapture", camera)
    source = opened("/dev/null")
    assert source.read() is not None
    assert source.read() is not None
    with pytest.raises(SourceUnavailable, match="unplugged"):
        source.read()
    source.close()
    assert camera.released


@pytest.mark.usefixtures("plugged_in")
def test_a_camera_that_another_program_uses_is_given_back(monkeypatch):
    camera = FakeCamera()
    monkeypatch.setattr(cv2, "VideoCapture", camera)
    with pytest.raises(SourceUnavailable, match="another program"):
        opened("/dev/null")
    assert camera.released


@pytest.mark.usefixtures("plugged_in")
def test_a_grey_camera_gives_bgr(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCamera(*[np.full((8, 8), 9, np.uint8)] * 2))
    assert opened("/dev/null").read().shape == (8, 8, 3)


@pytest.mark.usefixtures("plugged_in")
def test_a_source_that_is_closed_during_a_read_is_given_back_after_it(monkeypatch, numbered):
    reading, go_on = threading.Event(), threading.Event()

    class Slow(FakeCamera):
        def read(self):
            if len(self.frames) == 1:
                reading.set()
                go_on.wait(10)
                assert not self.released, "OpenCV crashes when a capture is released while it is read"
            return super().read()

    camera = Slow(*numbered(2))
    monkeypatch.setattr(cv2, "VideoCapture", camera)
    source = opened("/dev/null")
    images = []
    reader = threading.Thread(target=lambda: images.append(source.read()))
    reader.start()
    assert reading.wait(10)
    closer = threading.Thread(target=source.close)
    closer.start()
    go_on.set()
    reader.join(10)
    closer.join(10)
    assert len(images) == 1
    assert camera.released


def test_a_closed_source_gives_no_frame(video, folder):
    for path in (video, folder):
        for loop in (False, True):
            source = opened(path, loop=loop)
            source.read()
            source.close()
            source.close()
            assert source.read() is None


# Streams


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Address of a web server for `tmp_path`."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_video_on_a_web_server_plays_once(served, video, number_of):
    source = opened(f"http://{served}/{video.name}")
    assert source.finite
    assert [number_of(image) for image in rest(source)] == list(range(8))
    source.close()
    assert source.read() is None


def test_a_streamed_video_that_ends_early_says_so(served, tmp_path, write_video, demo_frames):
    whole = write_video(tmp_path / "whole.avi", list(demo_frames.values()))
    (tmp_path / "cut.avi").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    for name, notice in (("whole.avi", ""), ("cut.avi", f"http://{served}/cut.avi ended after")):
        source = opened(f"http://{served}/{name}")
        assert rest(source)
        assert notice in source.notice
        assert bool(notice) == bool(source.notice)


def test_a_streamed_video_keeps_its_rate_and_size(served, video, clock):
    source = opened(f"http://{served}/{video.name}", realtime=True, width=32, height=24)
    times = []
    for image in frames_of(source):
        assert image.shape == (24, 32, 3)
        times.append(clock.now)
    assert np.diff(times) == pytest.approx([1 / 25] * 7)


@pytest.mark.parametrize("path", ["missing.mp4", "text.mp4"])
def test_a_stream_that_gives_no_video_is_unavailable_and_its_password_not_shown(served, tmp_path, path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(SourceUnavailable) as caught:
        opened(f"http://me:secret@{served}/{path}")
    assert f"http://{served}/{path}" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v.mp4", "rtsp://127.0.0.1:9/live"])
def test_a_dead_address_is_unavailable(url):
    with pytest.raises(SourceUnavailable, match="cannot be opened"):
        opened(url)


# Flip


def test_flip_mirrors_as_it_says():
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert flip_image(image, "none") is image
    assert (flip_image(image, "horizontal") == image[:, ::-1]).all()
    assert (flip_image(image, "vertical") == image[::-1]).all()
    assert (flip_image(image, "both") == image[::-1, ::-1]).all()


def test_an_animated_webp_gives_its_first_picture_and_says_so(tmp_path):
    """OpenCV's FFmpeg cannot play it."""
    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)

    def small(number: int) -> bytes:
        return struct.pack("<I", number)[:3]

    still = cv2.imencode(".webp", np.full((48, 64, 3), 90, np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()
    assert still[12:16] == b"VP8 "
    size = small(63) + small(47)
    frame = chunk(b"ANMF", bytes(6) + size + small(100) + b"\0" + still[12:])
    body = b"WEBP" + chunk(b"VP8X", b"\2\0\0\0" + size) + chunk(b"ANIM", bytes(6)) + 2 * frame
    (tmp_path / "moves.webp").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    (tmp_path / "still.webp").write_bytes(still)
    for name, told in (("moves.webp", "left out: all but the first picture"), ("still.webp", "")):
        source = open_source(SourceParams(source=str(tmp_path / name), realtime=False))
        assert source.read().shape == (48, 64, 3)
        assert told in source.notice
        assert bool(source.notice) == bool(told)
        assert source.read() is None


# Iterated over, as somebody does who has no graph


def test_a_video_is_iterated_over_as_fast_as_it_can_be_read(write_video, numbered, number_of, tmp_path, clock):
    path = write_video(tmp_path / "a.avi", numbered(5))
    frames = list(open_source(path))
    assert [(frame.number, number_of(frame.image)) for frame in frames] == [(i, i) for i in range(5)]
    assert [frame.stamp for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert {type(frame.stamp) for frame in frames} == {float}
    assert clock.now == 1000.0
    assert len(list(open_source(str(path), realtime=True))) == 5
    assert clock.now == pytest.approx(1000.16)


def test_a_source_is_closed_at_the_end_of_its_frames_and_of_a_block(write_video, numbered, tmp_path):
    path = write_video(tmp_path / "a.avi", numbered(3))
    with open_source(path) as source:
        assert next(source).number == 0
        assert [frame.number for frame in source] == [1, 2]  # where it was left
    assert list(source) == []
    with open_source(path) as source:
        next(source)
    assert list(source) == []
    source = open_source(path)
    assert len(list(source)) == 3
    assert source.read() is None


def test_parameters_of_a_source_are_given_by_name(write_video, numbered, tmp_path):
    path = write_video(tmp_path / "a.avi", numbered(3))
    frames = list(open_source(path, width=32, height=24, fps=5))
    assert [frame.stamp for frame in frames] == pytest.approx([0, 0.2, 0.4])
    assert frames[0].image.shape == (24, 32, 3)
    with pytest.raises(TypeError, match="no parameter widht: did you mean width"):
        open_source(path, widht=32)
    with pytest.raises(ValueError, match="width and height go together"):
        open_source(path, width=32)
    with pytest.raises(ValueError, match="flip must be one of none, horizontal, vertical, both"):
        open_source(path, flip="left")
    with pytest.raises(TypeError, match="encoding tells what arrays hold"):
        open_source(path, encoding="rgb8")
    with pytest.raises(TypeError, match="not both"):
        open_source(SourceParams(source=str(path)), loop=True)


def test_a_flip_is_made(tmp_path):
    image = np.zeros((4, 6, 3), np.uint8)
    image[:, 0] = 255
    cv2.imwrite(str(tmp_path / "a.png"), image)
    params = SourceParams(source=str(tmp_path / "a.png"), realtime=False, flip="horizontal")
    for source in (open_source(image, flip="horizontal"), open_source(params)):
        (frame,) = source
        assert (frame.image == image[:, ::-1]).all()


def test_a_path_is_a_file_whatever_its_name(tmp_path, monkeypatch, numbered):
    monkeypatch.chdir(tmp_path)
    for name in ("demo", "0"):
        cv2.imwrite("a.png", numbered(1)[0])
        (tmp_path / "a.png").rename(name)
        (frame,) = open_source(Path(name))
        assert frame.image.shape == (48, 64, 3)


def test_what_a_user_should_know_is_logged(tmp_path, numbered, caplog):
    cv2.imwrite(str(tmp_path / "1.png"), numbered(1)[0])
    (tmp_path / "2.txt").write_text("no image")
    assert len(list(open_source(tmp_path))) == 1
    assert [(record.name, record.levelname) for record in caplog.records] == [("fer_ros", "WARNING")]
    assert "2.txt is not an image" in caplog.text


def test_parameters_that_a_source_does_not_heed_are_logged_once(caplog, numbered):
    with open_source("demo", controls="gain=3") as source:
        next(source), next(source)
    assert caplog.messages == ["controls has no effect on demo: it is for cameras of this machine"]
    caplog.clear()
    assert len(list(open_source([numbered(1)[0]] * 2, pixel_format="MJPG"))) == 2
    (text,) = caplog.messages
    assert text.startswith("pixel_format has no effect on ")
    caplog.clear()
    with open_source("demo", loop=True, fps=5, width=320, height=240, flip="both") as source:
        next(source)
    assert caplog.messages == []


CAMERAS, FILES = "cameras of this machine", "files, folders and the demo"
NOT_HEEDED = [
    ({"source": "demo", "controls": "gain=3", "pixel_format": "MJPG"}, True,
     f"controls, pixel_format have no effect on demo: controls is for {CAMERAS}, pixel_format is for {CAMERAS}"),
    ({"source": "0", "loop": True}, False, f"loop has no effect on 0: it is for {FILES}"),
    ({"source": "0", "realtime": False}, False, "realtime has no effect on 0: it is for what has an end"),
    ({"source": "/dev/video3", "controls": "gain=3", "pixel_format": "MJPG", "fps": 9.0, "width": 8, "height": 8}, False, ""),
    ({"source": "rtsp://me:secret@host/live", "fps": 9.0}, False,
     f"fps has no effect on rtsp://host/live: it is for {CAMERAS} and what has an end"),
    ({"source": "http://host/a.mp4", "fps": 9.0, "realtime": False}, True, ""),
    ({"source": "http://host/a.mp4", "loop": True}, True, f"loop has no effect on http://host/a.mp4: it is for {FILES}"),
    ({"source": "rtsp://host/live", "width": 8, "height": 8, "flip": "both"}, False, ""),
    ({"source": "a.mp4", "loop": True, "fps": 9.0, "realtime": False, "width": 8, "height": 8}, False, ""),
]


@pytest.mark.parametrize(("params", "finite", "text"), NOT_HEEDED)
def test_what_a_kind_of_source_does_not_heed_is_said_with_whom_it_is_for(params, finite, text):
    assert without_effect(SourceParams(**params), finite) == text
    assert without_effect(SourceParams(source=params["source"]), finite) == ""


def test_frames_of_a_camera_have_the_time_at_which_they_came(clock):
    class Camera(Source):
        name, finite = "camera", False

        def read(self):
            clock.sleep(0.5)
            return np.zeros((4, 4, 3), np.uint8)

    with Camera() as camera:
        assert [next(camera).stamp for _ in range(3)] == pytest.approx([0, 0.5, 1.0])
    assert list(camera) == []


@pytest.mark.usefixtures("plugged_in")
def test_a_camera_that_is_closed_gives_no_frame(monkeypatch, tmp_path):
    class Capture:
        """An OpenCV capture that always has an image until it is released."""

        def __init__(self, *_):
            self.image = np.zeros((4, 4, 3), np.uint8)

        def is_open(self):
            return True

        def set(self, *_):
            """Nothing to set."""

        def get(self, *_):
            return 0.0

        def size(self):
            return 4, 4

        def read(self):
            return self.image

        def release(self):
            self.image = None

    monkeypatch.setattr("fer_ros.media.device.OpenCvCapture", Capture)
    device = tmp_path / "video0"
    device.touch()
    camera = DeviceSource(str(device), SourceParams())
    assert next(camera).image.shape == (4, 4, 3)
    camera.close()
    assert list(camera) == []


# Arrays


def test_arrays_are_played_as_a_recording(numbered, number_of):
    images = numbered(4)
    for source in (images, tuple(images), iter(images), np.stack(images), [image[..., 0] for image in images]):
        with open_source(source, fps=25) as opened:
            frames = list(opened)
            assert [number_of(frame.image) for frame in frames] == [0, 1, 2, 3]
            assert [frame.stamp for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12])
            assert frames[0].image.shape == (48, 64, 3)


def test_arrays_say_what_they_are(numbered):
    assert (open_source(numbered(4)).length, open_source(numbered(4)).name) == (4, "4 arrays")
    one = open_source(numbered(1)[0])
    assert (one.length, one.name, one.rate, one.finite) == (1, "1 array", 10.0, True)
    assert open_source(iter(numbered(4))).length == 0


def test_an_array_is_taken_as_it_is_told(numbered):
    image = np.full((4, 6, 3), (255, 0, 0), np.uint8)
    (frame,) = open_source(image, encoding="rgb8")
    assert frame.image[0, 0].tolist() == [0, 0, 255]
    (frame,) = open_source(image, width=12, height=8)
    assert frame.image.shape == (8, 12, 3)


def test_arrays_are_played_again(numbered, number_of):
    source = open_source(numbered(2), loop=True)
    assert [number_of(next(source).image) for _ in range(5)] == [0, 1, 0, 1, 0]
    with pytest.raises(SourceError, match="loop needs images that can be read again"):
        open_source(iter(numbered(2)), loop=True)


@pytest.mark.parametrize(("source", "error", "text"), [
    (None, TypeError, "not None"), (True, TypeError, "not True"), (1.5, TypeError, "not float"),
    (b"a.mp4", TypeError, "bytes"),
    ({}, TypeError, "dict"), (-1, SourceError, "a camera's index is 0 or more"), ("", SourceError, "source is empty"),
    ("no.mp4", SourceError, "'no.mp4' does not exist"), (Path("no.mp4"), SourceError, "'./no.mp4' does not exist"),
    (999, SourceUnavailable, "camera /dev/video999 is not there"), ([], SourceError, "no image in it"),
    (np.zeros((0, 48, 64), np.uint8), SourceError, "no image in it"),
    (["a.jpg", "b.jpg"], TypeError, "not a list of names: open each by itself"),
    (iter(["a.jpg"]), TypeError, "image 0: .* not str"),
    (io.BytesIO(b"x"), TypeError, "the name of a file, .* not BytesIO"),
    (np.zeros((4, 4)), ValueError, "image 0: the image is float64"), ([None], TypeError, "image 0"),
    ("a\0b", SourceError, "not exist"),
    (np.zeros((4, 4, 3), np.uint16), ValueError, "uint16"), (np.zeros(7, np.uint8), ValueError, r"\(7,\)"),
])
def test_what_is_no_source_is_refused_with_what_is(source, error, text):
    with pytest.raises(error, match=text):
        open_source(source)


def test_a_wrong_array_among_others_is_named_when_its_turn_comes(numbered):
    source = open_source([*numbered(2), np.zeros((4, 4))])
    assert [next(source).number, next(source).number] == [0, 1]
    with pytest.raises(ValueError, match="image 2: the image is float64"):
        next(source)
