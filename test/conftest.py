# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""For all tests: they are about the installed package, never about the source tree beside them."""

from __future__ import annotations

import csv
import os
import signal
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

import fer_ros

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    # Under nohup, or in the background of a script, one is ignored, and what the tests start would rightly ignore it, too.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if Path(fer_ros.__file__).parent == ROOT / "fer_ros":
        raise pytest.UsageError(
            "fer_ros was imported from the source tree, which has no generated messages: install it (pip install ., "
            "colcon build) and run `pytest`, not `python -m pytest`"
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "drawn_folders" in getattr(item, "fixturenames", ()):  # which takes Pillow to be read
            item.add_marker(pytest.mark.training)


@pytest.fixture(scope="session")
def share() -> Path:
    """share/fer_ros as installed."""
    from fer_ros.resources import share_directory

    return share_directory()


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings, which not every machine has: FER_ROS_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("FER_ROS_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "video").is_dir():
        pytest.skip(f"no recordings in {folder}/video (name their folder in FER_ROS_DATA)")
    return folder / "video"


# For the tests of training: faces that are drawn, since nobody's photographs belong into a repository.

VOTE_COLUMNS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
_VOTED = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")


def drawn_face(label: int, rng: np.random.Generator) -> np.ndarray:
    """(48, 48) uint8: a round face whose brows and mouth tell its class, index into EMOTIONS."""
    face = np.full((48, 48), int(rng.integers(60, 110)), np.uint8)
    x, y = (int(v) for v in rng.integers(22, 27, 2))
    cv2.circle(face, (x, y), 18, int(rng.integers(150, 220)), -1)
    lift = (3, 0, -2, 0, -3, -4, 0)[label]  # inner ends of the brows, downwards
    for side in (-1, 1):
        cv2.circle(face, (x + 7 * side, y - 3), 2 + (label in (2, 5)), 30, -1)
        cv2.line(face, (x + 11 * side, y - 8), (x + 4 * side, y - 8 + lift), 30, 1)
    if label in (2, 5):
        cv2.ellipse(face, (x, y + 9), (4, 2 + 3 * (label == 5)), 0, 0, 360, 30, -1)
    elif label in (3, 4):
        start, end = (0, 180) if label == 3 else (180, 360)
        cv2.ellipse(face, (x, y + (7 if label == 3 else 12)), (7, 5), 0, start, end, 30, 2)
    else:
        cv2.line(face, (x - 6, y + 9), (x + 6, y + 9 + 3 * (label == 1)), 30, 1 + (label == 0))
    noise = rng.normal(0, 6, face.shape)
    return np.clip(face + noise, 0, 255).astype(np.uint8)


def write_fer2013(folder: Path, rows: list[tuple[int, np.ndarray, str]], votes: list[dict[str, int]] | None) -> Path:
    """fer2013.csv of (label, face or text, usage) and, with votes by column for the rows, fer2013new.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "fer2013.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["emotion", "pixels", "Usage"])
        writer.writerows([label, face if isinstance(face, str) else " ".join(map(str, np.ravel(face))), usage]
                         for label, face, usage in rows)
    if votes is not None:
        with open(folder / "fer2013new.csv", "w", newline="") as file:
            table = csv.DictWriter(file, ["Usage", "Image name", *VOTE_COLUMNS], restval=0)
            table.writeheader()
            table.writerows({"Usage": row[2], **vote} for row, vote in zip(rows, votes, strict=False))
    return folder


@pytest.fixture(scope="session")
def fer2013_files() -> Callable[..., Path]:
    """`write_fer2013`, for tests of files that may be wrong."""
    return write_fer2013


@pytest.fixture(scope="session")
def drawn_fer2013() -> Callable[..., Path]:
    """Writes a data set of drawn faces in FER2013's layout: `each` training faces of every class, half as many to validate."""

    def make(folder: Path, each: int = 12, votes: bool = True) -> Path:
        rng = np.random.default_rng(5)
        rows, counts = [], []
        for usage, number in (("Training", each), ("PublicTest", each // 2)):
            for label in range(7):
                for _ in range(number):
                    rows.append((label, drawn_face(label, rng), usage))
                    counts.append({_VOTED[label]: 8, "contempt" if label == 6 else "neutral": 1, "unknown": 1})
        return write_fer2013(folder, rows, counts if votes else None)

    return make


@pytest.fixture(scope="session")
def drawn_folders() -> Callable[..., Path]:
    """The same as `train/<class>/*.png` and `test/<class>/*.png`."""
    pytest.importorskip("PIL", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")

    def make(folder: Path, each: int = 8) -> Path:
        from fer_ros.labels import EMOTIONS

        rng = np.random.default_rng(6)
        for split, number in (("train", each), ("test", each // 2)):
            for label, emotion in enumerate(EMOTIONS):
                (folder / split / emotion).mkdir(parents=True)
                for i in range(number):
                    cv2.imwrite(str(folder / split / emotion / f"{i}.png"), drawn_face(label, rng))
        return folder

    return make


# For the tests of bags.

IMAGE, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"


class Bag:
    """A bag that is being written; a context manager. `kind` is mcap, sqlite3 or ros1."""

    def __init__(self, path: Path, kind: str = "mcap"):
        self.path, self._one = path, kind == "ros1"
        self._store = get_typestore(Stores.ROS1_NOETIC if self._one else Stores.ROS2_JAZZY)
        self._bag = Writer1(path) if self._one else Writer(path, version=9, storage_plugin=StoragePlugin[kind.upper()])
        self._connections = {}

    def __enter__(self) -> Bag:
        self._bag.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._bag.close()

    def topic(self, name: str, kind: str) -> None:
        self._connections[name] = self._bag.add_connection(name, kind, typestore=self._store)

    def write(self, name: str, kind: str, recorded: int, **fields: object) -> None:
        if name not in self._connections:
            self.topic(name, kind)
        serialize = self._store.serialize_ros1 if self._one else self._store.serialize_cdr
        self._bag.write(self._connections[name], recorded, serialize(self._store.types[kind](**fields), kind))

    def raw(self, name: str, kind: str, recorded: int, data: bytes) -> None:
        """A message of these very bytes."""
        if name not in self._connections:
            self.topic(name, kind)
        self._bag.write(self._connections[name], recorded, data)

    def header(self, stamp: int, frame_id: str = "cam"):
        time = self._store.types["builtin_interfaces/msg/Time"](sec=stamp // 10**9, nanosec=stamp % 10**9)
        seq = {"seq": 0} if self._one else {}
        return self._store.types["std_msgs/msg/Header"](stamp=time, frame_id=frame_id, **seq)

    def image(self, image: np.ndarray, stamp: int, recorded: int | None = None, name: str = "/camera/image_raw",
              encoding: str = "bgr8") -> None:
        pixels = {"bgr8": image, "rgb8": image[..., ::-1], "32FC1": image[..., 0].astype(np.float32)}[encoding]
        data = np.ascontiguousarray(pixels).view(np.uint8).ravel()
        self.write(name, IMAGE, stamp if recorded is None else recorded, header=self.header(stamp), height=image.shape[0],
                   width=image.shape[1], encoding=encoding, is_bigendian=0, step=len(data) // image.shape[0], data=data)

    def compressed(self, image: np.ndarray, stamp: int, name: str = "/camera/image_raw/compressed",
                   kind: str = ".png") -> None:
        _, data = cv2.imencode(kind, image)
        self.write(name, COMPRESSED, stamp, header=self.header(stamp), format=kind[1:], data=data.ravel())

    def camera_info(self, stamp: int, name: str = "/camera/camera_info", focal_length: float = 300.0) -> None:
        """Of 320x240 images."""
        f = focal_length
        matrices = {"d": np.zeros(5), "k": np.array([f, 0, 160, 0, f, 120, 0, 0, 1]), "r": np.eye(3).ravel(),
                    "p": np.array([f, 0, 160, 0, 0, f, 120, 0, 0, 0, 1, 0])}
        roi = self._store.types["sensor_msgs/msg/RegionOfInterest"](0, 0, 0, 0, False)
        self.write(name, CAMERA_INFO, stamp, header=self.header(stamp), height=240, width=320, distortion_model="plumb_bob",
                   binning_x=0, binning_y=0, roi=roi,
                   **{key.upper() if self._one else key: value for key, value in matrices.items()})


@pytest.fixture(scope="session")
def new_bag() -> type[Bag]:
    """Writes a bag."""
    return Bag


START, STEP = 1_700_000_000_250_000_000, 33_333_333  # nanoseconds, of `demo_bag`


@pytest.fixture(scope="session")
def demo_bag(demo_images, tmp_path_factory) -> Path:
    """45 images of 320x240 at 30 Hz, recorded 3 ms after they were taken, and their camera's calibration."""
    path = tmp_path_factory.mktemp("bags") / "demo"
    with Bag(path) as bag:
        bag.camera_info(START)
        for i, image in enumerate(demo_images):
            bag.image(image, START + i * STEP, START + i * STEP + 3_000_000)
    return path


@pytest.fixture(scope="session")
def demo_images(share) -> list[np.ndarray]:
    """Frames of the demo clip: a face alone, nobody, and two."""
    capture = cv2.VideoCapture(str(share / "demo" / "demo.mp4"))
    frames = []
    while (found := capture.read())[0]:
        frames.append(cv2.resize(found[1], (320, 240), interpolation=cv2.INTER_AREA))
    return frames[120:160:2] + frames[170:180:2] + frames[250:290:2]
