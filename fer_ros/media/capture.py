# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A source read in a thread of its own, opened again when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from fer_ros.media.frames import SourceUnavailable
from fer_ros.media.source_name import SourceError

F = TypeVar("F")
F_co = TypeVar("F_co", covariant=True)


class Readable(Protocol[F_co]):
    """What is read: a `fer_ros.media.frames.Source`, or what gives frames in the same way, whatever a frame is."""

    name: str
    finite: bool
    notice: str
    interrupted: Callable[[], bool]

    def read(self) -> F_co | None: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class CaptureState:
    """How a capture is doing: `playing`, `unavailable`, `ended` or `failed`, and the same in words for people."""

    kind: str
    text: str


@dataclass
class _Held(Generic[F]):
    """What a capture thread has in hand: its source, where one is open, and the frame that was read but not handed on."""

    source: Readable[F] | None
    frame: F | None

    def close(self) -> None:
        source, self.source, self.frame = self.source, None, None
        if source is not None:
            source.close()


class Capture(Generic[F]):
    """Reads frames in a thread and hands them on.

    A source that does not deliver is closed and opened again after 1, 2, 4, ... at most `LONGEST_WAIT` seconds, the
    first good frame ending the series. Every thread has a source of its own: one that hangs in a dead camera's driver
    closes it whenever it wakes, and disturbs no other.
    """

    FIRST_WAIT, LONGEST_WAIT = 1.0, 10.0

    def __init__(
        self,
        open_source: Callable[[], Readable[F]],
        on_frame: Callable[[F], None],
        tell: Callable[[str, bool], None],
        enabled: Callable[[], bool],
        read: Callable[[Any], F | None] = lambda source: source.read(),
    ):
        """Open the source for the first time.

        Args:
            on_frame: called in the thread with each frame.
            tell: called with what people should know, and whether it is trouble.
            enabled: asked before each frame. While it is false a camera is closed, so that it is dark and free for
                others, and a file waits.
            read: takes a frame from the source, and with it what else of the source is of this frame.

        Raises:
            SourceError: the source can never work; and whatever else `open_source` raises.
        """
        self._open, self._on_frame, self._tell, self._enabled = open_source, on_frame, tell, enabled
        self._read_frame = read
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # What a stopped file goes on with: the source, and the frame that was read but not handed on.
        self._kept: tuple[Readable[F] | None, F | None] = (None, None)
        self.finite = False  # whether the source, as far as it is known, has an end
        try:
            source = open_source()
            self.state = CaptureState("playing", source.name)
            self.finite = source.finite
            self._kept = (source, None)
        except SourceUnavailable as error:
            self.state = CaptureState("unavailable", str(error))
            tell(f"{error}; trying again until it works", True)

    def start(self, may_begin: Callable[[], bool] = lambda: True) -> None:
        """Begin to read, or go on where `stop` interrupted, as soon as `may_begin` says so."""
        self._stop = threading.Event()
        source, frame = self._kept
        self._kept = (None, None)
        self._thread = threading.Thread(
            target=self._run, args=(self._stop, source, frame, may_begin), name="capture", daemon=True
        )
        self._thread.start()

    def stop(self, patience: float = 2.0) -> bool:
        """Stop reading. False where a read still hangs after `patience` seconds; it ends by itself, unheard."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(patience)
        return thread is None or not thread.is_alive()

    def close(self) -> None:
        """Stop, and give the source back."""
        self.stop()
        self._stop = threading.Event()  # a thread that still hangs has nothing to keep for later any more
        source, self._kept = self._kept[0], (None, None)
        if source is not None:
            source.close()

    def _run(
        self, stop: threading.Event, source: Readable[F] | None, frame: F | None, may_begin: Callable[[], bool]
    ) -> None:
        held = _Held(source, frame)
        try:
            while not (may_begin() or stop.wait(0.02)):
                pass
            self._read(stop, held)
        except Exception as error:  # the end of the thread must be seen, or all would look well
            held.close()
            if not stop.is_set():
                text = str(error) if isinstance(error, (ValueError, OSError)) else repr(error)
                self.state = CaptureState("failed", f"failed: {text}")
                self._tell(f"capture failed: {text}", True)
            return
        if held.source is not None and held.source.finite and stop is self._stop:
            self._kept = (held.source, held.frame)
        else:
            held.close()

    def _read(self, stop: threading.Event, held: _Held[F]) -> None:
        """Until stopped or at the end. What is open is in `held` at any time, so that whoever calls can close it."""
        wait, troubled = self.FIRST_WAIT, held.source is None
        while not stop.is_set():
            if not self._enabled():
                if held.source is not None and not held.source.finite:
                    held.close()
                stop.wait(0.05)
                continue
            try:
                if held.source is None:
                    held.source = self._open()
                    held.source.interrupted = stop.is_set
                    continue  # it may have taken long
                held.source.interrupted = stop.is_set
                if held.frame is None:
                    held.frame = self._read_frame(held.source)
            except (SourceUnavailable, SourceError) as error:
                held.close()
                troubled = True
                if stop.is_set():
                    break
                self.state = CaptureState("unavailable", str(error))
                self._tell(f"{error}; trying again until it works", True)
                stop.wait(wait)
                wait = min(2 * wait, self.LONGEST_WAIT)
                continue
            if held.source.notice:
                self._tell(held.source.notice, True)
            if stop.is_set():
                break
            if held.frame is None:
                name = held.source.name
                held.close()
                self.state = CaptureState("ended", f"{name} has ended")
                self._tell(self.state.text, False)
                return
            if troubled:
                troubled, wait = False, self.FIRST_WAIT
                self._tell(f"{held.source.name} gives images", False)
            self.state = CaptureState("playing", held.source.name)
            frame, held.frame = held.frame, None
            self._on_frame(frame)
