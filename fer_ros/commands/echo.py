# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros echo`: faces, emotions, events or diagnostics of a running graph, as they come."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fer_ros.commands import visiting
from fer_ros.commands.arguments import count, seconds
from fer_ros.words import listed, one_line

if TYPE_CHECKING:
    from fer_ros.ros.listener import Listener
    from fer_ros.ros.visitor import Visitor

_TYPES = {"faces": "vision_msgs/msg/Detection2DArray", "emotions": "fer_ros/msg/EmotionArray",
          "events": "fer_ros/msg/EmotionEvent", "diagnostics": "diagnostic_msgs/msg/DiagnosticArray"}
_LEVELS = {b"\x00": "ok", b"\x01": "warning", b"\x02": "error", b"\x03": "stale"}
_LINES = 20  # faces of one message that are shown
_LONGEST, _LINE = 64, 3000  # characters of an id or a label, and of a line
_NO_EVENT = ("nothing has changed for a while: an event comes where somebody appears, shows another emotion or leaves; "
             "`fer-ros echo emotions` shows every answer")
_LOOK = 0.5  # seconds between two looks whether anybody reads what is printed


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("echo", help="print faces, emotions, events or diagnostics of a running graph", description=(
        "Print what a running graph publishes, as it comes: a line for each face, event or node, or with --json a line for "
        "each message. Ctrl-C ends it."))
    parser.add_argument("what", choices=tuple(_TYPES), help="every face; what every face shows; what has changed; or the "
                        "state of every node")
    parser.add_argument("-n", "--count", type=count, metavar="N", help="end after so many messages")
    parser.add_argument("--timeout", type=seconds, metavar="S",
                        help="end, with exit status 1, when nothing comes for so long (default: only when nobody publishes it "
                        "at the beginning)")
    visiting.add_to(parser, json="message, with the names of the message's own fields")
    parser.set_defaults(command=visiting.command(_echo))


def _echo(options: argparse.Namespace, visitor: Visitor) -> int:
    from fer_ros.ros.listener import Listener, message_class
    from fer_ros.ros.plain import plain

    kind = message_class(_TYPES[options.what])
    if kind is None:
        raise ValueError(f"the message {_TYPES[options.what]} is not installed: `fer-ros doctor` says what to do")
    prefix = visiting.prefix_of(options)
    topic = "/diagnostics" if options.what == "diagnostics" else f"{prefix}/fer/{options.what}"
    told: set[str] = set()

    def tell_once(text: str) -> None:
        if text not in told:
            told.add(text)
            visiting.tell(text)

    visitor.failed = lambda error: tell_once(f"a message on {topic} could not be read: {error}")
    listener = Listener(visitor, topic, kind)
    if renamed := _renamed(options, visitor, listener, kind):
        tell_once(f"{topic} is renamed: this is {renamed}")
        topic, listener = renamed, Listener(visitor, renamed, kind)
    messages = filter(lambda message: _is_of(message, prefix), _messages(listener, visitor, topic, options, tell_once))
    for message in itertools.islice(messages, options.count):
        if options.json:
            visiting.line(plain(message))
        else:
            print(*(one_line(text, _LINE) for text in _LINES_OF[options.what](message)), sep="\n", flush=True)
    return 0


def _renamed(options: argparse.Namespace, visitor: Visitor, listener: Listener, kind: type) -> str:
    """The topic's name where a launch file has given it another one than the graph's own; empty where it has not."""
    if options.what == "diagnostics":
        return ""
    from fer_ros.ros.names import Names

    names, topic = Names(visitor, visiting.prefix_of(options)), f"fer/{options.what}"
    visitor.until(lambda: listener.published or names.renamed(topic, kind),
                  min(options.timeout or visitor.DISCOVERY, visitor.DISCOVERY))
    return "" if listener.published else names.renamed(topic, kind)


def _is_of(message: Any, prefix: str) -> bool:
    """Whether a message is of a namespace; of diagnostics all have one topic."""
    return not hasattr(message, "status") or any(one.name.startswith(f"{prefix}/") for one in message.status)


def _messages(listener: Listener, visitor: Visitor, topic: str, options: argparse.Namespace,
              tell_once: Callable[[str], None]) -> Iterator[Any]:
    """What comes, until nobody reads it any more. Raises ValueError where nothing comes."""
    begun = found = False
    looked = time.monotonic()
    while True:
        message = listener.take()
        if message is not None:
            begun = True
            yield message
            continue
        visitor.step()
        now = time.monotonic()
        found = found or listener.published
        silent = now - listener.since
        if options.timeout is not None and silent > options.timeout:
            raise ValueError(_why(listener, visitor, topic, options, found) if not begun else
                             f"nothing has come on {topic} for {options.timeout:g} s: {listener.why_silent()}")
        if options.timeout is None and not found and silent > visitor.DISCOVERY:
            raise ValueError(_why(listener, visitor, topic, options, found))
        if silent > listener.SILENCE and found:
            tell_once(_NO_EVENT if options.what == "events" and listener.matches else listener.why_silent())
        if now - looked > _LOOK:
            looked = now
            if visiting.reader_is_gone():
                return


def _why(listener: Listener, visitor: Visitor, topic: str, options: argparse.Namespace, found: bool) -> str:
    """Why nothing has ever come, and what to do."""
    from fer_ros.parameters.graph_params import NODES
    from fer_ros.ros.listener import others_named
    from fer_ros.ros.visitor import NothingThere

    if found:
        return listener.why_silent()
    others = others_named(visitor, f"/fer/{options.what}", _TYPES[options.what], topic.__eq__)
    if others:
        root = others[0].removesuffix(f"/fer/{options.what}")
        how = f"name it by --namespace {root}" if root else "leave --namespace out"
        return f"nobody publishes {topic}: there is {listed(others, 5)}; {how}"
    try:
        nodes = visitor.find(NODES, visiting.prefix_of(options))
    except NothingThere as error:
        return str(error)
    return f"nobody publishes {topic}, though {listed(nodes, 5)} runs: `fer-ros lifecycle list` says whether it is active"


def _at(message: Any) -> str:
    stamp = message.header.stamp
    return f"{stamp.sec}.{stamp.nanosec // 10**6:03d}"


def _name(text: str) -> str:
    return one_line(text, _LONGEST)


def _box(box: Any) -> str:
    return f"at {box.center.position.x:.0f}, {box.center.position.y:.0f}, {box.size_x:.0f} x {box.size_y:.0f}"


def _limited(at: str, faces: list[str]) -> list[str]:
    more = len(faces) - _LINES
    shown = [f"{at}  {face}" for face in faces[:_LINES]] + ([f"{at}  and {more} more"] if more > 0 else [])
    return shown or [f"{at}  no face"]


def _faces(message: Any) -> list[str]:
    scores = [max((found.hypothesis.score for found in one.results), default=1.0) for one in message.detections]
    return _limited(_at(message), [f"face {_name(one.id):>3}  {score:4.0%}  {_box(one.bbox)}"
                                   for one, score in zip(message.detections, scores, strict=True)])


def _emotions(message: Any) -> list[str]:
    return _limited(_at(message), [
        f"face {_name(one.face_id):>3}  {_name(one.label):<9}  {one.confidence:4.0%}  {_box(one.bbox)}"
        for one in message.emotions])


def _event(message: Any) -> list[str]:
    label, before = _name(message.label), _name(message.previous_label)
    lasted = f"{message.lasted.sec + message.lasted.nanosec * 1e-9:.1f} s"
    words = {"APPEARED": f"appeared: {label}  {message.confidence:4.0%}",
             "CHANGED": f"changed: {label}  {message.confidence:4.0%}, after {lasted} of {before}",
             "LEFT": f"left, after {lasted} of {before}"}
    kinds = {getattr(message, name, None): name for name in words}
    told = words.get(kinds.get(message.kind, ""), f"an event of the unknown kind {message.kind}")
    return [f"{_at(message)}  face {_name(message.face_id):>3}  {told}"]


def _diagnostics(message: Any) -> list[str]:
    lines = []
    for one in message.status[:_LINES]:
        level = _LEVELS.get(one.level, "unknown level")
        values = ", ".join(f"{_name(value.key)} {_name(value.value)}" for value in one.values)
        lines.append(f"{_at(message)}  {_name(one.name)}  {level}: {one_line(one.message)}{'; ' if values else ''}{values}")
    return lines


_LINES_OF: Mapping[str, Callable[[Any], list[str]]] = {
    "faces": _faces, "emotions": _emotions, "events": _event, "diagnostics": _diagnostics}
