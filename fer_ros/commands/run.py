"""`fer-ros run`: the graph as processes, without launch, with a live table in the terminal."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from fer_ros.commands.processes import Processes
from fer_ros.commands.view import View
from fer_ros.core.params import ParamSpec, specs
from fer_ros.core.record import RecordError, VideoRecorder
from fer_ros.core.source import SourceParams, without_password
from fer_ros.core.summary import Summary
from fer_ros.core.types import Emotion, Image
from fer_ros.graph import Graph, dds_environment, default_params_file, privacy_environment, webcam_graph

if TYPE_CHECKING:
    from rclpy.executors import SingleThreadedExecutor

    from fer_ros.ros.observer import Observer

_CAMERA = ("width", "height", "fps", "flip")


def add_to(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("run", help="start the graph and watch it",
                                 description="Start camera, face detector, emotion and overlay as ROS 2 nodes, watch "
                                 "them, and end with a summary. Ctrl-C ends it.")
    known = {spec.name: spec for spec in specs(SourceParams)}
    parser.add_argument("--source", default="0", help=known["source"].description + " (default: 0)")
    for name in _CAMERA:
        parser.add_argument(f"--{name}", type=_checked(known[name]), help=known[name].description,
                            choices=known[name].choices, metavar=known[name].unit.upper() or None)
    parser.add_argument("--loop", action="store_true", help=known["loop"].description)
    parser.add_argument("--record", type=Path, metavar="FILE",
                        help="write the overlay as a video (.mp4, .m4v, .mov, .mkv or .avi)")
    parser.add_argument("--duration", type=float, metavar="S", help="end after so many seconds of video")
    parser.add_argument("--params-file", type=Path, metavar="YAML", help="parameters of all nodes (default: config/fer.yaml)")
    parser.add_argument("--namespace", default="", help="put before /camera and /fer")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warn", "error", "fatal"))
    parser.set_defaults(command=main)


def _checked(spec: ParamSpec):
    def convert(text: str):
        try:
            return spec.check(spec.type(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def main(options: argparse.Namespace) -> int:
    try:
        SourceParams(width=options.width or 0, height=options.height or 0)
        if options.duration is not None and not 0 < options.duration < 1e9:
            raise ValueError(f"--duration must be a positive number of seconds, not {options.duration}")
        params_file = options.params_file or default_params_file()
        if not params_file.is_file():
            raise ValueError(f"--params-file {params_file} does not exist")
        try:
            yaml.safe_load(params_file.read_text())
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ValueError(f"--params-file {params_file} is not YAML: {' '.join(str(error).split())}") from None
        recorder = VideoRecorder(options.record) if options.record else None
        # A camera that somebody tries out at a desk is nobody else's business.
        os.environ.update(privacy_environment(os.environ))
        os.environ.update(dds_environment(os.environ))
        camera = {name: getattr(options, name) for name in _CAMERA if getattr(options, name) is not None}
        camera |= {"source": options.source, "loop": options.loop}
        graph = webcam_graph(camera, namespace=options.namespace, more_subscribers=1 if recorder else 0)
    except (ValueError, OSError, RecordError) as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 2
    try:
        return Run(graph, recorder, options.duration).go(
            params_file, options.log_level, without_password(options.source)
        )
    except ImportError as error:
        print(f"fer-ros: ROS 2 or the package's messages cannot be imported ({error}): `fer-ros doctor` says what to do",
              file=sys.stderr)
        return 1


class Failed(Exception):
    """The run cannot go on; the text says which node and why."""


class Run:
    """One run of the graph, from the first process to the summary."""

    _READY = 60.0  # seconds for all nodes to start; loading Python and the models takes about two on a laptop
    _TAIL = 3.0  # seconds without an answer after which the frames that are missing will not come any more

    def __init__(self, graph: Graph, recorder: VideoRecorder | None, duration: float | None):
        self._graph, self._recorder, self._duration = graph, recorder, duration
        self._summary = Summary()
        self._stopped = False
        self._answered = time.monotonic()
        self._overlays = 0

    def go(self, params_file: Path, log_level: str, title: str) -> int:
        """Run until the source ends, the duration is over, a node fails or a signal comes; the exit status."""
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.signals import SignalHandlerOptions

        from fer_ros.ros.observer import Observer

        status = 0
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        try:
            with View(f"fer-ros run {title}") as self._view, Processes(params_file, log_level, self._heard) as processes:
                on_overlay = self._on_overlay if self._recorder else None
                observer = Observer(self._graph, self._on_emotions, on_overlay, processes.owns)
                executor = SingleThreadedExecutor()
                executor.add_node(observer)
                try:
                    self._play(processes, observer, executor)
                except (Failed, RecordError) as error:
                    self._view.say(f"fer-ros: {error}", "bold red")
                    status = 1
                finally:
                    self._view.waiting("ending ...")
                    processes.end()
                    executor.shutdown(timeout_sec=0)
                    observer.destroy_node()
            self._view.summary(self._summary)
            if self._recorder is not None:
                try:
                    written = self._recorder.close()
                    self._view.say(f"recorded {self._recorder.frames} frames to {self._recorder.path}" if written else
                                   f"nothing recorded to {self._recorder.path}: no overlay image came")
                except RecordError as error:
                    self._view.say(f"fer-ros: {error}", "bold red")
                    status = 1
        finally:
            if self._recorder is not None:
                self._recorder.discard()
            rclpy.try_shutdown()
            for number, handler in before.items():
                signal.signal(number, handler)
        return status

    def _play(self, processes: Processes, observer: Observer, executor: SingleThreadedExecutor) -> None:
        # Until the camera is there the others have nothing to listen to, and that is no news.
        extra = {"diagnostics_period": 0.25, "silence_timeout": self._READY}
        *others, camera = self._graph.nodes
        # The camera comes last and finds the others listening: a file's first frame is not lost.
        for node in others:
            processes.start(node, extra)
        recording = 1 if self._recorder else 0
        # The detector is read by the emotion node, the emotion node by us and, while recording, by the overlay node.
        topics = self._graph.topics
        wanted = {
            "face_detector_node": (1, None),
            "emotion_node": (1 + recording, topics.faces),
            "overlay_node": (recording, topics.emotions if recording else None),
        }
        deadline = time.monotonic() + self._READY
        while not self._stopped:
            missing = [n.executable for n in others if not observer.is_ready(n.executable, *wanted[n.executable])]
            if observer.strangers:
                raise Failed(f"{', '.join(sorted(observer.strangers))} runs already in this ROS domain: end it, or run this "
                             "graph with --namespace or in another ROS_DOMAIN_ID")
            if not missing and observer.hears():
                break
            if time.monotonic() > deadline:
                raise Failed(f"{', '.join(missing)} did not get ready within {self._READY:g} s")
            self._view.waiting(f"starting {', '.join(missing)} ...")
            self._step(processes, executor)
        if self._stopped:
            return
        processes.start(camera, extra)
        while not self._stopped and not self._over(observer):
            self._step(processes, executor)

    def _step(self, processes: Processes, executor: SingleThreadedExecutor) -> None:
        ended = processes.ended()
        if ended is not None:
            name, status = ended
            how = f"status {status}" if status >= 0 else signal.Signals(-status).name
            raise Failed(f"{name} ended with {how}; what it said stands above")
        executor.spin_once(timeout_sec=0.05)

    def _over(self, observer: Observer) -> bool:
        from fer_ros.ros.observer import number

        if self._duration is not None and self._summary.duration >= self._duration:
            return True
        camera = observer.health.get("camera_node")
        if camera is None or camera.values.get("source") != "ended":
            return False
        frames = number(camera.values.get("frames"))
        if frames <= 0:
            raise Failed("the source ended without a frame: what camera_node said of it stands above")
        complete = self._summary.frames >= frames and (self._recorder is None or self._overlays >= frames)
        late = time.monotonic() - self._answered > self._TAIL
        if late and not complete:
            self._view.say(f"fer-ros: {frames - self._summary.frames} of {frames} frames have no answer: this machine is too "
                           "slow for the source's own rate; --fps plays it slower", "yellow")
        return complete or late

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def _heard(self, name: str, line: str) -> None:
        self._view.say(line, "dim")

    def _on_emotions(self, emotions: list[Emotion], stamp: float, latency: float) -> None:
        self._answered = time.monotonic()
        new = self._summary.add(emotions, stamp, latency)
        self._view.frame(emotions, new, self._summary, latency)

    def _on_overlay(self, image: Image, stamp: float) -> None:
        self._answered = time.monotonic()
        self._overlays += 1
        self._recorder.write(image.copy(), stamp)
