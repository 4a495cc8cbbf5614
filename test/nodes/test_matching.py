from fer_ros.ros.matching import StampPairs


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


def test_the_newer_of_two_messages_with_one_stamp_counts():
    pairs = StampPairs(5)
    pairs.add_first(0, "old")
    pairs.add_first(0, "new")
    assert pairs.add_second(0, "faces") == ("new", "faces")
    assert pairs.dropped == 1


def test_a_cleared_cache_pairs_nothing():
    pairs = StampPairs(5)
    pairs.add_first(0, "image")
    pairs.clear()
    assert pairs.add_second(0, "faces") is None
    assert pairs.dropped == 0
