"""cameras.launch.py on two clips, through launch_testing: each camera has names, ids and a frame of its own."""

import os
import tempfile
import time
import unittest
from pathlib import Path

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
from vision_msgs.msg import Detection2DArray  # noqa: E402

from fer_ros.msg import EmotionArray  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402

LAUNCH_FILE = share_directory() / "launch" / "cameras.launch.py"
DOMAIN = 1 + os.getpid() % 90


@pytest.mark.launch_test
def generate_test_description():
    os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
    for name in ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"):
        os.environ.pop(name, None)
    cameras = Path(tempfile.mkdtemp()) / "cameras.yaml"
    cameras.write_text("- {name: left, source: demo, loop: true, fps: 10}\n"
                       "- {name: right, source: demo, loop: true, fps: 5, frame_id: right_eye_optical_frame}\n")
    graph = launch.actions.IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LAUNCH_FILE)),
        launch_arguments={"cameras": str(cameras), "namespace": "robot", "overlay": "false"}.items())
    return launch.LaunchDescription([graph, launch_testing.actions.ReadyToTest()])


class TestGraph(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rclpy.init(domain_id=DOMAIN)
        cls.node = rclpy.create_node("test_cameras_launch")

    @classmethod
    def tearDownClass(cls):
        cls.node.destroy_node()
        rclpy.shutdown()

    def test_each_camera_answers_with_ids_and_a_frame_that_say_which_it_is(self):
        heard = {(camera, topic): [] for camera in ("left", "right") for topic in ("emotions", "faces")}
        for (camera, topic), messages in heard.items():
            kind = EmotionArray if topic == "emotions" else Detection2DArray
            self.node.create_subscription(kind, f"/robot/{camera}/fer/{topic}", messages.append, QoSProfile(depth=50))
        deadline = time.monotonic() + 90
        while not all(len(messages) >= 10 for messages in heard.values()):
            self.assertLess(time.monotonic(), deadline, "waited in vain for ten messages of each topic")
            rclpy.spin_once(self.node, timeout_sec=0.05)
        for camera, frame in (("left", "left_optical_frame"), ("right", "right_eye_optical_frame")):
            answers = heard[camera, "emotions"]
            self.assertEqual({answer.header.frame_id for answer in answers}, {frame})
            ids = {emotion.face_id for answer in answers for emotion in answer.emotions}
            ids |= {face.id for message in heard[camera, "faces"] for face in message.detections}
            self.assertTrue(ids)
            self.assertTrue(all(name.startswith(f"{camera}_") for name in ids), ids)


@launch_testing.post_shutdown_test()
class TestShutdown(unittest.TestCase):
    def test_the_one_process_ends_with_status_0(self, proc_info):
        launch_testing.asserts.assertExitCodes(proc_info)
        self.assertEqual(len(proc_info.process_names()), 1)

    def test_no_node_complained(self, proc_output):
        text = b"".join(io.text for io in proc_output).decode()
        self.assertNotIn("Traceback", text)
        self.assertNotIn("[ERROR]", text)
