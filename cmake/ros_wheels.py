# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which of PyPI's ROS 2 wheels a build or a run takes: `ros_wheels.py LIST DISTRO` prints those of requirements/LIST.txt.

The lists name Jazzy's. Another distribution's have the same names but for the distribution, and but for DIFFERENCES.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LISTED = "jazzy"
VARIABLE = "FER_ROS_DISTRO"

DIFFERENCES = {
    # Both modules are gone, and part of ament_cmake_ros, which the message generators ask for, is a package of its own.
    "kilted": {
        "fastrtps-cmake-module": [],
        "python-cmake-module": [],
        "ament-cmake-ros": ["ament-cmake-ros", "ament-cmake-ros-core"],
    },
}
"""What stands for a package of Jazzy's, for each other distribution, by their names without `ros-DISTRO-`."""


def lines(name: str) -> list[str]:
    """The lines of requirements/NAME.txt without comments."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def ros_wheels(name: str, distro: str) -> list[str]:
    """The requirements of a `ros-` list for a distribution. Ends the process where PyPI has no wheels of it."""
    if distro == LISTED:
        return lines(name)
    if distro not in DIFFERENCES:
        sys.exit(f"fer_ros: PyPI has ROS 2 wheels of {', '.join([LISTED, *DIFFERENCES])}, not of {distro!r}")
    packages = [line.removeprefix(f"ros-{LISTED}-") for line in lines(name)]
    return [f"ros-{distro}-{there}" for package in packages for there in DIFFERENCES[distro].get(package, [package])]


def chosen_distro() -> str:
    """The distribution that the environment variable FER_ROS_DISTRO asks for."""
    return os.environ.get(VARIABLE) or LISTED


if __name__ == "__main__":
    print("\n".join(ros_wheels(*sys.argv[1:])))
