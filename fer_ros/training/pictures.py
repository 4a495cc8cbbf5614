# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Folders of face pictures as people have them: what a folder's name means, which files count, and a file as a face.

Pillow reads the files, because it notices one that ends too early; OpenCV fills the rest with grey.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_ros.labels import EMOTIONS, IN_OTHER_WORDS
from fer_ros.media.image_headers import HEAD, kind_of
from fer_ros.words import one_line

FACE_SIZE = 48
"""Side in pixels of the faces that networks learn from."""
CLASSES = {
    **{word: EMOTIONS.index(emotion) for word, emotion in IN_OTHER_WORDS.items()},
    **{str(number): number for number in range(len(EMOTIONS))},
    **dict.fromkeys(("contempt", "contemptuous", "7"), len(EMOTIONS)),
}
"""Index by the names that published sets give to a class, in lower case: the seven of `EMOTIONS`, and contempt. The numbers
are FER2013's."""
PARTS = {name: part for part, names in {
    "training": ("train", "training"), "validation": ("val", "valid", "validation", "dev"), "test": ("test", "testing"),
}.items() for name in names}
"""Part of a set by the names that its folder may have, in lower case."""
_LARGEST = 80_000_000
"""Pixels; a larger picture is no face, and takes gigabytes to read. Pillow warns from 89 million on."""
_CLUTTER = ("__macosx", "__pycache__", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir", "lost+found")


def class_key(path: Path) -> str:
    """What to look up in `CLASSES` of a folder's name: `Happy` and `3_happy` are `happy`."""
    return re.sub(r"^\d+[\s._-]+", "", path.name.strip().lower())


def is_clutter(path: Path) -> bool:
    """Whether a file or folder is what a system, a browser or a notebook leaves behind, and nobody means as data."""
    return path.name.startswith(".") or path.name.lower() in _CLUTTER


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, clutter left out, in the order of the names."""
    return sorted(path for path in folder.iterdir() if not is_clutter(path))


def parts_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """(part, folder) for each folder that is named as a part of a set."""
    for path in entries(folder):
        if path.is_dir() and path.name.lower() in PARTS:
            yield PARTS[path.name.lower()], path


def face_of(file: Path, margin: float = 0.0) -> tuple[NDArray[Any], str]:
    """A picture as a face, and in words what had to be changed for that (empty if nothing).

    Args:
        margin: share of the picture's side to cut off each side; see `framed`.

    Returns:
        (48, 48) uint8, grey, and for example "64x64 pixels, in colour".

    Raises:
        ValueError: it is not a picture, damaged, or of a kind that is no photograph; the text says which.
    """
    grey, colour = picture_of(file)
    height, width = grey.shape
    changed = [f"{width}x{height} pixels"] if (width, height) != (FACE_SIZE, FACE_SIZE) else []
    return framed(grey, margin), ", ".join([*changed, *(["in colour"] if colour else [])])


def picture_of(file: Path) -> tuple[NDArray[Any], bool]:
    """(H, W) uint8, a picture in grey, and whether it has colours. Raises ValueError as `face_of`."""
    pixels = _pixels(file)
    if np.ptp(pixels, axis=2).any():
        return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), True
    return np.ascontiguousarray(pixels[..., 0]), False


def _pixels(file: Path) -> NDArray[Any]:
    """(H, W, 3) uint8, RGB. Raises ValueError as `face_of`."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not file.is_file():  # a pipe would keep its reader waiting for ever
        raise ValueError("a folder, not a picture" if file.is_dir() else "not a file" if file.exists() else
                         "a link to a file that is not there" if file.is_symlink() else "there is no such file")
    try:
        with Image.open(file) as image:
            if image.width * image.height > _LARGEST:
                wrong = f"{image.width}x{image.height} pixels: far more than a face has"
            elif image.mode not in ("L", "RGB", "RGBA", "P", "1", "LA", "CMYK"):
                wrong = f"mode {image.mode}, not 8 bits for each colour: convert it"
            else:
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except UnidentifiedImageError:
        with file.open("rb") as stream:
            kind = kind_of(stream.read(HEAD))
        wrong = f"damaged, or a {kind} picture that Pillow cannot read: convert it" if kind else \
            "empty or damaged, or not a picture"
    except Image.DecompressionBombError:
        wrong = "far more pixels than a face has"
    except Exception as error:  # Pillow lets whatever a damaged file makes its decoders raise through
        wrong = one_line(f"truncated or damaged ({error})", 300)
    raise ValueError(wrong)


def framed(image: NDArray[Any], margin: float) -> NDArray[Any]:
    """A picture's central square less a margin, as a face.

    Args:
        image: (H, W) uint8.
        margin: share of the square's side that is cut off each side; of a negative one, added by repeating the border.

    Returns:
        (48, 48) uint8.
    """
    side = min(image.shape)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    image = image[top : top + side, left : left + side]
    cut = round(side * abs(margin))
    if margin < 0:
        image = cv2.copyMakeBorder(image, cut, cut, cut, cut, cv2.BORDER_REPLICATE)
    elif cut := min(cut, (side - 1) // 2):  # of a picture of 2x2 pixels something is left, too
        image = image[cut : side - cut, cut : side - cut]
    if image.shape == (FACE_SIZE, FACE_SIZE):
        own: NDArray[Any] = image.copy()
        return own
    smaller = image.shape[0] > FACE_SIZE
    return cv2.resize(image, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
