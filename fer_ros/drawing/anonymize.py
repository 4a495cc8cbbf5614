# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Make people in a picture unrecognisable: their faces, or all of it, blurred, in large pixels, or under a plain box.

`anonymize` does it to one picture whose faces are known, `FaceCover` says which places of a stream's frames have to be
covered, and `Concealer` does both to a stream, a moment late, so that a face is covered from before it was found, too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.parameters.privacy_params import BLUR, BOX, CELLS, MARGIN, MODES, NONE, PIXELATE, PrivacyParams
from fer_ros.types import Box, Emotion, Face, intersection_over_union

T = TypeVar("T")
Located = Box | Face | Emotion

_SMALLEST_CELL = 6
"""Pixels of the image, at least, in one of the covered picture: of a small face only a few are left."""
_COLOR = 96
"""Grey of a plain box."""
_MOST = 512
"""Places that are covered one by one; of more, all of the image is."""

# How far from where it was found a face may be.
_LAG = 0.08
"""Seconds; a box that is steadied, or one of a frame in which nobody looked, is as late as that."""
_GROWTH = 0.5
"""Face sizes a second, on every side."""
_FADE = 0.5
"""Seconds in which the speed of a face that is not seen fades."""
_CALM = 1.0
"""Seconds in which a face that was not where it was expected becomes steady again."""
_SHARE = 0.3
"""Of the newest step in the speed."""
_SAME = 0.3
"""Intersection over union from which on two boxes are of one face."""
_NEW = 4
"""How often a face is found until its speed is known well."""
_ASTRAY = 0.1
"""Face sizes from where it was expected that are worth a look back."""


def anonymize(image: NDArray[Any], faces: Iterable[Located] | None, mode: str = PIXELATE, *, margin: float = MARGIN,
              cells: int = CELLS) -> NDArray[Any]:
    """A picture in which nobody can be recognised by their face.

    >>> import numpy as np
    >>> from fer_ros import Box
    >>> picture = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    >>> hidden = anonymize(picture, [Box(160, 120, 80, 100)], "box")
    >>> bool((hidden[70:170, 120:200] == 96).all()), bool((hidden[:, :80] == picture[:, :80]).all())
    (True, True)

    What is not under a face and its margin stays as it is. Faces at the border, across it, or with a roll are covered, too. A
    face of which nobody can say where it is, because its box is empty or not finite, may be anywhere: all of the image is
    covered.

    Args:
        image: HxWxC or HxW uint8, with up to four channels and any strides. It is not changed, and may be read-only.
        faces: boxes, or what has one, in pixels of `image`; None where nobody knows which there are: all is covered.
        mode: one of `MODES`; with `none` the result is `image` itself.
        margin: face sizes that are covered on every side of a box.
        cells: large pixels, or spots of a blur, across a face, from 1 on.

    Returns:
        An array like `image`, contiguous.

    Raises:
        TypeError: one of `faces` has no box.
        ValueError: the image is something else, the mode is unknown, the margin negative or not finite, or `cells` below 1.
    """
    if mode not in MODES:
        raise ValueError(f"a face is anonymized by one of {', '.join(MODES)}, not by {mode!r}")
    if not 0 <= margin < math.inf:
        raise ValueError(f"the margin must be a number of face sizes from 0 on, not {margin}")
    if cells < 1:
        raise ValueError(f"there must be at least one cell across a face, not {cells}")
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and not 1 <= image.shape[2] <= 4):
        raise ValueError(f"faces are anonymized in HxW or HxWxC uint8 images, not in {image.shape} {image.dtype}")
    boxes = None if faces is None else [_box(face) for face in faces]
    if mode == NONE or not image.size:
        return image
    hidden = np.array(image, order="C")
    height, width = image.shape[:2]
    places = None if boxes is None else _places(boxes, margin, width, height)
    for place in [_Place(0, 0, width, height, float(min(width, height)))] if places is None else places:
        _hide(hidden, place, mode, cells)
    return hidden


class _Place(NamedTuple):
    """Pixel columns `left` to `right` - 1 and rows `top` to `bottom` - 1, for a face of so many pixels."""

    left: int
    top: int
    right: int
    bottom: int
    face: float


def _box(face: Located) -> Box:
    box = face if isinstance(face, Box) else getattr(face, "box", None)
    if not isinstance(box, Box):
        raise TypeError(f"what is anonymized is a Box, a Face or an Emotion, not {type(face).__name__}")
    return box


def _places(boxes: Sequence[Box], margin: float, width: int, height: int) -> list[_Place] | None:
    """What has to be covered in an image; None for all of it."""
    if len(boxes) > _MOST or not all(box.is_usable() for box in boxes):
        return None
    places = []
    for box in boxes:
        size = _size(box)
        half_width, half_height = (half + margin * size for half in _halves(box))
        # Clipped before they become whole numbers, which cannot be as large as these.
        left, right = (min(max(x, 0.0), float(width)) for x in (box.cx - half_width, box.cx + half_width))
        top, bottom = (min(max(y, 0.0), float(height)) for y in (box.cy - half_height, box.cy + half_height))
        place = _Place(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom), size)
        if place.left < place.right and place.top < place.bottom:
            places.append(place)
    return places


def _halves(box: Box) -> tuple[float, float]:
    """Half the extent of a box, along x and y, in which its face has room when it is turned by the roll."""
    cos, sin = abs(math.cos(box.roll)), abs(math.sin(box.roll))
    return (max(box.width, box.width * cos + box.height * sin) / 2,
            max(box.height, box.height * cos + box.width * sin) / 2)


def _hide(image: NDArray[Any], place: _Place, mode: str, count: int) -> None:
    part = image[place.top : place.bottom, place.left : place.right]
    if mode == BOX:
        part[...] = _COLOR
        return
    height, width = part.shape[:2]
    # In steps, so that the pixels of a face whose box trembles do not: many different ones would tell more than one.
    cell = max(2 ** (math.ceil(2 * math.log2(place.face / count)) / 2), _SMALLEST_CELL)
    cells = max(1, round(width / cell)), max(1, round(height / cell))
    coarse = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    if mode == BLUR:
        coarse = cv2.GaussianBlur(coarse, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR if mode == BLUR else cv2.INTER_NEAREST)
    part[...] = fine.reshape(part.shape)


class _Seen(NamedTuple):
    """A face as it was found.

    Attributes:
        speed: pixels a second along x and y.
        unsteady: pixels by which it was lately not where it was expected.
        times: how often it was found.
        sudden: whether it was missing in the frame before, or was not where it was expected.
    """

    id: str
    box: Box
    stamp: float
    speed: tuple[float, float] = (0.0, 0.0)
    unsteady: float = 0.0
    times: int = 1
    sudden: bool = True

    def expected(self, stamp: float) -> Box:
        """Its box at a time, before or after it was found, if it goes on as it moves and slows down."""
        elapsed = stamp - self.stamp
        reach = math.copysign(_FADE * (1 - math.exp(-abs(elapsed) / _FADE)), elapsed)
        return self.box._replace(cx=self.box.cx + self.speed[0] * reach, cy=self.box.cy + self.speed[1] * reach)

    def place(self, stamp: float) -> Box:
        """Where it may be at a time: a place that grows with its speed, and with the time since or until it was found."""
        age, box = abs(stamp - self.stamp), self.expected(stamp)
        grown = age * _GROWTH * _size(box) + self.unsteady
        along = [grown + (_LAG + age / 2) * abs(speed) for speed in self.speed]
        return box._replace(width=box.width + 2 * along[0], height=box.height + 2 * along[1])

    def found_again(self, box: Box, stamp: float, missed: bool) -> _Seen:
        """The same face a frame later."""
        elapsed = stamp - self.stamp
        if elapsed <= 0:
            return self._replace(box=box)
        expected = self.expected(stamp)
        away = min(math.hypot(box.cx - expected.cx, box.cy - expected.cy), _size(box))
        share = 1.0 if self.times == 1 else _SHARE
        speed = [before + share * (moved / elapsed - before) for before, moved in
                 zip(self.speed, (box.cx - self.box.cx, box.cy - self.box.cy), strict=True)]
        unsteady = max(away, self.unsteady * math.exp(-elapsed / _CALM)) if self.times > 1 else 0.0
        return _Seen(self.id, box, stamp, (speed[0], speed[1]), unsteady, self.times + 1,
                     missed or self.times < _NEW or away > _ASTRAY * _size(box))


def _covered(old: Sequence[_Seen], now: Sequence[_Seen]) -> NDArray[Any]:
    """(len(old),) mask: of which older faces nothing is where a newer one is not."""
    if not (old and now):
        return np.zeros(len(old), bool)
    a, b = np.array([one.box.xyxy for one in old])[:, None], np.array([one.box.xyxy for one in now])
    sides = (np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])).clip(0, None)
    shared, areas = sides.prod(axis=2), [(one[..., 2:] - one[..., :2]).prod(axis=-1) for one in (a, b)]
    found: NDArray[Any] = (shared >= _SAME * (areas[0] + areas[1] - shared)).any(axis=1)
    named = {one.id: one for one in now if one.id}
    for i, one in enumerate(old):
        if one.id in named and _is_near(one.box, named[one.id].box):
            found[i] = True
    return found


def _is_near(a: Box, b: Box) -> bool:
    return math.hypot(a.cx - b.cx, a.cy - b.cy) <= max(_size(a), _size(b))


def _size(box: Box) -> float:
    return max(box.width, box.height)


class FaceCover:
    """Which places of a stream's frames have to be covered.

    The faces that were found in a frame, each with a margin that grows with its speed and with how far it was lately from
    where it was expected; and for a while those that were found before and are not now, where they may have gone since.

    >>> cover = FaceCover()
    >>> face = Face(Box(100, 100, 40, 50), 0.9, id="1")
    >>> cover([face], 0.0) == [face.box], cover([], 0.1)[0].width > 40, cover([], 2.0)
    (True, True, [])

    Args:
        hold: seconds for which the place of a face that is not found any more stays covered.
        stale: seconds without a look for faces after which nobody knows where they are.
        unsearched: whether nobody knows that before the first look, either.
    """

    def __init__(self, hold: float = 1.0, stale: float = 0.5, unsearched: bool = False):
        self.hold, self.stale, self.unsearched = hold, stale, unsearched
        self.reset()

    def reset(self) -> None:
        """Forget every face."""
        self._seen: list[_Seen] = []
        self._looked: float | None = None

    def __call__(self, faces: Iterable[Located] | None, stamp: float) -> list[Box] | None:
        """The places to cover in one frame; None for all of it.

        Args:
            faces: found in this very frame; None where nobody has looked.
            stamp: the frame's time in seconds; a step back forgets every face.
        """
        if self._looked is not None and stamp < self._looked:
            self.reset()
        if faces is None:
            return self._without_look(stamp)
        found = [(getattr(face, "id", getattr(face, "face_id", "")), _box(face)) for face in faces]
        usable = [(name, box) for name, box in found if box.is_usable()]
        before: dict[str, list[_Seen]] = {}
        for old in self._seen:
            before.setdefault(old.id, []).append(old)
        now = [self._followed(name, box, stamp, before) for name, box in usable]
        held = [old for old in self._seen if stamp - old.stamp <= self.hold]
        gone = [old for old, covered in zip(held, _covered(held, now), strict=True) if not covered]
        self._seen, self._looked = [*now, *gone][: _MOST + 1], stamp
        return [one.place(stamp) for one in self._seen] if len(usable) == len(found) else None

    def sudden(self) -> list[_Seen]:
        """The faces of the last frame that say something of the frames before it."""
        return [one for one in self._seen if one.stamp == self._looked and one.sudden]

    def _without_look(self, stamp: float) -> list[Box] | None:
        if self._looked is None:
            return None if self.unsearched else []
        if stamp - self._looked > self.stale:
            return None
        return [one.place(stamp) for one in self._seen]

    def _followed(self, name: str, box: Box, stamp: float, before: dict[str, list[_Seen]]) -> _Seen:
        """A face of a frame, with what is known of it from those before."""
        known = before.get(name, [])
        if not name:
            known = [old for old in known if intersection_over_union(box, old.box) >= _SAME]
        if len(known) != 1 or not _is_near(known[0].expected(stamp), box):
            return _Seen(name, box, stamp)  # somebody new, or whose id went to somebody else
        return known[0].found_again(box, stamp, missed=known[0].stamp != self._looked)


@dataclass
class _Waiting(Generic[T]):
    image: NDArray[Any]
    stamp: float
    item: T
    places: list[Box] | None


class Concealer(Generic[T]):
    """Anonymizes a stream, each frame with what the frames after it tell.

    A frame waits for `anonymize_delay`, so that a face which was first found in a later one is covered in it, too.

    Args:
        params: may be replaced at any time.
    """

    _MOST_WAITING = 300  # frames

    def __init__(self, params: PrivacyParams):
        self.params = params
        self._cover = FaceCover()
        self._waiting: deque[_Waiting[T]] = deque()
        self._latest = -math.inf

    def add(self, image: NDArray[Any], faces: Iterable[Located] | None, stamp: float,
            item: T) -> list[tuple[NDArray[Any], T]]:
        """Take a frame; give back those that have waited long enough, in their order.

        Args:
            image: kept until then, and not changed.
            faces, stamp: see `FaceCover`.
            item: comes back with its image.
        """
        params, cover = self.params, self._cover
        cover.hold, cover.stale, cover.unsearched = params.anonymize_hold, params.anonymize_stale, params.anonymize_unsearched
        due = self.flush() if stamp < self._latest else []  # another recording
        self._latest = stamp
        self._waiting.append(_Waiting(image, stamp, item, cover(faces, stamp)))
        self._look_back()
        while self._waiting and (stamp - self._waiting[0].stamp >= params.anonymize_delay
                                 or len(self._waiting) > self._MOST_WAITING):
            due.append(self._release())
        return due

    def flush(self) -> list[tuple[NDArray[Any], T]]:
        """Give back all that wait."""
        return [self._release() for _ in range(len(self._waiting))]

    def _look_back(self) -> None:
        """Cover the faces of the newest frame in those that wait."""
        sudden = self._cover.sudden()
        for frame in self._waiting if sudden else ():
            if frame.places is not None and frame.stamp < sudden[0].stamp:
                seen = [one.expected(frame.stamp) for one in sudden]
                bare = ~_contained(seen, frame.places, self.params.anonymize_margin / 2)
                frame.places += [one.place(frame.stamp) for one, add in zip(sudden, bare, strict=True) if add]

    def _release(self) -> tuple[NDArray[Any], T]:
        frame = self._waiting.popleft()
        params = self.params
        return anonymize(frame.image, frame.places, params.anonymize, margin=params.anonymize_margin,
                         cells=params.anonymize_cells), frame.item


def _contained(boxes: Sequence[Box], places: Sequence[Box], margin: float) -> NDArray[Any]:
    """(len(boxes),) mask: which boxes lie wholly in one of some places, each with a margin in face sizes."""
    if not places:
        return np.zeros(len(boxes), bool)
    inner = np.array([box.xyxy for box in boxes])[:, None]
    outer = np.array([place.xyxy for place in places])
    more = margin * np.array([[_size(place)] for place in places])
    inside = (outer[:, :2] - more <= inner[..., :2]) & (inner[..., 2:] <= outer[:, 2:] + more)
    return cast(NDArray[Any], cast(NDArray[Any], inside.all(axis=2)).any(axis=1))
