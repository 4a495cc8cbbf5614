# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Any message as plain Python values, under the names of its fields."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def plain(message: Any) -> dict[str, Any]:
    """A message as JSON can tell it.

    A number that is not finite, of which JSON has none, is None. A float32 has the digits that it is known to, so that 0.9 is
    0.9 and not 0.8999999761581421.
    """
    return {name: _plain(getattr(message, name), "double" not in kind)
            for name, kind in message.get_fields_and_field_types().items()}


def _plain(value: Any, single: bool) -> Any:
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (float, np.floating)):
        return _number(float(value), single)
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "get_fields_and_field_types"):
        return plain(value)
    if isinstance(value, bytes):  # an octet
        return int.from_bytes(value, "big")
    return [_plain(one, single) for one in value]


def _number(value: float, single: bool) -> float | None:
    if not math.isfinite(value):
        return None
    return float(str(np.float32(value))) if single and abs(value) < np.finfo(np.float32).max else value
