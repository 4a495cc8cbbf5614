# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The colours of everything that is drawn: the overlay, the live page and the plots."""

from __future__ import annotations

from functools import lru_cache

from fer_ros.labels import UNCERTAIN

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

WHITE: Color = (255, 255, 255)
INK: Color = (20, 20, 20)
PANEL: Color = (22, 22, 22)
PANEL_TEXT: Color = (208, 208, 208)
TRACK: Color = (34, 34, 34)
"""What of a bar is empty."""
PANEL_CHOSEN: Color = (60, 60, 60)
"""Ground of the chosen emotion's row."""
TRACK_CHOSEN: Color = (28, 28, 28)


def color_of(label: str) -> Color:
    """A label's colour; that of `uncertain` for a label of a model of one's own."""
    return COLORS.get(label, COLORS[UNCERTAIN])


def hex_color(color: Color) -> str:
    """As style sheets and matplotlib take it, `#rrggbb`."""
    blue, green, red = color
    return f"#{red:02x}{green:02x}{blue:02x}"


def contrast(one: Color, other: Color) -> float:
    """Contrast ratio, WCAG 2.1: 1 to 21; text needs 4.5, a mark 3."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@lru_cache
def text_color(background: Color) -> Color:
    """Black or white, whichever has the greater contrast ratio on `background`."""
    return max((INK, WHITE), key=lambda ink: contrast(ink, background))


def _luminance(color: Color) -> float:
    """Relative luminance, WCAG 2.1."""
    blue, green, red = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
