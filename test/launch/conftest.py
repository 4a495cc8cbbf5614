"""Launch files, started by launch_testing where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# For launched.py: pytest does not put this folder there itself, see addopts in pyproject.toml.
sys.path.append(str(Path(__file__).parent))


def pytest_configure(config: pytest.Config) -> None:
    # launch never closes its event loop, with the pair of sockets that wakes it. Everything else stays an error.
    for what in ("<socket.socket fd=[0-9]+, family=1,", "<function BaseEventLoop.__del__"):
        config.addinivalue_line(
            "filterwarnings", f"ignore:Exception ignored in. {what}:pytest.PytestUnraisableExceptionWarning")
