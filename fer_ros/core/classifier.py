"""What a face shows: an emotion network through onnxruntime, fed as its own metadata says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from fer_ros.core.labels import EMOTIONS
from fer_ros.core.params import param
from fer_ros.core.resources import emotion_model, model_file
from fer_ros.core.session import InferenceParams, open_session

COLOURS = {"grey": cv2.COLOR_BGR2GRAY, "rgb": cv2.COLOR_BGR2RGB, "bgr": None}


@dataclass(frozen=True)
class ClassifierParams:
    """Which network, and which of its answers."""

    model: str = param(
        "auto", "ONNX file of the emotion network: a name in share/fer_ros/models, or a path. auto takes emotion_int8.onnx, "
        "which is as accurate, on processors that are made for it (x86 with VNNI), and emotion.onnx on others; name one of "
        "them where answers must be the same on different machines.", live=False,
    )
    answer: str = param("", "Which of the network's answers counts, by name; empty takes its first. The shipped one has "
                        "ferplus (what ten people would say) and fer2013 (what FER2013's label would be).", live=False)
    faces_per_frame: int = param(
        3, "Of more faces, those that have waited longest are looked at in a frame, and all that are new or have waited for "
        "0.25 s; the others keep what they showed. 0 looks at all in every frame.", range=(0, 1000),
    )
    max_faces: int = param(64, "Of more faces in an image only the best scored are classified.", range=(1, 1000))


@dataclass(frozen=True)
class Answer:
    """One of the things that a network says about a face.

    Attributes:
        output: name of the ONNX output with the logits.
        labels: its classes, in the order of its columns: the seven of `EMOTIONS` and any others, in any order.
        temperature: what its logits are divided by before the softmax.
    """

    output: str
    labels: tuple[str, ...]
    temperature: float


@dataclass(frozen=True)
class ModelMetadata:
    """How to feed a network and read it, written into the ONNX file by whoever exported it.

    A pixel v in 0..255 becomes (v * scale - mean) / std.

    Attributes:
        name: the model's id, as it is published.
        answers: what it says, the default first. A file names the outputs in its entry `outputs`, with `labels.NAME` and
            `temperature.NAME` for each; one with a single output may do without, with just `labels` and `temperature`.
        input_size: side of its square input in pixels.
        colour: `grey` (one channel), `rgb` or `bgr`.
        entries: all of the file's entries as they are written, further ones too.
    """

    name: str
    answers: tuple[Answer, ...]
    input_size: int
    colour: str
    scale: float
    mean: float
    std: float
    entries: Mapping[str, str]

    @classmethod
    def parse(cls, entries: Mapping[str, str], where: str, outputs: Sequence[str]) -> ModelMetadata:
        """From an ONNX file's metadata entries and the names of its outputs.

        Raises:
            ValueError: an entry is missing or wrong; the text names it.
        """
        try:
            if "outputs" in entries:
                named = {name.strip(): f".{name.strip()}" for name in entries["outputs"].split(",")}
            else:
                named = {outputs[0]: ""}
            meta = cls(
                name=entries["name"],
                answers=tuple(
                    Answer(name, tuple(label.strip() for label in entries[f"labels{end}"].split(",")),
                           float(entries[f"temperature{end}"]))
                    for name, end in named.items()
                ),
                input_size=int(entries["input_size"]),
                colour=entries["colour"],
                scale=float(entries["scale"]),
                mean=float(entries["mean"]),
                std=float(entries["std"]),
                entries=dict(entries),
            )
        except KeyError as error:
            raise ValueError(f"{where} has no metadata entry {error}: export it with `fer-ros export`, or add it") from None
        except ValueError as error:
            raise ValueError(f"{where} has a metadata entry that is no number: {error}") from None
        temperatures = [answer.temperature for answer in meta.answers]
        numbers = np.array([meta.scale, meta.mean, meta.std, *temperatures])
        if not np.isfinite(numbers).all() or min(meta.scale, meta.std, *temperatures) <= 0:
            raise ValueError(f"{where}: scale, std and temperature must be positive numbers")
        for answer in meta.answers:
            if answer.output not in outputs:
                raise ValueError(f"{where} has the outputs {', '.join(outputs)}; its metadata names {answer.output}")
            if any(answer.labels.count(emotion) != 1 for emotion in EMOTIONS):
                raise ValueError(f"{where} knows {', '.join(answer.labels)}; the graph needs each of {', '.join(EMOTIONS)} "
                                 "once")
        if meta.colour not in COLOURS:
            raise ValueError(f"{where}: colour must be one of {', '.join(COLOURS)}, not {meta.colour!r}")
        if not 8 <= meta.input_size <= 1024:
            raise ValueError(f"{where}: input_size must be from 8 to 1024, not {meta.input_size}")
        return meta


class EmotionClassifier:
    """Probabilities of the seven emotions for face crops. One instance serves one thread.

    Attributes:
        metadata: what that says of itself.
        answer: which of its answers counts.
        provider: onnxruntime's execution provider.
    """

    def __init__(self, params: ClassifierParams = ClassifierParams(), inference: InferenceParams = InferenceParams()):
        """Load the network.

        Raises:
            FileNotFoundError: the model is not there.
            ValueError: it is not an emotion network, its metadata is wrong, it has no such answer, or the provider is not
                to be had.
        """
        path = model_file(emotion_model(params.model, inference.provider))
        self._session = open_session(path, inference)
        outputs = [output.name for output in self._session.get_outputs()]
        self.metadata = ModelMetadata.parse(self._session.get_modelmeta().custom_metadata_map, str(path), outputs)
        answers = {answer.output: answer for answer in self.metadata.answers}
        if params.answer and params.answer not in answers:
            raise ValueError(f"{path} has no answer {params.answer!r}: it has {', '.join(answers)}")
        self.answer = answers[params.answer] if params.answer else self.metadata.answers[0]
        self._columns = [self.answer.labels.index(emotion) for emotion in EMOTIONS]
        self.provider = self._session.get_providers()[0]
        node = self._session.get_inputs()[0]
        channels = 1 if self.is_grey else 3
        size = self.metadata.input_size
        # A dimension is a number where it is fixed and a name or None where it is free.
        fixed = zip(node.shape[1:], (channels, size, size), strict=True) if len(node.shape) == 4 else [(0, 1)]
        if any(isinstance(have, int) and have != want for have, want in fixed):
            raise ValueError(f"{path} takes {node.shape}, its metadata says (N, {channels}, {size}, {size})")
        self._input = node.name
        self._batch = node.shape[0] if isinstance(node.shape[0], int) else None
        # A wrong output shape or input type is found here and not at the first face.
        try:
            self.logits(np.zeros((1, size, size, 3), np.uint8), *self.metadata.answers)
        except Exception as error:  # onnxruntime raises a family of types that share no public base
            raise ValueError(f"{path} is not an emotion network: {error}") from error

    @property
    def input_size(self) -> int:
        return self.metadata.input_size

    @property
    def is_grey(self) -> bool:
        """Whether the network sees no colours."""
        return self.metadata.colour == "grey"

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """Classify face crops.

        Args:
            crops: (N, S, S, 3) uint8, BGR, S = `input_size`; where the network `is_grey` also (N, S, S) uint8.

        Returns:
            (N, 7) float32 probabilities in the order of `EMOTIONS`; every row sums to 1.

        Raises:
            ValueError: the network's output is not (N, 7) finite numbers.
        """
        (logits,) = self.logits(crops, self.answer)
        # Without the columns of other labels, the rest is as if there were none.
        logits = logits[:, self._columns]
        return probabilities(logits, self.answer.temperature)

    def bare(self, faces: int = 1) -> Callable[[], object]:
        """The network alone on so many faces: what no classification with it can be faster than."""
        inputs = self._prepare(np.zeros((self._batch or faces, self.input_size, self.input_size, 3), np.uint8))
        return lambda: self._session.run([self.answer.output], {self._input: inputs})

    def logits(self, crops: np.ndarray, *answers: Answer) -> list[np.ndarray]:
        """What the network itself says.

        Args:
            crops: as for a call.
            answers: which of `metadata.answers`.

        Returns:
            For each of `answers`, (N, len(labels)) float32 in the order of its labels, not divided by its temperature.

        Raises:
            ValueError: an output is not (N, len(labels)) finite numbers.
        """
        if len(crops) == 0:
            return [np.empty((0, len(answer.labels)), np.float32) for answer in answers]
        inputs = self._prepare(crops)
        step = self._batch or len(inputs)
        names = [answer.output for answer in answers]
        batches = []
        for start in range(0, len(inputs), step):
            batch = inputs[start : start + step]
            # A model exported with a fixed batch gets its last batch filled up.
            padded = np.pad(batch, [(0, step - len(batch))] + [(0, 0)] * 3) if len(batch) < step else batch
            batches.append([found[: len(batch)] for found in self._session.run(names, {self._input: padded})])
        outputs = [np.concatenate(parts) for parts in zip(*batches, strict=True)]
        for answer, found in zip(answers, outputs, strict=True):
            if found.shape != (len(crops), len(answer.labels)) or not np.isfinite(found).all():
                raise ValueError(f"{self.metadata.name} gave {found.shape} or not finite numbers for {len(crops)} faces and "
                                 f"{len(answer.labels)} labels")
        return outputs

    def _prepare(self, crops: np.ndarray) -> np.ndarray:
        meta = self.metadata
        conversion = COLOURS[meta.colour]
        if conversion is not None and crops.ndim == 4:
            crops = np.stack([cv2.cvtColor(crop, conversion) for crop in crops])
        planes = crops[:, None] if self.is_grey else crops.transpose(0, 3, 1, 2)
        return (planes.astype(np.float32) * np.float32(meta.scale) - np.float32(meta.mean)) / np.float32(meta.std)


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """(N, C) float32 softmax of (N, C) logits divided by a temperature; every row sums to 1."""
    scaled = logits.astype(np.float64) / temperature
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
