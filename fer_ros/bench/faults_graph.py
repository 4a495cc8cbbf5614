# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The graph as processes: killed, on a full disk, beside hostile peers, and told to change state at random.

What is right: no process is left running, no shared memory stays behind, no file is lost or half written under its name, and
what is not killed goes on.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection2DArray

from fer_ros.bags.annotate import Recording
from fer_ros.bags.errors import BagError
from fer_ros.bags.reader import RAW, BagReader
from fer_ros.bench.faults_messages import SOUND, scramble
from fer_ros.bench.faults_mutation import mutated
from fer_ros.dds import privacy_environment
from fer_ros.graph import webcam_graph
from fer_ros.media.source import open_source
from fer_ros.media.source_name import SourceError
from fer_ros.media.source_params import SourceParams
from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.resources import executable
from fer_ros.ros.joining import join
from fer_ros.ros.qos import RESULTS

DEADLINE = 400.0
"""Seconds for one of these."""

KINDS = {
    "kills": ("kill graph", "kill node", "kill recorder", "kill annotate"),
    "disk": ("full disk annotate", "full disk run", "full disk record"),
    "peers": ("hostile peers",),
    "storms": ("lifecycle storm",),
}
_SIGNALS = ("SIGKILL", "SIGTERM", "SIGINT")
_START, _END = 90.0, 60.0  # seconds for a graph to answer, and for everything to end
_MARK = "FER_ROS_FAULTS"
_CLONE_NEWNS = 0x00020000
_OF_LIBRARIES = (".ses",)  # temporary files that are not ours: onnxruntime's
_SPARE = 2**20  # bytes of shared memory that do not count
_REASONS = re.compile(r"space|full|too large|quota|write|written|could not|cannot|cut", re.IGNORECASE)


class Graphs:
    """The `fer_ros.bench.faults.Trial` of running graphs.

    Args:
        part: one of `KINDS`.
    """

    def __init__(self, part: str):
        self.kinds = list(KINDS[part])
        self.private = _private_memory()
        os.environ.update(privacy_environment(os.environ))
        self._namespace = f"fer_faults_{os.getpid()}"
        self._topics = webcam_graph({}, namespace=self._namespace).topics
        with _peer():  # opens, once in a process, what stays open
            pass
        self._memory = _shared_memory()

    def make(self, kind: str, rng: random.Random, folder: Path) -> Path:
        """What happens, and when, as JSON."""
        about = {"signal": rng.choice(_SIGNALS), "after": round(rng.choice((rng.uniform(0, 1.5), rng.uniform(1.5, 6))), 3),
                 "composed": rng.random() < 0.5, "child": rng.random(), "size": rng.choice((60, 200, 700, 2000, 6000)),
                 "count": 300, "seed": rng.randrange(10**9)}
        path = folder / "input.json"
        path.write_text(json.dumps(about, indent=1), encoding="utf-8")
        return path

    def read(self, kind: str, path: Path) -> str:
        about = json.loads(path.read_text(encoding="utf-8"))
        folder = Path(tempfile.mkdtemp(prefix="graph"))
        play: Callable[[dict[str, Any], Path], str] = {
            "kill graph": self._kill_graph, "kill node": self._kill_node, "kill recorder": self._kill_recorder,
            "kill annotate": self._kill_annotate, "hostile peers": self._peers, "lifecycle storm": self._storm,
        }.get(kind, lambda about, folder: self._full_disk(kind.split()[-1], about, folder))
        try:
            return play(about, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def close(self) -> None:
        pass

    def _run(self, folder: Path, about: dict[str, Any], *more: object) -> Command:
        composed = "--composed" if about["composed"] else "--no-composed"
        return Command(folder, "run", "--source", "demo", "--loop", "--namespace", self._namespace, composed, *more)

    def _kill_graph(self, about: dict[str, Any], folder: Path) -> str:
        with self._run(folder, about, "--record", folder / "out.mp4") as graph:
            time.sleep(about["after"])
            graph.send(about["signal"])
            wrong = graph.ends(about["signal"]) or _sound_video(folder / "out.mp4")
        return wrong or _hidden(folder, about["signal"]) or self._gives_memory_back(folder, about["signal"])

    def _kill_node(self, about: dict[str, Any], folder: Path) -> str:
        with self._run(folder, about) as graph:
            if not graph.says(" face ", _START):
                return f"the graph gave no answer within {_START:g} s: {graph.tail()}"
            time.sleep(about["after"] / 3)
            children = graph.children()
            os.kill(children[int(about["child"] * len(children))], signal.Signals[about["signal"]])
            if not graph.waits(_END):
                return f"a node got {about['signal']} and the graph goes on as if it were whole: {graph.tail()}"
            wrong = graph.left() or graph.unclear()
            if not wrong and graph.status == 0:
                wrong = f"a node got {about['signal']} and the run ends with status 0: {graph.tail()}"
        return wrong or self._gives_memory_back(folder, about["signal"])

    def _kill_recorder(self, about: dict[str, Any], folder: Path) -> str:
        with self._run(folder, about) as graph, \
                Command(folder, "record", "-o", folder / "rec", "--namespace", self._namespace) as recorder:
            if not graph.says(" face ", _START) or not _until(lambda: list(folder.rglob("*.mcap")), _START):
                return f"nothing was recorded within {_START:g} s: {recorder.tail()}"
            time.sleep(about["after"])
            recorder.send(about["signal"])
            killed = about["signal"] == "SIGKILL"  # what it has written lies beside the name that it should get
            wrong = recorder.ends(about["signal"]) or _sound_bag(folder if killed else folder / "rec", not killed)
            graph.send("SIGINT")
            wrong = wrong or graph.ends("SIGINT")
        return wrong or self._gives_memory_back(folder, about["signal"])

    def _kill_annotate(self, about: dict[str, Any], folder: Path) -> str:
        outputs = [folder / name for name in ("a.mcap", "a.csv", "a.mp4")]
        with Command(folder, "annotate", "demo", "-o", outputs[0], "--table", outputs[1], "--record", outputs[2]) as command:
            time.sleep(about["after"])
            command.send(about["signal"])
            wrong = command.ends(about["signal"])
            there = [file.name for file in outputs if file.exists()]
            if not wrong and there and command.status != 0 and about["signal"] != "SIGKILL":
                wrong = f"{', '.join(there)} is there, and the status is {command.status}"
        return wrong or _hidden(folder, about["signal"]) or _sound_video(outputs[2])

    def _full_disk(self, what: str, about: dict[str, Any], folder: Path) -> str:
        with _small_disk(folder, about["size"]) as (disk, limit):
            more: list[object] = []
            if what == "annotate":
                more = ["annotate", "demo", "-o", disk / "a.mcap", "--table", disk / "a.csv", "--record", disk / "a.mp4"]
            elif what == "run":
                more = ["run", "--source", "demo", "--namespace", self._namespace, "--record", disk / "a.mp4"]
            else:
                more = ["record", "-o", disk / "rec", "--namespace", self._namespace, "--duration", "4"]
            with contextlib.ExitStack() as stack:
                if what == "record":
                    graph = stack.enter_context(self._run(folder, about))
                    if not graph.says(" face ", _START):
                        return f"the graph gave no answer within {_START:g} s: {graph.tail()}"
                command = stack.enter_context(Command(folder, *more, limit=limit))
                if not command.waits(2 * _START):
                    return f"{what} on a disk of {about['size']} kB does not end: {command.tail()}"
                wrong = command.unclear() or command.left()
                if not wrong and command.status != 0 and not _REASONS.search(command.text):
                    wrong = f"{what} on a disk of {about['size']} kB does not say why it failed: {command.tail()}"
                wrong = wrong or _whole(command, disk / "a.mp4") or _sound_video(disk / "a.mp4")
                if not wrong and (disk / "rec").exists():
                    wrong = _sound_bag(disk / "rec", command.status == 0)
                elif not wrong and what == "record" and command.status == 0:
                    wrong = f"status 0 and no recording: {command.tail()}"
            return wrong and f"on a disk of {about['size']} kB: {wrong}"

    def _peers(self, about: dict[str, Any], folder: Path) -> str:
        rng = random.Random(about["seed"])
        with self._run(folder, about, "--record", folder / "out.mp4") as graph:
            if not graph.says(" face ", _START):
                return f"the graph gave no answer within {_START:g} s: {graph.tail()}"
            with _peer() as (node, executor):
                kinds = {self._topics.image: Image, self._topics.faces: Detection2DArray, self._topics.emotions: EmotionArray,
                         self._topics.events: EmotionEvent, self._topics.overlay: Image, "/diagnostics": DiagnosticArray}
                speak = {topic: node.create_publisher(kind, topic, 10) for topic, kind in kinds.items()}
                node.create_publisher(CameraInfo, self._topics.camera_info, 10)
                wrong_type = node.create_publisher(String, f"{self._topics.overlay}/compressed", 10)
                for number in range(about["count"]):
                    topic = rng.choice(list(kinds))
                    message = SOUND[kinds[topic]]((rng.choice((0, 1, int(time.time()))), number))
                    scramble(message, rng)
                    data = bytes(serialize_message(message))
                    speak[topic].publish(mutated(data, rng) if rng.random() < 0.3 else data)
                    wrong_type.publish(String(data="x" * rng.choice((0, 9, 70000))))
                    executor.spin_once(timeout_sec=0.005)
                    if graph.waits(0):
                        return f"a peer's messages end the graph: {graph.tail()}"
                if not self._answers(node, executor):
                    return f"after a peer's messages the graph gives no answer: {graph.tail()}"
            graph.send("SIGINT")
            wrong = graph.ends("SIGINT")
            if not wrong and graph.status != 0:
                wrong = f"beside a hostile peer the run ends with status {graph.status}: {graph.tail()}"
            if not wrong and not (folder / "out.mp4").exists():
                wrong = "beside a hostile peer the recording is lost"
            return wrong or _sound_video(folder / "out.mp4")

    def _storm(self, about: dict[str, Any], folder: Path) -> str:
        rng = random.Random(about["seed"])
        changes = [*range(1, 5), *range(1, 5), 0, 8, 9, 10, 60, 99, 255]  # not those that shut a node down for good
        with self._run(folder, about) as graph:
            if not graph.says(" face ", _START):
                return f"the graph gave no answer within {_START:g} s: {graph.tail()}"
            with _peer() as (node, executor):
                names = [spec.full_name for spec in webcam_graph({}, namespace=self._namespace).nodes]
                for _ in range(about["count"] // 4):
                    name = rng.choice(names)
                    request: Any = ChangeState.Request(transition=Transition(id=rng.choice(changes)))
                    if rng.random() < 0.1:
                        request = SetBool.Request(data=rng.random() < 0.5)
                    kind, service = (ChangeState, "change_state") if hasattr(request, "transition") else (SetBool, "enable")
                    answered = _ask(node, executor, kind, f"{name}/{service}", request)
                    if graph.waits(0):
                        return f"a request to {name.rpartition('/')[2]} ends the graph: {request}: {graph.tail()}"
                    if answered is None:
                        return f"{name.rpartition('/')[2]} gives no answer to {request}: {graph.tail()}"
                for name in names:
                    wrong = _bring_back(node, executor, name)
                    if wrong:
                        return f"{wrong}: {graph.tail()}"
                if not self._answers(node, executor):
                    return f"after a storm of requests the graph gives no answer: {graph.tail()}"
            graph.send("SIGINT")
            return graph.ends("SIGINT")

    def _answers(self, node: Any, executor: SingleThreadedExecutor) -> bool:
        """Whether images of now are answered."""
        begun = time.time()
        heard: list[Any] = []
        node.create_subscription(EmotionArray, self._topics.emotions, heard.append, RESULTS)
        end = time.monotonic() + _END
        while time.monotonic() < end:
            executor.spin_once(timeout_sec=0.1)
            if any(begun < message.header.stamp.sec + 1 < begun + 1000 and message.model for message in heard):
                return True
        return False

    def _gives_memory_back(self, folder: Path, signal_: str) -> str:
        """Whether shared memory is as it was, after a graph has run that may clean up what the killed one has left."""
        if not self.private:
            return ""  # others' graphs come and go
        if signal_ == "SIGKILL":
            with Command(folder, "run", "--source", "demo", "--namespace", self._namespace, "--duration", "0.3") as graph:
                if not graph.waits(_START):
                    return f"after a kill the next graph does not end: {graph.tail()}"
        grown = _shared_memory() - self._memory
        self._memory += max(grown, 0)
        return f"{grown / 2**20:.0f} MiB of shared memory are left in /dev/shm after {signal_}" if grown > _SPARE else ""


class Command:
    """A `fer-ros` that runs; a context manager that leaves nothing of it."""

    def __init__(self, folder: Path, *arguments: object, limit: int = 0):
        """Args: limit: bytes of a file that it may write; 0 for any."""
        self._mark = uuid.uuid4().hex
        self._output = folder / f".output-{self._mark}.txt"
        self._scratch = folder / f".output-{self._mark}"
        self._scratch.mkdir()
        command = [sys.executable, "-u", str(executable("fer-ros")), *map(str, arguments)]
        if limit:
            command = ["sh", "-c", f'ulimit -f {limit // 512}; exec "$@"', "sh", *command]
        with self._output.open("w", encoding="utf-8") as file:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True,
                env={**os.environ, _MARK: self._mark, "PYTHONUNBUFFERED": "1", "TMPDIR": str(self._scratch)},
            )

    def __enter__(self) -> Command:
        return self

    def __exit__(self, *_: object) -> None:
        if self.status is None:
            self.send("SIGINT")
            self.waits(_END)
        for pid in self._all():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._output.unlink(missing_ok=True)

    @property
    def text(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    @property
    def status(self) -> int | None:
        return self._process.poll()

    def tail(self) -> str:
        return " | ".join(line for line in self.text.splitlines()[-4:] if line.strip())[-300:]

    def says(self, words: str, seconds: float) -> bool:
        return bool(_until(lambda: words in self.text or self.status is not None, seconds)) and words in self.text

    def send(self, name: str) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.Signals[name])

    def waits(self, seconds: float) -> bool:
        """Whether it ends within so many seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.status is not None

    def ends(self, name: str) -> str:
        """What is not right with how it ended after a signal."""
        if not self.waits(_END):
            return f"does not end within {_END:g} s of {name}: {self.tail()}"
        # A signal may come before Python has begun, or when all was done.
        if self.status not in (0, 1, 130, -signal.Signals[name]):
            return f"ends with status {self.status} after {name}: {self.tail()}"
        return self.left() or self.unclear() or (self.scratch() if name != "SIGKILL" else "")

    def left(self) -> str:
        """Processes of it that are still there, though it has ended."""
        if not _until(lambda: not self._all(), _END):
            return f"{len(self._all())} of its processes still run {_END:g} s after it has ended"
        return ""

    def scratch(self) -> str:
        """What it has left where temporary files lie."""
        left = [path.name for path in self._scratch.iterdir() if path.name not in _OF_LIBRARIES]
        return f"leaves the temporary {', '.join(left)}" if left else ""

    def unclear(self) -> str:
        return f"ends with a traceback: {self.tail()}" if "Traceback (most recent call last)" in self.text else ""

    def children(self) -> list[int]:
        """Processes that it has started."""
        return sorted(pid for pid in self._all() if pid != self._process.pid)

    def _all(self) -> list[int]:
        """Processes with its mark; one that has ended and waits for its parent is gone."""
        found, mark = [], f"{_MARK}={self._mark}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if mark in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
        return found


def _until(condition: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            return found
        time.sleep(0.05)
    return found


def _private_memory() -> bool:
    """A /dev/shm of this process and its children alone, which needs root. Whether there is one."""
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        return False
    commands = (["mount", "--make-rprivate", "/"], ["mount", "-t", "tmpfs", "-o", "size=4g", "tmpfs", "/dev/shm"])
    try:
        return all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)
    except OSError:
        return False


def _shared_memory() -> int:
    """Bytes of the files in /dev/shm."""
    found = 0
    for path in Path("/dev/shm").iterdir():
        with contextlib.suppress(OSError):
            found += path.stat().st_blocks * 512
    return found


@contextlib.contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[tuple[Path, int]]:
    """A folder on a disk of so many kB, and the limit of a file's bytes where no such disk can be made."""
    disk = folder / "disk"
    disk.mkdir()
    try:
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)], capture_output=True,
                              check=False).returncode == 0
    except OSError:
        made = False
    try:
        yield disk, 0 if made else size * 1024
    finally:
        if made:
            subprocess.run(["umount", "-l", str(disk)], capture_output=True, check=False)


def _sound_video(path: Path) -> str:
    """What is not right with a video, where there is one."""
    if not path.exists():
        return ""
    try:
        source = open_source(SourceParams(source=str(path), realtime=False))
    except SourceError as error:
        return f"a recording is there and cannot be read: {error}"
    with contextlib.closing(source):
        return "" if source.read() is not None else "a recording is there and has no frame"


def _whole(command: Command, path: Path) -> str:
    """Whether as many frames can be read as it said that it has recorded."""
    told = re.search(r"recorded (\d+) frames? to", command.text)
    if not told or command.status != 0:
        return ""
    frames = 0
    try:
        source = open_source(SourceParams(source=str(path), realtime=False))
    except SourceError:
        return f"'{told[0]} ...' with status 0, and it cannot be read"
    with contextlib.closing(source):
        while source.read() is not None:
            frames += 1
    return "" if frames >= int(told[1]) else f"'{told[0]} ...' with status 0, and {frames} can be read"


def _sound_bag(folder: Path, complete: bool) -> str:
    """What is not right with a recording: it is read to its end, or, of a killed recorder, as far as it goes."""
    files = list(folder.rglob("*.mcap"))
    if not files:
        return "" if not complete else "no recording is there"
    if not complete and files[0].stat().st_size < 3 * 2**20:
        return ""  # the first chunk is not complete
    path, images = folder if complete else files[0], 0
    try:
        with BagReader(path) as bag:
            if not any(topic.type == RAW for topic in bag.topics.values()):
                return ""  # it ended before the first image came
        with Recording(str(path)) as recording:
            for _ in recording:
                images += 1
    except BagError as error:
        if complete or not images:
            return f"of the recording {images} images can be read: {error}"
    return ""


def _hidden(folder: Path, signal_: str) -> str:
    """Files that were begun and left; who is killed can clear nothing away."""
    left = [path.name for path in folder.iterdir() if path.name.startswith(".") and not path.name.startswith(".output-")]
    return f"leaves {', '.join(left)}" if left and signal_ != "SIGKILL" else ""


@contextlib.contextmanager
def _peer() -> Iterator[tuple[Any, SingleThreadedExecutor]]:
    join(["--ros-args", "--log-level", "fatal"], images=True)
    try:
        node, executor = rclpy.create_node("peer"), SingleThreadedExecutor()
        executor.add_node(node)
        yield node, executor
        executor.shutdown(timeout_sec=0)
        node.destroy_node()
    finally:
        rclpy.try_shutdown()


def _ask(node: Any, executor: SingleThreadedExecutor, kind: type, name: str, request: Any) -> Any:
    """The answer of a service; None where none comes."""
    client = node.create_client(kind, name)
    try:
        end = time.monotonic() + _END
        while not client.service_is_ready():
            if time.monotonic() > end:
                return None
            executor.spin_once(timeout_sec=0.05)
        future = client.call_async(request)
        while not future.done():
            if time.monotonic() > end:
                return None
            executor.spin_once(timeout_sec=0.05)
        return future.result()
    finally:
        node.destroy_client(client)


def _bring_back(node: Any, executor: SingleThreadedExecutor, name: str) -> str:
    """To work, whatever its state is; why not."""
    next_: dict[str, Sequence[int]] = {"unconfigured": (1, 3), "inactive": (3,), "active": ()}
    found = _ask(node, executor, GetState, f"{name}/get_state", GetState.Request())
    state = found.current_state.label if found is not None else "no answer"
    if state not in next_:
        return f"{name.rpartition('/')[2]} is {state} after a storm of requests"
    for transition in next_[state]:
        answer = _ask(node, executor, ChangeState, f"{name}/change_state",
                      ChangeState.Request(transition=Transition(id=transition)))
        if answer is None or not answer.success:
            return f"{name.rpartition('/')[2]} cannot be brought from {state} to work again"
    _ask(node, executor, SetBool, f"{name}/enable", SetBool.Request(data=True))
    return ""
