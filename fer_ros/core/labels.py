"""The seven emotions, in the one order that every array, message and model of this package uses."""

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

UNCERTAIN = "uncertain"
"""The label of a face whose best probability is below `confidence_threshold`."""

FACE_CLASS = "face"
"""What a detection of a face is called in a `vision_msgs/ObjectHypothesis`."""
