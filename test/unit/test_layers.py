# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Imports run one way: commands and nodes -> ros and bags -> the rooms of a frame, and torch stays in training."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import fer_ros

PACKAGE = Path(fer_ros.__file__).parent
FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ("msg", "srv", "action")
)
ROS = {
    "rclpy", "sensor_msgs", "std_msgs", "std_srvs", "vision_msgs", "hri_msgs", "diagnostic_msgs", "geometry_msgs",
    "lifecycle_msgs", "rcl_interfaces", "cv_bridge", "launch", "launch_ros", "ament_index_python", "builtin_interfaces",
    "rosbags", "rosgraph_msgs",
}


ROOMS = ("perception", "media", "drawing", "parameters", "models", "system")
"""What a frame goes through, and what that needs."""
SHARED = {"labels", "message_fields", "resources", "run_summary", "types", "version", "words"}
"""Modules that lie in no room."""
CORE = {*ROOMS, *SHARED}


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def statements(body: list[ast.stmt], everywhere: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements in their order; those in functions and under TYPE_CHECKING only if `everywhere`."""
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
        elif everywhere:
            yield from (n for n in ast.walk(statement) if isinstance(n, (ast.Import, ast.ImportFrom)))
        elif isinstance(statement, ast.Try):
            yield from statements(statement.body, everywhere)


def imports(path: Path, everywhere: bool = True) -> Iterator[str]:
    """Dotted names of what a file imports, `fer_ros.perception.align` for `from fer_ros.perception import align` too."""
    for node in statements(ast.parse(path.read_text()).body, everywhere):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, f"{path}: relative import"
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in below if exists(name)]
            yield from modules or [node.module]


def exists(module: str) -> bool:
    """Whether it is a module of ours."""
    if module.split(".")[0] != "fer_ros":
        return False
    place = PACKAGE.parent.joinpath(*module.split("."))
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def layer(module: str) -> str:
    """`perception` of fer_ros.perception.align; the module's own name for one that lies in no folder."""
    return [*module.split("."), ""][1]


def layer_of(path: Path) -> str:
    return layer(module_of(path))


def in_layer(name: str) -> list[Path]:
    return [path for path in FILES if layer_of(path) == name]


def ours(path: Path) -> set[str]:
    return {layer(name) for name in imports(path) if name.split(".")[0] == "fer_ros"} - {""}


def others(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - {"fer_ros"}


def test_the_layers_are_there():
    """Or the other tests would look at nothing."""
    for name in ("perception", "media", "parameters", "ros", "nodes", "training", "commands"):
        assert len(in_layer(name)) > 2, name


@pytest.mark.parametrize("path", [path for room in sorted(CORE) for path in in_layer(room)], ids=lambda path: path.stem)
def test_what_a_frame_goes_through_knows_neither_ros_nor_torch_nor_another_layer(path):
    assert ours(path) <= CORE
    known = {*sys.stdlib_module_names, "numpy", "cv2", "onnxruntime", "yaml"}
    optional = {"av"} if path.stem == "h264" else set()  # loaded while an H.264 recording begins
    assert others(path) <= known | optional


@pytest.mark.parametrize("path", [path for room in sorted(CORE) for path in in_layer(room)], ids=lambda path: path.stem)
def test_nothing_in_the_house_comes_in_by_the_front_door(path):
    """It imports them: `from fer_ros import Pipeline` is for users, and for what is built upon the rooms."""
    assert "fer_ros" not in set(imports(path))


@pytest.mark.parametrize("path", in_layer("ros"), ids=lambda path: path.stem)
def test_the_bridge_knows_the_rooms_and_messages(path):
    assert ours(path) <= {*CORE, "dds", "graph", "msg", "ros"}
    assert "torch" not in others(path)


@pytest.mark.parametrize("path", in_layer("nodes"), ids=lambda path: path.stem)
def test_nodes_know_the_bridge_the_rooms_and_bags(path):
    assert ours(path) <= {*CORE, "bags", "msg", "nodes", "ros", "web"}
    assert others(path) <= {*sys.stdlib_module_names, *ROS}, "what else a node needs belongs into a room or into ros"


@pytest.mark.parametrize("path", in_layer("training"), ids=lambda path: path.stem)
def test_training_knows_the_rooms_alone(path):
    assert ours(path) <= {*CORE, "training"}
    assert not others(path) & ROS


OF_THE_GRAPH = {"footprint", "live_graph", "nodes", "bridge", "faults_messages", "faults_graph"}
OF_BAGS = {"faults_files", "faults_graph"}


@pytest.mark.parametrize("path", in_layer("bench"), ids=lambda path: path.stem)
def test_measurements_know_the_rooms_alone_but_those_of_the_graph(path):
    more = {"dds", "graph", "msg", "nodes", "processes", "ros"} if path.stem in OF_THE_GRAPH else set()
    more |= {"bags"} if path.stem in OF_BAGS else set()
    assert ours(path) <= {*CORE, "bench", *more}
    assert path.stem in OF_THE_GRAPH or others(path) & ROS <= ({"rosbags"} if path.stem in OF_BAGS else set())


@pytest.mark.parametrize("path", in_layer("bags"), ids=lambda path: path.stem)
def test_bags_know_the_rooms_alone_and_need_no_ros(path):
    assert ours(path) <= {*CORE, "bags"}
    assert others(path) & ROS <= {"rosbags"}


@pytest.mark.parametrize("path", in_layer("many"), ids=lambda path: path.stem)
def test_many_recordings_know_bags_and_the_rooms_and_need_no_cluster(path):
    assert ours(path) <= {*CORE, "bags", "many"}
    assert not others(path) & ROS
    assert path.stem == "cluster" or "distributed" not in others(path)


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "cluster"], ids=module_of)
def test_what_uses_no_cluster_or_store_loads_neither(path):
    """So that annotate runs, and starts as fast, where Dask and fsspec are not installed."""
    at_once = {name.split(".")[0] for name in imports(path, everywhere=False)}
    assert not at_once & {"dask", "distributed", "fsspec"}
    assert "fer_ros.many.cluster" not in set(imports(path, everywhere=False))


@pytest.mark.parametrize("path", in_layer("web"), ids=lambda path: path.stem)
def test_the_page_knows_the_rooms_alone_and_needs_no_ros(path):
    assert ours(path) <= {*CORE, "web"}
    assert others(path) <= {*sys.stdlib_module_names, "aiohttp", "numpy"}
    if path.stem != "server":  # a node that serves no page loads no server
        assert "aiohttp" not in others(path)


@pytest.mark.parametrize("path", [path for path in FILES if layer_of(path) != "web"], ids=module_of)
def test_what_serves_no_page_loads_no_server(path):
    """So that a graph without a page pays nothing for it, and runs where aiohttp is not installed."""
    assert "fer_ros.web.server" not in set(imports(path, everywhere=False))


@pytest.mark.parametrize("module", [module_of(path) for path in in_layer("nodes") + in_layer("commands")])
def test_what_publishes_no_topics_of_rep_155_runs_without_hri_msgs(module):
    """Their nodes too, until they are configured, so that they can say what is missing."""
    assert "hri_msgs.msg" not in loaded_by(module, {})
    assert "fer_ros.ros.humans" not in loaded_by(module, {})


def defined(module: str) -> set[str]:
    """Names that a module has at its top level."""
    place = PACKAGE.parent.joinpath(*module.split("."))
    path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
    found: set[str] = set()
    bodies = [ast.parse(path.read_text(encoding="utf-8")).body]
    while bodies:
        for node in bodies.pop():
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
            elif isinstance(node, (ast.Assign, ast.AnnAssign)):
                found |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                found |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
            elif isinstance(node, (ast.If, ast.Try)):
                bodies += [node.body, node.orelse]
    return found


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_what_is_imported_of_the_package_is_there(path):
    """In functions too, and in modules that other tests cannot load for want of ROS, torch or root."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8")).body, True):
        if isinstance(node, ast.ImportFrom) and exists(node.module) and layer(node.module) != "msg":
            names = {alias.name for alias in node.names if not exists(f"{node.module}.{alias.name}")}
            assert names <= defined(node.module), f"{node.module} has no {', '.join(names - defined(node.module))}"


def test_nothing_imports_training_and_torch_but_the_command_line():
    for path in FILES:
        if layer_of(path) not in ("training", "commands", "cli"):
            assert "training" not in ours(path), path
        if layer_of(path) != "training":
            assert "torch" not in others(path), path


def loaded_by(module: str, seen: dict[str, None]) -> dict[str, None]:
    """What importing a module of ours loads, in order, as Python does it: packages before what is in them."""
    parts = module.split(".")
    for name in (".".join(parts[: i + 1]) for i in range(len(parts))):
        if name in seen or not exists(name):
            seen.setdefault(name)
            continue
        seen[name] = None
        place = PACKAGE.parent.joinpath(*name.split("."))
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        for imported in imports(path, everywhere=False):
            loaded_by(imported, seen)
    return seen


@pytest.mark.parametrize("module", ["fer_ros.cli", *[module_of(path) for path in in_layer("nodes")],
                                    *[module_of(path) for room in ROOMS for path in in_layer(room)]])
def test_opencv_is_told_to_be_quiet_before_it_is_loaded(module):
    order = list(loaded_by(module, {}))
    if "cv2" in order:
        assert order.index("fer_ros") < order.index("cv2")


COMMANDS = ("run", "replay", "record", "annotate", "echo", "topics", "param", "lifecycle", "doctor", "models", "bench")


@pytest.mark.parametrize("module", ["cli", "dds", "graph", "processes", *(f"commands.{name}" for name in COMMANDS)])
def test_the_command_line_starts_without_ros_and_torch(module):
    """So that `fer-ros doctor` can say that they are missing."""
    loaded = {name.split(".")[0] for name in loaded_by(f"fer_ros.{module}", {})}
    assert not loaded & {*ROS, "torch", "onnx"}
