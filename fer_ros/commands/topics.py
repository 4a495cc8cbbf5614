# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros topics`: what goes over the topics of a running graph."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from fer_ros.commands import visiting
from fer_ros.commands.arguments import seconds
from fer_ros.words import listed, one_line, suggestion

if TYPE_CHECKING:
    from rclpy.topic_endpoint_info import TopicEndpointInfo

    from fer_ros.ros.traffic import Traffic
    from fer_ros.ros.visitor import Visitor

_SHOWN = 8  # publishers, subscribers or problems of a topic
_KNOWN = 20  # topics that are named where another one was meant
_SECONDS = 3.0


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("topics", help="show rates, sizes and ends of a running graph's topics", description=(
        "Count for a while what goes over the topics at which nodes of fer_ros are. Show how often and how large it is, who "
        "publishes and subscribes, and who gets nothing, and why. Nodes of one process hand messages on without a topic: such "
        "subscriptions are not seen."))
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help="of these topics alone, whoever is there")
    parser.add_argument("--all", action="store_true", help="all topics, those of others, too")
    parser.add_argument("--duration", type=seconds, default=_SECONDS, metavar="S",
                        help=f"count for so many seconds (default: {_SECONDS:g})")
    visiting.add_to(parser, json="topic: topic, types, rate, bytes, messages, not_measured, publishers, subscribers, problems")
    parser.set_defaults(command=visiting.command(_topics))


def _topics(options: argparse.Namespace, visitor: Visitor) -> int:
    from fer_ros.ros.traffic import measure, topics_of

    named = _named(options, visitor) if options.topics else []
    # None stands for all topics, and nobody for those that are named alone.
    nodes = () if options.topics else None if options.all else _nodes(options, visitor)
    found = measure(visitor, lambda: topics_of(visitor, nodes, named), options.duration, named)
    if not found:
        raise ValueError("no topic has been found within the time of --duration")
    for one in found:
        if options.json:
            visiting.line(_facts(one))
        else:
            print(*map(one_line, _in_words(one)), sep="\n")
    return 0


def _nodes(options: argparse.Namespace, visitor: Visitor) -> list[str]:
    from fer_ros.parameters.graph_params import NODES

    return visitor.find(NODES, visiting.prefix_of(options))


def _named(options: argparse.Namespace, visitor: Visitor) -> list[str]:
    """The full names of the topics that the user names. Raises ValueError where one is not there."""
    from fer_ros.ros.traffic import UNTOLD, topics_of
    from fer_ros.ros.visitor import nobody_runs

    prefix = visiting.prefix_of(options)
    names = list(dict.fromkeys(name if name.startswith("/") else f"{prefix}/{name}" for name in options.topics))

    def missing() -> list[str]:
        there = {one.name for one in topics_of(visitor, (), names)}
        return [name for name in names if name not in there]

    if not visitor.until(lambda: not missing(), visitor.DISCOVERY):
        known = [one.name for one in topics_of(visitor, None) if not one.name.endswith(UNTOLD)]
        name = missing()[0]
        raise ValueError(f"there is no topic {one_line(name, 100)}"
                         f"{suggestion(name, known[:_KNOWN]) if known else ': ' + nobody_runs(prefix)}")
    return names


def _facts(one: Traffic) -> dict[str, Any]:
    return {"topic": one.name, "types": one.types, "rate": None if one.rate is None else round(one.rate, 3),
            "bytes": round(one.size / one.messages) if one.messages else None, "messages": one.messages,
            "not_measured": one.not_measured, "publishers": _ends(one.publishers), "subscribers": _ends(one.subscribers),
            "problems": one.problems}


def _ends(infos: Collection[TopicEndpointInfo]) -> list[dict[str, str]]:
    from fer_ros.ros.qos import name_of

    return [{"node": name_of(info), "type": info.topic_type, "reliability": _policy(info.qos_profile.reliability),
             "durability": _policy(info.qos_profile.durability)} for info in infos]


def _policy(policy: Any) -> str:
    return str(policy.name).lower()


def _in_words(one: Traffic) -> list[str]:
    return [f"{one.name}  {listed(one.types, 3)}", f"  {_measured(one)}", *_who("from", one.publishers),
            *_who("to  ", one.subscribers), *(f"  ! {problem}" for problem in one.problems[:_SHOWN]),
            *([f"  ! and {len(one.problems) - _SHOWN} more"] if len(one.problems) > _SHOWN else [])]


def _measured(one: Traffic) -> str:
    if one.not_measured:
        return f"not measured: {one.not_measured}"
    if not one.messages:
        return "nothing came"
    size = f"{_bytes(one.size / one.messages)} each"
    if one.rate is None:
        return f"1 message came, {_bytes(one.size)}"
    return f"{one.rate:.1f} Hz, {size}, {_bytes(one.rate * one.size / one.messages)}/s"


def _bytes(number: float) -> str:
    for factor, unit in ((10**6, "MB"), (10**3, "kB")):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number:.0f} B"


def _who(word: str, infos: Sequence[TopicEndpointInfo]) -> list[str]:
    ends = [f"{end['node']} ({end['reliability'].replace('_', ' ')})" for end in _ends(infos)]
    return [f"  {word} {listed(list(dict.fromkeys(ends)), _SHOWN)}"] if ends else []
