# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A run learns, can be interrupted and continued to the same end, and refuses to become another."""

from __future__ import annotations

import copy
import csv
import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch (pip install 'fer_ros[train]', or make training)")

import torch

from fer_ros.cli import main
from fer_ros.labels import EMOTIONS
from fer_ros.system.files import alone_in
from fer_ros.system.signals import Once, on_end
from fer_ros.training import checkpoint, metrics, summary
from fer_ros.training.augment import augment, jpegs
from fer_ros.training.checkpoint import RunError
from fer_ros.training.data import FERPLUS, DataError, load, vote_shares
from fer_ros.training.model import ARCHITECTURES, folded, make
from fer_ros.training.pool import gather, of_fer2013
from fer_ros.training.recipe import Recipe, from_values, to_yaml
from fer_ros.training.train import Place, Run, Watcher, learning_rate, predict
from fer_ros.training.watch import Everyone, Interrupts, Pictures

pytestmark = pytest.mark.training

CPU = Place(torch.device("cpu"))
TINY = Recipe(architecture="tiny", epochs=3, batch=16, optimizer="adamw", learning_rate=0.003, warmup=0.0, dropout=0.1)


def network_of(architecture: str, targets: str, dropout: float = 0.0):
    return make(Recipe(architecture=architecture, targets=targets, dropout=dropout))


class Stop(Exception):
    """Somebody pressed Ctrl-C."""


class Interrupt(Watcher):
    """Stops a run in the middle of an epoch."""

    def __init__(self, epoch: int, step: int):
        self._at, self._step, self._epoch = epoch, step, 0

    def begin(self, run: Run) -> None:
        self._epoch = len(run.history) + 1

    def step(self, done: int, steps: int) -> None:
        if self._epoch == self._at and done == self._step:
            raise Stop

    def epoch(self, run: Run, epoch) -> None:
        self._epoch += 1


@pytest.fixture(scope="module")
def splits(drawn_fer2013, tmp_path_factory):
    found = load(drawn_fer2013(tmp_path_factory.mktemp("data") / "drawn", each=8)).splits
    return found["training"], found["validation"]


def begin(folder: Path, splits, recipe: Recipe = TINY, where: Place = CPU, **more) -> Run:
    pools = (of_fer2013(split, recipe) for split in splits)
    return Run(folder, recipe, *pools, where, facts={"data": "drawn", **more.pop("facts", {})}, **more)


def history(folder: Path) -> list[dict[str, str]]:
    """Without the seconds, which no run repeats."""
    with open(folder / "history.csv", newline="") as file:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(file)]


# Augmentation


def test_augmented_faces_keep_shape_and_range_and_can_be_repeated():
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


def test_augmentation_moves_a_face_without_losing_it():
    y, x = np.mgrid[:48, :48]
    blob = np.exp(-((x - 23.5) ** 2 + (y - 23.5) ** 2) / 128).astype(np.float32)
    out = augment(torch.from_numpy(blob).expand(256, 1, 48, 48), torch.Generator().manual_seed(0)).numpy()[:, 0]
    middle = out.reshape(256, -1).argmax(1)
    apart = np.hypot(middle % 48 - 23.5, middle // 48 - 23.5)
    assert np.median(apart) < 10
    assert apart.std() > 1


def test_without_strength_faces_are_only_mirrored_and_without_that_left_alone():
    faces = torch.rand(64, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    out = augment(faces, torch.Generator().manual_seed(1), strength=0)
    same, flipped = ((out - other).abs().amax((1, 2, 3)) < 1e-4 for other in (faces, faces.flip(3)))
    assert bool((same | flipped).all())
    assert 10 < int(flipped.sum()) < 54
    assert torch.allclose(augment(faces, torch.Generator().manual_seed(1), strength=0, mirror=False), faces, atol=1e-4)


def test_a_jpeg_is_like_its_face_but_not_it(splits):
    images = splits[0].images
    out = jpegs(images, 3)
    assert out.shape == images.shape
    assert (out == jpegs(images, 3)).all()
    difference = np.abs(out.astype(float) - images).mean(axis=(1, 2))
    assert difference.min() > 0
    assert difference.max() < 30


# Networks


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_network_has_a_head_for_each_truth(architecture):
    torch.manual_seed(0)
    network = network_of(architecture, "both", 0.0).eval()
    with torch.inference_mode():
        by_head = network.split(network(torch.rand(2, 1, 48, 48)))
    assert {head: tuple(values.shape) for head, values in by_head.items()} == {"ferplus": (2, 8), "fer2013": (2, 7)}
    assert list(network_of(architecture, "fer2013").heads) == ["fer2013"]


def test_the_network_ignores_exposure_and_bears_a_flat_image(splits):
    torch.manual_seed(0)
    network = network_of("tiny", "both", 0.0).eval()
    face = torch.from_numpy(splits[0].images[:1, None].astype(np.float32) / 255)
    with torch.inference_mode():
        assert torch.allclose(network(face), network(0.4 * face + 0.3), atol=0.05)
        assert torch.isfinite(network(torch.zeros(2, 1, 48, 48))).all()


def test_the_shipped_network_is_small_enough():
    assert sum(p.numel() for p in network_of("fernet", "both", 0.0).parameters()) * 4 < 10e6
    assert sum(p.numel() for p in network_of("fernet-wide", "both", 0.0).parameters()) * 4 < 10e6


def test_the_summary_counts_every_parameter():
    network = network_of("notebook", "fer2013", 0.25)
    rows = summary.layers(network)
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in network.parameters())
    first = rows[0]
    assert (first.kind, first.shape, first.parameters) == ("Conv2d", (32, 48, 48), 320)
    assert first.multiplications == 9 * 32 * 48 * 48
    tops = summary.layers(network_of("fernet", "both", 0.2), blocks=True)
    assert sum(row.parameters for row in tops) == sum(p.numel() for p in network_of("fernet", "both", 0.2).parameters())


# Runs


def test_a_run_learns_and_leaves_its_files(splits, tmp_path):
    recipe = dataclasses.replace(TINY, epochs=25, learning_rate=0.02, augmentation=0.2, label_smoothing=0.0)
    run = begin(tmp_path, splits, recipe)
    run.train(Watcher())
    assert run.history[-1].loss < 0.8 * run.history[0].loss
    assert run.best.validation["fer2013"]["accuracy"] > 3 / 7
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.pt", "best.pt", "history.csv", "recipe.yaml"}
    assert [row["epoch"] for row in history(tmp_path)] == [str(i + 1) for i in range(25)]
    trained = checkpoint.trained(tmp_path)
    assert trained.epoch == run.best.number
    logits = predict(trained.network, splits[1].images, CPU)["fer2013"]
    assert metrics.recall(splits[1].labels, logits.argmax(1), 7).mean() == pytest.approx(
        run.best.validation["fer2013"]["balanced"])


@pytest.mark.parametrize("where", [(1, 2), (2, 1), (3, 3)], ids=["first epoch", "second epoch", "last step"])
def test_an_interrupted_run_continues_to_the_same_end(splits, tmp_path, where):
    recipe = dataclasses.replace(TINY, mixup=0.2)
    begin(tmp_path / "whole", splits, recipe).train(Watcher())
    with pytest.raises(Stop):
        begin(tmp_path / "parts", splits, recipe).train(Interrupt(*where))
    begin(tmp_path / "parts", splits, recipe).train(Watcher())
    assert history(tmp_path / "parts") == history(tmp_path / "whole")
    whole, parts = (torch.load(tmp_path / name / "best.pt", weights_only=True) for name in ("whole", "parts"))
    assert whole["epoch"] == parts["epoch"]
    for name, value in whole["weights"].items():
        assert torch.equal(value, parts["weights"][name]), name


def test_a_run_of_an_earlier_version_goes_on(splits, tmp_path):
    """Recipes had fewer fields then; what is new is at its default."""
    with pytest.raises(Stop):
        begin(tmp_path, splits).train(Interrupt(2, 1))
    path = tmp_path / checkpoint.LAST
    state = torch.load(path, weights_only=True)
    del state["recipe"]["answer_weight"], state["recipe"]["sets"]
    torch.save(state, path)
    begin(tmp_path, splits).train(Watcher())
    assert len(history(tmp_path)) == 3
    state = torch.load(path, weights_only=True)
    state["recipe"]["seed"] = 7
    torch.save(state, path)
    with pytest.raises(RunError, match="seed is 7 there and 1 here"):
        begin(tmp_path, splits)


def test_a_run_goes_on_in_the_arithmetic_in_which_it_began(splits, tmp_path):
    """On a machine whose processor `auto` would choose otherwise for."""
    there, here = Place(CPU.device, bfloat16=True), CPU
    begin(tmp_path / "whole", splits, where=there).train(Watcher())
    with pytest.raises(Stop):
        begin(tmp_path / "parts", splits, where=there).train(Interrupt(2, 1))
    run = begin(tmp_path / "parts", splits, where=here)
    assert run.place.arithmetic == "bfloat16"
    run.train(Watcher())
    assert history(tmp_path / "whole") == history(tmp_path / "parts")


def test_a_finished_run_does_nothing_more(splits, tmp_path):
    begin(tmp_path, splits).train(Watcher())
    before = (tmp_path / "checkpoint.pt").stat().st_mtime_ns
    begin(tmp_path, splits).train(Watcher())
    assert (tmp_path / "checkpoint.pt").stat().st_mtime_ns == before


@pytest.mark.parametrize(("change", "more", "problem"), [
    ({"learning_rate": 0.1}, {}, r"learning_rate is 0\.003 there and 0\.1 here"),
    ({"architecture": "notebook"}, {}, "architecture is tiny there"),
    ({}, {"facts": {"data": "other", "fraction": 0.1}}, "another --fraction"),
    ({}, {"facts": {"data": "other"}}, "other data"), ({}, {"facts": {"start_from": "x"}}, "another --start-from"),
])
def test_a_folder_does_not_become_another_run(splits, tmp_path, change, more, problem):
    begin(tmp_path, splits, dataclasses.replace(TINY, epochs=1)).train(Watcher())
    with pytest.raises(RunError, match=problem):
        begin(tmp_path, splits, dataclasses.replace(TINY, epochs=1, **change), **more)


def test_a_damaged_checkpoint_is_named(splits, tmp_path):
    begin(tmp_path, splits, dataclasses.replace(TINY, epochs=1)).train(Watcher())
    for name in ("checkpoint.pt", "best.pt"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RunError, match=r"checkpoint\.pt is damaged"):
        begin(tmp_path, splits)
    with pytest.raises(RunError, match=r"best\.pt is damaged"):
        checkpoint.trained(tmp_path)
    (tmp_path / "checkpoint.pt").unlink()
    with pytest.raises(RunError, match=r"without its checkpoint\.pt"):  # and does not begin anew over it
        begin(tmp_path, splits)
    with pytest.raises(RunError, match="not found: name the folder of a run"):
        checkpoint.trained(tmp_path / "nowhere")


def test_a_changed_byte_in_a_checkpoint_is_noticed(splits, tmp_path):
    begin(tmp_path, splits, dataclasses.replace(TINY, epochs=1)).train(Watcher())
    content = bytearray((tmp_path / "best.pt").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "best.pt").write_bytes(content)
    with pytest.raises(RunError, match=r"best\.pt is damaged"):
        checkpoint.trained(tmp_path)


def test_a_checkpoint_of_another_kind_is_refused(splits, tmp_path):
    begin(tmp_path, splits, dataclasses.replace(TINY, epochs=1)).train(Watcher())
    (tmp_path / "checkpoint.pt").write_bytes((tmp_path / "best.pt").read_bytes())
    with pytest.raises(RunError, match=r"no checkpoint\.pt of this version"):
        begin(tmp_path, splits)
    torch.save([1], tmp_path / "best.pt")
    with pytest.raises(RunError, match=r"no best\.pt of this version"):
        checkpoint.trained(tmp_path)


def test_what_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    checkpoint.save(tmp_path / "checkpoint.pt", {"recipe": {}, "epoch": 1, "facts": {}})

    def full(content, path):
        Path(path).write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RunError, match="is the disk full"):
        checkpoint.save(tmp_path / "checkpoint.pt", {"epoch": 2})
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert checkpoint.read(tmp_path / "checkpoint.pt", ())["epoch"] == 1


def test_votes_are_asked_for_only_where_they_count(drawn_fer2013, tmp_path):
    found = load(drawn_fer2013(tmp_path / "d", each=4, votes=False)).splits
    with pytest.raises(DataError, match=r"fer2013new\.csv"):
        gather(tmp_path / "d", TINY)
    with pytest.raises(DataError, match="has a label for ferplus"):
        begin(tmp_path / "run", (found["training"], found["validation"]))
    recipe = dataclasses.replace(TINY, targets="fer2013", epochs=1)
    begin(tmp_path / "run", (found["training"], found["validation"]), recipe).train(Watcher())
    assert checkpoint.trained(tmp_path / "run").network.heads == {"fer2013": EMOTIONS}


def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_the_checkpoint(splits, tmp_path):
    recipe = dataclasses.replace(TINY, optimizer="sgd", learning_rate=10.0, clip=0.0, momentum=0.99)
    begin(tmp_path, splits, dataclasses.replace(recipe, learning_rate=0.01)).train(Watcher())
    before = {name: (tmp_path / name).read_bytes() for name in ("checkpoint.pt", "best.pt")}
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    state["epoch"], state["history"] = 1, state["history"][:1]
    checkpoint.save(tmp_path / "checkpoint.pt", state)
    run = begin(tmp_path, splits, dataclasses.replace(recipe, learning_rate=0.01))
    with torch.no_grad():
        next(run.network.parameters()).fill_(float("nan"))
    with pytest.raises(RunError, match="take another --out with a lower learning_rate"):
        run.train(Watcher())
    assert (tmp_path / "best.pt").read_bytes() == before["best.pt"]
    assert checkpoint.read(tmp_path / "checkpoint.pt", ("network",))["epoch"] == 1


def test_a_student_comes_to_agree_with_its_teacher(splits, tmp_path):
    torch.manual_seed(3)
    teacher = network_of("tiny", "both", 0.0).eval()  # knows nothing, but is of an opinion
    with torch.no_grad():
        teacher.head[-1].bias += torch.randn(15) * 2
    recipe = dataclasses.replace(TINY, epochs=8, learning_rate=0.02, distillation=1.0, augmentation=0.1, ema=0.5)

    def distance(network) -> float:
        theirs, mine = (predict(n, splits[1].images, CPU)["ferplus"] for n in (teacher, network))
        return float(np.abs(_softmax(theirs) - _softmax(mine)).sum(axis=1).mean())

    run = begin(tmp_path, splits, recipe, teachers=(teacher,))
    before = distance(run.network)
    run.train(Watcher())
    assert distance(run.average) < 0.5 * before


# What a step minimizes: of one step over all faces, so that the loss of the first epoch is that of the weights it began with.


def plain(splits, **changes) -> Recipe:
    """One step, nothing drawn by chance."""
    values = {"epochs": 1, "batch": len(splits[0]), "augmentation": 0.0, "mirror": False, "dropout": 0.0, "class_balance": 0.0,
              "label_smoothing": 0.0, "precision": "float32"}
    return dataclasses.replace(TINY, **{**values, **changes})


def first_loss(run: Run) -> float:
    run.train(Watcher())
    return run.history[0].loss


def faces_of(splits) -> torch.Tensor:
    return torch.from_numpy(splits[0].images[:, None].astype(np.float32) / 255)


def test_the_loss_is_the_teachers_word_and_the_datas_by_their_shares(splits, tmp_path):
    """G. Hinton et al., 2015: T squared times the divergence at temperature T, and the rest of the share for the labels."""
    share, temperature = 0.7, 3.0
    torch.manual_seed(3)
    teacher = network_of("tiny", "both", 0.5)  # as it was trained: with dropout, and its norms still learning
    with torch.no_grad():
        teacher.head[-1].bias += torch.randn(15) * 2
    expert, before = copy.deepcopy(teacher).eval(), copy.deepcopy(teacher.state_dict())
    recipe = plain(splits, distillation=share, distillation_temperature=temperature)
    run = begin(tmp_path, splits, recipe, teachers=(teacher,))
    student, faces = copy.deepcopy(run.network).train(), faces_of(splits)
    with torch.no_grad():
        theirs, mine = expert.split(expert(faces)), student.split(student(faces))
    expected = 0.0
    shares, says = (torch.from_numpy(array) for array in vote_shares(splits[0]))
    labels = torch.eye(7)[torch.from_numpy(splits[0].labels)]
    for head, targets, weights in (("ferplus", shares, says / says.mean()), ("fer2013", labels, torch.ones(len(labels)))):
        soft, said = (mine[head] / temperature).log_softmax(1), (theirs[head] / temperature).softmax(1)
        divergence = (said * (said.log() - soft)).sum(1).mean()
        hard = -(weights * (targets * mine[head].log_softmax(1)).sum(1)).mean()
        expected += float(share * temperature**2 * divergence + (1 - share) * hard)
    assert first_loss(run) == pytest.approx(expected, rel=2e-3)
    assert all(torch.equal(before[name], value) for name, value in teacher.state_dict().items())  # nobody teaches the teacher


def test_the_end_of_a_run_is_calm(splits, tmp_path):
    """Half the augmentation's strength there, the whole before."""
    recipe = dataclasses.replace(TINY, epochs=2, dropout=0.0, schedule="constant")
    losses = {}
    for name, changes in {"all calm": {"calm": 1.0}, "half as strong": {"augmentation": 0.5}, "as strong": {},
                          "calm at the end": {"calm": 0.5}}.items():
        run = begin(tmp_path / name, splits, dataclasses.replace(recipe, **changes))
        run.train(Watcher())
        losses[name] = [epoch.loss for epoch in run.history]
    assert losses["all calm"] == losses["half as strong"]
    assert losses["calm at the end"][0] == losses["as strong"][0]
    assert losses["calm at the end"][1] != losses["as strong"][1]


def test_a_mix_of_two_faces_is_taught_as_the_same_mix_of_their_labels(splits, tmp_path):
    """Dark faces are of one class and bright ones of another: the brightness of a mixed face says what it is a mix of."""
    labels = np.arange(40) % 2
    images = np.repeat(np.repeat((200 * labels).astype(np.uint8)[:, None, None], 48, 1), 48, 2)
    few = dataclasses.replace(splits[0].take(np.arange(40)), images=images, labels=labels)
    recipe = plain((few, splits[1]), mixup=8.0, targets="fer2013", batch=40)
    run = begin(tmp_path, (few, splits[1]), recipe)
    seen: list[torch.Tensor] = []
    given: list[torch.Tensor] = []

    def network(faces: torch.Tensor) -> torch.Tensor:
        seen.append(faces.mean((1, 2, 3)) * 255 / 200)
        given.append(torch.zeros(len(faces), 7, requires_grad=True))
        return given[-1]

    rng, chance = torch.Generator().manual_seed(1), np.random.default_rng(1)
    loss, _ = run._loss(network, torch.arange(40), 0.0, rng, chance)
    loss.backward()
    # The gradient of the cross-entropy is (what the network says - what is taught) / faces.
    taught = 1 / 7 - 40 * given[0].grad
    assert ((seen[0] > 0.05) & (seen[0] < 0.95)).sum() > 5
    assert taught[:, 1] == pytest.approx(seen[0].numpy(), abs=1e-3)
    assert taught[:, 0] == pytest.approx(1 - seen[0].numpy(), abs=1e-3)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_norms_and_biases_do_not_decay(splits, tmp_path, optimizer):
    states = []
    for decay in (0.0, 0.9):
        recipe = plain(splits, optimizer=optimizer, weight_decay=decay, learning_rate=0.01, schedule="constant")
        run = begin(tmp_path / str(decay), splits, recipe)
        run.train(Watcher())
        states.append(dict(run.network.named_parameters()))
    same = {name for name, value in states[0].items() if torch.equal(value, states[1][name])}
    assert same == {name for name, value in states[0].items() if value.ndim == 1}


def test_a_teacher_answers_the_same_with_its_normalizations_folded():
    teacher = network_of("fernet-deep", "both")
    for module in teacher.modules():  # as if it had learnt something
        if isinstance(module, torch.nn.BatchNorm2d):
            for values in (module.weight, module.running_var):
                torch.nn.init.uniform_(values, 0.5, 1.5)
            for values in (module.bias, module.running_mean):
                torch.nn.init.uniform_(values, -0.5, 0.5)
    faces = torch.rand(4, 1, 48, 48)
    fast = folded(teacher)
    with torch.inference_mode():
        assert torch.allclose(fast(faces), teacher.eval()(faces), atol=1e-4)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in fast.modules())
    assert any(isinstance(module, torch.nn.BatchNorm2d) for module in teacher.modules())


def test_a_teacher_must_know_something_of_what_its_student_is_asked(splits, tmp_path):
    teacher = network_of("tiny", "fer2013", 0.0)
    asked = dataclasses.replace(TINY, distillation=0.5, targets="ferplus")
    with pytest.raises(RunError, match="answers fer2013, and nothing that the recipe asks for: ferplus"):
        begin(tmp_path, splits, asked, teachers=(teacher,))


def test_a_teacher_teaches_the_heads_that_it_has_and_the_others_learn_from_labels(splits, tmp_path):
    share, temperature = 0.7, 2.0
    torch.manual_seed(3)
    teacher = network_of("tiny", "fer2013", 0.0).eval()
    with torch.no_grad():
        teacher.head[-1].bias += torch.randn(7) * 2
    run = begin(tmp_path, splits, plain(splits, distillation=share, distillation_temperature=temperature), teachers=(teacher,))
    student, faces = copy.deepcopy(run.network).train(), faces_of(splits)
    with torch.no_grad():
        said, mine = teacher(faces), student.split(student(faces))
    shares, says = (torch.from_numpy(array) for array in vote_shares(splits[0]))
    labels = torch.eye(7)[torch.from_numpy(splits[0].labels)]
    soft = (said / temperature).softmax(1)
    divergence = (soft * (soft.log() - (mine["fer2013"] / temperature).log_softmax(1))).sum(1).mean()
    taught = share * temperature**2 * divergence - (1 - share) * (labels * mine["fer2013"].log_softmax(1)).sum(1).mean()
    alone = -((says / says.mean()) * (shares * mine["ferplus"].log_softmax(1)).sum(1)).mean()
    assert first_loss(run) == pytest.approx(float(taught + alone), rel=2e-3)


def test_a_run_can_begin_with_the_weights_of_another(splits, tmp_path):
    begin(tmp_path / "a", splits).train(Watcher())
    start = checkpoint.trained(tmp_path / "a").network
    run = begin(tmp_path / "b", splits, start_from=start)
    assert all(torch.equal(a, b) for a, b in zip(start.state_dict().values(), run.network.state_dict().values(), strict=True))
    with pytest.raises(RunError, match="another architecture"):
        begin(tmp_path / "c", splits, dataclasses.replace(TINY, architecture="fernet"), start_from=start)


def test_a_deeper_network_begins_with_the_answers_of_a_shallow_one(splits, tmp_path):
    start = network_of("fernet", "both")
    for module in start.modules():  # as if it had learnt something
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
    network = begin(tmp_path / "deep", splits, dataclasses.replace(TINY, architecture="fernet-deep"), start_from=start).network
    faces = torch.rand(4, 1, 48, 48)
    with torch.inference_mode():
        assert torch.allclose(network.eval()(faces), start.eval()(faces), atol=1e-5)
    for architecture in ("fernet", "fernet-wide", "teacher-fine"):  # it does not shrink, nor change its width
        with pytest.raises(RunError, match="none that it grows from"):
            begin(tmp_path / architecture, splits, dataclasses.replace(TINY, architecture=architecture), start_from=network)


def test_of_the_heads_those_that_both_networks_have_are_taken_over(splits, tmp_path):
    start = network_of("tiny", "both")
    network = begin(tmp_path, splits, dataclasses.replace(TINY, targets="fer2013"), start_from=start).network
    face = torch.rand(3, 1, 48, 48)
    with torch.inference_mode():
        theirs, mine = (n.eval().split(n(face))["fer2013"] for n in (start, network))
    assert torch.allclose(mine, theirs)


def test_rare_classes_count_more(splits, tmp_path):
    keep = np.concatenate([np.flatnonzero(splits[0].labels != 1), np.flatnonzero(splits[0].labels == 1)[:2]])
    few = splits[0].take(keep)
    for balance in (0.0, 0.5, 1.0):
        run = begin(tmp_path / str(balance), (few, splits[1]), dataclasses.replace(TINY, class_balance=balance))
        weights = run._weights["fer2013"].numpy()
        ratio = weights[few.labels == 1].mean() / weights[few.labels == 0].mean()
        assert ratio == pytest.approx((8 / 2) ** balance, rel=1e-3)
        assert weights.mean() == pytest.approx(1, abs=1e-4)


def test_a_face_without_votes_teaches_its_label_alone(splits, tmp_path):
    votes = splits[0].votes.copy()
    votes[0] = 0
    votes[1] = 0
    votes[1, -2] = 10  # ten people did not know
    run = begin(tmp_path, (dataclasses.replace(splits[0], votes=votes), splits[1]))
    assert run._weights["ferplus"][:2].tolist() == [0, 0]
    assert (run._weights["fer2013"][:2] > 0).all()
    assert np.isfinite(vote_shares(dataclasses.replace(splits[0], votes=votes))[0]).all()


@pytest.mark.parametrize(("schedule", "half", "end"), [("cosine", 0.5, 0), ("linear", 0.5, 0), ("constant", 1, 1)])
def test_the_learning_rate_rises_and_goes_its_way(schedule, half, end):
    recipe = Recipe(learning_rate=2.0, warmup=0.1, schedule=schedule)
    assert learning_rate(recipe, 0) < 0.1
    assert learning_rate(recipe, 0.05) == pytest.approx(1, abs=0.05)
    assert learning_rate(recipe, 0.1) == pytest.approx(2)
    assert learning_rate(recipe, 0.55) == pytest.approx(2 * half)
    assert learning_rate(recipe, 1.0) == pytest.approx(2 * end, abs=1e-9)


def test_two_processes_train_one_network(drawn_fer2013, tmp_path):
    """As `torchrun` starts them."""
    data = drawn_fer2013(tmp_path / "d", each=4)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "fer_ros.cli",
               "train", "--data", str(data), "--out", str(tmp_path / "run"), "--device", "cpu", "--threads", "1",
               "--set", "architecture=tiny", "--set", "epochs=2", "--set", "batch=8"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(history(tmp_path / "run")) == 2
    assert done.stdout.count("; best: epoch") == 1
    assert "2 x 1 CPU threads" in done.stdout
    assert checkpoint.trained(tmp_path / "run").network.heads == {"ferplus": FERPLUS, "fer2013": EMOTIONS}


def test_a_step_of_two_processes_is_one_step_of_one(splits, tmp_path):
    """Of the same faces: their gradients are averaged, and every process ends with the same weights."""
    rows = np.arange(16)
    few = splits[0].take(rows)
    recipe = dataclasses.replace(TINY, epochs=1, batch=16, augmentation=0.0, mirror=False, dropout=0.0, optimizer="sgd",
                                 learning_rate=0.1, schedule="constant", class_balance=0.0, clip=0.0)
    np.savez(tmp_path / "faces.npz", images=few.images, labels=few.labels, votes=few.votes)
    (tmp_path / "step.py").write_text(STEP)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    (tmp_path / "recipe.yaml").write_text(to_yaml(recipe))
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "step.py"],
                          capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    before, first, second = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in ("before", "0", "1"))
    moved = [name for name in before if "running" not in name and not torch.equal(before[name], first[name])]
    assert moved
    for name in moved:
        assert torch.equal(first[name], second[name]), name


STEP = """
import dataclasses
import numpy as np
import torch
from pathlib import Path
from fer_ros.training.data import Split
from fer_ros.training.pool import of_fer2013
from fer_ros.training.recipe import read
from fer_ros.training.train import Run, Watcher, place

arrays = np.load("faces.npz")
faces = Split(arrays["images"], arrays["labels"], arrays["votes"], np.arange(16).astype(object))
recipe = read("./recipe.yaml")
faces = of_fer2013(faces, recipe)
with place("float32", "cpu") as where:
    run = Run(Path(f"run{where.rank}"), recipe, faces, faces, where, facts={})
    if where.first:
        torch.save(run.network.state_dict(), "before.pt")
    run.train(Watcher())
    torch.save(run.network.state_dict(), f"{where.rank}.pt")
"""


def _softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def test_a_run_of_several_sets_learns_an_answer_and_draws_its_curves(drawn_fer2013, drawn_folders, tmp_path):
    drawn_fer2013(tmp_path / "data" / "fer2013", each=8)
    drawn_folders(tmp_path / "data" / "posed", each=12)
    recipe = from_values({"architecture": "tiny", "epochs": 4, "epoch_parts": 2, "batch": 16, "optimizer": "adamw",
                          "learning_rate": 0.01, "choose_by": "balanced", "clean": False,
                          "sets": {"fer2013": {}, "posed": {"held_out": 0.3}}}, "here")
    found = gather(tmp_path / "data", recipe)
    run = Run(tmp_path / "run", recipe, found.training, found.validation, CPU, facts={"data": "drawn"})
    watcher = Count()
    run.train(Everyone(Pictures(), watcher))
    assert (tmp_path / "run" / "curves.png").stat().st_size > 1000
    last = history(tmp_path / "run")[-1]
    each = [float(last[f"answer_{name}_balanced"]) for name in ("fer2013", "posed")]
    assert float(last["accuracy"]) == pytest.approx(np.mean(each), abs=1e-5)
    # Two epochs are one pass over the faces, and the next two another.
    assert watcher.steps == 4 * (len(found.training) // 2 // 16)
    orders = [run._order(epoch).tolist() for epoch in range(4)]
    assert sorted(orders[0] + orders[1]) == sorted(orders[2] + orders[3]) == list(range(len(found.training)))
    assert orders[0] != orders[2]


def test_more_parts_of_a_pass_than_faces_are_named(splits, tmp_path):
    with pytest.raises(RunError, match="56 training faces in 40 epoch_parts leave too few for a step"):
        begin(tmp_path, splits, dataclasses.replace(TINY, epoch_parts=40))


def test_of_two_runs_in_one_folder_the_second_is_refused(drawn_folders, tmp_path, capsys):
    words = ["train", "--data", str(drawn_folders(tmp_path / "d")), "--out", str(tmp_path / "run"), "--recipe", "small",
             *(f"--set={change}" for change in ("architecture=tiny", "targets=fer2013", "epochs=1"))]
    with alone_in(tmp_path / "run"), pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 1
    assert "another process works in" in capsys.readouterr().err
    assert not list((tmp_path / "run").iterdir())
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0


class Count(Watcher):
    """Counts the steps."""

    steps = 0

    def step(self, done: int, steps: int) -> None:
        self.steps += 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_a_run_between_two_steps(number):
    with on_end(ending := Once()):
        os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            Interrupts(ending).step(1, 2)


def test_under_nohup_a_run_goes_on_when_its_terminal_is_closed():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with on_end(ending := Once()):
            os.kill(os.getpid(), signal.SIGHUP)
            Interrupts(ending).step(1, 2)
    finally:
        signal.signal(signal.SIGHUP, before)
