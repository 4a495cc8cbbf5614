# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The workers of a Dask cluster, who annotate recordings wherever they run. Only `--scheduler` imports this file."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from distributed import Client, Future, get_worker
from distributed import TimeoutError as DaskTimeoutError
from distributed.scheduler import KilledWorker

from fer_ros.many.collection import PARTS
from fer_ros.many.crew import DECODER, CrewError, Finished
from fer_ros.many.inputs import Input
from fer_ros.many.work import FAILED, DiskFull, Model, Outcome, Stopped, Task, annotate
from fer_ros.version import __version__
from fer_ros.words import listed, one_line

VERSIONS = ("fer_ros", "onnxruntime", "cv2", "numpy")
"""Packages of which client and workers must have the same version: each of them has a say in the answers."""

_ASK = f"{{name: getattr(__import__(name), '__version__', None) for name in {VERSIONS!r}}}"
_CONNECTING = 10.0  # seconds
_WORKERS = 30.0  # seconds to wait for the first worker
_LOOK = 1.0  # seconds between two looks whether the cluster is still there
_DESERTED = 5  # looks without a worker, after which that is said
_NAMED = 4


class Cluster:
    """A Dask cluster that annotates recordings; a context manager that leaves nothing running there.

    A worker that dies costs the recording that it had in hand: another one begins it anew. The scheduler gives up a recording
    on which several have died.

    Args:
        address: of the scheduler, `tcp://host:8786`.
        task: what is to be done.
        room: an empty folder here, for what comes back.
        tell: called with what a user should know while there is nothing else to tell.

    Raises:
        CrewError: no scheduler answers there, it has no workers, or one has other versions.
    """

    def __init__(self, address: str, task: Task, room: Path, tell: Callable[[str], None]):
        self._address, self._task, self._room = address, task, room
        self._tell, self._deserted = tell, 0
        self._futures: dict[Any, Input] = {}
        self._models: list[Any] = []
        for name in ("distributed", "distributed.client", "distributed.core", "distributed.batched"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters to a user is said here, without a traceback
        try:
            self._client = Client(address, timeout=_CONNECTING, set_as_default=False, name="fer-ros annotate")
        except (OSError, ValueError, RuntimeError, DaskTimeoutError) as error:
            raise CrewError(f"no Dask scheduler answers at {address} ({one_line(str(error), 200)}): start one with `dask "
                            "scheduler`, and workers with `dask worker`") from None

    def __enter__(self) -> Cluster:
        try:
            self._check_workers()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):  # of a scheduler that is gone
            self._client.cancel([*self._futures, *self._models], force=True)
        self._futures.clear()
        with contextlib.suppress(Exception):
            self._client.close(timeout=5)

    def _check_workers(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=_WORKERS)
        except (TimeoutError, DaskTimeoutError):
            raise CrewError(f"the scheduler at {self._address} has no worker: start some with `dask worker {self._address}`"
                            ) from None
        # As text, since a worker without fer_ros could not load a function of it.
        found = self._client.run(eval, _ASK, on_error="return")
        ours = dict(zip(VERSIONS, _versions(), strict=True))
        wrong = [f"{worker} has {name} {about[name]}, here it is {ours[name]}" for worker, about in sorted(found.items())
                 if isinstance(about, dict) for name in VERSIONS if about[name] != ours[name]]
        wrong += [one_line(f"{worker} cannot tell: {error}", 200) for worker, error in sorted(found.items())
                  if isinstance(error, Exception)]
        if wrong:
            raise CrewError(f"the answers would depend on who gives them: {listed(wrong, _NAMED)}; install the same versions "
                            "everywhere")

    def work(self, inputs: Iterable[Input]) -> Generator[Finished, None, None]:
        """Annotate recordings, and tell what has become of each, as it does.

        Raises:
            CrewError: the scheduler is gone.
            DiskFull: there is no room here for what comes back.
        """
        done: queue.Queue[Any] = queue.Queue()
        submit = self._client.submit
        run = uuid.uuid4().hex[:12]
        # A task that gives the bytes, and not the bytes: a worker that has them may die, and another is given them again.
        self._models = [submit(_itself, model.content(), key=f"fer_ros-model-{model.sha256[:12]}-{run}", pure=False)
                        for model in (self._task.detector, self._task.emotions)]
        versions = dict(zip(VERSIONS, _versions(), strict=True))
        for given in inputs:
            future = submit(annotate_there, given, self._task, self._models, versions, key=f"fer_ros-{given.name}-{run}",
                            pure=False)
            self._futures[future] = given
            future.add_done_callback(done.put)
        while self._futures:
            try:
                future = done.get(timeout=_LOOK)
            except queue.Empty:
                self._look()
                continue
            outcome, parts = self._result(future)
            given = self._futures[future]
            yield Finished(given, outcome, self._written(given, parts))
            del self._futures[future]

    def _look(self) -> None:
        """Raises CrewError where the scheduler is gone for good."""
        if self._client.status not in ("running", "connecting"):
            raise CrewError(f"the scheduler at {self._address} is gone")
        with contextlib.suppress(OSError):  # it may go just now, which is noticed at the next look
            there = self._client.status != "running" or self._client.scheduler_info()["workers"]
            self._deserted = 0 if there else self._deserted + 1
            if self._deserted == _DESERTED:
                self._tell(f"{self._address} has no worker any more: waiting for one (`dask worker {self._address}`); after "
                           "Ctrl-C the same command goes on later")

    def _result(self, future: Future) -> tuple[Outcome, Mapping[str, bytes]]:
        try:
            outcome, parts = future.result()
            return outcome, parts
        except CancelledError:
            raise CrewError(f"the scheduler at {self._address} is gone, or somebody has cancelled its work") from None
        except KilledWorker as error:
            return Outcome(FAILED, "the workers that had it died, one after another, the last at "
                           f"{error.last_worker.address}: {DECODER}"), {}
        except DiskFull as error:
            return Outcome(FAILED, f"the disk of its worker is full: {error.strerror}"), {}
        except Exception as error:  # whatever a worker says
            if self._client.status not in ("running", "connecting"):
                raise CrewError(f"the scheduler at {self._address} is gone") from None
            return Outcome(FAILED, one_line(f"{type(error).__name__}: {error}")), {}

    def _written(self, given: Input, parts: Mapping[str, bytes]) -> Path:
        folder = self._room / given.name
        try:
            folder.mkdir()
            for name in PARTS:
                if name in parts:
                    (folder / name).write_bytes(parts[name])
        except OSError as error:
            raise DiskFull(error.errno, error.strerror) from None
        return folder


def _itself(content: bytes) -> bytes:
    return content


def _versions() -> list[str]:
    import cv2
    import numpy
    import onnxruntime

    return [__version__, onnxruntime.__version__, cv2.__version__, numpy.__version__]


def annotate_there(given: Input, task: Task, contents: Sequence[bytes], versions: Mapping[str, str]
                   ) -> tuple[Outcome, dict[str, bytes]]:
    """Annotate a recording on a worker.

    Args:
        contents: of the task's networks.
        versions: of the client's packages; a worker may have joined after it has looked at all of them.

    Returns:
        What has become of it, and the files of it by their names.
    """
    worker = get_worker()
    have = dict(zip(VERSIONS, _versions(), strict=True))
    if have != versions:
        other = [f"{name} {have[name]}, not {versions[name]}" for name in VERSIONS if have[name] != versions[name]]
        raise RuntimeError(f"worker {worker.address} has {', '.join(other)}: install the same versions everywhere")
    models = dict(zip((task.detector, task.emotions), contents, strict=True))
    beside = Path(worker.local_directory)
    params = task.params_with(lambda model: _placed(model, models[model], beside))
    key = worker.get_current_task()

    def stop(images: int, of: int) -> None:
        about = worker.state.tasks.get(key)
        if about is None or about.state == "cancelled":
            raise Stopped

    with tempfile.TemporaryDirectory(prefix="fer_ros-", dir=beside) as scratch:
        try:
            outcome = annotate(given, task, params, Path(scratch), stop)
            if outcome.status == FAILED:
                if not given.is_remote and not os.path.exists(given.source):
                    return Outcome(FAILED, f"{worker.address} does not see it: a path must be the same on all machines: "
                                   "else name an object store"), {}
                return outcome, {}
            return outcome, {name: (Path(scratch) / name).read_bytes() for name in PARTS if (Path(scratch) / name).is_file()}
        except Stopped:
            return Outcome(FAILED, "nobody waits for it any more"), {}


def _placed(model: Model, content: bytes, beside: Path) -> Path:
    """A network as a file of this worker."""
    folder = beside / f"fer_ros-{model.sha256}"
    path = folder / model.file
    if not path.is_file():
        folder.mkdir(exist_ok=True)
        scratch = folder / f".{uuid.uuid4().hex}"
        scratch.write_bytes(model.checked(content))
        os.replace(scratch, path)
    return path
