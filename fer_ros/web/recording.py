# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recordings that a page starts: the overlay as a video in one folder, one at a time."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

from fer_ros.media.source_name import path_of
from fer_ros.media.video_recorder import RecordError, VideoRecorder
from fer_ros.types import Image
from fer_ros.words import counted

_NAME = re.compile(r"fer_(?:\w+_)?(\d{8}_\d{6})\.mp4", re.ASCII)
_LISTED = 20
FOLDER = "~/fer_ros_recordings"


class Recordings:
    """A folder of recordings, and the one that is being made. Thread-safe.

    Args:
        folder: is made when the first recording starts; empty for `FOLDER`.
        name: of what is recorded, where there are several cameras or robots; it is in the names of the files.
    """

    def __init__(self, folder: str = "", name: str = ""):
        self._form = f"fer_{name.replace('/', '_')}_%Y%m%d_%H%M%S.mp4" if name else "fer_%Y%m%d_%H%M%S.mp4"
        self._folder = path_of(folder or FOLDER).expanduser()
        self._recorder: VideoRecorder | None = None
        self._begun: float | None = None
        self._frames = 0
        self._said = ""
        self._lock = threading.Lock()

    @property
    def active(self) -> bool:
        return self._recorder is not None

    def begin(self) -> None:
        """Raises RecordError."""
        with self._lock:
            if self._recorder is not None:
                raise RecordError("a recording runs already")
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise RecordError(f"{self._folder} cannot be made: {error.strerror}") from None
            self._recorder = VideoRecorder(self._folder / time.strftime(self._form))
            self._begun, self._frames, self._said = None, 0, ""

    def write(self, image: Image, stamp: float, limit: float) -> None:
        """Add a frame; a recording that has become `limit` seconds long is finished."""
        with self._lock:
            if self._recorder is None:
                return
            try:
                self._recorder.write(image, stamp)
            except RecordError as error:
                self._close(str(error))
                return
            self._frames += 1
            self._begun = stamp if self._begun is None or stamp < self._begun else self._begun
            if self._recorder.cut:
                self._close(self._recorder.cut)
            elif stamp - self._begun >= limit:
                self._close(f"it has become {limit:g} s long, which is recording_limit")

    def end(self) -> None:
        """Finish the file. Raises RecordError where not all of it is there."""
        with self._lock:
            if self._recorder is None:
                raise RecordError("nothing is being recorded")
            self._close("")
            if self._said:
                raise RecordError(self._said)

    def close(self) -> None:
        """Finish what is being recorded, if anything is."""
        with self._lock:
            if self._recorder is not None:
                self._close("")

    def _close(self, why: str) -> None:
        recorder, self._recorder = self._recorder, None
        assert recorder is not None  # the callers have looked
        self._said = f"The recording has ended: {why}." if why else ""
        try:
            if not recorder.close() and not why:
                self._said = "Nothing was recorded: no picture came."
        except RecordError as error:
            self._said = str(error)

    def files(self) -> dict[str, Path]:
        """The newest recordings that are there, by name."""
        try:
            found = [(name[1], path) for path in self._folder.iterdir()  # not what a link leads to: it may be any file
                     if (name := _NAME.fullmatch(path.name)) and path.is_file() and not path.is_symlink()]
        except OSError:
            return {}
        return {path.name: path for _, path in sorted(found, reverse=True)[:_LISTED]}

    def state(self) -> dict[str, Any]:
        """As the page shows it."""
        files = []
        for name, path in self.files().items():
            try:
                files.append({"name": name, "bytes": path.stat().st_size})
            except OSError:
                continue  # it has been removed since
        return {"on": self.active, "frames": counted(self._frames, "frame"), "said": self._said, "files": files,
                "folder": str(self._folder)}
