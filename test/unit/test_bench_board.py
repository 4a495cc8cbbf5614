# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros bench board`: what a machine is; the boards themselves are made up."""

from __future__ import annotations

import json
import subprocess
import sys

from fer_ros.bench.board import machine
from fer_ros.resources import executable

RASPBERRY = "".join(f"processor\t: {core}\nBogoMIPS\t: 108.00\nCPU part\t: 0xd0b\n\n" for core in range(4))
ROCKCHIP = "".join(f"processor\t: {core}\nCPU part\t: {'0xd03' if core < 4 else '0xd08'}\n\n" for core in range(6))


def make(root, board: str, cpuinfo: str, limit: str = "max") -> None:
    for name, content in (("proc/device-tree/model", board), ("proc/cpuinfo", cpuinfo), ("sys/fs/cgroup/memory.max", limit),
                          ("proc/meminfo", "MemTotal:        8127848 kB\nMemFree: 1 kB\n")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


def test_a_board_says_what_it_is(tmp_path):
    make(tmp_path, "Raspberry Pi 5 Model B Rev 1.0\0", RASPBERRY)
    found = machine(tmp_path)
    assert (found.board, found.processor, found.memory) == ("Raspberry Pi 5 Model B Rev 1.0", "Cortex-A76", 8127848 * 1024)


def test_each_kind_of_core_is_named_and_a_containers_memory_counts(tmp_path):
    make(tmp_path, "", ROCKCHIP, "536870912\n")
    found = machine(tmp_path)
    assert (found.board, found.processor, found.memory) == ("", "Cortex-A53 + Cortex-A72", 536870912)
    make(tmp_path, "", "processor : 0\nCPU part : 0xfff\n")
    assert machine(tmp_path).processor == "ARM part 0xfff"


def test_a_machine_that_tells_nothing_is_reported_nevertheless(tmp_path):
    found = machine(tmp_path)
    assert (found.board, found.processor, found.memory) == ("", "", 0)
    assert found.cores > 0 and found.architecture


def test_one_line_comes_without_ros(tmp_path):
    """With rclpy out of reach, as on a board that only runs the networks."""
    code = ("import sys; sys.modules['rclpy'] = None; from fer_ros.cli import main; main(sys.argv[1:])")
    arguments = ["bench", "board", "--threads", "1", "--seconds", "0.1"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    for word in ("fer_ros ", "Python 3.", "onnxruntime ", "yunet_2023mar.onnx ", " ms a face (1 thread)", " MB"):
        assert word in done.stdout
    done = subprocess.run([sys.executable, executable("fer-ros"), *arguments, "--json", "--set", "inference_size=160"],
                          capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["provider"] == "CPU" and facts["machine"]["cores"] > 0 and facts["memory"] > 20e6
    assert 0 < facts["classifier"]["1"] < facts["frame"] < 60


def test_a_wrong_parameter_or_provider_is_one_line(tmp_path):
    for change, words in (("dance=1", "dance"), ("provider=tensorrt", "is not in this onnxruntime")):
        done = subprocess.run([sys.executable, executable("fer-ros"), "bench", "board", "--set", change], capture_output=True,
                              text=True, check=False, cwd=tmp_path)
        assert done.returncode == 1
        assert words in done.stderr and len(done.stderr.splitlines()) == 1
