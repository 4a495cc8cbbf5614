# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""YAML that comes from outside: no text makes reading it slow, deep, or more than reading."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from fer_ros.words import one_line

T = TypeVar("T")

LARGEST = 1_000_000
"""Bytes of a file: a robot's whole configuration is a tenth of that."""
DEEPEST = 50
"""Levels of nesting."""
MOST = 50_000
"""Values, keys and brackets, each of which takes time and memory."""

if TYPE_CHECKING:
    from yaml import SafeLoader as Loader
else:
    Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The C library, where PyYAML has it, reads ten times as fast."""
_TRUE = {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"}
_FALSE = {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"}
_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf|infinity|nan|\.inf|\.nan)", re.IGNORECASE)

PLAIN = "plain"
"""The tag of a value that is written without one and, maybe, without quotes: what it is, says whoever reads it."""
_TAGS = {PLAIN, *(f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))}


# By a call and not by a statement: PyYAML's stubs let no subclass change these two.
_PlainLoader: type[Loader] = type("_PlainLoader", (Loader,), {"yaml_implicit_resolvers": {}, "DEFAULT_SCALAR_TAG": PLAIN})
"""Takes no plain value for a number, a truth value or a date."""


def _construct_mapping(loader: Loader, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    """As PyYAML's, but a name stands once: PyYAML keeps the last, and loses what stands below the others without a word."""
    seen: set[str] = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value} is there already: give each name once",
                                                        key.start_mark)
            seen.add(key.value)
    return Loader.construct_mapping(loader, node, deep)


_OnceLoader: type[Loader] = type("_OnceLoader", (Loader,), {"construct_mapping": _construct_mapping})


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        ValueError: it is not there, not a file, too large or not UTF-8; one line that names it.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe could keep its reader waiting for ever
            raise ValueError(f"{path} cannot be read: it is not a file")
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"{path} cannot be read: it is larger than {LARGEST // 1000} kB, which is no configuration")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path} cannot be read: it does not exist") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} cannot be read: it is not UTF-8 text (byte {error.start})") from None


def compose(text: str) -> yaml.Node | None:
    """The tree of nodes of a YAML text, the values as they are written, with the tag `PLAIN`; None of one that holds nothing.

    Raises:
        ValueError: it is not one YAML document, has aliases, or is too deep or too long; one line that begins with
            its line number where there is one.
    """
    try:
        _check_shape(text)
        return yaml.compose(text, Loader=_PlainLoader)
    except (yaml.YAMLError, UnicodeError) as error:
        raise ValueError(_in_one_line(error)) from None


def load(text: str) -> Any:
    """What a YAML text says, in plain Python types.

    Raises:
        ValueError: as `compose`, or a value or tag is none that YAML itself defines, or a name stands twice in one place.
    """
    try:
        _check_shape(text)
        return yaml.load(text, Loader=_OnceLoader)
    except (yaml.YAMLError, UnicodeError) as error:
        raise ValueError(_in_one_line(error)) from None
    except (AttributeError, KeyError, TypeError, OverflowError) as error:  # what PyYAML makes of `!!bool 3`, `!!timestamp x`
        raise ValueError(one_line(f"a value is not what its tag says ({type(error).__name__}: {error})", 300)) from None


def with_foreign_tags(node: yaml.Node) -> Iterator[yaml.Node]:
    """The nodes of `compose`, from this one down, whose tag ROS does not read."""
    if node.tag not in _TAGS:
        yield node
    if isinstance(node, yaml.CollectionNode):
        for inner in node.value:
            for one in inner if isinstance(inner, tuple) else (inner,):
                yield from with_foreign_tags(one)


def value_of(node: yaml.Node) -> Any:
    """What ROS takes a node of `compose` for, in plain Python types.

    Its rules for what is a number or a truth value are not PyYAML's: `1e3` is a number, `y` is true, `12:30` is a text.
    """
    if isinstance(node, yaml.SequenceNode):
        return [value_of(one) for one in node.value]
    if not isinstance(node, yaml.ScalarNode):
        return {key.value: value_of(value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    return node.value if node.style in ("'", '"') or node.tag != PLAIN else from_plain(node.value)


def from_plain(text: str) -> bool | int | float | str:
    """What ROS makes of a text without quotes."""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text) and len(text) < 30:
        digits = text.lstrip("+-").lower()
        value = int(digits, 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10)
        value = -value if text.startswith("-") else value
        if -(2**63) <= value < 2**63:
            return value
    if _FLOAT.fullmatch(text):
        number = float(text.lower().replace(".i", "i").replace(".n", "n"))
        if text[-1].isalpha() or math.isfinite(number):
            return number
    return text


def read_file(path: Path, read: Callable[[str], T] = load) -> T:
    """What `load`, or `compose`, makes of a file.

    Raises:
        ValueError: as `read_text` and these; one line that names the file.
    """
    text = read_text(path)
    try:
        return read(text)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read: {error}") from None


def _check_shape(text: str) -> None:
    """Event by event, which takes no recursion, so that what follows may recurse."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=Loader)):
        assert event.start_mark is not None  # it was read from a text
        where = f"line {event.start_mark.line + 1}"
        if count > MOST:
            raise ValueError(f"{where}: it holds more than {MOST} values, which is no configuration")
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"{where}: *{event.anchor} stands for what is written elsewhere: write it out here")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"{where}: it is nested more than {DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _in_one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    words = getattr(error, "problem", None) or getattr(error, "context", None) or str(error)
    text = one_line(" ".join(str(words).split()), 300)
    return f"line {mark.line + 1}: {text}" if mark is not None else text


class QuotingDumper(yaml.SafeDumper):
    """Writes every text in quotes: what YAML 1.1 and ROS take for a number or a truth value (`1e3`, `n`) stays a text."""


QuotingDumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def parameter_sections(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Parameters by name, by the names of nodes, as a parameter file of ROS; empty where there are none."""
    content = {node: {"ros__parameters": dict(values)} for node, values in sections.items() if values}
    return yaml.dump(content, Dumper=QuotingDumper, sort_keys=False) if content else ""
