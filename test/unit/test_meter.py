# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The frame rate that is shown is that of the last seconds."""

from __future__ import annotations

import contextlib
import doctest
import itertools
import time

import numpy as np
import pytest

import fer_ros.media.meter
from fer_ros.media.meter import FrameClock, RateLimit, RateMeter, StageTimes


def test_there_is_no_rate_before_the_second_frame():
    meter = RateMeter()
    assert meter.tick(5.0) is None
    assert meter.tick(5.1) == pytest.approx(10)


@pytest.mark.parametrize("fps", [0.2, 1, 30, 1000])
def test_a_steady_rate(fps):
    meter = RateMeter()
    rates = [meter.tick(1e9 + i / fps) for i in range(50)]
    assert rates[1:] == pytest.approx([fps] * 49, rel=1e-3)


def test_a_change_is_seen_within_the_window():
    meter = RateMeter(window=2.0)
    for i in range(100):
        meter.tick(i / 30)
    for i in range(1, 25):
        rate = meter.tick(99 / 30 + i / 10)
    assert rate == pytest.approx(10, rel=0.01)


def test_a_step_back_starts_anew():
    meter = RateMeter()
    for i in range(10):
        meter.tick(100 + i / 30)
    assert meter.tick(1.0) is None
    assert meter.tick(1.5) == pytest.approx(2)


def test_the_same_stamp_twice_is_no_endless_rate():
    meter = RateMeter()
    meter.tick(1.0)
    assert meter.tick(1.0) is None


def test_good_stamps_are_the_clock():
    clock = FrameClock()
    assert [clock(stamp) for stamp in (5.0, 5.1, 9.0)] == [5.0, 5.1, 9.0]


def test_missing_or_repeated_stamps_do_not_stop_the_clock():
    now = [100.0]
    for stamp in (0.0, 7.0):
        clock = FrameClock(lambda: now[0])
        times = []
        for _ in range(4):
            times.append(clock(stamp))
            now[0] += 0.5
        assert [b - a for a, b in itertools.pairwise(times)] == [0.5] * 3


def test_two_publishers_do_not_make_it_jump_but_a_recording_that_restarts_does():
    clock = FrameClock()
    assert [clock(stamp) for stamp in (5.0, 4.9, 5.1, 5.05, 5.2)] == [5.0, 5.0, 5.1, 5.1, 5.2]
    assert clock(1.0) == 1.0


@pytest.mark.parametrize("before", [[], [1.0, 1.1], [900.0, 900.1]])
def test_a_recording_of_less_than_a_second_restarts_too(before):
    clock = FrameClock()
    for stamp in before:  # another recording
        clock(stamp)
    assert [clock(stamp) for stamp in (5.0, 5.1, 5.2, 5.0, 5.1, 5.0, 5.1)] == [5.0, 5.1, 5.2, 5.0, 5.1, 5.0, 5.1]


def test_a_meter_does_not_grow_while_time_stands_still():
    meter = RateMeter()
    for _ in range(5000):
        meter.tick(1.0)
    assert len(meter._stamps) <= 1000


def test_the_times_of_stages_are_those_since_the_last_look():
    times = StageTimes()
    for milliseconds in range(101):
        times.add("a", milliseconds / 1000)
    with times("b"):
        time.sleep(0.01)
    taken = times.take()
    assert taken["a"] == pytest.approx((0.05, 0.095))
    assert 0.009 < taken["b"][0] == taken["b"][1]
    assert times.take() == {}


@pytest.mark.parametrize("count", [1, 2, 3, 30, 1000])
def test_median_and_percentile_lie_between_two_durations_where_none_is_in_the_middle(count):
    durations = np.random.default_rng(count).uniform(0, 0.1, count)
    times = StageTimes()
    for duration in durations:
        times.add("a", float(duration))
    assert times.take()["a"] == pytest.approx((np.percentile(durations, 50), np.percentile(durations, 95)))


def test_a_stage_that_fails_is_counted_and_what_nobody_takes_does_not_grow():
    times = StageTimes()
    for _ in range(5000):
        with contextlib.suppress(ValueError), times("a"):
            raise ValueError
    assert len(times._durations["a"]) <= 2000


# Frames that are let through.


@pytest.mark.parametrize("jitter", [0.0, 0.005, 0.009])
def test_frames_at_the_rate_pass_all_whether_early_or_late(jitter):
    limit, random = RateLimit(), np.random.default_rng(1)
    times = np.arange(300) / 30 + random.uniform(-jitter, jitter, 300) / 2
    assert all(limit.passes(now, 30.0) for now in times)


@pytest.mark.parametrize(("comes", "rate"), [(60.0, 30.0), (30.0, 12.0), (1000.0, 30.0)])
def test_frames_that_come_faster_are_thinned_out_to_the_rate(comes, rate):
    limit = RateLimit()
    passed = sum(limit.passes(i / comes, rate) for i in range(int(10 * comes)))
    assert passed == pytest.approx(10 * rate, rel=0.02)


def test_after_a_pause_no_burst_makes_up_for_it():
    limit = RateLimit()
    assert limit.passes(0.0, 10.0)
    assert [limit.passes(5.0 + i / 1000, 10.0) for i in range(100)].count(True) <= 2


def test_the_example_is_true():
    assert doctest.testmod(fer_ros.media.meter) == (0, 2)
