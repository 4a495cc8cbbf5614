"""Export a run as the emotion node's model: `python -m fer_ros.training.export RUN --data DIR --out models`.

Writes OUT/emotion.onnx with everything that is needed to feed it in its metadata, checks that onnxruntime and torch
agree, measures it on PublicTest through the same code as the node's, and writes the figures into OUT/MODEL_CARD.md and
the sha256 into OUT/models.yaml.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import time
from pathlib import Path

import numpy as np
import onnx
import torch

from fer_ros.core.classifier import ClassifierParams, EmotionClassifier
from fer_ros.core.labels import EMOTIONS
from fer_ros.training.data import FACE_SIZE, Split, load_fer2013, soft_targets, vote_majority
from fer_ros.training.model import FerNet

PARITY = 1e-4  # largest difference of a probability between torch and onnxruntime


def fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """The divisor of the logits that gives the smallest cross-entropy with (N, 7) target distributions.

    Temperature scaling: C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    logits_t, targets_t = torch.from_numpy(logits).double(), torch.from_numpy(targets).double()
    log_temperature = torch.zeros((), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=50)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits_t / log_temperature.exp(), targets_t)
        loss.backward()
        return loss

    optimizer.step(closure)
    return float(log_temperature.detach().exp())


def expected_calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equally wide bins of confidence, weighted by their share."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[which == b].mean() - correct[which == b].mean()) * (which == b).mean()
            for b in np.unique(which)]
    return float(np.sum(gaps))


def measure(classifier: EmotionClassifier, split: Split) -> dict[str, dict]:
    """Figures of the shipped file on a split, against FER2013's labels and the FER+ majority (seven classes)."""
    faces = np.repeat(split.images[..., None], 3, axis=3)
    probabilities = np.concatenate([classifier(faces[i : i + 256]) for i in range(0, len(faces), 256)])
    rows, majority = vote_majority(split)
    result = {}
    for name, truth, p in (("FER2013", split.labels, probabilities), ("FER+ majority", majority, probabilities[rows])):
        guess = p.argmax(1)
        recall = {EMOTIONS[c]: float((guess[truth == c] == c).mean()) for c in np.unique(truth)}
        result[name] = {
            "rows": len(truth),
            "accuracy": float((guess == truth).mean()),
            "balanced": float(np.mean(list(recall.values()))),
            "ece": expected_calibration_error(p.max(1), guess == truth),
            "recall": recall,
        }
    result["FER+ majority"]["agreement"] = float((split.labels[rows] == majority).mean())
    return result


def milliseconds_a_face(classifier: EmotionClassifier, runs: int = 300) -> float:
    """Median time of one face, pre-processing included, on one thread."""
    face = np.full((1, FACE_SIZE, FACE_SIZE, 3), 127, np.uint8)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        classifier(face)
        times.append(time.perf_counter() - start)
    return float(np.median(times) * 1e3)


def average_weights(state: dict, other: dict, share: float) -> dict:
    """The weights of two networks averaged, `other` with a share of 0 to 1.

    A network and what was trained on from it lie in one basin, and a point between them is often better than either:
    M. Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    return {name: torch.lerp(mine, other[name], share) if mine.is_floating_point() else mine for name, mine in state.items()}


def export(run: Path, data: Path, out: Path, average_with: Path | None, share: float) -> None:
    """See the module's text.

    Raises:
        RuntimeError: torch and onnxruntime disagree by more than `PARITY`.
    """
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    weights, blend = state["average"], ""
    if average_with is not None:
        other = torch.load(average_with / "checkpoint.pt", weights_only=True)
        weights = average_weights(weights, other["average"], share)
        blend = (f"The weights are averaged: {share:g} of run {len(other['recipe'])}, {1 - share:g} of run "
                 f"{len(state['recipe'])}.")
    model = FerNet()
    model.load_state_dict(weights)
    model.eval()
    held_out = load_fer2013(data)["PublicTest"]
    with torch.inference_mode():
        faces = torch.from_numpy(held_out.images).unsqueeze(1).float() / 255
        logits = torch.cat([model(faces[i : i + 256]) for i in range(0, len(faces), 256)]).numpy()
    temperature = fit_temperature(logits, soft_targets(held_out, label_weight=0.5))

    out.mkdir(parents=True, exist_ok=True)
    path = out / "emotion.onnx"
    torch.onnx.export(
        model, (torch.zeros(2, 1, FACE_SIZE, FACE_SIZE),), path, input_names=["faces"], output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("n")},), dynamo=True, external_data=False, verbose=False,
    )
    content = onnx.load(path)
    onnx.helper.set_model_props(content, {
        "name": "fer_ros-resnet-1.6M",
        "labels": ",".join(EMOTIONS),
        "input_size": str(FACE_SIZE),
        "colour": "grey",
        "scale": repr(1 / 255),
        "mean": "0.0",
        "std": "1.0",
        "temperature": repr(round(temperature, 6)),
        "trained_on": "FER2013 Training with FER+ votes",
    })
    for node in content.graph.node:  # where in the source each operator came from: a path of the exporting machine
        del node.metadata_props[:]
        node.doc_string = ""
    onnx.save(content, path)

    classifier = EmotionClassifier(ClassifierParams(model=str(path.absolute())))
    ours = classifier(np.repeat(held_out.images[:256, ..., None], 3, axis=3))
    theirs = torch.from_numpy(logits[:256] / temperature).softmax(1).numpy()
    difference = float(np.abs(ours - theirs).max())
    if difference > PARITY:
        raise RuntimeError(f"onnxruntime and torch differ by {difference:.2g}: {path} is not usable")
    figures = measure(classifier, held_out)
    parameters = sum(p.numel() for p in model.parameters())
    (out / "MODEL_CARD.md").write_text(
        card(classifier, figures, parameters, path.stat().st_size, milliseconds_a_face(classifier),
             recipe=state["recipe"], blend=blend, difference=difference)
    )
    catalogue = out / "models.yaml"
    if catalogue.is_file():
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        text = catalogue.read_text()
        catalogue.write_text(re.sub(r"(file: emotion\.onnx\s+sha256: )\S+", rf"\g<1>{sha256}", text))
    print(json.dumps({k: {m: v for m, v in f.items() if m != "recall"} for k, f in figures.items()}, indent=1))


def card(classifier: EmotionClassifier, figures: dict, parameters: int, size: int, milliseconds: float, *,
         recipe: list[dict], blend: str, difference: float) -> str:
    """models/MODEL_CARD.md."""
    meta = classifier.metadata
    runs = "\n".join(f"1. `{' '.join(f'--{k.replace(chr(95), chr(45))} {v}' for k, v in run.items())}`" for run in recipe)
    disputed = 1 - figures["FER+ majority"]["agreement"]
    table = "\n".join(
        f"| {name} | {f['rows']:,} | {f['accuracy']:.1%} | {f['balanced']:.1%} | {f['ece']:.1%} |"
        for name, f in figures.items()
    )
    recall = "\n".join(
        f"| {emotion} | " + " | ".join(f"{f['recall'].get(emotion, float('nan')):.1%}" for f in figures.values()) + " |"
        for emotion in EMOTIONS
    )
    return f"""# Model card: {meta.name}

`emotion.onnx`, the network with which `emotion_node` answers. Written by `python -m fer_ros.training.export`; every
figure below is measured on this file, through the code of the node (`fer_ros.core.classifier`), by that command.

## What it is

A residual CNN of {parameters / 1e6:.2f} M parameters ({size / 1e6:.1f} MB) that takes one grey face of
{meta.input_size}x{meta.input_size} pixels, cut as FER2013 cuts it, and gives the probabilities of {', '.join(EMOTIONS)}.
Each face is standardized to zero mean and unit variance inside the network. {milliseconds:.2f} ms a face on one CPU thread
(median, batch of one; depends on the machine).

## Intended use

Robots and interfaces that react to what a face shows, in education and research, with the consent of the people in view.
It names an expression; it does not know what anybody feels. Not for decisions about people: hiring, policing, grading,
insurance, health.

## Data and recipe

Trained on the Training split of FER2013 (28,709 faces from web searches), with the FER+ votes: the target of a face is a
mixture of FER2013's label and the distribution of ten people's votes. Left out: constant images, rows voted "not a face", and
copies of PublicTest images. AdamW with warm-up and cosine decay, EMA of the weights, and augmentation that
does what a detector's crop does: shift, scale, roll, mirror, blur, enlarged small faces, gamma, noise, covered parts.
Rare classes weigh more, by the cube root of their rarity. Runs of `python -m fer_ros.training.train`, each starting from the
weights of the one before (`--start-from`):

{runs}

{blend}

## Figures: PublicTest, one crop

| labels | faces | accuracy | balanced accuracy | expected calibration error |
|---|---|---|---|---|
{table}

FER+ majority: the faces whose most voted class is one of the seven. PublicTest served to fit the temperature
({meta.temperature:.3f}), so that the calibration errors are slightly optimistic; 280 of its rows are copies of Training
images, which were left out of the training. The temperature is fitted to the same mixture of label and votes as the network,
so that it is less sure than it could be where people agree.

| recall | {' | '.join(figures)} |
|---|{'---|' * len(figures)}
{recall}

onnxruntime and torch agree to {difference:.1g} in every probability.

## Limits

FER2013's faces come from a web search, most of them frontal and of adults, and nobody has balanced ages, skin colours or
genders; {disputed:.0%} of its PublicTest labels disagree with the majority of FER+. Expect more errors on children and older
people, on profiles, under strong side light, with masks, hands or beards before the mouth, and between fear and surprise,
sad and neutral, angry and disgust. The probabilities say how people would label a picture, not what is felt.

## Licence

Weights: Apache-2.0, trained by this project. FER2013: I. Goodfellow et al., ICONIP 2013. FER+ votes: E. Barsoum et al.,
ICMI 2016.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a training run")
    parser.add_argument("--data", type=Path, required=True, help="folder with fer2013.csv and fer2013new.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder for emotion.onnx and MODEL_CARD.md")
    parser.add_argument("--average-with", type=Path, metavar="RUN", help="average the weights with those of another run")
    parser.add_argument("--share", type=float, default=0.5, help="that other run's share, 0 to 1")
    arguments = parser.parse_args()
    export(**vars(arguments))


if __name__ == "__main__":
    main()
