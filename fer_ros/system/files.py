# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Files that a command writes: never over what it reads, nothing that is there without being told to, whole or not at all."""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import itertools
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fer_ros.media.source_name import opened_as, path_of
from fer_ros.resources import share_directory

_IN_BAGS = (".mcap", ".db3")  # of rosbag2, beside their metadata.yaml
_SHOWN = 40  # bytes of a name that its scratch folder repeats: the two together must not be too long for a name
_unfinished: dict[Path, int] = {}  # scratch folders by the process that made them


class OutputError(ValueError):
    """A file must not or cannot be written; the text is one line that says why and what to do."""


def places(source: str | Path) -> list[Path]:
    """Where on this machine a source may lie, as a user names it, by `${NAME}` or `@FILE` say, or `demo`; and FILE itself."""
    name = opened_as(str(source))
    if not name:
        return []
    told_in = str(source).strip()
    return [path_of(name), *([share_directory() / "demo" / "demo.mp4"] if name == "demo" else []),
            *([path_of(told_in[1:])] if told_in.startswith("@") else [])]


def check_output(path: Path, *, force: bool = False, sources: Iterable[str | Path] = (), verb: str = "write",
                 folder: bool = False, parents: bool = False) -> None:
    """Whether `path` may be written, before any work is done for it. Changes nothing.

    Args:
        force: a file of this name is replaced.
        sources: what is read, as `places` takes it. Neither they themselves, under whatever name, nor a file in a folder that
            is read are replaced, and nothing is put into a bag.
        verb: for the text of the error.
        folder: a folder of this name is replaced, too.
        parents: missing folders on the way are made later.

    Raises:
        OutputError: it may not.
    """
    def refuse(why: str) -> OutputError:
        return OutputError(f"cannot {verb} '{path}': {why}")

    if path.name in ("", ".", ".."):
        raise refuse("it names no file")
    later = parents and not os.path.lexists(path.parent)
    if not later and not (path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK)):
        raise refuse(f"{path.parent} is not a folder that you may write to")
    for source in sources:
        if _belongs_to(path, source):
            raise refuse(f"it is what is read, or lies in it ({source}): name another")
    try:
        kind = os.lstat(path).st_mode
        if stat.S_ISLNK(kind):
            with contextlib.suppress(FileNotFoundError):
                kind = os.stat(path).st_mode
    except FileNotFoundError:
        return
    except OSError as error:  # a name that is too long, a chain of links without an end
        raise refuse(reason(error)) from None
    if stat.S_ISDIR(kind) and not folder:
        raise refuse("it is a folder: name a file")
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind) or stat.S_ISLNK(kind)):
        raise refuse("it is a pipe, a device or a socket: name a file")
    if not force:
        raise OutputError(f"{path} is there already: name another, or --force to overwrite it")


def check_outputs(paths: Iterable[Path], *, force: bool = False, sources: Iterable[str | Path] = (),
                  parents: bool = False) -> None:
    """`check_output` for all files that a command is going to write; no two may have one name."""
    paths, sources = list(paths), list(sources)
    if len({os.path.realpath(path) for path in paths}) < len(paths):
        raise OutputError("two outputs have one name: name another")
    for path in paths:
        check_output(path, force=force, sources=sources, parents=parents)


def reason(error: OSError) -> str:
    """An error in the system's words, whatever a library has made of it."""
    return os.strerror(error.errno) if error.errno else str(error)


def cut_short(path: Path, what: str, count: int, total: int, why: str, seconds: float) -> str:
    """What a user is told of a file that ends before its time: `count` of `total` frames, say, and how long it is."""
    readable = f"'{path}' is readable up to {seconds:.2f} s" if count else f"there is no '{path}'"
    return f"recorded {count} of {total} {what}: {why}; {readable}"


class Output:
    """A file, or a folder, that is being written; a context manager.

    It is written as `scratch`, in a folder beside `path` that belongs to this user alone and whose name nobody can foresee. It
    gets its own name when it is complete. Leaving with an exception removes it.

    Args:
        path, force, sources, verb, folder: as of `check_output`.
        keep: something that cannot be made again: what cannot get its name is not removed, and the error says where it is.

    Raises:
        OutputError: it may not be written, or another process is writing it.
    """

    def __init__(self, path: Path, *, force: bool = False, sources: Iterable[str | Path] = (), verb: str = "write",
                 folder: bool = False, keep: bool = False):
        check_output(path, force=force, sources=sources, verb=verb, folder=folder)
        self.path = path
        self._force, self._verb, self._keep = force, verb, keep
        self._claim = _claim(path)
        # A link at `path` is replaced, never followed: so beside it, and not beside what it leads to.
        try:
            self._folder = _scratch(path.parent, path.name)
        except OSError as error:
            self._release()
            raise self._failed(error) from None
        self.scratch = self._folder / path.name

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.publish()
        else:
            self.discard()

    @property
    def folder(self) -> Path:
        """Of this output alone, for what else has to lie on the same disk; removed with it."""
        return self._folder

    def publish(self) -> None:
        """Put what was written under its name.

        Raises:
            OutputError: that cannot be; the text says why, and where it is if it was kept.
        """
        try:
            _put(self.scratch, self.path, self._force, self._folder / "replaced")
        except FileExistsError:
            raise OutputError(f"{self.path} is there already, made by somebody else in the meantime, and left as it is: "
                              f"{self._beside()}name another, or --force to overwrite it") from None
        except OSError as error:
            failed = self._failed(error)
            if self._keep and self.scratch.exists():
                _unfinished.pop(self._folder, None)
                raise OutputError(f"{failed}; what was written is {self.scratch}") from None
            raise failed from None
        finally:
            if self._folder in _unfinished:
                self.discard()
            self._release()
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Give up, leaving nothing behind; also after `publish`, and any number of times."""
        _remove(self._folder)
        self._release()

    def _beside(self) -> str:
        """Keep what was written under the next free name; that in words."""
        if not self._keep:
            return ""
        for number in itertools.count(2):
            free = self.path.with_name(f"{self.path.stem}-{number}{self.path.suffix}")
            try:
                _add(self.scratch, free)
            except FileExistsError:
                continue
            except OSError:
                _unfinished.pop(self._folder, None)
                return f"what was written is {self.scratch}; "
            return f"what was written is {free}; "
        raise AssertionError

    def _failed(self, error: OSError) -> OutputError:
        return OutputError(f"cannot {self._verb} '{self.path}': {reason(error)}")

    def _release(self) -> None:
        if self._claim is not None:
            self._claim.close()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Take a folder, which is made, for this process while it works there.

    Raises:
        OutputError: another process has taken it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = _claim(folder / ".taken")  # a name for the claim alone: no such file is made
    except OutputError:
        raise OutputError(f"another process works in {folder}: wait for its end, or name another") from None
    except OSError as error:
        raise OutputError(f"cannot write to '{folder}': {reason(error)}") from None
    try:
        yield
    finally:
        if claim is not None:
            claim.close()


@contextmanager
def replacing(path: Path, force: bool = False) -> Iterator[Path]:
    """A place beside `path` to write to, folders on the way made; it becomes `path` if nothing was raised, else is removed.

    Raises:
        OutputError: it cannot be written, or is there and not to be replaced.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Output(path, force=force) as output:
            yield output.scratch
    except OSError as error:
        raise OutputError(f"cannot write '{path}': {reason(error)}") from None


@contextmanager
def filling(folder: Path, force: bool = False) -> Iterator[Path]:
    """A scratch folder whose files go into `folder`, which is made, once nothing was raised; none of them does otherwise.

    Raises:
        OutputError: one of them cannot be written, or is there and not to be replaced.
    """
    scratch = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = _scratch(folder, folder.name)
        yield scratch
        made = {file: folder / file.name for file in sorted(scratch.iterdir())}
        check_outputs(made.values(), force=force)
        for file, path in made.items():
            _put(file, path, force, scratch / ".replaced")
        _sync_folder(folder)
    except FileExistsError as error:
        raise OutputError(f"cannot write to '{folder}': {error.filename2 or error.filename} is there already") from None
    except OSError as error:
        raise OutputError(f"cannot write to '{folder}': {reason(error)}") from None
    finally:
        if scratch is not None:
            _remove(scratch)


def write_text(path: Path, text: str, force: bool = False) -> None:
    """UTF-8. Raises OutputError where the file cannot be written, or is there and not to be replaced."""
    with replacing(path, force) as partial:
        partial.write_text(text, encoding="utf-8")


def _belongs_to(path: Path, source: str | Path) -> bool:
    target = Path(os.path.realpath(path.parent)) / path.name
    there = os.path.exists(target)
    for place in places(source):
        if not os.path.exists(place):
            continue
        if there and os.path.samefile(target, place):  # a link of either kind
            return True
        real = Path(os.path.realpath(place))
        around = real if real.is_dir() else real.parent
        if (around / "metadata.yaml").is_file() and (real.is_dir() or real.suffix.lower() in _IN_BAGS):
            if target.is_relative_to(around):  # all that lies in its folder is the bag
                return True
        elif not real.is_dir():
            continue
        if os.path.lexists(target) and any(Path(at).is_relative_to(around) for at in (target, os.path.realpath(target))):
            return True
        if there and os.stat(target).st_nlink > 1 and _holds(around, target):
            return True
    return False


def _holds(folder: Path, file: Path) -> bool:
    """Whether a file has a name in a folder, too."""
    for at, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                if os.path.samefile(os.path.join(at, name), file):
                    return True
    return False


def _scratch(folder: Path, name: str) -> Path:
    """A new folder in `folder` that says what it is for, but not to others where exactly.

    Its path is absolute, as mkdtemp gives it from Python 3.12 on: FFmpeg takes `12:30.mp4` for an address, and pyarrow
    `talks:1/faces.parquet`.
    """
    shown = os.fsencode(Path(name).stem)[:_SHOWN].decode("utf-8", "ignore")
    made = Path(tempfile.mkdtemp(prefix=f".{shown}-", dir=folder.absolute()))
    _unfinished[made] = os.getpid()
    return made


def _remove(scratch: Path) -> None:
    """Remove a scratch folder, unless it was removed, or is to be kept."""
    if _unfinished.pop(scratch, None) is not None:
        shutil.rmtree(scratch, ignore_errors=True)


def _claim(path: Path) -> socket.socket | None:
    """Take a name for this process while it writes there. The system gives it back however the process ends.

    Raises:
        OutputError: another has taken it.
    """
    around = os.stat(path.parent)
    name = hashlib.sha256(b"%d:%d:%s" % (around.st_dev, around.st_ino, os.fsencode(path.name))).hexdigest()
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0fer_ros/{name}")  # a name in the kernel, no file
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            raise OutputError(f"{path} is being written by another process: name another, or wait for its end and --force"
                              ) from None
        return None  # no such names on this system: whoever comes second is told at its end
    return claim


def _put(scratch: Path, path: Path, force: bool, old: Path) -> None:
    """Give what is complete its name; `old` is where on this disk what is replaced may lie."""
    _sync(scratch)
    if force:
        _replace(scratch, path, old)
    else:
        _add(scratch, path)


def _add(scratch: Path, path: Path) -> None:
    """Give `scratch` the name `path`. Raises FileExistsError where there is such a name, however late it came."""
    if scratch.is_dir():
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        try:
            os.rename(scratch, path)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            raise
        return
    try:
        os.link(scratch, path)
    except FileExistsError:
        raise
    except OSError:  # no hard links on this disk (FAT, some network shares)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))  # of all who try at once, one succeeds
        os.replace(scratch, path)
    else:
        os.unlink(scratch)


def _replace(scratch: Path, path: Path, old: Path) -> None:
    """Give `scratch` the name `path`, in the place of what has it."""
    if scratch.is_dir():  # a folder cannot be replaced at once
        with contextlib.suppress(FileNotFoundError):
            os.rename(path, old)
        try:
            os.rename(scratch, path)
        except OSError:
            if os.path.lexists(old):
                os.rename(old, path)
            raise
    else:
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.lstat(path).st_mode):
                shutil.copymode(path, scratch)  # what others could not read they cannot read now
        os.replace(scratch, path)


def _sync(path: Path) -> None:
    """Have the disk take all of it: some say only then that they are full."""
    for file in filter(Path.is_file, path.rglob("*")) if path.is_dir() else (path,):
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _sync_folder(path: Path) -> None:
    """That the name survives a power failure; not every file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@atexit.register
def _clean_up() -> None:
    """Remove what was begun and never finished, whatever ended this process in good order."""
    for folder, process in list(_unfinished.items()):
        if process == os.getpid():  # and not of a process that this one was forked from
            shutil.rmtree(folder, ignore_errors=True)
