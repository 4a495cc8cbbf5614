# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""rclpy's classes for the events of a subscription or a publisher, from the module that the distribution has them in."""

from __future__ import annotations

from collections.abc import Callable

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks, UnsupportedEventTypeError

__all__ = ["PublisherEventCallbacks", "SubscriptionEventCallbacks", "UnsupportedEventTypeError", "on_match"]


def on_match(callback: Callable[[], None]) -> PublisherEventCallbacks | None:
    """Calls `callback` whenever a subscriber has come or gone; None where rclpy cannot tell, as Humble's."""
    try:
        return PublisherEventCallbacks(matched=lambda _: callback())
    except TypeError:
        return None
