# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What the overlay node beside a node does to faces, so that no other output shows what the overlay hides."""

from __future__ import annotations

import time
from typing import Any

from fer_ros.parameters.params import build, specs
from fer_ros.parameters.privacy_params import NO_PRIVACY, PrivacyParams
from fer_ros.ros.node import FerNode
from fer_ros.ros.steering import Steering

_KIND = "overlay_node"
_SPECS = specs(PrivacyParams)


class OverlayPrivacy:
    """Follows the overlay node's parameters.

    Args:
        node: in whose namespace the overlay node is.
        steering: knows the parameters.
    """

    _LOOK = 0.5  # seconds between two looks for the node
    _PATIENCE = 10.0  # seconds until it is said that the node does not answer
    _FOUND = 1.5  # seconds in which nodes of other processes find each other

    def __init__(self, node: FerNode, steering: Steering):
        self._node, self._steering = node, steering
        self._namespace = node.get_namespace()
        self._name = f"{self._namespace.rstrip('/')}/{_KIND}"
        self._begun = self._looked = self._known = time.monotonic()
        self._there: bool | None = None
        self._values: dict[str, Any] | None = None
        self._params: PrivacyParams | None = None
        self._look()

    def look(self) -> None:
        """Look whether there is an overlay node; to be called now and then."""
        if time.monotonic() - self._looked >= self._LOOK:
            self._look()

    def _look(self) -> None:
        self._looked = time.monotonic()
        self._there = (_KIND, self._namespace) in self._node.get_node_names_and_namespaces()
        if not self._there and not self._node.is_local("emotions") and self._looked - self._begun < self._FOUND:
            self._there = None  # it may not have been found yet
        if self.params is not None:
            self._known = self._looked
        elif self._looked - self._known > self._PATIENCE:
            self._node.say_once("privacy", f"{self._name} does not say whether it hides faces: until it does, all of the "
                                "page's picture is covered")

    @property
    def params(self) -> PrivacyParams | None:
        """Its parameters; those that hide nothing where there is no such node; None as long as that is not known."""
        member = self._steering.members.get(self._name)
        if member is None or not member.parameters:
            return NO_PRIVACY if self._there is False else None
        if member.parameters is not self._values:
            self._values = member.parameters
            try:
                self._params = build(PrivacyParams, {spec.name: self._values[spec.name] for spec in _SPECS})
            except (KeyError, ValueError):  # another version's, or somebody else's
                self._params = None
        return self._params
