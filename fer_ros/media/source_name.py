# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a source is called: its kind by its name alone, what others may see of it, and where its secrets come from."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from urllib.parse import quote, unquote

SCHEMES = ("rtsp", "rtsps", "rtspu", "rtspt", "rtsph", "http", "https", "rtmp", "rtmps", "rtmpt", "rtmpe", "rtmpte", "rtmpts",
           "srt", "udp", "tcp", "rtp", "srtp", "rist", "mms", "mmsh", "mmst", "ftp", "sftp")
"""What a stream's address may begin with. FFmpeg knows more, which open files of this machine or join several addresses."""

_HIDDEN = "***"
# As long as a scheme may be here: one without an end would be looked for from every letter of a long text to its end.
_URL = re.compile(r"([a-z][a-z0-9+.-]{0,40}):/+([^\s'\"<>]*)", re.IGNORECASE)
# What an address may show of its path and its query: words and small numbers, as cameras name their channels.
_WORD = r"(?:[A-Z]?[a-z]{1,12}(?:[A-Z][a-z]{2,12})?|[A-Z]{1,5}|[a-z]{1,10}\d{1,3}|\d{1,4})"
_PLAIN_PART = re.compile(rf"(?:{_WORD}(?:[._-]{_WORD}){{0,2}})?")
_PLAIN_QUERY = re.compile(
    r"(channel|subtype|stream|profile|camera|resolution|width|height|fps|codec|videocodec|compression|proto)=[A-Za-z0-9]{1,8}",
    re.IGNORECASE)
_SECRET_WORD = re.compile(
    r"(user(name)?|usr|login|pass(word|wd|phrase)?|pwd?|token|auth\w*|key|api_?key|secret|sig(nature)?|session|credentials?)",
    re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"\b({_SECRET_WORD.pattern})(\s*=\s*)[^\s&;,'\"]+", re.IGNORECASE)
_WORD_OF_TEXT = re.compile(r"[^\s'\"]+")
# A raw / ? or # in a password cuts the address in the wrong place: nothing before the last @ is to be seen.
_CUT_PASSWORD = re.compile(r"(?!(?:\[[^\]]*\]|[^:/?#]*)(?::\d*)?(?:[/?#]|$)).*@|(?=[^@]*:)(?:[^?]*|[^=]*)@", re.DOTALL)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET_FILE_BYTES = 4096


class SourceError(Exception):
    """The source can never work as it is named: no such file, not a video, an empty folder."""


def kind_of_source(name: str) -> str:
    """`device`, `stream` or `recorded`, by the name alone.

    Args:
        name: with its variables filled in, see `filled_in`.
    """
    if re.fullmatch("[0-9]+", name) or (name.startswith("/dev/") and not name.startswith("/dev/shm/")):
        return "device"
    scheme = re.match(r"([a-z][a-z0-9+.-]+)://", name, re.IGNORECASE)
    return "stream" if scheme and scheme[1].lower() != "file" else "recorded"


def is_finite(source: str) -> bool:
    """Whether a source, as a user names it, is one that ends: a file, a folder or the demo. Opens no source."""
    return kind_of_source(opened_as(source)) == "recorded"


def opened_as(source: str) -> str:
    """What `filled_in` gives; where that cannot be, which is said when the source is opened, the name itself."""
    try:
        return filled_in(source)
    except SourceError:
        return source.strip()


def path_of(name: str) -> Path:
    """The file or folder that a user names: by its path, which may begin with `~`, or by a file:// address."""
    path = re.sub("^file://(localhost(?=/))?", "", name, flags=re.IGNORECASE)
    # Not Path.expanduser, which raises where there is no such user.
    return Path(os.path.expanduser(path if path == name else unquote(path)))


def without_secrets(text: str) -> str:
    """A source's name, or a text with one in it, as everybody may see it.

    An address keeps its scheme, its host and port, and what of its path and query are plain words and small numbers; the
    user, the password and every other value are replaced. The name of a file that is there stays as it is.
    """
    if os.path.sep in text and _is_there(text):
        return text
    text = _URL.sub(lambda found: found[0] if found[1].lower() == "file" else f"{found[1]}://{_shown(found[2])}", text)
    text = _ASSIGNMENT.sub(lambda found: f"{found[1]}={_HIDDEN}", text)
    return text if "://" in text else _WORD_OF_TEXT.sub(lambda found: _without_user(found[0]), text)


def _without_user(word: str) -> str:
    """A word without the `user:password` before its last @, if there is one."""
    before, _, after = word.rpartition("@")
    colon = re.search("(?<=[^/:@]):", before)
    if colon is None:
        return word
    user = 1 + max(before.rfind(mark, 0, colon.start()) for mark in "/:@")
    return f"{before[:user]}{_HIDDEN}@{after}"


def has_secret(source: str) -> bool:
    """Whether a source's name holds a secret, or says where to find one."""
    return without_secrets(source) != source or bool(_VARIABLE.search(source)) or source.strip().startswith("@")


def filled_in(source: str) -> str:
    """A source's name with its secrets: `${NAME}` is an environment variable, `@FILE` the first line of a file.

    What a variable puts in place of a user or password, or of a value behind `?`, is percent-encoded. The name of a file
    that is there stays as it is.

    Raises:
        SourceError: no such variable or file; the text does not tell what is in the others.
    """
    name = source.strip()
    if _is_there(name):
        return name
    if name.startswith("@"):
        return _first_line(path_of(name[1:]))
    if not _VARIABLE.search(name):
        return name
    found = re.match(r"([a-z][a-z0-9+.-]*://)([^/?#]*@)?([^?]*)(\?.*)?$", name, re.IGNORECASE | re.DOTALL)
    if not found:
        return _VARIABLE.sub(_value, name)
    scheme, user, place, query = (part or "" for part in found.groups())
    encoded = [_VARIABLE.sub(lambda variable: quote(_value(variable), safe=""), part) for part in (user, query)]
    return scheme + encoded[0] + _VARIABLE.sub(_value, place) + encoded[1]


def _value(variable: re.Match[str]) -> str:
    value = os.environ.get(variable[1])
    if value is None:
        raise SourceError(f"the environment variable {variable[1]}, which the source names, is not set")
    return value.strip()


def _first_line(path: Path) -> str:
    def refuse(why: str | None) -> SourceError:
        return SourceError(f"'{path}', whose first line is the source, cannot be read: {why}")

    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for, and can be read only once
            raise refuse("it is a folder, a pipe or a device, not a file")
        with open(path, encoding="utf-8") as file:
            line = file.read(_SECRET_FILE_BYTES).split("\n", 1)[0].strip()
    except OSError as error:
        raise refuse(error.strerror) from None
    except ValueError:
        raise refuse("it is no text") from None
    if not line or re.search(r"[\0-\x1f\x7f]", line) or line.startswith("@"):
        raise SourceError(f"the first line of '{path}' names no source")
    return line


def _is_there(name: str) -> bool:
    try:
        return bool(name) and os.path.exists(os.path.expanduser(name))
    except (ValueError, OSError):
        return False


def _shown(address: str) -> str:
    """Of an address, what follows `//`."""
    authority = re.split(r"[/?#]", address, maxsplit=1)[0]
    hidden = ""
    if "@" in authority:
        address = address[authority.rindex("@") + 1 :]
    elif cut := _CUT_PASSWORD.match(address):
        hidden, address = f"{_HIDDEN}@", address[cut.end() :]
    parted = re.match(r"([^/?#]*)([^?#]*)(.*)$", address, re.DOTALL)
    assert parted is not None  # every text is one
    host, path, query = parted.groups()
    parts, secret_next = [], False
    for part in path.split("/"):
        plain = _PLAIN_PART.fullmatch(part) and not secret_next
        parts.append(part if plain else _HIDDEN)
        secret_next = bool(_SECRET_WORD.fullmatch(part))
    if query:
        query = query[0] + "&".join(part if not part or _PLAIN_QUERY.fullmatch(part) else _name_of(part) + _HIDDEN
                                    for part in query[1:].split("&"))
    return hidden + host + "/".join(parts) + query


def _name_of(assignment: str) -> str:
    """The name before `=`, where it is a plain word."""
    name, equals, _ = assignment.partition("=")
    return f"{name}=" if equals and re.fullmatch(r"[A-Za-z_-]{1,16}", name) else ""
