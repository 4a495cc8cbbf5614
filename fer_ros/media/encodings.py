# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The pixels of images as BGR arrays: of messages, whatever library has read them, and of arrays of a user's own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.media.deep_pixels import DEEP_ENCODINGS, DeepPixels, bgr_of_deep, deep_pixels
from fer_ros.media.image_headers import size_of, too_large
from fer_ros.types import Image
from fer_ros.words import counted, suggestion

PIXELS: dict[str, tuple[int, int | None]] = {
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
"""Channels of an encoding of 8 bits, and OpenCV's conversion to BGR, or None."""
# Luma plane and, below it, interleaved chroma at half (nv12, nv21) height.
_PLANAR = {"nv12": cv2.COLOR_YUV2BGR_NV12, "nv21": cv2.COLOR_YUV2BGR_NV21}

ENCODINGS = (*PIXELS, *_PLANAR, *DEEP_ENCODINGS)

ARRAY_ENCODINGS = ("bgr8", "rgb8", "bgra8", "rgba8", "mono8")
"""What an array of a user's own may hold."""
_BY_CHANNELS = {1: "mono8", 3: "bgr8", 4: "bgra8"}  # where nobody says: as OpenCV reads pictures


class ImageError(ValueError):
    """An image message that cannot be read; the text says why and what to do."""


class UnknownEncoding(ImageError):
    """An encoding that is not one of `ENCODINGS`."""


class RawImage(Protocol):
    """What a `sensor_msgs/Image` of any ROS and any library has."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: Any


def to_bgr(message: RawImage) -> Image:
    """The pixels of a message as HxWx3 uint8 BGR.

    bgr8 is a view of the message's memory, to be read only; every other encoding is converted into an array of its own.
    Values of more than 8 bits, and floats, are scaled: an image's smallest becomes 0, its largest 255.

    Raises:
        UnknownEncoding: the encoding is not one of `ENCODINGS`.
        ImageError: the sizes in the message do not agree with each other.
    """
    height, width, encoding = message.height, message.width, message.encoding
    if not height or not width:
        raise ImageError(f"image is {width}x{height}: it has no pixels")
    if encoding in PIXELS:
        channels, conversion = PIXELS[encoding]
        rows = _rows(message, height, width * channels)
        if channels == 2 and width % 2:
            raise ImageError(f"{encoding} image has the odd width {width}")
        pixels = rows.reshape(height, width, channels) if channels > 1 else rows
        return pixels if conversion is None else cast(Image, cv2.cvtColor(pixels, conversion))
    if encoding in _PLANAR:
        if height % 2 or width % 2:
            raise ImageError(f"{encoding} image is {width}x{height}: both must be even")
        return cast(Image, cv2.cvtColor(np.ascontiguousarray(_rows(message, height * 3 // 2, width)), _PLANAR[encoding]))
    if (deep := deep_pixels(encoding)) is not None:
        return bgr_of_deep(_deep_values(message, deep), deep.conversion)
    raise UnknownEncoding(f"encoding '{encoding}' is not known (known are {', '.join(ENCODINGS)})")


def _deep_values(message: RawImage, deep: DeepPixels) -> NDArray[Any]:
    """A message's values as they are, in this machine's byte order."""
    kind = np.dtype(deep.number).newbyteorder(">" if message.is_bigendian else "<")
    rows = _rows(message, message.height, message.width * deep.channels * kind.itemsize)
    values = np.ascontiguousarray(rows).view(kind).astype(deep.number, copy=False)
    return values if deep.channels == 1 else values.reshape(message.height, message.width, deep.channels)


def bgr_of(image: object, encoding: str | None = None) -> Image:
    """An array as HxWx3 uint8 BGR.

    >>> bgr_of(np.zeros((480, 640), np.uint8)).shape
    (480, 640, 3)
    >>> bgr_of(np.array([[[255, 0, 0]]], np.uint8), "rgb8")
    array([[[  0,   0, 255]]], dtype=uint8)

    Args:
        image: uint8 from 0 to 255, with any strides: HxW or HxWx1 is grey, HxWx3 BGR, HxWx4 BGRA, unless `encoding` says
            something else. What is transparent counts as opaque.
        encoding: one of `ARRAY_ENCODINGS`, which are ROS's names.

    Returns:
        The array itself where it is BGR and its pixels lie side by side in memory; otherwise one of its own.

    Raises:
        TypeError: `image` is not an array.
        ImageError: its type, its shape or the encoding is none of these, or it has no pixels.
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"an image is a numpy array, not {_kind_of(image)}")
    if image.dtype != np.uint8:
        raise ImageError(f"the image is {image.dtype}: it must be uint8, from 0 to 255{_how_to_convert(image.dtype)}")
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.ndim not in (2, 3) or channels not in _BY_CHANNELS:
        raise ImageError(f"the image has the shape {image.shape}: it must be (height, width), or (height, width, channels) "
                         "with 1, 3 or 4 channels")
    if image.size == 0:
        raise ImageError(f"the image has the shape {image.shape}: it has no pixels")
    expected, conversion = PIXELS[_BY_CHANNELS[channels] if encoding is None else _known(encoding)]
    if channels != expected:
        raise ImageError(f"the image has the shape {image.shape}, and {encoding} has {counted(expected, 'channel')}")
    if conversion is not None:
        return cast(Image, cv2.cvtColor(image, conversion))
    beside = image.strides[1:] == (3, 1) and image.strides[0] >= 3 * image.shape[1]
    return image if beside else np.ascontiguousarray(image)


def each_bgr(images: object, encoding: str | None = None, noun: str = "image") -> Iterator[Image]:
    """Each of some images as `bgr_of` gives it.

    >>> [image.shape for image in each_bgr([np.zeros((4, 6), np.uint8), np.zeros((2, 2, 3), np.uint8)])]
    [(4, 6, 3), (2, 2, 3)]

    Args:
        images: see `separate`.
        noun: what an error calls one of them.

    Raises:
        TypeError, ImageError: as `bgr_of`, with the number of the image.
    """
    for number, image in enumerate(separate(images, noun)):
        try:
            yield bgr_of(image, encoding)
        except (TypeError, ImageError) as error:
            raise type(error)(f"{noun} {number}: {error}") from None


def separate(images: object, noun: str = "image") -> Iterable[object]:
    """Images one by one.

    >>> len(separate(np.zeros((480, 640), np.uint8))), len(separate(np.zeros((5, 480, 640, 3), np.uint8)))
    (1, 5)

    Args:
        images: one after the other, a list say; or an array of them all, (N, height, width) or (N, height, width, channels);
            or a single one. A last dimension of 1, 3 or 4 is channels.
        noun: what an error calls one of them.

    Raises:
        TypeError, ImageError: it is something else.
    """
    if isinstance(images, np.ndarray):
        one = images.ndim == 2 or (images.ndim == 3 and images.shape[2] in _BY_CHANNELS)
        if images.ndim in (0, 1) and images.dtype != object and images.size:
            raise ImageError(f"the array has the shape {images.shape}: it must hold one {noun} or several")
        return [images] if one else images
    if isinstance(images, (str, bytes)) or not isinstance(images, Iterable):
        raise TypeError(f"{noun}s are numpy arrays, not {_kind_of(images)}")
    return images


def _known(encoding: object) -> str:
    if isinstance(encoding, str) and encoding in ARRAY_ENCODINGS:
        return encoding
    raise UnknownEncoding(f"encoding {encoding!r} is not known{suggestion(str(encoding), ARRAY_ENCODINGS)}")


def _kind_of(other: object) -> str:
    """What something is that is no array, and how to make one of it."""
    name = "None" if other is None else type(other).__name__
    if isinstance(other, (str, bytes, os.PathLike)):
        return f"{name}: open_source reads a file"
    if hasattr(other, "__array__") or hasattr(other, "__array_interface__"):
        return f"{name}: numpy.asarray makes one of it, and encoding='rgb8' says that it is RGB"
    return name


def _how_to_convert(kind: np.dtype[Any]) -> str:
    if kind.kind == "f":
        return "; where it goes from 0 to 1, convert it with (255 * image).round().astype('uint8')"
    if kind.kind == "u" and kind.itemsize == 2:
        return "; where it uses all 16 bits, convert it with (image >> 8).astype('uint8')"
    return ""


def decode(data: Any) -> Image | None:
    """A JPEG, PNG or other picture, as the bytes of a file, as HxWx3 uint8 BGR.

    None where it is no picture of a kind in `fer_ros.media.image_headers.READ`, or one of more than `MOST_PIXELS`: a file of
    100 kB may hold an image that takes all memory.
    """
    content = np.frombuffer(data, np.uint8)
    size = size_of(content)
    if size is None or too_large(size):
        return None
    try:
        return cast("Image | None", cv2.imdecode(content, cv2.IMREAD_COLOR))
    except cv2.error:
        return None


JPEG_FORMAT = "bgr8; jpeg compressed bgr8"
"""The `format` of a `sensor_msgs/CompressedImage` with what `to_jpeg` gives."""


def to_jpeg(image: Image, quality: int) -> NDArray[Any]:
    """(N,) uint8, a JPEG of an HxWx3 uint8 BGR image; `quality` from 1 to 100.

    Raises:
        ImageError: OpenCV cannot encode it.
    """
    ok, content = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ImageError(f"OpenCV could not encode an image of shape {image.shape} as JPEG")
    return content.ravel()


def _rows(message: RawImage, rows: int, used: int) -> NDArray[Any]:
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
