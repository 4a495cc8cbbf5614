#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
