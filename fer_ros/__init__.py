"""Real-time facial emotion recognition for ROS 2.

`perception`, `media`, `drawing`, `parameters` and `models` run anywhere (no ROS, no torch), `ros` and `nodes` are the ROS 2
graph, `training` makes the model.
"""

import os

__version__ = "0.1.0"

# Before OpenCV is imported anywhere: what it and FFmpeg print about a file or camera that they cannot read, this package
# says itself, once and with what to do.
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
