"""What every node of the graph has: lifecycle with autostart, parameters, diagnostics, `~/enable`, and one way to run."""

from __future__ import annotations

import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import Node as LifecycleNode
from rclpy.lifecycle import Publisher, State, TransitionCallbackReturn
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.timer import Timer
from std_srvs.srv import SetBool

from fer_ros.core.params import param
from fer_ros.core.source import SourceError
from fer_ros.ros.diagnostics import ERROR, OK, WARN, Diagnostics
from fer_ros.ros.parameters import Parameters
from fer_ros.ros.qos import RESULTS, explain_silence

M = TypeVar("M")

BAD_CONFIGURATION = (ValueError, OSError, SourceError)
"""What a stage raises when it cannot be set up as the parameters say."""


@dataclass(frozen=True)
class NodeParams:
    """What every node has."""

    autostart: bool = param(True, "Configure and activate when the process starts; otherwise wait for `ros2 lifecycle set`.",
                            live=False)
    enabled: bool = param(True, "Whether the node works; the service ~/enable switches it too.")
    diagnostics_period: float = param(1.0, "Time between two reports on /diagnostics.", unit="s", range=(0.1, 60.0),
                                      live=False)
    silence_timeout: float = param(5.0, "A node that receives nothing for so long says why, once.", unit="s",
                                   range=(0.5, 3600.0))


class _Input:
    """One subscription and when it last brought something."""

    def __init__(self, topic: str, qos: QoSProfile, subscription: Any):
        self.topic, self.qos, self.subscription = topic, qos, subscription
        self.heard = time.monotonic()
        self.silent = False


class FerNode(LifecycleNode):
    """A managed node. A subclass names its parameter classes in PARAMS and fills in the four steps below."""

    _REPEAT = 60.0  # seconds
    _MANY = 5

    NAME: str
    PARAMS: tuple[type, ...] = ()

    def __init__(self, **kwargs: Any):
        """Declare the parameters.

        Raises:
            ValueError: a parameter's value is not allowed.
        """
        super().__init__(self.NAME, **kwargs)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._configured = self.active = False
        self._inputs: list[_Input] = []
        self._outputs: list[Publisher] = []
        self._said: dict[str, dict[str, float]] = {}
        self.diagnostics = Diagnostics(self)
        self.params = Parameters(self, (NodeParams, *self.PARAMS), configured=lambda: self._configured,
                                 changed=self._parameters_changed)
        self.create_service(SetBool, "~/enable", self._enable)
        self._report_timer = self.every(self.params[NodeParams].diagnostics_period, self.report)

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

    hardware_id = ""

    # What a subclass uses.

    @property
    def enabled(self) -> bool:
        return self.params[NodeParams].enabled

    def subscribe(self, message_type: type[M], topic: str, callback: Callable[[M], None], qos: QoSProfile) -> None:
        """Subscribe while active. Whatever `callback` raises is reported and counted: no message ends the node."""

        def guarded(message: M) -> None:
            entry.heard = time.monotonic()
            if not (self.active and self.enabled):
                return
            try:
                callback(message)
            except Exception as error:  # a message from outside can be wrong in any way
                self.diagnostics.count("errors")
                self.say_once(topic, f"{entry.topic}: {error}", error=True)

        subscription = self.create_subscription(message_type, topic, guarded, qos)
        entry = _Input(subscription.topic_name, qos, subscription)
        self._inputs.append(entry)

    def advertise(self, message_type: type[M], topic: str, qos: QoSProfile) -> Publisher:
        """A publisher that lives until the node is cleaned up, and publishes while it is active."""
        self._outputs.append(self.create_lifecycle_publisher(message_type, topic, qos))
        return self._outputs[-1]

    def every(self, period: float, callback: Callable[[], None]) -> Timer:
        """A timer, in seconds of this machine: with use_sim_time, a clock that stands still does not stop it."""
        return self.create_timer(period, callback, clock=self._steady)

    def unsubscribe(self) -> None:
        """Drop all subscriptions."""
        while self._inputs:
            self.destroy_subscription(self._inputs.pop().subscription)

    def say_once(self, subject: str, text: str, *, error: bool = False) -> None:
        """Log a text, but the same one (whatever its numbers) not again for a minute, nor many of one subject."""
        now = time.monotonic()
        said = {words: when for words, when in self._said.get(subject, {}).items() if now - when < self._REPEAT}
        words = re.sub(r"\d+", "0", text)
        if words not in said and len(said) < self._MANY:
            said[words] = now
            self.get_logger().error(text) if error else self.get_logger().warning(text)
        self._said[subject] = said

    def report(self) -> None:
        """Publish diagnostics now, and look whether an input is silent."""
        if not self._configured:
            self.diagnostics.publish(WARN, "unconfigured", {})
        elif not self.active:
            self.diagnostics.publish(WARN, "inactive", {}, self.hardware_id)
        elif not self.enabled:
            self.diagnostics.publish(OK, "disabled", {}, self.hardware_id)
        else:
            level, state, values = self.health()
            # A publisher that this end knows of: what it sends from here on arrives.
            found = {f"publishers of {entry.topic}": self.count_publishers(entry.topic) for entry in self._inputs}
            values = {**values, **found}
            silent = self._silent_topics()
            if silent:
                level, state = max(level, WARN), f"nothing received on {', '.join(silent)}"
            self.diagnostics.publish(level, state, values, self.hardware_id)

    def _silent_topics(self) -> list[str]:
        silent = []
        for entry in self._inputs:
            was_silent, entry.silent = entry.silent, (
                time.monotonic() - entry.heard > self.params[NodeParams].silence_timeout
            )
            if entry.silent:
                silent.append(entry.topic)
                if not was_silent:
                    self.get_logger().warning(explain_silence(self, entry.topic, entry.qos))
        return silent

    # Lifecycle.

    def on_configure(self, state: State) -> TransitionCallbackReturn:
        try:
            self.setup()
        except Exception as error:  # rclpy would swallow it
            known = isinstance(error, BAD_CONFIGURATION)
            self.get_logger().error(str(error) if known else traceback.format_exc())
            self._clean()
            return TransitionCallbackReturn.FAILURE
        self._report_timer.timer_period_ns = int(self.params[NodeParams].diagnostics_period * 1e9)
        self._configured = True
        return super().on_configure(state)

    def on_activate(self, state: State) -> TransitionCallbackReturn:
        result = super().on_activate(state)
        self.active = True
        try:
            self.start()
        except Exception:  # likewise
            self.get_logger().error(traceback.format_exc())
            self._halt()
            return TransitionCallbackReturn.FAILURE
        self.report()
        return result

    def on_deactivate(self, state: State) -> TransitionCallbackReturn:
        self._halt()
        self.report()
        return super().on_deactivate(state)

    def on_cleanup(self, state: State) -> TransitionCallbackReturn:
        self.release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: State) -> TransitionCallbackReturn:
        self.release()
        return super().on_shutdown(state)

    def on_error(self, state: State) -> TransitionCallbackReturn:
        self.release()
        return TransitionCallbackReturn.SUCCESS

    def _halt(self) -> None:
        if self.active:
            self.active = False
            self.stop()
            self.unsubscribe()

    def release(self) -> None:
        """Stop and give everything back, whatever the state."""
        self._halt()
        if self._configured:
            self._configured = False
            self._clean()

    def _clean(self) -> None:
        self.teardown()
        while self._outputs:
            self.destroy_lifecycle_publisher(self._outputs.pop())

    # Parameters and service.

    def _parameters_changed(self) -> None:
        if self._configured:
            self.apply()

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
    stopped = False

    def stop(*_: object) -> None:
        nonlocal stopped
        stopped = True

    # rclpy's own handlers invalidate the context at once; ours let the node hand its camera back and say so first.
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    node = executor = None
    try:
        try:
            rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
            node = node_class()
        except (ValueError, RuntimeError) as error:  # rclpy's own: a parameter file or name it cannot read
            rclpy.logging.get_logger(node_class.NAME).error(f"wrong parameter or argument: {error}")
            return 1
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        if node.params[NodeParams].autostart and not _start(node):
            return 1
        while not stopped and rclpy.ok():
            # A signal is seen when the wait returns.
            executor.spin_once(timeout_sec=0.1)
        return 0
    finally:
        if executor is not None:
            executor.shutdown(timeout_sec=0)
        if node is not None:
            node.release()
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
