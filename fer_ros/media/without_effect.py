# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Parameters of a source that are set and that its kind does not heed."""

from __future__ import annotations

from collections.abc import Iterable

from fer_ros.media.source_name import kind_of_source, opened_as, without_secrets
from fer_ros.media.source_params import SourceParams
from fer_ros.parameters.params import ParamSpec, specs

_CAMERAS, _FILES = "cameras of this machine", "files, folders and the demo"
_FOR = {"controls": _CAMERAS, "pixel_format": _CAMERAS, "loop": _FILES, "realtime": "what has an end",
        "fps": f"{_CAMERAS} and what has an end"}
"""Whom each is for; the others every source heeds."""


def without_effect(params: SourceParams, finite: bool, defaults: Iterable[ParamSpec] = tuple(specs(SourceParams)),
                   name: str = "") -> str:
    """What is set and does nothing, and what it is for, in one sentence; empty where there is nothing of the kind.

    >>> without_effect(SourceParams(source="demo", controls="gain=3"), finite=True)
    'controls has no effect on demo: it is for cameras of this machine'

    Args:
        finite: whether the source has an end.
        defaults: what counts as not set.
        name: of the source, where `params` do not name it.
    """
    kind = "recorded" if name else kind_of_source(opened_as(params.source))
    ignored = {"device": {"loop", "realtime"}, "recorded": {"controls", "pixel_format"},
               "stream": {"controls", "pixel_format", "loop", *(() if finite else ("realtime", "fps"))}}[kind]
    told = [spec.name for spec in defaults if spec.name in ignored and getattr(params, spec.name) != spec.default]
    if not told:
        return ""
    reasons = [f"{'it' if len(told) == 1 else one} is for {_FOR[one]}" for one in sorted(told)]
    return (f"{', '.join(sorted(told))} {'has' if len(told) == 1 else 'have'} no effect on "
            f"{name or without_secrets(params.source)}: {', '.join(reasons)}")
