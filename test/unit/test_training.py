"""Training reads FER2013 as people have it, and makes of a face what a detector's crop could be."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from fer_ros.core.labels import EMOTIONS
from fer_ros.training.data import Split, clean_training_rows, load_fer2013, soft_targets, vote_majority

COLUMNS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF"]
FACES = np.random.default_rng(0).integers(0, 256, (5, 48 * 48))
ROWS = [
    (3, FACES[0], "Training"), (6, FACES[1], "Training"), (0, FACES[2], "Training"), (4, FACES[3], "PublicTest"),
    (5, FACES[4], "PublicTest"),
]


@pytest.fixture
def folder(tmp_path):
    """Writes fer2013.csv and, with votes (a dict for each row), fer2013new.csv."""
    def make(rows=ROWS, votes=None) -> Path:
        with open(tmp_path / "fer2013.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["emotion", "pixels", "Usage"])
            for label, face, usage in rows:
                writer.writerow([label, face if isinstance(face, str) else " ".join(map(str, face)), usage])
        if votes is not None:
            with open(tmp_path / "fer2013new.csv", "w", newline="") as file:
                writer = csv.DictWriter(file, ["Usage", "Image name", *COLUMNS], restval=0)
                writer.writeheader()
                writer.writerows({"Usage": row[2], **vote} for row, vote in zip(rows, votes, strict=False))
        return tmp_path

    return make


def split(labels, votes=None, others=None, images=None) -> Split:
    count = len(labels)
    images = FACES[:count].reshape(-1, 48, 48).astype(np.uint8) if images is None else np.array(images, np.uint8)
    votes = np.zeros((count, 7)) if votes is None else votes
    others = np.zeros((count, 3)) if others is None else others
    return Split(images, np.array(labels), np.array(votes, np.float32), np.array(others, np.float32))


def test_faces_and_labels_arrive_by_split(folder):
    splits = load_fer2013(folder())
    assert list(splits) == ["Training", "PublicTest"]
    assert splits["Training"].labels.tolist() == [3, 6, 0]
    assert splits["PublicTest"].labels.tolist() == [4, 5]
    assert (splits["PublicTest"].images == FACES[3:].reshape(-1, 48, 48)).all()
    assert splits["Training"].votes.sum() == 0


def test_votes_arrive_in_our_order(folder):
    votes = [{"happiness": 8, "neutral": 2}, {"anger": 1, "contempt": 2, "NF": 3}, {}, {"fear": 5}, {"disgust": 4}]
    splits = load_fer2013(folder(votes=votes))
    first, second, _ = splits["Training"].votes
    assert first[EMOTIONS.index("happy")] == 8
    assert first[EMOTIONS.index("neutral")] == 2
    assert second[EMOTIONS.index("angry")] == 1
    assert splits["Training"].other_votes[1].tolist() == [2, 0, 3]
    assert splits["PublicTest"].votes.argmax(1).tolist() == [EMOTIONS.index("fear"), EMOTIONS.index("disgust")]


def test_a_folder_without_the_data_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="--data"):
        load_fer2013(tmp_path)


@pytest.mark.parametrize("row", [
    (7, FACES[0], "Training"), (-1, FACES[0], "Training"), ("happy", FACES[0], "Training"),
    (3, FACES[0][:-1], "Training"), (3, "1 2 x", "Training"), (3, "", "Training"),
    (3, " ".join(["300"] * 2304), "Training"),
])
def test_a_malformed_row_is_named_by_its_line(folder, row):
    with pytest.raises(ValueError, match=r"fer2013\.csv:3:"):
        load_fer2013(folder([ROWS[0], row, ROWS[1]]))


def test_a_file_without_the_columns_is_refused(tmp_path):
    (tmp_path / "fer2013.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="emotion,pixels,Usage"):
        load_fer2013(tmp_path)


def test_an_empty_file_is_refused(tmp_path):
    for text in ("", "emotion,pixels,Usage\n"):
        (tmp_path / "fer2013.csv").write_text(text)
        with pytest.raises(ValueError):
            load_fer2013(tmp_path)


def test_votes_that_do_not_line_up_are_refused(folder):
    path = folder(votes=[{}] * 4)
    with pytest.raises(ValueError, match="do not line up"):
        load_fer2013(path)


def test_targets_mix_the_label_with_the_votes():
    targets = soft_targets(split([3, 6], votes=[[0, 0, 0, 6, 0, 0, 2], [0] * 7]), label_weight=0.5)
    assert targets[0] == pytest.approx([0, 0, 0, 0.875, 0, 0, 0.125])
    assert targets[1] == pytest.approx(np.eye(7)[6])
    assert soft_targets(split([0, 6], votes=np.eye(7)[[3, 3]]), 0.0).argmax(1).tolist() == [3, 3]
    assert targets.dtype == np.float32


def test_rows_that_teach_nothing_are_left_out():
    held_out = split([5], images=[FACES[4].reshape(48, 48)])
    images = [FACES[0].reshape(48, 48), FACES[4].reshape(48, 48), np.full((48, 48), 7), FACES[1].reshape(48, 48)]
    votes, others = np.zeros((4, 7)), np.zeros((4, 3))
    votes[3, 0], others[3, 2] = 2, 5  # "not a face"
    kept = clean_training_rows(split([0, 1, 2, 3], votes, others, images), held_out)
    assert kept.labels.tolist() == [0]


def test_the_majority_of_the_votes_where_it_is_one_of_the_seven():
    votes = [[5, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0], [0] * 7, [0, 0, 0, 0, 0, 0, 9]]
    others = [[0, 0, 0], [0, 3, 0], [0, 0, 0], [1, 0, 0]]
    rows, winner = vote_majority(split([0, 0, 0, 0], votes, others))
    assert rows.tolist() == [0, 3]
    assert winner.tolist() == [0, 6]


# With torch


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="training needs torch (pip install torch)")


def test_augmented_faces_keep_shape_and_range_and_can_be_repeated(torch):
    from fer_ros.training.train import augment

    faces = torch.rand(64, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    before = faces.clone()
    first, second, third = (augment(faces, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == faces.shape
    assert first.dtype == torch.float32
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert torch.equal(faces, before)


def test_augmentation_moves_a_face_without_losing_it(torch):
    from fer_ros.training.train import augment

    y, x = np.mgrid[:48, :48]
    blob = np.exp(-((x - 23.5) ** 2 + (y - 23.5) ** 2) / 128).astype(np.float32)
    out = augment(torch.from_numpy(blob).expand(256, 1, 48, 48), torch.Generator().manual_seed(0)).numpy()[:, 0]
    middle = out.reshape(256, -1).argmax(1)
    apart = np.hypot(middle % 48 - 23.5, middle // 48 - 23.5)
    assert np.median(apart) < 10
    assert apart.std() > 1


def test_the_network_ignores_exposure_and_bears_a_flat_image(torch):
    from fer_ros.training.model import FerNet

    torch.manual_seed(0)
    model = FerNet(width=8, blocks=(1, 1)).eval()
    face = torch.from_numpy(FACES[:1].reshape(1, 1, 48, 48).astype(np.float32) / 255)
    with torch.inference_mode():
        assert model(face).shape == (1, 7)
        assert torch.allclose(model(face), model(0.4 * face + 0.3), atol=0.05)
        assert torch.isfinite(model(torch.zeros(2, 1, 48, 48))).all()


def test_a_run_can_be_interrupted_and_continued(torch, folder, tmp_path, monkeypatch):
    from fer_ros.training import train as module
    from fer_ros.training.model import FerNet

    monkeypatch.setattr(module, "FerNet", lambda: FerNet(width=4, blocks=(1,)))
    data = folder(ROWS, votes=[{"happiness": 5}] * 5)
    settings = {"data": data, "batch": 3, "learning_rate": 1e-3, "label_weight": 0.5, "seed": 1}
    module.train(out=tmp_path / "whole", epochs=2, **settings)
    whole = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)
    assert whole["epoch"] == 1
    assert len((tmp_path / "whole" / "history.jsonl").read_text().splitlines()) == 2
    module.train(out=tmp_path / "whole", epochs=3, **settings)
    assert len((tmp_path / "whole" / "history.jsonl").read_text().splitlines()) == 3
    assert torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)["epoch"] == 2
