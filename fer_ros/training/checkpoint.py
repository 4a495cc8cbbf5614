"""A run's files, and its networks read back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fer_ros.training.model import Network, make
from fer_ros.training.recipe import Recipe, RecipeError, from_values

LAST = "checkpoint.pt"
"""Everything that continues a run."""
BEST = "best.pt"
"""The weights with the best validation accuracy, and what they are."""


class RunError(ValueError):
    """A run's folder is not what is needed; the text says what to do."""


@dataclass(frozen=True)
class Trained:
    """A trained network with where it comes from.

    Attributes:
        epoch: after so many epochs its weights were taken.
        facts: of the run: `commit`, `data`, `version`, `torch`, ...
    """

    network: Network
    recipe: Recipe
    epoch: int
    facts: dict[str, Any]


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    torch.save(content, partial)
    os.replace(partial, path)


def read(path: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU.

    Raises:
        RunError: the file is not there or not a checkpoint.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RunError(f"{path} not found: name the folder of a run of `fer-ros train`") from None
    except Exception as error:  # torch raises whatever unpickling or unzipping raises
        raise RunError(f"{path} is damaged or no checkpoint ({str(error).splitlines()[0] if str(error) else error!r}): "
                       "remove it, or name another run") from None
    if not isinstance(content, dict) or not {"recipe", "epoch", "facts"} <= set(content):
        raise RunError(f"{path} is no checkpoint of `fer-ros train`: name another run")
    return content


def trained(run: Path) -> Trained:
    """The best network of a run: of its folder, or of a checkpoint file.

    Raises:
        RunError: there is none, or it does not fit its recipe.
    """
    path = run / BEST if run.is_dir() else run
    content = read(path)
    try:
        recipe = from_values(content["recipe"], str(path))
        network = make(recipe.architecture, recipe.targets, recipe.dropout)
        network.load_state_dict(content["weights"])
    except (RecipeError, KeyError, RuntimeError) as error:
        raise RunError(f"{path} does not fit this version of fer_ros: {str(error).splitlines()[0]}") from None
    return Trained(network.eval(), recipe, content["epoch"], content["facts"])
