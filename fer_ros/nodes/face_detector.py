# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""face_detector_node: an image in, its faces out as vision_msgs/Detection2DArray."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from vision_msgs.msg import Detection2DArray

from fer_ros.media.meter import FrameClock, StageTimes
from fer_ros.parameters.node_params import ImageInputParams
from fer_ros.parameters.privacy_params import IdParams
from fer_ros.perception.detector import DetectorParams
from fer_ros.perception.pipeline import FaceStage
from fer_ros.perception.tracker import TrackerParams
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyImage, LocalFaces
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import faces_to_message, seconds
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.spinning import main_of
from fer_ros.types import without_ids


class FaceDetectorNode(FerNode):
    NAME = "face_detector_node"
    LOCAL_OUTPUTS = ("faces",)
    PARAMS = (*FaceStage.PARAMS, IdParams, ImageInputParams)

    def setup(self) -> None:
        self._stage = FaceStage.of(self.params)
        self._stage.tracker.prefix = self.params[IdParams].id_prefix
        self._frame_clock, self._times = FrameClock(), StageTimes()
        self._faces = self.advertise(Detection2DArray, "faces", RESULTS)
        self.hardware_id = self._stage.detector.provider

    def start(self) -> None:
        self.subscribe_images("image", self._on_image, self.params[ImageInputParams])

    def apply(self) -> None:
        self._stage.detector.params = self.params[DetectorParams]
        self._stage.tracker.params = self.params[TrackerParams]
        self._stage.tracker.prefix = self.params[IdParams].id_prefix

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        detector = self._stage.detector
        return OK, "active", {
            "model": detector.params.model,
            "execution provider": detector.provider,
            "subscribers": self._faces.get_subscription_count(),
        }

    def stage_times(self) -> Iterable[StageTimes]:
        return self._stage.times, self._times

    def _on_image(self, message: AnyImage) -> None:
        self.diagnostics.count("images")
        stamp = seconds(message.header.stamp)
        if stamp == 0:
            self.say_once("stamp", f"the images on {self.resolve_topic_name('image')} have no stamp, by which faces and "
                          "emotions find their image: let their publisher fill header.stamp")
        with self._times("convert"):
            image = to_bgr(message)
        faces = self._stage(image, self._frame_clock(stamp))
        self.diagnostics.count("faces", len(faces))
        with self._times("publish"):
            told = faces if self.params[IdParams].publish_ids else without_ids(faces)
            self._faces.publish(lambda: faces_to_message(told, message.header), LocalFaces(message.header, faces, message))


main = main_of(FaceDetectorNode)

if __name__ == "__main__":
    main()
