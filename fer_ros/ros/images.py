# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`sensor_msgs/Image` to arrays and back, without a copy where none is needed."""

from __future__ import annotations

import array
import sys

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from fer_ros import types
from fer_ros.media import encodings
from fer_ros.media.encodings import ENCODINGS, ImageError, UnknownEncoding
from fer_ros.ros.exchange import AnyImage, LocalImage, PackedImage


def to_bgr(message: AnyImage) -> types.Image:
    """The pixels of a message as HxWx3 uint8 BGR.

    bgr8 is a view of the message's memory, to be read only; every other encoding is converted into an array of its own.

    Raises:
        ImageError: the encoding is not known (and cv_bridge is not installed or cannot either), the sizes in the message do
            not agree with each other, or a compressed image is damaged.
    """
    if isinstance(message, (LocalImage, PackedImage)):
        return message.pixels
    try:
        return encodings.to_bgr(message)
    except UnknownEncoding:
        return _through_cv_bridge(message)


def _through_cv_bridge(message: Image) -> types.Image:
    known = f"known without cv_bridge: {', '.join(ENCODINGS)}"
    try:
        from cv_bridge import CvBridge
    except ImportError:
        raise ImageError(f"encoding '{message.encoding}' needs cv_bridge, which is not installed ({known})") from None
    try:
        image: types.Image = CvBridge().imgmsg_to_cv2(message, "bgr8")
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
    data.frombytes(np.ascontiguousarray(image).data.cast("B"))
    message.data = data
    return message


def to_jpeg(image: types.Image, header: Header, quality: int) -> CompressedImage:
    """A JPEG of an HxWx3 uint8 BGR image; `quality` from 1 to 100."""
    message = CompressedImage(header=header, format=encodings.JPEG_FORMAT)
    data = array.array("B")
    data.frombytes(encodings.to_jpeg(image, quality).data)
    message.data = data
    return message


def size_of(message: AnyImage) -> tuple[int, int]:
    """Width and height, without a look at the pixels. Raises ImageError where a message has none."""
    if isinstance(message, LocalImage):
        return message.pixels.shape[1], message.pixels.shape[0]
    if isinstance(message, PackedImage):
        return message.size
    if not message.width or not message.height:
        raise ImageError(f"the image is empty: {message.width}x{message.height}")
    return message.width, message.height
