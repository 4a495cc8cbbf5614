"""Draw what was recognised onto the image: boxes, labels, probability bars and the rate of the pipeline.

Everything is stateless: where a tag or a panel goes depends on this image's faces alone, so a recorded stream is drawn
the same way each time it is replayed.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.media.encodings import bgr_of
from fer_ros.parameters.params import param
from fer_ros.types import Box, Emotion, Image

T = TypeVar("T", int, NDArray[Any])
Color = tuple[int, int, int]
"""Blue, green, red, each 0..255."""

# Six hues of Okabe & Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/, and grey for a face that shows
# nothing. The weakest pair for a colour-blind eye, orange and yellow, went to classes that are not neighbours in the bars.
COLORS: dict[str, Color] = {
    "angry": (0, 94, 213),  # vermillion
    "disgust": (115, 158, 0),  # bluish green
    "fear": (167, 121, 204),  # reddish purple
    "happy": (66, 228, 240),  # yellow
    "sad": (178, 114, 0),  # blue
    "surprise": (0, 159, 230),  # orange
    # A mid grey is what reddish purple and bluish green look like without red or green cones; these light ones are not.
    "neutral": (197, 197, 197),
    UNCERTAIN: (250, 250, 250),
}

_WHITE: Color = (255, 255, 255)
_INK: Color = (20, 20, 20)
_PANEL: Color = (24, 24, 24)
_PANEL_OPACITY = 0.88
_SUPERSAMPLING = 4
_CROWD = 32
"""More faces than this are a crowd, in which a tag without a free place is left out."""
_COMPARED = 4
"""Up to so many faces it is faster to compare a place with each than to count who covers a pixel."""
_SUMMED = 16
"""Rectangles that cover the frame more often than this are counted faster by their corners."""


@dataclass(frozen=True)
class OverlayStyle:
    """How the overlay looks."""

    bars: bool = param(True, "Draw the probability of every class beside each face.")
    max_panels: int = param(
        4, "With more faces than this, all probabilities are drawn as one thin stacked bar per face.", range=(0, 64)
    )
    show_ids: bool = param(True, "Draw each face's id.")
    show_fps: bool = param(True, "Draw the frame rate and the latency in a corner.")
    text_scale: float = param(1.0, "Size of the text, relative to the size that fits the image.", range=(0.5, 3.0))
    line_scale: float = param(
        1.0, "Width of the boxes' lines, relative to the width that fits the image.", range=(0.5, 4.0)
    )


DEFAULT_STYLE = OverlayStyle()


class _Rect(NamedTuple):
    """Pixel columns `left` to `right` - 1 and rows `top` to `bottom` - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def sized(cls, left: int, top: int, width: int, height: int) -> _Rect:
        return cls(left, top, left + width, top + height)

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    def overlap(self, other: _Rect) -> int:
        """The area that both cover, in pixels."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return width * height if width > 0 and height > 0 else 0

    def clipped(self, bounds: _Rect) -> _Rect:
        """The part inside `bounds`; its width or height is not positive where there is none."""
        left, top, right, bottom = self
        return _Rect(max(left, bounds[0]), max(top, bounds[1]), min(right, bounds[2]), min(bottom, bounds[3]))

    def grown(self, by: int) -> _Rect:
        """With so many pixels more on every side."""
        return _Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def contains(self, other: _Rect) -> bool:
        return (self.left <= other.left and self.top <= other.top and other.right <= self.right
                and other.bottom <= self.bottom)


@lru_cache
def text_color(background: Color) -> Color:
    """Black or white, whichever has the greater contrast ratio (WCAG 2.1) on `background`."""
    light = (_luminance(_WHITE) + 0.05) / (_luminance(background) + 0.05)
    dark = (_luminance(background) + 0.05) / (_luminance(_INK) + 0.05)
    return _WHITE if light > dark else _INK


def draw_overlay(
    image: Image,
    emotions: Sequence[Emotion],
    labels: Sequence[str] = EMOTIONS,
    *,
    fps: float | None = None,
    latency: float | None = None,
    style: OverlayStyle = DEFAULT_STYLE,
    encoding: str | None = None,
) -> Image:
    """Draw boxes, labels, probabilities and the pipeline's rate onto a copy of the image, as the overlay node does.

    >>> from fer_ros import Pipeline, draw_overlay, open_source
    >>> pipeline = Pipeline()
    >>> frame = next(open_source("demo"))
    >>> picture = draw_overlay(frame.image, pipeline(frame.image, frame.stamp))
    >>> picture.shape, bool((picture != frame.image).any())
    ((480, 640, 3), True)

    Each face gets a box in its emotion's colour and a tag with label, confidence and id. Its probabilities go on a
    panel beside it where there is room that covers no face, tag or other panel, and otherwise (or with many faces, or a
    face that is small against the panel) into one thin stacked bar along the box's edge. What cannot be drawn
    sensibly is left out: a face whose box is not finite, is empty or lies outside the image, a text wider than the
    image, probabilities that do not match `labels`, and among more than 32 faces a tag that would cover a face or
    another tag. The time grows with the number of faces and not faster.

    Args:
        image: HxWx3 uint8, BGR, with any strides. It is not changed, and may be read-only.
        emotions: faces with boxes in pixels of `image`. Boxes are drawn upright, whatever the face's roll.
        labels: names of the entries of `probabilities`, in their order.
        fps: frames per second; None where not known.
        latency: seconds from capture to result; None where not known.
        style: what is drawn, and how large.
        encoding: what the image holds where it is something else, `rgb8`, `rgba8`, `bgra8` or `mono8`.

    Returns:
        HxWx3 uint8, BGR, contiguous.

    Raises:
        TypeError: the image is not an array, or one of `emotions` something else.
        ValueError: the image is not HxWx3 uint8, or not what `encoding` says.
    """
    if encoding is not None or not isinstance(image, np.ndarray):
        image = bgr_of(image, encoding)
    others = [type(one).__name__ for one in emotions if not isinstance(one, Emotion)]
    if others:
        raise TypeError(f"the overlay draws what is an Emotion, not {others[0]}")
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"the overlay draws on HxWx3 uint8 images, not on {image.shape} {image.dtype}")
    canvas = np.array(image, order="C")
    frame = _Rect(0, 0, canvas.shape[1], canvas.shape[0])
    if not canvas.size:
        return canvas
    sizes = _Sizes.of(frame, style)
    labels = tuple(labels)

    rects = _pixels([emotion.box for emotion in emotions], frame)
    shown = [(emotion, rect) for emotion, rect in zip(emotions, rects, strict=True) if rect is not None]
    taken = _Taken(frame, [rect.clipped(frame) for _, rect in shown])

    status = _status_text(fps, latency) if style.show_fps else ""
    status_rect = _place_status(status, sizes, frame, taken) if status else None
    if status_rect is not None:
        taken.add(status_rect)

    tags = _place_tags(shown, sizes, style, frame, taken)

    compact = len(shown) > style.max_panels
    known = _usable_probabilities([emotion for emotion, _ in shown], len(labels))
    strips = [_place_strip(rect, None if tag is None else tag[1], sizes, frame, 3 * len(labels))
              for (_, rect), tag in zip(shown, tags, strict=True)]
    parts = _strip_parts(known, [0 if strip is None else strip.width for strip in strips])
    for i, ((emotion, rect), strip) in enumerate(zip(shown, strips, strict=True)):
        _draw_box(canvas, rect, sizes, _color(emotion.label))
        if not style.bars or math.isnan(known[i, 0]) or (compact and strip is None):
            continue
        panel = None if compact else _place_panel(rect, labels, sizes, frame, taken)
        if panel is None:
            if strip is not None:
                _draw_strip(canvas, strip, parts[i], labels, emotion.label)
        else:
            taken.add(panel)
            _draw_panel(canvas, panel, sizes, known[i].tolist(), labels, emotion.label)
    # Tags last: where faces crowd, the words are what must stay readable.
    for tag in tags:
        if tag is not None:
            _draw_tag(canvas, *tag)
    if status_rect is not None:
        _draw_status(canvas, status, status_rect, sizes)
    return canvas


class _Sizes(NamedTuple):
    """Lengths in pixels that depend on the image and the style alone."""

    text: int
    """Height of a capital letter."""
    smallest_text: int
    line: int
    gap: int
    strip: int

    @classmethod
    def of(cls, frame: _Rect, style: OverlayStyle) -> _Sizes:
        # A tall phone image or a wide strip is judged by its smaller side, as a 4:3 image of that size.
        reference = min(frame.height, 0.75 * frame.width)
        text = max(7.0, 1.0 + 0.0155 * reference) * style.text_scale
        smallest = max(7.0, 0.65 * (1.0 + 0.0155 * reference)) * style.text_scale
        return cls(
            text=max(5, round(text)),
            smallest_text=max(5, round(smallest)),
            line=max(1, round(reference / 260 * style.line_scale)),
            gap=max(3, round(0.5 * text)),
            strip=max(6, round(0.6 * text) + 2),
        )


def _pixels(boxes: Sequence[Box], frame: _Rect) -> list[_Rect | None]:
    """The boxes in whole pixels; None where there is nothing of one to see in the frame."""
    if not boxes:
        return []
    values = np.array(boxes, np.float64)
    usable = cast(NDArray[Any], np.isfinite(values).all(axis=1) & (values[:, 2:4] >= 1).all(axis=1))
    # Far out is as invisible as farther out, and stays clear of what the arithmetic of pixels can hold.
    reach = 2 * max(frame.width, frame.height)
    with np.errstate(over="ignore", invalid="ignore"):
        edges = np.concatenate([values[:, :2] - values[:, 2:4] / 2, values[:, :2] + values[:, 2:4] / 2], axis=1)
    edges = np.rint(np.where(usable[:, None], edges, 0).clip(-reach, reach)).astype(int)
    first, last = edges[:, :2], edges[:, 2:]
    seen: NDArray[Any] = usable & ((first < last) & (last > 0) & (first < (frame.width, frame.height))).all(axis=1)
    return [_Rect(*rect) if visible else None for rect, visible in zip(edges.tolist(), seen.tolist(), strict=True)]


class _Taken:
    """The places that must not be covered: faces, tags, panels and the rate; all inside the frame.

    A few are compared with a place one by one. More are counted pixel by pixel, so that a look at a place takes the same
    time however many there are.
    """

    def __init__(self, frame: _Rect, faces: Sequence[_Rect]):
        self.faces, self._rects = faces, list(faces)
        self.alike = Counter(faces)
        self._counts = _coverage(frame, faces) if len(faces) > _COMPARED else None
        # A single pixel is read several times as fast through it as from the array.
        self._pixels = None if self._counts is None else self._counts.data
        self.crowded = len(faces) > _CROWD

    def add(self, rect: _Rect) -> None:
        """Take one more place."""
        if self._counts is None:
            self._rects.append(rect)
        else:
            self._counts[rect.top : rect.bottom, rect.left : rect.right] += 1

    def remove(self, rect: _Rect) -> None:
        """Give a place back."""
        if self._counts is None:
            self._rects.remove(rect)
        else:
            self._counts[rect.top : rect.bottom, rect.left : rect.right] -= 1

    def covered(self, place: _Rect) -> int:
        """Pixels of a place that are taken, each as often as it is."""
        if self._counts is not None:
            left, top, right, bottom = place
            return int(cv2.sumElems(self._counts[top:bottom, left:right])[0])
        return sum(place.overlap(other) for other in self._rects)

    def is_free(self, place: _Rect, face: _Rect | None = None) -> bool:
        """Whether nothing that is taken lies in a place, but for a face that it belongs on and others just like it."""
        if self._pixels is None:
            return not any(place.overlap(other) for other in self._rects if other != face)
        expected = 0 if face is None else self.alike[face]
        left, top, right, bottom = place
        for row, column in _looked_at(left, top, right, bottom):
            if self._pixels[row, column] > expected:
                return False
        return self.covered(place) == (0 if face is None else expected * place.overlap(face))

    def may_be_free(self, places: NDArray[Any], most: NDArray[Any]) -> NDArray[Any]:
        """(N, K) mask of (N, K, 4) places: which pass the first look of `is_free`, each row with at most so many of (N,)."""
        assert self._counts is not None  # of a crowd
        free = np.ones(places.shape[:2], bool)
        for row, column in _looked_at(*np.moveaxis(places, 2, 0)):
            free &= self._counts[row, column] <= most[:, None]
        return free


def _looked_at(left: T, top: T, right: T, bottom: T) -> tuple[tuple[T, T], ...]:
    """Row and column of five pixels of a place, or of many: one that is taken mostly is so at a corner or in the middle."""
    return ((top, left), (top, right - 1), (bottom - 1, left), (bottom - 1, right - 1),
            ((top + bottom) // 2, (left + right) // 2))


def _coverage(frame: _Rect, rects: Sequence[_Rect]) -> NDArray[Any]:
    """(height, width) int32: how many rectangles cover each pixel; all must lie in the frame, none may be empty."""
    counts = np.zeros((frame.height, frame.width), np.int32)
    if sum(rect.width * rect.height for rect in rects) <= _SUMMED * counts.size:
        for left, top, right, bottom in rects:
            counts[top:bottom, left:right] += 1
        return counts
    # Large ones that overlap: mark the corners alone and sum up, which takes no longer the larger they are.
    left, top, right, bottom = np.array(rects).T
    corners = np.zeros((frame.height + 1, frame.width + 1), np.float32)
    for rows, columns, sign in ((top, left, 1), (top, right, -1), (bottom, left, -1), (bottom, right, 1)):
        np.add.at(corners, (rows, columns), sign)
    return cv2.integral(corners, sdepth=cv2.CV_64F)[1:-1, 1:-1].astype(np.int32)


def _usable_probabilities(emotions: Sequence[Emotion], count: int) -> NDArray[Any]:
    """(N, max(count, 1)) float64: of each face so many numbers in [0, 1], or NaN where it has no such probabilities."""
    nothing = np.full(max(count, 1), np.nan)
    given = [np.asarray(emotion.probabilities, np.float64).ravel() for emotion in emotions]
    values = np.array([one if one.size == count > 0 else nothing for one in given]).reshape(len(given), nothing.size)
    values[~np.isfinite(values).all(axis=1)] = np.nan
    return values.clip(0, 1)


def _color(label: str) -> Color:
    return COLORS.get(label, COLORS[UNCERTAIN])


def _luminance(color: Color) -> float:
    """Relative luminance, WCAG 2.1."""
    blue, green, red = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Text


@lru_cache(maxsize=1024)
def _text_mask(text: str, height: int) -> NDArray[Any]:
    """(h, w) float32 in [0, 1]: how much of each pixel the text covers, its capitals `height` pixels high.

    OpenCV 4 draws text with one-pixel strokes that fall apart when small, OpenCV 5 with another font altogether. Drawn
    larger with a stroke in proportion and then reduced, both give even, readable letters, and the width is taken from
    what was drawn because the two disagree about it beforehand.
    """
    printable = "".join(c if " " <= c <= "~" else "?" for c in text)
    scale = height * _SUPERSAMPLING / 21  # a capital of this font is 21 pixels high
    stroke = max(1, round(0.13 * height * _SUPERSAMPLING))
    (advance, _), _ = cv2.getTextSize(printable, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
    rows = _text_rows(height) * _SUPERSAMPLING
    large: NDArray[Any] = np.zeros((rows, 2 * advance + 8 * height), np.uint8)
    baseline = (height + _ascender(height)) * _SUPERSAMPLING
    origin = (2 * height, baseline)
    cv2.putText(large, printable, origin, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, stroke, cv2.LINE_AA)
    inked = np.flatnonzero(large.any(axis=0))
    if not inked.size:
        return np.zeros((_text_rows(height), 1), np.float32)
    large = large[:, inked[0] : inked[-1] + 1]
    large = np.pad(large, ((0, 0), (0, -large.shape[1] % _SUPERSAMPLING)))
    size = (large.shape[1] // _SUPERSAMPLING, large.shape[0] // _SUPERSAMPLING)
    return cv2.resize(large, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255


@lru_cache
def _ascender(height: int) -> int:
    return max(1, round(0.15 * height))


@lru_cache
def _text_rows(height: int) -> int:
    """Height of a line of text: what rises above a capital, the capital, and what hangs below."""
    return _ascender(height) + height + max(2, round(0.35 * height))


def _blend(canvas: NDArray[Any], left: int, top: int, layer: NDArray[Any] | Color, opacity: NDArray[Any]) -> None:
    """Mix a layer into the canvas where it lies inside. `opacity` is (h, w) float32 in [0, 1]."""
    rows, columns = canvas.shape[:2]
    x0, y0 = max(0, -left), max(0, -top)
    x1, y1 = min(opacity.shape[1], columns - left), min(opacity.shape[0], rows - top)
    if x1 <= x0 or y1 <= y0:
        return
    opacity = opacity[y0:y1, x0:x1]
    region = canvas[top + y0 : top + y1, left + x0 : left + x1]
    layer = layer[y0:y1, x0:x1] if isinstance(layer, np.ndarray) else np.full(region.shape, layer, np.uint8)
    region[:] = cv2.blendLinear(region, layer, 1 - opacity, opacity)


def _fill(canvas: NDArray[Any], rect: tuple[int, int, int, int], color: Color) -> None:
    """What of a `_Rect` lies inside."""
    left, top, right, bottom = rect
    if right > left and bottom > top:
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), color, cv2.FILLED)


# Box


def _draw_box(canvas: NDArray[Any], rect: _Rect, sizes: _Sizes, color: Color) -> None:
    """A frame around the face, cased in black so that it stands out from any background."""
    left, top, right, bottom = rect
    for outset in range(sizes.line, -2, -1):
        first, last = (left - outset, top - outset), (right + outset - 1, bottom + outset - 1)
        if last[0] >= first[0] and last[1] >= first[1]:
            cv2.rectangle(canvas, first, last, _INK if outset in (sizes.line, -1) else color)


# Tag


class _Tag(NamedTuple):
    """Label and confidence on the emotion's colour, and the id on black behind it."""

    text: str
    id: str
    height: int
    color: Color

    @property
    def pad(self) -> int:
        return max(2, round(0.45 * self.height))

    @property
    def id_height(self) -> int:
        return max(min(7, self.height), round(0.8 * self.height))

    @property
    def rows(self) -> int:
        return _text_rows(self.height) + 2 * max(1, self.pad // 3)

    def fits(self, frame: _Rect) -> bool:
        """Whether the frame is wide enough for it, and high enough for two."""
        width, height = _tag_size(self)
        return width <= frame.width and height <= frame.height // 2

    @classmethod
    def shortest(cls, emotion: Emotion, rect: _Rect, sizes: _Sizes) -> _Tag:
        """The label alone."""
        return _label_tag(emotion.label, max(min(round(0.11 * rect.height), sizes.text), sizes.smallest_text))

    def variants(self, emotion: Emotion, style: OverlayStyle) -> list[_Tag]:
        """The whole tag of a face, then shorter ones for where there is no room for it; itself is the shortest."""
        full = self
        if math.isfinite(emotion.confidence):
            full = self._replace(text=f"{self.text} {100 * min(max(emotion.confidence, 0.0), 1.0):.0f}%")
        whole = [full._replace(id=f"#{_shortened(str(emotion.face_id), 8)}")] if style.show_ids and emotion.face_id else []
        return [*whole, full, self]


@lru_cache(maxsize=1024)
def _label_tag(label: str, height: int) -> _Tag:
    return _Tag(_shortened(str(label), 16), "", height, _color(label))


@lru_cache(maxsize=1024)
def _tag_size(tag: _Tag) -> tuple[int, int]:
    """Width and height."""
    width = _text_mask(tag.text, tag.height).shape[1] + 2 * tag.pad
    if tag.id:
        width += _text_mask(tag.id, tag.id_height).shape[1] + 2 * tag.pad
    return width, tag.rows


def _shortened(text: str, longest: int) -> str:
    """Cut at the front: ids of one source differ at their end."""
    return text if len(text) <= longest else ".." + text[2 - longest :]


def _place_tags(
    shown: Sequence[tuple[Emotion, _Rect]], sizes: _Sizes, style: OverlayStyle, frame: _Rect, taken: _Taken
) -> list[tuple[_Tag, _Rect] | None]:
    """Every face's tag and its place, which is taken then; None for a face without."""
    if taken.crowded:
        return _place_in_crowd(shown, sizes, style, frame, taken)
    tags = []
    for emotion, rect in shown:
        variants = _Tag.shortest(emotion, rect, sizes).variants(emotion, style)
        tags.append(_place_tag(variants, rect, sizes, frame, taken))
        if tags[-1] is not None:
            taken.add(tags[-1][1])
    return tags


def _place_tag(
    variants: Sequence[_Tag], rect: _Rect, sizes: _Sizes, frame: _Rect, taken: _Taken
) -> tuple[_Tag, _Rect] | None:
    """Above or below the box, shortened if need be; else on the face itself; else where it hides least.

    Args:
        variants: from the longest to the shortest, all of one height.

    Returns:
        The tag and its place; None where the frame is too small for any of them.
    """
    if not variants[-1].fits(frame):
        return None
    # The box's line is drawn outside of it, and the tag sits on that line.
    line, face = rect.grown(sizes.line), rect.clipped(frame)
    fitting = [tag for tag in variants if tag.fits(frame)]
    for anchor, besides in ((line, None), (face, face)):
        # At each corner a longer tag covers all that a shorter one does.
        free = [taken.is_free(place, besides) for place in _corners(fitting[-1], anchor, frame, outside=besides is None)]
        for tag in fitting if any(free) else ():
            for place in itertools.compress(_corners(tag, anchor, frame, outside=besides is None), free):
                if taken.is_free(place, besides):
                    return tag, place
    choices = [(tag, place) for tag in fitting for place in _corners(tag, line, frame, outside=True)]
    return min(choices, key=lambda choice: taken.covered(choice[1]))


def _place_in_crowd(
    shown: Sequence[tuple[Emotion, _Rect]], sizes: _Sizes, style: OverlayStyle, frame: _Rect, taken: _Taken
) -> list[tuple[_Tag, _Rect] | None]:
    """`_place_tags` of many: first a label for as many as possible, then what else there is room for, and nothing over a face.

    What is taken at the beginning stays so. One look at all places at once leaves a few of them to be tried in turn.
    """
    shortest = [_Tag.shortest(emotion, rect, sizes) for emotion, rect in shown]
    faces, alike = taken.faces, np.array([taken.alike[face] for face in taken.faces])
    short = np.array([_tag_size(tag) for tag in shortest])
    around, on = np.array([rect for _, rect in shown]) + np.array([-1, -1, 1, 1]) * sizes.line, np.array(faces)
    on_face = (short <= (on[:, 2:] - on[:, :2]) // (1, 2)).all(axis=1)  # as `_Tag.fits`, in a face

    def places(rows: NDArray[Any], size: NDArray[Any]) -> list[list[tuple[_Rect, _Rect | None]]]:
        """Of each row's tag those places that may be free: outside of the box, then on the face, which comes with them."""
        found: list[list[tuple[_Rect, _Rect | None]]] = [[] for _ in rows]
        fits = (size <= (frame.width, frame.height // 2)).all(axis=1)
        for outside, anchors, most, allowed in ((True, around, 0 * alike, fits), (False, on, alike, fits & on_face[rows])):
            there = np.flatnonzero(allowed)
            corners = _all_corners(size[there], anchors[rows[there]], frame, outside=outside)
            free = taken.may_be_free(corners, most[rows[there]])
            for at, place in zip(there[np.nonzero(free)[0]].tolist(), corners[free].tolist(), strict=True):
                found[at].append((_Rect(*place), None if outside else faces[rows[at]]))
        return found

    tags: list[tuple[_Tag, _Rect] | None] = [None] * len(shown)
    shortly = places(np.arange(len(shown)), short)
    hopeful = [row for row, some in enumerate(shortly) if some]
    longer = [(row, tag) for row in hopeful for tag in shortest[row].variants(shown[row][0], style)[:-1]]
    candidates: dict[int, list[tuple[_Tag, _Rect, _Rect | None]]] = {row: [] for row in hopeful}
    if longer:
        found = places(np.array([row for row, _ in longer]), np.array([_tag_size(tag) for _, tag in longer]))
        for (row, tag), some in zip(longer, found, strict=True):
            candidates[row] += [(tag, *one) for one in some]
    for row in hopeful:
        candidates[row] += [(shortest[row], *one) for one in shortly[row]]
        place = next((place for place, face in shortly[row] if taken.is_free(place, face)), None)
        if place is not None:
            tags[row] = (shortest[row], place)
            taken.add(place)
    for row in hopeful:
        if (tagged := tags[row]) is not None:
            taken.remove(tagged[1])
            # Outside of the box before on the face, and there the longer before the shorter.
            ordered = sorted(candidates[row], key=lambda candidate: candidate[2] is not None)
            tagged = next(((tag, place) for tag, place, face in ordered if taken.is_free(place, face)), tagged)
            tags[row] = tagged
            taken.add(tagged[1])
    return tags


def _corners(tag: _Tag, rect: _Rect, frame: _Rect, *, outside: bool) -> list[_Rect]:
    """The places at a rectangle's four corners, above and below it or inside, shifted into the frame."""
    width, height = _tag_size(tag)
    left, top, right, bottom = rect
    above, below = (top - height, bottom) if outside else (top, bottom - height)
    columns, rows = frame.right - width, frame.bottom - height  # where the last that fit begin
    left, right = min(max(left, 0), columns), min(max(right - width, 0), columns)
    above, below = min(max(above, 0), rows), min(max(below, 0), rows)
    return [_Rect(left, above, left + width, above + height), _Rect(right, above, right + width, above + height),
            _Rect(left, below, left + width, below + height), _Rect(right, below, right + width, below + height)]


def _all_corners(sizes: NDArray[Any], rects: NDArray[Any], frame: _Rect, *, outside: bool) -> NDArray[Any]:
    """`_corners` of many at once: (N, 2) widths and heights and (N, 4) rectangles give (N, 4, 4) rectangles."""
    width, height = sizes.T
    left, top, right, bottom = rects.T
    above, below = (top - height, bottom) if outside else (top, bottom - height)
    x = np.stack([left, right - width, left, right - width], axis=1)
    y = np.stack([above, above, below, below], axis=1)
    x = np.minimum(x.clip(min=frame.left), (frame.right - width)[:, None])
    y = np.minimum(y.clip(min=frame.top), (frame.bottom - height)[:, None])
    return np.stack([x, y, x + width[:, None], y + height[:, None]], axis=2)


def _draw_tag(canvas: NDArray[Any], tag: _Tag, place: _Rect) -> None:
    top = (tag.rows - _text_rows(tag.height)) // 2
    parts = [_tag_part(tag.text, tag.height, top, tag.pad, tag.rows, tag.color)]
    if tag.id:
        # On the same baseline as the label.
        top += _ascender(tag.height) + tag.height - _ascender(tag.id_height) - tag.id_height
        parts.append(_tag_part(tag.id, tag.id_height, top, tag.pad, tag.rows, _INK))
    left = place.left
    for part in parts:
        canvas[place.top : place.bottom, left : left + part.shape[1]] = part
        left += part.shape[1]


@lru_cache(maxsize=1024)
def _tag_part(text: str, height: int, top: int, pad: int, rows: int, ground: Color) -> NDArray[Any]:
    """(rows, width, 3) uint8: a text on its ground, `top` rows below its upper edge."""
    mask = _text_mask(text, height)
    part = np.full((rows, mask.shape[1] + 2 * pad, 3), ground, np.uint8)
    _blend(part, pad, top, text_color(ground), mask)
    return part


# Probabilities


def _row_height(sizes: _Sizes) -> int:
    return _text_rows(sizes.text) + 1


def _names_width(labels: Sequence[str], sizes: _Sizes) -> int:
    width: int = max(_text_mask(_shortened(str(label), 16), sizes.text).shape[1] for label in labels)
    return width


def _place_panel(
    rect: _Rect, labels: Sequence[str], sizes: _Sizes, frame: _Rect, taken: _Taken
) -> _Rect | None:
    """A free place beside, below or above the face; None where there is none, or the face is small against a panel."""
    height = _row_height(sizes) * len(labels) + 2 * sizes.gap
    if rect.height < 0.45 * height:
        return None
    margin = sizes.line + sizes.gap
    for bar in (6 * sizes.text, 3 * sizes.text):
        width = _names_width(labels, sizes) + bar + 3 * sizes.gap
        # The panel may slide along the side that it is on, but no further than it still touches its face.
        low_y, high_y = sorted((rect.top - sizes.line, rect.bottom + sizes.line - height))
        low_x, high_x = sorted((rect.left - sizes.line, rect.right + sizes.line - width))
        y = min(max(rect.top - sizes.line, 0), frame.bottom - height)
        x = min(max(rect.left - sizes.line, 0), frame.right - width)
        wanted = []
        if low_y <= y <= high_y:
            wanted += [(rect.right + margin, y), (rect.left - margin - width, y)]
        if low_x <= x <= high_x:
            wanted += [(x, rect.bottom + margin), (x, rect.top - margin - width)]
        for left, top in wanted:
            place = _Rect.sized(left, top, width, height)
            if frame.contains(place) and taken.is_free(place):
                return place
    return None


@lru_cache(maxsize=64)
def _panel_layer(labels: tuple[str, ...], winner: int, sizes: _Sizes, width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """What of a panel is the same in every frame: (h, w, 3) uint8 and its opacity, (h, w) float32 in [0, 1]."""
    row = _row_height(sizes)
    layer = np.full((row * len(labels) + 2 * sizes.gap, width, 3), _PANEL, np.uint8)
    opacity = np.full(layer.shape[:2], _PANEL_OPACITY, np.float32)
    for index, label in enumerate(labels):
        top = sizes.gap + index * row
        ink = (190, 190, 190)
        if index == winner:
            ink = _WHITE
            _fill(layer, _Rect(0, top - 1, width, top + row), (80, 80, 80))
            _fill(layer, _Rect(0, top - 1, max(2, sizes.gap // 2), top + row), _color(label))
            opacity[top - 1 : top + row] = 0.94
        mask = _text_mask(_shortened(str(label), 16), sizes.text)
        _blend(layer, sizes.gap, top, ink, mask)
        region = opacity[top : top + mask.shape[0], sizes.gap : sizes.gap + mask.shape[1]]
        np.maximum(region, mask[:, : region.shape[1]], out=region)
    return layer, opacity


def _draw_panel(
    canvas: NDArray[Any], place: _Rect, sizes: _Sizes, probabilities: Sequence[float], labels: tuple[str, ...], winner: str
) -> None:
    index = labels.index(winner) if winner in labels else -1
    _blend(canvas, place.left, place.top, *_panel_layer(labels, index, sizes, place.width))
    left = place.left + 2 * sizes.gap + _names_width(labels, sizes)
    longest = place.right - sizes.gap - left
    for row, (label, probability) in enumerate(zip(labels, probabilities, strict=True)):
        top = place.top + sizes.gap + row * _row_height(sizes) + _ascender(sizes.text)
        bar = _Rect.sized(left, top, longest, sizes.text)
        _fill(canvas, bar, (72, 72, 72) if row != index else (30, 30, 30))
        # A sliver of colour even at 0 says which row is whose.
        _fill(canvas, bar._replace(right=left + max(2, round(probability * longest))), _color(label))


def _place_strip(rect: _Rect, tag: _Rect | None, sizes: _Sizes, frame: _Rect, narrowest: int) -> _Rect | None:
    """Along the box's lower edge, or its upper one where the lower is out of view; beyond the tag if that is there."""
    left, right = max(rect.left - sizes.line, 0), min(rect.right + sizes.line, frame.right)
    if right - left < narrowest:
        return None
    above, below = rect.top - sizes.line, rect.bottom + sizes.line
    if tag is not None and tag.top == below:
        below = tag.bottom
    elif tag is not None and tag.bottom == above:
        above = tag.top
    for top in (below, above - sizes.strip, frame.bottom - sizes.strip):
        place = _Rect(left, top, right, top + sizes.strip)
        if frame.contains(place):
            return place
    return None


def _strip_parts(probabilities: NDArray[Any], widths: Sequence[int]) -> list[list[int]]:
    """Of each strip its parts' lengths in pixels, each followed by that of the gap after it; all 0 where nothing is known.

    Args:
        probabilities: (N, C), of N strips.
    """
    reached = np.nan_to_num(probabilities).cumsum(axis=1)
    ends = np.rint(reached * (np.array(widths, float) / np.maximum(reached[:, -1], 1e-300))[:, None])
    whole = np.diff(ends, axis=1, prepend=0)
    shown = (whole - 1).clip(min=0)  # of seven parts most have no pixel
    return np.stack([shown, whole - shown], axis=2).reshape(len(widths), 2 * probabilities.shape[1]).astype(int).tolist()


def _draw_strip(canvas: NDArray[Any], strip: _Rect, parts: Sequence[int], labels: tuple[str, ...], winner: str) -> None:
    """All probabilities side by side in one bar, the winner's part thicker than the rest."""
    left, top, _, bottom = strip
    end = left + sum(parts)
    if end == left:
        return
    _fill(canvas, strip, _INK)
    # One row of pixels is faster than a rectangle for each part.
    thin = 1 + (bottom - top) // 5
    canvas[top + thin : bottom - thin, left:end] = _strip_colors(labels).repeat(parts, axis=0)
    if winner in labels:
        index = 2 * labels.index(winner)
        start = left + sum(parts[:index])
        _fill(canvas, (start, top + 1, start + parts[index], bottom - 1), _color(winner))


@lru_cache(maxsize=64)
def _strip_colors(labels: tuple[str, ...]) -> NDArray[Any]:
    """(2 N, 3) uint8: the colour of each part, and of the gap after it."""
    return np.array([color for label in labels for color in (_color(label), _INK)], np.uint8)


# Rate


def _status_text(fps: float | None, latency: float | None) -> str:
    parts = []
    if fps is not None and math.isfinite(fps) and fps >= 0:
        parts.append(f"{fps:.0f} fps" if fps >= 9.95 else f"{fps:.1f} fps")
    if latency is not None and math.isfinite(latency) and latency >= 0:
        parts.append(f"{1000 * latency:.0f} ms")
    return "  ".join(parts)


def _place_status(text: str, sizes: _Sizes, frame: _Rect, taken: _Taken) -> _Rect | None:
    """The corner that covers least of the faces, the top left if several do; None where the text does not fit."""
    width = _text_mask(text, sizes.text).shape[1] + 2 * sizes.gap
    height = _text_rows(sizes.text) + sizes.gap
    if width > frame.width or height > frame.height // 4:
        return None
    places = [_Rect.sized(x, y, width, height) for y in (0, frame.bottom - height) for x in (0, frame.right - width)]
    return min(places, key=taken.covered)


def _draw_status(canvas: NDArray[Any], text: str, place: _Rect, sizes: _Sizes) -> None:
    _blend(canvas, place.left, place.top, _PANEL, np.full((place.height, place.width), _PANEL_OPACITY, np.float32))
    top = place.top + (place.height - _text_rows(sizes.text) + 1) // 2
    _blend(canvas, place.left + sizes.gap, top, _WHITE, _text_mask(text, sizes.text))
