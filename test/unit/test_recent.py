# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Who was there in the last minute, and what they showed."""

from __future__ import annotations

import doctest
import json

import pytest

import fer_ros.perception.recent
from fer_ros.perception.recent import RecentEvents, summarize
from fer_ros.types import APPEARED, CHANGED, LEFT, EmotionEvent


def appeared(stamp: float, label: str, face_id: str = "1") -> EmotionEvent:
    return EmotionEvent(APPEARED, face_id, stamp, label, "", 0.9, 0.0)


def changed(stamp: float, label: str, before: str, lasted: float, face_id: str = "1") -> EmotionEvent:
    return EmotionEvent(CHANGED, face_id, stamp, label, before, 0.9, lasted)


def left(stamp: float, before: str, lasted: float, face_id: str = "1") -> EmotionEvent:
    return EmotionEvent(LEFT, face_id, stamp, "", before, 0.0, lasted)


VISIT = [appeared(100, "neutral"), changed(110, "happy", "neutral", 10), appeared(112, "sad", "2"),
         changed(125, "neutral", "happy", 15), left(130, "neutral", 5)]


def test_each_face_has_its_seconds_shares_and_changes():
    first, second = summarize(VISIT, now=132)
    assert (first.face_id, first.begin, first.end, first.is_there, first.label) == ("1", 100, 130, False, "neutral")
    assert first.shown == {"neutral": 15, "happy": 15}
    assert first.shares == {"neutral": 0.5, "happy": 0.5}
    assert (first.seconds, first.changes) == (30, 2)
    assert (second.face_id, second.is_there, second.label, second.shown) == ("2", True, "sad", {"sad": 20})


def test_what_was_before_the_window_does_not_count():
    (first, second) = summarize(VISIT, now=180)  # from 120 on
    assert (first.begin, first.shown, first.changes) == (120, {"happy": 5, "neutral": 5}, 1)
    assert second.shown == {"sad": 60}
    assert [one.face_id for one in summarize(VISIT, now=200)] == ["2"]
    assert summarize(VISIT, now=132, window=3)[0].shown == {"neutral": 1}


def test_who_was_happy_in_the_last_minute():
    recent = RecentEvents()
    for event in VISIT:
        recent.add(event)
    assert recent.who_showed("happy", now=132) == {"1": 15}
    assert recent.who_showed("happy", now=180) == {"1": 5}
    assert recent.who_showed("happy", now=200) == {}
    assert recent.who_showed("sad", now=200) == {"2": 60}
    assert recent.who_showed("angry", now=200) == {}


def test_events_may_be_asked_about_while_they_come():
    recent = RecentEvents()
    assert recent.presences(0) == []
    recent.add(appeared(100, "neutral"))
    assert [(one.seconds, one.is_there) for one in recent.presences(100)] == [(0, True)]
    assert recent.presences(100)[0].shares == {}
    assert recent.presences(100.5)[0].shares == {"neutral": 1.0}
    assert recent.presences(104)[0].shown == {"neutral": 4}
    recent.add(changed(103, "happy", "neutral", 3))  # it is known a second later
    assert recent.presences(104)[0].shown == {"neutral": 3, "happy": 1}


def test_who_listens_late_learns_of_the_label_before():
    recent = RecentEvents()
    recent.add(changed(110, "happy", "neutral", 10))
    recent.add(left(112, "sad", 30, "2"))
    second, first = recent.presences(115)  # who came first
    assert first.shown == {"neutral": 10, "happy": 5}
    assert (second.shown, second.begin, second.is_there) == ({"sad": 30}, 82, False)


def test_who_comes_back_is_one_face_that_was_away():
    (one,) = summarize([appeared(100, "happy"), left(110, "happy", 10), appeared(120, "sad")], now=125)
    assert (one.begin, one.end, one.seconds, one.is_there, one.changes) == (100, 125, 15, True, 0)


def test_a_recording_that_starts_again_forgets_what_was():
    recent = RecentEvents()
    for event in (appeared(0, "happy"), changed(4, "sad", "happy", 4)):
        recent.add(event)
    assert recent.presences(9.9)[0].seconds == pytest.approx(9.9)
    recent.add(left(9.9, "sad", 5.9))
    recent.add(appeared(0.1, "angry", "2"))  # and has begun before anybody has asked again
    (one,) = recent.presences(0.8)
    assert (one.face_id, one.is_there, one.shown) == ("2", True, {"angry": pytest.approx(0.7)})


def test_an_answer_that_was_overtaken_is_no_recording_that_starts_again():
    recent = RecentEvents()
    recent.add(appeared(10, "happy"))
    assert recent.presences(13)
    recent.add(changed(12.9, "sad", "happy", 2.9))
    recent.add(appeared(12.95, "fear", "2"))
    recent.add(appeared(12, "angry", "3"))
    assert [(one.face_id, one.label) for one in recent.presences(12.5)] == [("1", "happy"), ("3", "angry")]
    assert [(one.face_id, one.label) for one in recent.presences(13)] == [("1", "sad"), ("3", "angry"), ("2", "fear")]


def test_nothing_grows_for_ever():
    recent = RecentEvents()
    for number in range(30_000):
        recent.add(appeared(1.0, "happy", str(number)))
        recent.add(left(2.0, "happy", 1.0, str(number)))
    assert len(recent._spans) <= 10_000
    recent.presences(1000)
    assert not recent._spans
    recent.add(appeared(1001, "happy"))
    recent.clear()
    assert recent.presences(1002) == []
    recent.add(left(1003, "", 2))  # nothing is known of whom it was
    assert recent.presences(1004) == []


def test_it_can_be_json():
    (first, _) = json.loads(json.dumps([one.to_dict() for one in summarize(VISIT, now=132)]))
    assert first["shares"] == {"neutral": 0.5, "happy": 0.5}
    assert first["seconds"] == 30


def test_the_examples_run():
    failed, tried = doctest.testmod(fer_ros.perception.recent)
    assert (failed, tried > 0) == (0, True)
