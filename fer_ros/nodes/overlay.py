# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""overlay_node: the image with what was found drawn onto it, raw and as JPEG. Works only while someone subscribes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sensor_msgs.msg import CompressedImage, Image

from fer_ros.drawing.overlay import OverlayLayout, OverlayStyle, draw_overlay
from fer_ros.media.meter import RateMeter, StageTimes
from fer_ros.msg import EmotionArray
from fer_ros.parameters.node_params import MatchingParams, OverlayParams, PairedImageParams
from fer_ros.parameters.privacy_params import NONE, PrivacyParams
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyEmotions, AnyImage
from fer_ros.ros.images import from_bgr, to_bgr, to_jpeg
from fer_ros.ros.messages import emotions_from_message, seconds
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import PICTURES, RESULTS
from fer_ros.ros.spinning import main_of
from fer_ros.ros.veil import Veil


class _Frame(NamedTuple):
    """What was found in an image, with the rate and the latency of the moment at which it came."""

    emotions: AnyEmotions
    fps: float | None
    latency: float | None


class OverlayNode(FerNode):
    NAME = "overlay_node"
    PARAMS = (OverlayStyle, PrivacyParams, OverlayParams, MatchingParams, PairedImageParams)
    PUBLISHES_IMAGES = True

    def setup(self) -> None:
        self._images = self.answered("emotions", self._on_answer)
        self._watched, self._times = False, StageTimes()
        self._raw = self.advertise(Image, "overlay", PICTURES, self._follow_subscribers)
        self._jpeg = self.advertise(CompressedImage, f"{self._raw.topic_name}/compressed", PICTURES, self._follow_subscribers)
        self._watch = self.every(self._SOON, self._follow_subscribers)

    def start(self) -> None:
        self._follow_subscribers()

    def stop(self) -> None:
        self._watched = False

    def apply(self) -> None:
        if self._watched:
            self._veil.wear(self.params[PrivacyParams])
        self.retime(self._watch, self._SOON)

    def teardown(self) -> None:
        watch = self.__dict__.pop("_watch", None)
        if watch is not None:
            self.destroy_timer(watch)

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        return OK, "active" if self._watched else "idle: nobody subscribes", {
            "dropped": self._images.dropped,
            "subscribers": self._raw.get_subscription_count() + self._jpeg.get_subscription_count(),
        }

    def stage_times(self) -> Iterable[StageTimes]:
        return (self._times,)

    def _follow_subscribers(self) -> None:
        watched = self.active and self.enabled and (
            self._raw.get_subscription_count() + self._jpeg.get_subscription_count() > 0
        )
        faces_wanted = self._hides and not self.is_local("emotions")
        if watched and (not self._watched or faces_wanted != self._veil.listens):
            self.unsubscribe()  # from what an attempt that failed has left
            self._images.clear()
            self._meter, self._layout = RateMeter(), OverlayLayout()
            self._veil: Veil[_Frame] = Veil(self, self.params[PrivacyParams], self._draw, self._times)
            self.subscribe(EmotionArray, "emotions", self._on_emotions, RESULTS, local_depth=2)
            if not self.is_local("emotions"):
                self.subscribe_images("image", self._images.add_image, self.params[PairedImageParams])
            self._veil.listen(faces_wanted)
        elif self._watched and not watched:
            self.unsubscribe()
        self._watched = watched
        if watched:
            self._veil.follow_time()
        waits = watched and self._hides
        self.retime(self._watch, self._SELDOM if self._raw.tells and self._jpeg.tells and not waits else self._SOON)

    @property
    def _hides(self) -> bool:
        return self.params[PrivacyParams].anonymize != NONE

    def _on_emotions(self, message: AnyEmotions) -> None:
        self._images.add_answer(message, message)

    def _on_answer(self, image: AnyImage, emotions: AnyEmotions) -> None:
        stamp = seconds(image.header.stamp)
        self._veil.add(image, emotions, _Frame(emotions, self._meter.tick(stamp), self.age(stamp)))

    def _draw(self, image: AnyImage, frame: _Frame) -> None:
        header = image.header
        with self._times("draw"):
            drawn = draw_overlay(
                to_bgr(image), emotions_from_message(frame.emotions), frame.emotions.labels,
                fps=frame.fps, latency=frame.latency, style=self.params[OverlayStyle], layout=self._layout,
            )
        self.diagnostics.count("images")
        with self._times("publish"):
            self._raw.publish(lambda: from_bgr(drawn, header))
            self._jpeg.publish(lambda: to_jpeg(drawn, header, self.params[OverlayParams].jpeg_quality))


main = main_of(OverlayNode)

if __name__ == "__main__":
    main()
