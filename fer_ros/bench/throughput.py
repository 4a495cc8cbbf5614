# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a frame costs beside the bare inference of both networks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fer_ros.bench.timing import Spread, alternate
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.pipeline import PARAMS, Pipeline
from fer_ros.types import Emotion, Image

FPS = 30.0
STAGES = ("detect", "track", "align", "classify", "smooth")
PATTERN = 12
"""Frames after which most patterns repeat: not all are alike, because the whole image is searched in some."""


class Frames:
    """Both stages on one frame after the other, as the nodes do it; call it for the next."""

    def __init__(self, images: Sequence[Image], changes: Mapping[str, Any] | None = None):
        """Prepare.

        Args:
            changes: parameters by NAME or by NODE.NAME.

        Raises:
            ValueError: there is no such parameter, or its value is not allowed.
        """
        self.pipeline = Pipeline.of(parameters(PARAMS, [], changes))
        self._images, self._numbers = itertools.cycle(images), itertools.count()

    def __call__(self) -> list[Emotion]:
        image, stamp = next(self._images), next(self._numbers) / FPS
        return self.pipeline(image, stamp)


def measure(images: Sequence[Image], rounds: int, changes: Mapping[str, Any] | None = None) -> tuple[dict[str, Spread], float]:
    """A whole frame, and each network alone on inputs that were made beforehand, in turns.

    Args:
        changes: as for `Frames`; with some, the frame as it is without them is measured, too.

    Returns:
        The durations of `frame`, of its `STAGES`, of `detector`, `classifier` and, with changes, `unchanged`, and how many
        faces were seen in a frame, in the mean.
    """
    frames = Frames(images, changes)
    seen: list[int] = []
    works: dict[str, Callable[[], object]] = {
        "frame": lambda: seen.append(len(frames())), "detector": frames.pipeline.faces.detector.bare(images[0]),
        "classifier": frames.pipeline.emotions.classifier.bare(),
    }
    if changes:
        works["unchanged"] = Frames(images)
    taken = alternate(works, -(-rounds // PATTERN), each=PATTERN)
    for times in frames.pipeline.faces.times, frames.pipeline.emotions.times:
        taken |= {stage: Spread(*pair) for stage, pair in times.take().items()}
    return taken, float(np.mean(seen))
