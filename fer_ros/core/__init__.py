"""Frames in, faces and emotions out. Nothing in here imports ROS or torch."""

import os

# Before OpenCV is imported anywhere: what it and FFmpeg print about a file or camera that they cannot read, this package
# says itself, once and with what to do.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
