# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images that get lost on their way: how many, and what a user can do about it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from fer_ros import dds


class LossMeter:
    """The share of images that were lost on the way here, lately.

    Args:
        now: this machine's time in seconds.
    """

    _WINDOW = 5.0  # seconds
    _ENOUGH = 20  # images of which a share can be told
    _MUCH = 0.02

    def __init__(self, now: Callable[[], float] = time.monotonic):
        self._now = now
        self._since = now()
        self._come = self._lost = 0
        self.share = 0.0
        """From 0 to 1, of the last whole window; 0 where it is little."""

    def come(self) -> None:
        """An image has come."""
        self._come += 1

    def lose(self, count: int) -> None:
        """Images have not come, as the middleware tells by what came after them."""
        self._lost += count

    @property
    def is_high(self) -> bool:
        """Whether that explains why hardly anything comes."""
        return self.share > 0.5 or self._lost > self._come

    def look(self) -> None:
        """Begin another window once this one is over."""
        total = self._come + self._lost
        if self._now() - self._since >= self._WINDOW and (total >= self._ENOUGH or total == 0):
            share = self._lost / total if total else 0.0
            self.share = share if share > self._MUCH else 0.0
            self._since, self._come, self._lost = self._now(), 0, 0


def cure(reliable: bool, environment: Mapping[str, str] = os.environ) -> str:
    """What to do about images that get lost, for the end of a sentence.

    Args:
        reliable: whether their publishers are.
    """
    ways = ["give their topic a history depth of 5 or more" if reliable else "let it publish them reliable"]
    if dds.uses_fast_dds(environment):
        variable = dds.profile_variable(environment)
        profile = dds.profile(variable, local=dds.is_local(environment), images=True)
        ways.append(f"on this machine start its process with {variable}={profile}")
    return ", or ".join([*ways, "take its compressed images (image_transport: compressed)"])
