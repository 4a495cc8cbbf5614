"""camera_node: a camera, video, folder, stream or the demo clip as image_raw and camera_info."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from fer_ros.core.calibration import Calibration, load_calibration
from fer_ros.core.capture import Capture
from fer_ros.core.params import param
from fer_ros.core.source import SourceParams, flip_image, open_source, without_password
from fer_ros.core.types import Image as Pixels
from fer_ros.ros.images import from_bgr
from fer_ros.ros.messages import camera_info
from fer_ros.ros.node import ERROR, OK, WARN, FerNode, NodeParams, main_of
from fer_ros.ros.qos import ImageOutputParams, image_qos


@dataclass(frozen=True)
class CameraParams:
    """What the images are published as."""

    frame_id: str = param("camera_optical_frame", "Frame of the images: z forward, x right, y down.")
    camera_info_file: str = param("", "Calibration YAML of camera_calibration; empty publishes an uncalibrated "
                                  "CameraInfo.", live=False)
    wait_for_subscribers: int = param(
        0, "What has an end, a file say, starts when image_raw has so many subscribers, so that none misses the "
        "beginning.", range=(0, 100), live=False,
    )


class CameraNode(FerNode):
    NAME = "camera_node"
    PARAMS = (SourceParams, CameraParams, ImageOutputParams)

    _capture: Capture | None = None

    def setup(self) -> None:
        source = self.params[SourceParams]
        file = self.params[CameraParams].camera_info_file
        self._calibration: Calibration | None = load_calibration(Path(file).expanduser()) if file else None
        qos = image_qos(self.params[ImageOutputParams])
        self._images = self.advertise(Image, "image_raw", qos)
        self._infos = self.advertise(CameraInfo, "camera_info", qos)
        self.hardware_id = without_password(source.source)
        self._capture = Capture(
            lambda: open_source(source), self._publish, self._tell, lambda: self.enabled
        )

    def _tell(self, text: str, trouble: bool) -> None:
        self.say_once("source", text) if trouble else self.get_logger().info(text)

    def start(self) -> None:
        self._started = time.monotonic()
        self._capture.start(self._has_its_subscribers)

    def stop(self) -> None:
        if not self._capture.stop():
            self.get_logger().warning(f"{self.hardware_id} does not answer: it is let go when it does")

    def teardown(self) -> None:
        if self._capture is not None:
            self._capture.close()
            self._capture = None

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        state = self._capture.state
        level = {"unavailable": WARN, "failed": ERROR}.get(state.kind, OK)
        return level, state.text, {"source": state.kind, "subscribers": self._images.get_subscription_count()}

    def _has_its_subscribers(self) -> bool:
        """Whether a file may begin: it would play its first frames to nobody."""
        wanted, have = self.params[CameraParams].wait_for_subscribers, self._images.get_subscription_count()
        if have >= wanted or not self._capture.finite:
            return True
        if time.monotonic() - self._started > self.params[NodeParams].silence_timeout:
            self.say_once("subscribers", f"{self._images.topic_name} has {have} of the {wanted} subscribers that the "
                          "parameter wait_for_subscribers asks for")
        return False

    def _publish(self, image: Pixels) -> None:
        stamp = self.get_clock().now()
        if stamp.nanoseconds == 0:
            self.say_once("clock", "use_sim_time is on and /clock has not come: the images are stamped 0")
        image = flip_image(image, self.params[SourceParams].flip)
        header = Header(stamp=stamp.to_msg(), frame_id=self.params[CameraParams].frame_id)
        height, width = image.shape[:2]
        self.diagnostics.count("frames")
        durable = self.params[ImageOutputParams].image_durability == "transient_local"
        if durable or self._images.get_subscription_count():
            self._images.publish(from_bgr(image, header))
        self._infos.publish(camera_info(header, width, height, self._calibration_of(width, height)))

    def _calibration_of(self, width: int, height: int) -> Calibration | None:
        known = self._calibration
        if known is not None and (known.width, known.height) != (width, height):
            self.say_once("calibration", f"the calibration is of {known.width}x{known.height} images, these are "
                          f"{width}x{height}: publishing them as uncalibrated")
            return None
        return known


main = main_of(CameraNode)

if __name__ == "__main__":
    main()
