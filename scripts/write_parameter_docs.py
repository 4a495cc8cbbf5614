#!/usr/bin/env python3
"""Write config/fer.yaml and the parameter tables of docs/reference/nodes.md from the parameter classes. Needs fer_ros installed.

The tables stand between `<!-- parameters of NODE -->` and `<!-- end -->` in docs/reference/nodes.md. `--check` changes nothing and
fails where a file is not up to date.
"""

import argparse
import re
import sys
import textwrap
from pathlib import Path

from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode
from fer_ros.nodes.replay import ReplayNode
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.ros.node import NodeParams

ROOT = Path(__file__).resolve().parent.parent
NODES = (PipelineNode, CameraNode, ReplayNode, FaceDetectorNode, EmotionNode, OverlayNode)


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


def table(node: type) -> str:
    rows = ["| parameter | type | default | range | live | what it does |", "|---|---|---|---|---|---|"]
    for spec in parameters_of(node):
        allowed = f"{limits(spec)}{' ' + spec.unit if spec.unit and spec.range else ''}"
        cells = [f"`{spec.name}`", spec.type.__name__, f"`{in_yaml(spec)}`", allowed, "yes" if spec.live else "no",
                 spec.description]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def documented(text: str) -> str:
    for node in NODES:
        found = re.search(rf"(?<=<!-- parameters of {node.NAME} -->\n).*?(?=<!-- end -->)", text, re.DOTALL)
        if not found:
            sys.exit(f"docs/reference/nodes.md has no place for the parameters of {node.NAME}")
        text = f"{text[: found.start()]}{table(node)}\n{text[found.end() :]}"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    docs = ROOT / "docs" / "reference" / "nodes.md"
    wanted = {ROOT / "config" / "fer.yaml": config()}
    if docs.is_file():
        wanted[docs] = documented(docs.read_text(encoding="utf-8"))
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if check and stale:
        sys.exit(f"not up to date, run {Path(__file__).name}: {', '.join(path.name for path in stale)}")
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")


if __name__ == "__main__":
    main()
