# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a network is made of, as a table and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from fer_ros.system.files import write_text
from fer_ros.training import plots
from fer_ros.training.model import Network
from fer_ros.training.pictures import FACE_SIZE

TABLE = "network.txt"
PICTURE = "network.png"


@dataclass(frozen=True)
class Layer:
    """One module that computes.

    Attributes:
        shape: of its output for one face.
        multiplications: multiply-accumulates for one face, of convolutions and dense layers.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiplications: int


def layers(network: Network, blocks: bool = False) -> list[Layer]:
    """The modules without children in the order in which a face goes through them; with `blocks`, what `features` and
    `head` are made of as one layer each."""
    found: list[Layer] = []
    running: dict[str, int] = {}

    def leave(name: str, module: nn.Module, output: torch.Tensor) -> None:
        own = _multiplications(module, output)
        if not blocks:
            found.append(Layer(name, type(module).__name__, tuple(output.shape[1:]), _parameters(module), own))
            return
        for top in tops:
            if name == top or name.startswith(f"{top}."):
                running[top] = running.get(top, 0) + own
        if name in tops:
            kind = type(module).__name__.lstrip("_")
            if kind == "Sequential":
                kind = type(module[0]).__name__
            found.append(Layer(name, kind, tuple(output.shape[1:]), _parameters(module), running[name]))

    tops = {f"{part}.{child}" for part in ("features", "head") for child, _ in getattr(network, part).named_children()}
    hooks = []
    for name, module in network.named_modules():
        if not list(module.children()) or (blocks and name in tops):
            hooks.append(module.register_forward_hook(lambda m, _, out, name=name: leave(name, m, out)))
    training = network.training
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(1, 1, FACE_SIZE, FACE_SIZE, device=next(network.parameters()).device))
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return found


def table(network: Network) -> str:
    """All layers with shapes, parameters and multiply-accumulates, and their sums."""
    rows = layers(network)
    total, work = _parameters(network), sum(row.multiplications for row in rows)
    lines = [f"{'layer':<32} {'kind':<18} {'output':<14} {'parameters':>11} {'MACs':>13}"]
    lines += [f"{r.name:<32} {r.kind:<18} {' x '.join(map(str, r.shape)):<14} {r.parameters:>11,} {r.multiplications:>13,}"
              for r in rows]
    lines.append(f"{'':<32} {'':<18} {'':<14} {total:>11,} {work:>13,}")
    lines.append(f"heads: {', '.join(network.heads)}; {total * 4 / 1e6:.1f} MB as float32")
    return "\n".join(lines) + "\n"


def write(network: Network, name: str, folder: Path) -> None:
    """Both into a run's folder."""
    write_text(folder / TABLE, table(network), force=True)
    found = layers(network, blocks=True)
    rows = [("", "face", (1, FACE_SIZE, FACE_SIZE), 0), *((r.name, r.kind, r.shape, r.parameters) for r in found)]
    work = sum(r.multiplications for r in layers(network))
    title = f"{name}: {_parameters(network) / 1e6:.2f} M parameters, {work / 1e6:.0f} M multiply-accumulates a face"
    plots.architecture(rows, title, folder / PICTURE)


def _parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _multiplications(module: nn.Module, output: torch.Tensor) -> int:
    if isinstance(module, nn.Conv2d):
        products: int = module.weight[0].numel() * output[0].numel()
        return products
    return module.weight.numel() if isinstance(module, nn.Linear) else 0
