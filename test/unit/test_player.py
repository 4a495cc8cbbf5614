# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A bag is played at its own pace, from the first image to the last, with the time of the recording."""

from __future__ import annotations

import pytest

from fer_ros.bags.player import BagPlayer
from fer_ros.parameters.replay_params import ReplayParams

START, STEP = 1_700_000_000_000_000_000, 20_000_000


@pytest.fixture
def bag(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as made:
        for i in range(10):
            made.image(demo_images[i], START + i * STEP, START + i * STEP + 5)
    return tmp_path / "a"


class Clock:
    """The player's clock, which goes on while it sleeps, and by what each look at it takes."""

    def __init__(self):
        self.now, self.takes = 100.0, 0.0

    def monotonic(self) -> float:
        self.now += self.takes
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("fer_ros.bags.player.time", made)
    return made


_OPENED: list[BagPlayer] = []


def open_player(*arguments) -> BagPlayer:
    """One that is closed when its test is over."""
    _OPENED.append(BagPlayer(*arguments))
    return _OPENED[-1]


@pytest.fixture(autouse=True)
def _closed():
    yield
    while _OPENED:
        _OPENED.pop().close()


def played(player: BagPlayer, clock: Clock, count: int = 1000) -> list:
    """Frames and when each came, in seconds of the clock."""
    found = []
    while len(found) < count and (frame := player.read()) is not None:
        found.append((frame, clock.now))
    return found


@pytest.mark.parametrize("rate", [0.5, 4.0])
def test_images_come_as_they_were_recorded(bag, clock, rate):
    player = open_player(ReplayParams(bag=str(bag), rate=rate))
    assert player.length == 10
    found = played(player, clock)
    assert [frame.stamp for frame, _ in found] == [START + i * STEP for i in range(10)]
    assert found[-1][1] - found[0][1] == pytest.approx(9 * STEP / 1e9 / rate)  # to the tenth image there are nine steps
    assert player.read() is None


@pytest.mark.parametrize("takes", [0.0, 0.001])  # with the second it is late before the rate changes
def test_the_rate_can_be_changed_while_it_plays(bag, clock, takes):
    player = open_player(ReplayParams(bag=str(bag), rate=100.0))
    clock.takes = takes
    played(player, clock, 5)
    player.rate, clock.takes = 0.2, 0.0
    found = played(player, clock, 2)
    assert found[1][1] - found[0][1] == pytest.approx(STEP / 1e9 / 0.2)


def test_time_is_told_before_each_image_and_in_between_and_never_goes_back(bag):
    told = []
    player = open_player(ReplayParams(bag=str(bag), rate=0.2), told.append)
    for i in range(10):
        assert player.read().recorded == told[-1] == START + i * STEP + 5
    assert told == sorted(told)
    assert len(told) > 20  # 100 ms between two images


def test_a_loop_starts_again_after_a_step_like_any_other(bag, clock):
    player = open_player(ReplayParams(bag=str(bag), rate=2.0, loop=True))
    found = played(player, clock, 25)
    assert [frame.stamp for frame, _ in found] == [START + i % 10 * STEP for i in range(25)]
    assert found[24][1] - found[0][1] == pytest.approx(24 * STEP / 1e9 / 2)
    player.close()
    assert player.read() is None


def test_an_interruption_is_noticed_and_loses_nothing(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as made:
        for i in range(3):
            made.image(demo_images[i], START + i * 3600 * 10**9)  # an hour apart
    player = open_player(ReplayParams(bag=str(tmp_path / "a")))
    player.read()
    player.interrupted = lambda: True
    assert [player.read().number, player.read().number, player.read()] == [1, 2, None]


def test_a_rate_that_changes_while_an_image_is_waited_for_counts_at_once_and_time_goes_on(new_bag, demo_images, tmp_path,
                                                                                          clock):
    with new_bag(tmp_path / "a") as made:
        for i in range(2):
            made.image(demo_images[i], START + i * 10 * 10**9)
    told = []

    def tell(now: int) -> None:
        told.append(now)
        if clock.now > 104:
            player.rate = 6.0

    player = open_player(ReplayParams(bag=str(tmp_path / "a"), rate=0.5), tell)
    player.read()
    player.read()
    assert told == sorted(told)
    assert clock.now == pytest.approx(100 + 4 + 8 / 6, abs=0.05)  # 2 s of the recording at half the rate, 8 s at six times


def test_a_loop_of_one_image_does_not_race(new_bag, demo_images, tmp_path, clock):
    with new_bag(tmp_path / "a") as made:
        made.image(demo_images[0], START)
    player = open_player(ReplayParams(bag=str(tmp_path / "a"), loop=True))
    played(player, clock, 11)
    assert clock.now == pytest.approx(101)


def test_who_cannot_keep_up_is_not_raced_after(new_bag, demo_images, tmp_path, clock):
    with new_bag(tmp_path / "a") as made:
        for i in range(40):
            made.image(demo_images[0], START + i * 10**8)
    player = open_player(ReplayParams(bag=str(tmp_path / "a")))
    for _ in range(20):
        player.read()
        clock.now += 0.3  # it takes thrice as long
    begun = clock.now
    played(player, clock, 15)
    assert clock.now - begun > 0.3  # at most a second is made up for


def test_an_interruption_does_not_tell_a_time_that_has_not_come(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as made:
        for i in range(2):
            made.image(demo_images[i], START + i * 3600 * 10**9)
    told = []
    player = open_player(ReplayParams(bag=str(tmp_path / "a")), told.append)
    player.read()
    player.interrupted = lambda: True
    player.read()
    assert told == [START]


def test_after_a_stall_it_goes_on_from_there(bag, clock):
    player = open_player(ReplayParams(bag=str(bag)))
    player.read()
    clock.now += 3600  # the machine slept
    player.read()
    begun = clock.now
    player.read()
    assert clock.now - begun == pytest.approx(STEP / 1e9)


@pytest.mark.parametrize("kind", ["mcap", "ros1"])
@pytest.mark.parametrize("topic", ["/eye/image_raw", "/eye/image_raw/compressed"])
def test_the_calibration_is_that_of_the_camera(new_bag, demo_images, tmp_path, kind, topic):
    path = tmp_path / ("a.bag" if kind == "ros1" else "a")
    with new_bag(path, kind) as made:
        made.camera_info(START, "/other/camera_info", 100.0)
        made.camera_info(START, "/eye/camera_info", 222.0)
        image = made.compressed if topic.endswith("compressed") else made.image
        image(demo_images[0], START, name=topic)
    calibration = open_player(ReplayParams(bag=str(path))).calibration
    assert (calibration.width, calibration.height) == (320, 240)
    assert calibration.camera_matrix == (222, 0, 160, 0, 222, 120, 0, 0, 1)
    assert calibration.projection[5] == 222


def test_without_camera_info_there_is_none(bag):
    assert open_player(ReplayParams(bag=str(bag))).calibration is None


def test_what_cannot_be_played_is_said(bag, tmp_path):
    for params, text in ((ReplayParams(), "no bag is named"), (ReplayParams(bag=str(tmp_path / "none")), "does not exist"),
                         (ReplayParams(bag=str(bag), topic="/none"), "has no topic /none; there is /camera/image_raw")):
        with pytest.raises(ValueError, match=text):
            open_player(params)


def test_an_image_that_cannot_be_read_is_told_once_and_left_out(new_bag, demo_images, tmp_path, clock):
    with new_bag(tmp_path / "a") as made:
        made.compressed(demo_images[0], START, name="/x")
        made.write("/x", "sensor_msgs/msg/CompressedImage", START + STEP, header=made.header(START + STEP), format="png",
                   data=demo_images[0].ravel()[:9])
        made.compressed(demo_images[1], START + 2 * STEP, name="/x")
    player = open_player(ReplayParams(bag=str(tmp_path / "a"), loop=True))
    told = []
    for _ in range(6):
        told.append((player.read().number, player.notice))
    assert [number for number, _ in told] == [0, 2, 0, 2, 0, 2]
    assert ["image 2 of 3 on /x" in notice for _, notice in told] == [False, True, False, False, False, False]
    assert player.skipped == 1
    assert clock.now == pytest.approx(100 + (3 * 2 + 2) * STEP / 1e9)  # its time passes all the same


def test_a_calibration_that_makes_no_sense_is_told_and_the_next_one_taken(new_bag, demo_images, tmp_path):
    with new_bag(tmp_path / "a") as made:
        made.raw("/eye/camera_info", "sensor_msgs/msg/CameraInfo", START, b"\0\1\0\0abc")
        made.camera_info(START, "/eye/camera_info", float("nan"))
        made.camera_info(START, "/eye/camera_info", 222.0)
        made.image(demo_images[0], START, name="/eye/image_raw")
    player = open_player(ReplayParams(bag=str(tmp_path / "a")))
    assert player.calibration.camera_matrix[0] == 222
    assert (player.read().image == demo_images[0]).all()
    assert "/eye/camera_info" in player.notice
    assert "is skipped" in player.notice
    assert player.skipped == 0
