# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Every face of every image, or every event, as a row of a CSV or a Parquet file."""

from __future__ import annotations

import contextlib
import csv
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_ros.bags.annotate import COLUMNS, Annotation, in_seconds
from fer_ros.system.files import Output, OutputError, cut_short, reason
from fer_ros.types import ROW


class Table:
    """Takes annotations and writes all their rows; a context manager. Leaving with an exception writes nothing.

    Where the disk is full, the file ends with the last row for which there was room.

    Args:
        path: ends in .csv or .parquet.
        force: replace a file that is there.
        sources: what is read, see `check_output`.
        columns: their names, `stamp` first.
        more: further columns before them, with the text that each row has there.

    Attributes:
        cut: why no more rows are written, empty as long as they are.

    Raises:
        OutputError: the name ends in neither, pyarrow is missing, or the file cannot be written.
    """

    def __init__(self, path: Path, force: bool = False, sources: Iterable[str | Path] = (), columns: Sequence[str] = COLUMNS,
                 more: Mapping[str, str] | None = None):
        kinds: dict[str, Callable[[Path, Sequence[str]], _Csv | _Parquet]] = {".csv": _Csv, ".parquet": _Parquet}
        kind = kinds.get(path.suffix.lower())
        if kind is None:
            raise OutputError(f"cannot write '{path}': its name must end in .csv or .parquet")
        if kind is _Parquet:
            try:
                importlib.import_module("pyarrow.parquet")
            except ImportError:
                raise OutputError(f"'{path}' needs pyarrow (pip install pyarrow): install it, or name a .csv file") from None
        self.path, self.cut, self._more = path, "", dict(more or {})
        self._output = Output(path, force=force, sources=sources, keep=True)
        try:
            self._file = kind(self._output.scratch, (*self._more, *columns))
        except OSError as error:
            self._output.discard()
            raise OutputError(f"cannot write '{path}': {reason(error)}") from None
        self._rows = 0
        self._first: int | None = None
        self._open = True

    def __enter__(self) -> Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def write(self, found: Annotation) -> None:
        """The rows of an image."""
        self.add(list(found.rows()), found.frame.stamp)

    def add(self, rows: Sequence[dict[str, Any]], stamp: int) -> None:
        """Rows that belong to an image, by its stamp in nanoseconds."""
        self._first = stamp if self._first is None else self._first
        self._rows += len(rows)
        if not self.cut:
            self._try(lambda: self._file.add([{**self._more, **row} for row in rows] if self._more else rows))

    def close(self) -> None:
        """Finish the file; nothing happens a second time.

        Raises:
            OutputError: not all rows are there under its name; the text says why, and how many are.
        """
        if not self._open:
            return
        self._open = False
        self._try(self._file.finish)
        if not self.cut:
            self._output.publish()
            return
        rows, last = self._file.shorten()
        if rows:
            self._output.publish()
        self._output.discard()
        raise OutputError(cut_short(self.path, "rows", rows, self._rows, self.cut, in_seconds(last - (self._first or 0))))

    def discard(self) -> None:
        """Give up, leaving nothing behind."""
        self._open = False
        self._output.discard()

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except OSError as error:
            self.cut = self.cut or reason(error)


class _Csv:
    """Rows as text, on the disk as they come."""

    def __init__(self, path: Path, columns: Sequence[str]):
        self._path = path
        self._file = open(path, "x", newline="", encoding="utf-8")  # noqa: SIM115  (`finish` closes it)
        self._writer = csv.DictWriter(self._file, columns)
        self._writer.writeheader()

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        self._writer.writerows({**row, "stamp": "{}.{:09d}".format(*divmod(row["stamp"], 10**9))} for row in rows)

    def finish(self) -> None:
        self._file.close()

    def shorten(self) -> tuple[int, int]:
        """Drop a last row that is not complete. How many are left, and the stamp of the last of them."""
        with contextlib.suppress(OSError):
            self._file.close()  # it tries once more to write what it could not
        rows, kept, last = -1, 0, b""  # the names of the columns are no row
        with open(self._path, "r+b") as file:
            for line in file:
                if line.endswith(b"\n"):
                    rows, kept, last = rows + 1, kept + len(line), line
            file.truncate(kept)
        seconds, _, rest = last.partition(b",")[0].partition(b".")
        return max(rows, 0), int(seconds) * 10**9 + int(rest) if rows > 0 else 0


class _Parquet:
    """Rows that are written at the end, all at once: without its end such a file cannot be read."""

    _PACKED = 10_000  # rows; as dictionaries they take ten times the memory

    def __init__(self, path: Path, columns: Sequence[str]):
        import pyarrow

        self._path = path
        text, number = pyarrow.string(), pyarrow.float64()
        kinds = dict.fromkeys(ROW, number) | dict.fromkeys(("confidence", "lasted"), number)
        kinds |= {"stamp": pyarrow.timestamp("ns"), "frame": pyarrow.int64(), "face_id": text, "label": text}
        self._schema = pyarrow.schema([(name, kinds.get(name, text)) for name in columns])
        self._rows: list[dict[str, Any]] = []
        self._batches: list[Any] = []

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        self._rows.extend(rows)
        if len(self._rows) >= self._PACKED:
            self._pack()

    def finish(self) -> None:
        self._write(self._table())

    def shorten(self) -> tuple[int, int]:
        """Leave out rows at the end until the others can be written. How many these are, and the stamp of the last of them."""
        table = self._table()
        while table.num_rows:
            table = table.slice(0, table.num_rows * 3 // 4)
            with contextlib.suppress(OSError):
                self._write(table)
                break
        return table.num_rows, table["stamp"][-1].value if table.num_rows else 0

    def _pack(self) -> None:
        import pyarrow

        self._batches.append(pyarrow.RecordBatch.from_pylist(self._rows, self._schema))
        self._rows.clear()

    def _table(self) -> Any:
        import pyarrow

        self._pack()
        return pyarrow.Table.from_batches(self._batches, self._schema)

    def _write(self, table: Any) -> None:
        from pyarrow import parquet

        self._path.unlink(missing_ok=True)
        parquet.write_table(table, self._path)
