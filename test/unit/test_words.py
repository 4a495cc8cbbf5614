"""What people are told: numbers, lists and texts from outside."""

from __future__ import annotations

import doctest

import pytest

from fer_ros import words
from fer_ros.words import exit_reason, listed, one_line


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
