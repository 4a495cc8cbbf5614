# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""MCAP bags that Foxglove and `ros2 bag` open: of any messages, and of faces and emotions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader, ReaderError, StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from fer_ros.bags.errors import BagError
from fer_ros.bags.mend import mend
from fer_ros.bags.reader import Frame
from fer_ros.media.encodings import JPEG_FORMAT, to_jpeg
from fer_ros.message_fields import EMOTION_ARRAY, EMOTION_EVENT, FACES, emotions_message, event_message, faces_message
from fer_ros.resources import message_definitions
from fer_ros.system.files import Output, OutputError, cut_short, reason
from fer_ros.system.room import Room
from fer_ros.types import Emotion, EmotionEvent, Face, Image

PICTURE = "sensor_msgs/msg/CompressedImage"
_KINDS = {"faces": FACES, "emotions": EMOTION_ARRAY, "events": EMOTION_EVENT, "overlay": PICTURE}
_QUALITY = 80
_HELD = 64 * 1024  # bytes for the end of a bag, and its metadata.yaml
_FOREVER = QosTime(sec=2**31 - 1, nsec=2**32 - 1)
RELIABLE = Qos(QosHistory.KEEP_LAST, 10, QosReliability.RELIABLE, QosDurability.VOLATILE, _FOREVER, _FOREVER,
               QosLiveliness.AUTOMATIC, _FOREVER, False)
"""What a player of the bag should offer: what the nodes do."""


def graph_types() -> Typestore:
    """The message types of the graph, with the definitions that are installed.

    Raises:
        BagError: the packages with the definitions are missing.
    """
    store = get_typestore(Stores.ROS2_JAZZY)
    try:
        for package in ("vision_msgs", "fer_ros"):
            store.register({
                name: fields for file in message_definitions(package)
                for name, fields in get_types_from_msg(file.read_text(encoding="utf-8"), f"{package}/msg/{file.stem}").items()
            })
    except OSError as error:
        raise BagError(f"message definitions cannot be read: {error}") from None
    return store


class _Finished:
    """In a rosbags.Writer's storage's place: its file is finished, and only metadata.yaml is missing."""

    def __init__(self, path: Path):
        self.path = path

    def close(self, version: int, metadata: str) -> None:
        """There is nothing to do."""


class BagWriter:
    """A new MCAP bag, made with the first message. Where the disk is full it ends, readable.

    Attributes:
        path: its name once it is finished.
        types: of the graph's messages.
        counts: messages by topic; once it is finished, those that can be read back.
        cut: why no more messages are written, empty as long as they are.
        seconds: once it is finished, from its first message to its last.
    """

    def __init__(self, output: Output, one_file: bool):
        """
        Args:
            output: where to write; given up where this raises.
            one_file: an .mcap file, and not a folder in rosbag2's layout.

        Raises:
            BagError: the packages with the message definitions are missing, or the disk is full.
        """
        self.path = output.path
        self.counts: dict[str, int] = {}
        self.cut, self.seconds = "", 0.0
        self._output, self._one_file = output, one_file
        self._folder = output.folder / "bag" / "bag" if one_file else output.scratch
        self._file = self._folder / f"{self._folder.name}.mcap"
        self._bag: Writer | None = None
        self._connections: dict[str, Any] = {}
        try:
            self.types = graph_types()
            self._room = Room(self._file, output.folder, _HELD)
        except BagError:
            output.discard()
            raise
        except OSError as error:
            output.discard()
            raise BagError(f"cannot write '{self.path}': {reason(error)}") from None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._file.stat().st_size if self._file.is_file() else 0

    def write(self, topic: str, kind: str, received: int, data: bytes | memoryview) -> None:
        """A message; nothing happens after `cut`.

        Args:
            kind: its type, `std_msgs/msg/String` say.
            received: when, in nanoseconds since 1970.
            data: CDR.

        Raises:
            BagError: it cannot be written; what came before can.
        """
        if self.cut:
            return
        try:
            if self._bag is None:
                self._bag = Writer(self._folder, version=9, storage_plugin=StoragePlugin.MCAP)
                self._bag.open()
            if topic not in self._connections:
                self._connections[topic] = self._bag.add_connection(topic, kind, typestore=self.types,
                                                                    offered_qos_profiles=[RELIABLE])
            self._bag.write(self._connections[topic], received, data)
        except OSError as error:
            self.cut = reason(error)
        except WriterError as error:
            raise BagError(f"cannot write '{self.path}': {error}") from None
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def finish(self) -> bool:
        """Complete the bag and give it its name. Returns whether there is one: without a message there is not.

        Raises:
            BagError: it cannot have its name.
        """
        bag, self._bag = self._bag, None
        self._room.give_back()
        if bag is None:
            self.discard()
            return False
        if not self.cut:
            try:
                bag.close()
            except OSError as error:
                self.cut = reason(error)
        if self.cut:
            self._mend(bag)
        written, self.counts = self.counts, self._read_back()
        if self.counts != written and not self.cut:
            self.cut = "the rest cannot be read back"
        if not self.counts:
            self.discard()
            return False
        try:
            if self._one_file:
                self._file.rename(self._output.scratch)
            self._output.publish()
        except OutputError as error:
            raise BagError(str(error)) from None
        self._file = self.path if self._one_file else self.path / self._file.name
        return True

    def discard(self) -> None:
        """Give up, leaving nothing behind; what `finish` has finished stays."""
        bag, self._bag = self._bag, None
        self._room.give_back()
        if bag is not None:
            with contextlib.suppress(OSError):
                bag.abort()
        self._output.discard()

    def _mend(self, bag: Writer) -> None:
        """Make what is on the disk readable, and write a metadata.yaml that says what that is."""
        with contextlib.suppress(OSError):
            bag.abort()  # it still tries to write what it has not yet
        with contextlib.suppress(OSError):
            mend(self._file)
            found = self._read_back()
            bag.counts = {connection.id: found.get(connection.topic, 0) for connection in bag.connections}
            bag.max_timestamp = bag.min_timestamp + round(self.seconds * 1e9)
            bag.storage = cast(Any, _Finished(self._file))
            bag.close()

    def _read_back(self) -> dict[str, int]:
        """Messages by topic, as a reader finds them."""
        try:
            with Reader(self._file) as reader:
                self.seconds = max(reader.duration - 1, 0) / 1e9
                return {name: info.msgcount for name, info in reader.topics.items() if info.msgcount}
        except (OSError, ReaderError):
            return {}


class ResultWriter:
    """Writes what was found in a recording; a context manager.

    The file appears under its name when it is complete; leaving with an exception writes nothing.

    Args:
        path: ends in .mcap.
        topics: names of `faces`, `emotions` and, if they are written, `events` and `overlay`.
        model: name of the emotion network.
        force: replace a file that is there.
        sources: what is read, see `check_output`.

    Raises:
        BagError: nothing can be written there, or the packages with the message definitions are missing.
    """

    def __init__(self, path: Path, topics: Mapping[str, str], model: str, force: bool = False,
                 sources: Iterable[str | Path] = ()):
        if path.suffix.lower() != ".mcap":
            raise BagError(f"cannot write '{path}': its name must end in .mcap")
        try:
            output = Output(path, force=force, sources=sources, keep=True)
        except OutputError as error:
            raise BagError(str(error)) from None
        self._bag = BagWriter(output, one_file=True)
        self.path, self._model = path, model
        self._topics = topics
        self._images, self._open = 0, True

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    @property
    def cut(self) -> str:
        """Why no more is written, empty as long as it is."""
        return self._bag.cut

    def close(self, total: int = 0) -> None:
        """Finish the file; nothing happens a second time.

        Args:
            total: images that there should be, where more are known of than have come.

        Raises:
            BagError: not all is there under its name; the text says why, and how much is.
        """
        if not self._open:
            return
        self._open = False
        self._bag.finish()
        if self._bag.cut:
            raise BagError(cut_short(self.path, "images", self._bag.counts.get(self._topics["emotions"], 0),
                                     max(self._images, total), self._bag.cut, self._bag.seconds))

    def discard(self) -> None:
        """Give up, leaving nothing behind."""
        self._bag.discard()

    def write(self, frame: Frame, faces: Sequence[Face], emotions: Sequence[Emotion], picture: Image | None = None) -> None:
        """What was found in an image, and the image with it drawn in, where `topics` has an `overlay`."""
        self._images += 1
        if self.cut:
            return
        header = self._header(frame)
        self._write("faces", frame, faces_message(self, faces, header))
        self._write("emotions", frame, emotions_message(self, emotions, header, self._model))
        if picture is not None:
            self._write("overlay", frame,
                        self.message(PICTURE, header=header, format=JPEG_FORMAT, data=to_jpeg(picture, _QUALITY)))

    def write_events(self, events: Iterable[EmotionEvent], frame: Frame) -> None:
        """What was settled with an image; each event has the header of the one in which it happened, its `frame`."""
        for event in events if not self.cut else ():
            self._write("events", frame, event_message(self, event, self._header(event.frame)))

    def _write(self, part: str, frame: Frame, message: Any) -> None:
        kind = _KINDS[part]
        self._bag.write(self._topics[part], kind, frame.recorded, self._bag.types.serialize_cdr(message, kind))

    def message(self, kind: str, /, **fields: Any) -> Any:
        """A message of rosbags', which knows no defaults: of all that can be left out only the pose is."""
        if kind == "vision_msgs/msg/ObjectHypothesisWithPose":
            fields.setdefault("pose", self._no_pose())
        return self._bag.types.types[kind](**fields)

    def floats(self, values: NDArray[Any], /) -> NDArray[Any]:
        """As rosbags wants them."""
        return np.ascontiguousarray(values, np.float32)

    def _header(self, frame: Frame) -> Any:
        time = self.message("builtin_interfaces/msg/Time", sec=frame.stamp // 10**9, nanosec=frame.stamp % 10**9)
        return self.message("std_msgs/msg/Header", stamp=time, frame_id=frame.frame_id)

    def _no_pose(self) -> Any:
        pose = self.message("geometry_msgs/msg/Pose", position=self.message("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
                          orientation=self.message("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0))
        return self.message("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36))
