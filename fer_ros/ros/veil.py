# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Frames on their way out of a node: each is shown with the people in it made unrecognisable, where that is asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, TypeVar, cast

from vision_msgs.msg import Detection2DArray

from fer_ros import types
from fer_ros.drawing.anonymize import Concealer, anonymize
from fer_ros.media.meter import FrameClock, StageTimes
from fer_ros.parameters.node_params import MatchingParams
from fer_ros.parameters.privacy_params import BOX, NONE, PrivacyParams
from fer_ros.ros.exchange import AnyEmotions, AnyFaces, AnyImage, LocalEmotions, LocalImage
from fer_ros.ros.images import to_bgr
from fer_ros.ros.latecomers import Latecomers
from fer_ros.ros.messages import located_in, seconds, stamp_key
from fer_ros.ros.node import FerNode
from fer_ros.ros.qos import RESULTS

T = TypeVar("T")
_UNKNOWN = PrivacyParams(anonymize=BOX)


class _Frame(NamedTuple):
    image: AnyImage
    emotions: AnyEmotions
    item: object


class Veil(Generic[T]):
    """Shows frames as they are, or covered, a moment late. Thread-safe.

    Args:
        node: whose pictures these are; it has `MatchingParams`.
        params: see `wear`.
        show: takes the image to show, and what came with it.
        times: of `anonymize`.
    """

    def __init__(self, node: FerNode, params: PrivacyParams | None, show: Callable[[AnyImage, T], None], times: StageTimes):
        self._node, self._show, self._times = node, show, times
        self._faces: Latecomers[_Frame, AnyFaces] = Latecomers(node.params[MatchingParams].cache_size)
        self.listens = False
        """Whether it hears the faces of other processes, of which a message of emotions may leave some out."""
        self._concealer: Concealer[_Frame] = Concealer(params or _UNKNOWN)
        self._unknown = params is None
        self._clock, self._searched, self._added = FrameClock(), False, time.monotonic()
        self._lock = threading.RLock()

    @property
    def needs_faces(self) -> bool:
        """Whether it is of use to let it `listen`."""
        return self._hides and not self._unknown

    @property
    def _hides(self) -> bool:
        return self._concealer.params.anonymize != NONE

    def wear(self, params: PrivacyParams | None) -> bool:
        """Go on with other parameters; None where nobody knows which yet: all of each frame is covered.

        Returns:
            Whether they are others, that hide something: what was shown before is out of date.
        """
        new = params or _UNKNOWN
        if new is self._concealer.params and self._unknown == (params is None):
            return False
        with self._lock:
            if new.anonymize == NONE:  # what waits is shown as it was meant to be
                self._conceal_due(0.0)
                self._show_all(self._concealer.flush())
            self._concealer.params, self._unknown = new, params is None
        return self._hides

    def add(self, image: AnyImage, emotions: AnyEmotions | None, item: T) -> None:
        """A frame with its answers; without any all of it is covered."""
        if not self._hides:
            self._show(image, item)
            return
        with self._lock:
            if emotions is None or self._unknown:
                self._show_all(self._concealer.flush())
                params = self._concealer.params
                covered = anonymize(to_bgr(image), None, params.anonymize, cells=params.anonymize_cells)
                self._show(LocalImage(image.header, covered), item)
            elif isinstance(emotions, LocalEmotions):
                self._conceal(_Frame(image, emotions, item), emotions.faces)
            else:
                self._faces.add(stamp_key(image.header), _Frame(image, emotions, item))
                self._conceal_due()

    def listen(self, on: bool) -> None:
        """Subscribe to the faces, or no longer."""
        if on and not self.listens:
            self._node.subscribe(Detection2DArray, "faces", self._meet, RESULTS)
        elif self.listens and not on:
            self._node.unsubscribe("faces")
        self.listens = on

    def _meet(self, faces: AnyFaces) -> None:
        with self._lock:
            self._faces.meet(stamp_key(faces.header), faces)
            self._conceal_due()

    def follow_time(self) -> None:
        """Go on with what waits where nothing comes after it; to be called now and then."""
        if not self._hides:
            return
        with self._lock:
            self._conceal_due()
            if time.monotonic() - self._added >= self._concealer.params.anonymize_delay:
                self._show_all(self._concealer.flush())

    def _conceal_due(self, patience: float | None = None) -> None:
        """Conceal the frames whose faces have come, and those whose faces do not."""
        if patience is None:
            alone = not self._searched and self.listens and not self._node.count_publishers(
                self._node.resolve_topic_name("faces"))
            patience = 0.0 if alone else self._concealer.params.anonymize_stale
        for frame, faces in self._faces.due(patience):
            self._conceal(frame, faces)

    def _conceal(self, frame: _Frame, faces: AnyFaces | None) -> None:
        self._searched = self._searched or faces is not None
        unknown = faces is None and (self._searched or self._concealer.params.anonymize_unsearched)
        located = None if unknown else located_in(frame.emotions, faces)
        self._added = time.monotonic()
        with self._times("anonymize"):
            stamp = self._clock(seconds(frame.image.header.stamp))
            shown = self._concealer.add(to_bgr(frame.image), located, stamp, frame)
        self._show_all(shown)

    def _show_all(self, frames: Iterable[tuple[types.Image, _Frame]]) -> None:
        for pixels, frame in frames:
            self._show(LocalImage(frame.image.header, pixels), cast(T, frame.item))
