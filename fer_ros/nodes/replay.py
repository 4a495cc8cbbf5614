# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""replay_node: the images of a recorded bag as image_raw and camera_info, with the stamps that they were recorded with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from builtin_interfaces.msg import Time
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header

from fer_ros.parameters.node_params import AudienceParams, CompressedParams, ImageOutputParams
from fer_ros.parameters.replay_params import ReplayParams
from fer_ros.ros.source_node import SourceNode
from fer_ros.ros.spinning import main_of

if TYPE_CHECKING:
    from fer_ros.bags.reader import Frame


class ReplayNode(SourceNode):
    NAME = "replay_node"
    PARAMS = (ReplayParams, AudienceParams, ImageOutputParams, CompressedParams)

    def setup(self) -> None:
        try:
            from fer_ros.bags.player import BagPlayer
        except ImportError as error:
            raise ValueError(str(error)) from None
        params = self.params[ReplayParams]
        clock = self.advertise(Clock, "/clock", 10) if params.clock else None
        self._player = BagPlayer(params, lambda now: clock.publish(lambda: Clock(clock=_stamp(now))) if clock else None)
        self.capture(lambda: self._player, self._on_frame, params.bag, self._player.calibration,
                     recorded=True)

    def apply(self) -> None:
        self._player.rate = self.params[ReplayParams].rate

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        level, state, values = super().health()
        return level, state, {**values, "unreadable": self._player.skipped}

    def _on_frame(self, frame: Frame) -> None:
        self.publish(frame.image, Header(stamp=_stamp(frame.stamp), frame_id=frame.frame_id))


def _stamp(nanoseconds: int) -> Time:
    sec, nanosec = divmod(nanoseconds, 10**9)
    return Time(sec=sec, nanosec=nanosec)


main = main_of(ReplayNode)

if __name__ == "__main__":
    main()
