# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""package.xml and the lists for pip name what is imported: no more, and no less."""

from __future__ import annotations

import ast
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"cv2": "python3-opencv", "yaml": "python3-yaml", "onnxruntime": "python3-onnxruntime-pip",
        "rosbags": "python3-rosbags-pip"}
"""rosdep's keys that are not `python3-` and the module's name."""
PIP = {"cv2": "opencv-python-headless", "yaml": "pyyaml"}
"""PyPI's names that are not the module's."""
ALONG = {"lz4": "rosbags", "backports": "rosbags", "compression": "rosbags"}
"""What comes along with another package."""
IF_THERE = {"PIL", "pyarrow", "av", "cv_bridge", "distributed", "fsspec", "launch", "launch_ros"}
"""What is used where it is there, and asked for by an extra or by a message."""
NOT_IMPORTED = {
    "cv_bridge", "launch", "launch_ros",  # of a ROS installation; PyPI has none
    "ros2launch", "rosidl_default_runtime",  # `ros2 launch`, and what the messages need
    "python3-pip",  # is run, for what a build without a network lacks
    "geometry_msgs",  # what vision_msgs consists of, where it is built along
}


def imported() -> set[str]:
    """Modules that the package imports, but for training and measuring."""
    found = set()
    files = [path for path in (ROOT / "fer_ros").rglob("*.py") if not {"training", "bench"} & set(path.parts)]
    for node in (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
            found |= {argument.value.partition(".")[0] for argument in node.args if isinstance(argument, ast.Constant)}
    found = {ALONG.get(module, module) for module in found}
    return found - set(sys.stdlib_module_names) - {"fer_ros", "_typeshed"}


def listed(name: str) -> set[str]:
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return {line.partition("[")[0] for line in lines if line and not line.startswith("#")}


@pytest.fixture(scope="module")
def needed() -> set[str]:
    if not (ROOT / "package.xml").is_file():
        pytest.skip("the source tree is not here")
    return imported() - IF_THERE


def of_ros(module: str) -> bool:
    return module == "rclpy" or module.endswith(("_msgs", "_srvs", "_interfaces"))


def test_package_xml_names_what_is_imported(needed):
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    named = {node.text for tag in ("depend", "exec_depend") for node in root.iter(tag)}
    keys = {module if of_ros(module) else KEYS.get(module, f"python3-{module}") for module in needed}
    assert keys - named == set()
    assert named - keys - NOT_IMPORTED == set()


def test_pip_is_asked_for_what_is_imported(needed):
    ours = {"vision_msgs", "hri_msgs"}  # built along
    wheels = {f"ros-jazzy-{module.replace('_', '-')}" for module in needed - ours if of_ros(module)}
    assert wheels - {"ros-jazzy-builtin-interfaces"} - listed("ros-run") == set()  # that one comes with any message
    packages = {PIP.get(module, module) for module in needed if not of_ros(module)}
    assert packages == listed("run") | listed("web")
