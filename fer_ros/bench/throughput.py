"""What a frame costs beside the bare inference of both networks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from fer_ros.bench.timing import Spread, alternate
from fer_ros.core.align import AlignParams
from fer_ros.core.classifier import ClassifierParams
from fer_ros.core.detector import DetectorParams
from fer_ros.core.pipeline import EmotionStage, FaceStage
from fer_ros.core.session import InferenceParams
from fer_ros.core.smoothing import SmoothingParams
from fer_ros.core.tracker import TrackerParams
from fer_ros.core.types import Emotion, Image

FPS = 30.0


class Frames:
    """Both stages on one frame after the other, as the nodes do it; call it for the next."""

    def __init__(self, images: Sequence[Image], model: str = ClassifierParams.model):
        self.faces = FaceStage(DetectorParams(), TrackerParams(), InferenceParams())
        self.emotions = EmotionStage(ClassifierParams(model=model), AlignParams(), SmoothingParams(), InferenceParams())
        self._images, self._numbers = itertools.cycle(images), itertools.count()

    def __call__(self) -> list[Emotion]:
        image, stamp = next(self._images), next(self._numbers) / FPS
        return self.emotions(image, self.faces(image, stamp), stamp)


def bare(frames: Frames, image: Image) -> tuple[Callable[[], object], Callable[[], object]]:
    """The networks alone: detection of an image and classification of one face, their inputs made beforehand."""
    return frames.faces.detector.bare(image), frames.emotions.classifier.bare()


def measure(images: Sequence[Image], rounds: int, model: str = ClassifierParams.model) -> tuple[dict[str, Spread], float]:
    """A whole frame, and each network alone, in turns.

    Returns:
        The durations of `frame`, `detector` and `classifier`, and how many faces were seen in a frame, in the mean.
    """
    frames = Frames(images, model)
    detect, classify = bare(frames, images[0])
    seen: list[int] = []
    taken = alternate({"frame": lambda: seen.append(len(frames())), "detector": detect, "classifier": classify}, rounds)
    return taken, float(np.mean(seen))
