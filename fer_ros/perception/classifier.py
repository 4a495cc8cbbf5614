# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a face shows: an emotion network through onnxruntime, fed as its own metadata says."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS
from fer_ros.media.encodings import each_bgr
from fer_ros.models import model_entries
from fer_ros.models.inference import InferenceParams, open_session
from fer_ros.models.model_entries import ModelError, entry, missing
from fer_ros.models.onnx_graph import operator_of
from fer_ros.parameters.params import given_or_named, param, specs, takes
from fer_ros.perception.align import squared
from fer_ros.resources import emotion_model, model_file
from fer_ros.words import counted, one_line

if TYPE_CHECKING:
    from onnxruntime import InferenceSession, NodeArg

COLOURS = {"grey": cv2.COLOR_BGR2GRAY, "rgb": cv2.COLOR_BGR2RGB, "bgr": None}
_LEAST = np.float32(1e-30)
"""The smallest probability that has a logarithm here."""
_INPUTS = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64, "tensor(uint8)": np.uint8}
"""What networks take for a pixel."""
_COARSE = 0.02
"""How far the sum of 8-bit probabilities may be from 1."""
_LARGEST_BATCH = 1024
"""Faces; a fixed batch is filled up, and a larger one would take gigabytes for one face."""


@dataclass(frozen=True)
class ClassifierParams:
    """Which network, and which of its answers."""

    model: str = param(
        "auto", "ONNX file of the emotion network: a name in share/fer_ros/models, or a path. auto takes emotion_int8.onnx, "
        "which is as accurate, on processors that are made for it (x86 with AVX2), and emotion.onnx on others; name one of "
        "them where answers must be the same on different machines.", live=False,
    )
    answer: str = param("", "Which of the network's answers counts, by name; empty takes its first. emotion.onnx has answer "
                        "(for faces of any origin), ferplus (what ten people would say), fer2013 (what FER2013's label would "
                        "be), affectnet, expw, rafdb and posed; emotion_fer2013.onnx has ferplus and fer2013.", live=False)
    faces_per_frame: int = param(
        3, "If there are more faces than this, each frame classifies those that have waited longest, and all that are new or "
        "have waited for 0.25 s; the others keep what they showed. 0 classifies as many as there are.", range=(0, 1000),
    )
    steady_period: float = param(
        0.07, "A face that goes on showing the same is classified about so often and not in every frame: with 30 frames a "
        "second in every other one. 0 classifies it in every frame.", unit="s", range=(0.0, 1.0),
    )
    max_faces: int = param(64, "If an image has more faces, only those with the best scores are classified.", range=(1, 1000))


@dataclass(frozen=True)
class Answer:
    """One of the things that a network says about a face.

    Attributes:
        output: name of the ONNX output.
        labels: its classes, in the order of its columns: the seven of `EMOTIONS` and any others, in any order.
        temperature: what its logits are divided by before the softmax.
        kind: what the output holds, `logits` or `probabilities`; empty where the file does not say.
        neutral_prior: how many times as common neutral faces are, of people before a camera, as this answer takes them to be;
            see `Smoother`.
        rare_prior: the same of disgust and fear.
    """

    output: str
    labels: tuple[str, ...]
    temperature: float
    kind: str = ""
    neutral_prior: float = 1.0
    rare_prior: float = 1.0


@dataclass(frozen=True)
class ModelMetadata:
    """How to feed a network and read it, written into the ONNX file by whoever exported it.

    A pixel v in 0..255 becomes (v * scale - mean) / std. What can mean one thing only may be missing or written in other
    words, see docs/how-to/own_model.md.

    Attributes:
        name: the model's id, as it is published.
        answers: what it says, the default first. A file names the outputs in its entry `outputs`, with `labels.NAME` and
            `temperature.NAME` for each; one with a single output may do without, with just `labels` and `temperature`.
        input_size: side of its square input in pixels.
        colour: `grey`, `rgb` or `bgr`.
        mean, std: one number, or one a channel, in the order of the channels.
        channels: 1 or 3; a grey face fills all.
        channels_last: whether they are the input's last dimension (NHWC), not its second.
        entries: all of the file's entries as they are written, further ones too.
    """

    name: str
    answers: tuple[Answer, ...]
    input_size: int
    colour: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    channels: int
    channels_last: bool
    entries: Mapping[str, str]

    @classmethod
    def parse(cls, entries: Mapping[str, str], where: str, outputs: Sequence[str],
              shape: Sequence[int | str | None]) -> ModelMetadata:
        """From an ONNX file's metadata entries, the names of its outputs and the shape of its input.

        Raises:
            ValueError: an entry is missing or wrong; the text names it.
        """
        channels, channels_last, colour, size = _layout(entries, where, shape)
        if "outputs" in entries:
            named = {name.strip(): f".{name.strip()}" for name in entries["outputs"].split(",")}
        else:
            named = {outputs[0]: ""}
        for name, end in named.items():
            if entry(entries, "labels", end) is None:
                raise missing(where, f"labels{end}", f" for its output {name}")
        try:
            mean = model_entries.numbers(entry(entries, "mean") or "0")
            std = model_entries.numbers(entry(entries, "std") or "1")
            scale = model_entries.scale(entry(entries, "scale") or "", mean, std)
            if scale is None:
                raise missing(where, "scale", ", nor a mean and std that tell whether pixels go from 0 to 1 or to 255")
            meta = cls(
                name=one_line(entry(entries, "name") or Path(where).stem, 200),
                answers=tuple(
                    Answer(name, model_entries.labels(entry(entries, "labels", end) or ""),
                           float(entry(entries, "temperature", end) or 1),
                           model_entries.kind(entry(entries, "output", end) or ""),
                           float(entry(entries, "neutral_prior", end) or 1),
                           float(entry(entries, "rare_prior", end) or 1))
                    for name, end in named.items()
                ),
                input_size=model_entries.side(size),
                colour=colour,
                scale=scale,
                mean=mean,
                std=std,
                channels=channels,
                channels_last=channels_last,
                entries=dict(entries),
            )
        except model_entries.MissingEntry:
            raise
        except ValueError as error:
            raise ModelError(f"{where} has a metadata entry that is no number or name: {one_line(str(error), 200)}") from None
        meta._check(where, outputs)
        return meta

    def _check(self, where: str, outputs: Sequence[str]) -> None:
        """Raise ValueError where a value is not allowed."""
        positive = [self.scale, *self.std]
        for answer in self.answers:
            positive += [answer.temperature, answer.neutral_prior, answer.rare_prior]
        if not np.isfinite([*positive, *self.mean]).all() or min(positive) <= 0:
            raise ModelError(f"{where}: scale, std, temperature, neutral_prior and rare_prior must be positive numbers")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                raise ModelError(f"{where}: {name} has {counted(len(values), 'number')}, the input "
                                 f"{counted(self.channels, 'channel')}")
        for answer in self.answers:
            if answer.output not in outputs:
                raise ModelError(f"{where} has the outputs {', '.join(outputs)}; its metadata names {answer.output}")
            if any(answer.labels.count(emotion) != 1 for emotion in EMOTIONS):
                raise ModelError(f"{where} knows {one_line(', '.join(answer.labels), 200)}; the graph needs each of "
                                 f"{', '.join(EMOTIONS)} once")
        if self.colour not in COLOURS:
            raise ModelError(f"{where}: colour must be one of {', '.join(COLOURS)}, not {self.colour[:60]!r}")
        if not 8 <= self.input_size <= 1024:
            raise ModelError(f"{where}: input_size must be from 8 to 1024, not {self.input_size}")


_BY_NAME = {spec.name: spec for group in (ClassifierParams, InferenceParams) for spec in specs(group)
            if spec.name in ("model", "answer", "provider", "threads")}
"""What a classifier alone takes."""


@takes(_BY_NAME)
class EmotionClassifier:
    """What faces show, for whoever has faces already: probabilities of the seven emotions.

    >>> import numpy as np
    >>> from fer_ros import EMOTIONS, EmotionClassifier
    >>> classify = EmotionClassifier(model="auto")
    >>> faces = [np.zeros((48, 48), np.uint8), np.zeros((120, 100, 3), np.uint8)]  # of any size, grey or BGR
    >>> probabilities = classify(faces)
    >>> probabilities.shape, probabilities.dtype
    ((2, 7), dtype('float32'))
    >>> best = [EMOTIONS[i] for i in probabilities.argmax(axis=1)]

    One instance serves one thread.

    Attributes:
        path: the model's file.
        metadata: what that says of itself.
        answer: which of its answers counts.
        provider: onnxruntime's execution provider.
    """

    def __init__(self, params: ClassifierParams | None = None, inference: InferenceParams | None = None, **parameters: Any):
        """Load the network.

        Args:
            params, inference: in place of parameters by name.
            parameters: see the class.

        Raises:
            FileNotFoundError: the model is not there.
            TypeError: there is no such parameter; the text names the nearest one.
            ValueError: a parameter's value is not allowed, the model is not an emotion network, its metadata is wrong, it has
                no such answer, or the provider is not to be had.
        """
        params, inference = given_or_named({ClassifierParams: params, InferenceParams: inference}, parameters, _BY_NAME)
        self.path = path = model_file(emotion_model(params.model, inference.provider))
        self._session = open_session(path, inference)
        node, outputs, entries = _described(self._session, path)
        self.metadata = ModelMetadata.parse(entries, str(path), outputs, node.shape)
        answers = {answer.output: answer for answer in self.metadata.answers}
        if params.answer and params.answer not in answers:
            raise ModelError(f"{path} has no answer {params.answer!r}: it has {', '.join(answers)}")
        self.answer = answers[params.answer] if params.answer else self.metadata.answers[0]
        size = self.metadata.input_size
        # Of faces that need no scaling.
        self._shapes = ((size, size, 3), (size, size)) if self.is_grey else ((size, size, 3),)
        self._columns = [self.answer.labels.index(emotion) for emotion in EMOTIONS]
        self.provider = self._session.get_providers()[0]
        channels = self.metadata.channels if self.is_grey else 3
        wanted = (size, size, channels) if self.metadata.channels_last else (channels, size, size)
        # A dimension is a number where it is fixed and a name or None where it is free.
        if any(isinstance(have, int) and have != want for have, want in zip(node.shape[1:], wanted, strict=True)):
            raise ModelError(f"{path} takes {node.shape}, its metadata says (N, {', '.join(map(str, wanted))})")
        self._input, self._type = node.name, _INPUTS[node.type]
        self._batch = node.shape[0] if isinstance(node.shape[0], int) else None
        if self._batch is not None and not 1 <= self._batch <= _LARGEST_BATCH:
            raise ModelError(f"{path} takes batches of {self._batch} faces: export it with a batch of 1, or an open one")
        if self._type is np.uint8 and (self.metadata.scale, *self.metadata.mean, *self.metadata.std) != (1, 0, 1):
            raise ModelError(f"{path} takes pixels as whole numbers from 0 to 255: scale and std must be 1, and mean 0")
        self._mean, self._std = (_by_channel(values) for values in (self.metadata.mean, self.metadata.std))
        # A wrong output shape or input type is found here and not at the first face.
        first = dict(zip(answers, self._of_noise(path, 1), strict=True))
        kinds = {output: _kind(answer, first[output], path) for output, answer in answers.items()}
        # More faces cost time at each start: only where the file and one face do not tell.
        more = dict(zip(answers, self._of_noise(path, 3), strict=True)) if "" in kinds.values() else {}
        self._probable = {output for output, kind in kinds.items()
                          if kind == "probabilities" or (not kind and _looks_probable(more[output], output, path))}

    @property
    def input_size(self) -> int:
        return self.metadata.input_size

    @property
    def is_grey(self) -> bool:
        """Whether the network sees no colours."""
        return self.metadata.colour == "grey"

    def __call__(self, faces: NDArray[Any] | Iterable[NDArray[Any]], *, encoding: str | None = None) -> NDArray[Any]:
        """Classify faces that are cut out: upright, and about as tight as FER2013's, from the brows to the chin.

        Args:
            faces: N arrays of any sizes, uint8 from 0 to 255, (H, W) grey or (H, W, 3) BGR; or one array with all of them,
                (N, H, W) or (N, H, W, 3), or with a single one. They are scaled to `input_size`; of a face that is not
                square the middle is taken, see `fer_ros.perception.align.squared`.
            encoding: what else the arrays hold, `rgb8`, `rgba8`, `bgra8`, `bgr8` or `mono8`.

        Returns:
            (N, 7) float32 probabilities in the order of `EMOTIONS`; every row sums to 1.

        Raises:
            TypeError: a face is not an array.
            ValueError: a face has another type or shape or no pixels, or the network's output is not (N, 7) finite numbers.
        """
        if (not isinstance(faces, np.ndarray) or faces.shape[1:] not in self._shapes or faces.dtype != np.uint8
                or encoding is not None):
            faces = self._crops(faces, encoding)
        (logits,) = self.logits(faces, self.answer)
        # Without the columns of other labels, the rest is as if there were none.
        logits = logits[:, self._columns]
        return probabilities(logits, self.answer.temperature)

    def bare(self, faces: int = 1) -> Callable[[], object]:
        """The network alone on so many faces: what no classification with it can be faster than."""
        inputs = self._prepare(np.zeros((self._batch or faces, self.input_size, self.input_size, 3), np.uint8))
        return lambda: self._session.run([self.answer.output], {self._input: inputs})

    def _crops(self, faces: NDArray[Any] | Iterable[NDArray[Any]], encoding: str | None) -> NDArray[Any]:
        """(N, S, S, 3) uint8 BGR of faces as `__call__` takes them."""
        crops = [squared(face, self.input_size) for face in each_bgr(faces, encoding, "face")]
        return np.stack(crops) if crops else np.empty((0, self.input_size, self.input_size, 3), np.uint8)

    def logits(self, crops: NDArray[Any], *answers: Answer) -> list[NDArray[Any]]:
        """What the network itself says; the logarithm of it where that is probabilities.

        Args:
            crops: (N, S, S, 3) uint8, BGR, S = `input_size`; where the network `is_grey` also (N, S, S) uint8.
            answers: which of `metadata.answers`.

        Returns:
            For each of `answers`, (N, len(labels)) float32 in the order of its labels, not divided by its temperature.

        Raises:
            ValueError: an output is not (N, len(labels)) finite numbers.
        """
        return [np.log(np.maximum(found, _LEAST)) if answer.output in self._probable else found
                for answer, found in zip(answers, self._outputs(crops, *answers), strict=True)]

    def _of_noise(self, path: Path, faces: int) -> list[NDArray[Any]]:
        """The outputs of the answers for one or three faces, always the same: noise, black and white.

        Raises:
            ModelError: the network is none that gives such outputs for faces.
        """
        shape = (self.input_size, self.input_size, 3)
        # Not of numpy.random, which nothing else in a running graph loads.
        noise = np.frombuffer(random.Random(0).randbytes(math.prod(shape)), np.uint8).reshape(shape)
        crops = np.stack([noise, np.zeros_like(noise), np.full_like(noise, 255)])[:faces]
        try:
            return self._outputs(crops, *self.metadata.answers)
        except Exception as error:  # onnxruntime raises a family of types that share no public base
            raise ModelError(f"{path} is not an emotion network: {error}") from error

    def _outputs(self, crops: NDArray[Any], *answers: Answer) -> list[NDArray[Any]]:
        """The network's outputs as they are."""
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
        outputs = [_flat(np.concatenate(parts)).astype(np.float32, copy=False) for parts in zip(*batches, strict=True)]
        for answer, found in zip(answers, outputs, strict=True):
            if found.shape != (len(crops), len(answer.labels)) or not np.isfinite(found).all():
                raise ValueError(f"{self.metadata.name} gave {found.shape} or not finite numbers for "
                                 f"{counted(len(crops), 'face')} and {counted(len(answer.labels), 'label')}")
        return outputs

    def _prepare(self, crops: NDArray[Any]) -> NDArray[Any]:
        meta = self.metadata
        conversion = COLOURS[meta.colour]
        if conversion is not None and crops.ndim == 4:
            crops = np.stack([cv2.cvtColor(crop, conversion) for crop in crops])
        planes = crops[:, None] if self.is_grey else crops.transpose(0, 3, 1, 2)
        if self.is_grey and meta.channels == 3:
            planes = np.repeat(planes, 3, axis=1)
        made = (planes.astype(np.float32) * np.float32(meta.scale) - self._mean) / self._std
        made = made.astype(self._type, copy=False)
        return np.ascontiguousarray(made.transpose(0, 2, 3, 1)) if meta.channels_last else made


def probabilities(logits: NDArray[Any], temperature: float) -> NDArray[Any]:
    """(N, C) float32 softmax of (N, C) logits divided by a temperature; every row sums to 1."""
    scaled = logits.astype(np.float64) / temperature
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares: NDArray[Any] = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _described(session: InferenceSession, path: Path) -> tuple[NodeArg, list[str], dict[str, str]]:
    """The input of a network, the names of its outputs, and its entries of metadata.

    Raises:
        ModelError: it has not one input of numbers, or names in it are no text.
    """
    try:
        inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
        entries, names = dict(session.get_modelmeta().custom_metadata_map), [node.name for node in inputs]
    except UnicodeDecodeError as error:
        raise ModelError(f"{path} is damaged: a name or a metadata entry in it is not UTF-8 text ({error.reason})") from None
    if len(inputs) != 1:
        raise ModelError(f"{path} has the inputs {', '.join(names) or '(none)'}: an emotion network has one, for the faces")
    if inputs[0].type not in _INPUTS:
        raise ModelError(f"{path} takes {inputs[0].type}: a face is given as {', '.join(_INPUTS)}")
    return inputs[0], outputs, entries


def _layout(entries: Mapping[str, str], where: str,
            shape: Sequence[int | str | None]) -> tuple[int, bool, str, str]:
    """Channels, whether they come last, as Keras has them, colour and size of a network's input.

    Raises:
        ValueError: neither the metadata nor the input's fixed dimensions tell.
    """
    if len(shape) != 4:
        raise ModelError(f"{where} takes {list(shape)}: it would be images, (N, channels, height, width)")
    layout = (entry(entries, "layout") or "").upper()
    if layout not in ("", "NCHW", "NHWC"):
        raise ModelError(f"{where}: layout must be NCHW or NHWC, not {layout[:60]!r}")
    last = layout == "NHWC" or (not layout and shape[3] in (1, 3) and shape[1] not in (1, 3))
    (rows, columns), planes = (shape[1:3], shape[3]) if last else (shape[2:], shape[1])
    colour = entry(entries, "colour") or ("grey" if planes == 1 else None)
    if colour is None:
        takes = counted(planes, "channel") if isinstance(planes, int) else "any number of channels"
        raise missing(where, "colour", f", and takes {takes}")
    size = entry(entries, "input_size") or (str(rows) if isinstance(rows, int) and rows == columns else None)
    if size is None:
        raise missing(where, "input_size", ", and takes images of any size")
    colour = model_entries.colour(colour)
    # A grey face fills three channels where a network has them.
    return 3 if planes == 3 or (planes != 1 and colour != "grey") else 1, last, colour, size


def _by_channel(values: Sequence[float]) -> NDArray[Any] | np.float32:
    """One number, or (C, 1, 1) of them."""
    return np.float32(values[0]) if len(values) == 1 else np.array(values, np.float32)[:, None, None]


def _flat(found: NDArray[Any]) -> NDArray[Any]:
    """(N, C) of an output that has further dimensions of 1, (N, C, 1, 1) say; any other as it is."""
    return found.reshape(len(found), -1) if found.ndim > 2 and max(found.shape[1:]) == found[0].size else found


def _kind(answer: Answer, rows: NDArray[Any], path: Path) -> str:
    """`logits` or `probabilities`, as the file says, else by the last operator or the numbers; empty where it may be either.

    Args:
        rows: what the output is for some face.

    Raises:
        ModelError: the file says that they are probabilities and they are none, or they are neither.
    """
    if answer.kind == "logits":
        return "logits"
    sums = rows.astype(np.float64).sum(axis=1)
    off = np.abs(sums - 1)
    if answer.kind == "probabilities":
        if not _within_0_and_1(rows) or off.max() > _COARSE:
            raise ModelError(f"{path}: its metadata says that {answer.output} holds probabilities, but a row goes from "
                             f"{rows.min():.3g} to {rows.max():.3g} and sums to {sums[off.argmax()]:.3g}")
        return "probabilities"
    operator = operator_of(path.read_bytes(), answer.output)
    if "Sigmoid" in operator:
        raise ModelError(f"{path} ends in {operator}, whose numbers are neither logits nor probabilities that sum to 1: "
                         "export it without that operator")
    if operator == "LogSoftmax" or not (operator.endswith("Softmax") or _looks_probable(rows, answer.output, path)):
        return "logits"
    if operator.endswith("Softmax"):
        if sums.max() > 1 + _COARSE:
            raise ModelError(f"{path} ends in {operator}, but a face's numbers sum to {sums.max():.3g} and not to 1: it is "
                             "not taken over the classes; export it with the softmax over axis 1, or without one")
        return "probabilities"
    return ""


def _looks_probable(rows: NDArray[Any], output: str, path: Path) -> bool:
    """Whether an output is probabilities by what it is for some faces.

    Raises:
        ModelError: it looks like per cent.
    """
    sums = rows.astype(np.float64).sum(axis=1)
    if rows.min() >= 0 and np.abs(sums - 100).max() <= 0.1:
        raise ModelError(f"{path}: each face's numbers in {output} sum to 100: export it without what makes per cent of "
                         "probabilities")
    return bool(_within_0_and_1(rows) and np.abs(sums - 1).max() <= 1e-3)


def _within_0_and_1(rows: NDArray[Any]) -> bool:
    return bool(rows.min() >= -1e-3 and rows.max() <= 1 + 1e-3)
