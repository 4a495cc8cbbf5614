# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The pixels of `sensor_msgs/CompressedImage`, as image_transport and cameras that send JPEG themselves write it."""

from __future__ import annotations

import re
from typing import Any, cast

import cv2
import numpy as np

from fer_ros.media.deep_pixels import bgr_of_deep, deep_pixels
from fer_ros.media.encodings import PIXELS, ImageError
from fer_ros.media.image_headers import HEAD, kind_of, size_of, too_large
from fer_ros.types import Image

_JPEG_END = b"\xff\xd9"
_PADDING = b"\0\r\n"  # that some cameras put behind a picture
_TAIL = 4096  # bytes, of which all but the end may be padding


def decompressed(data: Any, description: str) -> Image:
    """A picture as HxWx3 uint8 BGR. One of 16 bits or floats is scaled: its smallest value becomes 0, its largest 255.

    Args:
        data: a JPEG, a PNG or another kind in `fer_ros.media.image_headers.READ`; bytes, or an array of them.
        description: the message's `format`, `rgb8; jpeg compressed bgr8` say. What is before the semicolon is the encoding of
            the image that was compressed: of a Bayer pattern the mosaic is compressed, and resolved here.

    Raises:
        ImageError: it is damaged, too large, or of no such kind.
    """
    content = np.frombuffer(data, np.uint8)
    compressed_size(content, description)
    encoding, _, compressed = description.partition(";")
    mosaic = encoding.strip().startswith("bayer_")
    flags = (cv2.IMREAD_GRAYSCALE if mosaic else cv2.IMREAD_COLOR) | cv2.IMREAD_ANYDEPTH
    try:
        values = cv2.imdecode(content, flags)
    except cv2.error:
        values = None
    if values is None:
        raise ImageError(f"compressed image of format '{description}' and {content.size} bytes is damaged, or of a kind that "
                         "OpenCV cannot read")
    conversion = _of_mosaic(encoding.strip()) if mosaic else None
    if conversion is None and re.search(r"compressed rgb(8|16)\b", compressed):
        conversion = cv2.COLOR_RGB2BGR  # red and blue changed places before it was compressed
    if values.dtype != np.uint8:
        return bgr_of_deep(values, conversion)
    return cast(Image, values if conversion is None else cv2.cvtColor(values, conversion))


def _of_mosaic(encoding: str) -> int:
    """OpenCV's conversion of a Bayer pattern to BGR."""
    if (deep := deep_pixels(encoding)) is not None:
        conversion = deep.conversion
    else:
        _, conversion = PIXELS.get(encoding, (1, None))
    return cv2.COLOR_GRAY2BGR if conversion is None else conversion


def compressed_size(data: Any, description: str) -> tuple[int, int]:
    """Width and height of a picture that can be decoded, as far as its header says. Else as `decompressed`."""
    content = np.frombuffer(data, np.uint8)
    name = f"compressed image of format '{description}' and {content.size} bytes"
    if not content.size:
        raise ImageError(f"{name} is empty")
    size = size_of(content)
    if size is None:
        raise ImageError(f"{name} is damaged, or no picture that can be read")
    if reason := too_large(size):  # a file of 100 kB may hold an image that takes all memory
        raise ImageError(f"{name}: {reason}")
    # Older OpenCV fills up what is missing of a picture.
    if kind_of(content[:HEAD].tobytes()) == "JPEG" and not content[-_TAIL:].tobytes().rstrip(_PADDING).endswith(_JPEG_END):
        raise ImageError(f"{name} is damaged: its end is missing")
    return size
