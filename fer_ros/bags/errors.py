"""What is wrong with a bag, in one line."""

from __future__ import annotations

from fer_ros.words import one_line

_LONGEST = 2000  # characters of an error


class BagError(ValueError):
    """A bag cannot be read or written; the text, one line, says why and what to do."""

    def __init__(self, text: str):
        super().__init__(one_line(text, _LONGEST))  # names and texts out of a file may hold anything
