# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Events: what changed, told once, and the same for the same answers however they come."""

from __future__ import annotations

import doctest
import itertools
import math

import numpy as np
import pytest

import fer_ros.perception.events
from fer_ros import Box, Emotion, Pipeline, open_source
from fer_ros.perception.events import EventDetector
from fer_ros.types import EmotionEvent

STEP = 1 / 30


def shows(label: str, face_id: str = "1", confidence: float = 0.8) -> Emotion:
    even = np.full(7, 1 / 7, np.float32)
    return Emotion(face_id, Box(50, 50, 20, 20), 0.9, label, confidence, even, even)


def play(detector: EventDetector, begin: float, seconds: float, *labels: str, step: float = STEP,
         **faces: str) -> list[EmotionEvent]:
    """Frames of some seconds, in each of which face 1 shows a label; of several labels the next one each time.

    Args:
        faces: others, by their id behind an underscore, and what each shows.
    """
    found, turn = [], itertools.cycle(labels)
    for number in range(round(seconds / step)):
        answers = [shows(next(turn))] if labels else []
        answers += [shows(label, name.removeprefix("_")) for name, label in faces.items()]
        found += detector(answers, begin + number * step, number)
    return found


def told(events: list[EmotionEvent]) -> list[tuple]:
    return [(event.kind, event.face_id, round(event.stamp, 2), event.label, event.previous_label, round(event.lasted, 2))
            for event in events]


def test_somebody_comes_smiles_and_leaves():
    detector = EventDetector()
    events = play(detector, 10, 2, "neutral") + play(detector, 12, 3, "happy") + play(detector, 15, 2)
    assert told(events) == [
        ("appeared", "1", 10.0, "neutral", "", 0.0),
        ("changed", "1", 12.0, "happy", "neutral", 2.0),
        ("left", "1", 14.97, "", "happy", 2.97),
    ]
    assert detector.end() == []


def test_an_event_comes_when_it_has_lasted_and_not_before():
    detector = EventDetector(event_hold=0.4, appear_hold=0.2, leave_hold=0.6)
    assert play(detector, 10, 0.2, "neutral") == []
    assert [event.kind for event in play(detector, 10.2, STEP, "neutral")] == ["appeared"]
    assert play(detector, 11, 0.4, "happy") == []
    assert [event.kind for event in play(detector, 11.4, STEP, "happy")] == ["changed"]
    assert play(detector, 11.4 + STEP, 0.6) == []
    assert [event.kind for event in play(detector, 12.05, STEP)] == ["left"]


@pytest.mark.parametrize("step", [1 / 60, 1 / 30, 1 / 10, 1 / 5])
def test_the_frame_rate_plays_no_part(step):
    detector = EventDetector()
    events = [*play(detector, 10, 4, "sad", step=step), *play(detector, 14, 4, "happy", step=step), *detector.end()]
    assert [(event.kind, event.stamp, event.label) for event in events[:2]] == [
        ("appeared", 10, "sad"), ("changed", 14, "happy")]
    assert events[1].lasted == 4
    assert len(events) == 3


def test_the_frame_in_which_it_happened_comes_back():
    detector = EventDetector()
    for number in range(90):
        label = "neutral" if number < 30 else "happy"
        for event in detector([shows(label)], number * STEP, f"frame {number}"):
            assert event.frame == {"appeared": "frame 0", "changed": "frame 30"}[event.kind]
    assert [event.frame for event in detector.end()] == ["frame 89"]


def test_an_events_confidence_is_that_of_its_label_while_it_had_to_last():
    detector = EventDetector(event_hold=0.1, appear_hold=0)
    detector([shows("neutral", confidence=0.9)], 0)
    found = [event for number, sure in enumerate((0.4, 0.6, 0.8, 0.1)) for event in detector([shows("sad", confidence=sure)],
                                                                                            1 + number * 0.05)]
    assert [event.confidence for event in found] == [pytest.approx(0.6)]


# Flicker


@pytest.mark.parametrize("labels", [
    ("neutral", "happy"), ("neutral", "happy", "sad"), ("neutral", "neutral", "happy"),
    ("neutral", "neutral", "happy", "happy"),
])
def test_labels_that_take_turns_are_no_events(labels):
    detector = EventDetector()
    play(detector, 0, 1, "neutral")
    assert play(detector, 1, 20, *labels) == []


def test_one_frame_in_between_does_not_begin_anew():
    detector = EventDetector()
    play(detector, 0, 1, "neutral")
    events = play(detector, 1, 3, *["happy"] * 9, "neutral")
    assert told(events) == [("changed", "1", 1.0, "happy", "neutral", 1.0)]


def test_a_short_smile_is_no_event_and_neither_are_two():
    detector = EventDetector()
    play(detector, 0, 1, "neutral")
    assert play(detector, 1, 0.4, "happy") + play(detector, 1.4, 0.3, "neutral") + play(detector, 1.7, 0.4, "happy") == []
    assert play(detector, 2.1, 3, "neutral") == []


@pytest.mark.parametrize("step", [0.5, 1.0, 5.0])
def test_a_single_slow_frame_is_no_event(step):
    detector = EventDetector()
    play(detector, 0, 3 * step, "neutral", step=step)
    assert play(detector, 3 * step, step, "happy", step=step) == []
    assert play(detector, 4 * step, 4 * step, "neutral", step=step) == []


def test_who_is_seen_for_a_moment_never_appeared():
    detector = EventDetector()
    for second in range(20):
        assert play(detector, second, 0.1, "happy") + play(detector, second + 0.1, 0.9) == []
    assert detector.end() == []


def test_whose_first_frames_were_wrong_appears_with_what_followed():
    detector = EventDetector()
    events = play(detector, 0, 0.1, "fear") + play(detector, 0.1, 3, "happy")
    assert told(events) == [("appeared", "1", 0.0, "happy", "", 0.0)]
    detector = EventDetector()
    events = play(detector, 0, 0.5, "happy") + play(detector, 0.5, STEP, "fear")
    assert told(events) == [("appeared", "1", 0.0, "happy", "", 0.0)]


def test_uncertain_has_to_last_longer():
    detector = EventDetector()
    events = play(detector, 0, 1, "happy") + play(detector, 1, 1.5, "uncertain") + play(detector, 2.5, 1, "happy")
    assert told(events) == [("appeared", "1", 0.0, "happy", "", 0.0)]
    assert told(play(detector, 3.5, 1.5, "uncertain") + play(detector, 5, 1, "sad")) == [
        ("changed", "1", 5.0, "sad", "happy", 5.0)]
    assert told(play(detector, 6, 3, "uncertain")) == [("changed", "1", 6.0, "uncertain", "sad", 1.0)]


def test_a_change_begins_after_the_one_before():
    """Of labels that were on their way when another one was told of, none counts from before that."""
    detector = EventDetector(event_hold=0.1, event_uncertain_hold=5)
    events = play(detector, 0, 1, "happy") + play(detector, 1, 4, "uncertain") + play(detector, 5, 0.2, "sad")
    events += play(detector, 5.2, 10, "uncertain") + play(detector, 15.2, 1, "happy") + detector.end()
    assert [event.label for event in events] == ["happy", "sad", "uncertain", "happy", ""]
    assert all(event.lasted >= 0 for event in events)
    assert [round(later.stamp - earlier.stamp, 6) for earlier, later in itertools.pairwise(events)] == [
        round(event.lasted, 6) for event in events[1:]]


# Who is there


def test_who_is_missed_for_less_than_the_hold_stays():
    detector = EventDetector()
    events = play(detector, 0, 1, "happy") + play(detector, 1, 0.9) + play(detector, 1.9, 1, "happy")
    assert [event.kind for event in events] == ["appeared"]


def test_who_comes_back_appears_again_with_the_same_id_or_another():
    detector = EventDetector()
    events = play(detector, 0, 1, "happy") + play(detector, 1, 2) + play(detector, 3, 1, "happy") + play(detector, 4, 2)
    events += play(detector, 6, 1, _2="sad") + detector.end()
    assert [(event.kind, event.face_id) for event in events] == [
        ("appeared", "1"), ("left", "1"), ("appeared", "1"), ("left", "1"), ("appeared", "2"), ("left", "2")]
    assert events[2].stamp == 3
    # In a single frame the hold may run out between it and the next one.
    detector = EventDetector(leave_hold=0.5)
    events = play(detector, 0, 1, "happy") + detector([], 1.0) + play(detector, 2, 1, "happy")
    assert [event.kind for event in events] == ["appeared", "left", "appeared"]


def test_who_is_found_in_every_other_frame_is_there():
    detector = EventDetector()
    events = [event for number in range(90) for event in detector([shows("happy")] if number % 2 else [], number * STEP)]
    assert [event.kind for event in events] == ["appeared"]


def test_people_do_not_get_in_each_others_way():
    detector = EventDetector()
    events = play(detector, 0, 2, "neutral", _2="sad") + play(detector, 2, 2, "happy", _2="sad")
    events += play(detector, 4, 2, _2="happy")
    assert [(event.kind, event.face_id, event.label) for event in events] == [
        ("appeared", "1", "neutral"), ("appeared", "2", "sad"), ("changed", "1", "happy"), ("changed", "2", "happy"),
        ("left", "1", "")]


def test_a_face_without_an_id_is_nobody():
    detector = EventDetector()
    assert [event for number in range(90) for event in detector([shows("happy", "")], number * STEP)] == []


def test_two_faces_of_one_id_are_there_and_show_nothing_new():
    detector = EventDetector()
    play(detector, 0, 1, "happy")
    twice = [shows("sad"), shows("angry")]
    assert [event for number in range(90) for event in detector(twice, 1 + number * STEP)] == []
    assert [event.kind for event in detector.end()] == ["left"]


def test_where_no_images_come_nobody_leaves_until_a_minute_has_passed():
    detector = EventDetector()
    play(detector, 0, 1, "happy")
    assert play(detector, 30, 1, "happy") == []
    assert [event.kind for event in play(detector, 100, 1, "happy")] == ["left", "appeared"]


# Time


def test_a_step_back_is_a_recording_that_starts_again():
    detector = EventDetector()
    events = [event for _ in range(3) for event in play(detector, 100, 2, "happy", _2="sad")]
    assert [(event.kind, event.face_id) for event in events] == [
        ("appeared", "1"), ("appeared", "2"), *[("left", "1"), ("left", "2"), ("appeared", "1"), ("appeared", "2")] * 2]
    assert {event.stamp for event in events if event.kind == "appeared"} == {100}
    assert len({event.stamp for event in events if event.kind == "left"}) == 1


def test_where_time_stands_still_nothing_happens():
    detector = EventDetector()
    assert [event for _ in range(50) for event in detector([shows("happy")], 5.0)] == []
    play(detector, 5, 1, "happy")
    assert [event for _ in range(50) for event in detector([shows("sad")], 6.0)] == []
    assert [event for _ in range(50) for event in detector([], 6.0)] == []
    assert EventDetector(appear_hold=0)([shows("happy")], 5.0)[0].kind == "appeared"


@pytest.mark.parametrize("stamp", [math.nan, math.inf, -math.inf])
def test_a_stamp_that_is_none_is_refused(stamp):
    with pytest.raises(ValueError, match="finite"):
        EventDetector()([], stamp)


def test_everybody_leaves_once():
    detector = EventDetector()
    play(detector, 0, 1, "happy", _2="sad")
    play(detector, 1, 0.1, _3="sad")  # who has not been told of cannot leave
    assert told(detector.end()) == [("left", "1", 0.97, "", "happy", 0.97), ("left", "2", 0.97, "", "sad", 0.97)]
    assert detector.end() == []
    assert [event.kind for event in play(detector, 0, 1, "happy")] == ["appeared"]


def test_whoever_comes_by_is_forgotten():
    detector = EventDetector()
    for number in range(3000):
        detector([shows("happy", f"{number}-{face}") for face in range(20)], number * STEP)
    assert len(detector._faces) < 20 * 30 * 0.3


# Parameters


def test_parameters_are_given_by_name_and_checked():
    assert EventDetector(event_hold=2).params.event_hold == 2
    with pytest.raises(ValueError, match="event_hold must be from 0 to 60 s"):
        EventDetector(event_hold=-1)
    with pytest.raises(TypeError, match="did you mean event_hold"):
        EventDetector(event_holt=1)


def test_a_change_of_parameters_counts_from_the_next_frame_on():
    import dataclasses

    detector = EventDetector(event_hold=30)
    play(detector, 0, 1, "happy")
    assert play(detector, 1, 2, "sad") == []
    detector.params = dataclasses.replace(detector.params, event_hold=1.0)
    assert told(play(detector, 3, STEP, "sad")) == [("changed", "1", 1.0, "sad", "happy", 1.0)]


# With the pipeline


def test_a_pipelines_events_are_those_of_its_answers():
    pipeline, detector, found, expected = Pipeline(event_hold=0.2), EventDetector(event_hold=0.2), [], []
    for frame in open_source("demo"):
        emotions = pipeline(frame.image, frame.stamp)
        found += pipeline.events
        expected += detector(emotions, frame.stamp)
        if frame.number == 240:
            break
    assert pipeline(frame.image)  # a picture of its own
    assert pipeline.events == []
    pipeline.reset()
    assert [event.kind for event in pipeline.events] == ["left"] * len(pipeline.events) != []
    found += pipeline.events
    assert found == expected + detector.end()
    assert found[0].kind == "appeared"
    assert found[0].label == "happy"


@pytest.mark.parametrize(("name", "most"), [("sad_surprise_happy.mp4", 0.4), ("talking.mp4", 0.6)])
def test_a_recordings_events_are_few_and_agree_with_its_labels(recordings, name, most):
    """Whatever the network says: what is told of was shown, and for as long as is said.

    Args:
        most: changes a second.
    """
    pipeline, events, labels, last = Pipeline(), [], {}, 0.0
    for frame in open_source(recordings / name):
        for emotion in pipeline(frame.image, frame.stamp):
            labels.setdefault(emotion.face_id, {})[round(frame.stamp, 6)] = emotion.label
        events += pipeline.events
        last = frame.stamp
        if last > 20:
            break
    pipeline.reset()
    events += pipeline.events
    assert 2 <= len([event for event in events if event.kind == "changed" and event.face_id == "1"]) <= most * last
    for face_id in {event.face_id for event in events}:
        mine, shown = [event for event in events if event.face_id == face_id], labels[face_id]
        assert [event.kind for event in mine] == ["appeared", *["changed"] * (len(mine) - 2), "left"]
        assert (mine[0].stamp, mine[-1].stamp) == pytest.approx((min(shown), max(shown)), abs=1e-5)
        for earlier, later in itertools.pairwise(mine):
            assert later.previous_label == earlier.label != later.label
            assert later.lasted == pytest.approx(later.stamp - earlier.stamp, abs=1e-6)
            span = [label for stamp, label in shown.items() if earlier.stamp - 1e-5 <= stamp < later.stamp - 1e-5]
            assert span.count(earlier.label) >= 0.6 * len(span)
    long = [face_id for face_id, shown in labels.items() if max(shown) - min(shown) > 0.6]
    assert {event.face_id for event in events} == set(long)


def test_the_examples_run():
    assert doctest.testmod(fer_ros.perception.events)[0] == 0
