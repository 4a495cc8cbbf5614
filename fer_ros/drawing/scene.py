# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is to be drawn on one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fer_ros.drawing.places import Rect, pixels_of
from fer_ros.drawing.style import OverlayStyle, Sizes
from fer_ros.types import Emotion


class Scene(NamedTuple):
    """Faces that can be seen, and how they are to be shown."""

    frame: Rect
    emotions: Sequence[Emotion]
    rects: Sequence[Rect]
    """Their boxes in whole pixels, which may cross the frame's border."""
    known: NDArray[Any]
    """(N, C) probabilities in [0, 1], NaN in the row of a face without."""
    barred: Sequence[bool]
    """Which faces are to have bars."""
    labels: tuple[str, ...]
    """C names."""
    style: OverlayStyle
    sizes: Sizes

    @classmethod
    def of(cls, frame: Rect, emotions: Sequence[Emotion], labels: tuple[str, ...], style: OverlayStyle) -> Scene:
        """Those of the faces of which there is something to see in the frame."""
        found = zip(emotions, pixels_of([emotion.box for emotion in emotions], frame), strict=True)
        shown = [(emotion, rect) for emotion, rect in found if rect is not None]
        seen = [emotion for emotion, _ in shown]
        known = usable_probabilities(seen, len(labels))
        barred = (~np.isnan(known[:, 0]) & style.bars).tolist()
        return cls(frame, seen, [rect for _, rect in shown], known, barred, labels, style, Sizes.of(frame, style))


def usable_probabilities(emotions: Sequence[Emotion], count: int) -> NDArray[Any]:
    """(N, max(count, 1)) float64: of each face so many numbers in [0, 1], or NaN where it has no such probabilities."""
    nothing = np.full(max(count, 1), np.nan)
    given = [np.asarray(emotion.probabilities, np.float64).ravel() for emotion in emotions]
    values = np.array([one if one.size == count > 0 else nothing for one in given]).reshape(len(given), nothing.size)
    values[~np.isfinite(values).all(axis=1)] = np.nan
    return values.clip(0, 1)
