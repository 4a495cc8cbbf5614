# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Files that are wrong, each made of a sound one: videos, pictures, bags, parameters, calibrations, models, data sets."""

from __future__ import annotations

import importlib
import itertools
import random
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from fer_ros.bags.annotate import Recording
from fer_ros.bags.reader import BagReader, is_bag
from fer_ros.bench.faults_mutation import FLOATS, INTEGERS, TEXTS, mutated, mutated_text
from fer_ros.media.calibration import load_calibration
from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
from fer_ros.perception.detector import DetectorParams, FaceDetector
from fer_ros.perception.pipeline import PARAMS
from fer_ros.resources import share_directory

_WIDTH, _HEIGHT, _FRAMES = 64, 48, 8
_MOST = 300  # frames of an input that are read; a file may promise any number
_TIME = 1_700_000_000_000_000_000  # nanoseconds
_IMAGE, _COMPRESSED, _INFO = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo"
_VIDEOS = {".avi": "MJPG", ".mp4": "mp4v", ".mkv": "mp4v"}
_PICTURES = (".png", ".jpg", ".bmp", ".tif", ".webp", ".ppm")
_BAGS = ("mcap", "mcap zstd", "sqlite3", "sqlite3 message", "sqlite3 file", "ros1", "ros1 bz2")
_CALIBRATION = """image_width: 64
image_height: 48
camera_name: narrow
camera_matrix: {rows: 3, cols: 3, data: [300.0, 0.0, 32.0, 0.0, 300.0, 24.0, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0.0, 0.0, 0.0]}
rectification_matrix:
  rows: 3
  cols: 3
  data: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
projection_matrix: {rows: 3, cols: 4, data: [300.0, 0.0, 32.0, 0.0, 0.0, 300.0, 24.0, 0.0, 0.0, 0.0, 1.0, 0.0]}
"""


class Files:
    """The `fer_ros.bench.faults.Trial` of files.

    Args:
        seed: of what the sound ones show.
        readers: further kinds: `module:function` that reads a folder with a data set, by kind; `.csv` and `folders` are made.
    """

    def __init__(self, seed: int = 0, readers: Mapping[str, str] | None = None):
        cv2.setNumThreads(1)
        rng = np.random.default_rng(seed)
        frames = [cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (_WIDTH, _HEIGHT)) for _ in range(_FRAMES)]
        self._made: dict[str, Callable[[random.Random, Path], Path]] = {}
        self._read: dict[str, Callable[[Path], object]] = {}
        with tempfile.TemporaryDirectory() as folder:
            self._add_media(frames, Path(folder))
            self._add_bags(frames, Path(folder))
        self._add_texts()
        self._add_models()
        for kind, name in (readers or {}).items():
            module, _, function = name.partition(":")
            read = getattr(importlib.import_module(module), function)
            for layout in (_csv_data, _folder_data):
                self._add(f"{kind} {layout.__name__.split('_')[1]}", layout(frames), read)
        self.kinds = list(self._made)

    def make(self, kind: str, rng: random.Random, folder: Path) -> Path:
        return self._made[kind](rng, folder)

    def read(self, kind: str, path: Path) -> str:
        self._read[kind](path)
        return ""

    def close(self) -> None:
        pass

    def _add(self, kind: str, make: Callable[[random.Random, Path], Path], read: Callable[[Path], object]) -> None:
        self._made[kind], self._read[kind] = make, read

    def _add_media(self, frames: Sequence[NDArray[Any]], folder: Path) -> None:
        videos = {suffix: _video(frames, folder / f"a{suffix}", codec) for suffix, codec in _VIDEOS.items()}
        pictures = {suffix: [cv2.imencode(suffix, frame)[1].tobytes() for frame in frames[:3]] for suffix in _PICTURES}
        for suffix, content in videos.items():
            others = list(videos.values())
            self._add(f"video {suffix[1:]}", _bytes_of([content], suffix, others), _play)
        for suffix, contents in pictures.items():
            others = [content for contents_ in pictures.values() for content in contents_]
            make = _bytes_of(contents, suffix, others)
            self._add(f"picture {suffix[1:]}", _summed(make) if suffix == ".png" else make, _play)

    def _add_bags(self, frames: Sequence[NDArray[Any]], folder: Path) -> None:
        messages = _messages(frames)
        for kind in _BAGS:
            sound = folder / kind.replace(" ", "_")
            sound = _bag(sound if "ros1" not in kind else sound.with_suffix(".bag"), kind, messages)
            self._add(f"bag {kind}", _bag_of(sound), _unroll)
        self._add("bag messages", _messages_of(messages), _unroll)
        self._add("bag rows", _rows_of(_bag(folder / "rows", "sqlite3", messages)), _unroll)

    def _add_texts(self) -> None:
        shipped = (share_directory() / "config" / "fer.yaml").read_text(encoding="utf-8")
        plain = "\n".join(line for line in shipped.split("\n") if not line.lstrip().startswith("#"))
        small = ("/**/emotion_node:\n  ros__parameters:\n    confidence_threshold: 0.5\n    model: auto\n"
                 "fer:\n  face_detector_node:\n    ros__parameters: {score_threshold: 0.7, max_faces: 3}\n")
        self._add("parameters", _text_of([plain, small, small], ".yaml"), lambda path: parameters(PARAMS, [path]))
        self._add("calibration", _text_of([_CALIBRATION], ".yaml"), load_calibration)

    def _add_models(self) -> None:
        models = share_directory() / "models"
        onnxruntime.set_default_logger_severity(4)
        detectors = [models / DetectorParams().model]
        emotions = sorted(models.glob("emotion*int8.onnx")) or sorted(models.glob("emotion*.onnx"))
        image, crops = np.zeros((_HEIGHT, _WIDTH, 3), np.uint8), np.zeros((1, 48, 48, 3), np.uint8)
        if detectors[0].is_file():
            self._add("model detector", _bytes_of([path.read_bytes() for path in detectors], ".onnx", []),
                      lambda path: FaceDetector(DetectorParams(model=str(path), inference_size=64)).detect(image))

        def classify(path: Path) -> object:
            network = EmotionClassifier(ClassifierParams(model=str(path)))
            return network(crops if network.input_size == 48 else np.zeros((1, *[network.input_size] * 2, 3), np.uint8))

        self._add("model emotion", _bytes_of([path.read_bytes() for path in emotions[:1]], ".onnx", []), classify)


# Reading, as the package does it.


def _play(path: Path) -> None:
    source = open_source(SourceParams(source=str(path), realtime=False))
    try:
        for _ in range(_MOST):
            image = source.read()
            if image is None:
                return
            _check_image(image)
    finally:
        source.close()


def _unroll(path: Path) -> None:
    if not is_bag(path):
        raise AssertionError(f"{path.name} is not taken for a bag")
    with BagReader(path) as bag:
        bag.calibration(bag.image_topic())
    with Recording(str(path)) as recording:
        for frame in itertools.islice(recording, _MOST):
            _check_image(frame.image)
            divmod(frame.stamp, 10**9)
            frame.frame_id.encode()


def _check_image(image: NDArray[Any]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise AssertionError(f"an image of shape {image.shape} and {image.dtype} came out")
    image.sum()  # every pixel is there


# Making what is wrong of what is sound.


def _bytes_of(sound: Sequence[bytes], suffix: str, others: Sequence[bytes]) -> Callable[[random.Random, Path], Path]:
    def make(rng: random.Random, folder: Path) -> Path:
        path = folder / f"input{suffix}"
        path.write_bytes(mutated(rng.choice(sound), rng, others))
        return path

    return make


def _summed(make: Callable[[random.Random, Path], Path]) -> Callable[[random.Random, Path], Path]:
    """PNG files whose checksums are right, so that more of them than the header is read; at times as they are."""

    def made(rng: random.Random, folder: Path) -> Path:
        path = make(rng, folder)
        data, at = bytearray(path.read_bytes()), 8
        while rng.random() > 0.02 and at + 12 <= len(data):
            end = at + 8 + int.from_bytes(data[at : at + 4], "big")
            data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
            at = end + 4
        path.write_bytes(data)
        return path

    return made


def _text_of(sound: Sequence[str], suffix: str) -> Callable[[random.Random, Path], Path]:
    def make(rng: random.Random, folder: Path) -> Path:
        path = folder / f"input{suffix}"
        path.write_bytes(mutated_text(rng.choice(sound), rng, sound))
        return path

    return make


def _bag_of(sound: Path) -> Callable[[random.Random, Path], Path]:
    """The files of a bag: one of them is changed, left out, or read alone."""
    if sound.is_file():
        return _bytes_of([sound.read_bytes()], ".bag", [])
    files = {file.name: file.read_bytes() for file in sorted(sound.iterdir())}
    storage = next(name for name in files if name != "metadata.yaml")

    def make(rng: random.Random, folder: Path) -> Path:
        # A file that is packed as a whole is no bag without its metadata.
        way, bag = rng.randrange(3 if storage.endswith(".zstd") else 5), folder / "input"
        bag.mkdir()
        changed = dict(files)
        if way == 0:
            changed["metadata.yaml"] = mutated_text(files["metadata.yaml"].decode(), rng)
        else:
            changed[storage] = mutated(files[storage], rng)
        if way == 4:
            del changed["metadata.yaml"]
        for name, content in changed.items():
            (bag / name).write_bytes(content)
        return bag if way < 3 else bag / storage

    return make


def _messages_of(messages: Sequence[tuple[str, str, int, bytes]]) -> Callable[[random.Random, Path], Path]:
    """A sound bag of messages that are not."""

    def make(rng: random.Random, folder: Path) -> Path:
        return _bag(folder / "input", "mcap", [
            (topic, kind, rng.choice((at, at, at, 0, *INTEGERS[:-3])), mutated(data, rng) if rng.random() < 0.5 else data)
            for topic, kind, at, data in messages])

    return make


def _rows_of(sound: Path) -> Callable[[random.Random, Path], Path]:
    """A database with other values in it, or other tables."""
    content = next(sound.glob("*.db3")).read_bytes()
    columns = {"topics": ("id", "name", "type", "serialization_format", "offered_qos_profiles", "type_description_hash"),
               "messages": ("topic_id", "timestamp", "data"), "schema": ("schema_version",),
               "message_definitions": ("topic_type", "encoding", "encoded_message_definition", "type_description_hash")}

    def value(rng: random.Random) -> object:
        number = rng.choice(INTEGERS)
        whole = number if number < 2**63 else -number // 2
        return rng.choice((whole, rng.choice(FLOATS), rng.choice(TEXTS), rng.randbytes(9), ""))

    def make(rng: random.Random, folder: Path) -> Path:
        path = folder / "input.db3"
        path.write_bytes(content)
        with sqlite3.connect(path) as database:
            for _ in range(rng.choice((1, 1, 3))):
                table = rng.choice(list(columns))
                column = rng.choice(columns[table])
                try:
                    if rng.random() < 0.1:
                        database.execute(rng.choice((f"DROP TABLE {table}", f"ALTER TABLE {table} DROP COLUMN {column}",
                                                     f"DELETE FROM {table}")))
                    else:
                        database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid % 3 < ?",
                                         (value(rng), rng.choice((1, 3))))
                except sqlite3.Error:  # a constraint of the table
                    continue
        database.close()
        return path

    return make


def _csv_data(frames: Sequence[NDArray[Any]]) -> Callable[[random.Random, Path], Path]:
    """fer2013.csv and its votes: lines and cells that are wrong."""
    faces = [cv2.cvtColor(cv2.resize(frame, (48, 48)), cv2.COLOR_BGR2GRAY) for frame in frames]
    rows = [(label, " ".join(map(str, faces[label].ravel())), usage)
            for usage in ("Training", "PublicTest", "PrivateTest") for label in range(7)]
    table = "emotion,pixels,Usage\n" + "".join(f"{label},{pixels},{usage}\n" for label, pixels, usage in rows)
    votes = ("Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
             + "".join(f"{usage},fer{i}.png,{','.join(['1'] * 10)}\n" for i, (_, _, usage) in enumerate(rows)))

    def make(rng: random.Random, folder: Path) -> Path:
        data = folder / "input"
        data.mkdir()
        first = rng.random() < 0.7
        (data / "fer2013.csv").write_bytes(mutated_text(table, rng) if first else table.encode())
        if not first or rng.random() < 0.5:
            (data / "fer2013new.csv").write_bytes(votes.encode() if first else mutated_text(votes, rng))
        return data

    return make


def _folder_data(frames: Sequence[NDArray[Any]]) -> Callable[[random.Random, Path], Path]:
    """train/<class>/* and test/<class>/*: files and folders that are wrong."""
    names = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    grey = [cv2.cvtColor(cv2.resize(frame, (48, 48)), cv2.COLOR_BGR2GRAY) for frame in frames]
    faces = [cv2.imencode(".png", face)[1].tobytes() for face in grey]

    def make(rng: random.Random, folder: Path) -> Path:
        data = folder / "input"
        for (part, name), face in zip(itertools.product(("train", "test"), names), itertools.cycle(faces)):
            place = data / part / name
            place.mkdir(parents=True)
            (place / "0.png").write_bytes(face)
        files = sorted(data.rglob("*.png"))
        for _ in range(rng.choice((1, 3))):
            file = rng.choice(files)
            way = rng.randrange(5)
            if way < 3:
                file.write_bytes(mutated(file.read_bytes(), rng) if file.is_file() else b"")
            elif way == 3:
                name = rng.choice((".DS_Store", "Thumbs.db", "x.txt", "x.png", "ä.PNG"))
                (file.parent / name).write_bytes(rng.randbytes(20))
            else:
                part, name = rng.choice(("train", "test", "valid", "x")), rng.choice(("", *names, "__MACOSX", "anger", "9"))
                strange = data / part / name
                strange.mkdir(parents=True, exist_ok=True)
        return data

    return make


# What is sound.


def _video(frames: Sequence[NDArray[Any]], path: Path, codec: str) -> bytes:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25.0, (_WIDTH, _HEIGHT))
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path.read_bytes()


def _messages(frames: Sequence[NDArray[Any]]) -> list[tuple[str, str, int, bytes]]:
    """(topic, type, time, CDR) of a few images, with the camera_info of a camera."""
    store = get_typestore(Stores.ROS2_JAZZY)
    types = store.types

    def header(at: int) -> Any:
        return types["std_msgs/msg/Header"](stamp=types["builtin_interfaces/msg/Time"](sec=at // 10**9, nanosec=at % 10**9),
                                            frame_id="camera")

    roi = types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
    info = types[_INFO](header=header(_TIME), height=_HEIGHT, width=_WIDTH, distortion_model="plumb_bob", d=np.zeros(5),
                        k=np.eye(3).ravel(), r=np.eye(3).ravel(), p=np.zeros(12), binning_x=0, binning_y=0, roi=roi)
    found = [("/camera/camera_info", _INFO, _TIME, info)]
    for i, frame in enumerate(frames[:4]):
        at = _TIME + i * 33_333_333
        if i % 2:
            found.append(("/camera/image_raw", _IMAGE, at, types[_IMAGE](
                header=header(at), height=_HEIGHT, width=_WIDTH, encoding="bgr8", is_bigendian=0, step=3 * _WIDTH,
                data=frame.ravel())))
        else:
            found.append(("/camera/image_raw/compressed", _COMPRESSED, at, types[_COMPRESSED](
                header=header(at), format="jpeg", data=cv2.imencode(".jpg", frame)[1].ravel())))
    return [(topic, kind, at, bytes(store.serialize_cdr(message, kind))) for topic, kind, at, message in found]


def _bag(path: Path, kind: str, messages: Sequence[tuple[str, str, int, bytes]]) -> Path:
    storage, _, way = kind.partition(" ")
    one = storage == "ros1"
    store, older = get_typestore(Stores.ROS2_JAZZY), get_typestore(Stores.ROS1_NOETIC)
    if one:
        bag: Any = Writer1(path)
        if way:
            bag.set_compression(Writer1.CompressionFormat.BZ2)
    else:
        bag = Writer(path, version=9, storage_plugin=StoragePlugin[storage.upper()])
        if way:
            bag.set_compression({"zstd": CompressionMode.STORAGE, "message": CompressionMode.MESSAGE,
                                 "file": CompressionMode.FILE}[way], CompressionFormat.ZSTD)
    with bag:
        connections: dict[str, Any] = {}
        for topic, name, at, data in messages:
            if topic not in connections:
                connections[topic] = bag.add_connection(topic, name, typestore=older if one else store)
            bag.write(connections[topic], at, store.cdr_to_ros1(data, name) if one else data)
    return path
