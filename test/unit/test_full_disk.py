# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A full disk is never success: what was cut short is said with its length, and is readable as far as it goes."""

from __future__ import annotations

import csv
import errno
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from fer_ros.bags.annotate import Annotation
from fer_ros.bags.mend import mend
from fer_ros.bags.reader import BagError, BagReader, Frame
from fer_ros.bags.recorder import BagRecorder
from fer_ros.bags.table import COLUMNS, Table
from fer_ros.commands.left_behind import tell_of_left_behind
from fer_ros.media.video_recorder import RecordError, VideoRecorder
from fer_ros.system import room
from fer_ros.system.files import OutputError
from fer_ros.types import Box, Emotion

LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)"
COMMAND = f"import resource, sys\n{LIMIT}\nfrom fer_ros.cli import main\nmain(sys.argv[1:])"


def limited(size: int, *arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    """A command that may write files of `size` bytes at most."""
    return subprocess.run([sys.executable, "-c", COMMAND, str(size), *map(str, arguments)], cwd=folder, check=False,
                          capture_output=True, text=True)


def count_frames(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    return sum(1 for _ in iter(capture.grab, False))


@pytest.fixture
def noise() -> list[np.ndarray]:
    """Frames that do not compress well."""
    rng = np.random.default_rng(0)
    return [cv2.resize(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), (320, 240)) for _ in range(20)]


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 3 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", path], check=False, capture_output=True).returncode:
        pytest.skip("only root can make a disk that is full")
    yield path
    subprocess.run(["umount", path], check=True)


def fill(path: Path, leave: int) -> None:
    """Take the disk's room but for so many bytes."""
    disk = os.statvfs(path.parent)
    path.write_bytes(bytes(disk.f_bavail * disk.f_frsize - leave))


def record(path: Path, frames: list[np.ndarray], count: int) -> VideoRecorder:
    recorder = VideoRecorder(path)
    for i in range(count):
        recorder.write(frames[i % len(frames)], i / 25)
    return recorder


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_video_on_a_disk_of_small_files_ends_in_time(tmp_path, noise, monkeypatch, suffix):
    """FAT32, as USB sticks have it, takes files of 4 GB."""
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text("22 1 0:21 / /proc rw shared:5 - proc proc rw\n"
                      f"36 1 {os.major(device)}:{os.minor(device)} / / rw,noatime shared:1 - vfat /dev/sdb1 rw\n")
    monkeypatch.setattr(room, "_MOUNTS", mounts)
    monkeypatch.setattr(room, "_MOST_ON_FAT", 2**21)
    path = tmp_path / f"out{suffix}"
    recorder = record(path, noise, 400)
    assert recorder.cut == "File too large"
    with pytest.raises(RecordError, match=r"recorded \d+ of 400 frames: File too large"):
        recorder.close()
    assert 2**20 < path.stat().st_size < 2**21
    assert count_frames(path) > 20


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mp4", ".mov"])
def test_what_a_killed_recorder_has_left_is_told_by_the_next(tmp_path, capsys, suffix):
    """And neither what a living one writes nor another program's folder."""
    if suffix in (".mp4", ".mov"):
        av = pytest.importorskip("av", reason="PyAV is not installed (make tools): OpenCV writes the index last of all")
        if av.library_versions["libavformat"] < (61, 7):
            pytest.skip("FFmpeg before 7.1 writes the index last of all")
    program = ("import sys\nfrom pathlib import Path\nimport numpy as np\n"
               "from fer_ros.media.video_recorder import VideoRecorder\n"
               f"recorder = VideoRecorder(Path('talk{suffix}'))\n"
               "noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)\n"
               "for i in range(120): recorder.write(noise + i, i / 30)\n"
               "print('ready', flush=True)\nsys.stdin.read()")
    (tmp_path / ".other-12345678").mkdir()
    (tmp_path / ".other-12345678" / "file").touch()
    with subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout.readline() == "ready\n"
        tell_of_left_behind(tmp_path / "another.mp4")
        assert capsys.readouterr().err == ""
        process.kill()
    tell_of_left_behind(tmp_path / "another.mp4")
    told = capsys.readouterr().err
    (folder,) = tmp_path.glob(".talk-*")
    assert told.count("\n") == 1
    assert f"'{folder}/talk{suffix}' (" in told
    assert "plays as far as it goes" in told
    assert count_frames(folder / f"talk{suffix}") > 50


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".mov"])
def test_a_video_on_a_full_disk_is_readable_and_its_length_said(small_disk, noise, suffix):
    path = small_disk / f"out{suffix}"
    recorder = record(path, noise, 200)
    assert recorder.cut == "No space left on device"
    with pytest.raises(RecordError) as raised:
        recorder.close()
    count, total, seconds = re.match(r"recorded (\d+) of (\d+) frames: No space left on device; .* readable up to ([\d.]+) s$",
                                     str(raised.value)).groups()
    assert int(total) == 200
    assert 20 < int(count) < 200
    assert count_frames(path) == int(count)
    assert float(seconds) == pytest.approx(int(count) / 25, abs=0.01)
    assert [file.name for file in small_disk.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_a_disk_that_others_fill_meanwhile_is_noticed(small_disk, noise, suffix):
    path = small_disk / f"out{suffix}"
    recorder = record(path, noise, 25)
    fill(small_disk / "others", leave=0)
    for i in range(25, 125):
        recorder.write(noise[i % len(noise)], i / 25)
    with pytest.raises(RecordError, match=r"recorded \d+ of 125 frames: No space left on device"):
        recorder.close()
    assert count_frames(path) >= 15


def test_a_disk_that_is_full_from_the_beginning_leaves_no_video(small_disk, noise):
    fill(small_disk / "others", leave=20_000)
    recorder = record(small_disk / "out.mp4", noise, 60)
    with pytest.raises(RecordError, match="recorded 0 of 60 frames: No space left on device; there is no"):
        recorder.close()
    assert [file.name for file in small_disk.iterdir()] == ["others"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_quota_counts_as_a_full_disk(tmp_path, noise, monkeypatch, number):
    def take(handle: int, start: int, size: int) -> None:
        if size + sum(file.stat().st_size for file in tmp_path.rglob("out.avi")) > 2_000_000:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(room.os, "posix_fallocate", take)
    recorder = record(tmp_path / "out.avi", noise, 100)
    with pytest.raises(RecordError, match=rf"of 100 frames: {re.escape(os.strerror(number))}; .*readable up to"):
        recorder.close()
    assert 5 < count_frames(tmp_path / "out.avi") < 100


def test_a_disk_that_cannot_tell_its_room_is_used(tmp_path, noise, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(room.os, "posix_fallocate", refuse)
    assert record(tmp_path / "out.avi", noise, 60).close()
    assert count_frames(tmp_path / "out.avi") == 60


def test_a_video_that_cannot_be_read_back_is_no_success(tmp_path, noise, monkeypatch):
    """However it came to be cut: OpenCV does not tell of the end of a file."""
    release = VideoRecorder._release

    def damage(recorder: VideoRecorder) -> None:
        open_before = recorder._writer is not None
        release(recorder)
        if open_before:
            os.truncate(recorder._output.scratch, recorder._output.scratch.stat().st_size * 2 // 3)

    monkeypatch.setattr(VideoRecorder, "_release", damage)
    recorder = record(tmp_path / "out.avi", noise, 60)
    with pytest.raises(RecordError, match=r"recorded (\d+) of 60 frames: the rest cannot be read back"):
        recorder.close()
    assert 30 < count_frames(tmp_path / "out.avi") < 60


def test_a_frame_that_opencv_refuses_is_no_success(tmp_path, noise, monkeypatch):
    class Refusing:
        fourcc = cv2.VideoWriter.fourcc

        def __init__(self, *arguments: object):
            self._writer, self._left = real(*arguments), 40

        def write(self, image: np.ndarray) -> bool:
            self._left -= 1
            return self._left >= 0 and self._writer.write(image)

        def __getattr__(self, name: str) -> object:
            return getattr(self._writer, name)

    real = cv2.VideoWriter
    monkeypatch.setattr(cv2, "VideoWriter", Refusing)
    recorder = record(tmp_path / "out.avi", noise, 60)
    with pytest.raises(RecordError, match="recorded 40 of 60 frames: it could not be written"):
        recorder.close()
    assert count_frames(tmp_path / "out.avi") == 40


def contents(bag: Path) -> list[tuple[int, bytes]]:
    with Reader(bag) as reader:
        return [(recorded, bytes(data)) for _, recorded, data in reader.messages()]


def string(number: int, size: int) -> bytes:
    """A std_msgs/String as CDR."""
    text = f"{number}".encode().ljust(size, b".") + b"\0"
    return b"\0\1\0\0" + len(text).to_bytes(4, "little") + text


def write_bag(path: Path, count: int, size: int = 5000) -> BagRecorder:
    recorder = BagRecorder(path)
    for i in range(count):
        recorder.write("/even" if i % 2 == 0 else "/odd", "std_msgs/msg/String", 10**9 + i * 10**7, string(i, size))
    return recorder


@pytest.mark.parametrize("name", ["rec", "rec.mcap"])
@pytest.mark.parametrize("leave", [100_000, 700_000, 1_500_000, 2_200_000])
def test_a_bag_on_a_full_disk_is_readable_and_its_length_said(small_disk, tmp_path, name, leave):
    write_bag(tmp_path / "whole", 600).close()
    whole = contents(tmp_path / "whole")
    recorder = write_bag(small_disk / name, 10)
    fill(small_disk / "others", leave)
    for i in range(10, 600):
        recorder.write("/even" if i % 2 == 0 else "/odd", "std_msgs/msg/String", 10**9 + i * 10**7, string(i, 5000))
    with pytest.raises(BagError) as raised:
        recorder.close()
    count, seconds = re.search(r"recorded (\d+) of \d+ messages: No space left on device; .* readable up to ([\d.]+) s$",
                               str(raised.value)).groups()
    found = contents(small_disk / name)
    assert found == whole[: int(count)]
    assert len(found) * 5000 > leave * 0.8 - 64 * 1024
    assert float(seconds) == pytest.approx((found[-1][0] - found[0][0]) / 1e9, abs=0.01)
    assert sorted(file.name for file in small_disk.iterdir()) == ["others", name]
    if name == "rec":  # as ros2 bag reads it: by its metadata
        assert (small_disk / "rec" / "metadata.yaml").is_file()
        with BagReader(small_disk / "rec") as reader:
            assert sum(topic.count for topic in reader.topics.values()) == int(count)


def test_a_bag_without_any_room_is_not_there(small_disk):
    recorder = BagRecorder(small_disk / "rec")
    fill(small_disk / "others", leave=0)
    recorder._room.give_back()
    fill(small_disk / "more", leave=0)
    recorder.write("/topic", "std_msgs/msg/String", 1, string(0, 5000))
    with pytest.raises(BagError, match="recorded 0 of 1 messages: No space left on device; there is no"):
        recorder.close()
    assert sorted(file.name for file in small_disk.iterdir()) == ["more", "others"]


def test_an_mcap_file_that_is_cut_anywhere_is_readable_up_to_there(tmp_path):
    write_bag(tmp_path / "whole.mcap", 500).close()
    whole, data = contents(tmp_path / "whole.mcap"), (tmp_path / "whole.mcap").read_bytes()
    before, path = 0, tmp_path / "cut.mcap"
    for end in [*range(0, len(data), 40_009), *range(len(data) - 3000, len(data), 97), len(data)]:
        path.write_bytes(data[:end])
        mend(path)
        if end < 2000:  # not even the types
            continue
        found = contents(path)
        assert found == whole[: len(found)]
        assert len(found) >= before
        assert len(found) >= (end - 6000) // 5100
        before = len(found)
        mended = path.read_bytes()
        mend(path)
        assert path.read_bytes() == mended
    assert found == whole
    assert mended == data


def test_what_is_no_mcap_file_is_not_touched(tmp_path):
    for content in (b"", b"\x89MCAP0", b"something else" * 100):
        (tmp_path / "a").write_bytes(content)
        mend(tmp_path / "a")
        assert (tmp_path / "a").read_bytes() == content


def annotation(number: int) -> Annotation:
    share = np.full(7, 1 / 7, np.float32)
    emotion = Emotion("1", Box(10, 10, 5, 5, 0.0), 0.9, "happy", 0.9, share, share)
    frame = Frame(5 * 10**9 + number * 10**8, 0, "camera", number, np.zeros((1, 1, 3), np.uint8))
    return Annotation(frame, number / 10, [], [emotion])


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_on_a_full_disk_is_readable_and_its_length_said(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    table = Table(path)
    limit(100_000)
    try:
        for i in range(20_000):
            table.write(annotation(i))
        with pytest.raises(OutputError) as raised:
            table.close()
    finally:
        limit(resource.RLIM_INFINITY)
    count, seconds = re.match(r"recorded (\d+) of 20000 rows: File too large; .* readable up to ([\d.]+) s$",
                              str(raised.value)).groups()
    if suffix == ".csv":
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        assert all(None not in row.values() and len(row) == len(COLUMNS) for row in rows)
        frames = [int(row["frame"]) for row in rows]
    else:
        parquet = pytest.importorskip("pyarrow.parquet")
        frames = parquet.read_table(path)["frame"].to_pylist()
    assert frames == list(range(int(count)))
    assert len(frames) > 100
    assert float(seconds) == pytest.approx((len(frames) - 1) / 10, abs=0.01)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_annotation_that_does_not_fit_says_so_of_each_file(demo_bag, tmp_path):
    done = limited(200_000, "annotate", demo_bag, "-o", "a.mcap", "--overlay", "--table", "a.csv", folder=tmp_path)
    assert done.returncode == 1
    assert re.search(r"recorded \d+ of 45 images: File too large; 'a\.mcap' is readable up to 0\.\d\d s", done.stderr)
    assert "Traceback" not in done.stderr
    with Reader(tmp_path / "a.mcap") as reader:
        counts = {name: info.msgcount for name, info in reader.topics.items()}
    assert 1 <= counts["/fer/emotions"] < 45
    assert f"recorded {counts['/fer/emotions']} of 45" in done.stderr
    with open(tmp_path / "a.csv", newline="") as file:  # for which there was room
        assert int(list(csv.DictReader(file))[-1]["frame"]) > counts["/fer/emotions"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "a.mcap"]


def test_figures_that_do_not_fit_are_no_success(tmp_path):
    done = limited(100, "bench", "tracker", "--takes", 1, "--json", "a.json", folder=tmp_path)
    assert done.returncode == 1
    assert "cannot write 'a.json': File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_printed_is_no_success(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "fer_ros.cli", "models"], cwd=tmp_path, stdout=full,
                              stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "fer-ros: No space left on device\n"
