# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parameters of what is done to the people in a picture; `fer_ros.drawing.anonymize` does it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fer_ros.parameters.params import param

NONE, BLUR, PIXELATE, BOX = "none", "blur", "pixelate", "box"
MODES = (NONE, BLUR, PIXELATE, BOX)
MARGIN = 0.3
"""Face sizes that are covered on every side of a face's box. The box ends at the hairline, and hair, ears and chin tell people
apart as well."""
CELLS = 3
"""Across a face, in large pixels or as many spots of a blur. `fer-ros bench privacy` says what recognition makes of them."""


@dataclass(frozen=True)
class PrivacyParams:
    """How the people in the overlay, and on the live page, are made unrecognisable."""

    anonymize: str = param(
        NONE, "What is done to faces before boxes and labels are drawn: nothing, blurred, in large pixels, or under a plain "
        "box. Only a box leaves nothing of a face. What overlay_node is set to counts for the live page, too, unless web_node "
        "is set to something of its own.", choices=MODES)
    anonymize_cells: int = param(
        CELLS, "Of blur and pixelate: how many spots or large pixels are left across a face.", range=(1, 6))
    anonymize_margin: float = param(
        MARGIN, "How far beyond a face's box it is covered, in face sizes on every side.", range=(0.0, 3.0))
    anonymize_hold: float = param(
        1.0, "For how long the place of a face that is not found any more stays covered, and grows.", unit="s",
        range=(0.0, 60.0))
    anonymize_delay: float = param(
        0.3, "With anonymize the picture comes so much later, and a face is covered for so long before it was first found. "
        "Longer than the detector's search_period and rest_period, no new face is ever shown.", unit="s", range=(0.0, 5.0))
    anonymize_unsearched: bool = param(
        False, "Cover all of an image for which only emotions came and nobody says which faces there are, as until the "
        "detector's first answer.")
    anonymize_stale: float = param(
        0.5, "All of an image is covered once the last known faces are older than this.", unit="s", range=(0.0, 60.0))


@dataclass(frozen=True)
class IdParams:
    """Whether a node tells by ids that two faces are one person's, and what the ids look like."""

    publish_ids: bool = param(
        True, "Whether faces have ids in what is published, by which a person can be followed over time. Emotions are "
        "smoothed all the same: emotion_node follows faces without ids by where they are.")
    id_prefix: str = param(
        "", "What the ids of faces begin with, so that those of several cameras differ: left_ makes left_1 of 1. Letters, "
        "digits and _. A change is for faces that are found from then on.")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]{0,64}", self.id_prefix):
            raise ValueError(f"id_prefix must be up to 64 letters, digits and _, not {self.id_prefix!r}")


NO_PRIVACY = PrivacyParams()
