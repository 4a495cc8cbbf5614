"""Measurements as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_ros.system.files import replacing

Rows = Sequence[Mapping[str, Any]]


def scale(rows: Rows, path: Path, force: bool = False) -> None:
    """Time of a frame against faces and pixels, load against cameras."""
    plt = pyplot()
    figure, axes = plt.subplots(1, 3, figsize=(15, 4.2))
    for axis, what, name, unit in zip(axes, ("faces", "pixels", "cameras"), ("faces", "megapixels", "cameras"),
                                      ("ms a frame", "ms a frame", "latency in ms"), strict=True):
        found = [row for row in rows if row["what"] == what]
        x = [row["value"] / (1e6 if what == "pixels" else 1) for row in found]
        axis.plot(x, [1e3 * row["p50"] for row in found], "o-", label="median")
        axis.plot(x, [1e3 * row["p95"] for row in found], ".:", label="95th percentile")
        axis.set(xlabel=name, ylabel=unit, ylim=(0, None))
        if what == "cameras" and found:
            load = axis.twinx()
            load.plot(x, [row["load"] for row in found], "s-", color="tab:green", label="load")
            load.set(ylabel="load in cores", ylim=(0, None))
            load.legend(loc="lower right")
        axis.grid(alpha=0.3)
        axis.legend(loc="upper left" if what == "cameras" else "lower right")
        if what == "cameras":
            axis.set(xticks=x, ylim=(0, 1.4 * max((1e3 * row["p95"] for row in found), default=1)))
    _save(plt, figure, path, force)


def soak(rows: Rows, path: Path, force: bool = False) -> None:
    """Memory and latency over the minutes."""
    plt = pyplot()
    figure, (memory, latency) = plt.subplots(2, 1, figsize=(10, 5.5), sharex=True)
    minutes = [row["minute"] for row in rows]
    memory.plot(minutes, [row["memory"] / 1e6 for row in rows], ".-")
    memory.set(ylabel="memory in MB", ylim=(0, 1.2 * max(row["memory"] for row in rows) / 1e6))
    latency.plot(minutes, [1e3 * row["p50"] for row in rows], ".-", label="median")
    latency.plot(minutes, [1e3 * row["p95"] for row in rows], ".:", label="95th percentile")
    latency.set(xlabel="minute", ylabel="latency in ms", ylim=(0, None))
    latency.legend()
    for axis in (memory, latency):
        axis.grid(alpha=0.3)
    _save(plt, figure, path, force)


def pyplot() -> Any:
    """matplotlib's. Raises ValueError where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise ValueError("--plot needs matplotlib: pip install matplotlib") from None
    matplotlib.use("Agg")  # pictures are files here, with or without a display
    from matplotlib import pyplot

    return pyplot


def _save(plt: Any, figure: Any, path: Path, force: bool) -> None:
    try:
        with replacing(path, force) as partial:
            figure.savefig(partial, dpi=110, bbox_inches="tight")
    finally:
        plt.close(figure)
