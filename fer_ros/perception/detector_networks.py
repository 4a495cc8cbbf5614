# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The networks that find faces: what each expects, and what its answers mean.

All take (1, 3, H, W) float32 from 0 to 255, H and W multiples of 32. Their published files fix H and W, yet they are
convolutional and work at any size: `with_free_input` replaces the fixed dimensions by open ones that take the same number of
bytes in protobuf, so that no length in the file changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Found = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
"""Boxes (N, 4) as x, y, width, height, scores (N,) from 0 to 1, and landmarks (N, 5, 2), all in the network's pixels: the
person's right eye (left on the screen), left eye, nose, right and left corner of the mouth."""


class Network(Protocol):
    """A kind of network.

    Attributes:
        SEEN_FROM: pixels that a face must span in the network's input to be found.
        WHOLE_UP_TO: pixels that a face may span there to be seen as one: a larger one falls into parts, or is missed.
        COARSE: longer side of a second look for such faces. Up to twice that the first look finds even faces that fill the
            frame.
    """

    OUTPUTS: Sequence[str]
    SEEN_FROM: int
    WHOLE_UP_TO: int
    COARSE: int

    @classmethod
    def with_free_input(cls, content: bytes) -> bytes:
        """An ONNX file with its input's size left open; another network's file as it is."""

    @classmethod
    def is_in(cls, session: InferenceSession) -> bool:
        """Whether an opened file is this network."""

    @staticmethod
    def blob(seen: NDArray[Any]) -> NDArray[Any]:
        """The input made of an HxWx3 uint8 BGR image."""

    @classmethod
    def decode(cls, results: list[NDArray[Any]], shape: tuple[int, int], threshold: float) -> Found:
        """The faces from a score on, many of them several times; numbers may be not finite.

        Args:
            results: the `OUTPUTS`.
            shape: H and W of the input.
        """


def _is_open(session: InferenceSession, outputs: Sequence[str]) -> bool:
    """Whether it has these outputs and an image of any size as its input."""
    shape = session.get_inputs()[0].shape
    return ({output.name for output in session.get_outputs()}.issuperset(outputs) and len(shape) == 4
            and not isinstance(shape[2], int))


class YuNet:
    """W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023."""

    STRIDES = (8, 16, 32)
    OUTPUTS: Sequence[str] = tuple(f"{kind}_{stride}" for stride in (8, 16, 32) for kind in ("cls", "obj", "bbox", "kps"))
    SEEN_FROM = 18
    WHOLE_UP_TO = 400
    COARSE = 320
    # Two dimensions, as values (640) and as names ("h", "w").
    _FIXED = b"\x0a\x03\x08\x80\x05\x0a\x03\x08\x80\x05"
    _FREE = b"\x0a\x03\x12\x01h\x0a\x03\x12\x01w"

    @classmethod
    def with_free_input(cls, content: bytes) -> bytes:
        return content.replace(cls._FIXED, cls._FREE)

    @classmethod
    def is_in(cls, session: InferenceSession) -> bool:
        return _is_open(session, cls.OUTPUTS)

    @staticmethod
    def blob(seen: NDArray[Any]) -> NDArray[Any]:
        return _planes(cv2.split(seen))

    @classmethod
    def decode(cls, results: list[NDArray[Any]], shape: tuple[int, int], threshold: float) -> Found:
        found: list[Found] = []
        for level, stride in enumerate(cls.STRIDES):
            cls_, obj, box, kps = (result[0] for result in results[level * 4 : level * 4 + 4])
            squared = cls_[:, 0] * obj[:, 0]
            chosen = np.flatnonzero(squared >= threshold**2)
            if len(chosen) == 0:
                continue
            cell = _grid(shape[0] // stride, shape[1] // stride)[chosen]
            centre = (cell + box[chosen, :2]) * stride
            with np.errstate(over="ignore"):
                size = np.exp(box[chosen, 2:]) * stride
            points = (kps[chosen].reshape(-1, 5, 2) + cell[:, None]) * stride
            found.append((np.concatenate([centre - size / 2, size], axis=1), np.sqrt(squared[chosen].clip(0, 1)), points))
        if not found:
            return np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32)
        if len(found) == 1:
            return found[0]
        boxes, scores, landmarks = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return boxes, scores, landmarks


class CenterFace:
    """Y. Xu, W. Yan, G. Yang, J. Luo, T. Li, J. He, "CenterFace: Joint Face Detection and Alignment Using Face as Point",
    Scientific Programming 2020."""

    STRIDE = 4
    OUTPUTS: Sequence[str] = ("537", "538", "539", "540")  # heat map, sizes, offsets, landmarks
    SEEN_FROM = 16
    WHOLE_UP_TO = 600
    COARSE = 320

    @classmethod
    def with_free_input(cls, content: bytes) -> bytes:
        fixed = _dimensions(10, 3, 32, 32)
        if fixed not in content:
            return content
        for channels, size in ((3, 32), (1, 8), (2, 8), (10, 8)):
            content = content.replace(_dimensions(10, channels, size, size), _dimensions(None, channels, None, None))
        # The file lists its weights among its inputs. Where it says that it is of version 4, onnxruntime takes them for
        # inputs that may change, and folds nothing, which takes much longer. In version 3 all weights are listed so.
        return content.replace(b"\x08\x04", b"\x08\x03", 1) if content.startswith(b"\x08\x04") else content

    @classmethod
    def is_in(cls, session: InferenceSession) -> bool:
        return _is_open(session, cls.OUTPUTS)

    @staticmethod
    def blob(seen: NDArray[Any]) -> NDArray[Any]:
        return _planes(cv2.split(seen)[::-1])

    @classmethod
    def decode(cls, results: list[NDArray[Any]], shape: tuple[int, int], threshold: float) -> Found:
        heat, sizes, offsets, landmarks = (result[0] for result in results)
        # The root makes a score of 0.6 about as strict as YuNet's, whose score is a geometric mean.
        score = np.sqrt(np.clip(heat[0], 0, 1))
        y, x = np.nonzero(score >= threshold)
        with np.errstate(over="ignore"):
            size = np.exp(sizes[::-1, y, x].T) * cls.STRIDE  # height comes first, and width here
        corner = (np.stack([x, y], axis=1) + offsets[::-1, y, x].T + 0.5) * cls.STRIDE - size / 2
        points = landmarks[:, y, x].T.reshape(-1, 5, 2)[..., ::-1] * size[:, None] + corner[:, None]
        return np.concatenate([corner, size], axis=1), score[y, x], points


NETWORKS: tuple[type[Network], ...] = (YuNet, CenterFace)


def _planes(channels: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """(1, C, H, W) float32, one channel's plane after the other in memory: onnxruntime would have to copy it otherwise."""
    blob = np.empty((1, len(channels), *channels[0].shape), np.float32)
    for plane, channel in zip(blob[0], channels, strict=True):
        plane[:] = channel
    return blob


@lru_cache(maxsize=16)
def _grid(rows: int, columns: int) -> NDArray[Any]:
    """(rows * columns, 2) float32, the (x, y) of every cell in the order of the network's output."""
    y, x = np.mgrid[:rows, :columns]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


def _dimensions(*values: int | None) -> bytes:
    """Dimensions of a tensor as protobuf writes them: each by its value below 128, or by a name that is empty."""
    return b"".join(bytes([0x0A, 2, 0x12, 0] if value is None else [0x0A, 2, 0x08, value]) for value in values)
