# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How nodes run: one way for each executable, from its arguments to its exit status."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import rclpy
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn

from fer_ros.parameters.node_params import NodeParams
from fer_ros.ros.guard import spin_once
from fer_ros.ros.joining import join
from fer_ros.ros.node import FerNode
from fer_ros.ros.parameters import faults_of_files, tell_of_files, tell_of_parameters
from fer_ros.system.orphans import end_with_parent
from fer_ros.system.process_title import hide_secrets_in_arguments

_WAIT = 1.0  # seconds for which an executor waits at most


def run_node(node_class: type[FerNode], args: list[str] | None = None) -> int:
    """Run a node until SIGINT or SIGTERM.

    Returns:
        The process's exit status: 0 after a signal, 1 where the node could not be made or started.
    """
    return run_nodes(lambda: [node_class()], args, images=node_class.PUBLISHES_IMAGES, small=node_class.has_small_images)


def run_nodes(make: Callable[[], Sequence[FerNode]], args: list[str] | None = None, *, images: bool,
              small: Callable[[], bool] = lambda: False) -> int:
    """Run the nodes of one process; they start in their order and end in the reverse one. Else as `run_node`.

    Args:
        images: whether one of them publishes images.
        small: tells, by the process's own arguments, whether all of these are small ones, see `fer_ros.ros.joining.join`.
    """
    hide_secrets_in_arguments()
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    # rclpy's own handlers invalidate the context at once; ours let the node hand its camera back and say so first.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    end_with_parent()
    nodes: Sequence[FerNode] = ()
    executor = None
    try:
        try:
            join(args, images=images, small=images and args is None and small())
            # It complains of every impossible request, of which the node tells once.
            rclpy.logging.set_logger_level("rcl_lifecycle", rclpy.logging.LoggingSeverity.ERROR)
            nodes = make()
            tell_of_parameters(nodes, alone=True)
            tell_of_files(nodes)
        except (ValueError, RuntimeError) as error:  # rclpy's own: a parameter file or name it cannot read
            reason = str(error) if rclpy.ok() else faults_of_files() or str(error)
            rclpy.logging.get_logger("fer_ros").error(f"wrong parameter or argument: {reason}")
            return 1
        executor = SingleThreadedExecutor()
        for node in nodes:
            executor.add_node(node)
        for node in nodes:
            if node.params[NodeParams].autostart and not _start(node):
                return 1
        for node in nodes:
            node.align_timers()
        with _woken_by_signals(executor):
            while not stopped and rclpy.ok():
                spin_once(executor, _WAIT, nodes[0].failed)
        return 0
    finally:
        if executor is not None:
            executor.shutdown(timeout_sec=0)
        for node in reversed(nodes):
            node.release()
        for node in reversed(nodes):
            node.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def _woken_by_signals(executor: Executor) -> Iterator[None]:
    """Inside of the block a signal ends the executor's wait, after which Python runs its handler.

    The executor looks at all entities of all nodes whenever it wakes, in Python. To wake often, so as to see signals soon,
    would be most of what a graph costs that has nothing to do.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)

    def wake() -> None:
        while os.read(reader, 64):
            executor.create_task(lambda: None)

    waker = threading.Thread(target=wake, name="signals", daemon=True)
    waker.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)
        waker.join()
        os.close(reader)


def _start(node: FerNode) -> bool:
    steps: tuple[Callable[[], TransitionCallbackReturn], ...] = (node.trigger_configure, node.trigger_activate)
    return all(step() == TransitionCallbackReturn.SUCCESS for step in steps)


def main_of(node_class: type[FerNode]) -> Callable[[], None]:
    """The `main` of an executable."""

    def main() -> None:
        sys.exit(run_node(node_class))

    return main
