"""Probabilities over time: what a face has shown lately rather than what one frame says."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fer_ros.core.labels import EMOTIONS, UNCERTAIN
from fer_ros.core.params import param


@dataclass(frozen=True)
class SmoothingParams:
    """How calm the answer is, and how sure it must be."""

    time_constant: float = param(
        0.35, "Time for a new emotion to reach 63 % of its final probability; 0 disables smoothing.",
        unit="s", range=(0.0, 10.0),
    )
    responsiveness: float = param(
        1.0, "How much sooner a frame takes over that contradicts what was shown: the time constant is multiplied by "
        "(1 - d) to this power, d in [0, 1] being how far the frame's probabilities are from the smoothed ones. "
        "0 smooths everything alike.", range=(0.0, 10.0),
    )
    confidence_threshold: float = param(0.45, "Below this the label is 'uncertain'.", range=(0.0, 1.0))


def choose_label(probabilities: np.ndarray, confidence_threshold: float) -> tuple[str, float]:
    """The winner of (7,) probabilities, or `uncertain`, and the winner's probability."""
    winner = int(np.argmax(probabilities))
    confidence = float(probabilities[winner])
    return (EMOTIONS[winner] if confidence >= confidence_threshold else UNCERTAIN), confidence


class Smoother:
    """First-order low-pass per track, in seconds and not in frames: p += (1 - exp(-dt / tau)) * (raw - p).

    Noise is small and a new expression is large, so tau shrinks with the total variation distance d between the frame
    and the average: tau = time_constant * (1 - d) ** responsiveness. A One Euro filter (G. Casiez et al., CHI 2012) does
    the same with the speed of its signal.
    """

    _FORGET = 60.0  # seconds after which an id that is not seen any more is dropped; no track may live on longer unseen

    def __init__(self, params: SmoothingParams = SmoothingParams()):
        self.params = params
        self._state: dict[str, tuple[float, np.ndarray]] = {}
        self._stamp: float | None = None

    def reset(self) -> None:
        """Forget every track."""
        self._state.clear()
        self._stamp = None

    def update(self, ids: list[str], raw: np.ndarray, stamp: float) -> np.ndarray:
        """Smooth one frame's probabilities.

        Args:
            ids: the track of each face; a face with an empty id, or one that others in the frame have too, is not
                smoothed.
            raw: (len(ids), 7), this frame's probabilities.
            stamp: the frame's time in seconds; a step back forgets all tracks.

        Returns:
            (len(ids), 7) float32; every row sums to 1 as far as `raw` does.
        """
        if self._stamp is not None and stamp < self._stamp:
            self.reset()
        self._stamp = stamp
        out = np.array(raw, dtype=np.float32)
        for i, track in enumerate(ids):
            if not track or ids.count(track) > 1:
                continue
            if track in self._state:
                before, average = self._state[track]
                out[i] = average + np.float32(self._gain(out[i], average, stamp - before)) * (out[i] - average)
            self._state[track] = (stamp, out[i].copy())
        self._state = {k: v for k, v in self._state.items() if stamp - v[0] <= self._FORGET}
        return out

    def _gain(self, raw: np.ndarray, average: np.ndarray, elapsed: float) -> float:
        distance = min(0.5 * float(np.abs(raw - average).sum()), 1.0)
        tau = self.params.time_constant * (1 - distance) ** self.params.responsiveness
        return 1.0 if tau <= 0 else 1 - math.exp(-elapsed / tau)
