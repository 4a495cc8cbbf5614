#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Write config/fer.yaml from the parameter classes. Needs fer_ros installed.

`--check` changes nothing and fails where the file is not up to date.
"""

import argparse
import sys
import textwrap
from pathlib import Path

from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.hri import HriNode
from fer_ros.nodes.hri_faces import HriFacesNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode
from fer_ros.nodes.replay import ReplayNode
from fer_ros.nodes.web import WebNode
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.ros.node import NodeParams

ROOT = Path(__file__).resolve().parent.parent
NODES = (PipelineNode, CameraNode, ReplayNode, FaceDetectorNode, EmotionNode, OverlayNode, WebNode, HriNode,
         HriFacesNode)


def parameters_of(node: type) -> list[ParamSpec]:
    return [spec for group in (*node.PARAMS, NodeParams) for spec in specs(group)]


def limits(spec: ParamSpec) -> str:
    if spec.choices:
        return ", ".join(spec.choices)
    return f"{spec.range[0]:g} to {spec.range[1]:g}" if spec.range else ""


def in_yaml(spec: ParamSpec) -> str:
    return f'"{spec.default}"' if spec.type is str else str(spec.default).lower() if spec.type is bool else str(spec.default)


def config() -> str:
    lines = [
        "# Every parameter of every node, with its default. Written by scripts/write_parameter_docs.py from the parameter",
        "# classes; copy it, keep what you change, and name the copy: webcam.launch.py params_file:=..., fer-ros run",
        "# --params-file ... `*` marks what takes effect when the node is configured; all else can be changed while it runs.",
    ]
    for node in NODES:
        lines += ["", f"/**/{node.NAME}:", "  ros__parameters:"]
        for spec in parameters_of(node):
            more = " ".join(filter(None, [spec.unit and f"[{spec.unit}]", limits(spec) and f"({limits(spec)})"]))
            text = f"{spec.description} {more}{'' if spec.live else ' *'}".strip()
            lines += [f"    # {line}" for line in textwrap.wrap(text, 110)]
            lines.append(f"    {spec.name}: {in_yaml(spec)}")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    file, text = ROOT / "config" / "fer.yaml", config()
    if check and file.read_text(encoding="utf-8") != text:
        sys.exit(f"{file.name} is not up to date, run {Path(__file__).name}")
    if not check:
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
