# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is said of recordings that were never finished, where the next one begins."""

from __future__ import annotations

import sys
from pathlib import Path

from fer_ros.media.mp4_times import has_index
from fer_ros.system.room import left_behind

_PLAYS = "it plays as far as it goes"
_HOW = {
    ".mcap": "`fer-ros replay` and `fer-ros annotate` read it as far as it goes",
    ".mkv": _PLAYS, ".avi": _PLAYS,
}


def tell_of_left_behind(beside: Path) -> None:
    """Name what lies beside a file that is going to be written, what can be done with it, and what may be deleted."""
    for folder, file, size in left_behind(beside):
        how = _HOW.get(file.suffix.lower()) or (_PLAYS if has_index(file) else
                                                "it has no index, and most programs cannot read it")
        print(f"fer-ros: '{file}' ({size / 1e6:.1f} MB) is of a process that was killed: {how}. Delete '{folder}' when you do "
              "not need it", file=sys.stderr)
