"""The pictures of data, training and evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")  # pictures are files here, with or without a display
import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from fer_ros.system.files import replacing
from fer_ros.training.metrics import Reliability

_COLOURS = plt.get_cmap("tab10").colors


def save(figure: Figure, path: Path) -> None:
    """Write a figure whole or not at all, over one that is there, and close it."""
    try:
        with replacing(path, force=True) as partial:
            figure.savefig(partial, dpi=110, bbox_inches="tight")
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
    figure, (losses, accuracies, rates) = plt.subplots(1, 3, figsize=(17, 4.6), width_ratios=(1, 1, 0.6))
    for colour, head in zip(_COLOURS, heads, strict=False):
        lines = ((losses, "loss", "-", "validation", 1), (losses, "training_loss", ":", "training, augmented", 1),
                 (accuracies, "accuracy", "-", "validation", 100), (accuracies, "balanced", "--", "validation, balanced", 100),
                 (accuracies, "training_accuracy", ":", "training, augmented", 100))
        for axes, column, style, text, factor in lines:
            if f"{head}_{column}" not in history[0]:  # of the answer on one set, nothing is minimized
                continue
            axes.plot(epochs, [factor * row[f"{head}_{column}"] for row in history], color=colour, linestyle=style,
                      label=f"{head}, {text}")
    rates.plot(epochs, [row["learning_rate"] for row in history], color="gray")
    top = history[best - 1]
    accuracies.plot([best], [100 * top["accuracy"]], marker="*", markersize=14, color="crimson", linestyle="",
                    label=f"best: epoch {best}, {top['accuracy']:.1%} in the mean")
    for axes, title in ((losses, "Loss"), (accuracies, "Validation accuracy in %"), (rates, "Learning rate")):
        axes.axvline(best, color="crimson", linewidth=0.8, linestyle=":")
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        if axes is not rates:
            axes.legend(fontsize=8)
    save(figure, path)


def distributions(counts: Mapping[str, NDArray[Any]], labels: Sequence[str], path: Path) -> None:
    """Faces by class, a panel for each split or set, three in a row.

    Args:
        counts: (len(labels),) int by split.
    """
    columns = min(len(counts), 3)
    lines = math.ceil(len(counts) / columns)
    figure, panels = plt.subplots(lines, columns, figsize=(6.5 * columns, 4.2 * lines), squeeze=False)
    for axes in panels.flat[len(counts) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels.flat, counts.items(), strict=False):
        order = np.argsort(-values, kind="stable")
        bars = axes.bar([labels[i] for i in order], values[order], color=[_COLOURS[i % 10] for i in order])
        axes.bar_label(bars, [f"{values[i]:,}\n{values[i] / max(values.sum(), 1):.1%}" for i in order], fontsize=8)
        axes.set_title(f"{name}: {values.sum():,} faces")
        axes.set_ylabel("faces")
        axes.margins(y=0.15)
        axes.tick_params(axis="x", labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def faces(rows: Sequence[tuple[str, Sequence[NDArray[Any]]]], title: str, path: Path, heads: Sequence[str] = ()) -> None:
    """Rows of (name, faces), each face a (H, W) uint8 grey image; `heads` stand above the columns."""
    columns = max(len(images) for _, images in rows)
    figure, panels = plt.subplots(len(rows), columns, figsize=(1.25 * columns + 1.2, 1.3 * len(rows)), squeeze=False)
    figure.suptitle(title, fontsize=10)
    for line, (name, images) in zip(panels, rows, strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, image in zip(line, images, strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
        if line[0] is panels[0][0]:
            for axes, head in zip(line, heads, strict=False):
                axes.set_title(head, fontsize=9)
        line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=9)
    save(figure, path)


def confusion(shares: NDArray[Any], counts: NDArray[Any], labels: Sequence[str], title: str, path: Path) -> None:
    """A confusion matrix whose rows sum to 1, with the counts."""
    size = 0.85 * len(labels) + 1.6
    figure, axes = plt.subplots(figsize=(size + 1, size))
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(shares.shape):
        axes.text(j, i, f"{shares[i, j]:.0%}\n{counts[i, j]}", ha="center", va="center", fontsize=8,
                  color="white" if shares[i, j] > 0.55 else "black")
    axes.set_xticks(range(len(labels)), labels, rotation=35, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title(title, fontsize=10)
    figure.colorbar(image, ax=axes, fraction=0.046, label="share of the truth's faces")
    save(figure, path)


def reliability(found: Mapping[str, Reliability], path: Path) -> None:
    """How often an answer of some confidence is right, a panel for each truth; the bars below are the faces' share."""
    figure, panels = plt.subplots(1, len(found), figsize=(4.6 * len(found), 4.6), squeeze=False)
    for axes, (name, bins) in zip(panels[0], found.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="gray", linestyle="--", linewidth=1, label="as sure as right")
        axes.bar(bins.confidence, bins.share, width=0.04, color="lightgray", label="share of the faces")
        axes.plot(bins.confidence, bins.accuracy, color=_COLOURS[0], linewidth=1)
        # A dot's area is its share of the faces: a bin of three faces says little.
        axes.scatter(bins.confidence, bins.accuracy, s=6 + 600 * bins.share, color=_COLOURS[0], label="right")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="right answers")
        axes.set_title(f"{name}\nexpected calibration error {bins.error:.1%}", fontsize=10)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8, loc="upper left")
    save(figure, path)


def robustness(found: Mapping[str, Mapping[str, Mapping[str, float]]], path: Path) -> None:
    """Accuracy by change and truth: `Evaluator.robustness`."""
    changes = list(found)
    names = list(found[changes[0]])
    figure, axes = plt.subplots(figsize=(9, 0.55 * len(changes) + 1.4))
    height = 0.8 / len(names)
    for i, name in enumerate(names):
        at = np.arange(len(changes)) + i * height
        bars = axes.barh(at, [100 * found[change][name]["accuracy"] for change in changes], height=height, label=name)
        axes.bar_label(bars, fmt="%.1f", fontsize=8, padding=2)
    axes.set_yticks(np.arange(len(changes)) + 0.4 - height / 2, changes)
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="accuracy in %")
    axes.legend(fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(names))
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def architecture(layers: Sequence[tuple[str, str, tuple[int, ...], int]], title: str, path: Path) -> None:
    """A network from top to bottom.

    Args:
        layers: (name, kind, shape of the output without the batch, parameters) in the order of the data.
    """
    figure, axes = plt.subplots(figsize=(8.5, 0.62 * len(layers) + 0.8))
    widest = max(int(np.prod(shape)) for _, _, shape, _ in layers)
    for i, (name, kind, shape, parameters) in enumerate(layers):
        # As wide as the root of what leaves it, so that small layers stay visible.
        width = 1.2 + 5.5 * (np.prod(shape) / widest) ** 0.5
        colour = _COLOURS[sum(map(ord, kind)) % 10]
        axes.add_patch(FancyBboxPatch((-width / 2, -i - 0.3), width, 0.6, boxstyle="round,pad=0.02", color=colour, alpha=0.35))
        axes.text(0, -i, f"{kind}  {' x '.join(map(str, shape))}", ha="center", va="center", fontsize=9)
        axes.text(-3.7, -i, name, ha="right", va="center", fontsize=8, color="dimgray")
        axes.text(3.7, -i, f"{parameters:,}" if parameters else "", ha="left", va="center", fontsize=8, color="dimgray")
        if i:
            axes.annotate("", (0, -i + 0.32), (0, -i + 0.68), arrowprops={"arrowstyle": "->", "color": "gray"})
    axes.text(3.7, 0.75, "parameters", ha="left", fontsize=8, color="dimgray")
    axes.set(xlim=(-6, 6), ylim=(-len(layers) + 0.3, 1.2))
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    save(figure, path)
