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
