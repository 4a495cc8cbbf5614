# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Hears one topic, whoever publishes it, whenever it comes, and says why it is silent."""

from __future__ import annotations

import importlib
import re
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from fer_ros.ros.qos import RESULTS, as_offered, explain_silence, publishers_of

_DEPTH = 100


def message_class(name: str) -> type | None:
    """The class of a message type, `package/msg/Name`; None where it is not installed."""
    found = re.fullmatch(r"([a-z][a-z0-9_]*)/msg/([A-Za-z][A-Za-z0-9]*)", name)
    if found is None:
        return None
    try:
        kind = getattr(importlib.import_module(f"{found[1]}.msg"), found[2], None)
    except Exception:  # a package of this name need not be one of messages
        return None
    return kind if hasattr(kind, "get_fields_and_field_types") else None


class Listener:
    """Subscribes with the quality of service that is offered, and anew where that changes.

    Args:
        node: subscribes.
        topic: its absolute name.
        kind: type of the messages.
    """

    _LOOK = 0.5  # seconds between two looks at who publishes
    SILENCE = 5.0  # seconds after which it is said why nothing comes

    def __init__(self, node: Node, topic: str, kind: type):
        self._node, self._topic, self._kind = node, topic, kind
        self._heard: deque[Any] = deque()
        self._asked = RESULTS
        self._subscription = self._subscribe(RESULTS)
        self._looked = 0.0
        self.since = time.monotonic()
        """When the last message came, or else when this one began to listen."""

    def take(self) -> Any:
        """The next message; None where none has come yet."""
        if self._heard:
            return self._heard.popleft()
        self._look()
        return None

    @property
    def published(self) -> bool:
        """Whether anybody publishes the topic, as whatever type."""
        return self._node.count_publishers(self._topic) > 0

    @property
    def matches(self) -> bool:
        """Whether somebody publishes it as the type that is asked for, so that what is published comes."""
        return bool(publishers_of(self._node, self._topic, self._kind))

    def why_silent(self) -> str:
        """A sentence."""
        return explain_silence(self._node, self._topic, self._kind, self._asked)

    def _subscribe(self, qos: QoSProfile) -> Subscription:
        def hear(message: Any) -> None:
            self.since = time.monotonic()
            self._heard.append(message)

        return self._node.create_subscription(self._kind, self._topic, hear, qos)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < self._LOOK:
            return
        self._looked = now
        offered = publishers_of(self._node, self._topic, self._kind)
        wanted = as_offered(offered, _DEPTH) if offered else self._asked
        # What is kept for who comes late was sent before somebody asked to hear what happens.
        if wanted.reliability != self._asked.reliability:
            self._node.destroy_subscription(self._subscription)
            wanted.durability = RESULTS.durability
            self._asked, self._subscription = wanted, self._subscribe(wanted)


def others_named(node: Node, suffix: str, kind_name: str, is_ours: Callable[[str], bool]) -> list[str]:
    """Topics of a type that somebody publishes and whose names end so."""
    return sorted(name for name, types in node.get_topic_names_and_types()
                  if name.endswith(suffix) and kind_name in types and not is_ours(name) and node.count_publishers(name))
