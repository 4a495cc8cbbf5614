# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`--set NODE.NAME=VALUE`, `--model` and `--detector` of the commands that start a graph."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fer_ros.graph import Graph, check_named, with_named
from fer_ros.parameters.params import ParamSpec
from fer_ros.resources import model_file
from fer_ros.words import one_line

NONE: Mapping[str, str] = MappingProxyType({})

_MODELS = {"emotion_node": "model", "face_detector_node": "detector"}
"""Nodes with a network, and the option that names its file."""
_OF_THE_RUN = {
    "autostart": "the command starts the nodes in their order",
    "diagnostics_period": "the command follows the nodes by their diagnostics",
    "image_node": "it follows from where the images come from",
    "overlay": "the command's graph has an overlay, which is made only where somebody looks at it",
    "cameras": "the command follows one camera: start one for each, with --namespace",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    """The three options."""
    parser.add_argument("--set", action="append", default=[], metavar="NODE.NAME=VALUE", dest="changes",
                        help="set a parameter of a node; wins over the parameter file; may be given several times. NAME=VALUE "
                        "will do where one node has the parameter, or all that have it mean the same")
    parser.add_argument("--model", metavar="FILE",
                        help="the emotion network: a name that `fer-ros models` lists, or a path (emotion_node.model)")
    parser.add_argument("--detector", metavar="FILE", help="the face detector, likewise (face_detector_node.model)")


def of(options: argparse.Namespace, graph: Graph, params_file: Path, own: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The parameters that the options name, by the full names of their nodes.

    Args:
        own: parameters that the command has an argument for, as NODE.NAME, and what to say of that.

    Raises:
        ValueError, OSError: one is unknown or not allowed, by itself or beside the others; the text is the node's own.
    """
    files = {node: getattr(options, option) for node, option in _MODELS.items()}
    texts = [*(f"{node}.model={file}" for node, file in files.items() if file is not None), *options.changes]
    if not texts:
        return {}
    from fer_ros.parameters.assignments import assigned
    from fer_ros.parameters.graph_params import parameters_of  # loads all stages

    kinds = {node.full_name: node.executable for process in graph.processes for node in process.nodes}
    known = {full: parameters_of(kind) for full, kind in kinds.items()}
    found = {full: {name: _checked(kinds[full], known[full][name], value) for name, value in values.items()}
             for full, values in assigned(texts, known).items()}
    for full, values in found.items():
        kind = kinds[full]
        for name in values:
            if reason := own.get(f"{kind}.{name}") or _OF_THE_RUN.get(name):
                raise ValueError(f"{kind}.{name} cannot be set here: {reason}")
        if kind in files and "model" in values:
            _check_model(kind, values["model"], files[kind])
    check_named(with_named(graph, found), params_file)
    return found


def _checked(kind: str, spec: ParamSpec, value: Any) -> Any:
    try:
        return spec.check(value)
    except ValueError as error:
        raise ValueError(f"{kind}: {one_line(str(error))}") from None


def _check_model(kind: str, file: str, by_option: str | None) -> None:
    if by_option not in (None, file):
        raise ValueError(f"{kind}.model is given twice, as {by_option} and as {file}")
    if file != "auto" or kind != "emotion_node":
        model_file(file)
