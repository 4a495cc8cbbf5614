"""Real-time facial emotion recognition for ROS 2.

`core` runs anywhere (no ROS, no torch), `ros` and `nodes` are the ROS 2 graph, `training` makes the model.
"""

__version__ = "0.1.0"
