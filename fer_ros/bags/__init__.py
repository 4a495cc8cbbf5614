"""Recorded bags, read and written through `rosbags`, without a ROS installation."""
