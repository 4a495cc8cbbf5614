"""The stages put together: an image gives faces, an image with faces gives emotions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fer_ros.media.meter import StageTimes
from fer_ros.models.inference import InferenceParams
from fer_ros.perception.align import AlignParams, align_faces
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
from fer_ros.perception.detector import DetectorParams, FaceDetector
from fer_ros.perception.smoothing import Smoother, SmoothingParams
from fer_ros.perception.tracker import Tracker, TrackerParams
from fer_ros.types import Emotion, Face, Image

DETECTOR, EMOTION = "face_detector_node", "emotion_node"
PARAMS: dict[str, tuple[type, ...]] = {
    DETECTOR: (DetectorParams, TrackerParams, InferenceParams),
    EMOTION: (ClassifierParams, AlignParams, SmoothingParams, InferenceParams),
}
"""What can be set of the stages, by the node that has each in the graph."""


class FaceStage:
    """Detection and tracking.

    Attributes:
        times: of `detect` and `track`.
    """

    _PATIENCE = 0.2  # seconds after somebody was missing until known faces are followed again

    def __init__(self, detector: DetectorParams, tracker: TrackerParams, inference: InferenceParams):
        self.detector = FaceDetector(detector, inference)
        self.tracker = Tracker(tracker)
        self.times = StageTimes()
        self._since = 0  # frames since the last detection
        # Stamps of the last detection, of the last search of a whole image, and of the last time that somebody was missing.
        self._looked = self._searched = self._missed = -math.inf

    def __call__(self, image: Image, stamp: float) -> list[Face]:
        """The faces of an HxWx3 uint8 BGR image with their track ids; `stamp` in seconds."""
        params = self.detector.params
        self._since += 1
        elapsed = stamp - self._looked
        # After long the tracker would know nobody any more, however few frames came in between.
        recent = 0 <= elapsed <= self.tracker.params.track_timeout / 2
        if self._since < params.detect_every and recent:
            with self.times("track"):
                return self.tracker.predict(stamp)
        self._since, self._looked = 0, stamp
        if not recent:
            self._missed = -math.inf
        with self.times("detect"):
            known = None
            # Whom the network does not see from near, it sees in the whole image; not to look twice at each, for a while.
            if recent and params.search_period > 0 and stamp - self._missed + elapsed / 2 >= self._PATIENCE:
                expected = self.tracker.predict(stamp)
                if self.detector.worth_following(image, len(expected)):
                    known = self.detector.follow(image, expected)
                    if known is None:
                        self._missed = stamp
            # Known faces are not taken from the search, too: boxes of two kinds in turns would tremble. Here as above rather
            # half a step too early than too late; and where time stands still, always.
            if known is None or elapsed <= 0 or stamp - self._searched + elapsed / 2 >= params.search_period:
                found, self._searched = self.detector.detect(image, known or ()), stamp
            else:
                found = known
        with self.times("track"):
            return self.tracker.update(found, stamp)


class EmotionStage:
    """Crop, classify in one batch, smooth, label.

    Attributes:
        faces_per_frame, max_faces: see `ClassifierParams`.
        times: of `align`, `classify` and `smooth`.
    """

    _STALE = 0.25  # seconds after which a face is looked at again, however many there are
    _FORGET = 60.0  # seconds after which a face that is not seen any more is dropped

    def __init__(self, classifier: ClassifierParams, align: AlignParams, smoothing: SmoothingParams,
                 inference: InferenceParams):
        self.classifier = EmotionClassifier(classifier, inference)
        self.max_faces, self.faces_per_frame = classifier.max_faces, classifier.faces_per_frame
        self.align = align
        # When a face was looked at last, then label, confidence, and probabilities after and before they were smoothed.
        self._known: dict[str, tuple[float, str, float, np.ndarray, np.ndarray]] = {}
        self._stamp = -math.inf
        self.smoother = Smoother(smoothing)
        self.times = StageTimes()

    def __call__(self, image: Image, faces: Sequence[Face], stamp: float) -> list[Emotion]:
        """What the faces of an HxWx3 uint8 BGR image show, in their order; `stamp` in seconds.

        A face whose box is empty, not finite or wholly outside the image is left out: there is nothing to look at. Of more
        than `max_faces` the best scored are taken.
        """
        faces = [face for face in faces if _visible(face, image)]
        if len(faces) > self.max_faces:
            best = sorted(range(len(faces)), key=lambda i: -faces[i].score)[: self.max_faces]
            faces = [faces[i] for i in sorted(best)]
        due = self._due(faces, stamp)
        looked = [faces[i] for i in due]
        with self.times("align"):
            crops = align_faces(image, looked, self.classifier.input_size, self.align, self.classifier.is_grey)
        with self.times("classify"):
            raw = self.classifier(crops)
        with self.times("smooth"):
            shown = self.smoother.update([face.id for face in looked], raw, stamp)
            said = {i: (stamp, *one) for i, *one in zip(due, shown.labels, shown.confidences, shown.probabilities, raw,
                                                        strict=True)}
            self._known.update({faces[i].id: one for i, one in said.items() if faces[i].id})
            emotions = []
            for i, face in enumerate(faces):
                _, *one = said[i] if i in said else self._known[face.id]
                emotions.append(Emotion(face.id, face.box, face.score, *one))
        return emotions

    def _due(self, faces: Sequence[Face], stamp: float) -> list[int]:
        """Which faces to look at: all that are new or have waited for long, and of the others those that waited longest."""
        if stamp < self._stamp:  # a recording that starts again; the smoother forgets, too
            self._known.clear()
        self._stamp = stamp
        if len(self._known) > 1000:
            self._known = {name: one for name, one in self._known.items() if stamp - one[0] <= self._FORGET}
        if not 0 < self.faces_per_frame < len(faces):
            return list(range(len(faces)))
        names = [face.id for face in faces]
        seen = [self._known[name][0] if name in self._known and names.count(name) == 1 else -math.inf for name in names]
        waiting = sorted(range(len(faces)), key=lambda i: seen[i])
        due = waiting[: self.faces_per_frame] + [i for i in waiting[self.faces_per_frame :] if stamp - seen[i] >= self._STALE]
        return sorted(due)


def stages(params: Mapping[str, Mapping[type, Any]]) -> tuple[FaceStage, EmotionStage]:
    """Both stages with parameters like `PARAMS`."""
    return (FaceStage(*(params[DETECTOR][group] for group in PARAMS[DETECTOR])),
            EmotionStage(*(params[EMOTION][group] for group in PARAMS[EMOTION])))


def _visible(face: Face, image: Image) -> bool:
    box = face.box
    return (
        box.is_usable()
        and abs(box.cx - image.shape[1] / 2) < (image.shape[1] + box.width) / 2
        and abs(box.cy - image.shape[0] / 2) < (image.shape[0] + box.height) / 2
    )
