# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which package of messages is taken where a ROS installation may have an official one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CMAKE = shutil.which("cmake", path=str(Path(sys.executable).parent)) or shutil.which("cmake")
pytestmark = pytest.mark.skipif(CMAKE is None, reason="cmake is not installed")


@pytest.mark.parametrize("package", ["vision_msgs", "hri_msgs"])
@pytest.mark.parametrize("ours_first", [True, False])
def test_an_official_package_wins_over_a_copy_of_ours(repository, tmp_path, package, ours_first):
    for owner in ("ours", "official"):
        share = tmp_path / owner / "share" / package
        (share / "cmake").mkdir(parents=True)
        (share / "cmake" / f"{package}Config.cmake").write_text("")
        if owner == "ours":
            (share / "built_by_fer_ros").write_text("")
    (tmp_path / "CMakeLists.txt").write_text(f"""
        cmake_minimum_required(VERSION 3.22)
        project(taker NONE)
        include("{repository}/cmake/interfaces.cmake")
        find_or_build_interfaces({package})
        message(STATUS "taken: ${{{package}_DIR}}")
    """)
    prefixes = [str(tmp_path / owner) for owner in (("ours", "official") if ours_first else ("official", "ours"))]
    done = subprocess.run([CMAKE, "-S", str(tmp_path), "-B", str(tmp_path / "build"),
                           f"-DCMAKE_PREFIX_PATH={';'.join(prefixes)}"], capture_output=True, text=True)
    assert f"taken: {tmp_path}/official/share/{package}/cmake" in done.stdout, done.stdout + done.stderr
