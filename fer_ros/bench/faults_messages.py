# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Messages and requests that are wrong, to every subscription and service of the graph's nodes, within one process.

Each has been through the wire format, so that nothing is tried that no peer could send, and comes to the node as in its own
process: through an executor and its guard. What is right: a request is answered, and so is the next message that is sound.
"""

from __future__ import annotations

import array
import importlib.util
import math
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.srv import GetState
from numpy.typing import NDArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.bench.faults_mutation import FLOATS, INTEGERS, TEXTS, mutated
from fer_ros.graph import webcam_graph
from fer_ros.labels import EMOTIONS
from fer_ros.media.encodings import ENCODINGS
from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode
from fer_ros.ros.exchange import Worker
from fer_ros.ros.guard import spin_once
from fer_ros.ros.images import from_bgr, to_jpeg
from fer_ros.ros.messages import emotions_to_message, event_to_message, faces_to_message
from fer_ros.ros.node import FerNode
from fer_ros.ros.observer import Observer
from fer_ros.ros.output import Output
from fer_ros.run_summary import Summary
from fer_ros.types import CHANGED, Box, Emotion, Face
from fer_ros.types import EmotionEvent as Event
from fer_ros.types import Image as Pixels
from fer_ros.words import one_line

_PATIENCE = 20.0  # seconds for an answer
_SIZE = 96  # pixels that the detector sees: the smallest in which it finds the face
_RANGES = {"int8": 7, "int16": 15, "int32": 31, "int64": 63, "uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "octet": 8}
_CODES = {"int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
          "octet": "B", "float": "f", "double": "d"}
_SUBSCRIPTIONS, _CHANGES = 40, 4  # how often one of these is tried beside a service that only tells
_CHANGING = ("change_state", "set_parameters", "set_parameters_atomically", "enable")
_QUIET = ["--ros-args", "--log-level", "fatal"]


class _Heard(Output):
    """An output with a listener, whatever it publishes."""

    heard: Callable[[Any], None]

    def publish(self, to_message: Callable[[], Any], local: Any = None) -> None:
        super().publish(to_message, local)
        message = to_message()
        serialize_message(message)  # what cannot be sent is no answer
        self.heard(message)

    def get_subscription_count(self) -> int:
        return 1


class Station:
    """A node, and whether it does its work."""

    def __init__(self, name: str, make: Callable[[Callable[[Any], None]], Sequence[FerNode | Observer]], answers: bool = True):
        """Args: make: the node, and those that belong to it; `answers`: whether a sound message is answered."""
        self.name, self._make, self._answers = name, make, answers
        self.heard: list[tuple[int, int]] = []  # stamps of what was answered
        self._begin()

    def _begin(self) -> None:
        self._executor = SingleThreadedExecutor()
        self.nodes = list(self._make(lambda message: self.heard.append(_stamp(message))))
        self.node = self.nodes[0]
        for node in self.nodes:
            if isinstance(node, FerNode):
                node.trigger_configure()
                node.trigger_activate()
        self._given = self._parameters()

    def _parameters(self) -> dict[str, Any]:
        return {name: self.node.get_parameter(name).value for name in sorted(self.node._parameters)}

    @property
    def names(self) -> list[str]:
        """Of its parameters."""
        return list(self._given)

    def subscriptions(self) -> dict[str, Any]:
        return {sub.topic_name.rpartition("/")[2]: sub for sub in self.node.subscriptions
                if sub.msg_type in SOUND and not sub.topic_name.startswith("/parameter")}

    def services(self) -> dict[str, Any]:
        return {service.srv_name.rpartition("/")[2]: service for service in self.node.services}

    def give(self, callback: Callable[..., Any], *arguments: Any) -> Any:
        """Have a callback run as in a process of the node. What it returns; None where it raised, which the node was told."""
        task = self._executor.create_task(callback, *arguments)
        while not task.done():
            spin_once(self._executor, 0.1, self.node.failed)
        return None if task.exception() else task.result()

    def works(self, stamp: tuple[int, int]) -> str:
        """What is not right with the answer to a sound message; empty where all is."""
        self.heard.clear()
        for sub in self.subscriptions().values():
            self.give(sub.callback, SOUND[sub.msg_type](stamp))
        end = time.monotonic() + _PATIENCE
        while self._answers and not (stamp in self.heard or (not self.subscriptions() and self.heard)):
            if time.monotonic() > end:
                return f"{self.name} does not answer the next message that is sound"
            time.sleep(0.001)
        return ""

    def restore(self) -> None:
        """To work, with the parameters that it had, whatever it was told to do."""
        if not isinstance(self.node, FerNode):
            return
        self._set_parameters()
        changed = self._parameters() != self._given  # by what can only be changed before the node is configured
        if changed and self._state() == "active":
            self.node.trigger_deactivate()
        if changed and self._state() == "inactive":
            self.node.trigger_cleanup()
            self._set_parameters()
        if self._state() == "unconfigured":
            self.node.trigger_configure()
        if self._state() == "inactive":
            self.node.trigger_activate()
        if self._state() != "active" or self._parameters() != self._given:  # it was shut down
            self.begin_anew()

    def begin_anew(self) -> None:
        """With a new node."""
        self.end()
        self._begin()

    def _set_parameters(self) -> None:
        now = self._parameters()
        changes = [Parameter(name, value=value) for name, value in self._given.items() if now[name] != value]
        if changes:
            self.node.set_parameters(changes)

    def _state(self) -> str:
        found = self.give(self.services()["get_state"].callback, GetState.Request(), GetState.Response())
        label: str = found.current_state.label
        return label

    def end(self) -> None:
        ending: Sequence[Node] = self.nodes
        for node in ending:
            if isinstance(node, FerNode):
                node.release()
        for node in ending:
            node.destroy_node()
        self._executor.shutdown(timeout_sec=0)


class Messages:
    """The `fer_ros.bench.faults.Trial` of messages. Kinds are `node topic` and `node service`."""

    def __init__(self) -> None:
        rclpy.init(args=_QUIET, signal_handler_options=SignalHandlerOptions.NO)
        self._namespace = f"/fer_faults_{os.getpid()}"
        self._summary = Summary()
        self._stations = {station.name: station for station in (
            Station("face_detector_node", self._maker(FaceDetectorNode, inference_size=_SIZE)),
            Station("emotion_node", self._maker(EmotionNode)),
            Station("overlay_node", self._maker(OverlayNode)),
            Station("pipeline_node", self._pipeline),
            Station("camera_node", self._maker(CameraNode, source="demo", loop=True, width=80, height=60, fps=10.0)),
            Station("fer_ros_run", self._observer),
            *self._page(),
        )}
        self.kinds = [f"{station.name} {name}" for station in self._stations.values()
                      for name in (*(_SUBSCRIPTIONS * list(station.subscriptions())), *station.services(),
                                   *(_CHANGES * [name for name in station.services() if name in _CHANGING]))]
        self._number = 0

    def make(self, kind: str, rng: random.Random, folder: Path) -> Path:
        station, _, message = self._parts(kind)
        sound = [bytes(serialize_message(message))]
        scramble(message, rng, station.names)
        data = bytes(serialize_message(message))
        if rng.random() < 0.1:
            data = mutated(data, rng, sound)
        path = folder / "input.cdr"
        path.write_bytes(data)
        return path

    def read(self, kind: str, path: Path) -> str:
        station, entry, sound = self._parts(kind)
        try:
            message = deserialize_message(path.read_bytes(), type(sound))
        except Exception:
            return ""  # the middleware drops it
        what = f"{station.name} {kind.split()[1]}"
        try:
            if hasattr(entry, "srv_type"):
                response = station.give(entry.callback, message, entry.srv_type.Response())
                if response is None:
                    return f"{what}: a request has no answer"
                serialize_message(response)
            else:
                for other in station.subscriptions().values():  # what it belongs to, so that it is worked on
                    if other is not entry:
                        station.give(other.callback, SOUND[other.msg_type](_stamp(message)))
                station.give(entry.callback, message)
        except Exception as error:
            station.begin_anew()
            return f"{what}: {type(error).__name__} ends the node: {one_line(str(error), 150)}"
        if hasattr(entry, "srv_type"):
            station.restore()
        self._number += 1
        try:
            return station.works((1_000_000 + self._number // 30, self._number % 30 * 33_333_333))
        except Exception as error:
            return f"{what}: then {type(error).__name__} ends the node: {one_line(str(error), 150)}"

    def close(self) -> None:
        for station in self._stations.values():
            station.end()
        rclpy.try_shutdown()

    def _parts(self, kind: str) -> tuple[Station, Any, Any]:
        """The station, its subscription or service, and a sound message for it."""
        name, entry = kind.split()
        station = self._stations[name]
        subscriptions, services = station.subscriptions(), station.services()
        if entry in subscriptions:
            return station, subscriptions[entry], SOUND[subscriptions[entry].msg_type]((999, 5))
        return station, services[entry], services[entry].srv_type.Request()

    def _maker(self, node_class: type[FerNode], **parameters: Any) -> Callable[[Callable[[Any], None]], list[FerNode]]:
        def make(heard: Callable[[Any], None]) -> list[FerNode]:
            overrides = [Parameter(name, value=value) for name, value in parameters.items()]
            return [_listened(node_class, heard)(parameter_overrides=overrides, cli_args=self._arguments(node_class.NAME))]

        return make

    def _pipeline(self, heard: Callable[[Any], None]) -> list[FerNode]:
        overrides = [Parameter("image_node", value="none"), Parameter("drop_frames", value=False)]
        pipeline = PipelineNode(parameter_overrides=overrides, cli_args=self._arguments("pipeline_node"))
        nodes = pipeline.nodes()
        for node in nodes:
            if isinstance(node, FaceDetectorNode):
                node.set_parameters([Parameter("inference_size", value=_SIZE)])
            if isinstance(node, EmotionNode):
                assert node._exchange is not None  # the nodes of one process share it
                node._exchange.subscribe(node.resolve_topic_name("emotions"), Worker(), heard, 100)
        return [pipeline, *nodes]

    def _page(self) -> list[Station]:
        """The web node, of which no page is open, so that it answers nothing; none where its packages are not installed."""
        if importlib.util.find_spec("aiohttp") is None:
            return []
        from fer_ros.nodes.web import WebNode

        return [Station("web_node", self._maker(WebNode, port=0), answers=False)]

    def _observer(self, heard: Callable[[Any], None]) -> list[Observer]:
        def on_emotions(emotions: list[Emotion], stamp: float, latency: float) -> None:
            self._summary.add(emotions, stamp, math.nan)
            heard(_Stamped(stamp))

        def on_overlay(image: Pixels, stamp: float) -> None:
            image.copy()

        return [Observer(webcam_graph({}, namespace=self._namespace), on_emotions, on_overlay, lambda process: True)]

    def _arguments(self, name: str) -> list[str]:
        return [*_QUIET, "-r", f"__ns:={self._namespace}/{name}"]


class _Stamped:
    """Stands for a message of which the stamp alone is known, in seconds."""

    def __init__(self, stamp: float):
        self.header = Header()
        self.header.stamp.sec = int(max(min(stamp, 2**31 - 1), -(2**31))) if math.isfinite(stamp) else 0
        self.header.stamp.nanosec = round((stamp % 1) * 30) * 33_333_333 % 10**9 if math.isfinite(stamp) else 0


def _listened(node_class: type[FerNode], heard: Callable[[Any], None]) -> type[FerNode]:
    """The node with outputs that somebody listens to."""

    def advertise(node: FerNode, *arguments: Any) -> Output:
        output = node_class.advertise(node, *arguments)
        output.__class__ = _Heard
        assert isinstance(output, _Heard)
        output.heard = lambda message: heard(message) if hasattr(message, "header") else None
        return output

    return type("Listened", (node_class,), {"advertise": advertise})


def _stamp(message: Any) -> tuple[int, int]:
    stamp = message.header.stamp
    return stamp.sec, stamp.nanosec


# What is sound.


def _header(stamp: tuple[int, int]) -> Header:
    header = Header(frame_id="camera")
    header.stamp.sec, header.stamp.nanosec = stamp
    return header


def _frame() -> NDArray[Any]:
    source = open_source(SourceParams(source="demo", realtime=False, width=80, height=60))
    try:
        image = source.read()
        assert image is not None  # the clip has frames
        return image
    finally:
        source.close()


_FACE = Box(40.0, 30.0, 20.0, 24.0, 0.1)
_PIXELS = _frame()


def _emotions(stamp: tuple[int, int]) -> EmotionArray:
    odds = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)
    return emotions_to_message([Emotion("1", _FACE, 0.9, "happy", 0.8, odds, odds)], _header(stamp), "model")


def _event(stamp: tuple[int, int]) -> EmotionEvent:
    return event_to_message(Event(CHANGED, "1", 0.0, "happy", "sad", 0.8, 2.5), _header(stamp))


def _diagnostics(stamp: tuple[int, int]) -> DiagnosticArray:
    values = [KeyValue(key="process", value="host:1"), KeyValue(key="started", value="1.0"), KeyValue(key="frames", value="3"),
              KeyValue(key="source", value="playing"), KeyValue(key="subscribers", value="2")]
    return DiagnosticArray(header=_header(stamp), status=[DiagnosticStatus(
        name="/fer/emotion_node", message="active", hardware_id="x", values=values)])


SOUND: dict[type, Callable[[tuple[int, int]], Any]] = {
    Image: lambda stamp: from_bgr(_PIXELS, _header(stamp)),
    CompressedImage: lambda stamp: to_jpeg(_PIXELS, _header(stamp), 80),
    Detection2DArray: lambda stamp: faces_to_message([Face(_FACE, 0.9, id="1")], _header(stamp)),
    EmotionArray: _emotions,
    EmotionEvent: _event,
    DiagnosticArray: _diagnostics,
}


# What is not.


def scramble(message: Any, rng: random.Random, names: Sequence[str] = ()) -> None:
    """Change some fields of a message, however deep, to values that their types allow.

    Args:
        names: of parameters.
    """
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        owner, name, kind = rng.choice(list(_fields(message)) or [(None, "", "")])
        if owner is not None:
            setattr(owner, name, _value(kind, getattr(owner, name), name, rng, names))


def _fields(message: Any) -> Iterator[tuple[Any, str, str]]:
    """(message, name, type) of all fields, those of messages within among them."""
    for name, kind in message.get_fields_and_field_types().items():
        value = getattr(message, name)
        if hasattr(value, "get_fields_and_field_types"):
            yield from _fields(value)
            continue
        yield message, name, kind
        if isinstance(value, list):
            for inner in value[:4]:
                if hasattr(inner, "get_fields_and_field_types"):
                    yield from _fields(inner)


def _value(kind: str, now: Any, name: str, rng: random.Random, names: Sequence[str]) -> Any:
    if kind.startswith("sequence<"):
        return _sequence(kind[len("sequence<") :].split(",")[0].rstrip(">"), now, name, rng, names)
    if "[" in kind:
        element, _, size = kind.rstrip("]").partition("[")
        made = [_value(element, None, name, rng, names) for _ in range(int(size))]
        return np.array(made, np.asarray(now).dtype)
    if kind == "boolean":
        return rng.random() < 0.5
    if kind in ("float", "double"):
        value = rng.choice((*FLOATS, rng.uniform(-100, 100)))
        return value if kind == "double" or not math.isfinite(value) or abs(value) < 3e38 else math.inf
    if kind in _RANGES:
        lowest = -(2 ** _RANGES[kind]) if kind.startswith("int") else 0
        allowed = [number for number in INTEGERS if number < 2 ** _RANGES[kind]]
        value = rng.choice((*allowed, *(-number for number in allowed), rng.randrange(12)))
        value = max(value, lowest)
        return bytes([value]) if kind == "octet" else value
    if kind.startswith(("string", "wstring")):
        known = {"encoding": ENCODINGS, "label": (*EMOTIONS, "configure", "activate", "deactivate", "cleanup", "shutdown"),
                 "value": ("1e999", "-1", "\u00b2", "\u0663", "99999999999999999999")}.get(name, ())
        choices = [TEXTS, known or TEXTS, names if name in ("name", "names") and names else TEXTS]
        return rng.choice(rng.choice(choices))
    raise AssertionError(f"{kind} of {name} is a type that nothing is made of")


def _sequence(element: str, now: Any, name: str, rng: random.Random, names: Sequence[str]) -> Any:
    if element in ("uint8", "octet") and not isinstance(now, list):
        data = bytes(now)
        way = rng.randrange(5)
        made = (b"", data[: rng.randrange(len(data) + 1)], data + rng.randbytes(50), mutated(data, rng), data * 3)[way]
        return array.array("B", made)
    if element in _CODES and isinstance(now, array.array):
        values = [_value(element, None, name, rng, names) for _ in range(rng.choice((0, 1, 6, 7, 8, 500)))]
        return array.array(now.typecode, values)
    if element in _CODES or element == "boolean":
        return [_value(element, None, name, rng, names) for _ in range(rng.choice((0, 1, 7, 100)))]
    if element.startswith("string"):
        return [_value("string", None, name, rng, names) for _ in range(rng.choice((0, 1, 6, 7, 8, 200)))]
    kept = list(now)
    way = rng.randrange(4)
    if way == 0 or not kept:
        return [*kept, _class_of(element)()] if way else []
    return kept * rng.choice((2, 2, 5, 40, 300)) if way == 1 else kept[:-1] if way == 2 else [*kept, _class_of(element)()]


def _class_of(name: str) -> type:
    package, _, kind = name.partition("/")
    for part in ("msg", "srv"):
        found: type | None = getattr(importlib.import_module(f"{package}.{part}"), kind, None)
        if found is not None:
            return found
    raise AssertionError(f"{name} is not there")
