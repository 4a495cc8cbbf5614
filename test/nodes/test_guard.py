# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is told is told once, briefly, and not at all too often; what is counted is counted right, from any thread."""

from __future__ import annotations

import threading
import time

from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.ros.guard import Repetitions, spin_once


def test_a_text_is_told_once_whatever_its_numbers_and_again_after_a_minute():
    now = [0.0]
    told = Repetitions(lambda: now[0])
    assert told.is_new("images", "got 3 bytes")
    now[0] = 59.0
    assert not told.is_new("images", "got 4 bytes")
    assert told.is_new("boxes", "got 3 bytes")
    now[0] = 61.0
    assert told.is_new("images", "got 5 bytes")


def test_of_one_subject_only_a_few_texts_are_told_within_a_minute():
    now = [0.0]
    told = Repetitions(lambda: now[0])
    texts = [f"encoding {'x' * length}" for length in range(100)]
    assert [told.is_new("images", text) for text in texts] == [True] * 5 + [False] * 95
    assert told.is_new("boxes", texts[50])
    now[0] = 61.0
    assert told.is_new("images", texts[50])


def test_the_log_of_a_node_is_spared_what_a_peer_repeats(bench, monkeypatch):
    node, said = bench.add(FaceDetectorNode), []
    monkeypatch.setattr(type(node.get_logger()), "warning", lambda self, text, **_: said.append(text))
    for length in range(100):
        node.say_once("image", f"encoding '{'x' * length}\x1b'")
    assert said == [f"encoding '{'x' * length}?'" for length in range(5)]


def test_what_a_callback_raises_is_handed_on_and_the_next_one_is_run(bench):
    ran, failures = [], []

    def fail():
        ran.append(1)
        raise KeyError("a mistake")

    bench.tester.create_timer(0.01, fail)
    deadline = time.monotonic() + 60
    while len(ran) < 3 and time.monotonic() < deadline:
        spin_once(bench.executor, 0.05, failures.append)
    assert len(ran) >= 3
    assert [str(one) for one in failures] == ["'a mistake'"] * len(failures)
    assert len(failures) == len(ran)


def test_counters_lose_nothing_whoever_counts(bench):
    diagnostics = bench.add(FaceDetectorNode, start=False).diagnostics

    class Slow(dict):
        """In which another thread has the time to count between reading and writing."""

        def get(self, *arguments):
            value = super().get(*arguments)
            time.sleep(0.001)
            return value

    diagnostics._totals = Slow()
    counting = [threading.Thread(target=lambda: [diagnostics.count("images") for _ in range(10)]) for _ in range(8)]
    for thread in counting:
        thread.start()
    for thread in counting:
        thread.join()
    assert diagnostics._totals["images"] == 80
