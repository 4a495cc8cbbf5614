# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What `sensor_msgs/CompressedImage` holds: JPEG and PNG as image_transport and cameras write them."""

import cv2
import numpy as np
import pytest

from fer_ros.media.compressed import compressed_size, decompressed
from fer_ros.media.encodings import ImageError

HEIGHT, WIDTH = 48, 64
Y, X = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
COLOUR = np.stack([60 + 2 * X, 200 - 2 * Y, 90 + X + Y], axis=2).astype(np.uint8)
GREY = cv2.cvtColor(COLOUR, cv2.COLOR_BGR2GRAY)
DEEP = (GREY.astype(np.uint16) - GREY.min()) * 16 + 500


def packed(image: np.ndarray, kind: str) -> bytes:
    return cv2.imencode(f".{kind}", image)[1].tobytes()


def distance(got: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.abs(got.astype(int) - wanted).mean())


@pytest.mark.parametrize("description", ["jpeg", "", "rgb8; jpeg compressed bgr8", "bgr8; jpeg compressed bgr8", "rgb8; jpeg"])
def test_a_jpeg_is_a_picture_whatever_it_was_before(description):
    assert distance(decompressed(packed(COLOUR, "jpg"), description), COLOUR) < 3


@pytest.mark.parametrize("description", ["png", "bgr8; png compressed bgr8"])
def test_a_png_is_exact(description):
    assert (decompressed(packed(COLOUR, "png"), description) == COLOUR).all()


def test_red_and_blue_that_changed_places_before_change_back():
    assert distance(decompressed(packed(COLOUR[..., ::-1], "jpg"), "rgb8; jpeg compressed rgb8"), COLOUR) < 3


@pytest.mark.parametrize(("kind", "description"), [("jpg", "mono8; jpeg compressed "), ("png", "mono8; png compressed ")])
def test_grey_has_three_equal_channels(kind, description):
    assert distance(decompressed(packed(GREY, kind), description), GREY[..., None]) < 2


@pytest.mark.parametrize("description", ["16UC1; png compressed ", "mono16; png compressed mono16", "png"])
def test_16_bits_are_scaled_by_their_range(description):
    got = decompressed(packed(DEEP, "png"), description)
    assert got.dtype == np.uint8
    assert (got.min(), got.max()) == (0, 255)
    assert distance(got, ((DEEP - DEEP.min()) * (255 / (DEEP.max() - DEEP.min())))[..., None]) < 1


def test_colours_of_16_bits_stay():
    wanted = (COLOUR - COLOUR.min()) * (255 / (int(COLOUR.max()) - COLOUR.min()))
    got = decompressed(packed(COLOUR.astype(np.uint16) * 100, "png"), "rgb16; png compressed bgr16")
    assert distance(got, wanted) < 1
    swapped = decompressed(packed(COLOUR[..., ::-1].astype(np.uint16) * 100, "png"), "rgb16; png compressed rgb16")
    assert (swapped == got).all()


@pytest.mark.parametrize(("encoding", "factor"), [("bayer_rggb8", 1), ("bayer_rggb16", 16)])
def test_a_mosaic_is_resolved(encoding, factor):
    mosaic = np.empty((HEIGHT, WIDTH), np.uint8)
    for index, channel in enumerate((2, 1, 1, 0)):
        at = (slice(index // 2, None, 2), slice(index % 2, None, 2))
        mosaic[at] = COLOUR[..., channel][at]
    deep = mosaic if factor == 1 else mosaic.astype(np.uint16) * factor
    got = decompressed(packed(deep, "png"), f"{encoding}; png compressed ")
    if factor == 1:
        assert distance(got[2:-2, 2:-2], COLOUR[2:-2, 2:-2]) < 3
    assert np.corrcoef(got[2:-2, 2:-2].ravel(), COLOUR[2:-2, 2:-2].ravel())[0, 1] > 0.99


def test_a_mosaic_of_no_known_pattern_is_grey():
    assert distance(decompressed(packed(GREY, "png"), "bayer_xyz8; png compressed "), GREY[..., None]) == 0


@pytest.mark.parametrize("padding", [b"", b"\0" * 900])
def test_what_cameras_put_behind_a_picture_does_not_matter(padding):
    assert distance(decompressed(packed(COLOUR, "jpg") + padding, "jpeg"), COLOUR) < 3


@pytest.mark.parametrize(("data", "words"), [
    (b"", "'jpeg' and 0 bytes is empty"), (b"hello", "is damaged, or no picture"),
    (packed(COLOUR, "jpg")[:-2], "is damaged: its end is missing"), (packed(COLOUR, "jpg")[:700], "is damaged"),
    (packed(COLOUR, "png")[:700], "is damaged"), (b"\xff\xd8\xff\xd9", "is damaged"),
])
def test_what_is_damaged_is_one_clear_error(data, words):
    with pytest.raises(ImageError, match=f"compressed image of format .*{words}"):
        decompressed(data, "jpeg")


def test_a_bomb_is_refused_before_it_is_decoded():
    png = bytearray(packed(COLOUR, "png"))
    png[16:24] = (200_000).to_bytes(4, "big") * 2
    with pytest.raises(ImageError, match="200000x200000 pixels are more than"):
        decompressed(bytes(png), "png")


def test_the_size_is_known_before_anything_is_decoded():
    assert compressed_size(packed(COLOUR, "jpg"), "jpeg") == (WIDTH, HEIGHT)
    with pytest.raises(ImageError, match="no picture"):
        compressed_size(b"hello", "jpeg")
