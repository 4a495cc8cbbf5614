#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Make docs/images/overlay.jpg: the overlay on the demo clip where both faces are in view.

    python3 scripts/draw_overlay_picture.py

The clip is answered as fast as this machine can; the picture says how long an answer took, in the median, and the clip's rate.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import cv2

from fer_ros import Pipeline, draw_overlay, open_source
from fer_ros.drawing.overlay import OverlayLayout

_OUT = Path(__file__).parents[1] / "docs" / "images" / "overlay.jpg"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--second", type=float, default=8.8, help="which moment of the clip (%(default)s)")
    parser.add_argument("-o", "--out", type=Path, default=_OUT, help="picture to write (%(default)s)")
    options = parser.parse_args()
    pipeline, layout, took = Pipeline(), OverlayLayout(), []
    begin, before = None, None
    for frame in open_source("demo"):
        started = time.perf_counter()
        emotions = pipeline(frame.image, frame.stamp)
        took.append(time.perf_counter() - started)
        rate = None if before is None else 1 / (frame.stamp - before)
        begin, before = frame.stamp if begin is None else begin, frame.stamp
        picture = draw_overlay(frame.image, emotions, fps=rate, latency=statistics.median(took), layout=layout)
        if frame.stamp - begin >= options.second:
            cv2.imwrite(str(options.out), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
            return 0
    parser.error(f"the clip ends before second {options.second}")


if __name__ == "__main__":
    raise SystemExit(main())
