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

PROCESS = f"{socket.gethostname()}:{os.getpid()}"
"""Where a report comes from, as host:pid: two nodes of one name on a network are told apart by it."""

STARTED = time.time()
"""When this process began, in seconds since 1970: of two graphs with the same names the later one gives way."""

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


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
        with self._lock:
            totals = dict(self._totals)
        for what, total in totals.items():
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
