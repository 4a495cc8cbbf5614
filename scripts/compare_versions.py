#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How long each stage takes in another version of this repository, and in the installed one: in one process, in turns.

    python3 scripts/compare_versions.py COMMIT

Needs fer_ros installed, and git, and no ROS: of the other version only what a frame goes through is loaded, by another name.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import math
import re
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from types import ModuleType, SimpleNamespace

from fer_ros import resources
from fer_ros.bench import footage
from fer_ros.bench.timing import alternate

ROOT = Path(__file__).resolve().parent.parent
OTHER = "fer_ros_before"


def unpack(commit: str, folder: Path) -> None:
    """Put a commit's package into a folder, under another name."""
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", commit, "fer_ros"], capture_output=True, check=False)
    if packed.returncode:
        sys.exit(f"git has no {commit} with fer_ros: {packed.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder)
    (folder / "fer_ros").rename(folder / OTHER)
    for file in (folder / OTHER).rglob("*.py"):
        file.write_text(re.sub(r"\bfer_ros(?=\.\w| import )", OTHER, file.read_text(encoding="utf-8")), encoding="utf-8")


def version(package: str) -> SimpleNamespace:
    """The stages of a package."""
    names = ("align", "classifier", "detector", "pipeline", "smoothing", "tracker")
    found = SimpleNamespace(**{name: _module(package, f"perception.{name}", f"core.{name}") for name in names},
                            session=_module(package, "models.inference", "core.session"))
    # The same models for both; the other version, which is not installed, finds none of its own.
    found.detector.model_file = found.classifier.model_file = resources.model_file
    found.session.share_directory = resources.share_directory
    return found


def _module(package: str, *names: str) -> ModuleType:
    """The first of some modules that the package has: it had other rooms once."""
    for name in names:
        if importlib.util.find_spec(f"{package}.{name.partition('.')[0]}"):
            try:
                return importlib.import_module(f"{package}.{name}")
            except ModuleNotFoundError as error:  # it had other dependencies, too
                sys.exit(f"that version needs {error.name}: pip install {error.name}")
    sys.exit(f"{package} has none of {', '.join(names)}")


def works(core: SimpleNamespace, images: dict[int, list]) -> dict[str, object]:
    """What is timed, by name, each a function without arguments."""
    inference = core.session.InferenceParams()

    def frame(faces: int) -> object:
        stage = core.pipeline.FaceStage(core.detector.DetectorParams(), core.tracker.TrackerParams(), inference)
        emotions = core.pipeline.EmotionStage(core.classifier.ClassifierParams(), core.align.AlignParams(),
                                              core.smoothing.SmoothingParams(), inference)
        numbers = itertools.count()

        def next_one() -> None:
            number = next(numbers)
            image = images[faces][number % len(images[faces])]
            emotions(image, stage(image, number / 30), number / 30)

        return next_one

    detector = core.detector.FaceDetector(core.detector.DetectorParams(), inference)

    def tracking(faces: int) -> object:
        found = [detector.detect(image) for image in images[faces]]
        tracker, numbers = core.tracker.Tracker(), itertools.count()

        def next_one() -> None:
            number = next(numbers)
            tracker.update(found[number % len(found)], number / 30)

        return next_one

    classifier, image = core.classifier.EmotionClassifier(), images[1][0]
    faces = detector.detect(image)
    grey = {"grey": True} if hasattr(classifier, "is_grey") else {}
    return {
        **{f"detection, {picture.shape[1]}x{picture.shape[0]}": lambda picture=picture: detector.detect(picture)
           for picture in [image, *images[0]]},
        "tracking, 1 face": tracking(1), "tracking, 16 faces": tracking(16),
        "crop": lambda: classifier._prepare(core.align.align_faces(image, faces, classifier.input_size, **grey)),
        "frame, 1 face": frame(1), "frame, 16 faces": frame(16),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("commit")
    parser.add_argument("--rounds", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        unpack(options.commit, Path(folder))
        sys.path.insert(0, folder)
        images = {1: footage.demo(640, 480, 8), 16: footage.pictures(640, 480, 16, 8),
                  0: [footage.demo(*size, 1)[0] for size in ((848, 480), (1280, 720), (1920, 1080), (3840, 2160))]}
        before, now = works(version(OTHER), images), works(version("fer_ros"), images)
        print(f"{'':20} {options.commit[:10]:>12} {'installed':>12} {'ratio':>7}    ms, median")
        for name in now:
            # Several at a time: not every frame is alike.
            taken = alternate({"before": before[name], "now": now[name]}, -(-options.rounds // 12), each=12)
            ratio = taken["now"].p50 / taken["before"].p50 if taken["before"].p50 else math.nan
            print(f"{name:20} {1e3 * taken['before'].p50:12.3f} {1e3 * taken['now'].p50:12.3f} {ratio:7.2f}")


if __name__ == "__main__":
    main()
