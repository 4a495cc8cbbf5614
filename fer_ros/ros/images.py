"""`sensor_msgs/Image` to arrays and back, without a copy where none is needed."""

from __future__ import annotations

import array
import sys

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from fer_ros.core import types

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


def to_bgr(message: Image) -> types.Image:
    """The pixels of a message as HxWx3 uint8 BGR.

    bgr8 is a view of the message's memory, to be read only; every other encoding is converted into an array of its own.

    Raises:
        ImageError: the encoding is not known (and cv_bridge is not installed or cannot either), or the sizes in the
            message do not agree with each other.
    """
    height, width, step, encoding = message.height, message.width, message.step, message.encoding
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
    return _through_cv_bridge(message, step)


def _rows(message: Image, rows: int, used: int) -> np.ndarray:
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


def _through_cv_bridge(message: Image, step: int) -> types.Image:
    known = f"known without cv_bridge: {', '.join(ENCODINGS)}"
    try:
        from cv_bridge import CvBridge
    except ImportError:
        raise ImageError(f"encoding '{message.encoding}' needs cv_bridge, which is not installed ({known})") from None
    try:
        image = CvBridge().imgmsg_to_cv2(message, "bgr8")
    except Exception as error:  # CvBridgeError, cv2.error, and what numpy makes of a wrong size
        raise ImageError(f"cv_bridge cannot read encoding '{message.encoding}': {error} ({known})") from error
    return image


def from_bgr(image: types.Image, header: Header) -> Image:
    """A bgr8 message of an HxWx3 uint8 BGR image."""
    height, width = image.shape[:2]
    message = Image(header=header, height=height, width=width, encoding="bgr8", step=width * 3)
    message.is_bigendian = int(sys.byteorder == "big")
    # rclpy takes any other type than array.array element by element: 100 ms and more for a VGA image.
    data = array.array("B")
    data.frombytes(memoryview(np.ascontiguousarray(image)).cast("B"))
    message.data = data
    return message


def to_jpeg(image: types.Image, header: Header, quality: int) -> CompressedImage:
    """A JPEG of an HxWx3 uint8 BGR image; `quality` from 1 to 100."""
    ok, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ImageError(f"OpenCV could not encode an image of shape {image.shape} as JPEG")
    message = CompressedImage(header=header, format="bgr8; jpeg compressed bgr8")
    data = array.array("B")
    data.frombytes(memoryview(encoded.ravel()))
    message.data = data
    return message


