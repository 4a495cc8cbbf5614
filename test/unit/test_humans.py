# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

import dataclasses
import random
import re

import numpy as np
import pytest

from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.parameters.hri_params import HriParams, HumansParams
from fer_ros.perception.humans import (
    EXPRESSIONS,
    FaceIds,
    Humans,
    denormalized,
    expression_of,
    is_face_id,
    normalized,
    tag_of_a_run,
)
from fer_ros.types import Box, Emotion

AT_ONCE = HriParams(appear_after=0.0)


def emotion(face_id: str = "1", label: str = "happy", confidence: float = 0.75, probabilities=None) -> Emotion:
    shares = np.full(7, 1 / 7, np.float32) if probabilities is None else np.array(probabilities, np.float32)
    return Emotion(face_id, Box(320, 240, 100, 120), 0.9, label, confidence, shares, shares)


def people(*ids: str) -> list[Emotion]:
    return [emotion(one) for one in ids]


def test_every_emotion_has_a_word_of_its_own():
    assert set(EXPRESSIONS) == set(EMOTIONS)
    assert set(EXPRESSIONS.values()) == {"neutral", "angry", "sad", "happy", "surprised", "disgusted", "scared"}
    assert expression_of(emotion(label="fear", confidence=0.625)) == ("scared", 0.625)


def test_an_uncertain_face_has_the_likeliest_word_and_its_low_confidence():
    shares = [0.1, 0.05, 0.3, 0.15, 0.1, 0.2, 0.1]
    word, confidence = expression_of(emotion(label=UNCERTAIN, confidence=0.3, probabilities=shares))
    assert (word, confidence) == ("scared", pytest.approx(0.3))


@pytest.mark.parametrize("probabilities", [[], [1.0], [np.nan] * 7])
def test_a_label_that_is_none_is_refused_where_nothing_else_says_what_is_shown(probabilities):
    with pytest.raises(ValueError, match=r"'pleased' is none of the emotions"):
        expression_of(emotion(label="pleased", probabilities=probabilities))


@pytest.mark.parametrize(("given", "told"), [(1.5, 1.0), (-0.5, 0.0), (float("nan"), 0.0)])
def test_confidence_is_a_share_whatever_a_message_says(given, told):
    assert expression_of(emotion(confidence=given)) == ("happy", told)


def test_a_box_is_a_share_of_the_image_and_back():
    assert normalized(Box(320, 120, 64, 48), 640, 480) == (0.45, 0.2, 0.55, 0.3)
    assert denormalized((0.45, 0.2, 0.55, 0.3), 640, 480) == pytest.approx((320, 120, 64, 48, 0))
    assert normalized(Box(0, 480, 100, 100), 640, 480) == (0, pytest.approx(430 / 480), pytest.approx(50 / 640), 1)


@pytest.mark.parametrize("allowed", ["bf3d", "f00001", "A", "face_1", "x" * 64])
def test_an_id_that_can_name_a_topic_stays(allowed):
    assert is_face_id(allowed)
    assert FaceIds("abcd")(allowed) == allowed


@pytest.mark.parametrize("other", ["", "3", "3a", "a b", "a/b", "é", "a__b", "a_", "_a", "x" * 65, "tracked", "abcd3", "a\n"])
def test_every_other_id_becomes_one_that_is_allowed(other):
    made = FaceIds("abcd")(other)
    assert made != other
    assert re.fullmatch(r"abcd[0-9a-z]+", made)
    assert is_face_id(made)


def test_no_two_tracks_of_a_run_share_an_id():
    ids, tracks = FaceIds("abcd"), [*map(str, range(500)), *(f"{n} x" for n in range(500)), *(f"abcd{n}" for n in range(500)),
                                    *(f"abcdx{n}" for n in range(500)), *(f"abcd{n}x" for n in range(500)), "01", "001"]
    assert len(set(map(ids, tracks))) == len(tracks)


@pytest.mark.parametrize(("track", "made"), [("left_3", "left_abcd3"), ("3", "left_abcd3"), ("left_x", "left_x"),
                                              ("right_3", "right_3"), ("left_", "abcdx1"), ("", "abcdx1")])
def test_the_id_of_one_of_several_cameras_has_its_name_and_the_tag_of_the_run(track, made):
    assert FaceIds("abcd")(track, "left") == made


@pytest.mark.parametrize("camera", ["a__b", "_a", "a_", "x" * 60])
def test_a_camera_whose_name_cannot_begin_an_id_has_ids_without_it(camera):
    ids = FaceIds("abcd")
    assert [ids(f"{camera}_{number}", camera) for number in (3, 4)] == ["abcdx1", "abcdx2"]


def test_two_runs_have_different_ids():
    random.seed()
    tags = {tag_of_a_run() for _ in range(20)}
    assert len(tags) > 1
    assert all(re.fullmatch("[a-z]{4}", tag) for tag in tags)


def test_a_face_is_tracked_once_it_was_seen_for_long_enough():
    humans = Humans(FaceIds("f"), HriParams(appear_after=0.1))
    assert humans(people("1"), 10.0).ids == []
    assert humans(people("1"), 10.05).came == []
    tracked = humans(people("1"), 10.125)
    assert (tracked.came, tracked.ids, [name for name, _ in tracked.shown]) == (["f1"], ["f1"], ["f1"])
    assert humans(people("1"), 10.2).came == []


def test_a_mistake_of_one_frame_is_nobody():
    humans = Humans(FaceIds("f"), HriParams(appear_after=0.1))
    humans(people("1"), 10.0)
    humans(people(), 10.05)
    assert humans(people("1"), 10.11).ids == [], "a gap begins anew"


def test_a_face_that_is_hidden_for_a_moment_stays_and_one_that_is_gone_leaves():
    humans = Humans(FaceIds("f"), dataclasses.replace(AT_ONCE, hold=1.0))
    humans(people("1", "2"), 10.0)
    tracked = humans(people("2"), 10.9)
    assert (tracked.ids, [name for name, _ in tracked.shown], tracked.left) == (["f1", "f2"], ["f2"], [])
    tracked = humans(people("2"), 11.1)
    assert (tracked.ids, tracked.left) == (["f2"], ["f1"])


def test_a_recording_that_starts_again_begins_anew():
    humans = Humans(FaceIds("f"), AT_ONCE)
    humans(people("1"), 100.0)
    tracked = humans(people("7"), 1.0)
    assert (tracked.left, tracked.came, tracked.ids) == (["f1"], ["f7"], ["f7"])


def test_faces_that_cannot_be_told_apart_or_are_too_many_are_counted():
    humans = Humans(FaceIds("f"), dataclasses.replace(AT_ONCE, max_faces=2))
    tracked = humans([*people("", "1", "1", "2", "3")], 10.0)
    assert (tracked.ids, tracked.left_out) == (["f1", "f2"], 3)
    tracked = humans(people("2", "3"), 12.0)
    assert tracked.ids == ["f2", "f3"], "there is room again"


def test_people_in_front_of_several_cameras_are_one_crowd():
    ids, crowd, params = FaceIds("f"), set(), dataclasses.replace(AT_ONCE, max_faces=3, hold=1.0)
    left, right = (Humans(ids, params, name, crowd) for name in ("left", "right"))
    assert left(people("left_1", "bf3d"), 10.0).ids == ["left_f1", "bf3d"]
    tracked = right(people("bf3d", "right_1"), 50.0)
    assert (tracked.ids, tracked.left_out) == (["fx1"], 1), "a name of its own, and three at once"
    assert right(people("bf3d", "right_1"), 50.1).came == []
    assert left.clear() == ["left_f1", "bf3d"]
    assert right(people("bf3d", "right_1"), 50.2).ids == ["fx1", "right_f1"]
    right(people(), 52.0)
    assert crowd == set()


def test_thousands_that_come_and_go_leave_nothing_behind():
    humans = Humans(FaceIds("f"), dataclasses.replace(AT_ONCE, hold=0.1))
    for number in range(5000):
        tracked = humans(people(f"{number} x", str(number)), number * 0.2)
        assert len(tracked.ids) == 2
    assert len(humans._known) + len(humans._new) == 2
    assert humans.clear() == tracked.ids
    assert humans(people(), 2000.0).ids == []


@pytest.mark.parametrize("name", ["/humans", "/robot1/humans", "humans", "r_2/humans"])
def test_a_namespace_is_a_ros_name(name):
    assert HumansParams(humans_namespace=name).humans_namespace == name


@pytest.mark.parametrize("name", ["", "/", "/humans/", "a b", "/1robot", "~/humans", "/a//b"])
def test_what_is_none_is_refused(name):
    with pytest.raises(ValueError, match="humans_namespace must be a ROS name"):
        HumansParams(humans_namespace=name)
