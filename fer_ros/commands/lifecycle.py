# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros lifecycle`: the states of running nodes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fer_ros.commands import visiting
from fer_ros.words import listed, one_line

if TYPE_CHECKING:
    from fer_ros.ros.visitor import Visitor

_TRANSITIONS = ("configure", "activate", "deactivate", "cleanup", "shutdown")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("lifecycle", help="see and change the states of running nodes")
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    show = parts.add_parser("list", help="print each node and its state", description=(
        "Print each node of fer_ros and its state: unconfigured, inactive, active or finalized."))
    visiting.add_to(show, json="node: node, state")
    show.set_defaults(command=visiting.command(_list))

    change = parts.add_parser("set", help="change the state of a node", description=(
        "Change the state of a node, and print the one that it is in then."))
    change.add_argument("node", metavar="NODE", help="by its full name, or its own")
    change.add_argument("transition", choices=_TRANSITIONS, help="how")
    visiting.add_to(change, json="node: node, state")
    change.set_defaults(command=visiting.command(_set))


def _list(options: argparse.Namespace, visitor: Visitor) -> int:
    from fer_ros.parameters.graph_params import NODES

    for node in visitor.find(NODES, visiting.prefix_of(options)):
        _show(options, node, visitor.state(node))
    return 0


def _set(options: argparse.Namespace, visitor: Visitor) -> int:
    from fer_ros.parameters.assignments import nodes_named
    from fer_ros.parameters.graph_params import NODES

    name = options.node
    running = visitor.find(NODES, visiting.prefix_of(options), [name])
    found = nodes_named(name, {node: {} for node in running})
    if len(found) > 1:
        raise ValueError(f"{name} is {listed(found, 5)}: name one of them in full, or its --namespace")
    visitor.change_state(found[0], options.transition)
    _show(options, found[0], visitor.state(found[0]))
    return 0


def _show(options: argparse.Namespace, node: str, state: str) -> None:
    if options.json:
        visiting.line({"node": node, "state": state})
    else:
        print(f"{one_line(node)}: {state}")
