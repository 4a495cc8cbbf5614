# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""FER2013 is read as people have it, and what is wrong with it is named."""

from __future__ import annotations

import io
import os
import re
import zlib

import cv2
import numpy as np
import pytest
from rich.console import Console

from fer_ros.labels import EMOTIONS
from fer_ros.training import survey
from fer_ros.training.data import (
    FERPLUS,
    VOTES,
    DataError,
    Split,
    clear_majority,
    copied_from,
    load,
    most_voted,
    stratified,
    training_and_validation,
    vote_shares,
    worth_learning,
)
from fer_ros.training.pool import gather
from fer_ros.training.recipe import Recipe

FACES = np.random.default_rng(0).integers(0, 256, (6, 48, 48))
ROWS = [
    (3, FACES[0], "Training"), (6, FACES[1], "Training"), (0, FACES[2], "Training"), (4, FACES[3], "PublicTest"),
    (5, FACES[4], "PublicTest"), (1, FACES[5], "PrivateTest"),
]


@pytest.fixture
def folder(fer2013_files, tmp_path):
    """Writes fer2013.csv and, with votes (a dict for each row), fer2013new.csv."""
    return lambda rows=ROWS, votes=None: fer2013_files(tmp_path, rows, votes)


def split(labels, votes=None, images=None) -> Split:
    """Faces with labels; votes as one dict of VOTES for each."""
    count = len(labels)
    images = FACES[:count] if images is None else images
    table = np.array([[vote.get(name, 0) for name in VOTES] for vote in votes or [{}] * count], np.float32)
    rows = np.array([f"row {i}" for i in range(count)], object)
    return Split(np.array(images, np.uint8), np.array(labels), table, rows)


# fer2013.csv


def test_faces_and_labels_arrive_by_split(folder):
    found = load(folder())
    assert list(found.splits) == ["training", "validation", "test"]
    assert found.splits["training"].labels.tolist() == [3, 6, 0]
    assert found.splits["validation"].labels.tolist() == [4, 5]
    assert (found.splits["validation"].images == FACES[3:5]).all()
    assert found.splits["test"].labels.tolist() == [1]
    assert not found.splits["training"].voted
    assert found.layout == "fer2013.csv"
    assert not found.unreadable


def test_a_table_is_read_as_kaggle_publishes_it(folder, tmp_path):
    plain = load(folder()).splits
    quoted = [f'{label},"{" ".join(map(str, face.ravel()))}",{usage}' for label, face, usage in ROWS]
    (tmp_path / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *quoted]))
    turned = [f"{label},{usage}, {' '.join(map(str, face.ravel()))}" for label, face, usage in ROWS]
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "icml_face_data.csv").write_text("\n".join(["emotion, Usage, pixels", *turned]))
    for place in (tmp_path, tmp_path / "b"):
        found = load(place)
        assert not found.unreadable
        for name, split in plain.items():
            assert (found.splits[name].images == split.images).all()
            assert found.splits[name].labels.tolist() == split.labels.tolist()


def test_kaggles_training_table_has_no_usage(tmp_path):
    rows = [f'{label},"{" ".join(map(str, face.ravel()))}"' for label, face, _ in ROWS]
    (tmp_path / "train.csv").write_text("\n".join(["emotion,pixels", *rows]))
    (tmp_path / "test.csv").write_text("pixels\n")
    found = load(tmp_path)
    assert {name: split.labels.tolist() for name, split in found.splits.items()} == {"training": [3, 6, 0, 4, 5, 1]}
    assert found.ignored == ("test.csv",)


def test_an_archive_that_is_still_packed_is_named(tmp_path):
    (tmp_path / "fer2013.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"fer2013\.tar\.gz, still packed"):
        load(tmp_path)


@pytest.mark.parametrize("change", [
    lambda text: text.replace("\n", "\r\n"), lambda text: text.replace(",", ";"), lambda text: text.replace(",", "\t"),
    lambda text: text.replace("emotion,pixels,Usage", '"Emotion", "Pixels" ,"usage"'), lambda text: text.replace("\n", "\n\n"),
    lambda text: re.sub(r"^(\d),", r"\1.0,", text, flags=re.MULTILINE), lambda text: text.replace("Training", " train "),
    lambda text: "\n".join(f"{i},{line}" for i, line in enumerate(text.split("\n")) if line),
    lambda text: text.encode("utf-16"),
], ids=["crlf", "semicolons", "tabs", "header", "blank lines", "floats", "usage", "more columns", "utf-16"])
def test_a_table_is_read_however_it_was_saved(folder, change):
    path = folder() / "fer2013.csv"
    changed = change(path.read_text())
    path.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    found = load(path.parent).splits
    assert {name: split.labels.tolist() for name, split in found.items()} == {
        "training": [3, 6, 0], "validation": [4, 5], "test": [1]}
    assert (found["test"].images[0] == FACES[5]).all()


def test_where_no_row_of_a_split_can_be_read_the_first_reason_is_told(folder):
    path = folder([(3, "1 2", "Training"), (4, "1 2", "PublicTest")])
    with pytest.raises(DataError, match=r"no usable rows.*fer2013\.csv:2: 2 pixels, not 48x48"):
        load(path)
    found = load(folder([ROWS[0], (4, "1 2", "PublicTest")]))
    assert list(found.splits) == ["training"]
    assert [entry.problem for entry in found.unreadable["validation"]] == ["2 pixels, not 48x48 = 2304"]


def test_a_table_is_found_whatever_the_case_of_its_name_and_what_lies_beside_it_is_named(folder, drawn_folders):
    path = folder()
    (path / "fer2013.csv").rename(path / "FER2013.CSV")
    drawn_folders(path / "archive")
    found = load(path)
    assert found.layout == "FER2013.CSV"
    assert "archive" in found.ignored


def test_votes_arrive_in_our_order(folder):
    votes = [{"happiness": 8, "neutral": 2}, {"anger": 1, "contempt": 2, "NF": 3}, {}, {"fear": 5}, {"disgust": 4}, {}]
    splits = load(folder(votes=votes)).splits
    first, second, _ = splits["training"].votes
    assert first[VOTES.index("happy")] == 8
    assert first[VOTES.index("neutral")] == 2
    assert second[VOTES.index("angry")] == 1
    assert second[VOTES.index("contempt")] == 2
    assert second[VOTES.index("not a face")] == 3
    assert splits["validation"].votes.argmax(1).tolist() == [EMOTIONS.index("fear"), EMOTIONS.index("disgust")]


def test_a_folder_without_the_data_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match=r"neither fer2013\.csv nor .*--data"):
        load(tmp_path)


@pytest.mark.parametrize(("row", "problem"), [
    ((7, FACES[0], "Training"), "emotion is 7"), ((-1, FACES[0], "Training"), "emotion is -1"),
    (("happy", FACES[0], "Training"), "emotion is 'happy'"), ((3, FACES[0].ravel()[:-1], "Training"), "2303 pixels"),
    ((3, "1 2 x", "Training"), "not a whole number"), ((3, "", "Training"), "0 pixels"),
    ((3, " ".join(["300"] * 2304), "Training"), "not in 0..255"), ((3, FACES[0], "Trai"), "Usage is 'Trai'"),
    ((3, " ".join(["9" * 30] * 2304), "Training"), "not a whole number"),
])
def test_a_malformed_row_is_named_by_its_line_and_the_others_are_kept(folder, row, problem):
    found = load(folder([ROWS[0], row, ROWS[1]]))
    (entry,) = found.unreadable["training"]
    assert entry.row.endswith("fer2013.csv:3")
    assert problem in entry.problem
    assert found.splits["training"].labels.tolist() == [3, 6]
    with pytest.raises(DataError, match=r"fer2013\.csv:3"):
        found.only_faces()


def test_a_truncated_file_names_its_last_row(folder):
    path = folder() / "fer2013.csv"
    path.write_bytes(path.read_bytes()[:-3000])
    (entry,) = (entry for entries in load(path.parent).unreadable.values() for entry in entries)
    assert entry.row.endswith("fer2013.csv:7")


@pytest.mark.parametrize("damage", ['"', "\0" * 200_000], ids=["quote", "zeros"])
def test_a_damaged_line_is_named_or_left_out(folder, damage):
    path = folder() / "fer2013.csv"
    lines = path.read_text().splitlines()
    lines[2] = lines[2][:100] + damage + lines[2][100:]
    path.write_text("\n".join(lines) + "\n")
    try:
        (entry,) = load(path.parent).unreadable["training"]
        text = f"{entry.row} {entry.problem}"
    except DataError as error:
        text = str(error)
    assert re.search(r"fer2013\.csv:[34]", text)


def test_a_mark_before_the_first_column_is_no_part_of_its_name(folder):
    path = folder() / "fer2013.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(load(path.parent).splits["training"]) == 3


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "emotion,pixels,Usage\n"])
def test_a_file_that_is_not_fer2013_is_refused(tmp_path, text):
    (tmp_path / "fer2013.csv").write_text(text)
    with pytest.raises(DataError, match="download it again"):
        load(tmp_path)


def test_votes_that_do_not_line_up_are_refused(folder):
    with pytest.raises(DataError, match="do not line up"):
        load(folder(votes=[{}] * 4))
    path = folder(votes=[{}] * 6) / "fer2013new.csv"
    lines = path.read_text().splitlines()
    lines[1], lines[4] = lines[4], lines[1]
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="do not line up"):
        load(path.parent)


def test_what_stands_in_the_votes_comes_in_one_short_line(folder):
    path = folder(votes=[{}] * 6) / "fer2013new.csv"
    path.write_text(path.read_text().replace("Training", "Train\x1b" + "[" * 5000, 1))
    with pytest.raises(DataError, match=r"csv:2 is of Training, row 1 of fer2013new\.csv of 'Train") as refused:
        load(path.parent)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("vote", ["x", "-1", "nan", ""])
def test_a_vote_that_is_no_number_is_named(folder, vote):
    with pytest.raises(DataError, match=r"fer2013new\.csv:3"):
        load(folder(votes=[{}, {"fear": vote}, {}, {}, {}, {}]))


def test_a_truncated_file_beside_its_votes_is_called_so(folder):
    path = folder(votes=[{}] * 6) / "fer2013.csv"
    path.write_bytes(path.read_bytes()[:-12_000])
    with pytest.raises(DataError, match="one of them is truncated"):
        load(path.parent)


def test_a_missing_class_is_named(folder):
    with pytest.raises(DataError, match="training split has no face of disgust, fear, sad, surprise"):
        load(folder()).only_faces()


# Folders


def test_folders_arrive_as_splits(drawn_folders, tmp_path):
    found = load(drawn_folders(tmp_path / "d")).only_faces()
    assert {name: len(part) for name, part in found.splits.items()} == {"training": 56, "test": 28}
    assert np.bincount(found.splits["training"].labels).tolist() == [8] * 7
    face = cv2.imread(str(found.splits["training"].rows[0]), cv2.IMREAD_GRAYSCALE)
    assert (found.splits["training"].images[0] == face).all()


@pytest.mark.parametrize(("content", "problem"), [
    ("truncated", "truncated or damaged"), ("empty", "empty or damaged"), ("text", "empty or damaged"), ("deep", "mode I;16"),
    ("huge", "far more pixels"),
])
def test_a_bad_image_is_named(drawn_folders, tmp_path, content, problem):
    folder = drawn_folders(tmp_path / "d")
    file = folder / "train" / "fear" / "3.png"
    if content == "huge":
        chunks = (b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\0\0\0\0", b"IDAT" + zlib.compress(b"\0"))
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
            (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") for chunk in chunks))
    elif content == "deep":
        cv2.imwrite(str(file), np.zeros((48, 48), np.uint16))
    else:
        data = file.read_bytes()
        file.write_bytes({"truncated": data[: len(data) // 2], "empty": b"", "text": b"a face"}[content])
    found = load(folder)
    (entry,) = found.unreadable["training"]
    assert entry.row == str(file)
    assert problem in entry.problem
    assert len(found.splits["training"]) == 55


def test_a_grey_image_saved_in_colour_is_grey(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    file = folder / "train" / "angry" / "0.png"
    face = cv2.imread(str(file))
    cv2.imwrite(str(file), face)
    found = load(folder).only_faces()
    assert (found.splits["training"].images[0] == face[..., 0]).all()


def test_pictures_of_any_size_and_colour_become_faces_and_are_counted(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    rng = np.random.default_rng(0)
    wide = rng.integers(0, 256, (64, 96), np.uint8)
    cv2.imwrite(str(folder / "train" / "fear" / "0.png"), wide)
    cv2.imwrite(str(folder / "train" / "sad" / "0.png"), rng.integers(0, 256, (48, 48, 3), np.uint8))
    found = load(folder).only_faces()
    changed = {entry.row.split("/")[-2]: entry.problem for entry in found.converted["training"]}
    assert changed == {"fear": "96x64 pixels", "sad": "in colour"}
    face = found.splits["training"].images[[row.endswith("fear/0.png") for row in found.splits["training"].rows]][0]
    assert (face == cv2.resize(wide[:, 16:80], (48, 48), interpolation=cv2.INTER_AREA)).all()  # its middle, not squeezed


def test_where_no_picture_can_be_read_the_first_reason_is_told(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    for file in folder.glob("train/*/*"):
        file.write_bytes(b"a face")
    with pytest.raises(DataError, match=r"no readable face.*angry/0\.png: empty or damaged"):
        load(folder)


@pytest.mark.parametrize("name", ["val", "valid", "Validation", "dev"])
def test_a_validation_folder_is_taken_by_any_of_its_names(drawn_folders, tmp_path, name):
    folder = drawn_folders(tmp_path / "d")
    (folder / "test").rename(folder / name)
    assert {part: len(split) for part, split in load(folder).splits.items()} == {"training": 56, "validation": 28}


def test_two_folders_of_one_part_are_refused_and_other_folders_named(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    (folder / "extra" / "angry").mkdir(parents=True)
    assert load(folder).ignored == ("extra",)
    (folder / "testing").mkdir()
    with pytest.raises(DataError, match="two folders of test faces"):
        load(folder)


def test_what_systems_leave_behind_is_no_data(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    for place in (folder, folder / "train", folder / "train" / "angry"):
        for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
            (place / name).write_bytes(b"\0")
        for name in ("__MACOSX", ".ipynb_checkpoints"):
            (place / name).mkdir()
    found = load(folder).only_faces()
    assert not found.unreadable
    assert not found.ignored
    assert len(found.splits["training"]) == 56


def test_an_archives_own_folder_is_looked_into(drawn_folders, folder, tmp_path):
    drawn_folders(tmp_path / "d" / "archive")
    (tmp_path / "d" / "__MACOSX").mkdir()
    assert len(load(tmp_path / "d").splits["training"]) == 56
    (tmp_path / "e").mkdir()
    folder().joinpath("fer2013.csv").rename(tmp_path / "e" / "fer2013.csv")
    (tmp_path / "f").mkdir()
    (tmp_path / "e").rename(tmp_path / "f" / "fer2013")
    assert len(load(tmp_path / "f").splits["training"]) == 3


def test_one_of_several_data_sets_is_not_chosen_by_its_name(drawn_folders, tmp_path):
    for name in ("a", "b"):
        drawn_folders(tmp_path / "d" / name)
    with pytest.raises(DataError, match=r"several data sets, in .*/a, .*/b: name one"):
        load(tmp_path / "d")


def test_folders_around_the_data_are_looked_into(drawn_folders, tmp_path):
    drawn_folders(tmp_path / "d" / "x" / "archive" / "images")
    (tmp_path / "d" / "x" / "test").mkdir()  # of something else
    assert len(load(tmp_path / "d").splits["training"]) == 56


def test_a_single_part_is_read_and_training_asks_for_more(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    (folder / "train").rename(tmp_path / "elsewhere")
    found = load(folder)
    assert list(found.splits) == ["test"]
    with pytest.raises(DataError, match="no training faces: they lie in the folder train"):
        training_and_validation(found)


def test_folders_of_classes_without_a_part_are_told_where_to_go(drawn_folders, tmp_path):
    with pytest.raises(DataError, match=r"holds the classes angry, .*: move them into .*/train/train"):
        load(drawn_folders(tmp_path / "d") / "train")


@pytest.mark.parametrize("rename", [
    {"fear": "Fearful", "surprise": "SUPRISE"}.get, {"fear": "2_fear", "surprise": "05 - Surprised"}.get,
    {"fear": " fear "}.get,
])
def test_a_class_is_known_by_the_names_that_people_give_it(drawn_folders, tmp_path, rename):
    folder = drawn_folders(tmp_path / "d")
    for place in folder.glob("*/*"):
        place.rename(place.parent / (rename(place.name) or place.name))
    found = load(folder).only_faces()
    assert np.bincount(found.splits["training"].labels).tolist() == [8] * 7
    assert found.layout == "folders"


def test_what_numbered_folders_mean_is_said(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    for place in folder.glob("*/*"):
        place.rename(place.parent / str(EMOTIONS.index(place.name)))
    found = load(folder)
    assert "0 angry, 1 disgust" in found.layout
    assert [int(row.split("/")[-2]) for row in found.splits["test"].rows] == found.splits["test"].labels.tolist()


def test_two_folders_of_one_class_are_refused(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    (folder / "train" / "Happiness").mkdir()
    with pytest.raises(DataError, match=r"train: the folders Happiness, happy all mean happy"):
        load(folder)


def test_what_lies_beside_the_classes_is_named(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    (folder / "train" / "_classes.csv").write_text("filename")
    assert load(folder).ignored == ("train/_classes.csv",)


@pytest.mark.parametrize("name", [b"two\nlines.png", b"\x1b[31mred.png", b"latin-\xe9.png"])
def test_a_name_that_cannot_be_printed_is_told_in_one_line(drawn_folders, tmp_path, name):
    folder = drawn_folders(tmp_path / "d")
    (folder / "train" / "sad" / os.fsdecode(name)).write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        load(folder).only_faces()
    console = Console(file=io.TextIOWrapper(io.BytesIO(), "utf-8"), width=200)
    assert survey.show(folder, console, every=True)
    console.file.seek(0)
    for lines in (str(caught.value).splitlines(), console.file.read().splitlines()):
        told = next(line for line in lines if "empty or damaged" in line)
        assert told.isprintable()
        assert "/train/sad/" in told


def test_whatever_lies_among_the_pictures_is_named(drawn_folders, tmp_path):
    folder = drawn_folders(tmp_path / "d")
    place = folder / "train" / "sad"
    os.mkfifo(place / "pipe.png")
    (place / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (place / "more").mkdir()
    (place / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(64))
    (place / "__0.png").write_bytes((place / "0.png").read_bytes())
    (place / "linked").symlink_to(place / "0.png")
    found = load(folder)
    assert {entry.row.rpartition("/")[2]: entry.problem for entry in found.unreadable["training"]} == {
        "pipe.png": "not a file", "gone.png": "a link to a file that is not there", "more": "a folder, not a picture",
        "phone.heic": "damaged, or a HEIC picture that Pillow cannot read: convert it"}
    assert (found.splits["training"].labels == EMOTIONS.index("sad")).sum() == 10


@pytest.mark.parametrize(("change", "problem"), [
    (lambda f: (f / "train" / "fear").rename(f / "fear"), "has no folder fear"),
    (lambda f: (f / "test" / "fear").rename(f / "test" / "bored"), "bored is no class"),
    (lambda f: [p.unlink() for p in f.glob("test/*/*")], "no readable face"),
])
def test_a_wrong_folder_is_named(drawn_folders, tmp_path, change, problem):
    folder = drawn_folders(tmp_path / "d")
    change(folder)
    with pytest.raises(DataError, match=problem):
        load(folder)


# Splits


def test_the_official_validation_split_is_taken(folder):
    training, validation = training_and_validation(load(folder()))
    assert len(training) == 3
    assert validation.labels.tolist() == [4, 5]


def test_without_one_an_eighth_of_each_class_validates(drawn_folders, tmp_path):
    data = load(drawn_folders(tmp_path / "d", each=16))
    training, validation = training_and_validation(data)
    assert np.bincount(validation.labels).tolist() == [2] * 7
    assert np.bincount(training.labels).tolist() == [14] * 7
    assert not copied_from(validation, training).any()
    again = training_and_validation(data)[1]
    assert again.rows.tolist() == validation.rows.tolist()
    assert training_and_validation(data, seed=1)[1].rows.tolist() != validation.rows.tolist()


def test_copies_of_an_image_stay_on_one_side():
    rng = np.random.default_rng(1)
    faces = rng.integers(0, 256, (20, 48, 48), np.uint8)
    images = np.concatenate([faces, faces])  # the second time with another label for some
    labels = np.concatenate([np.arange(20) % 2, (np.arange(20) + (np.arange(20) < 6)) % 2])
    data = split(labels, images=images)
    for seed in range(20):
        chosen = stratified(data, 0.3, seed)
        assert not copied_from(data.take(chosen), data.take(~chosen)).any()
        assert 4 <= chosen.sum() <= 20


def test_a_class_of_one_face_cannot_be_divided():
    with pytest.raises(DataError, match="happy has 1 different face"):
        stratified(split([3, 3], images=[FACES[0], FACES[0]]), 0.5, 0)


def test_rows_that_teach_nothing_are_left_out():
    held_out = split([5], images=FACES[4:5])
    images = [FACES[0], FACES[4], np.full((48, 48), 7), FACES[1]]
    votes = [{}, {}, {}, {"angry": 2, "not a face": 5}]
    assert worth_learning(split([0, 1, 2, 3], votes, images), [held_out]).tolist() == [True, False, False, False]


# What a run learns from


@pytest.fixture
def leaky(fer2013_files, tmp_path):
    """FER2013 as it is published: some training faces are held out as well, constant, or not faces."""
    rng = np.random.default_rng(4)
    rows = [(label, rng.integers(0, 256, (48, 48)), usage) for usage in ("Training", "PublicTest", "PrivateTest")
            for label in range(7) for _ in range(3)]
    validation, test = rows[21][1], rows[42][1]
    odd = [(0, validation, "Training"), (1, test, "Training"), (2, np.full((48, 48), 9), "Training"),
           (3, rng.integers(0, 256, (48, 48)), "Training")]
    votes = [{"neutral": 9, "NF": 1} for _ in (*rows, *odd)]
    votes[-1] = {"neutral": 2, "NF": 8}
    return fer2013_files(tmp_path / "leaky", [*rows, *odd], votes)


def test_a_run_does_not_learn_what_it_is_tested_with(leaky):
    splits = load(leaky).splits
    found = gather(leaky, Recipe())
    for held_out in (splits["validation"], splits["test"]):
        assert not copied_from(found.training, held_out).any()
    assert found.training.rows.tolist() == splits["training"].rows[:21].tolist()  # nothing else is left out
    assert found.validation.rows.tolist() == splits["validation"].rows.tolist()
    assert found.layout == "fer2013.csv with FER+ votes"
    assert list(found.left_out.values()) == [4]
    as_it_is = gather(leaky, Recipe(clean=False)).training
    assert as_it_is.rows.tolist() == splits["training"].rows.tolist()


def test_a_fraction_is_of_the_clean_faces(leaky):
    found = gather(leaky, Recipe(), fraction=0.34)
    assert np.bincount(found.training.truth["fer2013"]).tolist() == [1] * 7
    assert not copied_from(found.training, load(leaky).splits["test"]).any()
    assert len(found.validation) == 21


# Votes


def test_votes_become_shares_and_how_much_they_say():
    shares, says = vote_shares(split([3, 6, 0], [{"happy": 6, "contempt": 2, "unknown": 2}, {}, {"unknown": 10}]))
    assert shares[0, FERPLUS.index("happy")] == pytest.approx(0.75)
    assert shares[0, FERPLUS.index("contempt")] == pytest.approx(0.25)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert says == pytest.approx([0.8, 0, 0])


def test_the_most_voted_where_it_is_one_of_the_classes():
    data = split([0] * 5, [{"angry": 5, "disgust": 4}, {"angry": 1, "unknown": 3}, {}, {"neutral": 9}, {"contempt": 6}])
    rows, winner = most_voted(data)
    assert rows.tolist() == [0, 3, 4]
    assert winner.tolist() == [0, 6, 7]
    assert most_voted(data, 7)[0].tolist() == [0, 3]


def test_a_clear_majority_is_more_than_half_without_single_votes():
    data = split([0] * 5, [
        {"angry": 5, "disgust": 4, "fear": 1}, {"angry": 5, "disgust": 5}, {"happy": 3, "sad": 1, "fear": 1, "neutral": 1},
        {"unknown": 8}, {"sad": 1},
    ])
    rows, winner = clear_majority(data)
    assert rows.tolist() == [0, 2]
    assert winner.tolist() == [0, 3]
