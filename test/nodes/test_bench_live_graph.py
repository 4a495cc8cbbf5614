# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A graph that is measured: what ends the measurement is seen, and told in one line."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from std_msgs.msg import Header

from fer_ros.bench import live_graph
from fer_ros.bench.live_graph import Watch
from fer_ros.msg import EmotionArray
from fer_ros.processes import Ended
from fer_ros.system.signals import interrupted_on_end

TOPIC = "/measured"


def watch_of(bench, ended: Ended | None = None, said: tuple[str, ...] = ()) -> Watch:
    return Watch(SimpleNamespace(ended=lambda: ended, pids=[]), bench.executor, [TOPIC], list(said))


def until(seconds: float):
    end = time.monotonic() + seconds
    return lambda answers: time.monotonic() > end


@contextmanager
def signalling(monkeypatch, kind: type, number: int):
    """A signal comes while Python makes a message of this kind."""
    sent, made = [], kind.__init__

    def make(self, **values):
        if not sent:
            sent.append(number)
            os.kill(os.getpid(), number)
        made(self, **values)

    with monkeypatch.context() as patch:
        patch.setattr(kind, "__init__", make)
        yield
    assert sent


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("kind", [EmotionArray, Header])
def test_a_signal_while_an_answer_is_taken_ends_it(bench, monkeypatch, number, kind):
    """rclpy makes a RuntimeError of the interrupt then, and the topic is never heard again."""
    watch, answers = watch_of(bench), []
    bench.tester.create_subscription(EmotionArray, TOPIC, answers.append, 10)
    publisher = bench.tester.create_publisher(EmotionArray, TOPIC, 10)
    bench.wait_for(lambda: publisher.get_subscription_count() == 1, "the subscription")
    publisher.publish(EmotionArray())
    with signalling(monkeypatch, kind, number), pytest.raises(KeyboardInterrupt), interrupted_on_end():
        watch.spin(until(10))
    publisher.publish(EmotionArray())
    bench.wait_for(lambda: len(answers) == 2, "the next answer")  # so that nothing was unsettled


def test_a_signal_that_comes_as_the_window_ends_is_not_forgotten(bench):
    def last(answers) -> bool:
        os.kill(os.getpid(), signal.SIGINT)
        return True

    with pytest.raises(KeyboardInterrupt), interrupted_on_end():
        watch_of(bench).spin(last)


@pytest.mark.parametrize(("seconds", "status", "how"), [(10, -9, "SIGKILL"), (0, 1, "status 1")])
def test_a_graph_that_ended_is_no_more_measured(bench, seconds, status, how):
    watch = watch_of(bench, Ended("pipeline_node", status, 1.0), ("no such camera",))
    with pytest.raises(ValueError, match=f"the graph ended: pipeline_node with {how}: no such camera"):
        watch.spin(until(seconds))


def test_a_graph_that_is_silent_is_no_more_measured(bench, monkeypatch):
    monkeypatch.setattr(live_graph, "_PATIENCE", 0.5)
    watch = watch_of(bench)
    end = time.monotonic() + 1
    while time.monotonic() < end:  # as long as answers come it goes on
        watch.heard(TOPIC, EmotionArray())
        watch.spin(until(0.1))
    with pytest.raises(ValueError, match=f"no answer came on {TOPIC} within 0.5 s"):
        watch.spin(until(10))
