# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A node's state of health on /diagnostics."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from fer_ros.ros.qos import RESULTS
from fer_ros.words import counted

HOST = socket.gethostname()

PROCESS = f"{HOST}:{os.getpid()}"
"""Where a report comes from, as host:pid: two nodes of one name on a network are told apart by it."""

STARTED = time.time()
"""When this process began, in seconds since 1970: of two graphs with the same names the later one gives way."""

PUBLISHERS_OF = "publishers of "
"""What a value begins with that says how many publish a topic; the topic's full name follows."""

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR

_ANSWERED = ("images", "answers", "frames")
"""What counters of images are called that went their way."""
_LOST = ("dropped", "skipped")
"""Those of images that got no answer."""
_TROUBLE = {"errors": "error", "unusable boxes": "unusable detection", "unreadable": "unreadable image"}
"""Those of what should never come, each with the word for one."""
_FEW = 0.1  # as a part of all images
_ONE = 1  # image lost alone is no news: at a start, say


class Troubles:
    """What went wrong since the last report. What has stopped going wrong is not told again."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}

    def __call__(self, totals: Mapping[str, int]) -> list[str]:
        """Each in a few words; none where all is well, which a tenth of the images may be without.

        Args:
            totals: of all that is counted, by name. One that is lower than before has begun anew.
        """
        new = {name: total - before if total >= (before := self._before.get(name, 0)) else total
               for name, total in totals.items()}
        self._before = dict(totals)
        lost = {name: new[name] for name in _LOST if new.get(name, 0)}
        count = sum(lost.values())
        images = count + max((new.get(name, 0) for name in _ANSWERED), default=0)
        told = [counted(new[name], word) for name, word in _TROUBLE.items() if new.get(name, 0)]
        if count > _ONE and count > _FEW * images:
            told.insert(0, f"{' and '.join(f'{n} {name}' for name, n in lost.items())} of {counted(images, 'image')}")
        return told


class Diagnostics:
    """Counts what a node does and publishes it: totals, rates and times since the last report, and named values.

    Any thread may count; one reports.
    """

    def __init__(self, node: Node):
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", RESULTS)
        self._totals: dict[str, int] = {}
        self._lock = threading.Lock()
        self._reported: dict[str, int] = {}
        self._since = time.monotonic()

    def count(self, what: str, n: int = 1) -> None:
        """Add to a counter."""
        with self._lock:
            self._totals[what] = self._totals.get(what, 0) + n

    def totals(self) -> dict[str, int]:
        """All counters by name."""
        with self._lock:
            return dict(self._totals)

    def total(self, what: str) -> int:
        """A counter's value; 0 for one that never counted."""
        return self._totals.get(what, 0)

    def publish(self, level: bytes, state: str, values: Mapping[str, object], hardware_id: str = "",
                times: Mapping[str, tuple[float, float]] | None = None) -> None:
        """Send one report.

        Args:
            level: OK, WARN or ERROR.
            state: in a few words, for people.
            values: what else to tell; a counter is reported as its total and, `... rate`, per second.
            times: of stages of the work, median and 95th percentile in seconds.
        """
        now = time.monotonic()
        elapsed, self._since = max(now - self._since, 1e-6), now
        entries = {"process": PROCESS, "started": f"{STARTED:.3f}", **{key: str(value) for key, value in values.items()}}
        for what, total in self.totals().items():
            entries[what] = str(total)
            entries[f"{what} rate"] = f"{(total - self._reported.get(what, 0)) / elapsed:.1f} Hz"
            self._reported[what] = total
        for stage, (p50, p95) in (times or {}).items():
            entries |= {f"{stage} p50": f"{1e3 * p50:.2f} ms", f"{stage} p95": f"{1e3 * p95:.2f} ms"}
        status = DiagnosticStatus(level=level, name=self._node.get_fully_qualified_name(), message=state,
                                  hardware_id=hardware_id)
        status.values = [KeyValue(key=key, value=value) for key, value in entries.items()]
        message = DiagnosticArray(status=[status])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
