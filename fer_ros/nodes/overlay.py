"""overlay_node: the image with what was found drawn onto it, raw and as JPEG. Works only while someone subscribes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sensor_msgs.msg import CompressedImage, Image

from fer_ros.drawing.overlay import OverlayStyle, draw_overlay
from fer_ros.media.meter import RateMeter, StageTimes
from fer_ros.msg import EmotionArray
from fer_ros.parameters.node_params import MatchingParams, OverlayParams, PairedImageParams
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyEmotions, AnyImage, LocalEmotions
from fer_ros.ros.images import from_bgr, to_bgr, to_jpeg
from fer_ros.ros.matching import StampPairs
from fer_ros.ros.messages import emotions_from_message, seconds, stamp_key
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import PICTURES, RESULTS, image_qos
from fer_ros.ros.spinning import main_of


class OverlayNode(FerNode):
    NAME = "overlay_node"
    PARAMS = (OverlayStyle, OverlayParams, MatchingParams, PairedImageParams)
    PUBLISHES_IMAGES = True

    def setup(self) -> None:
        size = self.params[MatchingParams].cache_size
        self._pairs: StampPairs[AnyImage, AnyEmotions] = self.pairs(size, "image", "emotions")
        self._raw = self.advertise(Image, "overlay", PICTURES)
        self._jpeg = self.advertise(CompressedImage, "overlay/compressed", PICTURES)
        self._watched, self._times = False, StageTimes()
        # rclpy tells of subscribers that come and go only since Jazzy, so look.
        self._watch = self.every(0.2, self._follow_subscribers)

    def start(self) -> None:
        self._follow_subscribers()

    def stop(self) -> None:
        self._watched = False

    def teardown(self) -> None:
        watch = self.__dict__.pop("_watch", None)
        if watch is not None:
            self.destroy_timer(watch)

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        return OK, "active" if self._watched else "idle: nobody subscribes", {
            "dropped": self._pairs.dropped,
            "subscribers": self._raw.get_subscription_count() + self._jpeg.get_subscription_count(),
        }

    def stage_times(self) -> Iterable[StageTimes]:
        return (self._times,)

    def _follow_subscribers(self) -> None:
        watched = self.active and self.enabled and (
            self._raw.get_subscription_count() + self._jpeg.get_subscription_count() > 0
        )
        if watched and not self._watched:
            self.unsubscribe()  # from what an attempt that failed has left
            self._pairs.clear()
            self._meter = RateMeter()
            self.subscribe(EmotionArray, "emotions", self._on_emotions, RESULTS, local_depth=2)
            if not self.is_local("emotions"):
                self.subscribe(Image, "image", self._on_image, image_qos(self.params[PairedImageParams]))
        elif self._watched and not watched:
            self.unsubscribe()
        self._watched = watched

    def _on_image(self, message: AnyImage) -> None:
        self._on_pair(self._pairs.add_first(stamp_key(message.header), message))

    def _on_emotions(self, message: AnyEmotions) -> None:
        local = isinstance(message, LocalEmotions)
        self._on_pair((message.image, message) if local else self._pairs.add_second(stamp_key(message.header), message))

    def _on_pair(self, pair: tuple[AnyImage, AnyEmotions] | None) -> None:
        if pair is None:
            return
        message, emotions = pair
        stamp = seconds(message.header.stamp)
        with self._times("draw"):
            image = draw_overlay(
                to_bgr(message), emotions_from_message(emotions), emotions.labels,
                fps=self._meter.tick(stamp), latency=self.age(stamp), style=self.params[OverlayStyle],
            )
        self.diagnostics.count("images")
        with self._times("publish"):
            self._raw.publish(lambda: from_bgr(image, message.header))
            self._jpeg.publish(lambda: to_jpeg(image, message.header, self.params[OverlayParams].jpeg_quality))


main = main_of(OverlayNode)

if __name__ == "__main__":
    main()
