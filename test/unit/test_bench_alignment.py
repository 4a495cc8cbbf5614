# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The measure of alignment turns faces as it says, and counts what the classifier makes of each way to cut them out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fer_ros.bench.alignment import FRAME, measure, picture
from fer_ros.cli import main
from fer_ros.types import Box, Face

FACE = np.repeat(np.linspace(250, 5, 48)[:, None], 48, axis=1).astype(np.uint8)  # light above, dark below


def lit_from(crops: np.ndarray) -> np.ndarray:
    """Probabilities of "light above" and "light below"."""
    above, below = crops[:, :10].mean(axis=(1, 2, 3)), crops[:, -10:].mean(axis=(1, 2, 3))
    return np.stack([above > below, below > above], axis=1).astype(np.float32)


def detector(roll: float, size: float = 100.0):
    return lambda image: [Face(Box(FRAME / 2, FRAME / 2, size, size, roll), 0.9)]


def nobody(image, expected):
    """Follows nobody."""
    assert len(expected) == 1


def test_a_picture_is_turned_clockwise_and_as_large_as_asked_for():
    turned = picture(FACE, 100, math.radians(90))
    assert turned.shape == (FRAME, FRAME, 3)
    middle = turned[FRAME // 2, :, 0].astype(int)
    flat = int(FACE.mean())
    inside = np.flatnonzero(np.abs(middle - flat) > 20)
    assert inside[-1] - inside[0] == pytest.approx(100, abs=3)
    assert middle[FRAME // 2 + 40] > middle[FRAME // 2 - 40]  # what was above is now at the right


@pytest.mark.parametrize(("told", "upright"), [(180, 1.0), (10, 0.0)])
def test_faces_on_their_head_need_a_roll_that_is_right(told, upright):
    images = np.stack([FACE] * 4)
    cut = measure(images, np.zeros(4, int), detector(math.radians(told)), nobody, lit_from, 48, 100, math.radians(180))
    assert cut.found == 1
    assert cut.right == {"as it is": 0.0, "upright": upright, "by the true roll": 1.0}


def test_the_truth_of_what_is_found_counts():
    images = np.stack([FACE, FACE[::-1], FACE, FACE])
    seen = iter([[], detector(0.0)(None), detector(0.0)(None) * 2, detector(0.0)(None)])
    cut = measure(images, np.array([0, 1, 0, 1]), lambda image: next(seen), nobody, lit_from, 48, 100, 0.0)
    assert cut.found == 0.5
    assert cut.right["upright"] == 0.5  # the second is right, the fourth is not


def test_what_is_found_again_counts_for_itself():
    images = np.stack([FACE, FACE[::-1], FACE, FACE])
    again = iter([None, detector(0.0)(None), detector(math.pi)(None), detector(0.0)(None)])
    cut = measure(images, np.array([0, 1, 0, 0]), detector(0.0), lambda image, expected: next(again), lit_from, 48, 100, 0.0)
    assert (cut.found, cut.right["upright"]) == (1, 1)
    assert (cut.again, cut.right_again) == (0.75, pytest.approx(2 / 3))  # the third is cut out upside down


def test_the_command_needs_votes(drawn_fer2013, tmp_path, capsys):
    data = drawn_fer2013(tmp_path / "data", each=2, votes=False)
    with pytest.raises(SystemExit, match="1"):
        main(["bench", "alignment", "--data", str(data)])
    assert "no PublicTest faces with FER+ votes" in capsys.readouterr().err


def test_the_command_measures(drawn_fer2013, tmp_path, capsys):
    data = drawn_fer2013(tmp_path / "data", each=2)
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "alignment", "--data", str(data), "--rolls", "0", "--margins", "0.1", "--faces", "3",
              "--json", str(tmp_path / "out.json")])
    assert "by the true roll" in capsys.readouterr().out
