# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A campaign of faults: inputs that are wrong in many ways, each tried in a worker process; those that fail are kept.

What is tried is a `Trial`; what is right it says itself. That an input ends its process, hangs it, or takes its memory is seen
from outside.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Protocol

import fer_ros
from fer_ros.words import counted, exit_reason, one_line

MEMORY = 6 * 2**30
"""Bytes of address space that an input may take beyond what the worker has without it."""
GROWTH = 2**30
"""Bytes of memory that an input may really take."""
DEADLINE = 60.0
"""Seconds: nothing that is tried takes one of them on a machine that is not busy."""

_SETTLE = 2.0  # seconds
_SHOWN = 200  # characters of what was said
_PACKAGE = str(Path(fer_ros.__file__).parent)


class Trial(Protocol):
    """What is tried, within a worker.

    Attributes:
        kinds: of inputs.
    """

    kinds: Sequence[str]

    def make(self, kind: str, rng: random.Random, folder: Path) -> Path:
        """Write an input, the same one for the same state of `rng`, into an empty folder; the file or folder to read."""
        ...

    def read(self, kind: str, path: Path) -> str:
        """Read an input. Returns what is not right, else an empty text; may raise `documented` errors."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Case:
    """One input: a number of a kind, or a file that is tried again."""

    kind: str
    number: int
    seed: int
    file: str = ""

    def rng(self) -> random.Random:
        return random.Random(f"{self.seed} {self.kind} {self.number}")


@dataclass(frozen=True)
class Finding:
    """An input that did not do right.

    Attributes:
        kept: the folder in which it lies with its reason; empty where it is not kept.
    """

    part: str
    kind: str
    number: int
    seed: int
    reason: str
    kept: str = ""


@dataclass
class Tally:
    """What was tried of a kind, and what failed.

    Attributes:
        refused: answered with an error, as it should be.
        skipped: why nothing was tried.
    """

    tried: int = 0
    refused: int = 0
    skipped: str = ""
    findings: list[Finding] = field(default_factory=list)


def documented(error: BaseException) -> str:
    """What is not right with an error that an input was answered with; empty where it is as it should be.

    It is of a type of this package, or a ValueError that the package itself raises, and its text is one line.
    """
    text, name = str(error), type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    inside = bool(frames) and frames[-1].filename.startswith(_PACKAGE)
    if not type(error).__module__.startswith("fer_ros.") and not (type(error) in (ValueError, FileNotFoundError) and inside):
        return f"{name} escapes from {where}: {one_line(text, _SHOWN)}"
    if not text.strip():
        return f"{name} of {where} says nothing"
    if not text.isprintable():
        return f"{name} of {where} is not one line of text: {text[:200]!r}"
    if len(text) > 2000:
        return f"{name} of {where} has {len(text)} characters: {one_line(text, _SHOWN)}"
    return ""


def judged(trial: Trial, kind: str, path: Path, scratch: Path) -> tuple[str, bool]:
    """What is not right with how an input is read (the error, what is left open or lying about, the memory), and whether it
    was refused."""
    refused = False
    before, files = _open_files(), _listed(scratch)
    _forget_peak()
    memory = _peak()
    try:
        reason = trial.read(kind, path)
    except Exception as error:  # that is what is looked for
        reason, refused = documented(error), True
    except SystemExit as error:
        reason = f"SystemExit({error.code}) escapes"
    grown = _peak() - memory
    if not reason and grown > GROWTH:
        reason = f"takes {grown / 2**20:.0f} MiB of memory"
    if not reason and (left := _left_open(before)) and _left_again(trial, kind, path):
        reason = f"leaves {counted(len(left), 'file')} open: {one_line(', '.join(left), _SHOWN)}"
    new = _listed(scratch) - files
    if not reason and new:
        reason = f"leaves {', '.join(sorted(new))[:200]}"
    return reason, refused


def _left_open(before: Mapping[int, str]) -> list[str]:
    """Names of what stays open: not what a cycle of references keeps, nor what a library's thread has open for a moment."""
    end = None
    while len(now := _open_files()) > len(before):
        if end is None:
            gc.collect()
            end = time.monotonic() + _SETTLE
        elif time.monotonic() > end:
            return [name for number, name in sorted(now.items()) if before.get(number) != name]
        time.sleep(0.05)
    return []


def _left_again(trial: Trial, kind: str, path: Path) -> bool:
    """Whether a file stays open when an input is read once more.

    What came once has another reason: ROS's middleware opens a file for each peer that it finds, that of another worker say.
    """
    before = _open_files()
    with contextlib.suppress(Exception):
        trial.read(kind, path)
    return bool(_left_open(before))


def _open_files() -> dict[int, str]:
    """Their names by number."""
    names = {}
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the list itself, and what another thread has closed
            names[int(number)] = os.readlink(f"/proc/self/fd/{number}")
    return names


def _listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def _peak() -> int:
    """Bytes: the most memory that was resident since it was forgotten."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _forget_peak() -> None:
    with contextlib.suppress(OSError):  # in some containers: the peak is that of the whole life then, and seen once
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def serve(descriptor: int) -> None:
    """The work of a worker process: make the trial that comes over the connection, and try what comes until None comes."""
    connection = Connection(descriptor)
    made_by, arguments, folder = connection.recv()
    base = Path(folder)
    log = os.open(base / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in (1, 2):
        os.dup2(log, number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the campaign, which ends its workers
    scratch = base / "scratch"
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    os.environ["TMPDIR"] = str(scratch)
    module, _, name = made_by.partition(":")
    try:
        trial: Trial = getattr(importlib.import_module(module), name)(**arguments)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "fer_ros":  # no lack of this machine but a fault
            raise
        connection.send(Unavailable(f"{type(error).__name__}: {one_line(str(error), _SHOWN)}"))
        return
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection.send(list(trial.kinds))
    place = base / "input"
    while (case := connection.recv()) is not None:
        if place.exists():
            shutil.rmtree(place)
        if case.file:
            path = Path(case.file)
        else:
            place.mkdir()
            path = trial.make(case.kind, case.rng(), place)
        (base / "path.txt").write_text(str(path), encoding="utf-8")
        connection.send(judged(trial, case.kind, path, scratch))
        if any(scratch.iterdir()):
            shutil.rmtree(scratch)
            scratch.mkdir()
    trial.close()


@dataclass(frozen=True)
class Part:
    """A part of the campaign that workers do.

    Attributes:
        made_by: `module:class` of its trial.
        deadline: seconds for one input.
    """

    name: str
    made_by: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    deadline: float = DEADLINE


class Unavailable(ValueError):
    """What a trial needs is not installed; the text says what."""


class Worker:
    """A worker process, which is started again when an input has ended it; a context manager."""

    def __init__(self, part: Part):
        self._made_by, self._arguments, self._deadline = part.made_by, part.arguments, part.deadline
        self._process: subprocess.Popen[bytes] | None = None
        self.kinds: list[str] = []

    def __enter__(self) -> Worker:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _start(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fer_ros_faults_")
        self._connection, other = Pipe()
        # Not by multiprocessing, which would run the program again that this one was started with.
        code = "import sys; sys.path[:] = sys.argv[2:]; from fer_ros.bench.faults import serve; serve(int(sys.argv[1]))"
        self._process = subprocess.Popen([sys.executable, "-c", code, str(other.fileno()), *sys.path],
                                         stdin=subprocess.DEVNULL, pass_fds=[other.fileno()])
        other.close()
        self._connection.send((self._made_by, dict(self._arguments), self._folder.name))
        answer = self._answer(3 * DEADLINE)
        if isinstance(answer, (Unavailable, str)):
            self._end()
            raise answer if isinstance(answer, Unavailable) else ValueError(f"{self._made_by} {answer}")
        self.kinds = answer

    def _answer(self, seconds: float) -> Any:
        """What the worker sends, or a text that says how it ended."""
        if not self._connection.poll(seconds):
            return f"hangs for more than {seconds:g} s"
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            assert self._process is not None  # it was there to be asked
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            code = self._process.returncode or 0
            lines = (Path(self._folder.name) / "log.txt").read_text(encoding="utf-8", errors="replace").split("\n")
            said = one_line(" | ".join(line for line in lines[-4:] if line.strip()), _SHOWN)
            return f"ends the process with {exit_reason(code)}: {said}"

    def try_(self, case: Case) -> tuple[str, bool]:
        """What is not right with an input, empty where all is; and whether it was refused."""
        if self._process is None:
            self._start()
        self._connection.send(case)
        answer = self._answer(self._deadline)
        reason, refused = (answer, False) if isinstance(answer, str) else answer
        return reason.replace(self._folder.name, ""), refused  # where it lay is no matter

    def input(self) -> Path:
        """The file or folder of the last case."""
        return Path((Path(self._folder.name) / "path.txt").read_text(encoding="utf-8"))

    def ended(self) -> bool:
        """Whether the last input has ended the process, or hangs in it."""
        return self._process is None or self._process.poll() is not None

    def restart(self) -> None:
        """With the next case."""
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError, ValueError, subprocess.TimeoutExpired):
            self._connection.send(None)
            process.wait(5)
        process.kill()
        process.wait()
        self._connection.close()
        self._folder.cleanup()


def cases(kinds: Sequence[str], count: int, seed: int) -> Iterator[Case]:
    """So many inputs, the kinds in turn."""
    for number in range(count):
        yield Case(kinds[number % len(kinds)], number, seed)


def campaign(part: Part, count: int, seed: int, workers: int, keep: Path | None,
             tell: Callable[[int], None] = lambda done: None, again: Iterable[Case] = (),
             only: Sequence[str] = ()) -> dict[str, Tally]:
    """Try so many inputs, or those of `again` alone; what was tried and what failed, by kind.

    Args:
        keep: a folder for the inputs that failed, each in a folder of its own with its reason.
        tell: called with how many were tried, from other threads.
        only: words of which a kind has one, where not all kinds are to be tried.
    """
    found: dict[str, Tally] = {}
    lock = threading.Lock()
    errors: list[BaseException] = []
    with Worker(part) as first:
        kinds = [kind for kind in first.kinds if not only or any(word in kind for word in only)]
        if not kinds:
            return {}
        todo = iter(list(again) or cases(kinds, count, seed))
        done = 0

        def work(worker: Worker) -> None:
            nonlocal done
            while True:
                with lock:
                    case = next(todo, None)
                if case is None or errors:
                    return
                reason, refused = worker.try_(case)
                kept = _keep(worker.input(), part, case, reason, keep) if reason and keep is not None else ""
                if worker.ended() or reason.startswith("hangs"):
                    worker.restart()
                with lock:
                    tally = found.setdefault(case.kind, Tally())
                    tally.tried += 1
                    tally.refused += refused
                    if reason:
                        tally.findings.append(Finding(part.name, case.kind, case.number, case.seed, reason, kept))
                    done += 1
                    tell(done)

        def another() -> None:
            try:
                with Worker(part) as worker:
                    work(worker)
            except BaseException as error:
                errors.append(error)

        others = [threading.Thread(target=another, daemon=True) for _ in range(min(workers, max(count, 1)) - 1)]
        for thread in others:
            thread.start()
        try:
            work(first)
        except BaseException as error:
            errors.append(error)
        for thread in others:
            thread.join()
    if errors:
        raise errors[0]
    return found


def _keep(path: Path, part: Part, case: Case, reason: str, keep: Path) -> str:
    """Copy an input beside its reason; the folder."""
    name = "".join(c if c.isalnum() else "_" for c in case.kind)
    folder = keep / f"{part.name}-{name}-{case.seed}-{case.number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if path.is_dir():
        shutil.copytree(path, folder / path.name)
    elif path.exists():
        shutil.copy(path, folder / path.name)
    about = {"part": part.name, "kind": case.kind, "number": case.number, "seed": case.seed, "input": path.name,
             "reason": reason, "python": sys.version.split()[0]}
    (folder / "reason.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return str(folder)


def kept(place: Path) -> tuple[str, Case]:
    """The part and the case of an input that was kept.

    Args:
        place: its folder, or the reason.json in it.

    Raises:
        ValueError: there is none.
    """
    file = place if place.name == "reason.json" else (place if place.is_dir() else place.parent) / "reason.json"
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        case = Case(str(about["kind"]), int(about["number"]), int(about["seed"]), str(file.parent.absolute() / about["input"]))
        return str(about["part"]), case
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{place} is no input that `bench faults` has kept, with reason.json beside it "
                         f"({one_line(str(error), _SHOWN)})") from None


def grouped(findings: Iterable[Finding]) -> dict[str, int]:
    """How often each reason came, whatever its numbers and what it quotes, by the first of its kind; most frequent first."""
    counts: dict[str, int] = {}
    first: dict[str, str] = {}
    for finding in findings:
        words = re.sub(r"'[^']*'|\d+", "", finding.reason)
        reason = first.setdefault(words, finding.reason)
        counts[reason] = counts.get(reason, 0) + 1
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def as_row(part: str, kind: str, tally: Tally) -> dict[str, Any]:
    """For JSON."""
    return {"part": part, "kind": kind, "tried": tally.tried, "refused": tally.refused, "failed": len(tally.findings),
            "skipped": tally.skipped or None, "findings": [asdict(one) for one in tally.findings]}
