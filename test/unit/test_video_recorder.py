# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A recording holds what came, plays at the speed at which it came, and never spoils a file that was there."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from unittest.mock import Mock

import cv2
import numpy as np
import pytest

from fer_ros.media import video_recorder as module
from fer_ros.media.mp4_times import write_times
from fer_ros.media.video_recorder import RecordError, VideoRecorder


def read(path: Path) -> tuple[list[np.ndarray], float]:
    """Frames and rate."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, image = capture.read()
        if not ok:
            return frames, capture.get(cv2.CAP_PROP_FPS)
        frames.append(image)


def record(path: Path, frames: list[np.ndarray], stamps) -> VideoRecorder:
    recorder = VideoRecorder(path)
    for image, stamp in zip(frames, stamps, strict=True):
        recorder.write(image, stamp)
    assert recorder.close()
    return recorder


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".MP4"])
def test_every_frame_is_there_in_order_and_at_its_rate(tmp_path, numbered, number_of, suffix):
    path = tmp_path / f"out{suffix}"
    recorder = record(path, numbered(10), [7 + i / 12 for i in range(10)])
    frames, fps = read(path)
    assert [number_of(image) for image in frames] == list(range(10))
    assert recorder.frames == 10
    assert fps == pytest.approx(12, abs=0.1)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv"])
@pytest.mark.parametrize("name", ["12:30", "2026-11-27T12:30:00", "http:", "take_%d", "-y"])
def test_a_name_is_one_whatever_ffmpeg_makes_of_it(tmp_path, monkeypatch, numbered, number_of, name, suffix):
    """A name with a colon looks like an address to it, one with %d like many files."""
    monkeypatch.chdir(tmp_path)
    record(Path(f"{name}{suffix}"), numbered(4), np.arange(4) / 12)
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}{suffix}"]
    assert [number_of(image) for image in read(tmp_path / f"{name}{suffix}")[0]] == list(range(4))


@pytest.mark.parametrize("fps", [5, 24, 30, 60])
def test_long_recordings_keep_their_length(tmp_path, fps):
    jitter = np.random.default_rng(0).normal(0, 0.1 / fps, 200)
    stamps = np.arange(200) / fps + jitter
    record(tmp_path / "out.avi", [np.zeros((16, 16, 3), np.uint8)] * 200, stamps)
    frames, found = read(tmp_path / "out.avi")
    assert len(frames) == pytest.approx(200, abs=6)
    assert len(frames) / found == pytest.approx(200 / fps, rel=0.03)


def times(path: Path) -> list[float]:
    """When each frame is shown, in seconds."""
    capture = cv2.VideoCapture(str(path))
    found = []
    while capture.grab():
        found.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    return found


VARIABLE = {
    "slow, then fast": [i / 5 for i in range(10)] + [2 + i / 60 for i in range(60)],
    "fast, then slow": [i / 60 for i in range(60)] + [1 + i / 5 for i in range(10)],
    "with pauses": [0, 0.1, 0.2, 30.2, 30.3, 630.3],
    "a browser's": np.cumsum(np.random.default_rng(0).integers(17, 51, 90) / 1000),
    "hours": np.arange(20) * 3000.0,
    "one frame": [0.0],
}


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".MP4"])
@pytest.mark.parametrize("kind", VARIABLE)
def test_every_frame_keeps_its_own_time(tmp_path, numbered, number_of, suffix, kind):
    path, stamps = tmp_path / f"out{suffix}", np.asarray(VARIABLE[kind])
    images = (numbered(10) * 10)[: len(stamps)]
    recorder = record(path, images, 1.7e9 + stamps)
    assert times(path) == pytest.approx(stamps - stamps[0], abs=0.001)
    assert [number_of(image) for image in read(path)[0]] == [i % 10 for i in range(len(stamps))]
    capture = cv2.VideoCapture(str(path))
    last = stamps[-1] - stamps[-2] if len(stamps) > 1 else 1 / 30
    length = capture.get(cv2.CAP_PROP_FRAME_COUNT) / capture.get(cv2.CAP_PROP_FPS)
    assert length == pytest.approx(stamps[-1] - stamps[0] + last, rel=0.01)  # so long a player says it is
    assert recorder.notice == ""


@pytest.mark.parametrize("suffix", [".mkv", ".avi"])
def test_frames_that_come_too_fast_for_the_one_rate_of_a_container_are_told(tmp_path, numbered, suffix):
    stamps = VARIABLE["slow, then fast"]
    recorder = record(tmp_path / f"out{suffix}", (numbered(10) * 10)[: len(stamps)], stamps)
    assert recorder.left_out
    assert f"{recorder.left_out} frames that came faster are not in it" in recorder.notice
    assert record(tmp_path / f"even{suffix}", numbered(10), [i / 10 for i in range(10)]).notice == ""


def test_times_that_cannot_be_written_are_told_and_the_video_is_kept(tmp_path, numbered, monkeypatch):
    monkeypatch.setattr(module, "write_times", Mock(side_effect=ValueError("it has no index at its end")))
    recorder = VideoRecorder(tmp_path / "out.mp4")
    for i, image in enumerate(numbered(5)):
        recorder.write(image, float(i))
    with pytest.raises(RecordError, match=r"its times could not be written .it has no index"):
        recorder.close()
    assert len(read(tmp_path / "out.mp4")[0]) == 5


def test_a_video_that_is_laid_out_otherwise_stays_as_it_is(tmp_path, numbered):
    for name in ("out.mp4", "out.avi"):
        record(tmp_path / name, numbered(5), range(5))
    whole = (tmp_path / "out.mp4").read_bytes()
    index = whole.rindex(b"moov")
    inside = whole[index + 4 :]
    changes = {
        "another box behind it": whole + b"\0\0\0\x08free", "no MP4": (tmp_path / "out.avi").read_bytes(), "empty": b"",
        "two tracks": whole[: index - 4] + struct.pack(">I4s", 8 + 2 * len(inside), b"moov") + 2 * inside,
        "reordered frames": whole.replace(b"vmhd", b"ctts"), "cut": whole[:-30], "no samples": whole.replace(b"stsz", b"abcd"),
        "a box that is too long": whole.replace(b"\0\0\0\x18stts", b"\0\xff\0\x18stts"),
    }
    for what, content in changes.items():
        (tmp_path / "other.mp4").write_bytes(content)
        with pytest.raises(ValueError, match=r"\w"):
            write_times(tmp_path / "other.mp4", [0, 1, 2, 3, 4], 1.0)
        assert (tmp_path / "other.mp4").read_bytes() == content, what


def test_a_gap_is_filled_with_the_frame_before_it(tmp_path, numbered, number_of):
    stamps = [i / 10 for i in (0, 1, 2, 3, 7, 8)]
    record(tmp_path / "out.avi", numbered(6), stamps)
    frames, _ = read(tmp_path / "out.avi")
    assert [number_of(image) for image in frames] == [0, 1, 2, 3, 3, 3, 3, 4, 5]


@pytest.mark.parametrize("late", [0.6, 1.0, 1.4])
def test_a_frame_that_comes_late_is_no_gap(tmp_path, numbered, number_of, late):
    stamps = [(i + late * (i == 25)) / 30 for i in range(30)]
    record(tmp_path / "out.avi", numbered(10) * 3, np.maximum.accumulate(stamps))
    assert [number_of(image) for image in read(tmp_path / "out.avi")[0]] == list(range(10)) * 3


def test_a_source_that_slows_down_plays_as_slowly(tmp_path, numbered):
    stamps = [i / 20 for i in range(20)] + [1 + i / 16 for i in range(32)]  # not a whole number of frames apart
    record(tmp_path / "out.avi", numbered(4) * 13, stamps)
    frames, fps = read(tmp_path / "out.avi")
    assert len(frames) / fps == pytest.approx(3.0, abs=0.15)


def test_a_source_that_becomes_faster_keeps_its_length(tmp_path, numbered):
    stamps = [i / 15 for i in range(60)] + [4 + i / 30 for i in range(240)]
    record(tmp_path / "out.avi", numbered(4) * 75, stamps)
    frames, fps = read(tmp_path / "out.avi")
    assert len(frames) / fps == pytest.approx(12, abs=0.2)


def test_of_two_rates_in_a_few_frames_one_is_taken(tmp_path, numbered):
    record(tmp_path / "out.avi", numbered(3), [0.0, 1.0, 4.0])
    assert read(tmp_path / "out.avi")[1] == pytest.approx(1)


def test_a_start_that_stammers_is_not_taken_for_the_rate(tmp_path, numbered):
    """The first frame takes a quarter of a second, and the next ones come at once to make up for it."""
    stamps = [0.0] + [max(i / 24, 0.25 + i / 1000) for i in range(1, 72)]
    recorder = record(tmp_path / "out.avi", numbered(8) * 9, stamps)
    assert read(tmp_path / "out.avi")[1] == pytest.approx(24, abs=0.5)
    assert recorder.frames == pytest.approx(72, abs=2)


def test_a_long_pause_is_cut(tmp_path, numbered):
    recorder = record(tmp_path / "out.avi", numbered(4), [0, 0.1, 0.2, 10_000])
    assert 50 < recorder.frames < 150


def test_stamps_that_step_back_are_no_problem(tmp_path, numbered, number_of):
    record(tmp_path / "out.avi", numbered(6), [5.0, 5.1, 5.2, 1.0, 1.1, 1.2])
    assert [number_of(image) for image in read(tmp_path / "out.avi")[0]] == list(range(6))


def test_a_single_frame_is_a_video_too(tmp_path, numbered):
    record(tmp_path / "out.avi", numbered(1), [3.0])
    assert len(read(tmp_path / "out.avi")[0]) == 1


def test_frames_of_another_size_are_fitted_to_the_first(tmp_path):
    images = [np.full((*size, 3), 50, np.uint8) for size in ((48, 64), (96, 128), (10, 10))]
    record(tmp_path / "out.avi", images, [0, 0.1, 0.2])
    assert [image.shape for image in read(tmp_path / "out.avi")[0]] == [(48, 64, 3)] * 3


def test_nothing_is_written_without_a_frame(tmp_path):
    recorder = VideoRecorder(tmp_path / "out.mp4")
    assert recorder.close() is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", [0, 3, 40])
def test_giving_up_keeps_an_older_file_and_leaves_nothing_else(tmp_path, numbered, count):
    path = tmp_path / "out.avi"
    path.write_text("older")
    recorder = VideoRecorder(path, force=True)
    for i in range(count):
        recorder.write(numbered(1)[0], i / 30)
    recorder.discard()
    recorder.discard()
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]
    assert recorder.close() is False


def test_an_older_file_is_replaced_when_the_new_one_is_complete(tmp_path, numbered):
    path = tmp_path / "out.avi"
    path.write_text("older")
    recorder = VideoRecorder(path, force=True)
    for i in range(30):
        recorder.write(numbered(1)[0], i / 30)
        assert path.read_text() == "older"
    assert recorder.close()
    assert len(read(path)[0]) == 30
    recorder.discard()  # what the end of a run does in any case
    assert path.is_file()


@pytest.mark.parametrize("name", ["out.txt", "out", ".mp4", "nowhere/out.mp4"])
def test_a_path_that_cannot_work_is_refused_at_once(tmp_path, name):
    with pytest.raises(RecordError, match="cannot record to"):
        VideoRecorder(tmp_path / name)


def test_a_folder_is_no_file_to_record_to(tmp_path):
    (tmp_path / "out.mp4").mkdir()
    with pytest.raises(RecordError, match="cannot record to"):
        VideoRecorder(tmp_path / "out.mp4")


def test_a_folder_without_permission_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(RecordError, match="may write to"):
        VideoRecorder(tmp_path / "out.mp4")


def test_a_codec_that_is_missing_is_said(tmp_path, numbered, monkeypatch):
    class NoWriter:
        fourcc = cv2.VideoWriter.fourcc

        def __init__(self, *_):
            pass

        def isOpened(self):
            return False

        def release(self):
            pass

    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setattr(module.cv2, "VideoWriter", NoWriter)
    recorder = VideoRecorder(tmp_path / "out.mp4")
    with pytest.raises(RecordError, match="cannot write"):
        recorder.write(numbered(1)[0], 0.0)
    assert recorder.close() is False
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_goes_away_is_said(tmp_path, numbered):
    folder = tmp_path / "usb"
    folder.mkdir()
    recorder = VideoRecorder(folder / "out.avi")
    for i in range(30):
        recorder.write(numbered(1)[0], i / 30)
    folder.rename(tmp_path / "gone")
    with pytest.raises(RecordError, match=r"out\.avi' could not be written"):
        recorder.close()
    recorder.discard()


# H.264, which needs PyAV.


def fourcc(path: Path) -> str:
    return int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode("latin-1").lower()


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov"])
def test_a_recording_is_h264_at_its_own_pace_where_pyav_is(tmp_path, suffix):
    av = pytest.importorskip("av", reason="PyAV is not installed (make tools)")
    path, stamps = tmp_path / f"video{suffix}", [5.0, 5.033, 5.2, 5.21, 7.0, 7.5]
    frames = [np.full((48, 64, 3), 20 + 40 * i, np.uint8) for i in range(len(stamps))]
    record(path, frames, stamps)
    found, _ = read(path)
    assert [round((float(image.mean()) - 20) / 40) for image in found] == list(range(len(stamps)))
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        times = [float(frame.pts * frame.time_base) for frame in file.decode(video=0)]
    assert times == pytest.approx([stamp - 5.0 for stamp in stamps], abs=1e-3)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("shape", [(49, 65), (48, 65), (49, 64), (1, 1)])
def test_an_odd_size_is_h264_too(tmp_path, shape):
    pytest.importorskip("av", reason="PyAV is not installed (make tools)")
    path = tmp_path / "video.mp4"
    stripes = np.repeat(np.where(np.arange(shape[1]) // 3 % 2, 60, 180).astype(np.uint8)[None], shape[0], axis=0)
    image = np.repeat(stripes[..., None], 3, axis=2)
    record(path, [image] * 3, [0.0, 0.1, 0.2])
    found, _ = read(path)
    assert fourcc(path) in ("avc1", "h264") and len(found) == 3
    assert found[0].shape[:2] == tuple(length + length % 2 for length in shape)
    assert np.abs(found[0][: shape[0], : shape[1]].astype(int) - image).mean() < 8  # as it was, and not scaled
    assert found[0].min() > 40  # what is added is no black line


def test_a_single_frame_is_a_video(tmp_path):
    path = tmp_path / "video.mp4"
    record(path, [np.full((48, 64, 3), 100, np.uint8)], [7.0])
    assert len(read(path)[0]) == 1


def test_without_pyav_a_recording_is_what_opencv_writes(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "video.mp4"
    recorder = VideoRecorder(path)
    for i in range(3):
        recorder.write(np.full((48, 64, 3), 100, np.uint8), i / 10)
    assert recorder.close()
    assert len(read(path)[0]) == 3
    assert fourcc(path) in ("mp4v", "fmp4")
    assert "does not play in browsers" in recorder.notice and "pip install 'fer_ros[video]'" in recorder.notice
