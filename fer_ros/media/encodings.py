"""The pixels of image messages as arrays, whatever library has read the message."""

from __future__ import annotations

from typing import Any, Protocol

import cv2
import numpy as np

from fer_ros.media.image_headers import size_of, too_large
from fer_ros.types import Image

# encoding -> (channels, OpenCV's conversion to BGR or None)
_PIXELS: dict[str, tuple[int, int | None]] = {
    "bgr8": (3, None),
    "8UC3": (3, None),
    "rgb8": (3, cv2.COLOR_RGB2BGR),
    "mono8": (1, cv2.COLOR_GRAY2BGR),
    "8UC1": (1, cv2.COLOR_GRAY2BGR),
    "bgra8": (4, cv2.COLOR_BGRA2BGR),
    "8UC4": (4, cv2.COLOR_BGRA2BGR),
    "rgba8": (4, cv2.COLOR_RGBA2BGR),
    "yuv422": (2, cv2.COLOR_YUV2BGR_UYVY),  # ROS's name for UYVY before "uyvy" came
    "uyvy": (2, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2BGR_YUY2),
    "yuyv": (2, cv2.COLOR_YUV2BGR_YUY2),
    # A Bayer pattern is named by its first two pixels in ROS and by the second row's second and third in OpenCV.
    "bayer_rggb8": (1, cv2.COLOR_BayerBG2BGR),
    "bayer_bggr8": (1, cv2.COLOR_BayerRG2BGR),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGR2BGR),
    "bayer_grbg8": (1, cv2.COLOR_BayerGB2BGR),
}
# Luma plane and, below it, interleaved chroma at half (nv12, nv21) height.
_PLANAR = {"nv12": cv2.COLOR_YUV2BGR_NV12, "nv21": cv2.COLOR_YUV2BGR_NV21}

ENCODINGS = (*_PIXELS, *_PLANAR)


class ImageError(ValueError):
    """An image message that cannot be read; the text says why and what to do."""


class UnknownEncoding(ImageError):
    """An encoding that is not one of `ENCODINGS`."""


class RawImage(Protocol):
    """What a `sensor_msgs/Image` of any ROS and any library has."""

    height: int
    width: int
    encoding: str
    step: int
    data: Any


def to_bgr(message: RawImage) -> Image:
    """The pixels of a message as HxWx3 uint8 BGR.

    bgr8 is a view of the message's memory, to be read only; every other encoding is converted into an array of its own.

    Raises:
        UnknownEncoding: the encoding is not one of `ENCODINGS`.
        ImageError: the sizes in the message do not agree with each other.
    """
    height, width, encoding = message.height, message.width, message.encoding
    if not height or not width:
        raise ImageError(f"image is {width}x{height}: it has no pixels")
    if encoding in _PIXELS:
        channels, conversion = _PIXELS[encoding]
        rows = _rows(message, height, width * channels)
        if channels == 2 and width % 2:
            raise ImageError(f"{encoding} image has the odd width {width}")
        pixels = rows.reshape(height, width, channels) if channels > 1 else rows
        return pixels if conversion is None else cv2.cvtColor(pixels, conversion)
    if encoding in _PLANAR:
        if height % 2 or width % 2:
            raise ImageError(f"{encoding} image is {width}x{height}: both must be even")
        return cv2.cvtColor(np.ascontiguousarray(_rows(message, height * 3 // 2, width)), _PLANAR[encoding])
    raise UnknownEncoding(f"encoding '{encoding}' is not known (known are {', '.join(ENCODINGS)})")


def decode(data: Any) -> Image | None:
    """A JPEG, PNG or other picture, as the bytes of a file or of a `sensor_msgs/CompressedImage`, as HxWx3 uint8 BGR.

    None where it is no picture of a kind in `fer_ros.media.image_headers.READ`, or one of more than `MOST_PIXELS`: a file of
    100 kB may hold an image that takes all memory.
    """
    content = np.frombuffer(data, np.uint8)
    size = size_of(content)
    if size is None or too_large(size):
        return None
    try:
        return cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error:
        return None


JPEG_FORMAT = "bgr8; jpeg compressed bgr8"
"""The `format` of a `sensor_msgs/CompressedImage` with what `to_jpeg` gives."""


def to_jpeg(image: Image, quality: int) -> np.ndarray:
    """(N,) uint8, a JPEG of an HxWx3 uint8 BGR image; `quality` from 1 to 100.

    Raises:
        ImageError: OpenCV cannot encode it.
    """
    ok, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ImageError(f"OpenCV could not encode an image of shape {image.shape} as JPEG")
    return content.ravel()


def _rows(message: RawImage, rows: int, used: int) -> np.ndarray:
    """(rows, used) uint8 view of a message's data, padding at the end of each row left out."""
    step = message.step
    data = np.frombuffer(message.data, np.uint8)
    # The last row's padding may be missing.
    if step < used or data.size < step * (rows - 1) + used:
        raise ImageError(
            f"{message.encoding} image of {message.width}x{message.height} has step {step} and {data.size} bytes; "
            f"needs a step of at least {used} and {max(step, used) * rows} bytes"
        )
    if step == used:
        return data[: rows * used].reshape(rows, used)
    return np.lib.stride_tricks.as_strided(data, (rows, used), (step, 1), writeable=False)
