# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Faces in an image: YuNet or CenterFace through onnxruntime."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.media.encodings import bgr_of
from fer_ros.media.scaling import resized
from fer_ros.models.inference import InferenceParams, open_session
from fer_ros.parameters.params import given_or_named, param, specs, takes
from fer_ros.perception.detector_networks import NETWORKS, Found
from fer_ros.resources import model_file
from fer_ros.types import Box, Face, Image, intersection_over_union

_SMALLEST_INPUT = 64
_SMALLEST_IMAGE = 8
"""Pixels; nobody is looked for in smaller ones, because older OpenCVs cannot enlarge a single pixel."""
_TILE = 128
"""Pixels, width and height, in which the network sees the surroundings of a known face."""
_AROUND = 1.4
"""How wide these are, in face sizes. The wider, the smaller the face, and the more tilted ones are missed: `fer-ros bench
alignment` tells how many of those that a search finds are found again."""
_SAME = 0.3
"""Intersection over union with what was expected from which on it is that face."""


@dataclass(frozen=True)
class DetectorParams:
    """What counts as a face, and how closely to look."""

    model: str = param(
        "face_detection_yunet_2023mar.onnx",
        "ONNX file of a YuNet or a CenterFace: a name in share/fer_ros/models, or a path. centerface.onnx finds more, tilted "
        "faces above all, and takes several times as long.", live=False,
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
    detect_every: int = param(
        1, "Faces are looked for in every so many frames; in those between, the known ones are expected to go on as they "
        "moved. Takes less time, and even the first face may come so many frames later.", range=(1, 30),
    )
    search_period: float = param(
        0.2, "The whole image is searched for new faces about so often, and whenever nobody is known or somebody is missing; "
        "those who are known are looked for around where they are expected, as long as that is clearly less work. 0 searches "
        "it every time.", unit="s", range=(0.0, 10.0),
    )
    rest_period: float = param(
        0.2, "Once nobody has been in view for 5 s, faces are looked for about so often and not in every image: whoever comes "
        "then is found so much later, at most. 0 looks in every image.", unit="s", range=(0.0, 10.0),
    )
    still_period: float = param(
        0.07, "While everybody who is known keeps still, faces are looked for about so often and not in every image: with 30 "
        "images a second in every other one. 0 looks in every image.", unit="s", range=(0.0, 1.0),
    )
    max_faces: int = param(32, "Only the best scored faces are kept, up to so many.", range=(1, 1000))

    def __post_init__(self) -> None:
        if self.inference_size == 0 and self.min_face_size == 0:
            raise ValueError("inference_size of 0 is chosen by min_face_size, which is 0: set one of them")
        if 0 < self.inference_size < _SMALLEST_INPUT:
            raise ValueError(f"inference_size must be 0, or from {_SMALLEST_INPUT} to 2048 px, not {self.inference_size}")

    def size_for(self, longer_side: int, seen_from: int) -> int:
        """Longer side of the network's input, before it is rounded, for a frame with such a longer side.

        Args:
            seen_from: pixels that a face must span there to be found.
        """
        if self.inference_size:
            return self.inference_size
        return min(max(math.ceil(longer_side * seen_from / self.min_face_size), _SMALLEST_INPUT), 2048)


def eye_roll(right_eye: NDArray[Any], left_eye: NDArray[Any]) -> float:
    """Roll of a face in radians, from the (x, y) of the person's right eye (left on the screen) and left eye."""
    return math.atan2(float(left_eye[1] - right_eye[1]), float(left_eye[0] - right_eye[0]))


def letterbox(image: Image, longer_side: int) -> tuple[NDArray[Any], float]:
    """Scale an image to a longer side and pad it at the right and bottom to multiples of 32.

    Returns:
        The HxWx3 uint8 image, and the factor from its pixels to those of `image`.
    """
    height, width = image.shape[:2]
    longer_side = _multiple(longer_side)
    scale = longer_side / max(height, width)
    image = resized(image, max(1, round(width * scale)), max(1, round(height * scale)))
    bottom, right = -image.shape[0] % 32, -image.shape[1] % 32
    if bottom or right:
        image = cast(Image, cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT))
    return image, 1 / scale


def _with_free_input(content: bytes) -> bytes:
    for network in NETWORKS:
        content = network.with_free_input(content)
    return content


_BY_NAME = {spec.name: spec for group in (DetectorParams, InferenceParams) for spec in specs(group)
            if spec.name not in ("detect_every", "search_period", "rest_period", "still_period")}
"""What a detector alone takes: the others are about several frames."""


@takes(_BY_NAME)
class FaceDetector:
    """Finds the faces of a picture.

    >>> from fer_ros import FaceDetector, open_source
    >>> detect = FaceDetector(inference_size=640)
    >>> with open_source("demo") as source:
    ...     [face] = detect(next(source).image)
    >>> left, top, right, bottom = face.box.xyxy  # in pixels
    >>> 0 < left < right < 640, face.score > 0.6, face.landmarks.shape
    (True, True, (5, 2))

    One instance serves one thread.

    Attributes:
        params: what counts as a face, and how closely to look.
        provider: onnxruntime's execution provider.
    """

    def __init__(self, params: DetectorParams | None = None, inference: InferenceParams | None = None, **parameters: Any):
        """Load the network.

        Args:
            params, inference: in place of parameters by name.
            parameters: see the class.

        Raises:
            FileNotFoundError: the model is not there.
            TypeError: there is no such parameter; the text names the nearest one.
            ValueError: a parameter's value is not allowed, the model is another network, or the provider is not to be had.
        """
        params, inference = given_or_named({DetectorParams: params, InferenceParams: inference}, parameters, _BY_NAME)
        self.params = params
        path = model_file(params.model)
        self._session = open_session(path, inference, _with_free_input)
        found = [network for network in NETWORKS if network.is_in(self._session)]
        if not found:
            raise ValueError(f"{path} is neither a YuNet (2023mar) nor a CenterFace with a free input size")
        self._network = found[0]
        self._input = self._session.get_inputs()[0].name
        self.provider = self._session.get_providers()[0]
        self._regions: dict[str, _Region] = {}  # in which each face was followed the last time, by its id

    def __call__(self, image: NDArray[Any], *, encoding: str | None = None) -> list[Face]:
        """The faces of an image, best first.

        Args:
            image: uint8 from 0 to 255, (H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA; a video's or a camera's frames are better
                given to a `fer_ros.Pipeline`, which follows faces.
            encoding: what else the array holds, `rgb8`, `rgba8`, `bgra8`, `bgr8` or `mono8`.

        Returns:
            Boxes and landmarks in pixels of `image`, without ids; empty where there is no face.

        Raises:
            TypeError: `image` is not an array.
            ValueError: it has another type or shape, or no pixels.
        """
        return self.detect(bgr_of(image, encoding))

    def detect(self, image: Image, known: Sequence[Face] = ()) -> list[Face]:
        """The faces of an image, best first, without ids.

        Args:
            image: HxWx3 uint8, BGR.
            known: what `follow` found in it. These stay as they are, but how good each is, and so whether it is one of the
                `max_faces` best, says what is seen of it here.

        Raises:
            ValueError: `image` has another shape or type, or no pixels.
        """
        _check(image)
        if min(image.shape[:2]) < _SMALLEST_IMAGE:
            return list(known)
        params = self.params
        network = self._network
        size = params.size_for(max(image.shape[:2]), network.SEEN_FROM)
        boxes, scores, points, factor = self._look(image, size)
        if size > 2 * network.COARSE:
            coarse = self._look(image, network.COARSE)[:3]
            boxes, scores, points = _joined((boxes, scores, points), coarse, network.WHOLE_UP_TO * factor)
        found = self._chosen(boxes, scores, points)
        if known:
            found = _merged(found, known, params.nms_threshold)
        return found[: params.max_faces]

    def worth_following(self, image: Image, count: int) -> bool:
        """Whether to look around so many known faces takes at most two thirds of a search of the whole image.

        As pixels tell it, which they do on a CPU; others would have to prepare for each number of faces.
        """
        if self.provider != "CPUExecutionProvider" or min(image.shape[:2]) < _SMALLEST_IMAGE:
            return False
        longer, shorter = max(image.shape[:2]), min(image.shape[:2])
        size = self.params.size_for(longer, self._network.SEEN_FROM)
        looks = [size, self._network.COARSE] if size > 2 * self._network.COARSE else [size]
        whole = sum(_multiple(look) * _multiple(_multiple(look) * shorter / longer) for look in looks)
        return 0 < count * _TILE**2 <= whole * 2 / 3

    def follow(self, image: Image, expected: Sequence[Face]) -> list[Face] | None:
        """The faces of an image that are known already, best first, without ids; None where one of them is not found.

        The network sees the surroundings of each, side by side in one input.

        Args:
            image: HxWx3 uint8, BGR.
            expected: faces with the boxes that they should have by now, in pixels, about. By its id, one that hardly moves is
                seen in the same pixels as the last time.

        Raises:
            ValueError: `image` has another shape or type, or no pixels.
        """
        _check(image)
        if not expected:
            return []
        regions = [_Region.around(face.box, self._regions.get(face.id)) for face in expected]
        self._regions = {face.id: region for face, region in zip(expected, regions, strict=True) if face.id}
        seen, corners, factors = _side_by_side(image, regions)
        boxes, scores, points = self._run(seen)
        # What lies across two belongs to the one with its centre.
        tiles = ((boxes[:, 0] + boxes[:, 2] / 2) // _TILE).clip(0, len(expected) - 1).astype(int)
        factor, corner = factors[tiles], corners[tiles]
        boxes, points = boxes * factor[:, None], points * factor[:, None, None] + corner[:, None]
        boxes[:, :2] += corner
        found, known = self._chosen(boxes, scores, points), []
        for face in expected:
            overlaps = [intersection_over_union(face.box, other.box) for other in found]
            if max(overlaps, default=0.0) < _SAME:
                return None
            known.append(found.pop(overlaps.index(max(overlaps))))
        return sorted(known, key=lambda face: -face.score)[: self.params.max_faces]

    def bare(self, image: Image) -> Callable[[], object]:
        """The network alone on an image, scaled and laid out beforehand: what no detection with it can be faster than."""
        seen, _ = letterbox(image, self.params.size_for(max(image.shape[:2]), self._network.SEEN_FROM))
        blob = self._network.blob(seen)
        return lambda: self._session.run(self._network.OUTPUTS, {self._input: blob})

    def _look(self, image: Image, size: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], float]:
        """What is seen at a size, in pixels of the image, and the factor from the network's pixels to these."""
        seen, factor = letterbox(image, size)
        boxes, scores, points = self._run(seen)
        boxes, points = boxes * factor, points * factor
        return boxes, scores, points, factor

    def _run(self, seen: NDArray[Any]) -> Found:
        height, width = seen.shape[:2]
        results = self._session.run(self._network.OUTPUTS, {self._input: self._network.blob(seen)})
        boxes, scores, points = self._network.decode(results, (height, width), self.params.score_threshold)
        finite = np.isfinite(boxes).all(axis=1) & np.isfinite(points).all(axis=(1, 2))
        return boxes[finite], scores[finite], points[finite]

    def _chosen(self, boxes: NDArray[Any], scores: NDArray[Any], points: NDArray[Any]) -> list[Face]:
        """The faces among what was found, best first: large enough, each once."""
        params = self.params
        sizes = boxes[:, 2:]
        large = (sizes.max(axis=1, initial=0) >= params.min_face_size) & (sizes >= 1).all(axis=1)
        boxes, scores, points = boxes[large], scores[large], points[large]
        if len(boxes) == 0:
            return []
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), params.score_threshold, params.nms_threshold)
        return [self._face(boxes[i], float(scores[i]), points[i]) for i in np.asarray(kept, dtype=int).ravel()]

    @staticmethod
    def _face(box: NDArray[Any], score: float, points: NDArray[Any]) -> Face:
        x, y, width, height = (float(value) for value in box)
        roll = eye_roll(points[0], points[1])
        return Face(Box(x + width / 2, y + height / 2, width, height, roll), score, points.astype(np.float32))


def _check(image: Image) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ValueError(f"expected an HxWx3 uint8 image, got {image.shape} {image.dtype}")


class _Region(NamedTuple):
    """A square part of an image, in pixels; it may go beyond the border."""

    left: int
    top: int
    side: int

    @classmethod
    def around(cls, box: Box, last: _Region | None) -> _Region:
        """The surroundings of a face; the last ones as long as they still fit.

        What the network sees of a face depends a little on where the face lies in its input, and where it lies on what was
        seen: without that a face at rest would go on trembling.
        """
        wanted = max(_AROUND * max(box.width, box.height), 8.0)
        if last is not None:
            away = max(abs(last.left + last.side / 2 - box.cx), abs(last.top + last.side / 2 - box.cy))
            if away <= 0.1 * last.side and abs(math.log2(wanted / last.side)) <= 0.2:
                return last
        size = round(4 * math.log2(wanted / _TILE)) / 4
        unit = _unit(_TILE * 2**size)
        side = round(_TILE * 2**size / unit) * unit
        return cls(round(box.cx - side / 2), round(box.cy - side / 2), side)


def _unit(side: float) -> int:
    """Of what a side should be a multiple, so that it can be halved down to a tile."""
    return 1 << max(math.floor(math.log2(side / _TILE)), 0)


def _side_by_side(image: Image, regions: Sequence[_Region]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Parts of an image, scaled to tiles.

    Returns:
        The `_TILE` x N * `_TILE` x 3 uint8 image, (N, 2) float32 where its left upper corner would be in the pixels of `image`
        were it all of that tile, and (N,) float32 factors from its pixels to those.
    """
    seen = np.zeros((_TILE, _TILE * len(regions), 3), np.uint8)
    corners, factors = np.empty((len(regions), 2), np.float32), np.empty(len(regions), np.float32)
    for i, (left, top, side) in enumerate(regions):
        unit = _unit(side)
        part = image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
        part = part[: part.shape[0] // unit * unit, : part.shape[1] // unit * unit]
        factors[i] = side / _TILE
        corners[i] = max(left, 0) - i * side, max(top, 0)
        if part.size:
            part = resized(part, *(max(1, round(length * _TILE / side)) for length in part.shape[1::-1]))
            seen[: part.shape[0], i * _TILE : i * _TILE + part.shape[1]] = part
    return seen, corners, factors


def _merged(found: Sequence[Face], known: Sequence[Face], threshold: float) -> list[Face]:
    """What a search found, best first, with known faces in place of those that overlap with them by more than a threshold."""
    ranks: list[tuple[float, Face]] = []
    left = list(range(len(known)))
    for face in found:
        overlaps = [intersection_over_union(face.box, other.box) for other in known]
        same = overlaps.index(max(overlaps))
        if overlaps[same] <= threshold:
            ranks.append((face.score, face))
        elif same in left:
            left.remove(same)
            ranks.append((face.score, known[same]))
    ranks += [(known[i].score, known[i]) for i in left]
    return [face for _, face in sorted(ranks, key=lambda rank: -rank[0])]


def _multiple(length: float) -> int:
    """The next multiple of 32."""
    return math.ceil(length / 32) * 32


def _joined(fine: tuple[NDArray[Any], ...], coarse: tuple[NDArray[Any], ...], largest: float) -> tuple[NDArray[Any], ...]:
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
