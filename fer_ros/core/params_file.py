"""Parameters out of a ROS parameter file, for what runs without ROS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from fer_ros.core.params import build, specs


def parameters(nodes: Mapping[str, Sequence[type]], files: Sequence[Path],
               changes: Mapping[str, Any] | None = None) -> dict[str, dict[type, Any]]:
    """The parameters of nodes as their classes hold them.

    Args:
        nodes: the classes, as in `fer_ros.core.params`, of each node by its name.
        files: ROS parameter files, the last winning. A node's sections count whatever its namespace is; `/**` counts for all.
        changes: values, which win over the files, by NAME for every node that has it or by NODE.NAME.

    Raises:
        ValueError: a file is not to be read, a parameter unknown or its value not allowed; the text names it.
    """
    changes = dict(changes or {})
    known = {node: {spec.name: spec for group in groups for spec in specs(group)} for node, groups in nodes.items()}
    for name in changes:
        node, dot, own = name.rpartition(".")
        if not any(own in specs_ for other, specs_ in known.items() if not dot or other == node):
            every = sorted({name for specs_ in known.values() for name in specs_})
            raise ValueError(f"there is no parameter {name}; there are {', '.join(every)}")
    found = {}
    for node, groups in nodes.items():
        values: dict[str, Any] = {}
        for file in files:
            for name, value in read(file, node).items():
                if name in known[node]:
                    values[name] = _checked(known[node][name], value, str(file))
        for name, value in changes.items():
            own = name.removeprefix(f"{node}.")
            if own in known[node]:
                values[own] = _checked(known[node][own], value, "")
        found[node] = {group: build(group, {spec.name: values[spec.name] for spec in specs(group) if spec.name in values})
                       for group in groups}
    return found


def read(file: Path, node: str) -> dict[str, Any]:
    """What a ROS parameter file says to a node.

    Raises:
        ValueError: it is not to be read, or no parameter file.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{file} cannot be read: {' '.join(str(error).split())}") from None
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise ValueError(f"{file} is not a parameter file: it would begin with the name of a node, or /**")
    found: dict[str, Any] = {}
    for path, section in _sections(content, ""):
        if path.rsplit("/", 1)[-1] in (node, "*", "**"):
            if not isinstance(section, Mapping):
                raise ValueError(f"{file}: ros__parameters of {path} is not a list of `name: value`")
            found |= section
    return found


def _sections(content: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    """Node's path and its ros__parameters; namespaces may be nested."""
    for name, inner in content.items():
        path = f"{prefix}/{str(name).strip('/')}"
        if isinstance(inner, Mapping):
            if "ros__parameters" in inner:
                yield path, inner["ros__parameters"]
            else:
                yield from _sections(inner, path)


def _checked(spec: Any, value: Any, where: str) -> Any:
    try:
        return spec.check(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from None
