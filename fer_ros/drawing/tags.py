# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The tags on the faces: label, confidence and id, and where there is room for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ros.drawing.lettering import text_rows, text_width, without_front, without_middle
from fer_ros.drawing.palette import PANEL, Color, color_of
from fer_ros.drawing.places import Rect, Taken
from fer_ros.drawing.scene import Scene
from fer_ros.drawing.style import OverlayStyle
from fer_ros.labels import UNCERTAIN
from fer_ros.types import Emotion

LONGEST_NAME = 16
"""Letters of a label."""
_LONGEST_ID = 8
ON_FACE = 4
"""The first corner that is on the face."""


class Tag(NamedTuple):
    """Label and confidence on the emotion's colour, and the id on black behind it."""

    text: str
    id: str
    height: int
    color: Color

    @classmethod
    @lru_cache(maxsize=1024)
    def of(cls, label: str, height: int) -> Tag:
        """The label alone; that of a face that shows nothing clearly is not to be the brightest one of all."""
        ground = PANEL if label == UNCERTAIN else color_of(label)
        return cls(without_middle(str(label), LONGEST_NAME), "", height, ground)

    @property
    def pad(self) -> int:
        return max(2, round(0.45 * self.height))

    @property
    def id_height(self) -> int:
        return max(min(8, self.height), round(0.8 * self.height))

    @property
    def rows(self) -> int:
        return text_rows(self.height) + 2 * max(1, self.pad // 3)

    def fits(self, frame: Rect) -> bool:
        """Whether the frame is wide enough for it, and high enough for two."""
        width, height = tag_size(self)
        return width <= frame.width and height <= frame.height // 2

    def variants(self, emotion: Emotion, style: OverlayStyle) -> list[Tag]:
        """The whole tag of a face, then shorter ones for where there is no room for it; itself is the shortest."""
        full = self
        if math.isfinite(emotion.confidence):
            full = self._replace(text=f"{self.text} {100 * min(max(emotion.confidence, 0.0), 1.0):.0f}%")
        given = style.show_ids and emotion.face_id
        whole = [full._replace(id=f"#{without_front(str(emotion.face_id), _LONGEST_ID)}")] if given else []
        return [*whole, full, self]


class PlacedTag(NamedTuple):
    """A tag, its place, and which of a box's corners that is: 0 to 3 outside of it, 4 to 7 on the face, None elsewhere."""

    tag: Tag
    place: Rect
    corner: int | None = None


@lru_cache(maxsize=1024)
def tag_size(tag: Tag) -> tuple[int, int]:
    """Width and height."""
    width = text_width(tag.text, tag.height) + 2 * tag.pad
    if tag.id:
        width += text_width(tag.id, tag.id_height) + 2 * tag.pad
    return width, tag.rows


def place_tags(scene: Scene, before: Sequence[int | None], height: int, taken: Taken) -> list[PlacedTag | None]:
    """Every face's tag and its place, which is taken then; None for a face without.

    Args:
        before: at which corner of its box each tag was in the image before, where it stays if it can.
        height: of a capital letter.
    """
    if taken.crowded:
        return _place_in_crowd(scene, height, taken)
    tags = []
    for emotion, rect, corner in zip(scene.emotions, scene.rects, before, strict=True):
        tag = _place_tag(Tag.of(emotion.label, height).variants(emotion, scene.style), rect, corner, scene, taken)
        tags.append(tag)
        if tag is not None:
            taken.add(tag.place)
    return tags


def _place_tag(variants: Sequence[Tag], rect: Rect, before: int | None, scene: Scene, taken: Taken) -> PlacedTag | None:
    """Above or below the box, shortened if need be; else on the face itself; else where it hides least.

    Args:
        variants: from the longest to the shortest, all of one height.

    Returns:
        None where the frame is too small for any of them.
    """
    frame = scene.frame
    if not variants[-1].fits(frame):
        return None
    # The box's line is drawn outside of it, and the tag sits on that line.
    line, face = rect.grown(scene.sizes.line), rect.clipped(frame)
    fitting = [tag for tag in variants if tag.fits(frame)]
    if before is not None:
        # A shorter tag where it was disturbs less than a longer one that jumps.
        outside = before < ON_FACE
        for tag in fitting:
            place = corners(tag, line if outside else face, frame, outside=outside)[before % ON_FACE]
            if taken.is_free(place, None if outside else face):
                return PlacedTag(tag, place, before)
    for first, anchor, besides in ((0, line, None), (ON_FACE, face, face)):
        # At each corner a longer tag covers all that a shorter one does.
        places = corners(fitting[-1], anchor, frame, outside=besides is None)
        free = [corner for corner, place in enumerate(places) if taken.is_free(place, besides)]
        for tag in fitting if free else ():
            places = corners(tag, anchor, frame, outside=besides is None)
            for corner in free:
                if taken.is_free(places[corner], besides):
                    return PlacedTag(tag, places[corner], first + corner)
    choices = [PlacedTag(tag, place) for tag in fitting for place in corners(tag, line, frame, outside=True)]
    return min(choices, key=lambda choice: taken.covered(choice.place))


def _place_in_crowd(scene: Scene, height: int, taken: Taken) -> list[PlacedTag | None]:
    """`place_tags` of many: first a label for as many as possible, then what else there is room for, and nothing over a face.

    What is taken at the beginning stays so. One look at all places at once leaves a few of them to be tried in turn.
    """
    frame, shortest = scene.frame, [Tag.of(emotion.label, height) for emotion in scene.emotions]
    faces, alike = taken.faces, np.array([taken.alike[face] for face in taken.faces])
    short = np.array([tag_size(tag) for tag in shortest])
    around, on = np.array(scene.rects) + np.array([-1, -1, 1, 1]) * scene.sizes.line, np.array(faces)
    on_face = (short <= (on[:, 2:] - on[:, :2]) // (1, 2)).all(axis=1)  # as `Tag.fits`, in a face

    def places(rows: NDArray[Any], size: NDArray[Any]) -> list[list[tuple[Rect, Rect | None]]]:
        """Of each row's tag those places that may be free: outside of the box, then on the face, which comes with them."""
        found: list[list[tuple[Rect, Rect | None]]] = [[] for _ in rows]
        fits = (size <= (frame.width, frame.height // 2)).all(axis=1)
        for outside, anchors, most, allowed in ((True, around, 0 * alike, fits), (False, on, alike, fits & on_face[rows])):
            there = np.flatnonzero(allowed)
            spots = all_corners(size[there], anchors[rows[there]], frame, outside=outside)
            free = taken.may_be_free(spots, most[rows[there]])
            for at, place in zip(there[np.nonzero(free)[0]].tolist(), spots[free].tolist(), strict=True):
                found[at].append((Rect(*place), None if outside else faces[rows[at]]))
        return found

    tags: list[PlacedTag | None] = [None] * len(shortest)
    shortly = places(np.arange(len(shortest)), short)
    hopeful = [row for row, some in enumerate(shortly) if some]
    longer = [(row, tag) for row in hopeful for tag in shortest[row].variants(scene.emotions[row], scene.style)[:-1]]
    candidates: dict[int, list[tuple[Tag, Rect, Rect | None]]] = {row: [] for row in hopeful}
    if longer:
        found = places(np.array([row for row, _ in longer]), np.array([tag_size(tag) for _, tag in longer]))
        for (row, tag), some in zip(longer, found, strict=True):
            candidates[row] += [(tag, *one) for one in some]
    for row in hopeful:
        candidates[row] += [(shortest[row], *one) for one in shortly[row]]
        place = next((place for place, face in shortly[row] if taken.is_free(place, face)), None)
        if place is not None:
            tags[row] = PlacedTag(shortest[row], place)
            taken.add(place)
    for row in hopeful:
        if (tagged := tags[row]) is not None:
            taken.remove(tagged.place)
            # Outside of the box before on the face, and there the longer before the shorter.
            ordered = sorted(candidates[row], key=lambda candidate: candidate[2] is not None)
            tagged = next((PlacedTag(tag, place) for tag, place, face in ordered if taken.is_free(place, face)), tagged)
            tags[row] = tagged
            taken.add(tagged.place)
    return tags


def corners(tag: Tag, rect: Rect, frame: Rect, *, outside: bool) -> list[Rect]:
    """The places at a rectangle's four corners, above and below it or inside, shifted into the frame."""
    width, height = tag_size(tag)
    left, top, right, bottom = rect
    above, below = (top - height, bottom) if outside else (top, bottom - height)
    columns, rows = frame.right - width, frame.bottom - height  # where the last that fit begin
    left, right = min(max(left, 0), columns), min(max(right - width, 0), columns)
    above, below = min(max(above, 0), rows), min(max(below, 0), rows)
    return [Rect(left, above, left + width, above + height), Rect(right, above, right + width, above + height),
            Rect(left, below, left + width, below + height), Rect(right, below, right + width, below + height)]


def all_corners(sizes: NDArray[Any], rects: NDArray[Any], frame: Rect, *, outside: bool) -> NDArray[Any]:
    """`corners` of many at once: (N, 2) widths and heights and (N, 4) rectangles give (N, 4, 4) rectangles."""
    width, height = sizes.T
    left, top, right, bottom = rects.T
    above, below = (top - height, bottom) if outside else (top, bottom - height)
    x = np.stack([left, right - width, left, right - width], axis=1)
    y = np.stack([above, above, below, below], axis=1)
    x = np.minimum(x.clip(min=frame.left), (frame.right - width)[:, None])
    y = np.minimum(y.clip(min=frame.top), (frame.bottom - height)[:, None])
    return np.stack([x, y, x + width[:, None], y + height[:, None]], axis=2)
