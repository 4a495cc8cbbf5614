#!/usr/bin/env python3
"""Tell how long each face of a video shows what. No ROS is needed.

    python3 examples/summarise_video.py video.mp4

A camera (0), a folder of images, a stream's URL and `demo` work as well; Ctrl-C ends those without an end.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from fer_ros import Pipeline, open_source


def shares(source: str, pipeline: Pipeline) -> dict[str, Counter[str]]:
    """Seconds for which each face, by its id, has shown each label."""
    shown: dict[str, Counter[str]] = {}
    last = 0.0
    try:
        for frame in open_source(source):
            for emotion in pipeline(frame.image, frame.stamp):
                shown.setdefault(emotion.face_id, Counter())[emotion.label] += frame.stamp - last
            last = frame.stamp
    except KeyboardInterrupt:
        pass
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", help="a video, a folder of images, a camera's index, a URL, or demo")
    options = parser.parse_args()
    try:
        shown = shares(options.source, Pipeline())
    except Exception as error:  # of a source or a model: the text says what to do
        print(f"summarise_video: {error}", file=sys.stderr)
        return 1
    for face, labels in shown.items():
        print(f"face {face}: " + ", ".join(f"{label} {seconds:.1f} s" for label, seconds in labels.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
