# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How good an answer is: pure functions over arrays.

Everywhere, `truth` is (N,) int, the right class; `guess` (N,) int, the class answered; `probabilities` (N, C) float.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.types import Comparable


def recall(truth: NDArray[Any], guess: NDArray[Any], classes: int) -> NDArray[Any]:
    """(classes,) share of each class's faces that were found; NaN for a class without faces."""
    return np.array([(guess[truth == c] == c).mean() if (truth == c).any() else np.nan for c in range(classes)])


def balanced_accuracy(truth: NDArray[Any], guess: NDArray[Any], classes: int) -> float:
    """Mean recall of the classes that have faces: what accuracy would be if all were equally frequent."""
    return float(np.nanmean(recall(truth, guess, classes))) if len(truth) else float("nan")


def f1(truth: NDArray[Any], guess: NDArray[Any], classes: int) -> NDArray[Any]:
    """(classes,) harmonic mean of precision and recall; NaN for a class without faces."""
    found = np.array([((guess == c) & (truth == c)).sum() for c in range(classes)], float)
    said = np.bincount(guess, minlength=classes)[:classes]
    there = np.bincount(truth, minlength=classes)[:classes]
    return np.where(there > 0, 2 * found / np.maximum(said + there, 1), np.nan)


def confusion(truth: NDArray[Any], guess: NDArray[Any], classes: int) -> NDArray[Any]:
    """(classes, classes) int counts: rows are the truth, columns the answer."""
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truth, guess), 1)
    return counts


def normalized(counts: NDArray[Any]) -> NDArray[Any]:
    """A confusion matrix whose rows sum to 1; all 0 for a class without faces."""
    shares: NDArray[Any] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def most_confused(counts: NDArray[Any], labels: tuple[str, ...], pairs: int = 5) -> list[tuple[str, str, float, int]]:
    """(truth, answer, share of the truth's faces, faces) of the most frequent confusions, by their share."""
    shares = normalized(counts)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind="stable")[:pairs]
    where = (np.unravel_index(at, shares.shape) for at in order)
    return [(labels[i], labels[j], float(shares[i, j]), int(counts[i, j])) for i, j in where if shares[i, j]]


@dataclass(frozen=True, eq=False)
class Reliability(Comparable):
    """Bins of equal width over the confidence, those without faces left out.

    Attributes:
        confidence: (B,) mean confidence of each bin.
        accuracy: (B,) share of right answers of each bin.
        share: (B,) share of all faces in each bin.
    """

    confidence: NDArray[Any]
    accuracy: NDArray[Any]
    share: NDArray[Any]

    @property
    def error(self) -> float:
        """Expected calibration error: the mean gap of confidence and accuracy (Guo et al., ICML 2017)."""
        return float((np.abs(self.confidence - self.accuracy) * self.share).sum())


def reliability(probabilities: NDArray[Any], truth: NDArray[Any], bins: int = 15) -> Reliability:
    """How far the confidence of an answer tells how often it is right."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == truth
    which = _bin(confidence, bins)
    used = np.unique(which)
    return Reliability(
        np.array([confidence[which == b].mean() for b in used]),
        np.array([correct[which == b].mean() for b in used]),
        np.array([(which == b).mean() for b in used]),
    )


def error_by_chance(probabilities: NDArray[Any], bins: int = 15, repeats: int = 100, seed: int = 0) -> float:
    """The expected calibration error that a perfect confidence has on so few answers.

    No bin of a few is right just as often as it says. The mean over `repeats` draws, in which each answer is right with its
    confidence.
    """
    confidence = probabilities.max(axis=1)
    which, rng = _bin(confidence, bins), np.random.default_rng(seed)
    gaps = [np.bincount(which, confidence - (rng.random(len(which)) < confidence)) for _ in range(repeats)]
    return float(np.abs(gaps).sum(axis=1).mean() / len(which))


def _bin(confidence: NDArray[Any], bins: int) -> NDArray[Any]:
    which: NDArray[Any] = np.minimum((confidence * bins).astype(int), bins - 1)
    return which


def log_loss(logits: NDArray[Any], truth: NDArray[Any], temperature: float = 1.0,
             weights: NDArray[Any] | None = None) -> float:
    """Mean cross-entropy of the softmax of `logits` / `temperature`; rows count by (N,) `weights`, or alike."""
    z = logits / temperature
    z = z - z.max(axis=1, keepdims=True)
    return float(np.average(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), truth], weights=weights))


def fit_temperature(logits: NDArray[Any], truth: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
    """The divisor of (N, C) logits, from 0.05 to 20, with the smallest cross-entropy (Guo et al., ICML 2017).

    By golden section on its logarithm, in which the cross-entropy has one minimum. Rows count by (N,) `weights`, or alike.
    """
    low, high = np.log(0.05), np.log(20)
    ratio = (5**0.5 - 1) / 2
    while high - low > 1e-5:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if log_loss(logits, truth, np.exp(left), weights) < log_loss(logits, truth, np.exp(right), weights):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def fit_adjustment(logits: NDArray[Any], truth: NDArray[Any], prior: NDArray[Any], cost: float) -> float:
    """How much of the classes' frequency to take out of the logits, so that rare ones are found more often.

    With a share s, logits - s * log(prior) answers (A. Menon et al., "Long-tail learning via logit adjustment", ICLR 2021).

    Args:
        logits: (N, C) float.
        prior: (C,) float, how frequent each class was in training, all above 0.
        cost: the largest loss of accuracy.

    Returns:
        Of the shares from 0 to 1 in steps of 0.05 that lose at most `cost` of the accuracy without, the one with the best
        balanced accuracy; the smaller one of equals.
    """
    best, found = -1.0, 0.0
    least = float((logits.argmax(axis=1) == truth).mean()) - cost
    for share in np.arange(21) / 20:
        guess = (logits - share * np.log(prior)).argmax(axis=1)
        balanced = balanced_accuracy(truth, guess, len(prior))
        if float((guess == truth).mean()) >= least and balanced > best:
            best, found = balanced, float(share)
    return found
