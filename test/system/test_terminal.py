# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A graph that is set from the terminal, seen, changed and kept, where there is no `ros2`; processes as a user starts them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys

import pytest

from fer_ros.parameters.params_file import check, typed
from fer_ros.resources import executable


@pytest.fixture
def ask(fer_ros):
    """Runs a command to its end; status and what it printed."""
    def run(*arguments):
        command = fer_ros(*arguments)
        return command.wait(), command.text

    return run


def test_a_running_graph_is_set_seen_changed_and_kept(fer_ros, ask, tmp_path):
    saved = tmp_path / "saved.yaml"
    run = fer_ros("run", "--source", "demo", "--loop", "--namespace", "robot", "--set", "emotion_node.label_hold=0.9", "--set",
                  "overlay_node.enabled=false", "--model", "emotion.onnx")
    run.wait_for(lambda: "face" in run.text, "the first face")
    at = ("--namespace", "robot")
    assert ask("param", "get", "label_hold", *at) == (0, "0.9\n")
    assert ask("param", "get", "emotion_node.model", *at) == (0, "emotion.onnx\n")
    status, text = ask("param", "set", "confidence_threshold=0.2", "emotion_node.label_hold=99", *at)
    assert (status, "refuses" in text) == (1, True)
    assert ask("param", "set", "confidence_threshold=0.2", *at)[0] == 0
    status, text = ask("echo", "emotions", "-n", "3", "--json", *at)
    answers = [json.loads(line) for line in text.splitlines()]
    assert status == 0
    assert [set(answer) for answer in answers] == [{"header", "model", "labels", "emotions"}] * 3
    status, text = ask("topics", *at)
    assert (status, "/robot/fer/emotions  fer_ros/msg/EmotionArray" in text) == (0, True)
    assert "/robot/fer/fer_ros_run (reliable)" in text
    status, text = ask("echo", "emotions")
    assert (status, "--namespace /robot" in text) == (1, True)
    assert ask("param", "save", saved, *at)[0] == 0
    assert run.end() == 0, run.text
    assert "killed" not in run.text
    check(saved, "")
    assert typed(saved)["/**/emotion_node"] == {"model": "emotion.onnx", "label_hold": 0.9, "confidence_threshold": 0.2}
    assert typed(saved)["/**/overlay_node"] == {"enabled": False}
    again = fer_ros("run", "--source", "demo", "--duration", "1", "--params-file", saved)
    assert again.wait() == 0, again.text


@pytest.mark.parametrize("composed", ["--composed", "--no-composed"])
def test_the_images_of_a_topic_are_answered(fer_ros, python, composed):
    camera = python(executable("camera_node"), "--ros-args", "-r", "__ns:=/driver", "-p", "source:=demo", "-p", "loop:=true")
    run = fer_ros("run", "--image", "/driver/image_raw", "--duration", "1", composed)
    assert run.wait() == 0, run.text
    assert re.search(r"^[1-9]\d* frames in .* latency p50", run.text, re.MULTILINE)
    assert camera.end() == 0


def test_a_topic_without_images_is_told(fer_ros):
    run = fer_ros("run", "--image", "/nobody/image_raw", "--duration", "1")
    assert run.wait() == 1
    assert "nobody publishes /nobody/image_raw" in run.text
    assert "is /nobody/image_raw published?" in run.text


def test_an_echo_ends_with_its_reader_and_with_ctrl_c(fer_ros, python):
    graph = fer_ros("run", "--source", "demo", "--loop")
    graph.wait_for(lambda: "face" in graph.text, "the first face")
    patient = ["--timeout", "100"]  # on a busy machine a graph is found late
    echo = fer_ros("echo", "emotions", *patient)
    echo.wait_for(lambda: echo.text.count("\n") > 1, "answers")
    assert echo.end(signal.SIGINT) == 130
    assert echo.text.splitlines()[-1].count("  ") > 2  # a whole line, and no traceback
    for silent in (patient, ["--namespace", "nobody"]):
        piped = python("-c", "import subprocess, sys; one = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, "
                       "stderr=subprocess.PIPE, text=True); print(one.stdout.readline()); one.stdout.close(); "
                       "print(one.stderr.read()); sys.exit(one.wait())",
                       sys.executable, executable("fer-ros"), "echo", "faces", *silent)
        assert piped.wait() == (0 if silent is patient else 1), piped.text
        assert "Traceback" not in piped.text
    assert graph.end() == 0


def test_the_commands_start_without_ros():
    """So that their help is there at once, and `fer-ros doctor` can say what is missing."""
    code = ("import sys; from fer_ros.cli import parser; parser().parse_args(['param', 'list']); "
            "sys.exit(any(name in sys.modules for name in ('rclpy', 'onnxruntime', 'torch', 'rosbags')))")
    assert subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode == 0
