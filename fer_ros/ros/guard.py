# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Nothing that comes from outside ends a process: what a callback raises is told, once and briefly, and the rest goes on."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from rclpy.executors import Executor


class Repetitions:
    """Which texts have been told lately, so that a fault in every message is not told with every message. Thread-safe.

    The same text (whatever its numbers) is told again after `PERIOD` seconds. Within them a subject has at most `MANY` texts.
    """

    PERIOD = 60.0
    MANY = 5

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._told: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def is_new(self, subject: str, text: str) -> bool:
        """Whether a text should be told now; it then counts as told."""
        words = re.sub(r"\d+", "0", text)
        with self._lock:
            now = self._now()
            told = {one: when for one, when in self._told.get(subject, {}).items() if now - when < self.PERIOD}
            self._told[subject] = told
            if words in told or len(told) >= self.MANY:
                return False
            told[words] = now
            return True


def spin_once(executor: Executor, timeout: float, failed: Callable[[Exception], None]) -> None:
    """Wait up to `timeout` seconds for a callback and run it; what it raises goes to `failed`.

    Callbacks of rclpy's own raise, too: a /clock of negative time does, and a parameter of a type that there is not.
    """
    try:
        executor.spin_once(timeout_sec=timeout)
    except Exception as error:
        failed(error)
        time.sleep(0.01)  # what fails each time shall not take a whole core
