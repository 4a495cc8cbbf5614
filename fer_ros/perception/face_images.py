# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pictures of single faces, all of one size, as REP-155's /cropped and /aligned have them."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np

from fer_ros.media.scaling import resized
from fer_ros.types import Box, Image


def cropped_face(image: Image, box: Box, width: int, height: int) -> Image:
    """The part of an image in a box, scaled to fit, in the middle of black.

    Args:
        image: HxWx3 uint8.
        box: in pixels of `image`; what lies beyond its border is left out.
        width: of the result.
        height: of the result.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: the box is not usable or lies outside of the image.
    """
    left, top, right, bottom = _inside(image, box)
    return _fitted(image[top:bottom, left:right], width, height)


def aligned_face(image: Image, box: Box, width: int, height: int) -> Image:
    """The same, turned about the box's centre by its roll, so that the eyes are level. See `cropped_face`."""
    left, top, right, bottom = _inside(image, box)
    cos, sin = math.cos(box.roll), math.sin(box.roll)
    x, y = (right - left - 1) / 2, (bottom - top - 1) / 2
    cx, cy = left + x, top + y
    to_image = np.array([[cos, -sin, cx - cos * x + sin * y], [sin, cos, cy - sin * x - cos * y]])
    turned = cv2.warpAffine(image, to_image, (right - left, bottom - top), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                            borderMode=cv2.BORDER_CONSTANT)
    return _fitted(cast(Image, turned), width, height)


def _inside(image: Image, box: Box) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of what is inside of the image, in whole pixels."""
    if not box.is_usable():
        raise ValueError(f"not a usable box: {box}")
    left, top, right, bottom = box.xyxy
    height, width = image.shape[:2]
    edges = (round(max(left, 0)), round(max(top, 0)), round(min(right, width)), round(min(bottom, height)))
    if edges[2] <= edges[0] or edges[3] <= edges[1]:
        raise ValueError(f"the box lies outside of the image: {box}")
    return edges


def _fitted(face: Image, width: int, height: int) -> Image:
    scale = min(width / face.shape[1], height / face.shape[0])
    columns, rows = max(1, round(face.shape[1] * scale)), max(1, round(face.shape[0] * scale))
    made = np.zeros((height, width, 3), np.uint8)
    left, top = (width - columns) // 2, (height - rows) // 2
    made[top : top + rows, left : left + columns] = resized(face, columns, rows)
    return made
