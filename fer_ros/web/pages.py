# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The pages that one process serves, one for each of its cameras: they have one token, and each leads to the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fer_ros.web.access import Access, new_token


@dataclass(frozen=True)
class Page:
    """One of them.

    Attributes:
        name: of its camera; empty for the only one.
    """

    name: str
    port: int
    access: Access


class Pages:
    """Those that are served now."""

    def __init__(self) -> None:
        self._served: list[Page] = []

    def add(self, page: Page) -> None:
        self._served.append(page)

    def remove(self, page: Page) -> None:
        self._served.remove(page)

    def token(self) -> str:
        """That of the pages that have one, so that who was let in to one of them is let in to all; a new one for the first."""
        return next((page.access.token for page in self._served if page.access.token), "") or new_token()

    def beside(self, page: Page) -> list[dict[str, Any]]:
        """Names and ports of this page and of those that it leads to, by name; empty where there is no other.

        A browser finds them under the name of the machine by which it has found this one. So they are those that are served
        on the same address, in the same way, to the same visitors.
        """
        found = [{"name": one.name, "port": one.port} for one in self._served if one.access == page.access]
        return sorted(found, key=lambda one: (one["name"], one["port"])) if len(found) > 1 else []


IN_THIS_PROCESS = Pages()
