# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""hri_node: faces and what they show on the topics of REP-155 (ROS4HRI)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
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


class _View:
    """One camera, and who is in front of it.

    Args:
        name: of the camera; empty for the only one.
        take: is called with this, and with an image and its answer.
    """

    def __init__(self, node: FerNode, name: str, humans: Humans, take: Callable[[_View, AnyImage, AnyEmotions], None]):
        front = f"{name}/" if name else ""
        self.emotions, self.image = f"{front}emotions", f"{front}image"
        self.humans = humans
        self.images = node.answered(self.emotions, partial(take, self), self.image)
        self.begin()

    def begin(self) -> None:
        """Forget what waits."""
        self.images.clear()
        self.clock, self.header, self.answered = FrameClock(), Header(), time.monotonic()


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
        ids, crowd = FaceIds("f" if params.deterministic_ids else tag_of_a_run()), set[str]()
        self._views = [_View(self, name, Humans(ids, params, name, crowd), self._on_answer) for name in params.names]
        self._topics: dict[str, FaceTopics] = {}
        self._tracked: Output | None = None
        if params.publish_faces:
            self._tracked = self.advertise(humans.LIST, f"{self._place}/{humans.TRACKED}", RESULTS)
        self._times = StageTimes()
        self._watch = self.every(0.2, self._look)

    def start(self) -> None:
        for view in self._views:
            view.begin()
            self.subscribe(EmotionArray, view.emotions, partial(self._on_emotions, view), RESULTS)
            if not self.is_local(view.emotions):  # for its size, and for the pictures of faces
                self.subscribe_images(view.image, view.images.add_image, self.params[PairedImageParams])

    def stop(self) -> None:
        with self._inputs.busy:
            self._forget(self._views)

    def apply(self) -> None:
        for view in self._views:
            view.humans.params = self.params[HriParams]
        for topics in self._topics.values():
            topics.follow(self.params[HriParams])
        if not self.enabled:
            self._forget(self._views)

    def teardown(self) -> None:
        watch = self.__dict__.pop("_watch", None)
        if watch is not None:
            self.destroy_timer(watch)

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        return OK, "active", {
            "tracked": len(self._topics), "dropped": sum(view.images.dropped for view in self._views),
            "subscribers": self._tracked.get_subscription_count() if self._tracked else 0,
        }

    def stage_times(self) -> Iterable[StageTimes]:
        return (self._times,)

    @staticmethod
    def _on_emotions(view: _View, message: AnyEmotions) -> None:
        view.images.add_answer(message, message)

    def _on_answer(self, view: _View, image: AnyImage, answer: AnyEmotions) -> None:
        self.diagnostics.count("answers")
        view.answered, view.header = time.monotonic(), image.header
        found = [one for one in emotions_from_message(answer) if one.box.is_usable()]
        with self._times("publish"):
            tracked = view.humans(found, view.clock(seconds(image.header.stamp)))
            self._follow(tracked)
            self._say_who_is_left_out(tracked.left_out)
            self._publish_tracked(image.header)
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

    @property
    def _ids(self) -> list[str]:
        """All who are tracked, in front of whichever camera."""
        return [name for view in self._views for name in view.humans.ids]

    def _publish_tracked(self, header: Header) -> None:
        if self._tracked is not None:
            ids = self._ids
            self._tracked.publish(lambda: self._ros.ids_list(header, ids))

    def _look(self) -> None:
        """Nobody is in front of a camera any more once no answers come from it."""
        oldest = time.monotonic() - self.params[HriParams].lost_after
        if self._topics and any(view.answered < oldest for view in self._views):
            with self._inputs.busy:
                self._forget([view for view in self._views if view.answered < oldest])

    def _forget(self, views: Sequence[_View]) -> None:
        """Say that nobody is in front of these cameras, and end the topics of all who were."""
        left = [view for view in views if view.humans.clear()]
        if left:
            self._publish_tracked(Header(stamp=self.get_clock().now().to_msg(), frame_id=left[0].header.frame_id))
        for name in self._topics.keys() - set(self._ids):
            self._topics.pop(name).close()


main = main_of(HriNode)

if __name__ == "__main__":
    main()
