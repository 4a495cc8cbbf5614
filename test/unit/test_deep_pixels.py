# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pixels of 16 bits and floats: each image is scaled by its own range."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from fer_ros.media.deep_pixels import DEEP_ENCODINGS, deep_pixels, scaled
from fer_ros.media.encodings import ENCODINGS, ImageError, UnknownEncoding, to_bgr

HEIGHT, WIDTH = 24, 32
Y, X = np.mgrid[:HEIGHT, :WIDTH]
GREY = (8 * X + np.where(X == WIDTH - 1, 7, 0)).astype(np.uint8)  # from 0 to 255
COLOUR = np.stack([GREY, GREY // 2, 255 - GREY], axis=2)


def message(values: np.ndarray, encoding: str, *, big: bool = False, padding: int = 0):
    swapped = values.astype(values.dtype.newbyteorder(">" if big else "<"))
    rows = np.frombuffer(swapped.tobytes(), np.uint8).reshape(values.shape[0], -1)
    padded = np.pad(rows, [(0, 0), (0, padding)], constant_values=255)
    return SimpleNamespace(height=values.shape[0], width=values.shape[1], encoding=encoding, is_bigendian=int(big),
                           step=padded.shape[1], data=padded.tobytes())


def near(got: np.ndarray, wanted: np.ndarray) -> bool:
    return np.abs(got.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("encoding", ["mono16", "16UC1"])
def test_12_bits_of_16_fill_the_whole_range(encoding, big, padding):
    values = GREY.astype(np.uint16) * 9 + 1200  # of 65,535, as infrared and thermal cameras send them
    got = to_bgr(message(values, encoding, big=big, padding=padding))
    assert got.dtype == np.uint8 and got.shape == (HEIGHT, WIDTH, 3)
    assert near(got, GREY[..., None])


@pytest.mark.parametrize(("encoding", "order"), [
    ("bgr16", [0, 1, 2]), ("rgb16", [2, 1, 0]), ("bgra16", [0, 1, 2, 3]), ("rgba16", [2, 1, 0, 3]), ("16UC3", [0, 1, 2]),
    ("16UC4", [0, 1, 2, 3]),
])
def test_colours_stay_and_opacity_does_not_count(encoding, order):
    opaque = np.full((HEIGHT, WIDTH, 1), 65535 // 40, np.uint16)
    values = np.concatenate([COLOUR.astype(np.uint16) * 40, opaque * 40], axis=2)[..., order]
    assert near(to_bgr(message(values, encoding)), COLOUR)


@pytest.mark.parametrize(("encoding", "kind", "factor", "offset"), [
    ("32FC1", np.float32, 1 / 255, 0), ("32FC1", np.float32, 1e-3, 1000), ("64FC1", np.float64, 1e9, -1e11),
    ("16SC1", np.int16, 100, -12000), ("32SC1", np.int32, 1, 2**31 - 300), ("8SC1", np.int8, 1, -128),
])
def test_whatever_numbers_are_dark_and_bright(encoding, kind, factor, offset):
    values = (GREY.astype(np.int64) * factor + offset).astype(kind)
    assert near(to_bgr(message(values, encoding)), GREY[..., None])
    assert near(to_bgr(message(values, encoding, big=True)), GREY[..., None])


@pytest.mark.parametrize(("encoding", "kind"), [("32FC3", np.float32), ("64FC3", np.float64), ("32SC3", np.int32)])
def test_colours_of_other_numbers(encoding, kind):
    assert near(to_bgr(message((COLOUR * 3.0).astype(kind), encoding)), COLOUR)


def test_a_mosaic_of_16_bits_is_resolved():
    bgr = np.zeros((HEIGHT, WIDTH, 3), np.uint8) + np.array([40, 120, 240], np.uint8)
    mosaic = np.empty((HEIGHT, WIDTH), np.uint16)
    for index, channel in enumerate((2, 1, 1, 0)):  # rggb
        mosaic[index // 2::2, index % 2::2] = bgr[0, 0, channel]
    got = to_bgr(message(mosaic * 16, "bayer_rggb16"))
    assert (got == scaled(bgr.astype(np.uint16))).all()
    assert (got == [0, 102, 255]).all()


def test_what_is_not_finite_is_black_and_does_not_hide_the_rest():
    values = GREY / np.float32(255)
    values[3, 4:7] = [np.nan, np.inf, -np.inf]
    got = to_bgr(message(values, "32FC1"))[..., 0]
    assert (got[3, 4:7] == 0).all()
    assert near(got[:3], GREY[:3])


@pytest.mark.parametrize("values", [
    np.full((4, 6), 7, np.uint16), np.zeros((4, 6), np.float32), np.full((4, 6), np.nan, np.float32),
    np.full((4, 6), np.inf, np.float64), np.array([[-1.7e308, 1.7e308]]),
], ids=["one value", "zeros", "nothing finite", "infinite", "a range beyond all numbers"])
def test_what_has_no_range_is_black(values):
    assert not scaled(values).any()


def test_the_largest_floats_are_scaled_too():
    assert scaled(np.array([[-3e38, 0, 3e38]], np.float32))[0, 0] == 0


def test_every_one_that_is_named_is_read_and_says_what_is_wrong_with_it():
    assert set(DEEP_ENCODINGS) <= set(ENCODINGS)
    for encoding in DEEP_ENCODINGS:
        deep = deep_pixels(encoding)
        assert deep is not None
        shape = (HEIGHT, WIDTH) if deep.channels == 1 else (HEIGHT, WIDTH, deep.channels)
        one = message(np.arange(np.prod(shape)).reshape(shape).astype(deep.number), encoding)
        assert to_bgr(one).shape == (HEIGHT, WIDTH, 3), encoding
        one.data = one.data[:-1]
        with pytest.raises(ImageError, match=f"{encoding} image of 32x24 has step"):
            to_bgr(one)
    for encoding in ("32FC2", "16UC5", "mono17", "64UC1"):
        with pytest.raises(UnknownEncoding):
            to_bgr(message(GREY, encoding))


def test_a_picture_is_the_same_in_8_and_in_16_bits():
    photo = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8), (0, 0), 3)
    stretched = scaled(photo.astype(np.uint16))
    assert near(to_bgr(message(photo.astype(np.uint16) * 257, "bgr16")), stretched)
