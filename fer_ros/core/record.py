"""Frames into a video file that plays at the speed at which they came."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from fer_ros.core.scaling import resized
from fer_ros.core.types import Image

_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}


class RecordError(Exception):
    """The video cannot be written; the text says why and what to do."""


class VideoRecorder:
    """Writes frames with their stamps. The frame rate is measured on the first frames; a gap repeats the last frame, too many
    frames for it are left out.

    The file appears under its name when it is complete: a failing run leaves an older one as it was.
    """

    _MEASURED = 20  # frames that settle the rate
    _JITTER = 1.5  # frames
    _LONGEST_GAP = 10.0  # seconds that are filled at most; a longer pause is cut

    def __init__(self, path: Path):
        """Check that the file can be written, without touching one that is there.

        Raises:
            RecordError: wrong suffix, no such folder, or no right to write there.
        """
        if path.suffix.lower() not in _CODECS:
            raise RecordError(f"cannot record to '{path}': its name must end in {', '.join(_CODECS)}")
        if not path.parent.is_dir() or path.is_dir() or not os.access(path.parent, os.W_OK):
            raise RecordError(f"cannot record to '{path}': {path.parent} is not a folder that you may write to")
        self.path = path
        self.frames = 0
        self._partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
        self._writer: cv2.VideoWriter | None = None
        self._waiting: list[tuple[Image, float]] = []
        self._last: tuple[Image, float] | None = None
        self._elapsed = 0.0

    def write(self, image: Image, stamp: float) -> None:
        """Add an HxWx3 uint8 BGR frame taken at `stamp` seconds.

        Raises:
            RecordError: OpenCV cannot write this kind of video.
        """
        if self._writer is None:
            self._waiting.append((image, stamp))
            if len(self._waiting) >= self._MEASURED:
                self._open()
        else:
            self._append(image, stamp)

    def close(self) -> bool:
        """Finish the file. Returns whether there is one: without a frame there is not.

        Raises:
            RecordError: the file is not there under its name; the text says why.
        """
        if self._writer is None and self._waiting:
            self._open()
        if self._writer is None:
            return False
        self._writer.release()
        self._writer = None
        try:
            os.replace(self._partial, self.path)
        except OSError as error:
            raise RecordError(f"'{self.path}' could not be written: {error.strerror}") from error
        return True

    def discard(self) -> None:
        """Give up, leaving nothing behind."""
        self._waiting.clear()
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        self._partial.unlink(missing_ok=True)

    def _open(self) -> None:
        steps = np.diff([stamp for _, stamp in self._waiting])
        steps = steps[steps > 0]
        if len(steps):  # without gaps, and without what came at once after one
            middle = np.percentile(steps, 50, method="lower")  # one that there is
            steps = steps[abs(np.log(steps / middle)) < np.log(1.5)]
        self._fps = float(np.clip(np.round(1 / np.mean(steps), 2), 1, 240)) if len(steps) else 30.0
        height, width = self._waiting[0][0].shape[:2]
        self._size = (width, height)
        codec = cv2.VideoWriter_fourcc(*_CODECS[self.path.suffix.lower()])
        self._writer = cv2.VideoWriter(str(self._partial), codec, self._fps, self._size)
        if not self._writer.isOpened():
            self.discard()
            raise RecordError(f"this OpenCV cannot write '{self.path}' ({width}x{height}): try a name that ends in .avi")
        waiting, self._waiting = self._waiting, []
        for image, stamp in waiting:
            self._append(image, stamp)

    def _append(self, image: Image, stamp: float) -> None:
        if (image.shape[1], image.shape[0]) != self._size:  # a folder of images of several sizes
            image = _fitted(image, self._size)
        if self._last is not None:
            # Where on the video's own clock this frame belongs. One that comes late, and the next in time again, is no gap.
            self._elapsed += min(max(stamp - self._last[1], 0.0), self._LONGEST_GAP)
            ahead = self.frames - self._elapsed * self._fps
            if ahead < -self._JITTER:
                for _ in range(round(-ahead)):
                    self._put(self._last[0])
            if ahead > self._JITTER:  # the source has become faster than the video
                self._last = (image, stamp)
                return
        self._put(image)
        self._last = (image, stamp)

    def _put(self, image: Image) -> None:
        self._writer.write(image)
        self.frames += 1


def _fitted(image: Image, size: tuple[int, int]) -> Image:
    """An image scaled into (width, height), its aspect kept, on black."""
    width, height = size
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = max(1, int(image.shape[1] * scale)), max(1, int(image.shape[0] * scale))
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = resized(image, *inner)
    return canvas
