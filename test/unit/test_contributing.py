# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""CONTRIBUTING.md leads to files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fer_ros

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"(?:fer_ros|test|config|scripts|cmake)/[\w/.]+\w", TEXT)))


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_is_named_is_there(name):
    assert (ROOT / name).exists()


def test_every_room_is_told_of():
    package = Path(fer_ros.__file__).parent
    rooms = {path.parent.name for path in package.glob("*/__init__.py")} - {"msg"}
    assert rooms == set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))


def test_it_answers_where_at_least_twenty_things_are_changed():
    table = TEXT.partition("| where do I change ... | |")[2]
    assert table.count("\n| ") >= 20
