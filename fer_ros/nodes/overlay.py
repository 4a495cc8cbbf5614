"""overlay_node: the image with what was found drawn onto it, raw and as JPEG. Works only while someone subscribes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros import types
from fer_ros.drawing.anonymize import Concealer
from fer_ros.drawing.overlay import OverlayStyle, draw_overlay
from fer_ros.media.meter import FrameClock, RateMeter, StageTimes
from fer_ros.msg import EmotionArray
from fer_ros.parameters.node_params import MatchingParams, OverlayParams, PairedImageParams
from fer_ros.parameters.privacy_params import NONE, PrivacyParams
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyEmotions, AnyFaces, AnyImage, LocalEmotions
from fer_ros.ros.images import from_bgr, to_bgr, to_jpeg
from fer_ros.ros.latecomers import Latecomers
from fer_ros.ros.matching import StampPairs
from fer_ros.ros.messages import emotions_from_message, located_in, seconds, stamp_key
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import PICTURES, RESULTS, image_qos
from fer_ros.ros.spinning import main_of


class _Frame(NamedTuple):
    """An image and what was found in it, with the rate and the latency of the moment at which it came."""

    header: Header
    pixels: types.Image
    emotions: AnyEmotions
    fps: float | None
    latency: float | None


class OverlayNode(FerNode):
    NAME = "overlay_node"
    PARAMS = (OverlayStyle, PrivacyParams, OverlayParams, MatchingParams, PairedImageParams)
    PUBLISHES_IMAGES = True

    def setup(self) -> None:
        size = self.params[MatchingParams].cache_size
        self._pairs: StampPairs[AnyImage, AnyEmotions] = self.pairs(size, "image", "emotions")
        self._raw = self.advertise(Image, "overlay", PICTURES)
        self._jpeg = self.advertise(CompressedImage, "overlay/compressed", PICTURES)
        self._watched, self._times = False, StageTimes()
        self._hears_faces = False  # of which a message of emotions may leave some out
        # rclpy tells of subscribers that come and go only since Jazzy, so look.
        self._watch = self.every(0.2, self._follow_subscribers)

    def start(self) -> None:
        self._follow_subscribers()

    def stop(self) -> None:
        self._watched = False

    def apply(self) -> None:
        if self._watched:
            if not self._hides:  # what waits is shown as it was meant to be
                self._show(self._concealer.flush())
            self._concealer.params = self.params[PrivacyParams]

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
        faces_wanted = self._hides and not self.is_local("emotions")
        if watched and (not self._watched or faces_wanted != self._hears_faces):
            self.unsubscribe()  # from what an attempt that failed has left
            self._pairs.clear()
            self._meter, self._frame_clock, self._searched = RateMeter(), FrameClock(), False
            self._concealer: Concealer[_Frame] = Concealer(self.params[PrivacyParams])
            self._faces: Latecomers[_Frame, AnyFaces] = Latecomers(self.params[MatchingParams].cache_size)
            self._added = time.monotonic()
            self.subscribe(EmotionArray, "emotions", self._on_emotions, RESULTS, local_depth=2)
            if not self.is_local("emotions"):
                self.subscribe(Image, "image", self._on_image, image_qos(self.params[PairedImageParams]))
            if faces_wanted:
                self.subscribe(Detection2DArray, "faces", self._on_faces, RESULTS)
            self._hears_faces = faces_wanted
        elif self._watched and not watched:
            self.unsubscribe()
        self._watched = watched
        if watched and self._hides:
            with self._inputs.busy:
                self._follow_time()

    @property
    def _hides(self) -> bool:
        return self.params[PrivacyParams].anonymize != NONE

    def _on_image(self, message: AnyImage) -> None:
        self._on_pair(self._pairs.add_first(stamp_key(message.header), message))

    def _on_emotions(self, message: AnyEmotions) -> None:
        local = isinstance(message, LocalEmotions)
        self._on_pair((message.image, message) if local else self._pairs.add_second(stamp_key(message.header), message))

    def _on_faces(self, message: AnyFaces) -> None:
        self._faces.meet(stamp_key(message.header), message)
        self._conceal_due()

    def _on_pair(self, pair: tuple[AnyImage, AnyEmotions] | None) -> None:
        if pair is None:
            return
        message, emotions = pair
        stamp = seconds(message.header.stamp)
        frame = _Frame(message.header, to_bgr(message), emotions, self._meter.tick(stamp), self.age(stamp))
        if not self._hides:
            self._draw(frame.pixels, frame)
        elif isinstance(emotions, LocalEmotions):
            self._conceal(frame, emotions.faces)
        else:
            self._faces.add(stamp_key(message.header), frame)
            self._conceal_due()

    def _conceal_due(self) -> None:
        """Conceal the frames whose faces have come, and those whose faces do not."""
        alone = self._hears_faces and not self._searched and not self.count_publishers(self.resolve_topic_name("faces"))
        for frame, faces in self._faces.due(0.0 if alone else self.params[PrivacyParams].anonymize_stale):
            self._conceal(frame, faces)

    def _conceal(self, frame: _Frame, faces: AnyFaces | None) -> None:
        self._searched = self._searched or faces is not None
        unknown = faces is None and (self._searched or self.params[PrivacyParams].anonymize_unsearched)
        located = None if unknown else located_in(frame.emotions, faces)
        self._added = time.monotonic()
        with self._times("anonymize"):
            shown = self._concealer.add(frame.pixels, located, self._frame_clock(seconds(frame.header.stamp)), frame)
        self._show(shown)

    def _follow_time(self) -> None:
        """Go on with what waits where nothing comes after it."""
        self._conceal_due()
        if time.monotonic() - self._added >= self.params[PrivacyParams].anonymize_delay:
            self._show(self._concealer.flush())

    def _show(self, frames: Iterable[tuple[types.Image, _Frame]]) -> None:
        for image, frame in frames:
            self._draw(image, frame)

    def _draw(self, image: types.Image, frame: _Frame) -> None:
        header = frame.header
        with self._times("draw"):
            drawn = draw_overlay(
                image, emotions_from_message(frame.emotions), frame.emotions.labels,
                fps=frame.fps, latency=frame.latency, style=self.params[OverlayStyle],
            )
        self.diagnostics.count("images")
        with self._times("publish"):
            self._raw.publish(lambda: from_bgr(drawn, header))
            self._jpeg.publish(lambda: to_jpeg(drawn, header, self.params[OverlayParams].jpeg_quality))


main = main_of(OverlayNode)

if __name__ == "__main__":
    main()
