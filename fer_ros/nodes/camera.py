"""camera_node: a camera, video, folder, stream or the demo clip as image_raw and camera_info."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from fer_ros.core.calibration import Calibration, load_calibration
from fer_ros.core.params import param
from fer_ros.core.source import Source, SourceParams, SourceUnavailable, flip_image, is_finite, open_source, without_password
from fer_ros.core.types import Image as Pixels
from fer_ros.ros.images import from_bgr
from fer_ros.ros.messages import camera_info
from fer_ros.ros.node import OK, WARN, FerNode, main_of
from fer_ros.ros.qos import ImageOutputParams, image_qos


@dataclass(frozen=True)
class CameraParams:
    """What the images are published as."""

    frame_id: str = param("camera_optical_frame", "Frame of the images: z forward, x right, y down.")
    camera_info_file: str = param("", "Calibration YAML of camera_calibration; empty publishes an uncalibrated "
                                  "CameraInfo.", live=False)
    wait_for_subscribers: int = param(
        0, "A file, folder or the demo starts when image_raw has so many subscribers, so that none misses the "
        "beginning.", range=(0, 100), live=False,
    )


class CameraNode(FerNode):
    NAME = "camera_node"
    PARAMS = (SourceParams, CameraParams, ImageOutputParams)
    _LONGEST_WAIT = 10.0  # seconds between two tries to open a camera

    _source: Source | None = None
    _thread: threading.Thread | None = None
    _state = ""
    _ended = False

    def setup(self) -> None:
        file = self.params[CameraParams].camera_info_file
        self._calibration: Calibration | None = load_calibration(Path(file).expanduser()) if file else None
        qos = image_qos(self.params[ImageOutputParams])
        self._images = self.advertise(Image, "image_raw", qos)
        self._infos = self.advertise(CameraInfo, "camera_info", qos)
        self.hardware_id = without_password(self.params[SourceParams].source)
        self._stopping = threading.Event()
        self._open()

    def start(self) -> None:
        self._ended = False
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=6.0)  # a camera that went away can block a read for some seconds
            self._thread = None

    def teardown(self) -> None:
        self._close()

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        values = {"subscribers": self._images.get_subscription_count(), **({"ended": True} if self._ended else {})}
        return OK if self._source is not None or self._ended else WARN, self._state, values

    def _open(self) -> bool:
        try:
            self._source = open_source(self.params[SourceParams])
        except SourceUnavailable as error:
            self._tell(str(error))
            self.say_once("source", f"{error}; trying again until it works")
            return False
        self._source.interrupted = self._stopping.is_set
        self._tell("playing" if self._source.finite else "capturing")
        return True

    def _close(self) -> None:
        if self._source is not None:
            self._source.close()
            self._source = None

    def _tell(self, state: str) -> None:
        changed, self._state = state != self._state, state
        if changed and self.active:
            self.report()

    def _run(self) -> None:
        try:
            self._capture()
        except Exception as error:  # the thread's end must be seen, or the node would look alive
            self._tell(f"failed: {error}")
            self.get_logger().error(f"capture failed: {error!r}")

    def _capture(self) -> None:
        wait = 1.0
        if is_finite(self.params[SourceParams].source):
            self._wait_for_subscribers()
        while not self._stopping.is_set():
            if not self.enabled:
                if self._source is not None and not is_finite(self.params[SourceParams].source):
                    self._close()  # a camera that is switched off is dark and free for others
                self._stopping.wait(0.05)
                continue
            if self._source is None:
                if not self._open():
                    self._stopping.wait(wait)
                    wait = min(2 * wait, self._LONGEST_WAIT)
                    continue
                self.forget("source")
                self.get_logger().info(f"{self._source.name} is back")
            try:
                image = self._source.read()
            except SourceUnavailable as error:
                self._close()
                self._tell(str(error))
                self.say_once("source", f"{error}; trying again until it works")
                continue
            stamp = self.get_clock().now()
            if self._stopping.is_set():
                return
            if self._source.notice:
                self.get_logger().warning(self._source.notice)
            if image is None:
                self._close()
                self.get_logger().info(f"{self.hardware_id} ended after {self.diagnostics.total('frames')} frames")
                self._ended = True
                self._tell(f"ended after {self.diagnostics.total('frames')} frames")
                return
            wait = 1.0
            self._publish(image, stamp)

    def _wait_for_subscribers(self) -> None:
        wanted = self.params[CameraParams].wait_for_subscribers
        waited = 0.0
        while self._images.get_subscription_count() < wanted and not self._stopping.wait(0.02):
            waited += 0.02
            if waited > 5:
                self.say_once("subscribers", f"waiting for {wanted} subscribers of {self._images.topic_name}, which has "
                              f"{self._images.get_subscription_count()} (parameter wait_for_subscribers)")

    def _publish(self, image: Pixels, stamp: object) -> None:
        image = flip_image(image, self.params[SourceParams].flip)
        header = Header(stamp=stamp.to_msg(), frame_id=self.params[CameraParams].frame_id)
        height, width = image.shape[:2]
        self.diagnostics.count("frames")
        if self._images.get_subscription_count():
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
