# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros run --web` beyond this machine: who starts it can open the page, and nobody finds the token in a log."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("aiohttp", reason="the live page needs more packages (pip install 'fer_ros[web]')")


def test_the_address_is_shown_with_its_token_and_not_logged(fer_ros, tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    monkeypatch.delenv("FER_ROS_WEB_TOKEN", raising=False)
    command = fer_ros("run", "--source", "demo", "--loop", "--web", "--web-host", "0.0.0.0", "--web-port", "0")
    shown = re.compile(r"^open http://\S+:(\d+)/#token=([\w-]{26,})$", re.MULTILINE)
    command.wait_for(lambda: shown.search(command.text) and "█" in command.text, "the page's address")
    port, token = shown.search(command.text).groups()
    login = urllib.request.Request(f"http://127.0.0.1:{port}/login", json.dumps({"token": token}).encode(),
                                   {"Content-Type": "application/json"})
    with urllib.request.urlopen(login, timeout=60) as answer:
        assert answer.status == 204
    logs = [path for path in Path(tmp_path / "log").rglob("*") if path.is_file()]
    assert logs and not any(token in path.read_text(errors="replace") for path in logs)
