"""Room on the disk for finishing a file that grows: a disk that fills up cuts it short, and does not make it unreadable."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import resource
from pathlib import Path

_STEPS = (16 * 2**20, 2**20)  # bytes of growth between two looks, as long as there is so much room
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
        self._path = folder / "room"
        self._handle: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
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
        disk = os.fstatvfs(self._handle)
        if size < self._enough and disk.f_bavail * disk.f_frsize >= ahead:
            return
        limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
        most = limit - held - ahead if limit != resource.RLIM_INFINITY else math.inf
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
            os.ftruncate(self._handle, self._held)

    def give_back(self) -> None:
        """Let go of the space, to finish the file in it. Any number of times."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _take(self, size: int) -> None:
        try:
            os.posix_fallocate(self._handle, 0, size)
        except OSError as error:
            if error.errno in _FULL:
                raise  # and else this disk cannot tell
