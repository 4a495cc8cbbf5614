# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An id stays with a person."""

from __future__ import annotations

import random

import numpy as np
import pytest

from fer_ros.perception.tracker import Tracker, TrackerParams
from fer_ros.types import Box, Face


def face(x: float, y: float = 200, size: float = 80, score: float = 0.9) -> Face:
    return Face(Box(x, y, size, size * 1.2), score)


def ids(faces: list[Face]) -> list[str]:
    return [face.id for face in faces]


def test_a_face_keeps_its_id_and_everything_else():
    tracker = Tracker()
    for i in range(100):
        given = face(100 + 3 * i)
        (found,) = tracker.update([given], i / 30)
        assert (found.id, found.score, found.landmarks) == ("1", given.score, given.landmarks)
        assert found.box == pytest.approx(given.box, abs=3)


def test_a_face_that_is_missed_for_less_than_the_timeout_keeps_its_id():
    tracker = Tracker(TrackerParams(track_timeout=1.0))
    tracker.update([face(100)], 0.0)
    for stamp in (0.2, 0.5, 0.8):
        assert tracker.update([], stamp) == []
    assert ids(tracker.update([face(105)], 1.0)) == ["1"]


def test_a_face_that_is_away_for_longer_gets_a_new_id():
    tracker = Tracker(TrackerParams(track_timeout=1.0))
    tracker.update([face(100)], 0.0)
    tracker.update([], 0.5)
    assert ids(tracker.update([face(100)], 1.01)) == ["2"]


def test_ids_begin_as_they_shall_from_then_on():
    tracker = Tracker(prefix="left_")
    assert ids(tracker.update([face(100)], 0.0)) == ["left_1"]
    tracker.prefix = "right_"
    assert ids(tracker.update([face(100), face(400)], 0.03)) == ["left_1", "right_2"]


def test_a_moving_face_is_found_where_it_should_be_by_now():
    tracker = Tracker()
    for i in range(20):
        tracker.update([face(100 + 8 * i)], i / 30)  # three faces a second
    assert ids(tracker.update([face(100 + 8 * 35)], 35 / 30)) == ["1"]


def test_another_person_gets_another_id():
    tracker = Tracker()
    tracker.update([face(100)], 0.0)
    assert ids(tracker.update([face(100), face(400)], 0.03)) == ["1", "2"]
    assert ids(tracker.update([face(400), face(100)], 0.06)) == ["2", "1"]
    assert ids(tracker.update([face(400), face(100), face(700)], 0.09)) == ["2", "1", "3"]


def test_a_face_elsewhere_is_another_person_at_once():
    tracker = Tracker()
    tracker.update([face(100)], 0.0)
    assert ids(tracker.update([face(400)], 0.03)) == ["2"]


def test_people_who_cross_do_not_swap():
    tracker = Tracker(TrackerParams(box_cutoff=0.0))
    for i in range(120):
        left, right = face(100 + 4 * i, 200), face(580 - 4 * i, 230)
        given = [left, right] if i % 2 else [right, left]
        if abs(left.box.cx - right.box.cx) < 30:
            given = [left]  # one hides the other for a while
        found = {f.box: f.id for f in tracker.update(given, i / 30)}
        if i == 0:
            first = found[left.box], found[right.box]
        assert found[left.box] == first[0]
        if right in given:
            assert found[right.box] == first[1]


@pytest.mark.parametrize("jitter", [0.02, 0.05])
def test_jitter_of_the_detector_changes_no_id(jitter):
    noise = random.Random(1)
    tracker = Tracker()
    for i in range(300):
        given = [face(x + noise.gauss(0, 80 * jitter), 200 + noise.gauss(0, 80 * jitter), 80 * noise.uniform(0.9, 1.1))
                 for x in (150, 260)]
        assert ids(tracker.update(given, i / 30)) == ["1", "2"]


def test_a_face_that_comes_closer_keeps_its_id():
    tracker = Tracker()
    for i in range(60):
        assert ids(tracker.update([face(300, 200, 40 * 1.03**i)], i / 30)) == ["1"]


def test_a_face_of_quite_another_size_is_another_person():
    tracker = Tracker()
    tracker.update([face(300, size=200)], 0.0)
    assert ids(tracker.update([face(300, size=60)], 0.03)) == ["2"]


def test_new_ids_are_given_in_the_order_of_the_faces():
    assert ids(Tracker().update([face(500, score=0.9), face(100, score=0.7)], 0.0)) == ["1", "2"]


def test_stamps_that_step_back_forget_everybody_and_no_id_comes_twice():
    tracker = Tracker()
    tracker.update([face(100), face(400)], 10.0)
    assert ids(tracker.update([face(100)], 9.9)) == ["3"]
    assert ids(tracker.update([face(100)], 9.95)) == ["3"]


def test_reset_forgets_everybody_and_no_id_comes_twice():
    tracker = Tracker()
    tracker.update([face(100)], 0.0)
    tracker.reset()
    assert ids(tracker.update([face(100)], 0.03)) == ["2"]


def test_the_same_stamp_twice_is_no_problem():
    tracker = Tracker()
    for _ in range(3):
        assert ids(tracker.update([face(100)], 1.0)) == ["1"]


def test_the_same_faces_get_the_same_ids_each_time():
    def run() -> list[list[str]]:
        noise = random.Random(7)
        tracker = Tracker()
        return [
            ids(tracker.update([face(noise.uniform(0, 600)) for _ in range(noise.randint(0, 6))], i / 30))
            for i in range(200)
        ]

    assert run() == run()


def test_no_id_is_given_twice_in_a_frame():
    noise = random.Random(3)
    tracker = Tracker()
    for i in range(300):
        found = ids(tracker.update([face(noise.gauss(300, 40)) for _ in range(8)], i / 30))
        assert len(set(found)) == 8
        assert "" not in found


def test_a_moving_face_is_expected_further_on():
    tracker = Tracker(TrackerParams(box_cutoff=0))
    for i in range(30):
        box = Box(100.0 + 3 * i, 50.0, 40.0 + i / 2, 50.0 + i / 2)
        eyes = np.array([[box.cx - box.width / 4, 40], [box.cx + box.width / 4, 40]], np.float32)
        (last,) = tracker.update([Face(box, 0.9, eyes)], i / 30)
    (expected,) = tracker.predict(29 / 30 + 2 / 30)
    assert (expected.id, expected.score) == (last.id, last.score)
    assert expected.landmarks.dtype == np.float32
    assert expected.landmarks[:, 0].mean() == pytest.approx(expected.box.cx, abs=0.01)
    assert np.ptp(expected.landmarks[:, 0]) == pytest.approx(expected.box.width / 2, rel=1e-3)
    assert expected.box.cx == pytest.approx(last.box.cx + 6, abs=1.5)
    assert expected.box.cy == pytest.approx(50, abs=0.5)
    assert expected.box.height == pytest.approx(last.box.height + 1, abs=0.5)
    assert tracker.predict(29 / 30) == [last]
    tracker.update([Face(box, 0.9)], 1.0)
    assert tracker.predict(1.0)[0].landmarks is None  # of a detector that finds none


def test_nothing_is_expected_of_a_tracker_that_has_seen_nothing():
    assert Tracker().predict(0.0) == []
