# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Bags of all kinds are read, what is wrong with one is said, and an annotation is the pipeline's answer, every time."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from fer_ros import FaceDetector
from fer_ros.bags.annotate import Annotator, Recording
from fer_ros.bags.reader import BagError, BagReader, is_bag
from fer_ros.bags.recorder import BagRecorder
from fer_ros.cli import main
from fer_ros.media.source_name import SourceError
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.events import EventDetector
from fer_ros.perception.pipeline import PARAMS
from fer_ros.resources import message_definitions

START = 1_700_000_000_250_000_000
STEP = 33_333_333


@pytest.fixture(scope="module")
def bag(new_bag, demo_images, tmp_path_factory) -> Path:
    """45 images at 30 Hz, recorded 3 ms after they were taken."""
    path = tmp_path_factory.mktemp("bags") / "demo"
    with new_bag(path) as bag:
        for i, image in enumerate(demo_images):
            bag.image(image, START + i * STEP, START + i * STEP + 3_000_000)
    return path


def frames(path: Path, topic: str = "") -> list:
    with BagReader(path) as bag:
        return list(bag.frames(bag.image_topic(topic)))


def annotate(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["annotate", *map(str, arguments)])
    return ended.value.code


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def messages(path: Path) -> dict[str, list]:
    """Everything in a bag of ours, by topic."""
    store = get_typestore(Stores.ROS2_JAZZY)
    for package in ("vision_msgs", "fer_ros"):
        for file in message_definitions(package):
            store.register(get_types_from_msg(file.read_text(), f"{package}/msg/{file.stem}"))
    found: dict[str, list] = {}
    with Reader(path) as reader:
        for connection, recorded, data in reader.messages():
            found.setdefault(connection.topic, []).append((recorded, store.deserialize_cdr(data, connection.msgtype)))
    return found


@pytest.mark.parametrize("kind", ["mcap", "sqlite3", "ros1"])
@pytest.mark.parametrize("encoding", ["bgr8", "rgb8", "png"])
def test_images_come_out_as_they_went_in(new_bag, demo_images, tmp_path, kind, encoding):
    path = tmp_path / ("a.bag" if kind == "ros1" else "a")
    with new_bag(path, kind) as bag:
        for i, image in enumerate(demo_images[:4]):
            stamp = START + i * STEP
            bag.compressed(image, stamp) if encoding == "png" else bag.image(image, stamp, stamp + 5, encoding=encoding)
    assert is_bag(path)
    found = frames(path)
    assert [f.stamp for f in found] == [START + i * STEP for i in range(4)]
    assert [f.number for f in found] == [0, 1, 2, 3]
    assert found[0].frame_id == "cam"
    assert found[1].recorded - found[1].stamp == (0 if encoding == "png" else 5)
    for image, frame in zip(demo_images, found, strict=False):
        assert (frame.image == image).all()


@pytest.mark.parametrize(("kind", "suffix"), [("mcap", ".mcap"), ("sqlite3", ".db3")])
def test_the_file_of_a_bag_alone_will_do(new_bag, demo_images, tmp_path, kind, suffix):
    with new_bag(tmp_path / "a", kind) as bag:
        bag.image(demo_images[0], START)
    (file,) = (tmp_path / "a").glob(f"*{suffix}")
    alone = shutil.copy(file, tmp_path / f"alone{suffix}")
    assert (frames(Path(alone))[0].image == demo_images[0]).all()


def test_an_image_without_a_stamp_has_that_of_its_recording(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        bag.image(demo_images[0], 0, START)
    assert frames(tmp_path / "a")[0].stamp == START


def test_of_an_image_and_its_compressed_twin_the_image_is_taken(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        bag.compressed(demo_images[1], START)
        bag.image(demo_images[0], START)
    assert (frames(tmp_path / "a")[0].image == demo_images[0]).all()
    assert (frames(tmp_path / "a", "/camera/image_raw/compressed")[0].image == demo_images[1]).all()


def test_the_topic_must_be_said_where_there_are_several(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        bag.image(demo_images[0], START, name="/left")
        bag.image(demo_images[1], START, name="/right")
        bag.write("/chatter", "std_msgs/msg/String", START, data="hello")
        bag.topic("/silent", "sensor_msgs/msg/Image")
    with pytest.raises(BagError, match="images on /left, /right: choose with --topic"):
        frames(tmp_path / "a")
    assert (frames(tmp_path / "a", "/right")[0].image == demo_images[1]).all()
    for wrong, text in (("/none", "has no topic /none; there is /chatter"), ("/chatter", "is std_msgs/msg/String and not an"),
                        ("/silent", "has no message; there is")):
        with pytest.raises(BagError, match=text):
            frames(tmp_path / "a", wrong)


def test_a_bag_without_images_says_what_it_has(new_bag, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        bag.write("/chatter", "std_msgs/msg/String", START, data="hello")
    with pytest.raises(BagError, match=r"holds no image; there is /chatter \(std_msgs/msg/String, 1\)"):
        frames(tmp_path / "a")


def test_an_empty_bag_is_said(new_bag, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        bag.topic("/camera/image_raw", "sensor_msgs/msg/Image")
    with pytest.raises(BagError, match="holds no message"):
        frames(tmp_path / "a")
    (tmp_path / "b.mcap").write_bytes(b"")
    with pytest.raises(BagError, match=r"b\.mcap is empty"):
        frames(tmp_path / "b.mcap")


def test_types_that_nobody_knows_are_no_obstacle(demo_images, new_bag, tmp_path):
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / "a", version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        strange = bag.add_connection("/robot", "my_robot/msg/State", msgdef="nonsense nonsense nonsense", rihs01="RIHS01_00")
        bag.write(strange, START, b"\0\1\0\0abc")
        image = bag.add_connection("/image", "sensor_msgs/msg/Image", typestore=store)
        one, kind = demo_images[0], "sensor_msgs/msg/Image"
        time = store.types["builtin_interfaces/msg/Time"](sec=1, nanosec=0)
        header = store.types["std_msgs/msg/Header"](stamp=time, frame_id="")
        bag.write(image, START, store.serialize_cdr(store.types[kind](
            header=header, height=240, width=320, encoding="bgr8", is_bigendian=0, step=960, data=one.ravel()), kind))
    assert (frames(tmp_path / "a")[0].image == one).all()
    with pytest.raises(BagError, match=r"is my_robot/msg/State and not an image"):
        frames(tmp_path / "a", "/robot")


def test_what_is_no_bag_is_said(tmp_path):
    (tmp_path / "a.mcap").write_text("hello")
    (tmp_path / "a.bag").write_text("hello")
    (tmp_path / "a.db3").write_text("hello" * 1000)
    for name in ("a.mcap", "a.bag", "a.db3"):
        with pytest.raises(BagError, match="cannot be read"):
            frames(tmp_path / name)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.db3").write_text("")
    for path, text in (("none", "does not exist"), ("folder", r"has no metadata\.yaml: `ros2 bag reindex .*x\.db3"),):
        with pytest.raises(BagError, match=text):
            frames(tmp_path / path)
    (tmp_path / "folder" / "metadata.yaml").write_text("{")
    with pytest.raises(BagError, match="cannot be read"):
        frames(tmp_path / "folder")


def test_an_annotation_is_what_the_pipeline_says(bag, demo_images, tmp_path):
    assert annotate(bag, "-o", tmp_path / "out.mcap", "--table", tmp_path / "out.csv", "--overlay") == 0
    annotator = Annotator(parameters(PARAMS, []))
    expected = [annotator(frame) for frame in frames(bag)]
    events = [event for one in expected for event in one.events] + annotator.end()
    assert sum(len(one.emotions) for one in expected) > 30
    found = messages(tmp_path / "out.mcap")
    assert {name: len(list_) for name, list_ in found.items()} == {
        "/fer/faces": 45, "/fer/emotions": 45, "/fer/events": len(events), "/fer/overlay/compressed": 45}
    for one, (recorded, faces), (_, emotions) in zip(expected, found["/fer/faces"], found["/fer/emotions"], strict=True):
        stamp = faces.header.stamp.sec * 10**9 + faces.header.stamp.nanosec
        assert (stamp, recorded, faces.header.frame_id) == (one.frame.stamp, one.frame.recorded, "cam")
        assert emotions.header == faces.header
        assert emotions.model == annotator.model
        assert [d.id for d in faces.detections] == [e.face_id for e in emotions.emotions] == [e.face_id for e in one.emotions]
        for face, emotion, message in zip(one.faces, one.emotions, emotions.emotions, strict=True):
            assert message.label == emotion.label
            assert (message.probabilities == emotion.probabilities).all()
            assert (message.bbox.center.position.x, message.bbox.size_y) == (face.box.cx, face.box.height)
    table = rows(tmp_path / "out.csv")
    assert [row["face_id"] for row in table] == [e.face_id for one in expected for e in one.emotions]
    assert [float(row["happy"]) for row in table] == [float(e.probabilities[3]) for one in expected for e in one.emotions]
    assert float(table[0]["stamp"]) == pytest.approx(START / 1e9, abs=1e-6)


def test_events_are_those_of_the_answers_and_everybody_leaves_at_the_end(bag, tmp_path):
    quick = ("--set", "appear_hold=0.1", "--set", "leave_hold=0.3")
    assert annotate(bag, "-o", tmp_path / "out.mcap", "--events", tmp_path / "out.csv", *quick) == 0
    detector, expected, all_frames = EventDetector(appear_hold=0.1, leave_hold=0.3), [], frames(bag)
    annotator = Annotator(parameters(PARAMS, []))
    for frame in all_frames:
        expected += detector(annotator(frame).emotions, frame.stamp / 1e9, frame)
    expected += detector.end()
    assert {event.kind for event in expected} >= {"appeared", "left"}
    found = messages(tmp_path / "out.mcap")["/fer/events"]
    for event, (recorded, message) in zip(expected, found, strict=True):
        assert message.header.stamp.sec * 10**9 + message.header.stamp.nanosec == event.frame.stamp <= recorded
        assert (message.face_id, message.label, message.previous_label, message.header.frame_id) == (
            event.face_id, event.label, event.previous_label, "cam")
        assert message.kind == {"appeared": 1, "changed": 2, "left": 3}[event.kind]
        assert message.lasted.sec + message.lasted.nanosec / 1e9 == pytest.approx(event.lasted, abs=1e-6)
        assert message.confidence == pytest.approx(event.confidence)
    table = rows(tmp_path / "out.csv")
    assert [(row["kind"], row["face_id"], row["label"], int(row["frame"])) for row in table] == [
        (event.kind, event.face_id, event.label, event.frame.number) for event in expected]
    assert [int(row["stamp"].replace(".", "")) for row in table] == [event.frame.stamp for event in expected]
    assert [float(row["lasted"]) for row in table] == pytest.approx([event.lasted for event in expected], abs=1e-6)


def test_a_recording_without_a_face_has_a_table_without_an_event(new_bag, tmp_path):
    with new_bag(tmp_path / "a") as made:
        for i in range(3):
            made.image(np.zeros((240, 320, 3), np.uint8), START + i * 10**8)
    assert annotate(tmp_path / "a", "-o", tmp_path / "out.mcap", "--events", tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "stamp,frame,face_id,kind,label,previous_label,confidence,lasted"]


def test_an_annotation_shows_nobodys_face_where_that_is_asked_for(bag, tmp_path):
    """Every face that is found in a clean image is under a plain box in the bag's overlay and in the video."""
    assert annotate(bag, "-o", tmp_path / "o.mcap", "--overlay", "--record", tmp_path / "o.mp4", "--anonymize", "box",
                    "--set", "bars=false", "--set", "show_fps=false") == 0
    overlays = [cv2.imdecode(np.asarray(m.data), 1) for _, m in messages(tmp_path / "o.mcap")["/fer/overlay/compressed"]]
    capture = cv2.VideoCapture(str(tmp_path / "o.mp4"))
    videos = [image for _, image in iter(capture.read, (False, None))]
    images, detect = [frame.image for frame in frames(bag)], FaceDetector()
    assert len(overlays) == len(videos) == len(images) == 45
    found = 0
    for image, *pictures in zip(images, overlays, videos, strict=True):
        for face in detect(image):
            left, top, right, bottom = (max(round(value), 0) for value in face.box.xyxy)
            for picture in pictures:  # compressed, with a box's lines and its tag on it
                there = picture[top + 4 : bottom - 4, left + 4 : right - 4]
                assert np.median(np.abs(there.astype(int) - 96).max(axis=2)) < 12
                found += 1
    assert found > 60
    rest = np.abs(overlays[0][-40:].astype(int) - images[0][-40:])
    assert np.median(rest) < 12


def test_the_ids_of_an_annotation_begin_as_those_of_the_graph(bag, tmp_path):
    (tmp_path / "left.yaml").write_text("/**/face_detector_node: {ros__parameters: {id_prefix: left_}}")
    left = ("--params-file", tmp_path / "left.yaml")
    assert annotate(bag, "-o", tmp_path / "a.mcap", "--table", tmp_path / "a.csv", *left) == 0
    assert {row["face_id"] for row in rows(tmp_path / "a.csv")} == {"left_1", "left_2", "left_3"}


@pytest.mark.parametrize("how", ["option", "parameter"])
def test_an_annotation_without_ids_follows_nobody(bag, tmp_path, how):
    assert annotate(bag, "-o", tmp_path / "a.mcap", "--table", tmp_path / "a.csv") == 0
    (tmp_path / "no_ids.yaml").write_text("/**/emotion_node: {ros__parameters: {publish_ids: false}}")
    asked = ["--no-ids"] if how == "option" else ["--params-file", tmp_path / "no_ids.yaml"]
    assert annotate(bag, "-o", tmp_path / "b.mcap", "--table", tmp_path / "b.csv", *asked) == 0
    with_ids, without = rows(tmp_path / "a.csv"), rows(tmp_path / "b.csv")
    assert {row["face_id"] for row in without} == {""} and len(with_ids) == len(without) > 30
    assert [{**row, "face_id": ""} for row in with_ids] == without
    found = messages(tmp_path / "b.mcap")
    assert {d.id for _, m in found["/fer/faces"] for d in m.detections} == {""}
    assert {e.face_id for _, m in found["/fer/emotions"] for e in m.emotions} == {""}
    assert {m.face_id for _, m in found["/fer/events"]} == {""} and found["/fer/events"]


def test_the_answer_is_the_same_each_time(bag, tmp_path):
    for name in ("a", "b"):
        assert annotate(bag, "-o", tmp_path / f"{name}.mcap", "--table", tmp_path / f"{name}.csv") == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a.mcap").read_bytes() == (tmp_path / "b.mcap").read_bytes()


def test_a_table_can_be_parquet(bag, tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    for name, ending in (("out", "parquet"), ("again", "csv")):
        assert annotate(bag, "-o", tmp_path / f"{name}.mcap", "--table", tmp_path / f"out.{ending}",
                        "--events", tmp_path / f"events.{ending}", "--set", "appear_hold=0") == 0
    events = parquet.read_table(tmp_path / "events.parquet").drop_columns("stamp").to_pylist()
    assert [(one["kind"], one["frame"], one["lasted"]) for one in events] == [
        (row["kind"], int(row["frame"]), float(row["lasted"])) for row in rows(tmp_path / "events.csv")] != []
    found, listed = parquet.read_table(tmp_path / "out.parquet"), rows(tmp_path / "out.csv")
    assert found.column_names == list(listed[0])
    stamps = found["stamp"].cast(pyarrow.int64()).to_pylist()
    assert stamps == [int(row["stamp"].replace(".", "")) for row in listed]
    table = found.drop_columns("stamp").to_pydict()
    for name in ("face_id", "label"):
        assert table[name] == [row[name] for row in listed]
    assert table["happy"] == [float(row["happy"]) for row in listed]


def test_stamps_that_stand_still_are_no_reason_to_look_at_this_machines_clock(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        for i, image in enumerate(demo_images[:8]):
            bag.image(image, START, START + i)
    annotator = Annotator(parameters(PARAMS, [], {"time_constant": 1.0, "responsiveness": 0.0, "stickiness": 1.0}))
    found = [annotator(frame).emotions[0] for frame in frames(tmp_path / "a")]
    assert (np.ptp([one.raw_probabilities for one in found], axis=0) > 0).any()
    assert (np.ptp([one.probabilities for one in found], axis=0) == 0).all()  # no time has passed


def test_the_types_are_the_graphs_own(bag, tmp_path, share):
    assert annotate(bag, "-o", tmp_path / "out.mcap") == 0
    store = get_typestore(Stores.ROS2_JAZZY)
    for package in ("vision_msgs", "fer_ros"):
        for file in message_definitions(package):
            store.register(get_types_from_msg(file.read_text(), f"{package}/msg/{file.stem}"))
    for name in ("vision_msgs/msg/Detection2DArray", "fer_ros/msg/EmotionArray", "fer_ros/msg/EmotionEvent"):
        description = share.parent / name.split("/")[0] / "msg" / f"{name.split('/')[-1]}.json"
        if not description.is_file():
            pytest.skip("this ROS writes no type descriptions")
        listed = {entry["type_name"]: entry["hash_string"] for entry in json.loads(description.read_text())["type_hashes"]}
        assert store.hash_rihs01(name) == listed[name]
        assert listed[name].encode() in (tmp_path / "out.mcap").read_bytes()


def test_a_video_is_stamped_by_its_frame_rate(tmp_path):
    with Recording("demo") as recording:
        assert recording.length == 360
        stamps = [frame.stamp for frame, _ in zip(recording, range(4), strict=False)]
    assert stamps == [0, 33_333_333, 66_666_667, 100_000_000]


@pytest.mark.parametrize(("arguments", "text"), [
    (["-o", "out.txt"], "must end in .mcap"),
    (["-o", "none/out.mcap"], "is not a folder"),
    (["--table", "out.json"], "must end in .csv or .parquet"),
    (["--events", "out.txt"], "must end in .csv or .parquet"),
    (["--record", "out.gif"], "must end in .mp4"),
    (["--topic", "/none"], "has no topic /none"),
    (["--set", "nonsense=1"], "there is no parameter nonsense"),
    (["--set", "anonymize=mosaic", "--overlay"], "anonymize must be one of none, blur, pixelate, box"),
    (["--anonymize", "blur"], "write one with --overlay or --record"),
    (["--set", "score_threshold=7"], "score_threshold must be from"),
    (["--set", "score_threshold"], "is not NAME=VALUE"),
    (["--set", "emotion_node.model=none.onnx"], "none.onnx not found"),
    (["--params-file", "none.yaml"], "none.yaml cannot be read"),
])
def test_what_is_wrong_is_said_and_nothing_is_left(bag, tmp_path, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(tmp_path)
    assert annotate(bag, *arguments) == 1
    said = capsys.readouterr().err
    assert text in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_not_overwritten(bag, tmp_path, capsys):
    out = tmp_path / "out.mcap"
    out.write_text("mine")
    assert annotate(bag, "-o", out) == 1
    assert "is there already" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert annotate(bag, "-o", out, "--force") == 0
    assert messages(out)


def test_a_topic_is_of_a_bag():
    with pytest.raises(SourceError, match="--topic chooses images of a bag, and demo is not a bag"):
        Recording("demo", "/image")


def test_what_is_live_cannot_be_annotated(monkeypatch):
    class Camera:
        rate, length, closed = None, 0, False

        def close(self) -> None:
            Camera.closed = True

    monkeypatch.setattr("fer_ros.bags.annotate.open_source", lambda params: Camera())
    with pytest.raises(SourceError, match="source '0' is live: name a bag"):
        Recording("0")
    assert Camera.closed


def test_parameters_come_from_the_nodes_own_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("""
/**:
  ros__parameters: {threads: 2, source: 3}
fer:
  face_detector_node:
    ros__parameters: {score_threshold: 0.8, model: other.onnx}
/fer/emotion_node:
  ros__parameters: {confidence_threshold: 0.7}
/camera/camera_node:
  ros__parameters: {fps: 5}
""")
    found = parameters(PARAMS, [file], {"confidence_threshold": 0.6, "emotion_node.model": "x.onnx"})
    detector, emotion = ({type(v).__name__: v for v in group.values()} for group in found.values())
    assert detector["DetectorParams"].score_threshold == 0.8
    assert detector["DetectorParams"].model == "other.onnx"
    assert detector["InferenceParams"].threads == emotion["InferenceParams"].threads == 2
    assert emotion["SmoothingParams"].confidence_threshold == 0.6
    assert emotion["ClassifierParams"].model == "x.onnx"
    for text, said in (("[1]", "not a parameter file"), ("{", "cannot be read"), ("/**: {ros__parameters: 3}", "not a list"),
                       ("/**: {ros__parameters: {threads: many}}", "threads must be")):
        file.write_text(text)
        with pytest.raises(ValueError, match=said):
            parameters(PARAMS, [file])
    file.write_text("# nothing yet\n")
    assert parameters(PARAMS, [file])


@pytest.mark.parametrize("arguments", [["-o", "{file}"], ["-o", "x.mcap", "--table", "x.mcap"], ["-o", "{folder}/demo.mcap"]])
def test_what_is_annotated_is_never_overwritten(new_bag, demo_images, tmp_path, capsys, arguments, monkeypatch):
    with new_bag(tmp_path / "demo") as bag:
        bag.image(demo_images[0], START)
    file = tmp_path / "demo" / "demo.mcap"
    content = file.read_bytes()
    monkeypatch.chdir(tmp_path)
    source = file if "{file}" in arguments else tmp_path / "demo"
    names = [text.format(file=file, folder=tmp_path / "demo") for text in arguments]
    assert annotate(source, *names, "--force") == 1
    assert "name another" in capsys.readouterr().err
    assert file.read_bytes() == content


def test_a_folder_of_rosbag2_may_have_any_name(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "talk.bag") as bag:
        bag.image(demo_images[0], START)
    assert len(frames(tmp_path / "talk.bag")) == 1


def test_a_folder_with_a_bag_and_no_metadata_is_a_bag_that_lacks_it(new_bag, demo_images, tmp_path, capsys):
    with new_bag(tmp_path / "talk") as bag:
        bag.image(demo_images[0], START)
    (tmp_path / "talk" / "metadata.yaml").unlink()
    assert annotate(tmp_path / "talk", "-o", tmp_path / "x.mcap") == 1
    assert "ros2 bag reindex" in capsys.readouterr().err


def test_the_overlay_in_a_recording_is_not_taken_for_a_camera(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        bag.image(demo_images[0], START)
        bag.compressed(demo_images[1], START, name="/fer/overlay/compressed")
    assert (frames(tmp_path / "a")[0].image == demo_images[0]).all()
    assert (frames(tmp_path / "a", "/fer/overlay/compressed")[0].image == demo_images[1]).all()


def test_where_stamps_stand_still_the_recordings_time_goes_on(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        for i, image in enumerate(demo_images[:8]):
            bag.image(image, START, START + i * 10**8)
    annotator = Annotator(parameters(PARAMS, []))
    seconds = [annotator(frame).seconds for frame in frames(tmp_path / "a")]
    assert np.diff(seconds) == pytest.approx([0.1] * 7, abs=1e-6)


@pytest.mark.parametrize("name", ["talk", "talk.mcap"])
def test_the_size_of_a_recording_is_that_of_its_file(tmp_path, name):
    recorder = BagRecorder(tmp_path / name)
    message = recorder.types.serialize_cdr(recorder.types.types["std_msgs/msg/String"](data="x" * 5000), "std_msgs/msg/String")
    recorder.write("/chatter", "std_msgs/msg/String", 1, bytes(message))
    recorder.close()
    (file,) = (tmp_path / name).glob("*.mcap") if name == "talk" else [tmp_path / name]
    assert recorder.size == file.stat().st_size > 5000


def test_names_of_any_length_are_shown_in_part(new_bag, demo_images, tmp_path):
    """Damage makes names of whatever follows them."""
    with new_bag(tmp_path / "a") as made:
        for letter in "ab":
            made.image(demo_images[0], 10**9, name=f"/camera/{letter * 3000}")
    for topic, text in (("", r"holds images on /camera/aaa.* \.\.\., /camera/bbb.* \.\.\.: choose with --topic"),
                        ("/x", "has no topic /x; there is /camera/aaa")):
        with BagReader(tmp_path / "a") as bag, pytest.raises(BagError, match=text) as error:
            bag.image_topic(topic)
        assert len(str(error.value)) < 1000
