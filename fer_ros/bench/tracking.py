# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How well ids stay with people: scripted scenes with a detector's faults, whose truth is known.

CLEAR MOT: K. Bernardin, R. Stiefelhagen, "Evaluating Multiple Object Tracking Performance", EURASIP JIVP 2008.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_ros.perception.tracker import Tracker, TrackerParams
from fer_ros.types import Box, Face, intersection_over_union

WIDTH, HEIGHT = 1280, 720


@dataclass(frozen=True)
class Person:
    """One person's way through a scene.

    Attributes:
        at: where the face is at a time in seconds, as (centre x, centre y, height of the face) in pixels; None while the
            person is not there or behind something.
        near: a person with a larger one stands before others.
    """

    at: Callable[[float], tuple[float, float, float] | None]
    near: float = 0.0


@dataclass(frozen=True)
class Frame:
    """What a camera saw.

    Attributes:
        visible: people by their number, with their true boxes.
        faces: what the detector says of it.
        people: whom each of `faces` shows, None for nobody.
    """

    stamp: float
    visible: dict[int, Box]
    faces: list[Face]
    people: list[int | None]


@dataclass
class Score:
    """Counts over frames.

    Attributes:
        truths: visible people, summed over the frames.
        misses: of these, how many had no detection.
        false_alarms: detections of nobody.
        switches: how often a person's id was another than before.
        swaps: of these, how often to an id that somebody else had last.
        people: how many were ever detected.
    """

    truths: int = 0
    misses: int = 0
    false_alarms: int = 0
    switches: int = 0
    swaps: int = 0
    people: int = 0

    @property
    def mota(self) -> float:
        """Multiple object tracking accuracy: 1 - (misses + false alarms + switches) / truths."""
        return 1 - (self.misses + self.false_alarms + self.switches) / max(self.truths, 1)

    def add(self, other: Score) -> None:
        for name in ("truths", "misses", "false_alarms", "switches", "swaps", "people"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def film(people: list[Person], seconds: float, fps: float, seed: int, *, jitter: float = 0.03, missed: float = 0.03,
         false_alarms: float = 0.01) -> Iterator[Frame]:
    """A scene as a detector sees it.

    Args:
        jitter: standard deviation of a box's centre, as a share of the face, and of its size.
        missed: probability that a visible face is not detected.
        false_alarms: detections of nobody in a frame, in the mean.
    """
    rng = np.random.default_rng(seed)
    for i in range(round(seconds * fps)):
        stamp = i / fps
        boxes: dict[int, Box] = {}
        for number, person in enumerate(people):
            where = person.at(stamp)
            if where is not None:
                boxes[number] = Box(where[0], where[1], 0.75 * where[2], where[2])
        # Who stands behind somebody else's face cannot be seen.
        visible = {n: box for n, box in boxes.items() if not any(
            people[m].near > people[n].near and intersection_over_union(box, other) > 0.25
            for m, other in boxes.items() if m != n)}
        found: list[tuple[Face, int | None]] = []
        for n, box in visible.items():
            noise = rng.normal(0, jitter, 4)
            if rng.random() < missed:
                continue
            found.append((Face(Box(box.cx + noise[0] * box.height, box.cy + noise[1] * box.height,
                                   box.width * math.exp(noise[2]), box.height * math.exp(noise[3])), 0.9), n))
        for _ in range(rng.poisson(false_alarms)):
            size = rng.uniform(30, 120)
            found.append((Face(Box(rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), 0.75 * size, size), 0.65), None))
        order = rng.permutation(len(found))
        yield Frame(stamp, visible, [found[k][0] for k in order], [found[k][1] for k in order])


def score(frames: Iterator[Frame], tracker: Tracker) -> Score:
    """How a tracker does on a scene."""
    result = Score()
    last: dict[int, str] = {}
    for frame in frames:
        tracked = tracker.update(frame.faces, frame.stamp)
        result.truths += len(frame.visible)
        seen = {n for n in frame.people if n is not None}
        result.misses += len(frame.visible) - len(seen)
        before = dict(last)
        for face, person in zip(tracked, frame.people, strict=True):
            if person is None:
                result.false_alarms += 1
                continue
            if person in before and before[person] != face.id:
                result.switches += 1
                result.swaps += face.id in {i for n, i in before.items() if n != person}
            last[person] = face.id
    result.people = len(last)
    return result


def _walk(start: tuple[float, float], velocity: tuple[float, float], size: float,
          sway: float = 0.0) -> Callable[[float], tuple[float, float, float]]:
    """On a line, in face heights a second, the head bobbing."""

    def at(t: float) -> tuple[float, float, float]:
        return (start[0] + velocity[0] * size * t,
                start[1] + velocity[1] * size * t + sway * size * math.sin(2 * math.pi * 1.8 * t), size)

    return at


def crossing(rng: np.random.Generator) -> tuple[list[Person], float]:
    """Two people pass each other, one before the other, at their own pace."""
    size = rng.uniform(60, 120)
    meeting, when = rng.uniform(500, 780), rng.uniform(1.2, 2.0)
    speeds = rng.uniform(0.7, 3.0), -rng.uniform(0.7, 3.0)
    y = rng.uniform(250, 450)
    people = [Person(_walk((meeting - v * s * when, y + rng.uniform(-0.15, 0.15) * size), (v, 0), s, 0.04), near)
              for v, s, near in zip(speeds, (size, size * rng.uniform(0.8, 1.25)), (1.0, 0.0), strict=True)]
    return people, 2 * when


def overtaking(rng: np.random.Generator) -> tuple[list[Person], float]:
    """One walks past another in the same direction, before them."""
    size = rng.uniform(60, 110)
    slow, y, when = rng.uniform(0.3, 0.8), rng.uniform(250, 450), rng.uniform(1.5, 2.2)
    fast = slow + rng.uniform(1.0, 2.0)
    where = rng.uniform(500, 800)
    people = [Person(_walk((where - v * s * when, y), (v, 0), s, 0.04), near)
              for v, s, near in ((fast, size * 1.1, 1.0), (slow, size, 0.0))]
    return people, 2 * when


def occlusion(rng: np.random.Generator) -> tuple[list[Person], float]:
    """Somebody walks behind a pillar and out again; somebody else stands by."""
    size, speed = rng.uniform(60, 120), rng.uniform(1.0, 2.5)
    hidden = rng.uniform(0.3, 0.8)
    way = _walk((200, 330), (speed, 0), size, 0.04)

    def at(t: float) -> tuple[float, float, float] | None:
        return None if 1.2 <= t < 1.2 + hidden else way(t)

    return [Person(at), Person(_walk((200 + 1.2 * speed * size, 330 + 1.6 * size), (0, 0), size, 0.02))], 3.0


def absence(rng: np.random.Generator) -> tuple[list[Person], float]:
    """Two who sit side by side; one is not detected for nearly a second (a hand, a turned head), and moves a little."""
    size = rng.uniform(80, 200)
    gone, drift = rng.uniform(0.6, 0.95), rng.uniform(-0.4, 0.4)

    def at(t: float) -> tuple[float, float, float] | None:
        if 1.0 <= t < 1.0 + gone:
            return None
        return (500 + (drift * size if t >= 1.0 else 0), 360, size)

    return [Person(at), Person(_walk((500 + 1.5 * size, 360), (0, 0), size, 0.02))], 3.0


def scale(rng: np.random.Generator) -> tuple[list[Person], float]:
    """Somebody comes up to the camera, five times as large within two seconds, and steps back; others stand behind."""
    size = rng.uniform(40, 60)

    def at(t: float) -> tuple[float, float, float]:
        return 640 + 30 * math.sin(t), 360, size * 5 ** (0.5 - 0.5 * math.cos(math.pi * t / 2))

    others = [Person(_walk((640 + dx * size, 330), (0, 0), size * 0.9, 0.02)) for dx in (-6, 6)]
    return [Person(at, 1.0), *others], 4.0


def sixteen(rng: np.random.Generator) -> tuple[list[Person], float]:
    """Sixteen people who stroll through the picture, before and behind each other."""
    people = []
    for _ in range(16):
        size = rng.uniform(45, 90)
        centre = rng.uniform((150, 120), (WIDTH - 150, HEIGHT - 120))
        reach = rng.uniform(0.5, 2.5, 2) * size
        pace, phase = rng.uniform(0.05, 0.2, 2), rng.uniform(0, 2 * math.pi, 2)

        def at(t: float, size: float = size, centre: NDArray[Any] = centre, reach: NDArray[Any] = reach,
               pace: NDArray[Any] = pace, phase: NDArray[Any] = phase) -> tuple[float, float, float]:
            x, y = centre + reach * np.sin(2 * math.pi * pace * t + phase)
            return float(x), float(y), size

        people.append(Person(at, size))
    return people, 10.0


SCENES: dict[str, Callable[[np.random.Generator], tuple[list[Person], float]]] = {
    "crossing": crossing, "overtaking": overtaking, "occlusion": occlusion, "absence": absence, "scale": scale,
    "sixteen": sixteen,
}


def measure(scene: str, fps: float, takes: int, params: TrackerParams) -> Score:
    """A scene in so many takes, each with its own people and noise."""
    total = Score()
    for take in range(takes):
        rng = np.random.default_rng([take, len(scene)])
        people, seconds = SCENES[scene](rng)
        total.add(score(film(people, seconds, fps, take), Tracker(params)))
    return total
