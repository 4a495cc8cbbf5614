# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Names under PushRosNamespace and SetRemap: those of the same nodes in a launch file of one's own, in one process, too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import pytest

_WHY = "a ROS installation has it, PyPI does not"
pytest.importorskip("launch", reason=f"launch is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import rclpy  # noqa: E402
from launch import Action, LaunchContext  # noqa: E402
from launch.actions import GroupAction, IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_ros.actions import Node, PushRosNamespace, SetRemap  # noqa: E402
from rclpy.node import Node as RosNode  # noqa: E402

from fer_ros.nodes.pipeline import PipelineNode  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402

READERS = ("face_detector_node", "emotion_node", "overlay_node")
NAMES = {"camera_node": ("image_raw", "camera_info", "~/x", "/diagnostics"),
         **dict.fromkeys(READERS, ("image", "faces", "emotions", "events", "overlay", "~/x", "/diagnostics"))}
RULES = [
    [], [("image", "/other/camera")], [("image", "front/picture")], [("/robot/head/fer/image", "/other/camera")],
    [("/fer/image", "/other/camera")], [("fer/image", "/other")], [("rostopic://image", "/other")],
    [("rosservice://image", "/other")],
    [("image", "/a"), ("image", "/b")], [("image_raw", "picture"), ("image", "/other/camera")],
    [("faces", "/other/faces")], [("faces", "people")], [("emotion_node:faces", "/other/faces")],
    [("emotion_node:rostopic://faces", "/other/faces")], [("emotions", "moods")], [("/robot/head/fer/emotions", "/moods")],
    [("/fer/emotions", "/moods")], [("fer/emotions", "moods")], [("emotion_node:emotions", "~/moods")],
    [("events", "/robot/events")], [("overlay", "picture")], [("~/x", "y")], [("/diagnostics", "diagnostics")],
    [("camera_node:camera_info", "/info")],
]
FOLLOWED = [  # by whoever looks at the images: where ROS would leave them behind
    ("image_raw", "picture", "/robot/head/camera/picture"), ("image_raw", "/front/image", "/front/image"),
    ("camera_node:image_raw", "~/picture", "/robot/head/camera/camera_node/picture"),
    ("camera_node:rostopic://image_raw", "/front/image", "/front/image"),
    ("/robot/head/camera/image_raw", "/front/image", "/front/image"),
]
OF_OTHERS = [  # rules, and where the images and faces of others are looked for
    ([], "/cam/image", "/det/faces"), ([("image", "/x"), ("faces", "/y")], "/x", "/y"),
    ([("image", "x"), ("faces", "y")], "/robot/head/fer/x", "/robot/head/fer/y"),
    ([("/cam/image", "/x"), ("/det/faces", "/y")], "/x", "/y"),
    ([("/cam/image", "x"), ("/det/faces", "y")], "/robot/head/fer/x", "/robot/head/fer/y"),
    ([("/robot/head/fer/image", "/x")], "/x", "/det/faces"),
]
DIFFERENT = [("image", "~/own"), ("overlay_node:image", "/x"), ("face_detector_node:image", "/x")]


def launched(group: list[Action]) -> list[tuple[Node, LaunchContext]]:
    """The processes that a group would start."""
    context, found, waiting = LaunchContext(), [], [GroupAction(group)]
    while waiting:
        entity = waiting.pop(0)
        if isinstance(entity, Node):
            entity._perform_substitutions(context)
            found.append((entity, context))
        else:
            waiting[:0] = entity.visit(context) or []
    return found


def included(**arguments: str) -> IncludeLaunchDescription:
    file = share_directory() / "launch" / "webcam.launch.py"
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(str(file)), launch_arguments=arguments.items())


def by_hand(names: Iterable[str], **remapped: str) -> list[Node]:
    """Nodes as in a launch file of one's own."""
    return [Node(package="fer_ros", executable=name, name=name, namespace="camera" if name == "camera_node" else "fer",
                 remappings=[] if name == "camera_node" else list(remapped.items())) for name in names]


def arguments_of(node: Node, context: LaunchContext) -> list[str]:
    rules = [word for old, new in node.expanded_remapping_rules or () for word in ("-r", f"{old}:={new}")]
    files = [word for file in node._Node__parameters or () for word in ("--params-file", str(file.evaluate(context)))]
    return ["--ros-args", *rules, *files]


@contextlib.contextmanager
def joined(arguments: list[str]) -> Iterator[rclpy.Context]:
    """A process with these arguments."""
    rclpy.init(args=arguments)
    try:
        yield
    finally:
        rclpy.shutdown()


def resolved(processes: list[tuple[Node, LaunchContext]]) -> dict[str, dict[str, str]]:
    """What ROS makes of the names of topics, by node."""
    found = {}
    for node, context in processes:
        arguments = arguments_of(node, context)
        composed = node.node_executable == "pipeline_node"
        own = [] if composed else ["-r", f"__node:={node.node_executable}", "-r", f"__ns:={node.expanded_node_namespace}"]
        if composed:
            arguments[1:1] = ["-r", f"__ns:={node.expanded_node_namespace}"]
        with joined([arguments[0], *own, *arguments[1:]]):
            made = [PipelineNode()] if composed else [RosNode(node.node_executable)]
            if composed:
                made += made[0].nodes()
                found["taken in"] = made[0]._taken_in
                found["exchange"] = made[0]._exchange.topics
            for one in made:
                full = one.get_fully_qualified_name()
                if names := NAMES.get(one.get_name()):
                    found[one.get_name()] = {"": full, **{name: one.resolve_topic_name(name) for name in names}}
                one.destroy_node()
    return found


def nodes_of(found: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    return {name: names for name, names in found.items() if name in NAMES}


def assert_handed_on(found: dict[str, dict[str, str]]) -> None:
    """The images go from node to node within the process, and those of others are taken in once."""
    image = found["emotion_node"]["image"]
    assert image in found["exchange"]
    assert list(found["taken in"]) == ([] if image == found.get("camera_node", {}).get("image_raw") else [image])


def group(pushed: list[str], rules: list[tuple[str, str]]) -> list[Action]:
    return [*map(PushRosNamespace, pushed), *(SetRemap(*rule) for rule in rules)]


@pytest.mark.parametrize("composed", ["true", "false"])
@pytest.mark.parametrize("pushed", [[], ["robot", "/robot/head/"]], ids=" ".join)
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_names_are_those_of_the_same_nodes_by_hand(composed, pushed, rules):
    image = f"{'/robot/head' if pushed else ''}/camera/image_raw"
    found = resolved(launched([*group(pushed, rules), included(source="demo", composed=composed)]))
    assert nodes_of(found) == resolved(launched([*group(pushed, rules), *by_hand(NAMES, image=image)]))
    if composed == "true":
        assert_handed_on(found)


@pytest.mark.parametrize("composed", ["true", "false"])
@pytest.mark.parametrize(("old", "new", "image"), FOLLOWED)
def test_who_looks_at_the_images_follows_the_camera(composed, old, new, image):
    found = resolved(launched([*group(["robot", "head"], [(old, new)]), included(source="demo", composed=composed)]))
    assert {names["image"] for name, names in found.items() if name in READERS} == {image}
    assert found["camera_node"]["image_raw"] == image
    if composed == "true":
        assert_handed_on(found)


@pytest.mark.parametrize("composed", ["true", "false"])
@pytest.mark.parametrize(("rules", "image", "faces"), OF_OTHERS)
def test_topics_of_others_are_renamed_too(composed, rules, image, faces):
    arguments = {"image": "/cam/image", "faces": "/det/faces", "composed": composed}
    found = resolved(launched([*group(["robot", "head"], rules), included(**arguments)]))
    assert {(found[name]["image"], found[name]["faces"]) for name in ("emotion_node", "overlay_node")} == {(image, faces)}
    if composed == "true":
        assert_handed_on(found)


@pytest.mark.parametrize("rule", DIFFERENT)
def test_nodes_of_one_process_that_would_take_different_images_are_refused(rule):
    with pytest.raises(RuntimeError, match=r"take the same images, and SetRemap has /fer/.* /fer/.*: add composed:=false"):
        launched([SetRemap(*rule), included(source="demo")])
    found = resolved(launched([SetRemap(*rule), included(source="demo", composed="false")]))
    assert nodes_of(found) == resolved(launched([SetRemap(*rule), *by_hand(NAMES, image="/camera/image_raw")]))
