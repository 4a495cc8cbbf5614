# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What processes take of /dev/shm, and what becomes of it when they are killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fer_ros.dds import IMAGE_SEGMENT, SMALL_IMAGE_SEGMENT, SMALL_SEGMENT, uses_fast_dds
from fer_ros.resources import executable

pytestmark = pytest.mark.skipif(not uses_fast_dds(os.environ) or not Path("/dev/shm").is_dir(),
                                reason="about Fast DDS's files in /dev/shm")
_SEGMENT = re.compile(r"/dev/shm/fast(?:rtps|dds)_[0-9a-f]{16}$", re.MULTILINE)


def segments_of(pid: int) -> set[Path]:
    """Those that a process has made or looks at."""
    return {Path(path) for path in _SEGMENT.findall(Path(f"/proc/{pid}/maps").read_text())}


def largest(segments: set[Path]) -> int:
    return max((path.stat().st_size for path in segments), default=0)


def started(python, node: str, size: int):
    """A node that has made its segment, and its segments."""
    command = python(executable(node))
    command.wait_for(lambda: largest(segments_of(command.process.pid)) >= size, f"{node}'s segment")
    return command, segments_of(command.process.pid)


def test_a_killed_node_leaves_nothing_once_another_has_started(python):
    killed, left = started(python, "overlay_node", IMAGE_SEGMENT)
    command = python("-c", "import time; time.sleep(1.5)")  # by then its segments are certainly settled
    command.wait()
    killed.end(signal.SIGKILL)
    assert all(path.exists() for path in left)
    living, used = started(python, "emotion_node", SMALL_SEGMENT)
    living.wait_for(lambda: not any(path.exists() for path in left), "what the killed node has left to be given back")
    assert all(path.exists() for path in used)
    # A third one leaves the living one's alone.
    started(python, "emotion_node", SMALL_SEGMENT)
    assert all(path.exists() for path in used)


def test_only_who_publishes_images_takes_shared_memory_for_them(python):
    _, used = started(python, "face_detector_node", SMALL_SEGMENT)
    assert largest(used) < IMAGE_SEGMENT / 8


@pytest.mark.parametrize("node", ["camera_node", "pipeline_node"])
@pytest.mark.parametrize(("width", "size"), [(640, SMALL_IMAGE_SEGMENT), (1280, IMAGE_SEGMENT)])
def test_small_images_take_less_of_it(python, tmp_path, node, width, size):
    file = tmp_path / "camera.yaml"
    file.write_text(f"/**/camera_node:\n  ros__parameters: {{source: demo, width: {width}, height: {width * 3 // 4}}}\n")
    command = python(executable(node), "--ros-args", "--params-file", file)
    command.wait_for(lambda: largest(segments_of(command.process.pid)) > 2 * SMALL_SEGMENT, "the segment for images")
    assert size <= largest(segments_of(command.process.pid)) < 2 * size


def test_shared_memory_that_is_too_small_is_told_and_the_graph_runs(python):
    """Docker's default of 64 MB with something else in it, say."""
    mounted = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=8m tmpfs /dev/shm && exec "$@"', "sh"]
    if os.geteuid() != 0 or subprocess.run([*mounted, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("a small /dev/shm of its own needs root")
    command = python("-c", "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])", *mounted, sys.executable,
                     executable("fer-ros"), "run", "--source", "demo", "--duration", "1")
    assert command.wait() == 0, command.text
    assert "--shm-size" in command.text
    assert "happy" in command.text
