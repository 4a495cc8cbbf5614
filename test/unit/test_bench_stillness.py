# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The measure of stillness sees a trembling box, and that the filter steadies it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fer_ros.bench.stillness import change, noisy
from fer_ros.cli import main


def brightness(crops: np.ndarray) -> np.ndarray:
    """A classifier that cares for nothing but how light a crop is."""
    light = crops.mean(axis=(1, 2, 3)) / 255
    return np.stack([light, 1 - light], axis=1)


def timed(images: list[np.ndarray]) -> list[tuple[float, np.ndarray]]:
    """At 30 Hz."""
    return [(number / 30, image) for number, image in enumerate(images)]


def test_frames_that_are_the_same_change_nothing_and_others_by_half_the_sum(demo_frames):
    # Next to nothing: in the second frame the face is looked at from near.
    assert change(timed([demo_frames[0]] * 5), 0.0, brightness, 48) < 0.002
    darker = (demo_frames[0] * 0.9).astype(np.uint8)
    found = change(timed([demo_frames[0], darker]), 0.0, brightness, 48)
    assert 0.02 < found < 0.1


def test_noise_shakes_the_box_and_the_filter_holds_it(demo_frames):
    def edge(crops: np.ndarray) -> np.ndarray:
        """Where in a crop its light lies: the noise averages out, and what is left moves with the box."""
        profile = crops[0].mean(axis=(0, 2))
        centre = float((profile * np.arange(len(profile))).sum() / profile.sum() / len(profile))
        return np.array([[centre, 1 - centre]])

    images = list(noisy(demo_frames[0], 20, 30))
    assert change(images, 0.5, edge, 48) < 0.8 * change(images, 0.0, edge, 48)


def test_without_a_face_it_says_so(demo_frames):
    with pytest.raises(ValueError, match="no face is seen in two frames"):
        change(timed([np.zeros_like(demo_frames[0])] * 3), 0.0, brightness, 48)


def test_the_command_measures(write_video, demo_frames, tmp_path, capsys):
    video = write_video(tmp_path / "a.avi", [demo_frames[i] for i in (0, 10, 20, 30)])
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "stillness", str(video), "--frame", "2", "--noise", "5", "--cutoffs", "0", "1", "--json",
              str(tmp_path / "out.json")])
    assert "number 2, noise 5" in capsys.readouterr().out
    rows = json.loads((tmp_path / "out.json").read_text())
    assert [(row["noise"], row["box_cutoff"]) for row in rows] == [(0, 0), (0, 1), (5, 0), (5, 1)]


@pytest.mark.parametrize(("arguments", "text"), [
    (["none.mp4"], "does not exist"), (["demo", "--frame", "999"], "no frame number 999")])
def test_what_is_wrong_is_said(arguments, text, capsys):
    with pytest.raises(SystemExit, match="1"):
        main(["bench", "stillness", *arguments])
    assert text in capsys.readouterr().err
