"""MCAP bags that Foxglove and `ros2 bag` open: of any messages, and of faces and emotions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from fer_ros.bags.reader import BagError, Frame
from fer_ros.core.encodings import JPEG_FORMAT, to_jpeg
from fer_ros.core.labels import EMOTIONS, FACE_CLASS
from fer_ros.core.resources import message_definitions
from fer_ros.core.types import Box, Emotion, Face, Image

FACES, EMOTION_ARRAY = "vision_msgs/msg/Detection2DArray", "fer_ros/msg/EmotionArray"
PICTURE = "sensor_msgs/msg/CompressedImage"
_KINDS = {"faces": FACES, "emotions": EMOTION_ARRAY, "overlay": PICTURE}
_QUALITY = 80
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
                for name, fields in get_types_from_msg(file.read_text(), f"{package}/msg/{file.stem}").items()
            })
    except OSError as error:
        raise BagError(f"message definitions cannot be read: {error}") from None
    return store


def check_writable(path: Path) -> None:
    """Raises BagError where no file or folder of that name can be made."""
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise BagError(f"cannot write '{path}': {path.parent} is not a folder that you may write to")


class BagWriter:
    """A new MCAP bag, in a folder in rosbag2's layout that is made with the first message.

    Attributes:
        types: of the graph's messages.
        counts: messages by topic.
    """

    def __init__(self, folder: Path):
        self.types = graph_types()
        self.counts: dict[str, int] = {}
        self._folder = folder
        self._bag: Writer | None = None
        self._connections: dict[str, Any] = {}

    def write(self, topic: str, kind: str, received: int, data: bytes) -> None:
        """A message.

        Args:
            kind: its type, `std_msgs/msg/String` say.
            received: when, in nanoseconds since 1970.
            data: CDR.

        Raises:
            BagError: it cannot be written; what came before can.
        """
        try:
            if self._bag is None:
                bag = Writer(self._folder, version=9, storage_plugin=StoragePlugin.MCAP)
                bag.open()
                self._bag = bag
            if topic not in self._connections:
                self._connections[topic] = self._bag.add_connection(topic, kind, typestore=self.types,
                                                                    offered_qos_profiles=[RELIABLE])
            self._bag.write(self._connections[topic], received, data)
        except (OSError, WriterError) as error:
            raise BagError(f"cannot write '{self._folder}': {getattr(error, 'strerror', None) or error}") from None
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def finish(self) -> Path | None:
        """The complete .mcap file; None where no message came, or it was finished before. Raises OSError."""
        bag, self._bag = self._bag, None
        if bag is None:
            return None
        bag.close()
        return next(self._folder.glob("*.mcap"))


class ResultWriter:
    """Writes what was found in a recording; a context manager.

    The file appears under its name when it is complete; leaving with an exception writes nothing.

    Args:
        path: ends in .mcap.
        topics: names of `faces`, `emotions` and, if pictures are written, `overlay`.
        model: name of the emotion network.

    Raises:
        BagError: nothing can be written there, or the packages with the message definitions are missing.
    """

    def __init__(self, path: Path, topics: Mapping[str, str], model: str):
        if path.suffix.lower() != ".mcap":
            raise BagError(f"cannot write '{path}': its name must end in .mcap")
        if path.is_dir():
            raise BagError(f"cannot write '{path}': it is a folder")
        check_writable(path)
        self.path, self._model = path, model
        self._topics = topics
        self._scratch = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-")
        try:
            self._bag = BagWriter(Path(self._scratch.name) / "bag")
        except BagError:
            self._scratch.cleanup()
            raise

    def __enter__(self) -> ResultWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def close(self) -> None:
        """Finish the file.

        Raises:
            BagError: it cannot be written.
        """
        try:
            made = self._bag.finish()
            if made is not None:
                os.replace(made, self.path)
        except OSError as error:
            raise BagError(f"cannot write '{self.path}': {error.strerror or error}") from None
        finally:
            self._scratch.cleanup()

    def discard(self) -> None:
        """Give up, leaving nothing behind."""
        try:
            self._bag.finish()
        finally:
            self._scratch.cleanup()

    def write(self, frame: Frame, faces: Sequence[Face], emotions: Sequence[Emotion], picture: Image | None = None) -> None:
        """What was found in an image, and the image with it drawn in, where `topics` has an `overlay`."""
        header = self._header(frame.stamp, frame.frame_id)
        detections = [self._make("vision_msgs/msg/Detection2D", header=header, bbox=self._box(face.box), id=face.id, results=[
            self._make("vision_msgs/msg/ObjectHypothesisWithPose", pose=self._no_pose(),
                       hypothesis=self._make("vision_msgs/msg/ObjectHypothesis", class_id=FACE_CLASS, score=face.score)),
        ]) for face in faces]
        self._write("faces", frame, self._make(FACES, header=header, detections=detections))
        found = [self._make(
            "fer_ros/msg/Emotion", face_id=emotion.face_id, bbox=self._box(emotion.box), label=emotion.label,
            detection_score=emotion.detection_score, confidence=emotion.confidence,
            probabilities=np.ascontiguousarray(emotion.probabilities, np.float32),
            raw_probabilities=np.ascontiguousarray(emotion.raw_probabilities, np.float32),
        ) for emotion in emotions]
        self._write("emotions", frame,
                    self._make(EMOTION_ARRAY, header=header, model=self._model, labels=list(EMOTIONS), emotions=found))
        if picture is not None:
            self._write("overlay", frame,
                        self._make(PICTURE, header=header, format=JPEG_FORMAT, data=to_jpeg(picture, _QUALITY)))

    def _write(self, part: str, frame: Frame, message: Any) -> None:
        kind = _KINDS[part]
        self._bag.write(self._topics[part], kind, frame.recorded, self._bag.types.serialize_cdr(message, kind))

    def _make(self, kind: str, **fields: Any) -> Any:
        return self._bag.types.types[kind](**fields)

    def _header(self, stamp: int, frame_id: str) -> Any:
        time = self._make("builtin_interfaces/msg/Time", sec=stamp // 10**9, nanosec=stamp % 10**9)
        return self._make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)

    def _box(self, box: Box) -> Any:
        position = self._make("vision_msgs/msg/Point2D", x=box.cx, y=box.cy)
        centre = self._make("vision_msgs/msg/Pose2D", position=position, theta=box.roll)
        return self._make("vision_msgs/msg/BoundingBox2D", center=centre, size_x=box.width, size_y=box.height)

    def _no_pose(self) -> Any:
        pose = self._make("geometry_msgs/msg/Pose", position=self._make("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0),
                          orientation=self._make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=0.0, w=1.0))
        return self._make("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36))
