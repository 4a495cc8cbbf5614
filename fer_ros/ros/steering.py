# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Steers the other nodes of a graph through their services: parameters and lifecycle. Follows their diagnostics."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.client import Client
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import qos_profile_parameter_events

from fer_ros.parameters.graph_params import NODES, NOT_EVERYWHERE, parameters_of, places
from fer_ros.parameters.node_params import NodeParams
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.parameters.saved import parameter_file, worth_keeping
from fer_ros.ros.qos import RESULTS
from fer_ros.words import one_line

_VALUES, _LONGEST = 48, 200  # values of a report, and characters of each, that are kept
_MOST_NODES = 32
_OF_ALL = [spec.name for spec in specs(NodeParams)]
_NOT_STEERED = ("pipeline_node", "web_node")


class NotDone(Exception):
    """A node has not done what it was asked for; the text is its reason."""


@dataclass
class Member:
    """A node of the graph as it last reported.

    Attributes:
        kind: which of the package's nodes it is.
        level: of its diagnostics, 0 for OK.
        heard: when, in seconds of `time.monotonic`.
        parameters: their values by name, as far as they are known.
        given: those of all nodes, as they were when they were first known.
    """

    kind: str
    level: int = 0
    message: str = ""
    values: dict[str, str] = field(default_factory=dict)
    heard: float = 0.0
    parameters: dict[str, Any] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    asked: float = -math.inf


class Steering:
    """What a node needs to show and to steer the others. Made in the executor's thread, and asked from any other.

    Attributes:
        members: the nodes of the graph by full name.
    """

    _PATIENCE = 8.0  # seconds for an answer
    _AGAIN = 3.0  # seconds after which parameters are asked for again that have not come

    def __init__(self, node: Node):
        self._node = node
        namespace = node.get_namespace().rstrip("/")
        self._places = places(namespace.removesuffix("/fer"))
        self._beside = namespace
        self.members: dict[str, Member] = {}
        self._clients: dict[tuple[type, str], Client] = {}
        self._subscriptions = [
            node.create_subscription(DiagnosticArray, "/diagnostics", self._guarded(self._on_diagnostics), RESULTS),
            node.create_subscription(ParameterEvent, "/parameter_events", self._guarded(self._on_parameters),
                                     qos_profile_parameter_events),
        ]

    def close(self) -> None:
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        for client in self._clients.values():
            self._node.destroy_client(client)
        self._subscriptions.clear()
        self._clients.clear()

    def look(self) -> None:
        """Ask for the parameters that are not known yet. Called in the executor's thread, now and then."""
        for name, member in list(self.members.items()):
            if member.parameters or time.monotonic() - member.asked < self._AGAIN:
                continue
            client = self._client(GetParameters, f"{name}/get_parameters")
            if client.service_is_ready():
                member.asked = time.monotonic()
                names = [name for name in parameters_of(member.kind) if name not in NOT_EVERYWHERE]
                client.call_async(GetParameters.Request(names=names)).add_done_callback(self._taker(member, names))

    @staticmethod
    def _taker(member: Member, names: list[str]) -> Callable[[Any], None]:
        def take(future: Any) -> None:
            answer = future.result()
            if answer is not None:
                member.parameters = {name: parameter_value_to_python(value)
                                     for name, value in zip(names, answer.values, strict=False)}
                member.given = {name: member.parameters[name] for name in _OF_ALL if name in member.parameters}
        return take

    def parameter_file(self) -> str:
        """What was set of the nodes, as `fer-ros param save` writes it."""
        return parameter_file(worth_keeping({name: member.parameters for name, member in sorted(self.members.items())}))

    def set_parameter(self, name: str, parameter: str, value: Any) -> None:
        """Raises NotDone with the node's own reason."""
        member = self._member(name)
        spec = parameters_of(member.kind).get(parameter)
        if spec is None:
            raise NotDone(f"{name} has no parameter {parameter}")
        if spec.type is float and type(value) is int:
            value = float(value)
        try:
            message = Parameter(parameter, value=value).to_parameter_msg()
            request = SetParameters.Request(parameters=[message])
        except (TypeError, ValueError, OverflowError, AssertionError):
            raise NotDone(f"{parameter} cannot be {value!r}") from None
        (result,) = self._call(SetParameters, f"{name}/set_parameters", request).results or [None]
        if result is None or not result.successful:
            raise NotDone(_reason(spec, value, result.reason if result is not None else "") or f"{name} refuses it")
        member.parameters = {**member.parameters, parameter: value}

    def switch(self, name: str, on: bool) -> None:
        """Activate a node, through configuration where it needs that, or deactivate it. Raises NotDone."""
        member = self._member(name)
        if member.kind in _NOT_STEERED:
            raise NotDone(f"{member.kind} cannot be switched off here")
        if on:
            if self._state(name) == State.PRIMARY_STATE_FINALIZED:
                raise NotDone(f"{name} was shut down: start its process again")
            if self._state(name) == State.PRIMARY_STATE_UNCONFIGURED:
                self._change(name, Transition.TRANSITION_CONFIGURE, "configured")
            if self._state(name) == State.PRIMARY_STATE_INACTIVE:
                self._change(name, Transition.TRANSITION_ACTIVATE, "activated")
            if member.parameters.get("enabled") is False:
                self.set_parameter(name, "enabled", True)
        elif self._state(name) == State.PRIMARY_STATE_ACTIVE:
            self._change(name, Transition.TRANSITION_DEACTIVATE, "deactivated")

    def _state(self, name: str) -> int:
        state: int = self._call(GetState, f"{name}/get_state", GetState.Request()).current_state.id
        return state

    def _change(self, name: str, transition: int, what: str) -> None:
        answer = self._call(ChangeState, f"{name}/change_state", ChangeState.Request(transition=Transition(id=transition)))
        if not answer.success:
            raise NotDone(f"{name} could not be {what}: what it said of it is in its log")

    def _member(self, name: str) -> Member:
        member = self.members.get(name)
        if member is None:
            raise NotDone(f"there is no node {one_line(name, 80)}")
        return member

    def _client(self, kind: type, name: str) -> Client:
        if (kind, name) not in self._clients:
            self._clients[kind, name] = self._node.create_client(kind, name)
        return self._clients[kind, name]

    def _call(self, kind: type, name: str, request: Any) -> Any:
        """Call a service, from another thread than the executor's. Raises NotDone where no answer comes."""
        done, answers = threading.Event(), []

        def answered(future: Any) -> None:
            answers.append(future.result())
            done.set()

        deadline = time.monotonic() + self._PATIENCE
        executor = self._node.executor
        if executor is None:
            raise NotDone("the page's node is ending")

        def ask() -> None:
            # A request to a service that has not been found yet would be lost.
            client = self._client(kind, name)
            if client.service_is_ready():
                client.call_async(request).add_done_callback(answered)
            elif time.monotonic() < deadline:
                later = threading.Timer(0.05, lambda: executor.create_task(ask))
                later.daemon = True
                later.start()

        executor.create_task(ask)
        if not done.wait(self._PATIENCE) or answers[0] is None:
            raise NotDone(f"{name.rpartition('/')[0]} does not answer")
        return answers[0]

    def _guarded(self, callback: Callable[[Any], None]) -> Callable[[Any], None]:
        def guarded(message: Any) -> None:
            try:
                callback(message)
            except Exception as error:  # a message from outside can be wrong in any way
                failed = getattr(self._node, "failed", None)
                if failed is not None:
                    failed(error)
        return guarded

    def _kind_of(self, name: str) -> str | None:
        """Which of the package's nodes it is; None where it is none of this graph."""
        if name in self._places:
            return self._places[name]
        namespace, _, last = name.rpartition("/")
        return last if namespace == self._beside and last in NODES else None

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            kind = self._kind_of(status.name)
            if kind is None or (status.name not in self.members and len(self.members) >= _MOST_NODES):
                continue
            member = self.members.setdefault(status.name, Member(kind))
            values = {one_line(entry.key, 80): one_line(entry.value, _LONGEST) for entry in status.values[:_VALUES]}
            before, begun = member.values.get("started"), values.get("started")
            if before != begun and begun is not None:
                member.parameters = {}  # another process: its parameters are others
            member.level, member.message, member.values = ord(status.level), one_line(status.message, _LONGEST), values
            member.heard = time.monotonic()

    def _on_parameters(self, message: ParameterEvent) -> None:
        member = self.members.get(message.node)
        if member is None or not member.parameters:
            return
        known = parameters_of(member.kind)
        new = {one.name: parameter_value_to_python(one.value)
               for one in (*message.new_parameters, *message.changed_parameters) if one.name in known}
        member.parameters = {**member.parameters, **new}


def _reason(spec: ParamSpec, value: Any, reason: str) -> str:
    """Why a node refuses a value: in our own words where rclpy has looked at its range before the node could."""
    try:
        spec.check(value)
    except ValueError as error:
        return str(error)
    return reason
