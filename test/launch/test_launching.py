"""What the launch files do when a process ends: whichever it is, it is named, and the graph ends or it is started again."""

from types import SimpleNamespace

import pytest

_WHY = "a ROS installation has it, PyPI does not"
pytest.importorskip("launch", reason=f"launch is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

from launch import LaunchContext  # noqa: E402
from launch.actions import LogInfo, Shutdown  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch.utilities import perform_substitutions  # noqa: E402
from launch_ros.actions import Node  # noqa: E402

from fer_ros.core.resources import share_directory  # noqa: E402


def processes(respawn: str) -> tuple[LaunchContext, dict[str, Node]]:
    """The processes of webcam.launch.py, each node in its own, by executable."""
    context = LaunchContext()
    source = PythonLaunchDescriptionSource(str(share_directory() / "launch" / "webcam.launch.py"))
    context.launch_configurations.update({"source": "demo", "composed": "false", "respawn": respawn})
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
@pytest.mark.parametrize(("status", "words"), [(-9, "SIGKILL"), (1, "status 1"), (0, "status 0")])
def test_the_end_of_any_process_is_named_and_ends_the_graph_or_starts_it_again(name, respawn, ends, status, words):
    context, found = processes(respawn)
    assert len(found) == 4
    on_exit = found[name]._ExecuteLocal__on_exit
    actions = on_exit(SimpleNamespace(returncode=status), context)
    assert [type(action) for action in actions] == [LogInfo, *([Shutdown] if ends else [])]
    told = perform_substitutions(context, actions[0].msg)
    assert f"{name} ended with {words}" in told
    assert ("started again" in told) or ends


def test_what_ends_with_the_launch_is_not_named():
    context, found = processes("false")
    context._set_is_shutdown(True)
    assert found["emotion_node"]._ExecuteLocal__on_exit(SimpleNamespace(returncode=0), context) == []
