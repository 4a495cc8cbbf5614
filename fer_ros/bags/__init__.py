# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Recorded bags, read and written through `rosbags`, without a ROS installation."""

try:
    import rosbags.rosbag1
    import rosbags.rosbag2  # noqa: F401  (with what it needs itself: lz4, zstd)
except ImportError as error:
    raise ImportError(f"bags need the package rosbags and what it needs ({error}): pip install rosbags") from None
