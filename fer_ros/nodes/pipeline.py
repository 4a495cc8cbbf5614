# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""pipeline_node: the graph's nodes in one process, which hand images, faces and emotions on as they are."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Mapping, Sequence

from rclpy.parameter import Parameter

from fer_ros.parameters.node_params import PipelineParams, SharedImageParams
from fer_ros.ros.exchange import AnyImage, Exchange, LocalImage
from fer_ros.ros.foreseen import has_small_images
from fer_ros.ros.images import to_bgr
from fer_ros.ros.node import FerNode
from fer_ros.ros.spinning import run_nodes


class PipelineNode(FerNode):
    """Makes the others, which are those of the separate processes.

    It takes in the images that none of them publishes: with `image_node: none`, of `topic_cameras`, or where its `image` is
    remapped.
    """

    NAME = "pipeline_node"
    PARAMS = (PipelineParams, SharedImageParams)

    def nodes(self) -> list[FerNode]:
        """Make all others, in the order in which they should start."""
        params = self._made_of = self.params[PipelineParams]
        self._exchange = Exchange(lossless=not params.drop_frames)
        stages = _stages(params)
        topics: dict[str, tuple[str, str]] = {}  # images and emotions, by camera
        made: list[FerNode] = []
        sources: list[FerNode] = []
        taken_in: dict[str, str] = {}
        for name in params.names:
            base = "/".join(filter(None, [self.get_namespace().rstrip("/"), name]))
            topic = _image_topic(name)
            image = self.resolve_topic_name(topic)
            is_elsewhere = image != self.resolve_topic_name(topic, only_expand=True)
            if name not in params.subscribed:
                source_class = _class_of(params.image_node)
                sources.append(source_class(exchange=self._exchange, cli_args=_arguments(f"{base}/camera", source_class.NAME)))
                image = image if is_elsewhere else sources[-1].resolve_topic_name("image_raw")
            taken_in.setdefault(image, topic)
            own = {stage.NAME: stage(exchange=self._exchange, cli_args=_arguments(f"{base}/fer", stage.NAME, image))
                   for stage in stages}
            topics[name] = image, own["emotion_node"].resolve_topic_name("emotions")
            made += own.values()
        if params.hri and params.cameras:
            made.append(self._hri_node(params, topics))
        for node in (*made, *sources):
            self._exchange.topics.update(map(node.resolve_topic_name, node.LOCAL_OUTPUTS))
        # Once for all: each further subscription would be a further copy.
        self._taken_in = {image: topic for image, topic in taken_in.items() if image not in self._exchange.topics}
        self._exchange.topics.update(self._taken_in)
        return [*made, *sources]

    def _hri_node(self, params: PipelineParams, topics: Mapping[str, tuple[str, str]]) -> FerNode:
        """The one for all cameras: of two, each would overwrite the other's list of who is there."""
        node_class = _class_of("hri_node")
        rules = [rule for name, (image, emotions) in topics.items()
                 for rule in (f"{name}/image:={image}", f"{name}/emotions:={emotions}")]
        return node_class(exchange=self._exchange, parameter_overrides=[Parameter("cameras", value=params.cameras)],
                          cli_args=[*_arguments(f"{self.get_namespace().rstrip('/')}/fer", node_class.NAME),
                                    *(word for rule in rules for word in ("-r", rule))])

    def setup(self) -> None:
        if self.params[PipelineParams] != self._made_of:
            raise ValueError("what the process is made of is settled when it starts: start it with other parameters")

    def start(self) -> None:
        for image, topic in self._taken_in.items():
            self.subscribe_images(topic, functools.partial(self._on_image, image), self.params[SharedImageParams],
                                  outside=True)

    def _on_image(self, topic: str, message: AnyImage) -> None:
        self.diagnostics.count("images")
        assert self._exchange is not None  # this process' nodes share one
        self._exchange.put(topic, LocalImage(message.header, to_bgr(message)))


def _stages(params: PipelineParams) -> list[type[FerNode]]:
    """The nodes of each camera beside that of the images."""
    names = [*([params.face_node] if params.face_node != "none" else []), "emotion_node"]
    names += [name for name, wanted in (("overlay_node", params.overlay), ("web_node", params.web),
                                        ("hri_node", params.hri and not params.cameras)) if wanted]
    return [_class_of(name) for name in names]


def _class_of(name: str) -> type[FerNode]:
    """A node's class. What nobody asks for is not loaded: it costs time and memory, and may need what is not installed."""
    module = importlib.import_module(f"fer_ros.nodes.{name.removesuffix('_node')}")
    found: type[FerNode] = getattr(module, "".join(map(str.capitalize, name.split("_"))))
    return found


def _image_topic(camera: str) -> str:
    return f"{camera}/image" if camera else "image"


def _arguments(namespace: str, name: str, image: str = "") -> list[str]:
    """Rules of one node alone, which come before those of the process."""
    return ["--ros-args", "-r", f"__ns:=/{namespace.lstrip('/')}", "-r", f"__node:={name}",
            *(["-r", f"image:={image}"] if image else [])]


def make() -> Sequence[FerNode]:
    """All nodes of the process."""
    pipeline = PipelineNode()
    return [pipeline, *pipeline.nodes()]


def main() -> None:
    sys.exit(run_nodes(make, images=True, small=has_small_images))


if __name__ == "__main__":
    main()
