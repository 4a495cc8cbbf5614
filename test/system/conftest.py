# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The graph as a user starts it: processes, in a ROS domain of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
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

    def __init__(self, *arguments: object, folder: Path, machine: Sequence[str] = (), variables: dict[str, str] | None = None):
        self.output = folder / f"output-{time.monotonic_ns()}.txt"
        self._file = self.output.open("w")
        self.process = subprocess.Popen(
            [*machine, sys.executable, "-u", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=self._file,
            stderr=subprocess.STDOUT, env=environment() if variables is None else variables, cwd=folder,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

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


SAID = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER", "ROS_SUPER_CLIENT",
        "ROS_DOMAIN_ID", "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


class Machines:
    """Two network namespaces with a cable between them; processes of one have no shared memory in common with the other's."""

    OURS, THEIRS = "10.77.0.1", "10.77.0.2"

    def __init__(self, name: str):
        self.here, self.there = f"{name}a", f"{name}b"
        self._keepers: dict[str, subprocess.Popen] = {}

    def connect(self) -> None:
        for name in (self.here, self.there):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "fer0", "netns", self.here, "type", "veth", "peer", "name", "fer0", "netns", self.there)
        for name, address in ((self.here, self.OURS), (self.there, self.THEIRS)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "fer0")
            ip("-n", name, "link", "set", "fer0", "up")
            self._keepers[name] = self._keep(name)
        # Whoever joins before, Fast DDS say, takes it for a machine without a network, and does not look again.
        deadline = time.monotonic() + 60
        while not all("state UP" in ip("-n", name, "link", "show", "fer0") for name in (self.here, self.there)):
            assert time.monotonic() < deadline, "the cable between the two machines does not come up"
            time.sleep(0.05)

    @staticmethod
    def _keep(name: str) -> subprocess.Popen:
        """A process that holds the shared memory of one of them."""
        own_memory = "mount -t tmpfs tmpfs /dev/shm && echo ready && exec cat"
        process = subprocess.Popen(["ip", "netns", "exec", name, "unshare", "-m", "sh", "-c", own_memory],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if not process.stdout.readline():
            raise subprocess.CalledProcessError(process.wait(), process.args, stderr=process.stderr.read())
        return process

    def command(self, name: str, *command: object) -> list[str]:
        """A command as it runs on one of the machines."""
        return ["nsenter", "-t", str(self._keepers[name].pid), "-m", "-n", *map(str, command)]

    def block(self, name: str, *what: str) -> None:
        """Drop packets from the other machine as a firewall on this one does; all again with no word of what."""
        ip("-n", name, "xfrm", "policy", "flush")
        if what:
            other = self.THEIRS if name == self.here else self.OURS
            ip("-n", name, "xfrm", "policy", "add", "src", f"{other}/32", *what, "dir", "in", "action", "block")

    @staticmethod
    def environment(variables: dict[str, str]) -> dict[str, str]:
        """With no more said of the network than these variables."""
        return {name: value for name, value in os.environ.items() if name not in SAID} | variables

    def close(self) -> None:
        for keeper in self._keepers.values():
            keeper.communicate()
        for name in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def machines() -> Iterator[Machines]:
    if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
        pytest.skip("network namespaces need root, iproute2 and util-linux")
    made = Machines(f"fer{os.getpid()}")
    try:
        try:
            made.connect()
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield made
    finally:
        made.close()


@pytest.fixture
def start(machines, tmp_path) -> Iterator[Callable[..., Command]]:
    """Starts a Python program on one of two machines, with no more said of the network than the variables given."""
    started: list[Command] = []

    def begin(machine: str, variables: dict[str, str], *arguments: object) -> Command:
        started.append(Command(*arguments, folder=tmp_path, machine=machines.command(machine),
                               variables=machines.environment(variables)))
        return started[-1]

    yield begin
    for command in started:
        command.process.terminate()
    for command in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            command.process.wait(30)
        command.close()
