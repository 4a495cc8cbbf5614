# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How much the answer for a single frame changes to the next, with boxes as they are detected and with steadied ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.models.inference import InferenceParams
from fer_ros.perception.align import align_faces
from fer_ros.perception.detector import DetectorParams
from fer_ros.perception.pipeline import FaceStage
from fer_ros.perception.tracker import TrackerParams
from fer_ros.types import Image

FPS = 30.0


def noisy(image: Image, sigma: float, count: int) -> Iterator[tuple[float, Image]]:
    """A frame again and again at `FPS`, with its time in seconds, and each time with other normal noise.

    Args:
        sigma: standard deviation in grey levels.
    """
    rng = np.random.default_rng(0)
    for number in range(count):
        yield number / FPS, np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def change(images: Iterable[tuple[float, Image]], cutoff: float, classify: Callable[[NDArray[Any]], NDArray[Any]],
           side: int) -> float:
    """Mean half sum of absolute differences between the probabilities of consecutive frames, of the face that comes first.

    Args:
        images: with their times in seconds.
        cutoff: `box_cutoff` of the tracker.
        classify: (1, side, side, 3) crops to (1, classes) probabilities.

    Raises:
        ValueError: fewer than two frames show it.
    """
    stage = FaceStage(DetectorParams(), TrackerParams(box_cutoff=cutoff), InferenceParams())
    found = []
    for seconds, image in images:
        faces = [face for face in stage(image, seconds) if face.id == "1"]
        if faces:
            found.append(classify(align_faces(image, faces, side))[0])
    if len(found) < 2:
        raise ValueError("no face is seen in two frames")
    return float(np.abs(np.diff(np.array(found), axis=0)).sum(axis=1).mean() / 2)
