# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the tests of the build share: an unpacked source distribution, and a shell without this environment's traces."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

# The ROS wheels start Python a second time with the first two set; a Python of another environment that inherits them skips
# its own second start and loads this environment's libraries. The others are a sourced workspace's.
TRACES = (
    "LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE",
    "AMENT_PREFIX_PATH", "CMAKE_PREFIX_PATH", "COLCON_PREFIX_PATH", "PYTHONPATH", "VIRTUAL_ENV",
)  # fmt: skip


def shell_environment() -> dict[str, str]:
    """The environment of a user's shell; pip finds packages only in make's folder of wheels, where there is one."""
    environment = {key: value for key, value in os.environ.items() if key not in TRACES}
    if "FER_ROS_WHEELS" in environment:
        environment.update(PIP_NO_INDEX="1", PIP_FIND_LINKS=environment["FER_ROS_WHEELS"], PIP_CONFIG_FILE=os.devnull)
        environment.pop("PIP_EXTRA_INDEX_URL", None)
    return environment


def run_in_shell(*command, timeout: float = 60, status: int = 0, environment: dict | None = None, **options) -> str:
    """Run a command; its output, or a failed test that shows it."""
    command = [str(part) for part in command]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
        env={**shell_environment(), **(environment or {})}, check=False, **options,
    )  # fmt: skip
    assert done.returncode == status, f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout[-6000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def run():
    return run_in_shell


@pytest.fixture(scope="session")
def sources(repository, tmp_path_factory) -> Path:
    """The package as its source distribution holds it, so that a file missing from MANIFEST.in is noticed."""
    folder = tmp_path_factory.mktemp("sdist")
    backend = "import sys; sys.path.insert(0, 'cmake'); import build_backend; "
    run_in_shell(sys.executable, "-c", f"{backend}build_backend.build_sdist({str(folder)!r})", cwd=repository)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as unpacked:
        unpacked.extractall(folder, filter="data") if hasattr(tarfile, "data_filter") else unpacked.extractall(folder)
    return folder / archive.name.removesuffix(".tar.gz")
