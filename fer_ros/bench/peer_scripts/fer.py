# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer`: OpenCV's Haar cascade and its network, as `FER()` does without further arguments."""

import sys
from pathlib import Path
from typing import Any

sys.path.remove(str(Path(__file__).resolve().parent))  # or this file would be what is imported as `fer`
from fer.fer import FER
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parent))
from common import serve

detector = FER()


def analyse(image: NDArray[Any]) -> list[str]:
    return [max(found["emotions"], key=found["emotions"].get) for found in detector.detect_emotions(image)]


serve(sys.argv[1], analyse)
