# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A training run: from faces and a recipe to checkpoints and a history.

What a run does in an epoch depends on the recipe's seed and the epoch's number alone, so that a run that was interrupted
and continued is the run that was not.
"""

from __future__ import annotations

import copy
import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed
from torch.nn import functional as F

from fer_ros.system.files import write_text
from fer_ros.training import checkpoint, metrics
from fer_ros.training.augment import JPEG_SHARE, augment, jpegs
from fer_ros.training.checkpoint import RunError
from fer_ros.training.model import FerNet, Network, folded, make
from fer_ros.training.pool import Pool, truth_of
from fer_ros.training.recipe import ANSWER, Recipe, RecipeError, from_values, to_yaml
from fer_ros.training.tables import DataError

RECIPE = "recipe.yaml"
HISTORY = "history.csv"
Forward = Callable[[torch.Tensor], torch.Tensor]
_LOOK = 20
"""Steps after which it is seen to that the loss is still a number."""
_EPOCH_SEED = 100_003  # a prime, so that epochs of neighbouring seeds do not meet


@dataclass(frozen=True)
class Place:
    """Where a process computes.

    Attributes:
        rank, world: this process' number and how many there are (`torchrun`); one process is 0 of 1.
    """

    device: torch.device
    rank: int = 0
    world: int = 1
    bfloat16: bool = False

    @property
    def first(self) -> bool:
        """Whether this process writes the files and speaks."""
        return self.rank == 0

    @property
    def text(self) -> str:
        """In words."""
        many = f"{self.world} x " if self.world > 1 else ""
        gpu = self.device.type == "cuda"
        what = torch.cuda.get_device_name(self.device) if gpu else f"{torch.get_num_threads()} CPU threads"
        return f"{many}{what}, {self.arithmetic}"

    @property
    def arithmetic(self) -> str:
        """`bfloat16` or `float32`."""
        return "bfloat16" if self.bfloat16 else "float32"

    def autocast(self) -> torch.autocast:
        """The arithmetic of the network."""
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16)


@contextmanager
def place(precision: str = "auto", device: str = "auto") -> Iterator[Place]:
    """This process' device, in a group with the others where `torchrun` has started it.

    Raises:
        RunError: the device is not to be had.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    try:
        where = torch.device(kind)
        if where.type not in ("cpu", "cuda"):
            raise RuntimeError("only cpu and cuda are")
        if where.type == "cuda" and where.index is None:
            where = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
        torch.zeros(1, device=where)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RunError(f"device {kind} is not to be had ({str(error).splitlines()[0][:100]}): try --device cpu") from None
    if where.type == "cuda":
        torch.cuda.set_device(where)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True  # all batches are of one size
    bfloat16 = precision == "bfloat16" or (precision == "auto" and _has_bfloat16(where))
    if world == 1:
        yield Place(where, bfloat16=bfloat16)
        return
    distributed.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield Place(where, rank, world, bfloat16)
    finally:
        distributed.destroy_process_group()


def _has_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 there, and not emulated."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu: Any = torch.cpu
    tests = (getattr(cpu, name, lambda: False) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return device.type == "cpu" and any(test() for test in tests)


@dataclass(frozen=True)
class Epoch:
    """What is known after an epoch: a line of the history.

    Attributes:
        number: 1 for the first.
        loss: mean of what the run minimizes: of augmented faces, weighted, summed over the heads.
        training: by head and `loss` (against the soft targets), `accuracy`, of the augmented faces as they came.
        validation: by head and `loss`, `accuracy`, `balanced`, of the averaged weights; with several sets also the answer on
            each set, as `answer_SET`.
        accuracy: what the best epoch is chosen by: the mean over the heads of what the recipe's `choose_by` names, or with
            several sets over the answer on each.
    """

    number: int
    learning_rate: float
    loss: float
    accuracy: float
    training: dict[str, dict[str, float]]
    validation: dict[str, dict[str, float]]
    seconds: float

    def row(self) -> dict[str, float]:
        """Flat, for a table."""
        heads: dict[str, float] = {}
        for head, values in self.validation.items():
            heads |= {f"{head}_{name}": value for name, value in values.items()}
            heads |= {f"{head}_training_{name}": value for name, value in self.training.get(head, {}).items()}
        return {"epoch": self.number, "learning_rate": self.learning_rate, "loss": self.loss, "accuracy": self.accuracy,
                **heads, "seconds": self.seconds}


class Watcher:
    """Is told how a run goes; does nothing itself."""

    def begin(self, run: Run) -> None:
        """Before the first epoch of this process."""

    def step(self, done: int, steps: int) -> None:
        """After each step of an epoch; may raise KeyboardInterrupt to stop the run."""

    def epoch(self, run: Run, epoch: Epoch) -> None:
        """After each epoch, its checkpoint written."""


class Run:
    """One training run in one folder.

    Args:
        folder: of the run; begun there, or continued where it stopped.
        training: the faces to learn from.
        validation: the faces that choose the best epoch.
        facts: what to remember of where all this comes from; `data` names the faces' content.
        teachers: networks to learn from as well, where the recipe's `distillation` is not 0: each teaches the heads that it
            has, too; the other heads learn from labels alone.
        start_from: a network whose weights to begin with.

    Raises:
        RunError: the folder holds a run of another recipe or data, or the recipe and the data do not fit.
    """

    def __init__(self, folder: Path, recipe: Recipe, training: Pool, validation: Pool, where: Place, *,
                 facts: dict[str, Any], teachers: tuple[Network, ...] = (), start_from: Network | None = None):
        self.folder, self.recipe, self.place, self.facts = folder, recipe, where, facts
        self.training, self.validation = training, validation
        self.history: list[Epoch] = []
        if len(training) < 2 * where.world or not len(validation):
            raise DataError(f"{len(training)} training and {len(validation)} validation faces are too few"
                            + ("; --set clean=false keeps constant images, non-faces and copies of held-out faces"
                               if recipe.clean else ""))
        for head in recipe.heads:
            if not (training.says[head].any() and len(truth_of(validation, head)[0])):
                raise DataError(f"no training or no validation face has a label for {head}: learn from other sets, or from "
                                "FER2013's labels alone with --set targets=fer2013")
        self.batch = min(recipe.batch, len(training) // recipe.epoch_parts) // where.world * where.world
        if self.batch < 2 * where.world <= recipe.batch:
            raise RunError(f"{len(training)} training faces in {recipe.epoch_parts} epoch_parts leave too few for a step: "
                           "take fewer epoch_parts")
        if self.batch < 2 * where.world:
            raise RunError(f"a batch of {recipe.batch} is too small for {where.world} processes: 2 faces each at least")
        torch.manual_seed(recipe.seed)
        self.network = make(recipe)
        if start_from is not None:
            _copy_weights(start_from, self.network)
        self.network.to(where.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network)
        self.teachers = [folded(t).to(where.device, memory_format=torch.channels_last) for t in teachers]
        for teacher in self.teachers:
            if not any(self._taught_by(teacher, head) for head in self.network.heads):
                raise RunError(f"a teacher answers {', '.join(teacher.heads)}, and nothing that the recipe asks for: "
                               f"{', '.join(self.network.heads)}")
        self.optimizer = _optimizer(self.network, recipe)
        self._best = -math.inf
        self._continue()
        # What `auto` took where the run began, it takes wherever the run goes on: else it would end as another run.
        began_with = self.facts.setdefault("arithmetic", where.arithmetic)
        self.place = dataclasses.replace(where, bfloat16=began_with == "bfloat16")
        self._prepare()

    @property
    def steps(self) -> int:
        """Steps in an epoch; the faces of a last, smaller batch have their turn in another pass."""
        return len(self.training) // self.recipe.epoch_parts // self.batch

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are in `best.pt`."""
        return max(self.history, key=lambda epoch: epoch.accuracy)

    def train(self, watcher: Watcher) -> None:
        """All epochs that are left."""
        if self.place.first:
            write_text(self.folder / RECIPE, to_yaml(self.recipe), force=True)
        watcher.begin(self)
        network: Forward = self.network
        if self.recipe.compile:
            network = torch.compile(network)
        if self.place.world > 1:
            ids = [self.place.device.index] if self.place.device.type == "cuda" else None
            network = torch.nn.parallel.DistributedDataParallel(network, device_ids=ids)
        for epoch in range(len(self.history), self.recipe.epochs):
            started = time.monotonic()
            loss, training, rate = self._epoch(network, epoch, watcher)
            validation = self._validate()
            accuracy = _score(validation, recipe=self.recipe)
            done = Epoch(epoch + 1, rate, loss, accuracy, training, validation, time.monotonic() - started)
            self.history.append(done)
            if self.place.first:
                self._save(done)
                watcher.epoch(self, done)
        if self.place.world > 1:
            distributed.barrier()

    def _prepare(self) -> None:
        """The faces and what is to be learnt from them, on the device."""
        recipe, device = self.recipe, self.place.device
        images = self.training.images
        self._images = torch.from_numpy(images).unsqueeze(1).to(device)
        self._jpegs = torch.from_numpy(jpegs(images, recipe.seed)).unsqueeze(1).to(device) if recipe.augmentation else None
        self._targets: dict[str, torch.Tensor] = {}
        self._weights: dict[str, torch.Tensor] = {}
        for head in self.network.heads:
            targets, weights = _targets(self.training, head, recipe)
            self._targets[head] = torch.from_numpy(targets).to(device)
            self._weights[head] = torch.from_numpy(weights).to(device)

    def _epoch(self, network: Forward, epoch: int, watcher: Watcher) -> tuple[float, dict[str, dict[str, float]], float]:
        """One pass; (mean loss, `Epoch.training`, the last learning rate)."""
        recipe, where, steps = self.recipe, self.place, self.steps
        seed = recipe.seed * _EPOCH_SEED + epoch
        torch.manual_seed(seed * where.world + where.rank)  # dropout
        rng = torch.Generator(where.device).manual_seed(seed * where.world + where.rank)
        chance = np.random.default_rng([seed, where.rank])
        order = self._order(epoch).to(where.device)
        self.network.train()
        # The loss, then loss and accuracy of each head.
        totals = torch.zeros(1 + 2 * len(self.network.heads), device=where.device)
        rate = 0.0
        for step in range(steps):
            rate = learning_rate(recipe, (epoch * steps + step) / (recipe.epochs * steps))
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            rows = order[step * self.batch : (step + 1) * self.batch][where.rank :: where.world]
            loss, observed = self._loss(network, rows, (epoch + step / steps) / recipe.epochs, rng, chance)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            if recipe.clip:
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
            self.optimizer.step()
            self._update_average(epoch * steps + step)
            totals += torch.stack([loss.detach(), *observed])
            # Not after each step: a GPU would have to be waited for.
            if (step % _LOOK == 0 or step + 1 == steps) and not math.isfinite(float(totals[0])):
                raise RunError(f"the loss is not finite any more in epoch {epoch + 1}: take another --out with a lower "
                               "learning_rate or with --set precision=float32; what this run had learnt before is kept")
            watcher.step(step + 1, steps)
        if where.world > 1:
            distributed.all_reduce(totals)
        loss, *means = (totals / (steps * where.world)).tolist()
        training = {head: {"loss": means[2 * i], "accuracy": means[2 * i + 1]} for i, head in enumerate(self.network.heads)}
        return loss, training, rate

    def _order(self, epoch: int) -> torch.Tensor:
        """The faces of an epoch, in their order: of a pass that `epoch_parts` epochs share, its part."""
        cycle, part = divmod(epoch, self.recipe.epoch_parts)
        rng = torch.Generator().manual_seed(self.recipe.seed * _EPOCH_SEED + cycle)
        return torch.randperm(len(self.training), generator=rng)[part :: self.recipe.epoch_parts]

    def _loss(self, network: Forward, rows: torch.Tensor, at: float, rng: torch.Generator,
              chance: np.random.Generator) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """What a step minimizes, and loss and accuracy of each head."""
        recipe = self.recipe
        strength = recipe.augmentation * (0.5 if at >= 1 - recipe.calm else 1.0)
        faces = self._images[rows]
        if self._jpegs is not None:
            compressed = torch.rand(len(rows), generator=rng, device=faces.device) < JPEG_SHARE * strength
            faces = torch.where(compressed[:, None, None, None], self._jpegs[rows], faces)
        faces = augment(faces.float() / 255, rng, strength, recipe.mirror)
        targets = {head: values[rows] for head, values in self._targets.items()}
        weights = {head: values[rows] for head, values in self._weights.items()}
        if recipe.mixup:
            share = float(chance.beta(recipe.mixup, recipe.mixup))
            other = torch.randperm(len(rows), generator=rng, device=faces.device)
            faces = share * faces + (1 - share) * faces[other]
            for head, values in targets.items():
                mine, theirs = share * weights[head], (1 - share) * weights[head][other]
                weights[head] = mine + theirs
                mixed = mine[:, None] * values + theirs[:, None] * values[other]
                targets[head] = mixed / weights[head].clamp_min(1e-6)[:, None]
        faces = faces.contiguous(memory_format=torch.channels_last)
        with self.place.autocast():
            logits = network(faces).float()
        loss = logits.new_zeros(())
        by_head = self.network.split(logits)
        told = self._distillation(faces, by_head) if self.teachers and recipe.distillation else {}
        loss = loss + recipe.distillation * sum(told.values())
        observed = []
        for head, values in by_head.items():
            each = -(targets[head] * values.log_softmax(1)).sum(1)
            part = (1 - recipe.distillation if head in told else 1) * (recipe.answer_weight if head == ANSWER else 1)
            loss = loss + part * (weights[head] * each).mean()
            said = (weights[head] > 0).float()
            right = (values.argmax(1) == targets[head].argmax(1)).float()
            count = said.sum().clamp_min(1)
            observed += [(said * each.detach()).sum() / count, (said * right).sum() / count]
        for weight, factor in self.network.penalized():
            loss = loss + factor * weight.square().sum()
        return loss, observed

    def _taught_by(self, teacher: Network, head: str) -> bool:
        """Whether the teacher answers by this head, with the same classes."""
        return teacher.heads.get(head) == self.network.heads[head]

    def _distillation(self, faces: torch.Tensor, by_head: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """By head that a teacher has: how far the network is from its teachers' mean on the same augmented faces.

        G. Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; with the same view for both, as L. Beyer et
        al., "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022.
        """
        temperature = self.recipe.distillation_temperature
        with torch.inference_mode(), self.place.autocast():
            answers = [(teacher, teacher.split(teacher(faces).float())) for teacher in self.teachers]
        losses = {}
        for head, logits in by_head.items():
            known = [answer[head] for teacher, answer in answers if self._taught_by(teacher, head)]
            if known:
                said = torch.stack([(answer / temperature).softmax(1) for answer in known]).mean(0)
                losses[head] = temperature**2 * F.kl_div((logits / temperature).log_softmax(1), said.clone(),
                                                         reduction="batchmean")
        return losses

    @torch.no_grad()
    def _update_average(self, step: int) -> None:
        """Move the average towards the weights; in the first steps by more, so that it forgets where it began."""
        decay = min(self.recipe.ema, (1 + step) / (10 + step))
        mine, new = (list(network.state_dict().values()) for network in (self.average, self.network))
        weights = [i for i, value in enumerate(mine) if value.is_floating_point()]
        torch._foreach_lerp_([mine[i] for i in weights], [new[i] for i in weights], 1 - decay)
        for i in set(range(len(mine))) - set(weights):
            mine[i].copy_(new[i])

    def _validate(self) -> dict[str, dict[str, float]]:
        logits = predict(self.average, self.validation.images, self.place)
        result = {}
        for head, values in logits.items():
            rows, truth = truth_of(self.validation, head)
            result[head] = _figures(values[rows], truth)
        if ANSWER in logits:
            rows, truth = truth_of(self.validation, ANSWER)
            origin = self.validation.origin[rows]
            for index in np.unique(origin):
                mine = origin == index
                result[f"{ANSWER}_{self.validation.sets[index]}"] = _figures(logits[ANSWER][rows[mine]], truth[mine])
        return result

    def _continue(self) -> None:
        """Take up the folder's run, if there is one."""
        path = self.folder / checkpoint.LAST
        if not path.exists():
            if (self.folder / HISTORY).exists():
                raise RunError(f"{self.folder} holds a run without its {checkpoint.LAST}, which cannot go on: take another "
                               f"--out, and --start-from {self.folder} for what it had learnt")
            return
        try:
            state = checkpoint.read(path, ("network", "average", "optimizer", "history"))
        except RunError as error:
            raise RunError(f"{error}: take another --out, and --start-from {self.folder} for what it had learnt") from None
        mine, theirs = dataclasses.asdict(self.recipe), _whole(state["recipe"])
        # What a run is for and how fast it is does not change what it learns.
        differing = [name for name in mine if mine[name] != theirs.get(name) and name not in ("description", "compile")]
        if differing:
            changes = ", ".join(f"{name} is {theirs.get(name)} there and {mine[name]} here" for name in differing)
            raise RunError(f"{self.folder} holds a run of another recipe ({changes}): take another --out, or leave the "
                           "recipe as it was")
        for name, what in (("fraction", "another --fraction"), ("data", "other data"), ("start_from", "another --start-from"),
                           ("teachers", "other teachers")):
            if state["facts"].get(name) != self.facts.get(name):
                raise RunError(f"{self.folder} holds a run with {what}: take another --out, or name what it began with")
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.history = [Epoch(**epoch) for epoch in state["history"]]
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise RunError(f"{path} does not fit this version of fer_ros ({str(error).splitlines()[0]}): take another --out"
                           ) from None
        self.facts = state["facts"]
        self._best = max((epoch.accuracy for epoch in self.history), default=-math.inf)

    def _save(self, epoch: Epoch) -> None:
        recipe = dataclasses.asdict(self.recipe)
        if epoch.accuracy > self._best:
            self._best = epoch.accuracy
            checkpoint.save(self.folder / checkpoint.BEST, {
                "recipe": recipe, "epoch": epoch.number, "facts": self.facts, "weights": self.average.state_dict(),
            })
        checkpoint.save(self.folder / checkpoint.LAST, {
            "recipe": recipe, "epoch": epoch.number, "facts": self.facts, "network": self.network.state_dict(),
            "average": self.average.state_dict(), "optimizer": self.optimizer.state_dict(),
            "history": [dataclasses.asdict(epoch) for epoch in self.history],
        })
        write_history(self.folder / HISTORY, self.history)


def _whole(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored recipe with what recipes had not yet when it was stored: at its default, which changes nothing."""
    try:
        return dataclasses.asdict(from_values(stored, "the run's recipe"))
    except RecipeError:
        return stored


def learning_rate(recipe: Recipe, at: float) -> float:
    """The learning rate when the share `at`, 0 to 1, of a run is done."""
    if at < recipe.warmup:
        return recipe.learning_rate * (at + 1e-3) / (recipe.warmup + 1e-3)
    left = 1 - (at - recipe.warmup) / max(1 - recipe.warmup, 1e-9)
    falls = {"constant": 1.0, "linear": left, "cosine": 0.5 * (1 - math.cos(math.pi * left))}
    return recipe.learning_rate * falls[recipe.schedule]


@torch.inference_mode()
def predict(network: Network, images: NDArray[Any], where: Place, batch: int = 512) -> dict[str, NDArray[Any]]:
    """Logits of (N, 48, 48) uint8 faces by head, (N, classes) float32 each."""
    network.eval()
    out = []
    for start in range(0, len(images), batch):
        faces = torch.from_numpy(images[start : start + batch]).unsqueeze(1).to(where.device).float() / 255
        with where.autocast():
            out.append(network(faces.contiguous(memory_format=torch.channels_last)).float().cpu())
    return {head: values.numpy() for head, values in network.split(torch.cat(out)).items()}


def write_history(path: Path, history: list[Epoch]) -> None:
    """The history as CSV, whole or not at all."""
    rows = [epoch.row() for epoch in history]
    lines = [",".join(rows[0]), *(",".join(f"{value:.6g}" for value in row.values()) for row in rows)]
    write_text(path, "\n".join(lines) + "\n", force=True)


def _figures(logits: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    guess = logits.argmax(axis=1)
    return {"loss": metrics.log_loss(logits, truth), "accuracy": float((guess == truth).mean()),
            "balanced": metrics.balanced_accuracy(truth, guess, logits.shape[1])}


def _score(validation: dict[str, dict[str, float]], recipe: Recipe) -> float:
    """What the best epoch is chosen by."""
    names = [name for name in validation if name.startswith(f"{ANSWER}_")] or list(validation)
    return float(np.mean([validation[name][recipe.choose_by] for name in names]))


def _targets(pool: Pool, head: str, recipe: Recipe) -> tuple[NDArray[Any], NDArray[Any]]:
    """(N, C) target distributions of a head, and (N,) how much each row counts.

    Within a set rows count by the rarity of their class, 1 in the mean of those that say something, times the set's weight.
    """
    targets, says = pool.targets[head], pool.says[head]
    weights = np.zeros(len(pool), np.float32)
    for index, name in enumerate(pool.sets):
        rows = np.flatnonzero((pool.origin == index) & (says > 0))
        if not len(rows):
            continue
        frequency = np.average(targets[rows], axis=0, weights=says[rows])
        mine = (targets[rows] @ (np.maximum(frequency, 1e-4) ** -recipe.class_balance)) * says[rows]
        weights[rows] = mine / mine.mean() * (recipe.sets[name].weight if name in recipe.sets else 1)
    if head != "ferplus":  # ten votes need no smoothing
        targets = targets * (1 - recipe.label_smoothing) + recipe.label_smoothing / targets.shape[1]
    return targets.astype(np.float32), weights


def _optimizer(network: Network, recipe: Recipe) -> torch.optim.Optimizer:
    parameters = list(network.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=recipe.learning_rate)


def _copy_weights(source: Network, to: Network) -> None:
    """Begin with another network's weights; of its heads, those that both have.

    Raises:
        RunError: it is another architecture, and none that this one could have grown from.
    """
    mine, theirs = to.head[-1], source.head[-1]
    try:
        with torch.no_grad():
            found, known = to.split(mine.weight.T), source.split(theirs.weight.T)
            biases, known_biases = to.split(mine.bias[None]), source.split(theirs.bias[None])
            for head in set(to.heads) & set(source.heads):
                found[head].copy_(known[head])
                biases[head].copy_(known_biases[head])
        if isinstance(to, FerNet) and isinstance(source, FerNet):
            to.grow_from(source)
            return
        last = f"head.{len(to.head) - 1}."
        weights = {name: value for name, value in source.state_dict().items() if not name.startswith(last)}
        missing = to.load_state_dict(weights, strict=False)
        if missing.unexpected_keys or any(not name.startswith(last) for name in missing.missing_keys):
            raise RuntimeError
    except (RuntimeError, ValueError):
        raise RunError("--start-from is of another architecture than the recipe's, and none that it grows from") from None
