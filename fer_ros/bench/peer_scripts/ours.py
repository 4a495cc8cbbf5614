# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""This package: detection, tracking, alignment, classification and smoothing of a frame, as its nodes do it."""

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from common import serve
from numpy.typing import NDArray

from fer_ros import Face, Pipeline

pipeline = Pipeline(model=sys.argv[2], confidence_threshold=0.0)
# Frames are one film; each face of the data is somebody else, whom no time connects with the last.
stamps = itertools.count()
last: list[tuple[int, ...]] = [()]


def detect(image: NDArray[Any]) -> tuple[NDArray[Any], list[Face], float]:
    stamp = next(stamps) / 30
    if image.shape != last[0] or image.shape[0] == image.shape[1]:
        pipeline.faces.tracker.reset()
    last[0] = image.shape
    return image, pipeline.faces(image, stamp), stamp


def classify(image: NDArray[Any], found: list[Face], stamp: float) -> list[str]:
    return [emotion.label for emotion in pipeline.emotions(image, found, stamp)]


def analyse(image: NDArray[Any]) -> list[str]:
    return classify(*detect(image))


def analyse_all(images: list[NDArray[Any]]) -> list[list[str]]:
    """A frame is detected while the one before is classified."""
    with ThreadPoolExecutor(max_workers=1) as detector:
        return [classify(*found) for found in detector.map(detect, images)]


serve(sys.argv[1], analyse, analyse_all if sys.argv[3:] == ["overlapping"] else None)
