# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Probabilities over time: what a face has shown lately rather than what one frame says."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.parameters.params import param

_SLACK = 1e-6
"""Seconds: times of frames that are added up are never quite what they should be."""
_SAME = 0.1
"""Total variation distance of a frame from what was shown before, up to which it shows the same."""
_NEUTRAL = [EMOTIONS.index("neutral")]
_RARE = [EMOTIONS.index("disgust"), EMOTIONS.index("fear")]


@dataclass(frozen=True)
class SmoothingParams:
    """How calm the answer is, and how sure it must be."""

    smoothing: str = param(
        "exponential",
        "How a face's frames become one answer: none takes each alone, exponential a low-pass, mean the mean of the last "
        "`window` seconds.",
        choices=("none", "exponential", "mean"),
    )
    time_constant: float = param(
        0.25, "Of exponential: time for a new emotion to reach 63 % of its final probability; 0 disables smoothing.",
        unit="s", range=(0.0, 10.0),
    )
    responsiveness: float = param(
        1.0, "Of exponential: how much sooner a frame takes over that contradicts what was shown: the time constant is "
        "multiplied by (1 - d) to this power, d in [0, 1] being how far the frame's probabilities are from the smoothed "
        "ones. 0 smooths everything alike.", range=(0.0, 10.0),
    )
    window: float = param(0.25, "Of mean: how far back it reaches.", unit="s", range=(0.0, 10.0))
    stickiness: float = param(
        2.25, "Unless smoothing is none: how many times as probable another emotion must be to take the label over from the "
        "one that is shown; 1 lets the more probable one have it.", range=(1.0, 10.0),
    )
    confidence_threshold: float = param(0.35, "Below this the label is 'uncertain'.", range=(0.0, 1.0))
    neutral_prior: float = param(
        0.0, "Unless smoothing is none: how many times as common neutral faces are, of people who are followed, as among the "
        "photographs that the model learnt from. 0 takes what the model's file says; 1 changes nothing.", range=(0.0, 100.0),
    )
    rare_prior: float = param(
        0.0, "The same for disgust and fear, which a camera sees more seldom than any other emotion: how many times as common "
        "they are.", range=(0.0, 100.0),
    )
    label_hold: float = param(
        0.3, "Unless smoothing is none: for how long another emotion must have been the most probable one until the label "
        "follows. Somebody who talks pulls a face with every syllable.", unit="s", range=(0.0, 10.0),
    )
    uncertain_hold: float = param(
        0.5, "The same for 'uncertain': for how long no emotion must have reached `confidence_threshold`.", unit="s",
        range=(0.0, 10.0),
    )


def choose_label(probabilities: NDArray[Any], confidence_threshold: float) -> tuple[str, float]:
    """The winner of (7,) probabilities, or `uncertain`, and the winner's probability."""
    winner = int(np.argmax(probabilities))
    confidence = float(probabilities[winner])
    return (EMOTIONS[winner] if confidence >= confidence_threshold else UNCERTAIN), confidence


class Shown(NamedTuple):
    """What the faces of a frame show, in their order.

    Attributes:
        probabilities: (N, 7) float32, smoothed; every row sums to 1 as far as the frame's own do.
        labels: an emotion or `uncertain`, each.
        confidences: the label's probability; where it is `uncertain` the largest one.
        steady: whether this frame has said what was shown before, and no other label is about to be.
    """

    probabilities: NDArray[Any]
    labels: list[str]
    confidences: list[float]
    steady: list[bool]


@dataclass
class HeldLabel:
    """A label that is taken over by another only after that has led for a while.

    Each other label's time is counted up while it leads and down while it does not, so that a single frame in between does
    not start it anew.

    Attributes:
        label: what is shown; empty before the first frame.
    """

    label: str = ""
    _led: dict[str, float] = field(default_factory=dict)

    def update(self, leader: str, elapsed: float, hold: float, uncertain_hold: float) -> str:
        """The label to show.

        Args:
            leader: what this frame's probabilities say.
            elapsed: seconds since the frame before.
            hold, uncertain_hold: seconds for which an emotion, or `uncertain`, must have led.
        """
        led = {name: left for name, time in self._led.items() if (left := time - elapsed) > 0 and name != leader}
        if leader != self.label:
            led[leader] = self._led.get(leader, 0.0) + elapsed
            if not self.label or led[leader] >= (uncertain_hold if leader == UNCERTAIN else hold) - _SLACK:
                self.label, led = leader, {}
        self._led = led
        return self.label


@dataclass
class _Track:
    """What is remembered of a face.

    Attributes:
        frames: (stamp, raw) of the last `window` seconds and the one before them.
    """

    stamp: float
    average: NDArray[Any]
    frames: deque[tuple[float, NDArray[Any]]]
    held: HeldLabel = field(default_factory=HeldLabel)


class Smoother:
    """What a face shows, from all of its frames so far, in seconds and not in frames: the same at every frame rate.

    - exponential: a first-order low-pass, p += (1 - exp(-dt / tau)) * (raw - p). Noise is small and a new expression is
      large, so tau shrinks with the total variation distance d between the frame and the average:
      tau = time_constant * (1 - d) ** responsiveness. A One Euro filter (G. Casiez et al., CHI 2012) does the same with the
      speed of its signal.
    - mean: of the frames of the last `window` seconds, each counting for the time since the one before it.

    Before that, neutral counts `neutral_prior` times in each frame, and disgust and fear `rare_prior` times. A model that
    finds rare emotions as well as common ones has learnt that all are about as frequent; before a camera people look neutral
    most of the time, above all while they talk, and hardly ever disgusted or afraid (Bayes' rule for another prior: M. Saerens
    et al., Neural Computation 14, 2002).

    Then the emotion that is shown already counts `stickiness` times, as in the forward filter of a hidden Markov model whose
    states last: two that are about as probable do not take turns, and a label does not blink at its threshold. And a label
    follows only after another emotion has led for `label_hold` seconds (`HeldLabel`).
    """

    _FORGET = 60.0  # seconds after which an id that is not seen any more is dropped; no track may live on longer unseen

    def __init__(self, params: SmoothingParams = SmoothingParams(), neutral_prior: float = 1.0, rare_prior: float = 1.0):
        """
        Args:
            neutral_prior, rare_prior: what the model's file says, taken where the parameter of that name is 0.
        """
        self.params, self._of_model = params, (neutral_prior, rare_prior)
        self._tracks: dict[str, _Track] = {}
        self._stamp: float | None = None

    @property
    def neutral_prior(self) -> float:
        """How many times neutral counts."""
        return self.params.neutral_prior or self._of_model[0]

    @property
    def rare_prior(self) -> float:
        """How many times disgust and fear count."""
        return self.params.rare_prior or self._of_model[1]

    def reset(self) -> None:
        """Forget every track."""
        self._tracks.clear()
        self._stamp = None

    def update(self, ids: list[str], raw: NDArray[Any], stamp: float) -> Shown:
        """Smooth one frame's probabilities.

        Args:
            ids: the track of each face; a face with an empty id, or one that others in the frame have too, is not
                smoothed.
            raw: (len(ids), 7), this frame's probabilities.
            stamp: the frame's time in seconds; a step back forgets all tracks.
        """
        if self._stamp is not None and stamp < self._stamp:
            self.reset()
        self._stamp = stamp
        out = np.array(raw, dtype=np.float32)
        labels, confidences, steady = [], [], []
        for i, name in enumerate(ids):
            track, elapsed, same = None, 0.0, False
            if name and ids.count(name) == 1:
                track, seen = self._tracks.get(name), self._before_a_camera(out[i])
                if track is None:
                    track = self._tracks[name] = _Track(stamp, seen, deque([(stamp, seen)]))
                else:
                    elapsed, same = stamp - track.stamp, _distance(seen, track.average) <= _SAME
                    self._add(track, seen, stamp)
                out[i] = self._stick(track.average, track.held.label)
            label, confidence = choose_label(out[i], self.params.confidence_threshold)
            if track is not None:
                leader = label
                label, confidence = self._hold(track.held, leader, confidence, elapsed, out[i])
                same = same and label == leader
            steady.append(same)
            labels.append(label)
            confidences.append(confidence)
        self._tracks = {k: v for k, v in self._tracks.items() if stamp - v.stamp <= self._FORGET}
        return Shown(out, labels, confidences, steady)

    def _before_a_camera(self, raw: NDArray[Any]) -> NDArray[Any]:
        """(7,) probabilities, those of a frame with the prior of people who are followed."""
        neutral, rare = self.neutral_prior, self.rare_prior
        if self.params.smoothing == "none" or (neutral == 1.0 and rare == 1.0):
            return raw.copy()
        return _weighted(raw, (_NEUTRAL, neutral), (_RARE, rare))

    def _hold(self, held: HeldLabel, leader: str, confidence: float, elapsed: float, probabilities: NDArray[Any]
              ) -> tuple[str, float]:
        params = self.params
        none = params.smoothing == "none"
        label = held.update(leader, elapsed, 0.0 if none else params.label_hold, 0.0 if none else params.uncertain_hold)
        return label, confidence if label in (leader, UNCERTAIN) else float(probabilities[EMOTIONS.index(label)])

    def _add(self, track: _Track, raw: NDArray[Any], stamp: float) -> None:
        """One more frame of a face."""
        track.frames.append((stamp, raw))
        # One older than the window stays: what came since is counted from it on.
        while len(track.frames) > 2 and track.frames[1][0] <= stamp - self.params.window:
            track.frames.popleft()
        if self.params.smoothing == "none":
            track.average = raw
        elif self.params.smoothing == "mean":
            track.average = self._mean(track.frames, stamp)
        else:
            gain = np.float32(self._gain(raw, track.average, stamp - track.stamp))
            track.average = track.average + gain * (raw - track.average)
        track.stamp = stamp

    def _gain(self, raw: NDArray[Any], average: NDArray[Any], elapsed: float) -> float:
        distance = min(_distance(raw, average), 1.0)
        tau = self.params.time_constant * (1 - distance) ** self.params.responsiveness
        return 1.0 if tau <= 0 else 1 - math.exp(-elapsed / tau)

    def _mean(self, frames: deque[tuple[float, NDArray[Any]]], stamp: float) -> NDArray[Any]:
        begin = stamp - self.params.window
        stamps = np.array([at for at, _ in frames])
        since = np.diff(np.maximum(stamps, begin))
        # A face's very first frame has none before it and counts as much as its second; one from before the window not at all.
        first = since[0] if stamps[0] > begin else 0.0
        weights = np.concatenate([[first], since])
        if weights.sum() <= 0:  # a window of 0, or frames of one stamp
            return frames[-1][1]
        weights /= weights.sum()
        mean: NDArray[Any] = (weights.astype(np.float32)[:, None] * np.stack([raw for _, raw in frames])).sum(axis=0)
        return mean

    def _stick(self, probabilities: NDArray[Any], shown: str) -> NDArray[Any]:
        if shown in ("", UNCERTAIN) or self.params.smoothing == "none":
            return probabilities
        return _weighted(probabilities, ([EMOTIONS.index(shown)], self.params.stickiness))


def _distance(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Total variation distance of (7,) probabilities."""
    return 0.5 * float(np.abs(one - other).sum())


def _weighted(probabilities: NDArray[Any], *factors: tuple[list[int], float]) -> NDArray[Any]:
    """(7,) probabilities with the same sum, of which some count so many times."""
    weighted = probabilities.copy()
    for which, factor in factors:
        weighted[which] *= np.float32(factor)
    result: NDArray[Any] = weighted * (probabilities.sum() / max(weighted.sum(), np.float32(1e-12)))
    return result
