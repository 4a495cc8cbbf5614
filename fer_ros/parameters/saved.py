# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The parameters of a running graph as a parameter file, whoever asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from fer_ros.parameters.assignments import own_name
from fer_ros.parameters.graph_params import NODES, lasting_parameters_of
from fer_ros.parameters.params import ParamSpec
from fer_ros.parameters.yaml_text import parameter_sections

_HEAD = ("# The parameters of a graph that ran, where they differ from the defaults.\n"
         "# For `fer-ros run --params-file`, and params_file:= of the launch files.\n")
_ALL_DEFAULTS = "# All of them are as their defaults, so that the file changes nothing.\n"


def worth_keeping(values: Mapping[str, Mapping[str, Any]], *, everything: bool = False,
                  left_out: Callable[[str], None] = lambda text: None) -> dict[str, dict[str, Any]]:
    """Of the values of running nodes, those that a file should say; of a node without any an empty dictionary.

    Args:
        values: by parameter, by the full names of the nodes; those that are none of the package's are left out.
        everything: what is as its default, too.
        left_out: is told of each value that this version of the package does not allow.
    """
    nodes = {node: lasting_parameters_of(own_name(node)) for node in values if own_name(node) in NODES}
    return {node: _of_node(node, values[node], lasting, everything, left_out) for node, lasting in nodes.items()}


def _of_node(node: str, values: Mapping[str, Any], lasting: Mapping[str, ParamSpec], everything: bool,
             left_out: Callable[[str], None]) -> dict[str, Any]:
    kept = {}
    for name, spec in lasting.items():
        if name not in values:
            continue
        try:
            value = spec.check(values[name])
        except ValueError as error:  # of another version of the package
            left_out(f"{node}: {error}: it is left out")
            continue
        if everything or value != spec.default:
            kept[name] = value
    return kept


def parameter_file(kept: Mapping[str, Mapping[str, Any]]) -> str:
    """The text of a parameter file.

    Args:
        kept: as of `worth_keeping`, of all nodes: a section of one that has no namesake serves in whatever namespace.
    """
    kinds = Counter(map(own_name, kept))
    sections = {node if kinds[own_name(node)] > 1 else f"/**/{own_name(node)}": values for node, values in kept.items()}
    return _HEAD + (parameter_sections(sections) or _ALL_DEFAULTS)
