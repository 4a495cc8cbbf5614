"""The README's behaviour node does what the README says."""

import re
from pathlib import Path

import pytest
import rclpy

from fer_ros.msg import Emotion, EmotionArray

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.skipif(not README.is_file(), reason="only where the source tree is")
def test_the_behaviour_node_reacts_to_a_smile(bench, monkeypatch):
    code = re.search(r"```python\n(import rclpy\n.*?)```", README.read_text(), re.DOTALL)[1]
    made = []
    monkeypatch.setattr(rclpy, "init", lambda: None)
    monkeypatch.setattr(rclpy, "spin", made.append)
    scope = {}
    exec(code, scope)
    (node,) = made
    said = []
    monkeypatch.setattr(type(node.get_logger()), "info", lambda self, text, **_: said.append(text))
    bench.executor.add_node(node)
    send = bench.speak(EmotionArray, "/fer/emotions")
    for face_id, label, confidence in (("7", "sad", 0.9), ("8", "happy", 0.6), ("9", "happy", 0.95)):
        send(EmotionArray(emotions=[Emotion(face_id=face_id, label=label, confidence=confidence)]))
    bench.wait_for(lambda: said, "the reaction")
    assert said == ["face 9 smiles"]
    bench.executor.remove_node(node)
    node.destroy_node()
