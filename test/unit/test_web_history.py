# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The lanes and the summary of the page."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from fer_ros.labels import EMOTIONS
from fer_ros.types import Box, Emotion, EmotionEvent
from fer_ros.web.history import STEP, WINDOW, History, usable, usable_event

RATE = 30


def shows(face: str, label: str, sure: float = 0.8) -> Emotion:
    index = EMOTIONS.index(label) if label in EMOTIONS else 0
    probabilities = np.full(7, (1 - sure) / 6, np.float32)
    probabilities[index] = sure
    return Emotion(face, Box(100, 100, 50, 50), 0.9, label, sure, probabilities, probabilities)


def play(target, start: float, seconds: float, *emotions: Emotion) -> list:
    """A while of frames; what the target returns of them."""
    return [target(start + i / RATE, list(emotions)) for i in range(round(seconds * RATE))]


def test_a_sample_is_the_mean_of_a_fifth_of_a_second():
    history = History()
    history.add(10.0, [shows("1", "happy", 0.9)])
    history.add(10.1, [shows("1", "happy", 0.7)])
    assert history.since(0) == []
    assert history.add(10.25, [])
    (sample,) = history.since(0)
    (face, label, values), = sample.faces
    assert (face, EMOTIONS[label]) == ("1", "happy")
    assert values[3] == 800 and sum(values) == pytest.approx(1000, abs=4)
    assert sample.time == pytest.approx(10.0)


def test_a_reader_is_told_only_what_it_has_not_seen():
    history = History()
    play(history.add, 0, 2, shows("1", "happy"))
    first = history.since(0)
    play(history.add, 2, 1, shows("1", "happy"))
    more = history.since(first[-1].number)
    assert [one.number for one in more] == list(range(first[-1].number + 1, history.number + 1))


def test_two_minutes_are_kept_and_no_more():
    history = History()
    play(history.add, 0, 200, shows("1", "happy"))
    samples = history.since(0)
    assert samples[-1].time - samples[0].time <= WINDOW
    assert len(samples) == pytest.approx(WINDOW / STEP, abs=2)


def test_a_recording_that_begins_again_clears_the_lanes():
    history = History()
    play(history.add, 100, 5, shows("1", "happy"))
    history.add(99.9 + 4, [])  # a frame that was overtaken is none that begins again
    assert history.cleared == 0
    history.add(0.0, [])
    assert history.cleared == 1
    assert history.since(0) == []


def test_the_summary_says_who_was_happy_in_the_last_minute():
    history = History()
    play(history.add, 0, 30, shows("old", "angry"))
    play(history.add, 100, 15, shows("1", "happy"), shows("2", "sad"))
    play(history.add, 115, 5, shows("1", "neutral"))
    history.add(121, [])
    one, two = history.summary()
    assert (one["face"], one["seconds"], one["here"], one["changes"]) == ("1", 20.0, True, 1)
    assert one["shares"] == [("happy", 0.75), ("neutral", 0.25)]
    assert (two["face"], two["seconds"], two["here"], two["changes"]) == ("2", 15.0, False, 0)
    assert History().summary() == []


def test_what_cannot_be_shown_is_left_out():
    good = shows("1", "happy")
    bad = [
        Emotion("1", Box(math.nan, 1, 5, 5), 0.9, "happy", 0.8, good.probabilities, good.probabilities),
        Emotion("1", good.box, 0.9, "happy", math.nan, good.probabilities, good.probabilities),
        Emotion("1", good.box, 0.9, "<b>", 0.8, good.probabilities, good.probabilities),
        Emotion("1", good.box, 0.9, "happy", 0.8, good.probabilities[:3], good.probabilities),
        Emotion("1", good.box, 0.9, "happy", 0.8, good.probabilities * np.nan, good.probabilities),
        Emotion("\x1b[2J", good.box, 0.9, "happy", 0.8, good.probabilities, good.probabilities),
        Emotion("x" * 5000, good.box, 0.9, "happy", 0.8, good.probabilities, good.probabilities),
    ]
    assert usable([*bad, good]) == [good]


def test_a_thousand_faces_make_no_endless_sample():
    history = History()
    history.add(0.0, [shows(str(i), "happy") for i in range(1000)])
    history.add(1.0, [])
    assert len(history.since(0)[0].faces) <= 32


def test_an_event_that_cannot_be_shown_is_left_out():
    good = EmotionEvent("changed", "1", 12.5, "happy", "neutral", 0.75, 4.5)
    assert usable_event(good)
    for wrong in ({"label": "<b>"}, {"previous_label": "x"}, {"face_id": "\x1b"}, {"face_id": "x" * 999},
                  {"confidence": math.nan}):
        assert not usable_event(dataclasses.replace(good, **wrong))
