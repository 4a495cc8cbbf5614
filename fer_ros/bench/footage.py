# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Pictures with as many faces as are wanted: the demo clip's face, pasted side by side."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np

from fer_ros import FaceDetector, open_source
from fer_ros.types import Image

MOST_FACES = 32


def face_picture() -> Image:
    """A face and what is around it, square, as the demo clip begins."""
    with open_source("demo") as source:
        frame = next(source).image
    box = FaceDetector()(frame)[0].box
    half = 0.55 * max(box.width, box.height)
    left, top, right, bottom = (round(value) for value in (box.cx - half, box.cy - half, box.cx + half, box.cy + half))
    return frame[max(top, 0) : bottom, max(left, 0) : right]


def pictures(width: int, height: int, faces: int, count: int, columns: int = 8) -> list[Image]:
    """Frames with faces that move a little, all of one size however many there are.

    Args:
        width, height: of a frame, in pixels.
        faces: up to `MOST_FACES`.
        count: how many different frames.
        columns: of the grid that the faces stand on; with fewer they are larger.

    Returns:
        HxWx3 uint8 BGR images.
    """
    rows = max(columns // 2, 1)
    if not 0 <= faces <= rows * columns:
        raise ValueError(f"{faces} faces do not fit on {columns} x {rows} places")
    side = min(width // columns, height // rows)
    patch = cv2.resize(face_picture(), (round(0.9 * side),) * 2, interpolation=cv2.INTER_AREA)
    rng = np.random.default_rng(0)
    ground: Image = np.asarray(cv2.resize(rng.integers(90, 130, (height // 16 + 1, width // 16 + 1, 3), np.uint8),
                                          (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    # The middle of the frame first.
    cells = sorted(itertools.product(range(rows), range(columns)),
                   key=lambda cell: (cell[0] - (rows - 1) / 2) ** 2 + (cell[1] - (columns - 1) / 2) ** 2)[:faces]
    made = []
    for number in range(count):
        frame = ground.copy()
        sway = round(0.04 * side * (1 + np.sin(2 * np.pi * number / count)))
        for row, column in cells:
            top, left = row * height // rows + sway, column * width // columns + sway
            frame[top : top + patch.shape[0], left : left + patch.shape[1]] = patch
        made.append(frame)
    return made


def demo(width: int, height: int, count: int) -> list[Image]:
    """Frames of the demo clip's first seconds, in which one face is to be seen, scaled."""
    with open_source("demo", width=width, height=height) as source:
        every = [next(source).image for _ in range(120)]
    return [np.ascontiguousarray(every[number * len(every) // count]) for number in range(count)]


def film(path: Path, frames: list[Image], fps: float) -> None:
    """Write frames as a Motion JPEG video, which is what most cameras send. Raises OSError where that cannot be done."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    if not writer.isOpened():
        raise OSError(f"cannot write {path}: this OpenCV writes no Motion JPEG")
    for frame in frames:
        writer.write(frame)
    writer.release()
    capture = cv2.VideoCapture(str(path))
    written = sum(1 for _ in iter(capture.grab, False))
    capture.release()
    if written != len(frames):  # OpenCV does not tell that the disk is full
        raise OSError(f"cannot write {path}: {written} of {len(frames)} frames are there: is the disk full?")
