# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Messages as they come, written to a bag that `ros2 bag`, Foxglove and `fer-ros replay | annotate` open."""

from __future__ import annotations

from pathlib import Path

from fer_ros.bags.errors import BagError
from fer_ros.bags.reader import is_bag
from fer_ros.bags.writer import BagWriter
from fer_ros.system.files import Output, OutputError, cut_short


class BagRecorder(BagWriter):
    """A bag that is being recorded; a context manager. However the block is left, what was recorded is kept.

    Nothing is left where no message comes. It is written in chunks of a megabyte: what a recorder that was killed leaves of it
    in a folder `.NAME-...` beside it can be saved with `mcap recover`.

    Args:
        path: a folder in rosbag2's layout, or, where it ends in .mcap, one file.
        force: replace a bag that is there, once the new one is complete.

    Raises:
        BagError: there is something of that name, or nothing can be written there.
    """

    def __init__(self, path: Path, force: bool = False):
        one_file = path.suffix.lower() == ".mcap"
        if force and path.is_dir() and not is_bag(path):
            raise BagError(f"cannot write '{path}': it is a folder, and no bag: name another")
        try:
            output = Output(path, force=force, folder=not one_file, keep=True)
        except OutputError as error:
            raise BagError(str(error)) from None
        super().__init__(output, one_file)

    def __enter__(self) -> BagRecorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the bag; nothing happens a second time.

        Raises:
            BagError: not all that came is there under its name; the text says why, and how much is.
        """
        came = sum(self.counts.values())
        if self._bag is None:
            self.discard()
            return
        self.finish()
        if self.cut:
            raise BagError(cut_short(self.path, "messages", sum(self.counts.values()), came, self.cut, self.seconds))
