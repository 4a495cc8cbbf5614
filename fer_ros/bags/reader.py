"""The images of a recorded bag: ROS 1 and 2, sqlite3 and MCAP, raw and compressed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2
from rosbags.typesys import Stores, get_typestore

from fer_ros.core.calibration import Calibration
from fer_ros.core.encodings import ImageError, decode, to_bgr
from fer_ros.core.types import Comparable, Image

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
INFO = "sensor_msgs/msg/CameraInfo"
_SUFFIXES = (".bag", ".mcap", ".db3")
_OVERLAYS = ("/fer/overlay", "/fer/overlay/compressed")


class BagError(ValueError):
    """A bag cannot be read or written; the text says why and what to do."""


@dataclass(frozen=True)
class Topic:
    """What a bag holds of a topic."""

    name: str
    type: str
    count: int


@dataclass(frozen=True, eq=False)
class Frame(Comparable):
    """An image of a bag.

    Attributes:
        stamp: of its header, in nanoseconds; where that is 0, when it was recorded.
        recorded: when it was recorded, in nanoseconds.
        number: from 0, of all images of its topic.
    """

    stamp: int
    recorded: int
    frame_id: str
    number: int
    image: Image


def is_bag(path: Path) -> bool:
    """Whether a path looks like a bag: by its name, or as the folder of one."""
    return path.suffix.lower() in _SUFFIXES or (path / "metadata.yaml").is_file() or bool(_files_in(path))


class BagReader:
    """A bag that is open for reading; a context manager.

    Args:
        path: a folder of rosbag2, its .mcap or .db3 file alone, or a .bag of ROS 1.

    Raises:
        BagError: it is not there, no bag, empty or damaged; the text says what to do.
    """

    def __init__(self, path: Path):
        self.path = path
        if not path.exists():
            raise BagError(f"{path} does not exist: name a bag (a folder with metadata.yaml, or a .mcap, .db3 or .bag file)")
        if path.is_dir() and not (path / "metadata.yaml").is_file():
            files = _files_in(path)
            hint = (f"`ros2 bag reindex {path}` writes it, or name {path / files[0]}" if files else
                    "there is no bag in it either")
            raise BagError(f"{path} has no metadata.yaml: {hint}")
        if path.is_file() and path.suffix.lower() not in _SUFFIXES:
            raise BagError(f"{path} is not a bag: its name would end in {', '.join(_SUFFIXES)}")
        if path.is_file() and path.stat().st_size == 0:
            raise BagError(f"{path} is empty: nothing was recorded, or the recorder was killed")
        one = path.is_file() and path.suffix.lower() == ".bag"
        self._types = get_typestore(Stores.ROS1_NOETIC if one else Stores.ROS2_JAZZY)
        self._deserialize = self._types.deserialize_ros1 if one else self._types.deserialize_cdr
        self._reader: Any = None
        try:
            self._reader = Reader1(path) if one else Reader2(path)
            self._reader.open()
            self.topics = {
                name: Topic(name, info.msgtype or "several types", info.msgcount) for name, info in self._reader.topics.items()
            }
        except Exception as error:  # rosbags lets whatever a damaged file makes its parsers raise through
            self._reader = None
            raise BagError(f"{path} cannot be read: {_first_line(error)}. {_mend(path)}") from None
        if not sum(topic.count for topic in self.topics.values()):
            self.close()
            raise BagError(f"{path} holds no message: nothing was published while it was recorded")

    def __enter__(self) -> BagReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the files back."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def image_topic(self, wanted: str = "") -> Topic:
        """The topic with the images.

        Args:
            wanted: its name; empty takes the only one there is, and of an image and its compressed twin the first.

        Raises:
            BagError: there is none, or more than one; the text names what is there.
        """
        images = {topic.name: topic for topic in self.topics.values() if topic.type in (RAW, COMPRESSED) and topic.count}
        if wanted:
            if wanted in images:
                return images[wanted]
            if wanted not in self.topics:
                raise BagError(f"{self.path} has no topic {wanted}; {self._there_is()}")
            topic = self.topics[wanted]
            raise BagError(f"{wanted} in {self.path} " + (f"is {topic.type} and not an image; " if topic.count else
                                                          "has no message; ") + self._there_is())
        single = {name: topic for name, topic in images.items() if name.removesuffix("/compressed") not in images
                  or not name.endswith("/compressed")}
        if len(single) > 1:  # what `fer-ros record --overlay` adds is a picture of answers
            single = {name: topic for name, topic in single.items() if not name.endswith(_OVERLAYS)} or single
        if len(single) == 1:
            return next(iter(single.values()))
        if not single:
            raise BagError(f"{self.path} holds no image; {self._there_is()}")
        raise BagError(f"{self.path} holds images on {', '.join(sorted(single))}: choose with --topic")

    def calibration(self, topic: Topic) -> Calibration | None:
        """Of the camera whose images these are, from the first message of the `camera_info` beside them; None without one."""
        name = f"{topic.name.removesuffix('/compressed').rpartition('/')[0]}/camera_info"
        connections = [c for c in self._reader.connections if c.topic == name and c.msgtype == INFO]
        try:
            for connection, _, data in self._reader.messages(connections) if connections else ():
                info = self._deserialize(data, connection.msgtype)
                matrices = {key: tuple(map(float, getattr(info, key, getattr(info, key.upper(), ())))) for key in "dkrp"}
                return Calibration(info.width, info.height, info.distortion_model, matrices["d"], matrices["k"],
                                   matrices["r"], matrices["p"])
        except Exception as error:  # as of a damaged image
            raise BagError(f"{self.path} is damaged at {name}: {_first_line(error)}. {_mend(self.path)}") from None
        return None

    def frames(self, topic: Topic) -> Iterator[Frame]:
        """The images of a topic in the order in which they were recorded.

        Raises:
            BagError: the bag is damaged from here on, or an image is not to be decoded; what came before is sound.
        """
        connections = [c for c in self._reader.connections if c.topic == topic.name]
        messages = self._reader.messages(connections)
        number = 0
        while True:
            try:
                found = next(messages, None)
                if found is None:
                    return
                connection, recorded, data = found
                message = self._deserialize(data, connection.msgtype)
                header = message.header
                stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
                image = _decoded(message) if connection.msgtype == COMPRESSED else to_bgr(message)
            except ImageError as error:
                raise BagError(f"image {number + 1} of {topic.count} on {topic.name} in {self.path}: {error}") from None
            except Exception as error:
                raise BagError(f"{self.path} is damaged at image {number + 1} of {topic.count} on {topic.name}: "
                               f"{_first_line(error)}. {_mend(self.path)}") from None
            yield Frame(stamp or recorded, recorded, header.frame_id, number, image)
            number += 1

    def _there_is(self) -> str:
        listed = ", ".join(f"{t.name} ({t.type}, {t.count})" for t in sorted(self.topics.values(), key=lambda t: t.name))
        return f"there is {listed}"


def _decoded(message: Any) -> Image:
    image = decode(message.data)
    if image is None:
        raise ImageError(f"compressed image of format '{message.format}' and {len(message.data)} bytes is damaged, or no "
                         "picture that OpenCV can read")
    return image


def _files_in(path: Path) -> list[str]:
    """Names of the files in a folder that hold a bag's messages; none where it is no folder, or not to be read."""
    try:
        return [file.name for file in sorted(path.iterdir()) if file.suffix.lower() in _SUFFIXES] if path.is_dir() else []
    except OSError:
        return []


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".") or type(error).__name__


def _mend(path: Path) -> str:
    """What may save a damaged bag."""
    recover = "`mcap recover` (mcap.dev/guides/cli) may save what is there"
    if path.is_dir():
        more = ", and of an .mcap file in it " + recover if list(path.glob("*.mcap")) else ""
        return f"`ros2 bag reindex {path}` writes metadata.yaml anew{more}"
    if path.suffix.lower() == ".bag":
        return f"`rosbag reindex {path}` may save what is there"
    return recover if path.suffix.lower() == ".mcap" else "`ros2 bag reindex` on its folder may save what is there"
