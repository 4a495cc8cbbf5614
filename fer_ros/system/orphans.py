# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A child that ends when its parent is gone, even if that was killed and could not end its children."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_PARENT = "FER_ROS_PARENT"


def bound_to_this_process() -> dict[str, str]:
    """What a child's environment needs, for it to call `end_with_parent`.

    The child asks for it itself: code between fork and exec may hang in a process that has threads.
    """
    return {_PARENT: str(os.getpid())}


def end_with_parent() -> None:
    """Get SIGTERM when the parent is gone; a process started in another way, through a debugger say, is left as it is.

    Raises:
        SystemExit: the parent went before it was asked for.
    """
    parent = os.environ.pop(_PARENT, "")
    if not parent:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if str(os.getppid()) == parent:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, 0)
    if not os.path.exists(f"/proc/{parent}"):
        raise SystemExit(1)
