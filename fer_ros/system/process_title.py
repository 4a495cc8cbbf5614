# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The arguments of this process, which every user of the machine can see (`ps`)."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from fer_ros.media.source_name import without_secrets

_FIRST_FIELD = 3  # of /proc/PID/stat, behind the name in brackets
_ARGUMENTS_START, _ARGUMENTS_END = 48, 49


def hide_secrets_in_arguments() -> None:
    """Overwrite the secrets in source URLs among this process's arguments. `sys.argv` keeps them.

    Does nothing where the system does not say where they are.
    """
    try:
        fields = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
        start, end = (int(fields[number - _FIRST_FIELD]) for number in (_ARGUMENTS_START, _ARGUMENTS_END))
        seen = Path("/proc/self/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return
    shown = b"\0".join(map(_hidden, seen.split(b"\0")))
    if shown != seen and start and end - start == len(seen) == len(shown):
        ctypes.memmove(start, shown, len(shown))


def _hidden(argument: bytes) -> bytes:
    """As long as it was."""
    text = os.fsdecode(argument)
    shown = without_secrets(text)
    return argument if shown == text else os.fsencode(shown)[: len(argument)].ljust(len(argument))
