# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A command that is interrupted says so by its status, whatever libraries make of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from argparse import Namespace
from types import SimpleNamespace

import pytest

from fer_ros import cli


def given(monkeypatch, command) -> None:
    options = Namespace(command=command)
    monkeypatch.setattr(cli, "parser", lambda: SimpleNamespace(parse_known_args=lambda arguments: (options, [])))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("told", [True, False])
def test_an_interrupt_that_a_library_turns_into_another_error_is_one(monkeypatch, number, told):
    def command(options):
        try:
            os.kill(os.getpid(), number)
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from (error if told else None)

    given(monkeypatch, command)
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 130


@pytest.mark.parametrize(("closed", "status"), [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0), (">/dev/full", 1)])
def test_output_that_goes_nowhere_is_no_mistake(closed, status):
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "fer_ros.cli", "models"]
    done = subprocess.run(shell, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert ("emotion.onnx" in done.stdout) == (closed == "2>&-")


@pytest.mark.parametrize(("arguments", "usage", "said"), [
    (["run", "--sorce", "x"], "fer-ros run", "--sorce x: did you mean --source?"),
    (["bench", "soak", "--minits=3"], "fer-ros bench soak", "--minits=3: did you mean --minutes?"),
    (["models", "get", "x", "y", "--nope"], "fer-ros models", "unrecognized arguments: "),
    (["replay", "a.mcap", "rtsp://me:s3cret@cam/live"], "fer-ros replay", "unrecognized arguments: rtsp://cam/live"),
])
def test_an_argument_that_a_command_does_not_know_is_told_with_its_usage(capsys, arguments, usage, said):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    text = capsys.readouterr().err
    assert ended.value.code == 2
    assert text.startswith(f"usage: {usage}")
    assert said in text
    assert "s3cret" not in text


def test_a_mistake_is_not_hidden(monkeypatch):
    def command(options):
        raise ImportError("initialization failed")

    given(monkeypatch, command)
    with pytest.raises(ImportError, match="initialization failed"):
        cli.main([])


def test_what_is_said_of_the_page_needs_the_page(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--source", "demo", "--web-port", "8000"])
    assert ended.value.code == 2
    assert "add --web" in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "reason"), [
    (["--humans-namespace", "/r/humans"], "add --hri or --faces hri"), (["--faces", "a b"], "'a b' is no ROS topic")])
def test_what_is_said_of_people_has_to_make_sense(capsys, arguments, reason):
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "--source", "demo", *arguments])
    assert ended.value.code == 2
    assert reason in capsys.readouterr().err
