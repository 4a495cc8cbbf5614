"""`fer-ros run`: what a user types, sees, and is left with."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.core.resources import executable
from fer_ros.core.source import SourceParams, open_source


def frames_of(path: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while True:
        ok, image = capture.read()
        if not ok:
            return frames
        frames.append(image)


def labels_in(text: str) -> list[str]:
    """The labels of face 1 in the order in which they were printed."""
    return re.findall(r"face +1 +(\w+) +\d+%", text)


HOW = pytest.mark.parametrize("how", ["--composed", "--no-composed"])


@HOW
def test_the_demo_is_played_to_its_end_and_no_frame_is_lost(fer_ros, how):
    """360 frames of 640x480 at 30 Hz, and an answer to every one."""
    command = fer_ros("run", "--source", "demo", how)
    assert command.wait() == 0, command.text
    assert "360 frames in" in command.text, command.text
    assert "have no answer" not in command.text
    assert re.search(r"latency p50 [\d.]+ ms, p95 [\d.]+ ms", command.text)
    assert labels_in(command.text)[0] == "happy"
    assert "happy" in command.text.split("360 frames in")[1]


def test_it_runs_in_a_folder_that_holds_a_source_tree(fer_ros, tmp_path):
    (tmp_path / "fer_ros").mkdir()
    (tmp_path / "fer_ros" / "__init__.py").write_text("raise ImportError('the source tree was imported')")
    command = fer_ros("run", "--source", "demo", "--duration", 1)
    assert command.wait() == 0, command.text
    assert labels_in(command.text)


REACH = ("ROS_AUTOMATIC_DISCOVERY_RANGE=", "ROS_LOCALHOST_ONLY=")
# Takes the variables away that keep the tests to themselves, and becomes the command.
AS_A_USER = """
import os, sys
for name in ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS"):
    os.environ.pop(name, None)
os.environ.update(word.split("=") for word in sys.argv[1].split())
os.execv(sys.executable, [sys.executable, "-u", *sys.argv[2:]])
"""


@pytest.mark.parametrize("said", ["", "ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET"])
def test_every_process_of_a_run_keeps_to_this_machine_unless_the_user_says_otherwise(python, descendants, said):
    command = python("-c", AS_A_USER, said, executable("fer-ros"), "run", "--source", "demo", "--no-composed")
    command.wait_for(lambda: labels_in(command.text), "an answer")
    pids, _ = descendants(command)
    reach = set()
    for pid in pids:
        environment = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        reach.add(tuple(word for word in environment if word.startswith(REACH)))
    assert len(pids) >= 4
    assert len(reach) == 1
    expected = [said] if said else ["ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST", "ROS_LOCALHOST_ONLY=1"]
    assert set(reach.pop()) & set(expected)
    command.end()


@HOW
def test_a_recording_shows_the_overlay(fer_ros, tmp_path, how):
    command = fer_ros("run", "--source", "demo", "--record", "out.mp4", "--duration", 2, how)
    assert command.wait() == 0, command.text
    recorded = frames_of(tmp_path / "out.mp4")
    assert len(recorded) >= 50
    source = open_source(SourceParams(source="demo", realtime=False))
    original = source.read()
    changed = (np.abs(recorded[0].astype(int) - original).max(axis=2) > 60).mean()
    assert 0.005 < changed < 0.3  # box, tag and bars, and the rest as it was
    assert list(tmp_path.glob(".*partial*")) == []


def test_an_image_folder_is_played_and_answered(fer_ros, tmp_path):
    folder = tmp_path / "photos of people"
    folder.mkdir()
    source = open_source(SourceParams(source="demo", realtime=False))
    for i in range(5):
        cv2.imwrite(str(folder / f"{i}.png"), source.read())
    (folder / "5.png").write_bytes(b"broken")
    command = fer_ros("run", "--source", folder, "--fps", 20)
    assert command.wait() == 0, command.text
    assert "5 frames in" in command.text
    assert "5.png is not an image" in command.text


@pytest.mark.parametrize(
    ("name", "content", "how", "words"),
    [
        ("missing.mp4", None, "--composed", ("does not exist", "camera_node could not start")),
        ("missing.mp4", None, "--no-composed", ("does not exist", "camera_node ended with status 1")),
        ("text.mp4", b"this is no video\n", "--composed", ("is not a video or image that OpenCV can read",)),
        ("empty.mp4", b"", "--composed", ("is not a video or image that OpenCV can read",)),
    ],
)
def test_a_source_that_can_never_work_ends_it_with_the_reason(fer_ros, tmp_path, name, content, how, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    command = fer_ros("run", "--source", tmp_path / name, how)
    assert command.wait() == 1
    assert all(one in command.text for one in words)
    assert "Traceback" not in command.text


def test_a_camera_that_is_not_there_is_waited_for_until_ctrl_c(fer_ros):
    command = fer_ros("run", "--source", "/dev/video97")
    command.wait_for(lambda: "/dev/video97 is not there" in command.text, "word about the camera")
    time.sleep(2.5)  # two more tries, of which nothing is said
    assert command.text.count("is not there") == 1
    assert command.end() == 0
    assert "Traceback" not in command.text


@pytest.mark.parametrize(("number", "how", "processes"), [
    (signal.SIGINT, "--composed", 1), (signal.SIGTERM, "--composed", 1), (signal.SIGHUP, "--composed", 1),
    (signal.SIGINT, "--no-composed", 4),
])
def test_a_signal_ends_every_process_cleanly(fer_ros, number, how, processes, descendants):
    command = fer_ros("run", "--source", "demo", "--loop", how)
    command.wait_for(lambda: " face " in command.text, "a face")
    pids, alive = descendants(command)
    assert len(pids) == processes
    assert command.end(number) == 0, command.text
    assert not [pid for pid in pids if alive(pid)]
    assert "frames in" in command.text
    assert "Traceback" not in command.text


def test_a_node_that_dies_is_named_and_takes_the_others_along(fer_ros, descendants):
    command = fer_ros("run", "--source", "demo", "--loop", "--no-composed")
    command.wait_for(lambda: " face " in command.text, "a face")
    pids, alive = descendants(command)
    victim = next(pid for pid in pids if b"/emotion_node" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(victim, signal.SIGKILL)
    assert command.wait() == 1
    assert "emotion_node ended with SIGKILL" in command.text
    assert not [pid for pid in pids if alive(pid)]


@HOW
def test_no_node_outlives_a_run_that_was_killed(fer_ros, descendants, how):
    command = fer_ros("run", "--source", "demo", "--loop", how)
    command.wait_for(lambda: " face " in command.text, "a face")
    pids, alive = descendants(command)
    command.process.kill()
    command.process.wait()
    deadline = time.monotonic() + 60
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in pids if alive(pid)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--record", "no/such/folder/out.mp4"], "not a folder"),
        (["--record", "out.txt"], "must end in"),
        (["--params-file", "none.yaml"], "does not exist"),
        (["--width", "320"], "width and height go together"),
        (["--fps", "fast"], "could not convert"),
        (["--fps", "-3"], "from 0 to 1000"),
        (["--duration", "-1"], "positive"),
        (["--namespace", "my robot"], "no ROS namespace"),
    ],
)
def test_a_wrong_command_line_starts_nothing_and_says_why(fer_ros, arguments, words):
    command = fer_ros("run", "--source", "demo", *arguments)
    assert command.wait() == 2
    assert words in command.text
    assert "Traceback" not in command.text


@HOW
def test_a_wrong_parameter_file_names_node_and_parameter(fer_ros, tmp_path, how):
    (tmp_path / "mine.yaml").write_text("/**/face_detector_node:\n  ros__parameters:\n    score_threshold: 3.0\n")
    command = fer_ros("run", "--source", "demo", "--params-file", "mine.yaml", how)
    assert command.wait() == 1
    assert "face_detector_node: score_threshold: " in command.text
    assert " ended with status 1" in command.text
    assert "Traceback" not in command.text


def test_a_broken_parameter_file_is_one_error(fer_ros, tmp_path):
    (tmp_path / "mine.yaml").write_text("a: [1, 2")
    command = fer_ros("run", "--source", "demo", "--params-file", "mine.yaml")
    assert command.wait() == 2
    assert "mine.yaml is not YAML" in command.text
    assert "Traceback" not in command.text


def test_a_second_graph_with_the_same_names_is_refused(fer_ros):
    first = fer_ros("run", "--source", "demo", "--loop")
    first.wait_for(lambda: " face " in first.text, "a face")
    second = fer_ros("run", "--source", "demo")
    assert second.wait() == 1
    assert "runs already in this ROS domain" in second.text
    other = fer_ros("run", "--source", "demo", "--namespace", "other", "--duration", 1)
    assert other.wait() == 0, other.text
    assert first.end() == 0, first.text


def test_the_man_is_neutral_then_happy_then_neutral(fer_ros, recordings, tmp_path):
    command = fer_ros("run", "--source", recordings / "neutral_smile_neutral.mp4", "--record", "man.mp4")
    assert command.wait() == 0, command.text
    assert labels_in(command.text) == ["neutral", "happy", "neutral"]
    assert "72 frames in" in command.text
    assert "1 face," in command.text
    # It plays as long as the clip; where the machine stood still for a moment, with a frame more or less.
    assert len(frames_of(tmp_path / "man.mp4")) == pytest.approx(72, abs=4)


def test_where_nobody_is_nobody_is_seen(fer_ros, recordings):
    command = fer_ros("run", "--source", recordings / "no_face.mp4")
    assert command.wait() == 0, command.text
    assert ", 0 faces," in command.text

