# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The parameters of a replay, which are known without `rosbags` that plays it."""

from __future__ import annotations

from dataclasses import dataclass

from fer_ros.parameters.params import param


@dataclass(frozen=True)
class ReplayParams:
    """Which bag, and how it is played."""

    bag: str = param("", "A bag: a folder of rosbag2, its .mcap or .db3 file, or a .bag of ROS 1.", live=False)
    topic: str = param("", "The topic with its images, raw or compressed; empty takes the only one there is.", live=False)
    rate: float = param(1.0, "How many times as fast as it was recorded it is played.", range=(0.01, 100.0))
    loop: bool = param(False, "Play it again when it ends. Time jumps back then, and faces get new ids.", live=False)
    clock: bool = param(False, "Publish the time of the recording on /clock, for nodes with use_sim_time.", live=False)
