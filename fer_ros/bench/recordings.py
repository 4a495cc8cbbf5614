# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What many recordings cost: `fer-ros annotate` as a user starts it, with more and more processes, or workers of a cluster."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_ros.resources import executable

JOBS, CLUSTER = "processes", "workers"
_PATIENCE = 60.0  # seconds
_LEAVING = 10.0  # seconds for a process to end before it is killed


@dataclass(frozen=True)
class Cost:
    """Attributes: seconds of video; wall and cpu: seconds that they took, the start of the command among them."""

    video: float
    wall: float
    cpu: float


def copies(videos: Sequence[Path], number: int, folder: Path) -> Path:
    """So many recordings: copies of videos, in turns."""
    made = folder / "recordings"
    made.mkdir()
    for i in range(number):
        video = videos[i % len(videos)]
        shutil.copyfile(video, made / f"{i:04d}{video.suffix}")
    return made


def measure(recordings: Path, way: str, number: int) -> Cost:
    """Annotate all recordings of a folder.

    Args:
        way: JOBS, processes of the command, or CLUSTER, workers of a Dask cluster that is up before the clock starts.
        number: of them.

    Raises:
        ValueError: it failed; the text says why.
    """
    with tempfile.TemporaryDirectory(prefix="fer_ros-") as scratch:
        folder = Path(scratch)
        before = _cpu()
        with _cluster(number, folder) if way == CLUSTER else contextlib.nullcontext("") as address:
            options = ["--scheduler", address] if address else ["--jobs", str(number)]
            started = time.monotonic()
            command = [sys.executable, str(executable("fer-ros")), "annotate", str(recordings), "--out", str(folder / "out"),
                       "--no-bags", *options]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            wall = time.monotonic() - started
        if done.returncode:
            raise ValueError(f"annotate failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'silently'}")
        with open(folder / "out" / "recordings.csv", newline="", encoding="utf-8") as file:
            video = sum(float(row["seconds"]) for row in csv.DictReader(file))
        return Cost(video, wall, _cpu() - before)


@contextlib.contextmanager
def _cluster(workers: int, folder: Path) -> Iterator[str]:
    """The address of a scheduler with so many workers, all processes of this machine. They are gone at the end."""
    dask = Path(sys.executable).with_name("dask")
    if not dask.is_file():
        raise ValueError("the workers of a cluster need Dask: pip install 'fer_ros[cluster]'")
    about = folder / "scheduler.json"

    def start(*arguments: object) -> subprocess.Popen[bytes]:
        return subprocess.Popen([dask, *map(str, arguments), "--no-dashboard"], cwd=folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    started = [start("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file", about)]
    try:
        address = _address(about, started[0])
        started += [start("worker", address, "--nthreads", 1, "--no-nanny", "--local-directory", folder)
                    for _ in range(workers)]
        _wait_for(address, workers)
        yield address
    finally:
        for process in reversed(started):  # a worker whose scheduler is gone before it may wait for it
            process.terminate()
            try:
                process.wait(_LEAVING)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(about: Path, scheduler: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and scheduler.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            return str(json.loads(about.read_text(encoding="utf-8"))["address"])
        time.sleep(0.1)
    raise ValueError("the scheduler of the cluster does not start")


def _wait_for(address: str, workers: int) -> None:
    wait = f"from distributed import Client; Client({address!r}).wait_for_workers({workers}, timeout={_PATIENCE})"
    if subprocess.run([sys.executable, "-c", wait], capture_output=True, check=False, cwd=os.path.sep).returncode:
        raise ValueError("the workers of the cluster do not start")


def _cpu() -> float:
    """Seconds of processors that children have taken that are gone."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
