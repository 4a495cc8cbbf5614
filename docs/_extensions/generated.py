# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the reference takes from the code, so that it cannot differ from it; and what the pages need beside a theme.

```{parameters} NODE``` lists the parameters of a node, or of `every_node`; ```{message} NAME``` the fields of msg/NAME.msg;
```{launch_arguments} NAME``` the arguments of launch/NAME.launch.py; ```{commands}``` each command of `fer-ros` in a
section, to which `#command-NAME` leads.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import fer_ros.cli
from fer_ros.launch_arguments import arguments_of
from fer_ros.parameters.graph_params import NODES
from fer_ros.parameters.node_params import NodeParams
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.resources import share_directory

_SHORT = 12  # characters of a cell


class Entries(SphinxDirective):
    """A definition list whose terms can be linked to."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return [_listed(self, self.arguments[0], self.entries(self.arguments[0]))]

    def entries(self, about: str) -> Iterable[tuple[str, str, str]]:
        """Name, kind and description of each."""
        raise NotImplementedError


def _listed(directive: SphinxDirective, about: str, entries: Iterable[tuple[str, str, str]]) -> nodes.definition_list:
    """Entries of name, kind and description; the id of an entry is that of its list and its name."""
    listed = nodes.definition_list(classes=["entries"])
    for name, kind, text in entries:
        made = directive.parse_text_to_nodes(f"`{name}` {kind}\n: " + text.replace("\n", "\n  "))
        item = next(made[0].findall(nodes.definition_list_item))
        item["ids"].append(nodes.make_id(f"{about}-{name}"))
        listed += item
    return listed


class Parameters(Entries):
    def entries(self, about: str) -> Iterator[tuple[str, str, str]]:
        groups = [NodeParams] if about == "every_node" else [group for group in NODES[about] if group is not NodeParams]
        for spec in (spec for group in groups for spec in specs(group)):
            yield spec.name, f"*{spec.type.__name__}*", f"{spec.description}\n\n{_facts(spec)}"


def _facts(spec: ParamSpec) -> str:
    default = f'"{spec.default}"' if spec.type is str else str(spec.default).lower() if spec.type is bool else spec.default
    facts = [f"Default `{default}`{' ' + spec.unit if spec.unit else ''}"]
    if spec.range:
        facts.append("from {:g} to {:g}".format(*spec.range) + (f" {spec.unit}" if spec.unit else ""))
    if spec.choices:
        facts.append("one of " + ", ".join(f"`{choice}`" for choice in spec.choices))
    facts.append("can change while the node runs" if spec.live else "takes effect when the node is configured")
    return "; ".join(facts) + "."


class Message(Entries):
    """A comment above a field describes it; the file's first comment describes the message and stands on the page."""

    def entries(self, about: str) -> Iterator[tuple[str, str, str]]:
        text = (share_directory() / "msg" / f"{about}.msg").read_text(encoding="utf-8")
        for block in re.split(r"\n\s*\n", text.partition("\n\n")[2]):
            lines = block.strip().splitlines()
            described = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
            for line in (line for line in lines if line and not line.startswith("#")):
                kind, name = line.split("#")[0].split(maxsplit=1)
                yield name.strip(), f"*{kind}*", described or "&nbsp;"


class LaunchArguments(Entries):
    def entries(self, about: str) -> Iterator[tuple[str, str, str]]:
        for one in arguments_of(about):
            shown = "`config/fer.yaml` of the package" if one.name == "params_file" else f"`{one.default}`"
            yield f"{one.name}:=", "", one.description + (f" Default {shown}." if one.default else "")


class Commands(SphinxDirective):
    def run(self) -> list[nodes.Node]:
        return list(self.sections(fer_ros.cli.parser()))

    def sections(self, parser: argparse.ArgumentParser) -> Iterator[nodes.section]:
        """One for each command, those of its sub-commands in it."""
        for action in parser._actions:
            if not isinstance(action, argparse._SubParsersAction):
                continue
            short = {choice.dest: choice.help or "" for choice in action._choices_actions}
            for name, command in action.choices.items():
                yield self.section(command, short[name])

    def section(self, command: argparse.ArgumentParser, short: str) -> nodes.section:
        words = command.prog.split()
        label = nodes.make_id("-".join(["command", *words[1:]]))
        section = nodes.section(ids=[label])
        section += nodes.title("", "", nodes.literal("", command.prog))
        self.env.domains.standard_domain.note_hyperlink_target(label, self.env.docname, label, command.prog)
        section += self.parse_text_to_nodes(_plain(command.description or f"{short[:1].upper()}{short[1:]}."))
        inner = list(self.sections(command))
        if not inner:
            usage = command.format_usage().removeprefix("usage: ").replace("\n       ", "\n")
            section += nodes.literal_block(usage, usage, language="text")
            section += _listed(self, label, _arguments(command))
        section += inner
        return section


def _arguments(command: argparse.ArgumentParser) -> Iterator[tuple[str, str, str]]:
    """Name, value and description of each argument but --help."""
    for action in command._actions:
        if isinstance(action, argparse._HelpAction | argparse._SubParsersAction):
            continue
        value = command._get_formatter()._format_args(action, action.dest.upper()) if action.nargs != 0 else ""
        name = ", ".join(action.option_strings) or str(action.metavar or value or action.dest)
        described = command._get_formatter()._expand_help(action) if action.help else "&nbsp;"
        yield name, _plain(value) if action.option_strings else "", _plain(described[:1].upper() + described[1:])


def _plain(text: str) -> str:
    """A text in which Markdown finds nothing but code between backticks."""
    return re.sub(r"([<\[*])", r"\\\1", text)


def as_written(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Show the package's own docstring as `help(fer_ros)` does: it is laid out for a terminal."""
    if what == "module":
        lines[:] = [".. code-block:: text", "", *(f"   {line}" for line in lines), ""]


def without_aliases(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out the fields of a named tuple, which Python describes by their number; its docstring says what they are."""
    return True if (getattr(thing, "__doc__", None) or "").startswith("Alias for field number") else None


def mark_short_cells(app: Sphinx, document: nodes.document) -> None:
    """A number and its unit stay on one line."""
    for cell in document.findall(nodes.entry):
        if len(cell.astext()) <= _SHORT:
            cell["classes"].append("short")


def setup(app: Sphinx) -> dict[str, Any]:
    own = {"parameters": Parameters, "message": Message, "launch_arguments": LaunchArguments, "commands": Commands}
    app.connect("doctree-read", mark_short_cells)
    app.connect("autodoc-process-docstring", as_written)
    app.connect("autodoc-skip-member", without_aliases)
    for name, directive in own.items():
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
