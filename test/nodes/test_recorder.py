"""The recorder hears a graph from its first message on, with the quality of service that is offered."""

from __future__ import annotations

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from std_msgs.msg import Header, String

from fer_ros.ros.recorder import Recorder


@pytest.fixture
def recorder(bench):
    """A recorder of /soon, from the beginning, and /later, and what it heard."""
    heard = []
    node = Recorder({"/soon": Header, "/later": Header}, ["/soon"], lambda *message: heard.append(message), pytest.fail)
    bench.executor.add_node(node)
    yield heard
    bench.executor.remove_node(node)
    node.destroy_node()


def test_a_topic_of_another_type_is_told_once_and_recorded_when_the_right_one_comes(bench):
    heard, told = [], []
    node = Recorder({"/soon": Header, "/later": Header}, ["/soon"], lambda *message: heard.append(message), told.append)
    bench.executor.add_node(node)
    bench.stranger(String, "/later")
    bench.wait_for(lambda: told, "a word")
    bench.spin(0.5)
    node.explain()
    assert len(told) == 2
    assert "/later is std_msgs/msg/String and not std_msgs/msg/Header" in told[0]
    assert "/stranger" in told[0]
    assert "nobody publishes /soon" in told[1]
    publisher = bench.tester.create_publisher(Header, "/later", 10)
    bench.wait_for(lambda: publisher.get_subscription_count() == 1, "the recorder")
    publisher.publish(Header(frame_id="right"))
    bench.wait_for(lambda: heard, "the message")
    bench.executor.remove_node(node)
    node.destroy_node()


def test_what_cannot_be_written_ends_the_recording_and_nothing_else_does(bench):
    def full(*_: object) -> None:
        raise OSError("no space left on device")

    node = Recorder({"/soon": Header}, ["/soon"], full, pytest.fail)
    bench.executor.add_node(node)
    node.check()
    send = bench.speak(Header, "/soon")
    send(Header())

    def failed() -> bool:
        try:
            node.check()
        except OSError as error:
            return "no space left" in str(error)
        return False

    bench.wait_for(failed, "the failure")
    bench.executor.remove_node(node)
    node.destroy_node()


def test_it_waits_for_results_before_anybody_publishes_them(bench, recorder):
    bench.wait_for(lambda: bench.tester.count_subscribers("/soon") == 1, "the subscription")
    assert bench.tester.count_subscribers("/later") == 0


@pytest.mark.parametrize("topic", ["/soon", "/later"])
@pytest.mark.parametrize("reliability", [ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT])
def test_each_message_is_heard_once_whatever_is_offered(bench, recorder, topic, reliability):
    publisher = bench.tester.create_publisher(Header, topic, QoSProfile(depth=10, reliability=reliability))
    bench.wait_for(lambda: publisher.get_subscription_count() == 1, "the recorder")
    for number in range(5):
        publisher.publish(Header(frame_id=str(number)))
        bench.wait_for(lambda number=number: len(recorder) > number, "the message")
    assert [name for name, *_ in recorder] == [topic] * 5
    assert {kind for _, kind, *_ in recorder} == {"std_msgs/msg/Header"}
    assert [deserialize_message(data, Header).frame_id for *_, data in recorder] == ["0", "1", "2", "3", "4"]
    bench.spin(0.5)
    assert len(recorder) == 5
