# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A bag or a video through the whole pipeline, offline: every frame, as fast as the machine allows, the same each time."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fer_ros.bags.reader import BagReader, Frame, Skipped, is_bag
from fer_ros.media.meter import FrameClock
from fer_ros.media.source import open_source
from fer_ros.media.source_name import SourceError, opened_as, path_of, without_secrets
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.privacy_params import IdParams
from fer_ros.perception.pipeline import DETECTOR, Pipeline
from fer_ros.types import ROW, Emotion, EmotionEvent, Face, without_ids

COLUMNS = ("stamp", "frame", *ROW)
"""Of a row: stamp (in CSV seconds with all nine decimals, in Parquet a timestamp), number of the image from 0, then what a
`fer_ros/Emotion` holds, the box by its centre in pixels."""
EVENT_COLUMNS = ("stamp", "frame", "face_id", "kind", "label", "previous_label", "confidence", "lasted")
"""Of an event: stamp and number of the image in which it happened, then what a `fer_ros/EmotionEvent` holds, `lasted` in
seconds."""

_NO_PIXELS = np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class Annotation:
    """What was found in one image.

    Attributes:
        seconds: its time; the stamp's, unless that stands still.
        events: what is settled with it; it may have happened in an image before.
    """

    frame: Frame
    seconds: float
    faces: list[Face]
    emotions: list[Emotion]
    events: list[EmotionEvent] = field(default_factory=list)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each face, with the names of `COLUMNS`; the stamp in nanoseconds."""
        for emotion in self.emotions:
            yield {"stamp": self.frame.stamp, "frame": self.frame.number, **emotion.to_row()}

    def without_ids(self) -> Annotation:
        """The same, but that nobody can be followed from image to image by an id."""
        return dataclasses.replace(self, faces=without_ids(self.faces), emotions=without_ids(self.emotions),
                                   events=without_ids(self.events))


def event_rows(events: Iterable[EmotionEvent]) -> Iterator[dict[str, Any]]:
    """One for each event, with the names of `EVENT_COLUMNS`; the stamp in nanoseconds."""
    for event in events:
        yield {**event.to_dict(), "stamp": event.frame.stamp, "frame": event.frame.number}


class Recording:
    """Images with stamps, of a bag or of whatever `fer-ros run` plays from disk; a context manager.

    A video's first frame is stamped 0, the others with the times that its container says.

    Args:
        source: a bag, a video, an image, a folder of images, or `demo`.
        topic: of a bag's images; empty where it has one alone.

    Attributes:
        skipped: images of a bag that cannot be read.
        notices: what a user should know of what was read, the first of the skipped images among it.

    Raises:
        BagError, SourceError: it cannot be read; the text says why and what to do.
    """

    _NAMED = 10  # skipped images

    def __init__(self, source: str, topic: str = ""):
        path = path_of(opened_as(source))
        self.notices: list[str] = []
        self.skipped = 0
        self._bag = BagReader(path) if is_bag(path) else None
        if self._bag is not None:
            try:
                self._topic = self._bag.image_topic(topic)
            except ValueError:
                self._bag.close()
                raise
            self.length = self._topic.count
            return
        if topic:
            raise SourceError(f"--topic chooses images of a bag, and {without_secrets(source)} is not a bag")
        self._source = open_source(SourceParams(source=source, realtime=False))
        self.length = self._source.length
        if self._source.rate is None:
            self._source.close()
            raise SourceError(f"source '{without_secrets(source)}' is live: name a bag, a video, a folder of images or 'demo'")

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *_: object) -> None:
        (self._bag or self._source).close()

    def __iter__(self) -> Iterator[Frame]:
        if self._bag is not None:
            yield from self._bag.frames(self._topic, self._skip)
            return
        number = 0
        while (image := self._source.read()) is not None:
            stamp = round((self._source.stamp or 0.0) * 1e9)
            yield Frame(stamp, stamp, "camera_optical_frame", number, image)
            number += 1
            self._notice()
        self._notice()

    def _skip(self, skipped: Skipped) -> None:
        self.skipped += 1
        if self.skipped <= self._NAMED:
            self.notices.append(str(skipped))

    def _notice(self) -> None:
        if self._source.notice:
            self.notices.append(self._source.notice)
            self._source.notice = ""


class Annotator:
    """The stages of the graph in one process, with the parameters of its nodes, see `fer_ros.perception.pipeline.PARAMS`.

    Attributes:
        model, file: the emotion network's name, and its file.
    """

    def __init__(self, params: Mapping[str, Mapping[type, Any]]):
        self._pipeline = Pipeline.of(params)
        if ids := params[DETECTOR].get(IdParams):
            self._pipeline.faces.tracker.prefix = ids.id_prefix
        # Where stamps stand still, the time of the recording goes on, and not this machine's: the answer is always the same.
        self._recorded = 0.0
        self._clock = FrameClock(lambda: self._recorded)
        classifier = self._pipeline.emotions.classifier
        self.model, self.file = classifier.metadata.name, classifier.path

    def __call__(self, frame: Frame) -> Annotation:
        self._recorded = in_seconds(frame.recorded)
        seconds = self._clock(in_seconds(frame.stamp))
        faces = self._pipeline.faces(frame.image, seconds)
        emotions = self._pipeline.emotions(frame.image, faces, seconds)
        # What is kept of an image until its event is settled needs no pixels.
        about = dataclasses.replace(frame, image=_NO_PIXELS)
        return Annotation(frame, seconds, faces, emotions, self._pipeline.event_detector(emotions, seconds, about))

    def end(self) -> list[EmotionEvent]:
        """The recording is over, and everybody leaves."""
        return self._pipeline.event_detector.end()


def in_seconds(stamp: int) -> float:
    """Nanoseconds as seconds, with the same rounding as the nodes' (of a message's two numbers)."""
    seconds, rest = divmod(stamp, 10**9)
    return seconds + rest * 1e-9
