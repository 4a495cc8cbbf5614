# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The graph has the names and the wiring that everything else relies on."""

from __future__ import annotations

import pytest
import yaml

from fer_ros.graph import (
    Graph,
    NodeSpec,
    Privacy,
    check_params_file,
    default_params_file,
    replay_graph,
    webcam_graph,
    with_group_parameters,
)


def node(graph: Graph, name: str) -> NodeSpec:
    (found,) = [spec for spec in graph.nodes if spec.executable == name]
    return found


def names(graph: Graph) -> list[str]:
    return [spec.full_name for spec in graph.nodes]


def test_topics_and_nodes_have_the_names_of_the_contract():
    graph = webcam_graph({})
    assert graph.topics.image == "/camera/image_raw"
    assert graph.topics.camera_info == "/camera/camera_info"
    assert graph.topics.faces == "/fer/faces"
    assert graph.topics.emotions == "/fer/emotions"
    assert graph.topics.events == "/fer/events"
    assert graph.topics.overlay == "/fer/overlay"
    assert sorted(names(graph)) == [
        "/camera/camera_node", "/fer/emotion_node", "/fer/face_detector_node", "/fer/overlay_node",
    ]


@pytest.mark.parametrize("namespace", ["robot1", "/robot1", "/robot1/", "robot1/"])
def test_a_namespace_comes_before_everything(namespace):
    graph = webcam_graph({}, namespace=namespace)
    assert all(name.startswith(("/robot1/camera/", "/robot1/fer/")) for name in names(graph))
    assert all(topic.startswith("/robot1/") for topic in vars(graph.topics).values())


@pytest.mark.parametrize("namespace", ["", "/"])
def test_no_namespace_is_the_root(namespace):
    assert webcam_graph({}, namespace=namespace) == webcam_graph({})


def test_everybody_who_looks_at_the_image_listens_to_the_camera():
    graph = webcam_graph({}, namespace="a")
    for name in ("face_detector_node", "emotion_node", "overlay_node"):
        assert node(graph, name).remappings == {"image": "/a/camera/image_raw"}


def test_the_camera_starts_last():
    assert webcam_graph({}).nodes[-1].executable == "camera_node"
    assert webcam_graph({}, overlay=False).nodes[-1].executable == "camera_node"


def test_the_overlay_can_be_left_out():
    assert "/fer/overlay_node" not in names(webcam_graph({}, overlay=False))


@pytest.mark.parametrize("source", ["demo", "clip.mp4", "folder/", "file:///clip.mp4"])
def test_a_source_that_ends_waits_for_its_audience_and_loses_nothing(source):
    graph = webcam_graph({"source": source}, more_subscribers=1, composed=False)
    camera = node(graph, "camera_node")
    assert camera.tuned["wait_for_subscribers"] == 3
    assert camera.tuned["image_depth"] >= 10
    for name in ("face_detector_node", "emotion_node", "overlay_node"):
        assert node(graph, name).tuned["image_reliability"] == "reliable"
        assert node(graph, name).tuned["image_durability"] == camera.tuned["image_durability"] == "transient_local"
        assert node(graph, name).tuned["image_depth"] >= 10


@pytest.mark.parametrize("source", ["demo", "clip.mp4"])
def test_in_one_process_a_source_that_ends_waits_while_the_others_work(source):
    graph = webcam_graph({"source": source}, more_subscribers=1)
    assert graph.composed.tuned == {"drop_frames": False}
    assert node(graph, "camera_node").tuned["wait_for_subscribers"] == 1  # the detector
    assert node(graph, "camera_node").tuned["image_durability"] == "transient_local"  # for who records it
    assert node(graph, "face_detector_node").tuned == {"image_depth": 2}


@pytest.mark.parametrize("composed", [True, False])
@pytest.mark.parametrize("camera", [{}, {"source": "0"}, {"source": 0}, {"source": "rtsp://cam/live"}])
def test_from_a_camera_the_newest_frame_is_wanted(camera, composed):
    graph = webcam_graph(camera, more_subscribers=1, composed=composed)
    tuned = {name for spec in graph.nodes for name in spec.tuned}
    assert tuned <= {"wait_for_subscribers"}  # which the camera node asks only of what has an end
    assert not composed or graph.composed.tuned == {"drop_frames": True}


def test_one_process_holds_all_nodes_or_each_has_its_own():
    together, apart = webcam_graph({}, namespace="a"), webcam_graph({}, namespace="a", composed=False)
    assert [spec.full_name for spec in together.nodes] == [spec.full_name for spec in apart.nodes]
    assert together.topics == apart.topics
    (process,) = together.processes
    assert process.node.full_name == "/a/pipeline_node"
    assert process.nodes == (process.node, *together.nodes)
    assert [process.node for process in apart.processes] == list(apart.nodes)
    assert [process.nodes for process in apart.processes] == [(spec,) for spec in apart.nodes]
    assert process.node.named == {"image_node": "camera_node", "overlay": True}
    assert webcam_graph({}, overlay=False).composed.named["overlay"] is False
    assert webcam_graph({}).composed.full_name == "/pipeline_node"


@pytest.mark.parametrize(("image", "topic"), [("/cam/image", "/cam/image"), ("cam/image", "/a/cam/image")])
def test_another_drivers_images_take_the_cameras_place(image, topic):
    for composed in (True, False):
        graph = webcam_graph({}, image=image, namespace="a", composed=composed)
        assert graph.source is None
        assert "camera_node" not in {spec.executable for spec in graph.nodes}
        assert graph.topics.image == topic
        assert {process.node.remappings["image"] for process in graph.processes} == {topic}
    assert webcam_graph({}, image=image).composed.named["image_node"] == "none"


@pytest.mark.parametrize("image", ["my topic", "1/image", "/", "a//b"])
def test_what_cannot_be_a_topic_is_refused(image):
    with pytest.raises(ValueError, match="no ROS topic"):
        webcam_graph({}, image=image)


@pytest.mark.parametrize("composed", [True, False])
def test_a_bag_takes_the_cameras_place_and_loses_nothing(composed):
    graph = replay_graph({"bag": "talk", "rate": 2.0}, namespace="a", composed=composed)
    camera = webcam_graph({"source": "demo"}, namespace="a", composed=composed)
    assert graph.topics == camera.topics
    assert graph.nodes[:-1] == camera.nodes[:-1]
    assert (graph.source.full_name, graph.source.named) == ("/a/camera/replay_node", {"bag": "talk", "rate": 2.0})
    assert graph.source.tuned == camera.source.tuned
    assert not composed or graph.composed.named["image_node"] == "replay_node"


def test_with_the_recordings_clock_all_others_take_their_time_from_there():
    *others, source = replay_graph({"bag": "talk", "clock": True}).nodes
    assert all(spec.tuned["use_sim_time"] is True for spec in others)
    assert "use_sim_time" not in {**source.tuned, **source.named}
    assert not any("use_sim_time" in spec.tuned for spec in replay_graph({"bag": "talk", "clock": False}).nodes)


@pytest.mark.parametrize("composed", [True, False])
def test_what_the_user_says_wins(tmp_path, composed):
    camera = {"source": "demo", "wait_for_subscribers": 0, "width": 320, "height": 240}
    graph = webcam_graph(camera, composed=composed)
    process = graph.processes[-1]
    mine = tmp_path / "mine.yaml"
    mine.write_text("/**/camera_node: {ros__parameters: {fps: 30}}\n/**: {ros__parameters: {enabled: false}}\n")
    files = process.parameter_files(mine, tmp_path, lambda spec: {"enabled": spec is graph.source})
    shipped, tuned, users, named, extra = files
    assert shipped == default_params_file()
    assert list(yaml.safe_load(users.read_text()).items()) == [  # in this order, which is that of ROS's precedence
        ("/**/camera_node", {"ros__parameters": {"fps": 30.0}}), ("/**", {"ros__parameters": {"enabled": False}})]
    name = "/camera/camera_node"
    assert yaml.safe_load(tuned.read_text())["/**/camera_node"] == {"ros__parameters": dict(graph.source.tuned)}
    assert yaml.safe_load(named.read_text())[name] == {"ros__parameters": camera}
    assert yaml.safe_load(extra.read_text())[name] == {"ros__parameters": {"enabled": True}}
    assert set(yaml.safe_load(extra.read_text())) == {spec.full_name for spec in process.nodes}
    assert process.parameter_files(default_params_file(), tmp_path) == [shipped, tuned, named]


@pytest.mark.parametrize("composed", [True, False])
@pytest.mark.parametrize("overlay", [True, False])
def test_a_parameter_file_must_be_for_the_graph_that_it_is_given_to(tmp_path, composed, overlay):
    mine = tmp_path / "mine.yaml"
    mine.write_text("/robot1/fer/emotion_node: {ros__parameters: {max_faces: 3}}\n"
                    "/**/overlay_node: {ros__parameters: {bars: off}}\n")
    for make in webcam_graph, replay_graph:
        check_params_file(mine, make({}, namespace="robot1", composed=composed, overlay=overlay))
        with pytest.raises(ValueError, match="named /robot1/fer/emotion_node: did you mean /robot2/fer/emotion_node"):
            check_params_file(mine, make({}, namespace="robot2", composed=composed, overlay=overlay))
    check_params_file(default_params_file(), webcam_graph({}))


def test_what_is_named_wins_over_every_section_of_the_users_file(tmp_path):
    """Of the names of sections that fit a node, ROS lets that one win that came last for the first time."""
    mine = tmp_path / "mine.yaml"
    mine.write_text("/camera/camera_node:\n  ros__parameters:\n    fps: 5.0\n/**:\n  ros__parameters:\n    fps: 6.0\n"
                    "/**/camera/camera_node:\n  ros__parameters:\n    fps: 7.0\n")
    graph = webcam_graph({"source": "demo", "fps": 8.0})
    files = graph.processes[0].parameter_files(mine, tmp_path, lambda node: {"fps": 9.0, "enabled": False})
    names = list(dict.fromkeys(name for file in files for name in yaml.safe_load(file.read_text())))
    fits = [name for name in names if name in ("/**", "/**/camera_node") or name.endswith("/camera/camera_node")]
    last = [yaml.safe_load(file.read_text()).get(fits[-1], {}).get("ros__parameters", {}) for file in files[-2:]]
    assert last == [{"source": "demo", "fps": 8.0}, {"enabled": False}]
    assert fits[-1] not in yaml.safe_load(mine.read_text())


def test_a_text_that_looks_like_a_number_stays_a_text_on_its_way_to_the_node(tmp_path):
    (process,) = webcam_graph({"source": "1e3"}).processes
    named = process.parameter_files(default_params_file(), tmp_path)[-1]
    assert 'source": "1e3"' in named.read_text()


def test_the_parameter_file_is_the_installed_one(share):
    assert default_params_file() == share / "config" / "fer.yaml"
    assert default_params_file().is_file()


@pytest.mark.parametrize("namespace", ["my robot", "1robot", "a//b", "a-b", "é"])
def test_what_cannot_be_a_namespace_is_refused(namespace):
    with pytest.raises(ValueError, match="no ROS namespace"):
        webcam_graph({}, namespace=namespace)


def test_a_page_is_there_only_if_it_is_asked_for():
    assert "web" not in webcam_graph({}).composed.named
    assert "/fer/web_node" not in names(webcam_graph({}, composed=False))
    graph = webcam_graph({}, namespace="a", web={"host": "0.0.0.0"})
    assert graph.composed.named["web"] is True
    assert node(graph, "web_node").named == {"host": "0.0.0.0"}
    assert node(graph, "web_node").remappings == {"image": "/a/camera/image_raw"}
    assert names(graph)[-1] == "/a/camera/camera_node", "the camera starts last"
    assert "/fer/web_node" in names(replay_graph({}, web={}, composed=False))


@pytest.mark.parametrize("make", [webcam_graph, replay_graph])
@pytest.mark.parametrize("composed", [True, False])
def test_one_word_hides_faces_and_ids_in_all_that_a_graph_makes(make, composed):
    graph = make({}, web={"port": 0}, composed=composed, privacy=Privacy("pixelate", ids=False))
    assert node(graph, "overlay_node").named == {"anonymize": "pixelate", "show_ids": False}
    assert node(graph, "web_node").named == {"anonymize": "pixelate", "port": 0}
    for name in ("emotion_node", "face_detector_node"):
        assert node(graph, name).named == {"publish_ids": False}
    assert all("anonymize" not in spec.named for spec in make({}, web={}).nodes)


def test_the_topics_of_rep_155_are_there_only_if_they_are_asked_for():
    assert "hri" not in webcam_graph({}).composed.named
    assert "/fer/hri_node" not in names(webcam_graph({}, composed=False))
    graph = webcam_graph({}, namespace="a", hri=True)
    assert graph.composed.named["hri"] is True
    assert node(graph, "hri_node").full_name == "/a/fer/hri_node"
    assert node(graph, "hri_node").remappings == {"image": "/a/camera/image_raw"}
    assert node(graph, "hri_node").named == {}, "/humans, whatever the namespace"
    assert node(replay_graph({}, hri=True, humans_namespace="/a/humans"), "hri_node").named == {
        "humans_namespace": "/a/humans"}


@pytest.mark.parametrize("composed", [True, False])
def test_another_detectors_faces_take_the_place_of_the_detector(composed):
    graph = webcam_graph({"source": "x.mp4"}, namespace="a", faces="/other/faces", composed=composed)
    assert names(graph) == ["/a/fer/emotion_node", "/a/fer/overlay_node", "/a/camera/camera_node"]
    assert graph.topics.faces == "/other/faces"
    assert graph.prefix == "/a"
    for process in graph.processes:
        if process.node.executable != "camera_node":
            assert process.node.remappings["faces"] == "/other/faces"
    assert node(graph, "camera_node").tuned["wait_for_subscribers"] == 2, "the emotion node and the other detector"
    if composed:
        assert graph.composed.named["face_node"] == "none"
    assert webcam_graph({}, namespace="a", faces="other/faces").topics.faces == "/a/other/faces"


@pytest.mark.parametrize(("composed", "subscribers"), [(True, 2), (False, 4)])
def test_a_ros4hri_detectors_faces_are_brought_in_by_a_node(composed, subscribers):
    graph = webcam_graph({"source": "x.mp4"}, faces="hri", hri=True, humans_namespace="/r/humans", composed=composed)
    assert names(graph)[:2] == ["/fer/hri_faces_node", "/fer/emotion_node"]
    assert graph.topics.faces == "/fer/faces"
    assert node(graph, "hri_faces_node").named == node(graph, "hri_node").named == {"humans_namespace": "/r/humans"}
    assert node(graph, "hri_node").tuned["publish_faces"] is False, "the detector says who is there"
    assert node(graph, "camera_node").tuned["wait_for_subscribers"] == subscribers
    if composed:
        assert graph.composed.named["face_node"] == "hri_faces_node"


def test_what_cannot_be_a_topic_with_faces_is_refused():
    with pytest.raises(ValueError, match=r"'a b' is no ROS topic"):
        webcam_graph({}, faces="a b")


def test_the_faces_of_a_ros4hri_detector_are_not_those_of_several_cameras():
    from fer_ros.parameters.node_params import PipelineParams

    with pytest.raises(ValueError, match=r"those of one camera.*humans_namespace of its own, for each of the 2 cameras"):
        PipelineParams(cameras="left,right", face_node="hri_faces_node")
    PipelineParams(cameras="left,right", hri=True)


@pytest.mark.parametrize("composed", [True, False])
def test_parameters_of_a_group_win_over_the_defaults_and_lose_against_the_users_own(tmp_path, composed):
    group = tmp_path / "group.yaml"
    group.write_text("/**: {ros__parameters: {max_faces: 4, others: 1}}\n/nav: {ros__parameters: {rate: 5}}\n"
                     "/a/fer/*: {ros__parameters: {enabled: false}}\n")
    graph = with_group_parameters(webcam_graph({"source": "demo"}, namespace="a", composed=composed),
                                  [("max_faces", 3), group, ("fps", 5), ("use_sim_time", True), ("of_others", "x")])
    assert node(graph, "emotion_node").tuned["max_faces"] == 4
    assert node(graph, "emotion_node").tuned["enabled"] is False
    assert "enabled" not in node(graph, "camera_node").tuned
    assert node(graph, "camera_node").tuned["fps"] == 5.0
    assert all(spec.tuned["use_sim_time"] is True for spec in graph.nodes)
    assert not {"others", "of_others", "rate"} & {name for spec in graph.nodes for name in spec.tuned}
    (process,) = [one for one in graph.processes if any(spec.executable == "emotion_node" for spec in one.nodes)]
    mine = tmp_path / "mine.yaml"
    mine.write_text("/**/emotion_node: {ros__parameters: {max_faces: 9}}\n")
    parts = [file.stem.rpartition("-")[2] for file in process.parameter_files(mine, tmp_path)]
    assert parts.index("tuned") < parts.index("users")
    with pytest.raises(ValueError, match="max_faces must be an int"):
        with_group_parameters(graph, [("max_faces", "many")])
    assert "use_sim_time" not in node(with_group_parameters(replay_graph({}), [("use_sim_time", True)]), "replay_node").tuned
