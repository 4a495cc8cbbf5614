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
