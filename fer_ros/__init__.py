# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Real-time facial emotion recognition for ROS 2, and for Python without ROS.

Frames in, what every face in them shows out:

    from fer_ros import Pipeline, open_source

    pipeline = Pipeline(inference_size=640)            # any parameter of detector and emotion stage, by name
    for frame in open_source("video.mp4"):             # a camera, a video, a folder, a stream, an array of your own
        for emotion in pipeline(frame.image, frame.stamp):
            print(frame.stamp, emotion.face_id, emotion.label, emotion.confidence, emotion.probabilities)

What there is:

    Pipeline            an image and its stamp -> a list of Emotion; in `events` who appeared, changed or left with it
    open_source         a camera, a video, a folder, a stream or arrays -> frames with image, stamp and number
    draw_overlay        an image and its emotions -> the image with boxes, labels and bars
    FaceDetector        an image -> a list of Face
    EmotionClassifier   faces that are cut out -> (N, 7) probabilities in the order of EMOTIONS
    Emotion, Face, Box  what is answered: plain values that can be compared, and become dictionaries and rows of a table
    EMOTIONS            the seven emotions, in the one order that every array uses

Conventions:

- An image is a numpy array of uint8, (height, width, 3), blue, green, red, as OpenCV reads it. Grey (height, width) and BGRA
  (height, width, 4) are understood as well; `encoding="rgb8"` or `"rgba8"` says that an array is RGB or RGBA.
- Lengths are pixels of the image that was given, x to the right and y down; angles are radians, times seconds.
- Probabilities are float32 and sum to 1. A face whose best one is below `confidence_threshold` is labelled `uncertain`.
- A wrong argument is a TypeError or a ValueError, a model or a file that is not there a FileNotFoundError; for sources see
  `open_source`. The text says what is right.

A table for pandas, one row for each face in each frame:

    rows = [{"stamp": frame.stamp, **emotion.to_row()}
            for frame in open_source("video.mp4") for emotion in pipeline(frame.image, frame.stamp)]
    table = pandas.DataFrame(rows)

No ROS installation is needed for this, and none is started. The ROS 2 graph is in `fer_ros.ros` and `fer_ros.nodes`; its
messages are in `fer_ros.msg`. `fer-ros --help` tells of the commands, docs/ of everything else.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fer_ros.drawing.overlay import draw_overlay
    from fer_ros.labels import EMOTIONS
    from fer_ros.media.source import open_source
    from fer_ros.perception.classifier import EmotionClassifier
    from fer_ros.perception.detector import FaceDetector
    from fer_ros.perception.pipeline import Pipeline
    from fer_ros.types import Box, Emotion, Face
    from fer_ros.version import __version__

__all__ = [
    "EMOTIONS",
    "Box",
    "Emotion",
    "EmotionClassifier",
    "Face",
    "FaceDetector",
    "Pipeline",
    "__version__",
    "draw_overlay",
    "open_source",
]

# Before OpenCV is imported anywhere: what it and FFmpeg print about a file or camera that they cannot read, this package
# says itself, once and with what to do.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# Loaded when they are first asked for: a message needs none of it.
_PLACES = {
    "Box": "fer_ros.types",
    "EMOTIONS": "fer_ros.labels",
    "Emotion": "fer_ros.types",
    "EmotionClassifier": "fer_ros.perception.classifier",
    "Face": "fer_ros.types",
    "FaceDetector": "fer_ros.perception.detector",
    "Pipeline": "fer_ros.perception.pipeline",
    "__version__": "fer_ros.version",
    "draw_overlay": "fer_ros.drawing.overlay",
    "open_source": "fer_ros.media.source",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
