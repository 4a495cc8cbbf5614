# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How long a graph takes from its start to its first answer."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from fer_ros.bench.faults_graph import Command
from fer_ros.bench.live_graph import camera_graph, listener, written
from fer_ros.graph import webcam_graph
from fer_ros.msg import EmotionArray
from fer_ros.processes import Processes
from fer_ros.ros.guard import spin_once
from fer_ros.ros.qos import RESULTS
from fer_ros.system.signals import Asked, on_end
from fer_ros.words import exit_reason

_PATIENCE = 60.0  # seconds


def of_process(source: str, fps: int, namespace: str) -> float:
    """Seconds from the start of a graph's one process to its first answer, which a process hears that runs already.

    Raises:
        ValueError: it ends, or says nothing for a minute.
    """
    said: list[str] = []
    graph, content = camera_graph(source, fps, True, namespace)
    with _hearing(graph.topics.emotions) as hear, written(content) as file, \
            Processes(file, "warn", lambda name, line: said.append(line)) as processes:
        begun = time.monotonic()
        for process in graph.processes:
            processes.start(process, lambda node: {})

        def ended() -> str:
            found = processes.ended()
            return f"{found.name} ended with {exit_reason(found.status)}: {' '.join(said[-3:])}" if found else ""

        return hear(ended) - begun


def of_command(source: str, namespace: str) -> float:
    """As `of_process`, from the start of `fer-ros run`."""
    topic = webcam_graph({}, namespace=namespace).topics.emotions
    with _hearing(topic) as hear, tempfile.TemporaryDirectory(prefix="fer_ros_bench_") as folder:
        begun = time.monotonic()
        with Command(Path(folder), "run", "--source", source, "--namespace", namespace) as command:
            return hear(lambda: "" if command.status is None else f"fer-ros run ended: {command.tail()}") - begun


@contextlib.contextmanager
def _hearing(topic: str) -> Iterator[Callable[[Callable[[], str]], float]]:
    """What waits for the first answer on a topic, and returns when it came; it asks again and again whether the graph has
    ended, and why."""
    heard: list[float] = []
    with listener() as (node, executor):
        node.create_subscription(EmotionArray, topic, lambda message: heard.append(time.monotonic()), RESULTS)

        def hear(ended: Callable[[], str]) -> float:
            faults: list[str] = []
            deadline = time.monotonic() + _PATIENCE
            # Of an interrupt while it takes a message rclpy makes another error.
            with on_end(ending := Asked()):
                while not (heard or ending.asked):
                    if why := ended():
                        raise ValueError(why)
                    if time.monotonic() > deadline:
                        raise ValueError(": ".join([f"no answer came on {topic} within {_PATIENCE:g} s", *faults[-1:]]))
                    spin_once(executor, 0.1, lambda error: faults.append(str(error)))
            if ending.asked:
                raise KeyboardInterrupt
            return heard[0]

        yield hear
