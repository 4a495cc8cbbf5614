"""The graph as a user starts it: processes, in a ROS domain of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_ros.resources import executable

DOMAIN = str(1 + os.getpid() % 90)


def environment() -> dict[str, str]:
    made = {**os.environ, "ROS_DOMAIN_ID": DOMAIN, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    if made.get("ROS_DISTRO") == "humble":
        made["ROS_LOCALHOST_ONLY"] = "1"
    return made


def children_of(pid: int) -> list[int]:
    """All processes below one, found before it ends."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent == pid:
                found += [int(entry.name), *children_of(int(entry.name))]
    return found


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Command:
    """A running Python program."""

    def __init__(self, *arguments: object, folder: Path):
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        self._file = self.output.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-u", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=self._file,
            stderr=subprocess.STDOUT, env=environment(), cwd=folder, start_new_session=True,
        )

    @property
    def text(self) -> str:
        return self.output.read_text()

    def wait_for(self, condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(f"waited in vain for {what}; it printed:\n{self.text}")
            time.sleep(0.05)

    def end(self, number: int = signal.SIGINT) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, seconds: float = 180.0) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(f"did not end within {seconds:g} s; it printed:\n{self.text}")

    def close(self) -> None:
        pids = children_of(self.process.pid)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in pids:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        self._file.close()


@pytest.fixture
def python(tmp_path) -> Iterator[Callable[..., Command]]:
    """Starts a Python program with arguments; ends it, whatever the test did."""
    started = []

    def start(*arguments: object) -> Command:
        started.append(Command(*arguments, folder=tmp_path))
        return started[-1]

    yield start
    for command in started:
        command.close()


@pytest.fixture
def fer_ros(python) -> Callable[..., Command]:
    """Starts `fer-ros` with arguments."""
    return lambda *arguments: python(executable("fer-ros"), *arguments)


@pytest.fixture
def descendants() -> Callable[[Command], tuple[list[int], Callable[[int], bool]]]:
    """Of a running command: the processes below it, and a test whether one still runs."""
    return lambda command: (children_of(command.process.pid), is_alive)
