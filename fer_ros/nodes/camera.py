# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""camera_node: a camera, video, folder, stream or the demo clip as image_raw and camera_info."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

from rclpy.clock import ROSClock
from rclpy.time import Time
from std_msgs.msg import Header

from fer_ros.media.calibration import load_calibration
from fer_ros.media.device import change_controls
from fer_ros.media.frame_times import StampClock
from fer_ros.media.frames import Source
from fer_ros.media.source import open_source
from fer_ros.media.source_name import is_finite, without_secrets
from fer_ros.media.source_params import SourceParams, flip_image
from fer_ros.media.without_effect import without_effect
from fer_ros.parameters.node_params import AudienceParams, CameraParams, CompressedParams, ImageOutputParams, NodeParams
from fer_ros.resources import users_file
from fer_ros.ros import foreseen
from fer_ros.ros.diagnostics import ERROR
from fer_ros.ros.source_node import SourceNode
from fer_ros.ros.spinning import main_of
from fer_ros.types import Image


class _Timed(NamedTuple):
    """An image, and when it is shown in its recording, in seconds; None where it is of now."""

    image: Image
    time: float | None


def _read(source: Source) -> _Timed | None:
    image = source.read()
    return None if image is None else _Timed(image, source.stamp)


class CameraNode(SourceNode):
    NAME = "camera_node"
    PARAMS = (SourceParams, CameraParams, AudienceParams, ImageOutputParams, CompressedParams)

    has_small_images = staticmethod(foreseen.has_small_images)

    def setup(self) -> None:
        source, file = self.params[SourceParams], self.params[CameraParams].camera_info_file
        calibration = load_calibration(users_file(file)) if file else None
        self._stamps = StampClock(source.realtime)
        self._controls, self._unused = source.controls, ""
        self.capture(self._open, self._on_frame, without_secrets(source.source), calibration, _read,
                     recorded=is_finite(source.source))

    def _open(self) -> Source:
        source = open_source(self.params[SourceParams])
        self._tell_unused(source.unused)
        return source

    def _tell_unused(self, text: str) -> None:
        """Say which parameters have no effect: once, however often a source is opened again."""
        if text and text != self._unused:
            self._unused = text
            self.say_once("unused", text)

    def start(self) -> None:
        self._stamps.restart()
        super().start()

    def apply(self) -> None:
        source = self.params[SourceParams]
        if source.controls != self._controls:
            change_controls(source.source, source.controls)
            self._controls = source.controls
            self._tell_unused(without_effect(source, is_finite(source.source)))
        self._stamps.restart()  # a file that was disabled has waited
        self._delivered = time.monotonic()  # and a camera was off

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        level, state, values = super().health()
        source, silence = self.params[SourceParams], time.monotonic() - self._delivered
        patience = max(self.params[NodeParams].silence_timeout, 3 / source.fps if source.fps else 0.0)
        # Whatever is recorded may have its pauses; a driver may hang without a word.
        if values["source"] == "playing" and silence > patience and not is_finite(source.source):
            level, state = ERROR, f"{state} has given no image for {silence:.0f} s"
        return level, state, values

    def _on_frame(self, frame: _Timed) -> None:
        header = Header(stamp=self._stamp(frame.time).to_msg(), frame_id=self.params[CameraParams].frame_id)
        flip = self.params[SourceParams].flip
        self.publish(flip_image(frame.image, flip), header, flip)

    def _stamp(self, time: float | None) -> Time:
        """A recording's frames are as far apart as it says; whatever is of now, or of a simulation, has the clock's time."""
        clock = self.get_clock()
        assert isinstance(clock, ROSClock)  # a node's own is
        now = clock.now()
        if clock.ros_time_is_active:
            if now.nanoseconds == 0:
                self.say_once("clock", "use_sim_time is on and /clock has not come: the images are stamped 0")
            return now
        return Time(nanoseconds=self._stamps(now.nanoseconds, time), clock_type=now.clock_type)


main = main_of(CameraNode)

if __name__ == "__main__":
    main()
