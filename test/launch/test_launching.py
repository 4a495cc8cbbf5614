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

from launch import LaunchContext, LaunchDescription, LaunchService  # noqa: E402
from launch.actions import EmitEvent, IncludeLaunchDescription, LogInfo, RegisterEventHandler, Shutdown  # noqa: E402
from launch.event_handlers import OnProcessExit, OnProcessStart  # noqa: E402
from launch.events.process import ProcessStarted  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch.utilities import perform_substitutions  # noqa: E402
from launch_ros.actions import Node  # noqa: E402

from fer_ros.resources import share_directory  # noqa: E402


def processes(**configurations: str) -> tuple[LaunchContext, dict[str, Node]]:
    """The processes of webcam.launch.py, each node in its own, by executable."""
    context = LaunchContext()
    source = PythonLaunchDescriptionSource(str(share_directory() / "launch" / "webcam.launch.py"))
    context.launch_configurations.update({"source": "demo", "composed": "false", **configurations})
    found, waiting = {}, list(source.get_launch_description(context).entities)
    while waiting:
        entity = waiting.pop(0)
        if isinstance(entity, Node):
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
    context, nodes = processes(ros_namespace=pushed, namespace=namespace)
    for node in nodes.values():
        node._perform_substitutions(context)
    assert {name: node.node_name for name, node in nodes.items()} == {
        "camera_node": f"{found}/camera/camera_node",
        **{name: f"{found}/fer/{name}" for name in ("face_detector_node", "emotion_node", "overlay_node")}}
    assert ("image", f"{found}/camera/image_raw") in nodes["emotion_node"].expanded_remapping_rules


def values(context: LaunchContext, node: Node) -> dict[str, object]:
    """The parameters that the node is given by its files, those of a later file winning."""
    found: dict[str, object] = {}
    for file in node._Node__parameters:
        path = Path(str(file.evaluate(context)))
        for section, content in yaml.safe_load(path.read_text()).items():
            if section.endswith(f"/{node.node_executable}"):
                found |= content["ros__parameters"]
    return found


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
