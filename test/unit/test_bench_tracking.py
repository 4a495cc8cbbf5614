# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The scripted scenes measure what they say, and the tracker does well in them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fer_ros.bench.tracking import SCENES, Frame, film, measure, score
from fer_ros.cli import main
from fer_ros.perception.tracker import Tracker, TrackerParams
from fer_ros.types import Box, Face


class Forgetful(Tracker):
    """Gives everybody a new id in every frame."""

    def update(self, faces, stamp):
        self.reset()
        return super().update(faces, stamp)


class Confused(Tracker):
    """Numbers the faces from left to right."""

    def update(self, faces, stamp):
        order = sorted(range(len(faces)), key=lambda i: faces[i].box.cx)
        return [Face(face.box, face.score, id=str(order.index(i))) for i, face in enumerate(faces)]


def face(x: float) -> Face:
    return Face(Box(x, 200, 60, 80), 0.9)


def test_the_counts_are_right():
    boxes = {0: face(100).box, 1: face(300).box}
    frames = [Frame(0.0, boxes, [face(100), face(300)], [0, 1]),
              Frame(0.1, boxes, [face(300)], [1]),  # a miss
              Frame(0.2, boxes, [face(300), face(100), face(900)], [1, 0, None])]  # a false alarm
    found = score(iter(frames), Tracker())
    assert (found.truths, found.misses, found.false_alarms, found.switches, found.people) == (6, 1, 1, 0, 2)
    assert found.mota == pytest.approx(1 - 2 / 6)
    assert score(iter(frames), Forgetful()).switches == 3
    swapped = [Frame(0.0, boxes, [face(100), face(300)], [0, 1]), Frame(0.1, boxes, [face(300), face(100)], [0, 1])]
    found = score(iter(swapped), Confused())
    assert (found.switches, found.swaps) == (2, 2)


@pytest.mark.parametrize("scene", SCENES)
def test_every_scene_shows_people_within_reach(scene):
    people, seconds = SCENES[scene](np.random.default_rng(1))
    frames = list(film(people, seconds, 30, 1))
    assert len(frames) == round(seconds * 30)
    assert sum(len(frame.visible) for frame in frames) > 0.6 * len(people) * len(frames)
    missed = 1 - sum(sum(p is not None for p in frame.people) for frame in frames) / sum(len(f.visible) for f in frames)
    assert 0 < missed < 0.1
    assert [f.stamp for f in frames] == [f.stamp for f in film(people, seconds, 30, 1)]


def test_people_who_pass_hide_each_other():
    people, seconds = SCENES["crossing"](np.random.default_rng(1))
    hidden = [len(frame.visible) == 1 for frame in film(people, seconds, 30, 1)]
    assert 3 < sum(hidden) < 30
    assert not hidden[0]
    assert not hidden[-1]


@pytest.mark.parametrize(("scene", "fps", "most"), [
    ("crossing", 30, 2), ("crossing", 10, 6), ("overtaking", 30, 4), ("overtaking", 10, 4), ("occlusion", 30, 0),
    ("occlusion", 10, 0), ("absence", 30, 1), ("scale", 30, 0), ("scale", 10, 0),
])
def test_ids_stay_with_people(scene, fps, most):
    """Of 80 people, of 120 in `scale`."""
    assert measure(scene, fps, 40, TrackerParams()).switches <= most


def test_sixteen_people_never_swap():
    found = measure("sixteen", 30, 3, TrackerParams())
    assert found.swaps == 0
    assert found.switches <= 8  # who is hidden for more than a second is somebody new
    assert found.mota > 0.95


def test_the_command_prints_and_writes(tmp_path, capsys):
    file = tmp_path / "tracker.json"
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "tracker", "--takes", "1", "--fps", "10", "--json", str(file)])
    assert "crossing" in capsys.readouterr().out
    rows = json.loads(file.read_text())
    assert {row["scene"] for row in rows} == set(SCENES)
    assert all(row["mota"] > 0.8 for row in rows)


@pytest.mark.parametrize("arguments", [["--takes", "0"], ["--fps", "-1"], ["--fps"], ["--takes", "x"]])
def test_a_wrong_number_is_refused(arguments):
    with pytest.raises(SystemExit, match="2"):
        main(["bench", "tracker", *arguments])


def test_a_file_that_cannot_be_written_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(["bench", "tracker", "--takes", "1", "--fps", "10", "--json", str(tmp_path / "none" / "x.json")])
    assert "cannot write" in capsys.readouterr().err
