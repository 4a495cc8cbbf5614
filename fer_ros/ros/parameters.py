# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""ROS parameters from parameter classes."""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, ParameterType, SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from fer_ros.graph import default_params_file
from fer_ros.parameters.params import ParamSpec, build, specs
from fer_ros.words import has_ros2

T = TypeVar("T")
_NOT_LIVE, _ONE_OF = " Takes effect when the node is configured.", "one of: "
_NAMED = 20
"""Parameters without effect that are named; a file may hold thousands."""


def describe(spec: ParamSpec) -> ParameterDescriptor:
    """A parameter's descriptor, as `ros2 param describe` shows it."""
    text = spec.description + (f" [{spec.unit}]" if spec.unit else "")
    if not spec.live:
        text += _NOT_LIVE
    descriptor = ParameterDescriptor(name=spec.name, description=text)
    # `fps:=30` reaches a node as an integer: `ParamSpec.check` is stricter and kinder than rclpy's own type check.
    descriptor.dynamic_typing = True
    if spec.choices:
        descriptor.additional_constraints = _ONE_OF + ", ".join(spec.choices)
    if spec.range and spec.type is float:
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(spec.range[0]), to_value=float(spec.range[1]))]
    elif spec.range:
        descriptor.integer_range = [IntegerRange(from_value=int(spec.range[0]), to_value=int(spec.range[1]), step=1)]
    return descriptor


_TYPES = {ParameterType.PARAMETER_BOOL: bool, ParameterType.PARAMETER_INTEGER: int, ParameterType.PARAMETER_DOUBLE: float,
          ParameterType.PARAMETER_STRING: str}


def described(descriptor: ParameterDescriptor) -> ParamSpec:
    """What a running node says of a parameter: `describe` the other way round. Of another package's parameter it is less.

    A descriptor does not tell the default; it is None. The type of an array is `list`.
    """
    text, choices, live = descriptor.description, None, not descriptor.read_only
    if text.endswith(_NOT_LIVE):
        text, live = text.removesuffix(_NOT_LIVE), False
    found = re.fullmatch(r"(.*) \[([^\[\]]{1,20})\]", text, re.DOTALL)
    text, unit = found.groups() if found else (text, "")
    if descriptor.additional_constraints.startswith(_ONE_OF):
        choices = tuple(descriptor.additional_constraints.removeprefix(_ONE_OF).split(", "))
    ranges = [*descriptor.floating_point_range, *descriptor.integer_range]
    allowed = (ranges[0].from_value, ranges[0].to_value) if ranges else None
    return ParamSpec(descriptor.name, _TYPES.get(descriptor.type, list), None, text, unit, allowed, choices, live)


def parameter_files() -> list[Path]:
    """The parameter files of a process that a user may have written, by its command line: all but the package's own."""
    named = [Path(file) for word, file in itertools.pairwise(sys.argv) if word in ("--params-file", "--param-file")]
    return [file for file in named if file.absolute() != default_params_file()]


_told: set[str] = set()
"""What was said of parameters: what concerns several nodes of a process is said once."""


def _tell(node: Node, subject: str, text: str) -> None:
    if text and subject not in _told:
        _told.add(subject)
        node.get_logger().warning(text)


def tell_of_parameters(nodes: Sequence[Node], *, alone: bool = False) -> None:
    """Warn of parameters that were given to nodes of which none has them.

    Args:
        alone: whether these are all nodes of the process.
    """
    for node in nodes:
        given = getattr(node, "_parameter_overrides", {})  # rclpy shows them in no other way
        unknown = [name for name in given if not any(one.has_parameter(name) for one in nodes)]
        kind, files = getattr(node, "NAME", node.get_name()), parameter_files() if unknown else []
        if unknown:
            from fer_ros.parameters import params_file  # loads all stages, which few nodes need
            from fer_ros.parameters.graph_params import NODES, QOS_OVERRIDES

            named = [name for name in unknown if kind in NODES and not name.startswith(QOS_OVERRIDES)]
            for name in named[:_NAMED]:
                _tell(node, name, params_file.without_effect(files, name, kind, node.get_fully_qualified_name(), alone))
            if len(named) > _NAMED:
                _tell(node, f"others of {kind}", f"{len(named) - _NAMED} more parameters were given that it does not have")


def tell_of_files(nodes: Sequence[Node]) -> None:
    """Warn of what in the parameter files of a process looks as if it was meant for its nodes and reaches none of them."""
    files = parameter_files()
    if files and nodes:
        from fer_ros.parameters.params_file import unmatched  # loads all stages

        names = {node.get_fully_qualified_name(): getattr(node, "NAME", node.get_name()) for node in nodes}
        for text in unmatched(files, names):
            _tell(nodes[0], text, text)


def faults_of_files() -> str:
    """Why ROS cannot read the parameter files of a process, in words for their writer; empty if it can."""
    from fer_ros.parameters.params_file import faults_of_form  # loads all stages

    return "; ".join(faults_of_form(parameter_files()))


class Parameters:
    """Declares the parameters of some classes on a node and keeps an instance of each that is always whole.

    A change that is not allowed is refused with the reason and alters nothing. One that is replaces the instances and
    calls `changed`, which may refuse it too, by raising ValueError.
    """

    def __init__(self, node: Node, groups: Sequence[type], *, configured: Callable[[], bool],
                 changed: Callable[[], None]):
        """Declare everything.

        Raises:
            ValueError: a value given at start is not allowed; the text lists every one.
        """
        self._node = node
        self._groups = tuple(groups)
        self._configured = configured
        self._changed = changed
        self._specs = {spec.name: spec for group in groups for spec in specs(group)}
        given, wrong = {}, []
        for spec in self._specs.values():
            try:
                given[spec.name] = spec.check(self._declare(spec))
            except ValueError as error:
                wrong.append(str(error))
            except Exception as error:  # rclpy's own refusals share no base that says "bad value"
                wrong.append(f"{spec.name}: {error}")
        if not wrong:
            try:
                self._values: dict[type, Any] = {group: build(group, given) for group in groups}
            except ValueError as error:
                wrong.append(str(error))
        if wrong:
            raise ValueError("; ".join(wrong))
        node.set_parameters([Parameter(name, value=self._shown(name, value)) for name, value in given.items()])
        node.add_on_set_parameters_callback(self._set)
        tell_of_parameters([node])

    def _declare(self, spec: ParamSpec) -> Any:
        """Declare a parameter; the value that it starts with.

        Any node can read a parameter, and every value that it ever had stands in /parameter_events: of one that may hold a
        secret, ROS is never told more than others may see.
        """
        overrides = self._node._parameter_overrides  # rclpy has no other way to them than to declare
        if spec.shown is None or spec.name not in overrides:
            return self._node.declare_parameter(spec.name, spec.default, describe(spec)).value
        value = overrides[spec.name].value
        shown = spec.shown(value) if isinstance(value, str) else value
        self._node.declare_parameter(spec.name, shown, describe(spec), ignore_override=True)
        return value

    def _shown(self, name: str, value: Any) -> Any:
        """What others may see of a parameter's value."""
        shown = self._specs[name].shown
        return shown(value) if shown else value

    def __getitem__(self, group: type[T]) -> T:
        """The parameters of a class as they are now."""
        values: T = self._values[group]
        return values

    def _needs_configuring(self, name: str) -> str:
        node = self._node.get_fully_qualified_name()
        by_hand = f"`ros2 lifecycle set {node} deactivate`, `... cleanup`, set it, `... configure`, `... activate`"
        ours = f"`fer-ros param set --configure {node}.{name}=VALUE` does all of it"
        return f"{name} takes effect when the node is configured: {by_hand if has_ros2() else ours}"

    def _set(self, changes: list[Parameter]) -> SetParametersResult:
        values = {name: getattr(self._values[group], name) for group in self._groups for name in
                  (spec.name for spec in specs(group))}
        before = self._values
        try:
            for change in changes:
                spec = self._specs.get(change.name)
                if spec is None:
                    continue
                value = spec.check(change.value)
                if spec.private is not None:
                    if value == self._shown(spec.name, values[spec.name]):  # what was read is written back
                        value = values[spec.name]
                    elif spec.private(value):
                        raise ValueError(spec.secret_refused)
                if value != values[spec.name] and not spec.live and self._configured():
                    raise ValueError(self._needs_configuring(spec.name))
                values[spec.name] = value
            self._values = {group: build(group, values) for group in self._groups}
            self._changed()
        except ValueError as error:
            self._values = before
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)
