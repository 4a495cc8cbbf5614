"""webcam.launch.py on the demo clip, through launch_testing: answers come, with the contract's names, and it ends cleanly."""

import importlib.util
import os
import re
import time
import unittest
import urllib.request

import pytest

_WHY = "a ROS installation has it, PyPI does not: the launch file is not started here"
pytest.importorskip("launch_testing", reason=f"launch_testing is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import launch  # noqa: E402
import launch_testing.actions  # noqa: E402
import launch_testing.asserts  # noqa: E402
import rclpy  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

from fer_ros.msg import EmotionArray, EmotionEvent  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402
from fer_ros.ros.messages import stamp_key  # noqa: E402

LAUNCH_FILE = share_directory() / "launch" / "webcam.launch.py"
DOMAIN = 1 + os.getpid() % 90
PAGE = importlib.util.find_spec("aiohttp") is not None  # fer_ros[web]


@pytest.mark.launch_test
@launch_testing.parametrize("composed, processes", [("true", 1), ("false", 4 + PAGE)])
def generate_test_description(composed, processes):
    os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        os.environ.pop(name, None)
    graph = launch.actions.IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LAUNCH_FILE)),
        launch_arguments={"source": "demo", "namespace": "robot", "composed": composed,
                          **({"web": "true", "web_port": "0", "web_control": "false"} if PAGE else {})}.items(),
    )
    return launch.LaunchDescription([graph, launch_testing.actions.ReadyToTest()])


class TestGraph(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rclpy.init(domain_id=DOMAIN)
        cls.node = rclpy.create_node("test_webcam_launch")

    @classmethod
    def tearDownClass(cls):
        cls.node.destroy_node()
        rclpy.shutdown()

    def wait_for(self, condition, what):
        deadline = time.monotonic() + 90
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waited in vain for {what}")
            rclpy.spin_once(self.node, timeout_sec=0.05)

    def test_emotions_and_overlay_come_with_the_stamps_of_their_images(self):
        events = []
        self.node.create_subscription(EmotionEvent, "/robot/fer/events", events.append, QoSProfile(depth=50))
        heard = {topic: [] for topic in ("camera/camera_info", "fer/faces", "fer/emotions", "fer/overlay")}
        kinds = (CameraInfo, Detection2DArray, EmotionArray, Image)
        for (topic, messages), kind in zip(heard.items(), kinds, strict=True):
            self.node.create_subscription(kind, f"/robot/{topic}", messages.append, QoSProfile(depth=50))
        self.wait_for(lambda: all(len(messages) >= 10 for messages in heard.values()), "ten messages of each topic")
        stamps = {topic: {stamp_key(m.header) for m in messages} for topic, messages in heard.items()}
        self.assertTrue(stamps["fer/emotions"] & stamps["camera/camera_info"])
        self.assertTrue(stamps["fer/emotions"] & stamps["fer/faces"])
        answer = heard["fer/emotions"][-1]
        self.assertEqual(answer.header.frame_id, "camera_optical_frame")
        self.assertEqual(answer.emotions[0].label, "happy")
        self.wait_for(lambda: any(event.kind == EmotionEvent.APPEARED for event in events), "somebody to appear")
        (came, *_) = [event for event in events if event.kind == EmotionEvent.APPEARED]
        self.assertEqual((came.label, came.header.frame_id), ("happy", "camera_optical_frame"))

    @unittest.skipUnless(PAGE, "the live page needs more packages (pip install 'fer_ros[web]')")
    def test_the_page_is_where_the_terminal_says(self, proc_output):
        def addresses():
            return re.findall(rb"the page is on (http://127\.0\.0\.1:\d+/)", b"".join(io.text for io in proc_output))

        self.wait_for(addresses, "the page's address")
        with urllib.request.urlopen(addresses()[0].decode(), timeout=60) as answer:
            self.assertIn(b"<title>fer_ros live</title>", answer.read())


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    def test_every_process_ends_with_status_0(self, proc_info, processes):
        launch_testing.asserts.assertExitCodes(proc_info)
        self.assertEqual(len(proc_info.process_names()), processes)

    def test_no_node_complained(self, proc_output):
        text = b"".join(io.text for io in proc_output).decode()
        self.assertNotIn("Traceback", text)
        self.assertNotIn("[ERROR]", text)
