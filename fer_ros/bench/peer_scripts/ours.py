"""This package: detection, tracking, alignment, classification and smoothing of a frame, as its nodes do it."""

import itertools
import sys
from concurrent.futures import ThreadPoolExecutor

from common import serve

from fer_ros import Pipeline

pipeline = Pipeline(model=sys.argv[2], confidence_threshold=0.0)
# Frames are one film; each face of the data is somebody else, whom no time connects with the last.
stamps, last = itertools.count(), [None]


def detect(image):
    stamp = next(stamps) / 30
    if image.shape != last[0] or image.shape[0] == image.shape[1]:
        pipeline.faces.tracker.reset()
    last[0] = image.shape
    return image, pipeline.faces(image, stamp), stamp


def classify(image, found, stamp):
    return [emotion.label for emotion in pipeline.emotions(image, found, stamp)]


def analyse(image):
    return classify(*detect(image))


def analyse_all(images):
    """A frame is detected while the one before is classified."""
    with ThreadPoolExecutor(max_workers=1) as detector:
        return [classify(*found) for found in detector.map(detect, images)]


serve(sys.argv[1], analyse, analyse_all if sys.argv[3:] == ["overlapping"] else None)
