# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A list of cameras: what it says becomes graphs, and what is wrong with it is said with its line."""

from __future__ import annotations

import pytest
import yaml

from fer_ros.graph import (
    Privacy,
    cameras_graph,
    check_named,
    check_params_file,
    default_params_file,
    webcam_graph,
    with_group_parameters,
    with_ports,
)
from fer_ros.parameters.cameras_file import Camera, read_cameras
from fer_ros.renaming import renamed

LEFT, RIGHT = Camera("left", {"source": "/dev/video0"}), Camera("right", {"source": "rtsp://cam/live", "flip": "both"})


def written(tmp_path, text):
    file = tmp_path / "cameras.yaml"
    file.write_text(text)
    return file


def test_names_sources_and_parameters_are_read_and_an_address_stays_one(tmp_path):
    file = written(tmp_path, "- {name: left, source: 0}\n"
                             "- name: right\n  source: rtsp://${USER}:${PASSWORD}@10.0.0.7:554/stream?channel=1\n"
                             "  width: 640\n  height: 480\n  fps: 15\n  loop: yes\n")
    assert read_cameras(file) == [
        Camera("left", {"source": "0"}),
        Camera("right", {"source": "rtsp://${USER}:${PASSWORD}@10.0.0.7:554/stream?channel=1", "width": 640, "height": 480,
                         "fps": 15.0, "loop": True})]
    assert read_cameras(written(tmp_path, "- {name: a, image: /driver/image_raw}")) == [Camera("a", {}, "/driver/image_raw")]


@pytest.mark.parametrize(("text", "reason"), [
    ("", "is empty"),
    ("# nothing", "is empty"),
    ("[]", "0 cameras: there can be 1 to 32"),
    ("cameras: [{name: a, source: 0}]", r"yaml:1: this is not a list of cameras, each as `- \{name: left"),
    ("- left", "yaml:1: this is not one of a list of cameras"),
    ("- {source: 0}", "yaml:1: a camera has no name"),
    ("- {name: my camera, source: 0}", "yaml:1: a camera needs a name of up to 60 letters, digits and _.*'my camera'"),
    ("- {name: 1, source: 0}", "yaml:1: a camera needs a name of .* not 1"),
    ("- {name: a, source: 0}\n- {name: a, source: 1}", "yaml:2: there are two cameras named a"),
    ("- {name: a, source: 0}\n- {name: b, source: rtsp://b}\n- {name: c, source: /dev/video0}",
     "yaml:3: a and c are both the camera /dev/video0, which gives its images to one"),
    ("- {name: a, source: '7'}\n- {name: b, source: '007'}", "yaml:2: a and b are both the camera /dev/video7"),
    ("- {name: a}", "yaml:1: a has no source"),
    ("- {name: a, source: ''}", "yaml:1: a has no source"),
    ("- {name: a, source: 0}\n- {name: b, sorce: 1}", "yaml:2: a camera has no sorce: did you mean source"),
    ("- {name: a, source: 0, source: 1}", "yaml:1: source is there twice"),
    ("- {name: a, source: 0, width: wide}", "yaml:1: a: width must be an int, not 'wide'"),
    ("- {name: a, source: [0, 1]}", r"yaml:1: a: source must be a str, not \[0, 1\]"),
    ("- {name: a, source: 0, flip: twice}", "yaml:1: a: flip must be one of none, horizontal"),
    ("- {name: a, image: /x, fps: 5}", "yaml:1: image of a is in place of a camera node: fps cannot be given"),
    ("- {name: a, source: 0}\n- {name: b, image: /x/}", "yaml:2: image of b: '/x/' is no ROS topic"),
    ("- {name: a, image: 5}", "yaml:1: image of a must be a topic, not 5"),
    ("- {name: a, source: 0, [x]: 0}", "yaml:1: a camera has no list for a name"),
    ("- &a {name: a, source: 0}\n- *a", r"cannot be read: line 2: \*a stands for"),
    ("- {name: a, source: 0", "cannot be read: line 2: did not find"),
    (f"[{', '.join(f'{{name: c{i}, source: 0}}' for i in range(33))}]", "33 cameras: there can be 1 to 32"),
])
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, reason):
    with pytest.raises(ValueError, match=reason) as refused:
        read_cameras(written(tmp_path, text))
    assert "\n" not in str(refused.value)


def test_several_cameras_may_play_one_film_or_stream(tmp_path):
    for source in ("demo", "rtsp://a", "/dev/shm/film.mp4"):
        assert len(read_cameras(written(tmp_path, f"- {{name: a, source: {source}}}\n- {{name: b, source: {source}}}"))) == 2


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.yaml cannot be read: it does not exist"):
        read_cameras(tmp_path / "none.yaml")


def test_each_camera_has_its_nodes_and_topics_below_its_name_in_one_process():
    graph = cameras_graph([LEFT, RIGHT], namespace="robot")
    (process,) = graph.processes
    assert process.node.full_name == "/robot/pipeline_node"
    assert process.node.named["cameras"] == "left,right"
    assert {node.full_name for node in process.nodes} == {"/robot/pipeline_node", *(
        f"/robot/{camera}/{node}" for camera in ("left", "right")
        for node in ("camera/camera_node", "fer/face_detector_node", "fer/emotion_node", "fer/overlay_node"))}
    assert graph.cameras["left"].topics.emotions == "/robot/left/fer/emotions"
    assert process.node.tuned == {"drop_frames": True}
    assert cameras_graph([Camera("a", {"source": "demo"})]).composed.tuned == {"drop_frames": False}


def test_ids_and_frames_say_which_camera_unless_the_user_says_otherwise(tmp_path):
    (process,) = cameras_graph([LEFT, Camera("right", {"source": "1", "frame_id": "mine"})]).processes
    mine = tmp_path / "mine.yaml"
    mine.write_text("/**/face_detector_node: {ros__parameters: {id_prefix: all_}}\n")
    found: dict[str, dict[str, object]] = {}
    for file in process.parameter_files(mine, tmp_path):
        for section, content in yaml.safe_load(file.read_text()).items():
            found.setdefault(section.removeprefix("/**") if section.count("/") > 3 else section, {}).update(
                content["ros__parameters"])
    assert found["/left/camera/camera_node"] == {"frame_id": "left_optical_frame", "source": "/dev/video0"}
    assert found["/right/camera/camera_node"]["frame_id"] == "mine"
    assert found["/left/fer/emotion_node"] == {"id_prefix": "left_"}
    assert found["/right/fer/emotion_node"] == {"id_prefix": "right_"}
    assert "/left/fer/face_detector_node" not in found, "it would win over the user's own file"


def test_what_the_list_says_wins_over_every_section_of_the_users_file(tmp_path):
    """Of the names of sections that fit a node, ROS lets that one win that came last for the first time."""
    (process,) = cameras_graph([Camera("left", {"source": "0", "fps": 15.0}), RIGHT]).processes
    mine = tmp_path / "mine.yaml"
    mine.write_text("/**/left/camera/camera_node: {ros__parameters: {fps: 3.0}}\n")
    names = list(dict.fromkeys(name for file in process.parameter_files(mine, tmp_path)
                               for name in yaml.safe_load(file.read_text()) if name.endswith("/left/camera/camera_node")))
    *_, named = process.parameter_files(mine, tmp_path)
    assert yaml.safe_load(named.read_text())[names[-1]]["ros__parameters"]["fps"] == 15.0


def test_topics_take_the_place_of_sources():
    graph = cameras_graph([Camera("a", {}, "/front/image"), Camera("b", {}, "driver/image")], namespace="r")
    assert graph.composed.remappings == {"a/image": "/front/image", "b/image": "/r/b/driver/image"}
    assert graph.composed.named["image_node"] == "none"
    assert "topic_cameras" not in graph.composed.named
    assert renamed(graph, [("/front/image", "/x")]).composed.remappings["a/image"] == "/x"


def test_one_list_may_have_topics_beside_sources():
    graph = cameras_graph([LEFT, Camera("b", {}, "/front/image"), Camera("c", {}, "driver/image")], namespace="r")
    assert graph.composed.remappings == {"b/image": "/front/image", "c/image": "/r/c/driver/image"}
    assert (graph.composed.named["image_node"], graph.composed.named["topic_cameras"]) == ("camera_node", "b,c")
    assert [node.full_name for node in graph.nodes if node.executable == "camera_node"] == ["/r/left/camera/camera_node"]
    assert renamed(graph, [("/front/image", "/x")]).composed.remappings["b/image"] == "/x"
    assert "topic_cameras" not in cameras_graph([LEFT, RIGHT]).composed.named
    finite = [Camera("a", {"source": "demo"}), Camera("b", {}, "/front/image")]
    assert cameras_graph(finite).composed.tuned == {"drop_frames": True}, "nobody can make a driver wait"


@pytest.mark.parametrize("image", ["/driver/image", "/left/camera/image_raw"])
def test_two_cameras_with_the_images_of_one_topic_are_refused(image):
    first = LEFT if "left" in image else Camera("left", {}, "/driver/image")
    with pytest.raises(ValueError, match=f"left and b both have the images of {image}: leave one of the two out"):
        cameras_graph([first, Camera("b", {}, image)])


def ports(graph) -> list[int]:
    return [node.named["port"] for node in graph.nodes if node.executable == "web_node"]


@pytest.mark.parametrize(("web", "text", "found"), [
    ({}, "", [8642, 8643, 8644]),
    ({"port": 80}, "/**/web_node: {ros__parameters: {port: 9000}}", [80, 81, 82]),
    ({"port": 0}, "", [0, 0, 0]),
    ({}, "/**/web_node: {ros__parameters: {port: 9000}}", [9000, 9001, 9002]),
    ({}, "/b/fer/web_node: {ros__parameters: {port: 9000}}", [8642, 9000, 8643]),
    ({}, "/left/fer/web_node: {ros__parameters: {port: 8643}}", [8643, 8642, 8644]),
    ({"port": 65533}, "", [65533, 65534, 65535]),
])
def test_the_page_of_each_camera_has_a_port_of_its_own(tmp_path, web, text, found):
    graph = cameras_graph([LEFT, Camera("b", {}, "/front/image"), RIGHT], web=web)
    assert graph.composed.named["web"] is True
    mine = tmp_path / "mine.yaml"
    mine.write_text(text or "# nothing")
    graph = with_ports(graph, mine)
    assert ports(graph) == found
    assert [node.full_name for node in graph.nodes if node.executable == "web_node"] == [
        f"/{name}/fer/web_node" for name in ("left", "b", "right")]
    check_named(graph, mine)


def test_the_port_of_a_group_is_the_first_cameras():
    graph = with_group_parameters(cameras_graph([LEFT, RIGHT], web={}), [("port", 9000)])
    assert ports(with_ports(graph, default_params_file())) == [9000, 9001]


def test_pages_for_which_there_is_no_port_are_refused():
    graph = cameras_graph([LEFT, Camera("b", {}, "/front/image"), RIGHT], web={"port": 65534}, namespace="r")
    with pytest.raises(ValueError, match=r"no port for the page of r/right: those from 65534 to 65535 .* a lower web_port"):
        with_ports(graph, default_params_file())


def test_without_a_page_or_with_one_there_is_nothing_to_share():
    for graph in (cameras_graph([LEFT, RIGHT]), cameras_graph([LEFT], web={}), webcam_graph({}, web={"port": 1})):
        assert with_ports(graph, default_params_file()) is graph


def test_one_node_publishes_the_people_of_all_cameras(tmp_path):
    assert not cameras_graph([LEFT, RIGHT]).shared
    graph = cameras_graph([LEFT, Camera("b", {}, "/front/image")], namespace="r", hri=True, humans_namespace="/r/humans")
    (people,) = [node for node in graph.nodes if node.executable == "hri_node"]
    assert people.full_name == "/r/fer/hri_node"
    assert people.named == {"cameras": "left,b", "humans_namespace": "/r/humans"}
    assert people.remappings == {"left/image": "/r/left/camera/image_raw", "left/emotions": "/r/left/fer/emotions",
                                 "b/image": "/front/image", "b/emotions": "/r/b/fer/emotions"}
    assert graph.composed.named["hri"] is True
    assert renamed(graph, [("/front/image", "/x")]).shared[0].remappings["b/image"] == "/x"
    check_named(graph, default_params_file())
    mine = tmp_path / "mine.yaml"
    mine.write_text("/r/fer/hri_node: {ros__parameters: {hold: 3.0}}\n")
    check_params_file(mine, graph)
    mine.write_text("/r/left/fer/hri_node: {ros__parameters: {hold: 3.0}}\n")
    with pytest.raises(ValueError, match="no node is named /r/left/fer/hri_node: did you mean /r/fer/hri_node"):
        check_params_file(mine, graph)


def test_people_without_ids_have_no_topics():
    with pytest.raises(ValueError, match="cannot be published without ids"):
        cameras_graph([LEFT, RIGHT], hri=True, privacy=Privacy(ids=False))


@pytest.mark.parametrize(("named", "reason"), [({"humans_namespace": "a b"}, "humans_namespace must be a ROS name")])
def test_what_is_wrong_of_a_node_of_all_cameras_is_refused(named, reason):
    with pytest.raises(ValueError, match=reason):
        check_named(cameras_graph([LEFT, RIGHT], hri=True, **named), default_params_file())


def test_a_parameter_file_is_for_the_cameras_of_the_list(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("/left/fer/emotion_node: {ros__parameters: {max_faces: 3}}\n")
    check_params_file(mine, cameras_graph([LEFT, RIGHT]))
    with pytest.raises(ValueError, match="no node is named /left/fer/emotion_node: did you mean /right/fer/emotion_node"):
        check_params_file(mine, cameras_graph([RIGHT]))


def test_what_is_wrong_beside_other_parameters_is_found_for_each_camera():
    check_named(cameras_graph([LEFT, RIGHT]), default_params_file())
    with pytest.raises(ValueError, match="width and height go together"):
        check_named(cameras_graph([LEFT, Camera("b", {"source": "1", "width": 640})]), default_params_file())


def test_parameters_of_a_group_are_for_all_cameras():
    graph = with_group_parameters(cameras_graph([LEFT, RIGHT]), [("max_faces", 2)])
    assert [node.tuned["max_faces"] for node in graph.nodes if node.executable == "emotion_node"] == [2, 2]
