"""What every node of the graph has: lifecycle with autostart, parameters, diagnostics, `~/enable`, and one way to run."""

from __future__ import annotations

import contextlib
import functools
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import Node as LifecycleNode
from rclpy.lifecycle import Publisher, State, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.timer import Timer
from std_srvs.srv import SetBool

from fer_ros.media.meter import StageTimes
from fer_ros.media.source import SourceError
from fer_ros.parameters.node_params import NodeParams
from fer_ros.ros.diagnostics import ERROR, OK, WARN, Diagnostics
from fer_ros.ros.exchange import Exchange, Worker
from fer_ros.ros.guard import Repetitions, spin_once
from fer_ros.ros.joining import join
from fer_ros.ros.matching import StampPairs, explain_refusal
from fer_ros.ros.parameters import Parameters, faults_of_files, tell_of_files, tell_of_parameters
from fer_ros.ros.qos import RESULTS, UNKNOWN_NODE, explain_silence, publishers_of
from fer_ros.system.orphans import end_with_parent
from fer_ros.system.process_title import hide_secrets_in_arguments
from fer_ros.words import one_line

M = TypeVar("M")

BAD_CONFIGURATION = (ValueError, OSError, SourceError)
"""What a stage raises when it cannot be set up as the parameters say."""


class _Input:
    """One subscription and when it last brought something."""

    def __init__(self, topic: str, kind: type, qos: QoSProfile, local: bool):
        self.topic, self.kind, self.qos, self.local = topic, kind, qos, local
        self.close: Callable[[], object] = lambda: None
        self.heard = time.monotonic()
        self.explained: set[str] = set()  # what has been said of this silence
        self.unnamed = False  # whether a publisher was found whose name had not come yet


class Output:
    """A publisher that makes messages only for listeners, and hands what it publishes to the nodes of its process as it is.

    Args:
        kept: with a durable publisher, how many messages somebody who comes late gets. Until the first one comes, what they
            are made of is kept.
        asked_for: whether a listener wants old messages, too.
    """

    def __init__(self, publisher: Publisher, exchange: Exchange | None, kept: int = 0,
                 asked_for: Callable[[], bool] = lambda: True):
        self.publisher = publisher
        self._asked_for = asked_for
        self.topic_name = publisher.topic_name
        self._exchange = exchange
        self._kept: deque[Callable[[], Any]] = deque(maxlen=kept)
        self._wanted = False  # whether a listener has ever been there: from then on DDS keeps what is durable
        self._lock = threading.Lock()

    @property
    def remote(self) -> bool:
        """Whether anybody outside of the process listens."""
        return self.publisher.get_subscription_count() > 0

    def get_subscription_count(self) -> int:
        """Of listeners in the process and outside of it."""
        inside = len(self._exchange.listeners(self.topic_name)) if self._exchange else 0
        return inside + self.publisher.get_subscription_count()

    def publish(self, to_message: Callable[[], Any], local: Any = None) -> None:
        """Publish what `to_message` makes, which is not asked while nobody outside of the process listens.

        Args:
            local: stands for it within the process; None where no node of the process listens.
        """
        if self._exchange is not None and local is not None:
            self._exchange.put(self.topic_name, local)  # first: whoever works on it need not wait for the message
        with self._lock:
            if self.remote or (self._wanted and self._kept.maxlen):
                self._give_kept()
                self.publisher.publish(to_message())
            else:
                self._kept.append(to_message)

    def serve(self) -> None:
        """Give what is kept to a listener that has come since the last message."""
        with self._lock:
            if self._kept and self.remote:
                self._give_kept()

    def _give_kept(self) -> None:
        self._wanted = True
        if self._kept and not self._asked_for():
            self._kept.clear()  # who does not ask for old messages gets none
        while self._kept:
            self.publisher.publish(self._kept.popleft()())


class FerNode(LifecycleNode):
    """A managed node. A subclass names its parameter classes in PARAMS and fills in the four steps below."""

    _PRESENT = 60.0  # seconds

    NAME: str
    PARAMS: tuple[type, ...] = ()
    LOCAL_OUTPUTS: tuple[str, ...] = ()
    """Topics that other nodes of the same process take without ROS."""
    PUBLISHES_IMAGES = False
    """Whether it needs shared memory for them."""

    def __init__(self, exchange: Exchange | None = None, **kwargs: Any):
        """Declare the parameters.

        Args:
            exchange: what the nodes of one process share; None for a node alone.

        Raises:
            ValueError: a parameter's value is not allowed.
        """
        super().__init__(self.NAME, **kwargs)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._exchange = exchange
        self._worker: Worker | None = None
        self._configured = self.active = False
        self._inputs: list[_Input] = []
        self._outputs: list[Output] = []
        self._told = Repetitions()
        self.diagnostics = Diagnostics(self)
        try:
            self.params = Parameters(self, (NodeParams, *self.PARAMS), configured=lambda: self._configured,
                                     changed=self._parameters_changed)
        except ValueError as error:
            raise ValueError(f"{self.NAME}: {error}") from None
        self.create_service(SetBool, "~/enable", self._enable)
        self._report_timer = self.every(self.params[NodeParams].diagnostics_period, self.report)
        for service in self.services:  # rclpy's own, too: a request that it cannot follow would end the process
            service.callback = functools.partial(self._serve, service.srv_name, service.callback)

    # What a subclass says.

    def setup(self) -> None:
        """Make everything from the parameters. Raises one of BAD_CONFIGURATION where that cannot be done."""

    def start(self) -> None:
        """Begin to work: create the subscriptions."""

    def stop(self) -> None:
        """Stop working."""

    def teardown(self) -> None:
        """Give back what `setup` made beside publishers; it may have failed half-way."""

    def apply(self) -> None:
        """Take over parameters that changed while configured; may refuse them by raising ValueError."""

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        """Level, state in a few words, and named values for the diagnostics of a node that is active and enabled."""
        return OK, "active", {}

    def stage_times(self) -> Iterable[StageTimes]:
        """What measures the stages of the node's work."""
        return ()

    hardware_id = ""

    # What a subclass uses.

    @property
    def enabled(self) -> bool:
        return self.params[NodeParams].enabled

    def subscribe(self, message_type: type[M], topic: str, callback: Callable[[M], None], qos: QoSProfile,
                  waited_for: bool = False, local_depth: int = 0, outside: bool = False) -> None:
        """Subscribe while active. Whatever `callback` raises is reported and counted: no message ends the node.

        Args:
            waited_for: whether a publisher in the same process waits until each message is taken. What this node cannot
                follow is then not made in the first place.
            local_depth: how many messages of the same process wait; 0 for as many as `qos` says.
            outside: over ROS, although the topic is handed on within the process.
        """
        name = self.resolve_topic_name(topic)
        entry = _Input(name, message_type, qos, not outside and self.is_local(topic))

        def guarded(message: M) -> None:
            entry.heard = time.monotonic()
            if not (self.active and self.enabled):
                return
            try:
                callback(message)
            except Exception as error:  # a message from outside can be wrong in any way
                self.diagnostics.count("errors")
                self.say_once(topic, f"{entry.topic}: {error}", error=True)

        if entry.local:
            self._worker = self._worker or Worker()
            depth = 1 if waited_for else local_depth or qos.depth
            entry.close = self._exchange.subscribe(name, self._worker, guarded, depth, waited_for,
                                                   lambda: self.diagnostics.count("skipped")).close
        else:
            subscription = self.create_subscription(message_type, topic, guarded, qos)
            entry.close = lambda: self.destroy_subscription(subscription)
        self._inputs.append(entry)

    def is_local(self, topic: str) -> bool:
        """Whether a topic is published within the process, and handed on as it is."""
        return self._exchange is not None and self.resolve_topic_name(topic) in self._exchange.topics

    def advertise(self, message_type: type[M], topic: str, qos: QoSProfile | int) -> Output:
        """A publisher that lives until the node is cleaned up, and publishes while it is active."""
        durable = isinstance(qos, QoSProfile) and qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        publisher = self.create_lifecycle_publisher(message_type, topic, qos)
        self._outputs.append(Output(publisher, self._exchange, qos.depth if durable else 0, lambda: any(
            info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            for info in self.get_subscriptions_info_by_topic(publisher.topic_name))))
        return self._outputs[-1]

    def every(self, period: float, callback: Callable[[], None]) -> Timer:
        """A timer, in seconds of this machine: with use_sim_time, a clock that stands still does not stop it.

        Whatever `callback` raises is reported and counted.
        """
        def guarded() -> None:
            try:
                callback()
            except Exception as error:
                self.failed(error)

        return self.create_timer(period, guarded, clock=self._steady)

    def unsubscribe(self) -> None:
        """Drop all subscriptions."""
        while self._inputs:
            self._succeeds(self._inputs.pop().close)
        if self._worker is not None:
            self._worker.end()
            self._worker = None

    def say_once(self, subject: str, text: str, *, error: bool = False) -> None:
        """Log a text, but the same one (whatever its numbers) not again for a minute, nor many of one subject."""
        if self._told.is_new(subject, text):
            text = one_line(text)
            self.get_logger().error(text) if error else self.get_logger().warning(text)

    def failed(self, error: Exception) -> None:
        """Count and tell what a callback raised. What nobody foresaw comes with its traceback where debugging is asked for."""
        self.diagnostics.count("errors")
        self.say_once("callback", f"{type(error).__name__}: {error}", error=True)
        self.get_logger().debug("".join(traceback.format_exception(error)))

    def pairs(self, capacity: int, *topics: str) -> StampPairs[Any, Any]:
        """Puts messages of two topics together by their stamp, and says once of those that cannot be told apart."""
        names = " and ".join(map(self.resolve_topic_name, topics))
        return StampPairs(capacity, lambda key: self.say_once("stamps", explain_refusal(key, names)))

    def age(self, stamp: float) -> float | None:
        """Seconds since a stamp; None where it is none of now: a recording's, or none at all."""
        age = self.get_clock().now().nanoseconds * 1e-9 - stamp
        return age if 0 <= age < self._PRESENT else None

    def report(self) -> None:
        """Publish diagnostics now, and look whether an input is silent and somebody has come late."""
        if not self._configured:
            self.diagnostics.publish(WARN, "unconfigured", {})
        elif not self.active:
            self.diagnostics.publish(WARN, "inactive", {}, self.hardware_id)
        elif not self.enabled:
            self.diagnostics.publish(OK, "disabled", {}, self.hardware_id)
        else:
            for output in self._outputs:
                output.serve()
            level, state, values = self.health()
            # A publisher that this end knows of: what it sends from here on arrives.
            found = {f"publishers of {entry.topic}": len(publishers_of(self, entry.topic, entry.kind))
                     for entry in self._inputs}
            values = {**values, **found}
            silent = self._silent_topics()
            if silent:
                level, state = max(level, WARN), f"nothing received on {', '.join(silent)}"
            times = {stage: pair for timer in self.stage_times() for stage, pair in timer.take().items()}
            self.diagnostics.publish(level, state, values, self.hardware_id, times)

    def _silent_topics(self) -> list[str]:
        silent = []
        for entry in self._inputs:
            if time.monotonic() - entry.heard <= self.params[NodeParams].silence_timeout:
                entry.explained.clear()
                continue
            silent.append(entry.topic)
            if entry.local:  # within the process somebody else knows why
                continue
            reason = explain_silence(self, entry.topic, entry.kind, entry.qos)
            was_unnamed, entry.unnamed = entry.unnamed, UNKNOWN_NODE in reason
            if entry.unnamed and not was_unnamed:
                continue
            if reason not in entry.explained:  # it may become another one: a publisher of the wrong type comes late
                entry.explained.add(reason)
                self.say_once(f"silence {entry.topic}", reason)
        return silent

    # Lifecycle.

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        if not self._succeeds(self.setup):
            self._clean()
            return TransitionCallbackReturn.FAILURE
        self._report_timer.timer_period_ns = int(self.params[NodeParams].diagnostics_period * 1e9)
        self._configured = True
        return super().on_configure(state)

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self.active = True
        if not self._succeeds(self.start):
            self._halt()
            super().on_deactivate(state)  # or the publishers would stay enabled
            return TransitionCallbackReturn.FAILURE
        self._succeeds(self.report)
        return result

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        halted = self._halt()
        self._succeeds(self.report)
        result = super().on_deactivate(state)
        return result if halted else TransitionCallbackReturn.ERROR

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        self.release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        self.release()
        return super().on_shutdown(state)

    def on_error(self, state: State) -> TransitionCallbackReturn:
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def _succeeds(self, step: Callable[[], object]) -> bool:
        """Do a step. What it raises is told, since rclpy would swallow it or end the process, and counted."""
        try:
            step()
        except BAD_CONFIGURATION as error:
            self.diagnostics.count("errors")
            self.get_logger().error(one_line(str(error)))
        except Exception as error:
            self.diagnostics.count("errors")
            self.get_logger().error("".join(traceback.format_exception(error)))
        else:
            return True
        return False

    def _halt(self) -> bool:
        """Stop, and drop all subscriptions even if `stop` raises. Whether it did not."""
        if not self.active:
            return True
        self.active = False
        stopped = self._succeeds(self.stop)
        self.unsubscribe()
        return stopped

    def release(self) -> None:
        """Stop and give everything back, whatever the state and whatever fails on the way."""
        self._halt()
        if self._configured:
            self._configured = False
            self._clean()

    def _clean(self) -> None:
        self._succeeds(self.teardown)
        while self._outputs:
            publisher = self._outputs.pop().publisher
            self._succeeds(lambda publisher=publisher: self.destroy_lifecycle_publisher(publisher))

    # Parameters and service.

    def _parameters_changed(self) -> None:
        if self._configured:
            with self._worker.busy if self._worker else contextlib.nullcontext():  # no image is seen half one way
                try:
                    self.apply()
                except ValueError:
                    raise
                except Exception as error:  # refused, too: nobody knows what became of it
                    raise ValueError(f"the change could not be applied: {error!r}") from error

    def _serve(self, name: str, callback: Callable[[Any, Any], Any], request: Any, response: Any) -> Any:
        """Answer a request. One that cannot be followed, an impossible transition say, gets the empty answer: no success."""
        try:
            return callback(request, response)
        except Exception as error:
            self.diagnostics.count("refused requests")
            reason = str(error).partition(", at /")[0]  # without rcl's place in its own source
            self.say_once(name, f"a request to {name} is refused: {reason}")
            return response

    def _enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        outcome = self.set_parameters([rclpy.parameter.Parameter("enabled", value=request.data)])[0]
        response.success = outcome.successful
        response.message = outcome.reason or ("enabled" if request.data else "disabled")
        self.report()
        return response


def run_node(node_class: type[FerNode], args: list[str] | None = None) -> int:
    """Run a node until SIGINT or SIGTERM.

    Returns:
        The process's exit status: 0 after a signal, 1 where the node could not be made or started.
    """
    return run_nodes(lambda: [node_class()], args, images=node_class.PUBLISHES_IMAGES)


def run_nodes(make: Callable[[], Sequence[FerNode]], args: list[str] | None = None, *, images: bool) -> int:
    """Run the nodes of one process; they start in their order and end in the reverse one. Else as `run_node`.

    Args:
        images: whether one of them publishes images.
    """
    hide_secrets_in_arguments()
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    # rclpy's own handlers invalidate the context at once; ours let the node hand its camera back and say so first.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    end_with_parent()
    nodes: Sequence[FerNode] = ()
    executor = None
    try:
        try:
            join(args, images=images)
            # It complains of every impossible request, of which the node tells once.
            rclpy.logging.set_logger_level("rcl_lifecycle", rclpy.logging.LoggingSeverity.ERROR)
            nodes = make()
            tell_of_parameters(nodes, alone=True)
            tell_of_files(nodes)
        except (ValueError, RuntimeError) as error:  # rclpy's own: a parameter file or name it cannot read
            reason = str(error) if rclpy.ok() else faults_of_files() or str(error)
            rclpy.logging.get_logger("fer_ros").error(f"wrong parameter or argument: {reason}")
            return 1
        executor = SingleThreadedExecutor()
        for node in nodes:
            executor.add_node(node)
        for node in nodes:
            if node.params[NodeParams].autostart and not _start(node):
                return 1
        while not stopped and rclpy.ok():
            # A signal is seen when the wait returns.
            spin_once(executor, 0.1, nodes[0].failed)
        return 0
    finally:
        if executor is not None:
            executor.shutdown(timeout_sec=0)
        for node in reversed(nodes):
            node.release()
        for node in reversed(nodes):
            node.destroy_node()
        rclpy.try_shutdown()


def _start(node: FerNode) -> bool:
    for transition in (node.trigger_configure, node.trigger_activate):
        if transition() != TransitionCallbackReturn.SUCCESS:
            return False
    return True


def main_of(node_class: type[FerNode]) -> Callable[[], None]:
    """The `main` of an executable."""

    def main() -> None:
        sys.exit(run_node(node_class))

    return main


__all__ = ["BAD_CONFIGURATION", "ERROR", "OK", "RESULTS", "WARN", "FerNode", "NodeParams", "main_of", "run_node"]
