# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The closing account of a run is right."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fer_ros.run_summary import Summary
from fer_ros.types import Box, Emotion


def shows(label: str, face_id: str = "1") -> Emotion:
    row = np.full(7, 1 / 7, np.float32)
    return Emotion(face_id, Box(50, 50, 20, 20), 0.9, label, 0.9, row, row)


def test_an_empty_run():
    summary = Summary()
    assert (summary.frames, summary.duration, summary.fps) == (0, 0.0, 0.0)
    assert math.isnan(summary.latency(50))


def test_frames_faces_duration_and_rate():
    summary = Summary()
    for i in range(31):
        summary.add([shows("happy")] + ([shows("sad", "2")] if i > 15 else []), 100 + i / 10, 0.02)
    assert summary.frames == 31
    assert summary.faces == {"1", "2"}
    assert summary.duration == pytest.approx(3.0)
    assert summary.fps == pytest.approx(10.0)


def test_how_long_each_emotion_was_shown():
    summary = Summary()
    for i in range(41):
        summary.add([shows("neutral" if i <= 10 else "happy")] if i <= 30 else [], i / 10, 0.02)
    assert summary.shown["neutral"] == pytest.approx(1.0)
    assert summary.shown["happy"] == pytest.approx(2.0)
    assert summary.shown["sad"] == 0


def test_faces_add_up():
    summary = Summary()
    for i in range(11):
        summary.add([shows("happy", "1"), shows("happy", "2")], i / 10, 0.02)
    assert summary.shown["happy"] == pytest.approx(2.0)


def test_a_gap_and_a_step_back_count_for_little():
    summary = Summary()
    summary.add([shows("happy")], 100.0, 0.02)
    summary.add([shows("happy")], 500.0, 0.02)
    summary.add([shows("happy")], 10.0, 0.02)
    assert summary.shown["happy"] == pytest.approx(1.0)


def test_a_new_label_is_told_once_for_each_face():
    summary = Summary()
    told = [
        [(e.face_id, e.label) for e in summary.add(emotions, i / 10, 0.02)]
        for i, emotions in enumerate([
            [shows("neutral")], [shows("neutral")], [shows("happy"), shows("happy", "2")], [shows("happy", "2")],
            [shows("happy")], [shows("neutral")],
        ])
    ]
    assert told == [[("1", "neutral")], [], [("1", "happy"), ("2", "happy")], [], [], [("1", "neutral")]]
    assert list(summary.changes) == [(0.0, "1", "neutral"), (0.2, "1", "happy"), (0.2, "2", "happy"), (0.5, "1", "neutral")]


def test_latency_percentiles():
    summary = Summary()
    for i in range(101):
        summary.add([], i / 10, i / 1000)
    assert summary.latency(50) == pytest.approx(0.050)
    assert summary.latency(95) == pytest.approx(0.095)


def test_a_stamp_that_is_none_of_the_runs_makes_it_no_longer():
    """Of somebody else who publishes, or of another recording: 41 billion seconds were not watched."""
    summary = Summary()
    for i in range(31):
        summary.add([shows("happy")], 1.7e9 + i / 10, 0.02)
        if i == 15:
            summary.add([shows("happy")], 0.0, 0.02)
    assert summary.duration == pytest.approx(2.9)
    summary.add([shows("happy")], 4.2e9, 0.02)
    assert summary.duration == pytest.approx(2.9)
    assert summary.shown["happy"] < 3.1


def test_a_live_run_is_no_longer_than_it_took():
    """Whatever stamps somebody else publishes among its own."""
    summary = Summary()
    for i in range(31):
        summary.add([shows("happy")], 1.7e9 + i / 10, 0.5)
        for wrong in (-50, 50):
            summary.add([shows("happy")], 1.7e9 + i / 10 + wrong, 0.5 - wrong)
    assert 3.0 <= summary.duration < 4.0


def test_a_camera_whose_clock_is_ahead_lasts_as_long_as_its_stamps_say():
    summary = Summary()
    for i in range(31):
        summary.add([shows("happy")], 1.7e9 + i / 10, -20.0)
    assert summary.duration == pytest.approx(3.0)


def test_of_faces_without_ids_only_the_emotions_are_counted():
    summary = Summary()
    for i in range(11):
        assert summary.add([shows("happy", ""), shows("sad", "")], i / 10, 0.02) == []
    assert (summary.faces, list(summary.changes)) == (set(), [])
    assert summary.shown["happy"] == summary.shown["sad"] == pytest.approx(1.0)
