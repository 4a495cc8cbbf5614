# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Ids for the faces of a detector that gives them none."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from fer_ros.perception.tracker import Tracker
from fer_ros.types import Face


class Naming:
    """Follows faces that have no ids, so that what each of them shows can be smoothed and told apart.

    Faces of which one has an id are given back as they are: their detector follows them itself.

    Attributes:
        prefix: what the ids of new faces begin with.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self._tracker: Tracker | None = None  # made for who needs it

    def __call__(self, faces: Sequence[Face], stamp: float, most: int) -> list[Face]:
        """The faces of a frame, each with an id.

        Args:
            stamp: the frame's time in seconds.
            most: how many are followed, the best scored ones; the rest is left out, since the time that it takes grows faster
                than the number.
        """
        if any(face.id for face in faces) or not (faces or self._tracker):
            return list(faces)
        self._tracker = self._tracker or Tracker()
        self._tracker.prefix = self.prefix
        best = sorted(faces, key=lambda face: -face.score)[:most]
        followed = self._tracker.update(best, stamp)
        return [dataclasses.replace(face, id=known.id) for face, known in zip(best, followed, strict=True)]
