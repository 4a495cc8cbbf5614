# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What becomes of a graph in a group whose topics are renamed, as `SetRemap` of a launch file does it. Needs no ROS.

ROS applies such rules to the names that a node has for its topics. Two things it cannot know: whoever looks at a camera's
images follows where the camera publishes under a new name; and in one process the pipeline node takes in images for nodes
that lie in another namespace than its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fer_ros.graph import CamerasGraph, G, Graph, NodeSpec, with_nodes

Rules = Sequence[tuple[str, str]]
"""From, to; the first that fits wins."""
_RULE = re.compile(r"(?:(?!rostopic://|rosservice://)(?P<node>\w+):)?(?P<kind>rostopic://|rosservice://)?(?P<match>.+)")
_OF_OWN_IMAGES = {"image_depth", "image_reliability", "image_durability"}
"""Parameters of those who look at images that suit the graph's own source, and need not suit that of others."""
_ALWAYS_SUBSCRIBED = {"face_detector_node", "hri_faces_node", "emotion_node", "hri_node"}
"""To the image, as long as they work; the others only while somebody looks."""


def renamed(graph: G, rules: Iterable[tuple[str, str]]) -> G:
    """A graph in a group whose topics are renamed.

    Args:
        rules: from, to; the first that fits wins, as in ROS.

    Raises:
        ValueError: nodes of one process would take the images of different topics.
    """
    rules = list(rules)
    if not rules:
        return graph
    if not isinstance(graph, CamerasGraph):
        return _renamed(graph, rules, graph.composed, "image")
    cameras = {name: _renamed(one, rules, graph.composed, f"{name}/image") for name, one in graph.cameras.items()}
    pipelines = [(name, one.composed) for name, one in cameras.items() if one.composed is not None]
    taken_in = {f"{name}/{own}": topic for name, pipeline in pipelines for own, topic in pipeline.remappings.items()}
    drops = any(pipeline.tuned["drop_frames"] for _, pipeline in pipelines)
    composed = replace(graph.composed, remappings=taken_in, tuned={**graph.composed.tuned, "drop_frames": drops})
    images = {f"{name}/image": one.topics.image for name, one in cameras.items()}
    shared = tuple(replace(node, remappings={own: images.get(own, topic) for own, topic in node.remappings.items()})
                   for node in graph.shared)
    return replace(graph, cameras=cameras, composed=composed, shared=shared)


def in_order(node: NodeSpec, rules: Rules) -> list[tuple[str, str]]:
    """All rules of a process in a group, in the order in which ROS is to try them.

    Those of the group come first, as launch has it, but after what says where the pipeline takes in images: that has the rules
    in it already, and the pipeline's own name for the topic is none that they are about.
    """
    own = list(node.remappings.items())
    first = [one for one in own if node.executable == "pipeline_node" and one[0] != "faces"]
    return [*first, *rules, *(one for one in own if one not in first)]


def _renamed(graph: Graph, rules: Rules, pipeline: NodeSpec | None, taken_in: str) -> Graph:
    """The graph of one camera.

    Args:
        pipeline: the node that takes in its images where they come from outside of the process; None for no such process.
        taken_in: that node's own name for them.
    """
    source = graph.source
    own = graph.topics.image if source is None else _found("image_raw", source, rules) or graph.topics.image

    def follows(node: NodeSpec, name: str, topic: str) -> str:
        if found := _found(name, node, rules):
            return found
        if name == "image" and pipeline is not None and (found := _found(taken_in, pipeline, rules)):
            return found
        return own if name == "image" and source is not None else _found(topic, node, rules) or topic

    moved = with_nodes(graph, lambda node: node if node is graph.composed else replace(
        node, remappings={name: follows(node, name, topic) for name, topic in node.remappings.items()}))
    readers = [node for node in moved.nodes if "image" in node.remappings]
    elsewhere = {node.executable for node in readers if source is not None and node.remappings["image"] != own}
    if elsewhere:
        moved = with_nodes(moved, lambda node: _reading_elsewhere(node, elsewhere, moved))
    (image, *others) = dict.fromkeys(node.remappings["image"] for node in readers)
    faces = next((node.remappings["faces"] for node in readers if "faces" in node.remappings), graph.topics.faces)
    moved = replace(moved, topics=replace(graph.topics, image=own if others else image, faces=faces))
    if moved.composed is None:
        return moved
    if others:
        raise ValueError(_disagree(readers, taken_in == "image"))
    outside = {}
    if source is None or elsewhere:
        twin = _found("image/compressed", readers[0], rules)
        outside = {"image": image, **({"image/compressed": twin} if twin else {})}
    if others_faces := moved.composed.remappings.get("faces"):
        outside["faces"] = _found(others_faces, readers[0], rules) or others_faces
    return replace(moved, composed=replace(moved.composed, remappings=outside))


def _reading_elsewhere(node: NodeSpec, elsewhere: set[str], graph: Graph) -> NodeSpec:
    """A node of a graph in which some read other images than those of its source."""
    tuned = dict(node.tuned)
    if node.executable in elsewhere:
        tuned = {name: value for name, value in tuned.items() if name not in _OF_OWN_IMAGES}
    elif node is graph.source:
        # Whoever makes those other images of these is waited for; the graph's own nodes that read elsewhere would never come.
        left = _ALWAYS_SUBSCRIBED.intersection(one.executable for one in graph.nodes) - elsewhere
        tuned["wait_for_subscribers"] = max(1, min(len(left), tuned["wait_for_subscribers"]))
    elif node is graph.composed:
        tuned["drop_frames"] = True  # nothing waits outside of the process
    return replace(node, tuned=tuned)


def _disagree(readers: Sequence[NodeSpec], may_be_apart: bool) -> str:
    first = readers[0]
    other = next(node for node in readers if node.remappings["image"] != first.remappings["image"])
    how = ": add composed:=false" if may_be_apart else ""
    return (f"the nodes of one process take the same images, and SetRemap has {first.full_name} take "
            f"{first.remappings['image']} and {other.full_name} {other.remappings['image']}{how}")


def _found(name: str, node: NodeSpec, rules: Rules) -> str:
    """What rules make of a node's name for a topic, absolute; empty where none is about it."""
    full = _absolute(name, node)
    for rule, to in rules:
        parts = _RULE.fullmatch(rule)
        if parts is None or parts["kind"] == "rosservice://" or parts["node"] not in (None, node.executable):
            continue
        if _absolute(parts["match"], node) == full:
            return _absolute(to, node)
    return ""


def _absolute(name: str, node: NodeSpec) -> str:
    """A topic's name as ROS reads it in a node."""
    if name.startswith("/"):
        return name
    return f"{node.full_name}{name[1:]}" if name.startswith("~") else f"{node.namespace.rstrip('/')}/{name}"
