# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Draw what was recognised onto the image: boxes, labels, probability bars and the rate of the pipeline.

What goes where is found in `layout`; the same images in the same order give the same pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from numbers import Real
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.drawing.layout import (
    OverlayLayout,
    Panel,
    Status,
    bar_left,
    bar_length,
    row_height,
)
from fer_ros.drawing.lettering import ascender, blend, text_mask, text_on, text_rows, without_middle
from fer_ros.drawing.palette import (
    COLORS,
    INK,
    PANEL,
    PANEL_CHOSEN,
    PANEL_TEXT,
    TRACK,
    TRACK_CHOSEN,
    WHITE,
    Color,
    color_of,
    text_color,
)
from fer_ros.drawing.places import Rect
from fer_ros.drawing.scene import Scene
from fer_ros.drawing.style import DEFAULT_STYLE, OverlayStyle, Sizes
from fer_ros.drawing.tags import LONGEST_NAME, PlacedTag
from fer_ros.labels import EMOTIONS
from fer_ros.media.encodings import bgr_of
from fer_ros.types import Emotion, Image

__all__ = ["COLORS", "DEFAULT_STYLE", "OverlayLayout", "OverlayStyle", "draw_overlay", "text_color"]


def draw_overlay(
    image: Image,
    emotions: Iterable[Emotion],
    labels: Sequence[str] = EMOTIONS,
    *,
    fps: float | None = None,
    latency: float | None = None,
    style: OverlayStyle = DEFAULT_STYLE,
    encoding: str | None = None,
    layout: OverlayLayout | None = None,
) -> Image:
    """Draw boxes, labels, probabilities and the pipeline's rate onto a copy of the image, as the overlay node does.

    >>> from fer_ros import Pipeline, draw_overlay, open_source
    >>> pipeline = Pipeline()
    >>> frame = next(open_source("demo"))
    >>> picture = draw_overlay(frame.image, pipeline(frame.image, frame.stamp))
    >>> picture.shape, bool((picture != frame.image).any())
    ((480, 640, 3), True)

    Each face gets a box in its emotion's colour and a tag with label, confidence and id. The probabilities go on panels
    beside the faces, with percentages, if there is room for all of them that covers no face, tag or other panel; otherwise
    (or with many faces, or one that is small against its panel) each face has one thin stacked bar along its box. So
    all faces of an image look alike. An `OverlayLayout` keeps places and looks from image to image. What cannot be drawn
    sensibly is left out: a face whose box is not finite, is empty or lies outside the image, a text wider than the
    image, probabilities that do not match `labels`, and among more than 32 faces a tag that would cover a face or
    another tag. The time grows with the number of faces and not faster.

    Args:
        image: HxWx3 uint8, BGR, with any strides; grey (HxW) and BGRA are understood, too. It is not changed, and may be
            read-only.
        emotions: faces with boxes in pixels of `image`, as a `Pipeline` gives them for it. Boxes are drawn upright,
            whatever the face's roll.
        labels: names of the entries of `probabilities`, in their order.
        fps: frames per second; None where not known.
        latency: seconds from capture to result; None where not known.
        style: what is drawn, and how large.
        layout: of the stream that the image is the next of; None for an image of its own.
        encoding: what the image holds where it is something else, `rgb8`, `rgba8`, `bgra8` or `mono8`.

    Returns:
        HxWx3 uint8, BGR, contiguous.

    Raises:
        TypeError: the image is not an array, one of `emotions` something else, or another argument of another type.
        ValueError: the image is none of these, or not what `encoding` says.
    """
    emotions = _all_of(emotions)
    _check_arguments(labels, fps, latency, style, layout)
    if encoding is not None or not isinstance(image, np.ndarray) or (image.size and image.shape[2:] in ((), (1,), (4,))):
        image = bgr_of(image, encoding)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"the overlay draws on HxWx3 uint8 images, not on {image.shape} {image.dtype}")
    canvas = np.array(image, order="C")
    frame = Rect(0, 0, canvas.shape[1], canvas.shape[0])
    if not canvas.size:
        return canvas
    scene = Scene.of(frame, emotions, tuple(labels), style)
    plan = (OverlayLayout() if layout is None else layout).plan(scene, fps, latency)
    for emotion, rect in zip(scene.emotions, scene.rects, strict=True):
        _draw_box(canvas, rect, scene.sizes, color_of(emotion.label))
    _draw_panels(canvas, scene, plan.panels)
    _draw_strips(canvas, scene, plan.strips)
    # Tags last: where faces crowd, the words are what must stay readable.
    for tag in plan.tags:
        if tag is not None:
            _draw_tag(canvas, tag)
    if plan.status is not None:
        _draw_status(canvas, plan.status, scene.sizes)
    return canvas


def _all_of(emotions: Iterable[Emotion]) -> tuple[Emotion, ...]:
    if isinstance(emotions, Emotion) or not isinstance(emotions, Iterable):
        name = "None" if emotions is None else f"one {type(emotions).__name__}"
        raise TypeError(f"emotions are those of all faces of the image, a list for instance, not {name}")
    found = tuple(emotions)
    for one in found:
        if not isinstance(one, Emotion):
            raise TypeError(f"the overlay draws what is an Emotion, not {type(one).__name__}")
    return found


def _check_arguments(labels: object, fps: object, latency: object, style: object, layout: object) -> None:
    """Raises TypeError where one is of a type that cannot be drawn with."""
    if isinstance(labels, str) or not isinstance(labels, Iterable):
        raise TypeError(f"labels are the names of the probabilities, in their order, not {type(labels).__name__}")
    for name, value in (("fps", fps), ("latency", latency)):
        if value is not None and not isinstance(value, Real):
            raise TypeError(f"{name} is a number, or None where it is not known, not {type(value).__name__}")
    if not isinstance(style, OverlayStyle):
        raise TypeError(f"style is an OverlayStyle, not {'None' if style is None else type(style).__name__}")
    if not isinstance(layout, (OverlayLayout, type(None))):
        raise TypeError(f"layout is an OverlayLayout, or None for an image of its own, not {type(layout).__name__}")


def _fill(canvas: NDArray[Any], rect: tuple[int, int, int, int], color: Color) -> None:
    """What of a `Rect` lies inside."""
    left, top, right, bottom = rect
    if right > left and bottom > top:
        cv2.rectangle(canvas, (left, top), (right - 1, bottom - 1), color, cv2.FILLED)


def _draw_box(canvas: NDArray[Any], rect: Rect, sizes: Sizes, color: Color) -> None:
    """A frame around the face, cased in black so that it stands out from any background."""
    left, top, right, bottom = rect
    for outset in range(sizes.line, -2, -1):
        first, last = (left - outset, top - outset), (right + outset - 1, bottom + outset - 1)
        if last[0] >= first[0] and last[1] >= first[1]:
            cv2.rectangle(canvas, first, last, INK if outset in (sizes.line, -1) else color)


def _draw_tag(canvas: NDArray[Any], placed: PlacedTag) -> None:
    tag, place, _ = placed
    top = (tag.rows - text_rows(tag.height)) // 2
    parts = [text_on(tag.color, tag.text, tag.height, top, tag.pad, tag.rows)]
    if tag.id:
        # On the same baseline as the label.
        top += ascender(tag.height) + tag.height - ascender(tag.id_height) - tag.id_height
        parts.append(text_on(INK, tag.id, tag.id_height, top, tag.pad, tag.rows))
    left = place.left
    for part in parts:
        canvas[place.top : place.bottom, left : left + part.shape[1]] = part
        left += part.shape[1]


# Panels


def _draw_panels(canvas: NDArray[Any], scene: Scene, panels: Sequence[Panel | None]) -> None:
    for emotion, panel, probabilities in zip(scene.emotions, panels, scene.known.tolist(), strict=False):
        if panel is not None:
            _draw_panel(canvas, panel, probabilities, emotion.label, scene.labels, scene.sizes)


def _draw_panel(canvas: NDArray[Any], panel: Panel, probabilities: Sequence[float], chosen: str, labels: tuple[str, ...],
                sizes: Sizes) -> None:
    place, _ = panel
    row = labels.index(chosen) if chosen in labels else -1
    canvas[place.top : place.bottom, place.left : place.right] = _panel_ground(labels, row, sizes, place.width, place.height)
    left, longest = place.left + bar_left(labels, sizes), bar_length(place, labels, sizes)
    right, height = place.right - sizes.gap, row_height(sizes)
    for index, (label, probability) in enumerate(zip(labels, probabilities, strict=True)):
        top = place.top + sizes.gap + index * height
        # A sliver of colour even at 0 says which row is whose.
        length, above = max(2, round(probability * longest)), top + ascender(sizes.text)
        canvas[above : above + sizes.text, left : left + length] = color_of(label)
        ground, ink = _row_colors(index == row)
        value = text_on(ground, f"{100 * probability:.0f}%", sizes.text, 0, 0, text_rows(sizes.text), ink)
        canvas[top : top + value.shape[0], right - value.shape[1] : right] = value


def _row_colors(chosen: bool) -> tuple[Color, Color]:
    """Ground and text."""
    return (PANEL_CHOSEN, WHITE) if chosen else (PANEL, PANEL_TEXT)


@lru_cache(maxsize=64)
def _panel_ground(labels: tuple[str, ...], chosen: int, sizes: Sizes, width: int, height: int) -> NDArray[Any]:
    """(height, width, 3) uint8: what of a panel is the same in every image; `chosen` is a row, or -1."""
    ground: NDArray[Any] = np.full((height, width, 3), PANEL, np.uint8)
    left = bar_left(labels, sizes)
    right = left + bar_length(Rect(0, 0, width, height), labels, sizes)
    for index, label in enumerate(labels):
        top = sizes.gap + index * row_height(sizes)
        if index == chosen:
            ground[top - 1 : top + row_height(sizes)] = PANEL_CHOSEN
            ground[top - 1 : top + row_height(sizes), : max(2, sizes.gap // 2)] = color_of(label)
        name = without_middle(str(label), LONGEST_NAME)
        blend(ground, sizes.gap, top, _row_colors(index == chosen)[1], text_mask(name, sizes.text))
        bar = top + ascender(sizes.text)
        ground[bar : bar + sizes.text, left:right] = TRACK_CHOSEN if index == chosen else TRACK
    return ground


# Stacked bars


def _draw_strips(canvas: NDArray[Any], scene: Scene, strips: Sequence[Rect | None]) -> None:
    if not any(strips):
        return
    lengths = _strip_parts(scene.known, [0 if strip is None else strip.width for strip in strips])
    for emotion, strip, parts in zip(scene.emotions, strips, lengths, strict=True):
        if strip is not None:
            _draw_strip(canvas, strip, parts, scene.labels, emotion.label)


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


def _draw_strip(canvas: NDArray[Any], strip: Rect, parts: Sequence[int], labels: tuple[str, ...], winner: str) -> None:
    """All probabilities side by side in one bar, the winner's part thicker than the rest."""
    left, top, _, bottom = strip
    end = left + sum(parts)
    if end == left:
        return
    _fill(canvas, strip, INK)
    # One row of pixels is faster than a rectangle for each part.
    thin = 1 + (bottom - top) // 5
    canvas[top + thin : bottom - thin, left:end] = _strip_colors(labels).repeat(parts, axis=0)
    if winner in labels:
        index = 2 * labels.index(winner)
        start = left + sum(parts[:index])
        _fill(canvas, (start, top + 1, start + parts[index], bottom - 1), color_of(winner))


@lru_cache(maxsize=64)
def _strip_colors(labels: tuple[str, ...]) -> NDArray[Any]:
    """(2 N, 3) uint8: the colour of each part, and of the gap after it."""
    return np.array([color for label in labels for color in (color_of(label), INK)], np.uint8)


# Rate


def _draw_status(canvas: NDArray[Any], status: Status, sizes: Sizes) -> None:
    left, top, _, bottom = status.place
    _fill(canvas, status.place, PANEL)
    rows = bottom - top
    for part in status.parts:
        text = text_on(PANEL, part, sizes.text, (rows - text_rows(sizes.text) + 1) // 2, 0, rows, WHITE)
        left += sizes.gap
        canvas[top:bottom, left : left + text.shape[1]] = text
        left += text.shape[1]
