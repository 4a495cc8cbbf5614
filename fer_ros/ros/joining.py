# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The one way in which a process of ours joins the ROS graph."""

from __future__ import annotations

import os
from collections.abc import Sequence

import rclpy
from rclpy.signals import SignalHandlerOptions

from fer_ros.dds import prepare


def join(arguments: Sequence[str] | None = (), *, images: bool = False, small: bool = False) -> None:
    """Initialize rclpy. Signals stay with the caller.

    Args:
        arguments: of ROS; None for those of the process.
        images: whether this process publishes images, and needs shared memory for them.
        small: whether these are known to be small ones (`fer_ros.dds.SMALL_IMAGE`).

    Raises:
        What `rclpy.init` raises.
    """
    problems = prepare(os.environ, images=images, small=small)
    rclpy.init(args=arguments if arguments is None else list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    for problem in problems:
        rclpy.logging.get_logger("fer_ros").warning(problem)
