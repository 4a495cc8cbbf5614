# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Plots in the overlay's colours: text fits its boxes, and lines break where nothing is known."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import numpy as np
import pytest

from fer_ros.drawing.palette import COLORS, contrast, hex_color
from fer_ros.drawing.plotting import OTHER, SERIES, lasts, plot_color, with_gaps
from fer_ros.labels import EMOTIONS, UNCERTAIN

EXAMPLE = Path(__file__).parents[2] / "examples" / "plot_emotions.py"


def test_a_line_breaks_where_time_is_missing_and_where_a_value_is():
    x, y = with_gaps([0, 1, 2, 7, 8], [1.0, np.nan, 3.0, 4.0, 5.0])
    assert x.tolist() == [0, 1, 2, 4.5, 7, 8]
    assert np.isnan(y).tolist() == [False, True, False, True, False, False]
    x, both = with_gaps([0.0, 0.1, 0.2, 9.0], np.ones((4, 2)))
    assert np.isnan(both).all(axis=1).tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("x", [[], [3.0], [3.0, 90.0], [0.0, 1.0, 2.0, 3.1, 4.9]])
def test_a_line_without_gaps_is_as_it_was(x):
    at, y = with_gaps(x, [1.0] * len(x))
    assert at.tolist() == x and not np.isnan(y).any()


def test_what_is_seen_lasts_until_it_is_seen_again_but_not_over_a_gap():
    assert lasts(np.array([0.0, 1.0, 2.0, 7.0, 8.0])).tolist() == [1, 1, 1, 1, 1]
    assert lasts(np.array([0.0, 1.0, 2.5, 3.5])).tolist() == [1, 1.5, 1, 1]
    assert lasts(np.array([5.0])).tolist() == [0]
    assert lasts(np.zeros(0)).tolist() == []


def test_a_class_has_the_colour_that_it_has_on_the_overlay():
    assert [plot_color(label) for label in EMOTIONS] == [hex_color(COLORS[label]) for label in EMOTIONS]
    assert plot_color("contempt") == OTHER
    assert plot_color(UNCERTAIN) == "#ffffff", "or it is taken for neutral"
    assert hex_color((1, 2, 255)) == "#ff0201"


def test_lines_are_seen_on_white():
    for color in SERIES[:4]:
        blue, green, red = (int(color[i : i + 2], 16) for i in (5, 3, 1))
        assert contrast((blue, green, red), (255, 255, 255)) > 2.5


@pytest.fixture
def drawn(monkeypatch):
    """The figures of fer_ros.training.plots, which are drawn and not written."""
    pytest.importorskip("matplotlib", reason="pictures need matplotlib (pip install 'fer_ros[train]', or make training)")
    from fer_ros.training import plots

    figures = []
    monkeypatch.setattr(plots, "save", lambda figure, path: (figure.canvas.draw(), figures.append(figure)))
    yield plots, figures
    for figure in figures:
        plots.plt.close(figure)


@pytest.mark.training
def test_the_text_of_a_layer_lies_in_its_box(drawn, tmp_path):
    plots, figures = drawn
    layers = [("", "face", (1, 48, 48), 0), ("features.stem.convolution.weight", "Conv2d", (64, 48, 48), 1792),
              ("block", "DepthwiseSeparableConvolution", (512, 6, 6), 1), ("pool", "AdaptiveAvgPool2d", (512,), 0)]
    plots.architecture(layers, "a network", tmp_path / "a.png")
    axes = figures[0].axes[0]
    texts = {text.get_text(): text.get_window_extent() for text in axes.texts}
    boxes = [patch.get_window_extent() for patch in axes.patches]
    for (name, kind, shape, _), box in zip(layers, boxes, strict=True):
        inside = texts[f"{kind}  {' x '.join(map(str, shape))}"]
        assert box.x0 < inside.x0 and inside.x1 < box.x1
        assert not name or texts[name].x1 < box.x0, "a layer's name runs into its box"
        assert not name or texts[name].x0 >= 0, "a layer's name is cut off"


@pytest.mark.training
def test_the_bars_of_the_classes_have_the_overlays_colours(drawn, tmp_path):
    from matplotlib.colors import to_hex

    plots, figures = drawn
    plots.distributions({"training": np.array([5, 1, 4, 9, 3, 2, 6])}, EMOTIONS, tmp_path / "a.png")
    axes = figures[0].axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["happy", "neutral", "angry", "fear", "sad", "surprise", "disgust"]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [hex_color(COLORS[name]) for name in names]


@pytest.mark.training
def test_the_curves_break_at_epochs_without_an_answer_and_show_a_single_one(drawn, tmp_path):
    plots, figures = drawn
    history = [{"epoch": epoch, "learning_rate": 0.1, "accuracy": 0.5, "fer_loss": 1.0 if epoch != 3 else np.nan,
                "fer_balanced": 0.4, "fer_accuracy": 0.5} for epoch in (1, 2, 3, 4, 5, 9, 10)]
    plots.curves(history, 1, tmp_path / "a.png")
    loss = next(line for line in figures[0].axes[0].lines if line.get_label() == "fer, validation")
    assert [x for x, y in zip(*loss.get_data(), strict=True) if np.isnan(y)] == [3, 7]
    assert loss.get_marker() == "."
    plots.curves(history[:1], 1, tmp_path / "a.png")


@pytest.mark.training
def test_numbers_in_a_confusion_matrix_are_read_and_lie_in_their_cells(drawn, tmp_path):
    plots, figures = drawn
    shares = np.linspace(0, 1, 49).reshape(7, 7)
    plots.confusion(shares, np.full((7, 7), 28_709), EMOTIONS, "a model\nfigures " + "of many words " * 12, tmp_path / "a.png")
    axes = figures[0].axes[0]
    cell = axes.get_window_extent().width / 7
    for text, share in zip(axes.texts, shares.ravel(), strict=True):
        assert text.get_window_extent().width < cell
        rgb, ink = plots._SHARES(share)[:3], text.get_color()
        ground = tuple(round(255 * value) for value in reversed(rgb))
        assert contrast(ground, tuple(int(ink[i : i + 2], 16) for i in (5, 3, 1))) > 4
    assert axes.title.get_window_extent().width <= figures[0].bbox.width


@pytest.mark.training
def test_memory_and_latency_break_where_minutes_are_missing(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib (pip install 'fer_ros[train]', or make training)")
    from fer_ros.bench import plots

    figures = []
    monkeypatch.setattr(plots, "_save", lambda plt, figure, path, force: figures.append(figure))
    rows = [{"minute": minute, "memory": 2e8, "p50": 0.005, "p95": 0.01} for minute in (1, 2, 3, 20, 21)]
    plots.soak(rows, tmp_path / "a.png")
    for axes in figures[0].axes:
        for line in axes.lines:
            assert np.isnan(line.get_ydata()).sum() == 1


@pytest.mark.training
def test_the_lines_of_a_face_break_while_it_is_gone(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib (pip install 'fer_ros[train]', or make training)")
    table = tmp_path / "a.csv"
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["stamp", "face_id", "label", *EMOTIONS, *(f"raw_{name}" for name in EMOTIONS)])
        for i in [*range(30), *range(90, 120)]:
            writer.writerow([i / 30, "1", "happy", *np.eye(7)[3], *np.eye(7)[3]])
    example = runpy.run_path(str(EXAMPLE))
    figures = []
    monkeypatch.setattr(example["plt"], "close", figures.append)
    example["draw"](example["read"](table), tmp_path / "a.png")
    axes = figures[0].axes[0]
    line = next(line for line in axes.lines if line.get_label() == "happy")
    assert np.isnan(line.get_ydata()).sum() == 1
    spans = [path.get_extents() for path in axes.collections[EMOTIONS.index("happy")].get_paths()]
    assert not any(span.x0 < 2 < span.x1 for span in spans), "the label's band goes on while the face is gone"
    assert max(span.x1 for span in spans) == pytest.approx(4, abs=0.05)
