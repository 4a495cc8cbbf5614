# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A small campaign of faults, as `fer-ros bench faults` makes it: nothing is found."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

FILES = ("bag", "video", "picture jpg", "picture png", "parameters", "calibration", "model")
MESSAGES = ("image", "faces", "emotions", "diagnostics", "overlay", "enable", "change_state", "set_parameters", "get_")


def tried(report: Path) -> dict[str, int]:
    return {row["kind"]: row["tried"] for row in json.loads(report.read_text())}


@pytest.mark.parametrize(("part", "words", "kinds"), [
    ("files", FILES, {"bag mcap", "bag sqlite3", "bag ros1", "bag messages", "bag rows", "video mp4", "picture jpg",
                      "picture png", "parameters", "calibration", "model emotion"}),
    ("messages", MESSAGES, {"face_detector_node image", "emotion_node image", "emotion_node faces", "overlay_node emotions",
                            "pipeline_node image", "fer_ros_run emotions", "fer_ros_run diagnostics", "fer_ros_run overlay",
                            "camera_node enable", "emotion_node change_state", "overlay_node set_parameters",
                            "pipeline_node set_parameters_atomically"}),
    pytest.param("messages", ["web_node events"], {"web_node events"}, marks=pytest.mark.skipif(
        importlib.util.find_spec("aiohttp") is None, reason="the live page needs more packages (pip install 'fer_ros[web]')")),
])
def test_nothing_is_found_in_a_small_campaign(fer_ros, tmp_path, part, words, kinds):
    command = fer_ros("bench", "faults", part, f"--{part}", 400, "--seed", 1, "--workers", 1, "--only", *words, "--json",
                      "out.json")
    assert command.wait(600) == 0, command.text
    found = tried(tmp_path / "out.json")
    assert kinds <= set(found)
    assert sum(found.values()) == 400
    assert not (tmp_path / "faults").exists()


def test_a_killed_recorder_leaves_a_recording_that_can_be_read(fer_ros, tmp_path):
    command = fer_ros("bench", "faults", "kills", "--kills", 1, "--only", "recorder", "--seed", 2, "--json", "out.json")
    assert command.wait(900) in (0, 1), command.text
    (row,) = json.loads((tmp_path / "out.json").read_text())
    assert (row["kind"], row["tried"]) == ("kill recorder", 1)
    assert not [one for one in row["findings"] if "recording" in one["reason"]], command.text


@pytest.mark.parametrize(("arguments", "words"), [
    (["nonsense"], "'nonsense' is none of messages, files, kills, disk, peers, storms"),
    (["files", "--files", "-1"], "is not a whole number from 0 on"),
    (["files", "--again", "nowhere"], "nowhere is no input that `bench faults` has kept"),
])
def test_what_cannot_be_tried_is_said(fer_ros, arguments, words):
    command = fer_ros("bench", "faults", *arguments)
    assert command.wait() in (1, 2)
    assert words in command.text
    assert "Traceback" not in command.text
