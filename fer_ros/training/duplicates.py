# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pictures that show the same, found by what they look like and not by their bytes.

Sets of faces repeat pictures of each other, and of themselves: scaled, compressed anew, mirrored, a little differently cut.
A face is described by its coarse structure, brightness and contrast taken out.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.training.progress import tell

ALIKE = 0.95
"""Correlation of two descriptions from which on a face is not told apart from a held-out one: the same picture, or the same
person in nearly the same pose."""
TWICE = 0.99
"""Correlation from which on two training faces are one picture. Different photographs of one performer are often above 0.975,
and all of them are worth learning."""
_COARSE = 16
_BLOCK = 2048


def descriptions(images: NDArray[Any]) -> NDArray[Any]:
    """(N, 256) float32 of (N, S, S) uint8 faces, each of length 1, so that a product of two is their correlation.

    A constant face is all 0.
    """
    flat = np.empty((len(images), _COARSE**2), np.float32)
    for row, image in zip(flat, images, strict=True):
        row[:] = cv2.resize(image, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA).ravel()
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    prints: NDArray[Any] = np.divide(flat, lengths, out=np.zeros_like(flat), where=lengths > _COARSE)
    return prints


def mirrored(images: NDArray[Any]) -> NDArray[Any]:
    """(N, S, S) faces, left and right exchanged."""
    return np.ascontiguousarray(images[:, :, ::-1])


def look_alikes(images: NDArray[Any], held_out: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which faces are like one that is to be kept apart (`ALIKE`), and which repeat one that came before them (`TWICE`).

    Args:
        images: (N, S, S) uint8.
        held_out: (M, S, S) uint8.

    Returns:
        Two (N,) masks.
    """
    mine, apart = descriptions(images), descriptions(held_out)
    turned = descriptions(mirrored(images))
    seen = np.zeros(len(mine), bool)
    twice = np.zeros(len(mine), bool)
    for start in range(0, len(mine), _BLOCK):
        tell("looking for faces that look alike", start, len(mine))
        rows = slice(start, start + _BLOCK)
        for view in (mine[rows], turned[rows]):
            # In blocks on both sides: all products of 100,000 faces with 2,048 would take a gigabyte.
            for first in range(0, len(apart), _BLOCK):
                seen[rows] |= (view @ apart[first : first + _BLOCK].T >= ALIKE).any(axis=1)
            for first in range(0, start + 1, _BLOCK):
                before = view @ mine[first : first + _BLOCK].T >= TWICE
                if first == start:  # of a block itself, only what stands before each of its faces
                    before &= np.tri(len(view), k=-1, dtype=bool)
                twice[rows] |= before.any(axis=1)
    return seen, twice
