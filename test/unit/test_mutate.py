# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""scripts/mutate.py breaks a file in the ways that it says, and tells a test that notices from one that does not."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import fer_ros

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "mutate.py"


@pytest.fixture(scope="module")
def mutate():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("mutate", SCRIPT)
    module = sys.modules["mutate"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mutate"]


@pytest.mark.parametrize(("line", "broken"), [
    ("a < b", "a <= b"), ("a < b", "a > b"), ("a == b", "a != b"), ("a is None", "a is not None"), ("a in b", "a not in b"),
    ("a + b", "a - b"), ("a * (b + c)", "a / (b + c)"), ("a * (b + c)", "a * (b - c)"), ("a ** 2", "a * 2"),
    ("a and b", "a or b"), ("a and b", "a"), ("not a", "a"), ("-a", "a"), ("a if b else c", "c if b else a"),
    ("a = 3", "a = 4"), ("a = 3", "a = 0"), ("a = True", "a = False"), ("f(a, b)", "f(b, a)"), ("f(a, key=b)", "f(a)"),
    ("np.sqrt(a)", "a"), ("a.eval()", "a"), ("min(a, b)", "max(a, b)"), ("a += 1", "a -= 1"), ("a = 1", "pass"),
    ("a.clear()", "pass"), ("raise a", "pass"), ("f(a)[b - 1]", "f(a)[b + 1]"), ("s = 'ä' + (b - 1)", "s = 'ä' + (b + 1)"),
])
def test_a_line_is_broken_in_every_way_that_is_meant(mutate, line, broken):
    found = [mutant.source for mutant in mutate.mutants(f"import x\n{line}\nimport y\n")]
    assert ast.dump(ast.parse(f"import x\n{broken}\nimport y\n")) in [ast.dump(ast.parse(source)) for source in found], found
    assert all(source.startswith("import x\n") and source.endswith("\nimport y\n") for source in found)


def test_statements_of_functions_and_loops_are_broken(mutate):
    source = "def f(a):\n    for b in a:\n        if b:\n            break\n    return b\n"
    found = [mutant.source for mutant in mutate.mutants(source)]
    assert source.replace("break", "continue") in found
    assert source.replace("return b", "return None") in found


@pytest.mark.parametrize("source", [
    '"""Says 1 + 1."""\n', "def f(a: Literal[1, 2]) -> list[3]:\n    '''1 < 2'''\n", "import a.b\nfrom a import b\n",
    "if TYPE_CHECKING:\n    a = 1 + 1\n", "class A(B, c=1):\n    d: int\n",
])
def test_what_does_nothing_is_left_alone(mutate, source):
    assert mutate.mutants(source) == []


def test_every_mutant_of_the_package_compiles_and_is_another_program(mutate):
    for path in sorted((ROOT / "fer_ros" / "media").glob("s*.py")):
        source = path.read_text(encoding="utf-8")
        found = mutate.mutants(source, 12)
        assert found == mutate.mutants(source, 12) != mutate.mutants(source, 12, seed=1)
        assert len({mutant.source for mutant in found}) == len(found) == 12
        for mutant in found:
            compile(mutant.source, str(path), "exec")
            assert mutant.source != source
            assert 1 <= mutant.line <= source.count("\n")


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_fault_that_a_test_notices_is_told_from_one_that_none_does():
    installed = Path(fer_ros.__file__).parent / "media" / "scaling.py"
    before = installed.read_bytes()
    noticed = run("fer_ros/media/scaling.py", "test/unit/test_scaling.py", "--change", "return image", "return image[::-1]")
    assert noticed.returncode == 0, noticed.stdout + noticed.stderr
    assert "1 of 1 mutants noticed (100%)" in noticed.stdout
    survived = run("fer_ros/media/scaling.py", "test/unit/test_meter.py", "--change", "return image", "return None")
    assert survived.returncode == 1, survived.stdout + survived.stderr
    assert "-    " in survived.stdout and "return None" in survived.stdout
    assert "0 of 1 mutants noticed (0%)" in survived.stdout
    assert installed.read_bytes() == before


@pytest.mark.parametrize(("arguments", "text"), [
    (["fer_ros/perception/nothing.py"], "is not a file of the package"), (["setup.py"], "is not a file of the package"),
    (["fer_ros/media/scaling.py", "--change", "no such text", "x"], "0 times, not once"),
])
def test_what_cannot_be_mutated_is_said(arguments, text):
    found = run(*arguments)
    assert found.returncode == 2
    assert text in found.stderr
