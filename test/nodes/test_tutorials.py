# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The code of the documents' pages does what they say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import rclpy

from fer_ros.msg import Emotion, EmotionArray

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNNABLE = re.compile(r"^```python run\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if RUNNABLE.search(page.read_text(encoding="utf-8"))]

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="only where the source tree is")


def test_the_behaviour_node_reacts_to_a_smile(bench, monkeypatch):
    text = (DOCS / "tutorials" / "smile_back.md").read_text(encoding="utf-8")
    made = []
    monkeypatch.setattr(rclpy, "init", lambda: None)
    monkeypatch.setattr(rclpy, "spin", made.append)
    exec(re.search(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1], {})
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_runs_can_be_run(page, tmp_path):
    """The page's annotations first, of which its Python may read the tables."""
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"^fer-ros (annotate demo .*)$", text, re.MULTILINE):
        command = [sys.executable, "-m", "fer_ros.cli", *shlex.split(line)]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=600, stdout=subprocess.DEVNULL)
    done = subprocess.run([sys.executable, "-c", "\n".join(RUNNABLE.findall(text))], cwd=tmp_path, capture_output=True,
                          text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    if page.stem == "recording":
        assert "face 1: " in done.stdout
