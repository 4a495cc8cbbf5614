# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The images of a recorded bag: ROS 1 and 2, sqlite3 and MCAP, raw and compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from rosbags.rosbag1 import Reader as Reader1
from rosbags.rosbag2 import Reader as Reader2
from rosbags.typesys import Stores, get_typestore

from fer_ros.bags.definitions import check_definition
from fer_ros.bags.errors import BagError
from fer_ros.bags.refusals import first_line, refusal, rescue
from fer_ros.bags.unfinished import Unfinished
from fer_ros.bags.unpacking import bound, unpack_zstd
from fer_ros.media.calibration import Calibration
from fer_ros.media.compressed import decompressed
from fer_ros.media.encodings import ImageError, to_bgr
from fer_ros.message_fields import OVERLAYS
from fer_ros.types import Comparable, Image
from fer_ros.words import command, counted, listed, one_line

RAW, COMPRESSED = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"
INFO = "sensor_msgs/msg/CameraInfo"
_SUFFIXES = (".bag", ".mcap", ".db3")
_LISTED = 20  # topics that an error names
_NAME = 100  # characters of a name that it shows: of a damaged bag a name can be anything
_LATEST = 2**31 * 10**9  # nanoseconds; the seconds of a ROS time have 32 bits

bound()


@dataclass(frozen=True)
class Topic:
    """What a bag holds of a topic."""

    name: str
    type: str
    count: int

    @property
    def shown(self) -> str:
        """Its name, as far as a sentence shows it."""
        return one_line(str(self.name), _NAME)  # in a row of SQLite it can be a number

    @property
    def shown_type(self) -> str:
        """Its type, likewise."""
        return one_line(str(self.type), _NAME)


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


@dataclass(frozen=True)
class Skipped:
    """An image of a bag that cannot be read. As text: which one, and why.

    Attributes:
        number, recorded: as of a `Frame`.
        reason: in words.
    """

    topic: Topic
    number: int
    recorded: int
    reason: str

    def __str__(self) -> str:
        seconds, rest = divmod(self.recorded, 10**9)
        return one_line(f"image {self.number + 1} of {self.topic.count} on {self.topic.shown} (recorded at "
                        f"{seconds}.{rest:09d} s) is skipped: {self.reason}")


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
        try:
            _check_kind(path)
        except OSError as error:  # a name that is too long, no right to look there
            raise BagError(f"{path} cannot be read: {error.strerror}") from None
        one = path.is_file() and path.suffix.lower() == ".bag"
        self._types = get_typestore(Stores.ROS1_NOETIC if one else Stores.ROS2_JAZZY)
        self._deserialize = self._types.deserialize_ros1 if one else self._types.deserialize_cdr
        self._unfinished = self._packed = False
        self._reader: Any = None
        try:
            self._reader = self._open(one)
            self.topics = {
                name: Topic(name, info.msgtype or "several types", info.msgcount) for name, info in self._reader.topics.items()
            }
        except Exception as error:  # rosbags lets whatever a damaged file makes its parsers raise through
            self._reader = None
            raise BagError(refusal(path, error)) from None
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

    def _open(self, one: bool) -> Any:
        reader: Any = Reader1(self.path) if one else Reader2(self.path)
        try:
            reader.open()
        except Exception:
            files = list(self.path.glob("*.mcap")) if self.path.is_dir() else [self.path]
            unfinished = Unfinished.of(files[0]) if len(files) == 1 and files[0].suffix.lower() == ".mcap" else None
            if unfinished is None:
                raise
            reader = Reader2(cast(Path, unfinished))
            reader.open()
            self._unfinished = True
        if not one and reader.compression_mode == "message":
            # Unpacked here, message by message: within rosbags one that is broken would end the bag.
            self._packed = True
            reader.storage.metadata = reader.storage.metadata._replace(compression_mode=None)
        return reader

    def image_topic(self, wanted: str = "") -> Topic:
        """The topic with the images.

        Args:
            wanted: its name; empty takes the only one there is, and of an image and its compressed twin the first.

        Raises:
            BagError: there is none, or more than one, and the text names what is there; or its messages are of another kind.
        """
        topic = self._image_topic(wanted)
        for connection in self._connections(topic.name):
            check_definition(connection, self._types, self.path)
        return topic

    def _image_topic(self, wanted: str) -> Topic:
        images = {topic.name: topic for topic in self.topics.values() if topic.type in (RAW, COMPRESSED) and topic.count}
        if wanted:
            if wanted in images:
                return images[wanted]
            if wanted not in self.topics:
                raise BagError(f"{self.path} has no topic {wanted}; {self._there_is()}")
            topic = self.topics[wanted]
            raise BagError(f"{wanted} in {self.path} " + (f"is {topic.shown_type} and not an image; " if topic.count else
                                                          "has no message; ") + self._there_is())
        single = {name: topic for name, topic in images.items() if name.removesuffix("/compressed") not in images
                  or not name.endswith("/compressed")}
        if len(single) > 1:  # what `fer-ros record --overlay` adds is a picture of answers
            single = {name: topic for name, topic in single.items() if not name.endswith(OVERLAYS)} or single
        if len(single) == 1:
            return next(iter(single.values()))
        if not single:
            raise BagError(f"{self.path} holds no image; {self._there_is()}")
        names = listed([topic.shown for _, topic in sorted(single.items())], _LISTED)
        raise BagError(f"{self.path} holds images on {names}: choose with --topic")

    def calibration(self, topic: Topic, tell: Callable[[str], None] = lambda text: None) -> Calibration | None:
        """Of the camera whose images these are, from the first `camera_info` beside them that makes sense; None without one.

        Args:
            tell: called with what is wrong with those before it.
        """
        name = f"{topic.name.removesuffix('/compressed').rpartition('/')[0]}/camera_info"
        connections = [c for c in self._connections(name) if c.msgtype == INFO]
        messages = self._reader.messages(connections) if connections else iter(())
        broken = 0
        while True:
            try:
                found = next(messages, None)
                if found is None:
                    return None
                return _calibration(self._message(*found))
            except ValueError as error:
                reason = first_line(error)
            except Exception as error:  # of the container: what is wrong with it is said again where its images are read
                tell(one_line(f"{name} in {self.path} cannot be read: {first_line(error)}. Its images count as uncalibrated"))
                return None
            broken += 1
            if broken == 1:
                tell(one_line(f"a message on {name} in {self.path} is no camera's calibration and is skipped: {reason}"))

    def frames(self, topic: Topic, skip: Callable[[Skipped], None] = lambda skipped: None) -> Iterator[Frame]:
        """The images of a topic in the order in which they were recorded.

        Args:
            skip: called with each image that cannot be read.

        Raises:
            BagError: they are not to be read at all, or the bag is damaged or ends from here on; what came before is sound.
        """
        messages = self._reader.messages(self._connections(topic.name))
        number = 0
        while True:
            try:
                found = next(messages, None)
            except Exception as error:  # of the container, whatever damage makes its parser raise
                raise BagError(f"{self.path} is damaged at image {number + 1} of {topic.count} on {topic.shown}: "
                               f"{first_line(error)}. {rescue(self.path)}") from None
            if found is None:
                break
            try:
                frame = self._frame(number, *found)
            except Exception as error:  # of the message, whatever its bytes make a parser raise
                recorded = found[1] if isinstance(found[1], int) else 0
                reason = str(error) if isinstance(error, ImageError) else first_line(error)
                skip(Skipped(topic, number, recorded, reason))
            else:
                yield frame
            number += 1
        if self._unfinished:
            raise BagError(f"{self.path} was not finished, because its recorder was killed, the disk was full, or a copy was "
                           f"cut short: it ends after {counted(number, 'image')} on {topic.shown}")
        if number < topic.count:
            raise BagError(f"{self.path} holds {number} of the {topic.count} images on {topic.shown} that its metadata or "
                           "index names: that is of another bag, or was changed; "
                           f"{command(f'bag reindex {self.path}')} writes metadata.yaml anew")

    def _connections(self, topic: str) -> list[Any]:
        return [connection for connection in self._reader.connections if connection.topic == topic]

    def _message(self, connection: Any, recorded: int, data: bytes) -> Any:
        """Raises ValueError where the bytes are not what the connection says."""
        try:
            return self._deserialize(unpack_zstd(data) if self._packed else data, connection.msgtype)
        except Exception as error:  # of numpy, struct, codecs, zstd, ...
            raise ValueError(f"its {len(data or b'')} bytes are no {connection.msgtype} ({first_line(error)})") from None

    def _frame(self, number: int, connection: Any, recorded: int, data: bytes) -> Frame:
        """Raises whatever a wrong message makes a parser raise."""
        message = self._message(connection, recorded, data)
        header = message.header
        stamp = header.stamp.sec * 10**9 + header.stamp.nanosec or recorded
        for time in (stamp, recorded):
            if not (isinstance(time, int) and -_LATEST <= time < _LATEST):
                raise ValueError(f"{time} ns is no time that ROS can tell")
        image = decompressed(message.data, message.format) if connection.msgtype == COMPRESSED else to_bgr(message)
        return Frame(stamp, recorded, header.frame_id, number, image)

    def _there_is(self) -> str:
        topics = sorted(self.topics.values(), key=lambda topic: topic.name)
        return f"there is {listed([f'{topic.shown} ({topic.shown_type}, {topic.count})' for topic in topics], _LISTED)}"


def _files_in(path: Path) -> list[str]:
    """Names of the files in a folder that hold a bag's messages; none where it is no folder, or not to be read."""
    try:
        return [file.name for file in sorted(path.iterdir()) if file.suffix.lower() in _SUFFIXES] if path.is_dir() else []
    except OSError:
        return []


def _check_kind(path: Path) -> None:
    """Raises BagError where a path is not that of a bag."""
    if not path.exists():
        raise BagError(f"{path} does not exist: name a bag (a folder with metadata.yaml, or a .mcap, .db3 or .bag file)")
    if path.is_dir() and not (path / "metadata.yaml").is_file():
        files = _files_in(path)
        hint = (f"{command(f'bag reindex {path}')} writes it, or name {path / files[0]}" if files else
                "there is no bag in it either")
        raise BagError(f"{path} has no metadata.yaml: {hint}")
    if path.is_file() and path.suffix.lower() not in _SUFFIXES:
        raise BagError(f"{path} is not a bag: its name would end in {', '.join(_SUFFIXES)}"
                       + ("; its recorder did not finish it: `rosbag reindex` does" * path.name.endswith(".bag.active")))
    if path.is_file() and path.stat().st_size == 0:
        raise BagError(f"{path} is empty: nothing was recorded, or the recorder was killed")


def _calibration(info: Any) -> Calibration:
    """Of a `CameraInfo` of any ROS. Raises ValueError where it makes no sense."""
    matrices = {key: _numbers(getattr(info, key, getattr(info, key.upper(), ()))) for key in "dkrp"}
    if [len(matrices[key]) for key in "krp"] != [9, 9, 12] or not all(map(np.isfinite, sum(matrices.values(), ()))):
        raise ValueError("its matrices have too few numbers, or some that are not finite")
    return Calibration(info.width, info.height, info.distortion_model, *(matrices[key] for key in "dkrp"))


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(float, values))
