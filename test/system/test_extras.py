# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What an extra provides is needed by nothing outside it: commands without torch, matplotlib, Pillow, pyarrow and so on."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_ros import cli
from fer_ros.resources import share_directory

TRAINING = ("torch", "onnxscript", "tensorboard", "matplotlib", "PIL")
EXTRAS = (*TRAINING, "torchvision", "onnx", "sympy", "pyarrow", "pandas", "aiohttp", "segno",
          "dask", "distributed", "fsspec")
BLOCK = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {EXTRAS}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Block())
"""
TRAIN = r"pip install 'fer_ros\[train\]', in a clone `make training`"
TESTS = Path(__file__).resolve().parents[1]
# One process for many command lines: each is (arguments), and gives its exit status and what it wrote to standard error.
SEVERAL = """
import contextlib, io, json, sys
from fer_ros.cli import main

found = []
for line in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as errors, contextlib.redirect_stdout(io.StringIO()):
        try:
            main(line)
        except SystemExit as end:
            status = end.code
    found.append((status, errors.getvalue()))
print(json.dumps(found))
"""


@pytest.fixture
def bare(tmp_path) -> Callable[..., str]:
    """Runs Python where nothing that an extra brings can be imported, in the processes that it starts too."""
    block = tmp_path / "block"
    block.mkdir()
    (block / "sitecustomize.py").write_text(BLOCK)
    path = os.pathsep.join(filter(None, [str(block), os.environ.get("PYTHONPATH", "")]))

    def run(*arguments: object, status: int = 0) -> str:
        done = subprocess.run([sys.executable, *map(str, arguments)], cwd=tmp_path, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": path}, check=False)
        assert done.returncode == status, done.stdout
        return done.stdout

    return run


@pytest.fixture
def fer_ros(bare) -> Callable[..., list[tuple[int, str]]]:
    """Runs several command lines of `fer-ros` there: exit status and standard error of each."""

    def run(*lines: list[object]) -> list[tuple[int, str]]:
        printed = bare("-c", SEVERAL, json.dumps([[str(part) for part in line] for line in lines]))
        return [tuple(one) for one in json.loads(printed.splitlines()[-1])]

    return run


def commands(parser: argparse.ArgumentParser, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, and those below it."""
    yield above
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from commands(below, (*above, name))


def test_the_extras_are_out_of_reach(bare):
    """Or the other tests would say nothing."""
    for name in EXTRAS:
        assert "sitecustomize" in bare("-c", f"import {name}", status=1)


def test_every_command_explains_itself(fer_ros):
    lines = [[*command, "--help"] for command in commands(cli.parser())]
    assert len(lines) > 20
    for line, (status, errors) in zip(lines, fer_ros(*lines), strict=True):
        assert status == 0, (line, errors)


def test_what_needs_no_extra_works(fer_ros, drawn_fer2013, tmp_path):
    data = drawn_fer2013(tmp_path / "data", each=2)
    lines = [
        ["models", "verify"],
        ["data", "info", "--data", data],
        ["annotate", share_directory() / "demo" / "demo.mp4", "-o", "a.mcap", "--table", "a.csv"],
        ["bench", "alignment", "--data", data, "--rolls", "0", "--margins", "0.1", "--faces", "3"],
        ["bench", "tracker", "--takes", "1", "--fps", "10"],
        ["bench", "smoothing", "a.csv", "--truth", "0 happy"],
        ["bench", "stillness", share_directory() / "demo" / "demo.mp4", "--cutoffs", "0", "--noise", "8"],
    ]
    for line, (status, errors) in zip(lines, fer_ros(*lines), strict=True):
        assert status == 0, (line, errors)


def test_what_needs_an_extra_says_so_in_one_line(fer_ros, drawn_fer2013, tmp_path):
    data = drawn_fer2013(tmp_path / "data", each=2)
    folders = tmp_path / "folders" / "train"
    for emotion in ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"):
        (folders / emotion).mkdir(parents=True)
        (folders / emotion / "a.png").touch()
    lines = {
        TRAIN: [
            ["train", "--data", data, "--out", "run"],
            ["export", "run", "--data", data, "--out", "model"],
            ["evaluate", "--data", data, "--out", "report"],
            ["data", "plot", "--data", data, "--out", "pictures"],
            ["data", "info", "--data", folders.parent],
            ["bench", "alignment", "--data", folders.parent],
        ],
        "pip install pyarrow": [["annotate", share_directory() / "demo" / "demo.mp4", "-o", "a.mcap", "--table", "a.parquet"]],
        "the data sets need pyarrow: pip install pyarrow": [["annotate", "demo", "--out", "many"]],
        "pip install matplotlib": [["bench", "scale", "--plot", "a.png"], ["bench", "soak", "--plot", "a.png"]],
    }
    for remedy, group in lines.items():
        for line, (status, errors) in zip(group, fer_ros(*group), strict=True):
            assert status in (1, 2), (line, errors)
            told = [text for text in errors.splitlines() if not text.startswith("reading ")]  # what it is at comes before
            assert len(told) == 1 and re.search(remedy, told[0]), (line, errors)


def test_the_graph_runs(bare):
    printed = bare("-m", "fer_ros.cli", "run", "--source", "demo", "--duration", 1)
    assert "happy" in printed


def test_tests_that_skip_without_the_extra_are_marked():
    """So that `make test-training` runs them."""
    for path in TESTS.rglob("test_*.py"):
        wanting = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
                   and ast.unparse(node.func) == "pytest.importorskip" and node.args[0].value in TRAINING]
        for node in wanting:
            assert "make training" in ast.unparse(node), path
        assert not wanting or "pytest.mark.training" in path.read_text(encoding="utf-8"), path
