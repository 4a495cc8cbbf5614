# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The processes of a graph as children: started with one parameter file, heard, and ended for sure."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_ros.graph import NodeSpec, Process
from fer_ros.resources import executable
from fer_ros.system.orphans import bound_to_this_process


@dataclass(frozen=True)
class Ended:
    """A process that is not running any more.

    Attributes:
        name: its executable.
        status: its exit status; the negative number of the signal that ended it.
        lasted: how many seconds it ran.
    """

    name: str
    status: int
    lasted: float


@dataclass(frozen=True)
class _Running:
    made: Process
    popen: subprocess.Popen[str]
    started: float


class Processes:
    """Runs processes; a context manager that leaves none behind."""

    _PATIENCE = 8.0  # seconds for a node to end after SIGTERM before it is killed

    def __init__(self, params_file: Path, log_level: str, heard: Callable[[str, str], None]):
        """Prepare.

        Args:
            params_file: parameters of all nodes.
            heard: called with (executable, line) for everything that a node prints, from other threads.
        """
        self._params_file = params_file
        self._log_level = log_level
        self._heard = heard
        self._folder = tempfile.TemporaryDirectory(prefix="fer_ros_")
        self._running: dict[str, _Running] = {}
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._folder.cleanup()

    def start(self, made: Process, extra: Callable[[NodeSpec], Mapping[str, Any]]) -> None:
        """Start a process; a node's parameters in `extra` come last of all."""
        node = made.node
        # Not with -m: that would import from the current folder, which may hold a source tree of this package.
        command = [sys.executable, str(executable(node.executable)), "--ros-args"]
        command += ["-r", f"__ns:={node.namespace}"]
        for local, topic in node.remappings.items():
            command += ["-r", f"{local}:={topic}"]
        for file in made.parameter_files(self._params_file, Path(self._folder.name), extra):
            command += ["--params-file", str(file)]
        command += ["--log-level", self._log_level]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            bufsize=1,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **bound_to_this_process()},
            start_new_session=True,  # Ctrl-C in the terminal is ours alone; we pass it on in order
        )
        self._running[node.executable] = _Running(made, process, time.monotonic())
        reader = threading.Thread(target=self._listen, args=(node.executable, process), daemon=True)
        reader.start()
        self._readers.append(reader)

    @property
    def pids(self) -> list[int]:
        """Of all that were started."""
        return [one.popen.pid for one in self._running.values()]

    def owns(self, process: str) -> bool:
        """Whether a process, as host:pid, is one of these."""
        host, _, pid = process.rpartition(":")
        return host == socket.gethostname() and any(str(one) == pid for one in self.pids)

    def ended(self) -> Ended | None:
        """The first process that is not running any more, else None."""
        for name, one in self._running.items():
            status = one.popen.poll()
            if status is not None:
                return Ended(name, status, time.monotonic() - one.started)
        return None

    def restart(self, name: str) -> tuple[NodeSpec, ...]:
        """Start a process again that has ended, without what was extra at its first start; the nodes in it."""
        made = self._running[name].made
        self.start(made, lambda node: {})
        return made.nodes

    def end(self) -> None:
        """End all nodes: SIGTERM, and SIGKILL for one that does not follow. Returns when all are gone."""
        for one in self._running.values():
            # Not SIGINT: a node that is still importing would answer that with a traceback.
            self._signal(one.popen, signal.SIGTERM)
        deadline = time.monotonic() + self._PATIENCE
        for name, one in self._running.items():
            try:
                one.popen.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._heard(name, f"does not end within {self._PATIENCE:g} s: killed")
                self._signal(one.popen, signal.SIGKILL)
                one.popen.wait()
        for reader in self._readers:
            reader.join(timeout=2)
        self._running.clear()

    @staticmethod
    def _signal(process: subprocess.Popen[str], number: int) -> None:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _listen(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # it was asked for
        with process.stdout as lines:
            for line in lines:
                if line.strip():
                    self._heard(name, line.rstrip())
