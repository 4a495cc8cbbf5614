# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The version of the package, which package.xml alone has."""

from __future__ import annotations

import re
from pathlib import Path

from fer_ros.resources import share_directory


def _read() -> str:
    """From the package.xml of the installation, or of the source tree, that this module is in; empty where there is none."""
    try:
        path = share_directory() / "package.xml"
    except FileNotFoundError:
        path = Path(__file__).absolute().parents[1] / "package.xml"
        if not path.is_file():
            return ""
    found = re.search(r"<version>\s*([^<\s]+)\s*</version>", path.read_text(encoding="utf-8"))
    return found[1] if found else ""


__version__ = _read()
