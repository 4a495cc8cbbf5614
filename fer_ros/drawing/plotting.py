# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What all plots share: the overlay's colours on white, and lines that break where nothing is known. Needs no matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.drawing.palette import COLORS, hex_color
from fer_ros.labels import UNCERTAIN

_TEXT, _LINE = "#16191d", "#c4cad2"
OTHER = "#5b6470"
"""Of a class that has no colour on the overlay, and of what is no class."""
FAINT = "#d9dde3"
HATCH = "////"
"""Of what is uncertain: a grey would be taken for neutral."""

SERIES: tuple[str, ...] = tuple(hex_color(COLORS[name]) for name in ("sad", "angry", "disgust", "fear", "surprise"))
"""Of lines that stand for no emotion, from the first on: the colours that are seen well on white."""

PLOT_STYLE: dict[str, object] = {
    "axes.prop_cycle": f"cycler('color', {[color.lstrip('#') for color in SERIES]})",
    "axes.edgecolor": _LINE, "axes.labelcolor": _TEXT, "axes.axisbelow": True, "axes.titlesize": "medium",
    "axes.spines.top": False, "axes.spines.right": False,
    "grid.color": _LINE, "grid.alpha": 0.5, "legend.frameon": False, "legend.fontsize": "small",
    "text.color": _TEXT, "xtick.color": _TEXT, "ytick.color": _TEXT, "savefig.dpi": 110, "savefig.bbox": "tight",
}
"""matplotlib's rcParams."""

_GAP = 2.5
"""Usual steps between two points from which on nothing is known between them."""


def plot_color(label: str) -> str:
    """A class's colour on white, `#rrggbb`: grey for classes that the overlay has no colour for, and for `uncertain` white,
    on which `HATCH` goes."""
    return "#ffffff" if label == UNCERTAIN else hex_color(COLORS[label]) if label in COLORS else OTHER


def with_gaps(x: object, y: object) -> tuple[NDArray[Any], NDArray[Any]]:
    """A line's points, and one that is not a number in each gap, where plotting libraries break a line.

    Args:
        x: (N,) numbers that do not fall.
        y: (N,) or (N, C), NaN where nothing is known.

    Returns:
        (M,) and (M,) or (M, C) float64; a gap is a step in `x` of more than 2.5 times the median one.
    """
    at, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    places = gaps(at)
    middles = (at[places] + at[places + 1]) / 2
    return np.insert(at, places + 1, middles), np.insert(values, places + 1, np.nan, axis=0)


def gaps(x: NDArray[Any]) -> NDArray[Any]:
    """Indices of the points after which there is a gap."""
    steps = np.diff(x)
    return np.flatnonzero(steps > _GAP * np.median(steps)) if steps.size else np.zeros(0, int)


def lasts(x: NDArray[Any]) -> NDArray[Any]:
    """(N,) how long each point lasts: until the next one, or as long as usual before a gap and at the end."""
    steps = np.diff(x, append=np.nan)
    usual = np.median(steps[:-1]) if len(x) > 1 else 0.0
    steps[[*gaps(x), -1][: len(x)]] = usual
    return steps
