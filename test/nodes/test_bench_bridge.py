# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is measured of the bridge does the same work in each way."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fer_ros.bench import bridge
from fer_ros.bench.live_graph import Answers
from fer_ros.cli import main
from fer_ros.ros.images import from_bgr, to_bgr


@pytest.mark.parametrize("encoding", bridge.ENCODINGS)
def test_all_ways_give_the_same_pixels(encoding):
    message = bridge.message(encoding, 64, 48)
    assert (to_bgr(message) == bridge.by_cv_bridge(message)).all()


def test_both_ways_back_give_the_same_message():
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    header = bridge.message("bgr8", 8, 8).header
    ours, theirs = from_bgr(pixels, header), bridge.back_by_cv_bridge(pixels)
    assert ours.data == theirs.data
    assert (ours.width, ours.height, ours.step, ours.encoding) == (theirs.width, theirs.height, theirs.step, theirs.encoding)


def test_the_bridge_is_measured_per_encoding(tmp_path):
    out = tmp_path / "out.json"
    with pytest.raises(SystemExit, match="0"):
        main(["bench", "bridge", "--sizes", "64x64", "--rounds", "2", "--json", str(out)])
    rows = json.loads(out.read_text())
    assert {row["encoding"] for row in rows} == set(bridge.ENCODINGS)
    assert len(rows) == 3 * len(bridge.ENCODINGS) + 2


@pytest.mark.parametrize(("stamps", "until", "lost"), [
    ([1.1, 1.2, 1.3], 1.5, 0), ([1.1, 1.3, 1.5], 1.7, 2), ([1.1004, 1.1996, 1.3003], 1.5, 0),
    ([1.1, 1.2], 2.4, 10),  # and then no more
    ([], 2.2, 10), ([], 1.2, 0),
])
def test_frames_without_an_answer_are_counted_by_their_stamps(stamps, until, lost):
    assert Answers(since=1.0, until=until, stamps=stamps).lost(10) == lost
