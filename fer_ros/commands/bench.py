# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros bench`: measurements on this machine, as a table and as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from fer_ros.commands import bench_board, bench_faults, bench_many, bench_privacy, bench_speed
from fer_ros.commands.arguments import count, factor, share, threads
from fer_ros.commands.measuring import Rows, measured_by

if TYPE_CHECKING:
    from fer_ros.bags.annotate import Recording

DETECTORS = ["face_detection_yunet_2023mar.onnx", "centerface.onnx"]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("bench", help="measure detector, tracker, ... on this machine")
    kinds = parser.add_subparsers(title="what to measure", metavar="WHAT", required=True)
    tracker = kinds.add_parser(
        "tracker", help="how well ids stay with people",
        description="Scripted scenes with a detector's faults (3 % jitter, 3 % missed, false alarms), whose truth is known.",
    )
    tracker.add_argument("--takes", type=count, default=40, metavar="N", help="of each scene (default: 40)")
    tracker.add_argument("--fps", type=count, nargs="+", default=[30, 10], metavar="N", help="frame rates (default: 30 10)")
    measured_by(tracker, _tracker)
    detector = kinds.add_parser(
        "detector", help="which faces are found, and how fast",
        description="Recall of the face detector at a precision, on photographs with known boxes, for several inference "
                    "sizes.",
    )
    detector.add_argument("folder", type=Path, metavar="FOLDER", help="photographs, and faces.json with their boxes: "
                          '{"a.jpg": [{"box": [x, y, width, height], "easy": true, "invalid": false}]}')
    _add_models(detector)
    detector.add_argument("--sizes", type=count, nargs="+", default=[320, 640, 1024, 1280], metavar="PX",
                          help="inference sizes (default: 320 640 1024 1280)")
    detector.add_argument("--smallest", type=count, default=24, metavar="PX", help="faces below are left out (default: 24)")
    detector.add_argument("--precision", type=share, default=0.9, help="at which recall is given (default: 0.9)")
    detector.add_argument("--groups", nargs="+", default=["easy", "medium"], metavar="NAME",
                          help="of faces, as faces.json names them, or all (default: easy medium)")
    detector.add_argument("--threads", type=threads, default=1, metavar="N", help="of the detector (default: 1)")
    measured_by(detector, _detector)
    smoothing = kinds.add_parser(
        "smoothing", help="how calm and how late a label is",
        description="Every way of smoothing on the frames of a recording: changes of the label, and labels that are shown for "
                    "less than 0.25 s; with --truth also changes where nothing happens (flips), and seconds from each real "
                    "change to the right label.",
    )
    smoothing.add_argument("table", type=Path, metavar="TABLE.csv",
                           help="written by fer-ros annotate --table, with --set steady_period=0 so that each frame says "
                                "something of its own; its face with most rows is taken")
    smoothing.add_argument("--truth", metavar="'SECONDS LABEL, ...'",
                           help="what the face shows from when on, ? where nobody could say: '0 neutral, 0.6 happy'")
    smoothing.add_argument("--neutral-prior", type=factor, default=1.0, metavar="FACTOR",
                           help="how many times neutral counts, as the emotion node's parameter of that name; what a "
                                "model's file says is in the node's diagnostics (default: 1)")
    smoothing.add_argument("--rare-prior", type=factor, default=1.0, metavar="FACTOR",
                           help="how many times disgust and fear count, likewise (default: 1)")
    measured_by(smoothing, _smoothing)

    alignment = kinds.add_parser(
        "alignment", help="what cutting faces out upright is worth",
        description="FER2013's PublicTest faces, tilted, found again by the detector, cut out as they are, upright and by the "
                    "true roll, and classified: how many are found, and how many of these as most people say (FER+); how many "
                    "of these are found again as known faces, from near, and how many of those are right.",
    )
    alignment.add_argument("--data", type=Path, required=True, metavar="DIR",
                           help="with fer2013.csv and fer2013new.csv")
    _add_models(alignment)
    alignment.add_argument("--rolls", type=int, nargs="+", default=[0, 15, 30, 45], metavar="DEGREES",
                           help="(default: 0 15 30 45)")
    alignment.add_argument("--margins", type=float, nargs="+", default=[-0.1, -0.05, 0.05, 0.1, 0.2], metavar="M",
                           help="of the crop, at the first roll (default: -0.1 -0.05 0.05 0.1 0.2)")
    alignment.add_argument("--faces", type=count, default=800, metavar="N", help="of the data, drawn by chance (default: 800)")
    alignment.add_argument("--size", type=count, default=130, metavar="PX", help="that a face spans (default: 130)")
    measured_by(alignment, _alignment)

    stillness = kinds.add_parser(
        "stillness", help="what a box that does not tremble is worth",
        description="By how much the probabilities of single frames change from one to the next, for several cut-offs of the "
                    "filter that steadies boxes: in a video, and in one frame of it with camera noise.",
    )
    stillness.add_argument("video", metavar="VIDEO", help="whose first face is looked at")
    stillness.add_argument("--cutoffs", type=float, nargs="+", default=[0, 0.5, 1, 2], metavar="HZ",
                           help="box_cutoff; 0 is without (default: 0 0.5 1 2)")
    stillness.add_argument("--noise", type=float, nargs="+", default=[8, 20], metavar="LEVELS",
                           help="standard deviations of the noise (default: 8 20)")
    stillness.add_argument("--frame", type=count, default=30, metavar="N", help="that gets the noise (default: the 30th)")
    measured_by(stillness, _stillness)
    bench_board.add_to(kinds)
    bench_speed.add_to(kinds)
    bench_faults.add_to(kinds)
    bench_privacy.add_to(kinds)
    bench_many.add_to(kinds)


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", nargs="+", default=DETECTORS, metavar="FILE",
                        help=f"face detectors (default: {' '.join(DETECTORS)})")


def _detector(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import detection
    from fer_ros.models.inference import InferenceParams
    from fer_ros.perception.detector import DetectorParams, FaceDetector

    groups = options.groups
    table = Table("model", "inference_size", *(f"{group}: recall (from score)" for group in groups),
                  *(f"{group}, as WIDER counts" for group in groups), "ms an image")
    rows = []
    paths, known = detection.load(options.folder)
    inference = InferenceParams(threads=options.threads)
    for model, size in itertools.product(options.models, options.sizes):
        params = DetectorParams(model=model, inference_size=size)
        every = dataclasses.replace(params, score_threshold=0.05, max_faces=1000)  # their scores say what a threshold gives
        found, seconds = detection.measure(FaceDetector(every, inference).detect, FaceDetector(params, inference).detect,
                                           paths, known, groups, options.smallest)
        cells = []
        for as_wider, (group, counts) in itertools.product((False, True), found.items()):
            if not counts.wanted:
                raise ValueError(f"no face of {options.smallest} px or more is in the group {group}")
            recall, score = counts.at_precision(options.precision, as_wider)
            rows.append({"model": model, "inference_size": size, "group": group, "faces": counts.wanted, "as_wider": as_wider,
                         "recall": recall, "score": score, "precision": options.precision, "seconds": seconds})
            cells.append(f"{recall:.3f} of {counts.wanted} ({score:.2f})")
        table.add_row(Path(model).stem, str(size), *cells, f"{1e3 * seconds:.1f}")
    return table, rows


def _alignment(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import alignment
    from fer_ros.models.inference import InferenceParams
    from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
    from fer_ros.perception.detector import DetectorParams, FaceDetector
    from fer_ros.training.data import validation_faces

    images, truth = validation_faces(options.data, options.faces)
    classify = EmotionClassifier(ClassifierParams(), InferenceParams())
    table = Table("model", "roll", "margin", "found", *alignment.WAYS, "found again", "right again, upright")
    rows = []
    steps = [(roll, 0.0) for roll in options.rolls] + [(options.rolls[0], margin) for margin in options.margins]
    detectors = [(model, FaceDetector(DetectorParams(model=model))) for model in options.models]
    for (model, detector), (roll, margin) in itertools.product(detectors, steps):
        cut = alignment.measure(images, truth, detector.detect, detector.follow, classify, classify.input_size, options.size,
                                math.radians(roll), margin)
        rows.append({"model": model, "roll": roll, "margin": margin, "faces": len(images), "found": cut.found, **cut.right,
                     "found again": cut.again, "right again": cut.right_again})
        table.add_row(Path(model).stem, f"{roll}°", f"{margin:g}", f"{cut.found:.1%}",
                      *(f"{share:.1%}" for share in (*cut.right.values(), cut.again, cut.right_again)))
    return table, rows


def _stillness(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bags.annotate import in_seconds
    from fer_ros.bench import stillness
    from fer_ros.models.inference import InferenceParams
    from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier

    with _recording(options.video) as recording:
        still = next(itertools.islice(recording, options.frame - 1, None), None)
    if still is None:
        raise ValueError(f"{options.video} has no frame number {options.frame}")
    classify = EmotionClassifier(ClassifierParams(), InferenceParams())
    table = Table("frames", *(f"box_cutoff {cutoff:g}" for cutoff in options.cutoffs))
    rows = []
    for noise in (0.0, *options.noise):
        cells = []
        for cutoff in options.cutoffs:
            with _recording(options.video) as recording:
                seen = stillness.noisy(still.image, noise, 60) if noise else (
                    (in_seconds(frame.stamp), frame.image) for frame in recording)
                found = stillness.change(seen, cutoff, classify, classify.input_size)
            rows.append({"noise": noise, "box_cutoff": cutoff, "change": found})
            cells.append(f"{found:.4f}")
        table.add_row(f"number {options.frame}, noise {noise:g}" if noise else "the video", *cells)
    return table, rows


def _recording(video: str) -> Recording:
    from fer_ros.bags.annotate import Recording
    from fer_ros.media.frames import SourceUnavailable
    from fer_ros.media.source_name import SourceError

    try:
        return Recording(video)
    except (SourceError, SourceUnavailable) as error:
        raise ValueError(str(error)) from None


def _tracker(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import tracking
    from fer_ros.perception.tracker import TrackerParams

    table = Table("scene", "fps", "people", "MOTA", "id switches", "of these swaps")
    rows = []
    for scene in tracking.SCENES:
        for fps in options.fps:
            found = tracking.measure(scene, fps, options.takes, TrackerParams())
            rows.append({"scene": scene, "fps": fps, "people": found.people, "truths": found.truths, "misses": found.misses,
                         "false_alarms": found.false_alarms, "switches": found.switches, "swaps": found.swaps,
                         "mota": found.mota})
            table.add_row(scene, str(fps), str(found.people), f"{found.mota:.3f}", str(found.switches), str(found.swaps))
    return table, rows


def _smoothing(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import smoothing

    truth = [] if options.truth is None else smoothing.read_truth(options.truth)
    series = smoothing.read_table(options.table)
    table = Table("smoothing", "changes a minute", f"under {smoothing.SHORT:g} s",
                  *(["flips a minute", "flips", "delays in s"] if truth else []))
    rows = []
    for name, params in smoothing.METHODS.items():
        found = smoothing.measure(series, truth, params, options.neutral_prior, options.rare_prior)
        delays = [round(delay, 3) if math.isfinite(delay) else None for delay in found.delays]
        row = {"smoothing": name, "changes": len(found.spells), "length": found.length, "short": found.short}
        cells = [name, f"{found.changes_a_minute:.0f}", str(found.short)]
        if truth:
            row |= {"flips": found.flips, "minutes": found.minutes, "delays": delays}
            cells += [f"{found.flips_a_minute:.0f}", str(found.flips),
                      ", ".join("never" if delay is None else f"{delay:.2f}" for delay in delays)]
        rows.append(row)
        table.add_row(*cells)
    return table, rows
