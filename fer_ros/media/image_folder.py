# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pictures from disk: those of a folder in their order, or one."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from fer_ros.media.array_source import FPS
from fer_ros.media.encodings import decode
from fer_ros.media.image_headers import HEAD, MOST_BYTES, READ, kind_of, size_of, too_large
from fer_ros.media.recorded import Recorded
from fer_ros.media.source_name import SourceError
from fer_ros.media.source_params import SourceParams, scaled
from fer_ros.types import Image
from fer_ros.words import counted, listed

_SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
_NAMED = 3  # of files that are left out, how many are named


class ImageFolder(Recorded):
    """Images in their order. One that cannot be read is skipped, and said.

    Args:
        left_out: what the folder holds besides, in words; empty where nothing.
    """

    def __init__(self, paths: list[Path], name: str, params: SourceParams, left_out: str = ""):
        self.name = name
        self.fps = params.fps or FPS
        self.length = len(paths)
        self._params = params
        self._paths = paths
        self._at = self._given = 0
        self._skipped: set[Path] = set()
        images = counted(len(paths), "image")
        self._find_one(images)
        if left_out:
            self._say(f"{name}: {images}; left out: {left_out}")

    def _find_one(self, images: str) -> None:
        """Raises SourceError where none can be read, with the reason of the first."""
        first = ""
        for path in self._paths:
            loaded = self._load(path)
            if not isinstance(loaded, str):
                return
            first = first or f"{path.name} {loaded}"
        raise SourceError(f"source '{self.name}': {images}, none of which can be read ({first})")

    def _load(self, path: Path) -> Image | str:
        """The image, or why there is none."""
        try:
            if path.stat().st_size > MOST_BYTES:
                return f"has more than {MOST_BYTES // 10**6} MB"
            data = path.read_bytes()  # imread fails on some paths that are not ASCII; the bytes do not care
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        size = size_of(data)
        image = decode(data)
        if image is not None:
            return image
        reason = too_large(size or (0, 0))
        return f"is too large: {reason}" if reason else "is not an image that can be read"

    def next(self) -> Image | None:
        while self._at < len(self._paths):
            path = self._paths[self._at]
            self._at += 1
            image = self._load(path)
            if not isinstance(image, str):
                self.stamp = self._given / self.fps
                self._given += 1
                return scaled(image, self._params)
            if path not in self._skipped:  # in a loop it would be said every time
                self._skipped.add(path)
                self._say(f"{path} {image}: skipped")
        return None

    def rewind(self) -> None:
        self._at = self._given = 0

    def close(self) -> None:
        self._at = len(self._paths)


def images_in(folder: Path) -> tuple[list[Path], str]:
    """The pictures of a folder in the natural order of their names, and what was left out, in words."""
    found: list[Path] = []
    left_out: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.iterdir(), key=_natural):
        reason = _why_no_picture(path)
        if not reason:
            found.append(path)
        elif path.name not in _SYSTEM_FILES and not path.name.startswith("._"):
            left_out.setdefault(reason, []).append(path.name)
    told = "; ".join(f"{listed(names, _NAMED)} {one if len(names) == 1 else many}" for (one, many), names in left_out.items())
    if told:
        told = f"{counted(sum(map(len, left_out.values())), 'file')} ({told})"
    if not found:
        raise SourceError(f"folder '{folder}' has no image in it that is read ({', '.join(READ)})"
                          + (f"; left out: {told}" if told else ""))
    return found, told


def _why_no_picture(path: Path) -> tuple[str, str] | None:
    """Why an entry of a folder is not played, said of one and of several; None where it is."""
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            return "is a folder, which is not looked into", "are folders, which are not looked into"
        if not stat.S_ISREG(about.st_mode):
            return "is not a file", "are not files"
        if not about.st_size:
            return "is empty", "are empty"
        with open(path, "rb") as file:
            kind = kind_of(file.read(HEAD))
    except OSError as error:
        if path.is_symlink() and not path.exists():
            return "is a link that leads nowhere", "are links that lead nowhere"
        text = f"cannot be read: {error.strerror}"
        return text, text
    if kind in READ:
        return None
    if not kind:
        return "is not an image", "are not images"
    one, many = (f"{verb} {kind}, which is not read: convert {them} to JPEG or PNG" for verb, them in
                 (("is", "it"), ("are", "them")))
    return one, many


def _natural(path: Path) -> list[int | str]:
    """Sort key that puts frame10 after frame9."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path.name)]
