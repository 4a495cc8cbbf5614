"""Recorded bags, read and written through `rosbags`, without a ROS installation."""

try:
    import rosbags.rosbag1
    import rosbags.rosbag2  # noqa: F401  (with what it needs itself: lz4, zstd)
except ImportError as error:
    raise ImportError(f"bags need the package rosbags and what it needs ({error}): pip install rosbags") from None
