# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""CSV files as people have them: in any usual encoding and with any usual separator, blanks around the columns' names."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from fer_ros.words import one_line

_SEPARATORS = (",", ";", "\t", "|")
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


class DataError(ValueError):
    """The data is not there or not right; the text names the file and says what to do."""


def columns(path: Path, errors: str = "replace") -> list[str]:
    """The names in the first line of a table.

    Raises:
        DataError: it cannot be read, or is not text.
    """
    return _head(path, errors)[0]


def rows(path: Path, needed: Sequence[str], optional: Sequence[str] = (),
         errors: str = "replace") -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells by the name of their column) of a table; a name's case does not count, and a cell that is missing is empty.

    Args:
        needed, optional: names of columns.
        errors: what becomes of bytes that are no text: `replace` spoils their cell, `strict` ends the reading.

    Raises:
        DataError: the file cannot be read, is not CSV, or lacks a column.
    """
    there, encoding, separator = _head(path, errors)
    # A column without a name, pandas' index say, is nobody's.
    at = {name.lower(): number for number, name in reversed(list(enumerate(there))) if name}
    places = {name: at[name.lower()] for name in (*needed, *optional) if name.lower() in at}
    if missing := [name for name in needed if name not in places]:
        raise DataError(one_line(f"{path} has no column {', '.join(missing)}; its first line has {', '.join(there)[:200]}: "
                                 "name them so, or download it again"))
    line = 1
    try:
        with open(path, newline="", encoding=encoding, errors=errors) as file:
            reader = csv.reader(file, delimiter=separator, skipinitialspace=True)
            next(reader)
            for cells in reader:
                line = reader.line_num
                if cells:
                    yield line, {name: cells[number] if number < len(cells) else "" for name, number in places.items()}
    except (OSError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path}:{line + 1}: damaged ({error}); download it again") from None


def _head(path: Path, errors: str) -> tuple[list[str], str, str]:
    """The names of the columns, the encoding, and the separator: the one that gives most columns."""
    try:
        with open(path, "rb") as file:
            # A spreadsheet may have put a mark before the first column's name.
            encoding = _MARKS.get(file.read(2), "utf-8-sig")
        with open(path, newline="", encoding=encoding, errors=errors) as file:
            first = file.readline(100_000)
        names = {separator: next(csv.reader([first], delimiter=separator, skipinitialspace=True), [])
                 for separator in _SEPARATORS}
    except (OSError, UnicodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
    separator = max(_SEPARATORS, key=lambda one: len(names[one]))  # of equals the first
    return [name.strip() for name in names[separator]], encoding, separator
