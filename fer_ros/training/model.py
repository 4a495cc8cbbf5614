# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The networks. All take (N, 1, 48, 48) float32 in [0, 1] and give the logits of their heads, side by side."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fer_ros.training.pictures import FACE_SIZE
from fer_ros.training.recipe import Recipe

Heads = Mapping[str, tuple[str, ...]]
"""The classes of each head by its name, in the order of the output's columns."""


class Network(nn.Module):
    """What all networks have in common.

    Attributes:
        heads: their classes by name, in the order of the output's columns.
    """

    def __init__(self, heads: Heads):
        super().__init__()
        self.heads = dict(heads)

    @property
    def outputs(self) -> int:
        """Columns of the output."""
        return sum(map(len, self.heads.values()))

    def penalized(self) -> list[tuple[nn.Parameter, float]]:
        """Weights with an L2 penalty of their own, and its factor."""
        return []

    def split(self, logits: torch.Tensor) -> dict[str, torch.Tensor]:
        """(N, outputs) logits by head."""
        return dict(zip(self.heads, logits.split([len(classes) for classes in self.heads.values()], dim=1), strict=True))


def _conv(channels_in: int, channels_out: int, size: int, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    padding = size // 2 if padding is None else padding
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, padding, bias=False), nn.BatchNorm2d(channels_out)
    )


class _Attention(nn.Module):
    """Channel attention (Hu et al., "Squeeze-and-Excitation Networks", CVPR 2018)."""

    def __init__(self, channels: int, reduction: int = 8):
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels // reduction, 1), nn.ReLU(inplace=True),
            nn.Conv2d(channels // reduction, channels, 1), nn.Sigmoid(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weigh(x)


class _Residual(nn.Module):
    """A basic block (He et al., CVPR 2016) whose strided shortcut averages before it projects (ResNet-D)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, attention: bool):
        super().__init__()
        self.main = nn.Sequential(
            _conv(channels_in, channels_out, 3, stride), nn.ReLU(inplace=True), _conv(channels_out, channels_out, 3),
            *([_Attention(channels_out)] if attention else []),
        )
        shortcut: list[nn.Module] = [nn.AvgPool2d(stride)] if stride > 1 else []
        if channels_in != channels_out:
            shortcut.append(_conv(channels_in, channels_out, 1))
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.main(x) + self.shortcut(x))


def _grow(source: _Residual, to: _Residual) -> None:
    """Let a block answer as another one does; where that has no attention, this one's lets everything through evenly."""
    ours = to.state_dict()
    if len(to.main) == len(source.main):
        ours |= source.state_dict()
    else:
        ours |= {name: value for name, value in source.state_dict().items() if not name.startswith("main.3")}
        last = "main.3.weigh.3."
        ours[f"{last}weight"], ours[f"{last}bias"] = (torch.zeros_like(ours[f"{last}{name}"]) for name in ("weight", "bias"))
        for name in ("weight", "bias"):  # a gate of 0 lets half of everything through
            ours[f"main.2.1.{name}"] = 2 * source.state_dict()[f"main.2.1.{name}"]
    to.load_state_dict(ours)


class FerNet(Network):
    """A residual CNN on standardized faces.

    Each face is first standardized to zero mean and unit variance inside the network, so that the answer does not
    hang on exposure. The epsilon (a standard deviation of about 3 of 255 grey levels) keeps a flat image flat.

    Args:
        width: channels of the first stage; each further stage has twice as many.
        blocks: residual blocks of each stage.
        halve: whether the first stage works at half the face's resolution: a quarter of the work.
        attention: whether every block weighs its channels.
    """

    def __init__(self, heads: Heads, dropout: float, width: int = 64, blocks: tuple[int, ...] = (2, 2, 1),
                 halve: bool = True, attention: bool = False):
        super().__init__(heads)
        self._shape, self._blocks, self._attention = (width, halve, len(blocks)), blocks, attention
        self.standardize = nn.InstanceNorm2d(1, eps=1.5e-4, affine=False)
        layers: list[nn.Module] = [_conv(1, width // 2, 3), nn.ReLU(inplace=True)]
        if halve:
            layers.append(nn.MaxPool2d(2))
        channels = width // 2
        for stage, count in enumerate(blocks):
            for block in range(count):
                wider = width * 2**stage
                layers.append(_Residual(channels, wider, 2 if stage and not block else 1, attention))
                channels = wider
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, self.outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(self.standardize(x)))

    @torch.no_grad()
    def grow_from(self, source: FerNet) -> None:
        """Take the features of a network with as many blocks or fewer, with attention or without: the same answers at first.

        A further block begins as one that changes nothing (T. Chen et al., "Net2Net", ICLR 2016).

        Raises:
            ValueError: it is wider or narrower, or has more than this one.
        """
        if (source._shape != self._shape or source._attention > self._attention
                or any(theirs > mine for theirs, mine in zip(source._blocks, self._blocks, strict=True))):
            raise ValueError("a network of another width, or with more blocks, cannot grow into this one")
        (*stem, mine), (*their_stem, theirs) = self._parts(), source._parts()
        for module, known in zip(stem, their_stem, strict=True):
            module.load_state_dict(known.state_dict())
        for stage, known_stage in zip(mine, theirs, strict=True):
            for block, known_block in zip(stage, known_stage, strict=False):
                _grow(known_block, block)
            for block in stage[len(known_stage):]:
                block.main[2][1].weight.zero_()
                block.main[2][1].bias.zero_()

    def _parts(self) -> list[Any]:
        """The modules before the blocks, and as the last one a list with the blocks of each stage."""
        first = len(self.features) - sum(self._blocks)
        ends = itertools.accumulate(self._blocks, initial=first)
        return [*self.features[:first], [list(self.features[start:end]) for start, end in itertools.pairwise(ends)]]


class _Recognizing(nn.Module):
    """A basic block of dlib's; one that halves averages its shortcut, and fills up with zeros what that lacks."""

    def __init__(self, channels_in: int, channels_out: int, halve: bool):
        super().__init__()
        self.halve = halve
        self.main = nn.Sequential(
            _conv(channels_in, channels_out, 3, 2, padding=0) if halve else _conv(channels_in, channels_out, 3),
            nn.ReLU(inplace=True), _conv(channels_out, channels_out, 3),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.main(x)
        if self.halve:
            x = F.avg_pool2d(x, 2)
            height, width = (max(sides) for sides in zip(x.shape[2:], out.shape[2:], strict=True))
            x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, out.shape[1] - x.shape[1]))
            out = F.pad(out, (0, width - out.shape[3], 0, height - out.shape[2]))
        return torch.relu(out + x)


class RecognizerNet(Network):
    """dlib's face recognition network with heads for emotions: a teacher that has learnt to tell people apart.

    A residual network of 29 convolutions with half the filters (D. King, "High Quality Face Recognition with Deep Metric
    Learning", 2017). `fer_ros.training.recognizer` gives it dlib's weights.

    Args:
        side: pixels a side to which a face is enlarged. dlib's 150 show a face with half its side around it and ours the face
            alone, so that it knows our faces best at about 100.
    """

    STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
    """Channels and blocks of each stage; every stage but the first begins with a block that halves."""
    CONTRAST = 0.22
    """The standard deviation, of a range of 1, of the grey levels that the network knows."""

    def __init__(self, heads: Heads, dropout: float, side: int = 112):
        super().__init__(heads)
        self.side = side
        self.standardize = nn.InstanceNorm2d(1, eps=1.5e-4, affine=False)
        channels = self.STAGES[0][0]
        layers: list[nn.Module] = [_conv(1, channels, 7, 2, padding=0), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)]
        for stage, (width, count) in enumerate(self.STAGES):
            for index in range(count):
                layers.append(_Recognizing(channels, width, halve=stage > 0 and index == 0))
                channels = width
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(channels, self.outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.interpolate(self.standardize(x) * self.CONTRAST, size=self.side, mode="bilinear", align_corners=False)
        return self.head(self.features(x))


class NotebookNet(Network):
    """The CNN of the notebook that the project grew from: four convolutions and two dense layers, as Keras sets them up.

    The L2 penalty on its two wide convolutions is `penalized`'s: Keras adds 0.01 times the sum of squares to the loss.
    """

    def __init__(self, heads: Heads, dropout: float):
        super().__init__(heads)

        def conv(channels_in: int, channels_out: int) -> list[nn.Module]:
            return [nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.ReLU(inplace=True)]

        def norm(kind: type[nn.Module], channels: int) -> nn.Module:
            return kind(channels, eps=1e-3, momentum=0.01)  # Keras' defaults

        side = FACE_SIZE // 4
        self.features = nn.Sequential(
            *conv(1, 32), *conv(32, 64), norm(nn.BatchNorm2d, 64), nn.MaxPool2d(2), nn.Dropout(dropout),
            *conv(64, 128), *conv(128, 256), norm(nn.BatchNorm2d, 256), nn.MaxPool2d(2), nn.Dropout(dropout),
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(256 * side * side, 256), nn.ReLU(inplace=True), norm(nn.BatchNorm1d, 256), nn.Dropout(dropout),
            nn.Linear(256, 512), nn.ReLU(inplace=True), norm(nn.BatchNorm1d, 512), nn.Dropout(dropout),
            nn.Linear(512, self.outputs),
        )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def penalized(self) -> list[tuple[nn.Parameter, float]]:
        wide = [module for module in self.features if isinstance(module, nn.Conv2d) and module.out_channels >= 128]
        return [(module.weight, 0.01) for module in wide]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


ARCHITECTURES: dict[str, Callable[[Heads, float], Network]] = {
    "fernet": FerNet,
    "fernet-deep": lambda heads, dropout: FerNet(heads, dropout, blocks=(2, 3, 1), attention=True),
    "fernet-wide": lambda heads, dropout: FerNet(heads, dropout, width=72, blocks=(2, 3, 1), attention=True),
    "teacher": lambda heads, dropout: FerNet(heads, dropout, width=96, blocks=(2, 3, 3, 2), halve=False, attention=True),
    "teacher-fine": lambda heads, dropout: FerNet(heads, dropout, width=64, blocks=(2, 3, 3, 2), halve=False, attention=True),
    "teacher-wide": lambda heads, dropout: FerNet(heads, dropout, width=128, blocks=(2, 3, 3, 2), attention=True),
    "recognizer": RecognizerNet,
    "recognizer-fine": lambda heads, dropout: RecognizerNet(heads, dropout, side=144),
    "notebook": NotebookNet,
    "tiny": lambda heads, dropout: FerNet(heads, dropout, width=8, blocks=(1, 1)),
}
"""By the name that a recipe gives: a function of the heads and the dropout."""


def folded(network: Network) -> Network:
    """A copy for inference alone, each normalization folded into the convolution before it: the same answer in less time."""
    network = copy.deepcopy(network).eval()
    for module in network.modules():
        if isinstance(module, nn.Sequential) and len(module) == 2 and isinstance(module[1], nn.BatchNorm2d):
            module[0], module[1] = fuse_conv_bn_eval(module[0], module[1]), nn.Identity()
    return network


def make(recipe: Recipe) -> Network:
    """A recipe's network with new weights."""
    return ARCHITECTURES[recipe.architecture](recipe.heads, recipe.dropout)
