# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""hri_faces_node: the faces of a ROS4HRI detector, one topic each, as vision_msgs/Detection2DArray."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from vision_msgs.msg import Detection2DArray

from fer_ros.parameters.hri_params import HriFacesParams, HumansParams
from fer_ros.parameters.node_params import MatchingParams, PairedImageParams
from fer_ros.perception.humans import denormalized, is_face_id
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyImage, LocalFaces
from fer_ros.ros.gathering import Gathering
from fer_ros.ros.images import size_of
from fer_ros.ros.matching import StampPairs, explain_refusal
from fer_ros.ros.messages import faces_to_message, stamp_key
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.spinning import main_of
from fer_ros.types import Face
from fer_ros.words import HRI_MSGS_MISSING

if TYPE_CHECKING:
    from fer_ros.ros.humans import RoiInput


class HriFacesNode(FerNode):
    """Stands in the graph where face_detector_node stands otherwise."""

    NAME = "hri_faces_node"
    LOCAL_OUTPUTS = ("faces",)
    PARAMS = (HumansParams, HriFacesParams, MatchingParams, PairedImageParams)

    def setup(self) -> None:
        try:
            from fer_ros.ros import humans
        except ImportError as error:
            raise ValueError(HRI_MSGS_MISSING.format(error=error)) from None
        self._ros = humans
        self._place = self.params[HumansParams].humans_namespace
        size = self.params[MatchingParams].cache_size
        topics = " and ".join(self.resolve_topic_name(f"{self._place}/{name}") for name in (humans.TRACKED, "faces/ID/roi"))
        self._gathering: Gathering[Any] = Gathering(size, lambda key: self.say_once("stamps", explain_refusal(key, topics)))
        self._pairs: StampPairs[AnyImage, Mapping[str, Any]] = self.pairs(size, "image", f"{self._place}/{humans.TRACKED}")
        self._rois: dict[str, RoiInput] = {}
        self._faces = self.advertise(Detection2DArray, "faces", RESULTS)

    def start(self) -> None:
        self._gathering.clear()
        self._pairs.clear()
        self.subscribe(self._ros.LIST, f"{self._place}/{self._ros.TRACKED}", self._on_list, RESULTS)
        self.subscribe_images("image", self._on_image, self.params[PairedImageParams])

    def stop(self) -> None:
        while self._rois:
            self._rois.popitem()[1].close()

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        return OK, "active", {"tracked": len(self._rois), "dropped": self._pairs.dropped + self._gathering.dropped,
                              "subscribers": self._faces.get_subscription_count()}

    def _on_list(self, message: Any) -> None:
        """Listen to those who are tracked, and to nobody else."""
        ids = [name for name in dict.fromkeys(message.ids) if is_face_id(name)]
        most = self.params[HriFacesParams].most_faces
        if len(ids) < len(message.ids) or len(ids) > most:
            self.diagnostics.count("left out", len(message.ids) - len(ids[:most]))
            self.say_once("left out", "faces are left out whose id cannot be a topic's name or is there twice, or that are "
                          f"more than most_faces ({most})")
        wanted = set(ids[:most])
        for name in self._rois.keys() - wanted:
            self._rois.pop(name).close()
        for name in wanted - self._rois.keys():
            self._rois[name] = self._ros.RoiInput(self, f"{self._place}/faces/{name}/roi", partial(self._heard, name))
        self._on_frames(self._gathering.add_list(stamp_key(message.header), ids[:most]))

    def _heard(self, name: str, message: Any) -> None:
        try:
            if self.takes_messages():
                with self._inputs.busy:
                    self._on_frames(self._gathering.add_face(stamp_key(message.header), name, message))
        except Exception as error:  # a message from outside can be wrong in any way
            self.message_failed("roi", f"{self._place}/faces/{name}/roi", error)

    def _on_frames(self, frames: list[tuple[Hashable, Mapping[str, Any]]]) -> None:
        for key, faces in frames:
            self._on_pair(self._pairs.add_second(key, faces))

    def _on_image(self, message: AnyImage) -> None:
        self._on_pair(self._pairs.add_first(stamp_key(message.header), message))

    def _on_pair(self, pair: tuple[AnyImage, Mapping[str, Any]] | None) -> None:
        if pair is None:
            return
        image, rois = pair
        size = size_of(image)
        faces = [Face(denormalized((roi.xmin, roi.ymin, roi.xmax, roi.ymax), *size), min(1.0, max(0.0, roi.c)), id=name)
                 for name, roi in rois.items()]
        faces = [face for face in faces if face.box.is_usable()]
        self.diagnostics.count("images")
        self.diagnostics.count("faces", len(faces))
        self._faces.publish(lambda: faces_to_message(faces, image.header), LocalFaces(image.header, faces, image))


main = main_of(HriFacesNode)

if __name__ == "__main__":
    main()
