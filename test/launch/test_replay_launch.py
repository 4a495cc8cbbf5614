# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""replay.launch.py on a small bag, through launch_testing: stamps and time are the bag's, and it ends cleanly."""

import tempfile
from pathlib import Path

import pytest

_WHY = "a ROS installation has it, PyPI does not: the launch file is not started here"
pytest.importorskip("launch_testing", reason=f"launch_testing is not installed ({_WHY})")
pytest.importorskip("launch_ros", reason=f"launch_ros is not installed ({_WHY})")

import launch  # noqa: E402
import launch_testing.actions  # noqa: E402
import launched  # noqa: E402
import numpy as np  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: E402
from rosbags.typesys import Stores, get_typestore  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402

from fer_ros.media.source import open_source  # noqa: E402
from fer_ros.media.source_params import SourceParams  # noqa: E402
from fer_ros.msg import EmotionArray  # noqa: E402
from fer_ros.resources import share_directory  # noqa: E402

LAUNCH_FILE = share_directory() / "launch" / "replay.launch.py"
KIND = "sensor_msgs/msg/Image"


def write_bag(folder: Path) -> Path:
    """The demo clip's first ten frames, one in 100 ms, from 5 s on."""
    store, source = get_typestore(Stores.ROS2_JAZZY), open_source(SourceParams(source="demo", realtime=False))
    make = store.types
    with Writer(folder / "bag", version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        connection = bag.add_connection("/eye/image_raw", KIND, typestore=store)
        for i in range(10):
            image = np.ascontiguousarray(source.read())
            header = make["std_msgs/msg/Header"](make["builtin_interfaces/msg/Time"](5, i * 10**8), "eye")
            message = make[KIND](header, *image.shape[:2], "bgr8", 0, image.shape[1] * 3, image.ravel())
            bag.write(connection, 5 * 10**9 + i * 10**8, store.serialize_cdr(message, KIND))
    source.close()
    return folder / "bag"


@pytest.mark.launch_test
@launch_testing.parametrize("composed, processes", [("true", 1), ("false", 4)])
def generate_test_description(composed, processes):
    launched.alone()
    bag = write_bag(Path(tempfile.mkdtemp()))
    graph = launch.actions.IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(LAUNCH_FILE)),
        launch_arguments={"bag": str(bag), "namespace": "robot", "loop": "true", "clock": "true",
                          "composed": composed}.items(),
    )
    return launch.LaunchDescription([graph, launch_testing.actions.ReadyToTest()])


class TestGraph(launched.Listening):
    def test_answers_have_the_bags_stamps_and_time_runs_with_them(self):
        answers, times = self.listen(EmotionArray, "/robot/fer/emotions"), self.listen(Clock, "/clock")
        self.wait_for(lambda: len(answers) >= 25 and len(times) >= 25, "25 answers")
        self.assertEqual({m.header.stamp.sec for m in answers}, {5})
        self.assertEqual({m.header.frame_id for m in answers}, {"eye"})
        self.assertEqual(answers[-1].emotions[0].label, "happy")
        self.assertEqual({m.clock.sec for m in times}, {5})


class TestShutdown(launched.Ended):
    """`processes` says how many there are."""
