# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Bytes, texts and numbers made wrong."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

INTEGERS = (0, 1, 2, 7, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1,
            2**63, 2**64 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-320, 1e-9, 0.5, 1e9, 1e18, -1e18, 3.5e38, 1.7e308, float("inf"), float("-inf"),
          float("nan"))
TEXTS = ("", " ", "nan", "-1", "0", "1e999", "inf", "face", "happy", "\x00", "a\x00b", "\n", "\x1b[2J\x1b]0;x\x07",
         "%s%n{}", "../../etc", "\U0001f600" * 5, "\u00e4", "a" * 300, "[bold red]x[/]", "[/]", "['", "\u202e", "\u0663",
         "1_000", "null", "true")
TOKENS = (*TEXTS[:12], ".nan", ".inf", "-.inf", "~", "[]", "{}", "[" * 2000, "{" * 500, "&a [*a]", "*a", "!!binary AA",
          "!!python/object/apply:os.system [x]", "<<: *a", "? a", "- - - -", "\t", "'", '"', "|", ">", "%YAML 9.9", "---",
          "...", "0x10", "1e400", "9" * 400, "2026-13-45", "1:2:3", "\ufeff", "\u2028", "\u00ff")


def mutated(data: bytes, rng: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Some bytes changed, cut, moved, or mixed with those of another input; at times several of it.

    Args:
        others: further inputs of the kind.
    """
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        _change(made, rng, others)
    return bytes(made)


def _change(made: bytearray, rng: random.Random, others: Sequence[bytes]) -> None:
    at = rng.randrange(len(made)) if made else 0
    # Headers are worth more than what comes behind them.
    if rng.random() < 0.5 and made:
        at = min(at, int(rng.random() ** 3 * min(len(made), 4096)))
    way = rng.randrange(10)
    if way == 0:
        del made[at:]
    elif way == 1:
        for _ in range(rng.choice((1, 1, 8, 64))):
            if made:
                made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    elif way in (2, 3):
        size = rng.choice((1, 2, 4, 8))
        value = rng.choice(INTEGERS) & (2 ** (8 * size) - 1)
        made[at : at + size] = value.to_bytes(size, rng.choice(("little", "big")))
    elif way == 4:
        made[at : at + 8] = struct.pack(rng.choice("<>") + "d", rng.choice(FLOATS))
    elif way == 5:
        del made[at : at + rng.choice((1, 4, 100, 5000))]
    elif way == 6:
        made[at:at] = made[at : at + rng.choice((1, 8, 200, 5000))]
    elif way == 7:
        made[at:at] = rng.randbytes(rng.choice((1, 3, 50, 1000)))
    elif way == 8:
        length = rng.choice((1, 16, 500, 5000))
        made[at : at + length] = bytes(min(length, max(len(made) - at, 0)))
    elif others:
        other = rng.choice(others)
        cut = rng.randrange(len(other) + 1)
        made[at:] = other[cut:]


def mutated_text(text: str, rng: random.Random, others: Sequence[str] = ()) -> bytes:
    """Lines and values of a text changed; at times its bytes."""
    lines = text.split("\n")
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(lines))
        way = rng.randrange(9)
        line = lines[at]
        if way == 0:
            del lines[at : at + rng.choice((1, 3))]
        elif way == 1:
            lines[at:at] = lines[at : at + 3] * rng.choice((1, 1, 50))
        elif way in (2, 3) and any(mark in line for mark in ":,"):
            mark = ":" if ":" in line else ","
            head, _, _ = line.rpartition(mark)
            lines[at] = f"{head}{mark} {rng.choice(TOKENS)}"
        elif way == 4:
            lines[at] = line[rng.randrange(len(line) + 1) :]
        elif way == 5:
            lines[at] = " " * rng.randrange(9) + line.lstrip()
        elif way == 6:
            lines[at:at] = [rng.choice(TOKENS)]
        elif way == 7 and others:
            other = rng.choice(others).split("\n")
            lines[at:] = other[rng.randrange(len(other)) :]
        else:
            where = rng.randrange(len(line) + 1)
            lines[at] = line[:where] + rng.choice(TOKENS) + line[where:]
        lines = lines or [""]
    made = "\n".join(lines).encode("utf-8", "surrogatepass")
    return mutated(made, rng) if rng.random() < 0.2 else made
