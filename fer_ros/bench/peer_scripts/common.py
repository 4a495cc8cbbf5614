# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the measurements in Python share: frames and faces from a folder, one JSON line in, one JSON line out.

Runs in the peers' environments, which do not have fer_ros.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def serve(folder: str | Path, analyse: Callable[[NDArray[Any]], list[str]],
          analyse_all: Callable[[list[NDArray[Any]]], list[list[str]]] | None = None) -> None:
    """Answer requests.

    `analyse` takes an HxWx3 uint8 BGR image and gives the label of each face; `analyse_all` does that for several that follow
    one another, where that is more than one after the other.
    """
    def one_by_one(images: list[NDArray[Any]]) -> list[list[str]]:
        return [analyse(image) for image in images]

    folder = Path(folder)
    told = json.loads((folder / "frames.json").read_text(encoding="utf-8"))
    frames = np.fromfile(folder / "frames.bgr", np.uint8).reshape(told["count"], told["height"], told["width"], 3)
    faces = np.fromfile(folder / "faces.grey", np.uint8).reshape(-1, 48, 48)
    out, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints
    analyse(np.ascontiguousarray(frames[0]))
    print(json.dumps({"ready": True}), file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        wanted = request.get("frames")
        images = [enlarged(faces[request["face"]])] if wanted is None else [frames[number] for number in wanted]
        begun = time.perf_counter()
        labels = (analyse_all or one_by_one)(images)
        print(json.dumps({"seconds": time.perf_counter() - begun, "labels": labels}), file=out, flush=True)


def enlarged(face: NDArray[Any]) -> NDArray[Any]:
    """A 48x48 grey face, four times as large, with a border of its mean, as BGR."""
    large = cv2.resize(face, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    framed = cv2.copyMakeBorder(large, 48, 48, 48, 48, cv2.BORDER_CONSTANT, value=int(face.mean().round()))
    return cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR)
