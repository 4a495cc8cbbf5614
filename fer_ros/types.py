# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What passes between the stages and is answered: boxes, faces and emotions, all in pixels of the source image."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS

Image = NDArray[np.uint8]
"""An HxWx3 uint8 BGR image."""


class Comparable:
    """Equality and hash for a frozen dataclass that holds arrays, which have neither for themselves.

    Such a class is decorated with `@dataclass(frozen=True, eq=False)`. Two are equal if they are of one class and all their
    fields are, arrays by shape and content. The hash leaves arrays and mappings out; every other field must have one.

    >>> Face(Box(1, 2, 3, 4), 0.9, np.zeros((5, 2))) == Face(Box(1, 2, 3, 4), 0.9, np.zeros((5, 2)))
    True
    """

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return all(_same(mine, theirs) for mine, theirs in zip(_values(self), _values(other), strict=True))

    def __hash__(self) -> int:
        return hash((self.__class__, *(value for value in _values(self) if not isinstance(value, (np.ndarray, Mapping)))))


def _values(of: Comparable) -> list[object]:
    assert dataclasses.is_dataclass(of)
    return [getattr(of, field.name) for field in dataclasses.fields(of)]


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a is b or np.array_equal(a, b)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(value, b[name]) for name, value in a.items())
    return a is b or a == b


class Box(NamedTuple):
    """A rectangle in pixels: its centre, its extent, and how far the face in it is rolled.

    >>> box = Box(cx=320.0, cy=240.0, width=100.0, height=120.0)
    >>> box.xyxy
    (270.0, 180.0, 370.0, 300.0)
    >>> box.area, box.roll
    (12000.0, 0.0)

    It is a tuple (cx, cy, width, height, roll), and compares as one. `roll` is the angle of the line between the eyes in
    radians, in (-pi, pi], positive clockwise as seen on the screen (x to the right, y down). The rectangle itself is upright:
    `width` and `height` are along x and y.
    """

    cx: float
    cy: float
    width: float
    height: float
    roll: float = 0.0

    @property
    def area(self) -> float:
        """Of the rectangle, in square pixels."""
        return self.width * self.height

    @property
    def xyxy(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom edge; they may lie beyond the image."""
        x, y = self.width / 2, self.height / 2
        return self.cx - x, self.cy - y, self.cx + x, self.cy + y

    def to_dict(self) -> dict[str, float]:
        """Its fields as plain numbers, for JSON say."""
        return {name: float(value) for name, value in self._asdict().items()}

    def is_usable(self) -> bool:
        """Finite, and neither empty nor so small that no pixel is inside."""
        return all(map(math.isfinite, self)) and self.width >= 1 and self.height >= 1


@dataclass(frozen=True, eq=False)
class Face(Comparable):
    """One detected face.

    >>> face = Face(Box(320, 240, 100, 120), score=0.9)
    >>> face == Face(Box(320, 240, 100, 120), score=0.9), face.to_dict()["box"]["width"]
    (True, 100.0)

    Two are equal if all their fields are, landmarks by their numbers; the hash leaves landmarks out.

    Attributes:
        box: where it is.
        score: detection score in [0, 1].
        landmarks: (5, 2) float32, right eye, left eye, nose, right and left corner of the mouth (the person's own
            right and left), or None where only the box is known.
        id: the track's id; empty for a face that is not tracked.
    """

    box: Box
    score: float
    landmarks: NDArray[Any] | None = None
    id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Its fields as plain numbers, texts and lists, for JSON say."""
        return {"id": self.id, "box": self.box.to_dict(), "score": float(self.score),
                "landmarks": None if self.landmarks is None else np.asarray(self.landmarks, float).tolist()}


@dataclass(frozen=True, eq=False)
class Emotion(Comparable):
    """What one face shows.

    >>> sure = np.array([0, 0, 0, 0.75, 0, 0.25, 0], np.float32)
    >>> emotion = Emotion("1", Box(320, 240, 100, 120), 0.9, "happy", 0.75, sure, sure)
    >>> emotion.to_dict()["probabilities"]["happy"]
    0.75
    >>> row = emotion.to_row()
    >>> row["label"], row["width"], row["surprise"]
    ('happy', 100.0, 0.25)

    Two are equal if all their fields are, probabilities by their numbers; the hash leaves probabilities out.

    Attributes:
        face_id: id of the face's track, which stays with a person from frame to frame; empty where none was followed.
        box: where the face is, in pixels of the image.
        detection_score: how sure the detector is that this is a face, in [0, 1].
        label: what is shown: the winner of `probabilities` once it has led for a while, or `uncertain`.
        confidence: the label's probability, in [0, 1]; of `uncertain` the largest one.
        probabilities: (7,) float32 in the order of `EMOTIONS`, smoothed over time, sums to 1.
        raw_probabilities: the same of this frame alone, or of the last one in which the face was classified.
    """

    face_id: str
    box: Box
    detection_score: float
    label: str
    confidence: float
    probabilities: NDArray[Any]
    raw_probabilities: NDArray[Any]

    def to_dict(self) -> dict[str, Any]:
        """Its fields as plain numbers, texts and dictionaries, probabilities by the names of emotions, for JSON say."""
        return {
            "face_id": self.face_id, "box": self.box.to_dict(), "detection_score": float(self.detection_score),
            "label": self.label, "confidence": float(self.confidence),
            "probabilities": _by_emotion(self.probabilities), "raw_probabilities": _by_emotion(self.raw_probabilities),
        }

    def to_row(self) -> dict[str, Any]:
        """The same as one row of a table, with the names of `ROW`, which `fer-ros annotate --table` writes too.

        `pandas.DataFrame([emotion.to_row() for emotion in emotions])` is a table of them all, and
        `{"stamp": stamp, **emotion.to_row()}` a row with its time.
        """
        return dict(zip(ROW, (
            self.face_id, *map(float, self.box), float(self.detection_score), self.label, float(self.confidence),
            *_seven(self.probabilities), *_seven(self.raw_probabilities),
        ), strict=True))


APPEARED, CHANGED, LEFT = EVENTS = ("appeared", "changed", "left")
"""The kinds of an `EmotionEvent`. In a message they are numbers: 1, 2 and 3."""


@dataclass(frozen=True)
class EmotionEvent:
    """Something that changed: a face appeared, shows another emotion, or left.

    >>> event = EmotionEvent("changed", "1", 12.5, "happy", "neutral", 0.75, lasted=4.5)
    >>> event.to_dict()["previous_label"], event.to_dict()["lasted"]
    ('neutral', 4.5)

    Attributes:
        kind: `appeared`, `changed` or `left`.
        face_id: id of the face's track.
        stamp: the time in seconds of the frame in which it happened: in which the face was first seen, first showed `label`,
            or was last seen. The event itself is known later, once that has lasted.
        label: what is shown from then on; empty of a face that left.
        previous_label: what was shown until then; empty of a face that appeared.
        confidence: the label's probability in [0, 1], the mean of the frames in which it was shown until it had lasted long
            enough; 0 of a face that left.
        lasted: for how many seconds `previous_label` was shown; 0 of a face that appeared.
        frame: whatever that frame was called by who asked: a message's header, say. It plays no part in comparisons.
    """

    kind: str
    face_id: str
    stamp: float
    label: str
    previous_label: str
    confidence: float
    lasted: float
    frame: Any = dataclasses.field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Its fields but for `frame` as plain numbers and texts, for JSON or a row of a table."""
        return {"kind": self.kind, "face_id": self.face_id, "stamp": float(self.stamp), "label": self.label,
                "previous_label": self.previous_label, "confidence": float(self.confidence), "lasted": float(self.lasted)}


ROW = ("face_id", "x", "y", "width", "height", "roll", "detection_score", "label", "confidence", *EMOTIONS,
       *(f"raw_{name}" for name in EMOTIONS))
"""Names of the columns of a table of emotions; `x` and `y` are the box's centre."""


def _by_emotion(values: NDArray[Any]) -> dict[str, float]:
    return dict(zip(EMOTIONS, _seven(values), strict=True))


def _seven(values: NDArray[Any]) -> list[float]:
    if len(values) != len(EMOTIONS):
        raise ValueError(f"there must be {len(EMOTIONS)} probabilities, not {len(values)}")
    return [float(value) for value in values]


def intersection_over_union(a: Box, b: Box) -> float:
    """Overlap of two boxes in [0, 1], their roll left aside."""
    width = min(a.cx + a.width / 2, b.cx + b.width / 2) - max(a.cx - a.width / 2, b.cx - b.width / 2)
    height = min(a.cy + a.height / 2, b.cy + b.height / 2) - max(a.cy - a.height / 2, b.cy - b.height / 2)
    if width <= 0 or height <= 0:
        return 0.0
    overlap = width * height
    return overlap / (a.area + b.area - overlap)


Identified = TypeVar("Identified", Face, Emotion, EmotionEvent)


def without_ids(of: Iterable[Identified]) -> list[Identified]:
    """The same, but that nobody can be followed from frame to frame by an id.

    >>> [face.id for face in without_ids([Face(Box(1, 2, 3, 4), 0.9, id="7")])]
    ['']
    """
    found = []
    for one in of:
        changed: dict[str, Any] = {"id" if isinstance(one, Face) else "face_id": ""}
        found.append(dataclasses.replace(one, **changed))
    return found
