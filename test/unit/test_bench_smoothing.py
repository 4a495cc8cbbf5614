# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The measure of smoothing counts what it says."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest

from fer_ros.bags.annotate import COLUMNS
from fer_ros.bench.smoothing import METHODS, Series, labels, measure, read_table, read_truth
from fer_ros.cli import main
from fer_ros.labels import EMOTIONS
from fer_ros.perception.smoothing import SmoothingParams

NONE = SmoothingParams(smoothing="none")


def series(*shown: str, fps: float = 10.0) -> Series:
    raw = np.full((len(shown), 7), 0.05, np.float32)
    for row, label in zip(raw, shown, strict=True):
        row[EMOTIONS.index(label)] = 0.7
    return Series(np.arange(len(shown)) / fps, raw)


def test_flips_and_delays_are_counted():
    face = series("neutral", "neutral", "sad", "neutral", "neutral", "neutral", "happy", "happy", "neutral", "happy")
    found = measure(face, read_truth("0 neutral, 0.4 happy"), NONE)
    assert found.delays == (pytest.approx(0.2),)
    assert found.flips == 2 + 2  # sad and back, neutral and back
    assert found.minutes == pytest.approx((0.3 + 0.3) / 60)
    assert found.flips_a_minute == pytest.approx(4 / 0.01)


def test_where_nobody_could_say_nothing_is_counted():
    face = series("neutral", "sad", "neutral", "sad", "happy", "happy")
    found = measure(face, read_truth("0 ?, 0.4 happy"), NONE)
    assert (found.flips, found.delays) == (0, (pytest.approx(0.0),))


def test_a_label_that_does_not_come_is_never_on_time():
    assert measure(series("neutral", "neutral", "neutral"), read_truth("0 neutral, 0.1 happy"), NONE).delays == (math.inf,)


def test_smoothing_is_calmer_than_none():
    noise = np.random.default_rng(1)
    face = series(*(("happy", "neutral")[noise.random() < 0.2] for _ in range(200)), fps=30)
    truth = read_truth("0 happy")
    flips = {name: measure(face, truth, params).flips for name, params in METHODS.items()}
    assert flips["none"] > 40
    assert flips["exponential"] < flips["none"] / 5
    assert flips["mean"] < flips["none"] / 5
    assert len(labels(face, NONE)) == 200


def test_changes_and_short_spells_are_counted_without_a_truth():
    face = series("neutral", "neutral", "neutral", "sad", "neutral", "neutral", "neutral", "neutral", "happy", "happy")
    found = measure(face, [], NONE)
    assert found.spells == pytest.approx((0.3, 0.1, 0.4))
    assert (found.short, found.flips, found.delays) == (1, 0, ())
    assert found.changes_a_minute == pytest.approx(3 / (0.9 / 60))


def test_what_is_held_is_calmer_than_what_sticks_and_that_than_what_is_free():
    """Syllables: a third of a second of one, a quarter of another."""
    face = series(*(["neutral"] * 10 + ["happy"] * 7) * 12, fps=30)
    changes = {name: len(measure(face, [], params).spells) for name, params in METHODS.items()}
    assert changes["exponential"] == 0 < changes["exponential, label free"]
    assert changes["exponential"] <= changes["exponential, label sticks"] <= changes["exponential, label free"]
    assert all(measure(face, [], METHODS[name]).short == 0 for name in ("exponential", "mean"))


@pytest.mark.parametrize("text", ["", "happy", "0 joy", "0 happy, 0 sad", "1 happy, 0.5 sad", "x happy", "nan happy", "0"])
def test_a_truth_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="is not SECONDS LABEL"):
        read_truth(text)


def write(path, face: Series, name: str = "1", more=()) -> None:
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, restval=0)
        table.writeheader()
        for stamp, raw in zip(face.stamps, face.raw, strict=True):
            frame = {f"raw_{emotion}": p for emotion, p in zip(EMOTIONS, raw, strict=True)}
            table.writerow({"stamp": 100 + stamp, "face_id": name, **frame})
        for row in more:
            table.writerow(row)


def test_the_command_measures_the_longest_face_of_a_table(tmp_path, capsys):
    file = tmp_path / "a.csv"
    write(file, series("neutral", "neutral", "happy", "happy"), more=[{"stamp": 99.5, "face_id": "2"}])
    assert read_table(file).stamps == pytest.approx([0.5, 0.6, 0.7, 0.8])
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "smoothing", str(file), "--truth", "0 neutral, 0.6 happy", "--json", str(tmp_path / "a.json")])
    assert "exponential" in capsys.readouterr().out
    found = {row["smoothing"]: row for row in json.loads((tmp_path / "a.json").read_text())}
    assert found["none"]["delays"] == [pytest.approx(0.1)]
    assert set(found) == set(METHODS)


@pytest.mark.parametrize(("leads", "shown", "prior"), [("surprise", "neutral", ("--neutral-prior", "4")),
                                                     ("fear", "surprise", ("--rare-prior", "0.2"))])
def test_the_command_takes_the_priors_of_a_model(tmp_path, leads, shown, prior):
    """One emotion is a little more probable than another: surprise than neutral, as of somebody who talks."""
    face = series(*20 * ["happy"], *40 * [leads])
    face.raw[20:, EMOTIONS.index(shown)] = 0.4
    write(tmp_path / "a.csv", face)

    def delay(*more: str) -> float | None:
        out = tmp_path / "a.json"
        with pytest.raises(SystemExit, match="0"):
            main(["bench", "smoothing", str(tmp_path / "a.csv"), "--truth", f"0 happy, 2 {shown}", "--json", str(out),
                  "--force", *more])
        return next(row["delays"][0] for row in json.loads(out.read_text()) if row["smoothing"] == "exponential")

    assert delay() is None
    assert delay(*prior) < 1


@pytest.mark.parametrize("content", ["", "hello", "stamp,face_id\n1,2\n", ",".join(COLUMNS) + "\n"])
def test_what_is_no_table_is_said(tmp_path, capsys, content):
    file = tmp_path / "a.csv"
    file.write_text(content)
    with pytest.raises(SystemExit, match="1"):
        main(["bench", "smoothing", str(file), "--truth", "0 happy"])
    assert "a.csv" in capsys.readouterr().err
