# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""An exported model as a network that can be trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import yaml
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from fer_ros.models.model_files import sha256_of
from fer_ros.training import recipe
from fer_ros.training.checkpoint import RunError, Trained
from fer_ros.training.model import Network, make
from fer_ros.training.recipe import RecipeError

_FACES = 1500
_PREFIX = "network."


def trained(path: Path, images: NDArray[Any]) -> Trained:
    """The network of a file that `fer-ros export` wrote, as it answers there, with normalizations that can learn again.

    An exported file has each batch normalization folded into the convolution before it. Here each one is set to the mean and
    variance of what that convolution gives for some faces, and to a scale and an offset that undo them: the answers stay, and
    training goes on from them.

    Args:
        images: (N, 48, 48) uint8 faces, to measure by; some are enough.

    Raises:
        RunError: it is not such a file.
    """
    try:
        model = onnx.load(path)
        entries = {entry.key: entry.value for entry in model.metadata_props}
        chosen = recipe.from_values(yaml.safe_load(entries["recipe"]), str(path))
        network = make(chosen)
        weights = {found.name.removeprefix(_PREFIX): torch.from_numpy(numpy_helper.to_array(found).copy())
                   for found in model.graph.initializer}
        _fill(network, weights)
        epoch = int(entries.get("epoch", 0))
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from None
    except (KeyError, RecipeError, RuntimeError, ValueError, yaml.YAMLError) as error:
        raise RunError(f"{path} was not written by `fer-ros export` ({str(error).splitlines()[0]})") from None
    except Exception:  # protobuf raises its own family of errors
        raise RunError(f"{path} is not an ONNX file") from None
    rows = np.random.default_rng(0).permutation(len(images))[:_FACES]
    _normalize(network, torch.from_numpy(images[rows]).unsqueeze(1).float() / 255)
    facts = {"id": sha256_of(path)[:8]}
    return Trained(network.eval(), chosen, epoch, facts)


def _pairs(network: Network) -> dict[str, nn.BatchNorm2d]:
    """The normalization that follows each convolution, by the convolution's name."""
    found, before = {}, ""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            before = name
        elif isinstance(module, nn.BatchNorm2d):
            found[before] = module
    return found


@torch.no_grad()
def _fill(network: Network, weights: dict[str, torch.Tensor]) -> None:
    """Put in what the file holds; a normalization becomes the offset of its convolution alone."""
    folded = _pairs(network)
    for name, norm in folded.items():
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        norm.weight.fill_(1)
        norm.bias.copy_(weights.pop(f"{name}.weight_bias"))
    for name, parameter in network.named_parameters():
        if not any(parameter is own for norm in folded.values() for own in norm.parameters()):
            parameter.copy_(weights[name])


@torch.no_grad()
def _normalize(network: Network, faces: torch.Tensor) -> None:
    """Set each normalization to what comes into it, so that the answers stay."""
    network.eval()

    def measure(norm: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.bias.add_(mean)
        norm.weight.copy_((variance + norm.eps).sqrt())

    hooks = [norm.register_forward_pre_hook(measure) for norm in _pairs(network).values()]
    network(faces)
    for hook in hooks:
        hook.remove()
