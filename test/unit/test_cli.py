"""A command that is interrupted says so by its status, whatever libraries make of it."""

from __future__ import annotations

import os
import signal
from argparse import Namespace
from types import SimpleNamespace

import pytest

from fer_ros import cli


def given(monkeypatch, command) -> None:
    monkeypatch.setattr(cli, "parser", lambda: SimpleNamespace(parse_args=lambda arguments: Namespace(command=command)))


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
