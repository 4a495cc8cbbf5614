# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Processes on this machine that annotate recordings, one each at a time."""

from __future__ import annotations

import collections
import multiprocessing
import os
import shutil
import signal
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path

from fer_ros.many.inputs import Input
from fer_ros.many.work import FAILED, DiskFull, Model, Outcome, Task, annotate
from fer_ros.system.orphans import bound_to_this_process, end_with_parent
from fer_ros.words import exit_reason

DECODER = "the file is damaged in a way that a decoder does not survive, or there is not enough memory"
"""Why a process may die each time that it has a recording."""

_TRIES = 2
_PATIENCE = 5.0  # seconds for a process to end before it is killed


class CrewError(Exception):
    """Nobody can annotate anything; the text says why and what to do."""


@dataclass(frozen=True)
class Progress:
    """A recording is in hand: so many images of `of` are annotated; 0 where nobody knows how many there are."""

    given: Input
    images: int = 0
    of: int = 0


@dataclass(frozen=True)
class Finished:
    """A recording is annotated, or cannot be; what was written lies in `folder`."""

    given: Input
    outcome: Outcome
    folder: Path


class Crew:
    """The processes; a context manager that leaves none behind.

    A process that dies, because a damaged file makes a decoder crash, say, or the machine has no memory left, costs the
    recording that it had in hand and nothing else: that is tried once more.

    Args:
        task: what is to be done.
        jobs: how many recordings are annotated at a time.
        room: an empty folder for what is in hand.
    """

    def __init__(self, task: Task, jobs: int, room: Path):
        self._task, self._jobs, self._room = task, jobs, room
        self._members: list[_Member] = []
        self._started = 0

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.process.terminate()
        for member in self._members:
            member.end()
        self._members.clear()

    def work(self, inputs: Iterable[Input]) -> Generator[Progress | Finished, None, None]:
        """Annotate recordings, and tell what becomes of them, as it does.

        Raises:
            CrewError: no process can begin.
            DiskFull: there is no room in `room`.
        """
        waiting = collections.deque(inputs)
        tries: collections.Counter[str] = collections.Counter()
        while waiting or any(member.given for member in self._members):
            while waiting and len(self._members) < self._jobs and len(self._members) < len(waiting) + self._busy():
                self._members.append(self._start())
            for member in self._members:
                if waiting and member.is_ready and member.given is None:
                    given = waiting.popleft()
                    tries[given.name] += 1
                    member.take(given, self._room)
                    yield Progress(given)
            for member in self._heard():
                try:
                    event = member.listen()
                except EOFError:
                    self._members.remove(member)
                    yield from self._lost(member, waiting, tries)
                    continue
                if event is not None:
                    yield event

    def _busy(self) -> int:
        return sum(member.given is not None for member in self._members)

    def _start(self) -> _Member:
        self._started += 1
        return _Member(self._task, self._started)

    def _heard(self) -> list[_Member]:
        channels = {member.channel: member for member in self._members}
        return [channels[one] for one in wait(list(channels)) if isinstance(one, Connection)]

    def _lost(self, member: _Member, waiting: collections.deque[Input], tries: Mapping[str, int]) -> Iterator[Finished]:
        """A process has died: its recording waits again, or is given up."""
        member.end()
        ended = exit_reason(member.process.exitcode or 0)
        if not member.is_ready:
            raise CrewError(f"a process that would annotate cannot begin ({ended}): see above")
        given = member.given
        if given is None:
            return
        folder = self._room / given.name
        shutil.rmtree(folder, ignore_errors=True)
        if tries[given.name] < _TRIES:
            waiting.appendleft(given)
            return
        folder.mkdir()
        yield Finished(given, Outcome(FAILED, f"the process that had it died each time ({ended}): {DECODER}"), folder)


class _Member:
    """A process, and what it has in hand."""

    def __init__(self, task: Task, number: int):
        context = multiprocessing.get_context("spawn")
        self.channel, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, bound_to_this_process(), task), daemon=True,
                                       name=f"annotate-{number}")
        # A Ctrl-C in the terminal, or its end, is this process's affair, which ends the others. Python's resource tracker
        # would start with the first of them, and let SIGINT through.
        resource_tracker.ensure_running()
        kept = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
        try:
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        theirs.close()
        self.is_ready = False
        self.given: Input | None = None
        self._folder = Path()

    def take(self, given: Input, room: Path) -> None:
        self.given, self._folder = given, room / given.name
        self._folder.mkdir()
        try:
            self.channel.send((given, self._folder))
        except OSError:  # it has died, which is noticed where it is listened to
            return

    def listen(self) -> Progress | Finished | None:
        """Raises EOFError where it has died, DiskFull where there is no room."""
        try:
            told = self.channel.recv()
        except OSError:
            raise EOFError from None
        if isinstance(told, DiskFull):
            raise told
        if self.given is not None and isinstance(told, tuple):
            return Progress(self.given, *told)
        if self.given is not None and isinstance(told, Outcome):
            given, self.given = self.given, None
            return Finished(given, told, self._folder)
        self.is_ready = True
        return None

    def end(self) -> None:
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.channel.close()


def _serve(channel: Connection, parent: Mapping[str, str], task: Task) -> None:
    """What a process does: recording after recording, until nobody gives it any."""
    os.environ.update(parent)
    end_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    params = task.params_with(_checked)
    channel.send("ready")

    def tell(images: int, of: int) -> None:
        channel.send((images, of))

    while True:
        try:
            given, folder = channel.recv()
        except EOFError:
            return
        try:
            channel.send(annotate(given, task, params, folder, tell))
        except DiskFull as error:
            channel.send(DiskFull(error.errno, error.strerror))


def _checked(model: Model) -> Path:
    model.content()
    return Path(model.path)
