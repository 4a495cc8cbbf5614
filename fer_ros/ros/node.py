# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What every node of the graph has: lifecycle, parameters, inputs and outputs, diagnostics, and `~/enable`."""

from __future__ import annotations

import functools
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import Node as LifecycleNode
from rclpy.lifecycle import State, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.timer import Timer
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from fer_ros.media.meter import StageTimes
from fer_ros.media.source_name import SourceError
from fer_ros.parameters.node_params import BEST_EFFORT, ImageInputParams, MatchingParams, NodeParams
from fer_ros.ros.answered import AnsweredImages
from fer_ros.ros.diagnostics import HOST, OK, WARN, Diagnostics, Troubles
from fer_ros.ros.event_callbacks import UnsupportedEventTypeError, on_match
from fer_ros.ros.exchange import AnyImage, Exchange
from fer_ros.ros.guard import Repetitions
from fer_ros.ros.image_input import ImageInput
from fer_ros.ros.inputs import Inputs
from fer_ros.ros.matching import StampPairs, explain_refusal, explain_strangers
from fer_ros.ros.output import Output
from fer_ros.ros.parameters import Parameters
from fer_ros.ros.qos import image_qos
from fer_ros.words import one_line

M = TypeVar("M")

BAD_CONFIGURATION = (ValueError, OSError, SourceError)
"""What a stage raises when it cannot be set up as the parameters say."""


class FerNode(LifecycleNode):
    """A managed node. A subclass names its parameter classes in PARAMS and fills in the four steps below."""

    _PRESENT = 60.0  # seconds
    _SETTLES = 0.5  # seconds for what was published last to arrive
    _SOON, _SELDOM = 0.2, 1.0  # seconds between two looks who is there: while somebody may be missing, and else

    NAME: str
    PARAMS: tuple[type, ...] = ()
    LOCAL_OUTPUTS: tuple[str, ...] = ()
    """Topics that other nodes of the same process take without ROS."""
    PUBLISHES_IMAGES = False
    """Whether it needs shared memory for them."""

    @staticmethod
    def has_small_images() -> bool:
        """Whether the images of a process with this node alone are known to be small ones (`fer_ros.dds.SMALL_IMAGE`)."""
        return False

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
        self._configured = self.active = self._finalized = False
        self._inputs = Inputs(self, self, exchange)
        self._outputs: list[Output] = []
        self._told = Repetitions()
        self._troubles = Troubles()
        self._follow_timer: Timer | None = None
        self.diagnostics = Diagnostics(self)
        try:
            self.params = Parameters(self, (NodeParams, *self.PARAMS), configured=lambda: self._configured,
                                     changed=self._parameters_changed)
        except ValueError as error:
            self.destroy_node()
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

    hardware_id = HOST
    """What the node stands and falls with: a device or an address, an execution provider, or else this machine."""

    # What a subclass uses.

    @property
    def enabled(self) -> bool:
        return self.params[NodeParams].enabled

    def subscribe(self, message_type: type[M], topic: str, callback: Callable[[M], None], qos: QoSProfile,
                  waited_for: bool = False, local_depth: int = 0, outside: bool = False, onlooker: bool = False,
                  rare: bool = False) -> None:
        """Subscribe while active, as `Inputs.subscribe`. Whatever `callback` raises is reported and counted."""
        self._inputs.subscribe(message_type, topic, callback, qos, waited_for=waited_for, local_depth=local_depth,
                               outside=outside, onlooker=onlooker, rare=rare)

    def subscribe_images(self, topic: str, callback: Callable[[AnyImage], None], params: ImageInputParams, *,
                         local_depth: int = 0, outside: bool = False, onlooker: bool = False) -> None:
        """Subscribe to images while active: to those of the same process as `subscribe` does, and else as they are offered."""
        if self.is_local(topic) and not outside:
            self.subscribe(Image, topic, callback, image_qos(params, BEST_EFFORT), local_depth=local_depth, onlooker=onlooker)
            return
        entry = ImageInput(self, topic, params, lambda text: self.get_logger().info(one_line(text)),
                           functools.partial(self.diagnostics.count, "lost"))
        entry.begin(self._inputs.add(entry, topic, callback))
        if self._follow_timer is None:
            self._follow_timer = self.every(self._SOON, self._follow_publishers)

    def is_local(self, topic: str) -> bool:
        """Whether a topic is published within the process, and handed on as it is."""
        return self._inputs.is_local(topic)

    def advertise(self, message_type: type[M], topic: str, qos: QoSProfile | int,
                  matched: Callable[[], None] | None = None) -> Output:
        """A publisher that lives until the node is cleaned up, and publishes while it is active.

        Args:
            matched: is called whenever a subscriber of another process has come or gone, where the middleware can tell:
                the output's `tells`.
        """
        kept = qos.depth if isinstance(qos, QoSProfile) and qos.durability == DurabilityPolicy.TRANSIENT_LOCAL else 0
        events = on_match(self._guarded(matched)) if matched else None
        try:
            publisher = self.create_lifecycle_publisher(message_type, topic, qos, event_callbacks=events)
        except UnsupportedEventTypeError:
            events, publisher = None, self.create_lifecycle_publisher(message_type, topic, qos)
        self._outputs.append(Output(publisher, self._exchange, kept, lambda: any(
            info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
            for info in self.get_subscriptions_info_by_topic(publisher.topic_name)), tells=events is not None))
        return self._outputs[-1]

    def every(self, period: float, callback: Callable[[], None]) -> Timer:
        """A timer, in seconds of this machine: with use_sim_time, a clock that stands still does not stop it.

        Whatever `callback` raises is reported and counted.
        """
        return self.create_timer(period, self._guarded(callback), clock=self._steady)

    def _follow_publishers(self) -> None:
        waits = self._inputs.follow()
        if self._follow_timer is not None:
            self.retime(self._follow_timer, self._SOON if waits else self._SELDOM)

    @staticmethod
    def retime(timer: Timer, period: float) -> None:
        """Give a timer another period, in seconds, that counts from now; one that it has already goes on."""
        nanoseconds = int(period * 1e9)
        if timer.timer_period_ns != nanoseconds:
            timer.timer_period_ns = nanoseconds
            timer.reset()

    def align_timers(self) -> None:
        """Count the periods of all timers from now.

        Nodes of one process whose timers are aligned one after the other do at once what they do from time to time: the
        executor wakes once for all.
        """
        for timer in self.timers:
            timer.reset()

    def _guarded(self, callback: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            try:
                callback()
            except Exception as error:
                self.failed(error)

        return guarded

    def unsubscribe(self, topic: str | None = None) -> None:
        """Drop all subscriptions, or those of one topic."""
        self._inputs.close(self._succeeds, topic)
        if self._follow_timer is not None and not any(isinstance(entry, ImageInput) for entry in self._inputs):
            self.destroy_timer(self._follow_timer)
            self._follow_timer = None

    # What the inputs ask and tell.

    def takes_messages(self) -> bool:
        return self.active and self.enabled

    def message_skipped(self) -> None:
        self.diagnostics.count("skipped")

    def message_failed(self, topic: str, name: str, error: Exception) -> None:
        self.diagnostics.count("errors")
        self.say_once(topic, f"{name}: {error}", error=True)

    # What it says.

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
        """Puts messages of two topics together by their stamp, and says once why some are not, or none at all."""
        names = " and ".join(map(self.resolve_topic_name, topics))
        return StampPairs(capacity, lambda key: self.say_once("stamps", explain_refusal(key, names)),
                          lambda key, others: self.say_once("stamps", explain_strangers(key, others, names)))

    def answered(self, topic: str, take: Callable[[AnyImage, M], None], image: str = "image") -> AnsweredImages[M]:
        """Puts the messages of the topic `image` together with the answers on another one. Needs `MatchingParams`."""
        return AnsweredImages(self.pairs(self.params[MatchingParams].cache_size, image, topic), take)

    def age(self, stamp: float) -> float | None:
        """Seconds since a stamp; None where it is none of now: a recording's, or none at all."""
        age = self.get_clock().now().nanoseconds * 1e-9 - stamp
        return age if 0 <= age < self._PRESENT else None

    def report(self) -> None:
        """Publish diagnostics now, and look whether an input is silent and somebody has come late."""
        if not self._configured:
            self.diagnostics.publish(WARN, "finalized" if self._finalized else "unconfigured", {}, self.hardware_id)
        elif not self.active:
            self.diagnostics.publish(WARN, "inactive", {}, self.hardware_id)
        elif not self.enabled:
            self.diagnostics.publish(OK, "disabled", {}, self.hardware_id)
        else:
            for output in self._outputs:
                output.serve()
            level, state, values = self.health()
            values = {**values, **self._inputs.publishers()}
            if concerns := self._concerns(values):
                level, state = max(level, WARN), "; ".join([state, *concerns] if level > OK else concerns)
            times = {stage: pair for timer in self.stage_times() for stage, pair in timer.take().items()}
            self.diagnostics.publish(level, state, values, self.hardware_id, times)

    def _concerns(self, values: Mapping[str, object]) -> list[str]:
        """What is worth a warning now, although the node works; each in a few words."""
        silent = self._silent_topics()
        counted = {name: value for name, value in values.items() if isinstance(value, int)}
        return [*([f"nothing received on {', '.join(silent)}"] if silent else []),
                *self._losing(), *self._inputs.refused(), *(text for output in self._outputs for text in output.refused(self)),
                *self._troubles({**self.diagnostics.totals(), **counted})]

    def _silent_topics(self) -> list[str]:
        """Those on which nothing has come for long; says why, once."""
        silent = [entry for entry in self._inputs if entry.is_silent(self.params[NodeParams].silence_timeout)]
        for entry in silent:
            if reason := entry.new_reason(self):
                self.say_once(f"silence {entry.topic}", reason)
        return [entry.topic for entry in silent]

    def _losing(self) -> list[str]:
        """What gets lost of what comes, in a few words each; says more of it, once."""
        troubles = [entry.trouble() for entry in self._inputs]
        for _, sentence in troubles:
            if sentence:
                self.say_once("losses", sentence)
        return [short for short, _ in troubles if short]

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
        self._finalized = True
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

    def destroy_node(self) -> None:
        """Leave the graph at once: in rclpy the state machine holds a managed node there until garbage is collected."""
        LifecycleNode.destroy_node(self)
        machine, self._state_machine = self._state_machine, None
        if machine is not None:
            machine.destroy_when_not_in_use()

    def release(self) -> None:
        """Stop and give everything back, whatever the state and whatever fails on the way."""
        self._halt()
        if self._configured:
            self._configured = False
            self._clean()

    def _clean(self) -> None:
        self._succeeds(self.teardown)
        end = time.monotonic() + self._SETTLES
        while self._outputs:
            output = self._outputs.pop()
            self._succeeds(functools.partial(output.settle, end - time.monotonic()))
            self._succeeds(functools.partial(self.destroy_lifecycle_publisher, output.publisher))

    # Parameters and service.

    def _parameters_changed(self) -> None:
        if self._configured:
            with self._inputs.busy:  # no image is seen half one way
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
