# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whatever 8-bit encoding a camera publishes arrives as BGR, with or without padding."""

import cv2
import numpy as np
import pytest
from std_msgs.msg import Header

from fer_ros.media.deep_pixels import DEEP_ENCODINGS
from fer_ros.ros.images import ENCODINGS, ImageError, from_bgr, to_bgr, to_jpeg

HEIGHT, WIDTH = 48, 64


def smooth_picture() -> np.ndarray:
    """Slow colour gradients, which survive the halved chroma of YUV and a Bayer mosaic."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return np.stack([60 + 2 * x, 200 - 2 * y, 90 + x + y], axis=2).astype(np.uint8)


def encode(picture: np.ndarray, encoding: str) -> np.ndarray:
    """(rows, bytes) as a camera would send it."""
    blue, green, red = (picture[..., i] for i in range(3))
    luma = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)[:HEIGHT]
    chroma = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    u, v = chroma
    alpha = np.full((HEIGHT, WIDTH, 1), 7, np.uint8)
    if encoding in ("nv12", "nv21"):
        pair = (u, v) if encoding == "nv12" else (v, u)
        return np.concatenate([luma, np.stack(pair, axis=2).reshape(HEIGHT // 2, WIDTH)])
    if encoding in ("yuv422", "uyvy", "yuv422_yuy2", "yuyv"):
        wide = np.repeat(np.stack([u, v], axis=2), 2, axis=0).reshape(HEIGHT, WIDTH)
        order = (wide, luma) if encoding in ("yuv422", "uyvy") else (luma, wide)
        return np.stack(order, axis=2).reshape(HEIGHT, -1)
    if encoding.startswith("bayer_"):
        mosaic = np.empty((HEIGHT, WIDTH), np.uint8)
        for index, colour in enumerate(encoding[6:10]):
            at = (slice(index // 2, None, 2), slice(index % 2, None, 2))
            mosaic[at] = {"r": red, "g": green, "b": blue}[colour][at]
        return mosaic
    plain = {
        "bgr8": picture, "8UC3": picture, "rgb8": picture[..., ::-1],
        "bgra8": np.concatenate([picture, alpha], 2), "8UC4": np.concatenate([picture, alpha], 2),
        "rgba8": np.concatenate([picture[..., ::-1], alpha], 2),
        "mono8": cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), "8UC1": cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY),
    }
    return plain[encoding].reshape(HEIGHT, -1)


def message(rows: np.ndarray, encoding: str, padding: int = 0):
    padded = np.pad(rows, [(0, 0), (0, padding)], constant_values=255)
    made = from_bgr(np.zeros((1, 1, 3), np.uint8), Header())
    made.height, made.width, made.step, made.encoding = HEIGHT, WIDTH, padded.shape[1], encoding
    made.data = padded.tobytes()
    return made


@pytest.mark.parametrize("padding", [0, 10])
@pytest.mark.parametrize("encoding", [one for one in ENCODINGS if one not in DEEP_ENCODINGS])
def test_every_8_bit_encoding_is_read(encoding, padding):
    picture = smooth_picture()
    got = to_bgr(message(encode(picture, encoding), encoding, padding))
    wanted = cv2.cvtColor(encode(picture, "mono8"), cv2.COLOR_GRAY2BGR) if encoding in ("mono8", "8UC1") else picture
    inner = (slice(2, -2), slice(2, -2))  # a Bayer mosaic is guessed at the border
    # YUV's limited range and the halved chroma cost a few levels.
    assert np.abs(got[inner].astype(int) - wanted[inner]).max() <= 8


def test_a_bgr8_image_is_not_copied():
    made = message(encode(smooth_picture(), "bgr8"), "bgr8")
    assert np.shares_memory(to_bgr(made), np.frombuffer(made.data, np.uint8))


def test_a_picture_survives_the_way_out_and_in():
    picture = smooth_picture()
    header = Header(frame_id="camera_optical_frame")
    header.stamp.sec = 7
    made = from_bgr(picture[:, ::-1], header)  # not contiguous
    assert (made.header, made.encoding, made.step) == (header, "bgr8", WIDTH * 3)
    assert (to_bgr(made) == picture[:, ::-1]).all()


def test_a_jpeg_shows_the_picture():
    made = to_jpeg(smooth_picture(), Header(), 90)
    decoded = cv2.imdecode(np.frombuffer(made.data, np.uint8), cv2.IMREAD_COLOR)
    assert "jpeg" in made.format
    assert np.abs(decoded.astype(int) - smooth_picture()).mean() < 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"step": 10}, "step of at least 192"),
        ({"height": 1000}, "needs"),
        ({"width": 0}, "no pixels"),
        ({"data": b""}, "0 bytes"),
        ({"encoding": "32FC2"}, "cv_bridge"),
        ({"encoding": ""}, "cv_bridge"),
        ({"encoding": "nv12", "height": 47}, "even"),
        ({"encoding": "yuyv", "width": 63}, "odd width"),
    ],
)
def test_a_message_that_makes_no_sense_is_one_clear_error(change, words):
    made = message(encode(smooth_picture(), "bgr8"), "bgr8")
    for name, value in change.items():
        setattr(made, name, value)
    with pytest.raises(ImageError, match=words):
        to_bgr(made)
