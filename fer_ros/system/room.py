# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Room on the disk for finishing a file that grows: a disk that fills up cuts it short, and does not make it unreadable."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import resource
from pathlib import Path

_STEPS = (16 * 2**20, 2**20)  # bytes of growth between two looks, as long as there is so much room
_NAME = "room"
_MOUNTS = Path("/proc/self/mountinfo")
_MOST_ON_FAT = 2**32 - 1  # bytes of a file
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Room:
    """Space that is held beside a growing file until it is finished.

    Other programs, quotas and limits count as the disk itself does, because the space is really taken.

    Args:
        file: the one that grows, whether it is there yet or not.
        folder: on the same disk; for a file of this object's own.

    Raises:
        OSError: there is not even so much.
    """

    def __init__(self, file: Path, folder: Path, held: int):
        self._file, self._held = file, held
        self._enough = 0.0  # bytes of the file up to which there is room
        self._path = folder / _NAME
        self._most = _most(folder)
        self._handle: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with contextlib.suppress(OSError):  # not every disk can
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # until this process ends, see `left_behind`
            self._take(held)
        except OSError:
            self.give_back()
            raise

    def check(self, held: int, ahead: int) -> None:
        """Whether the file can grow by another `ahead` bytes and be finished in `held` bytes after that.

        Costs two system calls; more only where the file has grown a lot, or the disk is nearly full.

        Raises:
            OSError: it cannot; what is held still is.
        """
        try:
            size = os.stat(self._file).st_size
        except FileNotFoundError:
            size = 0
        disk = os.fstatvfs(self._open_handle())
        if size < self._enough and disk.f_bavail * disk.f_frsize >= ahead:
            return
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        most = min(self._most, limit if limit != resource.RLIM_INFINITY else math.inf) - held - ahead
        if size > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        self._enough = min(size + self._try(held, ahead), most) + 1

    def _try(self, held: int, ahead: int) -> int:
        """Take room and give it back: a quota says that there is none only to who takes it. How much more there is."""
        try:
            for more in _STEPS:
                with contextlib.suppress(OSError):
                    self._take(held + ahead + more)
                    self._held = held
                    return more
            self._take(held + ahead)
            self._held = held
            return 0
        finally:
            os.ftruncate(self._open_handle(), self._held)

    def give_back(self) -> None:
        """Let go of the space, to finish the file in it. Any number of times."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _open_handle(self) -> int:
        assert self._handle is not None, "the space has been given back"
        return self._handle

    def _take(self, size: int) -> None:
        try:
            os.posix_fallocate(self._open_handle(), 0, size)
        except OSError as error:
            if error.errno in _FULL:
                raise  # and else this disk cannot tell


def left_behind(beside: Path) -> list[tuple[Path, Path, int]]:
    """What writers that were killed have left in the folder of a file.

    Returns:
        Scratch folders, what each of them holds, and the bytes of that.
    """
    found = []
    with contextlib.suppress(OSError):
        for room in sorted(beside.parent.glob(f".*-*/{_NAME}")):
            with contextlib.suppress(OSError):
                files = [path for path in room.parent.rglob("*") if path.is_file() and path != room]
                if files and not _is_held(room):
                    largest = max(files, key=lambda path: path.stat().st_size)
                    found.append((room.parent, largest, largest.stat().st_size))
    return found


def _is_held(room: Path) -> bool:
    """Whether the process that has made it is alive. Raises OSError where the disk cannot tell, or it is another user's."""
    handle = os.open(room, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _most(folder: Path) -> float:
    """Bytes of the largest file that a folder's file system takes."""
    device = os.stat(folder).st_dev
    with contextlib.suppress(OSError, IndexError):
        for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
            mount, _, about = line.partition(" - ")
            if mount.split()[2] == f"{os.major(device)}:{os.minor(device)}" and about.split()[0] in ("vfat", "msdos"):
                return _MOST_ON_FAT
    return math.inf
