"""`NODE.NAME=VALUE` of the command line: which nodes are meant, and the value in its parameter's type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fer_ros.parameters.graph_params import QOS_OVERRIDES, parameters_of
from fer_ros.parameters.params import ParamSpec, UnknownParameter, assignment
from fer_ros.words import one_line, suggestion

_SHOWN = 60  # characters of what is quoted


def named_parameter(text: str, nodes: Mapping[str, str]) -> tuple[list[str], str]:
    """The full names of the nodes, and the parameter, that `NODE.NAME` or `NAME` means.

    Args:
        nodes: full names of all nodes there are, and which node of the package each of them is. NODE may be either; NAME alone
            means every node that has it, as long as it is the same parameter in all.

    Raises:
        ValueError: there is no such node or parameter, or several; the text says what may have been meant.
    """
    node, name = _parted(text)
    if not node:
        return _by_name(name, nodes), name
    meant = [full for full, kind in nodes.items() if node in (full, kind)]
    if not meant:
        known = list(dict.fromkeys(nodes if node.startswith("/") else nodes.values()))
        raise ValueError(f"there is no node {_quoted(node)}{suggestion(node, known)}")
    for full in meant:
        if name not in parameters_of(nodes[full]) and not name.startswith(QOS_OVERRIDES):
            raise UnknownParameter(f"{nodes[full]}.{_quoted(name)}", parameters_of(nodes[full]))
    return meant, name


def _parted(text: str) -> tuple[str, str]:
    node, dot, name = text.strip().partition(".")
    return (node, name) if dot and not text.startswith(QOS_OVERRIDES) else ("", text.strip())


def _by_name(name: str, nodes: Mapping[str, str]) -> list[str]:
    found = {full: parameters_of(kind)[name] for full, kind in nodes.items() if name in parameters_of(kind)}
    if not found:
        raise UnknownParameter(_quoted(name), {known for kind in nodes.values() for known in parameters_of(kind)})
    if len(set(found.values())) > 1:
        kinds = dict.fromkeys(nodes[full] for full in found)
        raise ValueError(f"{name} is a parameter of {' and '.join(kinds)}, and not the same one in each: name the node, "
                         f"{next(iter(kinds))}.{name} say")
    return list(found)


def value_of(spec: ParamSpec, text: str) -> Any:
    """A value as it stands behind `=`, read as in a parameter file of ROS, but for what can only be a text.

    >>> from fer_ros.media.source import SourceParams
    >>> from fer_ros.parameters.params import specs
    >>> known = {spec.name: spec for spec in specs(SourceParams)}
    >>> value_of(known["fps"], "15"), value_of(known["source"], "15"), value_of(known["source"], "no")
    (15.0, '15', 'no')

    Raises:
        ValueError: it is not allowed; the text is the node's own.
    """
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return spec.check(text if spec.type is str and not quoted else assignment(f"{spec.name}={text}")[1])


def assigned(texts: Iterable[str], nodes: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What several `NODE.NAME=VALUE` say, the last winning: parameters by name, by the full names of their nodes.

    Args:
        nodes: as of `named_parameter`.

    Raises:
        ValueError: one of them is something else, or not allowed; see `named_parameter` and `value_of`.
    """
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"{_quoted(text)} is not NODE.NAME=VALUE")
        full_names, name = named_parameter(name, nodes)
        for full in full_names:
            known = parameters_of(nodes[full])
            try:
                checked = value_of(known[name], value) if name in known else assignment(f"x={value}")[1]
            except ValueError as error:
                raise ValueError(f"{nodes[full]}: {one_line(str(error))}") from None
            found.setdefault(full, {})[name] = checked
    return found


def _quoted(text: str) -> str:
    return one_line(text, _SHOWN)
