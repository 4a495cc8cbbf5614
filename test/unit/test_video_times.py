# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A frame's time is what its container says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fer_ros.bags.annotate import Recording
from fer_ros.media import paced
from fer_ros.media.frame_times import FrameTimes, StampClock
from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams

VIDEOS = Path(__file__).resolve().parents[1] / "data" / "video"


def played(path: Path | str, **more) -> tuple[list[float], str]:
    """The time of every frame, and everything that was said."""
    source = open_source(SourceParams(source=str(path), realtime=False, **more))
    times, said = [], ""
    while source.read() is not None:
        times.append(source.stamp)
        said += source.notice
    return times, said + source.notice


def even(count: int, rate: float) -> np.ndarray:
    return np.arange(count) / rate


FAST_THEN_SLOW = np.concatenate([even(30, 30), 1 + even(10, 5)])


@pytest.mark.parametrize(("name", "expected"), [
    ("vfr.mp4", FAST_THEN_SLOW),
    ("vfr.mkv", FAST_THEN_SLOW),
    ("pause.mp4", np.concatenate([even(15, 30), 3.5 + even(15, 30)])),
    ("cut.mp4", even(60, 30)),
    ("late.mkv", even(15, 30)),
    ("vfr.gif", [0, 0.1, 0.2, 0.3, 0.4, 0.9, 1.4]),
    ("vfr.apng", [0, 0.1, 0.2, 0.3, 0.4, 0.9, 1.4]),
])
def test_frames_have_the_times_that_their_container_says(name, expected):
    times, said = played(VIDEOS / name)
    assert times == pytest.approx(expected, abs=0.02 if name == "vfr.apng" else 0.001)  # an old OpenCV rounds an APNG's
    assert said == ""


def test_a_browsers_recording_without_a_rate_takes_as_long_as_it_took():
    times, said = played(VIDEOS / "browser.webm")
    assert len(times) == 90
    assert times[:4] == pytest.approx([0, 0.033, 0.071, 0.115])
    assert times[-1] == pytest.approx(2.973)
    assert said == ""


def test_a_video_without_times_is_played_at_a_usual_rate_and_that_is_said():
    times, said = played(VIDEOS / "raw.h264")
    assert len(times) == 15
    steps = np.diff(times)
    assert steps == pytest.approx([steps[0]] * 14)
    assert 1 / 60 < steps[0] < 1 / 20
    assert "no times" in said
    assert played(VIDEOS / "raw.h264", fps=10.0) == (pytest.approx(even(15, 10)), "")  # asked for: nothing to say


def test_a_clock_that_jumps_and_steps_back_is_no_time_that_has_passed():
    times, said = played(VIDEOS / "jumps.ts")
    assert times == pytest.approx(even(30, 30), abs=0.001)
    assert "jump" in said


def test_an_even_video_keeps_the_times_of_its_rate(tmp_path, write_video, numbered):
    for name, rate in (("v.avi", 25.0), ("v.mp4", 29.97), ("v.mkv", 12.5)):
        times, _ = played(write_video(tmp_path / name, numbered(8), fps=rate))
        assert times == pytest.approx(even(8, rate), abs=0.001 if name == "v.mkv" else 1e-5)


def test_the_answer_of_annotate_is_stamped_with_them():
    with Recording(str(VIDEOS / "vfr.mp4")) as recording:
        stamps = [frame.stamp for frame in recording]
    assert stamps == pytest.approx(FAST_THEN_SLOW * 1e9, abs=1e6)


def test_a_video_plays_at_its_own_times(monkeypatch):
    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        def sleep(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(paced, "time", clock)
    source = open_source(SourceParams(source=str(VIDEOS / "vfr.mp4"), loop=True))
    seen = []
    for _ in range(50):
        source.read()
        seen.append(clock.now - 1000)
    assert seen[:40] == pytest.approx(FAST_THEN_SLOW, abs=0.001)
    assert seen[40:] == pytest.approx(3.0 + even(10, 30), abs=0.001)  # the last frame is shown as long as the one before
    assert source.stamp == pytest.approx(9 / 30, abs=0.001)


# The rules behind it


def times_of(*positions: float, step: float = 0.04) -> list[float]:
    times = FrameTimes(step)
    return [round(times(position), 4) for position in positions]


def test_times_count_from_the_first_frame():
    assert times_of(7.0, 7.1, 7.4) == [0, 0.1, 0.4]
    assert times_of(-0.5, -0.4, 0.1) == [0, 0.1, 0.6]


def test_a_frame_without_a_time_comes_one_step_later():
    assert times_of(0, 0, 0) == [0, 0.04, 0.08]
    assert times_of(0, 0.1, 0.2, 0, float("nan")) == [0, 0.1, 0.2, 0.3, 0.4]


def test_times_that_repeat_or_come_in_the_wrong_order_never_go_back():
    found = times_of(1.0, 1.1, 1.1, 1.05, 1.2)
    assert found == sorted(set(found))
    assert found[-1] == 0.2


@pytest.mark.parametrize("jump", [36_000.0, 1e12, -5.0, -36_000.0])
def test_an_absurd_jump_is_one_step(jump):
    assert times_of(10.0, 10.1, 10.2 + jump, 10.3 + jump) == [0, 0.1, 0.2, 0.3]
    assert times_of(10.0, 10.1, 10.2 + jump, 10.3, 10.4) == [0, 0.1, 0.2, 0.3, 0.4]


def test_a_long_pause_is_believed():
    assert times_of(0.1, 0.2, 1800.0) == [0, 0.1, 1799.9]


# On the clock of the node


SECOND = 10**9


def test_stamps_are_as_far_apart_as_the_frames_whenever_they_come():
    stamps = StampClock(realtime=True)
    assert stamps(5 * SECOND, 0.0) == 5 * SECOND
    assert stamps(5 * SECOND + 47_000_000, 0.04) == 5 * SECOND + 40_000_000
    assert stamps(20 * SECOND, 0.08) == 5 * SECOND + 80_000_000  # a machine that is too slow


def test_what_is_of_now_is_stamped_now():
    assert StampClock(realtime=True)(5 * SECOND, None) == 5 * SECOND


def test_a_recording_that_starts_again_or_has_waited_is_of_now():
    stamps = StampClock(realtime=True)
    stamps(5 * SECOND, 0.0)
    stamps(6 * SECOND, 1.0)
    assert stamps(7 * SECOND, 0.0) == 7 * SECOND
    assert stamps(500 * SECOND, 0.1) == 500 * SECOND
    stamps.restart()
    assert stamps(501 * SECOND, 0.2) == 501 * SECOND


def test_as_fast_as_it_can_be_read_stamps_still_go_forward():
    stamps = StampClock(realtime=False)
    found = [stamps(5 * SECOND + i, time) for i, time in enumerate([0.0, 10.0, 100.0, 0.0, 10.0])]
    assert np.diff(found)[[0, 1, 3]] == pytest.approx([10 * SECOND, 90 * SECOND, 10 * SECOND])
    assert (np.diff(found) > 0).all()
