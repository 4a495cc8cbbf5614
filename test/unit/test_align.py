# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A crop shows the face as the network was taught to see it: upright, centred, at the same scale."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from fer_ros.perception.align import FRAME_SIDE, AlignParams, align_faces
from fer_ros.types import Box, Face

BOX = Box(320, 240, 100, 100)


def cut(image: np.ndarray, box: Box, size: int = 48, **params) -> np.ndarray:
    (crop,) = align_faces(image, [Face(box, 0.9)], size, AlignParams(**params))
    return crop


def pattern() -> np.ndarray:
    """640x480: a face's worth of landmarks around `BOX`, each in its own colour."""
    image = np.full((480, 640, 3), 128, np.uint8)
    cv2.circle(image, (300, 225), 9, (255, 0, 0), -1)  # the person's right eye
    cv2.circle(image, (340, 225), 9, (0, 255, 0), -1)  # left eye
    cv2.rectangle(image, (300, 260), (340, 272), (0, 0, 255), -1)  # mouth
    return image


def turned(image: np.ndarray, roll: float) -> np.ndarray:
    """Clockwise on the screen around the middle of `BOX`."""
    turn = cv2.getRotationMatrix2D((BOX.cx, BOX.cy), -math.degrees(roll), 1)
    return cv2.warpAffine(image, turn, (640, 480), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def place_of(crop: np.ndarray, channel: int) -> np.ndarray:
    """(x, y) of the middle of what is coloured in a channel, in shares of the crop."""
    others = [c for c in range(3) if c != channel]
    weight = np.clip(crop[..., channel].astype(float) - crop[..., others].max(axis=2), 0, None)
    y, x = np.indices(weight.shape)
    return np.array([(x * weight).sum(), (y * weight).sum()]) / weight.sum() / (len(crop) - 1)


@pytest.mark.parametrize("degrees", [-170, -90, -30, -7, 0, 7, 30, 90, 179])
def test_a_rolled_face_comes_out_upright(degrees):
    roll = math.radians(degrees)
    upright = cut(pattern(), BOX).astype(int)
    crop = cut(turned(pattern(), roll), BOX._replace(roll=roll)).astype(int)
    assert np.abs(crop - upright).mean() < 2
    right_eye, left_eye, mouth = (place_of(crop, channel) for channel in range(3))
    assert right_eye[0] < mouth[0] < left_eye[0]
    assert right_eye[1] == pytest.approx(left_eye[1], abs=0.02)
    assert mouth[1] > left_eye[1] + 0.2


def test_without_align_a_rolled_face_stays_rolled():
    crop = cut(turned(pattern(), math.pi / 2), BOX._replace(roll=math.pi / 2), align=False)
    assert place_of(crop, 0)[0] == pytest.approx(place_of(crop, 1)[0], abs=0.02)


@pytest.mark.parametrize("size", [24, 48, 97, 224])
@pytest.mark.parametrize("zoom", [0.2, 1.0, 4.0])
def test_the_same_face_gives_the_same_crop_at_every_scale(size, zoom):
    image = cv2.resize(pattern(), None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    crop = cut(image, Box(*(zoom * v for v in BOX[:4])), size)
    assert crop.shape == (size, size, 3)
    for channel, (x, y) in enumerate([(300, 225), (340, 225), (320, 266)]):
        expected = 0.5 + (np.array([x, y]) - (BOX.cx, BOX.cy)) / (100 * FRAME_SIDE)
        assert place_of(crop, channel) == pytest.approx(expected, abs=0.04)


def test_a_margin_shows_more_around_the_face():
    def apart(crop: np.ndarray) -> float:
        return place_of(crop, 1)[0] - place_of(crop, 0)[0]

    assert apart(cut(pattern(), BOX, crop_margin=0.25)) == pytest.approx(apart(cut(pattern(), BOX)) / 1.5, rel=0.05)


@pytest.mark.parametrize("size", [24, 48])
@pytest.mark.parametrize("margin", [-0.2, 0.0, 0.5])
@pytest.mark.parametrize("box", [
    BOX, BOX._replace(roll=0.8), BOX._replace(width=31, height=47, roll=-2.5), Box(12, 8, 90, 70, 0.3),
    Box(630, 470, 60, 80, 1.2), Box(-30, 240, 100, 100), Box(320, 500, 90, 60, -0.7), Box(320, 240, 500, 460, 0.1),
    Box(320.4, 240.6, 4, 4, 0.5), Box(900, 900, 20, 20, 0.4)], ids=str)
def test_a_grey_crop_is_the_crop_of_the_grey_image(box, margin, size):
    """Only a part of the image is turned grey for it, which must be large enough."""
    image = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8), (0, 0), 1.5)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    faces, params = [Face(box, 0.9)], AlignParams(crop_margin=margin)
    (expected,), (crop,) = align_faces(grey, faces, size, params), align_faces(image, faces, size, params, grey=True)
    assert crop.shape == (size, size)
    assert np.abs(crop.astype(int) - expected[..., 0]).max() <= 1  # one level of rounding: OpenCV's coordinates are in 1/32


def test_crops_come_in_the_order_of_the_faces():
    image = np.zeros((100, 300, 3), np.uint8)
    for i, level in enumerate((50, 100, 200)):
        image[:, 100 * i : 100 * i + 100] = level
    boxes = [Box(250, 50, 40, 40), Box(50, 50, 40, 40), Box(150, 50, 40, 40)]
    crops = align_faces(image, [Face(box, 1.0) for box in boxes], 16)
    assert crops.shape == (3, 16, 16, 3)
    assert crops.dtype == np.uint8
    assert [int(crop.mean()) for crop in crops] == [200, 50, 100]
    assert align_faces(image, [], 16).shape == (0, 16, 16, 3)


@pytest.mark.parametrize("side", [200, 333, 440])
def test_fine_detail_becomes_grey_and_no_moire(side):
    checkers = (np.indices((480, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = cut(np.repeat(checkers[..., None], 3, axis=2), Box(320, 240, side, side, 0.1), 48)
    assert crop.mean() == pytest.approx(127.5, abs=2)
    assert crop.std() < 25


def test_beyond_the_border_the_image_goes_on_as_it_ends():
    image = np.full((100, 100, 3), 60, np.uint8)
    image[:, :50] = 180
    crop = cut(image, Box(0, 50, 80, 80))
    assert (crop == 180).all()
    assert (cut(image, Box(130, 130, 40, 40, 0.7)) == 60).all()


@pytest.mark.parametrize("box", [
    Box(50, 50, 1e5, 1e5), Box(50, 50, 1e9, 1e9), Box(50, 50, 1e200, 1e200, 1.0), Box(1e300, -1e300, 10, 10),
    Box(50, 50, 1e300, 1), Box(50, 50, 1, 1), Box(-1e7, 50, 2e7, 2e7), Box(50, 50, 20, 20, 1e300),
])
def test_absurd_boxes_do_no_harm(box):
    image = np.full((100, 100, 3), 77, np.uint8)
    assert (cut(image, box) == 77).all()


@pytest.mark.parametrize("box", [
    Box(math.nan, 50, 20, 20), Box(50, 50, math.inf, 20), Box(50, 50, 0, 20), Box(50, 50, 20, -20),
    Box(50, 50, 20, 20, math.nan), Box(50, 50, 0.5, 20),
])
def test_an_empty_box_or_one_that_is_not_finite_is_refused(box):
    with pytest.raises(ValueError, match="face 7 has no usable box"):
        align_faces(np.zeros((100, 100, 3), np.uint8), [Face(box, 0.9, id="7")], 48)


def test_an_image_that_cannot_be_written_to_is_fine_and_stays_as_it_is():
    image = pattern()
    before = image.copy()
    image.flags.writeable = False
    cut(image, BOX)
    cut(image[::-1], BOX)
    assert (image == before).all()
