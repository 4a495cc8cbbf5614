# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`pip install .`: run CMakeLists.txt and pack what it installs into a wheel.

Its Python packages (fer_ros with the generated messages, vision_msgs and hri_msgs where they were built along) go to
site-packages, all else (shared libraries, share/fer_ros, the ament index) to the same places under the environment's prefix,
which is so the ament prefix.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "cmake"))
from build_backend import requirements, sourced_ros  # noqa: E402

SITE_PACKAGES = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
# Not for a wheel: the names of pip's own records, of console scripts, and the shell set-up of the staging folder.
NOT_PACKED = ("*.egg-info", "__pycache__", "bin", "local_setup.*", "package.dsv", "environment", "parent_prefix_path")


def wheels_prefix():
    """The folder that holds the ROS wheels' share/ and lib/: the environment's own, or pip's for an isolated build."""
    spec = importlib.util.find_spec("ament_package")
    if spec is None:
        sys.exit("fer_ros: the ROS 2 wheels of requirements/ros-build.txt are not installed")
    for folder in Path(spec.origin).parents:
        if (folder / "share" / "ament_index").is_dir():
            return folder
    sys.exit(f"fer_ros: no ament prefix above {spec.origin}")


class CMakeBuild(build_py):
    """Build with CMake instead of copying the source packages."""

    def run(self):
        ros = sourced_ros()
        prefix = None if ros else wheels_prefix()
        environment = dict(os.environ)
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
        if ros:
            # An isolated build replaces PYTHONPATH, on which the message generators are found.
            folders = [*map(str, ros), environment.get("PYTHONPATH", "")]
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
        else:
            environment["AMENT_PREFIX_PATH"] = environment["CMAKE_PREFIX_PATH"] = str(prefix)

        # An isolated build's packages are gone when it ends, and a CMake cache would point to them. Without isolation
        # (`make`) the folder stays, so that a change of a Python file builds no message again.
        isolated = not importlib.util.find_spec("numpy").origin.startswith(sys.prefix)
        key = hashlib.sha256(f"{ROOT} {sys.executable} {sys.version} {prefix} {ros}".encode()).hexdigest()[:8]
        with tempfile.TemporaryDirectory(prefix="fer_ros-") as scratch:
            folder = Path(scratch) if isolated else ROOT / "build" / f"pip-{key}"
            try:
                self.build(folder / "cmake", folder / "stage", environment)
            except subprocess.CalledProcessError as error:
                sys.exit(f"fer_ros: {Path(error.cmd[0]).name} {error.cmd[1]} failed, see above")
            self.pack(folder / "stage")

    def build(self, folder, stage, environment):
        cmake = shutil.which("cmake", path=environment["PATH"])
        arguments = [
            cmake, "-S", str(ROOT), "-B", str(folder), "-G", "Ninja",
            "-DCMAKE_BUILD_TYPE=Release",
            f"-DCMAKE_INSTALL_PREFIX={stage}",
            f"-DPYTHON_INSTALL_DIR={SITE_PACKAGES}",
            f"-DPython3_EXECUTABLE={sys.executable}",
            f"-DPYTHON_EXECUTABLE={sys.executable}",  # the name that Humble's packages read
            "-DBUILD_TESTING=OFF",
            "-DFER_ROS_GET_MODELS=REQUIRED",
            "--no-warn-unused-cli",
        ]  # fmt: skip
        configured = folder / "configured_with.txt"
        if not configured.is_file() or configured.read_text(encoding="utf-8") != "\n".join(arguments):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run(arguments, env=environment, check=True)
            configured.write_text("\n".join(arguments), encoding="utf-8")
        subprocess.run([cmake, "--build", str(folder)], env=environment, check=True)
        shutil.rmtree(stage, ignore_errors=True)
        subprocess.run([cmake, "--install", str(folder)], env=environment, check=True, stdout=subprocess.DEVNULL)

    def pack(self, stage):
        shutil.rmtree(self.build_lib, ignore_errors=True)
        ignore = shutil.ignore_patterns(*NOT_PACKED)
        shutil.copytree(stage / SITE_PACKAGES, self.build_lib, ignore=ignore)
        # From a folder that outlives this command: install_data copies the files later.
        data = Path(self.build_lib).parent / "data"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(stage, data, ignore=lambda path, names: {"site-packages", *ignore(path, names)} & set(names))
        files = defaultdict(list)
        for path in sorted(data.rglob("*")):
            if path.is_file():
                files[str(path.parent.relative_to(data))].append(str(path))
        self.distribution.data_files = sorted(files.items())


class BinaryDistribution(Distribution):
    """The messages are compiled, so that the wheel is for one Python and platform."""

    def has_ext_modules(self):
        return True


executables = (ROOT / "cmake" / "executables.txt").read_text(encoding="utf-8").splitlines()
setup(
    version=ElementTree.parse(ROOT / "package.xml").findtext("version"),
    packages=["fer_ros"],
    install_requires=requirements("run") + ([] if sourced_ros() else requirements("ros-run")),
    entry_points={"console_scripts": [line for line in executables if line and not line.startswith("#")]},
    distclass=BinaryDistribution,
    cmdclass={"build_py": CMakeBuild},
)
