# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

from fer_ros.ros.gathering import Gathering


def test_a_frame_is_whole_once_all_of_its_list_are_there():
    gathering = Gathering(10)
    assert gathering.add_face((1, 0), "a", "A") == []
    assert gathering.add_list((1, 0), ["a", "b"]) == []
    assert gathering.add_face((1, 0), "b", "B") == [((1, 0), {"a": "A", "b": "B"})]


def test_a_frame_with_nobody_is_whole_at_once():
    assert Gathering(10).add_list((1, 0), []) == [((1, 0), {})]


def test_a_frame_that_lists_somebody_who_is_not_seen_is_over_with_the_next_list():
    gathering = Gathering(10)
    gathering.add_face((1, 0), "a", "A")
    assert gathering.add_list((1, 0), ["a", "b"]) == []
    assert gathering.add_list((2, 0), ["a"]) == [((1, 0), {"a": "A"})]
    assert gathering.add_face((2, 0), "a", "AA") == [((2, 0), {"a": "AA"})]


def test_who_is_not_on_the_list_is_left_out():
    gathering = Gathering(10)
    gathering.add_face((1, 0), "stranger", "S")
    assert gathering.add_list((1, 0), []) == [((1, 0), {})]


def test_what_comes_late_or_twice_or_unstamped_makes_no_frame_again():
    refused = []
    gathering = Gathering(10, refused.append)
    gathering.add_list((1, 0), ["a"])
    assert gathering.add_face((1, 0), "a", "A") == [((1, 0), {"a": "A"})]
    assert gathering.add_face((1, 0), "a", "A") == []
    assert gathering.add_list((1, 0), ["a"]) == []
    assert not refused
    assert gathering.add_list((0, 0), []) == gathering.add_face((0, 0), "a", "A") == []
    assert refused == [(0, 0)] * gathering.dropped == [(0, 0)] * 2


def test_faces_without_a_list_do_not_pile_up():
    gathering = Gathering(10)
    for stamp in range(1, 1001):
        assert gathering.add_face((stamp, 0), "a", "A") == []
    assert len(gathering._frames) == 10
    assert gathering.dropped == 990


def test_what_has_no_list_when_a_later_frame_is_over_is_counted():
    gathering = Gathering(10)
    gathering.add_face((1, 0), "a", "A")
    gathering.add_list((2, 0), ["a"])
    gathering.add_face((3, 0), "a", "later")
    assert gathering.add_face((2, 0), "a", "AA") == [((2, 0), {"a": "AA"})]
    assert gathering.dropped == 1
    assert gathering.add_list((3, 0), ["a"]) == [((3, 0), {"a": "later"})], "a frame that came later was not over"


def test_what_is_cleared_is_forgotten():
    gathering = Gathering(10)
    gathering.add_list((1, 0), [])
    gathering.add_face((2, 0), "a", "A")
    gathering.clear()
    assert gathering.add_list((1, 0), []) == [((1, 0), {})], "a recording may start again"
    assert gathering.add_list((2, 0), ["a"]) == []
