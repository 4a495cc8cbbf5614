"""`mediapipe`: its face detector and face mesh, which say where a face is and how it is shaped, and not what it shows."""

import sys
from pathlib import Path
from typing import Any

sys.path.remove(str(Path(__file__).resolve().parent))  # or this file would be what is imported as `mediapipe`
import cv2
import mediapipe as mp
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parent))
from common import serve

detector = mp.solutions.face_detection.FaceDetection(model_selection=0)
mesh = mp.solutions.face_mesh.FaceMesh(static_image_mode=False, max_num_faces=4)


def analyse(image: NDArray[Any]) -> list[str]:
    rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    found = detector.process(rgb).detections or []
    mesh.process(rgb)
    return [""] * len(found)


serve(sys.argv[1], analyse)
