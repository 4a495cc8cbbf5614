"""Messages as they come, written to a bag that `ros2 bag`, Foxglove and `fer-ros replay | annotate` open."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fer_ros.bags.reader import BagError
from fer_ros.bags.writer import BagWriter, check_writable


class BagRecorder(BagWriter):
    """A bag that is being recorded; a context manager.

    Nothing is left where no message comes. It is written in chunks of a megabyte: what a recorder that was killed leaves of it
    can be saved with `mcap recover`.

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
        self._one_file = path.suffix.lower() == ".mcap"
        folder = path.with_suffix(".recording") if self._one_file else path
        if folder.exists():
            raise BagError(f"{folder} is there already: an earlier recording that was killed; move it away")
        super().__init__(folder)

    def __enter__(self) -> BagRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        files = [self.path] if self.path.is_file() else self._folder.glob("*.mcap")
        return sum(file.stat().st_size for file in files)

    def close(self) -> None:
        """Finish the bag. Raises BagError where that cannot be written."""
        try:
            made = self.finish()
            if made is not None and self._one_file:
                os.replace(made, self.path)
                shutil.rmtree(self._folder)
        except OSError as error:
            raise BagError(f"cannot finish '{self._folder}': {error.strerror or error}; `mcap recover` "
                           "(mcap.dev/guides/cli) may save what is there") from None
