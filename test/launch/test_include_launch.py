# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""webcam.launch.py twice in another launch file, as robots include it: names, topics, services and parameters move along."""

import pytest

_WHY = "a ROS installation has it, PyPI does not: the launch file is not started here"
pytest.importorskip("launch_testing", reason=f"launch_testing is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import launch  # noqa: E402
import launch_testing.actions  # noqa: E402
import launched  # noqa: E402
from launch.actions import GroupAction, IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_ros.actions import PushRosNamespace, SetParameter, SetRemap  # noqa: E402
from rcl_interfaces.srv import GetParameters  # noqa: E402
from rclpy.parameter import parameter_value_to_python  # noqa: E402

from fer_ros.msg import EmotionArray  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402

LAUNCH_FILE = share_directory() / "launch" / "webcam.launch.py"


def graph(**arguments):
    given = {"source": "demo", "loop": "true", "fps": "5", "overlay": "false", **arguments}
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH_FILE)), launch_arguments=given.items())


@pytest.mark.launch_test
@launch_testing.parametrize("composed, processes", [("true", 2), ("false", 6)])
def generate_test_description(composed, processes):
    launched.alone()
    return launch.LaunchDescription([
        GroupAction([PushRosNamespace("robot1"), SetRemap("image_raw", "picture"), SetRemap("emotions", "moods"),
                     SetParameter("max_faces", 2), SetParameter("of_another_package", "x"), graph(composed=composed)]),
        GroupAction([PushRosNamespace("robot2"), PushRosNamespace("head"), SetRemap("image", "/robot1/camera/picture"),
                     graph(composed=composed, namespace="left", frame_id="of_robot2")]),
        launch_testing.actions.ReadyToTest()])


class TestGraphs(launched.Listening):
    def parameter(self, node, name):
        answer = self.ask(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=[name]))
        return parameter_value_to_python(answer.values[0])

    def nodes(self):
        return {f"{namespace.rstrip('/')}/{name}" for name, namespace in self.node.get_node_names_and_namespaces()
                if name.endswith("_node")}

    def topics(self):
        return {name for name, _ in self.node.get_topic_names_and_types()}

    def services(self):
        return {name for name, _ in self.node.get_service_names_and_types()}

    def wait_for_names(self, found, *names):
        """Discovery goes on after the first answers: what is there already says nothing of what is not."""
        self.wait_for(lambda: found().issuperset(names), f"all of {', '.join(names)}")

    def test_each_graph_answers_below_its_namespace_and_under_new_names(self):
        heard = [self.listen(EmotionArray, topic) for topic in ("/robot1/fer/moods", "/robot2/head/left/fer/emotions")]
        self.wait_for(lambda: all(any(message.emotions for message in messages) for messages in heard), "emotions")
        self.assertEqual({message.header.frame_id for messages in heard for message in messages},
                         {"camera_optical_frame"}, "both look at the images of robot1")
        self.wait_for_names(self.nodes, *(f"{prefix}/{name}" for prefix in ("/robot1", "/robot2/head/left") for name in (
            "camera/camera_node", "fer/face_detector_node", "fer/emotion_node")))
        self.assertFalse({name for name in self.nodes() if not name.startswith(("/robot1/", "/robot2/head/left/"))})
        self.wait_for_names(self.topics, "/robot1/camera/picture", "/robot2/head/left/camera/image_raw")
        self.assertFalse({name for name in self.topics()
                          if name.startswith(("/camera", "/fer")) or name.endswith("/fer/image")})
        self.wait_for_names(self.services, "/robot1/fer/emotion_node/enable",
                            "/robot2/head/left/fer/emotion_node/change_state")

    def test_parameters_of_a_group_reach_its_graph_alone(self):
        self.assertEqual(self.parameter("/robot1/fer/emotion_node", "max_faces"), 2)
        self.assertNotEqual(self.parameter("/robot2/head/left/fer/emotion_node", "max_faces"), 2)


class TestShutdown(launched.Ended):
    UNSAID = (*launched.Ended.UNSAID, "of_another_package")
