"""Recorded bags, read and written through `rosbags`, without a ROS installation."""

try:
    import rosbags  # noqa: F401
except ImportError as error:
    raise ImportError(f"bags need the package rosbags ({error}): pip install rosbags") from None
