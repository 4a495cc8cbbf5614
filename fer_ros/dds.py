# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How a process joins its graph: how far that reaches, by which Fast DDS profile, through how much shared memory.

Needs no ROS: rcl and Fast DDS read the variables that are made here when a process joins.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from fer_ros.resources import prefixes, share_directory

PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
"""What names Fast DDS's profile: the first in Fast DDS 3 (Kilted), the second up to Fast DDS 2 (Humble, Jazzy)."""
FOUND_PROFILES = ("DEFAULT_FASTDDS_PROFILES.xml", "DEFAULT_FASTRTPS_PROFILES.xml")
"""What Fast DDS reads beside that, in the folder where a process runs."""
IMAGE_SEGMENT, SMALL_IMAGE_SEGMENT, SMALL_SEGMENT = 32 * 2**20, 8 * 2**20, 2**20
"""Bytes of shared memory that the profiles take: of a process that publishes images, of one that publishes small ones alone,
and of any other."""
SMALL_IMAGE = 2**20
"""Bytes that a small image has at most."""

RANGE, LOCALHOST_ONLY, PEERS, SERVER = (
    "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER")
"""With these a user says how far a graph reaches."""

SHARED_MEMORY = Path("/dev/shm")
_OVERHEAD = 4 * 2**20  # bytes: Fast DDS's lists of buffers, rcl's own segment and ports
_SEGMENT = re.compile(r"fast(?:rtps|dds)_[0-9a-f]{16}")
_BEING_MADE = 1.0  # seconds within which whoever makes a segment has certainly locked it


def privacy_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep a graph to this machine; none where the user has said how far it should reach."""
    if any(environment.get(name) for name in (RANGE, LOCALHOST_ONLY, PEERS, SERVER)):
        return {}
    if environment.get("ROS_DISTRO") == "humble":
        return {LOCALHOST_ONLY: "1"}
    return {RANGE: "LOCALHOST"}


def is_local(environment: Mapping[str, str]) -> bool:
    """Whether these variables ask for a graph that is kept to this machine."""
    if environment.get(LOCALHOST_ONLY) == "1":
        return True  # rcl then ignores the range and the peers
    reach = environment.get(RANGE, "")
    if reach in ("", "SUBNET", "SYSTEM_DEFAULT"):
        return False
    # OFF reaches nobody, its peers included. rcl takes what it does not know for LOCALHOST; whoever names peers or a server
    # beside that wants to be in touch with them.
    return reach == "OFF" or not (environment.get(PEERS) or environment.get(SERVER))


def users_profile(environment: Mapping[str, str]) -> Path | None:
    """The Fast DDS profile that the user has chosen; None where there is none or it is one of fer_ros's."""
    chosen = (Path(environment[name]) for name in PROFILE_VARIABLES if environment.get(name))
    return next((path for path in chosen if path not in _profiles()), None)


def dds_environment(environment: Mapping[str, str], *, images: bool, small: bool = False) -> dict[str, str]:
    """The variables with which a process joins a graph, so that what should stay on this machine does.

    Args:
        images: whether the process publishes images, for which Fast DDS's own shared memory is too small.
        small: whether none of them has more than `SMALL_IMAGE` bytes.

    Returns:
        Fast DDS's profile, the user's own if there is one, and what else Humble needs.
    """
    own = users_profile(environment)
    # Fast DDS 2 reads the second of the variables, and the user may have set the first. Fast DDS 3 reads both.
    newer = _has_fast_dds_3(environment)
    unset = [name for name in (PROFILE_VARIABLES[:1] if newer else PROFILE_VARIABLES) if not environment.get(name)]
    ours = [name for name in PROFILE_VARIABLES if environment.get(name) and Path(environment[name]) in _profiles()]
    local = is_local(environment)
    chosen = {name: own or profile(variable=PROFILE_VARIABLES[0] if newer else name, local=local, images=images, small=small)
              for name in (*unset, *ours)}
    return _for_humble(environment) | {name: os.fspath(file) for name, file in chosen.items()}


def _has_fast_dds_3(environment: Mapping[str, str]) -> bool:
    """Whether this installation's Fast DDS is of Kilted or later: what an older one understands is an error to it."""
    # A workspace that was built on PyPI's wheels has a prefix of its own, and they are in none that ament knows.
    looked_in = map(Path, filter(None, environment.get("LD_LIBRARY_PATH", "").split(os.pathsep)))
    folders = [*(prefix / "lib" for prefix in prefixes(environment)), *looked_in]
    return any((folder / "libfastdds.so").exists() for folder in folders)


def profile_variable(environment: Mapping[str, str]) -> str:
    """The one of `PROFILE_VARIABLES` that a process without fer_ros, a camera driver say, is to be given here."""
    return PROFILE_VARIABLES[0 if _has_fast_dds_3(environment) else 1]


def profile(variable: str, *, local: bool, images: bool, small: bool = False) -> Path:
    """One of the Fast DDS profiles of config/, as installed.

    Args:
        variable: the one of `PROFILE_VARIABLES` that is to name it: what the two Fast DDS read differs.
    """
    version = 3 if variable == PROFILE_VARIABLES[0] else 2
    name = f"fastdds{version}" + ("_localhost" if local else "")
    name += "_small_images" if images and small else "" if images else "_no_images"
    return share_directory() / "config" / f"{name}.xml"


def prepare(environment: MutableMapping[str, str], *, images: bool, small: bool = False) -> list[str]:
    """Make a process ready to join a graph: its variables, and room in shared memory.

    Args:
        environment: of the process; changed in place.
        images, small: as of `dds_environment`.

    Returns:
        What its user should be told.
    """
    environment.update(dds_environment(environment, images=images, small=small))
    free_dead_segments()
    if users_profile(environment) is not None or not uses_fast_dds(environment):
        return []
    return shared_memory_problems(images=images, small=small)


def uses_fast_dds(environment: Mapping[str, str]) -> bool:
    """Whether the middleware is Fast DDS, as far as the variables say."""
    return (environment.get("RMW_IMPLEMENTATION") or "rmw_fastrtps_cpp").startswith("rmw_fastrtps")


def shared_memory_problems(*, images: bool, small: bool = False, folder: Path = SHARED_MEMORY) -> list[str]:
    """Why shared memory cannot be used, of which Fast DDS says nothing; empty where it can."""
    wanted = (SMALL_SEGMENT if not images else SMALL_IMAGE_SEGMENT if small else IMAGE_SEGMENT) + _OVERHEAD
    consequence = "what processes send each other goes through UDP instead, which is slower and loses images"
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [f"{folder} cannot be used ({error.strerror}): {consequence}"]
    if free >= wanted:
        return []
    return [f"{folder} has {free // 2**20} MiB free, and this process needs {wanted // 2**20}: {consequence}. Make it larger "
            "(docker run --shm-size=512m; sudo mount -o remount,size=2G /dev/shm), or end what fills it"]


def dead_memory(folder: Path = SHARED_MEMORY) -> int:
    """Bytes that `free_dead_segments` would give back."""
    total = 0
    for segment in _dead_segments(folder):
        with contextlib.suppress(OSError):
            total += segment.stat().st_size
    return total


def free_dead_segments(folder: Path = SHARED_MEMORY) -> None:
    """Give back the shared memory of this user's processes that are gone: nobody else does where one was killed.

    What cannot be given back stays, without a word.
    """
    for segment in _dead_segments(folder):
        for path in (segment, _lock_of(segment)):
            with contextlib.suppress(OSError):
                path.unlink()


def _dead_segments(folder: Path) -> Iterator[Path]:
    """Segments of Fast DDS whose process is gone; the lock of each is held until the next one is asked for.

    Ports (52 kB each) are left alone. Fast DDS takes those of dead processes over, so that they do not add up, and to remove
    one could meet another process that is about to do so.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for segment in (folder / name for name in names if _SEGMENT.fullmatch(name)):
        try:
            lock = os.open(_lock_of(segment), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # it is being made, or removed
            continue
        try:
            if _is_abandoned(lock):
                yield segment
        finally:
            os.close(lock)


def _lock_of(segment: Path) -> Path:
    return segment.with_name(f"{segment.name}_el")


def _is_abandoned(lock: int) -> bool:
    """Whether this user made a lock file and its process is gone; it is locked then."""
    state = os.fstat(lock)
    # A process makes the file first and locks it then; were it locked by us in between, that process would do without.
    if state.st_uid != os.geteuid() or time.time() - state.st_mtime < _BEING_MADE:
        return False
    try:
        # As Fast DDS does: the kernel unlocks it when the process ends, in whatever container that was.
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _profiles() -> list[Path]:
    ours = [profile(variable, local=local, images=images, small=small) for variable in PROFILE_VARIABLES
            for local in (True, False) for images, small in ((True, False), (True, True), (False, False))]
    return [*ours, share_directory() / "config" / "fastdds.xml"]


def _for_humble(environment: Mapping[str, str]) -> dict[str, str]:
    """Humble knows no range: what asks for LOCALHOST, in the variable that it knows."""
    wanted = environment.get("ROS_DISTRO") == "humble" and is_local(environment)
    return {LOCALHOST_ONLY: "1"} if wanted else {}
