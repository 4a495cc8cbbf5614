# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Requests that cannot be followed are refused, and what fails on the way leaves nothing half done: the node goes on."""

from __future__ import annotations

import threading

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import GetParameters, SetParameters, SetParametersAtomically
from rclpy.parameter import Parameter as Value
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.perception.detector import DetectorParams
from fer_ros.ros.exchange import Exchange, LocalImage
from fer_ros.ros.guard import spin_once

CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE
SHUTDOWN = Transition.TRANSITION_UNCONFIGURED_SHUTDOWN


def ask(bench, transition: int, label: str = "") -> bool:
    request = ChangeState.Request(transition=Transition(id=transition, label=label))
    return bench.call(ChangeState, "/face_detector_node/change_state", request).success


def state(bench) -> str:
    return bench.call(GetState, "/face_detector_node/get_state", GetState.Request()).current_state.label


def broken(*_: object) -> None:
    raise KeyError("a mistake")


@pytest.fixture
def said(monkeypatch):
    """What the nodes have logged since, as warning or error."""
    texts: list[str] = []

    def listen(node):
        for level in ("warning", "error"):
            monkeypatch.setattr(type(node.get_logger()), level, lambda self, text, **_: texts.append(text))
        return texts

    return listen


@pytest.fixture
def answers(bench, astronaut, message_of):
    """Whether the detector answers an image; for this its topics must exist."""
    faces = bench.listen(Detection2DArray, "faces")
    publisher = bench.tester.create_publisher(Image, "image", QoSProfile(depth=10))
    stamps = iter(range(1, 1000))

    def answered() -> bool:
        bench.wait_for(lambda: publisher.get_subscription_count() == 1, "the detector's subscription")
        before, stamp = len(faces), next(stamps)
        publisher.publish(message_of(astronaut, stamp))
        bench.wait_for(lambda: len(faces) > before, "the answer")
        return faces[-1].header.stamp.sec == stamp

    return answered


@pytest.mark.parametrize("wrong", [CONFIGURE, ACTIVATE, CLEANUP, SHUTDOWN, 0, 8, 60, 99, 255])
def test_an_active_node_refuses_what_is_impossible_now_and_goes_on(bench, said, answers, wrong):
    texts = said(bench.add(FaceDetectorNode))
    for _ in range(20):
        assert not ask(bench, wrong)
    assert state(bench) == "active"
    assert answers()
    assert len([text for text in texts if "change_state is refused" in text]) == 1


def test_what_has_been_done_is_not_done_again(bench):
    bench.add(FaceDetectorNode)
    for transition, after in ((DEACTIVATE, "inactive"), (CLEANUP, "unconfigured"), (SHUTDOWN, "finalized")):
        assert ask(bench, transition)
        assert not ask(bench, transition)
        assert state(bench) == after
    for transition in (CONFIGURE, ACTIVATE, SHUTDOWN):
        assert not ask(bench, transition)
    assert not ask(bench, 0, "no such label")
    assert state(bench) == "finalized"


def test_a_storm_of_requests_from_two_clients_leaves_a_node_that_works(bench, answers):
    bench.add(FaceDetectorNode)
    clients = [bench.tester.create_client(ChangeState, "/face_detector_node/change_state") for _ in range(2)]
    for client in clients:
        bench.wait_for(client.service_is_ready, "the service")
    storm = (CONFIGURE, DEACTIVATE, ACTIVATE, CLEANUP, DEACTIVATE, 77, CLEANUP, CONFIGURE)
    for _ in range(10):  # as many at once as ROS keeps
        futures = [clients[n % 2].call_async(ChangeState.Request(transition=Transition(id=one)))
                   for n, one in enumerate(storm)]
        bench.wait_for(lambda futures=futures: all(future.done() for future in futures), "all answers")
    for transition in (CONFIGURE, ACTIVATE):
        ask(bench, transition)
    assert state(bench) == "active"
    assert answers()


def test_requests_for_parameters_that_make_no_sense_are_refused(bench, said, answers):
    node = bench.add(FaceDetectorNode)
    texts = said(node)
    wrong = [Parameter(name="score_threshold", value=ParameterValue(type=kind)) for kind in (0, 1, 4, 5, 9, 77, 255)]
    wrong += [Parameter(name=name, value=ParameterValue(type=kind)) for name in ("no_such", "x" * 10_000) for kind in (3, 77)]
    for one in wrong:
        answer = bench.call(SetParameters, "/face_detector_node/set_parameters", SetParameters.Request(parameters=[one]))
        assert not any(result.successful for result in answer.results)
        answer = bench.call(SetParametersAtomically, "/face_detector_node/set_parameters_atomically",
                            SetParametersAtomically.Request(parameters=[one]))
        assert not answer.result.successful
    bench.call(GetParameters, "/face_detector_node/get_parameters", GetParameters.Request(names=["", "no", "\u00b2"]))
    assert node.params[DetectorParams] == DetectorParams()
    assert answers()
    assert any("set_parameters is refused" in text for text in texts)


def test_a_change_that_fails_when_it_is_applied_is_refused_and_undone(bench, monkeypatch):
    node = bench.add(FaceDetectorNode)
    monkeypatch.setattr(FaceDetectorNode, "apply", broken)
    value = ParameterValue(type=3, double_value=0.9)
    answer = bench.call(SetParameters, "/face_detector_node/set_parameters",
                        SetParameters.Request(parameters=[Parameter(name="score_threshold", value=value)]))
    assert not answer.results[0].successful
    assert "a mistake" in answer.results[0].reason
    assert node.params[DetectorParams] == DetectorParams()


def test_a_failed_activation_leaves_neither_publisher_nor_subscription_at_work(bench, monkeypatch, said, answers):
    node = bench.add(FaceDetectorNode, start=False)
    texts, start = said(node), FaceDetectorNode.start

    def half(self):
        start(self)
        broken()

    with monkeypatch.context() as patch:
        patch.setattr(FaceDetectorNode, "start", half)
        assert ask(bench, CONFIGURE)
        assert not ask(bench, ACTIVATE)
    assert state(bench) == "inactive"
    assert not node.active
    assert not node._faces.publisher.is_activated
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 0, "the end of the subscription")
    assert any("a mistake" in text for text in texts)
    assert ask(bench, ACTIVATE)
    assert answers()


def test_a_stop_that_fails_leaves_no_subscription_behind(bench, monkeypatch, said, answers):
    node = bench.add(FaceDetectorNode)
    texts = said(node)
    with monkeypatch.context() as patch:
        patch.setattr(FaceDetectorNode, "stop", broken)
        assert not ask(bench, DEACTIVATE)
    assert not node.active
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 0, "the end of the subscription")
    assert any("a mistake" in text for text in texts)
    assert state(bench) == "unconfigured"
    for transition in (CONFIGURE, ACTIVATE):
        assert ask(bench, transition)
    assert answers()


def test_a_teardown_that_fails_leaves_no_publisher_behind(bench, monkeypatch, said):
    node = bench.add(FaceDetectorNode, start=False)
    texts, before = said(node), len(list(node.publishers))
    monkeypatch.setattr(FaceDetectorNode, "teardown", broken)
    for transition in (CONFIGURE, ACTIVATE, DEACTIVATE, CLEANUP):
        assert ask(bench, transition)
    assert len(list(node.publishers)) == before
    assert any("a mistake" in text for text in texts)
    monkeypatch.setattr(FaceDetectorNode, "setup", broken)
    assert not ask(bench, CONFIGURE)
    assert state(bench) == "unconfigured"


def test_a_timer_that_fails_is_told_once_and_counted(bench, said):
    node = bench.add(FaceDetectorNode, diagnostics_period=0.1)
    texts = said(node)
    ticks = []
    node.every(0.01, lambda: (ticks.append(1), broken()))
    bench.wait_for(lambda: len(ticks) > 20, "the timer")
    assert [text for text in texts if "a mistake" in text] == ["KeyError: 'a mistake'"]
    assert node.diagnostics.total("errors") >= 20


def test_a_timer_may_be_destroyed_while_it_is_due(bench):
    node = bench.add(OverlayNode)
    for _ in range(20):
        for change in (node.trigger_deactivate, node.trigger_cleanup, node.trigger_configure, node.trigger_activate):
            assert change().name == "SUCCESS"
            spin_once(bench.executor, 0.0, pytest.fail)
    assert node.active


@pytest.mark.parametrize("seconds", [-5, 2**31 - 1, 0])
def test_a_clock_that_makes_no_sense_ends_nothing(bench, seconds):
    node = bench.add(FaceDetectorNode, use_sim_time=True)
    send, failures = bench.speak(Clock, "/clock"), []
    for one in (7, seconds, 8, 3):
        message = Clock()
        message.clock.sec = one
        send(message)
        for _ in range(20):
            spin_once(bench.executor, 0.01, failures.append)
    assert node.get_clock().now().nanoseconds == 3 * 10**9
    assert all("negative" in str(error) for error in failures)
    assert bool(failures) == (seconds < 0)


def test_a_node_that_is_stopped_finishes_the_image_in_hand_and_takes_no_other(bench, monkeypatch, astronaut):
    """Within the process, where another thread works on it."""
    exchange, begun, go_on, seen = Exchange(), threading.Event(), threading.Event(), []
    exchange.topics.add("/image")

    def slow(self, message):
        begun.set()
        go_on.wait(30)
        seen.append(message.header.stamp.sec)

    monkeypatch.setattr(FaceDetectorNode, "_on_image", slow)
    node = bench.add(FaceDetectorNode, exchange=exchange, image_depth=5)
    for sec in (1, 2, 3):
        header = Header()
        header.stamp.sec = sec
        exchange.put("/image", LocalImage(header, astronaut))
    assert begun.wait(30)
    stopped = threading.Thread(target=node.trigger_deactivate)
    stopped.start()
    stopped.join(0.2)
    assert stopped.is_alive()
    go_on.set()
    stopped.join(30)
    assert not stopped.is_alive()
    assert seen == [1]


def test_parameters_are_not_applied_while_an_image_is_worked_on(bench, monkeypatch, astronaut):
    exchange, begun, go_on, order = Exchange(), threading.Event(), threading.Event(), []
    exchange.topics.add("/image")

    def slow(self, message):
        begun.set()
        go_on.wait(30)
        order.append("image")

    monkeypatch.setattr(FaceDetectorNode, "_on_image", slow)
    monkeypatch.setattr(FaceDetectorNode, "apply", lambda self: order.append("apply"))
    node = bench.add(FaceDetectorNode, exchange=exchange)
    exchange.put("/image", LocalImage(Header(), astronaut))
    assert begun.wait(30)
    setter = threading.Thread(target=node.set_parameters, args=([Value("score_threshold", value=0.5)],))
    setter.start()
    setter.join(0.2)
    assert order == []
    go_on.set()
    setter.join(30)
    assert order == ["image", "apply"]


def test_refused_requests_are_counted_in_the_diagnostics(bench):
    reports = bench.listen(DiagnosticArray, "/diagnostics")
    bench.add(FaceDetectorNode, diagnostics_period=0.1)
    for _ in range(3):
        assert not ask(bench, CONFIGURE)
    bench.wait_for(lambda: reports and ("refused requests", "3") in {
        (entry.key, entry.value) for entry in reports[-1].status[0].values}, "the count")
