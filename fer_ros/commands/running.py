# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A graph as processes, without launch, with a live table in the terminal: `fer-ros run` and `fer-ros replay`."""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_ros.commands import named_parameters
from fer_ros.commands.arguments import seconds
from fer_ros.commands.left_behind import tell_of_left_behind
from fer_ros.commands.status import NO_ROS, SKIPPED
from fer_ros.commands.view import View
from fer_ros.dds import is_local, privacy_environment
from fer_ros.graph import HRI, HRI_FACES, Graph, Privacy, check_params_file, default_params_file, with_named
from fer_ros.media.source_name import without_secrets
from fer_ros.media.video_recorder import RecordError, VideoRecorder
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.parameters.privacy_params import MODES
from fer_ros.parameters.web_params import WebParams
from fer_ros.processes import Ended, Processes
from fer_ros.run_summary import Summary
from fer_ros.system.signals import Asked, on_end
from fer_ros.types import Emotion, Image
from fer_ros.web.access import is_invitation
from fer_ros.words import counted, exit_reason

if TYPE_CHECKING:
    from rclpy.executors import SingleThreadedExecutor

    from fer_ros.ros.observer import Observer


_WEB = ("host", "port")  # parameters of the web node that have an argument


def add_to(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that starts a graph."""
    parser.add_argument("--record", type=Path, metavar="FILE",
                        help="write the overlay as a video (.mp4, .m4v, .mov, .mkv or .avi)")
    parser.add_argument("--force", action="store_true", help="overwrite a recording that is there (never what is played)")
    parser.add_argument("--duration", type=seconds, metavar="S",
                        help="end after so many seconds of video; of a camera that gives no images the seconds count, too")
    parser.add_argument("--params-file", type=Path, metavar="YAML", help="parameters of all nodes (default: config/fer.yaml)")
    named_parameters.add_to(parser)
    parser.add_argument("--namespace", default="", help="put before /camera and /fer")
    parser.add_argument("--composed", action=argparse.BooleanOptionalAction, default=True,
                        help="all nodes in one process, which is faster; or each in its own (default: --composed)")
    parser.add_argument("--respawn", action="store_true",
                        help="start a process of the graph again that ended; otherwise the run ends with it")
    privacy = parser.add_argument_group("privacy")
    privacy.add_argument("--anonymize", choices=MODES, default="", metavar="MODE",
                         help=f"what is done to faces in overlay, recording and page: {', '.join(MODES)} (default: the "
                         "nodes' parameters)")
    privacy.add_argument("--no-ids", action="store_true",
                         help="publish and draw no ids, by which a person can be followed")
    page = parser.add_argument_group("live page")
    page.add_argument("--web", action="store_true",
                      help="serve a live page, on this machine alone unless --web-host says otherwise; the run then goes on "
                      "after the end of a recording, until Ctrl-C or --duration")
    known = {spec.name: spec for spec in specs(WebParams)}
    for name in _WEB:
        page.add_argument(f"--web-{name}", type=parameter(known[name]), metavar=name.upper(), help=known[name].description)
    page.add_argument("--web-control", action=argparse.BooleanOptionalAction, help=known["web_control"].description)
    people = parser.add_argument_group("other packages about people")
    people.add_argument("--faces", default="", metavar="TOPIC",
                        help="take the faces of this topic (vision_msgs/Detection2DArray) in the place of a detector of our "
                        "own; 'hri' takes those of a ROS4HRI detector")
    people.add_argument("--hri", action="store_true",
                        help="publish faces and expressions on the topics of REP-155 (ROS4HRI)")
    people.add_argument("--humans-namespace", default="", metavar="NAME",
                        help="namespace of those topics, read and published (default: /humans)")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warn", "error", "fatal"),
                        help="what the nodes log: this and what is worse (default: info)")


def web_parameters(options: argparse.Namespace) -> dict[str, Any] | None:
    """Parameters of the web node that are given; None where no page is asked for. Raises ValueError where that is unclear."""
    given = {**{name: getattr(options, f"web_{name}") for name in _WEB}, "web_control": options.web_control}
    given = {name: value for name, value in given.items() if value is not None}
    if given and not options.web:
        raise ValueError("--web-... is about the live page: add --web")
    return given if options.web else None


def _humans(options: argparse.Namespace) -> dict[str, Any]:
    """What the graph is told of the topics of REP-155. Raises ValueError where that is unclear."""
    if options.humans_namespace and not options.hri and options.faces != HRI:
        raise ValueError("--humans-namespace is about the topics of REP-155: add --hri or --faces hri")
    return {"faces": options.faces, "hri": options.hri, "humans_namespace": options.humans_namespace}


def parameter(spec: ParamSpec) -> Callable[[str], Any]:
    """A parameter as an argument's type."""

    def convert(text: str) -> Any:
        try:
            return spec.check(spec.type(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def run(options: argparse.Namespace, make_graph: Callable[..., Graph], named: Mapping[str, Any], title: str,
        live: bool = True, own: Mapping[str, str] = named_parameters.NONE) -> int:
    """Start a graph, watch it, and end it.

    Args:
        make_graph: `webcam_graph`, or one like it.
        named: its first argument.
        live: whether its images are taken while it runs, so that there is a latency to speak of.
        own: parameters that the command has an argument for, as NODE.NAME, and what to say of that.
    """
    stop = Asked()
    with on_end(stop):  # from here on: what is begun before the graph is there is cleared away, too
        return _run(options, make_graph, named, title, live, own, stop)


def _run(options: argparse.Namespace, make_graph: Callable[..., Graph], named: Mapping[str, Any], title: str, live: bool,
         own: Mapping[str, str], stop: Asked) -> int:
    try:
        params_file = options.params_file or default_params_file()
        played = str(named.get("source") or named.get("bag") or "")
        recorder = VideoRecorder(options.record, options.force, [played, params_file]) if options.record else None
        if recorder:
            tell_of_left_behind(options.record)
        # A camera that somebody tries out at a desk is nobody else's business.
        os.environ.update(privacy_environment(os.environ))
        graph = make_graph(named, namespace=options.namespace, more_subscribers=1 if recorder else 0,
                           composed=options.composed, web=web_parameters(options),
                           privacy=Privacy(options.anonymize, not options.no_ids), **_humans(options))
        check_params_file(params_file, graph)
        graph = with_named(graph, named_parameters.of(options, graph, params_file, own))
    except (ValueError, OSError, RecordError) as error:
        print(f"fer-ros: {without_secrets(str(error))}", file=sys.stderr)
        return 2
    try:
        made = Run(graph, recorder, options.duration, live, options.respawn, stop)
        return made.go(params_file, options.log_level, title)
    except ImportError as error:
        print(NO_ROS.format(error=error), file=sys.stderr)
        return 1


class Failed(Exception):
    """The run cannot go on; the text says which node and why."""


class Run:
    """One run of the graph, from the first process to the summary."""

    _READY = 60.0  # seconds for all nodes to start; loading Python and the models takes about two on a laptop
    _OTHERS = 3.0  # seconds for listeners that are none of the graph's to be found
    _TAIL = 3.0  # seconds without an answer, once the source has ended, after which the missing frames will not come any more
    _PAUSE = 10.0  # seconds without an answer that a slow machine may take
    _PRESENT = 60.0  # seconds that the stamp of an image of now may be away from now
    _LASTS = 10.0  # seconds that a process has to last to be started again

    def __init__(self, graph: Graph, recorder: VideoRecorder | None, duration: float | None, live: bool, respawn: bool,
                 stop: Asked):
        """Args: stop: set by a signal, it ends the run soon."""
        self._source = graph.source.executable if graph.source else ""  # empty where somebody else publishes the images
        self._graph, self._recorder, self._duration, self._live, self._respawn = graph, recorder, duration, live, respawn
        self._summary = Summary()
        self._stop = stop
        self._answered = 0.0  # when the last answer came
        self._begun: float | None = None  # when the source began
        self._unrecorded: RecordError | None = None
        self._ended: float | None = None  # when the source was seen to have ended
        self._overlays = 0
        self._stays = any(node.executable == "web_node" for node in graph.nodes)  # a page shows what was, too
        self._told_end = False
        self._leave: Callable[[], object] = lambda: None  # the ROS graph, once it was joined

    def go(self, params_file: Path, log_level: str, title: str) -> int:
        """Run until the source ends, the duration is over, a node fails or a signal comes; the exit status."""
        if find_spec("rclpy") is None:
            raise ImportError("No module named 'rclpy'", name="rclpy")
        status = 0
        self._view = View(title)
        try:
            with self._view, Processes(params_file, log_level, self._heard) as processes:
                self._begin(processes)  # first of all: they load Python and the models while this one loads ROS
                import rclpy
                from rclpy.executors import SingleThreadedExecutor

                from fer_ros.ros.joining import join
                from fer_ros.ros.observer import Observer

                join()
                self._leave = rclpy.try_shutdown
                on_overlay = self._on_overlay if self._recorder else None
                # Of a topic nobody knows whether its images are of now.
                live = self._live and bool(self._source)
                observer = Observer(self._graph, self._on_emotions, on_overlay, processes.owns, self._warn, live)
                executor = SingleThreadedExecutor()
                executor.add_node(observer)
                try:
                    self._play(processes, observer, executor)
                except (Failed, RecordError) as error:
                    self._view.say(f"fer-ros: {error}", "bold red")
                    status = 1
                finally:
                    skipped = self._skipped(observer)
                    self._view.waiting("ending ...")
                    processes.end()
                    executor.shutdown(timeout_sec=0)
                    observer.destroy_node()
            self._view.summary(self._summary)
            for topic, count in sorted(observer.left_out.items()):
                self._warn(f"{counted(count, 'message')} on {topic} left out")
            if skipped:
                self._view.say(f"fer-ros: {counted(skipped, 'image')} could not be read and "
                               f"{'were' if skipped != 1 else 'was'} left out; what {self._source} said of "
                               "it stands above", "yellow")
                status = status or SKIPPED
        finally:
            recorded = self._finish_recording()
            self._leave()
        return status if recorded else 1

    def _finish_recording(self) -> bool:
        """Keep what was recorded, however the run ended, and say so. Returns whether all of it is there."""
        if self._recorder is None:
            return True
        try:
            written = self._recorder.close()
        except RecordError as error:
            self._view.say(f"fer-ros: {error}", "bold red")
            return False
        self._view.say(f"recorded {counted(self._recorder.frames, 'frame')} to {self._recorder.path}" if written else
                       f"nothing recorded to {self._recorder.path}: no overlay image came")
        if self._recorder.notice:
            self._warn(self._recorder.notice)
        return True

    def _begin(self, processes: Processes) -> None:
        """Start all processes but that of the source alone, which comes last and finds the others listening: a file's first
        frame is not lost."""
        source = self._graph.source
        first = self._graph.processes if self._graph.composed or source is None else self._graph.processes[:-1]
        for process in first if not self._stop.asked else ():
            processes.start(process, lambda node: {**self._quiet, "autostart": False} if node is source else self._quiet)

    @property
    def _quiet(self) -> dict[str, Any]:
        """Parameters of the nodes while they start."""
        quiet: dict[str, Any] = {"diagnostics_period": 0.25}
        # Until the source is there the others have nothing to listen to, and that is no news; that a detector of somebody
        # else's says nothing is some.
        if self._graph.source is not None and any(node.executable == "face_detector_node" for node in self._graph.nodes):
            quiet["silence_timeout"] = self._READY
        return quiet

    def _play(self, processes: Processes, observer: Observer, executor: SingleThreadedExecutor) -> None:
        source = self._graph.source
        composed = self._graph.composed is not None
        there = {node.executable for node in self._graph.nodes}
        others = [node for node in self._graph.nodes if node is not source]
        recording = 1 if self._recorder else 0
        # The detector is read by the emotion node, the emotion node by us and, while recording, by the overlay node.
        topics = self._graph.topics
        detector = next(iter(there & {"face_detector_node", HRI_FACES}), None)  # or somebody else's, whom nobody waits for
        hri = int("hri_node" in there)
        wanted = {
            "face_detector_node": (1, None),
            HRI_FACES: (1, None),
            "emotion_node": (1 + recording + hri, topics.faces if detector else None),
            "overlay_node": (recording, topics.emotions if recording else None),
            "web_node": (0, None),
            "hri_node": (0, topics.emotions),
        }
        # Listeners within the process, of whom the ROS graph does not know.
        inside = {**({detector: int(composed)} if detector else {}), "emotion_node": recording + hri if composed else 0}
        deadline, ready = time.monotonic() + self._READY, 0.0
        while not self._stop.asked:
            missing = [n.executable for n in others if not observer.is_ready(n.executable, *wanted[n.executable])]
            if not missing and observer.hears():
                ready = ready or time.monotonic()
                # Somebody else who listens, a recorder say, misses nothing either; but nobody is waited for who cannot hear.
                if observer.others_hear(inside) or time.monotonic() - ready > self._OTHERS:
                    break
            if time.monotonic() > deadline:
                raise Failed(f"{', '.join(missing)} did not get ready within {self._READY:g} s")
            self._view.waiting(f"starting {', '.join(missing)} ...")
            self._step(processes, observer, executor)
        if self._stop.asked:
            return
        if composed and source is not None:
            self._activate(source.full_name, processes, observer, executor)
        elif source is not None:
            processes.start(self._graph.processes[-1], lambda node: self._quiet)
        self._begun = time.monotonic()
        while not self._stop.asked and not self._over(observer):
            self._step(processes, observer, executor)

    def _activate(self, name: str, processes: Processes, observer: Observer, executor: SingleThreadedExecutor) -> None:
        """Configure and activate a node that waits for it."""
        for transition in observer.CONFIGURE, observer.ACTIVATE:
            done = observer.change_state(name, transition)
            while not (self._stop.asked or done.done()):
                self._step(processes, observer, executor)
            if self._stop.asked:
                return
            if not done.result().success:
                raise Failed(f"{name.rpartition('/')[2]} could not start; what it said stands above")

    def _step(self, processes: Processes, observer: Observer, executor: SingleThreadedExecutor) -> None:
        from fer_ros.ros.guard import spin_once

        # At any time: on a busy machine one graph may find the other late.
        if observer.strangers:
            raise Failed(f"{', '.join(sorted(observer.strangers))} runs already in this ROS domain: end it, or run this graph "
                         "with --namespace or in another ROS_DOMAIN_ID")
        ended = processes.ended()
        if ended is not None:
            self._ended_process(ended, processes, observer)
        spin_once(executor, 0.05, observer.failed)
        if self._unrecorded is not None:
            raise self._unrecorded

    def _ended_process(self, ended: Ended, processes: Processes, observer: Observer) -> None:
        """Start a process again, if that is wanted and helps. Raises Failed where not."""
        how = exit_reason(ended.status)
        if not self._respawn or self._begun is None or ended.lasted < self._LASTS:
            raise Failed(f"{ended.name} ended with {how}; what it said stands above")
        self._warn(f"{ended.name} ended with {how}: it is started again")
        for node in processes.restart(ended.name):
            observer.health.pop(node.executable, None)

    def _over(self, observer: Observer) -> bool:
        from fer_ros.ros.observer import number

        if self._duration is not None and self._summary.duration + self._idle(observer) >= self._duration:
            if not self._summary.frames:
                raise Failed(f"no frame was answered within {self._duration:g} s: {self._why_none()}")
            return True
        name = self._source
        health = observer.health.get(name)
        if health is None or health.values.get("source") not in ("ended", "failed"):
            return False
        frames = number(health.values.get("frames"))
        if frames <= 0:
            raise Failed(f"the source ended without a frame: what {name} said of it stands above")
        missing = {"frames have no answer": frames - self._summary.frames}
        if self._recorder is not None:
            missing["frames were not drawn"] = frames - self._overlays
        complete = not any(lost > 0 for lost in missing.values())
        now = time.monotonic()
        self._ended = now if self._ended is None else self._ended
        late = now - max(self._answered, self._ended) > self._TAIL
        if self._stays and self._told_end:
            return False
        if late and not complete:
            told = ", ".join(f"{lost} of {frames} {what}" for what, lost in missing.items() if lost > 0)
            self._warn(f"{told}: this machine is too slow for the source's own rate; "
                       f"{'--fps' if self._live else '--rate'} plays it slower")
        if (complete or late) and health.values["source"] == "failed":
            raise Failed(f"the source ended before its time: what {name} said of it stands above")
        if (complete or late) and self._stays:
            self._told_end = True
            self._view.say("the recording has ended; the page stays until Ctrl-C")
            return False
        return complete or late

    def _why_none(self) -> str:
        if self._source:
            return f"what {self._source} said of its source stands above"
        alone = "; this graph listens to this machine only: ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET reaches others"
        return f"is {self._graph.topics.image} published?{alone if is_local(os.environ) else ''}"

    def _skipped(self, observer: Observer) -> int:
        """Images that the source could not read and left out."""
        from fer_ros.ros.observer import number

        health = observer.health.get(self._source)
        return max(number(health.values.get("unreadable")), 0) if health else 0

    def _idle(self, observer: Observer) -> float:
        """Seconds without an answer that count as seconds of video, since a camera may be gone for good.

        None do where images are not taken as time goes. Where the camera does not say that it is gone, a pause does not count.
        """
        if not self._live:
            return 0.0
        assert self._begun is not None  # nobody is waited for before that
        idle = time.monotonic() - max(self._answered, self._begun)
        health = observer.health.get(self._source)
        gone = health is not None and health.values.get("source") == "unavailable"
        return idle if gone else max(idle - self._PAUSE, 0.0)

    def _heard(self, name: str, line: str) -> None:
        if is_invitation(line):
            self._view.say(line)
        else:
            self._view.say(without_secrets(line), "dim")

    def _warn(self, text: str) -> None:
        self._view.say(f"fer-ros: {text}", "yellow")

    def _on_emotions(self, emotions: list[Emotion], stamp: float, latency: float) -> None:
        self._answered = time.monotonic()
        latency = latency if self._live and abs(latency) < self._PRESENT else math.nan
        new = self._summary.add(emotions, stamp, latency)
        self._view.frame(emotions, new, self._summary, latency)

    def _on_overlay(self, image: Image, stamp: float) -> None:
        assert self._recorder is not None  # the overlay is taken for it alone
        self._answered = time.monotonic()
        self._overlays += 1
        before = self._recorder.cut
        try:
            self._recorder.write(image.copy(), stamp)
        except RecordError as error:  # of this command's own, unlike what else is raised here
            self._unrecorded = error
        if self._recorder.cut and not before:
            self._view.say(f"fer-ros: {self._recorder.path}: {self._recorder.cut}: no more is recorded, the run goes on",
                           "bold red")
