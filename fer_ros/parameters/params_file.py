# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""ROS parameter files: what they say, to what, and whether each of their entries has an effect.

They are read as ROS reads them, see `fer_ros.parameters.yaml_text.value_of`.
"""

from __future__ import annotations

import contextlib
import difflib
import itertools
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from fer_ros.parameters.assignments import nodes_named
from fer_ros.parameters.graph_params import NODES, QOS_OVERRIDES, parameters_of, places
from fer_ros.parameters.node_params import PipelineParams
from fer_ros.parameters.params import ParamSpec, UnknownParameter, build, specs
from fer_ros.parameters.yaml_text import compose, from_plain, read_file, value_of, with_foreign_tags
from fer_ros.words import one_line

_KEY = "ros__parameters"
_SHOWN = 5  # of many faults in one file


@dataclass(frozen=True)
class Entry:
    """One parameter as it is written."""

    name: str
    value: Any
    line: int


@dataclass
class Section:
    """The parameters below one `ros__parameters`.

    Attributes:
        pattern: full name of the nodes that they are for, with `*` for one and `**` for any number of its parts.
    """

    pattern: str
    line: int
    entries: list[Entry] = field(default_factory=list)

    @property
    def last(self) -> str:
        """The node's own name."""
        return self.pattern.rpartition("/")[2]

    def fits(self, full_name: str) -> bool:
        """Whether a node of this name gets it."""
        # The same replacements as rclpy's.
        pattern = re.escape(self.pattern).replace(r"/\*\*", r"(/\w+)*").replace(r"/\*", r"(/\w+)")
        return re.fullmatch(pattern, full_name) is not None

    def nodes(self, at: Mapping[str, str] | None) -> list[str]:
        """The nodes of this package that get it; without `at`, full names and nodes, in whatever namespace they are."""
        if at is None:
            return [node for node in NODES if self.last in (node, "*", "**")]
        return list(dict.fromkeys(node for name, node in at.items() if self.fits(name)))


@dataclass
class ParameterFile:
    """What is in one file.

    Attributes:
        faults: what is wrong with its form, each beginning with the file and line.
    """

    path: Path
    sections: list[Section] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> ParameterFile:
        """Read a file.

        Raises:
            ValueError: it is not to be read, or no parameter file at all.
        """
        root = read_file(path, compose)
        if root is None and not path.stat().st_size:
            raise ValueError(f"{path} is empty: leave it out, or write what shall change, as in config/fer.yaml")
        if root is None:  # comments alone
            return cls(path)
        if not isinstance(root, yaml.MappingNode):
            raise ValueError(f"{path} is not a parameter file: it would begin with the name of a node, or /**")
        found = cls(path)
        found._tags(root)
        found._namespace(root, "", 1)
        return found

    def at(self, line: int, text: str) -> str:
        """A text about a line, in one line however long a name in the file is."""
        return f"{self.path}:{line}: {textwrap.shorten(one_line(text), 300, placeholder=' ...')}"

    def _fault(self, node: yaml.Node, text: str) -> None:
        self.faults.append(self.at(_line(node), text))

    def _namespace(self, node: yaml.MappingNode, path: str, line: int) -> None:
        """Namespaces, each of which may hold others, down to the parameters of nodes.

        Args:
            path: its full name.
            line: in which that stands.
        """
        items = list(self._items(node, path or "the file"))
        held = {key.value: inner for key, inner in items}
        if _KEY in held:
            if not path:
                self._fault(held[_KEY], f"{_KEY} stands below no node: put the node's name, or /**, before it")
            elif len(held) > 1:
                self._fault(node, f"{path} holds {_KEY} and other things: only {_KEY} may stand below a node")
            else:
                self._parameters(held[_KEY], path, line)
            return
        plain = [name for name, inner in held.items() if not isinstance(inner, yaml.MappingNode)]
        if plain:
            self._fault(held[plain[0]], _without_key(path, plain[0], held[plain[0]]))
        for key, inner in items:
            if isinstance(inner, yaml.MappingNode):
                self._namespace(inner, f"{path}/{key.value if path else key.value.removeprefix('/')}", _line(key))
        if not held:
            self._fault(node, f"{path or 'the file'} holds nothing: leave it out")

    def _parameters(self, node: yaml.Node, path: str, line: int) -> None:
        if isinstance(node, yaml.MappingNode):
            self.sections.append(Section(path, line, list(self._entries(node, ""))))
        elif _is_nothing(node):
            self._fault(node, f"{_KEY} of {path} holds nothing: leave it out")
        else:
            self._fault(node, f"{_KEY} of {path} is not a list of `name: value`")

    def _entries(self, node: yaml.MappingNode, prefix: str) -> Iterator[Entry]:
        for key, inner in self._items(node, prefix.rstrip(".") or _KEY):
            name = key.value
            if isinstance(inner, yaml.MappingNode):
                if not inner.value:
                    self._fault(inner, f"{prefix}{name} has no value")
                yield from self._entries(inner, f"{prefix}{name}.")
            elif isinstance(inner, yaml.SequenceNode):
                yield Entry(prefix + name, value_of(inner), _line(inner))
            elif _is_nothing(inner):
                self._fault(inner, f'{prefix}{name} has no value: leave it out, or write "" for an empty text')
            else:
                yield Entry(prefix + name, value_of(inner), _line(inner))

    def _tags(self, node: yaml.Node) -> None:
        for one in with_foreign_tags(node):
            tag = one.tag.replace("tag:yaml.org,2002:", "!!")
            self._fault(one, f"the tag {tag} is nothing that ROS reads: leave it out")

    def _items(self, node: yaml.MappingNode, where: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
        """Names and what stands below each, a name once."""
        lines: dict[str, int] = {}
        for key, inner in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._fault(key, f"{where} has a list for a name")
            elif key.value in lines:
                self._fault(key, f"{key.value} is there already, in line {lines[key.value]}: one of the two has no effect")
            else:
                lines[key.value] = _line(key)
                yield key, inner


def check(file: Path, prefix: str | None, cameras: Sequence[str] | None = None) -> ParameterFile:
    """Read a parameter file that was given to a graph of this package, and refuse it unless each entry has an effect.

    Args:
        prefix: the graph's namespace, absolute, empty for none; None where a node's sections count in whatever namespace.
        cameras: names of its cameras; None for what the file says itself.

    Raises:
        ValueError: the file is not to be read, or entries have no effect or are not allowed; the text names file, line and
            what may have been meant.
    """
    content = ParameterFile.read(file)
    # What may have been meant is looked for only where it is shown: a file may have thousands of faults.
    texts = itertools.chain(content.faults, (text() for text in _faults(content, prefix, cameras)))
    faults = list(itertools.islice(texts, _SHOWN))
    if faults:
        count = len(content.faults) + sum(1 for _ in _faults(content, prefix, cameras))
        more = [f"and {count - _SHOWN} more"] if count > _SHOWN else []
        raise ValueError("; ".join(faults + more))
    return content


def _faults(content: ParameterFile, prefix: str | None, cameras: Sequence[str] | None) -> Iterator[Callable[[], str]]:
    """What is wrong with sections and entries, each as what makes its text."""
    at = None if prefix is None else places(prefix, cameras or _cameras(content, prefix))
    for section in content.sections:
        nodes = section.nodes(at)
        if not nodes:
            yield partial(_of_section, content, section, at)
            continue
        known = [parameters_of(node) for node in nodes]
        for entry in section.entries:
            fault = _fault_of(entry, nodes, known)
            if fault:
                yield partial(_of_entry, content, entry, fault)


def _of_section(content: ParameterFile, section: Section, at: Mapping[str, str] | None) -> str:
    return content.at(section.line, f"no node is named {section.pattern}{_nearest_node(section, at)}")


def _of_entry(content: ParameterFile, entry: Entry, fault: Callable[[], str]) -> str:
    return content.at(entry.line, fault())


def _cameras(content: ParameterFile, prefix: str) -> tuple[str, ...]:
    """The names of the cameras that the file gives the pipeline node, each of which has nodes of its own."""
    named = [entry.value for section in content.sections if section.fits(f"{prefix}/pipeline_node")
             for entry in section.entries if entry.name == "cameras"]
    try:
        return PipelineParams(cameras=named[-1]).names if named else ("",)
    except (ValueError, AttributeError):  # which is said of the entry itself
        return ("",)


def _fault_of(entry: Entry, nodes: Sequence[str], known: Sequence[Mapping[str, ParamSpec]]) -> Callable[[], str] | None:
    """What makes the text of what is wrong with a parameter of some nodes; None if nothing is.

    Args:
        known: the parameters of each of the nodes.
    """
    found = [own[entry.name] for own in known if entry.name in own]
    if entry.name.startswith(QOS_OVERRIDES):
        return None
    if not found:
        return partial(_unknown, entry.name, nodes)
    for spec in found:
        try:
            spec.check(entry.value)
        except ValueError as error:
            text = f"{nodes[0]}: {error}{_in_other_words(spec, entry.value)}" if len(nodes) == 1 else \
                f"{error}{_in_other_words(spec, entry.value)}"
            return lambda: text
    return None


def _unknown(name: str, nodes: Sequence[str]) -> str:
    who = f"{nodes[0]} has no" if len(nodes) == 1 else "no node has a"
    return f"{who} parameter {name}{_nearest(name, nodes)}"


def _nearest(name: str, nodes: Iterable[str]) -> str:
    """What may have been meant by an unknown parameter."""
    others = [node for node in NODES if name in parameters_of(node)]
    if others:
        return f": it is a parameter of {' and '.join(others)}"
    own = sorted({known for node in nodes for known in parameters_of(node)})
    every = sorted({known for node in NODES for known in parameters_of(node)})
    for names in own, every:
        close = difflib.get_close_matches(name.replace(".", "_"), names, n=1, cutoff=0.7)
        if close:
            return f": did you mean {close[0]}?"
    return f": there are {', '.join(own)}" if len(own) < 30 else ""


def _nearest_node(section: Section, at: Mapping[str, str] | None) -> str:
    """What may have been meant by a section that no node gets."""
    close = difflib.get_close_matches(section.last, NODES, n=1, cutoff=0.7)
    if at is None:
        return f": did you mean /**/{close[0]}?" if close else f": there are {', '.join(NODES)}"
    there = [name for name, node in at.items() if close and node == close[0]]
    meant = Section(f"{section.pattern.rpartition('/')[0]}/{close[0]}", 0) if close else None
    if meant is not None and any(map(meant.fits, there)):
        return f": did you mean {meant.pattern}?"
    return f": did you mean {there[0]}?" if there else f": there are {', '.join(at)}"


def _in_other_words(spec: ParamSpec, value: Any) -> str:
    """How to write what may have been meant by a value of the wrong type."""
    if spec.type is str and isinstance(value, (bool, float)):
        return ": put it in quotes to make it a text"
    if spec.type is int and isinstance(value, float) and value.is_integer():
        return f": write {int(value)}"
    if isinstance(value, list) and len(value) == 1:
        return ": write the value alone, without brackets"
    if isinstance(value, str) and spec.type is not str:
        try:
            plain = from_plain(value)
            spec.check(plain)
        except ValueError:
            return ""
        return ": write it without quotes"
    return ""


def without_effect(files: Iterable[Path], name: str, node: str, full_name: str, alone: bool = False) -> str:
    """What to say of a parameter that was given to a node which has none of this name; empty where it may be meant for others.

    Args:
        files: the parameter files of the process.
        node: which node of the package it is.
        alone: whether what is given outside of files cannot be meant for another node of the package.
    """
    elsewhere = any(name in parameters_of(other) for other in NODES)
    found = None
    for content in _readable(files):
        for section in content.sections:
            if section.fits(full_name):
                found = next(((content, section, entry) for entry in section.entries if entry.name == name), found)
    if found is None:
        return "" if elsewhere and not alone else _unknown(name, [node])
    content, section, entry = found
    if section.last not in ("*", "**"):
        return content.at(entry.line, _unknown(name, [node]))
    # What is written for all nodes may be meant for another one, of another package even.
    text = _unknown(name, list(NODES))
    return content.at(entry.line, text) if text.endswith("?") and not elsewhere else ""


def unmatched(files: Sequence[Path], full_names: Mapping[str, str]) -> list[str]:
    """What to say of the parameter files of a process: faults of form, and sections that look as if meant for its nodes.

    Args:
        full_names: of the process's nodes, and which node of the package each of them is.
    """
    told, contents = faults_of_form(files), list(_readable(files))
    sections = [(content, section) for content in contents for section in content.sections]
    served = {section.last for _, section in sections if section.nodes(full_names)}
    for content, section in sections:
        if section.last in served or section.last in ("*", "**"):
            continue
        close = difflib.get_close_matches(section.last, full_names.values(), n=1, cutoff=0.8)
        if close and (section.last == close[0] or section.last not in NODES):
            text = f"no node here is named {section.pattern}{_nearest_node(section, full_names)}"
            told.append(content.at(section.line, text))
    return told


def faults_of_form(files: Iterable[Path]) -> list[str]:
    """Why ROS cannot read files, or reads something else than they seem to say."""
    found = []
    for file in files:
        try:
            found += ParameterFile.read(file).faults
        except ValueError as error:
            found.append(str(error))
    return found


def _readable(files: Iterable[Path]) -> Iterator[ParameterFile]:
    for file in files:
        with contextlib.suppress(ValueError):
            yield ParameterFile.read(file)


def typed(file: Path) -> dict[str, dict[str, Any]]:
    """The sections of a file, with values of the types that their parameters have.

    ROS merges files by type: of a number that one file writes as 30 and a later one as 15.0 it takes the first.

    Raises:
        ValueError: as `check` for the form of the file.
    """
    sections: dict[str, dict[str, Any]] = {}
    for section in ParameterFile.read(file).sections:
        known = {name: spec for node in section.nodes(None) for name, spec in parameters_of(node).items()}
        sections.setdefault(section.pattern, {}).update(
            (entry.name, known[entry.name].check(entry.value) if entry.name in known else entry.value)
            for entry in section.entries)
    return sections


def parameters(nodes: Mapping[str, Sequence[type]], files: Sequence[Path],
               changes: Mapping[str, Any] | None = None) -> dict[str, dict[type, Any]]:
    """The parameters of nodes as their classes hold them.

    Args:
        nodes: the classes, as in `fer_ros.parameters.params`, of each node by its name.
        files: ROS parameter files, the last winning. A node's sections count whatever its namespace is; `/**` counts for all.
        changes: values, which win over the files, by NAME for every node that has it or by NODE.NAME.

    Raises:
        ValueError: a file is not to be read, one of its entries has no effect, a parameter is unknown or its value not
            allowed; the text names it.
    """
    changes = dict(changes or {})
    known = {node: {spec.name: spec for group in groups for spec in specs(group)} for node, groups in nodes.items()}
    for name in changes:
        node, dot, own = name.rpartition(".")
        if dot:
            nodes_named(node, known)
        if not any(own in specs_ for other, specs_ in known.items() if not dot or other == node):
            raise UnknownParameter(name, {name for specs_ in known.values() for name in specs_})
    sections = [section for file in files for section in check(file, None).sections]
    found: dict[str, dict[type, Any]] = {}
    for node, groups in nodes.items():
        values = {entry.name: known[node][entry.name].check(entry.value) for section in sections
                  if node in section.nodes(None) for entry in section.entries if entry.name in known[node]}
        for name, value in changes.items():
            own = name.removeprefix(f"{node}.")
            if own in known[node]:
                values[own] = known[node][own].check(value)
        found[node] = {group: build(group, {spec.name: values[spec.name] for spec in specs(group) if spec.name in values})
                       for group in groups}
    return found


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and not node.style and node.value in ("", "~", "null", "Null", "NULL")


def _without_key(path: str, name: str, node: yaml.Node) -> str:
    """What is wrong with a value that stands where namespaces and nodes do."""
    last = path.rpartition("/")[2]
    if _is_nothing(node):
        return f"{name} holds nothing: leave it out, or put {_KEY} below it"
    if not path:
        return f"{name} stands below no node: put the node's name, or /**, and {_KEY} before it"
    if difflib.get_close_matches(last, [_KEY], cutoff=0.7):
        return f"{last} stands where {_KEY} belongs: did you mean {_KEY}?"
    return f"{_KEY} is missing between {path} and {name}, so that {name} has no effect"
