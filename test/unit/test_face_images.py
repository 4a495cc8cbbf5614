# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

import math

import cv2
import numpy as np
import pytest

from fer_ros.perception.face_images import aligned_face, cropped_face
from fer_ros.types import Box

WHITE, RED = (255, 255, 255), (0, 0, 255)


@pytest.fixture
def image() -> np.ndarray:
    made = np.zeros((240, 320, 3), np.uint8)
    made[80:120, 100:160] = WHITE  # 60 wide, 40 high
    return made


@pytest.mark.parametrize("cut", [cropped_face, aligned_face])
def test_a_face_fills_the_picture_one_way_and_is_in_the_middle_of_black(image, cut):
    face = cut(image, Box(130, 100, 60, 40), 128, 96)
    assert (face.shape, face.dtype) == ((96, 128, 3), np.uint8)
    rows = np.flatnonzero(face.min(axis=(1, 2)) == 255)
    assert (rows[0], rows[-1]) == (5, 89)  # 85 of 96 rows: 40 * 128 / 60
    assert face[:5].max() == 0
    assert face[90:].max() == 0


@pytest.mark.parametrize("cut", [cropped_face, aligned_face])
def test_a_narrow_face_is_in_the_middle_too(image, cut):
    face = cut(image, Box(115, 100, 10, 40), 60, 80)  # white all over
    columns = np.flatnonzero(face.min(axis=(0, 2)) == 255)
    assert (columns[0], columns[-1]) == (20, 39)
    assert face[:, :20].max() == face[:, 40:].max() == 0
    assert (cut(image, Box(115, 100, 1, 40), 10, 10).max(axis=(0, 2)) > 0).sum() == 1, "a column at least"


@pytest.mark.parametrize("cut", [cropped_face, aligned_face])
def test_what_lies_beyond_the_border_is_left_out(image, cut):
    image[:40, :30] = RED
    face = cut(image, Box(0, 10, 60, 60), 60, 80)  # 30 x 40 of it are inside
    assert face.shape == (80, 60, 3)
    assert (face == RED).all()


@pytest.mark.parametrize("roll", [0.3, -0.5])
def test_aligned_eyes_are_level(roll):
    image = np.zeros((480, 640, 3), np.uint8)
    for side in (-30, 30):
        eye = round(320 + side * math.cos(roll)), round(240 + side * math.sin(roll))
        cv2.circle(image, eye, 4, WHITE, -1)
    face = aligned_face(image, Box(320, 240, 120, 120, roll), 120, 120)
    _, _, _, centres = cv2.connectedComponentsWithStats((face[..., 0] > 128).astype(np.uint8))
    (left, right) = sorted(centres[1:].tolist())
    assert left == pytest.approx([30, 60], abs=1.5)
    assert right == pytest.approx([90, 60], abs=1.5)
    tilted = cropped_face(image, Box(320, 240, 120, 120, roll), 120, 120)
    assert np.abs(tilted.astype(int) - face).max() > 200


@pytest.mark.parametrize("box", [Box(-100, 100, 60, 40), Box(130, 400, 60, 40), Box(math.nan, 1, 2, 3), Box(10, 10, 0, 5)])
@pytest.mark.parametrize("cut", [cropped_face, aligned_face])
def test_a_box_beside_the_image_is_refused(image, cut, box):
    with pytest.raises(ValueError, match="box"):
        cut(image, box, 64, 64)
