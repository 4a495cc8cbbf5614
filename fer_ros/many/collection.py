# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The folder of a run: what has become of each recording, and one data set over all of them."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import errno
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fer_ros.many.inputs import Input
from fer_ros.many.work import CUT, DONE, FAILED, DiskFull, Outcome
from fer_ros.system.files import OutputError, reason, write_text
from fer_ros.words import listed

T = TypeVar("T")
PARTS = {"faces.parquet": "faces/{}.parquet", "events.parquet": "events/{}.parquet", "bag.mcap": "bags/{}.mcap"}
"""Where what `fer_ros.many.work.annotate` writes of a recording goes, by the recording's name."""
TABLE = "recordings.csv"
COLUMNS = ("recording", "name", *(one.name for one in dataclasses.fields(Outcome)))
"""Of recordings.csv: `recording` is that of the data set, `name` that of its files."""

_RUN, _RECORDS, _LOCK, _WORK = "fer_ros.json", "records", ".lock", ".work-"
_NAMED = 4  # of the options that differ
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclasses.dataclass(frozen=True)
class Record:
    """What is known of a recording that was annotated, or could not be.

    Attributes:
        mark: of its content at that time.
        files: bytes of each file of it, by its path in the folder.
    """

    source: str
    mark: str
    outcome: Outcome
    files: dict[str, int]


class Collection:
    """The folder of a run; a context manager, in which no other process writes there.

    Args:
        folder: is made if it is not there.
        about: all that the answers depend on, see `Task.about`; with the version of the package.
        force: begin anew where there is a run already, and remove what that has written.

    Raises:
        OutputError: the folder is not empty and holds no run, or one with other options, or another process writes there.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], force: bool = False):
        self.folder, self._about, self._force = folder, dict(about), force
        self._lock: int | None = None
        self._records: dict[str, Record] = {}

    def __enter__(self) -> Collection:
        try:
            self._begin()
        except OSError as error:
            self.close()
            raise OutputError(f"cannot write to '{self.folder}': {reason(error)}") from None
        except OutputError:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others write there."""
        if self._lock is not None:
            self._remove_work()
            os.close(self._lock)
            self._lock = None

    def _begin(self) -> None:
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise OutputError(f"cannot write to '{self.folder}': it is a file: name a folder for the answers to several "
                              "recordings")
        there = sorted(os.listdir(self.folder)) if self.folder.is_dir() else []
        strange = [name for name in there if name not in (_RUN, _LOCK) and not name.startswith(_WORK)]
        if _RUN not in there and strange:
            raise OutputError(f"'{self.folder}' is not empty, and not from annotate (it holds {listed(strange, 3)}): name "
                              "another")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        if _RUN in there:
            self._go_on()
        self._remove_work()
        if not (self.folder / _RUN).is_file():
            write_text(self.folder / _RUN, json.dumps(self._about, indent=1) + "\n")
        for name in {Path(part).parent for part in PARTS.values()} | {Path(_RECORDS)}:
            (self.folder / name).mkdir(exist_ok=True)

    def _take_lock(self) -> None:
        self._lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise OutputError(f"another fer-ros annotate writes to '{self.folder}': wait for its end, or name another folder"
                              ) from None
        except OSError:  # a network share that knows no locks
            return

    def _go_on(self) -> None:
        """Know what has been done. Raises OutputError where that was with other options."""
        for path in sorted((self.folder / _RECORDS).glob("*.json")):
            if (record := _record(path)) is not None:
                self._records[path.stem] = record
        if self._force:
            self._remove_all()
            return
        try:
            before = json.loads((self.folder / _RUN).read_text(encoding="utf-8"))
            if not isinstance(before, dict):
                raise ValueError
        except ValueError:
            raise OutputError(f"'{self.folder / _RUN}' is damaged, and nobody knows the options of the run: name another "
                              "folder, or --force to begin anew") from None
        now = json.loads(json.dumps(self._about))
        other = [f"{name} {before.get(name)!r}, now {now.get(name)!r}" for name in sorted({*before, *now})
                 if before.get(name) != now.get(name)]
        if other:
            raise OutputError(f"'{self.folder}' belongs to a run with other options ({listed(other, _NAMED)}): give the same, "
                              "name another folder, or --force to begin anew")

    def _remove_all(self) -> None:
        """What records name, and they themselves; nothing else that lies there."""
        for name, record in self._records.items():
            for part in {*record.files, *(part.format(name) for part in PARTS.values())}:
                if part in {known.format(name) for known in PARTS.values()}:
                    (self.folder / part).unlink(missing_ok=True)
        for path in (*(self.folder / _RECORDS).glob("*.json"), self.folder / _RUN, self.folder / TABLE):
            path.unlink(missing_ok=True)
        self._records.clear()

    def _remove_work(self) -> None:
        """What a run that was killed had in hand."""
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"{_WORK}*"):
                shutil.rmtree(path, ignore_errors=True)

    def room(self) -> Path:
        """A new folder on the same disk, for what is in hand; it goes with the run. Raises DiskFull, OSError."""
        return self._try(lambda: Path(tempfile.mkdtemp(prefix=_WORK, dir=self.folder)))

    def record(self, given: Input) -> Record | None:
        """What is known of a recording, unless it has changed since, or one of its files is not there any more."""
        record = self._records.get(given.name)
        if record is None or record.source != given.source or record.mark != given.mark:
            return None
        return record if all(_size(self.folder / name) == size for name, size in record.files.items()) else None

    def put(self, given: Input, outcome: Outcome, folder: Path) -> None:
        """Take over what was found in a recording: whole, or not at all.

        Args:
            folder: with what `fer_ros.many.work.annotate` has written.

        Raises:
            DiskFull, OSError: that cannot be.
        """
        self._try(lambda: self._put(given, outcome, folder))

    def _put(self, given: Input, outcome: Outcome, folder: Path) -> None:
        record = self.folder / _RECORDS / f"{given.name}.json"
        record.unlink(missing_ok=True)  # from here on until the end it is not done
        self._records.pop(given.name, None)
        files = {}
        for part, place in PARTS.items():
            path = self.folder / place.format(given.name)
            if outcome.status != FAILED and (folder / part).is_file():
                os.replace(folder / part, path)
                files[place.format(given.name)] = path.stat().st_size
            else:
                path.unlink(missing_ok=True)
        made = Record(given.source, given.mark, outcome, files)
        with open(folder / "record", "x", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(made)) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(folder / "record", record)
        self._records[given.name] = made

    def write_table(self, given: Iterable[Input]) -> None:
        """Write recordings.csv: of every recording in the folder, these and those of earlier commands.

        Raises:
            DiskFull, OSError: that cannot be.
        """
        self._try(lambda: self._write_table({one.name: one.shown for one in given}))

    def _write_table(self, shown: Mapping[str, str]) -> None:
        scratch = self.room() / TABLE
        with open(scratch, "w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            for name, record in sorted(self._records.items(), key=lambda one: one[1].source):
                row = dataclasses.asdict(record.outcome)
                table.writerow({"recording": shown.get(name) or Input(record.source, "").shown, "name": name, **row,
                                "notices": "; ".join(row["notices"])})
        os.replace(scratch, self.folder / TABLE)

    @staticmethod
    def _try(work: Callable[[], T]) -> T:
        try:
            return work()
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise DiskFull(error.errno, error.strerror) from None
            raise


def _record(path: Path) -> Record | None:
    """None of one that is damaged: its recording is annotated again."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        outcome = Outcome(**read.pop("outcome"))
        record = Record(outcome=outcome, **read)
        return record if outcome.status in (DONE, CUT, FAILED) and isinstance(record.files, dict) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
