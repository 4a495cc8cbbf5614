# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A running graph, measured from another process: when its answers come, what is lost, what it takes."""

from __future__ import annotations

import contextlib
import functools
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rclpy
import yaml
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from fer_ros.bench.timing import Spread, processor_time, resident_memory
from fer_ros.dds import privacy_environment
from fer_ros.graph import Graph, webcam_graph
from fer_ros.msg import EmotionArray
from fer_ros.parameters.yaml_text import QuotingDumper
from fer_ros.processes import Processes
from fer_ros.ros.guard import spin_once
from fer_ros.ros.joining import join
from fer_ros.ros.messages import seconds
from fer_ros.ros.qos import RESULTS
from fer_ros.system.signals import Asked, on_end
from fer_ros.words import exit_reason, one_line

_PATIENCE = 60.0  # seconds for an answer, the first one and any later one


@dataclass
class Answers:
    """What came on one topic within a window.

    Attributes:
        since: stamp of the last answer before it.
        until: when it ended.
        stamps: of the images, in seconds.
        latencies: from a stamp to the receipt of its answer, in seconds.
        faces: in each answer.
    """

    since: float
    until: float = math.nan
    stamps: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    faces: list[int] = field(default_factory=list)

    def lost(self, fps: float) -> int:
        """How many frames of a source with a steady rate have no answer, those at the end of the window included."""
        last = self.stamps[-1] if self.stamps else self.since
        inside = round((last - self.since) * fps) - len(self.stamps)
        # What was taken just before the end may still be on its way.
        on_the_way = max(self.latencies, default=0.0) + 2 / fps
        return max(inside, 0) + max(round((self.until - on_the_way - last) * fps), 0)


@dataclass(frozen=True)
class Run:
    """What was measured of a graph.

    Attributes:
        answers: by topic.
        load: processor time of all its processes, in cores.
        memory: resident, of all its processes, in bytes, at the end.
    """

    answers: Mapping[str, Answers]
    load: float
    memory: int

    @property
    def latency(self) -> Spread:
        return Spread.of([one for answers in self.answers.values() for one in answers.latencies])


class Watch:
    """A graph's processes and its answers; made by `watched`."""

    def __init__(self, processes: Processes, executor: SingleThreadedExecutor, topics: Sequence[str], said: list[str]):
        self._processes, self._executor, self._said = processes, executor, said
        self._answers = {topic: Answers(time.time()) for topic in topics}
        self._heard = dict.fromkeys(topics, time.monotonic())
        self.start()

    def heard(self, topic: str, message: EmotionArray) -> None:
        self._heard[topic] = time.monotonic()
        now, stamp = time.time(), seconds(message.header.stamp)
        answers = self._answers[topic]
        answers.stamps.append(stamp)
        answers.latencies.append(now - stamp)
        answers.faces.append(len(message.emotions))

    def start(self) -> None:
        """Forget what came, and begin a window."""
        self._answers = {topic: Answers(before.stamps[-1] if before.stamps else before.since)
                         for topic, before in self._answers.items()}
        self._begun, self._spent = time.monotonic(), self._cpu()

    def spin(self, until: Callable[[dict[str, Answers]], bool]) -> None:
        """Listen until a condition holds. Raises ValueError where a process of the graph ends, or a topic falls silent."""
        # Of an interrupt while it takes a message rclpy makes another error, and never takes one from that topic again.
        with on_end(ending := Asked()):
            while not ending.asked and not until(self._answers):
                self._check()
                spin_once(self._executor, 0.1, lambda error: self._said.append(one_line(str(error))))
        if ending.asked:
            raise KeyboardInterrupt
        self._check()

    def _check(self) -> None:
        ended = self._processes.ended()
        if ended is not None:
            raise self._fault(f"the graph ended: {ended.name} with {exit_reason(ended.status)}")
        for topic, heard in self._heard.items():
            if time.monotonic() - heard > _PATIENCE:
                raise self._fault(f"no answer came on {topic} within {_PATIENCE:g} s")

    def _fault(self, what: str) -> ValueError:
        """With the last that the graph said."""
        return ValueError(": ".join(filter(None, (what, " ".join(self._said[-3:])))))

    def window(self) -> Run:
        """What was measured since `start`."""
        load = (self._cpu() - self._spent) / max(time.monotonic() - self._begun, 1e-9)
        memory = sum(resident_memory(pid) for pid in self._processes.pids)
        for answers in self._answers.values():
            answers.until = time.time()
        return Run(self._answers, load, memory)

    def _cpu(self) -> float:
        """Seconds of processor time so far."""
        return sum(processor_time(pid) for pid in self._processes.pids)


def camera_graph(source: str, fps: float, composed: bool, namespace: str,
                 cameras: Sequence[str] = ()) -> tuple[Graph, dict[str, Any]]:
    """A graph that plays a video as if it were a camera: again and again, and nothing waits for anybody.

    Args:
        cameras: names of several cameras in one process, which all play it.

    Returns:
        The graph, and the content of its parameter file.
    """
    graph = webcam_graph({}, namespace=namespace, composed=composed, overlay=False)
    # In the file and not in the graph, which would wait for what is known to have an end.
    content: dict[str, Any] = {"/**/camera_node": {"ros__parameters": {"source": source, "loop": True, "fps": float(fps),
                                                                      "wait_for_subscribers": 0}}}
    if cameras:
        content["/**/pipeline_node"] = {"ros__parameters": {"cameras": ",".join(cameras)}}
    return graph, content


@contextlib.contextmanager
def written(content: Mapping[str, Any]) -> Iterator[Path]:
    """A parameter file, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="fer_ros_bench_") as folder:
        file = Path(folder) / "bench.yaml"
        file.write_text(yaml.dump(dict(content), Dumper=QuotingDumper), encoding="utf-8")
        yield file


@contextlib.contextmanager
def listener() -> Iterator[tuple[Node, SingleThreadedExecutor]]:
    """A node that hears a graph of this machine, and what spins it."""
    os.environ.update(privacy_environment(os.environ))
    with contextlib.ExitStack() as stack:
        join()
        stack.callback(rclpy.try_shutdown)
        node = rclpy.create_node("fer_ros_bench")
        stack.callback(node.destroy_node)
        executor = SingleThreadedExecutor()
        stack.callback(executor.shutdown, timeout_sec=0)
        executor.add_node(node)
        yield node, executor


@contextlib.contextmanager
def watched(graph: Graph, content: Mapping[str, Any], topics: Sequence[str] = ()) -> Iterator[Watch]:
    """Start a graph, and wait for its first answers.

    Args:
        content: of a parameter file.
        topics: of its emotions; empty for the graph's own.

    Raises:
        ValueError: as of `Watch.spin`.
    """
    topics = topics or [graph.topics.emotions]
    said: list[str] = []
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(written(content))
        node, executor = stack.enter_context(listener())
        processes = stack.enter_context(Processes(file, "warn", lambda name, line: said.append(line)))
        watch = Watch(processes, executor, topics, said)
        for topic in topics:
            node.create_subscription(EmotionArray, topic, functools.partial(watch.heard, topic), RESULTS)
        for process in graph.processes:
            processes.start(process, lambda spec: {})
        watch.spin(lambda answers: all(len(one.stamps) >= 30 for one in answers.values()))
        watch.start()
        yield watch
