# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A box is still while its face is, and goes with it when it moves, at any frame rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fer_ros.perception.steady import SteadyBox
from fer_ros.perception.tracker import Tracker, TrackerParams
from fer_ros.types import Box, Face, intersection_over_union

REST = Box(300, 200, 90, 120, 0.1)


def trembling(n: int, seed: int = 0) -> list[Box]:
    """A face at rest as a detector sees it: 2 % of scatter."""
    rng = np.random.default_rng(seed)
    return [Box(REST.cx + 2 * a, REST.cy + 2 * b, REST.width * math.exp(0.02 * c), REST.height * math.exp(0.02 * d),
                REST.roll + 0.03 * e) for a, b, c, d, e in rng.normal(0, 1, (n, 5))]


def steadied(boxes: list[Box], fps: float = 30.0, cutoff: float = 1.0) -> list[Box]:
    steady = SteadyBox(boxes[0], 0.0)
    return [boxes[0], *(steady.update(box, i / fps, cutoff) for i, box in enumerate(boxes[1:], 1))]


def shake(boxes: list[Box]) -> np.ndarray:
    """Mean change from frame to frame of each number."""
    return np.abs(np.diff(np.array(boxes), axis=0)).mean(axis=0)


@pytest.mark.parametrize("fps", [10, 30, 60])
def test_a_face_at_rest_trembles_less(fps):
    boxes = trembling(200)
    assert (shake(steadied(boxes, fps)) < 0.6 * shake(boxes)).all()
    assert np.array(steadied(boxes, fps))[50:].mean(axis=0) == pytest.approx(REST, rel=0.01, abs=0.02)


def test_a_higher_cut_off_steadies_less_and_none_not_at_all():
    boxes = trembling(200)
    shakes = [shake(steadied(boxes, cutoff=cutoff))[0] for cutoff in (0.5, 2.0, 20.0)]
    assert shakes == sorted(shakes)
    assert steadied(boxes, cutoff=0.0) == boxes


@pytest.mark.parametrize("fps", [10, 30, 60])
@pytest.mark.parametrize("speed", [0.5, 2.0, 5.0])
def test_it_keeps_up_with_a_face_that_moves(fps, speed):
    """Speeds in face widths a second; somebody who walks past a robot has about two."""
    boxes = [REST._replace(cx=speed * REST.width * i / fps) for i in range(2 * fps)]
    assert min(intersection_over_union(a, b) for a, b in zip(boxes, steadied(boxes, fps), strict=True)) > 0.7
    assert intersection_over_union(boxes[-1], steadied(boxes, fps)[-1]) > 0.9


def test_it_grows_with_a_face_that_comes_near():
    boxes = [Box(300, 200, 60 * 2 ** (i / 30), 80 * 2 ** (i / 30)) for i in range(60)]
    assert intersection_over_union(boxes[-1], steadied(boxes)[-1]) > 0.85


def test_a_roll_goes_the_shorter_way_round():
    boxes = [REST._replace(roll=math.remainder(math.pi - 0.1 + 0.2 * (i % 2), 2 * math.pi)) for i in range(30)]
    assert all(abs(abs(box.roll) - math.pi) < 0.25 for box in steadied(boxes))


@pytest.mark.parametrize("fps", [10, 30])
def test_it_keeps_up_with_a_head_that_tilts(fps):
    """By 1.5 radians a second, to one side and back: a nod of a few degrees a frame."""
    rolls = [0.5 * math.sin(3 * i / fps) for i in range(4 * fps)]
    found = steadied([REST._replace(roll=roll) for roll in rolls], fps)
    assert max(abs(box.roll - roll) for box, roll in zip(found, rolls, strict=True)) < 0.16


@pytest.mark.parametrize("turn", [0.15, -0.15])
def test_the_roll_stays_an_angle_however_often_the_camera_turns(turn):
    rolls = [math.remainder(turn * i, 2 * math.pi) for i in range(200)]  # nearly five times round
    for box, roll in zip(steadied([REST._replace(roll=roll) for roll in rolls]), rolls, strict=True):
        assert -math.pi <= box.roll <= math.pi
        assert abs(math.remainder(box.roll - roll, 2 * math.pi)) < 0.2


def test_frames_of_one_stamp_and_steps_back_give_the_box_as_it_is():
    steady = SteadyBox(REST, 5.0)
    there = REST._replace(cx=500.0)
    assert steady.update(there, 5.0, 1.0) == there
    assert steady.update(REST, 4.0, 1.0) == REST


def test_the_tracker_steadies_and_a_new_face_begins_where_it_is():
    boxes = trembling(100)
    found = []
    tracker = Tracker(TrackerParams())
    for i, box in enumerate(boxes):
        found.append(tracker.update([Face(box, 0.9)], i / 30)[0].box)
    assert found == steadied(boxes)
    far = REST._replace(cx=2000.0)
    assert tracker.update([Face(far, 0.9)], 4.0)[0].box == far
    plain = Tracker(TrackerParams(box_cutoff=0.0))
    assert [plain.update([Face(box, 0.9)], i / 30)[0].box for i, box in enumerate(boxes)] == boxes
