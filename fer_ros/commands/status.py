"""What a command's exit status says, beside 0 (done), 1 (failed) and 2 (wrong arguments)."""

SKIPPED = 3
"""Done, but images that could not be read were left out."""

INTERRUPTED = 130
"""Ended by a signal; what had been done is kept, where that is said."""

NO_ROS = "fer-ros: ROS 2 or the package's messages cannot be imported ({error}): `fer-ros doctor` says what to do"
"""What is said where rclpy or a message is missing."""
