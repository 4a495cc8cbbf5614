"""A camera's calibration, in the YAML format that ROS's camera_calibration writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_ros.parameters.yaml_text import read_file
from fer_ros.words import one_line


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
