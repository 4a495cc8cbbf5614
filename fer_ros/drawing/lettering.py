# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Text and areas of colour on an image."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.drawing.palette import Color, text_color

_SUPERSAMPLING = 4


@lru_cache(maxsize=1024)
def text_mask(text: str, height: int) -> NDArray[Any]:
    """(h, w) float32 in [0, 1]: how much of each pixel the text covers, its capitals `height` pixels high.

    OpenCV 4 draws text with one-pixel strokes that fall apart when small, OpenCV 5 with another font altogether. Drawn
    larger with a stroke in proportion and then reduced, both give even, readable letters, and the width is taken from
    what was drawn because the two disagree about it beforehand.
    """
    printable = "".join(c if " " <= c <= "~" else "?" for c in text)
    scale = height * _SUPERSAMPLING / 21  # a capital of this font is 21 pixels high
    stroke = max(1, round(0.13 * height * _SUPERSAMPLING))
    (advance, _), _ = cv2.getTextSize(printable, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    rows = text_rows(height) * _SUPERSAMPLING
    large: NDArray[Any] = np.zeros((rows, 2 * advance + 8 * height), np.uint8)
    baseline = (height + ascender(height)) * _SUPERSAMPLING
    origin = (2 * height, baseline)
    cv2.putText(large, printable, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, stroke, cv2.LINE_AA)
    inked = np.flatnonzero(large.any(axis=0))
    if not inked.size:
        return np.zeros((text_rows(height), 1), np.float32)
    large = large[:, inked[0] : inked[-1] + 1]
    large = np.pad(large, ((0, 0), (0, -large.shape[1] % _SUPERSAMPLING)))
    size = (large.shape[1] // _SUPERSAMPLING, large.shape[0] // _SUPERSAMPLING)
    return cv2.resize(large, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def text_width(text: str, height: int) -> int:
    """In pixels."""
    width: int = text_mask(text, height).shape[1]
    return width


@lru_cache
def ascender(height: int) -> int:
    """How far a line of text rises above its capitals."""
    return max(1, round(0.15 * height))


@lru_cache
def text_rows(height: int) -> int:
    """Height of a line of text: what rises above a capital, the capital, and what hangs below."""
    return ascender(height) + height + max(2, round(0.35 * height))


def without_front(text: str, longest: int) -> str:
    """Cut at the front: ids of one source differ at their end."""
    return text if len(text) <= longest else ".." + text[2 - longest :]


def without_middle(text: str, longest: int) -> str:
    """Cut in the middle: names of classes may begin alike, or end so."""
    if len(text) <= longest:
        return text
    end = (longest - 2) // 2
    return f"{text[: longest - 2 - end]}..{text[len(text) - end :]}"


def blend(canvas: NDArray[Any], left: int, top: int, color: Color, opacity: NDArray[Any]) -> None:
    """Mix a colour into the canvas where it lies inside. `opacity` is (h, w) float32 in [0, 1]."""
    region = canvas[max(top, 0) : max(top + opacity.shape[0], 0), max(left, 0) : max(left + opacity.shape[1], 0)]
    if region.size:
        opacity = opacity[max(-top, 0) :, max(-left, 0) :][: region.shape[0], : region.shape[1]]
        region[:] = cv2.blendLinear(region, np.full(region.shape, color, np.uint8), 1 - opacity, opacity)


@lru_cache(maxsize=1024)
def text_on(ground: Color, text: str, height: int, top: int, pad: int, rows: int, ink: Color | None = None) -> NDArray[Any]:
    """(rows, width, 3) uint8: a text on its ground, `top` rows below its upper edge, `pad` pixels from either end.

    Args:
        ink: None for black or white, whichever is read better.
    """
    mask = text_mask(text, height)
    part = np.full((rows, mask.shape[1] + 2 * pad, 3), ground, np.uint8)
    blend(part, pad, top, text_color(ground) if ink is None else ink, mask)
    return part
