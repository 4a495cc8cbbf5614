# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""This package beside what a user would pick instead: the same frames, the same cores, in turns."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.bench.timing import Spread, processor_time
from fer_ros.labels import EMOTIONS
from fer_ros.types import Image

_SCRIPTS = Path(__file__).resolve().parent / "peer_scripts"
_TURN = 12  # frames
_LONGEST = 120  # seconds for one answer; the first waits for all that is loaded
_PATIENCE = 1800  # seconds for one step of an installation
_NOT_FOR_PEERS = {"PYTHONPATH", "LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"}
_TFJS = ("@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0")


@dataclass(frozen=True)
class Peer:
    """Something else that finds faces and says what they show.

    Attributes:
        script: in `peer_scripts`.
        steps: arguments of pip or npm, one installation after the other; none for this package itself.
        arguments: further ones of the script.
    """

    name: str
    script: str
    steps: tuple[tuple[str, ...], ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def under_node(self) -> bool:
        return self.script.endswith(".js")


PEERS = (
    Peer("fer_ros", "ours.py", arguments=("auto",)),
    Peer("fer_ros, as its nodes", "ours.py", arguments=("auto", "overlapping")),
    Peer("fer_ros, emotion.onnx", "ours.py", arguments=("emotion.onnx",)),
    Peer("fer 25.10.3", "fer.py", (
        ("tensorflow-cpu", "opencv-contrib-python<5", "setuptools<81", "pandas", "requests", "tqdm", "moviepy<2",
         "ffmpeg-python", "matplotlib"),
        ("--no-deps", "fer==25.10.3"),
    )),
    Peer("mediapipe 0.10.21", "mediapipe.py", (("mediapipe==0.10.21",),)),
    Peer("human 3.3.6", "human.js", (("@vladmandic/human@3.3.6", *_TFJS),)),
    Peer("face-api 1.7.15", "face_api.js", (("@vladmandic/face-api@1.7.15", *_TFJS),)),
)


class Unavailable(Exception):
    """A peer cannot be installed or started; the text says why."""


@dataclass
class Measured:
    """What came of a peer.

    Attributes:
        skipped: why there is nothing else; empty where there is.
        seconds: that a frame took, the mean of each turn.
        busy: seconds of processors' time that all of them took; more than passed where several cores worked at once.
        faces: found in each frame.
        answered, right: of the data's faces, how many were found, and how many were called as most people do.
        asked: how many of the data's faces there were; 0 where it names no emotion.
    """

    skipped: str = ""
    seconds: list[float] = field(default_factory=list)
    busy: float = 0.0
    faces: list[int] = field(default_factory=list)
    answered: int = 0
    right: int = 0
    asked: int = 0

    @property
    def spread(self) -> Spread:
        return Spread.of(self.seconds)

    @property
    def busy_a_frame(self) -> float:
        return self.busy / len(self.faces)


def install(peer: Peer, folder: Path) -> list[str]:
    """Install a peer into a folder of its own, unless that has been done; the command that runs its script.

    Raises:
        Unavailable: something is missing, or the installation failed.
    """
    if not peer.steps:
        return [sys.executable, str(_SCRIPTS / peer.script)]
    place, done = folder / peer.script.partition(".")[0], "installed.txt"
    if peer.under_node:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not (node and npm):
            raise Unavailable("needs Node.js and npm, which are not installed")
        command = [node, str(_SCRIPTS / peer.script), str(place / "node_modules")]
        installer = [npm, "install", "--no-fund", "--no-audit", "--prefix", str(place)]
    else:
        command = [str(place / "bin" / "python"), str(_SCRIPTS / peer.script)]
        installer = [command[0], "-m", "pip", "install", "--quiet"]
    if (place / done).is_file() and (place / done).read_text(encoding="utf-8") == repr(peer.steps):
        return command
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    if not peer.under_node:
        venv.create(place, with_pip=True)
    for step in peer.steps:
        try:
            outcome = subprocess.run([*installer, *step], cwd=place, capture_output=True, text=True, timeout=_PATIENCE,
                                     check=False)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"its installation takes more than {_PATIENCE // 60} minutes") from None
        if outcome.returncode != 0:
            raise Unavailable(f"cannot be installed: {_last(outcome.stderr)}")
    (place / done).write_text(repr(peer.steps), encoding="utf-8")
    return command


@contextlib.contextmanager
def _on_cores(cores: Sequence[int]) -> Iterator[None]:
    """What is started inside of the block runs on these cores."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


class Running:
    """A peer that waits for images; a context manager."""

    def __init__(self, peer: Peer, command: Sequence[str], footage: Path, cores: Sequence[int]):
        self.peer = peer
        # What belongs to this Python, and to the ROS wheels in it, is no peer's.
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_PEERS or not peer.steps}
        self._errors = (footage / f"{peer.name}.log").open("w+", encoding="utf-8")
        self._waiting = b""
        with _on_cores(cores):
            self._process = subprocess.Popen(
                [*command, str(footage), *peer.arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=self._errors, bufsize=0, env={**environment, "TF_CPP_MIN_LOG_LEVEL": "3"},
            )
        assert self._process.stdin is not None and self._process.stdout is not None  # pipes
        self._to, self._from = self._process.stdin, self._process.stdout
        try:
            self._read()
        except Unavailable:
            self.close()
            raise

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, **request: int | list[int]) -> tuple[float, list[list[str]]]:
        """How many seconds a `face` or some `frames` took, and for each image the labels of its faces.

        Raises:
            Unavailable: the process has ended, or is stuck.
        """
        answer = self.answer(request)
        return answer["seconds"], answer["labels"]

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What a script answers to a request that it knows.

        Raises:
            Unavailable: as above.
        """
        with contextlib.suppress(OSError):  # what it said before it ended is read below
            self._to.write(json.dumps(request).encode() + b"\n")
        return self._read()

    def busy(self) -> float:
        """Seconds of processors' time that it has had so far, with all its threads."""
        return processor_time(self._process.pid)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()
        self._errors.close()

    def _read(self) -> dict[str, Any]:
        deadline = time.monotonic() + _LONGEST
        while True:
            line, end, rest = self._waiting.partition(b"\n")
            if end:
                self._waiting = rest
                if line.startswith(b"{"):  # what libraries print is no answer
                    answer: dict[str, Any] = json.loads(line)
                    return answer
                continue
            if not select.select([self._from], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise Unavailable(f"does not answer within {_LONGEST} s")
            more = os.read(self._from.fileno(), 65536)
            if not more:
                self._errors.seek(0)
                raise Unavailable(f"does not run here: {_last(self._errors.read())}")
            self._waiting += more


def write(folder: Path, frames: Sequence[Image], faces: NDArray[Any]) -> None:
    """Frames and (N, 48, 48) uint8 faces for all peers."""
    height, width = frames[0].shape[:2]
    (folder / "frames.json").write_text(json.dumps({"width": width, "height": height, "count": len(frames)}), encoding="utf-8")
    np.concatenate([frame.ravel() for frame in frames]).tofile(folder / "frames.bgr")
    faces.astype(np.uint8).tofile(folder / "faces.grey")


def measure(peers: Sequence[Peer], installed: Path, footage: Path, frames: int, rounds: int, truth: Sequence[str],
            cores: Sequence[int], say: Callable[[str], None]) -> dict[str, Measured]:
    """All peers in turns: a few frames each, and then face for face.

    Args:
        installed: folder for their environments.
        footage: folder that `write` filled.
        frames: how many different ones there are.
        rounds: frames that count.
        truth: what most people say of each face; empty for no faces.
        cores: that all may use.
    """
    results = {peer.name: Measured() for peer in peers}
    with ExitStack() as stack:
        running: list[Running] = []
        for peer in peers:
            say(f"{peer.name} ...")
            try:
                running.append(stack.enter_context(Running(peer, install(peer, installed), footage, cores)))
            except (Unavailable, OSError) as error:
                results[peer.name].skipped = str(error)

        def ask(one: Running, **request: int | list[int]) -> tuple[float, list[list[str]]] | None:
            try:
                return None if results[one.peer.name].skipped else one.ask(**request)
            except Unavailable as error:
                results[one.peer.name].skipped = str(error)
                return None

        # Some frames of each at a time, as a program that runs would see them; the very first ones warm up.
        for turn in range(1 + -(-rounds // _TURN)):
            for one in running:
                result, before = results[one.peer.name], one.busy()
                answer = ask(one, frames=[(turn * _TURN + number) % frames for number in range(_TURN)])
                if turn > 0 and answer is not None:
                    result.seconds.append(answer[0] / _TURN)
                    result.busy += one.busy() - before
                    result.faces += [len(labels) for labels in answer[1]]
        for number, label in enumerate(truth):
            if number % 500 == 0:
                say(f"face {number} of {len(truth)} ...")
            for one in running:
                answer = ask(one, face=number)
                if answer is None:
                    continue
                result, labels = results[one.peer.name], [name for name in answer[1][0] if name in EMOTIONS]
                result.asked += 1
                result.answered += bool(labels)
                result.right += bool(labels) and labels[0] == label
    for result in results.values():
        if not result.answered:
            result.asked = 0
    return results


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line]
    return (errors or lines or ["it says nothing"])[-1][:200]
