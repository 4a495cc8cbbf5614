# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Looks at graphs that run already, and asks their nodes: parameters, states, topics."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParametersAtomically
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.task import Future

from fer_ros.dds import is_local
from fer_ros.parameters.params import ParamSpec
from fer_ros.ros.guard import spin_once
from fer_ros.ros.parameters import described
from fer_ros.ros.qos import UNKNOWN_NODE, name_of
from fer_ros.words import listed, one_line

_SHOWN = 5  # nodes, namespaces or topics that are named
_OF_EVERY_NODE = "/parameter_events"


class NothingThere(ValueError):
    """No node or topic of what is looked for runs; the text says what to do."""


class NoAnswer(ValueError):
    """A node did not answer, or refused; the text says which and why."""


@dataclass(frozen=True)
class Value:
    """A parameter of a running node, and its value."""

    spec: ParamSpec
    value: Any


class Visitor(Node):
    """A node beside the graphs, with an executor of its own; a context manager.

    Every wait ends with KeyboardInterrupt where the user has asked for the end.

    Args:
        is_over: whether that is so.
        context: of rclpy; None for the one of the process.
    """

    DISCOVERY = 5.0  # seconds in which what runs is found, on a busy machine, too
    _SETTLED = 1.0  # seconds without a new node after which there will be no more
    _ANSWER = 10.0  # seconds that a node may take to answer: one frame of a slow network, or configuring it

    def __init__(self, is_over: Callable[[], bool], context: rclpy.Context | None = None):
        # Its name begins with _, as those of ros2's own commands do: such nodes are not shown. It has no parameters.
        super().__init__(f"_fer_ros_{os.getpid()}", start_parameter_services=False, enable_rosout=False, context=context)
        self._is_over = is_over
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self)
        self.failed: Callable[[Exception], None] = lambda error: None
        """Called with what a callback of rclpy's own raises, a message that cannot be read say."""

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(timeout_sec=0)
        self.destroy_node()

    def step(self, seconds: float = 0.05) -> None:
        """Wait for a callback and run it."""
        spin_once(self._executor, seconds, self.failed)
        if self._is_over():
            raise KeyboardInterrupt

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Step until something holds; whether it did within `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.step()
        return True

    def names(self) -> list[str]:
        """Full names of all nodes that are there now, one as often as there are nodes of it."""
        found = self.get_node_names_and_namespaces()
        return [f"{namespace.rstrip('/')}/{name}" for name, namespace in found if not name.startswith("_")]

    def find(self, kinds: Collection[str], prefix: str, wanted: Collection[str] = ()) -> list[str]:
        """Full names of the nodes below a namespace that have one of some names.

        Args:
            kinds: names without a namespace.
            prefix: the namespace, absolute; empty for any.
            wanted: names that count, too, with a namespace or without, and are waited for.

        Raises:
            NothingThere: there is none.
        """
        def found() -> set[str]:
            return {full for full in self.names() if full in wanted or
                    (full.rpartition("/")[2] in (*kinds, *wanted) and full.startswith(f"{prefix}/"))}

        def is_all() -> bool:
            """One process is found after the other: whether those that are named are there, and all have told their names."""
            names = {name for full in latest for name in (full, full.rpartition("/")[2])}
            return bool(latest) and names.issuperset(wanted) and not any(
                name_of(info) == UNKNOWN_NODE for info in self.get_publishers_info_by_topic(_OF_EVERY_NODE))

        latest, since = found(), time.monotonic()
        deadline = since + self.DISCOVERY
        while time.monotonic() - since < self._SETTLED or not is_all():
            if time.monotonic() > deadline:
                break
            self.step()
            now = found()
            if now != latest:
                latest, since = now, time.monotonic()
        if not latest:
            raise NothingThere(self._nobody(kinds, prefix))
        return sorted(latest)

    def _nobody(self, kinds: Collection[str], prefix: str) -> str:
        elsewhere = sorted({full.rpartition("/")[0] for full in self.names() if full.rpartition("/")[2] in kinds})
        if prefix and elsewhere:
            roots = dict.fromkeys(one.removesuffix("/fer").removesuffix("/camera") or "/" for one in elsewhere)
            return f"no node of fer_ros runs in {prefix}: there are some in {listed(list(roots), _SHOWN)}"
        return nobody_runs(prefix)

    def call(self, kind: Any, name: str, request: Any) -> Any:
        """Ask a service. Raises NoAnswer where it is not there, or does not answer."""
        (answer,) = self.call_all(kind, {name: request}).values()
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    def call_all(self, kind: Any, requests: Mapping[str, Any]) -> dict[str, Any]:
        """Ask services of one type at once, each by its absolute name; the answers, or a `NoAnswer` in their place."""
        clients = {name: self.create_client(kind, name) for name in requests}
        try:
            self.until(lambda: all(client.service_is_ready() for client in clients.values()), self.DISCOVERY)
            ready = {name: client for name, client in clients.items() if client.service_is_ready()}
            futures = {name: client.call_async(requests[name]) for name, client in ready.items()}
            self.until(lambda: all(future.done() for future in futures.values()), self._ANSWER)
            return {name: self._answer(name, futures.get(name)) for name in requests}
        finally:
            for client in clients.values():
                self.destroy_client(client)

    def _answer(self, name: str, future: Future | None) -> Any:
        node, _, service = name.rpartition("/")
        if future is None:
            return NoAnswer(f"{node} has no service {service}, or has just ended")
        if not future.done():
            return NoAnswer(f"{node} has not answered within {self._ANSWER:g} s: it is busy, or stands still")
        return future.result()

    def parameters_of(self, nodes: Iterable[str]) -> dict[str, dict[str, Value] | NoAnswer]:
        """The parameters of nodes by name, in the order in which they were declared; or why a node has not told them."""
        lists = self.call_all(ListParameters, {f"{node}/list_parameters": ListParameters.Request() for node in nodes})
        answers = {name.rpartition("/")[0]: answer for name, answer in lists.items()}
        names = {node: list(answer.result.names) for node, answer in answers.items() if not isinstance(answer, NoAnswer)}
        values = self.call_all(GetParameters, {
            f"{node}/get_parameters": GetParameters.Request(names=own) for node, own in names.items()})
        told = self.call_all(DescribeParameters, {
            f"{node}/describe_parameters": DescribeParameters.Request(names=own) for node, own in names.items()})
        return {node: _put_together(node, names[node], values[f"{node}/get_parameters"], told[f"{node}/describe_parameters"])
                if node in names else answer for node, answer in answers.items()}

    def change_parameters(self, node: str, values: Mapping[str, Any]) -> None:
        """Set all of them or none. Raises NoAnswer with the node's reason where it refuses."""
        request = SetParametersAtomically.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
        result = self.call(SetParametersAtomically, f"{node}/set_parameters_atomically", request).result
        if not result.successful:
            raise NoAnswer(f"{node} refuses: {one_line(result.reason) or 'it gives no reason'}")

    def state(self, node: str) -> str:
        """A managed node's state: unconfigured, inactive, active or finalized."""
        label: str = self.call(GetState, f"{node}/get_state", GetState.Request()).current_state.label
        return one_line(label)

    def change_state(self, node: str, transition: str) -> None:
        """Configure, activate, deactivate, clean up or shut down a managed node. Raises NoAnswer where it does not."""
        request = ChangeState.Request(transition=Transition(id=TRANSITIONS[transition], label=transition))
        if not self.call(ChangeState, f"{node}/change_state", request).success:
            raise NoAnswer(f"{node} does not {transition}: it is {self.state(node)}, and its log says why")


def _put_together(node: str, names: list[str], values: Any, told: Any) -> dict[str, Value] | NoAnswer:
    failed = next((one for one in (values, told) if isinstance(one, NoAnswer)), None)
    if failed is not None:
        return failed
    if not len(names) == len(values.values) == len(told.descriptors):
        return NoAnswer(f"{node} tells of {len(names)} parameters and {len(values.values)} values")
    found = {}
    for name, value, descriptor in zip(names, map(parameter_value_to_python, values.values), told.descriptors, strict=True):
        descriptor.name = name
        if value is not None and name.isprintable():  # it may have been declared without a value
            found[name] = Value(described(descriptor), value if isinstance(value, (bool, int, float, str)) else _list(value))
    return found


def _list(values: Iterable[Any]) -> list[Any]:
    """The elements of an array; those of a byte array, which rclpy gives as bytes of length 1, as numbers."""
    return [int.from_bytes(one, "big") if isinstance(one, bytes) else one for one in values]


TRANSITIONS = {
    "configure": Transition.TRANSITION_CONFIGURE, "cleanup": Transition.TRANSITION_CLEANUP,
    "activate": Transition.TRANSITION_ACTIVATE, "deactivate": Transition.TRANSITION_DEACTIVATE,
    "shutdown": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
}


def nobody_runs(prefix: str = "") -> str:
    """What is said where no graph is found, and what to do."""
    domain = os.environ.get("ROS_DOMAIN_ID") or "0"
    alone = ", and ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET finds those of other machines" if is_local(os.environ) else ""
    where = f" in {prefix}" if prefix else ""
    return (f"no graph of fer_ros runs{where}: `fer-ros run` starts one; this is ROS_DOMAIN_ID {one_line(domain, 20)}{alone}")
