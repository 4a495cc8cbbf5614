# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The measurements of a running graph, each as short as it can be."""

from __future__ import annotations

import json
import os
import signal

import pytest


def test_latency_is_measured_in_one_process_and_in_several(fer_ros, tmp_path):
    command = fer_ros("bench", "latency", "--sizes", "320x240", "--faces", 2, "--frames", 20, "--turns", 1,
                      "--json", "out.json")
    assert command.wait() == 0, command.text
    one, several = json.loads((tmp_path / "out.json").read_text())
    assert (one["composed"], several["composed"]) == (True, False)
    for row in (one, several):
        assert row["seen"] == 2
        assert row["frames"] - row["lost"] >= 5  # a machine that stands still loses some of the 20
        assert 0 < row["p50"] <= row["p95"]
        assert row["load"] > 0
    assert several["memory"] > one["memory"]


def test_cameras_share_a_process(fer_ros, tmp_path):
    command = fer_ros("bench", "scale", "--faces", 1, "--pixels", "320x240", "--rounds", 1, "--cameras", 2, "--seconds", 2,
                      "--json", "out.json")
    assert command.wait() == 0, command.text
    row = json.loads((tmp_path / "out.json").read_text())[-1]
    assert (row["what"], row["value"]) == ("cameras", 2)
    assert row["frames"] - row["lost"] >= 15  # of both


def test_a_soak_tells_of_each_interval(fer_ros, tmp_path):
    command = fer_ros("bench", "soak", "--minutes", 0.1, "--interval", 3, "--json", "out.json")
    assert command.wait() == 0, command.text
    rows = json.loads((tmp_path / "out.json").read_text())
    assert [row["minute"] for row in rows] == [0.05, 0.1]
    assert all(row["memory"] > 5e7 for row in rows)


def test_the_nodes_are_measured_without_pacing(fer_ros, tmp_path):
    command = fer_ros("bench", "throughput", "--frames", 40, "--json", "out.json")
    assert command.wait() == 0, command.text
    rows = {row["what"]: row["seconds"] for row in json.loads((tmp_path / "out.json").read_text())}
    assert {"both, bare", "a frame", "the nodes, 1 core"} <= set(rows)  # which is less is a matter of what else runs there
    assert all(value > 0 for value in rows.values())


def test_the_footprint_is_that_of_starts_and_of_work(fer_ros, tmp_path):
    command = fer_ros("bench", "footprint", "--starts", 1, "--settle", 0.5, "--seconds", 1, "--faces", 0, 2,
                      "--json", "out.json")
    assert command.wait() == 0, command.text
    process, whole, nobody, two = json.loads((tmp_path / "out.json").read_text())
    assert (process["what"], whole["what"]) == ("first answer, one process", "first answer, fer-ros run")
    assert 0 < process["least"] <= process["median"] <= process["most"]
    assert whole["least"] > 0
    assert (nobody["seen"], two["seen"]) == (0, 2)
    assert all(row["memory"] > 5e7 and row["load"] > 0 for row in (nobody, two))


def test_an_interrupted_start_leaves_nothing(fer_ros, tmp_path, descendants):
    command = fer_ros("bench", "footprint", "--json", "out.json")
    command.wait_for(lambda: "fer-ros run, start 1" in command.text and len(descendants(command)[0]) >= 2, "a start")
    pids, alive = descendants(command)
    assert command.end(signal.SIGINT) == 130
    assert not [pid for pid in pids if alive(pid)]
    assert "Traceback" not in command.text
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_measurement_leaves_nothing(fer_ros, tmp_path, descendants, number):
    command = fer_ros("bench", "soak", "--json", "out.json", "--interval", 2)
    command.wait_for(lambda: "minute 0.0" in command.text, "the first interval")
    pids, alive = descendants(command)
    assert pids
    assert command.end(number) == 130
    assert not [pid for pid in pids if alive(pid)]
    assert "Traceback" not in command.text
    assert not (tmp_path / "out.json").exists()


def test_a_soak_whose_graph_ends_says_so(fer_ros, tmp_path, descendants):
    command = fer_ros("bench", "soak", "--json", "out.json", "--interval", 2)
    command.wait_for(lambda: "minute 0.0" in command.text, "the first interval")
    pids, alive = descendants(command)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert command.wait() == 1
    assert command.text.count("fer-ros: the graph ended: pipeline_node with SIGKILL") == 1, command.text
    assert not [pid for pid in pids if alive(pid)]
    assert "nan" not in command.text
    assert "Traceback" not in command.text
    assert not (tmp_path / "out.json").exists()
