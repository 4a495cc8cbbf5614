# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""YAML from outside is read, or refused in one line, whatever it is."""

from __future__ import annotations

import os

import pytest
import yaml

from fer_ros.media.calibration import load_calibration
from fer_ros.models.model_files import ModelFileError, load_catalogue
from fer_ros.parameters.params import assignment
from fer_ros.parameters.params_file import ParameterFile, check
from fer_ros.parameters.yaml_text import DEEPEST, LARGEST, MOST, QuotingDumper, load, read_file

ATTACK = "!!python/object/apply:os.mkdir ['{folder}/made']"
HOSTILE = {
    "brackets": b"[" * 20_000,
    "braces": b"{a: " * 20_000,
    "dashes": b"- " * 20_000,
    "many values": b"a: [" + b"1," * 100_000 + b"1]",
    "bomb": b"a: &a [x,x]\n" + b"".join(b"%c: &%c [*%c,*%c]\n" % (i + 1, i + 1, i, i) for i in range(97, 120)),
    "contains itself": b"a: &a [*a]",
    "cut off": b"a: [1, 2",
    "two documents": b"a: 1\n---\nb: 2",
    "NUL": b"a: \0",
    "not UTF-8": b"a: \xff",
    "tab": b"a:\n\t- b",
    "no such month": b"a: 2024-13-45",
    "huge number": b"a: " + b"9" * 10_000,
    "list as a key": b"? [1]\n: 2",
    "long name": b'"' + b"a\\n" * 9_000 + b'": 1',
    "too large": b"#" * (LARGEST + 1),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("read", [lambda file: check(file, ""), load_calibration], ids=["parameters", "calibration"])
def test_what_is_hostile_gets_one_line_that_names_the_file(tmp_path, content, read):
    file = tmp_path / "mine.yaml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"mine\.yaml") as caught:
        read(file)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_depth_and_length_have_a_limit_whatever_library_reads():
    assert load("[" * DEEPEST + "]" * DEEPEST)
    with pytest.raises(ValueError, match=f"line 1: it is nested more than {DEEPEST} levels deep"):
        load("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))
    with pytest.raises(ValueError, match=f"line 1: it holds more than {MOST} values"):
        load("[" + "1," * MOST + "1]")


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("none.yaml", "does not exist"), (".", "is not a file"), ("pipe", "is not a file")):
        with pytest.raises(ValueError, match=f"cannot be read: it {reason}"):
            read_file(tmp_path / name)


@pytest.mark.parametrize("text", ["x=" + "[" * 20_000, "x=&a [*a]", "x=[1", "x=!!int 3", "x=[!a 3]", "x", "=3"])
def test_a_hostile_assignment_is_refused(text):
    with pytest.raises(ValueError, match="is not NAME=VALUE"):
        assignment(text)


@pytest.mark.parametrize(("text", "value"), [
    ("1e-1", 0.1), ("12:30", "12:30"), ("2024-13-45", "2024-13-45"), ("on", True), ("'on'", "on"), ("0x10", 16), ("", ""),
    ("[1, 2.5, a]", [1, 2.5, "a"]), ("{a: {b: 1e3}}", {"a": {"b": 1000.0}}), ("rtsp://a:b@c/d?e=f", "rtsp://a:b@c/d?e=f"),
])
def test_an_assignment_says_what_a_parameter_file_would(text, value):
    name, found = assignment(f"x={text}")
    assert (name, found, type(found)) == ("x", value, type(value))


def test_no_reader_runs_what_a_file_asks_it_to_run(tmp_path):
    attack = ATTACK.format(folder=tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text(f"models: {attack}\n/**: {{ros__parameters: {{model: {attack}}}}}\n")
    assert ParameterFile.read(file).faults
    for read, error in ((load_calibration, ValueError), (load_catalogue, ModelFileError), (read_file, ValueError)):
        with pytest.raises(error, match="tag"):
            read(file)
    for read in (load, lambda text: assignment(f"model={text}")):
        with pytest.raises(ValueError, match=r"tag|NAME=VALUE"):
            read(attack)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("text", ["1e3", "n", "12:30", "0x10", "~", "", "on", "é \"'"])
def test_a_text_stays_a_text_for_ros_and_for_yaml(tmp_path, text):
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.dump({"/**/camera_node": {"ros__parameters": {"source": text}}}, Dumper=QuotingDumper))
    assert yaml.safe_load(file.read_text())["/**/camera_node"]["ros__parameters"]["source"] == text
    (section,) = ParameterFile.read(file).sections
    assert section.entries[0].value == text


def test_a_name_that_stands_twice_is_an_error_and_no_loss():
    with pytest.raises(ValueError, match=r"^line 3: b is there already: give each name once$"):
        load("a:\n  b: 1\n  b: 2\n")
    assert load("a: {b: 1}\nc: {b: 2}\n") == {"a": {"b": 1}, "c": {"b": 2}}
