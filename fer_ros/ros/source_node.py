# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What camera_node and replay_node share: they publish what a thread reads."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from rclpy.qos import DurabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from fer_ros.media.calibration import Calibration
from fer_ros.media.capture import Capture, Readable
from fer_ros.parameters.node_params import AudienceParams, CompressedParams, ImageOutputParams, NodeParams
from fer_ros.ros.compressed import CompressedOutput
from fer_ros.ros.diagnostics import ERROR, OK
from fer_ros.ros.exchange import LocalImage
from fer_ros.ros.image_input import compressed_topic
from fer_ros.ros.images import from_bgr
from fer_ros.ros.messages import camera_info
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import image_qos
from fer_ros.types import Image as Pixels

F = TypeVar("F")


class SourceNode(FerNode):
    """Publishes image_raw, image_raw/compressed and camera_info.

    A subclass calls `capture` in its setup and `publish` for every frame.
    """

    LOCAL_OUTPUTS = ("image_raw",)
    PUBLISHES_IMAGES = True

    _capture: Capture[Any] | None = None
    _compressed: CompressedOutput | None = None
    _COMPRESSED_DEPTH = 10  # they are small: a recorder that stands still for a moment misses none
    _WAITING = 4  # images that wait to be compressed, at least, while the processor is busy with others

    def capture(self, open_source: Callable[[], Readable[Any]], on_frame: Callable[[F], None], name: str,
                calibration: Calibration | None = None,
                read: Callable[[Any], F | None] = lambda source: source.read(), *, recorded: bool) -> None:
        """Open a source, whose frames go to `on_frame` while the node is active.

        Args:
            name: of the source, for people.
            read: takes a frame from the source.
            recorded: whether it is a recording, of which a subscriber wants the first frames or those of now. Nothing else is
                kept of it: 30 images at 1920x1080 are 187 MB.

        Raises:
            What `open_source` raises, but SourceUnavailable: that is tried again.
        """
        params = self.params[ImageOutputParams]
        qos = image_qos(params)
        self._images = self.advertise(Image, "image_raw", qos)
        self._infos = self.advertise(CameraInfo, "camera_info", qos)
        deeper = dataclasses.replace(params, image_depth=max(params.image_depth, self._COMPRESSED_DEPTH))
        self._jpegs = self.advertise(CompressedImage, compressed_topic(self, "image_raw"), image_qos(deeper))
        self._images.from_the_first = self._jpegs.from_the_first = recorded
        durable = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        self._compressed = CompressedOutput(
            self._jpegs, lambda: self.params[CompressedParams].compressed_quality,
            max(params.image_depth, self._WAITING), durable,
            lambda: self.diagnostics.count("compressed skipped"), self.failed)
        self.hardware_id, self.calibration = name, calibration
        self._capture = Capture(open_source, on_frame, self._tell, lambda: self.enabled, read)

    def publish(self, image: Pixels, header: Header, flip: str = "none") -> None:
        """An HxWx3 uint8 BGR image.

        Args:
            flip: how it has been mirrored since it left the camera, which the calibration has to follow.
        """
        height, width = image.shape[:2]
        self.diagnostics.count("frames")
        self._delivered = time.monotonic()
        self._images.publish(lambda: from_bgr(image, header), LocalImage(header, image))
        calibration = self._calibration_of(width, height)
        self._infos.publish(lambda: camera_info(header, width, height, self._flipped(calibration, flip)))
        assert self._compressed is not None  # `capture` has made it
        self._compressed.put(image, header)

    def start(self) -> None:
        self._started = self._delivered = time.monotonic()
        assert self._capture is not None  # `setup` has made it
        self._capture.start(self._has_its_subscribers)

    def stop(self) -> None:
        if self._capture is not None and not self._capture.stop():
            self.get_logger().warning(f"{self.hardware_id} does not answer: it is let go when it does")

    def teardown(self) -> None:
        if self._capture is not None:
            self._capture.close()
            self._capture = None
        if self._compressed is not None:
            self._compressed.close()
            self._compressed = None

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        assert self._capture is not None  # it is there until the node is cleaned up
        state = self._capture.state
        level = ERROR if state.kind in ("unavailable", "failed") else OK
        return level, state.text, {"source": state.kind, "subscribers": self._images.get_subscription_count(),
                                   "compressed subscribers": self._jpegs.get_subscription_count()}

    def _tell(self, text: str, trouble: bool) -> None:
        self.say_once("source", text) if trouble else self.get_logger().info(text)

    def _has_its_subscribers(self) -> bool:
        """Whether a file may begin: it would play its first frames to nobody."""
        capture = self._capture
        wanted, have = self.params[AudienceParams].wait_for_subscribers, self._images.get_subscription_count()
        if have >= wanted or capture is None or not capture.finite:
            return True
        if time.monotonic() - self._started > self.params[NodeParams].silence_timeout:
            self.say_once("subscribers", f"{self._images.topic_name} has {have} of the {wanted} subscribers that the "
                          "parameter wait_for_subscribers asks for")
        return False

    def _flipped(self, calibration: Calibration | None, flip: str) -> Calibration | None:
        if calibration is None:
            return None
        flipped = calibration.flipped(flip)
        if flipped is None:
            self.say_once("calibration", f"it is not known how a calibration with the distortion model "
                          f"'{calibration.distortion_model}' changes with the image mirrored: publishing it as uncalibrated")
        return flipped

    def _calibration_of(self, width: int, height: int) -> Calibration | None:
        known = self.calibration
        if known is not None and (known.width, known.height) != (width, height):
            self.say_once("calibration", f"the calibration is of {known.width}x{known.height} images, these are "
                          f"{width}x{height}: publishing them as uncalibrated")
            return None
        return known
