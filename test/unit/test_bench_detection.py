# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The measure of the detector counts what is right and what is wrong."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from fer_ros.bench.detection import Found, Known, compare, load
from fer_ros.cli import main
from fer_ros.types import Box, Face


def known(x: float, size: float = 40, *groups: str) -> Known:
    return Known(Box(x, 100, size, size), frozenset({"all", *groups}))


def face(x: float, score: float, size: float = 40) -> Face:
    return Face(Box(x, 100, size, size), score)


def counted(faces, truth, group: str = "easy", smallest: float = 24) -> Found:
    into = {group: Found()}
    compare(faces, truth, smallest, [group], into)
    return into[group]


def test_right_wrong_and_neither():
    truth = [known(100, 40, "easy"), known(200), known(300, 40, "easy"), known(400, 10, "easy")]
    found = counted([face(101, 0.9), face(104, 0.8), face(201, 0.7), face(600, 0.6), face(700, 0.5, 10), face(400, 0.4, 10)],
                    truth)
    assert found.wanted == 2  # the fourth is too small
    assert found.right == [0.9]
    assert found.others == [0.7]  # the one that is too small counts neither way
    assert found.wrong == [0.8, 0.6]  # a second one of the first face, and one of nothing


def test_a_second_detection_of_a_face_is_wrong_however_small():
    assert counted([face(100, 0.9, 26), face(100, 0.8, 22)], [known(100, 26, "easy")]).wrong == [0.8]


def test_the_best_detection_of_a_face_counts_whatever_their_order():
    assert counted([face(108, 0.3), face(100, 0.9)], [known(100, 40, "easy")]).right == [0.9]


def test_recall_at_a_precision():
    found = Found(wanted=10, right=[0.9, 0.8, 0.7, 0.4, 0.3], wrong=[0.75, 0.35, 0.34, 0.33])
    assert found.at_precision(0.9) == (0.2, 0.8)
    assert found.at_precision(0.75) == (0.4, 0.4)
    assert found.at_precision(0.5) == (0.5, 0.3)
    assert Found(wanted=3).at_precision(0.9) == (0.0, 1.0)


def test_a_face_of_another_group_is_no_fault_and_for_wider_no_merit():
    found = Found(wanted=2, right=[0.9, 0.5], others=[0.8, 0.7, 0.6], wrong=[0.55])
    assert found.at_precision(0.8) == (1.0, 0.5)  # five of six are faces
    assert found.at_precision(0.8, as_wider=True) == (0.5, 0.9)  # two of three are of the group


def test_an_invalid_face_counts_neither_way():
    found = counted([face(100, 0.9)], [Known(Box(100, 100, 40, 40), frozenset())])
    assert (found.wanted, found.right, found.others, found.wrong) == (0, [], [], [])


@pytest.fixture
def photographs(share, tmp_path):
    capture = cv2.VideoCapture(str(share / "demo" / "demo.mp4"))
    _, image = capture.read()
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images" / "a.png"), image)
    cv2.imwrite(str(tmp_path / "b.png"), np.full((100, 100, 3), 90, np.uint8))
    boxes = {"a.png": [{"box": [227, 94, 134, 169], "easy": True, "medium": True, "invalid": False}], "b.png": []}
    (tmp_path / "faces.json").write_text(json.dumps(boxes))
    return tmp_path


def test_the_command_measures(photographs, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "detector", str(photographs), "--sizes", "320", "--json", str(photographs / "out.json")])
    assert "320" in capsys.readouterr().out
    rows = json.loads((photographs / "out.json").read_text())
    assert {(row["group"], row["as_wider"]) for row in rows} == {(g, w) for g in ("easy", "medium") for w in (True, False)}
    assert len({row["model"] for row in rows}) == 2
    assert all(row["recall"] == 1 and row["faces"] == 1 and row["seconds"] > 0 for row in rows)


def test_names_of_groups_come_from_the_file(photographs):
    _, faces = load(photographs)
    assert faces["a.png"][0].groups == {"all", "easy", "medium"}


@pytest.mark.parametrize(("break_it", "text"), [
    (lambda folder: (folder / "faces.json").unlink(), "is not a list of boxes"),
    (lambda folder: (folder / "faces.json").write_text("[]"), "is not a list of boxes"),
    (lambda folder: (folder / "faces.json").write_text('{"a.png": [{"box": [1, 2]}]}'), "is not a list of boxes"),
    (lambda folder: (folder / "faces.json").write_text("{}"), "names no photograph"),
    (lambda folder: (folder / "b.png").unlink(), "names b.png, which is neither"),
    (lambda folder: (folder / "b.png").write_text("hello"), "is no image"),
])
def test_what_is_wrong_is_said(photographs, capsys, break_it, text):
    break_it(photographs)
    with pytest.raises(SystemExit, match="1"):
        main(["bench", "detector", str(photographs), "--sizes", "320"])
    assert text in capsys.readouterr().err


def test_a_group_without_faces_is_said(photographs, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(["bench", "detector", str(photographs), "--sizes", "320", "--groups", "hard"])
    assert "no face of 24 px or more is in the group hard" in capsys.readouterr().err
