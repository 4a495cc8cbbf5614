# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A child binds itself to its parent, and is started without code between fork and exec."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fer_ros.graph import NodeSpec, Process
from fer_ros.processes import Processes
from fer_ros.system.orphans import bound_to_this_process

CHILD = ("from fer_ros.system.orphans import end_with_parent; end_with_parent(); print('bound', flush=True); "
         "import time; time.sleep(60)")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_ends_when_its_parent_was_killed(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", f"""
import os, subprocess, sys
from fer_ros.system.orphans import bound_to_this_process
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], env=dict(os.environ, **bound_to_this_process()),
                         stdout=subprocess.PIPE, text=True, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)


def test_a_child_whose_parent_went_before_it_asked_ends_at_once(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", ""])
    parent.wait()
    gone = {**os.environ, **bound_to_this_process(), "FER_ROS_PARENT": str(parent.pid)}
    done = subprocess.run([sys.executable, "-c", CHILD], env=gone, timeout=60, capture_output=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_child_of_something_between_is_left_alone(tmp_path):
    """Of a debugger, say, in which somebody starts a node."""
    child = CHILD.replace("time.sleep(60)", "0")
    between = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', {child!r}]).returncode)"
    done = subprocess.run([sys.executable, "-c", between], env={**os.environ, **bound_to_this_process()}, timeout=60,
                          capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "bound\n"


def test_a_process_that_was_started_in_another_way_is_left_alone(tmp_path):
    plain = {name: value for name, value in os.environ.items() if name != "FER_ROS_PARENT"}
    done = subprocess.run([sys.executable, "-c", CHILD.replace("time.sleep(60)", "0")], env=plain, timeout=60,
                          capture_output=True, text=True, check=True, cwd=tmp_path)  # or the source tree is imported
    assert done.stdout == "bound\n"


@pytest.fixture
def processes(tmp_path, monkeypatch):
    """Runs a script in place of a node, which waits and says its process id; what was heard."""
    script = tmp_path / "node.py"
    script.write_text("import os, time\nprint('here', os.getpid(), flush=True)\ntime.sleep(60)\n")
    monkeypatch.setattr("fer_ros.processes.executable", lambda name: script)
    monkeypatch.setattr(Process, "parameter_files", lambda *arguments: [])
    heard: list[tuple[str, str]] = []
    with Processes(tmp_path / "none.yaml", "info", lambda *line: heard.append(line)) as made:
        made.heard = heard
        yield made


def wait_for(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_nothing_runs_between_fork_and_exec(processes, monkeypatch):
    """It may hang where another thread holds a lock at the fork."""
    given, popen = [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **more: (given.append(more), popen(*args, **more))[1])
    node = NodeSpec("some_node", "/x")
    thread = threading.Thread(target=processes.start, args=(Process(node, (node,)), lambda node: {}))
    thread.start()
    thread.join()
    assert given[0].get("preexec_fn") is None
    assert given[0]["start_new_session"]
    assert given[0]["env"]["FER_ROS_PARENT"] == str(os.getpid())


def test_the_end_of_a_process_is_seen_and_it_can_be_started_again(processes):
    node = NodeSpec("some_node", "/x")
    processes.start(Process(node, (node,)), lambda node: {})
    wait_for(lambda: processes.heard)
    assert processes.ended() is None
    first = processes.pids[0]
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: processes.ended() is not None)
    ended = processes.ended()
    assert (ended.name, ended.status) == ("some_node", -signal.SIGKILL)
    assert ended.lasted > 0
    assert processes.restart("some_node") == (node,)
    wait_for(lambda: len(processes.heard) == 2)
    assert processes.ended() is None
    assert processes.pids[0] != first
    processes.end()
    assert not any(is_alive(int(line.split()[1])) for _, line in processes.heard)
