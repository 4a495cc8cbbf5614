"""Camera, face detector, emotion and overlay: `ros2 launch fer_ros webcam.launch.py source:=0`.

The nodes and their wiring are described once, in fer_ros.graph, for this file and for `fer-ros run`.
"""

from typing import Any

from launch import LaunchDescription

from fer_ros.graph import Graph, webcam_graph
from fer_ros.launching import Arguments, launch_description

ARGUMENTS = (
    ("source", "", "device index or /dev/videoN, video file, image folder, rtsp:// or http:// URL, or 'demo'; "
     "${NAME} in it is an environment variable and @FILE the first line of a file, so that nobody sees a password; "
     "empty takes it from params_file"),
    ("width", "", "width of a frame in pixels; empty takes it from params_file"),
    ("height", "", "height of a frame in pixels; empty takes it from params_file"),
    ("fps", "", "frames per second; empty takes it from params_file"),
    ("image", "", "topic with the images of another camera driver, in place of a camera node"),
)


def _graph(given: Arguments, **how: Any) -> Graph:
    camera = given.named({"source": str, "width": int, "height": int, "fps": float})
    image = given.text("image")
    if image and camera:
        raise RuntimeError(f"image:={image} is in place of a camera node: {', '.join(camera)} cannot be given as well")
    return webcam_graph(camera, image=image, **how)


def generate_launch_description() -> LaunchDescription:
    return launch_description(ARGUMENTS, _graph)
