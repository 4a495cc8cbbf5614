"""Faces in an image: YuNet through onnxruntime.

YuNet: W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20, 2023.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from fer_ros.core.params import param
from fer_ros.core.resources import model_file
from fer_ros.core.session import InferenceParams, open_session
from fer_ros.core.types import Box, Face, Image

STRIDES = (8, 16, 32)
_SMALLEST_INPUT = 64
_SEEN_FROM = 18
"""Pixels that a face must span in the network's input to be found."""
_WHOLE_UP_TO = 400
"""Pixels that a face may span there to be seen as one: a larger one falls into parts, or is missed."""
_COARSE = 320
"""Longer side of a second look for such faces. Up to twice that the first look finds even faces that fill the frame."""
# The published file fixes its input at 640x640, yet the network is convolutional: any multiple of 32 works. Two
# dimensions written as values (640) and as names ("h", "w") take the same number of bytes in protobuf.
_FIXED_INPUT = b"\x0a\x03\x08\x80\x05\x0a\x03\x08\x80\x05"
_FREE_INPUT = b"\x0a\x03\x12\x01h\x0a\x03\x12\x01w"


@dataclass(frozen=True)
class DetectorParams:
    """What counts as a face, and how closely to look."""

    model: str = param(
        "face_detection_yunet_2023mar.onnx",
        "YuNet's ONNX file: a name in share/fer_ros/models, or a path.", live=False,
    )
    inference_size: int = param(
        320,
        "Longer side of the image that the network sees, rounded up to a multiple of 32; the frame is scaled to it, "
        "its aspect kept. A face must span about 18 pixels there to be found. 0 takes what finds faces of min_face_size.",
        unit="px", range=(0, 2048),
    )
    score_threshold: float = param(0.6, "Detections below this score are dropped.", range=(0.05, 1.0))
    nms_threshold: float = param(
        0.3, "Of two detections that overlap more than this (intersection over union), the weaker one is dropped.",
        range=(0.0, 1.0),
    )
    min_face_size: int = param(
        0, "Faces whose longer side is below this are dropped.", unit="px", range=(0, 4096)
    )
    max_faces: int = param(32, "Only the best scored faces are kept, up to so many.", range=(1, 1000))

    def __post_init__(self) -> None:
        if self.inference_size == 0 and self.min_face_size == 0:
            raise ValueError("inference_size of 0 is chosen by min_face_size, which is 0: set one of them")
        if 0 < self.inference_size < _SMALLEST_INPUT:
            raise ValueError(f"inference_size must be 0, or from {_SMALLEST_INPUT} to 2048 px, not {self.inference_size}")

    def size_for(self, longer_side: int) -> int:
        """Longer side of the network's input for a frame with such a longer side, before it is rounded."""
        if self.inference_size:
            return self.inference_size
        return min(max(math.ceil(longer_side * _SEEN_FROM / self.min_face_size), _SMALLEST_INPUT), 2048)


def eye_roll(right_eye: np.ndarray, left_eye: np.ndarray) -> float:
    """Roll of a face in radians, from the (x, y) of the person's right eye (left on the screen) and left eye."""
    return math.atan2(float(left_eye[1] - right_eye[1]), float(left_eye[0] - right_eye[0]))


def letterbox(image: Image, longer_side: int) -> tuple[np.ndarray, float]:
    """Scale an image to a longer side and pad it at the right and bottom to multiples of 32.

    Returns:
        The HxWx3 uint8 image, and the factor from its pixels to those of `image`.
    """
    height, width = image.shape[:2]
    longer_side = math.ceil(longer_side / 32) * 32
    scale = longer_side / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    if scale != 1:
        image = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    bottom, right = -new_height % 32, -new_width % 32
    if bottom or right:
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT)
    return image, 1 / scale


@lru_cache(maxsize=16)
def _grid(rows: int, columns: int) -> np.ndarray:
    """(rows * columns, 2) float32, the (x, y) of every cell in the order of the network's output."""
    y, x = np.mgrid[:rows, :columns]
    return np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)


class FaceDetector:
    """Finds faces. One instance serves one thread."""

    def __init__(self, params: DetectorParams, inference: InferenceParams = InferenceParams()):
        """Load the network.

        Raises:
            FileNotFoundError: the model is not there.
            ValueError: it is not a YuNet, or the provider is not to be had.
        """
        self.params = params
        path = model_file(params.model)
        self._session = open_session(path.read_bytes().replace(_FIXED_INPUT, _FREE_INPUT), str(path), inference)
        self._outputs = [f"{kind}_{stride}" for stride in STRIDES for kind in ("cls", "obj", "bbox", "kps")]
        names = {output.name for output in self._session.get_outputs()}
        shape = self._session.get_inputs()[0].shape
        if not names.issuperset(self._outputs) or len(shape) != 4 or isinstance(shape[2], int):
            raise ValueError(f"{path} is not a YuNet (2023mar): it lacks the outputs cls_8 to kps_32 or a free input size")
        self._input = self._session.get_inputs()[0].name
        self.provider = self._session.get_providers()[0]

    def detect(self, image: Image) -> list[Face]:
        """The faces of an image, best first, without ids.

        Args:
            image: HxWx3 uint8, BGR.

        Raises:
            ValueError: `image` has another shape or type, or no pixels.
        """
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
            raise ValueError(f"expected an HxWx3 uint8 image, got {image.shape} {image.dtype}")
        if min(image.shape[:2]) < 8:  # no face, and older OpenCVs cannot enlarge a single pixel
            return []
        params = self.params
        size = params.size_for(max(image.shape[:2]))
        boxes, scores, points, factor = self._look(image, size)
        if size > 2 * _COARSE:
            boxes, scores, points = _joined((boxes, scores, points), self._look(image, _COARSE)[:3], _WHOLE_UP_TO * factor)
        large = boxes[:, 2:].max(axis=1, initial=0) >= params.min_face_size
        boxes, scores, points = boxes[large], scores[large], points[large]
        if len(boxes) == 0:
            return []
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), params.score_threshold, params.nms_threshold)
        kept = np.asarray(kept, dtype=int).ravel()[: params.max_faces]
        return [self._face(boxes[i], float(scores[i]), points[i]) for i in kept]

    def _look(self, image: Image, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """What is sound of `_decode` at a size, in pixels of the image, and the factor from the network's pixels to these."""
        seen, factor = letterbox(image, size)
        blob = seen.transpose(2, 0, 1)[None].astype(np.float32)
        results = self._session.run(self._outputs, {self._input: blob})
        boxes, scores, points = self._decode(results, seen.shape[0], seen.shape[1], self.params.score_threshold)
        boxes, points = boxes * factor, points * factor
        sound = np.isfinite(boxes).all(axis=1) & np.isfinite(points).all(axis=(1, 2)) & (boxes[:, 2:] >= 1).all(axis=1)
        return boxes[sound], scores[sound], points[sound], factor

    @staticmethod
    def _decode(results: list[np.ndarray], height: int, width: int, threshold: float) -> tuple[np.ndarray, ...]:
        """Boxes (N, 4) as x, y, width, height, scores (N,) and landmarks (N, 5, 2) above a score, in network pixels."""
        boxes, scores, points = [], [], []
        for level, stride in enumerate(STRIDES):
            cls, obj, box, kps = (result[0] for result in results[level * 4 : level * 4 + 4])
            score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
            chosen = np.flatnonzero(score >= threshold)
            cell = _grid(height // stride, width // stride)[chosen]
            centre = (cell + box[chosen, :2]) * stride
            with np.errstate(over="ignore"):  # what is not finite is left out by `_look`
                size = np.exp(box[chosen, 2:]) * stride
            boxes.append(np.concatenate([centre - size / 2, size], axis=1))
            scores.append(score[chosen])
            points.append((kps[chosen].reshape(-1, 5, 2) + cell[:, None]) * stride)
        return np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)

    @staticmethod
    def _face(box: np.ndarray, score: float, points: np.ndarray) -> Face:
        x, y, width, height = (float(value) for value in box)
        roll = eye_roll(points[0], points[1])
        return Face(Box(x + width / 2, y + height / 2, width, height, roll), score, points.astype(np.float32))


def _joined(fine: tuple[np.ndarray, ...], coarse: tuple[np.ndarray, ...], largest: float) -> tuple[np.ndarray, ...]:
    """Small faces of a fine look and large ones of a coarse one.

    Args:
        fine, coarse: boxes, scores and landmarks.
        largest: longer side that a face may have in the fine look to be seen as one.
    """
    small = fine[0][:, 2:].max(axis=1, initial=0) <= largest
    large = coarse[0][:, 2:].max(axis=1, initial=0) > largest / 2  # in between both may; the better one stays
    fine, coarse = tuple(part[small] for part in fine), tuple(part[large] for part in coarse)
    whole = coarse[0][:, 2:].max(axis=1, initial=0) > largest
    boxes, scores = coarse[0][whole], coarse[1][whole]
    # What the fine look makes of an eye or a nose of a large face.
    begin = np.maximum(fine[0][:, None, :2], boxes[:, :2])
    end = np.minimum(fine[0][:, None, :2] + fine[0][:, None, 2:], boxes[:, :2] + boxes[:, 2:])
    inside = (end - begin).clip(0).prod(axis=2) > 0.7 * fine[0][:, None, 2:].prod(axis=2)
    part = (inside & (fine[1][:, None] < scores)).any(axis=1)
    return tuple(np.concatenate([a[~part], b]) for a, b in zip(fine, coarse, strict=True))
