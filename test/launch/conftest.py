# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
