# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Figures are what their names say, shown on answers that one can count by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fer_ros.training.metrics import (
    balanced_accuracy,
    confusion,
    error_by_chance,
    f1,
    fit_adjustment,
    fit_temperature,
    log_loss,
    most_confused,
    normalized,
    recall,
    reliability,
)

TRUTH = np.array([0, 0, 0, 0, 1, 1, 3])
GUESS = np.array([0, 0, 0, 1, 1, 0, 0])


def test_recall_is_by_class_and_balanced_accuracy_its_mean_over_the_classes_that_occur():
    assert recall(TRUTH, GUESS, 4) == pytest.approx([0.75, 0.5, np.nan, 0], nan_ok=True)
    assert balanced_accuracy(TRUTH, GUESS, 4) == pytest.approx((0.75 + 0.5 + 0) / 3)
    assert np.isnan(balanced_accuracy(TRUTH[:0], GUESS[:0], 4))


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    precision, found = 3 / 5, 3 / 4
    assert f1(TRUTH, GUESS, 4) == pytest.approx([2 * precision * found / (precision + found), 0.5, np.nan, 0], nan_ok=True)


def test_confusion_counts_truth_by_answer():
    counts = confusion(TRUTH, GUESS, 4)
    assert counts.tolist() == [[3, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert normalized(counts).sum(axis=1).tolist() == [1, 1, 0, 1]


def test_the_most_confused_pairs_come_by_their_share_of_the_truth():
    pairs = most_confused(confusion(TRUTH, GUESS, 4), ("a", "b", "c", "d"))
    assert pairs == [("d", "a", 1.0, 1), ("b", "a", 0.5, 1), ("a", "b", 0.25, 1)]


def test_calibration_error_is_the_gap_of_confidence_and_accuracy():
    sure = np.tile([0.9, 0.1], (10, 1))
    nine_right = np.array([0] * 9 + [1])
    assert reliability(sure, nine_right).error == pytest.approx(0)
    assert reliability(sure, np.array([0] * 5 + [1] * 5)).error == pytest.approx(0.4)
    mixed = np.concatenate([sure, np.tile([0.6, 0.4], (30, 1))])
    truth = np.concatenate([nine_right, np.zeros(30, int)])
    bins = reliability(mixed, truth)
    assert bins.error == pytest.approx(0.75 * 0.4)
    assert bins.confidence == pytest.approx([0.6, 0.9])
    assert bins.accuracy == pytest.approx([1, 0.9])
    assert bins.share == pytest.approx([0.75, 0.25])


def test_few_answers_have_a_calibration_error_by_chance():
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.5, 1, 4000)
    answers = np.stack([confidence, 1 - confidence], axis=1)
    few, many = error_by_chance(answers[:100]), error_by_chance(answers)
    assert few == pytest.approx(0.1, abs=0.04) and many == pytest.approx(few / 40**0.5, abs=0.01)
    truth = np.where(rng.random(4000) < confidence, 0, 1)  # a confidence that is right
    assert reliability(answers, truth).error == pytest.approx(many, abs=0.012)
    sure = np.tile([1.0, 0.0], (100, 1))
    assert error_by_chance(sure) == 0  # whoever is certain is right


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_undoes_too_much_or_too_little_confidence(temperature):
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20_000, 5))
    odds = np.exp(honest)
    odds /= odds.sum(axis=1, keepdims=True)
    truth = (odds.cumsum(axis=1) > rng.random((len(odds), 1))).argmax(axis=1)
    found = fit_temperature(honest * temperature, truth)
    assert found == pytest.approx(temperature, rel=0.03)
    assert log_loss(honest * temperature, truth, found) <= log_loss(honest * temperature, truth, found * 1.05)
    assert log_loss(honest * temperature, truth, found) <= log_loss(honest * temperature, truth, found / 1.05)


def test_log_loss_bears_large_logits():
    assert log_loss(np.array([[1e4, -1e4]]), np.array([0])) == pytest.approx(0)
    assert log_loss(np.array([[1e4, 0.0]]), np.array([1])) == pytest.approx(1e4)


def test_the_adjustment_finds_rare_classes_for_what_it_may_cost():
    rng = np.random.default_rng(0)
    prior = np.array([0.6, 0.3, 0.07, 0.03])
    truth = rng.choice(4, 20_000, p=prior)
    evidence = rng.normal(0, 1, (len(truth), 4)) + 2 * np.eye(4)[truth]
    logits = 2 * evidence + np.log(prior)  # the best that there is for accuracy
    before = logits.argmax(axis=1)
    assert fit_adjustment(logits, truth, prior, cost=1.0) > 0.8
    assert fit_adjustment(2 * evidence, truth, prior, cost=0.0) == 0
    share = fit_adjustment(logits, truth, prior, cost=0.01)
    after = (logits - share * np.log(prior)).argmax(axis=1)
    assert 0 < share < 0.8
    assert (before == truth).mean() - (after == truth).mean() <= 0.01
    assert balanced_accuracy(truth, after, 4) > balanced_accuracy(truth, before, 4) + 0.02
