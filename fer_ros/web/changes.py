"""What happens, as steady events: somebody came, shows something else, left. No event for a flicker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fer_ros.types import Emotion

APPEARED, CHANGED, LEFT = "appeared", "changed", "left"


@dataclass(frozen=True)
class Change:
    """One event.

    Attributes:
        kind: appeared, changed or left.
        stamp: of the image in which it began, in seconds.
        label: what is shown now; of somebody who left, what was shown last.
        previous: what was shown before; empty where nothing was.
        confidence: of `label`, in [0, 1].
        lasted: seconds that `previous` was shown, or that somebody who left was there.
    """

    kind: str
    stamp: float
    face: str
    label: str
    previous: str
    confidence: float
    lasted: float

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "stamp": round(self.stamp, 3), "confidence": round(self.confidence, 3),
                "lasted": round(self.lasted, 1)}


@dataclass
class _Person:
    came: float
    seen: float
    label: str
    since: float
    confidence: float
    told: bool = False
    candidate: str = ""
    candidate_since: float = 0.0


class Changes:
    """Finds events in the answers. A label has to hold, and a face to stay, or stay away, before it counts."""

    HOLDS = 0.6  # seconds for a label or a new face
    AWAY = 1.5  # seconds for a face that is gone
    _MOST = 256  # people who are followed

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}
        self._last = 0.0

    def update(self, stamp: float, emotions: Sequence[Emotion]) -> list[Change]:
        """The events of a frame, by the answers of that frame."""
        if stamp < self._last - 1.0:  # a recording begins again
            self._people.clear()
        self._last = stamp
        found: list[Change] = []
        for one in emotions:
            person = self._people.get(one.face_id)
            if person is None:
                if len(self._people) < self._MOST:
                    self._people[one.face_id] = _Person(stamp, stamp, one.label, stamp, one.confidence)
                continue
            person.seen = stamp
            found += self._follow(person, one, stamp)
        found += self._leave(stamp)
        return found

    def _follow(self, person: _Person, one: Emotion, stamp: float) -> list[Change]:
        if one.label == person.label:
            person.candidate, person.confidence = "", one.confidence
        elif one.label != person.candidate:
            person.candidate, person.candidate_since = one.label, stamp
        elif stamp - person.candidate_since >= self.HOLDS:
            previous, began = person.label, person.since
            person.label, person.since, person.candidate = one.label, person.candidate_since, ""
            if person.told:
                return [Change(CHANGED, person.since, one.face_id, one.label, previous, one.confidence, person.since - began)]
        if not person.told and stamp - person.came >= self.HOLDS:
            person.told = True
            return [Change(APPEARED, person.came, one.face_id, person.label, "", one.confidence, 0.0)]
        return []

    def _leave(self, stamp: float) -> list[Change]:
        gone = [face for face, person in self._people.items() if stamp - person.seen > self.AWAY]
        people = [(face, self._people.pop(face)) for face in gone]
        return [Change(LEFT, person.seen, face, person.label, person.label, person.confidence, person.seen - person.came)
                for face, person in people if person.told]
