# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros train` once its command line is read: data, recipe and networks brought together."""

from __future__ import annotations

import argparse
import hashlib
import platform
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from fer_ros import __version__
from fer_ros.system.files import alone_in
from fer_ros.system.signals import Once, on_end
from fer_ros.training import checkpoint, pool, recipe, recognizer, unfold
from fer_ros.training.checkpoint import RunError
from fer_ros.training.model import make
from fer_ros.training.pool import Sources
from fer_ros.training.progress import tell
from fer_ros.training.recipe import Recipe
from fer_ros.training.train import RECIPE, Place, Run, place
from fer_ros.training.watch import Board, Everyone, Interrupts, Pictures, Terminal, duration

DEFAULT_RECIPE = "small"
_EXPORTED, _DLIB = ".onnx", ".json"
"""Suffixes of networks that are not of a run: what they need to become one is measured on faces."""


def train(options: argparse.Namespace) -> None:
    """Begin or continue a run.

    Raises:
        ValueError: what was asked for cannot be done; nothing of an earlier run is lost.
    """
    if options.threads:
        torch.set_num_threads(options.threads)
    stored = options.out / RECIPE
    # Without a recipe's name a run goes on as it began.
    name = options.recipe or (str(stored.absolute()) if stored.is_file() else DEFAULT_RECIPE)
    chosen = recipe.read(name, options.changes)
    for path in options.teachers:
        _look_for(path, _EXPORTED)
    if options.start_from:
        _look_for(options.start_from, _EXPORTED, _DLIB)
    if chosen.distillation and not options.teachers:
        raise RunError(f"recipe {name} learns from teachers: name their runs with --teacher (those that a run began with, to "
                       "continue it), or --set distillation=0")
    if options.teachers and not chosen.distillation:
        raise RunError(f"recipe {name} does not learn from teachers: leave out --teacher, or --set distillation=0.8")
    with place(chosen.precision, options.device) as where, ExitStack() as taken:
        console = Console(highlight=False, soft_wrap=True, quiet=not where.first)
        found = pool.gather(options.data, chosen, options.fraction)
        left_out = [f"{count:,} {reason}" for reason, count in found.left_out.items() if count]
        if left_out:
            console.print(f"left out of training: {', '.join(left_out)}")
        teachers = [begin_with(path, found) for path in options.teachers]
        start = begin_with(options.start_from, found, chosen) if options.start_from else None
        facts = facts_of(found, where)
        facts["fraction"] = options.fraction
        facts["teachers"] = ", ".join(f"{t.recipe.architecture} of run {t.facts.get('id')}" for t in teachers)
        facts["start_from"] = start.facts.get("name") or f"run {start.facts.get('id')}" if start else ""
        tell("preparing the faces")
        if where.first:  # two runs in one folder would leave the weights of one beside the history of the other
            taken.enter_context(alone_in(options.out))
        run = Run(options.out, chosen, found.training, found.validation, where, facts=facts,
                  teachers=tuple(t.network for t in teachers), start_from=start.network if start else None)
        if len(run.history) >= chosen.epochs:
            console.print(f"{options.out} is finished: {chosen.epochs} epochs, best {run.best.accuracy:.1%} in epoch "
                          f"{run.best.number}")
            return
        tell("")
        ending = Once()  # a second signal stops the run wherever it is
        with Terminal(console) as terminal, on_end(ending):
            files = (Board(), Pictures()) if where.first else ()
            run.train(Everyone(terminal, *files, Interrupts(ending)))
        spent = duration(sum(epoch.seconds for epoch in run.history))
        console.print(f"{chosen.epochs} epochs in {spent}; best: epoch {run.best.number}, {run.best.accuracy:.2%} of the "
                      f"validation faces. In {options.out}: {checkpoint.BEST}, history.csv, curves.png")


def _look_for(path: Path, *suffixes: str) -> None:
    """Raise RunError if that is no run, nor a file with such a suffix: before the data is read, which takes minutes."""
    if path.suffix not in suffixes:
        checkpoint.trained(path)
    elif not path.is_file():
        raise RunError(f"{path} not found: name the folder of a run of `fer-ros train`, or a file that is there")


def begin_with(path: Path, found: Sources, chosen: Recipe | None = None) -> checkpoint.Trained:
    """The network of a run, or of a model that was exported from one, or, for a recipe, dlib's face recognition network.

    Raises:
        RunError: there is none.
    """
    if path.suffix == _EXPORTED:
        return unfold.trained(path, found.training.images)
    if path.suffix != _DLIB or chosen is None:
        return checkpoint.trained(path)
    torch.manual_seed(chosen.seed)
    network = make(chosen)
    faces = found.training.images
    some = np.random.default_rng(chosen.seed).permutation(len(faces))[: recognizer.FACES]
    recognizer.begin_with(network, recognizer.read(path), faces[some])
    return checkpoint.Trained(network, chosen, 0, {"name": "dlib's face recognition network"})


def facts_of(found: Sources, where: Place) -> dict[str, Any]:
    """What a run remembers of where it comes from; `data` changes when any face, label or vote does."""
    content = hashlib.sha256(f"{found.training.digest} {found.validation.digest}".encode()).hexdigest()
    return {
        "id": hashlib.sha256(np.random.default_rng().bytes(16)).hexdigest()[:8],
        "data": content,
        "layout": found.layout,
        "training_faces": len(found.training),
        "validation_faces": len(found.validation),
        "version": __version__,
        "commit": commit(),
        "torch": str(torch.__version__),  # a class of its own otherwise, which a checkpoint cannot hold
        "python": platform.python_version(),
        "place": where.text,
    }


def commit() -> str:
    """The git commit of the source that runs, marked where it is not what was committed; `unknown` outside a clone.

    For an installed package that of the clone in the current folder, if its sources are the same.
    """
    here = Path(__file__).resolve().parent
    for folder in (here.parents[1], Path.cwd()):
        sources = folder / "fer_ros" / here.name
        if not (folder / "package.xml").is_file() or not all(
            (sources / path.name).is_file() and (sources / path.name).read_bytes() == path.read_bytes()
            for path in here.glob("*.py")
        ):
            continue
        try:
            head, changed = (subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True,
                                            timeout=20).stdout.strip()
                             for arguments in (("rev-parse", "HEAD"), ("status", "--porcelain", "--", "fer_ros")))
        except (OSError, subprocess.SubprocessError):
            continue
        return head + ("-modified" if changed else "")
    return "unknown"
