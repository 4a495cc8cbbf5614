# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Everything that an annotation is written to: a bag, tables, a video."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from fer_ros.bags.annotate import EVENT_COLUMNS, Annotation, event_rows
from fer_ros.bags.errors import BagError
from fer_ros.bags.reader import Frame
from fer_ros.bags.table import Table
from fer_ros.bags.writer import ResultWriter
from fer_ros.drawing.anonymize import Concealer
from fer_ros.drawing.overlay import DEFAULT_STYLE, OverlayLayout, OverlayStyle, draw_overlay
from fer_ros.media.video_recorder import RecordError, VideoRecorder
from fer_ros.parameters.privacy_params import NO_PRIVACY, NONE, PrivacyParams
from fer_ros.system.files import OutputError
from fer_ros.types import EmotionEvent, Image, without_ids


class Outputs:
    """Takes annotations; a context manager. Leaving with an exception writes nothing.

    Args:
        bag: ends in .mcap; None for no bag.
        model: name of the emotion network.
        table: of faces, ends in .csv or .parquet; None for none.
        events: a table of events, likewise.
        video: of the overlay; None for no video.
        overlay: whether the bag has the overlay, too.
        force: replace files that are there.
        sources: what is read, see `check_output`.
        privacy, style: of the overlay.
        ids: whether faces keep their ids, by which a person can be followed through the recording.
        more: further columns of the tables, with the text that each row has there.

    Raises:
        BagError, OutputError, RecordError: one of them cannot be written.
    """

    def __init__(self, bag: Path | None, model: str, *, table: Path | None = None, events: Path | None = None,
                 video: Path | None = None, overlay: bool = False, force: bool = False, sources: Iterable[str | Path] = (),
                 privacy: PrivacyParams = NO_PRIVACY, style: OverlayStyle = DEFAULT_STYLE, ids: bool = True,
                 more: Mapping[str, str] | None = None):
        topics = {"faces": "/fer/faces", "emotions": "/fer/emotions", "events": "/fer/events"}
        if overlay:
            topics["overlay"] = "/fer/overlay/compressed"
        self._overlay, self._style, sources = overlay, style, list(sources)
        self._ids, self._hides, self._concealer = ids, privacy.anonymize != NONE, Concealer[Annotation](privacy)
        self._last: Frame | None = None
        self._layout = OverlayLayout()
        with ExitStack() as stack:
            self._bag = stack.enter_context(ResultWriter(bag, topics, model, force, sources)) if bag else None
            self._table = stack.enter_context(Table(table, force, sources, more=more)) if table else None
            self._events = stack.enter_context(Table(events, force, sources, EVENT_COLUMNS, more)) if events else None
            self._video = VideoRecorder(video, force, sources) if video else None
            if self._video is not None:
                stack.callback(self._video.discard)
            self._stack = stack.pop_all()

    def __enter__(self) -> Outputs:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def cut(self) -> bool:
        """Whether there is no room for more in any of them."""
        return all(output is None or output.cut for output in (self._bag, self._table, self._events, self._video))

    @property
    def notice(self) -> str:
        """What a user should know of what was written, else empty."""
        return self._video.notice if self._video is not None else ""

    def write(self, found: Annotation) -> None:
        """An image, and what was found in it."""
        if not (self._overlay or self._video is not None):
            self._write(found, None)
        elif not self._hides:
            self._write(found, found.frame.image)
        else:
            for image, one in self._concealer.add(found.frame.image, [*found.faces, *found.emotions], found.seconds, found):
                self._write(one, image)

    def _write(self, found: Annotation, image: Image | None) -> None:
        found = found if self._ids else found.without_ids()
        picture = None if image is None else draw_overlay(image, found.emotions, style=self._style, layout=self._layout)
        if self._bag is not None:
            self._bag.write(found.frame, found.faces, found.emotions, picture if self._overlay else None)
        self._last = found.frame
        self._write_events(found.events)
        if self._table is not None:
            self._table.write(found)
        if self._video is not None and picture is not None:
            self._video.write(picture, found.seconds)

    def _write_events(self, events: Sequence[EmotionEvent]) -> None:
        """What was settled with the last image, or after it."""
        if self._last is None:
            return
        if self._bag is not None:
            self._bag.write_events(events, self._last)
        if self._events is not None:
            self._events.add(list(event_rows(events)), self._last.stamp)

    def close(self, total: int, events: Iterable[EmotionEvent] = ()) -> tuple[list[Path], list[Exception]]:
        """Finish them.

        Args:
            total: images that there should be, where more are known of than have come; else 0.
            events: those of the end: everybody leaves.

        Returns:
            The files that are complete, and why others are not.
        """
        closing: dict[Path, Callable[[], object]] = {}
        bag, video = self._bag, self._video
        if bag is not None:
            closing[bag.path] = lambda: bag.close(total)
        closing |= {table.path: table.close for table in (self._table, self._events) if table is not None}
        if video is not None:
            closing[video.path] = lambda: video.close(total)
        complete: list[Path] = []
        troubles: list[Exception] = []
        try:
            for image, found in self._concealer.flush():
                self._write(found, image)
            self._write_events(list(events) if self._ids else without_ids(events))
        except (BagError, OutputError, RecordError) as error:
            troubles.append(error)
        for path, close in closing.items():
            try:
                close()
                complete.append(path)
            except (BagError, OutputError, RecordError) as error:
                troubles.append(error)
        return complete, troubles
