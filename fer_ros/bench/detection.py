# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which faces of photographs with known boxes a detector finds.

Precision is told in two ways. The plain one: the share of detections that are known faces. WIDER FACE's (S. Yang et al.,
CVPR 2016): a detection of a known face that is not in the group in question counts neither way. The second is the stricter
one where the group is a part of the faces: all that is wrong counts, a part of what is right.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fer_ros.media.encodings import decode
from fer_ros.types import Box, Face, Image, intersection_over_union

Detect = Callable[[Image], Sequence[Face]]
OVERLAP = 0.5
"""Intersection over union from which on a detection is of a face."""


@dataclass(frozen=True)
class Known:
    """A face that is known to be there; `groups` are those that it counts in, such as `easy`."""

    box: Box
    groups: frozenset[str]


@dataclass
class Found:
    """What a detector makes of all photographs, for one group of faces.

    Attributes:
        wanted: faces of the group.
        right: scores of the detections that found one of them.
        others: scores of those that found a known face which is not in the group.
        wrong: scores of those of nothing, and of second ones of the same face. One of a face that is invalid or too small
            counts neither way.
    """

    wanted: int = 0
    right: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)

    def at_precision(self, precision: float, as_wider: bool = False) -> tuple[float, float]:
        """The largest recall with at least a precision, and the score from which on detections count for it.

        Args:
            as_wider: leave `others` out, as WIDER FACE does.
        """
        right, wrong = np.sort(self.right), np.sort(self.wrong)
        others = np.sort([] if as_wider else self.others)
        best = 0.0, 1.0
        for score in right:
            hits, more, misses = (len(scores) - int(np.searchsorted(scores, score)) for scores in (right, others, wrong))
            if (hits + more) / (hits + more + misses) >= precision:
                best = max(best, (hits / max(self.wanted, 1), float(score)))
        return best


def load(folder: Path) -> tuple[dict[str, Path], dict[str, list[Known]]]:
    """A folder of photographs with `faces.json`: by the photograph's name a list of {"box": [x, y, width, height], "easy":
    true, ...}; every name that is true is a group, `invalid` leaves a face out of all.

    Returns:
        paths and faces, by the photograph's name.

    Raises:
        ValueError: the file or a photograph is missing, or not what it should be.
    """
    file = folder / "faces.json"
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
        faces = {name: [_known(entry) for entry in entries] for name, entries in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{file} is not a list of boxes by photograph, {{"a.jpg": [{{"box": [x, y, w, h]}}]}} ({error})'
                         ) from None
    paths = {}
    for name in faces:
        found = [path for path in (folder / name, folder / "images" / name) if path.is_file()]
        if not found:
            raise ValueError(f"{file} names {name}, which is neither in {folder} nor in {folder / 'images'}")
        paths[name] = found[0]
    if not paths:
        raise ValueError(f"{file} names no photograph")
    return paths, faces


def _known(entry: Mapping[str, Any]) -> Known:
    x, y, width, height = map(float, entry["box"])
    groups = {name for name, value in entry.items() if value is True and name != "invalid"} | {"all"}
    return Known(Box(x + width / 2, y + height / 2, width, height), frozenset(() if entry.get("invalid") else groups))


def compare(faces: Sequence[Face], known: Sequence[Known], smallest: float, groups: Sequence[str],
            into: dict[str, Found]) -> None:
    """Count one photograph's detections.

    Args:
        smallest: faces whose longer side is less, and detections of nothing that are, do not count.
    """
    large = [max(one.box.width, one.box.height) >= smallest for one in known]
    taken: set[int] = set()
    for group in groups:
        into[group].wanted += sum(group in one.groups and ok for one, ok in zip(known, large, strict=True))
    for face in sorted(faces, key=lambda face: -face.score):
        overlaps = [intersection_over_union(face.box, one.box) for one in known]
        hits = [i for i in np.argsort(overlaps)[::-1] if overlaps[i] >= OVERLAP]
        new = [i for i in hits if i not in taken]
        if new:
            taken.add(new[0])
        for group in groups:
            if new:
                groups_of = known[new[0]].groups if large[new[0]] else ()
                if group in groups_of:
                    into[group].right.append(face.score)
                elif groups_of:
                    into[group].others.append(face.score)
            elif hits or max(face.box.width, face.box.height) >= smallest:
                into[group].wrong.append(face.score)


def measure(detect_all: Detect, detect: Detect, paths: dict[str, Path], known: dict[str, list[Known]],
            groups: Sequence[str], smallest: float) -> tuple[dict[str, Found], float]:
    """A detector on all photographs, by group, and the median of its seconds for one.

    Args:
        detect_all: with a low threshold, for the counting.
        detect: as it is used, for the time.

    Raises:
        ValueError: a photograph cannot be read.
    """
    into = {group: Found() for group in groups}
    times = []
    for name, path in paths.items():
        image = decode(path.read_bytes())
        if image is None:
            raise ValueError(f"{path} is no image that OpenCV can read")
        compare(detect_all(image), known[name], smallest, groups, into)
        started = time.perf_counter()
        detect(image)
        times.append(time.perf_counter() - started)
    return into, float(np.median(times))
