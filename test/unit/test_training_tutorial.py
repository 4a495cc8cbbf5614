# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The walk from FER2013 to a model can be gone, on drawn faces and for an epoch."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs torch (pip install 'fer_ros[train]', or make training)")
pytest.importorskip("onnxscript", reason="training needs more packages (pip install 'fer_ros[train]', or make training)")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorials" / "fer2013.md"

pytestmark = [pytest.mark.training, pytest.mark.skipif(not PAGE.is_file(), reason="only where the source tree is")]


def python(*words: str, where: Path) -> str:
    done = subprocess.run([sys.executable, *words], cwd=where, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_walk_can_be_gone(drawn_fer2013, tmp_path):
    drawn_fer2013(tmp_path / "DIR")
    text = PAGE.read_text(encoding="utf-8")
    # Each run of the rehearsal; the long one and the camera are left out.
    commands = [shlex.split(line) for line in re.findall(r"^fer-ros ((?:data|train|export|evaluate) .*)$", text, re.MULTILINE)
                if "runs/small" not in line]
    assert [words[0] for words in commands] == ["data", "data", "train", "train", "export", "evaluate"]
    for words in commands:
        short = ["--fraction", "1", "--set", "epochs=1", "--threads", "1"] if words[0] == "train" else []
        python("-m", "fer_ros.cli", *words, *short, where=tmp_path)
    written = {"pictures": "classes.png", "runs/notebook": "curves.png", "runs/rehearsal": "emotion.onnx",
               "runs/rehearsal/report": "report.json"}
    assert all((tmp_path / folder / name).is_file() for folder, name in written.items())
    found = re.findall(r"^ *```python\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    shapes, notebook = (textwrap.dedent(code) for code in found)
    assert "training (84, 48, 48) uint8" in python("-c", shapes, where=tmp_path)
    assert re.findall(r"^right [\d.]+%, equal [\d.]+%$", python("-c", notebook, where=tmp_path), re.MULTILINE)
