# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""From a face in an image to the crop that the emotion network was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.media.scaling import resized
from fer_ros.parameters.params import param
from fer_ros.types import Box, Face, Image


@dataclass(frozen=True)
class AlignParams:
    """How a face is cut out."""

    crop_margin: float = param(
        0.0,
        "Extra space around a face, as a share of the crop that matches the training data: 0 cuts as tightly as "
        "FER2013 does, 0.2 leaves 20 % more on every side.",
        range=(-0.3, 1.0),
    )
    align: bool = param(True, "Turn a face upright by its roll before it is classified.")


# How FER2013 frames a face, in units of the size of YuNet's box (the square root of its area): the side of the image and
# how far its centre lies below the box's. Medians over the 3,419 of 3,589 PublicTest faces that YuNet finds, measured by
# `python -m fer_ros.training.framing`.
FRAME_SIDE = 1.10
FRAME_SHIFT = -0.02


def align_faces(image: Image, faces: Sequence[Face], size: int, params: AlignParams = AlignParams(),
                grey: bool = False) -> NDArray[Any]:
    """Cut each face out upright: eyes level, the box centred, `size` x `size` pixels.

    Args:
        image: HxWx3 uint8, BGR.
        faces: boxes in pixels of `image`; a box may cross its border (filled by replication).
        size: side of a crop in pixels.
        grey: whether crops without colour are wanted, which takes half the time.

    Returns:
        (len(faces), size, size, 3) uint8, BGR, or (len(faces), size, size) uint8, in the order of `faces`.

    Raises:
        ValueError: a box is empty or not finite.
    """
    crops = np.empty((len(faces), size, size) if grey else (len(faces), size, size, 3), np.uint8)
    for crop, face in zip(crops, faces, strict=True):
        if not face.box.is_usable():
            raise ValueError(f"face {face.id or '?'} has no usable box: {face.box}")
        crop[:] = _cut(image, face.box, size, params, grey)
    return crops


def squared(face: Image, size: int) -> Image:
    """A face that somebody has cut out already, as `size` x `size` pixels: its middle, by the square of the same area.

    The longer side loses as much as the shorter one gains, where the border is repeated; nothing is stretched.

    Args:
        face: HxWx3 uint8.
    """
    side = max(1, round(math.sqrt(face.shape[0] * face.shape[1])))
    top, left = (max(length - side, 0) // 2 for length in face.shape[:2])
    face = face[top : top + side, left : left + side]
    rows, columns = side - face.shape[0], side - face.shape[1]
    if rows or columns:
        above, before = rows // 2, columns // 2
        bordered = cv2.copyMakeBorder(face, above, rows - above, before, columns - before, cv2.BORDER_REPLICATE)
        face = cast(Image, bordered)
    return resized(face, size, size)


def _cut(image: Image, box: Box, size: int, params: AlignParams, grey: bool) -> NDArray[Any]:
    # Beyond this a crop shows the replicated border alone, and OpenCV's fixed-point coordinates would overflow.
    limit = 8.0 * max(image.shape[:2])
    extent = min(math.sqrt(box.area), limit)
    side = extent * FRAME_SIDE * (1 + 2 * params.crop_margin)
    roll = box.roll if params.align else 0.0
    cos, sin = math.cos(roll), math.sin(roll)
    down = FRAME_SHIFT * extent
    cx = min(max(box.cx, -limit), limit) - sin * down
    cy = min(max(box.cy, -limit), limit) + cos * down
    # Sampling a large face straight at 48 pixels would skip most of it: sample finer, then average.
    fine = size * min(8, max(1, math.ceil(side / size)))
    step = side / fine
    if grey:
        # Of what the crop may touch alone: all of a frame would take longer than the crop.
        reach = side * (abs(cos) + abs(sin)) / 2 + 2
        left, top = _within(cx - reach, image.shape[1]), _within(cy - reach, image.shape[0])
        right, bottom = _within(cx + reach, image.shape[1]) + 1, _within(cy + reach, image.shape[0]) + 1
        image = cast(Image, cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_BGR2GRAY))
        cx, cy = cx - left, cy - top
    to_image = np.array(
        [
            [cos * step, -sin * step, cx - (cos - sin) * step * (fine - 1) / 2],
            [sin * step, cos * step, cy - (sin + cos) * step * (fine - 1) / 2],
        ]
    )
    crop = cv2.warpAffine(
        image, to_image, (fine, fine), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return crop if fine == size else cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)


def _within(coordinate: float, length: int) -> int:
    """The pixel at a coordinate, or the nearest one that there is."""
    return min(max(math.floor(coordinate), 0), length - 1)
