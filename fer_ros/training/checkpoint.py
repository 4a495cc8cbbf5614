# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A run's files, and its networks read back."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fer_ros.system.files import OutputError, replacing
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
    """Write a checkpoint whole or not at all.

    Raises:
        RunError: it cannot be written.
    """
    try:
        with replacing(path, force=True) as partial:
            torch.save(content, partial)
    except (OutputError, RuntimeError) as error:  # torch's zip writer raises RuntimeError where the disk is full
        raise RunError(f"cannot write {path}: is the disk full? ({str(error).splitlines()[0]})") from None


def read(path: Path, parts: tuple[str, ...]) -> dict[str, Any]:
    """A checkpoint's content, on the CPU.

    Args:
        parts: what it must hold besides what every checkpoint does.

    Raises:
        RunError: the file is not there, damaged, or another kind of file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()  # torch itself does not look at the checksums
        content = torch.load(path, map_location="cpu", weights_only=True) if broken is None else None
    except FileNotFoundError:
        raise RunError(f"{path} not found: name the folder of a run of `fer-ros train`") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception:  # torch and zipfile raise whatever reading a strange file raises
        content = None
    if not isinstance(content, dict) or not {"recipe", "epoch", "facts", *parts} <= set(content):
        kind = path.name if path.name in (LAST, BEST) else "checkpoint"
        raise RunError(f"{path} is damaged, or no {kind} of this version of `fer-ros train`")
    return content


def trained(run: Path) -> Trained:
    """The best network of a run: of its folder, or of its best.pt.

    Raises:
        RunError: there is none, or it does not fit its recipe.
    """
    path = run / BEST if run.is_dir() else run
    content = read(path, ("weights",))
    try:
        recipe = from_values(content["recipe"], str(path))
        network = make(recipe)
        network.load_state_dict(content["weights"])
        facts = dict(content["facts"])
    except (RecipeError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise RunError(f"{path} does not fit this version of fer_ros: {str(error).splitlines()[0]}") from None
    return Trained(network.eval(), recipe, content["epoch"], facts)
