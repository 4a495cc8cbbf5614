"""A parameter is written once: a field of a frozen dataclass with its default, unit, range and description.

The ROS bridge declares ROS parameters from these classes, config/fer.yaml and docs/nodes.md are checked against them,
and the stages receive the instance and know nothing of where its values came from.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from fer_ros.parameters.yaml_text import compose, value_of, with_foreign_tags

T = TypeVar("T")
Range = tuple[float, float]


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

    def check(self, value: Any) -> Any:
        """The value as this parameter's type.

        Raises:
            ValueError: wrong type, not finite, out of range or not one of the choices; the text says what is right.
        """
        # `fps: 30` and `source: 0` are what people write; YAML and the command line make integers of them.
        if self.type in (float, str) and type(value) is int:
            value = self.type(value)
        if type(value) is not self.type:
            article = "an" if self.type is int else "a"
            raise ValueError(f"{self.name} must be {article} {self.type.__name__}, not {value!r}")
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
