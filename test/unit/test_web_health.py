# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is said where the picture would be."""

from __future__ import annotations

import pytest

from fer_ros.ros.steering import Member
from fer_ros.web.health import Notice, notice, rows

NOW = 100.0


def graph(camera: str = "camera", source: str = "playing", heard: float = NOW, **states: str) -> dict[str, Member]:
    states = {"face_detector_node": "active", "emotion_node": "active", **states}
    members = {f"/fer/{kind}": Member(kind, 0, state, {}, NOW) for kind, state in states.items() if state}
    members["/camera/camera_node"] = Member("camera_node", 0, camera, {"source": source}, heard)
    return members


def said(members: dict[str, Member], picture: float = 30.0, answer: float = 30.0, silence: str = "",
         come: bool = True) -> Notice:
    return notice(members, NOW, come, picture, answer, silence)


def test_nothing_is_said_while_all_is_well():
    assert said(graph(), 0.1, 0.1) == Notice()


@pytest.mark.parametrize(("members", "text", "action"), [
    (graph("inactive"), "The camera is switched off.", "on"),
    (graph("finalized"), "The camera is shut down until its process is started again.", ""),
    (graph("disabled"), "The camera is paused.", "on"),
    (graph("video.mp4 has ended", "ended"), "video.mp4 has ended.", "again"),
    (graph("/dev/video0 is not there", "unavailable"), "No images from the camera: /dev/video0 is not there", ""),
    (graph("failed: no memory", "failed"), "The camera failed: no memory.", "again"),
    (graph(heard=NOW - 20), "/camera/camera_node has not reported for 20 s", ""),
    (graph(), "No picture has come for 30 s, although the camera plays", ""),
    ({}, "No node of the graph reports", ""),
])
def test_the_reason_stands_where_the_picture_would_be(members, text, action):
    found = said(members)
    assert found.text.startswith(text) and found.over and found.action == action


@pytest.mark.parametrize("members", [
    graph(), graph(emotion_node=""), {"/other": Member("overlay_node", 0, "active", {}, NOW)}])
def test_a_first_picture_is_waited_for_before_it_is_missed(members):
    assert said(members, 0.5, come=False) == Notice("Waiting for the first picture.", True)
    assert said(members, 3.0, come=False).text.startswith("No picture has come for 3 s")


@pytest.mark.parametrize(("latency", "text"), [
    ("2256.0 ms", "The answers come 2.3 s after their images: this machine is too busy."), ("999.0 ms", ""), ("12.5 ms", ""),
    ("", ""), ("1.2.3 ms", ""), ("many", ""),
])
def test_answers_that_come_late_are_told_of(latency, text):
    members = graph()
    members["/fer/emotion_node"].values["latency p50"] = latency
    assert said(members, 0.1, 0.1) == Notice(text)


def test_a_quality_of_service_that_does_not_fit_is_told_in_words():
    members = graph()
    del members["/camera/camera_node"]
    text = "nothing comes on /cam/image, which is published by /driver (its QoS does not match: reliability)"
    assert said(members, silence=text).text == f"N{text[1:]}"


@pytest.mark.parametrize(("states", "text", "action"), [
    ({"face_detector_node": "inactive"}, "Nobody looks for faces: face_detector_node is switched off.", "on"),
    ({"face_detector_node": "finalized"},
     "Nobody looks for faces: face_detector_node is shut down until its process is started again.", ""),
    ({"emotion_node": "disabled"}, "Nobody recognises emotions: emotion_node is paused.", "on"),
    ({"emotion_node": ""}, "Nobody recognises emotions: there is no emotion_node.", ""),
    ({}, "There is a picture, but no answer for it", ""),
    ({"face_detector_node": "", "emotion_node": "nothing received on /other/faces"},
     "No faces come: nothing received on /other/faces.", ""),
    ({"face_detector_node": "", "hri_faces_node": "active"}, "There is a picture, but no answer for it", ""),
    ({"face_detector_node": ""}, "Nobody looks for faces: there is no face_detector_node.", ""),
])
def test_a_picture_without_answers_says_why_below_it(states, text, action):
    found = said(graph(**states), picture=0.1)
    assert found.text.startswith(text) and not found.over and found.action == action


def test_a_node_that_is_gone_is_marked():
    found = {one["name"]: one for one in rows(graph(heard=NOW - 60), NOW)}
    assert found["/camera/camera_node"]["lost"] and not found["/fer/emotion_node"]["lost"]
