"""What the reference takes from the code, so that it cannot differ from it.

```{parameters} NODE``` lists the parameters of a node, or of `every_node`; ```{message} NAME``` the fields of msg/NAME.msg;
```{launch_arguments} NAME``` the arguments of launch/NAME.launch.py.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.autodoc.mock import mock
from sphinx.util.docutils import SphinxDirective

from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode
from fer_ros.nodes.replay import ReplayNode
from fer_ros.parameters.params import ParamSpec, specs
from fer_ros.ros.node import NodeParams

ROOT = Path(__file__).resolve().parents[2]
NODES = {node.NAME: node for node in (PipelineNode, CameraNode, ReplayNode, FaceDetectorNode, EmotionNode, OverlayNode)}


class Entries(SphinxDirective):
    """A definition list whose terms can be linked to."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        found = []
        for name, kind, text in self.entries(self.arguments[0]):
            made = self.parse_text_to_nodes(f"`{name}` {kind}\n: " + text.replace("\n", "\n  "))
            item = next(iter(made[0].findall(nodes.definition_list_item)))
            item["ids"].append(nodes.make_id(f"{self.arguments[0]}-{name}"))
            found.append(made[0])
        listed = nodes.definition_list("", *(item for part in found for item in part.children), classes=["entries"])
        return [listed]

    def entries(self, about: str) -> Iterable[tuple[str, str, str]]:
        """Name, kind and description of each."""
        raise NotImplementedError


class Parameters(Entries):
    def entries(self, about: str) -> Iterator[tuple[str, str, str]]:
        groups = (NodeParams,) if about == "every_node" else NODES[about].PARAMS
        for spec in (spec for group in groups for spec in specs(group)):
            yield spec.name, f"*{spec.type.__name__}*", f"{spec.description}\n\n{_facts(spec)}"


def _facts(spec: ParamSpec) -> str:
    default = f'"{spec.default}"' if spec.type is str else str(spec.default).lower() if spec.type is bool else spec.default
    facts = [f"Default `{default}`{' ' + spec.unit if spec.unit else ''}"]
    if spec.range:
        facts.append("from {:g} to {:g}".format(*spec.range) + (f" {spec.unit}" if spec.unit else ""))
    if spec.choices:
        facts.append("one of " + ", ".join(f"`{choice}`" for choice in spec.choices))
    facts.append("can change while the node runs" if spec.live else "takes effect when the node is configured")
    return "; ".join(facts) + "."


class Message(Entries):
    """A comment above a field describes it; the file's first comment describes the message and stands on the page."""

    def entries(self, about: str) -> Iterator[tuple[str, str, str]]:
        text = (ROOT / "msg" / f"{about}.msg").read_text(encoding="utf-8")
        for block in re.split(r"\n\s*\n", text.partition("\n\n")[2]):
            lines = block.strip().splitlines()
            described = " ".join(line.lstrip("# ") for line in lines if line.startswith("#"))
            for line in (line for line in lines if line and not line.startswith("#")):
                kind, name = line.split("#")[0].split(maxsplit=1)
                yield name.strip(), f"*{kind}*", described or "-"


class LaunchArguments(Entries):
    def entries(self, about: str) -> Iterator[tuple[str, str, str]]:
        for name, default, description in launch_arguments(about):
            shown = "Default: `config/fer.yaml` of the package." if name == "params_file" else f"Default `{default}`."
            yield f"{name}:=", "", description[:1].upper() + description[1:] + (f". {shown}" if default else ".")


def launch_arguments(name: str) -> tuple[tuple[str, str, str], ...]:
    """Name, default and description of each argument of a launch file. Reads it without launch, which PyPI has not."""
    with mock(["launch", "launch_ros"]):
        from fer_ros.launching import _COMMON

        spec = importlib.util.spec_from_file_location(f"{name}_launch", ROOT / "launch" / f"{name}.launch.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return (*module.ARGUMENTS, *_COMMON)


def setup(app: Sphinx) -> dict[str, Any]:
    for name, directive in {"parameters": Parameters, "message": Message, "launch_arguments": LaunchArguments}.items():
        app.add_directive(name, directive)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
