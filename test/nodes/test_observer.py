"""Of two graphs with the same names the one that came later gives way."""

from __future__ import annotations

import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

from fer_ros.graph import webcam_graph
from fer_ros.ros.observer import Observer


@pytest.mark.parametrize(("process", "started", "strangers"), [
    ("ours:1", -60, set()), ("other:1", -60, {"/fer/emotion_node"}), ("other:1", 60, set()),
    ("other:1", None, {"/fer/emotion_node"}),
])
def test_nodes_of_an_older_process_are_strangers(bench, process, started, strangers):
    observer = Observer(webcam_graph({}), lambda *_: None, None, "ours:1".__eq__)
    bench.executor.add_node(observer)
    try:
        report = bench.speak(DiagnosticArray, "/diagnostics")
        values = {"process": process, **({} if started is None else {"started": str(time.time() + started)})}
        status = DiagnosticStatus(name="/fer/emotion_node", message="active",
                                  values=[KeyValue(key=key, value=value) for key, value in values.items()])
        mark = DiagnosticStatus(name="/fer/face_detector_node", values=[KeyValue(key="process", value="ours:1")])
        report(DiagnosticArray(status=[status, mark]))
        bench.wait_for(lambda: "face_detector_node" in observer.health, "the report")
        assert observer.strangers == strangers
        assert ("emotion_node" in observer.health) == (process == "ours:1")
    finally:
        bench.executor.remove_node(observer)
        observer.destroy_node()
