# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""People as REP-155 (ROS4HRI) has them: what a face is called, who is tracked now, and the words for what is shown."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fer_ros.labels import EMOTIONS
from fer_ros.parameters.hri_params import HriParams
from fer_ros.types import Box, Emotion

EXPRESSIONS: dict[str, str] = {
    "angry": "angry", "disgust": "disgusted", "fear": "scared", "happy": "happy", "sad": "sad", "surprise": "surprised",
    "neutral": "neutral",
}
"""The emotions by the words of hri_msgs/Expression."""

_ID = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
_LONGEST_ID = 64  # characters
_OTHER_MEANING = "tracked"  # the topic beside the faces' namespaces


def expression_of(emotion: Emotion) -> tuple[str, float]:
    """A word of hri_msgs/Expression and how sure it is, in [0, 1].

    REP-155 has no word for a face that shows nothing clearly, and its readers ignore words that they do not know, so that they
    would go on with the last one. Of an uncertain face this is the likeliest word, and a low number.

    Raises:
        ValueError: a message from outside has other emotions, or none.
    """
    if emotion.label in EXPRESSIONS:
        return EXPRESSIONS[emotion.label], _share(emotion.confidence)
    probabilities = np.asarray(emotion.probabilities, float)
    if probabilities.shape != (len(EMOTIONS),) or not np.isfinite(probabilities).all():
        raise ValueError(f"'{emotion.label}' is none of the emotions, and there are no {len(EMOTIONS)} probabilities")
    best = int(probabilities.argmax())
    return EXPRESSIONS[EMOTIONS[best]], _share(float(probabilities[best]))


def _share(number: float) -> float:
    return min(1.0, max(0.0, number)) if number == number else 0.0


def normalized(box: Box, width: int, height: int) -> tuple[float, float, float, float]:
    """Left, upper, right and lower edge of a box as shares of an image, what lies beyond it cut off."""
    left, top, right, bottom = box.xyxy
    return _share(left / width), _share(top / height), _share(right / width), _share(bottom / height)


def denormalized(edges: tuple[float, float, float, float], width: int, height: int) -> Box:
    """The box in pixels of an image; see `normalized`."""
    left, top, right, bottom = (edge * length for edge, length in zip(edges, (width, height) * 2, strict=True))
    return Box((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)


def is_face_id(text: str) -> bool:
    """Whether it can name a face: letters, digits and single underscores, a letter first."""
    return len(text) <= _LONGEST_ID and text != _OTHER_MEANING and _ID.fullmatch(text) is not None


class FaceIds:
    """Ids that REP-155 allows, each used once in a run.

    One that is allowed already, a ROS4HRI detector's, stays as it is: others speak of that face by it. Of our own tracks,
    which are numbers, and of all others it becomes a tag of this run and a number. Where there are several cameras, whose
    name is in front of the number, it stays there.

    >>> ids = FaceIds("abcd")
    >>> ids("3"), ids("bf3d"), ids("person 7"), ids("person 8")
    ('abcd3', 'bf3d', 'abcdx1', 'abcdx2')
    >>> ids("left_3", "left"), ids("3", "left")
    ('left_abcd3', 'left_abcd3')
    """

    def __init__(self, tag: str):
        self._tag, self._others = tag, 0

    def __call__(self, track: str, camera: str = "") -> str:
        """The id of a track that comes.

        Args:
            camera: name of the one of several that it is a track of.
        """
        front = f"{camera}_" if camera else ""
        number = track.removeprefix(front)
        if re.fullmatch("[0-9]{1,18}", number):
            made = f"{front}{self._tag}{number}"
            if is_face_id(made):  # not all names of cameras can begin one: they may have __ in them, or be long
                return made
        elif is_face_id(track) and not track.startswith(self._tag):
            return track
        return self.another()

    def another(self) -> str:
        """An id that no track has had."""
        self._others += 1
        return f"{self._tag}x{self._others}"


def tag_of_a_run() -> str:
    """Four letters that most likely no other run has."""
    return "".join(random.choices(string.ascii_lowercase, k=4))


@dataclass(frozen=True)
class Tracked:
    """Who is there in one frame.

    Attributes:
        came: ids that are new.
        left: ids that are no more.
        ids: all that are tracked.
        shown: of those, the ones that are in the frame, and what they show.
        left_out: how many faces have no topics because they have no id, the same as another's, or are too many.
    """

    came: Sequence[str] = ()
    left: Sequence[str] = ()
    ids: Sequence[str] = ()
    shown: Sequence[tuple[str, Emotion]] = ()
    left_out: int = 0


@dataclass
class _Human:
    id: str
    seen: float


@dataclass
class Humans:
    """Decides which faces have topics: none that was seen for a moment only, and none that is long gone.

    Args:
        naming: gives the id of a track that comes.
        params: can be replaced at any time.
        camera: name of the one of several that they are in front of.
        crowd: ids of all who have topics, those in front of the other cameras, too.
    """

    naming: FaceIds
    params: HriParams
    camera: str = ""
    crowd: set[str] = field(default_factory=set)
    _known: dict[str, _Human] = field(default_factory=dict)
    _new: dict[str, float] = field(default_factory=dict)  # when tracks that have no topics yet were first seen
    _time: float = 0.0

    @property
    def ids(self) -> list[str]:
        return [human.id for human in self._known.values()]

    def __call__(self, emotions: Sequence[Emotion], time: float) -> Tracked:
        """Take the answers of a frame; `time` in seconds, a step back begins anew."""
        left = self.clear() if time < self._time else []
        self._time = time
        frame: dict[str, Emotion] = {}
        for emotion in emotions:
            if emotion.face_id:
                frame.setdefault(emotion.face_id, emotion)
        for track in frame.keys() & self._known.keys():
            self._known[track].seen = time
        gone = [track for track, human in self._known.items() if time - human.seen > self.params.hold]
        left += [self._leave(track) for track in gone]
        came, too_many = self._welcome([track for track in frame if track not in self._known], time)
        shown = [(self._known[track].id, emotion) for track, emotion in frame.items() if track in self._known]
        return Tracked(came, left, self.ids, shown, len(emotions) - len(frame) + too_many)

    def clear(self) -> list[str]:
        """Forget all; the ids that were tracked."""
        self._new.clear()
        return [self._leave(track) for track in list(self._known)]

    def _leave(self, track: str) -> str:
        """Let one go; the id."""
        name = self._known.pop(track).id
        self.crowd.discard(name)
        return name

    def _welcome(self, tracks: Sequence[str], time: float) -> tuple[list[str], int]:
        """Ids of those that have been there long enough, and for how many of these there is no room."""
        self._new = {track: self._new.get(track, time) for track in tracks}
        ready = [track for track, since in self._new.items() if time - since >= self.params.appear_after]
        room = max(0, self.params.max_faces - len(self.crowd))
        for track in ready[:room]:
            del self._new[track]
            name = self.naming(track, self.camera)
            if name in self.crowd:  # two detectors may call two people the same
                name = self.naming.another()
            self.crowd.add(name)
            self._known[track] = _Human(name, time)
        return [self._known[track].id for track in ready[:room]], len(ready[room:])
