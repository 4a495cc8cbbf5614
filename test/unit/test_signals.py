# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A signal ends a command whatever runs in that moment, and what it clears away is not interrupted once more."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import weakref
from collections.abc import Callable

import pytest

from fer_ros.system import signals
from fer_ros.system.signals import Asked, Once, interrupted_on_end, on_end

AGAIN = signals._AGAIN
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(signals, "_AGAIN", 0.05)


def send(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


def wait(until: Callable[[], bool] = lambda: False, seconds: float = 5.0) -> None:
    """As a command that is at work."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        time.sleep(0.001)


class Signalling:
    """Gets the signal when it is deleted."""

    def __init__(self, number: int):
        self._number = number

    def __del__(self) -> None:
        send(self._number)


class Thing:
    pass


def in_a_destructor(number: int) -> None:
    Signalling(number)


def in_a_weak_reference(number: int) -> None:
    thing = Thing()
    kept = weakref.ref(thing, lambda _: send(number))
    del thing
    assert kept() is None


def in_a_callback_from_c(number: int) -> None:
    ctypes.CFUNCTYPE(None)(lambda: send(number))()


def suppressed(number: int) -> None:
    with contextlib.suppress(BaseException):
        send(number)


def as_another_error(number: int) -> None:
    """As rclpy does, which does not say what it comes of."""
    try:
        try:
            send(number)
        except KeyboardInterrupt:
            raise RuntimeError("unable to convert") from None
    except RuntimeError as error:
        error.__context__ = None


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("lose", [in_a_destructor, in_a_weak_reference, in_a_callback_from_c, suppressed, as_another_error])
def test_an_interrupt_that_gets_lost_comes_again(number, lose, capfd):
    with pytest.raises(KeyboardInterrupt), interrupted_on_end():
        lose(number)
        wait()
    assert capfd.readouterr() == ("", "")


def test_it_comes_again_soon(monkeypatch):
    monkeypatch.setattr(signals, "_AGAIN", AGAIN)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interrupted_on_end():
        in_a_destructor(signal.SIGINT)
        wait()
    assert time.monotonic() - begun < 3


def test_an_alarm_of_somebody_else_is_no_interrupt():
    with interrupted_on_end():
        send(signal.SIGALRM)
        wait(seconds=0.1)


def test_who_is_told_a_second_time_is_interrupted():
    with on_end(ending := Once()):
        send(signal.SIGINT)
        assert ending.asked
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGTERM)


def test_it_comes_until_it_arrives():
    lost = 0
    with pytest.raises(KeyboardInterrupt), interrupted_on_end():
        while lost < 3:
            try:
                send() if not lost else wait()
            except KeyboardInterrupt:
                lost += 1
        wait()


def test_what_is_cleared_away_is_not_interrupted_again():
    done = []
    with pytest.raises(KeyboardInterrupt), interrupted_on_end():
        try:
            send()
            wait()
        finally:
            wait(seconds=0.3)
            done.append("cleared")
    assert done == ["cleared"]


def test_nor_is_what_an_error_that_it_became_clears_away():
    done = []
    with pytest.raises(KeyboardInterrupt), interrupted_on_end():
        try:
            try:
                send()
                wait()
            except KeyboardInterrupt as error:
                raise ImportError("initialization failed") from error
        finally:
            wait(seconds=0.3)
            done.append("cleared")
    assert done == ["cleared"]


def test_one_that_got_lost_before_is_told_once_to_who_takes_notes_now():
    with interrupted_on_end():
        in_a_destructor(signal.SIGTERM)
        with on_end(ending := Once()):  # would raise on a second time
            wait(lambda: ending.asked)
            assert ending.asked
            wait(seconds=0.3)


def test_afterwards_all_is_as_it_was():
    numbers = [*NUMBERS, signal.SIGALRM]
    before = list(map(signal.getsignal, numbers))
    with pytest.raises(KeyboardInterrupt), interrupted_on_end():
        send()
        wait()
    assert list(map(signal.getsignal, numbers)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_what_a_destructor_raises_otherwise_is_told(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda error: told.append(str(error.exc_value)))
    with interrupted_on_end():
        ctypes.CFUNCTYPE(None)(lambda: [].pop())()
    assert told == ["pop from empty list"]


def test_an_error_without_a_signal_stays_what_it_is():
    with pytest.raises(ImportError), interrupted_on_end():
        raise ImportError("initialization failed")


def test_a_second_signal_may_come_while_the_first_is_noted():
    """In whatever function: an event's lock would be held in some of them."""
    came = []

    def another(frame, event, argument):
        came.append(event)
        send(signal.SIGTERM)

    with interrupted_on_end(), on_end(ending := Asked()):
        sys.setprofile(another)
        try:
            send()
        finally:
            sys.setprofile(None)
    assert ending.asked
    assert len(came) > 3


def test_under_nohup_a_closed_terminal_is_no_end():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_on_end(), on_end(ending := Asked()):
            send(signal.SIGHUP)
            assert not ending.asked
    finally:
        signal.signal(signal.SIGHUP, before)
