# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How durations are taken and told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

K = TypeVar("K")


@dataclass(frozen=True)
class Spread:
    """Durations in seconds: median and 95th percentile."""

    p50: float
    p95: float

    @classmethod
    def of(cls, durations: Sequence[float]) -> Spread:
        p50, p95 = np.percentile(durations, [50, 95]) if len(durations) else (np.nan, np.nan)
        return cls(float(p50), float(p95))

    def __str__(self) -> str:
        return f"{1e3 * self.p50:.2f} ({1e3 * self.p95:.2f})"


def alternate(works: Mapping[K, Callable[[], object]], rounds: int, warm_up: int = 5, each: int = 1,
              seconds: float = 0.0) -> dict[K, Spread]:
    """Time several works in turns, so that a machine that is slow for a while is so for all.

    Args:
        works: by name; each is called once a round.
        rounds: that count, after `warm_up` that do not.
        each: how many calls make a turn, whose mean counts: for a work that does not do the same every time.
        seconds: for which it goes on at least: on a machine of unknown speed, where no number of rounds is right.
    """
    taken: dict[K, list[float]] = {name: [] for name in works}
    end, number = time.monotonic() + seconds, 0
    while number < warm_up + rounds or time.monotonic() < end:
        for name, work in works.items():
            begun = time.perf_counter()
            for _ in range(each):
                work()
            if number >= warm_up:
                taken[name].append((time.perf_counter() - begun) / each)
        number += 1
    return {name: Spread.of(durations) for name, durations in taken.items()}


def processor_time(pid: int) -> float:
    """Seconds of processors' time that a process has had, with all its threads; 0 where there is none any more."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_memory(pid: int) -> int:
    """Bytes that a process has in memory; 0 where there is none any more."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
