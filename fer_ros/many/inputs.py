# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which recordings are meant by files, folders, patterns and addresses of an object store."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fer_ros.many.store import Entry, Store
from fer_ros.media.source_name import SCHEMES, SourceError, filled_in, kind_of_source, path_of, without_secrets
from fer_ros.resources import share_directory
from fer_ros.system.files import reason
from fer_ros.words import one_line

BAGS = (".mcap", ".db3", ".bag")
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mpg", ".mpeg", ".m2ts", ".mts", ".ts", ".wmv", ".flv", ".ogv",
          ".3gp", ".mjpeg", ".mjpg", ".gif")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_OF_ROSBAG2 = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")
_DEEPEST = 64  # folders in folders
_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)


@dataclass(frozen=True)
class Input:
    """A recording that is to be annotated.

    Attributes:
        source: a path without links, or an address, as which every worker opens it.
        mark: changes when its content does: its size, and when it was changed.
    """

    source: str
    mark: str

    @property
    def shown(self) -> str:
        """Its name for people and tables: always text that can be printed."""
        return one_line(os.fsencode(self.source).decode("utf-8", "replace"), 4096)

    @property
    def name(self) -> str:
        """Of its files: no two recordings have one, and it is the same whatever else is annotated."""
        path = PurePosixPath(self.source)
        stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", path.stem or path.name)[:60].strip(".")
        return f"{stem or 'recording'}-{hashlib.sha256(os.fsencode(self.source)).hexdigest()[:10]}"

    @property
    def is_remote(self) -> bool:
        return bool(_ADDRESS.match(self.source))


@dataclass(frozen=True)
class Refused:
    """Something that was named, or lies in a folder that was, and cannot be annotated."""

    shown: str
    reason: str


def is_in_store(source: str) -> bool:
    """Whether a source's name is an address in an object store, and neither that of a file nor a stream's."""
    address = _ADDRESS.match(source)
    return address is not None and address[1].lower() not in ("file", *SCHEMES)


def find(sources: Sequence[str], leave_out: Path) -> tuple[list[Input], list[Refused]]:
    """The recordings that are meant, each once, in the order of their names; and what is none.

    A folder means all bags and videos below it, by their names; a folder of pictures is one recording. A file that is named
    itself is taken whatever its name.

    Args:
        leave_out: a folder in which nothing is looked for, because the answers lie there.
    """
    search = _Search(Path(os.path.realpath(leave_out)))
    for source in sources:
        search.add(source)
    return [search.found[name] for name in sorted(search.found)], search.refused


class _Search:
    def __init__(self, leave_out: Path):
        self.found: dict[str, Input] = {}
        self.refused: list[Refused] = []
        self._leave_out = leave_out
        self._seen: set[tuple[int, int]] = set()

    def add(self, source: str) -> None:
        try:
            name = filled_in(source)
            if not name:
                raise SourceError("the name is empty")
            if name == "demo":
                self._add_local(str(share_directory() / "demo" / "demo.mp4"))
            elif is_in_store(name):
                self._add_remote(name)
            elif kind_of_source(name) != "recorded":
                raise SourceError(f"it is a {'camera' if kind_of_source(name) == 'device' else 'stream'}: name recordings")
            else:
                self._add_path(name)
        except (SourceError, OSError) as error:
            self._refuse(source, reason(error) if isinstance(error, OSError) else str(error))

    def _refuse(self, shown: str, why: str) -> None:
        self.refused.append(Refused(one_line(os.fsencode(without_secrets(shown)).decode("utf-8", "replace")), one_line(why)))

    def _add_path(self, name: str) -> None:
        path = str(path_of(name))
        if os.path.lexists(path):
            self._add_local(path)
            return
        if not glob.has_magic(path):
            raise SourceError("it does not exist")
        matched = [one for one in sorted(glob.glob(path, recursive=True)) if os.path.isdir(one) or _is_recording(one)]
        if not matched:
            raise SourceError("no recording matches this pattern")
        for one in matched:
            self._add_local(one)

    def _add_local(self, path: str) -> None:
        real = os.path.realpath(path)
        if Path(real).is_relative_to(self._leave_out):
            raise SourceError(f"it lies in {self._leave_out}, where the answers go")
        kind = os.stat(real).st_mode
        if stat.S_ISDIR(kind):
            before = len(self.found), len(self.refused)
            self._walk_local(real)
            if (len(self.found), len(self.refused)) == before and not self._holds_known(real):
                raise SourceError("there is no bag, video or picture in this folder")
        elif stat.S_ISREG(kind):
            self._take(real, [os.stat(real)])
        else:
            raise SourceError("it is a pipe, a device or a socket: name a file or a folder")

    def _holds_known(self, folder: str) -> bool:
        return any(Path(name).is_relative_to(folder) for name in self.found)

    def _walk_local(self, folder: str) -> None:
        try:
            about = os.stat(folder)
            if (about.st_dev, about.st_ino) in self._seen or Path(folder).is_relative_to(self._leave_out):
                return  # a link that leads back, or to what was named before
            self._seen.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as found:
                entries = sorted((one for one in found if not one.name.startswith(".")), key=lambda one: one.name)
            folders: list[str] = []
            files: list[str] = []
            for one in entries:
                if one.is_symlink() and not os.path.exists(one.path):
                    self._refuse(one.path, "it is a link that leads nowhere")
                else:
                    (folders if one.is_dir() else files if one.is_file() else []).append(one.path)
        except OSError as error:
            self._refuse(folder, f"the folder cannot be read: {reason(error)}")
            return
        for real in map(os.path.realpath, chosen(folder, files)):
            if real == os.path.realpath(folder):
                self._take(real, [os.stat(one) for one in files])
            elif not Path(real).is_relative_to(self._leave_out):
                self._take(real, [os.stat(real)])
        for below in folders:
            self._walk_local(os.path.realpath(below))

    def _take(self, real: str, about: Iterable[os.stat_result]) -> None:
        marks = [f"{one.st_size} {one.st_mtime_ns}" for one in about]
        self.found.setdefault(real, Input(real, _mark(marks)))

    def _add_remote(self, address: str) -> None:
        if not Store.knows(address):
            raise SourceError("it is an address that fsspec does not know: name recordings")
        store = Store.of(address)
        entries = store.matching(address)
        if glob.has_magic(address):
            entries = [one for one in entries if one.is_folder or _is_recording(one.path)]
        if not entries:
            raise SourceError("no recording is there, or matches this pattern")
        before = len(self.found)
        for one in entries:
            if one.is_folder:
                self._walk_remote(store, one, 0)
            else:
                self._take_remote(store, one.path, [one])
        if len(self.found) == before:
            raise SourceError("there is no bag, video or picture there that is not named already")

    def _walk_remote(self, store: Store, folder: Entry, depth: int) -> None:
        if depth > _DEEPEST:
            self._refuse(store.address(folder.path), f"more than {_DEEPEST} folders deep")
            return
        entries = store.entries(folder.path)
        files = {one.path: one for one in entries if not one.is_folder}
        for path in chosen(folder.path, list(files)):
            self._take_remote(store, path, list(files.values()) if path == folder.path else [files[path]])
        for one in entries:
            if one.is_folder:
                self._walk_remote(store, one, depth + 1)

    def _take_remote(self, store: Store, path: str, about: Sequence[Entry]) -> None:
        address = store.address(path)
        self.found.setdefault(address, Input(address, _mark([one.mark for one in about])))


def chosen(folder: str, files: Sequence[str]) -> Iterator[str]:
    """What of a folder's files is a recording; the folder itself where it is one, of rosbag2 or of pictures."""
    names = {PurePosixPath(path).name for path in files}
    if "metadata.yaml" in names and any(name.lower().endswith(_OF_ROSBAG2) for name in names):
        yield folder
        return
    recordings = [path for path in files if _is_recording(path)]
    yield from recordings
    if not recordings and any(path.lower().endswith(PICTURES) for path in files):
        yield folder


def _is_recording(path: str) -> bool:
    return path.lower().endswith((*BAGS, *VIDEOS))


def _mark(marks: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(marks)).encode()).hexdigest()[:16]
