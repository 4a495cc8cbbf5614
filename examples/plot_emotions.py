#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Draw what the faces of a recording show over time.

    fer-ros annotate clip.mp4 -o clip.mcap --table clip.csv
    python3 examples/plot_emotions.py clip.csv -o clip.png

Each face has a row: its smoothed probabilities as lines, those of single frames behind them, its label as a band below.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patheffects import withStroke

from fer_ros import EMOTIONS
from fer_ros.drawing.plotting import HATCH, OTHER, PLOT_STYLE, lasts, plot_color, with_gaps
from fer_ros.labels import UNCERTAIN

plt.rcParams.update(PLOT_STYLE)
CASING = [withStroke(linewidth=2.6, foreground=OTHER)]
"""Around the lines, so that yellow and grey are seen on white."""


def read(table: Path) -> dict[str, dict[str, np.ndarray]]:
    """By face id: `time` (N,) in seconds from the table's first row on, `smooth` and `raw` (N, 7), `label` (N,)."""
    faces: dict[str, list[dict[str, str]]] = {}
    with open(table, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            faces.setdefault(row["face_id"], []).append(row)
    if not faces:
        raise ValueError(f"{table} holds no face")
    start = min(float(rows[0]["stamp"]) for rows in faces.values())
    return {
        face: {
            "time": np.array([float(row["stamp"]) - start for row in rows]),
            "smooth": np.array([[float(row[name]) for name in EMOTIONS] for row in rows]),
            "raw": np.array([[float(row[f"raw_{name}"]) for name in EMOTIONS] for row in rows]),
            "label": np.array([row["label"] for row in rows]),
        }
        for face, rows in faces.items()
    }


def draw(faces: dict[str, dict[str, np.ndarray]], out: Path) -> None:
    """One row for each face."""
    figure, rows = plt.subplots(len(faces), 1, figsize=(10, 1 + 2.6 * len(faces)), sharex=True, squeeze=False,
                                layout="constrained")
    for axes, (face, found) in zip(rows[:, 0], faces.items(), strict=True):
        shown = [i for i in range(len(EMOTIONS)) if found["smooth"][:, i].max() > 0.15]
        for i in shown:
            hue = plot_color(EMOTIONS[i])
            axes.plot(found["time"], found["raw"][:, i], ".", markersize=2, alpha=0.6, color=hue)
            axes.plot(*with_gaps(found["time"], found["smooth"][:, i]), color=hue, label=EMOTIONS[i], path_effects=CASING)
        lengths = lasts(found["time"])
        for label in (*EMOTIONS, UNCERTAIN):
            mine = found["label"] == label
            band = list(zip(found["time"][mine], lengths[mine], strict=True))
            axes.broken_barh(band, (-0.12, 0.08), facecolor=plot_color(label), edgecolor=OTHER, linewidth=0,
                             hatch=HATCH if label == UNCERTAIN else None)
        axes.set(ylim=(-0.15, 1.05), ylabel=f"face {face}", yticks=(0, 0.5, 1))
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=7)
        axes.grid()
    rows[-1, 0].set_xlabel("seconds")
    figure.savefig(out)
    plt.close(figure)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="written by fer-ros annotate --table")
    parser.add_argument("-o", "--out", type=Path, required=True, help="picture to write")
    options = parser.parse_args()
    try:
        draw(read(options.table), options.out)
    except (OSError, ValueError, KeyError) as error:
        print(f"plot_emotions: {options.table}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
