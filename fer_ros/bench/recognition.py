# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether face recognition still knows people whose faces are anonymized: as they are, small, large and rolled."""

from __future__ import annotations

import itertools
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.bench.peers import PEERS, Peer, Running, install
from fer_ros.drawing.anonymize import Concealer
from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.privacy_params import PrivacyParams
from fer_ros.perception.detector import FaceDetector
from fer_ros.perception.pipeline import FaceStage
from fer_ros.types import Box, Comparable, Face, Image

SAME_PERSON = 0.6
"""Distance of two descriptors up to which face-api takes them for one person's, by default."""
_FACE_API = next(peer for peer in PEERS if peer.script == "face_api.js")
RECOGNIZER = Peer(_FACE_API.name, "face_api.descriptors.js", _FACE_API.steps)
_SMALL, _LARGE, _ROLL = 40, 320, 30  # pixels, pixels, degrees
_WIDEST = 1280  # pixels of a picture with large faces


@dataclass
class Known:
    """Faces of people in frames, and how many of them recognition knew.

    Only those count that recognition itself finds in the clean picture, and does not take for a plain grey area: of some
    faces, in the distance or from the side, a descriptor tells nothing.

    Attributes:
        faces: looked at.
        clean: of these, known by the other clean frames of the same person; what follows is of them.
        there: by mode, known by the descriptor of the place where the clean face is.
        found: by mode, known by the descriptor of a face that was found at that place in the anonymized picture.
        known: by mode, known in either way.
        nearest: by mode, the least distance of each.
    """

    faces: int = 0
    clean: int = 0
    there: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    nearest: dict[str, list[float]] = field(default_factory=dict)

    def __add__(self, other: Known) -> Known:
        """Of the faces of both, for the same modes."""
        def both(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
            return {mode: count + theirs[mode] for mode, count in mine.items()}

        return Known(self.faces + other.faces, self.clean + other.clean, both(self.there, other.there),
                     both(self.found, other.found), both(self.known, other.known),
                     {mode: values + other.nearest[mode] for mode, values in self.nearest.items()})

    def least(self, mode: str) -> float:
        """Which distance 99 of 100 faces are beyond."""
        return float(np.percentile(self.nearest[mode], 1, method="lower")) if self.nearest[mode] else math.nan


Change = Callable[[Image], Image]


@dataclass(frozen=True)
class View:
    """A way to look at a video.

    Attributes:
        change: what is done to each of its frames before anything is looked for.
        roll: degrees by which that turns them, and recognition turns them back: it is made for upright faces.
    """

    change: Change = lambda image: image
    roll: float = 0.0


def views(video: str) -> dict[str, View]:
    """A video as it is, its largest face, at its usual size, made small and large, and all rolled to both sides."""
    with open_source(SourceParams(source=video, realtime=False)) as source:
        detect = FaceDetector(inference_size=640)
        found = [max(faces, key=lambda face: face.box.area).box for frame in itertools.islice(source, 0, 120, 10)
                 if (faces := detect(frame.image))]
    ways = {"as it is": View()}
    if found:
        box = sorted(found, key=lambda box: box.area)[len(found) // 2]
        ways["small"] = View(lambda image: _scaled(image, min(_SMALL / max(box.width, box.height), 1.0)))
        ways["large"] = View(lambda image: _large(image, box))
    for roll in (-_ROLL, _ROLL):
        ways[f"rolled {roll}°"] = View(partial(_rolled, degrees=roll), roll)
    return ways


def _scaled(image: Image, by: float) -> Image:
    way = cv2.INTER_AREA if by < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=by, fy=by, interpolation=way), np.uint8)


def _large(image: Image, box: Box) -> Image:
    """What is around a face, which spans `_LARGE` pixels."""
    by, half = _LARGE / max(box.width, box.height), 2 * max(box.width, box.height)
    left, top, right, bottom = (max(round(value), 0) for value in (box.cx - half, box.cy - half, box.cx + half, box.cy + half))
    return _scaled(image[top:bottom, left:right], by)[:_WIDEST, :_WIDEST]


def _rolled(image: NDArray[Any], degrees: float) -> Image:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return np.asarray(cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _upright(box: Box, image: Image, degrees: float) -> Box:
    """Where a face's box is once `_rolled` has turned its image back."""
    height, width = image.shape[:2]
    x, y = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0) @ (box.cx, box.cy, 1.0)
    return box._replace(cx=float(x), cy=float(y))


def anonymized(video: str, view: View, modes: Mapping[str, PrivacyParams], stages: FaceStage,
               count: int) -> Iterator[tuple[Image, list[Face], dict[str, NDArray[Any]]]]:
    """So many frames from all over a video: clean, with its faces, and as each mode shows it.

    All frames go through detector, tracker and cover, as those of a graph do.
    """
    concealers: dict[str, Concealer[tuple[int, Image, list[Face]]]] = {mode: Concealer(of) for mode, of in modes.items()}
    with open_source(SourceParams(source=video, realtime=False)) as source:
        every = max(source.length // count, 1)
        waiting: dict[int, dict[str, NDArray[Any]]] = {}

        def ready(mode: str, shown: list[tuple[NDArray[Any], tuple[int, Image, list[Face]]]]
                  ) -> Iterator[tuple[Image, list[Face], dict[str, NDArray[Any]]]]:
            for hidden, (number, image, faces) in shown:
                waiting.setdefault(number, {})[mode] = hidden
                if len(waiting[number]) == len(modes):
                    complete = waiting.pop(number)
                    if number % every == 0 and faces:
                        yield image, faces, complete

        for number, frame in enumerate(source):
            image = np.ascontiguousarray(view.change(frame.image))
            faces = stages(image, frame.stamp)
            for mode, concealer in concealers.items():
                yield from ready(mode, concealer.add(image, faces, frame.stamp, (number, image, faces)))
        for mode, concealer in concealers.items():
            yield from ready(mode, concealer.flush())


@dataclass(frozen=True, eq=False)
class _Look(Comparable):
    """Descriptors of one person in one frame: clean, and by mode of the same place and of all that was found."""

    clean: NDArray[Any]
    there: dict[str, NDArray[Any]]
    found: dict[str, NDArray[Any]]


def measure(video: str, view: View, modes: Mapping[str, PrivacyParams], count: int, environment: Path,
            cores: Sequence[int], stages: FaceStage) -> Known:
    """Look at the faces of a video, clean and anonymized, through the eyes of face-api.

    Args:
        count: how many frames recognition looks at; the cover sees all.
        environment: folder for what is installed.

    Raises:
        Unavailable: it cannot be installed, or does not run.
    """
    people: dict[str, list[_Look]] = {}
    with tempfile.TemporaryDirectory(prefix="fer_ros_bench_") as name:
        folder = Path(name)
        with Running(RECOGNIZER, install(RECOGNIZER, environment), folder, cores) as recognizer:
            for image, faces, hidden in anonymized(video, view, modes, stages, count):
                boxes = {face.id: face.box for face in faces}
                if view.roll:
                    boxes = {name: _upright(box, image, view.roll) for name, box in boxes.items()}
                    image, *turned = (_rolled(picture, -view.roll) for picture in (image, *hidden.values()))
                    hidden = dict(zip(hidden, turned, strict=True))
                _look(recognizer, folder, image, boxes, hidden, people)
    return tally(people, list(modes))


def _look(recognizer: Running, folder: Path, image: Image, boxes: Mapping[str, Box], hidden: Mapping[str, NDArray[Any]],
          people: dict[str, list[_Look]]) -> None:
    names = {mode: f"{number}.bgr" for number, mode in enumerate(hidden)}
    image.tofile(folder / "clean.bgr")
    for mode, picture in hidden.items():
        picture.tofile(folder / names[mode])
    corners = [[left, top, right - left, bottom - top] for left, top, right, bottom in (box.xyxy for box in boxes.values())]
    answer = recognizer.answer({"width": image.shape[1], "height": image.shape[0], "clean": "clean.bgr", "hidden": names,
                                "boxes": corners})
    shown = answer["hidden"]
    for number, (name, box) in enumerate(boxes.items()):
        clean = answer["clean"][number]
        if clean is None or nearest(np.array([clean]), np.array([answer["blank"]])) < SAME_PERSON:
            continue
        found = {mode: [one["descriptor"] for one in shown[mode]["found"] if _is_at(box, *one["at"])] for mode in hidden}
        people.setdefault(name, []).append(_Look(
            np.array(clean), {mode: np.array([shown[mode]["there"][number]]) for mode in hidden},
            {mode: np.array(one).reshape(-1, 128) for mode, one in found.items()}))


def _is_at(box: Box, x: float, y: float) -> bool:
    """Whether the centre of a face is in a box."""
    return abs(x - box.cx) <= box.width / 2 and abs(y - box.cy) <= box.height / 2


def tally(people: Mapping[str, Sequence[_Look]], modes: Sequence[str]) -> Known:
    """How many faces that are known when clean are known by the clean descriptors of the same person, of all such frames."""
    result = Known(there=dict.fromkeys(modes, 0), found=dict.fromkeys(modes, 0), known=dict.fromkeys(modes, 0),
                   nearest={mode: [] for mode in modes})
    for looks in people.values():
        clean = np.array([look.clean for look in looks])
        known = [nearest(clean[[number]], np.delete(clean, number, axis=0)) < SAME_PERSON for number in range(len(looks))]
        gallery = clean[known]
        result.faces += len(looks)
        result.clean += sum(known)
        for look in itertools.compress(looks, known):
            for mode in modes:
                there, found = nearest(look.there[mode], gallery), nearest(look.found[mode], gallery)
                result.there[mode] += there < SAME_PERSON
                result.found[mode] += found < SAME_PERSON
                result.known[mode] += min(there, found) < SAME_PERSON
                result.nearest[mode].append(min(there, found))
    return result


def nearest(some: NDArray[Any], others: NDArray[Any]) -> float:
    """The least Euclidean distance between two sets of descriptors; infinite where one is empty."""
    if not (len(some) and len(others)):
        return math.inf
    return float(np.linalg.norm(some[:, None] - others[None], axis=2).min())
