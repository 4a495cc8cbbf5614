# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The best pairs are found, whatever can be paired with what."""

from __future__ import annotations

import itertools
import random

import pytest

from fer_ros.perception.assignment import assign


def best(costs: dict[int, dict[int, float]]) -> tuple[int, float]:
    """The most pairs and their least sum, by trying all."""
    columns = sorted({column for row in costs.values() for column in row})
    choices = itertools.product(*([None, *(c for c in columns if c in row)] for row in costs.values()))
    allowed = (choice for choice in choices
               if len(taken := [c for c in choice if c is not None]) == len(set(taken)))
    return min((-len([c for c in choice if c is not None]),
                sum(costs[row][c] for row, c in zip(costs, choice, strict=True) if c is not None)) for choice in allowed)


@pytest.mark.parametrize("seed", range(150))
def test_it_finds_what_trying_everything_finds(seed):
    rng = random.Random(seed)
    rows, columns, density = rng.randint(1, 6), rng.randint(1, 6), rng.choice([0.2, 0.5, 1.0])
    unit = rng.choice([1e-3, 1.0, 1e3])
    value = rng.choice([lambda: rng.uniform(-1, 1), lambda: float(rng.randint(0, 2))])  # the latter with many equal sums
    costs = {row: {column: unit * value() for column in range(columns) if rng.random() < density} for row in range(rows)}
    found = assign(costs)
    assert len(set(found.values())) == len(found)
    pairs, total = best(costs)
    reached = sum(costs[row][column] for row, column in found.items())
    assert (-len(found), reached) == (pairs, pytest.approx(total, abs=1e-9 * unit))


def test_nobody_and_nothing():
    assert assign({}) == {} and assign({0: {}, 3: {}}) == {}


def test_a_crowd_in_which_anybody_could_be_anybody():
    rng = random.Random(0)
    order = rng.sample(range(60), 60)
    costs = {row: {column: 1.0 + rng.random() if column != order[row] else 0.5 for column in range(60)} for row in range(60)}
    assert assign(costs) == dict(enumerate(order))
