#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Break a file of the package in small ways, one at a time, and run its tests: which faults would nobody notice?

    .venv/bin/python scripts/mutate.py fer_ros/perception/tracker.py       # a sample of 40, and the tests that name the module
    .venv/bin/python scripts/mutate.py fer_ros/perception/tracker.py test/unit/test_tracker.py --count 200 --seed 1
    .venv/bin/python scripts/mutate.py fer_ros/perception/tracker.py --change 'self._count += 1' 'pass'  # one of your own

Prints each mutant that no test noticed as a diff, and at the end how many were noticed; the status is 1 if one was not. Some
change nothing that anybody could see (a cache's size); read them.

The tests import the installed package, whose messages are generated. So a mutant is made in a copy of that, in a folder of
its own which comes first on PYTHONPATH: neither the sources nor the installation change. Install first (`make setup`). Other
tools mutate the sources in place (cosmic-ray) or import them through a copy of the source tree and fork with its threads
running (mutmut); neither removes statements and draws a sample.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import difflib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
LEAST_SECONDS = 20.0
"""More than a mutant's share of the clean run: starting Python does not take the same time twice."""

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}
TWINS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor", "sin": "cos", "cos": "sin"}


class Mutant(NamedTuple):
    """A changed file.

    Attributes:
        what: the kind of change.
        line: of the file as it was, from 1.
        source: the whole file with the change.
    """

    what: str
    line: int
    source: str


def mutants(source: str, count: int = 0, seed: int = 0) -> list[Mutant]:
    """Mutants of a file, in the order of its lines. Annotations, docstrings and imports are left alone.

    Args:
        count: how many, drawn by chance; 0 for all.
    """
    tree = ast.parse(source)
    whole, found = ast.dump(tree), {}
    changes = [(node, what, new) for node in _code(tree) for what, new in (*_statement(node), *_expression(node))]
    if count:
        random.Random(seed).shuffle(changes)
    for node, what, new in changes:
        changed = _with(source, node, ast.unparse(new))
        with contextlib.suppress(SyntaxError):
            if ast.dump(ast.parse(changed)) != whole:
                found.setdefault(changed, Mutant(what, node.lineno, changed))
        if count and len(found) == count:
            break
    return sorted(found.values(), key=lambda mutant: mutant.line)


def _code(node: ast.AST) -> Iterator[ast.AST]:
    """What is below a node and does something."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "keywords", "type_params"):
            # Of a call's keywords, the values; not of a class's.
            value = [one.value for one in value] if name == "keywords" and isinstance(node, ast.Call) else []
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
                continue
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue  # a docstring
            if hasattr(child, "lineno"):
                yield child
            yield from _code(child)


def _statement(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    removable = (ast.Assign, ast.AugAssign, ast.Expr, ast.Raise, ast.Delete)
    if isinstance(node, removable):
        yield "statement removed", ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None and not _is(node.value, None):
        yield "nothing returned", ast.Return(ast.Constant(None))
    if isinstance(node, ast.Break):
        yield "break to continue", ast.Continue()
    if isinstance(node, ast.Continue):
        yield "continue to break", ast.Break()
    if isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield "arithmetic", _copy(node, op=ARITHMETIC[type(node.op)]())


def _expression(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            for other in COMPARISONS[type(operator)]:
                yield "comparison", _copy(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield "arithmetic", ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        yield "and or", ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for i in range(len(node.values)):
            left = [*node.values[:i], *node.values[i + 1 :]]
            yield "condition removed", left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub, ast.Invert)):
        yield "sign or negation removed", node.operand
    elif isinstance(node, ast.IfExp):
        yield "branches swapped", ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool):
            yield "constant", ast.Constant(not node.value)
        elif isinstance(node.value, (int, float)):
            yield "constant", ast.Constant(node.value + 1)
            if node.value not in (0, 1):
                yield "constant", ast.Constant(type(node.value)(0))
    elif isinstance(node, ast.Call):
        yield from _call(node)


def _call(node: ast.Call) -> Iterator[tuple[str, ast.AST]]:
    plain = not any(isinstance(one, ast.Starred) for one in node.args)
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if len(node.args) >= 2 and plain and name not in ("min", "max"):
        yield "arguments swapped", _copy(node, args=[node.args[1], node.args[0], *node.args[2:]])
    if len(node.args) == 1 and plain and not node.keywords:
        yield "call removed", node.args[0]
    if isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        yield "call removed", node.func.value
    for i in range(len(node.keywords)):
        yield "argument removed", _copy(node, keywords=[*node.keywords[:i], *node.keywords[i + 1 :]])
    if name in TWINS:
        new = copy.deepcopy(node.func)
        setattr(new, "id" if isinstance(new, ast.Name) else "attr", TWINS[name])
        yield "function", _copy(node, func=new)


def _is(node: ast.AST, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _copy(node: ast.AST, **changes: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in changes.items():
        setattr(new, name, value)
    return new


def _with(source: str, node: ast.AST, text: str) -> str:
    """The source with a node's text replaced."""
    lines = source.encode().splitlines(keepends=True)  # columns count bytes
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    begin, end = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
    content = source.encode()
    bare, whole = ((content[:begin] + new.encode() + content[end:]).decode() for new in (text, f"({text})"))
    if not isinstance(node, ast.expr):
        return bare
    # An expression may stand where only brackets keep it together.
    with contextlib.suppress(SyntaxError):
        if ast.dump(ast.parse(bare)) == ast.dump(ast.parse(whole)):
            return bare
    return whole


@contextlib.contextmanager
def overlay(installed: Path, prefix: Path) -> Iterator[Path]:
    """A folder for PYTHONPATH with a copy of the installed package, and links to what else is installed with it."""
    with tempfile.TemporaryDirectory(prefix="fer_ros_mutants_") as name:
        folder = Path(name)
        shutil.copytree(installed, folder / installed.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        for beside in ("share", "lib"):
            (folder / beside).symlink_to(prefix / beside)
        yield folder


def passes(folder: Path, tests: Sequence[str], seconds: float | None) -> tuple[bool, str]:
    """Whether the tests pass with the overlay, and what they said. Tests that take longer do not."""
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    # Without the folder that this is started in, which has the source tree.
    pytest = "import sys; del sys.path[0]; import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    command = [sys.executable, "-c", pytest, "-x", "-q", "-p", "no:cacheprovider", *tests]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               start_new_session=True)
    try:
        said, _ = process.communicate(timeout=seconds)
        return process.returncode == 0, said
    except subprocess.TimeoutExpired:
        return False, "timeout"
    finally:
        # The group and not the process alone: tests start others.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def tests_of(file: Path) -> list[str]:
    """The unit and node tests that name the module."""
    module = ".".join(file.with_suffix("").parts)
    package, _, name = module.rpartition(".")
    named = (module, f"from {package} import {name}")
    folders = (ROOT / "test" / "unit", ROOT / "test" / "nodes")
    return [str(path.relative_to(ROOT)) for folder in folders for path in sorted(folder.glob("test_*.py"))
            if any(text in path.read_text(encoding="utf-8") for text in named)]


def difference(before: str, after: str, name: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name}, mutated", n=1, lineterm="")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Mutants of a file of the package, and which of them its tests notice.")
    parser.add_argument("file", type=Path, help="of the package, as fer_ros/perception/tracker.py")
    parser.add_argument("tests", nargs="*", help="of pytest (default: the unit and node tests that name the module)")
    parser.add_argument("--count", type=int, default=40, metavar="N", help="mutants, drawn by chance; 0: all (default: 40)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw (default: 0)")
    parser.add_argument("--patience", type=float, default=4.0, metavar="X",
                        help="times the duration of the clean run after which a mutant counts as noticed (default: 4)")
    parser.add_argument("--change", nargs=2, metavar=("OLD", "NEW"), help="this mutant alone: a text that the file has once")
    options = parser.parse_intermixed_args()

    # From the installation, because the folder of the sources is not on the path.
    import fer_ros
    from fer_ros.resources import share_directory

    installed = Path(fer_ros.__file__).parent
    file = options.file.resolve().relative_to(ROOT) if options.file.is_absolute() or options.file.exists() else options.file
    if not (ROOT / file).is_file() or file.parts[0] != "fer_ros":
        parser.error(f"{options.file} is not a file of the package: name one below fer_ros/")
    source = (ROOT / file).read_text(encoding="utf-8")
    if installed == ROOT / "fer_ros" or (installed.parent / file).read_text(encoding="utf-8") != source:
        parser.error(f"{file} is not installed as it is here: run `make setup`, and start this with .venv/bin/python")
    tests = options.tests or tests_of(file)
    if not tests:
        parser.error(f"no unit or node test names the module of {file}: name its tests")
    if options.change:
        old, new = options.change
        if source.count(old) != 1:
            parser.error(f"{file} has {old!r} {source.count(old)} times, not once")
        chosen = [Mutant("of your own", source[: source.index(old)].count("\n") + 1, source.replace(old, new))]
    else:
        chosen = mutants(source, options.count, options.seed)

    with overlay(installed, share_directory().parents[1]) as folder:
        begun = time.monotonic()
        fine, said = passes(folder, tests, None)
        if not fine:
            print(said)
            print("the tests fail without any mutant", file=sys.stderr)
            return 2
        limit = LEAST_SECONDS + options.patience * (time.monotonic() - begun)
        print(f"{file}: {len(chosen)} mutants, {' '.join(tests)}, at most {limit:.0f} s each", flush=True)
        survived = 0
        for number, mutant in enumerate(chosen, 1):
            (folder / file).write_text(mutant.source, encoding="utf-8")
            fine, _ = passes(folder, tests, limit)
            if fine:
                survived += 1
                print(f"\n{number} of {len(chosen)} survived, line {mutant.line}, {mutant.what}:")
                print(difference(source, mutant.source, str(file)), flush=True)
    noticed = len(chosen) - survived
    print(f"\n{file}: {noticed} of {len(chosen)} mutants noticed ({noticed / max(len(chosen), 1):.0%})")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
