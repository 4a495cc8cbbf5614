# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What people are told: numbers, lists and texts from outside."""

from __future__ import annotations

import ast
import doctest
import re
from pathlib import Path

import pytest

from fer_ros import words
from fer_ros.words import command, exit_reason, has_ros2, listed, one_line


def test_the_examples_are_true():
    found = doctest.testmod(words)
    assert found.attempted >= 3
    assert not found.failed


@pytest.mark.parametrize(("items", "shown"), [
    ([], ""), (["a"], "a"), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more"),
])
def test_a_long_list_says_how_many_it_leaves_out(items, shown):
    assert listed(items, 2) == shown


def test_a_text_from_outside_is_one_line_that_controls_no_terminal():
    assert one_line("encoding 'a\n\x1b[2J\x00\u202e'") == "encoding 'a ?[2J??'"
    assert one_line("fine: ä 你好") == "fine: ä 你好"
    assert one_line("x" * 10**6, 20) == "x" * 20 + " ..."


def test_a_signal_without_a_name_is_told_by_its_number():
    assert exit_reason(-40) == "signal 40"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A PATH without any command, and its folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_command_that_is_advised_is_one_that_the_user_has(path):
    assert not has_ros2()
    assert command("param list", "param list") == "`fer-ros param list`"
    assert command("bag reindex x") == "`ros2 bag reindex x` (on a machine with a ROS 2 installation)"
    (path / "ros2").touch(mode=0o644)
    assert not has_ros2()  # a file that cannot be run
    (path / "ros2").chmod(0o755)
    assert has_ros2()
    assert command("param list", "param list") == "`ros2 param list`"
    assert command("bag reindex x") == "`ros2 bag reindex x`"


SOURCES = sorted(Path(words.__file__).parent.rglob("*.py"))
ADVICE = re.compile(r"ros2 (?:bag|component|doctor|interface|launch|lifecycle|node|param|pkg|run|service|topic)\b")
# Each names what the user of fer-ros has beside it, or is about what `ros2` itself reads.
BOTH = {"words.py", "node_params.py", "parameters.py", "doctor.py", "record.py"}


def texts(tree: ast.AST) -> list[str]:
    """The texts of a module that are no docstrings."""
    described = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [node.value for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name not in BOTH], ids=lambda path: path.stem)
def test_no_text_advises_ros2_without_asking_whether_it_is_there(path):
    assert [text for text in texts(ast.parse(path.read_text(encoding="utf-8"))) if ADVICE.search(text)] == []


def test_a_text_that_advises_ros2_would_be_found():
    assert any(map(ADVICE.search, texts(ast.parse('raise ValueError(f"{path}: `ros2 bag reindex {path}` does")'))))
