# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Which of two groups belong together: as many pairs as there can be, at the least sum of costs.

scipy has this, too (`scipy.optimize.linear_sum_assignment`), but loading it takes half a second and 50 MB, in every process
that follows faces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

Costs = Mapping[int, Mapping[int, float]]
"""For each row the columns that it can be paired with, counted from 0, and what each of them costs."""


def assign(costs: Costs) -> dict[int, int]:
    """The Hungarian method.

    Row by row, the cheapest way to one more pair is searched as Dijkstra does, with potentials that keep all costs positive
    (R. Burkard, M. Dell'Amico, S. Martello: Assignment Problems, SIAM 2009, chapter 4).

    Args:
        costs: finite, of any sign. What is not named cannot be a pair.

    Returns:
        Columns by row. Of all choices with the most pairs it is one with the least sum of costs.

    Example:
        >>> assign({0: {0: 1.0, 1: 1.5}, 1: {0: 0.5}, 2: {0: 3.0}})
        {1: 0, 0: 1}
    """
    uses = Counter(column for columns in costs.values() for column in columns)
    # Most faces are near to nobody else's place.
    clear = {row: column for row, columns in costs.items() for column in columns if len(columns) == uses[column] == 1}
    # A row can stay alone, with a column of its own (~row), which costs more than all others could save.
    alone = 1.0 + 2.0 * sum(max(map(abs, row.values()), default=0.0) for row in costs.values())
    choices = {row: {**columns, ~row: alone} for row, columns in costs.items() if row not in clear}
    paid = {row: min(columns.values()) for row, columns in choices.items()}  # the rows' potentials
    spared: dict[int, float] = {}  # the columns' potentials, none above 0
    owner: dict[int, int] = {}  # row of each column that is taken
    for row in choices:
        distance: dict[int, float] = {}  # to each column that was reached
        reached_by: dict[int, int | None] = {}  # the column before it on the way
        done: set[int] = set()
        at, column, far = row, None, 0.0
        while True:
            for other, cost in choices[at].items():
                further = far + cost - paid[at] - spared.get(other, 0.0)
                if other not in done and further < distance.get(other, float("inf")):
                    distance[other], reached_by[other] = further, column
            column = min((other for other in distance if other not in done), key=distance.__getitem__)
            far = distance[column]
            if column not in owner:
                break
            done.add(column)
            at = owner[column]
        paid[row] += far
        for other in done:
            paid[owner[other]] += far - distance[other]
            spared[other] = spared.get(other, 0.0) + distance[other] - far
        while column is not None:
            before = reached_by[column]
            owner[column] = row if before is None else owner[before]
            column = before
    return clear | {row: column for column, row in sorted(owner.items()) if column >= 0}
