"""Where frames come from: a camera, a video, a folder of images, a network stream, the demo clip, or arrays."""

from __future__ import annotations

import dataclasses
import logging
import math
import os
import re
import stat
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.media.array_source import FPS, ArrayFrames
from fer_ros.media.containers import DEMUXERS, HEAD, lists_others, missing_bytes, moves, times_may_jump
from fer_ros.media.encodings import decode
from fer_ros.media.frame_times import FrameTimes
from fer_ros.media.image_headers import HEAD as PICTURE_HEAD
from fer_ros.media.image_headers import MOST_BYTES, READ, is_animated_webp, kind_of, size_of, too_large
from fer_ros.media.recorded import Recorded
from fer_ros.media.scaling import resized
from fer_ros.media.source_name import (
    SCHEMES,
    SourceError,
    filled_in,
    has_secret,
    kind_of_source,
    path_of,
    without_secrets,
)
from fer_ros.parameters.params import by_name, param, specs, takes
from fer_ros.resources import share_directory
from fer_ros.types import Comparable, Image
from fer_ros.words import counted, listed, one_line

_SYSTEM_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}
_LONGEST_IN_STREAM = 10.0  # seconds; as in FFmpeg, a longer gap in a recorded broadcast is no pause
_NAMED = 3  # of files that are left out, how many are named
_SLICE = 0.1  # seconds: how soon a wait notices that it is interrupted
_LOG = logging.getLogger("fer_ros")
_FLIPS = {"none": None, "horizontal": 1, "vertical": 0, "both": -1}


class SourceUnavailable(Exception):
    """The source does not work now but may later: a camera that is absent, busy or unplugged, a stream that is down."""


@dataclass(frozen=True)
class SourceParams:
    """Which source, and how it is played."""

    source: str = param(
        "0",
        "A device index or /dev/videoN, a video or image file, a folder of images, an rtsp:// or http:// URL, or 'demo'. "
        "A URL's password may come from elsewhere: ${NAME} is an environment variable, @FILE the first line of a file.",
        live=False, shown=without_secrets, private=has_secret,
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
    code = _FLIPS[flip]
    return image if code is None else cast(Image, cv2.flip(image, code))


@dataclass(frozen=True, eq=False)
class SourceFrame(Comparable):
    """One frame of a source.

    Attributes:
        image: HxWx3 uint8, BGR.
        stamp: when it is shown, in seconds from the first one: as a video's container says it, by the rate of a folder or of
            arrays, and of a camera or a stream without end when it came.
        number: of the frame, from 0.
    """

    image: Image
    stamp: float
    number: int


class Source(ABC):
    """Frames, one after the other: an iterator of `SourceFrame`, and a context manager that closes it.

    What a user should know of what was read, a skipped image or an early end, the logger `fer_ros` says as a warning.
    Whoever calls `read` instead finds it in `notice`.

    Attributes:
        name: what it is, for people.
        finite: whether it ends, as a file does and a camera does not.
        rate: of a file, folder or the demo, frames per second; else None.
        length: of these, how many frames there should be; 0 where that is not known.
        stamp: of a file, folder or the demo, when the frame that was just read is shown, in seconds from the first one; in a
            loop it starts again. None where a frame is of the moment at which it is read.
        notice: what a user should know of what was just read (a skipped image, an early end), else empty.
        interrupted: asked while a frame is not due yet, which can take long; once it is true, `read` returns at once.
    """

    name: str
    finite: bool
    rate: float | None = None
    length: int = 0
    stamp: float | None = None
    notice: str = ""
    interrupted: Callable[[], bool] = staticmethod(lambda: False)
    _ended = False
    _begun: float | None = None  # this machine's time at the first frame that was iterated over
    _number = 0
    _flip = "none"

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self.close()

    def __iter__(self) -> Source:
        return self

    def __next__(self) -> SourceFrame:
        if self._ended:
            raise StopIteration
        image = self.read()
        if self.notice:
            _LOG.warning("%s", self.notice)
            self.notice = ""
        if image is None:
            self._ended = True
            self.close()
            raise StopIteration
        now = time.monotonic()
        if self._begun is None:
            self._begun = now
        stamp = now - self._begun if self.stamp is None else self.stamp
        self._number += 1
        return SourceFrame(flip_image(image, self._flip), stamp, self._number - 1)

    @abstractmethod
    def read(self) -> Image | None:
        """The next frame, HxWx3 uint8 BGR, when it is due; None after the last.

        Raises:
            SourceUnavailable: a live source does not deliver; open it again later.
        """

    def close(self) -> None:  # noqa: B027  (a source that holds nothing has nothing to give back)
        """Give the device or file back. Any number of times, and from any thread; `read` gives no frame afterwards."""


# Whoever has no clock to keep to wants each frame as soon as it is there.
_BY_NAME = {spec.name: dataclasses.replace(spec, default=False) if spec.name == "realtime" else spec
            for spec in specs(SourceParams) if spec.name != "source"}


@takes(_BY_NAME)
def open_source(source: SourceParams | int | str | os.PathLike[str] | NDArray[Any] | Iterable[NDArray[Any]], *,
                encoding: str | None = None, **parameters: Any) -> Source:
    """Open what gives frames: a camera, a video, a picture, a folder of them, a stream, arrays, or the demo clip.

    >>> from fer_ros import open_source
    >>> for frame in open_source("demo", width=320, height=240):
    ...     print(frame.number, f"{frame.stamp:.3f}", frame.image.shape)
    ...     if frame.number == 1:
    ...         break
    0 0.000 (240, 320, 3)
    1 0.033 (240, 320, 3)
    >>> import numpy as np
    >>> with open_source([np.zeros((48, 64), np.uint8)] * 3, fps=25) as source:
    ...     [frame.stamp for frame in source]
    [0.0, 0.04, 0.08]

    What is open is given back after the last frame, at the end of a `with` block, by `close()`, and when nobody refers to it
    any more.

    Args:
        source: the index of a camera (0), the name of a file, a folder, a device or `demo`, an rtsp:// or http:// URL, or a
            `pathlib.Path`. Or arrays, uint8 from 0 to 255, 10 of them a second unless `fps` says otherwise: one, (H, W) grey,
            (H, W, 3) BGR or (H, W, 4) BGRA; several in a list, or in whatever else can be iterated over; or several in one
            array, (N, H, W) or (N, H, W, channels). Or `SourceParams`, in place of parameters by name.
        encoding: what else arrays hold, `rgb8`, `rgba8`, `bgra8`, `bgr8` or `mono8`.
        parameters: see below.

    Returns:
        An iterator of frames with `image` (HxWx3 uint8 BGR), `stamp` (seconds from the first one) and `number`, see
        `SourceFrame`. It raises SourceUnavailable where a camera or a stream stops.

    Raises:
        SourceError: it can never work; the text says why and what to do.
        SourceUnavailable: it does not work now; try again later.
        TypeError: `source` is none of these, an array is no image, or there is no such parameter; the text names the nearest.
        ValueError: a parameter's value or an array is not allowed.
    """
    name: str | None
    if isinstance(source, SourceParams):
        if parameters or encoding is not None:
            raise TypeError("parameters are given by name or as SourceParams, not both")
        params, name = source, source.source
    else:
        params = by_name((SourceParams,), {"realtime": False, **parameters}, _BY_NAME)[SourceParams]
        name = _name_of(source)
    if name is None:
        opened = _open_arrays(source, encoding, params)
    elif encoding is None:
        opened = _open_named(dataclasses.replace(params, source=name))
    else:
        raise TypeError(f"encoding tells what arrays hold, and source {without_secrets(name)!r} tells that itself")
    opened._flip = params.flip
    return opened


def _name_of(source: object) -> str | None:
    """The name of what is no array; None of arrays."""
    if isinstance(source, str):
        return source
    if isinstance(source, (int, np.integer)) and not isinstance(source, bool):
        if source < 0:
            raise SourceError(f"source {source} is not there: a camera's index is 0 or more")
        return str(int(source))
    if isinstance(source, os.PathLike):
        return os.path.join(".", os.fsdecode(source))  # a file called `demo`, or `0`, is not what these names mean
    if isinstance(source, np.ndarray) or (isinstance(source, Iterable) and not isinstance(source, (bytes, dict))):
        return None
    raise TypeError("source must be a camera's index, the name of a file, a folder, a device or a URL, 'demo', or arrays, not "
                    + (repr(source) if source is None or isinstance(source, bool) else type(source).__name__))


def _open_arrays(images: Any, encoding: str | None, params: SourceParams) -> Source:
    frames = ArrayFrames(images, encoding, params.fps, (params.width, params.height))
    if params.loop and not frames.can_rewind:
        raise SourceError("loop needs images that can be read again: give a list of them")
    return _Paced(frames, params)


def _open_named(params: SourceParams) -> Source:
    name = filled_in(params.source)
    if not name:
        raise SourceError("source is empty: name a device index, a file, a folder, a URL or 'demo'")
    kind = kind_of_source(name)
    if kind == "device":
        return DeviceSource(name, params)
    if kind == "stream":
        return StreamSource(name, params)
    if name == "demo":
        return _Paced(VideoFile(share_directory() / "demo" / "demo.mp4", params), params)
    try:
        return _open_path(name, params)
    except OSError as error:  # a name that is too long, no right to look there
        raise SourceError(f"source '{one_line(without_secrets(name))}' cannot be read: {error.strerror}") from None


def _open_path(name: str, params: SourceParams) -> Source:
    path = path_of(name)
    if path.is_dir():
        paths, left_out = _images_in(path)
        return _Paced(ImageFolder(paths, str(path), params, left_out), params)
    if not path.exists():
        raise SourceError(f"source '{without_secrets(name)}' does not exist: name a device index, a file, a folder, a URL or "
                          "'demo'")
    if not path.is_file() or not os.access(path, os.R_OK):
        raise SourceError(f"source '{name}' cannot be read: check what it is and its permissions (ls -l)")
    return _Paced(_open_file(path, params), params)


def _open_file(path: Path, params: SourceParams) -> Recorded:
    """A file as what its content says, whatever its name."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    kind = kind_of(head)
    if kind in READ and not moves(kind, path):
        more = "all but the first picture of an animated WebP, which is not played: convert it to MP4 or GIF"
        return ImageFolder([path], str(path), params, more if is_animated_webp(head) else "")
    if kind and kind not in READ:
        raise SourceError(f"source '{path}' is a {kind} picture, which is not read: convert it to JPEG or PNG")
    others = lists_others(head)
    if others:
        raise SourceError(f"source '{path}' is not a video but a list of other files ({others}): name one of those, or "
                          "the stream's own address")
    if kind:  # GIF, APNG, Motion JPEG: FFmpeg would decode a first picture before it told the size
        with open(path, "rb") as file:
            reason = too_large(size_of(file.read(1 << 20)) or (0, 0))
        if reason:
            raise SourceError(f"source '{path}' is not read: {reason}")
    return VideoFile(path, params, kind, times_may_jump(head))


def _images_in(folder: Path) -> tuple[list[Path], str]:
    """The pictures of a folder in the natural order of their names, and what was left out, in words."""
    found: list[Path] = []
    left_out: dict[tuple[str, str], list[str]] = {}
    for path in sorted(folder.iterdir(), key=_natural):
        reason = _why_no_picture(path)
        if not reason:
            found.append(path)
        elif path.name not in _SYSTEM_FILES and not path.name.startswith("._"):
            left_out.setdefault(reason, []).append(path.name)
    told = "; ".join(f"{listed(names, _NAMED)} {one if len(names) == 1 else many}" for (one, many), names in left_out.items())
    if told:
        told = f"{counted(sum(map(len, left_out.values())), 'file')} ({told})"
    if not found:
        raise SourceError(f"folder '{folder}' has no image in it that is read ({', '.join(READ)})"
                          + (f"; left out: {told}" if told else ""))
    return found, told


def _why_no_picture(path: Path) -> tuple[str, str] | None:
    """Why an entry of a folder is not played, said of one and of several; None where it is."""
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            return "is a folder, which is not looked into", "are folders, which are not looked into"
        if not stat.S_ISREG(about.st_mode):
            return "is not a file", "are not files"
        if not about.st_size:
            return "is empty", "are empty"
        with open(path, "rb") as file:
            kind = kind_of(file.read(PICTURE_HEAD))
    except OSError as error:
        if path.is_symlink() and not path.exists():
            return "is a link that leads nowhere", "are links that lead nowhere"
        text = f"cannot be read: {error.strerror}"
        return text, text
    if kind in READ:
        return None
    if not kind:
        return "is not an image", "are not images"
    one, many = (f"{verb} {kind}, which is not read: convert {them} to JPEG or PNG" for verb, them in
                 (("is", "it"), ("are", "them")))
    return one, many


def _natural(path: Path) -> list[int | str]:
    """Sort key that puts frame10 after frame9."""
    return [int(part) if part.isdecimal() else part.lower() for part in re.split(r"(\d+)", path.name)]


def _resized(image: Image, params: SourceParams) -> Image:
    return resized(image, params.width, params.height) if params.width else image


_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"  # OpenCV's only way to FFmpeg's options: key;value|key;value
_FILE_OPTIONS = f"format_whitelist;{DEMUXERS}|protocol_whitelist;file"
# Without files of this machine, which a playlist from elsewhere could name.
_STREAM_OPTIONS = ("protocol_whitelist;http,https,httpproxy,tls,tcp,udp,udplite,rtp,srtp,rtsp,rtmp,rtmps,rtmpt,rtmpe,rtmpte,"
                   "rtmpts,srt,rist,crypto,data,mmsh,mmst,ftp,sftp")
_options_lock = threading.Lock()


@contextmanager
def _ffmpeg_options(file: bool) -> Iterator[None]:
    """What FFmpeg may open in this block: the one file, or addresses. What a user has set for streams holds for those."""
    users = os.environ.get(_OPTIONS)
    if file:
        options = _FILE_OPTIONS
    else:
        options = users or "rtsp_transport;tcp"  # OpenCV's own default
        if "protocol_whitelist" not in options:
            options += f"|{_STREAM_OPTIONS}"
    os.environ[_OPTIONS] = options
    try:
        yield
    finally:
        if users is None:
            del os.environ[_OPTIONS]
        else:
            os.environ[_OPTIONS] = users


class _Capture:
    """cv2.VideoCapture without cv2.error, and with a lock: releasing one while another thread reads it is a crash."""

    def __init__(self, *arguments: object):
        self._lock = threading.Lock()
        self._capture = cv2.VideoCapture(*arguments)

    @classmethod
    def of_file(cls, path: Path, by_content: bool = False) -> _Capture:
        """A video.

        Args:
            by_content: whether FFmpeg does not get to know the name, whose suffix would make it look for a single picture.
        """
        with _options_lock, _ffmpeg_options(file=True), open(path, "rb") as file:
            # The whole path: FFmpeg takes `12:30.mp4` for an address.
            name = f"/proc/self/fd/{file.fileno()}" if by_content else str(path.absolute())
            return cls(name, cv2.CAP_FFMPEG)

    @classmethod
    def of_stream(cls, url: str, options: list[int]) -> _Capture:
        with _options_lock, _ffmpeg_options(file=False):
            return cls(url, cv2.CAP_FFMPEG, options)

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

    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as the container names them."""
        return int(self.get(cv2.CAP_PROP_FRAME_WIDTH)), int(self.get(cv2.CAP_PROP_FRAME_HEIGHT))

    def read_timed(self) -> tuple[Image | None, float]:
        """The next frame, and what the container says of when it is shown, in seconds."""
        image = self.read()
        return image, self.get(cv2.CAP_PROP_POS_MSEC) / 1000 if image is not None else 0.0

    def read(self) -> Image | None:
        """The next frame as BGR, None where there is none."""
        try:
            with self._lock:
                ok, image = self._capture.read()
            if not ok or image is None or image.size == 0:
                return None
            coloured = image if image.ndim == 3 and image.shape[2] == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            return cast(Image, coloured)
        except cv2.error:
            return None

    def release(self) -> None:
        with self._lock:
            self._capture.release()


class _Pace:
    """Lets frames go when they are due."""

    def __init__(self) -> None:
        self._start: float | None = None  # this machine's time at the frames' time 0

    def wait(self, stamp: float, interrupted: Callable[[], bool]) -> None:
        """Until a frame is due that is shown `stamp` seconds after the first one."""
        now = time.monotonic()
        if self._start is None or now - self._start - stamp > 1.0:  # after a stall go on from here, do not race to catch up
            self._start = now - stamp
        while self._start + stamp > now and not interrupted():
            time.sleep(min(self._start + stamp - now, _SLICE))
            now = time.monotonic()

    def restart(self, length: float) -> None:
        """The frames begin again, `length` seconds after they began."""
        if self._start is not None:
            self._start += length


class VideoFile(Recorded):
    """A video through OpenCV and FFmpeg, every frame with the time that its container says."""

    _SAME = 3  # frames; a container that says no time of so many says none at all

    def __init__(self, path: Path, params: SourceParams, kind: str = "", times_jump: bool = False):
        """Open it.

        Args:
            kind: of the pictures that it holds without another container, `GIF` say; empty where it has one.
            times_jump: whether times that jump are usual in its container.

        Raises:
            SourceError: it is no video, or its images are too large.
        """
        self.name = str(path)
        self._path = path
        self._params = params
        self._longest = _LONGEST_IN_STREAM if times_jump else FrameTimes.LONGEST
        self._kind = kind
        self._said: set[str] = set()  # in a loop it would be said every time
        self._capture = _Capture.of_file(path, bool(kind))
        self._begin()
        reason = too_large(self._capture.size()) if self._capture.is_open() else ""
        self._pending = self._grab() if not reason and self._capture.is_open() else None
        if self._pending is None:
            self._capture.release()
            if reason:
                raise SourceError(f"source '{path}' is not read: {reason}")
            missing = missing_bytes(path)
            raise SourceError(f"source '{path}' is not a video or image that OpenCV can read"
                              + (f": its last {missing} bytes are missing" if missing else ""))
        self.length = max(0, int(min(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), 2**31)))

    def _begin(self) -> None:
        self.fps = self._params.fps or self._capture.fps()
        self._times = FrameTimes(1 / self.fps, self._longest)
        self._read = 0

    def _grab(self) -> tuple[Image, float] | None:
        image, position = self._capture.read_timed()
        if image is None:
            return None
        shown = self._read / self._params.fps if self._params.fps else self._times(position)
        self._read += 1
        return _resized(image, self._params), shown

    def next(self) -> Image | None:
        frame, self._pending = self._pending or self._grab(), None
        if frame is None:
            self._tell_of_end()
            return None
        self._tell_of_times()
        image, self.stamp = frame
        return image

    def _tell_of_times(self) -> None:
        if self._times.jumps:
            self._say_once(f"{self.name}: its times jump by more than {self._longest:g} s or back: played without the gap")
        # FFmpeg gives Motion JPEG, which has no times, 25 images a second.
        elif (self._kind == "JPEG" and not self._params.fps) or self._times.unstamped == self._read - 1 == self._SAME:
            self._say_once(f"{self.name} has no times of its frames: played at {self.fps:g} frames a second (fps sets another "
                           "rate)")

    def _tell_of_end(self) -> None:
        try:
            missing = missing_bytes(self._path)
        except OSError:  # it was removed while it played
            return
        if missing:
            self._say_once(f"{self.name} ended after {counted(self._read, 'frame')}: the file is damaged, its last {missing} "
                           "bytes are missing")

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._say(text)

    def rewind(self) -> None:
        self._capture.release()
        self._capture = _Capture.of_file(self._path, bool(self._kind))
        self._begin()

    def close(self) -> None:
        self._capture.release()


class ImageFolder(Recorded):
    """Images in their order. One that cannot be read is skipped, and said.

    Args:
        left_out: what the folder holds besides, in words; empty where nothing.
    """

    def __init__(self, paths: list[Path], name: str, params: SourceParams, left_out: str = ""):
        self.name = name
        self.fps = params.fps or FPS
        self.length = len(paths)
        self._params = params
        self._paths = paths
        self._at = self._given = 0
        self._skipped: set[Path] = set()
        images = counted(len(paths), "image")
        self._find_one(images)
        if left_out:
            self._say(f"{name}: {images}; left out: {left_out}")

    def _find_one(self, images: str) -> None:
        """Raises SourceError where none can be read, with the reason of the first."""
        first = ""
        for path in self._paths:
            loaded = self._load(path)
            if not isinstance(loaded, str):
                return
            first = first or f"{path.name} {loaded}"
        raise SourceError(f"source '{self.name}': {images}, none of which can be read ({first})")

    def _load(self, path: Path) -> Image | str:
        """The image, or why there is none."""
        try:
            if path.stat().st_size > MOST_BYTES:
                return f"has more than {MOST_BYTES // 10**6} MB"
            data = path.read_bytes()  # imread fails on some paths that are not ASCII; the bytes do not care
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        size = size_of(data)
        image = decode(data)
        if image is not None:
            return image
        reason = too_large(size or (0, 0))
        return f"is too large: {reason}" if reason else "is not an image that can be read"

    def next(self) -> Image | None:
        while self._at < len(self._paths):
            path = self._paths[self._at]
            self._at += 1
            image = self._load(path)
            if not isinstance(image, str):
                self.stamp = self._given / self.fps
                self._given += 1
                return _resized(image, self._params)
            if path not in self._skipped:  # in a loop it would be said every time
                self._skipped.add(path)
                self._say(f"{path} {image}: skipped")
        return None

    def rewind(self) -> None:
        self._at = self._given = 0

    def close(self) -> None:
        self._at = len(self._paths)


class _Paced(Source):
    """Plays recorded frames: at their times or as fast as they are read, once or in a loop."""

    finite = True

    def __init__(self, recorded: Recorded, params: SourceParams):
        self.name = recorded.name
        self.finite = not params.loop
        self.rate, self.length = recorded.fps, recorded.length
        self._recorded = recorded
        self._loop = params.loop
        self._pace = _Pace() if params.realtime else None
        self._step = 1 / recorded.fps  # between the last two frames
        self._lock = threading.Lock()
        self._closed = False

    def read(self) -> Image | None:
        with self._lock:
            if self._closed:
                return None
            image = self._next()
            self.notice, self._recorded.notice = self._recorded.notice, ""
        if image is not None and self._pace and self.stamp is not None:
            self._pace.wait(self.stamp, self.interrupted)
        return image

    def _next(self) -> Image | None:
        image = self._recorded.next()
        if image is None and self._loop:
            self._recorded.rewind()
            image = self._recorded.next()
            if self._pace:
                self._pace.restart((self.stamp or 0.0) + self._step)
        elif image is not None and self.stamp is not None:
            self._step = self._recorded.stamp - self.stamp
        if image is not None:
            self.stamp = self._recorded.stamp
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


class StreamSource(Source):
    """A network stream (RTSP, HTTP). One with an end, a video on a web server say, plays once."""

    _TIMEOUT_MS = 5000

    def __init__(self, url: str, params: SourceParams):
        self.name = without_secrets(url)
        scheme = url.partition("://")[0].lower()
        if scheme not in SCHEMES:
            raise SourceError(f"source '{self.name}': {scheme}:// is no stream that is read ({', '.join(SCHEMES)})")
        self._params = params
        options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, self._TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, self._TIMEOUT_MS]
        self._capture = _Capture.of_stream(url, options)
        if not self._capture.is_open():
            raise SourceUnavailable(f"stream {self.name} cannot be opened: check the address and that its server runs"
                                    + _hint_on_password(url))
        reason = too_large(self._capture.size())
        if reason:
            self._capture.release()
            raise SourceError(f"stream {self.name} is not read: {reason}")
        self._expected = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self._read = 0
        self.finite = 0 < self._expected < 1e9
        self._pace = _Pace() if self.finite and params.realtime else None
        self._times = FrameTimes(1 / self._capture.fps())

    def read(self) -> Image | None:
        image, position = self._capture.read_timed()
        if image is not None:
            if self.finite:
                self.stamp = self._read / self._params.fps if self._params.fps else self._times(position)
            self._read += 1
            if self._pace and self.stamp is not None:
                self._pace.wait(self.stamp, self.interrupted)
            return _resized(image, self._params)
        if self.finite:
            if self._read < 0.9 * self._expected:
                self.notice = f"stream {self.name} ended after {self._read} of about {self._expected:.0f} frames"
            return None
        raise SourceUnavailable(f"stream {self.name} stopped giving images")

    def close(self) -> None:
        self._ended = True
        self._capture.release()


def _hint_on_password(url: str) -> str:
    """What to do where a password in a URL cuts it in the wrong place; empty where none does."""
    if re.match(r"[^:]+://[^/?#@]*[/?#].*@", url) is None:
        return ""
    return ". If its password holds one of / ? # @ it must be percent-encoded (%2F %3F %23 %40)"
