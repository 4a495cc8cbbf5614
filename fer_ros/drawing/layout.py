# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Where on an image tags, panels, stacked bars and the rate go, so that they stay there from image to image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from fer_ros.drawing.lettering import text_rows, text_width, without_middle
from fer_ros.drawing.places import CROWD, Rect, Taken
from fer_ros.drawing.scene import Scene
from fer_ros.drawing.style import Sizes
from fer_ros.drawing.tags import LONGEST_NAME, ON_FACE, PlacedTag, corners, place_tags

Tags = Sequence[PlacedTag | None]
"""Of the faces, in their order."""

BARS = (5.0, 2.0)
"""Lengths of the bars on a panel, in heights of the text, the longest that there is room for on all panels of a frame."""

# Beside a face, level with its upper or lower edge, and below or above it, level with its left or right one.
RIGHT, RIGHT_LOW, LEFT, LEFT_LOW, BELOW, BELOW_RIGHT, ABOVE, ABOVE_RIGHT = range(8)
_SIDES = (RIGHT, RIGHT_LOW, LEFT, LEFT_LOW, BELOW, BELOW_RIGHT, ABOVE, ABOVE_RIGHT)
_SIDES_ON_THE_LEFT = (LEFT, LEFT_LOW, RIGHT, RIGHT_LOW, BELOW, BELOW_RIGHT, ABOVE, ABOVE_RIGHT)

_PATIENCE = 45
"""Images in a row with room for panels, or for larger ones, until they are drawn."""
_FORGOTTEN = 15
"""Images without a face after which its places are forgotten."""
_HOME = 30
"""Images in a row in which there was room where a tag or the rate belongs, until it goes back there."""
_SAME = 0.3
"""Intersection over union from which on two boxes are of one face, of those that have no id."""
_SMALL, _LARGE = 5.5, 7.0
"""The tags' text is small where the middle one of the faces is less high than so many heights of the text, and stays small
until it is higher than so many."""
_FEW, _MANY = 3, 5
"""It is small among so many faces, too, and stays small until there are so few."""
_LEAST = 0.35
"""Share of a panel's height that each face has, at least, if there are panels."""
_BESIDE = 0.5
"""Share of the face's visible side along which its panel lies, at least, or of the panel's own."""
_ROOM = 1.15
"""How much larger it has to be until they come back."""
_WIDEST = 0.7
"""Share of the frame's width that the rate may take; in fewer words it may take all of it."""
_STRIPPED = 8
"""Heights of a stacked bar in that of a face on which it may be."""
_TRIES = 300
"""Of ways to arrange the panels of a frame."""


@dataclass(eq=False)
class _Kept:
    """Of a face: where it was last seen, and what was where on it."""

    rect: Rect
    id: str = ""
    corner: int | None = None
    side: int | None = None
    unseen: int = 0
    free: int = 0
    """Images in a row in which the tag could have been where it belongs."""


class Panel(NamedTuple):
    """Where a face's bars are, and on which side of it."""

    place: Rect
    side: int


class Status(NamedTuple):
    """The rate, in parts of which most stay the same, and its place."""

    parts: Sequence[str]
    place: Rect


class Plan(NamedTuple):
    """What goes where on one image, each list as long as that of the faces; `panels` or `strips` is empty."""

    tags: Tags
    status: Status | None
    panels: Sequence[Panel | None]
    strips: Sequence[Rect | None]


@dataclass
class OverlayLayout:
    """Keeps the overlay of one stream calm: pass it to `draw_overlay` with every image, in their order.

    A tag and a panel stay on their side of a face as long as there is room; where there is no room for panels any more,
    they come back once there has been room for one and a half seconds (at 30 images a second). It belongs to one stream
    and one thread. The same images give the same pictures.

    >>> from fer_ros import Pipeline, draw_overlay, open_source
    >>> from fer_ros.drawing.layout import OverlayLayout
    >>> pipeline, layout = Pipeline(), OverlayLayout()
    >>> for frame in open_source("demo"):
    ...     picture = draw_overlay(frame.image, pipeline(frame.image, frame.stamp), layout=layout)
    """

    _kept: list[_Kept] = field(default_factory=list)
    _level: int | None = None
    """Of `BARS`, that of the panels; after the last one there are none. None before the first face."""
    _room: int = 0
    """Images in a row in which there was room for larger panels, or nobody."""
    _small: bool | None = None
    _corner: int = 0
    """Of the frame, in which the rate is."""
    _home: int = 0
    """Images in a row in which the rate could have been in the first corner."""

    def plan(self, scene: Scene, fps: float | None, latency: float | None) -> Plan:
        """Find a place for everything; latency in seconds, None for what is not known."""
        taken = Taken(scene.frame, [rect.clipped(scene.frame) for rect in scene.rects])
        status = self._place_status(status_texts(fps, latency), scene, taken) if scene.style.show_fps else None
        if status is not None:
            taken.add(status.place)
        kept = self._recall(scene)
        tags = place_tags(scene, [one.corner for one in kept], self._tag_height(scene), taken)
        panels = self._place_panels(scene, tags, kept, taken)
        for one, tag in zip(kept, tags, strict=True):
            one.corner = None if tag is None else tag.corner
            one.free = one.free + 1 if tag is not None and _may_go_home(tag, one.rect, scene, panels, taken) else 0
            if one.free >= _HOME:
                one.corner = None
        return Plan(tags, status, panels, () if panels else place_strips(scene, tags, taken))

    def _recall(self, scene: Scene) -> list[_Kept]:
        """What is known of each face from the images before; of a crowd, in which nothing stays in place, nothing."""
        before = [] if len(scene.rects) > CROWD else self._kept
        by_id = {one.id: one for one in before if one.id}
        nameless = [one for one in before if not one.id]
        found = []
        for emotion, rect in zip(scene.emotions, scene.rects, strict=True):
            one = by_id.pop(emotion.face_id, None) if emotion.face_id else _nearest(rect, nameless)
            if one is None:
                one = _Kept(rect, emotion.face_id)
            elif not one.id:
                nameless.remove(one)
            one.rect, one.unseen = rect, 0
            found.append(one)
        gone = [*by_id.values(), *nameless]
        for one in gone:
            one.unseen += 1
        remembered = sorted((one for one in gone if one.unseen <= _FORGOTTEN), key=lambda one: one.unseen)
        self._kept = found + remembered[:CROWD]
        return found

    def _tag_height(self, scene: Scene) -> int:
        """One for all tags of the frame."""
        if len(scene.rects) > CROWD:
            return scene.sizes.crowd_text
        if scene.rects:
            middle = sorted(rect.height for rect in scene.rects)[len(scene.rects) // 2]
            limit = (_SMALL + _LARGE) / 2 if self._small is None else _LARGE if self._small else _SMALL
            many = len(scene.rects) > _FEW if self._small else len(scene.rects) >= _MANY
            self._small = many or middle < limit * scene.sizes.text
        return scene.sizes.small_text if self._small else scene.sizes.text

    def _place_status(self, texts: Sequence[Sequence[str]], scene: Scene, taken: Taken) -> Status | None:
        """The corner that covers least of the faces; of several the one where it was. None where no text fits."""
        frame, sizes = scene.frame, scene.sizes
        height = text_rows(sizes.text) + sizes.gap
        for parts in texts:
            width = sum(text_width(part, sizes.text) for part in parts) + sizes.gap * (len(parts) + 1)
            if width <= (1.0 if parts is texts[-1] else _WIDEST) * frame.width and height <= frame.height // 4:
                places = [Rect.sized(x, y, width, height)
                          for y in (0, frame.bottom - height) for x in (0, frame.right - width)]
                covered = [taken.covered(place) for place in places]
                self._home = self._home + 1 if not taken.covered(places[0].grown(sizes.gap).clipped(frame)) else 0
                if covered[self._corner] > min(covered):
                    self._corner = covered.index(min(covered))
                elif self._home >= _HOME:
                    self._corner = 0
                return Status(parts, places[self._corner])
        return None

    def _place_panels(self, scene: Scene, tags: Tags, kept: Sequence[_Kept], taken: Taken) -> list[Panel | None]:
        """A panel for each face whose probabilities are known, or nothing: as large as there is room for, but not at once."""
        if not any(scene.barred):
            self._room += not scene.rects
            return []
        sides = [one.side for one in kept]
        level = self._level or 0
        better = next((i for i in range(level) if arrange_panels(scene, tags, sides, BARS[i], taken, roomy=True)), None)
        self._room = 0 if better is None else self._room + 1
        if better is not None and self._room >= _PATIENCE:
            level, self._room = better, 0
        for self._level in range(level, len(BARS)):
            placed = arrange_panels(scene, tags, sides, BARS[self._level], taken, roomy=False)
            if placed:
                for one, panel in zip(kept, placed, strict=True):
                    one.side = one.side if panel is None else panel.side
                return placed
        self._level = len(BARS)
        return []


def _may_go_home(tag: PlacedTag, rect: Rect, scene: Scene, panels: Sequence[Panel | None], taken: Taken) -> bool:
    """Whether there is more room than needed above the box for a tag that is below it, or outside for one on the face."""
    if tag.corner is None or tag.corner < 2:
        return False
    places = corners(tag.tag, rect.grown(scene.sizes.line), scene.frame, outside=True)
    for place in places if tag.corner >= ON_FACE else places[:2]:
        wide = place.grown(scene.sizes.line).clipped(scene.frame)
        outside = place.bottom <= rect.top or place.top >= rect.bottom
        if outside and taken.is_free(wide._replace(bottom=place.bottom, top=place.top)) and not any(
                panel is not None and panel.place.meets(place) for panel in panels):
            return True
    return False


def _nearest(rect: Rect, among: Sequence[_Kept]) -> _Kept | None:
    """The one that covers most of what a box does."""
    best = max(among, key=lambda one: _likeness(rect, one.rect), default=None)
    return best if best is not None and _likeness(rect, best.rect) >= _SAME else None


def _likeness(one: Rect, other: Rect) -> float:
    """Intersection over union."""
    both = one.overlap(other)
    return both / (one.width * one.height + other.width * other.height - both)


# Panels


def row_height(sizes: Sizes) -> int:
    """Of one bar's row on a panel."""
    return text_rows(sizes.text) + 1


@lru_cache(maxsize=64)
def names_width(labels: tuple[str, ...], sizes: Sizes) -> int:
    """Of the names' column on a panel."""
    return max(text_width(without_middle(str(label), LONGEST_NAME), sizes.text) for label in labels)


def bar_left(labels: tuple[str, ...], sizes: Sizes) -> int:
    """Where on a panel the bars begin, right of the names."""
    return 2 * sizes.gap + names_width(labels, sizes)


def bar_length(panel: Rect, labels: tuple[str, ...], sizes: Sizes) -> int:
    """Of a bar for 100 %."""
    return panel.width - bar_left(labels, sizes) - _value_width(sizes)


def _value_width(sizes: Sizes) -> int:
    """Of the percentages' column, with its gaps."""
    return text_width("100%", sizes.text) + 2 * sizes.gap


def panel_size(labels: tuple[str, ...], sizes: Sizes, bar: float) -> tuple[int, int]:
    """Width and height of a panel: names, bars and percentages, with a gap around each."""
    width = bar_left(labels, sizes) + round(bar * sizes.text) + _value_width(sizes)
    return width, row_height(sizes) * len(labels) + 2 * sizes.gap


def arrange_panels(
    scene: Scene, tags: Tags, before: Sequence[int | None], bar: float, taken: Taken, *, roomy: bool
) -> list[Panel | None]:
    """A panel beside each face that covers nothing of the others, nor of what else is taken.

    Args:
        before: the side on which each face's panel was.
        bar: length of a bar, in heights of the text.
        roomy: whether there has to be more room than the panels need, so that a small movement does not end it.

    Returns:
        As many as faces, None for a face without probabilities; empty where there is no room for all of them, or a face is
        too small for one.
    """
    if len(scene.rects) > scene.style.max_panels:
        return []
    size = panel_size(scene.labels, scene.sizes, bar)
    barred = [i for i, has in enumerate(scene.barred) if has]
    least = _LEAST * (_ROOM if roomy else 1.0) * size[1]
    if any(scene.rects[i].height < least for i in barred):
        return []
    free = {i: _free_panels(scene, i, tags[i], before[i], size, taken, roomy) for i in barred}
    barred.sort(key=lambda i: before[i] is None)  # who had a place keeps it
    by_face: dict[int, Panel] = {}
    for i in barred:  # mostly each may have the best of its places
        found = next((panel for panel in free[i] if _is_apart(panel, by_face.values())), None)
        if found is None:
            break
        by_face[i] = found
    else:
        return [by_face.get(i) for i in range(len(scene.rects))]
    options = {i: list(_free_panels(scene, i, tags[i], before[i], size, taken, roomy)) for i in barred}
    if not all(options.values()):
        return []
    arranged = next(_arrangements([options[i] for i in barred], [_TRIES]), None)
    if arranged is None:
        return []
    by_face = dict(zip(barred, arranged, strict=True))
    return [by_face.get(i) for i in range(len(scene.rects))]


def _free_panels(
    scene: Scene, index: int, tag: PlacedTag | None, before: int | None, size: tuple[int, int], taken: Taken, roomy: bool
) -> Iterator[Panel]:
    """Where the panel of a face may be, the best place first."""
    rect, sizes = scene.rects[index], scene.sizes
    places = panel_places(rect, None if tag is None else tag.place, size, sizes, scene.frame)
    middle = sum(other.left + other.right for other in scene.rects) / len(scene.rects)
    # Away from the others.
    sides = _SIDES_ON_THE_LEFT if rect.left + rect.right < middle else _SIDES
    margin = sizes.gap if roomy else 0
    for side in sorted(sides, key=lambda side: side != before):
        if side in places and taken.is_free(places[side].grown(margin).clipped(scene.frame)):
            yield Panel(places[side], side)


def _is_apart(panel: Panel, others: Iterable[Panel]) -> bool:
    return not any(panel.place.meets(other.place) for other in others)


def panel_places(rect: Rect, tag: Rect | None, size: tuple[int, int], sizes: Sizes, frame: Rect) -> dict[int, Rect]:
    """By side, where a panel of a size lies in the frame, shifted into it along its side."""
    width, height = size
    box, seen = rect.grown(sizes.line), rect.clipped(frame)
    # A tag on the box's edge moves what is above or below it.
    over = min(box.top, tag.top) if tag is not None and tag.bottom <= rect.top else box.top
    under = max(box.bottom, tag.bottom) if tag is not None and tag.top >= rect.bottom else box.bottom
    places = {}
    for aligned, wanted in ((0, box.top), (1, box.bottom - height)):
        y = min(max(wanted, 0), frame.bottom - height)
        if min(y + height, seen.bottom) - max(y, seen.top) >= _BESIDE * min(height, seen.height):
            places[RIGHT + aligned] = Rect.sized(box.right + sizes.gap, y, width, height)
            places[LEFT + aligned] = Rect.sized(box.left - sizes.gap - width, y, width, height)
    for aligned, wanted in ((0, box.left), (1, box.right - width)):
        x = min(max(wanted, 0), frame.right - width)
        if min(x + width, seen.right) - max(x, seen.left) >= _BESIDE * min(width, seen.width):
            places[BELOW + aligned] = Rect.sized(x, under + sizes.gap, width, height)
            places[ABOVE + aligned] = Rect.sized(x, over - sizes.gap - height, width, height)
    return {side: place for side, place in places.items() if frame.contains(place)}


def _arrangements(
    options: Sequence[Sequence[Panel]], tries: list[int], placed: tuple[Panel, ...] = ()
) -> Iterator[tuple[Panel, ...]]:
    """Choices of one of each that do not overlap, until so many were tried."""
    if len(placed) == len(options):
        yield placed
        return
    for panel in options[len(placed)]:
        tries[0] -= 1
        if tries[0] < 0:
            return
        if _is_apart(panel, placed):
            yield from _arrangements(options, tries, (*placed, panel))


# Stacked bars


def place_strips(scene: Scene, tags: Tags, taken: Taken) -> list[Rect | None]:
    """A stacked bar along an edge of each box, outside of it where that covers no face; None where it is too narrow."""
    strips: list[Rect | None] = []
    for rect, tag, has in zip(scene.rects, tags, scene.barred, strict=True):
        strip = _place_strip(rect, None if tag is None else tag.place, scene, taken) if has else None
        strips.append(strip if strip is not None and strip.width >= 3 * len(scene.labels) else None)
    return strips


def _place_strip(rect: Rect, tag: Rect | None, scene: Scene, taken: Taken) -> Rect | None:
    """Along the box's lower edge or its upper one, beyond the tag if that is there; else on a face that is large enough."""
    line, strip = scene.sizes.line, scene.sizes.strip
    left, right, rows = max(rect.left - line, 0), min(rect.right + line, scene.frame.right), scene.frame.bottom
    above, below = rect.top - line, rect.bottom + line
    if tag is not None and tag.top == below:
        below = tag.bottom
    elif tag is not None and tag.bottom == above:
        above = tag.top
    for top in (below, above - strip):
        place = Rect(left, top, right, top + strip)
        if 0 <= top <= rows - strip and taken.is_free(place):
            return place
    inside = min(rect.bottom, rows) - strip
    return Rect(left, inside, right, inside + strip) if inside >= 0 and rect.height >= _STRIPPED * strip else None


# Rate


def status_texts(fps: float | None, latency: float | None) -> list[list[str]]:
    """What is known of the rate, in parts, from the longest text to the shortest; none where nothing is."""
    rate = duration = ""
    if fps is not None and math.isfinite(fps) and fps >= 0:
        rate = f"{fps:.0f} fps" if fps >= 9.95 else f"{fps:.1f} fps"
    if latency is not None and math.isfinite(latency) and latency >= 0:
        duration = f"{1000 * latency:.0f} ms" if latency < 9.9995 else f"{latency:.0f} s"
    if not duration:
        return [[rate]] if rate else []
    both = [f"{rate},", duration] if rate else [duration]
    return [[*both, "from capture to answer"], both, [rate or duration]]
