# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a detector's crop does to a face: moved, scaled, rolled, blurred, compressed, darkened, part covered."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

JPEG_SHARE = 0.15
"""Share of the faces, at strength 1, that come from a JPEG."""
_COARSE = (16, 20, 24, 24, 32)
"""The sides in pixels from which small faces are enlarged, one as often as the other."""


def augment(images: torch.Tensor, rng: torch.Generator, strength: float = 1.0, mirror: bool = True) -> torch.Tensor:
    """Faces as a detector might have cut them.

    Args:
        images: (N, 1, 48, 48) float32 in [0, 1].
        rng: every random number comes from here, so that an epoch can be repeated; on the images' device.
        strength: scales how much and how often everything but mirroring is done; 0 only mirrors.
        mirror: whether half of them are mirrored.

    Returns:
        (N, 1, 48, 48) float32 in [0, 1], on the same device.
    """
    n, _, size, _ = images.shape
    device = images.device

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand((n, *shape), generator=rng, device=device) * (high - low) + low

    angle = torch.randn(n, generator=rng, device=device).clamp(-2, 2) * math.radians(9) * strength
    scale = torch.exp2(uniform(-0.32, 0.32) * strength)
    side = (uniform(0, 1) < (0.5 if mirror else 0)).float() * -2 + 1
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = uniform(-0.2, 0.2, 2) * strength
    theta = torch.stack([cos * side, -sin, shift[:, 0], sin * side, cos, shift[:, 1]], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def some(share: float) -> torch.Tensor:
        """Indices of a share of the faces; so many each time that a GPU need not be waited for to count them."""
        return torch.randperm(n, generator=rng, device=device)[: round(n * share * strength)]

    for few, rows in zip(_COARSE, some(0.2).tensor_split(len(_COARSE)), strict=True):  # a small face enlarged
        if len(rows):
            images[rows] = F.interpolate(F.interpolate(images[rows], size=few, mode="area"), size=size, mode="bilinear",
                                         align_corners=False)
    blurred = some(0.2)
    for rows in (blurred, blurred[: len(blurred) // 2]):
        if len(rows):
            images[rows] = F.avg_pool2d(F.pad(images[rows], (1, 1, 1, 1), mode="replicate"), 3, 1)
    # Gamma and not gain: the network standardizes each face, which takes any gain away.
    images = images.clamp(0, 1) ** torch.exp2(uniform(-0.6, 0.6, 1, 1, 1) * strength)
    noise = torch.randn(images.shape, generator=rng, device=device)
    images = images + noise * uniform(0, 0.04 * strength, 1, 1, 1)

    covered = uniform(0, 1) < 0.3 * strength
    corner = (uniform(0, 1, 2) * size).long()
    extent = (uniform(0.12, 0.4, 2) * size).long()
    at = torch.arange(size, device=device)
    inside = [(at >= corner[:, i, None]) & (at < (corner + extent)[:, i, None]) for i in range(2)]
    patch = (inside[0][:, :, None] & inside[1][:, None, :] & covered[:, None, None]).unsqueeze(1)
    return torch.where(patch, uniform(0, 1, 1, 1, 1), images).clamp(0, 1)


def jpegs(images: NDArray[Any], seed: int) -> NDArray[Any]:
    """(N, 48, 48) uint8 faces, each as a JPEG of random quality from 15 to 60 leaves it."""
    qualities = np.random.default_rng(seed).integers(15, 61, len(images))
    out = np.empty_like(images)

    def compress(rows: NDArray[Any]) -> None:
        for i in rows:
            _, content = cv2.imencode(".jpg", images[i], (cv2.IMWRITE_JPEG_QUALITY, int(qualities[i])))
            out[i] = cv2.imdecode(content, cv2.IMREAD_GRAYSCALE)

    with ThreadPoolExecutor() as pool:
        list(pool.map(compress, np.array_split(np.arange(len(images)), 64)))
    return out
