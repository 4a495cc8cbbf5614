"""The version of the package, which package.xml alone has."""

from __future__ import annotations

import re
from pathlib import Path


def _read() -> str:
    """From the package.xml of the installation, or of the source tree, that this module is in; empty where there is none."""
    for parent in Path(__file__).absolute().parents:
        for path in (parent / "share" / "fer_ros" / "package.xml", parent / "package.xml"):
            if path.is_file():
                found = re.search(r"<version>\s*([^<\s]+)\s*</version>", path.read_text(encoding="utf-8"))
                return found[1] if found else ""
    return ""


__version__ = _read()
