# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The seven emotions, in the one order that every array, message and model of this package uses."""

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

IN_OTHER_WORDS: dict[str, str] = {
    **{emotion: emotion for emotion in EMOTIONS},
    **{word: emotion for emotion, words in {
        "angry": ("anger",), "disgust": ("disgusted",), "fear": ("fearful", "scared", "afraid"), "happy": ("happiness", "joy"),
        "sad": ("sadness",), "surprise": ("surprised", "suprise"),
    }.items() for word in words},
}
"""The emotions by the words that published models and data sets use, in lower case (one of them misspells surprise)."""

UNCERTAIN = "uncertain"
"""The label of a face whose best probability is below `confidence_threshold`."""

FACE_CLASS = "face"
"""What a detection of a face is called in a `vision_msgs/ObjectHypothesis`."""
