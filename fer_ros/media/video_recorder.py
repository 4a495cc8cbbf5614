# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Frames into a video file that plays at the speed at which they came."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from fer_ros.media.frame_times import FrameTimes
from fer_ros.media.h264 import H264Unavailable, H264Writer
from fer_ros.media.mp4_times import write_times
from fer_ros.media.scaling import resized
from fer_ros.system.files import Output, OutputError, cut_short, reason
from fer_ros.system.room import Room
from fer_ros.types import Image

_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
_TIMED = (".mp4", ".m4v", ".mov")  # every frame with its own time; the others have one rate
_USUAL = 30.0  # frames a second
_BUFFERED = 256 * 1024  # bytes that FFmpeg keeps until it writes them
_INDEX = 64  # bytes, at most, that each frame adds to what is written last of all
_SMALLER = 4  # a frame in the file is at most this part of its pixels


class RecordError(Exception):
    """The video cannot be written; the text says why and what to do."""


class VideoRecorder:
    """Writes frames with their stamps.

    In .mp4, .m4v and .mov every frame has its own time. They are H.264 where PyAV is installed, and else
    MPEG-4 Part 2, which browsers do not play. OpenCV gives .mkv and .avi one frame rate, which is measured on the
    first frames; a gap repeats the last frame, too many frames for it are left out.

    The file appears under its name when it is complete and has been read back. Where a full disk, a quota or a limit leaves no
    room for more, what came before is finished: it is readable.

    Attributes:
        frames: of the video, those for which there was no room included.
        cut: why not all frames are written, empty as long as they are.
        left_out: frames that came faster than the frame rate of an .mkv or .avi.
    """

    _MEASURED = 20  # frames that settle the rate
    _JITTER = 1.5  # frames
    _LONGEST_GAP = 10.0  # seconds that are filled at most; a longer pause is cut

    def __init__(self, path: Path, force: bool = False, sources: Iterable[str | Path] = ()):
        """Check that the file can be written, without touching one that is there.

        Args:
            force: replace a file that is there, once the new one is complete.
            sources: what is played, see `check_output`.

        Raises:
            RecordError: wrong suffix, no such folder, no right to write there, a file that is there or is what is played.
        """
        if path.suffix.lower() not in _CODECS:
            raise RecordError(f"cannot record to '{path}': its name must end in {', '.join(_CODECS)}")
        try:
            self._output = Output(path, force=force, sources=sources, verb="record to", keep=True)
        except OutputError as error:
            raise RecordError(str(error)) from None
        self.path = path
        self.frames = 0
        self.cut = ""
        self.left_out = 0
        self._timed = path.suffix.lower() in _TIMED
        self._times = FrameTimes(1 / _USUAL)
        self._shown = array("d")  # when each frame of the video is shown, in seconds
        self._room: Room | None = None
        self._writer: cv2.VideoWriter | H264Writer | None = None
        self._waiting: list[tuple[Image, float]] = []
        self._last: tuple[Image, float] | None = None
        self._elapsed = 0.0
        self._unplayable = ""  # why it is not H.264, of an .mp4, .m4v or .mov

    @property
    def notice(self) -> str:
        """What a user should know of the video, else empty."""
        if self._unplayable:
            return f"{self.path} does not play in browsers and on most phones, because {self._unplayable}"
        if not self.left_out:
            return ""
        frames = f"{self.left_out} frame{'s' if self.left_out != 1 else ''}"
        return (f"{self.path} has {self._fps:g} frames a second throughout, and {frames} that came faster "
                f"{'are' if self.left_out != 1 else 'is'} not in it: an .mp4 keeps them all")

    def write(self, image: Image, stamp: float) -> None:
        """Add an HxWx3 uint8 BGR frame taken at `stamp` seconds.

        Raises:
            RecordError: OpenCV cannot write this kind of video.
        """
        if self._last is None:
            self._waiting.append((image, stamp))
            if self._timed or len(self._waiting) >= self._MEASURED:
                self._open()
        else:
            self._append(image, stamp)

    def close(self, total: int = 0) -> bool:
        """Finish the file. Returns whether there is one: without a frame there is not.

        Args:
            total: frames that there should be, where more are known of than have come.

        Raises:
            RecordError: not all is there under its name; the text says why, and how much is.
        """
        if self._waiting:
            self._open()
        if self._last is None:
            self.discard()
            return False
        self._last, total = None, max(self.frames, total)
        readable = self._finish()
        if readable < self.frames:
            self.cut = self.cut or "the rest cannot be read back"
        if readable and self._timed:
            self._write_times()
        if not readable:
            self.discard()
        else:
            try:
                self._output.publish()
            except OutputError as error:
                raise RecordError(str(error)) from None
        if self.cut:
            raise RecordError(cut_short(self.path, "frames", readable, total, self.cut, self._length(readable)))
        return True

    def _write_times(self) -> None:
        try:
            write_times(self._output.scratch, self._shown, self._last_step(len(self._shown)))
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else str(error)
            self.cut = self.cut or f"it plays at {self._fps:g} frames a second, because its times could not be written ({why})"

    def _last_step(self, count: int) -> float:
        """For how long the last of so many frames is shown: as long as the one before."""
        return self._shown[count - 1] - self._shown[count - 2] if count > 1 else 1 / _USUAL

    def _length(self, count: int) -> float:
        """Seconds of the first frames of the video."""
        if not self._timed:
            return count / self._fps
        return self._shown[count - 1] + self._last_step(count) if count else 0.0

    def discard(self) -> None:
        """Give up, leaving nothing behind; what `close` has finished stays."""
        self._waiting.clear()
        self._last = None
        self._release()
        self._output.discard()

    def _release(self) -> None:
        if self._room is not None:
            self._room.give_back()
            self._room = None
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def _finish(self) -> int:
        """How many frames are in the file. OpenCV does not tell what became of its end."""
        if self._writer is None:
            return 0
        self._release()
        if not self._output.scratch.exists():
            raise RecordError(f"'{self.path}' could not be written: its folder is not there any more")
        return _readable(self._output.scratch, self.frames)

    def _rate(self) -> float:
        """Frames a second."""
        if self._timed:
            return _USUAL
        steps = np.diff([stamp for _, stamp in self._waiting])
        steps = steps[steps > 0]
        if len(steps):  # without gaps, and without what came at once after one
            middle = np.percentile(steps, 50, method="lower")  # one that there is
            steps = steps[abs(np.log(steps / middle)) < np.log(1.5)]
        return float(np.clip(np.round(1 / np.mean(steps), 2), 1, 240)) if len(steps) else _USUAL

    def _open(self) -> None:
        self._fps = self._rate()
        height, width = self._waiting[0][0].shape[:2]
        self._size: tuple[int, int] = (width, height)
        codec = cv2.VideoWriter.fourcc(*_CODECS[self.path.suffix.lower()])
        try:
            self._room = Room(self._output.scratch, self._output.folder, self._held())
        except OSError as error:
            self.cut = reason(error)
        else:
            try:
                self._writer = H264Writer(self._output.scratch, self._fps, self._size)
            except H264Unavailable as error:
                self._unplayable = str(error) if self._timed else ""
                self._writer = cv2.VideoWriter(str(self._output.scratch), codec, self._fps, self._size)
            if not self._writer.isOpened():
                self.discard()
                raise RecordError(f"this OpenCV cannot write '{self.path}' ({width}x{height}): try a name that ends in .avi")
        waiting, self._waiting = self._waiting, []
        for image, stamp in waiting:
            self._append(image, stamp)

    def _append(self, image: Image, stamp: float) -> None:
        if (image.shape[1], image.shape[0]) != self._size:  # a folder of images of several sizes
            image = _fitted(image, self._size)
        if self._timed:
            self._shown.append(self._times(stamp))
        elif self._last is not None:
            # Where on the video's own clock this frame belongs. One that comes late, and the next in time again, is no gap.
            self._elapsed += min(max(stamp - self._last[1], 0.0), self._LONGEST_GAP)
            ahead = self.frames - self._elapsed * self._fps
            if ahead < -self._JITTER:
                for _ in range(round(-ahead)):
                    self._put(self._last[0])
            if ahead > self._JITTER:  # the source has become faster than the video
                self.left_out += 1
                self._last = (image, stamp)
                return
        self._put(image)
        self._last = (image, stamp)

    def _put(self, image: Image) -> None:
        self.frames += 1
        if self.cut:
            return
        assert self._room is not None and self._writer is not None  # both are there as long as nothing is cut
        try:
            self._room.check(self._held(), _BUFFERED + self._largest())
        except OSError as error:
            self.cut = reason(error)
            return
        if self._writer.write(image) is False:  # OpenCV 4 returns None whatever happens
            self.cut = "it could not be written"

    def _largest(self) -> int:
        """Bytes of a frame in the file, at most."""
        return self._size[0] * self._size[1] * 3 // _SMALLER

    def _held(self) -> int:
        """Bytes that the file may still need to be finished now."""
        return _BUFFERED + self._largest() + _BUFFERED // 2 + _INDEX * self.frames


def _readable(path: Path, expected: int) -> int:
    """Frames of a video that can be read: by its index and its last frame, or one after the other where these disagree."""
    capture = cv2.VideoCapture(str(path))
    try:
        if abs(capture.get(cv2.CAP_PROP_FRAME_COUNT) - expected) < 0.5:
            capture.set(cv2.CAP_PROP_POS_FRAMES, expected - 1)
            if capture.read()[0]:
                return expected
    finally:
        capture.release()
    capture = cv2.VideoCapture(str(path))
    try:
        return sum(1 for _ in iter(capture.grab, False))
    finally:
        capture.release()


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """An image scaled into (width, height), its aspect kept, on black."""
    width, height = size
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale))
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = resized(image, *inner)
    return canvas
