# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a node publishes: made only for who listens, and handed to the nodes of its own process as it is."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.duration import Duration
from rclpy.lifecycle import Publisher
from rclpy.node import Node

from fer_ros.ros.exchange import Exchange
from fer_ros.ros.qos import mismatches, name_of


class Output:
    """A publisher that makes messages only for listeners, and hands what it publishes to the nodes of its process as it is.

    Args:
        kept: with a durable publisher, how many messages somebody who comes late gets. Until the first one comes, what they
            are made of is kept.
        asked_for: whether a listener wants old messages, too.
        tells: whether somebody is told of listeners of other processes that come and go, and need not look.

    Attributes:
        from_the_first: whether what is kept is for who comes soon enough for the first message, and who comes later gets the
            newest alone.
    """

    def __init__(self, publisher: Publisher, exchange: Exchange | None, kept: int = 0,
                 asked_for: Callable[[], bool] = lambda: True, tells: bool = False):
        self.publisher, self.tells = publisher, tells
        self.from_the_first = False
        self._asked_for = asked_for
        self.topic_name = publisher.topic_name
        self._exchange = exchange
        self._kept: deque[Callable[[], Any]] = deque(maxlen=kept)
        self._wanted = False  # whether a listener has ever been there: from then on DDS keeps what is durable
        self._lock = threading.Lock()

    @property
    def remote(self) -> bool:
        """Whether anybody outside of the process listens."""
        return self.publisher.get_subscription_count() > 0

    def get_subscription_count(self) -> int:
        """Of listeners in the process and outside of it."""
        inside = len(self._exchange.listeners(self.topic_name)) if self._exchange else 0
        return inside + self.publisher.get_subscription_count()

    def publish(self, to_message: Callable[[], Any], local: Any = None) -> None:
        """Publish what `to_message` makes, which is not asked while nobody outside of the process listens.

        Args:
            local: stands for it within the process; None where no node of the process listens.
        """
        if self._exchange is not None and local is not None:
            self._exchange.put_to(False, self.topic_name, local)  # first: whoever works on it need not wait for the message
        with self._lock:
            if self.remote or (self._wanted and self._kept.maxlen):
                self._give_kept()
                self.publisher.publish(to_message())
            else:
                self._keep(to_message)
        if self._exchange is not None and local is not None:
            self._exchange.put_to(True, self.topic_name, local)  # last: their work would delay the message

    def settle(self, timeout: float) -> None:
        """Wait until listeners have what was published, for `timeout` seconds at most: it would end with the publisher."""
        if timeout > 0 and self.remote:
            with contextlib.suppress(RuntimeError):  # not every middleware can tell
                self.publisher.wait_for_all_acked(Duration(seconds=timeout))

    def serve(self) -> None:
        """Give what is kept to a listener that has come since the last message."""
        with self._lock:
            if self._kept and self.remote:
                self._give_kept()

    def refused(self, node: Node) -> list[str]:
        """Who subscribes with a type or a QoS that `node`, whose output this is, does not offer; each in a sentence."""
        if node.count_subscribers(self.topic_name) <= self.publisher.get_subscription_count():
            return []
        own = [info for info in node.get_publishers_info_by_topic(self.topic_name)
               if name_of(info) == node.get_fully_qualified_name()]
        return mismatches(own, node.get_subscriptions_info_by_topic(self.topic_name))

    def _keep(self, to_message: Callable[[], Any]) -> None:
        if self.from_the_first and self._kept.maxlen and len(self._kept) == self._kept.maxlen:
            self._kept = deque(maxlen=1)
        self._kept.append(to_message)

    def _give_kept(self) -> None:
        self._wanted = True
        if self._kept and not self._asked_for():
            self._kept.clear()  # who does not ask for old messages gets none
        while self._kept:
            self.publisher.publish(self._kept.popleft()())
