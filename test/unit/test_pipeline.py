"""The whole chain, from frames to what people show."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from fer_ros.core.align import AlignParams
from fer_ros.core.classifier import ClassifierParams
from fer_ros.core.detector import DetectorParams
from fer_ros.core.labels import EMOTIONS
from fer_ros.core.pipeline import EmotionStage, FaceStage
from fer_ros.core.session import InferenceParams
from fer_ros.core.smoothing import SmoothingParams
from fer_ros.core.source import SourceParams, open_source
from fer_ros.core.tracker import TrackerParams
from fer_ros.core.types import Box, Emotion, Face


def face_stage() -> FaceStage:
    return FaceStage(DetectorParams(), TrackerParams(), InferenceParams())


def emotion_stage(model: str = ClassifierParams.model, **smoothing) -> EmotionStage:
    return EmotionStage(ClassifierParams(model=model), AlignParams(), SmoothingParams(**smoothing), InferenceParams())


def play(source: Path | str, fps: float, model: str = ClassifierParams.model) -> list[list[Emotion]]:
    """What is said of each frame of a recording."""
    faces, emotions = face_stage(), emotion_stage(model)
    recording = open_source(SourceParams(source=str(source), realtime=False))
    answers = []
    while (image := recording.read()) is not None:
        stamp = len(answers) / fps
        answers.append(emotions(image, faces(image, stamp), stamp))
    return answers


@pytest.fixture(scope="module")
def demo() -> list[list[Emotion]]:
    return play("demo", 30)


def test_the_astronaut_is_happy_all_the_time(demo):
    assert len(demo) == 360
    everyone = [emotion for frame in demo for emotion in frame]
    assert sum(emotion.label == "happy" for emotion in everyone) / len(everyone) > 0.97


def test_the_int8_model_says_the_same(demo):
    for one, other in zip(demo, play("demo", 30, "emotion_int8.onnx"), strict=True):
        for a, b in zip(one, other, strict=True):
            assert a.face_id == b.face_id
            assert np.abs(a.probabilities - b.probabilities).max() < 0.15
            assert a.label == b.label or max(a.confidence, b.confidence) < 0.6


def test_a_face_keeps_its_id_while_it_is_in_view(demo):
    assert {emotion.face_id for frame in demo[:150] for emotion in frame} == {"1"}
    assert all(len(frame) == 1 for frame in demo[:150])


def test_nobody_is_seen_where_nobody_is(demo):
    assert not any(demo[165:188])


def test_two_faces_keep_their_ids_beside_each_other(demo):
    both = demo[250:325]
    assert all(len(frame) == 2 for frame in both)
    right = {max(frame, key=lambda emotion: emotion.box.cx).face_id for frame in both}
    left = {min(frame, key=lambda emotion: emotion.box.cx).face_id for frame in both}
    assert len(left) == len(right) == 1
    assert left != right


def test_every_answer_is_complete(demo):
    for emotion in (emotion for frame in demo for emotion in frame):
        assert emotion.box.is_usable()
        assert 0.6 <= emotion.detection_score <= 1
        assert emotion.confidence == pytest.approx(emotion.probabilities.max())
        for row in (emotion.probabilities, emotion.raw_probabilities):
            assert row.shape == (7,)
            assert row.sum() == pytest.approx(1, abs=1e-4)


def test_the_same_frames_give_the_same_answer(demo, demo_frames):
    faces, emotions = face_stage(), emotion_stage()
    again = [emotions(image, faces(image, number / 30), number / 30) for number, image in demo_frames.items()]
    faces, emotions = face_stage(), emotion_stage()
    for number, image in demo_frames.items():
        one, other = again[number // 10], emotions(image, faces(image, number / 30), number / 30)
        assert [(e.face_id, e.box, e.label) for e in one] == [(e.face_id, e.box, e.label) for e in other]
        assert all((a.probabilities == b.probabilities).all() for a, b in zip(one, other, strict=True))


def test_a_face_with_nothing_to_look_at_is_left_out(demo_frames, detector):
    image = demo_frames[0]
    (good,) = detector.detect(image)
    bad = [
        Box(math.nan, 100, 50, 50), Box(100, 100, math.inf, 50), Box(100, 100, 0, 50), Box(100, 100, -50, 50),
        Box(-200, 100, 50, 50), Box(100, 800, 50, 50), Box(665, 100, 50, 50), Box(1e300, 1e300, 10, 10),
    ]
    faces = [Face(box, 0.9, id=str(i)) for i, box in enumerate(bad)]
    faces.insert(3, good)
    (answer,) = emotion_stage()(image, faces, 0.0)
    assert answer.box == good.box
    assert answer.label == "happy"


def test_faces_across_the_border_and_absurdly_large_ones_get_an_answer(demo_frames):
    boxes = [Box(0, 0, 100, 100), Box(640, 480, 100, 100), Box(320, 240, 1e9, 1e9), Box(320, 240, 1e200, 1e200)]
    answers = emotion_stage()(demo_frames[0], [Face(box, 0.9, id=str(i)) for i, box in enumerate(boxes)], 0.0)
    assert [answer.face_id for answer in answers] == ["0", "1", "2", "3"]
    assert all(np.isfinite(answer.probabilities).all() for answer in answers)


def test_an_unsure_answer_is_called_uncertain(demo_frames, detector):
    (answer,) = emotion_stage(confidence_threshold=1.0)(demo_frames[0], detector.detect(demo_frames[0]), 0.0)
    assert answer.label == "uncertain"
    assert answer.probabilities.argmax() == 3


# Real recordings, where they are at hand


def test_a_man_smiles_and_stops(recordings):
    answers = play(recordings / "neutral_smile_neutral.mp4", 30)
    assert len(answers) == 72
    assert {emotion.face_id for frame in answers for emotion in frame} == {"1"}
    assert all(len(frame) == 1 for frame in answers)
    labels = [frame[0].label for frame in answers]
    assert labels[:12].count("neutral") >= 10
    assert labels[25:67].count("happy") >= 40
    # He stops smiling in the last two frames: too late for the smoothed answer to be sure of it.
    neutral = [frame[0].raw_probabilities[EMOTIONS.index("neutral")] for frame in answers]
    assert neutral[-1] > 0.3 > max(neutral[30:65])


def test_a_woman_ends_laughing(recordings):
    answers = play(recordings / "sad_surprise_happy.mp4", 30)
    assert {emotion.face_id for frame in answers for emotion in frame} == {"1"}
    early = [frame[0].label for frame in answers[:130]]
    late = [frame[0].label for frame in answers[-150:]]
    assert "happy" not in early
    assert late.count("happy") > 140


def test_a_title_without_people_has_no_face(recordings):
    assert not any(play(recordings / "no_face.mp4", 30))
