# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images that come over ROS: raw or compressed, reliable or not, as whoever publishes them offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.qos import ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo
from sensor_msgs.msg import CompressedImage, Image

from fer_ros.parameters.node_params import AUTO, BEST_EFFORT, COMPRESSED, RAW, RELIABLE, ImageInputParams
from fer_ros.ros.event_callbacks import SubscriptionEventCallbacks, UnsupportedEventTypeError
from fer_ros.ros.exchange import AnyImage, PackedImage
from fer_ros.ros.inputs import Input
from fer_ros.ros.losses import LossMeter, cure
from fer_ros.ros.qos import UNKNOWN_NODE, as_offered, explain_silence, image_qos, name_of, publishers_of, unfit
from fer_ros.words import listed

_NAMED = 3  # publishers that are named at most
_OTHER = {RAW: COMPRESSED, COMPRESSED: RAW}
_COME = 1.0  # seconds: images that come are no further apart


class ImageSource(NamedTuple):
    """A topic, fully resolved, and the type in which images come there."""

    topic: str
    kind: type

    def publishers(self, node: Node) -> list[TopicEndpointInfo]:
        return publishers_of(node, self.topic, self.kind)


def compressed_topic(node: Node, topic: str) -> str:
    """The full name of an image topic's compressed images, by how the node calls that topic.

    As image_transport names them, by the topic's remapped name; a rule for `<topic>/compressed` itself comes before that.
    """
    own = f"{topic}/compressed"
    remapped: str = node.resolve_topic_name(own)
    if remapped != node.resolve_topic_name(own, only_expand=True):
        return remapped
    return f"{node.resolve_topic_name(topic)}/compressed"


def image_sources(node: Node, topic: str, transport: str) -> tuple[ImageSource, ...]:
    """Where images may come from, the preferred one first.

    Args:
        topic: as the node calls it. It may be one of compressed images itself; else these are where `compressed_topic` says.
        transport: one of `ImageInputParams.image_transport`.
    """
    name, twin = node.resolve_topic_name(topic), compressed_topic(node, topic)
    raw, compressed = ImageSource(name, Image), (ImageSource(twin, CompressedImage), ImageSource(name, CompressedImage))
    return {RAW: (raw,), COMPRESSED: compressed}.get(transport, (raw, *compressed))


def explain_no_images(node: Node, topic: str, params: ImageInputParams) -> str:
    """Why no images may be coming in on a topic: as `explain_silence`, of all topics from which they are taken."""
    sources = image_sources(node, topic, params.image_transport)
    qos = image_qos(params, BEST_EFFORT if params.image_reliability == AUTO else params.image_reliability)
    if source := next((one for one in sources if one.publishers(node)), None):
        return explain_silence(node, source.topic, source.kind, qos)
    others = image_sources(node, topic, _OTHER[params.image_transport]) if params.image_transport in _OTHER else ()
    if there := next((one for one in others if one.publishers(node)), None):
        return (f"nobody publishes {sources[0].topic} as image_transport: {params.image_transport} asks for, and somebody "
                f"{there.topic}: image_transport: {AUTO} takes that")
    source = next((one for one in sources if node.count_publishers(one.topic)), None)
    if source is not None:
        return explain_silence(node, source.topic, source.kind, qos)
    return explain_silence(node, sources[0].topic, sources[0].kind, qos,
                           also=sorted({one.topic for one in sources} - {sources[0].topic}))


class ImageInput(Input):
    """A subscription to images, made anew where another one suits their publishers better.

    Until somebody is found who publishes, it asks for reliable raw images: most drivers offer these, and of one that comes
    later no image is missed.

    Args:
        topic: as the node calls it.
        take: is given each image.
        tell: is given what was chosen.
        lost: is given how many images did not come.
    """

    def __init__(self, node: Node, topic: str, params: ImageInputParams, tell: Callable[[str], None],
                 lost: Callable[[int], None]):
        self._node, self._asked_topic, self._params, self._tell, self._count_lost = node, topic, params, tell, lost
        self._sources = image_sources(node, topic, params.image_transport)
        self._source = self._seen = self._sources[0]
        self._adapts = params.image_reliability == AUTO
        self._reliability = RELIABLE if self._adapts else params.image_reliability
        super().__init__(node.resolve_topic_name(topic), self._source.kind, image_qos(params, self._reliability), False, False)
        self._losses = LossMeter()
        self._subscription: Subscription | None = None
        self._told: object = None
        self._named = self._warned = False
        self._publishers: Sequence[TopicEndpointInfo] = ()
        self.close = self._end

    def begin(self, take: Callable[[AnyImage], None]) -> None:
        """Take images from now on."""
        self._take = take
        self.follow()

    def follow(self) -> bool:
        """Take images from where they are published now, as they are offered.

        Returns:
            Whether none come, so that it should soon look again.
        """
        offered = {source: source.publishers(self._node) for source in self._sources}
        source = next((one for one in self._sources if offered[one]), self._source)
        # A driver publishes both, as a rule, and the compressed ones may be found first.
        is_new, self._seen = source != self._seen, source
        if is_new and source.kind is CompressedImage and self._params.image_transport == AUTO:
            source = self._source
        self._publishers = offered[source]
        reliability = self._offered() if self._adapts and self._publishers else self._reliability
        if (source, reliability) != (self._source, self._reliability):
            self._end()
            self._source, self._reliability = source, reliability
            self.kind, self.qos = source.kind, image_qos(self._params, reliability)
        if self._subscription is None:
            self._subscribe()
        self._tell_choice()
        return super().is_silent(_COME)

    def trouble(self) -> tuple[str, str]:
        """What goes wrong with the images that come, in a few words, and, once, in a sentence; empty for nothing."""
        self._losses.look()
        share = self._losses.share
        if not share or not self._publishers:
            return "", ""
        short = f"{100 * share:.0f} % of {self._source.topic} lost on the way"
        if self._warned:
            return short, ""
        self._warned = True
        reliable = self._reliability == RELIABLE
        return short, (f"{_names(self._publishers)}: {100 * share:.0f} % of the images on {self._source.topic}, published "
                       f"{_words(self._reliability)}, get lost on the way here: {cure(reliable)}")

    def is_silent(self, timeout: float) -> bool:
        return super().is_silent(timeout) and not self._losses.is_high

    def why_silent(self, node: Node) -> str:
        return explain_no_images(node, self._asked_topic, self._params)

    def refused(self, node: Node) -> list[str]:
        return unfit(node, self._source.topic, self._source.kind, self.qos)

    def publishers(self, node: Node) -> tuple[str, int]:
        return self._source.topic, len(self._publishers)

    def _offered(self) -> str:
        profile = as_offered(self._publishers, 1)
        return RELIABLE if profile.reliability == ReliabilityPolicy.RELIABLE else BEST_EFFORT

    def _subscribe(self) -> None:
        packed = self._source.kind is CompressedImage

        def take(message: Any) -> None:
            self._losses.come()
            self._take(PackedImage(message) if packed else message)

        def lose(event: Any) -> None:
            self._losses.lose(event.total_count_change)
            self._count_lost(event.total_count_change)

        self._losses = LossMeter()
        # What does not match is followed, or explained.
        for callbacks in ({"message_lost": lose}, {}):
            try:
                self._subscription = self._node.create_subscription(
                    self._source.kind, self._source.topic, take, self.qos,
                    event_callbacks=SubscriptionEventCallbacks(use_default_callbacks=not self._adapts, **callbacks))
            except UnsupportedEventTypeError:
                continue
            return

    def _end(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            self._node.destroy_subscription(subscription)

    def _tell_choice(self) -> None:
        """Say once what was chosen of what could have been otherwise."""
        choice = (self._source, self._reliability)
        if not self._publishers or choice == self._told or not (self._adapts or len(self._sources) > 1):
            return
        was_named, self._named = self._named, True
        if UNKNOWN_NODE in _names(self._publishers) and not was_named:  # its name is on the way
            return
        self._told, self._named = choice, False
        compressed = "compressed, " if self._source.kind is CompressedImage else ""
        self._tell(f"images come from {self._source.topic} ({compressed}{_words(self._reliability)}, as "
                   f"{_names(self._publishers)} {'publishes' if len(self._publishers) == 1 else 'publish'} them)")


def _words(reliability: str) -> str:
    return reliability.replace("_", " ")


def _names(publishers: Sequence[TopicEndpointInfo]) -> str:
    return listed(sorted({name_of(info) for info in publishers}), _NAMED)
