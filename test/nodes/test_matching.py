# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.ros.answered import AnsweredImages
from fer_ros.ros.exchange import LocalFaces, LocalImage
from fer_ros.ros.matching import StampPairs, explain_refusal, explain_strangers


def test_pairs_form_whichever_half_comes_first():
    pairs = StampPairs(5)
    assert pairs.add_first(1, "image") is None
    assert pairs.add_second(1, "faces") == ("image", "faces")
    assert pairs.add_second(2, "faces") is None
    assert pairs.add_first(2, "image") == ("image", "faces")
    assert pairs.dropped == 0


def test_what_never_pairs_is_dropped_and_counted():
    pairs = StampPairs(2)
    for key in range(5):
        assert pairs.add_first(key, key) is None
    assert pairs.dropped == 3
    assert pairs.add_second(0, "too late") is None
    assert pairs.add_second(4, "in time") == (4, "in time")
    assert pairs.dropped == 5  # with the first 3 and the one that came too late


def test_what_came_before_a_pair_is_dropped_on_both_sides():
    pairs = StampPairs(5)
    pairs.add_first(1, "image 1")
    pairs.add_second(2, "faces 2")
    pairs.add_second(3, "faces 3")
    assert pairs.add_first(3, "image 3") == ("image 3", "faces 3")
    assert pairs.dropped == 2
    assert pairs.add_second(1, "faces 1") is None


def test_items_of_which_none_ever_pairs_are_told_of_with_what_waits():
    told = []
    pairs = StampPairs(5, strange=lambda key, others: told.append((key, list(others))))
    for key in range(1, 10):
        pairs.add_first((key, 0), "image")
        pairs.add_second((key, 5), "faces")
    assert pairs.add_first((100, 0), "image") is None
    assert not told
    pairs.add_second((100, 5), "faces")
    assert told == [((100, 5), [(6, 0), (7, 0), (8, 0), (9, 0), (100, 0)])]


def test_one_pair_now_and_then_is_enough():
    told = []
    pairs = StampPairs(5, strange=lambda *keys: told.append(keys))
    for key in range(1, 100):
        pairs.add_first((key, 0), "image")
        pairs.add_second((key, int(key % 9 > 0)), "faces")
    for key in range(100, 200):
        pairs.add_first((key, 0), "image")  # nobody looks at any
    assert not told


@pytest.mark.parametrize(("key", "others", "apart"), [
    ((5, 0), [(3, 10**9 - 1), (4, 10**9 - 100)], "(the nearest are 0.0000001 s apart)"),
    ((5, 0), [(7, 500_000_000)], "(the nearest are 2.5 s apart)"), ((5, 0), [], "stamp, so")])
def test_what_is_told_says_how_far_apart_they_are(key, others, apart):
    text = explain_strangers(key, others, "/image and /faces")
    assert apart in text
    assert "/image and /faces" in text


@pytest.mark.parametrize("order", ["iiff", "ifif", "ffii", "iffi", "fifi"])
def test_messages_without_a_stamp_are_never_paired_and_are_told_of(order):
    refused = []
    pairs = StampPairs(5, refused.append)
    for kind in order:
        assert (pairs.add_first if kind == "i" else pairs.add_second)((0, 0), kind) is None
    assert refused == [(0, 0)] * 4
    assert pairs.dropped == 4
    assert pairs.add_first((1, 0), "image") is None
    assert pairs.add_second((1, 0), "faces") == ("image", "faces")


def test_of_images_with_one_stamp_none_is_taken_for_the_other():
    refused = []
    pairs = StampPairs(5, refused.append)
    assert pairs.add_first(7, "one") is None
    assert pairs.add_first(7, "other") is None
    assert pairs.add_second(7, "faces of one") is None
    assert pairs.add_second(7, "faces of the other") is None
    assert refused == [7, 7, 7]
    assert pairs.dropped == 4  # the one that waited, too


def test_stamps_that_stand_still_pair_nothing_any_more_and_go_on_when_time_does():
    pairs = StampPairs(5)
    pairs.add_first(7, "image")
    assert pairs.add_second(7, "faces") == ("image", "faces")  # nothing that it could be mistaken for has come yet
    for _ in range(3):
        assert pairs.add_first(7, "image") is None
        assert pairs.add_second(7, "faces") is None
    pairs.add_second(8, "faces")
    assert pairs.add_first(8, "image") == ("image", "faces")


def test_a_recording_that_starts_again_pairs_again():
    pairs = StampPairs(5)
    for _ in range(3):
        for key in range(1, 4):
            assert pairs.add_first(key, f"image {key}") is None
            assert pairs.add_second(key, f"faces {key}") == (f"image {key}", f"faces {key}")
    pairs.add_first(1, "of the last time")
    pairs.add_first(2, "image 2")
    pairs.add_first(1, "image 1")
    assert pairs.add_second(1, "faces 1") == ("image 1", "faces 1")


def test_the_reason_says_what_to_do():
    assert "no stamp" in explain_refusal((0, 0), "/image and /faces")
    assert "the same stamp" in explain_refusal((7, 0), "/image and /faces")
    for key in ((0, 0), (7, 0)):
        assert "/image and /faces" in explain_refusal(key, "/image and /faces")
        assert "header.stamp" in explain_refusal(key, "/image and /faces")


def test_a_cleared_cache_pairs_nothing():
    pairs = StampPairs(5)
    pairs.add_first(0, "image")
    pairs.clear()
    assert pairs.add_second(0, "faces") is None
    assert pairs.dropped == 0


def test_an_image_is_given_on_with_its_answer_from_another_process_or_its_own():
    def header(second):
        return Header(stamp=Time(sec=second))

    given = []
    images = AnsweredImages(StampPairs(5), lambda image, item: given.append((image, item)))
    image = Image(header=header(1))
    images.add_answer(Detection2DArray(header=header(1)), "faces of 1")
    images.add_image(image)
    assert given == [(image, "faces of 1")]
    # It brings its image along, whatever waits.
    own = LocalImage(header(2), np.zeros((2, 2, 3), np.uint8))
    images.add_answer(LocalFaces(header(2), [], own), "faces of 2")
    assert given[1][0] is own and given[1][1] == "faces of 2"
    images.add_image(Image(header=header(3)))
    images.add_image(Image(header=header(3)))
    assert len(given) == 2 and images.dropped == 2
    images.clear()
    images.add_answer(Detection2DArray(header=header(3)), "too late")
    assert len(given) == 2
