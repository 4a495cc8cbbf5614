# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

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
