# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros param`: the parameters of running nodes."""

from __future__ import annotations

import argparse
import json
import shutil
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_ros.commands import visiting
from fer_ros.commands.visiting import tell
from fer_ros.parameters.assignments import own_name
from fer_ros.parameters.params import ParamSpec
from fer_ros.words import counted, listed, one_line

if TYPE_CHECKING:
    from fer_ros.ros.visitor import Value, Visitor

Found = dict[str, "dict[str, Value]"]
"""Parameters by name, by the full names of their nodes."""

_LONGEST = 300  # characters of a text that is shown
_NODES = "of these nodes alone, by full name or by the node's own (default: all of fer_ros)"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("param", help="see and change the parameters of running nodes")
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    show = parts.add_parser("list", help="show the parameters with value, default, range and description", description=(
        "Show every parameter that can change while a node runs, with its value, default, range and description."))
    show.add_argument("nodes", nargs="*", metavar="NODE", help=_NODES)
    show.add_argument("--all", action="store_true", help="those, too, that take effect when a node is configured")
    visiting.add_to(show, json="parameter: node, name, type, value, default, unit, minimum, maximum, choices, live, "
                    "description")
    show.set_defaults(command=visiting.command(_list))

    get = parts.add_parser("get", help="print values", description=(
        "Print the value of parameters: the value alone where one parameter is named that one node has."))
    get.add_argument("names", nargs="+", metavar="NODE.NAME",
                     help="a parameter; NAME alone means every node that has it; NODE NAME will do, too")
    visiting.add_to(get, json="parameter: node, name, value")
    get.set_defaults(command=visiting.command(_get))

    change = parts.add_parser("set", help="change values", description=(
        "Change parameters. A node takes all that is set of it, or nothing and says why; the exit status is 1 then."))
    change.add_argument("changes", nargs="+", metavar="NODE.NAME=VALUE",
                        help="NAME=VALUE will do where one node has the parameter, or all that have it mean the same; so "
                        "will NODE NAME VALUE")
    change.add_argument("--configure", action="store_true", help="configure the node anew, for parameters that take effect "
                        "only then; it does not work meanwhile. If it cannot be configured so, it gets the old values again")
    visiting.add_to(change, json="parameter: node, name, value, before, ok, reason")
    change.set_defaults(command=visiting.command(_set))

    save = parts.add_parser("save", help="write a parameter file", description=(
        "Write what differs from the defaults to a parameter file, for `fer-ros run --params-file` and the launch files. "
        "What follows from how the graph was started is left out: its source, and how images are handed on."))
    save.add_argument("file", type=Path, metavar="YAML", help="a new file")
    save.add_argument("nodes", nargs="*", metavar="NODE", help=_NODES)
    save.add_argument("--all", action="store_true", help="write what is as its default, too")
    save.add_argument("--force", action="store_true", help="overwrite a file that is there")
    visiting.add_to(save, json="parameter that is written: node, name, value")
    save.set_defaults(command=visiting.command(_save))


def _list(options: argparse.Namespace, visitor: Visitor) -> int:
    found, complete = _found(visitor, options, options.nodes)
    for node, parameters in found.items():
        shown = [one for one in parameters.values() if options.all or one.spec.live]
        if options.json:
            for one in shown:
                visiting.line(_facts(node, one))
        elif shown:
            print(one_line(node), *(_in_words(one) for one in shown), sep="\n")
    return 0 if complete else 1


def _facts(node: str, one: Value) -> dict[str, Any]:
    spec = one.spec
    low, high = spec.range or (None, None)
    return {"node": node, "name": spec.name, "type": spec.type.__name__, "value": one.value, "default": spec.default,
            "unit": spec.unit, "minimum": low, "maximum": high, "choices": list(spec.choices) if spec.choices else None,
            "live": spec.live, "description": spec.description}


def _in_words(one: Value) -> str:
    spec = one.spec
    unit = f" {spec.unit}" if spec.unit else ""
    facts = [] if spec.default is None else [f"default {_shown(spec.default)}"]
    facts += ["from {:g} to {:g}".format(*spec.range)] if spec.range else []
    facts += [f"one of {', '.join(spec.choices)}"] if spec.choices else []
    facts += [] if spec.live else ["takes effect when the node is configured"]
    head = f"  {spec.name}: {_shown(one.value)}{unit}" + (f"  ({'; '.join(facts)})" if facts else "")
    width = max(min(shutil.get_terminal_size().columns, 120), 40)
    text = textwrap.wrap(one_line(spec.description), width, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join([one_line(head), *text])


def _shown(value: Any) -> str:
    """A value as it can be written behind `=`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        inner = (json.dumps(one, ensure_ascii=False) if isinstance(one, str) else _shown(one) for one in value)
        return one_line(f"[{', '.join(inner)}]", _LONGEST)
    return (one_line(value, _LONGEST) or '""') if isinstance(value, str) else f"{value}"


def _get(options: argparse.Namespace, visitor: Visitor) -> int:
    from fer_ros.parameters.assignments import named_parameter

    words = options.names
    names = [".".join(words)] if len(words) == 2 and _is_node(words[0]) and "." not in words[1] else words
    found, _ = _found(visitor, options, filter(None, map(_node_of, names)))
    asked = [(full, name) for text in names for nodes, name in [named_parameter(text, _known(found))] for full in nodes]
    for full, name in asked:
        value = found[full][name].value
        if options.json:
            visiting.line({"node": full, "name": name, "value": value})
        else:
            print(_shown(value) if len(asked) == 1 else f"{one_line(full)}.{name}: {_shown(value)}")
    return 0


def _assignments(words: Sequence[str]) -> Sequence[str]:
    """Words of the command line as `NODE.NAME=VALUE`. Raises UsageError where they are something else."""
    if len(words) == 3 and not any("=" in word for word in words[:2]):
        return [f"{words[0]}.{words[1]}={words[2]}"]
    wrong = next((word for word in words if "=" not in word), None)
    if wrong is not None:
        raise visiting.UsageError(f"{one_line(wrong, 60)} is not NODE.NAME=VALUE")
    return words


def _set(options: argparse.Namespace, visitor: Visitor) -> int:
    from fer_ros.parameters.assignments import assigned

    texts = _assignments(options.changes)
    found, _ = _found(visitor, options, filter(None, (_node_of(text.partition("=")[0]) for text in texts)))
    changes = assigned(texts, _known(found), several=False)
    for node, values in changes.items():
        _refuse_secrets(found[node], values)
    refused = [_change(options, visitor, node, found[node], values) for node, values in changes.items()]
    return 1 if any(refused) else 0


def _refuse_secrets(parameters: Mapping[str, Value], values: Mapping[str, Any]) -> None:
    """Raises ValueError before a secret is sent: the node would refuse it, but others could have read it by then."""
    for name, value in values.items():
        spec = parameters[name].spec
        if spec.private is not None and isinstance(value, str) and value != parameters[name].value and spec.private(value):
            raise ValueError(spec.secret_refused)


def _change(options: argparse.Namespace, visitor: Visitor, node: str, parameters: Mapping[str, Value],
            values: Mapping[str, Any]) -> bool:
    """Set parameters of a node and say what became of it; whether it was refused."""
    from fer_ros.ros.visitor import NoAnswer

    reason = ""
    try:
        if options.configure:
            _configured_anew(visitor, node, {name: parameters[name].value for name in values}, values)
        else:
            visitor.change_parameters(node, values)
    except NoAnswer as error:
        reason = one_line(str(error))
        tell(reason)
    for name, value in values.items():
        before = parameters[name].value
        if options.json:
            now = before if reason else value
            visiting.line({"node": node, "name": name, "value": now, "before": before, "ok": not reason, "reason": reason})
        elif not reason:
            print(f"{one_line(node)}.{name}: {_shown(value)} (was {_shown(before)})")
    return bool(reason)


def _configured_anew(visitor: Visitor, node: str, before: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Set parameters of a managed node while it is not configured; it is then in the state that it was in before.

    Raises:
        NoAnswer: it refuses, or cannot be configured with them: it has the old values again.
    """
    from fer_ros.ros.visitor import NoAnswer

    def go(*transitions: str) -> None:
        for transition in transitions:
            visitor.change_state(node, transition)

    state = visitor.state(node)
    down = {"active": ("deactivate", "cleanup"), "inactive": ("cleanup",)}.get(state, ())
    up = {"active": ("configure", "activate"), "inactive": ("configure",)}.get(state, ())
    go(*down)
    try:
        visitor.change_parameters(node, values)
        try:
            go(*up)
        except NoAnswer:
            if visitor.state(node) == "inactive":  # configured, but it does not become active
                go("cleanup")
            visitor.change_parameters(node, before)
            raise
    except NoAnswer:
        go(*up)
        raise


def _save(options: argparse.Namespace, visitor: Visitor) -> int:
    from fer_ros.parameters.graph_params import NODES
    from fer_ros.parameters.saved import parameter_file, worth_keeping
    from fer_ros.system.files import check_output, write_text

    check_output(options.file, force=options.force)
    found, complete = _found(visitor, options, options.nodes)
    if not complete:
        tell(f"{options.file} is not written: it would lack what has not been told")
        return 1
    other = next((node for node in found if own_name(node) not in NODES), None)
    if other is not None:
        raise visiting.UsageError(f"{other} is none of fer_ros's nodes, whose parameters alone are saved")
    values = {node: {name: one.value for name, one in parameters.items()} for node, parameters in found.items()}
    kept = worth_keeping(values, everything=options.all, left_out=tell)
    write_text(options.file, parameter_file(kept), options.force)
    count, nodes = sum(map(len, kept.values())), sum(map(bool, kept.values()))
    if options.json:
        for node, parameters in kept.items():
            for name, value in parameters.items():
                visiting.line({"node": node, "name": name, "value": value})
    else:
        print(f"{options.file}: " + (f"{counted(count, 'parameter')} of {counted(nodes, 'node')}" if count else
                                     "everything is as its default, so that the file changes nothing"))
    return 0


def _found(visitor: Visitor, options: argparse.Namespace, named: Iterable[str]) -> tuple[Found, bool]:
    """The parameters of running nodes, and whether all have told theirs.

    Args:
        named: nodes, each by its full name or its own; none for all of the package.
    """
    from fer_ros.parameters.assignments import nodes_named
    from fer_ros.parameters.graph_params import NODES, parameters_of
    from fer_ros.ros.visitor import NoAnswer

    wanted = list(dict.fromkeys(named))
    running = visitor.find(NODES, visiting.prefix_of(options), wanted)
    _tell_of_namesakes(visitor, running)
    if wanted:
        known: dict[str, dict[str, ParamSpec]] = {full: {} for full in running}
        running = list(dict.fromkeys(full for name in wanted for full in nodes_named(name, known)))
    found: Found = {}
    for node, parameters in visitor.parameters_of(running).items():
        if isinstance(parameters, NoAnswer):
            tell(str(parameters))
            continue
        own = parameters_of(own_name(node)) if own_name(node) in NODES else {}
        found[node] = {name: replace(one, spec=_spec(one.spec, own.get(name))) for name, one in parameters.items()}
    if not found:
        raise NoAnswer(f"{counted(len(running), 'node')} running, and none has told its parameters")
    return found, len(found) == len(running)


def _spec(told: ParamSpec, own: ParamSpec | None) -> ParamSpec:
    """What the node says of a parameter, and what it does not say of it but this package knows."""
    if own is None:
        return told
    return replace(told, type=own.type, default=own.default, live=told.live and own.live, shown=own.shown, private=own.private,
                   description=told.description or own.description)


def _tell_of_namesakes(visitor: Visitor, running: Sequence[str]) -> None:
    counts = Counter(visitor.names())
    twice = [full for full in running if counts[full] > 1]
    if twice:
        tell(f"{listed(twice, 3)}: there are several nodes of this name, and any of them may answer; end one graph, or give "
             "it a --namespace")


def _known(found: Found) -> dict[str, dict[str, ParamSpec]]:
    # Without the default, which this package's node of a name alone has: two parameters are the same without it.
    return {node: {name: one.spec for name, one in parameters.items()} for node, parameters in found.items()}


def _node_of(text: str) -> str:
    """NODE of NODE.NAME; empty where there is NAME alone."""
    node, dot, _ = text.strip().partition(".")
    return node if dot else ""


def _is_node(word: str) -> bool:
    return "." not in word and (word.startswith("/") or word.endswith("_node"))
