# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros export`: a run's best network as the ONNX file that the emotion node loads."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from fer_ros import __version__
from fer_ros.labels import EMOTIONS
from fer_ros.models.model_files import sha256_of
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier, probabilities
from fer_ros.system.files import check_outputs, replacing, write_text
from fer_ros.training import answer, checkpoint, metrics, pool, session
from fer_ros.training.checkpoint import RunError, Trained
from fer_ros.training.pictures import FACE_SIZE
from fer_ros.training.pool import Pool, truth_of
from fer_ros.training.progress import tell
from fer_ros.training.recipe import ANSWER, to_yaml
from fer_ros.training.train import place, predict

BALANCE = 0.75
"""By which power of their rarity classes count where the one answer is put together."""
NEUTRAL_PRIOR = 4.0
"""How many times as common neutral faces are before a camera as such an answer takes them to be: of people who talk
it calms the label, and a smile or a start that begins is shown nearly as soon as without."""
RARE_PRIOR = 0.15
"""The same of disgust and fear: in the three sets that come from searches of the web (FER+'s votes, ExpW, RAF-DB) fear is 0.15
to 0.21 times as frequent as anger, sadness and surprise are in the mean."""
COST = 0.005
"""What the answers to frequent classes may lose for those to rare ones, as a share of all answers."""
PARITY = 1e-4
"""Largest difference that a probability may have between torch and onnxruntime."""
SLOWER = 0.9
"""An int8 model is kept if it takes at most this share of the time ..."""
WORSE = 0.003
"""... and loses at most this share of the default answer's right ones, balanced too."""
WORSE_HEAD = 0.01
"""What another answer may lose, where there are enough faces to tell."""
_ENOUGH = 1000
"""Faces: of fewer a point is chance."""
_RANGES = 1024
"""Training faces by which the ranges of the int8 variant are chosen ..."""
_BATCH = 64
"""... so many at a time: all that the network makes of them is kept, some 10 MB a face."""

Speak = Callable[[str], None]


def export(run: Path, data: Path, out: Path, name: str | None, int8: bool, speak: Speak = print, force: bool = False,
           balance: float = BALANCE, neutral_prior: float = NEUTRAL_PRIOR, rare_prior: float = RARE_PRIOR) -> None:
    """Write OUT/emotion.onnx, and OUT/emotion_int8.onnx where that is faster and as good.

    Args:
        run: folder of the run.
        data: folder of the data that the run learnt from: its validation faces fit the temperatures.
        out: folder to write to; a models.yaml there gets the new sha256.
        name: the model's id, as the node publishes it; None names it by its architecture.
        int8: whether to try an int8 variant.
        force: replace files that are there.
        balance: of a network with the head `answer`, how much that favours rare classes; see `answer.fit`.
        neutral_prior, rare_prior: of such a network, what the file says of neutral faces before a camera, and of disgust and
            fear; see `Smoother`.

    Raises:
        RunError: there is no such run, its data is other, or onnxruntime and torch disagree.
        OutputError: a file is there, or cannot be written.
    """
    path, small = out / "emotion.onnx", out / "emotion_int8.onnx"
    read = [data, run / checkpoint.BEST if run.is_dir() else run]
    check_outputs([path, small] if int8 else [path], force=force, sources=read, parents=True)
    trained = checkpoint.trained(run)
    name = name or f"fer_ros-{trained.recipe.architecture}"
    found = pool.gather(data, trained.recipe, trained.facts.get("fraction", 1.0))
    training, validation = found.training, found.validation
    with place("float32", "cpu") as where:
        if session.facts_of(found, where)["data"] != trained.facts["data"]:
            raise RunError(f"{data} is not the data that {run} learnt from: name that with --data")
        tell("answering the held-out faces")
        logits = predict(trained.network, validation.images, where)
        if not all(np.isfinite(values).all() for values in logits.values()):
            raise RunError(f"the network of {run} gives no finite numbers: train it again with a lower learning_rate")
        blend = None
        tell("putting the answer together")
        if ANSWER in logits:
            blend = answer.fit(logits, validation, balance)
            answer.fold(blend, trained.network)
            speak(f"the answer is the sum of {blend.text}")
        adjustments = _adjust(trained, logits, training, validation)
        logits = predict(trained.network, validation.images, where)
    temperatures = {head: temperature_of(head, values, validation) for head, values in logits.items()}
    tell("writing the ONNX file")
    with replacing(path, force) as made:
        _write(trained, made, name, temperatures, adjustments, blend, (neutral_prior, rare_prior))
        tell("comparing it with torch")
        difference = _parity(made, validation, logits, temperatures)
    each = ", ".join(f"{head} {temperatures[head]:.3f} ({adjustments[head]:g})" for head in temperatures)
    speak(f"{path}: {path.stat().st_size / 1e6:.1f} MB, probabilities as torch's within {difference:.1g}, temperature (prior "
          f"adjustment) {each}")
    _remember(out, path, speak)
    if int8:
        tell("quantizing")
        _quantize(path, small, training, validation, name, speak, force)
    elif small.is_file():
        speak(f"{small} is of an earlier export: remove it, or export with --int8")


def temperature_of(head: str, logits: NDArray[Any], faces: Pool) -> float:
    """The temperature with which a head's confidence is how often it is right, of the seven emotions.

    Against the answer that people would check it by. Each set counts as much as any other.
    """
    rows, truth = truth_of(faces, head, len(EMOTIONS))
    sizes = np.bincount(faces.origin[rows], minlength=len(faces.sets))
    return metrics.fit_temperature(logits[rows][:, : len(EMOTIONS)], truth, 1 / sizes[faces.origin[rows]])


@torch.no_grad()
def _adjust(trained: Trained, logits: dict[str, NDArray[Any]], training: Pool, validation: Pool) -> dict[str, float]:
    """Take some of the classes' frequency out of the last layer's bias; the share by head.

    The answer for faces of any origin was put together with its classes' frequency in mind.
    """
    found = {}
    bias = trained.network.head[-1].bias
    start = 0
    for head, values in logits.items():
        says = training.says[head]
        prior = np.average(training.targets[head], axis=0, weights=says)
        rows, truth = truth_of(validation, head)
        prior = np.maximum(prior / prior.sum(), 1e-4)
        found[head] = 0.0 if head == ANSWER else metrics.fit_adjustment(values[rows], truth, prior, COST)
        bias[start : start + len(prior)] -= torch.from_numpy(found[head] * np.log(prior)).to(bias)
        start += len(prior)
    return found


class _Heads(torch.nn.Module):
    """A network with an output for each head."""

    def __init__(self, trained: Trained):
        super().__init__()
        self.network = trained.network

    def forward(self, faces: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(self.network.split(self.network(faces)).values())


def _write(trained: Trained, path: Path, name: str, temperatures: dict[str, float], adjustments: dict[str, float],
           blend: answer.Blend | None, priors: tuple[float, float]) -> None:
    heads = trained.network.heads
    # The exporter speaks of operators that are not used here, and of what torch's own code will have to change.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Heads(trained).eval(), (torch.zeros(2, 1, FACE_SIZE, FACE_SIZE),), path, input_names=["faces"],
            output_names=list(heads), dynamic_shapes=({0: torch.export.Dim("n")},), dynamo=True, external_data=False,
            verbose=False, opset_version=18,
        )
    content = onnx.load(path)
    parameters = sum(p.numel() for p in trained.network.parameters())
    facts = trained.facts
    entries = {
        "name": name,
        "outputs": ",".join(heads),
        "output": "logits",
        **{f"labels.{head}": ",".join(classes) for head, classes in heads.items()},
        **{f"temperature.{head}": repr(round(temperatures[head], 6)) for head in heads},
        **{f"adjustment.{head}": f"{adjustments[head]:g}" for head in heads},
        **({} if blend is None else {f"blend.{ANSWER}": blend.text, f"neutral_prior.{ANSWER}": f"{priors[0]:g}",
                                     f"rare_prior.{ANSWER}": f"{priors[1]:g}"}),
        "input_size": str(FACE_SIZE),
        "colour": "grey",
        "scale": repr(1 / 255),
        "mean": "0.0",
        "std": "1.0",
        # From here on for people, and for the model card.
        "licence": "Apache-2.0",
        "parameters": str(parameters),
        "recipe": to_yaml(trained.recipe),
        "epoch": str(trained.epoch),
        **{f"trained.{key}": str(value) for key, value in facts.items() if value},
        "exporter": f"fer_ros {__version__}, torch {torch.__version__}",
    }
    onnx.helper.set_model_props(content, entries)
    for node in content.graph.node:  # where in the source each operator came from: a path of the exporting machine
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.checker.check_model(content)
    onnx.save(content, path)


def _classifier(path: Path) -> EmotionClassifier:
    return EmotionClassifier(ClassifierParams(model=str(path.absolute())))


def _faces(images: NDArray[Any]) -> NDArray[Any]:
    """(N, 48, 48) grey faces as the node's crops."""
    return np.repeat(images[..., None], 3, axis=3)


def _parity(path: Path, faces: Pool, expected: dict[str, NDArray[Any]], temperatures: dict[str, float]) -> float:
    """Largest difference of a probability between torch and the file, over batches of several sizes.

    Raises:
        RunError: it is above `PARITY`.
    """
    classifier = _classifier(path)
    largest, start = 0.0, 0
    answers = classifier.metadata.answers
    for count in (1, 3, 64, 512):
        rows = slice(start, start + count)
        for one, found in zip(answers, classifier.logits(_faces(faces.images[rows]), *answers), strict=True):
            ours = probabilities(found, one.temperature)
            theirs = probabilities(expected[one.output][rows], temperatures[one.output])
            largest = np.maximum(largest, np.abs(ours - theirs).max(initial=0))  # NaN stays
        start += count
    if not largest <= PARITY:
        raise RunError(f"onnxruntime and torch differ by {largest:.2g} in a probability, more than {PARITY:g}: the export is "
                       "not usable; try other versions of torch or onnxruntime")
    return float(largest)


def _remember(out: Path, path: Path, speak: Speak) -> None:
    """Put a file's new sha256 into the folder's models.yaml, where it lists the file."""
    catalogue = out / "models.yaml"
    if not catalogue.is_file():
        return
    sha256 = sha256_of(path)
    entry = rf"(- id:(?:(?!- id:).)*?\bfile: {re.escape(path.name)}\n(?:(?!- id:).)*?\bsha256: )\S+"
    text, count = re.subn(entry, rf"\g<1>{sha256}", catalogue.read_text(encoding="utf-8"), flags=re.DOTALL)
    if count:
        write_text(catalogue, text, force=True)
    else:
        speak(f"{catalogue} lists no sha256 of {path.name}: it is {sha256}")


def _quantize(path: Path, small: Path, training: Pool, validation: Pool, name: str, speak: Speak, force: bool) -> None:
    """An int8 variant, if it is worth it.

    Weights take 7 of the 8 bits (`reduce_range`): processors without VNNI add products up in 16 bits, which 8 would overflow.
    Ranges leave out the most extreme values, and attention's gates stay in floats: they cost no time, and everything hangs on
    them.
    """
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Batches(CalibrationDataReader):
        """Faces for the quantization to see what ranges occur, in parts, for all that the network makes of a part is kept."""

        def __init__(self) -> None:
            self._left: list[NDArray[Any]] = list(faces)

        def __len__(self) -> int:
            return len(faces)

        def set_range(self, start_index: int, end_index: int) -> None:
            self._left = faces[start_index:end_index]

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            return {"faces": self._left.pop()} if self._left else None

    rng = np.random.default_rng(0)
    chosen = training.images[rng.permutation(len(training))[:_RANGES]]
    size = min(_BATCH, len(chosen))  # of every batch: the calibration puts them into one array
    faces = [(chosen[i : i + size, None] / 255).astype(np.float32) for i in range(0, len(chosen) - size + 1, size)]
    with tempfile.TemporaryDirectory(dir=small.parent, prefix=".export-") as scratch:
        prepared, made = Path(scratch) / "prepared.onnx", Path(scratch) / "int8.onnx"
        quant_pre_process(str(path), str(prepared))
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it counts
            quantize_static(str(prepared), str(made), Batches(), quant_format=QuantFormat.QDQ, per_channel=True,
                            reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                            calibrate_method=CalibrationMethod.Percentile, nodes_to_exclude=_gates(onnx.load(prepared)),
                            op_types_to_quantize=["Conv", "Gemm", "Add", "MaxPool"],
                            extra_options={"CalibStridedMinMax": 1})  # in spite of its name: one batch after the other
        content, original = onnx.load(made), onnx.load(path)
        onnx.helper.set_model_props(content, {p.key: p.value for p in original.metadata_props} | {"name": f"{name}-int8"})
        onnx.save(content, made)
        before, after = _classifier(path), _classifier(made)
        tell("timing both")
        times = _alternating(before, after)
        tell("answering the held-out faces with both")
        scores = [_scores(classifier, validation) for classifier in (before, after)]
        ratio = float(np.median(times[1]) / np.median(times[0]))
        lost = {key: scores[0][key] - scores[1][key] for key in scores[0]}
        keep = ratio <= SLOWER and all(value <= _allowed(head, before, validation) for (head, _), value in lost.items())
        speak(f"int8: {ratio:.2f} times the time of a face, {made.stat().st_size / 1e6:.1f} MB; "
              + ", ".join(f"{head} {what} {-100 * value or 0:+.1f} points" for (head, what), value in lost.items())
              + f": {f'kept as {small}' if keep else 'not kept'}")
        if keep:
            with replacing(small, force) as partial:
                made.replace(partial)
            _remember(small.parent, small, speak)
        else:
            small.unlink(missing_ok=True)  # of an earlier export, if there is one


def _allowed(head: str, classifier: EmotionClassifier, faces: Pool) -> float:
    """What an int8 variant may lose of a head's right answers, as a share of them all."""
    if head == classifier.answer.output:
        return WORSE
    return WORSE_HEAD if len(truth_of(faces, head)[0]) >= _ENOUGH else 1.0


def _gates(model: onnx.ModelProto) -> list[str]:
    """Names of the nodes that see one number a channel, the mean of a face: those of channel attention."""
    means: set[str] = set()
    found = []
    for node in model.graph.node:
        if node.op_type in ("GlobalAveragePool", "ReduceMean"):
            means.update(node.output)
        elif node.op_type in ("Conv", "Relu", "Sigmoid") and means.intersection(node.input):
            means.update(node.output)
            found.append(node.name)
    return found


def _alternating(first: EmotionClassifier, second: EmotionClassifier, rounds: int = 200) -> tuple[list[float], list[float]]:
    """Seconds of a face, one after the other in turn, so that a busy machine slows both."""
    face = np.random.default_rng(0).integers(0, 256, (1, FACE_SIZE, FACE_SIZE, 3), np.uint8)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for classifier, found in zip((first, second), times, strict=True):
            started = time.perf_counter()
            classifier(face)
            found.append(time.perf_counter() - started)
    return times


def _scores(classifier: EmotionClassifier, faces: Pool) -> dict[tuple[str, str], float]:
    """Accuracy and balanced accuracy of each answer against its own truth, by its output and what it is."""
    answers = classifier.metadata.answers
    found = classifier.logits(_faces(faces.images), *answers)
    result = {}
    for one, logits in zip(answers, found, strict=True):
        rows, truth = truth_of(faces, one.output, len(one.labels))
        guess = logits[rows].argmax(axis=1)
        result[one.output, "accuracy"] = float((guess == truth).mean())
        result[one.output, "balanced accuracy"] = metrics.balanced_accuracy(truth, guess, len(one.labels))
    return result
