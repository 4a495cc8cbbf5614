"""What is wrong with a bag, in one line."""

from __future__ import annotations


class BagError(ValueError):
    """A bag cannot be read or written; the text, one line, says why and what to do."""

    def __init__(self, text: str):
        super().__init__(one_line(text))


def one_line(text: str) -> str:
    """Names and texts out of a file may hold anything, a terminal's control codes say."""
    return "".join(c if c.isprintable() else " " for c in text)
