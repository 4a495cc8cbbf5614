# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""cameras.launch.py on two clips and a topic, through launch_testing.

Each camera has names, ids and a frame of its own; all have one list of people.
"""

import re
import tempfile
import urllib.request
from pathlib import Path

import pytest

_WHY = "a ROS installation has it, PyPI does not: the launch file is not started here"
pytest.importorskip("launch_testing", reason=f"launch_testing is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import launch  # noqa: E402
import launch_testing.actions  # noqa: E402
import launched  # noqa: E402
import rclpy  # noqa: E402
from hri_msgs.msg import IdsList  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

from fer_ros.msg import EmotionArray  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402

LAUNCH_FILE = share_directory() / "launch" / "cameras.launch.py"


@pytest.mark.launch_test
def generate_test_description():
    launched.alone()
    cameras = Path(tempfile.mkdtemp()) / "cameras.yaml"
    cameras.write_text("- {name: left, source: demo, loop: true, fps: 10}\n"
                       "- {name: right, source: demo, loop: true, fps: 5, frame_id: right_eye_optical_frame}\n"
                       "- {name: top, image: /driver/image_raw}\n")
    graph = launch.actions.IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LAUNCH_FILE)),
        launch_arguments={"cameras": str(cameras), "namespace": "robot", "overlay": "false", "hri": "true",
                          "web": "true", "web_port": "0", "humans_namespace": "/robot/humans"}.items())
    return launch.LaunchDescription([graph, launch_testing.actions.ReadyToTest()])


class TestGraph(launched.Listening):
    def test_each_camera_answers_with_ids_and_a_frame_that_say_which_it_is(self):
        heard = {(camera, topic): self.listen(kind, f"/robot/{camera}/fer/{topic}") for camera in ("left", "right")
                 for topic, kind in (("emotions", EmotionArray), ("faces", Detection2DArray))}
        self.wait_for(lambda: all(len(messages) >= 10 for messages in heard.values()), "ten messages of each topic")
        for camera, frame in (("left", "left_optical_frame"), ("right", "right_eye_optical_frame")):
            answers = heard[camera, "emotions"]
            self.assertEqual({answer.header.frame_id for answer in answers}, {frame})
            ids = {emotion.face_id for answer in answers for emotion in answer.emotions}
            ids |= {face.id for message in heard[camera, "faces"] for face in message.detections}
            self.assertTrue(ids)
            self.assertTrue(all(name.startswith(f"{camera}_") for name in ids), ids)

    def test_a_topic_takes_the_place_of_a_source(self):
        heard = self.listen(EmotionArray, "/robot/top/fer/emotions")
        publisher = self.node.create_publisher(Image, "/driver/image_raw", 1)

        def answered():
            header = Header(frame_id="top", stamp=self.node.get_clock().now().to_msg())
            publisher.publish(Image(header=header, encoding="bgr8", width=64, height=48, step=192, data=bytes(64 * 48 * 3)))
            rclpy.spin_once(self.node, timeout_sec=0.2)
            return heard

        self.wait_for(answered, "an answer to the driver's images")
        self.assertEqual(heard[0].header.frame_id, "top")

    def test_one_list_says_who_is_in_front_of_all_cameras(self):
        lists = self.listen(IdsList, "/robot/humans/faces/tracked")
        self.wait_for(lambda: any({name.partition("_")[0] for name in one.ids} == {"left", "right"} for one in lists),
                      "a list with those of both cameras")
        self.assertEqual(self.node.count_publishers("/robot/humans/faces/tracked"), 1)

    def test_each_camera_has_a_page_that_leads_to_the_others(self, proc_output):
        told = {}

        def all_are_told():
            text = b"".join(io.text for io in proc_output)
            found = re.findall(rb"the page is on (http://127\.0\.0\.1:\d+/) for robot/(\w+)", text)
            told.update({name: address for address, name in found})
            return set(told) == {b"left", b"right", b"top"}

        self.wait_for(all_are_told, "the addresses of three pages")
        self.assertEqual(len(set(told.values())), 3)
        for address in told.values():
            with urllib.request.urlopen(address.decode(), timeout=30) as answer:
                self.assertIn(b"fer_ros live", answer.read())


class TestShutdown(launched.Ended):
    PROCESSES = 1
