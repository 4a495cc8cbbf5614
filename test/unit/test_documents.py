# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the documents tell people to type works: commands are parsed, files are loaded, names are there."""

from __future__ import annotations

import argparse
import itertools
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from fer_ros.cli import parser
from fer_ros.graph import webcam_graph
from fer_ros.launch_arguments import arguments_of
from fer_ros.parameters.assignments import assigned
from fer_ros.parameters.graph_params import NODES, parameters_of
from fer_ros.parameters.params_file import check

ROOT = Path(__file__).resolve().parents[2]
BESIDE = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md")), *sorted((ROOT / "models").glob("*.md"))]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(page for page in BESIDE if page.is_file())])
FENCE = re.compile(r"^( *)```([\w{}]*)[ ]?([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# Whoever names one of these in a page means what it stands for.
PLACEHOLDER = re.compile(r"\.\.\.|<[\w ]+>")

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="only where the source tree is")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, *languages: str) -> list[str]:
    """The code of a page in one of some languages, without the indentation of a list."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return ["\n".join(line.removeprefix(indent) for line in code.splitlines()) + "\n"
            for indent, language, _, code in found if language in languages]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Page and words of each command in the pages' shell blocks, without variables that are set for it."""
    for page in PAGES:
        for code in blocks(page, "bash", "sh"):
            for line in re.split(r"\n|&&", code.replace("\\\n", " ")):
                words = shlex.split(line, comments=True)
                while words and re.fullmatch(r"[A-Za-z_]+=.*", words[0]):
                    words.pop(0)
                words = list(itertools.takewhile(lambda word: word not in ("|", "||", ">"), words))
                if words:
                    yield name_of(page), words


COMMANDS = list(commands())


def of(*first: str) -> list:
    """The commands that begin with some words, as parameters of a test."""
    chosen = [(page, words) for page, words in COMMANDS if tuple(words[: len(first)]) == first]
    return [pytest.param(words, id=f"{page}: {' '.join(words)}") for page, words in chosen]


OURS = [pytest.param(words[1:], id=f"{page}: {' '.join(words)}")
        for page, words in COMMANDS if Path(words[0]).name == "fer-ros" and not PLACEHOLDER.search(" ".join(words))]


def test_there_is_something_to_test():
    assert len(OURS) > 60
    assert len(of("ros2", "launch", "fer_ros")) > 8


@pytest.mark.parametrize("words", OURS)
def test_a_command_is_one(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parser().parse_args(words)


def command_of(words: list[str]) -> argparse.ArgumentParser:
    """The parser of the command that some words name."""
    found = parser()
    for word in words:
        choices = [action.choices for action in found._actions if isinstance(action, argparse._SubParsersAction)]
        if not choices:
            break
        assert word in choices[0], f"fer-ros has no command {word}"
        found = choices[0][word]
    return found


INLINE = sorted({text for page in PAGES
                 for text in re.findall(r"(?<!`)`(?:\.venv/bin/)?fer-ros ([a-z][^`]*)`", page.read_text(encoding="utf-8"))})


@pytest.mark.parametrize("text", INLINE)
def test_a_command_in_a_sentence_has_what_is_said_of_it(text):
    words = re.split(r"[\s=]+", text.replace("'", " "))
    command = command_of(words[: next((i for i, word in enumerate(words) if not re.fullmatch(r"[a-z]+", word)), len(words))])
    known = {option for action in command._actions for option in action.option_strings}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("words", of("ros2", "launch", "fer_ros"))
def test_a_launch_file_has_the_arguments_that_are_given(words):
    assert {word.partition(":=")[0] for word in words[4:] if ":=" in word} <= {
        one.name for one in arguments_of(words[3].removesuffix(".launch.py"))}


@pytest.mark.parametrize("words", of("ros2", "run", "fer_ros"))
def test_an_executable_is_one(words):
    assert re.search(rf"^{words[3]} = ", (ROOT / "cmake" / "executables.txt").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("words", of("ros2", "param", "set"))
def test_a_parameter_that_is_set_is_one_and_may_be_so(words):
    _, _, _, node, name, value = words
    spec = parameters_of(node.rpartition("/")[2])[name]
    spec.check(spec.type(value))
    assert spec.live


@pytest.mark.parametrize("words", of("fer-ros", "param", "set"))
def test_a_parameter_that_fer_ros_sets_is_one_and_may_be_so(words):
    known = {node: parameters_of(node) for node in NODES}
    for node, values in assigned([word for word in words[3:] if not word.startswith("-")], known).items():
        for name, value in values.items():
            known[node][name].check(value)
            assert known[node][name].live or "--configure" in words


JSON_LINES = re.findall(r"^\| (`fer-ros [^|]*) \| (\w+) \| (.*) \|$",
                        (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("names", "what", "keys"), JSON_LINES)
def test_the_keys_of_a_line_of_json_are_those_of_the_help(names, what, keys):
    """What the commands print is compared with their help by test/nodes/test_terminal.py."""
    for name in re.findall(r"`fer-ros ([^`]*)`", names):
        (help_,) = [action.help for action in command_of(name.split())._actions if "--json" in action.option_strings]
        assert help_.startswith(f"print one JSON object a line for each {what}")
        told = re.sub(r"\([^)]*\)", "", keys)
        if name != "echo":
            assert re.findall(r"`(\w+)`", told) == help_.partition(": ")[2].split(", ")


def test_the_page_of_commands_has_every_one_that_prints_json():
    named = {name for names, _, _ in JSON_LINES for name in re.findall(r"`fer-ros ([^`]*)`", names)}
    assert named == {"param list", "param get", "param set", "param save", "lifecycle list", "lifecycle set", "topics", "echo",
                     "cameras"}


def names_of_the_graph() -> set[str]:
    graph = webcam_graph({})
    nodes = {node.full_name for node in graph.nodes}
    topics = set(vars(graph.topics).values())
    compressed = {f"{topic}/compressed" for topic in (graph.topics.overlay, graph.topics.image)}
    return {"/camera", "/fer"} | nodes | topics | compressed | {f"{node}/enable" for node in nodes}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_topics_nodes_and_services_are_called_so(page):
    text = re.sub(r"\S*://\S*|/(?:left|right)\S*", "", page.read_text(encoding="utf-8"))
    named = re.findall(r"(?<![\w.:/>)~])/(?:camera|fer)(?:/[a-z_]+)*", text)
    assert {re.sub(r"/(?:emotions|probabilities)$", "/emotions", name) for name in named} <= names_of_the_graph()


@pytest.mark.parametrize("words", of("make"))
def test_a_target_of_make_is_one(words):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {word for word in words[1:] if "=" not in word} <= targets


def test_no_page_names_a_wheel_by_its_version():
    """Which is another one after the next release."""
    assert [name_of(page) for page in PAGES if re.search(r"fer_ros-\d", page.read_text(encoding="utf-8"))] == []


def test_files_that_are_named_are_there():
    for page, words in COMMANDS:
        for word in words:
            if word.startswith(("examples/", "scripts/", "models/", "requirements/")):
                assert (ROOT / word).exists(), f"{page}: {word}"
    sources = [*ROOT.glob("fer_ros/**/*.*"), *ROOT.glob("scripts/*.*"), *ROOT.glob("models/*.yaml"), *PAGES]
    for path in (path for path in sources if path.suffix in (".py", ".sh", ".yaml", ".md")):
        for named in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / named).is_file(), f"{path}: {named}"


@pytest.mark.parametrize("page", [page for page in PAGES if page in BESIDE], ids=name_of)
def test_a_link_outside_of_the_site_leads_to_a_file(page):
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


PYTHON = [pytest.param(code, id=f"{name_of(page)}: {code.splitlines()[0]}")
          for page in PAGES for code in blocks(page, "python")]


@pytest.mark.parametrize("code", PYTHON)
def test_python_compiles(code):
    compile(code, "<page>", "exec")


PARAMETERS = [pytest.param(code, id=f"{name_of(page)}: {code.splitlines()[0]}")
              for page in PAGES for code in blocks(page, "yaml") if "ros__parameters" in code]


@pytest.mark.parametrize("code", PARAMETERS)
def test_a_parameter_file_has_no_entry_without_effect(code, tmp_path):
    (tmp_path / "mine.yaml").write_text(code, encoding="utf-8")
    check(tmp_path / "mine.yaml", "")


def test_a_recipe_of_several_sets_is_one(tmp_path):
    from fer_ros.training.recipe import read

    (code,) = [code for code in blocks(ROOT / "docs" / "how-to" / "train.md", "yaml") if code.startswith("sets:")]
    (tmp_path / "mine.yaml").write_text(code, encoding="utf-8")
    assert set(read(str(tmp_path / "mine.yaml")).sets) == {"fer2013", "affectnet", "mine"}


def test_a_launch_file_that_includes_ours_gives_arguments_that_it_has(monkeypatch):
    packages = [f"{package}{part}" for package in ("launch", "launch_ros") for part in ("", ".actions", ".substitutions")]
    mocks = {package: MagicMock() for package in packages}
    for package, mocked in mocks.items():
        monkeypatch.setitem(sys.modules, package, mocked)
    (code,) = blocks(ROOT / "docs" / "how-to" / "launch_file.md", "python")
    scope: dict = {}
    exec(code, scope)
    scope["generate_launch_description"]()
    (path,), _ = mocks["launch.substitutions"].PathJoinSubstitution.call_args
    given = dict(mocks["launch.actions"].IncludeLaunchDescription.call_args.kwargs["launch_arguments"])
    assert given.keys() <= {one.name for one in arguments_of(path[-1].removesuffix(".launch.py"))}
