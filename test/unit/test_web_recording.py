# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The folder of recordings that a page starts."""

from __future__ import annotations

import re

import numpy as np

from fer_ros.web.recording import Recordings


def test_only_recordings_are_handed_out_and_nothing_that_a_link_leads_to(tmp_path):
    folder, secret = tmp_path / "videos", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("of the robot's")
    (folder / "fer_20260101_000000.mp4").write_bytes(b"video")
    (folder / "fer_20260101_000001.mp4").symlink_to(secret)
    (folder / "fer_20260101_000002.mp4").mkdir()
    (folder / "notes.txt").write_text("of somebody's")
    recordings = Recordings(str(folder))
    assert list(recordings.files()) == ["fer_20260101_000000.mp4"]
    assert recordings.state()["files"] == [{"name": "fer_20260101_000000.mp4", "bytes": 5}]


def test_a_folder_that_is_not_there_has_none(tmp_path):
    assert Recordings(str(tmp_path / "nothing")).files() == {}


def test_a_camera_of_several_is_named_in_its_files_and_the_newest_come_first(tmp_path):
    for name in ("fer_left_20260101_000000", "fer_20260101_000001", "fer_robot_top_20260101_000002", "fer_é_20260101_000003"):
        (tmp_path / f"{name}.mp4").write_bytes(b"video")
    recordings = Recordings(str(tmp_path), "robot/left")
    assert list(recordings.files()) == ["fer_robot_top_20260101_000002.mp4", "fer_20260101_000001.mp4",
                                        "fer_left_20260101_000000.mp4"]
    recordings.begin()
    recordings.write(np.zeros((48, 64, 3), np.uint8), 1.0, 60.0)
    recordings.end()
    assert re.fullmatch(r"fer_robot_left_\d{8}_\d{6}\.mp4", next(iter(recordings.files())))
