# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The stages put together: an image gives faces, an image with faces gives emotions, and `Pipeline` is both."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from fer_ros.media.encodings import bgr_of
from fer_ros.media.meter import StageTimes
from fer_ros.models.inference import InferenceParams
from fer_ros.parameters.params import Groups, UnknownParameter, by_name, specs, takes
from fer_ros.perception.align import AlignParams, align_faces
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
from fer_ros.perception.detector import DetectorParams, FaceDetector
from fer_ros.perception.events import EventDetector, EventParams
from fer_ros.perception.search_policy import Attention, DetectionSchedule, Look, SearchPolicy
from fer_ros.perception.smoothing import Smoother, SmoothingParams
from fer_ros.perception.tracker import Tracker, TrackerParams
from fer_ros.types import Emotion, EmotionEvent, Face, Image


class FaceStage:
    """Detection and tracking.

    Attributes:
        times: of `detect` and `track`.
    """

    PARAMS: tuple[type, ...] = (DetectorParams, TrackerParams, InferenceParams)
    """What can be set."""

    def __init__(self, detector: DetectorParams, tracker: TrackerParams, inference: InferenceParams):
        self.detector = FaceDetector(detector, inference)
        self.tracker = Tracker(tracker)
        self.times = StageTimes()
        self._begin()

    @classmethod
    def of(cls, params: Groups) -> FaceStage:
        """One with the parameters of `PARAMS`, by their class."""
        return cls(*(params[group] for group in cls.PARAMS))

    def _begin(self) -> None:
        self._schedule, self._policy, self._attention = DetectionSchedule(), SearchPolicy(), Attention()

    def reset(self) -> None:
        """Forget every face. Ids go on counting, so that none comes twice."""
        self.tracker.reset()
        self._begin()

    def __call__(self, image: Image, stamp: float | None) -> list[Face]:
        """The faces of an image with their track ids.

        Args:
            image: HxWx3 uint8, BGR.
            stamp: its time in seconds; None for a picture of its own, whose faces are nobody's that is followed and have no
                ids.
        """
        if stamp is None:
            with self.times("detect"):
                return self.detector.detect(image)
        params = self.detector.params
        look = self._schedule.look(stamp, params.detect_every, self.tracker.params.track_timeout / 2, self._rest(stamp))
        if look is None:
            with self.times("track"):
                # Who keeps still stays: what is known of their speed is noise, and boxes would tremble.
                return self.tracker.shown if self.tracker.is_still else self.tracker.predict(stamp)
        with self.times("detect"):
            found = self._find(image, stamp, look)
        if found:
            self._attention.see(stamp)
        with self.times("track"):
            return self.tracker.update(found, stamp)

    def _rest(self, stamp: float) -> float:
        """Seconds for which nobody need be looked for."""
        if self._attention.rests(stamp):
            return self.detector.params.rest_period
        return self.detector.params.still_period if self.tracker.is_still else 0.0

    def _find(self, image: Image, stamp: float, look: Look) -> list[Face]:
        """The faces of an image: the known ones where they are expected, or all."""
        period = self.detector.params.search_period
        known = None
        if self._policy.may_follow(stamp, look, period):
            expected = self.tracker.predict(stamp)
            if self.detector.worth_following(image, len(expected)):
                known = self.detector.follow(image, expected)
                if known is None:
                    self._policy.miss(stamp)
        if known is not None and not self._policy.search_is_due(stamp, look, period):
            return known
        self._policy.search(stamp)
        # Known faces are not taken from the search, too: boxes of two kinds in turns would tremble.
        return self.detector.detect(image, known or ())


class _Known(NamedTuple):
    """What a face showed when it was looked at last.

    Attributes:
        stamp: when that was.
        steady: whether it had been showing that before; see `Shown`.
        label, confidence, smoothed, raw: of an `Emotion`.
    """

    stamp: float
    steady: bool
    label: str
    confidence: float
    smoothed: NDArray[Any]
    raw: NDArray[Any]


class EmotionStage:
    """Crop, classify in one batch, smooth, label.

    Attributes:
        faces_per_frame, steady_period, max_faces: see `ClassifierParams`.
        times: of `align`, `classify` and `smooth`.
    """

    PARAMS: tuple[type, ...] = (ClassifierParams, AlignParams, SmoothingParams, InferenceParams)
    """What can be set."""

    _STALE = 0.25  # seconds after which a face is looked at again, however many there are
    _FORGET = 60.0  # seconds after which a face that is not seen any more is dropped

    def __init__(self, classifier: ClassifierParams, align: AlignParams, smoothing: SmoothingParams,
                 inference: InferenceParams):
        self.classifier = EmotionClassifier(classifier, inference)
        self.max_faces, self.faces_per_frame = classifier.max_faces, classifier.faces_per_frame
        self.steady_period, self.align = classifier.steady_period, align
        self._known: dict[str, _Known] = {}
        self._stamp = -math.inf
        answer = self.classifier.answer
        self.smoother = Smoother(smoothing, answer.neutral_prior, answer.rare_prior)
        self.times = StageTimes()

    @classmethod
    def of(cls, params: Groups) -> EmotionStage:
        """One with the parameters of `PARAMS`, by their class."""
        return cls(*(params[group] for group in cls.PARAMS))

    def reset(self) -> None:
        """Forget what every face has shown."""
        self._known.clear()
        self._stamp = -math.inf
        self.smoother.reset()

    def __call__(self, image: Image, faces: Sequence[Face], stamp: float | None) -> list[Emotion]:
        """What the faces of an image show, in their order.

        A face whose box is empty, not finite or wholly outside the image is left out: there is nothing to look at. Of more
        than `max_faces` the best scored are taken.

        Args:
            image: HxWx3 uint8, BGR.
            faces: one without an id is not smoothed.
            stamp: the image's time in seconds; None for a picture of its own, whose faces have no ids.
        """
        faces = [face for face in faces if _visible(face, image)]
        if len(faces) > self.max_faces:
            best = sorted(range(len(faces)), key=lambda i: -faces[i].score)[: self.max_faces]
            faces = [faces[i] for i in sorted(best)]
        if stamp is None:
            due, stamp = list(range(len(faces))), self._stamp
        else:
            due = self._due(faces, stamp)
        looked = [faces[i] for i in due]
        with self.times("align"):
            crops = align_faces(image, looked, self.classifier.input_size, self.align, self.classifier.is_grey)
        with self.times("classify"):
            raw = self.classifier(crops)
        with self.times("smooth"):
            shown = self.smoother.update([face.id for face in looked], raw, stamp)
            said = {i: _Known(stamp, *one) for i, *one in zip(
                due, shown.steady, shown.labels, shown.confidences, shown.probabilities, raw, strict=True)}
            self._known.update({faces[i].id: one for i, one in said.items() if faces[i].id})
            emotions = []
            for i, face in enumerate(faces):
                one = said[i] if i in said else self._known[face.id]
                # Copies, because what is remembered is not the caller's to change.
                emotions.append(Emotion(face.id, face.box, face.score, one.label, one.confidence, one.smoothed.copy(),
                                        one.raw.copy()))
        return emotions

    def _due(self, faces: Sequence[Face], stamp: float) -> list[int]:
        """Which faces to look at: all that are new or have waited for long, and of the others those that waited longest.

        Nobody who has shown the same before and was looked at only just now is one of them, unless time stands still.
        """
        if stamp < self._stamp:  # a recording that starts again; the smoother forgets, too
            self._known.clear()
        frame, self._stamp = stamp - self._stamp, stamp
        if len(self._known) > 1000:
            self._known = {name: one for name, one in self._known.items() if stamp - one.stamp <= self._FORGET}
        names = [face.id for face in faces]
        known = [self._known.get(name) if names.count(name) == 1 else None for name in names]
        waited = [math.inf if one is None else stamp - one.stamp for one in known]
        due = [i for i, one in enumerate(known)
               if one is None or not one.steady or not 0 < waited[i] + frame / 2 < self.steady_period]
        if not 0 < self.faces_per_frame < len(due):
            return due
        due.sort(key=lambda i: -waited[i])
        most = self.faces_per_frame
        return sorted(due[:most] + [i for i in due[most:] if waited[i] >= self._STALE])


DETECTOR, EMOTION = "face_detector_node", "emotion_node"
PARAMS: dict[str, tuple[type, ...]] = {DETECTOR: FaceStage.PARAMS, EMOTION: (*EmotionStage.PARAMS, EventParams)}
"""What can be set of the stages, by the node that has each in the graph."""


_OF_FACES = {spec.name: spec for group in FaceStage.PARAMS for spec in specs(group)}
_OF_EMOTIONS = {spec.name: spec for group in PARAMS[EMOTION] for spec in specs(group)}
# Both stages have a model, and mean another one. Of the others that both have, a value counts for both.
_DETECTOR_MODEL = dataclasses.replace(_OF_FACES.pop("model"), name="detector_model")
_BY_NAME = {"model": _OF_EMOTIONS["model"], "detector_model": _DETECTOR_MODEL, **_OF_EMOTIONS, **_OF_FACES}


@takes(_BY_NAME)
class Pipeline:
    """Images in, what every face in them shows out: detection, tracking, alignment, classification, smoothing.

    >>> from fer_ros import Pipeline, open_source
    >>> pipeline = Pipeline(inference_size=640)
    >>> for frame in open_source("demo"):
    ...     emotions = pipeline(frame.image, frame.stamp)
    ...     if frame.number == 60:
    ...         break
    >>> [(emotion.face_id, emotion.label) for emotion in emotions]
    [('1', 'happy')]

    The frames of a video or a camera come with their stamps. Then a face keeps its id, and what it shows is smoothed over
    time. An image without a stamp is a picture of its own: its faces have no ids, and no other image plays a part.

    >>> pipeline(frame.image)[0].face_id
    ''

    What changes is in `events`, once it has lasted for a while:

    >>> for frame in open_source("demo"):
    ...     emotions = pipeline(frame.image, frame.stamp)
    ...     for event in pipeline.events:
    ...         print(f"{event.stamp:.1f} s: face {event.face_id} {event.kind}")
    ...     if frame.number == 60:
    ...         break
    2.0 s: face 1 left
    0.0 s: face 2 appeared

    The answers are the same as those of the ROS 2 graph, whose nodes run the same stages. One instance serves one thread, and
    one sequence of frames at a time.

    Attributes:
        faces: the first stage, which makes faces of an image and a stamp.
        emotions: the second one, which makes emotions of an image, its faces and a stamp.
        event_detector: the third one, which makes events of emotions and a stamp.
        events: what the last image has changed: who appeared, shows another emotion, or left. After `reset`, that all left.
    """

    def __init__(self, **parameters: Any):
        """Load both networks.

        Args:
            parameters: see the class. Those that both stages have (`provider`, `threads`, `max_faces`) count for both.

        Raises:
            FileNotFoundError: a model is not there.
            TypeError: there is no such parameter; the text names the nearest one.
            ValueError: a parameter's value is not allowed, a model is another network, or the provider is not to be had.
        """
        for name in parameters:
            if name not in _BY_NAME:
                raise UnknownParameter(name, _BY_NAME)
        faces = {name: value for name, value in parameters.items() if name in _OF_FACES}
        if "detector_model" in parameters:
            faces["model"] = parameters["detector_model"]
        emotions = {name: value for name, value in parameters.items() if name in _OF_EMOTIONS}
        self._set_up({DETECTOR: by_name(FaceStage.PARAMS, faces), EMOTION: by_name(PARAMS[EMOTION], emotions)})

    @classmethod
    def of(cls, params: Mapping[str, Groups]) -> Pipeline:
        """One with the parameters of nodes, as in `PARAMS`: `fer_ros.parameters.params_file.parameters` reads them from files.

        Raises:
            FileNotFoundError, ValueError: as above.
        """
        made = cls.__new__(cls)
        made._set_up(params)
        return made

    def _set_up(self, params: Mapping[str, Groups]) -> None:
        self.faces, self.emotions = FaceStage.of(params[DETECTOR]), EmotionStage.of(params[EMOTION])
        self.event_detector = EventDetector(params[EMOTION][EventParams])
        self.events: list[EmotionEvent] = []

    def __call__(self, image: NDArray[Any], stamp: float | None = None, *, encoding: str | None = None) -> list[Emotion]:
        """What the faces of an image show.

        Args:
            image: uint8 from 0 to 255, (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA, with any strides.
            stamp: when it was taken, in seconds from any beginning; None for a picture of its own. For a camera whose frames
                have no stamps use `time.monotonic()`, for a video's frames their number divided by their rate. A step back
                forgets all faces, as `reset` does.
            encoding: what else the array holds, `rgb8`, `rgba8`, `bgra8`, `bgr8` or `mono8`.

        Returns:
            One for each face, in no order that means anything, boxes in pixels of `image`; empty where there is no face.

        Raises:
            TypeError: `image` is not an array, or `stamp` not a number.
            ValueError: the image has another type or shape or no pixels, or `stamp` is not finite.
        """
        image = bgr_of(image, encoding)
        if stamp is not None:
            stamp = _seconds(stamp)
        emotions = self.emotions(image, self.faces(image, stamp), stamp)
        self.events = [] if stamp is None else self.event_detector(emotions, stamp)
        return emotions

    def reset(self) -> None:
        """Forget all faces, at the end or before frames of another video or camera: in `events` everybody leaves.

        Ids go on counting, so that none comes twice.
        """
        self.events = self.event_detector.end()
        self.faces.reset()
        self.emotions.reset()


def _seconds(stamp: object) -> float:
    """A stamp that somebody gave. Raises TypeError or ValueError where it is none."""
    if isinstance(stamp, bool) or not isinstance(stamp, numbers.Real):
        raise TypeError(f"the stamp must be a number of seconds, not {stamp!r}")
    try:
        seconds = float(stamp)
    except OverflowError:  # a whole number beyond all floats
        seconds = math.inf
    if not math.isfinite(seconds):
        raise ValueError(f"the stamp must be a finite number of seconds, not {seconds}")
    return seconds


def _visible(face: Face, image: Image) -> bool:
    box = face.box
    return (
        box.is_usable()
        and abs(box.cx - image.shape[1] / 2) < (image.shape[1] + box.width) / 2
        and abs(box.cy - image.shape[0] / 2) < (image.shape[0] + box.height) / 2
    )
