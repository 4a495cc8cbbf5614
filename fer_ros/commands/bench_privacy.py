# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros bench privacy`: whether face recognition still knows people whose faces are anonymized."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from fer_ros.commands.arguments import count
from fer_ros.commands.measuring import Rows, measured_by
from fer_ros.parameters.privacy_params import BOX, CELLS, MARGIN, MODES, NONE, PrivacyParams


def add_to(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    privacy = kinds.add_parser(
        "privacy", help="whether anonymized faces are still recognised",
        description="Videos through detector, tracker and anonymize, each as it is, with its largest face made small and "
                    "large, and rolled by 30°. The face recognition of face-api looks at some frames, clean and anonymized: "
                    "which share of the faces that it knows when they are clean it takes for the same person as in any "
                    "clean frame (a distance below "
                    "0.6), by what is where the face was or by a face that it finds there; and the distance that 99 of 100 "
                    "are beyond. Needs Node.js and npm; "
                    "@vladmandic/face-api is installed from npm.",
    )
    privacy.add_argument("videos", nargs="+", metavar="VIDEO", help="with people")
    privacy.add_argument("--env", type=Path, required=True, metavar="DIR",
                         help="for what is installed; kept for the next time, and for fer-ros bench peers")
    privacy.add_argument("--modes", nargs="+", choices=MODES[1:], default=list(MODES[1:]), metavar="MODE",
                         help=f"(default: {' '.join(MODES[1:])})")
    privacy.add_argument("--margin", type=float, default=MARGIN, metavar="M", help=f"(default: {MARGIN:g})")
    privacy.add_argument("--cells", type=count, nargs="+", default=[CELLS], metavar="N",
                         help=f"of blur and pixelate, across a face (default: {CELLS})")
    privacy.add_argument("--views", nargs="+", metavar="NAME", help="of the ways to look, or a part of a name (default: all)")
    privacy.add_argument("--frames", type=count, default=10, metavar="N",
                         help="of each video and each way, at which recognition looks (default: 10)")
    privacy.add_argument("--cores", type=count, default=2, metavar="N", help="that it may use (default: 2)")
    measured_by(privacy, _privacy)


def _privacy(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import recognition
    from fer_ros.bench.peers import Unavailable
    from fer_ros.media.frames import SourceUnavailable
    from fer_ros.media.source_name import SourceError
    from fer_ros.models.inference import InferenceParams
    from fer_ros.perception.detector import DetectorParams
    from fer_ros.perception.pipeline import FaceStage
    from fer_ros.perception.tracker import TrackerParams

    modes = {name: PrivacyParams(anonymize=mode, anonymize_margin=options.margin, anonymize_cells=cells)
             for mode in options.modes for name, cells in _settings(mode, options.cells)}
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    found: dict[str, recognition.Known] = {}
    try:
        for video in options.videos:
            for name, view in recognition.views(video).items():
                if options.views and not any(part in name for part in options.views):
                    continue
                print(f"{video}, {name} ...", file=sys.stderr, flush=True)
                stages = FaceStage(DetectorParams(inference_size=640), TrackerParams(), InferenceParams())
                known = recognition.measure(video, view, modes, options.frames, options.env.resolve(), cores, stages)
                found[name] = found[name] + known if name in found else known
    except (Unavailable, SourceError, SourceUnavailable) as error:
        raise ValueError(str(error)) from None
    table = Table("faces", "number", "known when clean", *(f"{mode}: known (distance)" for mode in modes))
    rows: Rows = []
    for name, known in found.items():
        rows.append({"faces": name, "number": known.faces, NONE: known.clean, **known.known, "there": known.there,
                     "found": known.found, "nearest": {mode: known.least(mode) for mode in modes}})
        table.add_row(name, str(known.faces), _share(known.clean, known.faces),
                      *(f"{_share(known.known[mode], known.clean)} ({known.least(mode):.2f})" for mode in modes))
    return table, rows


def _settings(mode: str, cells: Sequence[int]) -> list[tuple[str, int]]:
    """Names and numbers of cells of a mode."""
    if mode == BOX or len(cells) == 1:
        return [(mode, cells[0])]
    return [(f"{mode} {count}", count) for count in cells]


def _share(part: int, of: int) -> str:
    return f"{part / of:.1%}" if of else "none"
