# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parts of what people are told: numbers with their noun, long lists, how a process ended, text that came from outside, and
commands that they have."""

from __future__ import annotations

import difflib
import shutil
import signal
from collections.abc import Iterable, Sequence

HRI_MSGS_MISSING = ("the topics of REP-155 need hri_msgs ({error}): install your ROS distribution's package hri-msgs, or "
                    "build fer_ros again, which then brings the definitions along")
"""What is said where the messages of ROS4HRI are not installed."""


def counted(number: int, noun: str) -> str:
    """A number and what it counts.

    >>> counted(1, "image"), counted(2, "image"), counted(0, "image")
    ('1 image', '2 images', '0 images')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(items: Sequence[str], most: int) -> str:
    """Items with commas between them, `most` of them at most, and how many more there are.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """The one of some known names that is most like a name, capital letters aside; empty where none is.

    Args:
        likeness: at least, from 0 to 1, as `difflib.get_close_matches` has it.

    >>> nearest("--Sorce", ["--save", "--source"])
    '--source'
    """
    lower = {one.lower(): one for one in reversed(list(known))}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=likeness)
    return lower[close[0]] if close else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """How a sentence about an unknown name ends: with the nearest known one, or else with all of them.

    Capital letters make no difference.

    >>> suggestion("rbg8", ["bgr8", "rgb8"]), suggestion("RGB8", ["bgr8", "rgb8"]), suggestion("x", ["bgr8", "rgb8"])
    (': did you mean rgb8?', ': did you mean rgb8?', '; there are bgr8, rgb8')
    """
    names = list(known)
    meant = nearest(name, names)
    return f": did you mean {meant}?" if meant else f"; there are {', '.join(names)}"


def one_line(text: str, longest: int = 500) -> str:
    """A text without what controls a terminal, in one line: it may quote a message or a file from outside.

    Args:
        longest: characters; the rest is left out.
    """
    shown = "".join(one if one.isprintable() else " " if one.isspace() else "?" for one in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]} ..."


def has_ros2() -> bool:
    """Whether the user has the command `ros2`, as far as this process can tell."""
    return shutil.which("ros2") is not None


def command(ros2: str, ours: str = "") -> str:
    """What to type, between backticks: a command of `ros2`, or one of `fer-ros` for who has no `ros2`.

    Args:
        ros2: what follows `ros2`.
        ours: what follows `fer-ros` and does the same; empty where nothing does.
    """
    if has_ros2():
        return f"`ros2 {ros2}`"
    return f"`fer-ros {ours}`" if ours else f"`ros2 {ros2}` (on a machine with a ROS 2 installation)"


def exit_reason(status: int) -> str:
    """How a process ended, by its exit status: negative numbers are those of signals.

    >>> exit_reason(1), exit_reason(-9)
    ('status 1', 'SIGKILL')
    """
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:  # a real-time signal has no name
        return f"signal {-status}"
