# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera's calibration, in the YAML format that ROS's camera_calibration writes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.parameters.yaml_text import read_file
from fer_ros.words import one_line

_RADIAL = ("equidistant", "fisheye")
_POLYNOMIALS = ("plumb_bob", "rational_polynomial")
_SIDEWAYS, _UPWARDS = (3, 8, 9), (2, 10, 11)
"""Places of the coefficients k1 k2 p1 p2 k3 k4 k5 k6 s1 s2 s3 s4 that shift a point alike on both sides of the axis: they
change their sign where left and right, or top and bottom, are exchanged."""
_TILT = 12  # the place of the first coefficient of a tilted sensor


@dataclass(frozen=True)
class Calibration:
    """What `sensor_msgs/CameraInfo` carries; matrices row by row, lengths 9, 9 and 12, lengths in pixels.

    Attributes:
        width, height: size of the images that it was made with.
    """

    width: int
    height: int
    distortion_model: str
    distortion: tuple[float, ...]
    camera_matrix: tuple[float, ...]
    rectification: tuple[float, ...]
    projection: tuple[float, ...]

    def flipped(self, flip: str) -> Calibration | None:
        """Of the images mirrored as the parameter `flip` says; None where it is not known how that changes the distortion.

        It is of plumb_bob, rational_polynomial (with thin prisms) and equidistant.
        """
        left_right, up_down = flip in ("horizontal", "both"), flip in ("vertical", "both")
        if not (left_right or up_down):
            return self
        distortion = list(self.distortion)
        if any(distortion) and self.distortion_model not in _RADIAL:
            if self.distortion_model not in _POLYNOMIALS or any(distortion[_TILT:]):
                return None
            for mirrored, places in ((left_right, _SIDEWAYS), (up_down, _UPWARDS)):
                for place in places if mirrored else ():
                    distortion[place : place + 1] = [-number for number in distortion[place : place + 1]]
        mirror = np.diag([-1.0 if left_right else 1.0, -1.0 if up_down else 1.0, 1.0])
        pixels = mirror.copy()
        pixels[:2, 2] = (left_right * (self.width - 1), up_down * (self.height - 1))
        camera, turn = (np.reshape(values, (3, 3)) for values in (self.camera_matrix, self.rectification))
        projected = pixels @ np.reshape(self.projection, (3, 4))
        projected[:, :3] = projected[:, :3] @ mirror
        return replace(self, distortion=tuple(distortion), camera_matrix=_numbers(pixels @ camera @ mirror),
                       rectification=_numbers(mirror @ turn @ mirror), projection=_numbers(projected))


def _numbers(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    """Row by row. Adding 0 makes 0 of -0, which people would wonder about."""
    return tuple(float(number) + 0.0 for number in matrix.ravel())


def load_calibration(path: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        ValueError: the file cannot be read or lacks something; the text names it.
    """
    try:
        content: Any = read_file(path)
    except ValueError as error:
        raise ValueError(f"calibration {error}") from None
    try:
        matrices = {
            name: tuple(float(value) for value in content[name]["data"])
            for name in ("camera_matrix", "distortion_coefficients", "rectification_matrix", "projection_matrix")
        }
        calibration = Calibration(
            width=int(content["image_width"]),
            height=int(content["image_height"]),
            distortion_model=str(content.get("distortion_model", "plumb_bob")),
            distortion=matrices["distortion_coefficients"],
            camera_matrix=matrices["camera_matrix"],
            rectification=matrices["rectification_matrix"],
            projection=matrices["projection_matrix"],
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(one_line(f"calibration {path} is not in the format of camera_calibration: missing or wrong {error}",
                                  500)) from error
    if calibration.width < 1 or calibration.height < 1:
        raise ValueError(f"calibration {path} is of {calibration.width}x{calibration.height} images")
    lengths = (len(calibration.camera_matrix), len(calibration.rectification), len(calibration.projection))
    if lengths != (9, 9, 12):
        raise ValueError(f"calibration {path}: its matrices have {lengths} numbers, not (9, 9, 12)")
    numbers = (*calibration.camera_matrix, *calibration.rectification, *calibration.projection, *calibration.distortion)
    if not np.isfinite(numbers).all():
        raise ValueError(f"calibration {path} has a number that is not finite")
    return calibration
