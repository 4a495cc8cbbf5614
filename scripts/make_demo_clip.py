#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Make demo/demo.mp4, the clip behind `source:=demo`, from one photograph in the public domain.

A virtual camera moves over a wall with two prints of scikit-image's `astronaut` (NASA's portrait of Eileen Collins),
the left one mirrored. 640x480, 30 frames per second, 12 s; the last frame continues to the first, so that the clip can
be looped. The same frames are drawn each time.

    seconds      frames     faces  what happens
     0.0 -  5.2    0 - 156  1      close (135 pixels wide), closer (220), then the picture turns by 12 degrees to the
                                   left (3.4) and to the right (4.6)
     5.2 -  6.5  157 - 194  0      the camera looks down; from 5.4 to 6.3 nothing of the face is in view
     6.5 -  8.0  195 - 239  1      the face comes back and grows smaller
     8.0 - 11.1  240 - 333  2      both prints; the light goes down to 45 % and up again (8.4 - 10.4), then far away
                                   (60 pixels wide)
    11.1 - 12.0  334 - 359  1      back to the start

The numbers of faces are those that YuNet finds in the encoded clip at 640x480, give or take a few frames in which a
face is cut by the border.

It needs `pip install numpy opencv-python-headless scikit-image av`. PyAV does the encoding because OpenCV's own writer
has no H.264 encoder in its wheels, and its MPEG-4 writer no bit rate to set: it would need four times the space.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import cv2
import numpy as np
from scipy.interpolate import PchipInterpolator
from skimage.data import astronaut

WIDTH, HEIGHT, FPS, SECONDS = 640, 480, 30, 12
LARGEST_FILE = 500_000
"""Bytes. The clip is part of the repository."""

WALL_WIDTH, WALL_HEIGHT = 1900, 1200
PHOTO = 512
"""Side of the photograph in pixels of the wall."""
LEFT_PRINT, RIGHT_PRINT = (320, 340), (976, 340)
"""Where the upper left corners of the two photographs hang on the wall."""
FACE = (RIGHT_PRINT[0] + 223, RIGHT_PRINT[1] + 120)
"""Centre of the right print's face, which is 90 pixels wide."""
MIDDLE = (FACE[0] + LEFT_PRINT[0] + PHOTO - 223) / 2
"""Half way between the two faces."""

# Second; the point of the wall in the middle of the view; pixels of the view per pixel of the wall; roll of the
# camera in degrees; brightness.
CAMERA = np.array(
    [
        (0.0, FACE[0] + 20, FACE[1] + 40, 1.50, 0.0, 1.0),
        (0.6, FACE[0] + 15, FACE[1] + 35, 1.55, 0.0, 1.0),
        (1.8, FACE[0], FACE[1] + 10, 2.40, 0.0, 1.0),
        (2.2, FACE[0], FACE[1] + 10, 2.40, 0.0, 1.0),
        (3.4, FACE[0] + 30, FACE[1] + 20, 1.60, 12.0, 1.0),
        (4.6, FACE[0] - 10, FACE[1] + 30, 1.40, -12.0, 1.0),
        (5.6, FACE[0] + 30, FACE[1] + 235, 1.50, -2.0, 1.0),
        (6.1, FACE[0] + 60, FACE[1] + 235, 1.50, 0.0, 1.0),
        (7.1, FACE[0] - 20, FACE[1] + 70, 1.20, 0.0, 1.0),
        (8.4, MIDDLE, FACE[1] + 110, 0.88, 0.0, 1.0),
        (9.4, MIDDLE, FACE[1] + 110, 0.86, 2.0, 0.45),
        (10.4, MIDDLE, FACE[1] + 130, 0.67, 0.0, 1.0),
        (10.7, MIDDLE, FACE[1] + 130, 0.67, 0.0, 1.0),
    ]
)


def wall() -> np.ndarray:
    """WALL_HEIGHT x WALL_WIDTH x 3 uint8, BGR: two framed prints on lit plaster."""
    y, x = np.mgrid[:WALL_HEIGHT, :WALL_WIDTH].astype(np.float32)
    light = 1.05 - 0.35 * np.hypot((x - 0.6 * WALL_WIDTH) / WALL_WIDTH, (y - 0.25 * WALL_HEIGHT) / WALL_HEIGHT)
    plaster = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, light.shape).astype(np.float32), (0, 0), 3)
    scene = np.array((168, 180, 186), np.float32) * (light + 0.06 * plaster)[..., None]

    photo = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR).astype(np.float32)
    for (left, top), picture in ((LEFT_PRINT, photo[:, ::-1]), (RIGHT_PRINT, photo)):
        shadow = np.zeros(light.shape, np.float32)
        _rectangle(shadow, left + 10, top + 16, 52, 1.0)
        scene *= 1 - 0.5 * cv2.GaussianBlur(shadow, (0, 0), 14)[..., None]
        _rectangle(scene, left, top, 52, (38, 44, 52))
        _rectangle(scene, left, top, 40, (236, 240, 242))
        _rectangle(scene, left, top, 2, (190, 195, 198))
        scene[top : top + PHOTO, left : left + PHOTO] = picture
    return np.clip(np.rint(scene), 0, 255).astype(np.uint8)


def _rectangle(image: np.ndarray, left: int, top: int, margin: int, value: float | tuple[int, int, int]) -> None:
    image[top - margin : top + PHOTO + margin, left - margin : left + PHOTO + margin] = value


def camera_path() -> np.ndarray:
    """(frames, 5): centre x, centre y, zoom, roll in degrees and brightness of each frame.

    Monotone between the keyframes (Fritsch & Carlson, 1980), so that a view that is held does not swing.
    """
    before, after = CAMERA[-2:].copy(), CAMERA[:2].copy()
    before[:, 0] -= SECONDS
    after[:, 0] += SECONDS
    keys = np.concatenate([before, CAMERA, after])
    return PchipInterpolator(keys[:, 0], keys[:, 1:])(np.arange(SECONDS * FPS) / FPS)


def view(scene: np.ndarray, x: float, y: float, zoom: float, roll: float, brightness: float) -> np.ndarray:
    """What the camera sees: HEIGHT x WIDTH x 3 uint8, BGR."""
    # Drawn twice as large and reduced, because the warp alone would skip pixels where the camera is far away.
    matrix = cv2.getRotationMatrix2D((x, y), roll, 2 * zoom)
    matrix[:, 2] += (WIDTH - x, HEIGHT - y)
    large = cv2.warpAffine(
        scene, matrix, (2 * WIDTH, 2 * HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    image = cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.convertScaleAbs(image, alpha=brightness)


def write(path: Path) -> None:
    """Draw and encode the clip.

    Raises:
        RuntimeError: the file is larger than LARGEST_FILE.
    """
    scene = wall()
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        # No frame refers to a later one, so that a reader gets each frame as soon as it asks; one thread, so that the
        # file does not depend on the machine's cores.
        stream.options = {"crf": "28", "preset": "veryslow", "bf": "0", "threads": "1", "x264-params": "threads=1"}
        for row in camera_path():
            frame = av.VideoFrame.from_ndarray(view(scene, *row), format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise RuntimeError(f"{path} has {size} bytes, more than {LARGEST_FILE}: raise crf")
    print(f"{path}: {SECONDS * FPS} frames, {size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the demo clip from a photograph in the public domain.")
    parser.add_argument(
        "output", nargs="?", type=Path, default=Path(__file__).resolve().parents[1] / "demo" / "demo.mp4"
    )
    write(parser.parse_args().output)
