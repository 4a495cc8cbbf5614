# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""emotion_node: an image and its faces in, their emotions out, and what changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from vision_msgs.msg import Detection2DArray

from fer_ros.labels import EMOTIONS
from fer_ros.media.meter import FrameClock, StageTimes
from fer_ros.models.inference import InferenceParams
from fer_ros.models.terms import news
from fer_ros.msg import EmotionArray
from fer_ros.msg import EmotionEvent as EventMessage
from fer_ros.parameters.node_params import MatchingParams, PairedImageParams
from fer_ros.parameters.privacy_params import IdParams
from fer_ros.perception.align import AlignParams
from fer_ros.perception.classifier import ClassifierParams
from fer_ros.perception.events import EventDetector, EventParams
from fer_ros.perception.naming import Naming
from fer_ros.perception.pipeline import EMOTION, PARAMS, EmotionStage
from fer_ros.perception.smoothing import SmoothingParams
from fer_ros.resources import emotion_model
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyFaces, AnyImage, LocalEmotions
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import emotions_to_message, event_to_message, faces_from_message, seconds
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.spinning import main_of
from fer_ros.types import EmotionEvent, without_ids


class EmotionNode(FerNode):
    NAME = "emotion_node"
    LOCAL_OUTPUTS = ("emotions",)
    PARAMS = (*PARAMS[EMOTION], IdParams, MatchingParams, PairedImageParams)

    def setup(self) -> None:
        params = self.params
        self._stage, self._detector = EmotionStage.of(params), EventDetector(params[EventParams])
        self._frame_clock, self._times, self._naming = FrameClock(), StageTimes(), Naming(params[IdParams].id_prefix)
        self._images = self.answered("faces", self._on_answer)
        self._emotions = self.advertise(EmotionArray, "emotions", RESULTS)
        self._events = self.advertise(EventMessage, "events", RESULTS)
        self._model_file = emotion_model(params[ClassifierParams].model, params[InferenceParams].provider)
        self.hardware_id = self._stage.classifier.provider
        if terms := news(self._stage.classifier.path):
            self.get_logger().warning(terms)

    def start(self) -> None:
        self._images.clear()
        self.subscribe(Detection2DArray, "faces", self._on_faces, RESULTS, waited_for=True)
        if not self.is_local("faces"):
            self.subscribe_images("image", self._images.add_image, self.params[PairedImageParams])

    def stop(self) -> None:
        with self._inputs.busy:  # nobody appears any more
            self._publish_events(self._detector.end())

    def apply(self) -> None:
        self._stage.max_faces = self.params[ClassifierParams].max_faces
        self._stage.faces_per_frame = self.params[ClassifierParams].faces_per_frame
        self._stage.steady_period = self.params[ClassifierParams].steady_period
        self._stage.align = self.params[AlignParams]
        self._stage.smoother.params = self.params[SmoothingParams]
        self._detector.params = self.params[EventParams]
        self._naming.prefix = self.params[IdParams].id_prefix
        if not self.enabled:
            self._publish_events(self._detector.end())

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        return OK, "active", {
            "model": self._stage.classifier.metadata.name,
            "model file": self._model_file,
            "neutral prior": self._stage.smoother.neutral_prior,
            "rare prior": self._stage.smoother.rare_prior,
            "execution provider": self._stage.classifier.provider,
            "dropped": self._images.dropped,
            "subscribers": self._emotions.get_subscription_count(),
        }

    def stage_times(self) -> Iterable[StageTimes]:
        return self._stage.times, self._times

    def _on_faces(self, message: AnyFaces) -> None:
        self._images.add_answer(message, message)

    def _on_answer(self, image: AnyImage, detections: AnyFaces) -> None:
        faces, unusable = faces_from_message(detections)
        self.diagnostics.count("images")
        self.diagnostics.count("faces", len(faces))
        if unusable:
            self.diagnostics.count("unusable boxes", unusable)
            self.say_once("boxes", "a detection has a box that is empty or not finite: such detections are left out")
        stamp, emotions = seconds(image.header.stamp), []
        time = self._frame_clock(stamp)
        faces = self._naming(faces, time, self.params[ClassifierParams].max_faces)
        if faces:  # or nobody has to look at the pixels
            with self._times("convert"):
                pixels = to_bgr(image)
            emotions = self._stage(pixels, faces, time)
        shown = emotions if self.params[IdParams].publish_ids else without_ids(emotions)
        with self._times("publish"):
            self._emotions.publish(lambda: emotions_to_message(shown, image.header, self._stage.classifier.metadata.name),
                                   LocalEmotions(image.header, shown, EMOTIONS, image, detections))
            self._publish_events(self._detector(emotions, time, image.header))
        latency = self.age(stamp)
        if latency is not None:
            self._times.add("latency", latency)

    def _publish_events(self, events: Iterable[EmotionEvent]) -> None:
        for event in events if self.params[IdParams].publish_ids else without_ids(events):
            self.diagnostics.count("events")
            self._events.publish(partial(event_to_message, event, event.frame))


main = main_of(EmotionNode)

if __name__ == "__main__":
    main()
