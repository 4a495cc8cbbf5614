# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What several unit tests need. None of them needs ROS, a camera or a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.perception.detector import DetectorParams, FaceDetector


@pytest.fixture(scope="session")
def demo_frames() -> dict[int, np.ndarray]:
    """Every tenth frame of the demo clip by its number; demo/README.md says what is seen when."""
    source = open_source(SourceParams(source="demo", realtime=False))
    frames = {}
    for number in range(360):
        image = source.read()
        if number % 10 == 0:
            image.flags.writeable = False
            frames[number] = image
    return frames


@pytest.fixture(scope="session")
def detector() -> FaceDetector:
    return FaceDetector(DetectorParams())


@pytest.fixture(scope="session", params=["face_detection_yunet_2023mar.onnx", "centerface.onnx"])
def any_detector(request) -> FaceDetector:
    """Each of the networks."""
    return FaceDetector(DetectorParams(model=request.param))


def grey(level: int, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture(scope="session")
def numbered() -> Callable[[int], list[np.ndarray]]:
    """Frames that tell their number by their grey level: 20, 40, 60, ..."""
    return lambda count: [grey(20 + 20 * i) for i in range(count)]


@pytest.fixture(scope="session")
def number_of() -> Callable[[np.ndarray], int]:
    """Which of the `numbered` frames an image is; half a step of compression noise is allowed."""
    return lambda image: round((float(image.mean()) - 20) / 20)


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    def write(path: Path, frames: Iterable[np.ndarray], fps: float = 25.0) -> Path:
        frames = list(frames)
        codec = cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
        writer = cv2.VideoWriter(str(path), codec, fps, (frames[0].shape[1], frames[0].shape[0]))
        assert writer.isOpened()
        for frame in frames:
            writer.write(frame)
        writer.release()
        return path

    return write
