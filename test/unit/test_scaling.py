# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images made smaller keep their picture where it was, and nothing of it is skipped."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fer_ros.media.scaling import resized

SIZES = [(640, 480, 320, 240), (1920, 1080, 320, 180), (848, 480, 320, 181), (3840, 2160, 640, 360), (641, 481, 320, 240),
         (1023, 767, 100, 75), (200, 100, 300, 150), (64, 64, 1, 1), (7, 5, 3, 2)]


@pytest.mark.parametrize(("width", "height", "to_width", "to_height"), SIZES)
def test_a_slope_stays_a_slope(width, height, to_width, to_height):
    image = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    made = resized(image, to_width, to_height)
    assert made.shape == (to_height, to_width)
    centres = ((np.arange(to_width) + 0.5) * width / to_width - 0.5) / (width - 1)
    assert made[to_height // 2] == pytest.approx(centres.clip(0, 1), abs=0.6 / width)


@pytest.mark.parametrize(("width", "height", "to_width", "to_height"), [size for size in SIZES if size[2] <= size[0] / 2])
def test_no_pixel_is_skipped(width, height, to_width, to_height):
    """Fine noise becomes an even grey, as the mean over areas makes it."""
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    mean = cv2.resize(image, (to_width, to_height), interpolation=cv2.INTER_AREA)
    made = resized(image, to_width, to_height)
    assert made.std() < 1.5 * mean.std() + 1
    assert made.mean() == pytest.approx(image.mean(), abs=10)


def test_an_image_of_that_size_is_not_copied():
    image = np.zeros((48, 64, 3), np.uint8)
    assert resized(image, 64, 48) is image
