# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Peers are measured on the same frames, and one that cannot be had is skipped with the reason."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from fer_ros.bench import footage, peers
from fer_ros.cli import main


@pytest.fixture
def filled(tmp_path):
    """A folder with frames and faces."""
    folder = tmp_path / "footage"
    folder.mkdir()
    peers.write(folder, footage.demo(640, 480, 2), np.zeros((3, 48, 48), np.uint8))
    return folder


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """A folder in place of that of the peers' scripts; writes one."""
    monkeypatch.setattr(peers, "_SCRIPTS", tmp_path)

    def write(text: str) -> peers.Peer:
        (tmp_path / "peer.py").write_text(text)
        return peers.Peer("a peer", "peer.py")

    return write


def measure(chosen, filled, tmp_path, truth=()):
    return peers.measure(chosen, tmp_path / "env", filled, 2, 10, truth, sorted(os.sched_getaffinity(0)), lambda text: None)


@pytest.mark.parametrize("ours", [peer for peer in peers.PEERS if not peer.steps], ids=lambda peer: peer.name)
def test_this_package_sees_the_faces_of_the_frames(filled, tmp_path, ours):
    found = measure([ours], filled, tmp_path)[ours.name]
    assert not found.skipped
    assert found.faces == [1] * 12
    assert len(found.seconds) == 1
    assert found.seconds[0] > 0


def test_answers_to_faces_are_counted(scripts, filled, tmp_path):
    peer = scripts("""
import json, sys
print("loading", flush=True)
print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    labels = [{0: ["happy"], 1: [], 2: ["sad", "happy"]}.get(request.get("face"), ["happy"])] * len(request.get("frames", "1"))
    print("noise", flush=True)
    print(json.dumps({"seconds": 0.01 * len(labels), "labels": labels}), flush=True)
""")
    found = measure([peer], filled, tmp_path, truth=["happy", "happy", "happy"])[peer.name]
    assert (found.asked, found.answered, found.right) == (3, 2, 1)
    assert found.seconds == [pytest.approx(0.01)]


def test_the_processors_time_is_counted_and_not_that_of_sleep(scripts, filled, tmp_path):
    peer = scripts("""
import json, sys, time
print("{}", flush=True)
for line in sys.stdin:
    end = time.process_time() + 0.36
    while time.process_time() < end:
        pass
    time.sleep(0.1)
    print(json.dumps({"seconds": 0.13, "labels": [[]] * 12}), flush=True)
""")
    found = measure([peer], filled, tmp_path)[peer.name]
    assert 0.025 < found.busy_a_frame < 0.06


@pytest.mark.parametrize(("text", "reason"), [
    ("raise ImportError('no such thing')", "does not run here: ImportError: no such thing"),
    ("print('{}', flush=True); input(); raise ValueError('cannot see')", "ValueError: cannot see"),
])
def test_one_that_fails_is_skipped_with_the_reason_and_the_others_go_on(scripts, filled, tmp_path, text, reason):
    peer = scripts(text)
    (tmp_path / "good.py").write_text(
        "import json, sys\nprint('{}', flush=True)\nfor line in sys.stdin:\n"
        "    print(json.dumps({'seconds': 1, 'labels': [[]]}), flush=True)")
    found = measure([peer, peers.Peer("good", "good.py")], filled, tmp_path)
    assert reason in found["a peer"].skipped
    assert len(found["good"].seconds) == 1


def test_one_that_cannot_be_installed_says_why(tmp_path):
    peer = peers.Peer("a peer", "peer.py", (("./is-not-there",),))
    with pytest.raises(peers.Unavailable, match=r"cannot be installed: .*is-not-there"):
        peers.install(peer, tmp_path)
    assert not (tmp_path / "peer" / "installed.txt").exists()


def test_node_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(peers.Unavailable, match=r"needs Node\.js and npm"):
        peers.install(peers.PEERS[-1], tmp_path)


def test_what_is_installed_is_used_again(tmp_path):
    peer = peers.Peer("a peer", "peer.py", (("x",),))
    (tmp_path / "peer").mkdir()
    (tmp_path / "peer" / "installed.txt").write_text(repr(peer.steps))
    assert peers.install(peer, tmp_path)[0] == str(tmp_path / "peer" / "bin" / "python")


def test_the_command_measures_and_names_what_there_is(tmp_path, capsys):
    out = tmp_path / "out.json"
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "peers", "--env", str(tmp_path / "env"), "--only", "fer_ros", "--frames", "10", "--json", str(out)])
    rows = json.loads(out.read_text())
    assert [row["name"] for row in rows] == ["fer_ros", "fer_ros, as its nodes", "fer_ros, emotion.onnx"]
    assert rows[0]["ratio"] == 1
    assert set(rows[0]) >= {"busy", "busy_ratio"}
    with pytest.raises(SystemExit, match="1"):
        main(["bench", "peers", "--env", str(tmp_path), "--only", "nobody"])
    assert "there are fer_ros, " in capsys.readouterr().err
