# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Arrays of a user's own: what they may be, and what is said of others."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.media.encodings import ImageError, bgr_of, each_bgr

BLUE, GREEN, RED = 10, 60, 200
BGR = np.full((6, 8, 3), (BLUE, GREEN, RED), np.uint8)
ALPHA = np.full((6, 8, 1), 7, np.uint8)


def test_a_bgr_image_is_taken_as_it_is():
    assert bgr_of(BGR) is BGR
    assert bgr_of(BGR, "bgr8") is BGR
    part = np.zeros((20, 20, 3), np.uint8)[4:10, 3:9]
    assert bgr_of(part) is part


@pytest.mark.parametrize(("image", "encoding"), [
    (BGR[..., ::-1], "rgb8"), (np.concatenate([BGR, ALPHA], axis=2), None), (np.concatenate([BGR, ALPHA], axis=2), "bgra8"),
    (np.concatenate([BGR[..., ::-1], ALPHA], axis=2), "rgba8"),
])
def test_what_is_told_of_its_channels_becomes_bgr(image, encoding):
    assert (bgr_of(image, encoding) == BGR).all()


@pytest.mark.parametrize("encoding", [None, "mono8"])
def test_grey_has_three_equal_channels(encoding):
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    for image in (grey, grey[..., None]):
        assert (bgr_of(image, encoding) == grey[..., None]).all()
        assert bgr_of(image, encoding).shape == (6, 8, 3)


def test_any_strides_will_do():
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    for view in (image[::-1], image[:, ::-1], image[::2, ::2], image.transpose(1, 0, 2), np.asfortranarray(image),
                 image[..., ::-1]):
        made = bgr_of(view)
        assert (made == view).all()
        assert cv2.flip(made, 1).shape == view.shape  # OpenCV takes it
    frozen = image.copy()
    frozen.flags.writeable = False
    assert bgr_of(frozen) is frozen


@pytest.mark.parametrize(("image", "error", "text"), [
    (None, TypeError, "an image is a numpy array, not None"),
    ("photo.jpg", TypeError, "not str: open_source reads a file"),
    (Path("photo.jpg"), TypeError, "open_source reads a file"),
    ([[1, 2], [3, 4]], TypeError, "not list"),
    (3, TypeError, "not int"),
    (memoryview(b"abc"), TypeError, "not memoryview"),
    (np.zeros((4, 4, 3)), ImageError, r"float64: it must be uint8.*255 \* image"),
    (np.full((4, 4), np.nan, np.float32), ImageError, "float32"),
    (np.zeros((4, 4), np.uint16), ImageError, "uint16.*image >> 8"),
    (np.zeros((4, 4), ">u2"), ImageError, "image >> 8"),
    (np.zeros((4, 4), bool), ImageError, "the image is bool: it must be uint8, from 0 to 255$"),
    (np.zeros((4, 4), np.int64), ImageError, "int64"),
    (np.array([None, 1]), ImageError, "object"),
    (np.zeros(12, np.uint8), ImageError, r"shape \(12,\)"),
    (np.uint8(3) * np.ones((), np.uint8), TypeError, "not uint8"),
    (np.zeros((4, 4, 2), np.uint8), ImageError, r"shape \(4, 4, 2\): it must be \(height, width\)"),
    (np.zeros((1, 4, 4, 3), np.uint8), ImageError, r"shape \(1, 4, 4, 3\)"),
    (np.zeros((0, 4, 3), np.uint8), ImageError, "no pixels"),
    (np.zeros((4, 0), np.uint8), ImageError, "no pixels"),
], ids=str)
def test_what_is_no_image_is_refused_with_what_it_is(image, error, text):
    with pytest.raises(error, match=text):
        bgr_of(image)


@pytest.mark.parametrize(("image", "encoding", "text"), [
    (BGR, "rgb", "encoding 'rgb' is not known: did you mean rgb8"), (BGR, "RGB8", "rgb8"), (BGR, 3, "there are bgr8, rgb8"),
    (BGR, "yuyv", "is not known"), (BGR, ["rgb8"], "not known"), (BGR, "", "not known"),
    (BGR, "mono8", r"shape \(6, 8, 3\), and mono8 has 1 channel$"), (BGR[..., 0], "rgb8", "rgb8 has 3 channels"),
    (BGR, "rgba8", "rgba8 has 4 channels"),
])
def test_a_wrong_encoding_is_refused_with_the_right_ones(image, encoding, text):
    with pytest.raises(ImageError, match=text):
        bgr_of(image, encoding)


def test_something_that_can_become_an_array_is_told_how():
    class Picture:
        """As Pillow's are."""

        __array_interface__: dict = {}  # noqa: RUF012

    with pytest.raises(TypeError, match=r"not Picture: numpy.asarray makes one of it, and encoding='rgb8'"):
        bgr_of(Picture())


@pytest.mark.parametrize(("images", "shapes"), [
    (BGR, [(6, 8, 3)]), (BGR[..., 0], [(6, 8, 3)]), (np.zeros((5, 6, 8), np.uint8), [(6, 8, 3)] * 5),
    (np.zeros((2, 6, 8, 3), np.uint8), [(6, 8, 3)] * 2), (np.zeros((2, 6, 8, 1), np.uint8), [(6, 8, 3)] * 2),
    ([BGR, BGR[:2, :, 0]], [(6, 8, 3), (2, 8, 3)]), ((one for one in [BGR]), [(6, 8, 3)]), ([], []),
    (np.zeros((0, 6, 8, 3), np.uint8), []), (np.array([]), []),
])
def test_one_image_or_several_in_whatever_holds_them(images, shapes):
    assert [image.shape for image in each_bgr(images)] == shapes


def test_the_wrong_one_of_several_is_named():
    with pytest.raises(ImageError, match=r"^face 1: the image is float64"):
        list(each_bgr([BGR, BGR / 255], noun="face"))
    with pytest.raises(TypeError, match=r"^image 0: an image is a numpy array, not str: open_source"):
        list(each_bgr(["a.jpg"]))


@pytest.mark.parametrize(("images", "error"), [
    (None, TypeError), ("a.jpg", TypeError), (b"abc", TypeError), (3, TypeError), (np.zeros(5, np.uint8), ImageError),
    (np.uint8(3), TypeError), (np.zeros((), np.uint8), ImageError),
])
def test_what_holds_no_images_is_refused(images, error):
    with pytest.raises(error):
        list(each_bgr(images))
