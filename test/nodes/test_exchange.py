# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Handing on within the process, to the letter: who has been closed, who waits for whom, who gets what was kept."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header

from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.ros.exchange import Exchange, Worker
from fer_ros.ros.output import Output

KEEPS = QoSProfile(depth=3, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class Held:
    """A callback that waits in its first call until it may go on."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.seen = threading.Event(), threading.Event(), []

    def __call__(self, message: object) -> None:
        self.begun.set()
        assert self.go_on.wait(30)
        self.seen.append(message)


@pytest.fixture
def worker():
    made = Worker()
    yield made
    made.end()


def started(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target)
    thread.start()
    return thread


def test_what_waits_for_one_who_has_closed_is_not_given_to_it(worker):
    exchange, held, closed = Exchange(), Held(), []
    exchange.subscribe("/held", worker, held, 1)
    inlet = exchange.subscribe("/closed", worker, closed.append, 5)
    exchange.put("/held", 1)
    assert held.begun.wait(30)
    for message in range(3):
        exchange.put("/closed", message)
    closer = started(inlet.close)
    while not inlet.closed:
        time.sleep(0.001)
    exchange.put("/closed", 3)
    held.go_on.set()
    closer.join(30)
    last = threading.Event()
    exchange.subscribe("/last", worker, lambda message: last.set(), 1)
    exchange.put("/last", 1)
    assert last.wait(30)
    assert held.seen == [1]
    assert closed == []


def test_closing_waits_for_the_message_in_hand(worker):
    exchange, held = Exchange(), Held()
    inlet = exchange.subscribe("/held", worker, held, 5)
    exchange.put("/held", 1)
    assert held.begun.wait(30)
    closer = started(inlet.close)
    closer.join(0.2)
    assert closer.is_alive()
    held.go_on.set()
    closer.join(30)
    assert not closer.is_alive()
    assert held.seen == [1]


def test_the_end_waits_for_the_message_in_hand_and_gives_no_other():
    exchange, held, worker = Exchange(), Held(), Worker()
    exchange.subscribe("/held", worker, held, 5)
    for message in (1, 2, 3):
        exchange.put("/held", message)
    assert held.begun.wait(30)
    ender = started(worker.end)
    ender.join(0.2)
    assert ender.is_alive()
    held.go_on.set()
    ender.join(30)
    assert held.seen == [1]


@pytest.mark.parametrize(("asks", "gets"), [(True, ["1", "2", "3", "new"]), (False, ["new"])])
def test_who_asks_for_old_messages_gets_what_is_kept_and_nobody_else_does(bench, asks, gets):
    node = bench.add(FaceDetectorNode)
    output = node.advertise(Header, "/kept", KEEPS)
    output.publisher.on_activate(None)
    for number in range(4):
        output.publish(lambda number=number: Header(frame_id=str(number)))
    heard = []
    durability = DurabilityPolicy.TRANSIENT_LOCAL if asks else DurabilityPolicy.VOLATILE
    bench.tester.create_subscription(Header, "/kept", lambda message: heard.append(message.frame_id),
                                     QoSProfile(depth=10, durability=durability))
    bench.wait_for(lambda: output.remote, "the listener")
    output.publish(lambda: Header(frame_id="new"))
    bench.wait_for(lambda: "new" in heard, "the new message")
    bench.spin(0.3)
    assert heard == gets


@pytest.mark.parametrize(("published", "gets"), [(3, [1, 2, 3]), (4, [4]), (9, [9])])
def test_of_a_recording_is_kept_what_begins_with_its_first_message_or_the_newest(published, gets):
    publisher = Recording()
    publisher.slow.go_on.set()
    output = Output(publisher, None, kept=3)
    output.from_the_first = True
    for number in range(1, published + 1):
        output.publish(lambda number=number: number)
    publisher.listeners = 1
    output.serve()
    assert publisher.sent == gets
    output.publish(lambda: "new")
    assert publisher.sent == [*gets, "new"]


class Recording:
    """A publisher with a listener that notes what it sends, and is slow with the first message."""

    topic_name = "/x"

    def __init__(self) -> None:
        self.sent, self.listeners, self.slow = [], 0, Held()

    def get_subscription_count(self) -> int:
        return self.listeners

    def publish(self, message: object) -> None:
        if not self.sent and not self.slow.seen:
            self.slow(message)
        self.sent.append(message)


def test_a_new_message_does_not_overtake_what_is_kept():
    """The one is given by the thread that reports, the other by the one that works."""
    publisher = Recording()
    output = Output(publisher, None, kept=3)
    for number in (1, 2, 3):
        output.publish(lambda number=number: number)
    publisher.listeners = 1
    serving = started(output.serve)
    assert publisher.slow.begun.wait(30)
    publishing = started(lambda: output.publish(lambda: 4))
    publishing.join(0.2)
    publisher.slow.go_on.set()
    for thread in (serving, publishing):
        thread.join(30)
    assert publisher.sent == [1, 2, 3, 4]


def test_an_onlooker_has_a_message_when_it_has_been_published(worker):
    """Its work would delay the message for the others, those of the process and those beyond."""
    publisher, exchange = Recording(), Exchange()
    publisher.listeners = 1
    exchange.topics.add(publisher.topic_name)
    works, looks = Worker(), []
    others: list[object] = []
    exchange.subscribe(publisher.topic_name, worker, looks.append, depth=3, onlooker=True)
    exchange.subscribe(publisher.topic_name, works, others.append, depth=3)
    publishing = started(lambda: Output(publisher, exchange, kept=0).publish(lambda: 1, local=1))
    try:
        assert publisher.slow.begun.wait(30)
        deadline = time.monotonic() + 30
        while not others and time.monotonic() < deadline:
            time.sleep(0.01)
        assert (others, looks) == ([1], [])
        publisher.slow.go_on.set()
        publishing.join(30)
        while not looks and time.monotonic() < deadline:
            time.sleep(0.01)
        assert looks == [1]
    finally:
        publisher.slow.go_on.set()
        works.end()


def priority_of(worker: Worker) -> int:
    """Of its thread, as the system has it."""
    found: list[int] = []
    done = threading.Event()

    def look(message: object) -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        done.set()

    Exchange().subscribe("/t", worker, look, 1).put(None)
    assert done.wait(30)
    worker.end()
    return found[0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have no priority of their own")
def test_a_patient_workers_thread_gives_way_and_no_other_does():
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert priority_of(Worker()) == own
    assert priority_of(Worker(patient=True)) == min(own + 10, 19)
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
