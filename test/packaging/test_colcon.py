# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`colcon build` in a workspace, plain and with --symlink-install: what is then there for Python, C++ and `ros2 run`."""

import os
import shutil
import sys
from pathlib import Path

import pytest

COLCON = Path(sys.executable).parent / "colcon"
pytestmark = pytest.mark.skipif(not COLCON.exists(), reason=f"{COLCON} is not installed (requirements/dev.txt)")

NODES = ("camera_node", "face_detector_node", "emotion_node", "overlay_node", "pipeline_node", "replay_node", "web_node",
         "hri_node", "hri_faces_node")


class Workspace:
    def __init__(self, folder: Path, run):
        self.folder = folder
        # What activating the environment does; nothing else is said to colcon.
        self.environment = {"PATH": os.pathsep.join([str(COLCON.parent), os.environ["PATH"]])}
        self._run = run

    def run(self, *command, **options) -> str:
        return self._run(*command, cwd=self.folder, environment=self.environment, **options)

    def colcon(self, *arguments) -> str:
        return self.run("colcon", "--log-base", "log", *arguments, timeout=900)

    def sourced(self, command: str) -> str:
        return self.run("bash", "-c", f"source install/setup.bash && {command}", timeout=120)


@pytest.fixture(scope="module", params=["plain", "symlink"])
def workspace(request, tmp_path_factory, repository, sources, run) -> Workspace:
    folder = tmp_path_factory.mktemp(f"workspace_{request.param}")
    shutil.copytree(sources, folder / "src" / "fer_ros")
    shutil.copytree(repository / "test" / "packaging" / "consumer_cpp", folder / "src" / "consumer_cpp")
    workspace = Workspace(folder, run)
    workspace.symlinks = request.param == "symlink"
    workspace.build = ["build", *(["--symlink-install"] if workspace.symlinks else []), "--packages-select"]
    workspace.colcon(*workspace.build, "fer_ros")
    return workspace


def test_another_package_imports_the_messages(workspace):
    printed = workspace.sourced(
        "python3 -c 'import fer_ros, fer_ros.msg, vision_msgs.msg, hri_msgs.msg, rclpy.serialization as s;"
        " m = fer_ros.msg.EmotionArray(emotions=[fer_ros.msg.Emotion(label=\"happy\")]);"
        " r = s.deserialize_message(s.serialize_message(m), fer_ros.msg.EmotionArray);"
        " print(r.emotions[0].label, fer_ros.__file__)'"
    ).split()
    assert printed == ["happy", printed[1]]
    assert printed[1].startswith(str(workspace.folder / "install"))


def test_the_generator_does_not_replace_our_init(workspace, sources):
    [installed] = (workspace.folder / "install").glob("fer_ros/lib/python3*/site-packages/fer_ros/__init__.py")
    assert installed.read_text() == (sources / "fer_ros" / "__init__.py").read_text() != ""
    assert installed.is_symlink() == workspace.symlinks
    assert (installed.parent / "py.typed").is_file()  # for type checkers
    page = {path.name: path.read_bytes() for path in (sources / "fer_ros" / "web" / "page").iterdir()}
    assert {"index.html", "main.js", "style.css", "icon.svg"} <= set(page)
    assert {path.name: path.read_bytes() for path in (installed.parent / "web" / "page").iterdir()} == page
    assert workspace.sourced("python3 -c 'from fer_ros import Pipeline; print(Pipeline.__name__)'") == "Pipeline\n"


def test_every_executable_is_where_ros2_run_looks_and_imports(workspace):
    folder = workspace.folder / "install" / "fer_ros" / "lib" / "fer_ros"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*NODES, "fer-ros"])
    assert "run" in workspace.sourced(f"{folder}/fer-ros --help && fer-ros --help")
    # The nodes run until they are stopped: import what they import.
    for name in NODES:
        script = (folder / name).read_text().replace("sys.exit(main())", "print(callable(main))")
        assert workspace.sourced(f"python3 - <<'EOF'\n{script}EOF") == "True\n"


def test_the_graph_runs_from_the_workspace(workspace):
    """With the messages, models and DDS profile that are installed there."""
    printed = workspace.sourced("fer-ros run --source demo --duration 2")
    assert "face   1  happy" in printed and "frames in" in printed
    assert "XMLPARSER" not in printed  # a profile of another Fast DDS


def test_the_share_folder_is_complete(workspace, sources):
    share = workspace.folder / "install" / "fer_ros" / "share" / "fer_ros"
    for folder in ("launch", "config", "models", "demo"):
        wanted = {str(path.relative_to(sources)) for path in (sources / folder).rglob("*") if path.is_file()}
        assert wanted, f"{folder}/ is empty in the source distribution"
        found = {str(path.relative_to(share)) for path in (share / folder).rglob("*")}
        assert wanted <= found
    assert (share / "models" / "face_detection_yunet_2023mar.onnx").stat().st_size == 232589


def test_a_cpp_package_builds_against_the_messages(workspace):
    # The wheels' own CMake files need the ament prefix, which a ROS installation's setup.bash would set.
    workspace.environment["AMENT_PREFIX_PATH"] = str(COLCON.parents[1])
    workspace.colcon(*workspace.build, "consumer_cpp")
    libraries = f"LD_LIBRARY_PATH=$LD_LIBRARY_PATH:{COLCON.parents[1] / 'lib'}"
    for name in ("by_target", "by_variable"):
        assert workspace.sourced(f"{libraries} install/consumer_cpp/lib/consumer_cpp/{name}") == "happy 1 4\n"


def test_a_second_build_builds_nothing(workspace):
    printed = workspace.colcon(*workspace.build, "fer_ros")
    assert "Built target fer_ros" in printed
    assert "Building" not in printed


def test_colcon_test_runs_the_unit_tests(workspace):
    if workspace.symlinks:
        pytest.skip("once is enough")
    workspace.colcon("test", "--packages-select", "fer_ros", "--ctest-args", "-R", "^unit$")
    told = workspace.colcon("test-result", "--verbose", "--test-result-base", "build/fer_ros/test_results")  # or what failed
    summary = told.strip().splitlines()[-1]
    # Summary: N tests, 0 errors, 0 failures, M skipped
    counts = [int(word) for word in summary.replace(",", "").split() if word.isdigit()]
    assert counts[0] > 0 and counts[1:3] == [0, 0], summary
