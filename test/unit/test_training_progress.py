# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the training commands say while nothing else can be seen of them."""

import io
import sys

import pytest

from fer_ros.training import progress
from fer_ros.training.progress import shown, tell, told


class Screen(io.StringIO):
    """Standard output as a terminal."""

    def isatty(self):
        return True


def test_nobody_has_to_listen():
    assert list(told(range(3), "counting")) == [0, 1, 2]


def test_a_file_gets_a_line_for_each_task(capsys):
    with shown():
        assert list(told([1, 2, 3], "reading a")) == [1, 2, 3]
        tell("reading b", 5, 10)
        tell("reading b", 6, 10)
        tell("")
        tell("reading b")
    assert capsys.readouterr() == ("", "reading a\nreading b\nreading b\n")


def test_and_more_of_a_long_one(capsys, monkeypatch):
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    with shown():
        tell("reading a", 0, 2000)
        tell("reading a", 1500, 2000)
        tell("counting", 1500)
        tell("counting", 1600)
    assert capsys.readouterr().err.splitlines() == ["reading a", "reading a: 1,500 of 2,000", "counting", "counting: 1,600"]


def test_a_terminal_shows_how_far_it_is_and_is_left_clean(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stdout", screen := Screen())
    with pytest.raises(KeyboardInterrupt), shown():
        tell("reading a", 1500, 2000)
        print("a result")
        raise KeyboardInterrupt
    text = screen.getvalue()
    assert "reading a: 1,500 of 2,000" in text and "a result" in text
    assert text.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))  # the line is gone, the cursor back


def test_what_is_told_outside_is_told_to_nobody(capsys):
    with shown():
        pass
    tell("reading a")
    assert capsys.readouterr() == ("", "")
