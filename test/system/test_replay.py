# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros replay` and `fer-ros record`: a bag into the graph, and the graph into a bag."""

from __future__ import annotations

import csv
import re
import signal
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader

from fer_ros.bags.annotate import Annotation, Annotator
from fer_ros.bags.reader import BagReader
from fer_ros.bags.writer import graph_types
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.pipeline import PARAMS
from fer_ros.types import EVENTS, EmotionEvent

GREETER = Path(__file__).resolve().parents[2] / "examples" / "greeter.py"


def golden(bag: Path) -> tuple[list[Annotation], list[EmotionEvent]]:
    """What is in a bag's images, and all events, at the end of which everybody leaves."""
    annotator = Annotator(parameters(PARAMS, []))
    with BagReader(bag) as reader:
        found = [annotator(frame) for frame in reader.frames(reader.image_topic())]
    return found, [event for one in found for event in one.events] + annotator.end()


def recorded(bag: Path) -> dict[str, list]:
    """The messages of a recording by topic."""
    types, found = graph_types(), {}
    with Reader(bag) as reader:
        for connection, _, data in reader.messages():
            found.setdefault(connection.topic, []).append(types.deserialize_cdr(data, connection.msgtype))
    return found


def stamp(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def test_what_the_graph_says_of_a_bag_is_what_the_annotation_says(fer_ros, demo_bag, tmp_path):
    recorder = fer_ros("record", "-o", "rec")
    recorder.wait_for(lambda: "fer-ros record rec" in recorder.text, "the recorder")
    # The recorder asks for images last of all: once the graph has found that, it has found all that it asks for.
    (tmp_path / "wait.yaml").write_text("/**/replay_node: {ros__parameters: {wait_for_subscribers: 2}}\n")
    command = fer_ros("replay", demo_bag, "--rate", "0.5", "--params-file", "wait.yaml")
    assert command.wait() == 0, command.text
    assert "45 frames in 1.5 s" in command.text
    assert "latency" not in command.text  # the stamps are of another time
    assert recorder.end() == 0, recorder.text
    found, (expected, events) = recorded(tmp_path / "rec"), golden(demo_bag)
    assert {topic: len(messages) for topic, messages in found.items()} == {
        "/camera/image_raw": 45, "/camera/camera_info": 45, "/fer/faces": 45, "/fer/emotions": 45, "/fer/events": len(events)}
    assert [(EVENTS[one.kind - 1], one.face_id, stamp(one), one.label, one.previous_label, one.confidence,
             one.lasted.sec * 10**9 + one.lasted.nanosec) for one in found["/fer/events"]] == [
        (one.kind, one.face_id, one.frame.stamp, one.label, one.previous_label, one.confidence, round(one.lasted * 1e9))
        for one in events] != []
    for one, faces, emotions in zip(expected, found["/fer/faces"], found["/fer/emotions"], strict=True):
        assert stamp(faces) == stamp(emotions) == one.frame.stamp
        assert [(d.id, d.bbox.center.position.x, d.bbox.size_y, d.bbox.center.theta) for d in faces.detections] == [
            (f.id, f.box.cx, f.box.height, f.box.roll) for f in one.faces]
        assert [(e.face_id, e.label, list(e.probabilities)) for e in emotions.emotions] == [
            (e.face_id, e.label, list(e.probabilities)) for e in one.emotions]
    # And what was recorded can be annotated, to the same rows.
    for bag, table in ((demo_bag, "a.csv"), (tmp_path / "rec", "b.csv")):
        assert fer_ros("annotate", bag, "-o", f"{table}.mcap", "--table", table).wait() == 0
    rows = [list(csv.DictReader((tmp_path / table).read_text().splitlines())) for table in ("a.csv", "b.csv")]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 30


def test_a_robot_reacts_to_the_smile_in_a_bag(fer_ros, python, demo_bag):
    robot = python(GREETER, "--ros-args", "-r", "events:=/fer/events")
    command = fer_ros("replay", demo_bag, "--loop")
    command.wait_for(lambda: "hello" in robot.text, "a greeting")
    assert command.end() == 0, command.text
    assert re.search(r"face \d+ smiles: hello!", robot.text)


def test_a_bag_in_a_loop_plays_as_long_as_is_asked_for(fer_ros, demo_bag):
    command = fer_ros("replay", demo_bag, "--loop", "--clock", "--duration", "4")
    assert command.wait() == 0, command.text
    frames = int(command.text.split(" frames in")[0].rsplit(maxsplit=1)[-1])
    assert frames > 100


def test_the_man_in_a_bag_is_neutral_then_happy(fer_ros, recordings, new_bag, tmp_path):
    capture = cv2.VideoCapture(str(recordings / "neutral_smile_neutral.mp4"))
    with new_bag(tmp_path / "man") as bag:
        for i in range(72):
            bag.image(capture.read()[1], 10**9 + i * 33_333_333)
    command = fer_ros("replay", "man")
    assert command.wait() == 0, command.text
    assert "72 frames in" in command.text
    happy = re.search(r"face 1: neutral from 0.0 s, happy from (\d\.\d) s$", command.text, re.MULTILINE)
    # From 0.6 s on he smiles. That he stops in the last two frames is too short to be shown.
    assert happy, command.text
    assert 0.6 <= float(happy[1]) <= 1.1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none"], "none does not exist"),
        (["empty.mcap"], "is empty"),
        (["text.mcap"], "cannot be read"),
        (["talk"], "holds no image; there is /chatter (std_msgs/msg/String, 1)"),
        (["talk", "--topic", "/chatter"], "is std_msgs/msg/String and not an image"),
        (["talk", "--rate", "0"], "from 0.01 to 100"),
    ],
)
def test_what_cannot_be_replayed_starts_nothing_and_says_why(fer_ros, new_bag, tmp_path, arguments, words):
    (tmp_path / "empty.mcap").write_bytes(b"")
    (tmp_path / "text.mcap").write_text("hello")
    with new_bag(tmp_path / "talk") as bag:
        bag.write("/chatter", "std_msgs/msg/String", 1, data="hello")
    command = fer_ros("replay", *arguments)
    assert command.wait() == 2
    assert words in command.text
    assert "Traceback" not in command.text


def test_an_image_that_cannot_be_read_is_left_out_and_told(fer_ros, new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        for i in range(20):
            bag.compressed(demo_images[i], 10**9 + i * 33_333_333, name="/x")
            if i == 8:
                bag.write("/x", "sensor_msgs/msg/CompressedImage", 10**9 + 8 * 33_333_333 + 5, header=bag.header(2 * 10**9),
                          format="png", data=np.arange(9, dtype=np.uint8))
    command = fer_ros("replay", "a")
    assert command.wait() == 3, command.text
    assert "image 10 of 21 on /x" in command.text
    assert "20 frames in" in command.text
    assert "1 image could not be read and was left out" in command.text
    assert "Traceback" not in command.text


def test_of_a_bag_that_ends_too_soon_what_is_there_is_played_and_the_rest_is_told(fer_ros, demo_bag, tmp_path):
    content = next(demo_bag.glob("*.mcap")).read_bytes()
    (tmp_path / "cut.mcap").write_bytes(content[: len(content) // 2])
    command = fer_ros("replay", "cut.mcap")
    assert command.wait() == 1
    assert "was not finished" in command.text
    assert re.search(r"\b2\d frames in", command.text), command.text
    assert "Traceback" not in command.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_an_annotation_that_is_ended_keeps_what_it_has_done(fer_ros, tmp_path, number):
    command = fer_ros("annotate", "demo", "-o", "a.mcap", "--table", "a.csv", "--record", "a.mp4", "--set",
                      "inference_size=2048")
    command.wait_for(lambda: any(tmp_path.glob(".a-*/a.mp4")), "a first image")
    assert command.end(number) == 130
    told = re.search(r"interrupted after (\d+) images? of 360: only what came before is annotated", command.text)
    assert told, command.text
    made = sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("output"))
    assert made == ["a.csv", "a.mcap", "a.mp4"]
    assert len(recorded(tmp_path / "a.mcap")["/fer/emotions"]) == int(told[1])
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        assert max(int(row["frame"]) for row in csv.DictReader(file)) == int(told[1]) - 1
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert sum(1 for _ in iter(capture.grab, False)) == int(told[1])


def test_nothing_to_record_leaves_nothing(fer_ros, tmp_path):
    command = fer_ros("record", "-o", "rec", "--namespace", "nobody")
    command.wait_for(lambda: "nobody publishes /nobody/fer/emotions" in command.text, "the reason")
    assert command.end() == 1
    assert "nothing recorded" in command.text
    assert "only this machine was listened to" in command.text
    assert not (tmp_path / "rec").exists()


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        (["-o", "there"], "there is there already", 1),
        (["-o", "no/such/rec"], "is not a folder that you may write to", 1),
        (["--duration", "-1"], "positive number", 2),
        (["--namespace", "my robot"], "no ROS namespace", 1),
    ],
)
def test_a_wrong_recording_starts_nothing_and_says_why(fer_ros, tmp_path, arguments, words, status):
    (tmp_path / "there").mkdir()
    command = fer_ros("record", *arguments)
    assert command.wait() == status
    assert words in command.text
    assert "Traceback" not in command.text


ANSWERS = """
import time
import rclpy
from fer_ros.msg import EmotionArray

rclpy.init()
node = rclpy.create_node("half_a_graph")
publisher = node.create_publisher(EmotionArray, "/half/fer/emotions", 10)
while True:
    publisher.publish(EmotionArray())
    time.sleep(0.05)
"""


def test_a_recording_has_all_topics(fer_ros, demo_bag, tmp_path):
    graph = fer_ros("replay", demo_bag, "--loop")
    graph.wait_for(lambda: " face " in graph.text, "a face")
    recorder = fer_ros("record", "-o", "rec", "--duration", "3")  # the bag starts again meanwhile, and everybody leaves
    assert recorder.wait() == 0, recorder.text
    assert sorted(recorded(tmp_path / "rec")) == [
        "/camera/camera_info", "/camera/image_raw", "/fer/emotions", "/fer/events", "/fer/faces"]
    assert "nothing came" not in recorder.text
    assert graph.end() == 0, graph.text


def test_a_recording_says_which_topics_are_silent(fer_ros, python, tmp_path):
    """It waits some seconds for those that nobody publishes, and then goes on with the others."""
    program = tmp_path / "half_a_graph.py"
    program.write_text(ANSWERS)
    python(program)
    recorder = fer_ros("record", "-o", "rec", "--duration", "1", "--namespace", "half")
    assert recorder.wait() == 0, recorder.text
    assert sorted(recorded(tmp_path / "rec")) == ["/half/fer/emotions"]
    (silent,) = re.findall("nothing came on (.*)", recorder.text)
    assert re.findall(r"/[a-z_/]+", silent) == ["/half/camera/camera_info", "/half/camera/image_raw", "/half/fer/faces"]


def test_a_recording_follows_where_a_launch_file_has_renamed_a_topic(fer_ros, python, tmp_path):
    program = tmp_path / "renamed.py"
    program.write_text(ANSWERS.replace("/half/fer/emotions", "/half/fer/moods")
                       .replace('"half_a_graph"', '"emotion_node", namespace="/half/fer"'))
    python(program)
    recorder = fer_ros("record", "-o", "rec", "--duration", "1", "--namespace", "half")
    assert recorder.wait() == 0, recorder.text
    assert sorted(recorded(tmp_path / "rec")) == ["/half/fer/moods"]
    assert "/half/fer/emotions has another name here: recording /half/fer/moods" in recorder.text
    (silent,) = re.findall("nothing came on (.*)", recorder.text)
    assert "/half/fer/emotions" not in silent


def test_a_recording_of_a_graph_in_which_nothing_happens_lacks_nothing(fer_ros, new_bag, tmp_path):
    with new_bag(tmp_path / "dark") as bag:
        for i in range(30):
            bag.image(np.zeros((240, 320, 3), np.uint8), 10**9 + i * 33_333_333)
    graph = fer_ros("replay", "dark", "--loop")
    recorder = fer_ros("record", "-o", "rec", "--no-images", "--duration", "1")
    assert recorder.wait() == 0, recorder.text
    assert sorted(recorded(tmp_path / "rec")) == ["/camera/camera_info", "/fer/emotions", "/fer/faces"]
    assert "nothing came" not in recorder.text
    assert graph.end() == 0, graph.text


def test_a_recording_without_images_in_one_file_that_is_ended_from_outside(fer_ros, demo_bag, tmp_path):
    graph = fer_ros("replay", demo_bag, "--loop")
    graph.wait_for(lambda: " face " in graph.text, "a face")
    recorder = fer_ros("record", "-o", "rec.mcap", "--no-images", "--overlay")
    # The overlay node begins its work when it is subscribed to.
    recorder.wait_for(lambda: any(file.stat().st_size > 2**20 for file in tmp_path.rglob("*.mcap")), "overlays")
    assert recorder.end(signal.SIGTERM) == 0, recorder.text
    assert graph.end() == 0, graph.text
    found = recorded(tmp_path / "rec.mcap")
    assert "nothing came on" not in recorder.text
    assert found.keys() - {"/fer/events"} == {"/camera/camera_info", "/fer/faces", "/fer/emotions", "/fer/overlay/compressed"}
    assert not list(tmp_path.glob(".*"))
    picture = cv2.imdecode(found["/fer/overlay/compressed"][-1].data, cv2.IMREAD_COLOR)
    assert picture.shape == (240, 320, 3)


def test_a_recording_of_compressed_images_is_replayed_and_annotated_as_it_is(fer_ros, demo_bag, tmp_path):
    graph = fer_ros("replay", demo_bag, "--loop")
    recorder = fer_ros("record", "-o", "rec", "--compressed", "--duration", "1")
    assert recorder.wait() == 0, recorder.text
    assert graph.end() == 0, graph.text
    found = recorded(tmp_path / "rec")
    assert found.keys() - {"/fer/events"} == {"/camera/camera_info", "/camera/image_raw/compressed", "/fer/faces",
                                              "/fer/emotions"}
    pictures = found["/camera/image_raw/compressed"]
    infos = {(info.header.stamp.sec, info.header.stamp.nanosec) for info in found["/camera/camera_info"]}
    assert {(picture.header.stamp.sec, picture.header.stamp.nanosec) for picture in pictures[1:-1]} <= infos
    assert {(picture.format, picture.header.frame_id) for picture in pictures} == {("bgr8; jpeg compressed bgr8", "cam")}
    annotated = fer_ros("annotate", "rec", "-o", "out.mcap")
    assert annotated.wait() == 0, annotated.text
    assert len(recorded(tmp_path / "out.mcap")["/fer/emotions"]) == len(pictures)


def test_a_recording_that_the_disk_cuts_is_an_error_and_readable(fer_ros, demo_bag, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6M", "tmpfs", disk], check=False, capture_output=True).returncode:
        pytest.skip("only root can make a disk that is full")
    try:
        graph = fer_ros("replay", demo_bag, "--loop")
        graph.wait_for(lambda: " face " in graph.text, "a face")
        recorder = fer_ros("record", "-o", "disk/rec")
        assert recorder.wait() == 1, recorder.text
        count, seconds = re.search(r"recorded (\d+) of \d+ messages: No space left on device; 'disk/rec' is readable up to "
                                   r"([\d.]+) s", recorder.text).groups()
        found = recorded(disk / "rec")
        assert sum(map(len, found.values())) == int(count) > 10
        assert float(seconds) > 0  # on a busy machine what waited is recorded at once
        assert [path.name for path in disk.iterdir()] == ["rec"]
        assert graph.end() == 0, graph.text
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_recording_replaces_another_by_force_alone(fer_ros, demo_bag, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "metadata.yaml").write_text("older")
    for arguments, text in ((["-o", "rec"], "rec is there already: name another, or --force"),
                            (["-o", "photos", "--force"], "is a folder, and no bag")):
        command = fer_ros("record", *arguments)
        assert command.wait() == 1
        assert text in command.text
    assert (tmp_path / "rec" / "metadata.yaml").read_text() == "older"
    graph = fer_ros("replay", demo_bag, "--loop")
    graph.wait_for(lambda: " face " in graph.text, "a face")
    recorder = fer_ros("record", "-o", "rec", "--force", "--no-images", "--duration", "0.5")
    assert recorder.wait() == 0, recorder.text
    assert "/fer/emotions" in recorded(tmp_path / "rec")
    assert not list(tmp_path.glob(".*"))
    assert graph.end() == 0, graph.text


def test_of_two_annotations_with_one_name_one_is_made_and_the_other_told(fer_ros, tmp_path):
    first = fer_ros("annotate", "demo", "-o", "a.mcap", "--set", "inference_size=1024")
    first.wait_for(lambda: list(tmp_path.glob(".a*")), "its unfinished file")
    second = fer_ros("annotate", "demo", "-o", "a.mcap")
    assert second.wait() == 1
    assert "a.mcap is being written by another process: name another" in second.text
    assert first.wait() == 0, first.text
    assert len(recorded(tmp_path / "a.mcap")["/fer/emotions"]) == 360
    assert not list(tmp_path.glob(".*"))
