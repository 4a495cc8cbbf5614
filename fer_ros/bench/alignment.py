# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What cutting faces out upright is worth: faces of a data set, tilted, found again, cut out in several ways, classified."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.align import AlignParams, align_faces
from fer_ros.types import Face, Image

FRAME = 320
"""Side of the pictures in pixels, which is what the detector's network sees."""
WAYS = ("as it is", "upright", "by the true roll")


@dataclass(frozen=True)
class Cut:
    """What came of one roll and one margin.

    Attributes:
        found: share of the faces that the detector found once.
        right: share of these that were classified as they should be, for each of `WAYS`.
        again: share of these that it found again as faces that are known, from near.
        right_again: share of those that were classified as they should be, upright.
    """

    found: float
    right: dict[str, float]
    again: float
    right_again: float


def picture(face: NDArray[Any], size: float, roll: float) -> Image:
    """A grey face in the middle of a flat picture, as a detector may see it.

    Args:
        face: (H, H) uint8.
        size: pixels that it shall span.
        roll: clockwise on the screen, in radians.
    """
    fine = cv2.resize(face, (240, 240), interpolation=cv2.INTER_CUBIC)
    turn = np.asarray(cv2.getRotationMatrix2D((119.5, 119.5), -math.degrees(roll), size / 240), np.float64)
    turn[:, 2] += (FRAME - 240) / 2
    turned = cv2.warpAffine(fine, turn, (FRAME, FRAME), flags=cv2.INTER_AREA if size < 240 else cv2.INTER_LINEAR,
                            borderMode=cv2.BORDER_CONSTANT, borderValue=int(face.mean()))
    return cast(Image, cv2.cvtColor(turned, cv2.COLOR_GRAY2BGR))


def measure(images: NDArray[Any], truth: NDArray[Any], detect: Callable[[Image], Sequence[Face]],
            follow: Callable[[Image, Sequence[Face]], Sequence[Face] | None], classify: Callable[[NDArray[Any]], NDArray[Any]],
            side: int, size: float, roll: float, margin: float = 0.0) -> Cut:
    """Tilt all faces by a roll, find them again, cut them out and classify them.

    Args:
        images: (N, H, H) uint8, faces as the data frames them.
        truth: (N,) the class of each.
        classify: (M, side, side, 3) crops to (M, classes) probabilities.
        side: of a crop in pixels.
        size: pixels that the faces shall span.
        roll: in radians.
        margin: see `AlignParams.crop_margin`.
    """
    crops: dict[str, list[NDArray[Any]]] = {way: [] for way in WAYS}
    rows, again, crops_again = [], [], []
    params = AlignParams(crop_margin=margin)
    for row, face in enumerate(images):
        frame = picture(face, size, roll)
        found = detect(frame)
        if len(found) != 1:
            continue
        rows.append(row)
        box = found[0].box
        for way, angle in zip(WAYS, (0.0, box.roll, roll), strict=True):
            crops[way].append(align_faces(frame, [Face(box._replace(roll=angle), 1.0)], side, params)[0])
        near = follow(frame, found)
        if near:
            again.append(row)
            crops_again.append(align_faces(frame, near, side, params)[0])

    def right(cut: list[NDArray[Any]], of: list[int]) -> float:
        return float((classify(np.array(cut)).argmax(axis=1) == truth[of]).mean()) if of else math.nan

    return Cut(len(rows) / max(len(images), 1), {way: right(cut, rows) for way, cut in crops.items()},
               len(again) / max(len(rows), 1), right(crops_again, again))
