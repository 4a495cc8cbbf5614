# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A graph in a group whose topics are renamed: who listens where, and what is asked of images that are not the graph's own."""

from __future__ import annotations

import pytest

from fer_ros.graph import cameras_graph, replay_graph, webcam_graph
from fer_ros.parameters.cameras_file import Camera
from fer_ros.renaming import in_order, renamed

READERS = ("face_detector_node", "emotion_node", "overlay_node")


def node(graph, executable):
    return next(one for one in graph.nodes if one.executable == executable)


@pytest.mark.parametrize("name", ["/a/camera/image_raw", "image_raw", "camera_node:image_raw", "rostopic://image_raw",
                                  "camera_node:rostopic://image_raw"])
def test_who_looks_at_the_image_follows_a_camera_whose_topic_is_renamed(name):
    graph = webcam_graph({}, namespace="a", composed=False)
    graph = renamed(graph, [("image_raw/x", "/no"), (name, "/front"), ("image_raw", "/second")])
    for name in READERS:
        assert node(graph, name).remappings == {"image": "/front"}
    assert graph.topics.image == "/front"
    assert graph.source is node(graph, "camera_node")


def test_a_relative_name_is_relative_to_the_camera():
    graph = renamed(webcam_graph({}, namespace="a"), [("image_raw", "picture")])
    assert graph.topics.image == "/a/camera/picture"


@pytest.mark.parametrize("rule", [("emotion_node:image_raw", "/x"), ("/camera/image_raw", "/x"), ("/image", "/x"),
                                  ("fer/image", "/x"), ("rosservice:///a/camera/image_raw", "/x")])
def test_a_rule_for_other_names_leaves_the_image_alone(rule):
    graph = webcam_graph({}, namespace="a")
    assert renamed(graph, [rule]) == graph


def test_topics_of_others_are_followed_where_they_are_renamed():
    graph = webcam_graph({}, image="/cam/image", faces="/other/faces", composed=False)
    moved = renamed(graph, [("/cam/image", "/x"), ("/other/faces", "/y")])
    assert node(moved, "emotion_node").remappings == {"image": "/x", "faces": "/y"}


@pytest.mark.parametrize("composed", [True, False])
@pytest.mark.parametrize(("rule", "topic"), [
    (("image", "/x"), "/x"), (("image", "front"), "/a/fer/front"), (("/a/fer/image", "/x"), "/x"),
    (("rostopic://image", "/x"), "/x")])
@pytest.mark.parametrize("graph", [webcam_graph, replay_graph])
def test_a_rule_for_their_own_name_has_the_nodes_listen_elsewhere(graph, composed, rule, topic):
    graph = graph({"source": "demo"} if graph is webcam_graph else {}, namespace="a", composed=composed)
    moved = renamed(graph, [("image_raw", "picture"), rule])
    assert {node(moved, name).remappings["image"] for name in READERS} == {moved.topics.image} == {topic}
    assert moved.source is moved.nodes[-1]
    # A driver's images need not be what was agreed with the graph's own source, and nothing waits for it.
    own = {"image_depth", "image_reliability", "image_durability"}
    assert any(own & set(node(graph, name).tuned) for name in READERS)
    assert not any(own & set(node(moved, name).tuned) for name in READERS)
    assert moved.source.tuned == {**graph.source.tuned, "wait_for_subscribers": 1}
    if composed:
        assert moved.composed.remappings == {"image": topic}
        assert moved.composed.tuned["drop_frames"]


def test_what_the_pipeline_takes_in_comes_before_the_rules_that_it_follows_from():
    rules = [("image", "front"), ("faces", "people")]
    graph = renamed(webcam_graph({}, namespace="a", faces="/other/faces"), rules)
    assert in_order(graph.composed, rules) == [("image", "/a/fer/front"), *rules, ("faces", "/other/faces")]
    apart = renamed(webcam_graph({}, faces="/other/faces", composed=False), rules)
    own = node(apart, "emotion_node")
    assert in_order(own, rules) == [*rules, ("image", "/fer/front"), ("faces", "/fer/people")]


def test_compressed_images_are_taken_in_from_where_a_rule_for_them_says():
    graph = renamed(webcam_graph({}, image="/cam/image"), [("image/compressed", "jpeg")])
    assert graph.composed.remappings == {"image": "/cam/image", "image/compressed": "/fer/jpeg"}


def test_nodes_that_still_listen_to_a_file_are_waited_for():
    graph = webcam_graph({"source": "demo"}, composed=False)
    assert graph.source.tuned["wait_for_subscribers"] == 2
    moved = renamed(graph, [("emotion_node:image", "/x")])
    assert moved.source.tuned["wait_for_subscribers"] == 1
    assert moved.topics.image == "/camera/image_raw"
    assert "image_durability" in node(moved, "face_detector_node").tuned
    assert "image_durability" not in node(moved, "emotion_node").tuned
    assert renamed(graph, [("overlay_node:image", "/x")]).source.tuned["wait_for_subscribers"] == 2


@pytest.mark.parametrize("rules", [[("emotion_node:image", "/x")], [("image", "~/image")]])
def test_in_one_process_all_take_the_same_images(rules):
    with pytest.raises(ValueError, match=r"take the same images, .* /fer/face_detector_node .* composed:=false$"):
        renamed(webcam_graph({}), rules)
    cameras = cameras_graph([Camera("left", {"source": "0"})])
    with pytest.raises(ValueError, match=r"SetRemap has /left/fer/face_detector_node take [^:]*$"):
        renamed(cameras, rules)


def test_rules_are_about_the_nodes_of_each_camera():
    graph = cameras_graph([Camera("left", {"source": "a.mp4"}), Camera("right", {"source": "b.mp4"})], namespace="r")
    assert not graph.composed.tuned["drop_frames"]
    moved = renamed(graph, [("/r/left/fer/image", "/x"), ("image_raw", "picture")])
    assert moved.composed.remappings == {"left/image": "/x"}
    assert moved.composed.tuned["drop_frames"]
    assert moved.cameras["right"].topics.image == "/r/right/camera/picture"
    both = renamed(graph, [("image", "/x")])
    assert both.composed.remappings == {"left/image": "/x", "right/image": "/x"}
    assert renamed(graph, [("pipeline_node:left/image", "/x")]).composed.remappings == {"left/image": "/x"}
    others = cameras_graph([Camera("a", {}, "/front/image"), Camera("b", {}, "driver/image")])
    moved = renamed(others, [("/front/image", "/x")])
    assert moved.composed.remappings == {"a/image": "/x", "b/image": "/b/driver/image"}
    assert moved.composed.tuned["drop_frames"] == others.composed.tuned["drop_frames"]
