# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the launch files do when a process ends: whichever it is, it is named, and the graph ends or it is started again."""

import asyncio
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

_WHY = "a ROS installation has it, PyPI does not"
pytest.importorskip("launch", reason=f"launch is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

from launch import Action, LaunchContext, LaunchDescription, LaunchService  # noqa: E402
from launch.actions import EmitEvent, IncludeLaunchDescription, LogInfo, RegisterEventHandler, Shutdown  # noqa: E402
from launch.event_handlers import OnProcessExit, OnProcessStart  # noqa: E402
from launch.events.process import ProcessStarted  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch.utilities import perform_substitutions  # noqa: E402
from launch_ros.actions import Node, SetParameter, SetParametersFromFile, SetRemap  # noqa: E402

from fer_ros.graph import default_params_file  # noqa: E402
from fer_ros.launch_arguments import arguments_of  # noqa: E402
from fer_ros.launching import Arguments  # noqa: E402
from fer_ros.parameters.graph_params import parameters_of  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402


def processes(*group: Action, launch_file: str = "webcam", **configurations: str) -> tuple[LaunchContext, dict[str, Node]]:
    """The processes of a launch file, of one camera each node in its own, by executable, after what a group begins with."""
    context = LaunchContext()
    source = PythonLaunchDescriptionSource(str(share_directory() / "launch" / f"{launch_file}.launch.py"))
    if launch_file == "webcam":
        configurations = {"source": "demo", "composed": "false", **configurations}
    context.launch_configurations.update(configurations)
    found, waiting = {}, [*group, *source.get_launch_description(context).entities]
    while waiting:
        entity = waiting.pop(0)
        if isinstance(entity, Node):
            entity._perform_substitutions(context)
            found[entity.node_executable] = entity
        else:
            waiting[:0] = entity.visit(context) or []
    return context, found


@pytest.mark.parametrize("name", ["camera_node", "face_detector_node", "emotion_node", "overlay_node"])
@pytest.mark.parametrize(("respawn", "ends"), [("false", True), ("true", False)])
@pytest.mark.parametrize(("status", "words"), [(-9, "SIGKILL"), (-40, "signal 40"), (1, "status 1"), (0, "status 0")])
def test_the_end_of_any_process_is_named_and_ends_the_graph_or_starts_it_again(name, respawn, ends, status, words):
    context, found = processes(respawn=respawn)
    assert len(found) == 4
    on_exit = found[name]._ExecuteLocal__on_exit
    actions = on_exit(SimpleNamespace(returncode=status), context)
    assert [type(action) for action in actions] == [EmitEvent if ends else LogInfo]
    told = actions[0].event.reason if ends else perform_substitutions(context, actions[0].msg)
    assert f"{name} ended with {words}" in told
    assert ("the others end, too" in told) == ends


def test_what_ends_with_the_launch_is_not_named():
    context, found = processes()
    context._set_is_shutdown(True)
    assert found["emotion_node"]._ExecuteLocal__on_exit(SimpleNamespace(returncode=0), context) == []


@pytest.mark.parametrize(("pushed", "namespace", "found"), [
    ("/fleet", "", "/fleet"), ("/fleet", "robot", "/fleet/robot"), ("/fleet", "/robot", "/robot"), ("/", "robot", "/robot")])
def test_the_namespace_that_an_including_file_has_pushed_holds(pushed, namespace, found):
    _, nodes = processes(ros_namespace=pushed, namespace=namespace)
    assert {name: node.node_name for name, node in nodes.items()} == {
        "camera_node": f"{found}/camera/camera_node",
        **{name: f"{found}/fer/{name}" for name in ("face_detector_node", "emotion_node", "overlay_node")}}
    assert ("image", f"{found}/camera/image_raw") in nodes["emotion_node"].expanded_remapping_rules


def values(context: LaunchContext, node: Node) -> dict[str, object]:
    """The parameters that the node is given by files beside the shipped one: of the sections for it, the last new one wins."""
    sections: dict[str, dict[str, object]] = {}
    for file in node._Node__parameters:
        path = Path(str(file.evaluate(context)))
        for section, content in yaml.safe_load(path.read_text()).items():
            if section == "/**" or section.endswith(f"/{node.node_executable}"):
                told = {} if path == default_params_file() else content["ros__parameters"]
                sections.setdefault(section, {}).update(told)
    return {name: value for content in sections.values() for name, value in content.items()}


def test_the_topics_of_rep_155_and_another_detector_are_arguments():
    context, found = processes(faces="hri", hri="true", humans_namespace="/robot1/humans")
    assert set(found) == {"hri_faces_node", "emotion_node", "overlay_node", "hri_node", "camera_node"}
    for name in ("hri_faces_node", "hri_node"):
        assert values(context, found[name])["humans_namespace"] == "/robot1/humans"
    assert values(context, found["hri_node"])["publish_faces"] is False
    context, found = processes(faces="/other/faces")
    assert set(found) == {"emotion_node", "overlay_node", "camera_node"}
    remapped = [perform_substitutions(context, new) for _, new in found["emotion_node"]._Node__remappings]
    assert "/other/faces" in remapped


@pytest.mark.parametrize(("arguments", "reason"), [
    ({"humans_namespace": "/a"}, "add hri:=true or faces:=hri"), ({"faces": "a b"}, "'a b' is no ROS topic"),
    ({"hri": "maybe"}, "hri must be true or false"), ({"hri": "true", "ids": "false"}, "cannot be published without ids")])
def test_arguments_about_people_that_make_no_sense_are_refused(arguments, reason):
    with pytest.raises(RuntimeError, match=reason):
        processes(**arguments)


def command_of(context: LaunchContext, node: Node) -> list[str]:
    """The words that a node is started with, those that launch fills in only then as they are."""
    return [perform_substitutions(context, word) for word in node.cmd if len(word) == 1 and hasattr(word[0], "text")]


def test_parameters_of_a_group_are_for_the_nodes_that_have_them(tmp_path):
    (tmp_path / "group.yaml").write_text("/**: {ros__parameters: {max_faces: 7, of_others: 1}}\n")
    group = (SetParameter("flip", "both"), SetParameter("use_sim_time", True), SetParameter("of_others", 5),
             SetParametersFromFile(str(tmp_path / "group.yaml")))
    context, found = processes(*group)
    assert values(context, found["camera_node"])["flip"] == "both"
    assert values(context, found["emotion_node"])["max_faces"] == 7
    assert all(values(context, node)["use_sim_time"] is True for node in found.values())
    for node in found.values():  # where launch puts them, every file wins over them, and nodes warn of what they have not
        assert "-p" not in command_of(context, node)
        assert str(tmp_path / "group.yaml") not in command_of(context, node)
    context, found = processes(*group, flip="none")
    assert values(context, found["camera_node"])["flip"] == "none"
    assert context.launch_configurations["global_params"], "what comes after in the group has them, too"


def test_parameters_of_a_group_with_a_value_that_is_not_allowed_are_refused():
    with pytest.raises(RuntimeError, match=r"flip must be one of none, horizontal, .* not 'sideways'"):
        processes(SetParameter("flip", "sideways"))


@pytest.mark.parametrize("pushed", ["", "/fleet"])
def test_who_looks_at_the_image_follows_a_topic_that_is_renamed(pushed):
    for rule in ("image_raw", f"{pushed}/camera/image_raw"):
        _, found = processes(SetRemap(rule, "/front/image"), ros_namespace=pushed)
        rules = {name: dict(reversed(node.expanded_remapping_rules)) for name, node in found.items()}
        for name in ("face_detector_node", "emotion_node", "overlay_node"):
            assert rules[name]["image"] == "/front/image"
        assert rules["camera_node"][rule] == "/front/image"


NAMED = [  # arguments, and what they set
    ({"flip": "both"}, "camera_node", {"flip": "both"}),
    ({"loop": "True"}, "camera_node", {"loop": True}),
    ({"frame_id": "head_optical_frame"}, "camera_node", {"frame_id": "head_optical_frame"}),
    ({"width": "320", "height": "240", "fps": "12"}, "camera_node", {"width": 320, "height": 240, "fps": 12.0}),
    ({"model": "emotion.onnx"}, "emotion_node", {"model": "emotion.onnx"}),
    ({"detector": "face_detection_yunet_2023mar.onnx"}, "face_detector_node", {"model": "face_detection_yunet_2023mar.onnx"}),
    ({"image_reliability": "reliable"}, "overlay_node", {"image_reliability": "reliable"}),
    ({"autostart": "false"}, "emotion_node", {"autostart": False}),
    ({"use_sim_time": "true"}, "camera_node", {"use_sim_time": True}),
    ({"use_sim_time": "true"}, "face_detector_node", {"use_sim_time": True}),
    ({"anonymize": "box"}, "overlay_node", {"anonymize": "box"}),
    ({"web": "true", "web_port": "0", "web_host": "0.0.0.0"}, "web_node", {"port": 0, "host": "0.0.0.0"}),
]


@pytest.mark.parametrize(("arguments", "node", "found"), NAMED)
def test_an_argument_sets_its_parameter_and_wins_over_the_users_file(tmp_path, arguments, node, found):
    mine = tmp_path / "mine.yaml"
    mine.write_text("/**: {ros__parameters: {autostart: true}}\n"
                    "/**/camera_node: {ros__parameters: {flip: vertical, fps: 3.0}}\n")
    context, nodes = processes(params_file=str(mine), **arguments)
    told = values(context, nodes[node])
    assert {name: told[name] for name in found} == found
    assert "reliability" not in str(values(context, nodes["camera_node"])), "of who listens, not of who publishes"


def test_a_users_file_may_lie_at_home_and_empty_is_the_one_that_ships(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("/**/camera_node: {ros__parameters: {flip: vertical}}\n")
    context, nodes = processes(params_file="~/mine.yaml")  # no shell replaces ~ behind :=
    assert values(context, nodes["camera_node"])["flip"] == "vertical"
    context, nodes = processes(params_file="")
    assert "flip" not in values(context, nodes["camera_node"])


@pytest.mark.parametrize(("arguments", "reason"), [
    ({"flip": "sideways"}, "flip must be one of none, horizontal, vertical, both, not 'sideways'"),
    ({"fps": "fast"}, "fps must be a number, not 'fast'"),
    ({"width": "6.5", "height": "4"}, "width must be a whole number, not '6.5'"),
    ({"width": "640"}, "width and height go together"),
    ({"fps": "-1"}, "fps must be from 0 to 1000 Hz, not -1"),
    ({"loop": "maybe"}, "loop must be true or false, not 'maybe'"),
    ({"overlay": "maybe"}, "overlay must be true or false, not 'maybe'"),
    ({"use_sim_time": "simulated"}, "use_sim_time must be true or false"),
    ({"model": "none.onnx"}, r"none\.onnx not found"),
    ({"detector": "./none.onnx"}, r"none\.onnx not found"),
    ({"detector": "a.onnx", "faces": "/other/faces"}, "detector is about face_detector_node, which the graph has not"),
    ({"camera_info_file": "none.yaml"}, "calibration none.yaml cannot be read: it does not exist"),
    ({"camera_info_file": "package://nobodys/camera.yaml"}, "the package nobodys is not installed"),
    ({"source": "none.mp4"}, "source 'none.mp4' does not exist"),
    ({"source": "rtsp://${NOT_SET}@camera/live"}, "environment variable NOT_SET"),
    ({"image_reliability": "sometimes"}, "image_reliability must be one of .*reliable.*, not 'sometimes'"),
    ({"anonymize": "hide"}, "anonymize must be one of none, blur, pixelate, box, not 'hide'"),
    ({"log_level": "loud"}, "log_level must be one of debug, info, warn, error, fatal, not 'loud'"),
    ({"respawn": "often"}, "respawn must be true or false"),
    ({"web_port": "80"}, "web_port is about the live page: add web:=true"),
    ({"web": "true", "web_port": "99999"}, "web_port must be from 0 to 65535, not 99999"),
    ({"params_file": "none.yaml"}, "none.yaml cannot be read: it does not exist"),
    ({"image": "/x", "flip": "both", "source": ""}, "image:=/x is in place of a camera node: flip cannot be given as well"),
    ({"namespace": "my robot"}, "'/?my robot' is no ROS namespace"),
])
def test_a_wrong_value_is_refused_in_one_line_before_anything_starts(arguments, reason):
    with pytest.raises(RuntimeError, match=reason) as refused:
        processes(**arguments)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("words", "included", "said"), [
    (["modle:=x", "source:=demo"], {}, ["there is no argument modle: did you mean model?"]), (["robot:=r2"], {}, []),
    ([], {"imgae": "/x", "robot": "r2"}, ["there is no argument imgae: did you mean image?"]),
    ([], {"sources": "of the including file", "source": "demo", "ros_namespace": "/fleet"}, [])])
def test_an_argument_that_is_misspelt_is_told_of(words, included, said):
    context = LaunchContext(argv=words)
    known = arguments_of("webcam")
    context.launch_configurations.update({**{one.name: one.default for one in known}, **included})
    assert Arguments(context, known).misspelt() == said


def test_each_argument_is_explained_in_sentences_with_what_is_allowed():
    for name in ("webcam", "replay", "cameras"):
        source = PythonLaunchDescriptionSource(str(share_directory() / "launch" / f"{name}.launch.py"))
        told = {one.name: one.description for one in source.get_launch_description(LaunchContext()).get_launch_arguments()}
        assert {"model", "detector", "image_reliability", "use_sim_time", "anonymize", "namespace"} <= set(told)
        assert all(text[0].isupper() or text.startswith("debug") for text in told.values())
        assert all(text.endswith(".") for text in told.values())
        assert "reliable" in told["image_reliability"]
        assert {"web", "web_host", "web_port", "web_control", "hri", "humans_namespace"} <= set(told)
        assert ("image_transport" in told) == ("image_transport" in parameters_of("emotion_node"))
    assert {"source", "flip", "loop", "frame_id", "camera_info_file", "web", "hri"} <= {
        one.name for one in PythonLaunchDescriptionSource(str(share_directory() / "launch" / "webcam.launch.py"))
        .get_launch_description(LaunchContext()).get_launch_arguments()}


def test_the_cameras_of_a_list_are_in_one_process(tmp_path):
    cameras = tmp_path / "cameras.yaml"
    cameras.write_text("- {name: left, source: demo, fps: 15}\n- {name: right, source: demo}\n")
    context, found = processes(launch_file="cameras", cameras=str(cameras), ros_namespace="/fleet", frame_id="x")
    assert set(found) == {"pipeline_node"}
    assert found["pipeline_node"].node_name == "/fleet/pipeline_node"
    sections = {}
    for file in found["pipeline_node"]._Node__parameters:
        for name, content in yaml.safe_load(Path(str(file.evaluate(context))).read_text()).items():
            sections.setdefault(name.removeprefix("/**"), {}).update(content["ros__parameters"])
    assert sections["/fleet/left/camera/camera_node"] == {"source": "demo", "fps": 15.0, "frame_id": "left_optical_frame"}


@pytest.mark.parametrize(("text", "reason"), [(None, "cameras is empty"), ("- {name: a}", "yaml:1: a has no source"),
                                              ("- {name: a, source: none.mp4}", "source 'none.mp4' does not exist")])
def test_a_list_of_cameras_that_cannot_be_is_refused_before_anything_starts(tmp_path, text, reason):
    file = tmp_path / "cameras.yaml"
    file.write_text(text or "")
    with pytest.raises(RuntimeError, match=reason):
        processes(launch_file="cameras", cameras=str(file) if text else "")


@pytest.fixture
def two_cameras(tmp_path) -> str:
    """A list of two cameras, as a file."""
    file = tmp_path / "cameras.yaml"
    file.write_text("- {name: left, source: demo}\n- {name: right, image: /driver/image_raw}\n")
    return str(file)


def values_of(context: LaunchContext, node: Node, name: str) -> dict[str, object]:
    """What the files of a process say to one of its nodes, by its full name."""
    found: dict[str, object] = {}
    for file in node._Node__parameters:
        for section, content in yaml.safe_load(Path(str(file.evaluate(context))).read_text()).items():
            if section.removeprefix("/**") == name:
                found |= content["ros__parameters"]
    return found


def test_the_people_of_several_cameras_are_told_of_by_one_node(two_cameras):
    context, found = processes(launch_file="cameras", cameras=two_cameras, hri="true", humans_namespace="/r/humans")
    told = values_of(context, found["pipeline_node"], "/fer/hri_node")
    assert told == {"cameras": "left,right", "humans_namespace": "/r/humans"}
    assert values_of(context, found["pipeline_node"], "/pipeline_node")["hri"] is True
    assert ("right/image", "/driver/image_raw") in found["pipeline_node"].expanded_remapping_rules


def test_each_of_several_cameras_has_a_page_with_a_port_of_its_own(two_cameras):
    context, found = processes(launch_file="cameras", cameras=two_cameras, web="true", web_port="9000", web_control="false")
    for name, port in (("left", 9000), ("right", 9001)):
        told = values_of(context, found["pipeline_node"], f"/{name}/fer/web_node")
        assert (told["port"], told["web_control"]) == (port, False)
    assert values_of(context, found["pipeline_node"], "/pipeline_node")["web"] is True


@pytest.mark.parametrize(("arguments", "reason"), [
    ({"web_port": "80"}, "web_port is about the live page: add web:=true"),
    ({"web": "true", "web_port": "65535"}, "no port for the page of right: .* choose a lower web_port"),
    ({"web": "true", "web_port": "65536"}, "web_port must be from 0 to 65535, not 65536"),
    ({"web": "true", "web_control": "maybe"}, "web_control must be true or false"),
    ({"humans_namespace": "/a"}, "about the topics of REP-155: add hri:=true$"),
    ({"hri": "maybe"}, "hri must be true or false"), ({"hri": "true", "ids": "false"}, "cannot be published without ids"),
    ({"hri": "true", "humans_namespace": "a b"}, "humans_namespace must be a ROS name")])
def test_arguments_about_several_cameras_that_make_no_sense_are_refused(two_cameras, arguments, reason):
    with pytest.raises(RuntimeError, match=reason) as refused:
        processes(launch_file="cameras", cameras=two_cameras, **arguments)
    assert "\n" not in str(refused.value)


class Launched:
    """A launch of the demo, each node in its own process, that ends by itself.

    Attributes:
        status: its exit status.
        ended: the exit statuses of the nodes.
    """

    def __init__(self, on_start: Callable[[ProcessStarted], object]):
        self.ended: list[int] = []
        source = PythonLaunchDescriptionSource(str(share_directory() / "launch" / "webcam.launch.py"))
        arguments = {"source": "demo", "composed": "false", "namespace": f"launched_{os.getpid()}"}
        service = LaunchService(noninteractive=True)
        service.include_launch_description(LaunchDescription([
            RegisterEventHandler(OnProcessStart(on_start=lambda event, context: on_start(event))),
            RegisterEventHandler(OnProcessExit(on_exit=lambda event, context: self.ended.append(event.returncode))),
            IncludeLaunchDescription(source, launch_arguments=arguments.items()),
        ]))
        self.status = asyncio.new_event_loop().run_until_complete(service.run_async())


@pytest.fixture(autouse=True)
def domain(monkeypatch):
    monkeypatch.setenv("ROS_DOMAIN_ID", str(1 + os.getpid() % 90))


def test_the_death_of_a_node_ends_the_launch_with_an_error_and_others_hear_of_it():
    made = Launched(lambda event: os.kill(event.pid, signal.SIGKILL) if "emotion_node" in event.process_name else None)
    assert made.status == 1
    assert len(made.ended) == 4
    assert -9 in made.ended


def test_a_launch_that_ends_while_its_nodes_start_takes_no_parameters_away_from_them():
    files: list[Path] = []

    def started(event: ProcessStarted) -> list[Shutdown]:
        files.extend(Path(word) for before, word in itertools.pairwise(event.cmd) if before == "--params-file")
        return [Shutdown()] if "camera_node" in event.process_name else []

    made = Launched(started)
    assert made.status == 0
    assert len(made.ended) == 4
    assert len(files) > 4
    assert all(file.is_file() for file in files)  # some were still to be read


def test_the_nodes_end_with_a_launch_that_is_killed():
    context, found = processes()
    environments = [dict((perform_substitutions(context, key), perform_substitutions(context, value))
                         for key, value in node._ExecuteLocal__process_description.additional_env)
                    for node in found.values()]
    assert [one["FER_ROS_PARENT"] for one in environments] == [str(os.getpid())] * 4
