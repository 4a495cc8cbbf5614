# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Whether the others of a graph mean the same by a message's name as this installation does."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

from fer_ros.resources import message_definitions
from fer_ros.ros.qos import name_of
from fer_ros.ros.traffic import topics_of

if TYPE_CHECKING:
    from fer_ros.ros.visitor import Visitor


def differing(visitor: Visitor) -> list[tuple[str, str, str]]:
    """Topic, type and node of each publisher and subscriber whose definition of the type differs from the one installed here.

    Humble's say nothing of their definitions, and types that are not installed here cannot be compared.
    """
    found = {(topic.name, info.topic_type, name_of(info))
             for topic in topics_of(visitor, None) for info in (*topic.publishers, *topic.subscribers)
             if differs(str(getattr(info, "topic_type_hash", "")), installed(info.topic_type))}
    return sorted(found)


def differs(told: str, own: str) -> bool:
    """Whether two hashes are of different definitions, as far as both are known."""
    known = told.startswith("RIHS01_") and bool(told.removeprefix("RIHS01_").strip("0"))
    return known and bool(own) and told != own


@cache
def installed(type_name: str) -> str:
    """The hash of a type as it is installed here, `RIHS01_...`; empty where that cannot be told."""
    package, _, name = type_name.partition("/msg/")
    try:
        [definition] = [path for path in message_definitions(package) if path.stem == name]
        description = json.loads(definition.with_suffix(".json").read_text(encoding="utf-8"))
        hashes = {str(one["type_name"]): str(one["hash_string"]) for one in description["type_hashes"]}
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return hashes.get(type_name, "")
