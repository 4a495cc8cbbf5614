"""The bridge between ROS 2 and `fer_ros.core`: parameters, images, messages, QoS, diagnostics, stamp matching."""
