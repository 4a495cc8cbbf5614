"""hri_node: faces and what they show on the topics of REP-155 (ROS4HRI)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from std_msgs.msg import Header

from fer_ros.media.meter import FrameClock, StageTimes
from fer_ros.msg import EmotionArray
from fer_ros.parameters.hri_params import HriParams, HumansParams
from fer_ros.parameters.node_params import MatchingParams, PairedImageParams
from fer_ros.perception.humans import FaceIds, Humans, Tracked, tag_of_a_run
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyEmotions, AnyImage
from fer_ros.ros.images import size_of, to_bgr
from fer_ros.ros.messages import emotions_from_message, seconds
from fer_ros.ros.node import FerNode
from fer_ros.ros.output import Output
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.spinning import main_of
from fer_ros.words import HRI_MSGS_MISSING

if TYPE_CHECKING:
    from fer_ros.ros.humans import FaceTopics


class HriNode(FerNode):
    NAME = "hri_node"
    PARAMS = (HumansParams, HriParams, MatchingParams, PairedImageParams)

    def setup(self) -> None:
        try:
            from fer_ros.ros import humans
        except ImportError as error:
            raise ValueError(HRI_MSGS_MISSING.format(error=error)) from None
        params = self.params[HriParams]
        self._ros = humans
        self._place = self.params[HumansParams].humans_namespace
        self._images = self.answered("emotions", self._on_answer)
        self._humans = Humans(FaceIds("f" if params.deterministic_ids else tag_of_a_run()), params)
        self._topics: dict[str, FaceTopics] = {}
        self._tracked: Output | None = None
        if params.publish_faces:
            self._tracked = self.advertise(humans.LIST, f"{self._place}/{humans.TRACKED}", RESULTS)
        self._times, self._answered = StageTimes(), time.monotonic()
        self._watch = self.every(0.2, self._look)

    def start(self) -> None:
        self._images.clear()
        self._frame_clock, self._header = FrameClock(), Header()
        self.subscribe(EmotionArray, "emotions", self._on_emotions, RESULTS)
        if not self.is_local("emotions"):  # for its size, and for the pictures of faces
            self.subscribe_images("image", self._images.add_image, self.params[PairedImageParams])

    def stop(self) -> None:
        with self._inputs.busy:
            self._forget()

    def apply(self) -> None:
        self._humans.params = self.params[HriParams]
        for topics in self._topics.values():
            topics.follow(self.params[HriParams])
        if not self.enabled:
            self._forget()

    def teardown(self) -> None:
        watch = self.__dict__.pop("_watch", None)
        if watch is not None:
            self.destroy_timer(watch)

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        return OK, "active", {
            "tracked": len(self._topics), "dropped": self._images.dropped,
            "subscribers": self._tracked.get_subscription_count() if self._tracked else 0,
        }

    def stage_times(self) -> Iterable[StageTimes]:
        return (self._times,)

    def _on_emotions(self, message: AnyEmotions) -> None:
        self._images.add_answer(message, message)

    def _on_answer(self, image: AnyImage, answer: AnyEmotions) -> None:
        self.diagnostics.count("answers")
        self._answered, self._header = time.monotonic(), image.header
        found = [one for one in emotions_from_message(answer) if one.box.is_usable()]
        with self._times("publish"):
            tracked = self._humans(found, self._frame_clock(seconds(image.header.stamp)))
            self._follow(tracked)
            self._say_who_is_left_out(tracked.left_out)
            self._publish_tracked(image.header, tracked.ids)
            for name, emotion in tracked.shown:
                try:
                    self._topics[name].publish(image.header, emotion, partial(to_bgr, image), size_of(image),
                                               self.params[HriParams])
                except ValueError as error:  # a box beside the image, say: the others can be right
                    self.diagnostics.count("errors")
                    self.say_once("face", f"of face {name} not all is published: {error}")

    def _follow(self, tracked: Tracked) -> None:
        """Make the topics of those who came, and end those of who left."""
        for name in tracked.left:
            self._topics.pop(name).close()
        for name in tracked.came:
            self._topics[name] = self._ros.FaceTopics(self, f"{self._place}/faces/{name}", self.params[HriParams])
            self.diagnostics.count("faces")

    def _say_who_is_left_out(self, count: int) -> None:
        if count:
            self.diagnostics.count("left out", count)
            self.say_once("left out", "faces have no topics that have no id, the same one as another, or are more than "
                          f"max_faces ({self.params[HriParams].max_faces})")

    def _publish_tracked(self, header: Header, ids: Iterable[str]) -> None:
        if self._tracked is not None:
            self._tracked.publish(lambda: self._ros.ids_list(header, list(ids)))

    def _look(self) -> None:
        """Nobody is there any more once no answers come."""
        if self._topics and time.monotonic() - self._answered > self.params[HriParams].lost_after:
            with self._inputs.busy:
                self._forget()

    def _forget(self) -> None:
        """Say that nobody is tracked, and end the topics of all who were."""
        self._humans.clear()
        if self._topics:
            header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._header.frame_id)
            self._publish_tracked(header, [])
        while self._topics:
            self._topics.popitem()[1].close()


main = main_of(HriNode)

if __name__ == "__main__":
    main()
