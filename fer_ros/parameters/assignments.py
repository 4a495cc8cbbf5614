# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`NODE.NAME=VALUE` of the command line: which nodes are meant, and the value in its parameter's type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fer_ros.parameters.params import ParamSpec, UnknownParameter, assignment
from fer_ros.words import listed, one_line, suggestion

Known = Mapping[str, Mapping[str, ParamSpec]]
"""The parameters of all nodes there are, by name, by the full names of the nodes."""

_QUOTED = 60  # characters of what is quoted
_SHOWN = 5  # nodes


def own_name(full_name: str) -> str:
    """A node's name without its namespace."""
    return full_name.rpartition("/")[2]


def nodes_named(name: str, known: Known) -> list[str]:
    """The full names of the nodes that a user calls so, by the full name or the node's own.

    Raises:
        ValueError: there is none; the text says what may have been meant.
    """
    found = [full for full in known if name in (full, own_name(full))]
    if not found:
        names = dict.fromkeys(known if name.startswith("/") else map(own_name, known))
        raise ValueError(f"there is no node {_quoted(name)}{suggestion(name, names)}")
    return found


def named_parameter(text: str, known: Known, *, several: bool = True) -> tuple[list[str], str]:
    """The full names of the nodes, and the parameter, that `NODE.NAME` or `NAME` means.

    NAME alone means every node that has it, as long as it is the same parameter in each.

    Args:
        several: whether nodes of one name, in several namespaces, may be meant.

    Raises:
        ValueError: there is no such node or parameter, or more than one; the text says what may have been meant.
    """
    node, dot, name = text.strip().partition(".")
    if dot:
        found = nodes_named(node, known)
        for full in found:
            if name not in known[full]:
                raise UnknownParameter(f"{own_name(full)}.{_quoted(name)}", known[full])
    else:
        name = text.strip()
        found = [full for full in known if name in known[full]]
        _check_is_one(name, found, known)
    if not several and len({own_name(full) for full in found}) < len(found):
        raise ValueError(f"{_quoted(text)} is of {listed(found, _SHOWN)}: name one of them in full, or its --namespace")
    return found, name


def _check_is_one(name: str, found: list[str], known: Known) -> None:
    """Raises ValueError where a name is of no node, or of different parameters."""
    if not found:
        raise UnknownParameter(_quoted(name), {one for parameters in known.values() for one in parameters})
    if len({known[full][name] for full in found}) > 1:
        nodes = list(dict.fromkeys(map(own_name, found)))
        raise ValueError(f"{name} is a parameter of {' and '.join(nodes)}, and not the same one in each: name the node, "
                         f"{nodes[0]}.{name} say")


def value_of(spec: ParamSpec, text: str) -> Any:
    """A value as it stands behind `=`, read as in a parameter file of ROS, but for what can only be a text.

    Whether it is allowed is another question: `ParamSpec.check` says.

    >>> from fer_ros.parameters.params import specs
    >>> from fer_ros.media.source_params import SourceParams
    >>> known = {spec.name: spec for spec in specs(SourceParams)}
    >>> value_of(known["fps"], "15"), value_of(known["source"], "15"), value_of(known["source"], "no")
    (15.0, '15', 'no')

    Raises:
        ValueError: it is not to be read.
    """
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    if spec.type is str and not quoted:
        return text
    _, value = assignment(f"{spec.name}={text}")
    return float(value) if spec.type is float and type(value) is int else value


def assigned(texts: Iterable[str], known: Known, *, several: bool = True) -> dict[str, dict[str, Any]]:
    """What several `NODE.NAME=VALUE` say, the last winning: values by parameter, by the full names of their nodes.

    Args:
        several: as of `named_parameter`.

    Raises:
        ValueError: one of them is something else; see `named_parameter`.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"{_quoted(text)} is not NODE.NAME=VALUE")
        full_names, name = named_parameter(name, known, several=several)
        for full in full_names:
            found.setdefault(full, {})[name] = value_of(known[full][name], value)
    return found


def _quoted(text: str) -> str:
    return one_line(text, _QUOTED) or "''"
