# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Measurements as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_ros.drawing.plotting import PLOT_STYLE, SERIES, with_gaps
from fer_ros.system.files import replacing

Rows = Sequence[Mapping[str, Any]]


def scale(rows: Rows, path: Path, force: bool = False) -> None:
    """Time of a frame against faces and pixels, load against cameras."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.2), layout="constrained")
    for axis, what, name, unit in zip(axes, ("faces", "pixels", "cameras"), ("faces", "megapixels", "cameras"),
                                      ("ms a frame", "ms a frame", "latency in ms"), strict=True):
        found = [row for row in rows if row["what"] == what]
        x = [row["value"] / (1e6 if what == "pixels" else 1) for row in found]
        axis.plot(x, [1e3 * row["p50"] for row in found], "o-", label="median")
        axis.plot(x, [1e3 * row["p95"] for row in found], ".:", label="95th percentile")
        axis.set(xlabel=name, ylabel=unit, ylim=(0, None))
        if what == "cameras" and found:
            load = axis.twinx()
            load.plot(x, [row["load"] for row in found], "s-", color=SERIES[2], label="load")
            load.set(ylabel="load in cores", ylim=(0, None))
            load.spines["right"].set_visible(True)
            load.legend(loc="lower right")
        axis.grid()
        axis.legend(loc="upper left" if what == "cameras" else "lower right")
        if what == "cameras":
            axis.set(xticks=x, ylim=(0, 1.4 * max((1e3 * row["p95"] for row in found), default=1)))
    _save(plt, figure, path, force)


def soak(rows: Rows, path: Path, force: bool = False) -> None:
    """Memory and latency over the minutes."""
    plt = pyplot()
    figure, (memory, latency) = plt.subplots(2, 1, figsize=(10, 5.5), sharex=True, layout="constrained")
    minutes, measured = with_gaps([row["minute"] for row in rows],
                                  [[row["memory"] / 1e6, 1e3 * row["p50"], 1e3 * row["p95"]] for row in rows])
    memory.plot(minutes, measured[:, 0], ".-")
    memory.set(ylabel="memory in MB", ylim=(0, 1.2 * max(row["memory"] for row in rows) / 1e6))
    latency.plot(minutes, measured[:, 1], ".-", label="median")
    latency.plot(minutes, measured[:, 2], ".:", label="95th percentile")
    latency.set(xlabel="minute", ylabel="latency in ms", ylim=(0, None))
    latency.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    for axis in (memory, latency):
        axis.grid()
    _save(plt, figure, path, force)


def pyplot() -> Any:
    """matplotlib's. Raises ValueError where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise ValueError("--plot needs matplotlib: pip install matplotlib") from None
    matplotlib.use("Agg")  # pictures are files here, with or without a display
    from matplotlib import pyplot

    pyplot.rcParams.update(PLOT_STYLE)
    return pyplot


def _save(plt: Any, figure: Any, path: Path, force: bool) -> None:
    try:
        with replacing(path, force) as partial:
            figure.savefig(partial)
    finally:
        plt.close(figure)
