# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One broken message is one message; a broken file keeps what came before; and what is no damage is not called so."""

from __future__ import annotations

import csv
import importlib
import shutil
import sqlite3
import struct
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from fer_ros.bags.annotate import Annotator, Recording
from fer_ros.bags.reader import BagError, BagReader, Skipped
from fer_ros.bags.writer import RELIABLE
from fer_ros.cli import main
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.pipeline import PARAMS

START, STEP = 1_700_000_000_250_000_000, 33_333_333
IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
TOPIC = "/camera/image_raw"


def read(path: Path, topic: str = "") -> tuple[list, list[Skipped], str]:
    """Frames, what was skipped, and the error at the end."""
    found, skipped, error = [], [], ""
    with BagReader(path) as bag:
        try:
            found.extend(bag.frames(bag.image_topic(topic), skipped.append))
        except BagError as raised:
            error = str(raised)
    return found, skipped, error


def refused(path: Path, topic: str = "") -> str:
    with pytest.raises(BagError) as error, BagReader(path) as bag:
        list(bag.frames(bag.image_topic(topic)))
    text = str(error.value)
    assert text.isprintable()
    return text


def annotate(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["annotate", *map(str, arguments)])
    return ended.value.code


def broken_image(bag, stamp: int, **changes: object) -> None:
    fields = {"header": bag.header(stamp), "height": 240, "width": 320, "encoding": "bgr8", "is_bigendian": 0, "step": 960,
              "data": np.zeros(240 * 960, np.uint8), **changes}
    bag.write(TOPIC, IMAGE, stamp, **fields)


BROKEN = {
    "no pixels": (lambda bag, t: broken_image(bag, t, height=0, width=0, data=np.zeros(0, np.uint8)), "it has no pixels"),
    "a wrong step": (lambda bag, t: broken_image(bag, t, step=100), "step 100"),
    "too few bytes": (lambda bag, t: broken_image(bag, t, data=np.zeros(99, np.uint8)), "99 bytes"),
    "an unknown encoding": (lambda bag, t: broken_image(bag, t, encoding="32FC2"), "encoding '32FC2' is not known"),
    "control codes": (lambda bag, t: broken_image(bag, t, encoding="\x1b[2J\n"), "encoding '?[2J ' is not known"),
    "a size that is a lie": (lambda bag, t: broken_image(bag, t, height=2**31, width=2**31), "2147483648"),
    "a message cut short": (lambda bag, t: bag.raw(TOPIC, IMAGE, t, b"\0\1\0\0\1\2\3"), "its 7 bytes are no sensor_msgs/"),
    "an empty message": (lambda bag, t: bag.raw(TOPIC, IMAGE, t, b""), "its 0 bytes are no sensor_msgs/msg/Image"),
    "a frame that is no text": (lambda bag, t: bag.raw(TOPIC, IMAGE, t, b"\0\1\0\0" + bytes(8) + b"\4\0\0\0\xff\xfe\xfd\0"),
                                "are no sensor_msgs/msg/Image"),
}


@pytest.mark.parametrize("kind", ["mcap", "sqlite3"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_image_is_skipped_and_named_and_the_others_are_read(new_bag, demo_images, tmp_path, name, kind):
    write, reason = BROKEN[name]
    with new_bag(tmp_path / "a", kind) as bag:
        bag.image(demo_images[0], START)
        write(bag, START + STEP)
        bag.image(demo_images[1], START + 2 * STEP)
    found, (skipped,), error = read(tmp_path / "a")
    assert [frame.number for frame in found] == [0, 2]
    assert (found[1].image == demo_images[1]).all()
    assert reason in str(skipped)
    assert str(skipped).startswith("image 2 of 3 on /camera/image_raw (recorded at 1700000000.283333333 s) is skipped: ")
    assert str(skipped).isprintable()
    assert not error


def picture(suffix: str, image: np.ndarray) -> np.ndarray:
    return cv2.imencode(suffix, image)[1].ravel()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises so many pixels."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b""))


def jpeg_of(image: np.ndarray, width: int, height: int) -> bytes:
    """A JPEG whose header promises another size."""
    data = bytearray(picture(".jpg", image).tobytes())
    at = data.find(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize("content", ["text", "nothing", "jpeg bomb", "png bomb"])
def test_a_compressed_image_that_is_no_picture_is_skipped(new_bag, demo_images, tmp_path, content):
    data = {"text": b"\xff\xd8 not a picture", "nothing": b"", "jpeg bomb": jpeg_of(demo_images[0], 60_000, 60_000),
            "png bomb": png_header(60_000, 60_000)}[content]
    with new_bag(tmp_path / "a") as bag:
        for i in range(3):
            bag.compressed(demo_images[i], START + 2 * i * STEP)
            if i == 1:
                bag.write(f"{TOPIC}/compressed", COMPRESSED, START + 3 * STEP, header=bag.header(START + 3 * STEP),
                          format="jpeg", data=np.frombuffer(data, np.uint8))
    found, (skipped,), error = read(tmp_path / "a")
    assert [frame.number for frame in found] == [0, 1, 3]
    assert "compressed image of format 'jpeg'" in str(skipped)
    assert not error


def test_what_is_odd_and_no_fault_is_read(new_bag, demo_images, tmp_path):
    """16 bits, another size midway, stamps that go back or are 0."""
    deep = demo_images[1].astype(np.uint16) * 257
    other = cv2.resize(demo_images[2], (100, 60))
    with new_bag(tmp_path / "a") as bag:
        for i, (stamp, image) in enumerate([(START, demo_images[0]), (START - 10**9, deep), (0, other)]):
            bag.write("/x", COMPRESSED, START + i, header=bag.header(stamp), format="png", data=picture(".png", image))
    found, skipped, error = read(tmp_path / "a")
    assert not skipped
    assert not error
    assert [frame.stamp for frame in found] == [START, START - 10**9, START + 2]
    assert (found[1].image == demo_images[1]).all()
    assert found[2].image.shape == (60, 100, 3)
    annotator = Annotator(parameters(PARAMS, []))
    faces = [len(annotator(frame).faces) for frame in found]
    assert faces[0] == 1


def test_a_time_that_no_message_can_tell_is_a_fault_of_its_image_alone(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as bag:
        for i in range(3):
            if i == 1:
                header = bag.header((2**31 - 1) * 10**9)
                header.stamp.nanosec = 4_000_000_000
                broken_image(bag, START + STEP, header=header)
            else:
                bag.image(demo_images[i], START + i * STEP)
    assert annotate(tmp_path / "a", "-o", tmp_path / "out.mcap") == 3
    found, (skipped,), _ = read(tmp_path / "a")
    assert [frame.number for frame in found] == [0, 2]
    assert "no time that ROS can tell" in str(skipped)


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_an_annotation_goes_on_and_its_status_tells(new_bag, demo_images, tmp_path, capsys):
    for name, broken in (("a", True), ("b", False)):
        with new_bag(tmp_path / name) as bag:
            for i in range(8):
                if i == 4 and broken:
                    broken_image(bag, START + i * STEP, step=1)
                elif i != 4:
                    bag.image(demo_images[i], START + i * STEP)
    assert annotate(tmp_path / "b", "-o", tmp_path / "b.mcap", "--table", tmp_path / "b.csv") == 0
    assert "image" not in capsys.readouterr().err
    assert annotate(tmp_path / "a", "-o", tmp_path / "a.mcap", "--table", tmp_path / "a.csv") == 3
    said = capsys.readouterr()
    assert "image 5 of 8 on /camera/image_raw" in said.err
    assert "1 image of 8 could not be read: all others are annotated" in said.err
    assert "7 images of" in said.out
    whole, rest = rows(tmp_path / "b.csv"), rows(tmp_path / "a.csv")
    assert {row["frame"] for row in rest} == set("0123567")
    assert [row["happy"] for row in rest] == [row["happy"] for row in whole]


def test_of_many_broken_images_the_first_are_named_and_all_are_counted(new_bag, demo_images, tmp_path, capsys):
    with new_bag(tmp_path / "a") as bag:
        for i in range(40):
            broken_image(bag, START + i, step=1) if i else bag.image(demo_images[0], START)
    assert annotate(tmp_path / "a", "-o", tmp_path / "a.mcap") == 3
    said = capsys.readouterr().err
    assert said.count("is skipped") == 10
    assert "39 images of 40 could not be read" in said


def test_where_no_image_can_be_read_nothing_is_written_and_the_reason_is_told(new_bag, tmp_path, capsys):
    with new_bag(tmp_path / "a") as bag:
        for i in range(3):
            broken_image(bag, START + i, encoding="32FC2")
    assert annotate(tmp_path / "a", "-o", tmp_path / "a.mcap") == 1
    assert "holds no image that can be read: image 1 of 3" in capsys.readouterr().err
    assert not (tmp_path / "a.mcap").exists()


def test_a_broken_message_of_a_bag_that_packs_each_is_one_message(demo_images, tmp_path):
    store = get_typestore(Stores.ROS2_JAZZY)
    bag = Writer(tmp_path / "a", version=9, storage_plugin=StoragePlugin.SQLITE3)
    bag.set_compression(CompressionMode.MESSAGE, CompressionFormat.ZSTD)
    with bag:
        connection = bag.add_connection(TOPIC, IMAGE, typestore=store)
        time = store.types["builtin_interfaces/msg/Time"](sec=1, nanosec=0)
        header = store.types["std_msgs/msg/Header"](stamp=time, frame_id="")
        for i in range(3):
            message = store.types[IMAGE](header=header, height=240, width=320, encoding="bgr8", is_bigendian=0, step=960,
                                         data=demo_images[i].ravel())
            bag.write(connection, START + i, store.serialize_cdr(message, IMAGE))
    with sqlite3.connect(next((tmp_path / "a").glob("*.db3"))) as database:
        database.execute("UPDATE messages SET data = substr(data, 1, 1000) WHERE id = 2")
    database.close()
    found, (skipped,), error = read(tmp_path / "a")
    assert [frame.number for frame in found] == [0, 2]
    assert (found[1].image == demo_images[2]).all()
    assert "image 2 of 3" in str(skipped)
    assert not error


@pytest.fixture(scope="module")
def large(new_bag, demo_images, tmp_path_factory) -> Path:
    """20 images of 230 kB, in five chunks of an MCAP file."""
    with new_bag(tmp_path_factory.mktemp("bags") / "large") as bag:
        for i in range(20):
            bag.image(demo_images[i], START + i * STEP)
    return bag.path


@pytest.mark.parametrize("part", [0.3, 0.7, 0.999, 0.99999])
def test_a_bag_that_was_not_finished_is_read_as_far_as_it_goes(large, demo_images, tmp_path, capsys, part):
    content = next(large.glob("*.mcap")).read_bytes()
    cut = tmp_path / "cut.mcap"
    cut.write_bytes(content[: int(len(content) * part)])
    found, skipped, error = read(cut)
    assert 20 * part - 6 <= len(found) <= 20 * part + 0.1
    assert all((frame.image == image).all() for frame, image in zip(found, demo_images, strict=False))
    assert not skipped
    assert "was not finished" in error
    assert annotate(cut, "-o", tmp_path / "out.mcap") == 1
    assert "only what came before is annotated" in capsys.readouterr().err
    assert (tmp_path / "out.mcap").exists()
    folder = tmp_path / "folder"  # with metadata.yaml, as a copy that was cut short has it
    folder.mkdir()
    shutil.copy(large / "metadata.yaml", folder)
    shutil.copy(cut, folder / "large.mcap")
    assert len(read(folder)[0]) == len(found)


def test_zeros_at_the_end_are_no_messages(large, tmp_path):
    """As a file system leaves them where the power failed."""
    content = next(large.glob("*.mcap")).read_bytes()
    (tmp_path / "a.mcap").write_bytes(content[: len(content) // 2] + bytes(len(content) // 2))
    (tmp_path / "b.mcap").write_bytes(content[: len(content) // 2])
    # The half chunk counts as one, with zeros in it: what is before it is sound, and that it is broken is told.
    found, _, error = read(tmp_path / "b.mcap")
    assert found
    assert "was not finished" in error
    assert "damaged" in refused(tmp_path / "a.mcap") or "cannot be read" in refused(tmp_path / "a.mcap")


def test_of_what_holds_no_image_yet_the_end_is_told(large, tmp_path):
    content = next(large.glob("*.mcap")).read_bytes()
    (tmp_path / "a.mcap").write_bytes(content[:50])
    assert "cannot be read" in refused(tmp_path / "a.mcap")
    assert "mcap recover" in refused(tmp_path / "a.mcap")


def test_a_broken_chunk_ends_the_bag_and_what_was_before_it_is_kept(large, demo_images, tmp_path):
    shutil.copytree(large, tmp_path / "a")
    file = next((tmp_path / "a").glob("*.mcap"))
    content = bytearray(file.read_bytes())
    at = content.find(b"\x05", len(content) // 2)
    chunk = content.find(b"bgr8", at)
    content[chunk - 40 : chunk + 900] = bytes(940)  # the record's length within it, at least
    for offset in range(len(content) // 2, len(content) // 2 + 300_000, 50):
        content[offset] ^= 0xFF
    file.write_bytes(content)
    found, skipped, error = read(tmp_path / "a")
    assert len(found) >= 8
    assert (found[0].image == demo_images[0]).all()
    assert error or skipped or len(found) == 20


def test_a_database_that_is_damaged_in_the_middle_keeps_what_came_before(new_bag, demo_images, tmp_path, capsys):
    with new_bag(tmp_path / "a", "sqlite3") as bag:
        for i in range(20):
            bag.image(demo_images[i], START + i * STEP)
    file = next((tmp_path / "a").glob("*.db3"))
    content = bytearray(file.read_bytes())
    half = len(content) // 2 // 4096 * 4096
    content[half : half + 4] = b"\xff" * 4  # the number of the page on which the message goes on
    file.write_bytes(content)
    found, skipped, error = read(tmp_path / "a")
    assert 5 < len(found) < 15
    assert (found[-1].image == demo_images[len(found) - 1]).all()
    assert not skipped
    assert f"is damaged at image {len(found) + 1} of 20" in error
    assert annotate(tmp_path / "a", "-o", tmp_path / "out.mcap") == 1
    assert "only what came before is annotated" in capsys.readouterr().err


def test_a_database_that_is_locked_is_read(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a", "sqlite3") as bag:
        bag.image(demo_images[0], START)
    holder = sqlite3.connect(next((tmp_path / "a").glob("*.db3")))
    holder.execute("BEGIN EXCLUSIVE")
    assert len(read(tmp_path / "a")[0]) == 1
    holder.close()


def edited(bag: Path, old: str, new: str) -> Path:
    """With a metadata.yaml that is changed."""
    file = bag / "metadata.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return bag


def changed(bag: Path, old: bytes, new: bytes) -> Path:
    """The file of a bag with other bytes in it, of the same number."""
    assert len(old) == len(new)
    file = next(bag.glob("*.mcap"))
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new))
    return file


@pytest.fixture
def small(new_bag, demo_images, tmp_path) -> Path:
    with new_bag(tmp_path / "small") as bag:
        bag.image(demo_images[0], START)
    return bag.path


@pytest.mark.parametrize(("old", "new", "words"), [
    ("version: 9", "version: 10", "newer rosbag2 (version 10)"),
    ("storage_identifier: mcap", "storage_identifier: rosbag_v2", "its storage 'rosbag_v2' is neither mcap nor sqlite3"),
    ("serialization_format: cdr", "serialization_format: protobuf", "serialized as 'protobuf' and not as CDR"),
    ("- small.mcap", "- small.mcap\n  - small_1.mcap", "names files that are not there: small_1.mcap"),
    ("compression_format: ''", "compression_format: lz4", "compressed with 'lz4'"),
    ("name: /camera/image_raw", "name: /other", "holds 0 of the 1 images on /other that its metadata or index names"),
])
def test_what_the_metadata_asks_for_and_cannot_be_had_is_no_damage(small, old, new, words):
    bag = edited(small, old, new)
    if "lz4" in new:
        edited(bag, "compression_mode: ''", "compression_mode: file")
    text = refused(bag)
    assert words in text
    assert "damage" not in text
    assert "cannot be read" not in text


@pytest.mark.parametrize(("old", "new", "words"), [
    (b"\4\0\0\0ros2", b"\4\0\0\0ros1", "an MCAP file of the profile 'ros1' and not 'ros2'"),
    (b"\7\0\0\0ros2msg", b"\7\0\0\0ros1msg", "messages in 'ros1msg'"),
    (b"\3\0\0\0cdr", b"\3\0\0\0xml", "serialized as 'xml' and not as CDR"),
    (b"uint32 step", b"uint64 step", "its sensor_msgs/msg/Image is of another version of the message"),
])
def test_what_a_file_holds_of_another_kind_is_no_damage(small, old, new, words):
    text = refused(changed(small, old, new))
    assert words in text
    assert "damage" not in text
    assert "recover" not in text


def test_a_quality_of_service_that_rosbags_does_not_know_is_no_damage(demo_images, tmp_path):
    with Writer(tmp_path / "a", version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        bag.add_connection(TOPIC, IMAGE, typestore=get_typestore(Stores.ROS2_JAZZY), offered_qos_profiles=[RELIABLE])
    text = refused(changed(tmp_path / "a", b"deadline:", b"deadlock:"))
    assert "the quality of service that a topic has in it ('deadline' is missing)" in text
    assert "damage" not in text


def test_a_definition_is_never_run(small, tmp_path):
    """What rosbags is to use of a definition it makes Python code of."""
    file = next(small.glob("*.mcap"))
    content = file.read_bytes()
    at = content.index(b"uint32 step")
    evil = b'string X=";open(\'x\',\'w\')#'
    assert len(evil) < 400
    file.write_bytes(content[:at] + evil + content[at + len(evil) :])
    with BagReader(small) as bag:
        try:
            list(bag.frames(bag.image_topic()))
        except BagError as error:
            assert str(error)
    assert not Path("x").exists()


def test_a_recording_of_ros_1_that_was_not_finished_is_no_damage(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a.bag", "ros1") as bag:
        bag.image(demo_images[0], START)
    content = (tmp_path / "a.bag").read_bytes()
    at = content.index(b"index_pos=") + 10
    (tmp_path / "a.bag").write_bytes(content[:at] + bytes(8) + content[at + 8 :])
    assert "has no index, because its recorder did not finish it: `rosbag reindex" in refused(tmp_path / "a.bag")
    shutil.move(tmp_path / "a.bag", tmp_path / "a.bag.active")
    assert "its recorder did not finish it" in refused(tmp_path / "a.bag.active")


@pytest.mark.parametrize("packing", ["zstd", "lz4", "bz2"])
def test_what_unpacks_to_too_much_is_refused_before_it_takes_the_memory(new_bag, demo_images, tmp_path, monkeypatch, packing):
    monkeypatch.setattr("fer_ros.bags.unpacking.LARGEST", 100_000)  # an image has 230 kB
    path = tmp_path / ("a" if packing == "zstd" else "a.bag")
    if packing == "zstd":
        bag = Writer(path, version=9, storage_plugin=StoragePlugin.MCAP)
        bag.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    else:
        bag = Writer1(path)
        bag.set_compression(Writer1.CompressionFormat[packing.upper()])
    store = get_typestore(Stores.ROS2_JAZZY if packing == "zstd" else Stores.ROS1_NOETIC)
    with bag:
        connection = bag.add_connection(TOPIC, IMAGE, typestore=store)
        bag.write(connection, START, bytes(300_000))
    assert "incomplete, or larger than 100000 bytes" in refused(path)


def test_a_codec_that_is_missing_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("rosbags", "fer_ros.bags", "lz4"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lz4", None)
    with pytest.raises(ImportError, match=r"bags need the package rosbags and what it needs .*lz4.*: pip install rosbags"):
        importlib.import_module("fer_ros.bags.reader")


@pytest.mark.parametrize(("command", "status"), [("replay", 2), ("annotate", 1)])
def test_the_home_of_nobody_is_said(command, status, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "~no_such_user_at_all/talk"])
    assert ended.value.code == status
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("source", ["${TALK}", "@talk.txt", "file://{}"])
def test_a_bag_is_known_however_it_is_named(small, tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TALK", str(small))
    (tmp_path / "talk.txt").write_text(str(small))
    with Recording(source.replace("{}", str(small))) as recording:
        assert len(list(recording)) == recording.length > 0


def test_a_name_that_is_too_long_is_said(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(tmp_path / ("x" * 500))])
    assert ended.value.code == 2
    assert "cannot be read: File name too long" in capsys.readouterr().err
