# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What this machine is, and what the networks and a frame cost on it: one line to report."""

from __future__ import annotations

import itertools
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_ros.bench import footage
from fer_ros.bench.timing import alternate, resident_memory
from fer_ros.parameters.params_file import parameters
from fer_ros.perception.pipeline import PARAMS, Pipeline
from fer_ros.version import __version__

_FPS = 30.0
_SIZE = (640, 480)
_ROUNDS, _WARM_UP = 5, 3  # at least: a small board may take seconds for one
_ARM = {"0xd03": "Cortex-A53", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57", "0xd08": "Cortex-A72", "0xd09": "Cortex-A73",
        "0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1", "0xd0d": "Cortex-A77", "0xd41": "Cortex-A78",
        "0xd42": "Cortex-A78AE", "0xd44": "Cortex-X1", "0xd47": "Cortex-A710", "0xd4d": "Cortex-A715"}
"""Part numbers of ARM's own cores, as /proc/cpuinfo has them."""


@dataclass(frozen=True)
class Machine:
    """What is known of a machine.

    Attributes:
        board: as its device tree names it; empty where there is none.
        architecture: `aarch64`, `x86_64`, ...
        processor: empty where it is not told.
        cores: that this process may use.
        memory: bytes; of the control group, where it has less.
    """

    board: str
    architecture: str
    processor: str
    cores: int
    memory: int


@dataclass(frozen=True)
class Report:
    """What was measured. Durations are medians in seconds.

    Attributes:
        detector, classifier: one inference of each network alone, the second for one face, by number of threads.
        frame: image of 640x480 with one face: detect, follow, classify; with the first number of threads.
        memory: bytes that this process had in memory, with one pipeline.
    """

    machine: Machine
    fer_ros: str
    python: str
    onnxruntime: str
    opencv: str
    provider: str
    detector_model: str
    emotion_model: str
    detector: dict[int, float]
    classifier: dict[int, float]
    frame: float
    frame_p95: float
    memory: int
    celsius: float | None

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def line(self) -> str:
        """In one line."""
        here = self.machine
        first = next(iter(self.detector))
        more = [f"{threads} threads {1e3 * self.detector[threads]:.2f} and {1e3 * self.classifier[threads]:.2f}"
                for threads in self.detector if threads != first]
        parts = [
            f"fer_ros {self.fer_ros}",
            ", ".join(filter(None, (here.board, here.processor or "unknown processor", here.architecture,
                                    f"{here.cores} core{'s' * (here.cores != 1)}", f"{here.memory / 2**30:.1f} GiB"))),
            f"Python {self.python}, onnxruntime {self.onnxruntime}, OpenCV {self.opencv}, {self.provider}",
            f"{self.detector_model} {1e3 * self.detector[first]:.2f} ms, {self.emotion_model} "
            f"{1e3 * self.classifier[first]:.2f} ms a face ({', '.join((f'{first} thread' + 's' * (first != 1), *more))})",
            f"a frame of 640x480 with 1 face {1e3 * self.frame:.2f} ms (p95 {1e3 * self.frame_p95:.2f})",
            f"{self.memory / 1e6:.0f} MB",
        ]
        return " | ".join(parts if self.celsius is None else [*parts, f"{self.celsius:.0f} °C at the end"])


def machine(root: Path = Path("/")) -> Machine:
    """This machine.

    Args:
        root: under which its files are.
    """
    board = _text(root / "proc/device-tree/model").strip("\0 \n")
    return Machine(board, platform.machine(), _processor(_text(root / "proc/cpuinfo")), len(os.sched_getaffinity(0)),
                   _memory(root))


def _processor(cpuinfo: str) -> str:
    """Each kind of core once, in the order of the cores."""
    fields = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in cpuinfo.splitlines())]
    named = [value for name, value in fields if name == "model name"]
    parts = [_ARM.get(value, f"ARM part {value}") for name, value in fields if name == "CPU part"]
    return " + ".join(dict.fromkeys(parts or named))


def _memory(root: Path) -> int:
    fields = dict(line.split(":", 1) for line in _text(root / "proc/meminfo").splitlines() if ":" in line)
    total = int(fields["MemTotal"].split()[0]) * 1024 if "MemTotal" in fields else 0
    limit = _text(root / "sys/fs/cgroup/memory.max").strip()
    return min(total, int(limit)) if limit.isdigit() else total


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def measure(changes: Mapping[str, Any], threads: list[int], seconds: float) -> Report:
    """Measure both networks and the frame in turns.

    Args:
        changes: parameters of the stages by NAME or by NODE.NAME.
        threads: how many one inference may use; the frame takes the first.
        seconds: for the measurement.

    Raises:
        FileNotFoundError, ValueError: as of `Pipeline`.
    """
    import cv2
    import onnxruntime

    images = footage.pictures(*_SIZE, 1, 8, 4)
    pipelines = {count: Pipeline.of(parameters(PARAMS, [], {**changes, "threads": count})) for count in threads[:1]}
    pipeline = pipelines[threads[0]]
    frames, number = itertools.cycle(images), itertools.count()

    def frame() -> object:
        return pipeline(next(frames), next(number) / _FPS)

    alternate({"frame": frame}, _ROUNDS, _WARM_UP)
    memory = resident_memory(os.getpid())  # before the networks are opened again
    pipelines |= {count: Pipeline.of(parameters(PARAMS, [], {**changes, "threads": count})) for count in threads[1:]}
    works: dict[Any, Callable[[], object]] = {"frame": frame}
    for count, one in pipelines.items():
        works["detector", count] = one.faces.detector.bare(images[0])
        works["classifier", count] = one.emotions.classifier.bare()
    taken = alternate(works, _ROUNDS, _WARM_UP, seconds=seconds)
    detector, classifier = pipeline.faces.detector, pipeline.emotions.classifier
    return Report(
        machine(), __version__, platform.python_version(), onnxruntime.__version__, cv2.__version__,
        detector.provider.removesuffix("ExecutionProvider"), Path(detector.params.model).name, classifier.path.name,
        {count: taken["detector", count].p50 for count in threads},
        {count: taken["classifier", count].p50 for count in threads}, taken["frame"].p50, taken["frame"].p95, memory,
        _celsius())


def _celsius() -> float | None:
    """Of the warmest place that is measured: a board that gets hot slows down."""
    found = [_text(path).strip() for path in sorted(Path("/sys/class/thermal").glob("thermal_zone*/temp"))]
    return max((int(text) / 1000 for text in found if text.lstrip("-").isdigit()), default=None)
