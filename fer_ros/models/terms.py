# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""On what terms a model may be used: said once on each machine, to whoever starts it first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from fer_ros.models.model_files import ModelFileError, listed
from fer_ros.resources import share_directory


def news(model: Path, environment: Mapping[str, str] = os.environ) -> str:
    """What the user of a model should be told of its terms; empty where there are none, or where they have been told.

    It then counts as told: a file below `$XDG_STATE_HOME` (or ~/.local/state) remembers it. Where that cannot be written it is
    told every time.
    """
    try:
        entry = listed(model, share_directory() / "models")
    except (ModelFileError, OSError):  # whoever loads the model says so
        return ""
    if entry is None or not entry.terms:
        return ""
    mark = _state(environment) / "fer_ros" / f"terms-{entry.id}-{(entry.sha256 or '')[:8]}"
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch(exist_ok=False)
    except FileExistsError:
        return ""
    except OSError:  # a home that cannot be written, or none
        return f"{entry.file}: {entry.terms}"
    return f"{entry.file}: {entry.terms} (this is said once)"


def _state(environment: Mapping[str, str]) -> Path:
    """The XDG base directory for what a program remembers."""
    given = environment.get("XDG_STATE_HOME", "")
    # The specification: a relative one is ignored.
    return Path(given) if os.path.isabs(given) else Path(os.path.expanduser("~")) / ".local" / "state"
