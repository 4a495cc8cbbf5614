# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What people write into the metadata of their emotion networks, taken where it can mean one thing only."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fer_ros.labels import EMOTIONS, IN_OTHER_WORDS
from fer_ros.words import one_line

KEYS = {
    "labels": ("labels", "classes", "class_names", "names", "id2label", "label2id", "class_indices"),
    "colour": ("colour", "color", "colour_space", "color_space"),
    "input_size": ("input_size", "image_size", "imgsz"),
    "scale": ("scale", "rescale_factor"),
    "mean": ("mean", "image_mean"),
    "std": ("std", "image_std"),
}
"""Under which names an entry is looked for, ours first."""

_EXAMPLES = {"labels": ",".join(EMOTIONS), "colour": "rgb", "input_size": "48", "scale": "1/255", "mean": "0.485,0.456,0.406",
             "std": "0.229,0.224,0.225"}

_COLOURS = {"grey": "grey", "gray": "grey", "greyscale": "grey", "grayscale": "grey", "rgb": "rgb", "bgr": "bgr"}
_KINDS = {"": "", "logits": "logits", "logit": "logits", "probabilities": "probabilities", "probability": "probabilities",
          "softmax": "probabilities"}
_PIXELS = 1.5
"""A mean or standard deviation from here on is of pixels from 0 to 255, below of such from 0 to 1."""


def entry(entries: Mapping[str, str], name: str, end: str = "") -> str | None:
    """An entry's text under any of its names; None where there is none.

    Args:
        end: `.OUTPUT`, for an entry of one of several outputs; one without it counts for all.
    """
    known = {key.lower(): value for key, value in entries.items()}
    names = [key + suffix for suffix in dict.fromkeys((end.lower(), "")) for key in KEYS.get(name, (name,))]
    return next((known[key].strip() for key in names if key in known), None)


class ModelError(ValueError):
    """A file is not a network that can be used; the text, one line, says why."""

    def __init__(self, text: str):
        super().__init__(one_line(text, 1500))


class MissingEntry(ModelError):
    """A file does not say what it must; the text says how to add it."""


def missing(where: str, name: str, why: str = "") -> MissingEntry:
    """The error of an entry that is needed.

    Args:
        name: of the entry, for one of several outputs with `.OUTPUT`.
    """
    file, example = repr(Path(where).name), _EXAMPLES[name.partition(".")[0]]
    return MissingEntry(
        f"{where} has no metadata entry '{name}'{why}: docs/how-to/own_model.md says what it means; where it is {example}, "
        f'add it with `python3 -c "import onnx; m = onnx.load({file}); m.metadata_props.add(key={name!r}, value={example!r}); '
        f'onnx.save(m, {file})"`')


def labels(text: str) -> tuple[str, ...]:
    """Names of classes in the order of their columns: those of `EMOTIONS` by our names, others in lower case.

    Args:
        text: parted by commas, semicolons or lines, or a list or dictionary of Python or JSON.
    """
    if text[:1] in ("[", "{", "("):
        names = _listed(text)
    else:
        names = re.split(r"[,;\n]" if re.search(r"[,;\n]", text) else r"\s+", text)
    return tuple(IN_OTHER_WORDS.get(name, name) for name in (str(name).strip().lower() for name in names))


def _listed(text: str) -> Sequence[object]:
    """The names in a list, or in a dictionary by their numbers or, as Keras' `class_indices` is, of their numbers."""
    try:
        found = ast.literal_eval(text)
        if isinstance(found, (list, tuple)):
            return found
        if isinstance(found, dict):
            by_name = {int(number): name for name, number in found.items()} if all(
                isinstance(number, int) for number in found.values()) else {int(key): name for key, name in found.items()}
            if len(by_name) == len(found):
                return [by_name[number] for number in sorted(by_name)]
    except (ValueError, TypeError, OverflowError, SyntaxError, MemoryError, RecursionError):
        pass
    # A set, too: it has no order.
    raise ValueError(f"labels {text[:60]!r} are no list of names")


def colour(text: str) -> str:
    """`grey`, `rgb` or `bgr`; other texts as they are."""
    return _COLOURS.get(text.lower(), text)


def kind(text: str) -> str:
    """`logits` or `probabilities`; empty of an empty text. Raises ValueError for another one."""
    if text.lower() not in _KINDS:
        raise ValueError(f"output must be logits or probabilities, not {text[:60]!r}")
    return _KINDS[text.lower()]


def numbers(text: str) -> tuple[float, ...]:
    """One number, or one a channel: `0.5`, `1/255`, `0.485, 0.456, 0.406`, `[0.485, 0.456, 0.406]`."""
    return tuple(_number(part) for part in re.split(r"[,;\s]+", text.strip().strip("[]()").strip()))


def _number(text: str) -> float:
    above, line, below = text.partition("/")
    divisor = float(below) if line else 1.0
    if divisor == 0:
        raise ValueError(f"{text!r} divides by zero")
    return float(above) / divisor


def side(text: str) -> int:
    """Side of a square: `48`, `48x48`, `[48, 48]`."""
    sides = {int(part) for part in re.split(r"[,;x\s]+", text.strip().lower().strip("[]()").strip())}
    if len(sides) != 1:
        raise ValueError(f"input_size {text!r} is not the side of a square")
    return sides.pop()


def scale(text: str, mean: Sequence[float], std: Sequence[float]) -> float | None:
    """What pixels from 0 to 255 are multiplied by first; without a text, as mean and standard deviation tell, or None."""
    if text:
        return numbers(text)[0]
    if max(map(abs, (*mean, *std))) > _PIXELS:
        return 1.0
    return None if set(mean) == {0.0} and set(std) == {1.0} else 1 / 255
