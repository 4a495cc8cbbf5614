"""Train `FerNet` on FER2013 and the FER+ votes: `python -m fer_ros.training.train --data DIR --out RUN`.

Interrupt it at any time: the same command continues after the last finished epoch.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from fer_ros.training.data import Split, clean_training_rows, load_fer2013, soft_targets, vote_majority
from fer_ros.training.model import FerNet


def augment(images: torch.Tensor, rng: torch.Generator, strength: float = 1.0) -> torch.Tensor:
    """What a detector's crop does to a face: moved, scaled, rolled, mirrored, blurred, darkened, part covered.

    Args:
        images: (N, 1, 48, 48) float32 in [0, 1].
        rng: every random number comes from here, so that an epoch can be repeated.
        strength: scales how much and how often everything but mirroring is done; 0 only mirrors.
    """
    n, _, size, _ = images.shape

    def uniform(low: float, high: float, *shape: int) -> torch.Tensor:
        return torch.rand((n, *shape), generator=rng) * (high - low) + low

    angle = torch.randn(n, generator=rng).clamp(-2, 2) * math.radians(9) * strength
    scale = torch.exp2(uniform(-0.32, 0.32) * strength)
    mirror = (torch.rand(n, generator=rng) < 0.5).float() * 2 - 1
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    shift = uniform(-0.2, 0.2, 2) * strength
    theta = torch.stack([cos * mirror, -sin, shift[:, 0], sin * mirror, cos, shift[:, 1]], 1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    images = F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    coarse = torch.rand(n, generator=rng) < 0.2 * strength  # a small face enlarged
    if coarse.any():
        small = F.interpolate(images[coarse], size=24, mode="area")
        images[coarse] = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
    blurred = torch.rand(n, generator=rng) < 0.15 * strength
    if blurred.any():
        images[blurred] = F.avg_pool2d(F.pad(images[blurred], (1, 1, 1, 1), mode="replicate"), 3, 1)
    # Gamma and not gain: the network standardizes each face, which takes any gain away.
    images = images.clamp(0, 1) ** torch.exp2(uniform(-0.6, 0.6, 1, 1, 1) * strength)
    images = images + torch.randn(images.shape, generator=rng) * uniform(0, 0.04 * strength, 1, 1, 1)

    covered = torch.rand(n, generator=rng) < 0.3 * strength
    corner = (uniform(0, 1, 2) * size).long()
    extent = (uniform(0.12, 0.4, 2) * size).long()
    at = torch.arange(size)
    inside = [(at >= corner[:, i, None]) & (at < (corner + extent)[:, i, None]) for i in range(2)]
    patch = (inside[0][:, :, None] & inside[1][:, None, :] & covered[:, None, None]).unsqueeze(1)
    return torch.where(patch, uniform(0, 1, 1, 1, 1), images).clamp(0, 1)


@torch.inference_mode()
def predict(model: torch.nn.Module, images: np.ndarray, batch: int = 256) -> np.ndarray:
    """(N, 7) probabilities of (N, 48, 48) uint8 faces, one crop each."""
    model.eval()
    faces = torch.from_numpy(images).unsqueeze(1)
    out = [model(faces[i : i + batch].float() / 255).float().softmax(1) for i in range(0, len(faces), batch)]
    return torch.cat(out).numpy()


def scores(probabilities: np.ndarray, split: Split) -> dict[str, float]:
    """Accuracy and balanced accuracy against FER2013's labels and the FER+ majority (seven classes)."""
    rows, majority = vote_majority(split)
    result = {}
    for name, truth, guess in (
        ("fer2013", split.labels, probabilities.argmax(1)),
        ("ferplus", majority, probabilities[rows].argmax(1)),
    ):
        if len(truth):
            result[name] = float((truth == guess).mean())
            result[f"{name}_balanced"] = float(np.mean([(guess[truth == c] == c).mean() for c in np.unique(truth)]))
    return result


def _save(path: Path, content: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    os.replace(partial, path)


def train(
    data: Path, out: Path, start_from: Path | None, epochs: int, batch: int, learning_rate: float, label_weight: float,
    augmentation: float, seed: int,
) -> None:
    """Run or continue a training run; writes `OUT/checkpoint.pt` and `OUT/history.jsonl` after every epoch."""
    recipe = [{"epochs": epochs, "batch": batch, "learning_rate": learning_rate, "label_weight": label_weight,
               "augmentation": augmentation, "seed": seed}]
    out.mkdir(parents=True, exist_ok=True)
    splits = load_fer2013(data)
    held_out = splits["PublicTest"]
    training = clean_training_rows(splits["Training"], held_out)
    images = torch.from_numpy(training.images).unsqueeze(1)
    targets = torch.from_numpy(soft_targets(training, label_weight))
    # Rare classes count more, by the cube root of their rarity: enough to keep disgust (1.5 % of the rows) alive.
    share = targets.mean(0)
    weights = (targets @ (share ** (-1 / 3))).float()
    weights /= weights.mean()

    torch.manual_seed(seed)
    model = FerNet().to(memory_format=torch.channels_last)
    if start_from is not None:
        earlier = torch.load(start_from / "checkpoint.pt", weights_only=True)
        model.load_state_dict(earlier["average"])
        recipe = earlier["recipe"] + recipe
    average = copy.deepcopy(model)
    decay = [p for p in model.parameters() if p.ndim > 1]
    keep = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.05}, {"params": keep, "weight_decay": 0.0}], lr=learning_rate
    )
    steps = math.ceil(len(training) / batch)
    checkpoint = out / "checkpoint.pt"
    first = 0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["epoch"] + 1
        print(f"continuing {checkpoint} at epoch {first + 1}", flush=True)

    for epoch in range(first, epochs):
        started = time.monotonic()
        rng = torch.Generator().manual_seed(seed * 100_003 + epoch)
        torch.manual_seed(seed * 100_003 + epoch)  # dropout
        order = torch.randperm(len(training), generator=rng)
        model.train()
        total = 0.0
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            at = (epoch * steps + step) / (epochs * steps)
            rate = learning_rate * min(1.0, at / 0.08) * 0.5 * (1 + math.cos(math.pi * max(0.0, at - 0.08) / 0.92))
            for group in optimizer.param_groups:
                group["lr"] = rate
            faces = augment(images[rows].float() / 255, rng, augmentation).to(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(faces)
            losses = F.cross_entropy(logits.float(), targets[rows], reduction="none")
            loss = (losses * weights[rows]).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            total += loss.item()
            momentum = min(0.999, (epoch * steps + step + 1) / (epoch * steps + step + 10))
            with torch.no_grad():
                for mean, now in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                    mean.lerp_(now, 1 - momentum) if mean.is_floating_point() else mean.copy_(now)
        row = {"epoch": epoch + 1, "loss": total / steps, **scores(predict(average, held_out.images), held_out)}
        row["seconds"] = round(time.monotonic() - started, 1)
        _save(checkpoint, {"model": model.state_dict(), "average": average.state_dict(),
                           "optimizer": optimizer.state_dict(), "epoch": epoch, "recipe": recipe})
        with open(out / "history.jsonl", "a") as history:
            history.write(json.dumps(row) + "\n")
        print(" ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with fer2013.csv and fer2013new.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--start-from", type=Path, metavar="RUN", help="begin with the weights of another run")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--label-weight", type=float, default=0.5, help="share of FER2013's label in the target")
    parser.add_argument("--augmentation", type=float, default=1.0, help="strength of the augmentation")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    train(**vars(arguments))


if __name__ == "__main__":
    main()
