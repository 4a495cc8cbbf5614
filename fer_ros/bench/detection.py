"""Which faces of photographs with known boxes a detector finds, as WIDER FACE counts (S. Yang et al., CVPR 2016)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fer_ros.core.encodings import decode
from fer_ros.core.types import Box, Face, Image, intersection_over_union

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
        wrong: scores of those of nothing, and of second ones of the same face. One that finds a face of no such group
            counts neither way.
    """

    wanted: int = 0
    right: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)

    def at_precision(self, precision: float) -> tuple[float, float]:
        """The largest recall with at least a precision, and the score from which on detections count for it."""
        right, wrong = np.sort(self.right), np.sort(self.wrong)
        best = 0.0, 1.0
        for score in right:
            hits = len(right) - int(np.searchsorted(right, score))
            misses = len(wrong) - int(np.searchsorted(wrong, score))
            if hits / (hits + misses) >= precision:
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


def _known(entry: dict) -> Known:
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
                if group in known[new[0]].groups and large[new[0]]:
                    into[group].right.append(face.score)
            elif hits or max(face.box.width, face.box.height) >= smallest:
                into[group].wrong.append(face.score)


def measure(detect: Callable[[Image], Sequence[Face]], paths: dict[str, Path], known: dict[str, list[Known]],
            groups: Sequence[str], smallest: float) -> tuple[dict[str, Found], float]:
    """A detector on all photographs, by group, and the median of its seconds for one.

    Raises:
        ValueError: a photograph cannot be read.
    """
    into = {group: Found() for group in groups}
    times = []
    for name, path in paths.items():
        image = decode(path.read_bytes())
        if image is None:
            raise ValueError(f"{path} is no image that OpenCV can read")
        started = time.perf_counter()
        faces = detect(image)
        times.append(time.perf_counter() - started)
        compare(faces, known[name], smallest, groups, into)
    return into, float(np.median(times))
