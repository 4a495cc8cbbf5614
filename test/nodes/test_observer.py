"""Of two graphs with the same names the one that came later gives way."""

from __future__ import annotations

import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from fer_ros.graph import webcam_graph
from fer_ros.msg import EmotionArray
from fer_ros.ros.observer import Health, Observer


@pytest.fixture
def observer(bench):
    """Of a graph whose one process is ours:1."""
    made = Observer(webcam_graph({}), lambda *_: None, None, "ours:1".__eq__)
    bench.executor.add_node(made)
    yield made
    bench.executor.remove_node(made)
    made.destroy_node()


@pytest.mark.parametrize(("process", "started", "strangers"), [
    ("ours:1", -60, set()), ("other:1", -60, {"/fer/emotion_node"}), ("other:1", 60, set()),
    ("other:1", None, {"/fer/emotion_node"}),
])
def test_nodes_of_an_older_process_are_strangers(bench, observer, process, started, strangers):
    report = bench.speak(DiagnosticArray, "/diagnostics")
    values = {"process": process, **({} if started is None else {"started": str(time.time() + started)})}
    status = DiagnosticStatus(name="/fer/emotion_node", message="active",
                              values=[KeyValue(key=key, value=value) for key, value in values.items()])
    mark = DiagnosticStatus(name="/fer/face_detector_node", values=[KeyValue(key="process", value="ours:1")])
    report(DiagnosticArray(status=[status, mark]))
    bench.wait_for(lambda: "face_detector_node" in observer.health, "the report")
    assert observer.strangers == strangers
    assert ("emotion_node" in observer.health) == (process == "ours:1")


def test_all_who_subscribe_to_the_results_are_waited_for(bench, observer):
    """The observer listens to the emotions, the emotion node within its process to the faces, and then a recorder to both."""
    inside = {"face_detector_node": 1, "emotion_node": 0}

    def found(faces: int, emotions: int) -> None:
        observer.health = {"face_detector_node": Health("active", {"subscribers": str(faces)}),
                           "emotion_node": Health("active", {"subscribers": str(emotions)})}

    found(1, 1)
    bench.wait_for(lambda: observer.others_hear(inside), "nobody else")
    bench.listen(EmotionArray, "/fer/emotions")
    bench.wait_for(lambda: not observer.others_hear(inside), "the recorder to be known of")
    found(1, 2)
    assert observer.others_hear(inside)
    found(0, 2)
    assert not observer.others_hear(inside)
