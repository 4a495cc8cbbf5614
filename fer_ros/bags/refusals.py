# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Why `rosbags` does not read a bag, and what to do: damage is one reason of many."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from fer_ros.bags.mcap_end import MAGIC
from fer_ros.words import command

_CONVERT = "{convert} makes one that can be read"
# What rosbags says -> what that means for a user. `\1` is the first group, {NAME} what `refusal` fills in.
_MEANINGS: tuple[tuple[str, str], ...] = (
    (r"Rosbag2 version (\d+) not supported",
     r"it was written by a newer rosbag2 (version \1) than the installed rosbags knows: pip install --upgrade rosbags"),
    (r"Bag version (\d+) is not supported", r"its version \1 is not 2.0, the one that is read: `rosbag fix` helps"),
    (r"Storage plugin '(.*?)' not supported", rf"its storage '\1' is neither mcap nor sqlite3: {_CONVERT}"),
    (r"(?:Unsupported chunk compression|Compression(?: format)?) '?(.*?)'?(?: is not supported)?\.?$",
     rf"it is compressed with '\1', which rosbags does not unpack: {_CONVERT}"),
    (r"encryption '(.*?)' is not supported", r"it is encrypted ('\1'): decrypt it first"),
    (r"Serialization format \{?'(.*?)'", rf"its messages are serialized as '\1' and not as CDR: {_CONVERT}"),
    (r"Some database files are missing: \[(.*)\]",
     "its metadata.yaml names files that are not there: {missing}. Put them back, name one of its other files, or let "
     "{reindex} write metadata.yaml anew"),
    (r"not in timestamp order", "its messages are not in the order of time and it has no index: `mcap recover` "
                                "(mcap.dev/guides/cli) writes one"),
    (r"not indexed", "it has no index, because its recorder did not finish it: `rosbag reindex {path}` writes one"),
    (r"No module named '(.*?)'", r"\1 is not installed, which rosbags needs: pip install rosbags"),
)
_ENCODINGS = ("protobuf", "flatbuffer", "jsonschema", "json", "ros1msg", "ros1", "cbor", "msgpack", "c", "self_describing")
_QOS = ("depth", "deadline", "lifespan", "liveliness_lease_duration", "avoid_ros_namespace_conventions", "sec", "nsec",
        "history", "reliability", "durability", "liveliness", "offered_qos_profiles")


def refusal(path: Path, error: Exception) -> str:
    """One line, which ends without a full stop.

    Args:
        error: what rosbags raised; it lets whatever a damaged file makes its parsers raise through.
    """
    if isinstance(error, OSError) and error.strerror and error.errno:
        return f"{path} cannot be read: {error.strerror}"
    profile = _profile(path)
    if profile not in (None, "ros2"):
        return (f"{path} is an MCAP file of the profile '{profile}' and not 'ros2': it was not written by ROS 2"
                + ("; name the .bag that it was made of" if profile == "ros1" else ""))
    said = first_line(error)
    for pattern, meaning in _MEANINGS:
        found = re.search(pattern, said)
        if found:
            missing = ", ".join(Path(name).name for name in re.findall(r"'(.*?)'", found[1])) if "{missing}" in meaning else ""
            told = _filled(found.expand(meaning), path).replace("{missing}", missing)
            return f"{path} is not read: {told}"
    missing = str(error.args[0]) if isinstance(error, KeyError) and error.args else _last_quoted(said)
    if missing in _ENCODINGS:
        return (f"{path} is not read: it holds messages in '{missing}', and rosbags reads those of ROS 2 (CDR) alone: "
                f"{_filled(_CONVERT, path)}")
    if missing in _QOS:
        return (f"{path} is not read: rosbags does not understand the quality of service that a topic has in it ('{missing}' "
                f"is missing): {_filled(_CONVERT, path)}")
    return f"{path} cannot be read: {said}. {rescue(path)}"


def _filled(text: str, path: Path) -> str:
    filled = text.replace("{convert}", command("bag convert")).replace("{reindex}", command(f"bag reindex {path}"))
    return filled.replace("{path}", str(path))


def first_line(error: Exception) -> str:
    """What an error says; its type where it says nothing."""
    lines = str(error).splitlines()
    return (lines[0].rstrip(".") if lines else "")[:300] or type(error).__name__


def rescue(path: Path) -> str:
    """What may save a damaged bag."""
    recover = "`mcap recover` (mcap.dev/guides/cli) may save what is there"
    if path.is_dir():
        more = ", and of an .mcap file in it " + recover if list(path.glob("*.mcap")) else ""
        return f"{command(f'bag reindex {path}')} writes metadata.yaml anew{more}"
    if path.suffix.lower() == ".bag":
        return f"`rosbag reindex {path}` may save what is there"
    return recover if path.suffix.lower() == ".mcap" else f"{command(f'bag reindex {path.parent}')} may save what is there"


def _profile(path: Path) -> str | None:
    """The profile in the header of an MCAP file; None where it is none or cannot be read."""
    try:
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) != MAGIC or file.read(1) != b"\1":
                return None
            (length,) = struct.unpack_from("<I", file.read(12), 8)
            profile = file.read(length) if length < 100 else b""
            return profile.decode("ascii") if len(profile) == length else None
    except (OSError, ValueError, struct.error):
        return None


def _last_quoted(text: str) -> str:
    quoted: list[str] = re.findall(r"'([^']*)'", text)
    return quoted[-1] if quoted else ""
