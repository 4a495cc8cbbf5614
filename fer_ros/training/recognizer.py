# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""dlib's face recognition network to begin a teacher with: it has seen three million faces and knows what tells them apart.

dlib's weights are in the public domain (CC0). They are read as face-api.js distributes them, with 8 bits: a manifest in JSON,
and a file of weights beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fer_ros.training.checkpoint import RunError
from fer_ros.training.model import Network, RecognizerNet

Weights = Mapping[str, NDArray[Any]]
FACES = 2048
"""So many faces give each layer its mean and variance."""


def read(manifest: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a manifest of TensorFlow.js by name, float32.

    Raises:
        RunError: it is none, or the file of weights beside it is not what it says.
    """
    try:
        (group,) = json.loads(manifest.read_text(encoding="utf-8"))
        content = b"".join((manifest.parent / Path(name).name).read_bytes() for name in group["paths"])
        arrays, at = {}, 0
        for entry in group["weights"]:
            packed = entry.get("quantization")
            kind = np.dtype(packed["dtype"] if packed else entry["dtype"]).newbyteorder("<")
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(content, kind, count, at).astype(np.float32).reshape(entry["shape"])
            arrays[str(entry["name"])] = values * np.float32(packed["scale"]) + np.float32(packed["min"]) if packed else values
            at += count * kind.itemsize
        if at != len(content):
            raise ValueError(f"it holds {len(content)} bytes and not {at}")
    except OSError as error:
        raise RunError(f"{error.filename or manifest} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, MemoryError, RecursionError) as error:
        raise RunError(f"{manifest} is no manifest of face-api.js's weights, or the file beside it is another one ({error}): "
                       "docs/how-to/train.md says where to get both") from None
    return arrays


@torch.no_grad()
def begin_with(network: Network, weights: Weights, faces: NDArray[Any]) -> None:
    """Give a network dlib's weights, and of its heads none.

    In dlib's network every convolution is followed by a fixed scale and shift, which normalizations had left. Here they are
    normalizations again, so that they can go on learning; each takes the mean and the variance of what comes to it from
    `faces`, and the scale and shift with which the answer stays what it was.

    Args:
        weights: of `read`.
        faces: (N, 48, 48) uint8, such as the network will see.

    Raises:
        RunError: the network is another one, or the weights are.
    """
    if not isinstance(network, RecognizerNet):
        raise RunError("--start-from names weights of dlib's face recognition network, which only the architectures "
                       "recognizer and recognizer-fine can begin with")
    stem, _, _, *blocks = cast(Iterable[Any], network.features)
    layers = [("conv32_down", stem)]
    for name, block in zip(_names(), blocks, strict=True):
        layers += [(f"{name}/conv1", block.main[0]), (f"{name}/conv2", block.main[2])]
    hooks = []
    try:
        for name, (conv, norm) in layers:
            filters = torch.from_numpy(weights[f"{name}/conv/filters"]).permute(3, 2, 0, 1)
            # A grey face is one whose three colours are the same.
            filters = filters.sum(1, keepdim=True) if conv.in_channels == 1 else filters
            bias, scale, shift = (torch.from_numpy(weights[f"{name}/{kind}"])
                                  for kind in ("conv/bias", "scale/weights", "scale/biases"))
            if filters.shape != conv.weight.shape or {len(bias), len(scale), len(shift)} != {conv.out_channels}:
                raise ValueError(f"{name} has another size")
            conv.weight.copy_(filters)
            norm.weight.copy_(scale)
            norm.bias.copy_(shift + scale * bias)
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            hooks.append(norm.register_forward_pre_hook(_normalize))
        was = network.training
        device = next(network.parameters()).device
        network.eval()(torch.from_numpy(faces).unsqueeze(1).to(device).float() / 255)
        network.train(was)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise RunError(f"--start-from does not hold the weights of dlib's face recognition network ({error})") from None
    finally:
        for hook in hooks:
            hook.remove()


def _normalize(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """Before its first use: make of a scale and a shift a normalization that does the same to these inputs."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
    norm.bias.add_(norm.weight * mean)
    norm.weight.mul_((variance + norm.eps).sqrt())
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def _names() -> list[str]:
    """face-api.js's names of the blocks."""
    names = []
    for stage, (width, count) in enumerate(RecognizerNet.STAGES):
        down = [f"conv{width}_down"] if stage else []
        names += [*down, *(f"conv{width}_{index + 1}" for index in range(count - len(down)))]
    return [*names[:-1], "conv256_down_out"]
