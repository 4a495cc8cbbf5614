"""Where frames come from: a camera, a video, a folder of images, a network stream, or the demo clip."""

from __future__ import annotations

import math
import os
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import cv2

from fer_ros.core.encodings import decode
from fer_ros.core.params import param
from fer_ros.core.resources import share_directory
from fer_ros.core.scaling import resized
from fer_ros.core.types import Image

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
_SLICE = 0.1  # seconds: how soon a wait notices that it is interrupted
_FLIPS = {"none": None, "horizontal": 1, "vertical": 0, "both": -1}


class SourceError(Exception):
    """The source can never work as it is named: no such file, not a video, an empty folder."""


class SourceUnavailable(Exception):
    """The source does not work now but may later: a camera that is absent, busy or unplugged, a stream that is down."""


@dataclass(frozen=True)
class SourceParams:
    """Which source, and how it is played."""

    source: str = param(
        "0",
        "A device index or /dev/videoN, a video or image file, a folder of images, an rtsp:// or http:// URL, or 'demo'.",
        live=False,
    )
    loop: bool = param(False, "Play a file, folder or the demo again when it ends.", live=False)
    realtime: bool = param(
        True, "Play a file, folder or the demo at its own rate; otherwise as fast as it can be read.", live=False
    )
    width: int = param(0, "Width of a frame; 0 keeps the source's own. A device is asked for it, a file is scaled.",
                       unit="px", range=(0, 8192), live=False)
    height: int = param(0, "Height of a frame, likewise.", unit="px", range=(0, 8192), live=False)
    fps: float = param(
        0.0, "Frames per second; 0 keeps the source's own (10 for a folder). A device is asked for it, a file is "
        "played at it.", unit="Hz", range=(0.0, 1000.0), live=False,
    )
    flip: str = param("none", "Mirror the image.", choices=tuple(_FLIPS))

    def __post_init__(self) -> None:
        if bool(self.width) != bool(self.height):
            raise ValueError(f"width and height go together: both 0 or neither, not {self.width} x {self.height}")


def flip_image(image: Image, flip: str) -> Image:
    """The image mirrored as the parameter `flip` says; the same array where it says none."""
    return image if _FLIPS[flip] is None else cv2.flip(image, _FLIPS[flip])


class Source(ABC):
    """Frames, one after the other.

    Attributes:
        name: what it is, for people.
        finite: whether it ends, as a file does and a camera does not.
        rate: of a file, folder or the demo, frames per second; else None.
        length: of these, how many frames there should be; 0 where that is not known.
        notice: what a user should know of what was just read (a skipped image, an early end), else empty.
        interrupted: asked while a frame is not due yet, which can take long; once it is true, `read` returns at once.
    """

    name: str
    finite: bool
    rate: float | None = None
    length: int = 0
    notice: str = ""
    interrupted: Callable[[], bool] = staticmethod(lambda: False)

    @abstractmethod
    def read(self) -> Image | None:
        """The next frame, HxWx3 uint8 BGR, when it is due; None after the last.

        Raises:
            SourceUnavailable: a live source does not deliver; open it again later.
        """

    def close(self) -> None:  # noqa: B027  (a source that holds nothing has nothing to give back)
        """Give the device or file back. Any number of times, and from any thread; `read` gives no frame afterwards."""


def open_source(params: SourceParams) -> Source:
    """Open the source that the parameters name.

    Raises:
        SourceError: it can never work; the text says why and what to do.
        SourceUnavailable: it does not work now; try again later.
    """
    name = params.source.strip()
    if not name:
        raise SourceError("source is empty: name a device index, a file, a folder, a URL or 'demo'")
    kind = _kind(name)
    if kind == "device":
        return DeviceSource(name, params)
    if kind == "stream":
        return StreamSource(name, params)
    if name == "demo":
        return _Paced(VideoFile(share_directory() / "demo" / "demo.mp4", params), params)
    try:
        return _open_path(name, params)
    except (OSError, RuntimeError) as error:  # a name that is too long, no right to look there, no such user's home
        raise SourceError(f"source '{name}' cannot be read: {error}") from error


def _open_path(name: str, params: SourceParams) -> Source:
    path = Path(unquote(name[len("file://") :]) if name.lower().startswith("file://") else name).expanduser()
    if path.is_dir():
        return _Paced(ImageFolder(sorted(_images_in(path), key=_natural), str(path), params), params)
    if not path.exists():
        raise SourceError(f"source '{name}' does not exist: name a device index, a file, a folder, a URL or 'demo'")
    if not path.is_file() or not os.access(path, os.R_OK):
        raise SourceError(f"source '{name}' cannot be read: check what it is and its permissions (ls -l)")
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return _Paced(ImageFolder([path], str(path), params), params)
    return _Paced(VideoFile(path, params), params)


def _kind(name: str) -> str:
    """`device`, `stream` or `recorded`, by the name alone."""
    if re.fullmatch("[0-9]+", name) or (name.startswith("/dev/") and not name.startswith("/dev/shm/")):
        return "device"
    scheme = re.match(r"([a-z][a-z0-9+.-]+)://", name, re.IGNORECASE)
    return "stream" if scheme and scheme[1].lower() != "file" else "recorded"


def is_finite(source: str) -> bool:
    """Whether a source, as a user names it, is one that ends: a file, a folder or the demo. Opens nothing."""
    return _kind(source.strip()) == "recorded"


def without_password(source: str) -> str:
    """A source's name for logs and diagnostics: a URL loses the user and password in it."""
    return re.sub(r"//[^/]*@", "//", source) if _kind(source.strip()) == "stream" else source


def _images_in(folder: Path) -> list[Path]:
    found = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    if not found:
        raise SourceError(f"folder '{folder}' has no image in it ({', '.join(s[1:] for s in IMAGE_SUFFIXES)})")
    return found


def _natural(path: Path) -> list:
    """Sort key that puts frame10 after frame9."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path.name)]


def _resized(image: Image, params: SourceParams) -> Image:
    return resized(image, params.width, params.height) if params.width else image


class _Capture:
    """cv2.VideoCapture without cv2.error, and with a lock: releasing one while another thread reads it is a crash."""

    def __init__(self, *arguments: object):
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture(*arguments)

    def is_open(self) -> bool:
        return self._capture.isOpened()

    def set(self, prop: int, value: float) -> None:
        self._capture.set(prop, value)

    def get(self, prop: int) -> float:
        """A property; 0 where the backend does not know it or answers nonsense."""
        value = self._capture.get(prop)
        return value if math.isfinite(value) else 0.0

    def fps(self) -> float:
        """The frame rate that the container names. Some name 0, NaN or the time base (90,000): 30 then."""
        fps = self.get(cv2.CAP_PROP_FPS)
        return fps if 0.1 <= fps <= 1000 else 30.0

    def read(self) -> Image | None:
        """The next frame as BGR, None where there is none."""
        try:
            with self._lock:
                ok, image = self._capture.read()
            if not ok or image is None or image.size == 0:
                return None
            return image if image.ndim == 3 and image.shape[2] == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        except cv2.error:
            return None

    def release(self) -> None:
        with self._lock:
            self._capture.release()


class _Pace:
    """Lets frames go at a steady rate."""

    def __init__(self, fps: float):
        self._period = 1 / fps
        self._due: float | None = None

    def wait(self, interrupted: Callable[[], bool]) -> None:
        now = time.monotonic()
        if self._due is None or now - self._due > 1.0:  # after a stall go on from here, do not race to catch up
            self._due = now
        while self._due > now and not interrupted():
            time.sleep(min(self._due - now, _SLICE))
            now = time.monotonic()
        self._due += self._period


class _Recorded(ABC):
    """Frames that lie on disk: they can be read at any rate, and again."""

    name: str
    fps: float
    length: int
    notice: str = ""

    @abstractmethod
    def next(self) -> Image | None: ...

    @abstractmethod
    def rewind(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...


class VideoFile(_Recorded):
    """A video through OpenCV."""

    def __init__(self, path: Path, params: SourceParams):
        self.name = str(path)
        self._params = params
        self._capture = _Capture(self.name)
        self._read = 0
        self._complained = False
        self._pending = self._grab() if self._capture.is_open() else None
        if self._pending is None:
            self._capture.release()
            raise SourceError(f"source '{path}' is not a video or image that OpenCV can read")
        self.fps = params.fps or self._capture.fps()
        self.length = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def _grab(self) -> Image | None:
        image = self._capture.read()
        if image is None:
            return None
        self._read += 1
        return _resized(image, self._params)

    def next(self) -> Image | None:
        image, self._pending = self._pending, None
        if image is None:
            image = self._grab()
        # The frame count in a header is an estimate in some containers: only a clear gap is worth a word.
        if image is None and self._read < 0.9 * self.length and not self._complained:
            self._complained = True  # in a loop it would be said every time
            self.notice = f"{self.name} ended after {self._read} of {self.length} frames: the file may be damaged"
        return image

    def rewind(self) -> None:
        self._capture.release()
        self._capture = _Capture(self.name)
        self._read = 0

    def close(self) -> None:
        self._capture.release()


class ImageFolder(_Recorded):
    """Images in the natural order of their names. One that cannot be read is skipped, and said."""

    def __init__(self, paths: list[Path], name: str, params: SourceParams):
        self.name = name
        self.fps = params.fps or 10.0
        self.length = len(paths)
        self._params = params
        self._paths = paths
        self._at = 0
        self._skipped: set[Path] = set()
        if all(self._load(path) is None for path in paths):
            raise SourceError(f"source '{name}': none of its {len(paths)} images can be read")

    def _load(self, path: Path) -> Image | None:
        try:
            return decode(path.read_bytes())  # imread fails on some paths that are not ASCII; the bytes do not care
        except OSError:
            return None

    def next(self) -> Image | None:
        while self._at < len(self._paths):
            path = self._paths[self._at]
            self._at += 1
            image = self._load(path)
            if image is not None:
                return _resized(image, self._params)
            if path not in self._skipped:  # in a loop it would be said every time
                self._skipped.add(path)
                self.notice += f"{'; ' if self.notice else ''}{path} is not an image that can be read: skipped"
        return None

    def rewind(self) -> None:
        self._at = 0

    def close(self) -> None:
        self._at = len(self._paths)


class _Paced(Source):
    """Plays recorded frames: at their rate or as fast as they are read, once or in a loop."""

    finite = True

    def __init__(self, recorded: _Recorded, params: SourceParams):
        self.name = recorded.name
        self.finite = not params.loop
        self.rate, self.length = recorded.fps, recorded.length
        self._recorded = recorded
        self._loop = params.loop
        self._pace = _Pace(recorded.fps) if params.realtime else None
        self._lock = threading.Lock()
        self._closed = False

    def read(self) -> Image | None:
        with self._lock:
            if self._closed:
                return None
            image = self._recorded.next()
            if image is None and self._loop:
                self._recorded.rewind()
                image = self._recorded.next()
            self.notice, self._recorded.notice = self._recorded.notice, ""
        if image is not None and self._pace:
            self._pace.wait(self.interrupted)
        return image

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._recorded.close()


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
        self._capture = _Capture(self.name, cv2.CAP_V4L2)
        try:
            if not self._capture.is_open():
                raise SourceUnavailable(f"camera {path} cannot be opened: not a camera, or another program has it")
            self._configure(params)
            if self._capture.read() is None:
                raise SourceUnavailable(f"camera {path} gives no image: another program may be using it")
        except SourceUnavailable:
            self._capture.release()
            raise

    def _configure(self, params: SourceParams) -> None:
        # The newest frame is wanted, not a queue of old ones.
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        if params.width * params.height > 640 * 480:  # raw images of this size do not fit through USB 2 at 30 Hz
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*"MJPG"))
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
        self._capture.release()


class StreamSource(Source):
    """A network stream (RTSP, HTTP). One with an end, a video on a web server say, plays once."""

    _TIMEOUT_MS = 5000

    def __init__(self, url: str, params: SourceParams):
        self.name = without_password(url)
        self._params = params
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, self._TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, self._TIMEOUT_MS]
        self._capture = _Capture(url, cv2.CAP_FFMPEG, options)
        if not self._capture.is_open():
            raise SourceUnavailable(f"stream {self.name} cannot be opened: check the address and that its server runs")
        self._expected = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._read = 0
        self.finite = 0 < self._expected < 1e9
        self._pace = _Pace(params.fps or self._capture.fps()) if self.finite and params.realtime else None

    def read(self) -> Image | None:
        image = self._capture.read()
        if image is not None:
            self._read += 1
            if self._pace:
                self._pace.wait(self.interrupted)
            return _resized(image, self._params)
        if self.finite:
            if self._read < 0.9 * self._expected:
                self.notice = f"stream {self.name} ended after {self._read} of {self._expected:.0f} frames"
            return None
        raise SourceUnavailable(f"stream {self.name} stopped giving images")

    def close(self) -> None:
        self._capture.release()
