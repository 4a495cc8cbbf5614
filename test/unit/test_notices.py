# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Every source file begins with its copyright and licence, as ament_copyright asks for, which not every machine has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MADE = ("build", "install", "log")  # by make and colcon
KINDS = {".py": "#", ".cmake": "#", ".c": "//", ".cpp": "//", ".h": "//", ".hpp": "//"}
"""Of the files that must have it: what a line of a comment begins with."""

_START = "Licensed under the Apache License, Version 2.0"
# What LICENSE asks to be attached to each work, at its very end.
NOTICE = " ".join((_START + (ROOT / "LICENSE").read_text(encoding="utf-8").rpartition(_START)[2]).split())


def without_notice(files: Iterable[Path]) -> list[Path]:
    """Those whose first comment is another one. An empty file needs none."""
    return [path for path in files if path.suffix in KINDS and (text := path.read_text(encoding="utf-8"))
            and not re.fullmatch(rf"Copyright \d{{4}}(-\d{{4}})? fer_ros maintainers {re.escape(NOTICE)}",
                                 _first_comment(text, KINDS[path.suffix]))]


def _first_comment(text: str, mark: str) -> str:
    """The comment with which a file begins, in one line; a line that says what runs the file may stand above it."""
    found = re.match(rf"(?:#!.*\n)?((?:{mark}.*\n)*)", text)
    return " ".join(word for line in found[1].splitlines() for word in line.removeprefix(mark).split())


def test_every_source_file_begins_with_the_notice():
    top = [path for path in ROOT.iterdir() if not path.name.startswith(".") and path.name not in MADE]
    files = [path for one in top for path in (one, *one.rglob("[!.]*")) if path.is_file()]
    assert len([path for path in files if path.suffix in KINDS]) > 400
    assert without_notice(files) == [], "copy the comment at the top of setup.py"


def test_a_new_file_without_it_is_found(tmp_path):
    notice = (ROOT / "setup.py").read_text(encoding="utf-8").partition("\n\n")[0]
    texts = {
        "good.py": f"{notice}\n\nimport os\n", "script.py": f"#!/usr/bin/env python3\n{notice}\n", "empty.py": "",
        "good.cpp": f"{re.sub('^#', '//', notice, flags=re.MULTILINE)}\n", "page.html": "<p>",
        "none.py": "import os\n", "other.py": '"""Does this."""\n', "late.cmake": f"# Does that.\n\n{notice}\n",
        "half.cpp": "// Copyright 2026 fer_ros maintainers\n", "theirs.py": notice.replace("fer_ros", "other"),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    found = without_notice(sorted(tmp_path.iterdir()))
    assert [path.name for path in found] == ["half.cpp", "late.cmake", "none.py", "other.py", "theirs.py"]
