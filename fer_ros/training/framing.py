"""How FER2013 frames its faces, seen through the detector: `python -m fer_ros.training.framing --data DIR --detector FILE`.

The emotion node has to cut faces as the training data does. This runs YuNet on the PublicTest faces, enlarged and set
in a flat border, and prints the two numbers of `fer_ros.core.align`: the side of a FER2013 image and how far its centre
lies below the box's, both in units of the box's size (the square root of its area).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from fer_ros.core.detector import DetectorParams, FaceDetector
from fer_ros.training.data import FACE_SIZE, load

ENLARGED = 160
BORDER = 80


def framing(images: np.ndarray, detector: FaceDetector) -> np.ndarray:
    """(M, 3) float64 of side, shift to the right, shift down, for the M of (N, 48, 48) faces with one clear detection."""
    rows = []
    for face in images:
        large = cv2.resize(face, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC)
        large = cv2.copyMakeBorder(large, BORDER, BORDER, BORDER, BORDER, cv2.BORDER_CONSTANT, value=int(face.mean()))
        found = detector.detect(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR))
        if len(found) == 1:
            box = found[0].box
            middle, size = BORDER + ENLARGED / 2, box.area**0.5
            rows.append((ENLARGED / size, (middle - box.cx) / size, (middle - box.cy) / size))
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with fer2013.csv")
    parser.add_argument("--detector", type=Path, required=True, help="YuNet's ONNX file")
    arguments = parser.parse_args()
    images = load(arguments.data).splits["validation"].images
    detector = FaceDetector(DetectorParams(model=str(arguments.detector.absolute()), score_threshold=0.7))
    found = framing(images, detector)
    print(f"{len(found)} of {len(images)} faces of {FACE_SIZE} px found once")
    for name, column in zip(("side", "right", "down"), found.T, strict=True):
        low, median, high = np.percentile(column, (10, 50, 90))
        print(f"{name:>5}: median {median:.3f}, 10 to 90 %: {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
