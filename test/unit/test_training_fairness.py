# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is answered of whom is counted, and the gaps are found."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PIL", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")

from rich.console import Console

from fer_ros.cli import main
from fer_ros.training import fairness
from fer_ros.training.fairness import ANSWERS, gaps, largest_of, load, section, shares
from fer_ros.training.tables import DataError

pytestmark = pytest.mark.training

HAPPY, NEUTRAL = ANSWERS.index("happy"), ANSWERS.index("neutral")


def people(folder: Path, rows: list[dict[str, str]], side: int = 64) -> Path:
    """labels.csv with a picture for each row."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for number, row in enumerate(rows):
        row["file"] = f"{number}.png"
        cv2.imwrite(str(folder / row["file"]), rng.integers(0, 256, (side, side), np.uint8))
    with open(folder / "labels.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


def report(**groups: np.ndarray) -> dict:
    """Of one attribute `age`, the answers of each group."""
    by_attribute = {"age": {}}
    for name, given in groups.items():
        by_attribute["age"] |= shares(given, np.array([name] * len(given)))
    return {"model": "a.onnx", "set": "some people", "faces": sum(map(len, groups.values())), "groups": by_attribute,
            "gaps": [{**gap.__dict__, "size": gap.size} for gap in gaps(by_attribute)]}


def of(happy: int, neutral: int) -> np.ndarray:
    return np.array([HAPPY] * happy + [NEUTRAL] * neutral)


def test_the_answers_of_each_group_are_counted():
    found = shares(np.array([HAPPY, HAPPY, NEUTRAL, ANSWERS.index("uncertain")]), np.array(["a", "a", "a", "b"]))
    assert found["a"]["faces"] == 3
    assert found["a"]["shares"]["happy"] == pytest.approx(2 / 3)
    assert found["b"]["shares"]["uncertain"] == 1
    assert all(sum(group["shares"].values()) == pytest.approx(1) for group in found.values())


def test_groups_are_in_the_order_of_their_ages():
    ages = ["10-19", "more than 70", "3-9", "0-2"]
    assert list(shares(np.zeros(4, int), np.array(ages))) == ["0-2", "3-9", "10-19", "more than 70"]
    assert list(shares(np.zeros(2, int), np.array(["Male", "Female"]))) == ["Female", "Male"]


def test_the_two_groups_that_are_farthest_apart_are_found_with_their_margin():
    first = gaps(report(child=of(600, 400), adult=of(300, 700), old=of(200, 800))["groups"])[0]
    assert (first.answer, first.size) in (("happy", pytest.approx(0.4)), ("neutral", pytest.approx(0.4)))
    happy = next(gap for gap in gaps(report(child=of(600, 400), old=of(200, 800))["groups"]) if gap.answer == "happy")
    assert (happy.most, happy.least) == ("child", "old")
    assert happy.margin == pytest.approx(1.96 * (0.6 * 0.4 / 1000 + 0.2 * 0.8 / 1000) ** 0.5)


def test_a_small_group_is_not_compared():
    assert gaps(report(child=of(99, 0), adult=of(300, 700))["groups"]) == []
    text = section(report(child=of(99, 0), adult=of(300, 700), old=of(290, 710)))
    assert "| child |" not in text
    assert "| adult | 1,000 |" in text


def test_what_chance_would_make_is_no_gap():
    assert largest_of(report(adult=of(60, 90), old=of(62, 88))) == []
    assert "No gap is larger than chance" in section(report(adult=of(60, 90), old=of(62, 88)))


def test_it_is_said_where_the_network_has_learnt_from_the_same_people():
    found = report(adult=of(60, 90), old=of(62, 88))
    assert "has learnt from these pictures" in section(found, ["fer2013", found["set"]])
    assert "has learnt from these pictures" not in section(found, ["fer2013"])


def test_gaps_are_told_in_plain_words():
    text = section(report(child=of(600, 400), old=of(200, 800)))
    assert ("`happy` is answered for 60.0% of the faces with age child, and for 20.0% of those with age old (a gap of 40.0 "
            "points") in text
    assert "nan" not in text


def test_the_columns_of_a_table_are_the_attributes(tmp_path):
    found = load(people(tmp_path, [{"file": "", "part": "train", "age": "3-9", "gender": " Female"}] * 1 + [
        {"file": "", "part": "train", "age": "20-29", "gender": "Male"}]))
    assert set(found.groups) == {"age", "gender"}
    assert found.groups["gender"].tolist() == ["Female", "Male"]
    assert found.images.shape == (2, 48, 48)


@pytest.mark.parametrize("index", ["", "Unnamed: 0"])
def test_the_numbers_of_a_tables_rows_are_no_attribute(tmp_path, index):
    folder = people(tmp_path, [{index: row, "file": "", "age": "3-9"} for row in range(3)])
    assert set(load(folder).groups) == {"age"}


@pytest.mark.parametrize(("spoil", "problem"), [
    (lambda folder: (folder / "labels.csv").unlink(), "cannot be read"),
    (lambda folder: (folder / "labels.csv").write_text("file\n0.png\n"), "says nothing of the people"),
    (lambda folder: (folder / "labels.csv").write_text("file,age\n"), "holds no faces"),
    (lambda folder: (folder / "0.png").write_bytes(b"x"), "1 unusable picture"),
    (lambda folder: (folder / "0.png").unlink(), "there is no such file"),
])
def test_what_cannot_be_read_is_named(tmp_path, spoil, problem):
    folder = people(tmp_path, [{"file": "", "age": "3-9"}])
    spoil(folder)
    with pytest.raises(DataError, match=problem):
        load(folder)


def test_the_command_counts_and_writes_and_tells(tmp_path, drawn_fer2013, capsys):
    faces = people(tmp_path / "people", [{"file": "", "age": age} for age in ("young", "old") for _ in range(100)])
    data = drawn_fer2013(tmp_path / "data", each=8)
    out, card = tmp_path / "out", tmp_path / "card.md"
    arguments = ["evaluate", "--data", str(data), "--out", str(out), "--people", str(faces), "--card", str(card)]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    text = capsys.readouterr()
    assert ended.value.code == 0, text.err
    found = json.loads((out / "people.json").read_text())
    assert found["groups"]["age"]["old"]["faces"] == found["groups"]["age"]["young"]["faces"] == 100
    assert sum(found["groups"]["age"]["old"]["shares"].values()) == pytest.approx(1)
    assert "what is answered, in %" in text.out
    assert "| old | 100 |" in card.read_text()
    before = (out / "people.json").read_bytes()
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 1
    assert "--force" in capsys.readouterr().err
    assert (out / "people.json").read_bytes() == before


def test_a_wrong_table_of_people_is_named_before_anything_is_measured(tmp_path, drawn_fer2013, capsys):
    faces, out = people(tmp_path / "people", [{"file": "", "age": "3-9"}]), tmp_path / "out"
    (faces / "labels.csv").write_text("file\n0.png\n")
    data = drawn_fer2013(tmp_path / "data", each=8)
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--data", str(data), "--out", str(out), "--people", str(faces)])
    assert ended.value.code == 1
    assert "says nothing of the people" in capsys.readouterr().err
    assert not list(out.glob("*"))


def test_what_is_too_unsure_is_counted_as_uncertain(tmp_path, monkeypatch):
    logits = np.zeros((2, 7), np.float32)
    logits[1, HAPPY] = 9

    monkeypatch.setattr(fairness.evaluate, "logits_of", lambda classifier, images: dict.fromkeys(
        (answer.output for answer in classifier.metadata.answers), np.pad(logits, ((0, 0), (0, 1)), constant_values=-9)))
    given = fairness.answers("emotion.onnx", np.zeros((2, 48, 48), np.uint8))
    assert [ANSWERS[one] for one in given] == ["uncertain", "happy"]


def test_a_table_is_printed_for_each_attribute():
    stream = io.StringIO()
    fairness.show(report(child=of(600, 400), old=of(200, 800)), Console(file=stream, width=160))
    assert "child" in stream.getvalue()
    assert "a gap of 40.0 points" in stream.getvalue()
