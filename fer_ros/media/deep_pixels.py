# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pixels of more than 8 bits, or of floats, as 8 bits: each image is scaled by its own range."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.types import Image

_COLOURS: dict[str, tuple[int, int | None]] = {  # channels, and OpenCV's conversion to BGR of the 8 bits that are made
    "mono": (1, cv2.COLOR_GRAY2BGR), "bgr": (3, None), "rgb": (3, cv2.COLOR_RGB2BGR), "bgra": (4, None),
    "rgba": (4, cv2.COLOR_RGB2BGR),
    "bayer_rggb": (1, cv2.COLOR_BayerBG2BGR), "bayer_bggr": (1, cv2.COLOR_BayerRG2BGR),
    "bayer_gbrg": (1, cv2.COLOR_BayerGR2BGR), "bayer_grbg": (1, cv2.COLOR_BayerGB2BGR),
}
_NUMBERS = {"8S": "i1", "16U": "u2", "16S": "i2", "32S": "i4", "32F": "f4", "64F": "f8"}  # OpenCV's names for types
_BY_CHANNELS = {1: "mono", 3: "bgr", 4: "bgra"}

DEEP_ENCODINGS = (*(f"{colour}16" for colour in _COLOURS),
                  *(f"{number}C{channels}" for number in _NUMBERS for channels in _BY_CHANNELS))
"""Those of `sensor_msgs/Image` whose pixels are scaled."""


class DeepPixels(NamedTuple):
    """What an encoding says of its pixels.

    Attributes:
        number: numpy's name of a value's type, in this machine's byte order.
        channels: values of a pixel; the fourth of four is its opacity, which does not count.
        conversion: OpenCV's, from 8 bits of these channels to BGR; None where they are BGR.
    """

    number: str
    channels: int
    conversion: int | None


def deep_pixels(encoding: str) -> DeepPixels | None:
    """What one of `DEEP_ENCODINGS` says; None for any other."""
    if encoding not in DEEP_ENCODINGS:
        return None
    if opencv := re.fullmatch(r"(\d+[USF])C(\d)", encoding):
        return DeepPixels(_NUMBERS[opencv[1]], int(opencv[2]), _COLOURS[_BY_CHANNELS[int(opencv[2])]][1])
    return DeepPixels("u2", *_COLOURS[encoding.removesuffix("16")])


def bgr_of_deep(values: NDArray[Any], conversion: int | None) -> Image:
    """Pixels of any number type as HxWx3 uint8 BGR.

    Args:
        values: HxW, HxWx3 or HxWx4, in this machine's byte order.
        conversion: see `DeepPixels`.
    """
    pixels = scaled(values if values.ndim == 2 else values[..., :3])
    return pixels if conversion is None else cast(Image, cv2.cvtColor(pixels, conversion))


def scaled(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The smallest value becomes 0, the largest 255, whatever numbers a camera uses for dark and bright.

    All channels are scaled alike, so that colours stay. What is not finite becomes 0, and so does an image of one value alone.

    >>> scaled(np.array([[1000, 1400, 2000]], np.uint16))
    array([[  0, 102, 255]], dtype=uint8)
    >>> scaled(np.array([[0.0, np.nan, 0.5, 1.0]]))
    array([[  0,   0, 128, 255]], dtype=uint8)
    """
    flat = np.ascontiguousarray(values).reshape(values.shape[0], -1)
    if flat.dtype.kind == "f" and not (finite := np.isfinite(flat)).all():
        flat = np.where(finite, flat, flat[finite].min() if finite.any() else 0)
    lowest, highest, *_ = cv2.minMaxLoc(flat)
    if not 0 < highest - lowest < np.inf:
        return np.zeros(values.shape, np.uint8)
    factor, offset = 255 / (highest - lowest), -lowest
    if flat.dtype.itemsize > 2:  # of large numbers that are close together OpenCV would see no difference
        with np.errstate(over="ignore"):
            flat, offset = flat - flat.dtype.type(lowest) if flat.dtype.kind == "f" else flat - lowest, 0.0
    return cast("NDArray[np.uint8]", cv2.convertScaleAbs(flat, alpha=factor, beta=offset * factor).reshape(values.shape))
