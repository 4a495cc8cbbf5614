# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How FER2013 frames its faces, seen through the detector: `python -m fer_ros.training.framing --data DIR --detector FILE`.

The emotion node has to cut faces as the training data does. This runs YuNet on the PublicTest faces, enlarged and set
in a flat border, and prints the two numbers of `fer_ros.perception.align`: the side of a FER2013 image and how far its centre
lies below the box's, both in units of the box's size (the square root of its area).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.align import AlignParams, align_faces
from fer_ros.perception.detector import DetectorParams, FaceDetector
from fer_ros.training.data import load
from fer_ros.training.pictures import FACE_SIZE

ENLARGED = 160
BORDER = 80
SURE = 0.7
"""The score from which on a found face counts."""


def finder() -> FaceDetector:
    """The package's own detector as sets are framed with it; one instance serves one thread."""
    return FaceDetector(DetectorParams(score_threshold=SURE))


def crop(picture: NDArray[Any], detector: FaceDetector) -> NDArray[Any] | None:
    """The face in an (H, W) uint8 grey picture as the node cuts it, (48, 48) uint8: upright, and framed as FER2013's are.

    The largest one of several; None where none is found.
    """
    large, _, _ = _set_in(picture)
    found = detector.detect(large)
    if not found:
        return None
    largest = max(found, key=lambda face: face.box.area)
    cut: NDArray[Any] = align_faces(large, [largest], FACE_SIZE, AlignParams(), grey=True)[0]
    return cut


def framing(images: NDArray[Any], detector: FaceDetector) -> NDArray[Any]:
    """(M, 3) float64 of side, shift to the right, shift down, for the M of (N, 48, 48) faces with one clear detection."""
    rows = []
    for face in images:
        large, middle, side = _set_in(face)
        found = detector.detect(large)
        if len(found) == 1:
            box = found[0].box
            size = box.area**0.5
            rows.append((side / size, (middle - box.cx) / size, (middle - box.cy) / size))
    return np.array(rows)


def _set_in(picture: NDArray[Any]) -> tuple[NDArray[Any], float, float]:
    """A picture large enough for the detector, in a flat border, as BGR; the middle of its width there, and its width."""
    scale = ENLARGED / min(picture.shape)
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how)
    large = cv2.copyMakeBorder(large, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_CONSTANT, value=int(picture.mean()))
    width = large.shape[1] - 2 * BORDER
    return cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), BORDER + width / 2, width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with fer2013.csv")
    parser.add_argument("--detector", type=Path, required=True, help="YuNet's ONNX file")
    arguments = parser.parse_args()
    images = load(arguments.data).splits["validation"].images
    detector = FaceDetector(DetectorParams(model=str(arguments.detector.absolute()), score_threshold=SURE))
    found = framing(images, detector)
    print(f"{len(found)} of {len(images)} faces of {FACE_SIZE} px found once")
    for name, column in zip(("side", "right", "down"), found.T, strict=True):
        low, median, high = np.percentile(column, (10, 50, 90))
        print(f"{name:>5}: median {median:.3f}, 10 to 90 %: {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
