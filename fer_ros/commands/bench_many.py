# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros bench many`: what many recordings cost, and what more processes or workers bring."""

from __future__ import annotations

import argparse
import itertools
import tempfile
from pathlib import Path

from rich.table import Table

from fer_ros.commands.arguments import count
from fer_ros.commands.measuring import Rows, measured_by


def add_to(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    many = kinds.add_parser(
        "many", help="what an hour of video costs, and how that grows",
        description="fer-ros annotate of many recordings, by processes of this machine or by workers of a Dask cluster that "
                    "run here: how many times as fast as the video plays, how long the processors work for an hour of video, "
                    "and how many times as fast as the first line. Starting the command counts, starting the cluster does "
                    "not.",
    )
    many.add_argument("videos", nargs="*", metavar="VIDEO", help="that are copied (default: the demo clip)")
    many.add_argument("--recordings", type=count, default=8, metavar="N", help="how many copies (default: 8)")
    many.add_argument("--jobs", type=count, nargs="+", default=[1, 2], metavar="N", help="processes or workers (default: 1 2)")
    many.add_argument("--takes", type=count, default=1, metavar="N", help="of each, in turns; the best counts (default: 1)")
    many.add_argument("--cluster", action="store_true", help="the workers of a Dask cluster, too")
    measured_by(many, _many)


def _many(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import recordings
    from fer_ros.resources import share_directory

    videos = [Path(video) for video in options.videos] or [share_directory() / "demo" / "demo.mp4"]
    ways = [recordings.JOBS, *([recordings.CLUSTER] if options.cluster else [])]
    found: dict[tuple[str, int], recordings.Cost] = {}
    with tempfile.TemporaryDirectory(prefix="fer_ros-") as scratch:
        folder = recordings.copies(videos, options.recordings, Path(scratch))
        for _, way, number in itertools.product(range(options.takes), ways, options.jobs):
            cost = recordings.measure(folder, way, number)
            if (way, number) not in found or cost.wall < found[way, number].wall:
                found[way, number] = cost
    table = Table("done by", "recordings", "video", "took", "times as fast as it plays", "processor time for an hour of video",
                  "times as fast as the first line")
    rows = []
    first = next(iter(found.values())).wall
    for (way, number), cost in found.items():
        rows.append({"way": way, "number": number, "recordings": options.recordings, "video": cost.video, "seconds": cost.wall,
                     "cpu": cost.cpu, "speed": cost.video / cost.wall, "cpu_share": cost.cpu / cost.video})
        table.add_row(f"{way}: {number}",
                      str(options.recordings), f"{cost.video:.0f} s", f"{cost.wall:.1f} s", f"{cost.video / cost.wall:.1f}",
                      f"{60 * cost.cpu / cost.video:.1f} min", f"{first / cost.wall:.2f}")
    return table, rows
