"""The bridge between ROS 2 and the rest: parameters, images, messages, QoS, diagnostics, stamp matching."""
