# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one answer of a network that knows several labelling conventions, made of what all of its heads say.

Every head has learnt something of every face, also of those that its own convention never spoke of. On faces that had no part
in training, the heads' logits are added up with the shares, and the bias for each emotion, that answer best. As all heads are
linear in the same features, the sum is one more head of the same layer: it costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from fer_ros.labels import EMOTIONS
from fer_ros.training.model import Network
from fer_ros.training.pool import Pool, truth_of
from fer_ros.training.recipe import ANSWER
from fer_ros.types import Comparable

_PULL = 1e-3
"""How hard shares and bias are held where they began, in units of the cross-entropy: a dozen numbers need little of it."""


@dataclass(frozen=True, eq=False)
class Blend(Comparable):
    """How the heads are added up.

    Attributes:
        shares: of each head's logits, by its name.
        bias: (7,) float64, added to the sum.
    """

    shares: Mapping[str, float]
    bias: NDArray[Any]

    def __call__(self, logits: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """(N, 7) logits of the answer, from (N, C) of each head whose first seven classes are the emotions."""
        return sum(share * logits[head][:, : len(EMOTIONS)] for head, share in self.shares.items()) + self.bias

    @property
    def text(self) -> str:
        """For the model's metadata."""
        return ", ".join([*(f"{head} {share:.3f}" for head, share in self.shares.items()),
                          *(f"{emotion} {bias:+.3f}" for emotion, bias in zip(EMOTIONS, self.bias, strict=True))])


def fit(logits: Mapping[str, NDArray[Any]], faces: Pool, balance: float) -> Blend:
    """The blend with the smallest cross-entropy; every set counts alike.

    Args:
        logits: by head, (N, C) of the faces.
        balance: within a set, faces count by the rarity of their class to this power.
    """
    rows, truth = truth_of(faces, ANSWER, len(EMOTIONS))
    weights = _weights(faces.origin[rows], truth, balance)
    heads = list(logits)
    said = np.stack([logits[head][rows][:, : len(EMOTIONS)] for head in heads]).astype(np.float64)
    right = np.eye(len(EMOTIONS))[truth]
    start = np.zeros(len(heads) + len(EMOTIONS))
    start[heads.index(ANSWER)] = 1.0

    def loss(values: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        shares, bias = values[: len(heads)], values[len(heads) :]
        z = np.tensordot(shares, said, 1) + bias
        z -= z.max(axis=1, keepdims=True)
        total = np.exp(z).sum(axis=1, keepdims=True)
        excess = weights[:, None] * (np.exp(z) / total - right)
        gradient = np.concatenate([np.tensordot(said, excess, 2), excess.sum(axis=0)])
        pulled = values - start
        return (float((weights * (np.log(total[:, 0]) - (z * right).sum(axis=1))).sum() + _PULL / 2 * pulled @ pulled),
                gradient + _PULL * pulled)

    found = minimize(loss, start, jac=True, method="L-BFGS-B").x
    return Blend(dict(zip(heads, found[: len(heads)].tolist(), strict=True)), found[len(heads) :])


@torch.no_grad()
def fold(blend: Blend, network: Network) -> None:
    """Let the network's head `answer` give what the blend gives of its heads."""
    last = network.head[-1]
    weights, biases = network.split(last.weight.T), network.split(last.bias[None])
    count = len(EMOTIONS)
    weight = sum(share * weights[head][:, :count] for head, share in blend.shares.items())
    bias = sum(share * biases[head][:, :count] for head, share in blend.shares.items())
    bias = bias + torch.from_numpy(blend.bias).to(last.bias)
    weights[ANSWER].copy_(weight)
    biases[ANSWER].copy_(bias)


def _weights(origin: NDArray[Any], truth: NDArray[Any], balance: float) -> NDArray[Any]:
    """(N,) float64 that sum to 1: each set the same, and within it rare classes more."""
    weights = np.zeros(len(truth))
    for index in np.unique(origin):
        mine = origin == index
        counts = np.bincount(truth[mine], minlength=len(EMOTIONS))
        weights[mine] = np.maximum(counts, 1.0)[truth[mine]] ** -balance
        weights[mine] /= weights[mine].sum()
    drawn: NDArray[Any] = weights / weights.sum()
    return drawn
