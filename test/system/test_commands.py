# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros doctor` and `fer-ros models`, and what is told of models' terms."""

import shutil

import pytest

from fer_ros.resources import share_directory


def test_doctor_finds_everything_in_place_here(fer_ros):
    command = fer_ros("doctor")
    status = command.wait()
    for what in ("rclpy", "fer_ros.msg.EmotionArray", "vision_msgs.msg.Detection2DArray", "emotion.onnx",
                 "face_detection_yunet_2023mar.onnx", "fastdds2_localhost.xml", "fastdds3_localhost.xml", "onnxruntime"):
        assert what in command.text
    # A camera that this user may not open is the one thing that a test machine may lack.
    lacking = [line for line in command.text.splitlines() if line.startswith("missing") and "/dev/video" not in line]
    assert not lacking
    assert status == 0 or "/dev/video" in command.text


def test_models_lists_and_verifies(fer_ros):
    for action in ("list", "verify"):
        command = fer_ros("models", action)
        assert command.wait() == 0, command.text
        assert "yunet" in command.text
        assert "Apache-2.0" in command.text
        assert "mismatch" not in command.text


def test_terms_are_told_once_there_is_something_to_annotate(fer_ros, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for source, out, status, told in (("nope.mp4", "out.mcap", 1, False), ("no*.mp4", "folder", 1, False),
                                      ("demo", "out.mcap", 0, True), ("demo", "out.mcap", 0, False)):
        command = fer_ros("annotate", source, "-o", out, "--force")
        assert command.wait() == status, command.text
        assert ("this is said once" in command.text) == told


@pytest.mark.parametrize("damage", ["missing", "mismatch"])
def test_a_model_that_is_not_right_is_found(monkeypatch, capsys, tmp_path, damage):
    from fer_ros.commands import doctor, models

    shutil.copytree(share_directory(), tmp_path / "fer_ros")
    model = tmp_path / "fer_ros" / "models" / "emotion.onnx"
    model.unlink() if damage == "missing" else model.write_bytes(model.read_bytes()[:-1])
    for module in (doctor, models):
        monkeypatch.setattr(module, "share_directory", lambda: tmp_path / "fer_ros")
    assert [state for state, what, _ in doctor._models() if what == "model emotion.onnx"] == [doctor.BAD]

    class Options:
        action = "verify"

    assert models.main(Options()) == 1
    assert f"emotion is {damage}" in capsys.readouterr().err


def test_help_names_the_commands_and_a_wrong_one_ends_with_2(fer_ros):
    command = fer_ros("--help")
    assert command.wait() == 0
    assert all(name in command.text for name in ("run", "doctor", "models"))
    assert fer_ros("dance").wait() == 2


@pytest.mark.parametrize(("said", "words"), [
    ({}, "keeps its topics to this machine"),
    ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, "reaches other machines"),
    ({"FASTRTPS_DEFAULT_PROFILES_FILE": "/etc/hostname"}, "your own DDS profile decides: fer_ros promises nothing"),
    ({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}, "your RMW decides: fer_ros promises nothing"),
    ({"folder": "DEFAULT_FASTRTPS_PROFILES.xml"}, "DEFAULT_FASTRTPS_PROFILES.xml decides: fer_ros promises nothing"),
])
def test_doctor_tells_how_far_a_run_reaches(monkeypatch, tmp_path, said, words):
    from fer_ros import dds
    from fer_ros.commands import doctor

    for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER",
                 "RMW_IMPLEMENTATION", *dds.PROFILE_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    for name, value in said.items():
        (tmp_path / value).touch() if name == "folder" else monkeypatch.setenv(name, value)
    assert any(words in f"{what} {more}" for _, what, more in doctor._dds())


def test_doctor_tells_of_full_shared_memory_and_of_what_the_dead_have_left(monkeypatch):
    from fer_ros import dds
    from fer_ros.commands import doctor

    monkeypatch.setattr(dds, "shared_memory_problems", lambda images: ["it is full"])
    monkeypatch.setattr(dds, "dead_memory", lambda: 35 * 2**20)
    assert list(doctor._shared_memory()) == [
        (doctor.NOTE, "shared memory", "it is full"),
        (doctor.NOTE, "35 MiB of it are of processes that are gone", "the next start gives them back"),
    ]
