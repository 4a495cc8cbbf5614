# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a page is told first: labels and colours, and which parameters the nodes have."""

from __future__ import annotations

from typing import Any

from fer_ros.drawing.palette import COLORS, hex_color, text_color
from fer_ros.labels import EMOTIONS, UNCERTAIN
from fer_ros.parameters.graph_params import NODES
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.version import __version__
from fer_ros.web.history import MINUTE, STEP, WINDOW


def hello(name: str = "") -> dict[str, Any]:
    """All of it, in plain types. The colours are those of the overlay.

    Args:
        name: of what is shown, where there are several cameras or robots.
    """
    labels = (*EMOTIONS, UNCERTAIN)
    return {
        "version": __version__, "name": name, "labels": labels, "window": WINDOW, "step": STEP, "minute": MINUTE,
        "colors": {label: hex_color(COLORS[label]) for label in labels},
        "inks": {label: hex_color(text_color(COLORS[label])) for label in labels},
        "parameters": {node: [_described(group, spec) for group in groups for spec in specs(group) if spec.live]
                       for node, groups in NODES.items()},
    }


def _described(group: type, spec: ParamSpec) -> dict[str, Any]:
    title = group.__name__.removesuffix("Params").removesuffix("Style")
    return {"name": spec.name, "type": spec.type.__name__, "default": spec.default, "description": spec.description,
            "unit": spec.unit, "range": spec.range, "choices": spec.choices, "group": title}
