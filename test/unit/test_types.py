# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Boxes, faces and emotions are values: two that say the same are equal, and fit into sets."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import fer_ros
from fer_ros.bags.annotate import COLUMNS
from fer_ros.bags.reader import Frame
from fer_ros.labels import EMOTIONS
from fer_ros.types import Box, Comparable, Emotion, Face, intersection_over_union

BOX = Box(10.0, 20.0, 30.0, 40.0, 0.1)


def emotion(**changes) -> Emotion:
    p = np.array([0.1, 0.0, 0.0, 0.6, 0.1, 0.1, 0.1], np.float32)
    return Emotion(**{"face_id": "1", "box": BOX, "detection_score": 0.9, "label": "happy", "confidence": 0.6,
                      "probabilities": p, "raw_probabilities": p.copy(), **changes})


def face(**changes) -> Face:
    return Face(**{"box": BOX, "score": 0.9, "landmarks": np.arange(10, dtype=np.float32).reshape(5, 2), "id": "1", **changes})


def frame(**changes) -> Frame:
    image = np.zeros((4, 4, 3), np.uint8)
    return Frame(**{"stamp": 1, "recorded": 2, "frame_id": "cam", "number": 0, "image": image, **changes})


@pytest.mark.parametrize("make", [emotion, face, frame])
def test_two_that_say_the_same_are_equal_and_one_in_a_set(make):
    assert make() == make()
    assert hash(make()) == hash(make())
    assert len({make(), make()}) == 1
    assert make() in [make()]


@pytest.mark.parametrize(("make", "changes"), [
    (emotion, {"face_id": "2"}), (emotion, {"box": BOX._replace(roll=0.2)}), (emotion, {"detection_score": 0.8}),
    (emotion, {"label": "sad"}), (emotion, {"confidence": 0.5}), (emotion, {"probabilities": np.full(7, 1 / 7, np.float32)}),
    (emotion, {"raw_probabilities": np.full(7, 1 / 7, np.float32)}), (emotion, {"raw_probabilities": np.zeros(0)}),
    (face, {"id": "2"}), (face, {"score": 0.8}), (face, {"box": BOX._replace(cx=11.0)}), (face, {"landmarks": None}),
    (face, {"landmarks": np.zeros((5, 2))}), (face, {"landmarks": np.arange(10).reshape(2, 5)}), (frame, {"number": 1}),
    (frame, {"image": np.ones((4, 4, 3), np.uint8)}),
], ids=str)
def test_what_differs_in_one_thing_is_another(make, changes):
    assert make(**changes) != make()
    assert make() != make(**changes)
    assert make(**changes) == make(**changes)
    assert len({make(), make(**changes)}) == 2


def test_a_value_equals_nothing_of_another_kind():
    @dataclasses.dataclass(frozen=True, eq=False)
    class Like(Face):
        """Has the same fields."""

    assert face(landmarks=None) != Like(BOX, 0.9, None, "1")
    assert face() != (BOX, 0.9, None, "1")
    assert emotion() != None  # noqa: E711 (whatever it is compared with)
    assert emotion() == mock.ANY  # which has the last word about what it equals


def test_values_cannot_be_changed():
    for value, name in ((emotion(), "label"), (face(), "id")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, "x")


def test_a_box_is_usable_if_it_is_finite_and_covers_a_pixel():
    assert BOX.is_usable()
    assert Box(-1e9, 1e9, 1.0, 1.0).is_usable()
    assert BOX.area == 1200
    assert Box(1, 2, 3, 4).roll == 0
    for changes in ({"cx": np.nan}, {"cy": np.inf}, {"width": 0.5}, {"height": -3.0}, {"width": np.inf}, {"roll": np.nan}):
        assert not BOX._replace(**changes).is_usable(), changes


@pytest.mark.parametrize(("other", "shared"), [
    (Box(0, 0, 4, 2), 1.0), (Box(0, 0, 4, 2, 0.7), 1.0), (Box(2, 0, 4, 2), 4 / 12), (Box(-2, 0, 4, 2), 4 / 12),
    (Box(0, 1, 4, 2), 4 / 12), (Box(0, -1, 4, 2), 4 / 12), (Box(1, 0.5, 2, 1), 2 / 8), (Box(0, 0, 8, 4), 8 / 32),
    (Box(4, 0, 4, 2), 0.0), (Box(0, 2, 4, 2), 0.0), (Box(9, 0, 4, 2), 0.0), (Box(0, -9, 4, 2), 0.0), (Box(9, 9, 4, 2), 0.0),
])
def test_boxes_overlap_by_what_they_share_of_all_that_they_cover(other, shared):
    box = Box(0, 0, 4, 2)
    assert intersection_over_union(box, other) == intersection_over_union(other, box) == pytest.approx(shared)


def test_whatever_holds_arrays_can_be_compared():
    """A plain dataclass raises where two with equal arrays are compared."""
    wrong, right = [], 0
    for path in Path(fer_ros.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any("frozen=True" in ast.unparse(one) for one in node.decorator_list):
                fields = [ast.unparse(one.annotation) for one in node.body if isinstance(one, ast.AnnAssign)]
                if any(re.search(r"ndarray|NDArray|^Image$|^Pixels$", text) for text in fields):
                    bases = [ast.unparse(base) for base in node.bases]
                    right += Comparable.__name__ in bases
                    wrong += [f"{path.name}: {node.name}"] * (Comparable.__name__ not in bases)
    assert wrong == []
    assert right >= 5


# For tables and files


def test_an_emotion_becomes_plain_values_that_json_takes():
    plain = emotion(confidence=np.float32(0.5)).to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["face_id"] == "1"
    assert plain["box"] == {"cx": 10.0, "cy": 20.0, "width": 30.0, "height": 40.0, "roll": 0.1}
    assert list(plain["probabilities"]) == list(plain["raw_probabilities"]) == list(EMOTIONS)
    assert plain["probabilities"]["happy"] == pytest.approx(0.6)
    assert {type(value) for value in (plain["confidence"], *plain["probabilities"].values())} == {float}


def test_an_emotion_becomes_a_row_with_the_columns_of_annotate():
    row = emotion(raw_probabilities=np.eye(1, 7, 4, dtype=np.float32)[0]).to_row()
    assert ("stamp", "frame", *row) == COLUMNS
    assert (row["face_id"], row["x"], row["roll"], row["label"]) == ("1", 10.0, 0.1, "happy")
    assert row["happy"] == pytest.approx(0.6)
    assert (row["raw_sad"], row["raw_happy"]) == (1.0, 0.0)


def test_a_face_becomes_plain_values():
    plain = face(score=np.float32(0.5)).to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["id"], plain["score"]) == ("1", 0.5)
    assert plain["landmarks"] == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert face(landmarks=None).to_dict()["landmarks"] is None


def test_a_box_knows_its_edges():
    assert BOX.xyxy == (-5.0, 0.0, 25.0, 40.0)


def test_an_emotion_with_other_probabilities_has_no_row():
    for turn in ("to_row", "to_dict"):
        with pytest.raises(ValueError, match="there must be 7 probabilities, not 3"):
            getattr(emotion(raw_probabilities=np.zeros(3)), turn)()
