# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How the overlay looks: what the user says of it, and the lengths that follow for an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fer_ros.drawing.places import Rect
from fer_ros.parameters.params import param


@dataclass(frozen=True)
class OverlayStyle:
    """How the overlay looks."""

    bars: bool = param(True, "Draw the probability of every class beside each face.")
    max_panels: int = param(
        4, "Up to this many faces have panels of bars with percentages, where there is room for all of them; otherwise every "
           "face has one thin stacked bar.", range=(0, 64)
    )
    show_ids: bool = param(True, "Draw each face's id.")
    show_fps: bool = param(True, "Draw the frame rate and the latency in a corner.")
    text_scale: float = param(1.0, "Size of the text, relative to the size that fits the image.", range=(0.5, 3.0))
    line_scale: float = param(
        1.0, "Width of the boxes' lines, relative to the width that fits the image.", range=(0.5, 4.0)
    )


DEFAULT_STYLE = OverlayStyle()


class Sizes(NamedTuple):
    """Lengths in pixels that depend on the image and the style alone."""

    text: int
    """Height of a capital letter."""
    small_text: int
    """The same on the tags of small faces,"""
    crowd_text: int
    """and on those of a crowd."""
    line: int
    gap: int
    strip: int

    @classmethod
    def of(cls, frame: Rect, style: OverlayStyle) -> Sizes:
        # A tall phone image or a wide strip is judged by its smaller side, as a 4:3 image of that size.
        reference = min(frame.height, 0.75 * frame.width)
        # A small image is enlarged to be looked at by less than a large one is reduced: its text takes a larger share.
        text = max(8.0, 4.5 + 0.0135 * reference) * style.text_scale
        return cls(
            text=max(5, round(text)),
            small_text=max(5, round(max(8.0 * style.text_scale, 0.75 * text))),
            crowd_text=max(5, round(max(7.0 * style.text_scale, 0.65 * text))),
            line=max(1, round(max(2.0, reference / 260) * style.line_scale)),
            gap=max(3, round(0.5 * text)),
            strip=max(6, round((1.0 + reference / 70) * style.text_scale)),
        )
