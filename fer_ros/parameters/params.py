# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A parameter is written once: a field of a frozen dataclass with its default, unit, range and description.

The ROS bridge declares ROS parameters from these classes, config/fer.yaml and the reference of the site are made of them,
and the stages receive the instance and know nothing of where its values came from.
"""

from __future__ import annotations

import array
import dataclasses
import inspect
import math
import os
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, get_type_hints

import numpy as np

from fer_ros.parameters.yaml_text import compose, value_of, with_foreign_tags
from fer_ros.words import suggestion

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])
Range = tuple[float, float]


class Groups(Protocol):
    """Instances of parameter classes, each by its class: of a dictionary, or of a node."""

    def __getitem__(self, group: type[T], /) -> T: ...


@dataclasses.dataclass(frozen=True)
class ParamSpec:
    """Everything there is to say about one parameter.

    Attributes:
        range: lowest and highest value, both allowed; None where any value of the type is.
        choices: the allowed values of a string; None where any string is.
        live: whether a change takes effect while the node runs; otherwise at the next configuration.
        shown: what others may see of a value (a URL without its password); None where they may see all of it.
        private: whether a value holds or names a secret; None where none can.
    """

    name: str
    type: type
    default: Any
    description: str
    unit: str
    range: Range | None
    choices: tuple[str, ...] | None
    live: bool
    shown: Callable[[Any], Any] | None = None
    private: Callable[[Any], bool] | None = None

    @property
    def secret_refused(self) -> str:
        """What is said of a value that `private` finds, where a running node is given one."""
        return (f"{self.name}: a secret, or where to find one, is given when the node starts, by its parameter file say; what "
                "is set now could be read by everybody")

    def check(self, value: Any) -> Any:
        """The value as this parameter's type.

        Raises:
            ValueError: wrong type, not finite, out of range or not one of the choices; the text says what is right.
        """
        # `fps: 30` and `source: 0` are what people write; YAML and the command line make integers of them.
        if self.type in (float, str) and type(value) is int:
            value = self.type(value)
        kind = type(value)
        if kind is not self.type:
            article = "an" if self.type is int else "a"
            given = list(value) if isinstance(value, array.array) else value  # as which rclpy has a list of numbers
            raise ValueError(f"{self.name} must be {article} {self.type.__name__}, not {given!r}")
        if self.type is float and not math.isfinite(value):
            raise ValueError(f"{self.name} must be a finite number, not {value}")
        if self.range is not None and not self.range[0] <= value <= self.range[1]:
            low, high = (f"{bound:g}" for bound in self.range)
            raise ValueError(f"{self.name} must be from {low} to {high}{' ' + self.unit if self.unit else ''}, not {value}")
        if self.choices is not None and value not in self.choices:
            raise ValueError(f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}")
        return value


def param(
    default: Any,
    description: str,
    *,
    unit: str = "",
    range: Range | None = None,
    choices: tuple[str, ...] | None = None,
    live: bool = True,
    shown: Callable[[Any], Any] | None = None,
    private: Callable[[Any], bool] | None = None,
) -> Any:
    """A dataclass field that is a parameter. See `ParamSpec` for the arguments."""
    meta = {"description": description, "unit": unit, "range": range, "choices": choices, "live": live, "shown": shown,
            "private": private}
    return dataclasses.field(default=default, metadata=meta)


def specs(group: type) -> list[ParamSpec]:
    """The parameters of a dataclass made with `param`, in the order in which they are written."""
    types = get_type_hints(group)
    return [ParamSpec(f.name, types[f.name], f.default, **f.metadata) for f in dataclasses.fields(group) if f.metadata]


def build(group: type[T], values: Mapping[str, Any], **more: Any) -> T:
    """An instance of a parameter class from values by name; what is not named takes its default.

    Args:
        more: fields of the class that are no parameters.

    Raises:
        ValueError: a value is not allowed, by itself or together with the others (the class's own `__post_init__`).
    """
    return group(**{spec.name: spec.check(values[spec.name]) for spec in specs(group) if spec.name in values}, **more)


class UnknownParameter(TypeError, ValueError):
    """There is no parameter of this name; the text names the nearest one.

    A TypeError, as Python's own for an argument that a function does not take, and a ValueError, as for a value that is not
    allowed.
    """

    def __init__(self, name: str, known: Iterable[str]):
        super().__init__(f"there is no parameter {name}{suggestion(name.rpartition('.')[2], sorted(known))}")


def by_name(groups: Sequence[type], values: Mapping[str, Any], known: Iterable[str] | None = None) -> dict[type, Any]:
    """An instance of each of some parameter classes from keyword arguments; what is not named takes its default.

    Args:
        values: numbers of numpy count as Python's, and a `pathlib.Path` as the path of a file.
        known: the names that may be given, where these are not all of the classes'.

    Raises:
        UnknownParameter: a name is not known.
        ValueError: a value is not allowed.
    """
    names = {spec.name for group in groups for spec in specs(group)} if known is None else set(known)
    for name in values:
        if name not in names:
            raise UnknownParameter(name, names)
    plain = {name: _plain(value) for name, value in values.items()}
    return {group: build(group, plain) for group in groups}


def given_or_named(groups: Mapping[type, Any], values: Mapping[str, Any], known: Mapping[str, ParamSpec]) -> list[Any]:
    """Parameter classes as they are given, or from keyword arguments: what a stage that takes either is made of.

    Args:
        groups: an instance of each class, or None.
        values, known: see `by_name`.

    Raises:
        TypeError: what is given is something else, or keyword arguments come beside it.
        ValueError: see `by_name`.
    """
    for group, one in groups.items():
        if one is not None and not isinstance(one, group):
            raise TypeError(f"parameters are given by name ({', '.join(known)}), not as {one!r} alone")
    if values and any(one is not None for one in groups.values()):
        raise TypeError(f"{', '.join(values)}: parameters are given by name or as {' and '.join(g.__name__ for g in groups)}, "
                        "not both")
    named = by_name(list(groups), values, known)
    return [named[group] if one is None else one for group, one in groups.items()]


def takes(parameters: Mapping[str, ParamSpec]) -> Callable[[C], C]:
    """A decorator for what takes parameters by name: they appear in its signature and at the end of its docstring.

    A class takes nothing else, a function what comes before its `**parameters`.
    """

    def document(decorated: C) -> C:
        own = [] if isinstance(decorated, type) else [*inspect.signature(decorated).parameters.values()][:-1]
        described: Any = decorated  # which has no __signature__ until here
        described.__signature__ = inspect.Signature([
            *own, *(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=spec.default, annotation=spec.type)
                    for name, spec in parameters.items())])
        if decorated.__doc__ is not None:  # python -OO
            lines = "\n".join(_in_docstring(name, spec) for name, spec in parameters.items())
            decorated.__doc__ = f"{inspect.cleandoc(decorated.__doc__)}\n\nParameters:\n{lines}\n"
        return decorated

    return document


def _in_docstring(name: str, spec: ParamSpec) -> str:
    unit = f" {spec.unit}" if spec.unit else ""
    allowed = f" From {spec.range[0]:g} to {spec.range[1]:g}{unit}." if spec.range else ""
    allowed += f" One of {', '.join(spec.choices)}." if spec.choices else ""
    text = f"{name} ({spec.type.__name__}, {spec.default!r}{unit if spec.range is None else ''}): {spec.description}{allowed}"
    return textwrap.fill(text, 110, initial_indent=" " * 4, subsequent_indent=" " * 8, break_long_words=False,
                         break_on_hyphens=False)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    return os.path.abspath(os.fsdecode(value)) if isinstance(value, os.PathLike) else value


def assignment(text: str) -> tuple[str, Any]:
    """Name and value of `NAME=VALUE`, the value read as in a parameter file of ROS; nothing after `=` is an empty text.

    Raises:
        ValueError: it is something else.
    """
    name, equals, value = text.partition("=")
    try:
        if not equals or not name.strip():
            raise ValueError
        node = compose(value)
        if node is not None and any(with_foreign_tags(node)):
            raise ValueError
        return name.strip(), "" if node is None else value_of(node)
    except ValueError:
        raise ValueError(f"{text!r} is not NAME=VALUE") from None
