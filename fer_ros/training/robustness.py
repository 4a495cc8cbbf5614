# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What may happen to a face between a camera and the network, so that one can measure what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Change = Callable[[NDArray[Any]], NDArray[Any]]
"""(S, S) uint8 grey face to another."""


def moved(angle: float = 0.0, scale: float = 1.0, right: float = 0.0, down: float = 0.0) -> Change:
    """Turned by `angle` degrees, `scale` times as large, and shifted by shares of its side; the border is replicated."""

    def change(face: NDArray[Any]) -> NDArray[Any]:
        size = face.shape[0]
        matrix = np.asarray(cv2.getRotationMatrix2D(((size - 1) / 2, (size - 1) / 2), angle, scale), np.float64)
        matrix[:, 2] += (right * size, down * size)
        return cv2.warpAffine(face, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    return change


def darkened(gain: float) -> Change:
    """Every pixel times `gain`."""
    return lambda face: np.round(face * gain).astype(np.uint8)


def blurred(sigma: float) -> Change:
    """By a Gaussian of `sigma` pixels."""
    return lambda face: cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def compressed(quality: int) -> Change:
    """As a JPEG of a quality from 1 to 100 leaves it."""

    def change(face: NDArray[Any]) -> NDArray[Any]:
        _, content = cv2.imencode(".jpg", face, (cv2.IMWRITE_JPEG_QUALITY, quality))
        seen = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)
        assert seen is not None  # it is a JPEG
        return seen

    return change


def enlarged(side: int) -> Change:
    """As if the face had been `side` pixels wide in the image."""

    def change(face: NDArray[Any]) -> NDArray[Any]:
        small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, face.shape[::-1], interpolation=cv2.INTER_LINEAR)

    return change


CHANGES: dict[str, tuple[Change, ...]] = {
    "as it is": (moved(),),
    "shifted by 10 %": (moved(right=0.1), moved(right=-0.1), moved(down=0.1), moved(down=-0.1)),
    "0.8 times as large": (moved(scale=0.8),),
    "1.25 times as large": (moved(scale=1.25),),
    "turned by 15 degrees": (moved(angle=15), moved(angle=-15)),
    "half as bright": (darkened(0.5),),
    "blurred (sigma 1.5 px)": (blurred(1.5),),
    "JPEG of quality 30": (compressed(30),),
    "24 pixels wide, enlarged": (enlarged(24),),
}
"""By what is done; the figures of several ways to do it are averaged."""


def apply(change: Change, images: NDArray[Any]) -> NDArray[Any]:
    """(N, S, S) uint8 faces, each changed."""
    return np.stack([change(image) for image in images])
