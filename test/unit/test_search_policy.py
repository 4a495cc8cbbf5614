# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""When faces are looked for, and where: tables of times."""

import math

import pytest

from fer_ros.perception.search_policy import Attention, DetectionSchedule, Look, SearchPolicy


@pytest.mark.parametrize(("stamps", "every", "looked"), [
    ((0.0, 0.1, 0.2, 0.3), 1, (True, True, True, True)),
    ((0.0, 0.1, 0.2, 0.3, 0.4), 3, (True, False, False, True, False)),
    ((0.0, 0.1, 0.9, 1.0), 3, (True, False, True, False)),  # a gap: nobody is known any more
    ((5.0, 5.1, 1.0, 1.1), 3, (True, False, True, False)),  # a step back: another recording
    ((2.0, 2.0, 2.0, 2.0), 3, (True, False, False, True)),  # time stands still
])
def test_every_so_many_frames_and_after_a_gap(stamps, every, looked):
    schedule = DetectionSchedule()
    assert tuple(schedule.look(stamp, every, memory=0.5) is not None for stamp in stamps) == looked


@pytest.mark.parametrize(("step", "rest", "looked"), [
    (0.1, 0.3, (0, 3, 6, 9)),
    (0.1, 0.34, (0, 3, 6, 9)),  # the nearer frame, be it before the time
    (0.1, 0.36, (0, 4, 8)),
    (0.1, 2.0, (0,)),  # longer than faces are remembered
    (0.1, 0.0, tuple(range(10))),
    (0.5, 0.1, tuple(range(10))),  # the images come more seldom
    (0.0, 60.0, tuple(range(10))),  # where time stands still nothing can be put off
])
def test_where_nobody_is_it_rests(step, rest, looked):
    schedule = DetectionSchedule()
    assert tuple(i for i in range(10) if schedule.look(i * step, 1, 0.5, rest) is not None) == looked


def test_a_step_back_ends_the_rest():
    schedule = DetectionSchedule()
    assert [schedule.look(stamp, 1, 0.5, 1.0) is not None for stamp in (10.0, 10.2, 3.0, 3.2)] == [True, False, True, False]


def test_attention_flags_after_a_while_without_anybody():
    attention = Attention()
    assert [attention.rests(stamp) for stamp in (100.0, 104.9, 105.0)] == [False, False, True]
    attention.see(105.0)
    assert [attention.rests(stamp) for stamp in (105.1, 109.9, 110.0)] == [False, False, True]
    assert [attention.rests(stamp) for stamp in (7.0, 11.9, 12.0)] == [False, False, True]  # a recording starts again


def test_a_look_knows_how_long_ago_the_last_one_was():
    schedule = DetectionSchedule()
    assert schedule.look(1.0, 2, 0.5) == Look(math.inf, recent=False)
    assert schedule.look(1.25, 2, 0.5) is None
    assert schedule.look(1.5, 2, 0.5) == Look(0.5, recent=True)
    assert schedule.look(2.25, 2, 0.5) == Look(0.75, recent=False)
    assert schedule.look(2.0, 2, 0.5) == Look(-0.25, recent=False)


@pytest.mark.parametrize(("step", "period", "searched"), [
    (0.1, 0.3, (0, 3, 6, 9)),
    (0.1, 0.34, (0, 3, 6, 9)),  # the nearer frame, be it before the time
    (0.1, 0.36, (0, 4, 8)),
    (0.1, 0.0, tuple(range(10))),
    (0.0, 60.0, tuple(range(10))),  # where time stands still nothing can be put off
])
def test_the_whole_image_is_searched_each_period(step, period, searched):
    policy, look, found = SearchPolicy(), Look(step, recent=True), []
    for i in range(10):
        if policy.search_is_due(i * step, look, period):
            policy.search(i * step)
            found.append(i)
    assert tuple(found) == searched


def test_a_search_because_somebody_was_missing_counts():
    policy, look = SearchPolicy(), Look(0.1, recent=True)
    for stamp in (0.0, 0.2):
        policy.search(stamp)
    assert [policy.search_is_due(stamp, look, 0.3) for stamp in (0.3, 0.4, 0.5)] == [False, False, True]


def test_known_faces_are_followed_unless_that_failed_lately():
    policy, step = SearchPolicy(), Look(0.1, recent=True)
    assert policy.may_follow(1.0, step, 0.5)
    policy.miss(1.0)
    assert [policy.may_follow(stamp, step, 0.5) for stamp in (1.1, 1.2, 1.3)] == [False, True, True]


def test_a_gap_forgets_who_was_missing_and_has_nobody_to_follow():
    policy = SearchPolicy()
    policy.miss(1.0)
    assert not policy.may_follow(1.9, Look(0.9, recent=False), 0.5)
    assert policy.may_follow(2.0, Look(0.1, recent=True), 0.5)
    policy.miss(2.0)
    assert not policy.may_follow(2.1, Look(0.1, recent=True), 0.5)
    assert not policy.may_follow(0.5, Look(-1.6, recent=False), 0.5)  # time stepped back
    assert policy.may_follow(0.6, Look(0.1, recent=True), 0.5)


def test_without_a_period_every_image_is_searched():
    assert not SearchPolicy().may_follow(1.0, Look(0.1, recent=True), 0.0)
