"""webcam.launch.py twice in another launch file, as robots include it: names, topics, services and parameters move along."""

import os
import time
import unittest

import pytest

_WHY = "a ROS installation has it, PyPI does not: the launch file is not started here"
pytest.importorskip("launch_testing", reason=f"launch_testing is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import launch  # noqa: E402
import launch_testing.actions  # noqa: E402
import launch_testing.asserts  # noqa: E402
import rclpy  # noqa: E402
from launch.actions import GroupAction, IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from launch_ros.actions import PushRosNamespace, SetParameter, SetRemap  # noqa: E402
from rcl_interfaces.srv import GetParameters  # noqa: E402
from rclpy.parameter import parameter_value_to_python  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402

from fer_ros.msg import EmotionArray  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402

LAUNCH_FILE = share_directory() / "launch" / "webcam.launch.py"
DOMAIN = 1 + os.getpid() % 90


def graph(**arguments):
    given = {"source": "demo", "loop": "true", "fps": "5", "overlay": "false", **arguments}
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(str(LAUNCH_FILE)), launch_arguments=given.items())


@pytest.mark.launch_test
@launch_testing.parametrize("composed", ["true", "false"])
def generate_test_description(composed):
    os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        os.environ.pop(name, None)
    return launch.LaunchDescription([
        GroupAction([PushRosNamespace("robot1"), SetRemap("image_raw", "picture"), SetRemap("emotions", "moods"),
                     SetParameter("max_faces", 2), SetParameter("of_another_package", "x"), graph(composed=composed)]),
        GroupAction([PushRosNamespace("robot2"), PushRosNamespace("head"), graph(composed=composed, namespace="left")]),
        launch_testing.actions.ReadyToTest()])


class TestGraphs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rclpy.init(domain_id=DOMAIN)
        cls.node = rclpy.create_node("test_include_launch")

    @classmethod
    def tearDownClass(cls):
        cls.node.destroy_node()
        rclpy.shutdown()

    def wait_for(self, condition, what):
        deadline = time.monotonic() + 90
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waited in vain for {what}")
            rclpy.spin_once(self.node, timeout_sec=0.05)

    def parameter(self, node, name):
        client = self.node.create_client(GetParameters, f"{node}/get_parameters")
        self.wait_for(client.service_is_ready, node)
        future = client.call_async(GetParameters.Request(names=[name]))
        self.wait_for(future.done, f"{name} of {node}")
        return parameter_value_to_python(future.result().values[0])

    def test_each_graph_answers_below_its_namespace_and_under_new_names(self):
        heard = {"/robot1/fer/moods": [], "/robot2/head/left/fer/emotions": []}
        for topic, messages in heard.items():
            self.node.create_subscription(EmotionArray, topic, messages.append, QoSProfile(depth=50))
        self.wait_for(lambda: all(any(message.emotions for message in messages) for messages in heard.values()), "emotions")
        nodes = {f"{namespace.rstrip('/')}/{name}" for name, namespace in self.node.get_node_names_and_namespaces()
                 if name.endswith("_node")}
        for prefix in ("/robot1", "/robot2/head/left"):
            self.assertLessEqual({f"{prefix}/camera/camera_node", f"{prefix}/fer/face_detector_node",
                                  f"{prefix}/fer/emotion_node"}, nodes)
        self.assertFalse({name for name in nodes if not name.startswith(("/robot1/", "/robot2/head/left/"))})
        topics = {name for name, _ in self.node.get_topic_names_and_types()}
        self.assertLessEqual({"/robot1/camera/picture", "/robot2/head/left/camera/image_raw"}, topics)
        self.assertFalse({name for name in topics if name.startswith(("/camera", "/fer")) or name.endswith("/fer/image")})
        services = {name for name, _ in self.node.get_service_names_and_types()}
        self.assertLessEqual({"/robot1/fer/emotion_node/enable", "/robot2/head/left/fer/emotion_node/change_state"}, services)

    def test_parameters_of_a_group_reach_its_graph_alone(self):
        self.assertEqual(self.parameter("/robot1/fer/emotion_node", "max_faces"), 2)
        self.assertNotEqual(self.parameter("/robot2/head/left/fer/emotion_node", "max_faces"), 2)


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    def test_every_process_ends_with_status_0(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)

    def test_no_node_complained(self, proc_output):
        text = b"".join(io.text for io in proc_output).decode()
        self.assertNotIn("Traceback", text)
        self.assertNotIn("[ERROR]", text)
        self.assertNotIn("of_another_package", text)
