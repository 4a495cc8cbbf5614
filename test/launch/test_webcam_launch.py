# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""webcam.launch.py on the demo clip, through launch_testing: answers come, with the contract's names, and it ends cleanly."""

import importlib.util
import re
import unittest
import urllib.request

import pytest

_WHY = "a ROS installation has it, PyPI does not: the launch file is not started here"
pytest.importorskip("launch_testing", reason=f"launch_testing is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import launch  # noqa: E402
import launch_testing.actions  # noqa: E402
import launched  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402
from vision_msgs.msg import Detection2DArray  # noqa: E402

from fer_ros.msg import EmotionArray, EmotionEvent  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402
from fer_ros.ros.messages import stamp_key  # noqa: E402

LAUNCH_FILE = share_directory() / "launch" / "webcam.launch.py"
PAGE = importlib.util.find_spec("aiohttp") is not None  # fer_ros[web]


@pytest.mark.launch_test
@launch_testing.parametrize("composed, processes", [("true", 1), ("false", 4 + PAGE)])
def generate_test_description(composed, processes):
    launched.alone()
    graph = launch.actions.IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LAUNCH_FILE)),
        launch_arguments={"source": "demo", "namespace": "robot", "composed": composed,
                          **({"web": "true", "web_port": "0", "web_control": "false"} if PAGE else {})}.items(),
    )
    return launch.LaunchDescription([graph, launch_testing.actions.ReadyToTest()])


class TestGraph(launched.Listening):
    def test_emotions_and_overlay_come_with_the_stamps_of_their_images(self):
        events = self.listen(EmotionEvent, "/robot/fer/events")
        kinds = {"camera/camera_info": CameraInfo, "fer/faces": Detection2DArray, "fer/emotions": EmotionArray,
                 "fer/overlay": Image}
        heard = {topic: self.listen(kind, f"/robot/{topic}") for topic, kind in kinds.items()}
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


class TestShutdown(launched.Ended):
    """`processes` says how many there are."""
