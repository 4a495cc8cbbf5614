# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the overlay costs, from nobody to a crowd."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from fer_ros.bench.timing import Spread, alternate
from fer_ros.drawing.overlay import draw_overlay
from fer_ros.labels import EMOTIONS
from fer_ros.perception.smoothing import choose_label
from fer_ros.types import Box, Emotion

_DIFFERENT = 4
"""Pictures of each number of faces: texts and places change from frame to frame, as they do in a video."""


def crowd(count: int, width: int, height: int, seed: int = 0) -> list[Emotion]:
    """Faces anywhere in an image, many of them one over another.

    Args:
        width, height: of the image, in pixels; a face spans 3 to 20 % of the height, and less the more there are.
    """
    rng = np.random.default_rng(seed)
    faces = []
    for number in range(count):
        tall = rng.uniform(0.03, 0.2 if count <= 64 else 0.08) * height
        probabilities = rng.dirichlet(np.full(len(EMOTIONS), 0.4)).astype(np.float32)
        label, confidence = choose_label(probabilities, 0.45)
        box = Box(rng.uniform(0, width), rng.uniform(0, height), 0.8 * tall, tall)
        faces.append(Emotion(str(number + 1), box, 0.9, label, confidence, probabilities, probabilities))
    return faces


def measure(counts: Sequence[int], width: int, height: int, rounds: int) -> dict[int, Spread]:
    """The time of `draw_overlay` by the number of faces, in turns."""
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)

    def draw(pictures: list[list[Emotion]]) -> None:
        pictures.append(pictures.pop(0))
        draw_overlay(image, pictures[0], fps=30.0, latency=0.004)

    works = {count: [crowd(count, width, height, seed) for seed in range(_DIFFERENT)] for count in counts}
    return alternate({count: functools.partial(draw, pictures) for count, pictures in works.items()}, rounds)
