# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images made smaller or larger."""

from __future__ import annotations

from typing import Any

import cv2
from numpy.typing import NDArray


def resized(image: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """An image in another size: as it is where that is its size already, otherwise a copy.

    Made smaller it is halved as often as both sides can be, and then interpolated, which skips no pixel down to a half: OpenCV
    averages two by two pixels much faster than other areas. Other areas are averaged where more than that is left, because
    a side is odd or the aspect changes.

    Args:
        image: HxW or HxWxC.
    """
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width and not (image.shape[0] % 2 or image.shape[1] % 2):
        image = cv2.resize(image, (image.shape[1] // 2, image.shape[0] // 2), interpolation=cv2.INTER_AREA)
    if image.shape[:2] == (height, width):
        return image
    much = image.shape[0] >= 2 * height or image.shape[1] >= 2 * width  # and of an odd size
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if much else cv2.INTER_LINEAR)
