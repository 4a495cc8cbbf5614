"""The one way in which a process of ours joins the ROS graph."""

from __future__ import annotations

import os
from collections.abc import Sequence

import rclpy
from rclpy.signals import SignalHandlerOptions

from fer_ros.dds import prepare


def join(arguments: Sequence[str] | None = (), *, images: bool = False) -> None:
    """Initialize rclpy. Signals stay with the caller.

    Args:
        arguments: of ROS; None for those of the process.
        images: whether this process publishes images, and needs shared memory for them.

    Raises:
        What `rclpy.init` raises.
    """
    problems = prepare(os.environ, images=images)
    rclpy.init(args=arguments if arguments is None else list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    for problem in problems:
        rclpy.logging.get_logger("fer_ros").warning(problem)
