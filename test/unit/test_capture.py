# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera that comes and goes, hangs or dies: what the capture thread makes of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from fer_ros.media.capture import Capture
from fer_ros.media.frames import SourceUnavailable
from fer_ros.media.source_name import SourceError

FRAME = np.zeros((4, 4, 3), np.uint8)


class Fake:
    """A source that does what the test says."""

    notice = ""
    name = "fake"
    interrupted = staticmethod(lambda: False)

    def __init__(self, read: Callable, finite: bool = False):
        self._read, self.finite, self.closed = read, finite, False

    def read(self):
        return self._read(self)

    def close(self):
        self.closed = True


def wait_for(condition: Callable, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def make(monkeypatch):
    """Makes a capture with fast retries; returns it, its frames and what it told. All are closed in the end."""
    monkeypatch.setattr(Capture, "FIRST_WAIT", 0.02)
    monkeypatch.setattr(Capture, "LONGEST_WAIT", 0.08)
    made = []

    def create(open_source, enabled=lambda: True):
        frames, told = [], []
        made.append(Capture(open_source, frames.append, lambda text, trouble: told.append(text), enabled))
        return made[-1], frames, told

    yield create
    for capture in made:
        capture.close()


def steady(source):
    time.sleep(0.002)
    return FRAME


def test_frames_flow_until_it_is_stopped(make):
    source = Fake(steady)
    capture, frames, _ = make(lambda: source)
    capture.start()
    wait_for(lambda: len(frames) > 3)
    assert capture.state.kind == "playing"
    assert capture.stop()
    count = len(frames)
    time.sleep(0.05)
    assert len(frames) == count
    capture.close()
    assert source.closed


def test_a_camera_that_was_opened_again_is_closed_when_its_callback_fails(make):
    cameras, left = [], [FRAME]

    def open_source():
        cameras.append(Fake(once if not cameras else steady))
        return cameras[-1]

    def once(source):
        if not left:
            raise SourceUnavailable("unplugged")
        return left.pop()

    def callback(frame):
        if len(cameras) > 1:
            raise ValueError("no such image")

    capture, _, told = make(open_source)
    capture._on_frame = callback
    capture.start()
    wait_for(lambda: capture.state.kind == "failed")
    wait_for(lambda: not capture._thread.is_alive())
    assert [camera.closed for camera in cameras] == [True, True]
    assert "capture failed: no such image" in told


def test_a_source_that_can_never_work_is_an_error_at_once(make):
    def broken():
        raise SourceError("no such file")

    with pytest.raises(SourceError):
        make(broken)


def test_a_camera_that_opens_but_gives_nothing_is_tried_with_growing_waits(make, monkeypatch):
    monkeypatch.setattr(Capture, "LONGEST_WAIT", 0.32)
    opened = []

    def dead(source):
        raise SourceUnavailable("no image")

    def open_source():
        opened.append(time.monotonic())
        return Fake(dead)

    capture, frames, told = make(open_source)
    capture.start()
    wait_for(lambda: len(opened) >= 6)
    capture.stop()
    waits = np.diff(opened[1:])  # 0.02, 0.04, 0.08, ... at least
    assert (waits[:4] >= np.array([0.02, 0.04, 0.08, 0.16]) * 0.9).all()
    assert not frames
    assert capture.state.kind == "unavailable"
    assert set(told) == {"no image; trying again until it works"}


def test_the_first_good_image_ends_the_series_of_waits(make, monkeypatch):
    """A camera that has worked for a day and is unplugged is looked for after a second, and not after ten."""
    waits, tries = [], []

    class Event(threading.Event().__class__):
        def wait(self, timeout=None):
            if timeout in (0.011, 0.022, 0.044, 0.088):
                waits.append(timeout)
            return super().wait(timeout)

    def read(source):
        tries.append(1)
        if len(tries) != 4:
            raise SourceUnavailable("no image")
        return FRAME

    monkeypatch.setattr(Capture, "FIRST_WAIT", 0.011)
    monkeypatch.setattr(Capture, "LONGEST_WAIT", 10.0)
    monkeypatch.setattr("fer_ros.media.capture.threading.Event", Event)
    capture, frames, _ = make(lambda: Fake(read))
    capture.start()
    wait_for(lambda: len(waits) >= 6)
    capture.stop()
    assert waits[:6] == [0.011, 0.022, 0.044, 0.011, 0.022, 0.044]
    assert len(frames) == 1


def test_a_file_ends_and_can_be_played_again(make):
    def open_source():
        left = [FRAME] * 3
        return Fake(lambda source: left.pop() if left else None, finite=True)

    capture, frames, _ = make(open_source)
    for played in (3, 6):
        capture.start()
        wait_for(lambda: capture.state.kind == "ended" and capture._thread is not None and not capture._thread.is_alive())
        assert len(frames) == played
        capture.stop()


def test_a_file_goes_on_where_it_was_stopped_and_loses_no_frame(make):
    numbers = iter(range(1000))

    def read(source):
        time.sleep(0.002)
        return np.full((1, 1, 3), next(numbers) % 256, np.uint8)

    source = Fake(read, finite=True)
    capture, frames, _ = make(lambda: source)
    for _ in range(5):
        count = len(frames)
        capture.start()
        wait_for(lambda n=count: len(frames) > n + 2)
        assert capture.stop()
    assert [int(frame[0, 0, 0]) for frame in frames] == [n % 256 for n in range(len(frames))]
    assert not source.closed


def test_a_read_that_hangs_neither_blocks_the_stop_nor_comes_back_to_life(make):
    hang, opened = threading.Event(), []

    def slow(source):
        hang.wait(30)
        return FRAME

    def open_source():
        opened.append(Fake(slow if not opened else steady))
        return opened[-1]

    capture, frames, _ = make(open_source)
    capture.start()
    time.sleep(0.05)
    assert not capture.stop(patience=0.05)
    capture.start()
    wait_for(lambda: len(frames) > 2)
    before = sum(thread.name == "capture" for thread in threading.enumerate())
    hang.set()
    wait_for(lambda: sum(thread.name == "capture" for thread in threading.enumerate()) == before - 1)
    assert opened[0].closed
    assert not opened[1].closed


def test_what_a_late_thread_opened_is_closed(make):
    may_open, opened = threading.Event(), []

    def open_source():
        if not opened:
            opened.append(None)
            raise SourceUnavailable("not there")
        may_open.wait(30)
        opened.append(Fake(steady))
        return opened[-1]

    capture, frames, _ = make(open_source)
    capture.start()
    time.sleep(0.05)
    capture.stop(patience=0.01)
    capture.close()
    may_open.set()
    wait_for(lambda: len(opened) == 2 and opened[1].closed)
    assert not frames


def test_a_file_that_hangs_while_it_is_closed_is_given_back_when_it_wakes(make):
    """It is kept for nobody: whoever stopped it has gone."""
    hang, hangs = threading.Event(), threading.Event()

    def slow(source):
        hangs.set()
        hang.wait(30)
        return FRAME

    source = Fake(slow, finite=True)
    capture, frames, _ = make(lambda: source)
    capture.start()
    assert hangs.wait(30)
    assert not capture.stop(patience=0.01)
    capture.close()
    assert not source.closed
    hang.set()
    wait_for(lambda: source.closed)
    assert not frames


def test_a_disabled_camera_is_closed_and_a_disabled_file_waits(make):
    for finite in (False, True):
        on = threading.Event()
        on.set()
        opened = []

        def open_source(finite=finite, opened=opened):
            opened.append(Fake(steady, finite))
            return opened[-1]

        capture, frames, _ = make(open_source, enabled=on.is_set)
        capture.start()
        wait_for(lambda f=frames: f)
        on.clear()
        if not finite:
            wait_for(lambda o=opened: o[0].closed)
        time.sleep(0.1)
        count = len(frames)
        time.sleep(0.1)
        assert len(frames) == count
        on.set()
        wait_for(lambda f=frames, n=count: len(f) > n)
        assert len(opened) == (1 if finite else 2)


def test_a_mistake_in_the_thread_is_seen(make):
    def wrong(source):
        raise KeyError("a mistake")

    capture, _, told = make(lambda: Fake(wrong))
    capture.start()
    wait_for(lambda: capture.state.kind == "failed")
    assert "a mistake" in told[-1]


def test_a_file_that_turns_out_to_be_damaged_is_closed_and_the_reason_is_told(make):
    def read(source):
        if len(frames) == 3:
            raise ValueError("talk.mcap is damaged at image 4")
        return FRAME

    source = Fake(read, finite=True)
    capture, frames, told = make(lambda: source)
    capture.start()
    wait_for(lambda: capture.state.kind == "failed")
    assert source.closed
    assert len(frames) == 3
    assert told == ["capture failed: talk.mcap is damaged at image 4"]
    assert capture.state.text == "failed: talk.mcap is damaged at image 4"
