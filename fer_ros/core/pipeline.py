"""The stages put together: an image gives faces, an image with faces gives emotions."""

from __future__ import annotations

from collections.abc import Sequence

from fer_ros.core.align import AlignParams, align_faces
from fer_ros.core.classifier import ClassifierParams, EmotionClassifier
from fer_ros.core.detector import DetectorParams, FaceDetector
from fer_ros.core.meter import StageTimes
from fer_ros.core.session import InferenceParams
from fer_ros.core.smoothing import Smoother, SmoothingParams, choose_label
from fer_ros.core.tracker import Tracker, TrackerParams
from fer_ros.core.types import Emotion, Face, Image


class FaceStage:
    """Detection and tracking.

    Attributes:
        times: of `detect` and `track`.
    """

    def __init__(self, detector: DetectorParams, tracker: TrackerParams, inference: InferenceParams):
        self.detector = FaceDetector(detector, inference)
        self.tracker = Tracker(tracker)
        self.times = StageTimes()

    def __call__(self, image: Image, stamp: float) -> list[Face]:
        """The faces of an HxWx3 uint8 BGR image with their track ids; `stamp` in seconds."""
        with self.times("detect"):
            found = self.detector.detect(image)
        with self.times("track"):
            return self.tracker.update(found, stamp)


class EmotionStage:
    """Crop, classify in one batch, smooth, label.

    Attributes:
        times: of `align`, `classify` and `smooth`.
    """

    def __init__(self, classifier: ClassifierParams, align: AlignParams, smoothing: SmoothingParams,
                 inference: InferenceParams):
        self.classifier = EmotionClassifier(classifier, inference)
        self.max_faces = classifier.max_faces
        self.align = align
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
        with self.times("align"):
            crops = align_faces(image, faces, self.classifier.input_size, self.align)
        with self.times("classify"):
            raw = self.classifier(crops)
        with self.times("smooth"):
            smooth = self.smoother.update([face.id for face in faces], raw, stamp)
            threshold = self.smoother.params.confidence_threshold
            return [
                Emotion(face.id, face.box, face.score, *choose_label(after, threshold), after, before)
                for face, after, before in zip(faces, smooth, raw, strict=True)
            ]


def _visible(face: Face, image: Image) -> bool:
    box = face.box
    return (
        box.is_usable()
        and abs(box.cx - image.shape[1] / 2) < (image.shape[1] + box.width) / 2
        and abs(box.cy - image.shape[0] / 2) < (image.shape[0] + box.height) / 2
    )
