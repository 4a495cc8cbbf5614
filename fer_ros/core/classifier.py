"""What a face shows: an emotion network through onnxruntime, fed as its own metadata says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from fer_ros.core.labels import EMOTIONS
from fer_ros.core.params import param
from fer_ros.core.resources import model_file
from fer_ros.core.session import InferenceParams, open_session

COLOURS = {"grey": cv2.COLOR_BGR2GRAY, "rgb": cv2.COLOR_BGR2RGB, "bgr": None}


@dataclass(frozen=True)
class ClassifierParams:
    """Which network."""

    model: str = param("emotion.onnx", "ONNX file of the emotion network: a name in share/fer_ros/models, or a path.",
                       live=False)
    max_faces: int = param(64, "Of more faces in an image only the best scored are classified.", range=(1, 1000))


@dataclass(frozen=True)
class ModelMetadata:
    """How to feed a network, written into the ONNX file by whoever exported it.

    A pixel v in 0..255 becomes (v * scale - mean) / std. Logits are divided by `temperature` before the softmax.

    Attributes:
        name: the model's id, as it is published.
        labels: its classes in the order of its output: the seven of `EMOTIONS`, in any order.
        input_size: side of its square input in pixels.
        colour: `grey` (one channel), `rgb` or `bgr`.
    """

    name: str
    labels: tuple[str, ...]
    input_size: int
    colour: str
    scale: float
    mean: float
    std: float
    temperature: float

    @classmethod
    def parse(cls, entries: Mapping[str, str], where: str) -> ModelMetadata:
        """From an ONNX file's metadata entries.

        Raises:
            ValueError: an entry is missing or wrong; the text names it.
        """
        try:
            meta = cls(
                name=entries["name"],
                labels=tuple(label.strip() for label in entries["labels"].split(",")),
                input_size=int(entries["input_size"]),
                colour=entries["colour"],
                scale=float(entries["scale"]),
                mean=float(entries["mean"]),
                std=float(entries["std"]),
                temperature=float(entries["temperature"]),
            )
        except KeyError as error:
            raise ValueError(
                f"{where} has no metadata entry {error}: export it with fer_ros.training.export, or add it"
            ) from None
        except ValueError as error:
            raise ValueError(f"{where} has a metadata entry that is no number: {error}") from None
        numbers = np.array([meta.scale, meta.mean, meta.std, meta.temperature])
        if not np.isfinite(numbers).all() or min(meta.scale, meta.std, meta.temperature) <= 0:
            raise ValueError(f"{where}: scale, std and temperature must be positive numbers")
        if sorted(meta.labels) != sorted(EMOTIONS):
            raise ValueError(f"{where} knows {', '.join(meta.labels)}; the graph needs exactly {', '.join(EMOTIONS)}")
        if meta.colour not in COLOURS:
            raise ValueError(f"{where}: colour must be one of {', '.join(COLOURS)}, not {meta.colour!r}")
        if not 8 <= meta.input_size <= 1024:
            raise ValueError(f"{where}: input_size must be from 8 to 1024, not {meta.input_size}")
        return meta


class EmotionClassifier:
    """Probabilities of the seven emotions for face crops. One instance serves one thread."""

    def __init__(self, params: ClassifierParams = ClassifierParams(), inference: InferenceParams = InferenceParams()):
        """Load the network.

        Raises:
            FileNotFoundError: the model is not there.
            ValueError: it is not an emotion network, its metadata is wrong, or the provider is not to be had.
        """
        path = model_file(params.model)
        self._session = open_session(path, str(path), inference)
        self.metadata = ModelMetadata.parse(self._session.get_modelmeta().custom_metadata_map, str(path))
        self.provider = self._session.get_providers()[0]
        node = self._session.get_inputs()[0]
        channels = 1 if self.metadata.colour == "grey" else 3
        size = self.metadata.input_size
        # A dimension is a number where it is fixed and a name or None where it is free.
        fixed = zip(node.shape[1:], (channels, size, size), strict=True) if len(node.shape) == 4 else [(0, 1)]
        if any(isinstance(have, int) and have != want for have, want in fixed):
            raise ValueError(f"{path} takes {node.shape}, its metadata says (N, {channels}, {size}, {size})")
        self._input = node.name
        self._batch = node.shape[0] if isinstance(node.shape[0], int) else None
        self._order = [self.metadata.labels.index(emotion) for emotion in EMOTIONS]
        # A wrong output shape or input type is found here and not at the first face.
        try:
            self(np.zeros((1, size, size, 3), np.uint8))
        except Exception as error:  # onnxruntime raises a family of types that share no public base
            raise ValueError(f"{path} is not an emotion network: {error}") from error

    @property
    def input_size(self) -> int:
        return self.metadata.input_size

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """Classify face crops.

        Args:
            crops: (N, S, S, 3) uint8, BGR, S = `input_size`.

        Returns:
            (N, 7) float32 probabilities in the order of `EMOTIONS`; every row sums to 1.

        Raises:
            ValueError: the network's output is not (N, 7) finite numbers.
        """
        if len(crops) == 0:
            return np.empty((0, len(EMOTIONS)), np.float32)
        inputs = self._prepare(crops)
        step = self._batch or len(inputs)
        batches = []
        for start in range(0, len(inputs), step):
            batch = inputs[start : start + step]
            # A model exported with a fixed batch gets its last batch filled up.
            padded = np.pad(batch, [(0, step - len(batch))] + [(0, 0)] * 3) if len(batch) < step else batch
            batches.append(self._session.run(None, {self._input: padded})[0][: len(batch)])
        logits = np.concatenate(batches)
        if logits.shape != (len(crops), len(EMOTIONS)) or not np.isfinite(logits).all():
            raise ValueError(f"{self.metadata.name} gave {logits.shape} or not finite numbers for {len(crops)} faces")
        logits = logits[:, self._order].astype(np.float64) / self.metadata.temperature
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)

    def _prepare(self, crops: np.ndarray) -> np.ndarray:
        meta = self.metadata
        conversion = COLOURS[meta.colour]
        if conversion is not None:
            crops = np.stack([cv2.cvtColor(crop, conversion) for crop in crops])
        planes = crops[:, None] if meta.colour == "grey" else crops.transpose(0, 3, 1, 2)
        return (planes.astype(np.float32) * np.float32(meta.scale) - np.float32(meta.mean)) / np.float32(meta.std)
