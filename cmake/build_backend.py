# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""setuptools' build backend, plus the requirements of the build: with a ROS installation sourced, its CMake packages and
messages are used, otherwise those of PyPI's ROS 2 wheels."""

import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path

from ros_wheels import chosen_distro, lines, ros_wheels
from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403 - the rest of the interface


def requirements(name):
    """The lines of requirements/NAME.txt; of a `ros-` list for the distribution that FER_ROS_DISTRO names."""
    return ros_wheels(name, chosen_distro()) if name.startswith("ros-") else lines(name)


def sourced_ros():
    """The Python folders of a sourced ROS installation for this Python; empty where there is none."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folders = []
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        for relative in (f"lib/{version}/site-packages", f"local/lib/{version}/dist-packages", "lib/python3/dist-packages"):
            folder = Path(prefix) / relative
            # A virtual environment with the wheels is no installation: its packages are pip's and have to be required.
            if folder.is_dir() and not any(folder.glob("ros_rclpy-*.dist-info")):
                folders.append(folder)
    if all(any((folder / name).is_dir() for folder in folders) for name in ("rclpy", "sensor_msgs")):
        return folders
    return []


def check_host():
    """Stop before anything large is downloaded where the build cannot succeed."""
    if not (os.environ.get("CC") or shutil.which("cc")) or not (os.environ.get("CXX") or shutil.which("c++")):
        sys.exit("fer_ros: building the messages needs a C and a C++ compiler (Debian package build-essential)")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        sys.exit("fer_ros: building the messages needs Python's headers (Debian package python3-dev)")
    if not sourced_ros():
        if not (3, 10) <= sys.version_info[:2] <= (3, 13):
            version = platform.python_version()
            sys.exit(f"fer_ros: without a sourced ROS installation Python 3.10 to 3.13 is needed, this is {version}")
        if platform.machine() != "x86_64":
            sys.exit("fer_ros: without a sourced ROS installation only x86-64 works, not " + platform.machine())


def get_requires_for_build_wheel(config_settings=None):
    check_host()
    needed = build_meta.get_requires_for_build_wheel(config_settings) + requirements("build")
    return needed if sourced_ros() else needed + requirements("ros-build")
