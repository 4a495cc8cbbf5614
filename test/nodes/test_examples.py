# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The examples do what they say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import Header, String

from fer_ros.msg import Emotion, EmotionEvent
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.perception.events import EventDetector, EventParams
from fer_ros.ros.messages import event_to_message

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def greeter():
    """The example as a module."""
    spec = importlib.util.spec_from_file_location("greeter", EXAMPLES / "greeter.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def greet(bench, greeter):
    """Plays the events of (stamp, {face: label}) to the greeter, of smiles that last a second; what it says."""
    node = greeter.Greeter()
    bench.executor.add_node(node)
    heard = bench.listen(String, "greetings")
    speak, detector = bench.speak(EmotionEvent, "events"), EventDetector(event_hold=1.0, appear_hold=1.0)
    bench.wait_for(lambda: node.count_subscribers("greetings"), "the greeter to see its listener")

    def play(frames, confidence: float = 0.9) -> list[str]:
        for stamp, faces in frames:
            answers = [Emotion(face_id=name, label=label, confidence=confidence) for name, label in faces.items()]
            for event in detector(answers, stamp):
                speak(event_to_message(event, Header()))
        last = f"last, {len(heard)}"  # what was said before that has been heard, too
        speak(EmotionEvent(kind=EmotionEvent.APPEARED, face_id=last, label="happy", confidence=1.0))
        bench.wait_for(lambda: any(last in message.data for message in heard), "the last greeting")
        return [message.data for message in heard if "last" not in message.data]

    yield play
    bench.executor.remove_node(node)
    node.destroy_node()


def frames(begin: float, end: float, **faces: str):
    return [(begin + i / 30, {name.lstrip("_"): label for name, label in faces.items()})
            for i in range(round((end - begin) * 30))]


def test_who_smiles_for_a_second_is_greeted_once(greet):
    assert greet(frames(10, 10.95, _1="happy")) == []
    assert greet(frames(10.95, 14, _1="happy")) == ["Hello, number 1!"]
    assert greet(frames(14, 15, _1="neutral") + frames(15, 18, _1="happy")) == ["Hello, number 1!"]


def test_a_short_smile_is_no_smile(greet):
    assert greet(frames(10, 10.8, _1="happy") + frames(10.8, 11, _1="neutral") + frames(11, 11.8, _1="happy")) == []
    assert greet(frames(11.8, 14) + frames(20, 22, _1="happy"), confidence=0.5) == []


def test_everybody_is_greeted(greet):
    assert greet(frames(10, 12, _1="happy", _2="sad") + frames(12, 14, _1="sad", _2="happy")) == [
        "Hello, number 1!", "Hello, number 2!"]


def test_a_recording_that_starts_again_is_greeted_again(greet):
    assert greet(frames(10, 12, _1="happy") + frames(1, 3, _1="happy")) == ["Hello, number 1!"] * 2


def test_the_parameter_of_version_0_1_still_says_how_long_a_smile_must_last(bench, greeter, monkeypatch):
    emotion = bench.add(EmotionNode, remap="__ns:=/fer")
    node, said = greeter.Greeter(parameter_overrides=[Parameter("smile_time", value=1.5)],
                                 cli_args=["--ros-args", "-r", "events:=/fer/events"]), []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text: said.append(text))
    bench.executor.add_node(node)
    greeter.take_smile_time(node)
    bench.wait_for(lambda: emotion.params[EventParams].appear_hold == 1.5, "the node to take it")
    assert emotion.params[EventParams].event_hold == 1.5
    assert "smile_time is old: it sets event_hold and appear_hold of /fer/emotion_node" in said[0]
    bench.executor.remove_node(node)
    node.destroy_node()


@pytest.mark.training
def test_a_recording_is_drawn(demo_images, new_bag, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib (pip install 'fer_ros[train]', or make training)")
    with new_bag(tmp_path / "a") as bag:
        for i, image in enumerate(demo_images):
            bag.image(image, 10**9 + i * 33_333_333)
    table, picture = tmp_path / "a.csv", tmp_path / "a.png"
    run = [sys.executable, "-m", "fer_ros.cli", "annotate", "a", "-o", "a.mcap", "--table", str(table)]
    subprocess.run(run, check=True, cwd=tmp_path)
    plot = [sys.executable, str(EXAMPLES / "plot_emotions.py")]
    subprocess.run([*plot, str(table), "-o", str(picture)], check=True, cwd=tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    done = subprocess.run([*plot, "none.csv", "-o", str(picture)], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "none.csv" in done.stderr
