"""`fer-ros train` once its command line is read: data, recipe and networks brought together."""

from __future__ import annotations

import argparse
import hashlib
import platform
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from fer_ros import __version__
from fer_ros.training import checkpoint, data, recipe
from fer_ros.training.checkpoint import RunError
from fer_ros.training.data import Split
from fer_ros.training.train import RECIPE, Place, Run, place
from fer_ros.training.watch import Board, Everyone, Interrupts, Pictures, Terminal, duration

DEFAULT_RECIPE = "small"


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
    teachers = [checkpoint.trained(path) for path in options.teachers]
    if chosen.distillation and not teachers:
        raise RunError(f"recipe {name} learns from teachers: name their runs with --teacher (those that a run began with, to "
                       "continue it), or --set distillation=0")
    if teachers and not chosen.distillation:
        raise RunError(f"recipe {name} does not learn from teachers: leave out --teacher, or --set distillation=0.8")
    start = checkpoint.trained(options.start_from) if options.start_from else None
    with place(chosen.precision, options.device) as where:
        training, validation, layout = prepare(options.data, chosen, options.fraction)
        facts = facts_of(training, validation, layout, where)
        facts["fraction"] = options.fraction
        facts["teachers"] = ", ".join(f"{t.recipe.architecture} of run {t.facts.get('id')}" for t in teachers)
        facts["start_from"] = f"run {start.facts.get('id')}" if start else ""
        run = Run(options.out, chosen, training, validation, where, facts=facts,
                  teachers=tuple(t.network for t in teachers), start_from=start.network if start else None)
        console = Console(highlight=False, soft_wrap=True, quiet=not where.first)
        if len(run.history) >= chosen.epochs:
            console.print(f"{options.out} is finished: {chosen.epochs} epochs, best {run.best.accuracy:.1%} in epoch "
                          f"{run.best.number}")
            return
        with Terminal(console) as terminal, Interrupts() as interrupts:
            files = (Board(), Pictures()) if where.first else ()
            run.train(Everyone(terminal, *files, interrupts))
        spent = duration(sum(epoch.seconds for epoch in run.history))
        console.print(f"{chosen.epochs} epochs in {spent}; best: epoch {run.best.number}, {run.best.accuracy:.2%} of the "
                      f"validation faces. In {options.out}: {checkpoint.BEST}, history.csv, curves.png")


def prepare(folder: Path, chosen: recipe.Recipe, fraction: float = 1.0) -> tuple[Split, Split, str]:
    """The faces of a run: to learn from, to choose by, and the layout that they came in."""
    found = data.load(folder).only_faces()
    training, validation = data.training_and_validation(found, chosen.validation_share)
    if chosen.clean:
        held_out = [validation, *([found.splits["test"]] if "test" in found.splits else [])]
        training = training.take(data.worth_learning(training, held_out))
    if fraction < 1:
        training = training.take(data.stratified(training, fraction, seed=0))
    return training, validation, found.layout


def facts_of(training: Split, validation: Split, layout: str, where: Place) -> dict[str, Any]:
    """What a run remembers of where it comes from; `data` changes when any face, label or vote does."""
    digest = hashlib.sha256()
    for split in (training, validation):
        for array in (split.images, split.labels, split.votes):
            digest.update(np.ascontiguousarray(array).tobytes())
    content = digest.hexdigest()
    return {
        "id": hashlib.sha256(np.random.default_rng().bytes(16)).hexdigest()[:8],
        "data": content,
        "layout": layout,
        "training_faces": len(training),
        "validation_faces": len(validation),
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
