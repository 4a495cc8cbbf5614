# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The pictures of data, training and evaluation."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")  # pictures are files here, with or without a display
import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import TextPath
from matplotlib.ticker import StrMethodFormatter

from fer_ros.drawing.palette import INK, hex_color, text_color
from fer_ros.drawing.plotting import FAINT, OTHER, PLOT_STYLE, SERIES, plot_color, with_gaps
from fer_ros.system.files import replacing
from fer_ros.training.metrics import Reliability

plt.rcParams.update(PLOT_STYLE)
_INK = hex_color(INK)
_SHARES = LinearSegmentedColormap.from_list("shares", ["white", SERIES[0]])


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all, over one that is there, and close it."""
    try:
        with replacing(path, force=True) as partial:
            figure.savefig(partial)
    finally:
        plt.close(figure)


def curves(history: Sequence[dict[str, float]], best: int, path: Path) -> None:
    """Loss, accuracy and learning rate over the epochs, the best one marked.

    Args:
        history: `Epoch.row` of every epoch.
        best: its number.
    """
    epochs = [row["epoch"] for row in history]
    heads = [name.removesuffix("_balanced") for name in history[0] if name.endswith("_balanced")]
    figure, (losses, accuracies, rates) = plt.subplots(1, 3, figsize=(17, 5.4), width_ratios=(1, 1, 0.6), layout="constrained")
    for colour, head in zip(SERIES, heads, strict=False):
        lines = ((losses, "loss", "-", "validation", 1), (losses, "training_loss", ":", "training, augmented", 1),
                 (accuracies, "accuracy", "-", "validation", 100), (accuracies, "balanced", "--", "validation, balanced", 100),
                 (accuracies, "training_accuracy", ":", "training, augmented", 100))
        for axes, column, style, text, factor in lines:
            if f"{head}_{column}" not in history[0]:  # of the answer on one set, nothing is minimized
                continue
            values = with_gaps(epochs, [factor * row[f"{head}_{column}"] for row in history])
            # A point is seen even where no line leads to it.
            axes.plot(*values, color=colour, linestyle=style, marker=".", markersize=4, label=f"{head}, {text}")
    rates.plot(*with_gaps(epochs, [row["learning_rate"] for row in history]), color=OTHER, marker=".", markersize=4)
    top = history[best - 1]
    accuracies.plot([best], [100 * top["accuracy"]], marker="*", markersize=14, color=_INK, linestyle="",
                    label=f"best: epoch {best}, {top['accuracy']:.1%} in the mean")
    for axes, title in ((losses, "Loss"), (accuracies, "Validation accuracy in %"), (rates, "Learning rate")):
        axes.axvline(best, color=_INK, linewidth=0.8, linestyle=":")
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid()
        if axes is not rates:  # below, where it covers no line
            axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2)
    save(figure, path)


def distributions(counts: Mapping[str, NDArray[Any]], labels: Sequence[str], path: Path) -> None:
    """Faces by class, a panel for each split or set, three in a row.

    Args:
        counts: (len(labels),) int by split.
    """
    columns = min(len(counts), 3)
    lines = math.ceil(len(counts) / columns)
    figure, panels = plt.subplots(lines, columns, figsize=(6.5 * columns, 4.2 * lines), squeeze=False,
                                  layout="constrained")
    for axes in panels.flat[len(counts) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels.flat, counts.items(), strict=False):
        order = np.argsort(-values, kind="stable")
        bars = axes.bar([labels[i] for i in order], values[order], color=[plot_color(labels[i]) for i in order])
        axes.bar_label(bars, [f"{values[i]:,}\n{values[i] / max(values.sum(), 1):.1%}" for i in order], fontsize=8)
        axes.set_title(textwrap.fill(f"{name}: {values.sum():,} faces", 60))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set_ylabel("faces")
        axes.margins(y=0.15)
        axes.tick_params(axis="x", labelsize=8)
    save(figure, path)


def faces(rows: Sequence[tuple[str, Sequence[NDArray[Any]]]], title: str, path: Path, heads: Sequence[str] = ()) -> None:
    """Rows of (name, faces), each face a (H, W) uint8 grey image; `heads` stand above the columns."""
    columns = max(len(images) for _, images in rows)
    figure, panels = plt.subplots(len(rows), columns, figsize=(1.25 * columns + 1.2, 1.3 * len(rows)), squeeze=False,
                                  layout="constrained")
    figure.suptitle(title, fontsize=10)
    for line, (name, images) in zip(panels, rows, strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        if line[0] is panels[0][0]:
            for axes, head in zip(line, heads, strict=False):
                axes.set_title(textwrap.fill(head, 16), fontsize=9)
        line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=9)
    save(figure, path)


def confusion(shares: NDArray[Any], counts: NDArray[Any], labels: Sequence[str], title: str, path: Path) -> None:
    """A confusion matrix whose rows sum to 1, with the counts."""
    size = 0.85 * len(labels) + 1.6
    figure, axes = plt.subplots(figsize=(size + 1, size), layout="constrained")
    image = axes.imshow(shares, cmap=_SHARES, vmin=0, vmax=1)
    for i, j in np.ndindex(shares.shape):
        axes.text(j, i, f"{shares[i, j]:.0%}\n{counts[i, j]:,}", ha="center", va="center", fontsize=8,
                  color=_text_on(_SHARES(shares[i, j])))
    axes.set_xticks(range(len(labels)), labels, rotation=35, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title("\n".join(textwrap.fill(line, round(10 * size)) for line in title.splitlines()), fontsize=10)
    figure.colorbar(image, ax=axes, fraction=0.046, label="share of the truth's faces")
    save(figure, path)


def _text_on(ground: tuple[float, float, float, float]) -> str:
    """Black or white, on a colour of matplotlib."""
    red, green, blue = (round(255 * share) for share in ground[:3])
    return hex_color(text_color((blue, green, red)))


def reliability(found: Mapping[str, Reliability], path: Path) -> None:
    """How often an answer of some confidence is right, a panel for each truth; the bars below are the faces' share."""
    figure, panels = plt.subplots(1, len(found), figsize=(4.6 * len(found), 4.6), squeeze=False, layout="constrained")
    for axes, (name, bins) in zip(panels[0], found.items(), strict=True):
        axes.plot([0, 1], [0, 1], color=OTHER, linestyle="--", linewidth=1, label="as sure as right")
        axes.bar(bins.confidence, bins.share, width=0.04, color=FAINT, label="share of the faces")
        axes.plot(*with_gaps(bins.confidence, bins.accuracy), color=SERIES[0], linewidth=1)
        # A dot's area is its share of the faces: a bin of three faces says little.
        axes.scatter(bins.confidence, bins.accuracy, s=6 + 600 * bins.share, color=SERIES[0], label="right")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="right answers")
        axes.set_title(f"{textwrap.fill(name, 50)}\nexpected calibration error {bins.error:.1%}", fontsize=10)
        axes.grid()
        axes.legend(loc="upper left")
    save(figure, path)


def robustness(found: Mapping[str, Mapping[str, Mapping[str, float]]], path: Path) -> None:
    """Accuracy by change and truth: `Evaluator.robustness`."""
    changes = list(found)
    names = list(found[changes[0]])
    figure, axes = plt.subplots(figsize=(9, 0.55 * len(changes) + 1.4), layout="constrained")
    height = 0.8 / len(names)
    for i, name in enumerate(names):
        at = np.arange(len(changes)) + i * height
        bars = axes.barh(at, [100 * found[change][name]["accuracy"] for change in changes], height=height, label=name)
        axes.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
    axes.set_yticks(np.arange(len(changes)) + 0.4 - height / 2, changes)
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="accuracy in %")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(names))
    save(figure, path)


def architecture(layers: Sequence[tuple[str, str, tuple[int, ...], int]], title: str, path: Path) -> None:
    """A network from top to bottom.

    Args:
        layers: (name, kind, shape of the output without the batch, parameters) in the order of the data.
    """
    texts = [f"{kind}  {' x '.join(map(str, shape))}" for _, kind, shape, _ in layers]
    widest = max(int(np.prod(shape)) for _, _, shape, _ in layers)
    # As wide as the root of what leaves it, so that small layers stay visible, and wide enough for its text.
    widths = [max(0.9 + 3.2 * (np.prod(shape) / widest) ** 0.5, _inches(text, 9) + 0.3)
              for text, (_, _, shape, _) in zip(texts, layers, strict=True)]
    kinds = list(dict.fromkeys(kind for _, kind, _, _ in layers))
    edge, low = max(widths) / 2 + 0.3, -len(layers) + 0.3
    left, right = -edge - max(_inches(name, 8) for name, *_ in layers) - 0.15, edge + 1.0
    # The axes' unit is an inch across.
    figure = plt.figure(figsize=(right - left, 0.62 * (1.2 - low)))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(left, right), ylim=(low, 1.2))
    for i, (text, width, (name, kind, _, parameters)) in enumerate(zip(texts, widths, layers, strict=True)):
        colour = SERIES[kinds.index(kind) % len(SERIES)]
        axes.add_patch(FancyBboxPatch((-width / 2, -i - 0.3), width, 0.6, boxstyle="round,pad=0.02", color=colour, alpha=0.3))
        axes.text(0, -i, text, ha="center", va="center", fontsize=9)
        axes.text(-edge, -i, name, ha="right", va="center", fontsize=8, color=OTHER)
        axes.text(edge, -i, f"{parameters:,}" if parameters else "", ha="left", va="center", fontsize=8, color=OTHER)
        if i:
            axes.annotate("", (0, -i + 0.32), (0, -i + 0.68), arrowprops={"arrowstyle": "->", "color": OTHER})
    axes.text(edge, 0.75, "parameters", ha="left", fontsize=8, color=OTHER)
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    save(figure, path)


def _inches(text: str, size: float) -> float:
    """Width of a text of a size in points."""
    return float(TextPath((0, 0), text, size=size).get_extents().width) / 72 if text else 0.0
