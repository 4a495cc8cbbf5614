"""A camera of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import cv2

from fer_ros.media.frames import Source, SourceUnavailable
from fer_ros.media.opencv_capture import OpenCvCapture
from fer_ros.media.source_params import SourceParams
from fer_ros.types import Image


class DeviceSource(Source):
    """A camera of this machine, through Video4Linux."""

    finite = False

    def __init__(self, name: str, params: SourceParams):
        path = Path(name if name.startswith("/") else f"/dev/video{int(name)}")
        self.name = str(path)
        if not path.exists():
            have = ", ".join(sorted(str(p) for p in Path("/dev").glob("video*"))) or "none"
            raise SourceUnavailable(f"camera {path} is not there (cameras on this machine: {have})")
        if not os.access(path, os.R_OK | os.W_OK):
            raise SourceUnavailable(
                f"camera {path} may not be opened: add your user to its group (sudo usermod -aG video $USER)"
            )
        self._capture = OpenCvCapture(self.name, cv2.CAP_V4L2)
        try:
            if not self._capture.is_open():
                raise SourceUnavailable(f"camera {path} cannot be opened: not a camera, or another program has it")
            self._configure(params)
            if self._capture.read() is None:
                raise SourceUnavailable(f"camera {path} gives no image: another program may be using it")
        except Exception:
            self._capture.release()
            raise

    def _configure(self, params: SourceParams) -> None:
        # The newest frame is wanted, not a queue of old ones.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if params.width * params.height > 640 * 480:  # raw images of this size do not fit through USB 2 at 30 Hz
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        if params.width:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, params.width)
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, params.height)
        if params.fps:
            self._capture.set(cv2.CAP_PROP_FPS, params.fps)

    def read(self) -> Image | None:
        image = self._capture.read()
        if image is None:
            raise SourceUnavailable(f"camera {self.name} stopped giving images: unplugged?")
        return image

    def close(self) -> None:
        self._ended = True
        self._capture.release()
