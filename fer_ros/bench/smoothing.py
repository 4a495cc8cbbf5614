# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What each way of smoothing makes of a recording: how often its label changes where nothing happens, and how late it is."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS
from fer_ros.perception.smoothing import Smoother, SmoothingParams
from fer_ros.types import Comparable

_NOT_HELD = {"label_hold": 0.0, "uncertain_hold": 0.0}
_FREE = {"stickiness": 1.0, **_NOT_HELD}

METHODS: dict[str, SmoothingParams] = {
    "none": SmoothingParams(smoothing="none"),
    "exponential, label free": SmoothingParams(smoothing="exponential", **_FREE),
    "exponential, label sticks": SmoothingParams(smoothing="exponential", **_NOT_HELD),
    "exponential": SmoothingParams(smoothing="exponential"),
    "mean, label free": SmoothingParams(smoothing="mean", **_FREE),
    "mean, label sticks": SmoothingParams(smoothing="mean", **_NOT_HELD),
    "mean": SmoothingParams(smoothing="mean"),
}
"""By name: each with its default parameters; then with the label's `stickiness` alone, and without even that."""

SHORT = 0.25
"""Seconds: no behaviour can use a label that is shown for a shorter time."""


@dataclass(frozen=True)
class Stretch:
    """Part of a recording in which a face shows one emotion.

    Attributes:
        begin, end: in seconds.
        label: what it shows; None where nobody could say.
    """

    begin: float
    end: float
    label: str | None


@dataclass(frozen=True, eq=False)
class Series(Comparable):
    """A face of a recording: (N,) stamps in seconds and (N, 7) probabilities of each frame alone."""

    stamps: NDArray[Any]
    raw: NDArray[Any]


@dataclass(frozen=True)
class Result:
    """How a method does.

    Attributes:
        flips: changes of the label after it was right, before the stretch ends.
        minutes: in which they were counted.
        delays: seconds from each real change to the right label; infinite where it does not come.
        spells: for how many seconds each label was shown, the last one not counted: it may have gone on.
        length: of the recording in minutes.
    """

    flips: int
    minutes: float
    delays: tuple[float, ...]
    spells: tuple[float, ...]
    length: float

    @property
    def flips_a_minute(self) -> float:
        return self.flips / self.minutes if self.minutes else 0.0

    @property
    def changes_a_minute(self) -> float:
        return len(self.spells) / self.length if self.length else 0.0

    @property
    def short(self) -> int:
        """Spells of less than `SHORT`."""
        return sum(spell < SHORT for spell in self.spells)


def read_truth(text: str) -> list[tuple[float, str | None]]:
    """`0 neutral, 0.6 happy, 2.3 ?` as begins and labels.

    Raises:
        ValueError: it is not that.
    """
    found: list[tuple[float, str | None]] = []
    for part in text.split(","):
        begin, _, label = part.strip().partition(" ")
        try:
            stamp = float(begin)
        except ValueError:
            stamp = math.nan
        if label.strip() not in (*EMOTIONS, "?") or not math.isfinite(stamp) or (found and stamp <= found[-1][0]):
            raise ValueError(f"{part.strip()!r} in {text!r} is not SECONDS LABEL, later than the one before it; labels are "
                             f"{', '.join(EMOTIONS)}, and ? where nobody could say")
        found.append((stamp, None if label.strip() == "?" else label.strip()))
    return found


def read_table(path: Path) -> Series:
    """The face with most rows of a table of `fer-ros annotate`; stamps from the table's first on.

    Raises:
        ValueError: it is no such table, or empty.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [(row["face_id"], float(row["stamp"]), [float(row[f"raw_{name}"]) for name in EMOTIONS])
                    for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ValueError(f"{path} is not a table of `fer-ros annotate --table` ({error})") from None
    if not rows:
        raise ValueError(f"{path} holds no face")
    ids = [row[0] for row in rows]
    mine = [row for row in rows if row[0] == max(dict.fromkeys(ids), key=ids.count)]
    stamps = np.array([row[1] for row in mine])
    return Series(stamps - min(row[1] for row in rows), np.array([row[2] for row in mine], np.float32))


def labels(series: Series, params: SmoothingParams, neutral_prior: float = 1.0, rare_prior: float = 1.0) -> list[str]:
    """What is shown of each frame, where the model's file says so of the priors."""
    smoother = Smoother(params, neutral_prior, rare_prior)
    return [smoother.update(["1"], raw[None], float(stamp)).labels[0]
            for stamp, raw in zip(series.stamps, series.raw, strict=True)]


def measure(series: Series, truth: Sequence[tuple[float, str | None]], params: SmoothingParams,
            neutral_prior: float = 1.0, rare_prior: float = 1.0) -> Result:
    """A method on a recording; without its truth no flips and no delays."""
    ends = [*(begin for begin, _ in truth[1:]), float(series.stamps[-1]) + 1e-6][: len(truth)]
    stretches = [Stretch(begin, end, label) for (begin, label), end in zip(truth, ends, strict=True)]
    shown = np.array(labels(series, params, neutral_prior, rare_prior))
    flips, seconds, delays = 0, 0.0, []
    for number, stretch in enumerate(stretches):
        inside = np.flatnonzero((series.stamps >= stretch.begin) & (series.stamps < stretch.end))
        if stretch.label is None or not len(inside):
            continue
        right = inside[shown[inside] == stretch.label]
        if number:
            delays.append(float(series.stamps[right[0]] - stretch.begin) if len(right) else math.inf)
        if len(right):
            after = inside[inside >= right[0]]
            flips += int((shown[after[1:]] != shown[after[:-1]]).sum())
            seconds += float(series.stamps[after[-1]] - series.stamps[after[0]])
    begins = series.stamps[np.flatnonzero(np.append(True, shown[1:] != shown[:-1]))]
    return Result(flips, seconds / 60, tuple(delays), tuple(np.diff(begins).tolist()),
                  float(series.stamps[-1] - series.stamps[0]) / 60)
