"""Messages as they come, written to a bag that `ros2 bag`, Foxglove and `fer-ros replay | annotate` open."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from fer_ros.bags.reader import BagError
from fer_ros.bags.writer import RELIABLE, check_writable, graph_types


class BagRecorder:
    """A new MCAP bag; a context manager.

    It is made with the first message, so that nothing is left where none comes, and written in chunks of a megabyte: what a
    recorder that was killed leaves of it can be saved with `mcap recover`.

    Attributes:
        counts: messages by topic.

    Args:
        path: a folder in rosbag2's layout, or, where it ends in .mcap, one file.

    Raises:
        BagError: there is something of that name, or nothing can be written there.
    """

    def __init__(self, path: Path):
        if path.exists():
            raise BagError(f"{path} is there already: name another")
        check_writable(path)
        self.path = path
        self.counts: dict[str, int] = {}
        self._one_file = path.suffix.lower() == ".mcap"
        self._folder = path.with_suffix(".recording") if self._one_file else path
        if self._folder.exists():
            raise BagError(f"{self._folder} is there already: an earlier recording that was killed; move it away")
        self._types = graph_types()
        self._bag: Writer | None = None
        self._connections: dict[str, Any] = {}

    def __enter__(self) -> BagRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        files = [self.path] if self.path.is_file() else self._folder.glob("*.mcap")
        return sum(file.stat().st_size for file in files)

    def write(self, topic: str, kind: str, received: int, data: bytes) -> None:
        """A message as it came.

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
                self._connections[topic] = self._bag.add_connection(topic, kind, typestore=self._types,
                                                                    offered_qos_profiles=[RELIABLE])
            self._bag.write(self._connections[topic], received, data)
        except (OSError, WriterError) as error:
            raise BagError(f"cannot write '{self._folder}': {getattr(error, 'strerror', None) or error}") from None
        self.counts[topic] = self.counts.get(topic, 0) + 1

    def close(self) -> None:
        """Finish the bag. Raises BagError where that cannot be written."""
        bag, self._bag = self._bag, None
        if bag is None:
            return
        try:
            bag.close()
            if self._one_file:
                (made,) = self._folder.glob("*.mcap")
                os.replace(made, self.path)
                shutil.rmtree(self._folder)
        except OSError as error:
            raise BagError(f"cannot finish '{self._folder}': {error.strerror or error}; `mcap recover` "
                           "(mcap.dev/guides/cli) may save what is there") from None
