# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images to arrays and back: as this package does it, as cv_bridge does it, and as a plain copy."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from fer_ros.bench.timing import Spread, alternate
from fer_ros.ros.images import from_bgr, to_bgr

# Channels, and what OpenCV calls the way to bgr8; None where there is none to go.
ENCODINGS: dict[str, tuple[int, int | None]] = {
    "bgr8": (3, None), "rgb8": (3, cv2.COLOR_RGB2BGR), "bgra8": (4, cv2.COLOR_BGRA2BGR), "rgba8": (4, cv2.COLOR_RGBA2BGR),
    "mono8": (1, cv2.COLOR_GRAY2BGR), "yuv422_yuy2": (2, cv2.COLOR_YUV2BGR_YUY2), "bayer_rggb8": (1, cv2.COLOR_BayerBG2BGR),
}


def message(encoding: str, width: int, height: int) -> Image:
    """An image of noise."""
    channels, _ = ENCODINGS[encoding]
    made = Image(header=Header(), width=width, height=height, encoding=encoding, step=width * channels)
    made.data = array.array("B", np.random.default_rng(0).integers(0, 256, height * width * channels, np.uint8).tobytes())
    return made


def by_cv_bridge(image: Image) -> NDArray[Any]:
    """What `CvBridge.imgmsg_to_cv2(image, "bgr8")` does: an array of the message's memory, then OpenCV's conversion."""
    channels, conversion = ENCODINGS[image.encoding]
    shape = (image.height, image.width, channels) if channels > 1 else (image.height, image.width)
    seen: NDArray[Any] = np.ndarray(shape, np.uint8, image.data)
    return seen if conversion is None else cv2.cvtColor(seen, conversion)


def back_by_cv_bridge(pixels: NDArray[Any]) -> Image:
    """What `CvBridge.cv2_to_imgmsg(pixels, "bgr8")` does: the bytes through `tobytes`, which is one copy more."""
    height, width = pixels.shape[:2]
    made = Image(height=height, width=width, encoding="bgr8", step=3 * width)
    data = array.array("B")
    data.frombytes(pixels.tobytes())
    made.data = data
    return made


def measure(encoding: str, width: int, height: int, rounds: int) -> dict[str, Spread]:
    """Durations of `to_bgr` and its alternatives for an encoding; for bgr8 also of the way back."""
    image = message(encoding, width, height)
    works: dict[str, Callable[[], object]] = {
        "to array": lambda: to_bgr(image),
        "to array, cv_bridge's way": lambda: by_cv_bridge(image),
        "a copy": lambda: np.frombuffer(image.data, np.uint8).copy(),
    }
    if encoding == "bgr8":
        pixels = to_bgr(image).copy()
        works |= {"to message": lambda: from_bgr(pixels, image.header),
                  "to message, cv_bridge's way": lambda: back_by_cv_bridge(pixels)}
    return alternate(works, rounds)
