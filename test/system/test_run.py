# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros run`: what a user types, sees, and is left with."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.resources import executable


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
    assert "XMLPARSER" not in command.text  # a DDS profile of another Fast DDS
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
    # No faster than a busy machine draws them, too.
    command = fer_ros("run", "--source", "demo", "--fps", 10, "--record", "out.mp4", "--duration", 2, how)
    assert command.wait() == 0, command.text
    recorded = frames_of(tmp_path / "out.mp4")
    assert len(recorded) >= 15
    source = open_source(SourceParams(source="demo", realtime=False))
    original = source.read()
    changed = (np.abs(recorded[0].astype(int) - original).max(axis=2) > 60).mean()
    assert 0.005 < changed < 0.3  # box, tag and bars, and the rest as it was
    assert list(tmp_path.glob(".*")) == []


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
        ("empty.mp4", b"", "--composed", ("is empty: nothing was written to it",)),
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


def test_a_camera_that_is_not_there_does_not_make_a_run_of_limited_duration_endless(fer_ros):
    begun = time.monotonic()
    command = fer_ros("run", "--source", "/dev/video97", "--duration", 2)
    assert command.wait() == 1
    assert time.monotonic() - begun > 2
    assert "no frame was answered within 2 s" in command.text
    assert "/dev/video97 is not there" in command.text
    assert "Traceback" not in command.text


PEER = """
import array, time, rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from fer_ros.msg import Emotion, EmotionArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import Image

rclpy.init()
node = rclpy.create_node("odd")
reports = []
node.create_subscription(DiagnosticArray, "/diagnostics", reports.append, 10)
pictures = node.create_publisher(Image, "/fer/overlay", 10)
answers = node.create_publisher(EmotionArray, "/fer/emotions", 10)
health = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
while not (answers.get_subscription_count() and pictures.get_subscription_count() and reports):
    rclpy.spin_once(node, timeout_sec=0.1)
process = next(value.value for value in reports[0].status[0].values if value.key == "process")
for _ in range(20):
    pictures.publish(Image(height=1, width=1, encoding="nonsense", step=1, data=array.array("B", [0])))
    answers.publish(EmotionArray(emotions=[Emotion(face_id="1", label="happy", confidence=0.9)]))
    for whose in (process, "elsewhere:1", "\\u00b2"):
        values = [KeyValue(key="process", value=whose), KeyValue(key="frames", value="\\u00b2")]
        health.publish(DiagnosticArray(status=[DiagnosticStatus(name="/fer/emotion_node", values=values)]))
    rclpy.spin_once(node, timeout_sec=0.05)
for name in ("/fer/emotion_node", "/camera/camera_node", "/pipeline_node"):
    change = node.create_client(ChangeState, name + "/change_state")
    put = node.create_client(SetParameters, name + "/set_parameters")
    while not (change.service_is_ready() and put.service_is_ready()):
        rclpy.spin_once(node, timeout_sec=0.1)
    for number in (1, 3, 77):
        answer = change.call_async(ChangeState.Request(transition=Transition(id=number)))
        rclpy.spin_until_future_complete(node, answer)
        print("refused" if not answer.result().success else "done", flush=True)
    wrong = Parameter(name="enabled", value=ParameterValue(type=77))
    rclpy.spin_until_future_complete(node, put.call_async(SetParameters.Request(parameters=[wrong])))
print("all sent", flush=True)
"""


def test_what_a_peer_sends_ends_neither_run_nor_recording(fer_ros, python, tmp_path):
    command = fer_ros("run", "--source", "demo", "--loop", "--record", "out.mp4")
    command.wait_for(lambda: " face " in command.text, "a face")
    peer = python("-c", PEER)
    assert peer.wait() == 0, peer.text
    assert peer.text.count("refused") == 9, peer.text
    assert "all sent" in peer.text
    pictures = command.text.count(" face ")
    command.wait_for(lambda: command.text.count(" face ") > pictures, "another face")
    assert command.end() == 0, command.text
    for topic in ("/fer/overlay", "/fer/emotions", "/diagnostics"):
        told = [line for line in command.text.splitlines() if f"a message on {topic} is left out" in line]
        # Once for each reason: no stamp, and where an answer of this very moment was looked for, that of no answer.
        assert 1 <= len(told) == len(set(told)) <= 2, command.text
        assert re.search(rf"\d+ messages on {topic} left out", command.text), command.text
    seconds = float(re.search(r"frames in ([\d.]+) s", command.text)[1])
    assert 2 < seconds < 600
    assert "Traceback" not in command.text
    assert frames_of(tmp_path / "out.mp4")


def test_a_node_that_ended_is_started_again_where_that_is_wanted(fer_ros, descendants):
    command = fer_ros("run", "--source", "demo", "--loop", "--no-composed", "--respawn")
    command.wait_for(lambda: " face " in command.text, "a face")
    time.sleep(10)  # or it would count as one that cannot live
    pids, _ = descendants(command)
    victim = next(pid for pid in pids if b"/emotion_node" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(victim, signal.SIGKILL)
    command.wait_for(lambda: "emotion_node ended with SIGKILL: it is started again" in command.text, "word of it")
    lines = command.text.count(" face ")
    command.wait_for(lambda: command.text.count(" face ") > lines, "a face after that")
    assert command.end() == 0, command.text
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
    assert re.search(r"\d+ frames? in [\d.]+ s", command.text), command.text
    assert "Traceback" not in command.text


# With nothing to do for days, and no end to its wait.
WAITING = """
import sys
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.ros import spinning

class Resting(EmotionNode):
    def every(self, period, callback):
        return super().every(1e6, callback)

    def align_timers(self):
        print("aligned", flush=True)

def spin(executor, timeout, failed, spin_once=spinning.spin_once):
    print("waiting", flush=True)
    spin_once(executor, timeout, failed)

spinning._WAIT, spinning.spin_once = 1e6, spin
sys.exit(spinning.run_node(Resting, ["--ros-args", "-p", "autostart:=false"]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_of_a_node_that_has_nothing_to_do(python, number):
    command = python("-c", WAITING)
    command.wait_for(lambda: "waiting" in command.text, "its first wait")
    assert "aligned" in command.text  # its timers, with those of the other nodes of a process
    time.sleep(1)
    assert command.end(number) == 0, command.text


def test_a_node_that_is_ended_while_it_loads_says_nothing(python):
    """Its own handlers are not there yet."""
    command = python(executable("emotion_node"))
    memory = Path(f"/proc/{command.process.pid}/maps")
    command.wait_for(lambda: "_multiarray_umath" in memory.read_text(), "the first of many libraries", 60)
    assert command.end() in (-signal.SIGINT, 0)
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
    assert command.wait() == 2
    assert "mine.yaml:3: face_detector_node: score_threshold must be from 0.05 to 1, not 3.0" in command.text
    assert "Traceback" not in command.text


def test_a_broken_parameter_file_is_one_error(fer_ros, tmp_path):
    (tmp_path / "mine.yaml").write_text("a: [1, 2")
    command = fer_ros("run", "--source", "demo", "--params-file", "mine.yaml")
    assert command.wait() == 2
    assert "mine.yaml cannot be read: line " in command.text
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


def test_the_man_is_neutral_then_happy(fer_ros, recordings, tmp_path):
    command = fer_ros("run", "--source", recordings / "neutral_smile_neutral.mp4", "--record", "man.mp4")
    assert command.wait() == 0, command.text
    assert labels_in(command.text) == ["neutral", "happy"]
    assert "72 frames in" in command.text
    assert "1 face," in command.text
    # It plays as long as the clip; where the machine stood still for a moment, with a frame more or less.
    assert len(frames_of(tmp_path / "man.mp4")) == pytest.approx(72, abs=4)


def test_where_nobody_is_nobody_is_seen(fer_ros, recordings):
    command = fer_ros("run", "--source", recordings / "no_face.mp4")
    assert command.wait() == 0, command.text
    assert ", 0 faces," in command.text



@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A disk of 3 MB."""
    path = tmp_path / "disk"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3M", "tmpfs", path], check=False, capture_output=True).returncode:
        pytest.skip("only root can make a disk that is full")
    yield path
    subprocess.run(["umount", path], check=True)


def test_a_recording_that_the_disk_cuts_is_an_error_and_readable(fer_ros, small_disk):
    command = fer_ros("run", "--source", "demo", "--record", small_disk / "out.avi", "--duration", 5)
    assert command.wait() == 1, command.text
    assert "no more is recorded, the run goes on" in command.text
    count, total = map(int, re.search(r"recorded (\d+) of (\d+) frames: No space left on device", command.text).groups())
    assert 0 < count < total
    assert len(frames_of(small_disk / "out.avi")) == count
    assert [path.name for path in small_disk.iterdir()] == ["out.avi"]
    assert re.search(r"\d+ frames in [\d.]+ s", command.text)


def test_a_recording_is_kept_when_a_node_dies(fer_ros, tmp_path, descendants):
    command = fer_ros("run", "--source", "demo", "--loop", "--record", "out.avi")
    command.wait_for(lambda: any(path.stat().st_size > 2**19 for path in tmp_path.rglob("out.avi")), "a recording")
    pids, _ = descendants(command)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert command.wait() == 1
    recorded = int(re.search(r"recorded (\d+) frames to out\.avi", command.text)[1])
    assert recorded == len(frames_of(tmp_path / "out.avi")) > 10
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_recording_is_kept_when_a_signal_comes(fer_ros, tmp_path, number):
    command = fer_ros("run", "--source", "demo", "--loop", "--record", "out.mp4")
    command.wait_for(lambda: any(path.stat().st_size > 2**17 for path in tmp_path.rglob("out.mp4")), "a recording")
    assert command.end(number) == 0, command.text
    assert int(re.search(r"recorded (\d+) frames to out\.mp4", command.text)[1]) == len(frames_of(tmp_path / "out.mp4"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_there_is_a_graph_leaves_nothing_of_the_recording(fer_ros, tmp_path, number):
    (tmp_path / "own.yaml").write_text("/**/emotion_node: {ros__parameters: {confidence_threshold: 0.6}}")  # takes a while
    command = fer_ros("run", "--source", "demo", "--record", "out.mp4", "--params-file", "own.yaml", "--duration", 1)
    command.wait_for(lambda: list(tmp_path.glob(".out*")), "the recording to be begun")
    assert command.end(number) in (0, 130), command.text
    assert not list(tmp_path.glob(".*"))
    assert "Traceback" not in command.text


# Becomes a command as nohup does.
UNDER_NOHUP = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-u", *sys.argv[1:]])
"""


def test_under_nohup_a_run_goes_on_when_its_terminal_is_closed(python):
    command = python("-c", UNDER_NOHUP, executable("fer-ros"), "run", "--source", "demo", "--duration", 5)
    command.wait_for(lambda: labels_in(command.text), "an answer")
    assert command.end(signal.SIGHUP) == 0, command.text
    assert float(re.search(r"frames in ([\d.]+) s", command.text)[1]) >= 5


@pytest.mark.parametrize(("name", "source"), [("v.mp4", "v.mp4"), ("./here/v.mp4", "v.mp4"), ("link.mp4", "v.mp4"),
                                              ("v.mp4", "file://{folder}/v%2Emp4")])
def test_a_recording_never_replaces_what_is_played(fer_ros, tmp_path, share, name, source):
    content = (share / "demo" / "demo.mp4").read_bytes()
    (tmp_path / "v.mp4").write_bytes(content)
    (tmp_path / "here").symlink_to(tmp_path)
    (tmp_path / "link.mp4").symlink_to("v.mp4")
    command = fer_ros("run", "--source", source.format(folder=tmp_path), "--record", name, "--force")
    assert command.wait() == 2
    assert f"cannot record to '{Path(name)}': it is what is read" in command.text
    assert (tmp_path / "v.mp4").read_bytes() == content


def test_a_recording_replaces_another_by_force_alone(fer_ros, tmp_path):
    (tmp_path / "out.avi").write_text("older")
    command = fer_ros("run", "--source", "demo", "--record", "out.avi", "--duration", 1)
    assert command.wait() == 2
    assert "out.avi is there already: name another, or --force to overwrite it" in command.text
    assert (tmp_path / "out.avi").read_text() == "older"
    command = fer_ros("run", "--source", "demo", "--record", "out.avi", "--duration", 1, "--force")
    assert command.wait() == 0, command.text
    assert len(frames_of(tmp_path / "out.avi")) > 10


def test_the_graph_starts_before_the_command_has_loaded_ros(python):
    """Both take a second, which passes once."""
    command = python("-c", """
import sys
from fer_ros import cli, processes

def start(self, made, extra):
    print("ROS is loaded:", "rclpy" in sys.modules)
    raise SystemExit(7)

processes.Processes.start = start
cli.main(["run", "--source", "demo"])
""")
    assert command.wait() == 7
    assert "ROS is loaded: False" in command.text
