# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The answer is calm, quick where it matters, and the same at every frame rate."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.perception.smoothing import HeldLabel, Smoother, SmoothingParams, choose_label

HAPPY = np.eye(7, dtype=np.float32)[3]
SAD = np.eye(7, dtype=np.float32)[4]
NEUTRAL = np.eye(7, dtype=np.float32)[6]
WEAKLY_HAPPY = np.array([0.05, 0.05, 0.05, 0.4, 0.05, 0.05, 0.35], np.float32)
WEAKLY_NEUTRAL = np.array([0.05, 0.05, 0.05, 0.35, 0.05, 0.05, 0.4], np.float32)


def smoothing(**params) -> SmoothingParams:
    """Parameters, with nothing that keeps a label."""
    return SmoothingParams(**{"stickiness": 1.0, "label_hold": 0.0, "uncertain_hold": 0.0, **params})


def step(smoother: Smoother, raw: np.ndarray, stamp: float, track: str = "1") -> np.ndarray:
    return smoother.update([track], raw[None], stamp).probabilities[0]


def label(smoother: Smoother, raw: np.ndarray, stamp: float) -> str:
    return smoother.update(["1"], raw[None], stamp).labels[0]


@pytest.mark.parametrize("fps", [10, 60])
@pytest.mark.parametrize("tau", [0.1, 0.35, 2.0])
def test_a_new_emotion_rises_as_the_time_constant_says_at_every_rate(fps, tau):
    smoother = Smoother(smoothing(time_constant=tau, responsiveness=0.0))
    step(smoother, NEUTRAL, 0.0)
    for i in range(1, fps + 1):
        happy = step(smoother, HAPPY, i / fps)[3]
        assert happy == pytest.approx(1 - math.exp(-i / fps / tau), abs=1e-3)


def test_frames_that_are_missing_change_nothing():
    smoother = Smoother(smoothing(time_constant=0.5, responsiveness=0.0))
    step(smoother, NEUTRAL, 0.0)
    assert step(smoother, HAPPY, 0.7)[3] == pytest.approx(1 - math.exp(-0.7 / 0.5), abs=1e-5)


def test_a_plain_contradiction_is_shown_at_once():
    smoother = Smoother(smoothing(time_constant=0.35, responsiveness=2.0))
    for i in range(30):
        step(smoother, NEUTRAL, i / 30)
    assert step(smoother, HAPPY, 1.0)[3] > 0.95


def test_noise_between_two_emotions_is_calmed():
    smoother = Smoother(smoothing(time_constant=0.35, responsiveness=2.0))
    shown = [step(smoother, WEAKLY_HAPPY if i % 2 else WEAKLY_NEUTRAL, i / 30)[3] for i in range(60)]
    assert np.ptp(shown[30:]) < 0.2 * (WEAKLY_HAPPY[3] - WEAKLY_NEUTRAL[3])


def test_a_time_constant_of_0_smooths_nothing():
    smoother = Smoother(smoothing(time_constant=0.0, responsiveness=0.0))
    step(smoother, NEUTRAL, 0.0)
    assert step(smoother, WEAKLY_HAPPY, 0.001) == pytest.approx(WEAKLY_HAPPY)


def test_the_first_frame_of_a_face_is_shown_as_it_is():
    smoother = Smoother()
    step(smoother, NEUTRAL, 0.0, "1")
    assert (step(smoother, HAPPY, 0.01, "2") == HAPPY).all()


def test_faces_do_not_mix_whatever_their_order():
    smoother, alone = Smoother(smoothing()), Smoother(smoothing())
    noise = np.random.default_rng(0)
    for i in range(30):
        raw = noise.dirichlet(np.ones(7), 2).astype(np.float32)
        order = [0, 1] if i % 2 else [1, 0]
        both = smoother.update([str(k) for k in order], raw[order], i / 30).probabilities
        assert (both[order.index(0)] == step(alone, raw[0], i / 30, "0")).all()


@pytest.mark.parametrize("params", [
    {"time_constant": tau, "responsiveness": power} for tau in (0.0, 1e-9, 0.35, 10.0) for power in (0.0, 10.0)
] + [{"smoothing": "none"}, {"smoothing": "mean"}, {"smoothing": "mean", "window": 0.0}, {"stickiness": 10.0}], ids=str)
def test_every_row_sums_to_1(params):
    smoother = Smoother(SmoothingParams(**params))
    noise = np.random.default_rng(0)
    for i in range(300):
        raw = noise.dirichlet(np.full(7, 0.2), 3).astype(np.float32)
        found = smoother.update(["1", "2", ""], raw, i / 30).probabilities
        assert found.dtype == np.float32
        assert found.min() >= 0
        assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_a_face_without_an_id_is_not_smoothed():
    smoother = Smoother()
    step(smoother, NEUTRAL, 0.0, "")
    assert (step(smoother, WEAKLY_HAPPY, 0.01, "") == WEAKLY_HAPPY).all()


def test_a_step_back_in_time_starts_anew():
    smoother = Smoother(smoothing(responsiveness=0.0))
    for i in range(10):
        step(smoother, NEUTRAL, 100 + i / 30)
    assert (step(smoother, HAPPY, 1.0) == HAPPY).all()
    assert step(smoother, NEUTRAL, 1.01)[3] > 0.9


def test_reset_forgets():
    smoother = Smoother(smoothing(responsiveness=0.0))
    step(smoother, NEUTRAL, 0.0)
    smoother.reset()
    assert (step(smoother, HAPPY, 0.01) == HAPPY).all()


def test_the_same_stamp_twice_is_no_problem():
    smoother = Smoother(smoothing(responsiveness=0.0))
    step(smoother, NEUTRAL, 1.0)
    assert (step(smoother, HAPPY, 1.0) == NEUTRAL).all()


def test_what_was_given_is_not_changed_and_what_was_returned_stays():
    smoother = Smoother(smoothing(responsiveness=0.0))
    raw = NEUTRAL[None].copy()
    first = smoother.update(["1"], raw, 0.0).probabilities
    first[:] = 0
    second = smoother.update(["1"], HAPPY[None], 0.1).probabilities
    assert (raw == NEUTRAL).all()
    assert second.sum() == pytest.approx(1)


def test_people_who_left_are_forgotten():
    smoother = Smoother()
    for i in range(1000):
        step(smoother, HAPPY, float(i), str(i))
    assert len(smoother._tracks) < 100


def test_the_winner_is_the_label_unless_it_is_too_unsure():
    for i, emotion in enumerate(EMOTIONS):
        assert choose_label(np.eye(7)[i], 1.0) == (emotion, 1.0)
    assert choose_label(WEAKLY_HAPPY, 0.41) == (UNCERTAIN, pytest.approx(0.4))
    assert choose_label(WEAKLY_HAPPY, 0.4 - 1e-6) == ("happy", pytest.approx(0.4))
    assert choose_label(np.full(7, 1 / 7), 0.0)[0] == "angry"


def test_none_takes_each_frame_alone():
    smoother = Smoother(SmoothingParams(smoothing="none"))
    for i, raw in enumerate([NEUTRAL, WEAKLY_HAPPY, SAD, WEAKLY_NEUTRAL]):
        assert (step(smoother, raw, i / 30) == raw).all()


@pytest.mark.parametrize("fps", [10, 60])
def test_a_mean_follows_a_new_emotion_in_its_window_at_every_rate(fps):
    smoother = Smoother(smoothing(smoothing="mean", window=0.5))
    for i in range(fps):
        step(smoother, NEUTRAL, i / fps)
    for i in range(1, fps):
        happy = step(smoother, HAPPY, 1 + (i - 1) / fps)[3]
        assert happy == pytest.approx(min(i / fps / 0.5, 1), abs=1e-5)


def test_a_mean_counts_a_frame_for_the_time_that_it_stands_for():
    smoother = Smoother(smoothing(smoothing="mean", window=1.0))
    step(smoother, NEUTRAL, 0.0)
    step(smoother, NEUTRAL, 0.2)
    step(smoother, NEUTRAL, 0.4)
    assert step(smoother, HAPPY, 1.0)[3] == pytest.approx(0.6)  # 0.6 s of the last second: frames were lost
    assert step(smoother, HAPPY, 1.2)[3] == pytest.approx(0.8)
    assert step(smoother, SAD, 9.0) == pytest.approx(SAD)  # nothing of the time before is within the window


def test_a_mean_begins_with_its_first_frame():
    smoother = Smoother(smoothing(smoothing="mean", window=1.0))
    assert (step(smoother, NEUTRAL, 5.0) == NEUTRAL).all()
    assert step(smoother, HAPPY, 5.1) == pytest.approx((NEUTRAL + HAPPY) / 2)


@pytest.mark.parametrize("method", ["none", "exponential", "mean"])
def test_what_is_shown_can_be_changed_while_it_runs(method):
    smoother = Smoother(smoothing(smoothing="exponential"))
    for i in range(30):
        step(smoother, NEUTRAL, i / 30)
    smoother.params = smoothing(smoothing=method)
    for i in range(30, 60):
        shown = step(smoother, HAPPY, i / 30)
    assert shown[3] > 0.95


@pytest.mark.parametrize("method", ["exponential", "mean"])
def test_two_emotions_about_as_probable_do_not_take_turns(method):
    def labels(**params) -> list[str]:
        short = {"time_constant": 0.1, "window": 0.1, "confidence_threshold": 0.3}
        smoother = Smoother(smoothing(smoothing=method, **short, **params))
        noise = np.random.default_rng(0)
        pairs = [WEAKLY_HAPPY, WEAKLY_NEUTRAL]
        return [label(smoother, pairs[noise.integers(2)], i / 30) for i in range(300)]

    def changes(found: list[str]) -> int:
        return sum(a != b for a, b in itertools.pairwise(found))

    assert changes(labels(stickiness=1.0)) > 20
    assert changes(labels(stickiness=1.5)) == 0


def test_a_label_does_not_blink_at_its_threshold():
    smoother = Smoother(smoothing(smoothing="mean", window=0.0, stickiness=1.5, confidence_threshold=0.45))
    surely, hardly = (np.array([0.1, 0.1, 0.1, p, 0.1, 0.1, 0.5 - p], np.float32) for p in (0.46, 0.44))
    found = [label(smoother, p, i / 30) for i, p in enumerate([hardly, surely, hardly, surely, hardly])]
    assert found == [UNCERTAIN, "happy", "happy", "happy", "happy"]


@pytest.mark.parametrize("fps", [10, 30, 60])
@pytest.mark.parametrize("method", ["exponential", "mean"])
def test_a_real_change_is_followed_within_half_a_second(fps, method):
    """With the default parameters, from one emotion to another as sure as the network is of a clear face."""
    smoother = Smoother(SmoothingParams(smoothing=method))
    noise = np.random.default_rng(0)

    def raw(emotion: int) -> np.ndarray:
        p = np.full(7, 0.05) + 0.65 * np.eye(7)[emotion] + noise.normal(0, 0.02, 7).clip(-0.04, 0.04)
        return (p / p.sum()).astype(np.float32)

    for i in range(2 * fps):
        shown = label(smoother, raw(6), i / fps)
    assert shown == "neutral"
    answers = [label(smoother, raw(3), 2 + i / fps) for i in range(fps)]
    assert answers.index("happy") / fps <= 0.5
    assert set(answers[answers.index("happy"):]) == {"happy"}


def test_two_faces_with_one_id_keep_their_own_emotion():
    """Some detectors number all faces alike. Both are close enough in time and kind for smoothing to mix them."""
    smoother = Smoother(smoothing())
    for i in range(5):
        raw = np.stack([WEAKLY_HAPPY, WEAKLY_NEUTRAL, HAPPY])
        out = smoother.update(["p", "p", "q"], raw, i / 30).probabilities
        assert (out == raw).all()


# A label that is taken over only by what has led for a while


def changes_of(leaders: list[str], fps: float, hold: float = 0.3, uncertain_hold: float = 0.5) -> list[tuple[int, str]]:
    """At which frame what is shown, from one leader a frame."""
    held, shown = HeldLabel(), []
    for number, leader in enumerate(leaders):
        said = held.update(leader, 1 / fps if number else 0.0, hold, uncertain_hold)
        if not shown or shown[-1][1] != said:
            shown.append((number, said))
    return shown


@pytest.mark.parametrize("fps", [5, 10, 30, 60])
def test_a_label_follows_when_another_has_led_for_its_time_at_every_rate(fps):
    found = changes_of(["neutral"] * fps + ["happy"] * fps, fps)
    (_, first), (number, second) = found
    assert (first, second) == ("neutral", "happy")
    # The frame in which it leads first stands for the time since the one before it.
    assert (number - fps + 1) / fps == pytest.approx(0.3, abs=1 / fps)
    assert (number - fps + 1) / fps >= 0.3 - 1e-9


def test_the_first_label_is_shown_at_once():
    assert changes_of(["sad", "sad"], 30) == [(0, "sad")]
    assert changes_of([UNCERTAIN], 30) == [(0, UNCERTAIN)]


def test_syllables_do_not_change_the_label():
    """Six frames of a smile and six without, over and over."""
    leaders = (["happy"] * 6 + ["neutral"] * 6) * 20
    assert changes_of(["neutral", *leaders], 30) == [(0, "neutral")]
    assert len(changes_of(["neutral", *leaders], 30, hold=0.1)) > 20


def test_one_frame_in_between_does_not_start_the_time_anew():
    steady = ["neutral"] * 10 + ["happy"] * 30
    broken = list(steady)
    broken[14] = "neutral"
    (_, (plain, _)), (_, (late, _)) = changes_of(steady, 30), changes_of(broken, 30)
    assert plain < late <= plain + 2


def test_two_that_compete_with_a_third_are_counted_apart():
    """Neither surprise nor fear leads for long, however long both together do."""
    leaders = ["neutral"] * 10 + ["surprise", "fear"] * 30
    assert changes_of(leaders, 30) == [(0, "neutral")]


def test_uncertain_has_a_time_of_its_own():
    leaders = ["happy"] * 10 + [UNCERTAIN] * 60
    (_, (number, shown)) = changes_of(leaders, 30, uncertain_hold=1.0)
    assert shown == UNCERTAIN
    assert number == 10 + 29
    (_, (number, _)) = changes_of(leaders, 30, uncertain_hold=0.0)
    assert number == 10


def test_after_a_pause_a_face_shows_what_it_shows():
    held = HeldLabel()
    assert held.update("sad", 0.0, 0.3, 0.5) == "sad"
    assert held.update("happy", 5.0, 0.3, 0.5) == "happy"


def test_no_spell_is_shorter_than_the_time_to_hold():
    noise = np.random.default_rng(1)
    for fps in (7, 15, 30):
        leaders = [["happy", "neutral", "sad", UNCERTAIN][k] for k in np.repeat(noise.integers(4, size=400), 3)]
        starts = [number / fps for number, _ in changes_of(leaders, fps, hold=0.3, uncertain_hold=0.3)]
        assert len(starts) > 3
        assert min(b - a for a, b in itertools.pairwise(starts)) >= 0.3 - 1e-6


def test_while_a_label_is_held_its_own_probability_is_its_confidence():
    smoother = Smoother(smoothing(time_constant=0.0, label_hold=0.3))
    raw = np.array([0.05, 0.05, 0.05, 0.6, 0.05, 0.05, 0.15], np.float32)
    smoother.update(["1"], NEUTRAL[None], 0.0)
    shown = smoother.update(["1"], raw[None], 0.1)
    assert shown.labels == ["neutral"]
    assert shown.confidences == [pytest.approx(0.15)]
    assert int(shown.probabilities[0].argmax()) == EMOTIONS.index("happy")
    shown = smoother.update(["1"], raw[None], 0.4)
    assert (shown.labels, shown.confidences) == (["happy"], [pytest.approx(0.6)])


def test_without_smoothing_nothing_is_held():
    smoother = Smoother(SmoothingParams(smoothing="none", label_hold=5.0, uncertain_hold=5.0))
    assert [label(smoother, p, i / 30) for i, p in enumerate([HAPPY, SAD, np.full(7, 1 / 7, np.float32)])] == [
        "happy", "sad", UNCERTAIN]


@pytest.mark.parametrize("ids", [["", ""], ["p", "p"]])
def test_without_a_track_nothing_is_held(ids):
    smoother = Smoother()
    for at, (a, b) in enumerate([(HAPPY, SAD), (SAD, HAPPY)]):
        shown = smoother.update(ids, np.stack([a, b]), at / 30)
        assert shown.labels == (["happy", "sad"] if at == 0 else ["sad", "happy"])
        assert shown.confidences == [1.0, 1.0]


# Neutral before a camera


@pytest.mark.parametrize("method", ["exponential", "mean"])
def test_neutral_counts_as_many_times_as_it_is_more_common(method):
    raw = np.array([0.1, 0.0, 0.1, 0.0, 0.1, 0.5, 0.2], np.float32)
    params = SmoothingParams(smoothing=method, neutral_prior=5.0, stickiness=1.0)
    (found,) = Smoother(params).update(["1"], raw[None], 0.0).probabilities
    assert found == pytest.approx(np.array([0.1, 0.0, 0.1, 0.0, 0.1, 0.5, 1.0]) / 1.8)  # odds of 2 to 5 have become 10 to 5


@pytest.mark.parametrize("method", ["exponential", "mean"])
def test_disgust_and_fear_count_as_many_times_as_they_are_rarer(method):
    raw = np.array([0.1, 0.2, 0.4, 0.0, 0.1, 0.1, 0.1], np.float32)
    params = SmoothingParams(smoothing=method, neutral_prior=2.0, rare_prior=0.25, stickiness=1.0)
    (found,) = Smoother(params).update(["1"], raw[None], 0.0).probabilities
    assert found == pytest.approx(np.array([0.1, 0.05, 0.1, 0.0, 0.1, 0.1, 0.2]) / 0.65)


def test_of_disgust_and_fear_too_the_model_says_what_the_parameter_does_not():
    raw = np.full((1, 7), 1 / 7, np.float32)

    def fear(asked: float, of_the_model: float) -> float:
        smoother = Smoother(SmoothingParams(rare_prior=asked), rare_prior=of_the_model)
        return float(smoother.update(["1"], raw, 0.0).probabilities[0, 2])

    assert fear(0.0, 0.25) == pytest.approx(0.25 / 5.5)
    assert fear(0.5, 0.25) == pytest.approx(0.5 / 6)
    assert fear(1.0, 0.25) == pytest.approx(1 / 7)
    assert fear(0.0, 1.0) == pytest.approx(1 / 7)


def test_the_models_own_prior_counts_where_the_parameter_is_0():
    raw = np.full((1, 7), 1 / 7, np.float32)

    def neutral(asked: float, of_the_model: float) -> float:
        return float(Smoother(SmoothingParams(neutral_prior=asked), of_the_model).update(["1"], raw, 0.0).probabilities[0, 6])

    assert neutral(0.0, 4.0) == pytest.approx(0.4)
    assert neutral(2.0, 4.0) == pytest.approx(0.25)
    assert neutral(1.0, 4.0) == pytest.approx(1 / 7)
    assert neutral(0.0, 1.0) == pytest.approx(1 / 7)


@pytest.mark.parametrize(("ids", "method"), [(["1"], "none"), ([""], "exponential"), (["1", "1"], "exponential")])
def test_a_frame_for_itself_has_no_prior(ids, method):
    raw = np.full((len(ids), 7), 1 / 7, np.float32)
    smoother = Smoother(SmoothingParams(smoothing=method, neutral_prior=4.0, rare_prior=0.1))
    assert smoother.update(ids, raw, 0.0).probabilities == pytest.approx(raw)


def test_a_prior_does_not_count_twice():
    raw = np.full((1, 7), 1 / 7, np.float32)
    smoother = Smoother(SmoothingParams(neutral_prior=4.0, stickiness=1.0))
    found = [smoother.update(["1"], raw, i / 30).probabilities[0, 6] for i in range(30)]
    assert found == pytest.approx([0.4] * 30)
