# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a command's exit status says, beside 0 (done), 1 (failed) and 2 (wrong arguments)."""

SKIPPED = 3
"""Done, but images that could not be read were left out."""

INTERRUPTED = 130
"""Ended by a signal; what had been done is kept, where that is said."""

NO_ROS = "fer-ros: ROS 2 or the package's messages cannot be imported ({error}): `fer-ros doctor` says what to do"
"""What is said where rclpy or a message is missing."""
