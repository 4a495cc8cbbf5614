# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Faces of several sets come together, each with what its own people say of it."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("PIL", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")

from rich.console import Console

from fer_ros.cli import main
from fer_ros.labels import EMOTIONS
from fer_ros.perception.align import AlignParams, align_faces
from fer_ros.training import card, comparison, duplicates, mix
from fer_ros.training.data import FERPLUS, DataError
from fer_ros.training.duplicates import look_alikes, mirrored
from fer_ros.training.pictures import framed
from fer_ros.training.pool import CLEAR, NO_TRUTH, Pool, gather, half_of, truth_of
from fer_ros.training.recipe import ANSWER, Recipe, RecipeError, from_values, read, to_yaml
from fer_ros.training.sets import UNLABELLED, SetSpec, divided, load, thinned

pytestmark = pytest.mark.training


def noise(seed: int, side: int = 64) -> np.ndarray:
    """A picture that looks like no other."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8), np.uint8)
    return cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)


def write(folder: Path, classes: dict[str, int], start: int = 0, side: int = 64) -> int:
    """<class>/<number>.png for each class; the next number."""
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for _ in range(count):
            cv2.imwrite(str(folder / name / f"{start}.png"), noise(start, side))
            start += 1
    return start


@pytest.fixture
def table(tmp_path):
    """Writes labels.csv of rows as dicts, and a picture for each."""

    def make(rows: list[dict[str, object]]) -> Path:
        for i, row in enumerate(rows):
            row["file"] = f"{i}.png"
            cv2.imwrite(str(tmp_path / f"{i}.png"), noise(i))
        with open(tmp_path / "labels.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return tmp_path

    return make


# One set


def test_folders_of_any_size_and_colour_are_read_with_their_parts(tmp_path):
    write(tmp_path / "Train", {"anger": 2, "Surprised": 1, "unlabelled": 1})
    write(tmp_path / "valid", {"happiness": 1}, start=10, side=200)
    cv2.imwrite(str(tmp_path / "Train" / "anger" / "colour.jpg"), np.dstack([noise(90)] * 2 + [noise(91)]))
    found = load(tmp_path, SetSpec())
    labels = sorted((part, int(label)) for part, label in zip(found.parts, found.labels, strict=True))
    assert labels == [("training", UNLABELLED), ("training", 0), ("training", 0), ("training", 0), ("training", 5),
                      ("validation", 3)]
    assert found.images.shape == (6, 48, 48)
    expected = cv2.resize(noise(10, 200), (48, 48), interpolation=cv2.INTER_AREA)
    assert (found.images[found.parts == "validation"][0] == expected).all()


def test_contempt_counts_where_the_set_asks_for_it(tmp_path):
    write(tmp_path / "train", {"contempt": 2, "happy": 3})
    assert load(tmp_path, SetSpec()).labels.tolist() == [3, 3, 3]
    assert sorted(load(tmp_path, SetSpec(contempt=True)).labels.tolist()) == [3, 3, 3, 7, 7]


def test_numbered_classes_are_not_guessed(tmp_path):
    write(tmp_path / "train", {"1": 1, "2": 2})
    with pytest.raises(DataError, match="say what the numbers mean in the recipe"):
        load(tmp_path, SetSpec())
    assert load(tmp_path, SetSpec(classes="1=surprise, 2 = Fear")).labels.tolist() == [5, 2, 2]
    with pytest.raises(DataError, match="'2=afraid of' is not NAME=CLASS"):
        load(tmp_path, SetSpec(classes="1=surprise, 2=afraid of"))


def test_an_unknown_class_and_a_broken_picture_are_named(tmp_path):
    write(tmp_path / "a" / "train", {"bored": 1})
    with pytest.raises(DataError, match=r"train/bored: 'bored' is not a class; known are angry"):
        load(tmp_path / "a", SetSpec())
    write(tmp_path / "b" / "train", {"sad": 2})
    (tmp_path / "b" / "train" / "sad" / "0.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"1 unusable picture;.*\n.*sad/0\.png: empty or damaged"):
        load(tmp_path / "b", SetSpec())
    with pytest.raises(DataError, match="is not a set of faces"):
        load(tmp_path, SetSpec())


def test_a_table_gives_labels_groups_and_shares_of_raters(table):
    folder = table([
        {"posed": "happy", "who": "a", "rated_happy": 0.75, "rated_fear": 0.25},
        {"posed": "fear", "who": "b", "rated_happy": "", "rated_fear": 1},
    ])
    found = load(folder, SetSpec(label_column="posed", group_column="who", shares_prefix="rated_"))
    assert found.labels.tolist() == [3, 2]
    assert found.groups.tolist() == ["a", "b"]
    assert found.shares[0, FERPLUS.index("happy")] == 0.75
    assert found.shares[1, FERPLUS.index("fear")] == 1


def test_raters_who_could_not_tell_have_said_nothing_of_contempt(table):
    found = load(table([{"label": "happy", "rated_happy": 0.75, "rated_Unknown": 0.25}]), SetSpec(shares_prefix="rated_"))
    assert found.shares[0].tolist() == [0, 0, 0, 0.75, 0, 0, 0, 0]


def test_a_table_of_a_spreadsheet_is_read(table):
    folder = table([{"label": "happy"}, {"label": "fear"}])
    path = folder / "labels.csv"
    path.write_bytes(path.read_text().replace(",", ";").replace("label", "Label ").encode("utf-16"))
    assert load(folder, SetSpec()).labels.tolist() == [3, 2]


@pytest.mark.parametrize(("spec", "problem"), [
    ({"label_column": "emtion"}, "has no column emtion, .* label_column: did you mean emotion"),
    ({"label_column": "emotion", "part_column": "usage"}, "has no column usage, .* part_column"),
    ({"label_column": "emotion", "shares_prefix": "rated_"}, "has no column that begins with rated_"),
])
def test_a_column_that_the_recipe_names_must_be_there(table, spec, problem):
    folder = table([{"file": "", "emotion": "sad", "split": "valid", "rate_sad": 1}])
    with pytest.raises(DataError, match=problem):
        load(folder, SetSpec(**spec))


@pytest.mark.parametrize("change", [
    lambda name: name.replace("/", "\\"), lambda name: f" {name} ", lambda name: f".\\{name}\t",
])
def test_a_file_is_found_however_its_path_is_written(tmp_path, change):
    write(tmp_path / "images", {"mine": 1})
    (tmp_path / "labels.csv").write_text(f"label;file\nsad;{change('images/mine/0.png')}\n")
    assert load(tmp_path, SetSpec()).labels.tolist() == [EMOTIONS.index("sad")]


@pytest.mark.parametrize("place", ["", "lists"])
def test_a_file_lies_below_the_folder_of_its_table_or_of_its_set(tmp_path, place):
    write(tmp_path / place, {"faces": 1})
    (tmp_path / "lists").mkdir(exist_ok=True)
    (tmp_path / "lists" / "mine.csv").write_text("file,label\nfaces/0.png,sad\n")
    found = load(tmp_path, SetSpec(table="lists/mine.csv"))
    assert found.rows.tolist() == [str(tmp_path / place / "faces" / "0.png")]


def test_a_class_that_pandas_wrote_as_a_decimal_is_its_number(table):
    folder = table([{"file": "", "label": "1.0"}, {"file": "", "label": "2"}, {"file": "", "label": ""}])
    assert load(folder, SetSpec(classes="1=surprise, 2=fear")).labels.tolist() == [
        EMOTIONS.index("surprise"), EMOTIONS.index("fear"), UNLABELLED]


def test_a_file_beside_the_folders_of_classes_is_named(tmp_path):
    write(tmp_path / "train", {"happy": 1})
    (tmp_path / "train" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes\.txt lies beside the folders of the classes"):
        load(tmp_path, SetSpec())


def test_a_tiny_picture_is_framed_too():
    assert framed(np.array([[1, 2], [3, 4]], np.uint8), 0.45).shape == (48, 48)


@pytest.mark.parametrize(("row", "spec", "problem"), [
    ({"label": "happy"}, SetSpec(group_column="who"), "no column who"),
    ({"label": "happy", "part": "third"}, SetSpec(), r"labels\.csv:2: 'third' is not a part"),
    ({"label": "joyous"}, SetSpec(), r"labels\.csv:2: 'joyous' is not a class"),
    ({"label": "sad", "said_sad": "1", "said_sadness": "0"}, SetSpec(shares_prefix="said_"), "are of one class"),
    ({"label": "sad", "said_sad": "1.5"}, SetSpec(shares_prefix="said_"), "'1.5' is not a number from 0 to 1"),
])
def test_a_wrong_table_is_named_by_its_line(table, row, spec, problem):
    with pytest.raises(DataError, match=problem):
        load(table([row]), spec)


def test_a_margin_is_cut_or_added():
    picture = np.arange(100 * 100, dtype=np.int64).reshape(100, 100) // 40 % 256
    picture = picture.astype(np.uint8)
    cut = framed(picture, 0.2)
    assert (cut == cv2.resize(picture[20:80, 20:80], (48, 48), interpolation=cv2.INTER_AREA)).all()
    wider = framed(picture, -0.5)
    assert np.abs(wider[12:36, 12:36].astype(int) - cv2.resize(picture, (24, 24), interpolation=cv2.INTER_AREA)).max() <= 2
    assert (wider[:12, 24] == wider[0, 24]).all()  # the border goes on


# Its parts


def test_a_share_of_each_class_is_held_out_and_the_same_again(tmp_path):
    write(tmp_path / "train", {"happy": 40, "fear": 10})
    faces = load(tmp_path, SetSpec())
    first, again, other = (divided(faces, SetSpec(held_out=0.2), seed) for seed in (0, 0, 1))
    held_out = first.parts == "validation"
    assert np.bincount(first.labels[held_out], minlength=4).tolist() == [0, 0, 2, 8]
    assert (first.parts == again.parts).all()
    assert not (first.parts == other.parts).all()


def test_whole_people_are_held_out(table):
    faces = load(table([{"label": "sad", "who": f"p{i % 5}"} for i in range(20)]), SetSpec(group_column="who"))
    found = divided(faces, SetSpec(group_column="who", groups_held_out=2), 0)
    apart = set(found.groups[found.parts == "validation"])
    assert len(apart) == 2
    assert not apart & set(found.groups[found.parts == "training"])
    with pytest.raises(DataError, match="5 groups are too few to hold 5 of them out"):
        divided(faces, SetSpec(group_column="who", groups_held_out=5), 0)


def test_share_and_cap_leave_that_much_of_each_class():
    labels = np.repeat([0, 3, 5], [100, 40, 4])
    keep = thinned(labels, SetSpec(share=0.5, cap=30), 0)
    assert np.bincount(labels[keep]).tolist() == [30, 0, 0, 20, 0, 2]


# Duplicates


def test_pictures_are_known_again_scaled_compressed_and_mirrored():
    images = np.stack([framed(noise(i), 0) for i in range(30)])
    _, jpeg = cv2.imencode(".jpg", images[3], (cv2.IMWRITE_JPEG_QUALITY, 30))
    coarse = cv2.resize(cv2.resize(images[5], (24, 24), interpolation=cv2.INTER_AREA), (48, 48))
    brighter = np.clip(images[9].astype(int) // 2 + 60, 0, 255).astype(np.uint8)
    held_out = np.stack([cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), coarse, mirrored(images[7:8])[0], brighter])
    seen, twice = look_alikes(images, held_out)
    assert np.flatnonzero(seen).tolist() == [3, 5, 7, 9]
    assert not twice.any()


def test_likenesses_are_the_same_in_blocks_of_any_size(monkeypatch):
    images = np.stack([noise(i % 7, 48) for i in range(20)])
    images[9] = mirrored(images[9:10])[0]
    held_out = np.stack([noise(i, 48) for i in (30, 31, 5, 2)])
    whole = look_alikes(images, held_out)
    assert whole[0].sum() == 6
    assert whole[1].tolist() == [False] * 7 + [True] * 13
    monkeypatch.setattr(duplicates, "_BLOCK", 3)
    assert np.array_equal(look_alikes(images, held_out), whole)


def test_of_faces_that_are_twice_in_the_training_the_first_stays():
    images = np.stack([framed(noise(i), 0) for i in range(6)])
    doubled = np.concatenate([images, mirrored(images[1:2]), images[4:5], np.full((2, 48, 48), 9, np.uint8)])
    seen, twice = look_alikes(doubled, images[:0])
    assert not seen.any()
    assert np.flatnonzero(twice).tolist() == [6, 7]


# A recipe of several sets


SETS = {
    "fer2013": {}, "posed": {"path": "p", "contempt": True, "weight": 3.0}, "crowd": {"held_out": 0.5},
}


@pytest.fixture
def folder(drawn_fer2013, tmp_path):
    drawn_fer2013(tmp_path / "fer2013", each=8)
    at = write(tmp_path / "p" / "train", {**dict.fromkeys(EMOTIONS, 3), "contempt": 2})
    at = write(tmp_path / "p" / "valid", dict.fromkeys(EMOTIONS, 2), start=at)
    write(tmp_path / "crowd" / "train", dict.fromkeys(EMOTIONS, 4), start=at)
    return tmp_path


def recipe(**changes) -> Recipe:
    return from_values({"architecture": "tiny", "sets": SETS, **changes}, "here")


def test_a_recipe_has_a_head_for_each_convention_and_one_answer():
    assert {head: len(classes) for head, classes in recipe().heads.items()} == {
        ANSWER: 7, "ferplus": 8, "fer2013": 7, "posed": 8, "crowd": 7}
    assert list(recipe(sets={"posed": {}}).heads) == ["posed"]
    shared = recipe(sets={"a": {"head": "web"}, "b": {"head": "web", "contempt": True}})
    assert {head: len(classes) for head, classes in shared.heads.items()} == {ANSWER: 7, "web": 8}


def test_sets_are_stored_with_the_run(tmp_path):
    (tmp_path / "recipe.yaml").write_text(to_yaml(recipe()))
    assert read(str(tmp_path / "recipe.yaml")) == recipe()


@pytest.mark.parametrize(("sets", "problem"), [
    (["posed"], "sets must be"), ({"posed": 3}, "set posed must be"),
    ({"posed": {"wieght": 2}}, "set posed has no 'wieght'; it has .*weight"),
    ({"posed": {"margin": 0.6}}, "set posed: margin must be from -0.5"), ({"answer": {}}, "can be called answer"),
    ({"posed, web": {}}, "the name 'posed, web' .* has a comma"), ({"a": {"head": "b\n"}}, "the name .* cannot be printed"),
    ({"": {"path": "posed"}}, "the name '' .* is empty"), ({"a": {"weight": 0}, "b": {"weight": 0}}, "every set has weight 0"),
    ({"fer2013": {}, "mine": {"head": "fer2013", "contempt": True}}, "set mine: FER2013's convention has no contempt"),
])
def test_a_wrong_set_is_named(sets, problem):
    with pytest.raises(RecipeError, match=problem):
        recipe(sets=sets)


def test_each_face_has_targets_for_its_own_convention_and_for_the_answer(folder):
    found = gather(folder, recipe(clean=False))
    pool = found.training
    assert pool.sets == ("fer2013", "posed", "crowd")
    assert np.bincount(pool.origin).tolist() == [56, 23, 14]
    for head, origin in (("ferplus", 0), ("fer2013", 0), ("posed", 1), ("crowd", 2)):
        assert ((pool.says[head] > 0) == (pool.origin == origin)).all(), head
        assert pool.targets[head][pool.origin == origin].sum(axis=1) == pytest.approx(1)
    contempt = (pool.truth["posed"] == FERPLUS.index("contempt"))
    assert contempt.sum() == 2
    assert ((pool.says[ANSWER] > 0) == ~contempt).all()
    assert pool.targets[ANSWER][~contempt].sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (pool.truth[ANSWER][contempt] == NO_TRUTH).all()
    votes = pool.targets["ferplus"][0]
    assert pool.targets[ANSWER][0] == pytest.approx(votes[:7] / votes[:7].sum())
    assert "posed (folders)" in found.layout


@pytest.mark.parametrize("head", ["ferplus", "fer2013"])
@pytest.mark.parametrize("targets", ["both", "fer2013", "ferplus"])
@pytest.mark.parametrize("sets", [{"fer2013": {}}, {"posed": {"path": "p", "contempt": True}}])
def test_another_set_may_share_a_convention_of_fer2013(folder, sets, targets, head):
    found = gather(folder, recipe(clean=False, targets=targets, sets={**sets, "crowd": {"head": head, "held_out": 0.5}}))
    for pool in (found.training, found.validation):
        mine = pool.origin == 1
        assert mine.any()
        assert (pool.says[head][mine] == 1).all()
        assert (pool.says[ANSWER][mine] == 1).all()
        assert pool.truth[ANSWER][mine].tolist() == pool.truth[head][mine].tolist() != [NO_TRUTH] * mine.sum()
    if "fer2013" in sets and targets == "both":
        rows = found.validation.origin == 0
        assert found.validation.truth[ANSWER][rows].tolist() == [
            label if label < 7 else NO_TRUTH for label in found.validation.truth[CLEAR][rows]]


def test_a_set_that_counts_nothing_is_measured_on(folder):
    found = gather(folder, recipe(clean=False, sets={"posed": {"path": "p", "weight": 0}, "crowd": {"held_out": 0.5}}))
    assert set(found.training.says) == {ANSWER, "crowd"}
    mine = found.report.origin == 0
    assert (found.report.truth["posed"][mine] != NO_TRUTH).all()
    assert (found.report.truth[ANSWER][mine] == NO_TRUTH).all()
    assert "posed" in [name for name, *_ in comparison.truths(found.report)]


def test_fer2013_is_found_in_any_of_its_layouts_beside_other_sets(folder, drawn_folders):
    (folder / "fer2013" / "fer2013.csv").rename(folder / "fer2013" / "ICML_face_data.csv")
    assert "fer2013 (fer2013)" in gather(folder, recipe()).layout
    drawn_folders(folder / "kaggle" / "archive")
    sets = {"fer2013": {"path": "kaggle"}, "crowd": {}}
    assert np.bincount(gather(folder, recipe(sets=sets, targets="fer2013", clean=False)).training.origin).tolist() == [49, 28]


def test_faces_that_raters_alone_speak_of_are_held_out_too(tmp_path, table):
    shares = {"rated_sad": 0.0, "rated_happy": 0.0}
    table([{"file": "", **shares, name: 0.8} for name in shares for _ in range(10)])
    found = gather(tmp_path.parent, recipe(clean=False, sets={tmp_path.name: {"shares_prefix": "rated_", "held_out": 0.2}}))
    for pool in (found.validation, found.report):
        assert sorted(pool.truth[tmp_path.name]) == [EMOTIONS.index("happy"), EMOTIONS.index("sad")]


def test_half_of_what_is_held_out_chooses_and_the_other_half_reports(folder):
    found = gather(folder, recipe())
    chooses, reports = ({str(row) for row in pool.rows} for pool in (found.validation, found.report))
    assert not chooses & reports
    assert abs(len(chooses) - len(reports)) <= 21
    assert {int(origin) for origin in found.report.origin} == {0, 1, 2}
    again = gather(folder, recipe())
    assert [str(row) for row in again.report.rows] == [str(row) for row in found.report.rows]
    _, truth = truth_of(found.validation, "posed")
    assert sorted(truth.tolist()) == list(range(7))
    assert half_of(found.validation, 1).sum() >= len(found.validation) / 2


def test_what_looks_like_a_held_out_face_of_any_set_is_not_learnt_from(folder):
    copied = next((folder / "p" / "valid" / "happy").iterdir())
    face = cv2.imread(str(copied), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(folder / "crowd" / "train" / "sad" / "copy.jpg"), cv2.resize(face[:, ::-1], (96, 96)))
    # Whatever share of the set is held out, the copy among them is known by its name.
    plain, clean = (gather(folder, recipe(clean=clean, sets={**SETS, "crowd": {"held_out": 0.0}})).training
                    for clean in (False, True))
    assert any(str(row).endswith("copy.jpg") for row in plain.rows)
    assert not any(str(row).endswith("copy.jpg") for row in clean.rows)


def test_a_label_that_raters_could_not_give_stands_alone(tmp_path, table):
    rows = [{"posed": emotion, "rated_happy": 0.5, "rated_sad": 0.5} for emotion in ("happy", "neutral")]
    rows += [{**row, "part": "valid"} for row in rows]
    rows[0]["part"] = rows[1]["part"] = "train"
    found = gather(table(rows).parent, recipe(sets={
        tmp_path.name: {"label_column": "posed", "shares_prefix": "rated_"}}, clean=False))
    happy, neutral = found.training.targets[tmp_path.name]
    assert happy[EMOTIONS.index("happy")] == pytest.approx(0.75)
    assert neutral[EMOTIONS.index("neutral")] == 1


def test_pools_are_equal_if_their_faces_and_all_that_is_said_of_them_are(folder):
    one, again = (gather(folder, recipe()).validation for _ in range(2))
    assert one == again
    assert hash(one) == hash(again)
    shorter = one.take(np.arange(len(one)) > 0)
    assert one != shorter
    assert one != dataclasses.replace(one, says={**one.says, "posed": one.says["posed"] * 0.5})


# Models beside each other


def test_where_no_face_is_left_to_report_on_that_is_said(tmp_path, model):
    write(tmp_path / "mine" / "valid", {"sad": 1}, start=write(tmp_path / "mine" / "train", {"sad": 3}))
    with pytest.raises(DataError, match="no held-out face is left to report on"):
        comparison.make([model("one", 9)], tmp_path, recipe(sets={"mine": {}}), tmp_path / "out", Console(quiet=True))


@pytest.fixture
def model(tmp_path):
    """Writes a model that says what the mean brightness of a face is near: dark is angry, bright neutral; `sure` of it."""

    def make(name: str, sure: float) -> str:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        levels = np.linspace(0, 1, 7, dtype=np.float32)[None]
        nodes = [helper.make_node("ReduceMean", ["faces", "axes"], ["mean"], keepdims=0),
                 helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
                 helper.make_node("Sub", ["column", "levels"], ["far"]),
                 helper.make_node("Abs", ["far"], ["distance"]), helper.make_node("Mul", ["distance", "sure"], ["answer"])]
        constants = {"axes": np.array([1, 2, 3]), "one": np.array([1]), "levels": levels, "sure": np.array(-sure, np.float32)}
        graph = helper.make_graph(
            nodes, "g", [helper.make_tensor_value_info("faces", TensorProto.FLOAT, ["n", 1, 48, 48])],
            [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 7])],
            [numpy_helper.from_array(value, key) for key, value in constants.items()])
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        helper.set_model_props(made, {"name": name, "labels": ",".join(EMOTIONS), "temperature": "1", "input_size": "48",
                                      "colour": "grey", "scale": str(1 / 255), "mean": "0", "std": "1", "output": "logits"})
        onnx.save(made, tmp_path / f"{name}.onnx")
        return str(tmp_path / f"{name}.onnx")

    return make


def test_models_are_measured_on_the_same_faces_of_each_set(folder, model, tmp_path, capsys):
    bright = np.full((48, 48), 255, np.uint8)
    for name, emotion in (("0", "neutral"), ("1", "neutral"), ("2", "fear")):
        for part in ("train", "valid"):
            file = folder / "p" / part / emotion / f"bright{name}.png"
            cv2.imwrite(str(file), bright - np.eye(48, dtype=np.uint8) * int(name))
    sets = recipe(clean=False, split_seed=3)
    sure, unsure = model("sure", 40.0), model("unsure", 1.0)
    found = comparison.make([sure, unsure], folder, sets, tmp_path / "out", Console(width=200))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["sets.json", "wrong.html"]
    figures = json.loads((tmp_path / "out" / "sets.json").read_text())
    assert found == {"sets": figures}
    assert next(row["truth"] for row in figures if row["set"] == "fer2013") == CLEAR
    faces = gather(folder, sets).report
    posed = {row["model"]: row for row in figures if row["set"] == "posed"}
    rows, truth = truth_of(faces, "posed", 7)
    guess = np.abs(faces.images[rows].mean(axis=(1, 2))[:, None] / 255 - np.linspace(0, 1, 7)).argmin(axis=1)
    for row in posed.values():
        assert row["faces"] == len(rows)
        assert row["accuracy"] == pytest.approx((guess == truth).mean())
    assert posed["sure.onnx"]["ece"] > posed["unsure.onnx"]["ece"]
    assert {(row["set"], row["truth"]) for row in figures} == {
        ("fer2013", "ferplus"), ("fer2013", "fer2013"), ("fer2013", CLEAR), ("posed", "posed"), ("crowd", "crowd")}
    text = (tmp_path / "out" / "wrong.html").read_text()
    assert text.count("<figure>") > 3
    assert "is taken for" in text
    shown = capsys.readouterr().out
    assert "mean of the sets" in shown
    assert shown.index("sure.onnx") < shown.index("unsure.onnx")


def test_the_most_confident_errors_come_first():
    said = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]], np.float32)
    opinion = comparison.Opinion("m", "a", "s", "t", said, np.array([1, 1, 1, 0]), np.arange(4))
    assert opinion.most_wrong(9).tolist() == [0, 3, 2]
    assert opinion.most_wrong(1).tolist() == [0]


def test_the_command_measures_on_a_recipes_sets(folder, model, tmp_path, tmp_path_factory, capsys):
    (tmp_path / "mix.yaml").write_text(to_yaml(recipe(clean=False)))
    arguments = ["evaluate", model("mine", 3.0), "--data", str(folder), "--recipe", str(tmp_path / "mix.yaml"),
                 "--out", str(tmp_path_factory.mktemp("report"))]

    def status(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        return ended.value.code

    assert status(*arguments, "--beside", "emotion.onnx") == 0
    assert "answer ferplus" in capsys.readouterr().out
    assert status(*arguments) == 1
    assert "--force" in capsys.readouterr().err
    assert status("evaluate", "--data", str(folder), "--out", str(tmp_path / "o"), "--beside", "emotion.onnx") == 1
    assert "--recipe" in capsys.readouterr().err


def test_a_card_tells_of_every_set_and_of_its_terms(folder, model, tmp_path, tmp_path_factory, capsys):
    named = dict(SETS, affectnet=SETS["posed"])
    del named["posed"]
    chosen = recipe(clean=False, sets=named)
    (tmp_path / "mix.yaml").write_text(to_yaml(chosen))
    out, written = tmp_path_factory.mktemp("report"), tmp_path_factory.mktemp("card") / "CARD.md"
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", model("mine", 3.0), "--data", str(folder), "--recipe", str(tmp_path / "mix.yaml"), "--beside",
              "emotion.onnx", "--out", str(out), "--card", str(written)])
    assert ended.value.code == 0, capsys.readouterr().err
    text = written.read_text()
    assert "| mean of the sets |" in text
    for name in named:
        assert f"| {name} |" in text
    assert "- `affectnet`: AffectNet (A. Mollahosseini" in text
    assert "Terms: research; the pictures may not be passed on." in text
    assert "- `crowd`: ask whoever gave it for its terms." in text
    assert "Beside it, on the same faces, `emotion.onnx`" in text
    assert "| as it is |" in text
    assert "$" not in text
    assert "nan" not in text.lower().replace("anand", "")
    assert capsys.readouterr().out.split()[-1] == str(written)


def test_a_model_of_several_sets_says_what_it_learnt_from():
    entries = {"trained.training_faces": "1234", "recipe": to_yaml(recipe())}
    text = card._data(entries)
    assert text.startswith("Learnt from 1,234 faces of three sets")
    assert "copies, were left out" in text
    assert "- `posed`: ask whoever gave it" in text


# What a recipe's sets are together


def test_the_faces_of_a_mix_are_counted_by_set_and_class(folder, tmp_path, capsys):
    found = gather(folder, recipe(clean=False))
    each = mix.counts(found.training)
    assert each["posed"].tolist() == [3, 3, 3, 3, 3, 3, 3, 2]
    assert each["crowd"].tolist() == [2, 2, 2, 2, 2, 2, 2, 0]
    assert each["fer2013"].sum() == 56
    (tmp_path / "mix.yaml").write_text(to_yaml(recipe(clean=False)))
    with pytest.raises(SystemExit) as ended:
        main(["data", "info", "--data", str(folder), "--recipe", str(tmp_path / "mix.yaml")])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "learnt from, 93 faces" in text
    assert "framing, as the package's own detector sees" in text
    assert text.count("times as wide as the face (") == 3


def test_how_a_set_is_framed_is_found(demo_frames, detector):
    (face,) = detector.detect(demo_frames[0])
    tight = align_faces(demo_frames[0], [face], 48, AlignParams(), grey=True)
    loose = align_faces(demo_frames[0], [face], 48, AlignParams(crop_margin=0.4), grey=True)
    pools = Pool(np.concatenate([tight, loose]), np.array([0, 1]), ("tight", "loose"), {}, {}, {}, np.arange(2))
    told = mix.framings(pools)
    assert told["tight"][0] == told["loose"][0] == 1
    assert told["loose"][1] == pytest.approx(1.8 * told["tight"][1], rel=0.15)


def test_a_mix_is_drawn(folder, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib (pip install 'fer_ros[train]', or make training)")
    (tmp_path / "mix.yaml").write_text(to_yaml(recipe(clean=False)))
    arguments = ["data", "plot", "--data", str(folder), "--recipe", str(tmp_path / "mix.yaml"), "--out", str(tmp_path / "o")]
    for code in (0, 1):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == code
    assert capsys.readouterr().out.split() == [str(tmp_path / "o" / name) for name in ("classes.png", "examples.png")]
    for name in ("classes.png", "examples.png"):
        assert cv2.imread(str(tmp_path / "o" / name)).shape[0] > 200
    with pytest.raises(SystemExit) as ended:
        main(["data", "info", "--data", str(folder), "--recipe", "small"])
    assert ended.value.code == 1
    assert "leave out --recipe" in capsys.readouterr().err


@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_a_face_is_found_and_cut_as_the_node_does(tmp_path, demo_frames, detector, margin):
    """Off the middle and turned, as no margin would frame it; where there is none the margin counts."""
    (face,) = detector.detect(demo_frames[0])
    left, top = int(face.box.cx - 1.6 * face.box.width), int(face.box.cy - 0.9 * face.box.height)
    picture = demo_frames[0][max(top, 0) : top + int(2 * face.box.height), max(left, 0) : left + int(2.6 * face.box.width)]
    empty = cv2.cvtColor(noise(3), cv2.COLOR_GRAY2BGR)
    for label, pixels in (("happy", picture), ("neutral", empty)):
        (tmp_path / "train" / label).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "train" / label / "a.png"), pixels)
    by_detector, by_margin = (load(tmp_path, SetSpec(framing=how, margin=margin)) for how in ("detector", "margin"))
    expected = align_faces(demo_frames[0], [face], 48, AlignParams(), grey=True)[0]
    at, other = (int(np.flatnonzero(by_detector.labels == EMOTIONS.index(label))[0]) for label in ("happy", "neutral"))
    alike = [np.corrcoef(found.images[at].ravel(), expected.ravel())[0, 1] for found in (by_detector, by_margin)]
    assert alike[0] > 0.9 > alike[1] + 0.2
    assert (by_detector.images[other] == by_margin.images[other]).all()


def test_models_are_measured_on_faces_as_the_node_cuts_them(folder, model, tmp_path, demo_frames, detector, monkeypatch):
    """Where the recipe's margin cuts nothing, the node's crop is a part of the picture."""
    (face,) = detector.detect(demo_frames[0])
    box = face.box
    picture = demo_frames[0][int(box.cy - box.height) : int(box.cy + box.height), int(box.cx - box.height) :
                             int(box.cx + box.height)]
    for emotion in EMOTIONS:
        for part in ("train", "valid"):
            for file in (folder / "p" / part / emotion).iterdir():
                cv2.imwrite(str(file), picture)
    seen = []

    def look(name, faces):
        seen.append(faces.images[faces.origin == faces.sets.index("posed")])
        return original(name, faces)

    original = comparison.opinions
    monkeypatch.setattr(comparison, "opinions", look)
    for as_node in (False, True):
        comparison.make([model("mine", 3.0)], folder, recipe(clean=False), tmp_path / f"out {as_node}", Console(quiet=True),
                        as_node=as_node)
    expected = align_faces(demo_frames[0], [face], 48, AlignParams(), grey=True)[0].ravel()
    loose, cut = (np.corrcoef(images[0].ravel(), expected)[0, 1] for images in seen)
    assert cut > 0.9 > loose + 0.2
