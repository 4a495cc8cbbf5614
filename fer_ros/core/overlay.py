"""Draw what was recognised onto the image: boxes, labels, probability bars and the rate of the pipeline.

Everything is stateless: where a tag or a panel goes depends on this image's faces alone, so a recorded stream is drawn
the same way each time it is replayed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from fer_ros.core.labels import EMOTIONS, UNCERTAIN
from fer_ros.core.params import param
from fer_ros.core.types import Box, Emotion, Image

Color = tuple[int, int, int]
"""Blue, green, red, each 0..255."""

# The seven hues of Okabe & Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/. The weakest pair for
# a colour-blind eye, orange and yellow, went to classes that are not neighbours in the bars.
COLORS: dict[str, Color] = {
    "angry": (0, 94, 213),  # vermillion
    "disgust": (115, 158, 0),  # bluish green
    "fear": (167, 121, 204),  # reddish purple
    "happy": (66, 228, 240),  # yellow
    "sad": (178, 114, 0),  # blue
    "surprise": (0, 159, 230),  # orange
    "neutral": (233, 180, 86),  # sky blue
    # A mid grey is what reddish purple and bluish green look like without red or green cones; this light one is not.
    UNCERTAIN: (220, 220, 220),
}

_WHITE: Color = (255, 255, 255)
_INK: Color = (20, 20, 20)
_PANEL: Color = (24, 24, 24)
_PANEL_OPACITY = 0.88
_SUPERSAMPLING = 4


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
        return _Rect(
            max(self.left, bounds.left),
            max(self.top, bounds.top),
            min(self.right, bounds.right),
            min(self.bottom, bounds.bottom),
        )

    def shifted_into(self, bounds: _Rect) -> _Rect:
        """The same size, moved as little as it takes to lie inside `bounds`, which must be large enough."""
        left = min(max(self.left, bounds.left), bounds.right - self.width)
        top = min(max(self.top, bounds.top), bounds.bottom - self.height)
        return _Rect.sized(left, top, self.width, self.height)

    def contains(self, other: _Rect) -> bool:
        return other.clipped(self) == other


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
) -> Image:
    """Draw boxes, labels, probabilities and the pipeline's rate onto a copy of the image.

    Each face gets a box in its emotion's colour and a tag with label, confidence and id. Its probabilities go on a
    panel beside it where there is room that covers no face, tag or other panel, and otherwise (or with many faces, or a
    face that is small against the panel) into one thin stacked bar along the box's edge. What cannot be drawn
    sensibly is left out: a face whose box is not finite, is empty or lies outside the image, a text wider than the
    image, probabilities that do not match `labels`.

    Args:
        image: HxWx3 uint8, BGR, with any strides. It is not changed, and may be read-only.
        emotions: faces with boxes in pixels of `image`. Boxes are drawn upright, whatever the face's roll.
        labels: names of the entries of `probabilities`, in their order.
        fps: frames per second; None where not known.
        latency: seconds from capture to result; None where not known.
        style: what is drawn, and how large.

    Returns:
        HxWx3 uint8, BGR, contiguous.

    Raises:
        ValueError: the image is not HxWx3 uint8.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"the overlay draws on HxWx3 uint8 images, not on {image.shape} {image.dtype}")
    canvas = np.array(image, order="C")
    frame = _Rect(0, 0, canvas.shape[1], canvas.shape[0])
    if not canvas.size:
        return canvas
    sizes = _Sizes.of(frame, style)

    shown: list[tuple[Emotion, _Rect]] = []
    for emotion in emotions:
        rect = _pixels(emotion.box, frame)
        if rect is not None:
            shown.append((emotion, rect))
    taken = [rect.clipped(frame) for _, rect in shown]

    status = _status_text(fps, latency) if style.show_fps else ""
    status_rect = _place_status(status, sizes, frame, taken) if status else None
    if status_rect is not None:
        taken.append(status_rect)

    tags = []
    for emotion, rect in shown:
        tag = _place_tag(_Tag.variants(emotion, rect, sizes, style), rect, sizes, frame, taken)
        if tag is not None:
            taken.append(tag[1])
        tags.append(tag)

    compact = len(shown) > style.max_panels
    for (emotion, rect), tag in zip(shown, tags, strict=True):
        _draw_box(canvas, rect, frame, sizes, _color(emotion.label))
        probabilities = _usable_probabilities(emotion, len(labels)) if style.bars else None
        if probabilities is None:
            continue
        panel = None if compact else _place_panel(rect, labels, sizes, frame, taken)
        if panel is None:
            strip = _place_strip(rect, None if tag is None else tag[1], sizes, frame)
            if strip is not None and strip.width >= 3 * len(labels):
                _draw_strip(canvas, strip, probabilities, labels, emotion.label)
        else:
            taken.append(panel)
            _draw_panel(canvas, panel, sizes, probabilities, labels, emotion.label)
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


def _pixels(box: Box, frame: _Rect) -> _Rect | None:
    """The box in whole pixels; None where there is nothing of it to see in the frame."""
    if not box.is_usable():
        return None
    half_width, half_height = box.width / 2, box.height / 2
    edges = (box.cx - half_width, box.cy - half_height, box.cx + half_width, box.cy + half_height)
    # Far out is as invisible as farther out, and stays clear of what the arithmetic of pixels can hold.
    reach = 2 * max(frame.width, frame.height)
    rect = _Rect(*(round(min(max(edge, -reach), reach)) for edge in edges))
    visible = rect.clipped(frame)
    return rect if visible.width > 0 and visible.height > 0 else None


def _usable_probabilities(emotion: Emotion, count: int) -> np.ndarray | None:
    """(count,) in [0, 1], or None where the face has no such probabilities."""
    probabilities = np.asarray(emotion.probabilities, dtype=np.float64).ravel()
    if not count or probabilities.size != count or not np.isfinite(probabilities).all():
        return None
    return np.clip(probabilities, 0.0, 1.0)


def _color(label: str) -> Color:
    return COLORS.get(label, COLORS[UNCERTAIN])


def _luminance(color: Color) -> float:
    """Relative luminance, WCAG 2.1."""
    blue, green, red = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Text


@lru_cache(maxsize=1024)
def _text_mask(text: str, height: int) -> np.ndarray:
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
    large = np.zeros((rows, 2 * advance + 8 * height), np.uint8)
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


def _ascender(height: int) -> int:
    return max(1, round(0.15 * height))


def _text_rows(height: int) -> int:
    """Height of a line of text: what rises above a capital, the capital, and what hangs below."""
    return _ascender(height) + height + max(2, round(0.35 * height))


def _blend(canvas: np.ndarray, left: int, top: int, layer: np.ndarray | Color, opacity: np.ndarray) -> None:
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


def _fill(canvas: np.ndarray, rect: _Rect, color: Color) -> None:
    left, top, right, bottom = rect.clipped(_Rect(0, 0, canvas.shape[1], canvas.shape[0]))
    if right > left and bottom > top:
        canvas[top:bottom, left:right] = color


# Box


def _draw_box(canvas: np.ndarray, rect: _Rect, frame: _Rect, sizes: _Sizes, color: Color) -> None:
    """A frame around the face, cased in black so that it stands out from any background."""
    for outset, width, shade in ((sizes.line, sizes.line + 2, _INK), (sizes.line - 1, sizes.line, color)):
        outer = _Rect(rect.left - outset, rect.top - outset, rect.right + outset, rect.bottom + outset)
        _fill(canvas, outer._replace(bottom=outer.top + width), shade)
        _fill(canvas, outer._replace(top=outer.bottom - width), shade)
        _fill(canvas, outer._replace(right=outer.left + width), shade)
        _fill(canvas, outer._replace(left=outer.right - width), shade)


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
    def text_width(self) -> int:
        return _text_mask(self.text, self.height).shape[1] + 2 * self.pad

    @property
    def size(self) -> tuple[int, int]:
        width = self.text_width
        if self.id:
            width += _text_mask(self.id, self.id_height).shape[1] + 2 * self.pad
        return width, _text_rows(self.height) + 2 * max(1, self.pad // 3)

    @classmethod
    def variants(cls, emotion: Emotion, rect: _Rect, sizes: _Sizes, style: OverlayStyle) -> list[_Tag]:
        """The whole tag, then shorter ones for where there is no room for it."""
        height = int(np.clip(round(0.11 * rect.height), sizes.smallest_text, sizes.text))
        label = _shortened(str(emotion.label), 16)
        full = label
        if math.isfinite(emotion.confidence):
            full += f" {100 * min(max(emotion.confidence, 0.0), 1.0):.0f}%"
        texts = [(full, ""), (label, "")]
        if style.show_ids and emotion.face_id:
            texts.insert(0, (full, f"#{_shortened(str(emotion.face_id), 8)}"))
        return [cls(text, face_id, height, _color(emotion.label)) for text, face_id in texts]


def _shortened(text: str, longest: int) -> str:
    """Cut at the front: ids of one source differ at their end."""
    return text if len(text) <= longest else ".." + text[2 - longest :]


def _place_tag(
    variants: Sequence[_Tag], rect: _Rect, sizes: _Sizes, frame: _Rect, taken: Sequence[_Rect]
) -> tuple[_Tag, _Rect] | None:
    """Above or below the box, shortened if need be; else whole on the face itself; else where it hides least.

    Returns:
        The tag and its place; None where the frame is too small for any of them.
    """
    face = rect.clipped(frame)
    others = [other for other in taken if other != face]
    # The box's line is drawn outside of it, and the tag sits on that line.
    line = _Rect(rect.left - sizes.line, rect.top - sizes.line, rect.right + sizes.line, rect.bottom + sizes.line)
    fitting = [tag for tag in variants if tag.size[0] <= frame.width and tag.size[1] <= frame.height // 2]
    choices = [(tag, place) for tag in fitting for place in _corners(tag, line, frame, outside=True)]
    choices_on_face = [(tag, place) for tag in fitting for place in _corners(tag, face, frame, outside=False)]
    for tag, place in choices:
        if not any(place.overlap(other) for other in taken):
            return tag, place
    for tag, place in choices_on_face:
        if not any(place.overlap(other) for other in others):
            return tag, place
    return min(choices, key=lambda choice: sum(choice[1].overlap(other) for other in taken), default=None)


def _corners(tag: _Tag, rect: _Rect, frame: _Rect, *, outside: bool) -> list[_Rect]:
    """The places at a rectangle's four corners, above and below it or inside, shifted into the frame."""
    width, height = tag.size
    above, below = (rect.top - height, rect.bottom) if outside else (rect.top, rect.bottom - height)
    columns, rows = (rect.left, rect.right - width), (above, below)
    return [_Rect.sized(x, y, width, height).shifted_into(frame) for y in rows for x in columns]


def _draw_tag(canvas: np.ndarray, tag: _Tag, place: _Rect) -> None:
    split = place.left + tag.text_width
    top = place.top + (place.height - _text_rows(tag.height)) // 2
    _fill(canvas, place._replace(right=split), tag.color)
    _blend(canvas, place.left + tag.pad, top, text_color(tag.color), _text_mask(tag.text, tag.height))
    if tag.id:
        _fill(canvas, place._replace(left=split), _INK)
        # On the same baseline as the label.
        top += _ascender(tag.height) + tag.height - _ascender(tag.id_height) - tag.id_height
        _blend(canvas, split + tag.pad, top, _WHITE, _text_mask(tag.id, tag.id_height))


# Probabilities


def _row_height(sizes: _Sizes) -> int:
    return _text_rows(sizes.text) + 1


def _names_width(labels: Sequence[str], sizes: _Sizes) -> int:
    return max(_text_mask(_shortened(str(label), 16), sizes.text).shape[1] for label in labels)


def _place_panel(
    rect: _Rect, labels: Sequence[str], sizes: _Sizes, frame: _Rect, taken: Sequence[_Rect]
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
            if frame.contains(place) and not any(place.overlap(other) for other in taken):
                return place
    return None


@lru_cache(maxsize=64)
def _panel_layer(labels: tuple[str, ...], winner: int, sizes: _Sizes, width: int) -> tuple[np.ndarray, np.ndarray]:
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
    canvas: np.ndarray, place: _Rect, sizes: _Sizes, probabilities: np.ndarray, labels: Sequence[str], winner: str
) -> None:
    index = list(labels).index(winner) if winner in labels else -1
    _blend(canvas, place.left, place.top, *_panel_layer(tuple(labels), index, sizes, place.width))
    left = place.left + 2 * sizes.gap + _names_width(labels, sizes)
    longest = place.right - sizes.gap - left
    for row, (label, probability) in enumerate(zip(labels, probabilities, strict=True)):
        top = place.top + sizes.gap + row * _row_height(sizes) + _ascender(sizes.text)
        bar = _Rect.sized(left, top, longest, sizes.text)
        _fill(canvas, bar, (72, 72, 72) if row != index else (30, 30, 30))
        # A sliver of colour even at 0 says which row is whose.
        _fill(canvas, bar._replace(right=left + max(2, round(probability * longest))), _color(label))


def _place_strip(rect: _Rect, tag: _Rect | None, sizes: _Sizes, frame: _Rect) -> _Rect | None:
    """Along the box's lower edge, or its upper one where the lower is out of view; beyond the tag if that is there."""
    left, right = max(rect.left - sizes.line, 0), min(rect.right + sizes.line, frame.right)
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


def _draw_strip(
    canvas: np.ndarray, strip: _Rect, probabilities: np.ndarray, labels: Sequence[str], winner: str
) -> None:
    """All probabilities side by side in one bar, the winner's part thicker than the rest."""
    total = probabilities.sum()
    if total <= 0:
        return
    _fill(canvas, strip, _INK)
    edges = strip.left + np.rint(np.cumsum(probabilities) / total * strip.width).astype(int)
    start = strip.left
    for label, end in zip(labels, edges.tolist(), strict=True):
        inset = 1 if label == winner else 1 + strip.height // 5
        _fill(canvas, _Rect(start, strip.top + inset, end - 1, strip.bottom - inset), _color(label))
        start = end


# Rate


def _status_text(fps: float | None, latency: float | None) -> str:
    parts = []
    if fps is not None and math.isfinite(fps) and fps >= 0:
        parts.append(f"{fps:.0f} fps" if fps >= 9.95 else f"{fps:.1f} fps")
    if latency is not None and math.isfinite(latency) and latency >= 0:
        parts.append(f"{1000 * latency:.0f} ms")
    return "  ".join(parts)


def _place_status(text: str, sizes: _Sizes, frame: _Rect, taken: Sequence[_Rect]) -> _Rect | None:
    """The corner that covers least of the faces, the top left if several do; None where the text does not fit."""
    width = _text_mask(text, sizes.text).shape[1] + 2 * sizes.gap
    height = _text_rows(sizes.text) + sizes.gap
    if width > frame.width or height > frame.height // 4:
        return None
    places = [_Rect.sized(x, y, width, height) for y in (0, frame.bottom - height) for x in (0, frame.right - width)]
    return min(places, key=lambda place: sum(place.overlap(other) for other in taken))


def _draw_status(canvas: np.ndarray, text: str, place: _Rect, sizes: _Sizes) -> None:
    _blend(canvas, place.left, place.top, _PANEL, np.full((place.height, place.width), _PANEL_OPACITY, np.float32))
    top = place.top + (place.height - _text_rows(sizes.text) + 1) // 2
    _blend(canvas, place.left + sizes.gap, top, _WHITE, _text_mask(text, sizes.text))
