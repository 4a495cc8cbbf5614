# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A Dask cluster annotates: the answers of one process, whoever dies, whatever processor it has, wherever recordings are."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

distributed = pytest.importorskip("distributed", reason="needs the extra of the cluster (pip install 'fer_ros[cluster]')")
dataset = pytest.importorskip("pyarrow.dataset")

DASK = Path(sys.executable).with_name("dask")
FER_ROS = [sys.executable, "-u", "-c", "from fer_ros.cli import main; main()"]
ANOTHER_VERSION = "import fer_ros, fer_ros.version\nfer_ros.__version__ = fer_ros.version.__version__ = '0.0.1'\n"
ANOTHER_PROCESSOR = "from fer_ros import resources\nresources.multiplies_bytes = lambda: False\n"


def until(ready: Callable[[], object], seconds: float = 120.0) -> object:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ready():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds:g} s")


class LocalCluster:
    """A scheduler and workers, each a process of its own; a context manager that leaves none."""

    def __init__(self, folder: Path, **environment: str):
        self.folder, self._environment = folder, {**os.environ, **environment}
        self._started: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", 0, "--scheduler-file",
                                     folder / "about.json")
        self.address: str = until(self._address)
        self.workers: list[subprocess.Popen[bytes]] = []

    def _address(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.folder / "about.json").read_text())["address"]
        return ""

    def _start(self, *arguments: object) -> subprocess.Popen[bytes]:
        with open(self.folder / f"{len(self._started)}.log", "wb") as log:
            self._started.append(subprocess.Popen([DASK, *map(str, arguments), "--no-dashboard"], stdout=log, stderr=log,
                                                  cwd=self.folder, env=self._environment))
        return self._started[-1]

    def start_worker(self, *more: object) -> subprocess.Popen[bytes]:
        self.workers.append(self._start("worker", self.address, "--nthreads", 1, "--no-nanny", "--local-directory",
                                        self.folder, *more))
        return self.workers[-1]

    def wait(self) -> None:
        """Until all workers are there."""
        with self.client() as client:
            client.wait_for_workers(len(self.workers), timeout=120)

    def client(self):
        return distributed.Client(self.address, set_as_default=False, timeout=60)

    def __enter__(self) -> LocalCluster:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._started:
            one.kill()
        for one in self._started:
            one.wait()


@pytest.fixture
def cluster(tmp_path) -> Iterator[LocalCluster]:
    (tmp_path / "cluster").mkdir()
    with LocalCluster(tmp_path / "cluster") as made:
        yield made


@pytest.fixture(scope="module")
def clips(share, tmp_path_factory) -> Path:
    """Three videos of 12 s, and one that is none."""
    folder = tmp_path_factory.mktemp("clips")
    for i in range(3):
        shutil.copy(share / "demo" / "demo.mp4", folder / f"{i}.mp4")
    (folder / "damaged.mp4").write_text("no video")
    return folder


def annotate(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*FER_ROS, "annotate", *map(str, arguments)], check=False, capture_output=True, text=True,
                          env={**os.environ, **environment}, cwd=os.path.sep)


def begin(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen([*FER_ROS, "annotate", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, cwd=os.path.sep, start_new_session=True)


def wait_for_line(process: subprocess.Popen[str], start: str) -> None:
    while not (line := process.stdout.readline()).startswith(start):
        assert line, process.stderr.read()


def answers(folder: Path) -> dict[str, bytes]:
    """Every file of the answers: bags and the data sets."""
    return {str(path.relative_to(folder)): path.read_bytes() for name in ("faces", "events", "bags")
            for path in sorted((folder / name).iterdir())}


def statuses(folder: Path) -> dict[str, str]:
    with open(folder / "recordings.csv", newline="", encoding="utf-8") as file:
        return {Path(row["recording"]).name: row["status"] for row in csv.DictReader(file)}


ALL = {"0.mp4": "done", "1.mp4": "done", "2.mp4": "done", "damaged.mp4": "failed"}


def test_the_answers_are_those_of_one_process_however_many_workers_and_whatever_processors(cluster, clips, tmp_path):
    here = annotate(clips, "--out", tmp_path / "here", "--jobs", 1)
    assert here.returncode == 1, here.stderr
    (cluster.folder / "processor.py").write_text(ANOTHER_PROCESSOR)
    cluster.start_worker("--preload", cluster.folder / "processor.py")
    cluster.wait()
    for workers in (1, 3):
        while len(cluster.workers) < workers:
            cluster.start_worker()
        cluster.wait()
        out = tmp_path / f"there{workers}"
        there = annotate(clips, "--out", out, "--scheduler", cluster.address)
        assert there.returncode == 1, there.stderr
        assert "3 of 4 recordings annotated, 1 failed" in there.stdout
        assert statuses(out) == ALL
        assert answers(out) == answers(tmp_path / "here")
    about = json.loads((tmp_path / "there3" / "fer_ros.json").read_text())
    assert about == json.loads((tmp_path / "here" / "fer_ros.json").read_text())
    assert "sha256" in about["emotion_node.model"]


def test_a_worker_that_dies_costs_its_recording_in_hand_and_nothing_else(cluster, clips, tmp_path):
    for _ in range(2):
        cluster.start_worker()
    cluster.wait()
    with begin(clips, "--out", tmp_path / "out", "--no-bags", "--scheduler", cluster.address) as process:
        wait_for_line(process, "1/4 ")
        kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "records").iterdir()}
        cluster.workers[0].kill()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 1, errors
    assert statuses(tmp_path / "out") == ALL
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_an_interrupt_leaves_nothing_running_and_the_same_command_goes_on_here(cluster, clips, tmp_path):
    cluster.start_worker()
    cluster.wait()
    with begin(clips, "--out", tmp_path / "out", "--no-bags", "--scheduler", cluster.address) as process:
        wait_for_line(process, "1/4 ")
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "the same command goes on" in errors and "Traceback" not in errors
    with cluster.client() as client:
        until(lambda: not any(client.processing().values()))
        until(lambda: not any(client.run(lambda dask_worker: len(dask_worker.state.executing)).values()), 30)
    assert not list(cluster.folder.rglob("fer_ros-*/faces.parquet"))
    assert annotate(clips, "--out", tmp_path / "out", "--no-bags").returncode == 1
    assert statuses(tmp_path / "out") == ALL


def test_a_cluster_without_workers_is_waited_for_and_that_is_said(cluster, clips, tmp_path):
    cluster.start_worker()
    cluster.wait()
    with begin(clips, "--out", tmp_path / "out", "--no-bags", "--scheduler", cluster.address) as process:
        wait_for_line(process, "1/4 ")
        cluster.workers[0].kill()
        while "has no worker any more: waiting" not in (line := process.stderr.readline()):
            assert line
        cluster.start_worker()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 1, errors
    assert statuses(tmp_path / "out") == ALL


def test_a_scheduler_that_does_not_answer_is_said(clips, tmp_path):
    done = annotate(clips, "--out", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_scheduler_that_dies_is_said_and_what_is_done_is_kept(cluster, clips, tmp_path):
    cluster.start_worker()
    cluster.wait()
    with begin(clips, "--out", tmp_path / "out", "--no-bags", "--scheduler", cluster.address) as process:
        wait_for_line(process, "1/4 ")
        cluster.scheduler.kill()
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 1, errors
    assert f"the scheduler at {cluster.address} is gone" in errors and "the same command goes on" in errors
    assert "Traceback" not in errors
    assert len(statuses(tmp_path / "out")) >= 1


def test_workers_of_another_version_are_refused_by_name(cluster, clips, tmp_path):
    (cluster.folder / "version.py").write_text(ANOTHER_VERSION)
    cluster.start_worker("--preload", cluster.folder / "version.py")
    cluster.wait()
    done = annotate(clips, "--out", tmp_path / "out", "--scheduler", cluster.address)
    assert done.returncode == 1
    assert "has fer_ros 0.0.1, here it is" in done.stderr and "Traceback" not in done.stderr


def test_recordings_come_from_an_object_store(clips, tmp_path):
    server = pytest.importorskip("moto.server", reason="needs an S3 server (requirements/dev.txt)")
    s3fs = pytest.importorskip("s3fs", reason="needs a client of S3 (requirements/dev.txt)")
    service = server.ThreadedMotoServer("127.0.0.1", 0)
    service.start()
    try:
        host, port = service.get_host_and_port()
        login = {"FSSPEC_S3_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "testing",
                 "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
        store = s3fs.S3FileSystem(endpoint_url=login["FSSPEC_S3_ENDPOINT_URL"], key="testing", secret="testing")
        store.mkdir("videos")
        for name, place in (("0.mp4", "2026/0.mp4"), ("1.mp4", "2026/more/0.mp4"), ("damaged.mp4", "2026/damaged.mp4")):
            store.put_file(str(clips / name), f"videos/{place}")
        (tmp_path / "cluster").mkdir()
        with LocalCluster(tmp_path / "cluster", **login) as cluster:
            cluster.start_worker()
            cluster.wait()
            options = ["--out", tmp_path / "out", "--no-bags", "--scheduler", cluster.address]
            done = annotate("s3://videos/2026", "s3://videos/*/0.mp4", "s3://videos/none.mp4", *options, **login)
            assert done.returncode == 1, done.stderr
            with open(tmp_path / "out" / "recordings.csv", newline="", encoding="utf-8") as file:
                found = {row["recording"]: row for row in csv.DictReader(file)}
            assert {name: row["status"] for name, row in found.items()} == {
                "s3://videos/2026/0.mp4": "done", "s3://videos/2026/more/0.mp4": "done",
                "s3://videos/2026/damaged.mp4": "failed"}
            assert found["s3://videos/2026/damaged.mp4"]["reason"].startswith("source 's3://videos/2026/damaged.mp4' is not")
            assert "s3://videos/none.mp4: no recording is there" in done.stderr
            store.put_file(str(clips / "2.mp4"), "videos/2026/damaged.mp4")
            again = annotate("s3://videos/2026/", *options, **login)
            assert again.returncode == 0, again.stderr
            assert "done already: 2 of 3" in again.stdout
        annotate(clips / "0.mp4", "--out", tmp_path / "here", "--no-bags")
        assert annotate("s3://videos/2026/0.mp4", "--out", tmp_path / "fetched", "--no-bags", **login).returncode == 0
        here, fetched = (dataset.dataset(tmp_path / name / "faces").to_table().drop_columns(["recording"])
                         for name in ("here", "fetched"))
        assert here.equals(fetched) and here.num_rows
        service.stop()
        gone = annotate("s3://videos/2026/0.mp4", "--out", tmp_path / "gone", **login)
        assert gone.returncode == 1 and "the store does not answer" in gone.stderr and "Traceback" not in gone.stderr
    finally:
        with contextlib.suppress(Exception):
            service.stop()
