# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Who may see the page: names that it is reached by, pages that may ask it, the token and its cookie, and how often."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import ipaddress
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

TOKEN_VARIABLE = "FER_ROS_WEB_TOKEN"
"""Of the environment: a token of the user's own, which is not printed."""

_SHORTEST = 16  # characters of a token
_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_.-]{1,253})(?::([0-9]{1,5}))?")
_LOOPBACK_NAMES = ("localhost",)


def new_token() -> str:
    """160 random bits that nobody guesses."""
    return secrets.token_urlsafe(20)


def checked_token(text: str) -> str:
    """A token of a user's own. Raises ValueError where it could be guessed, or does not fit into an address."""
    if not re.fullmatch(rf"[A-Za-z0-9_-]{{{_SHORTEST},128}}", text):
        raise ValueError(f"{TOKEN_VARIABLE} must be {_SHORTEST} to 128 letters, digits, - and _")
    return text


def is_loopback(host: str) -> bool:
    """Whether an address to serve on is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


def parted_host(header: str) -> str:
    """The name in a Host header, in small letters and without a port; empty where it is none."""
    found = _HOST.fullmatch(header)
    return found[1].lower().rstrip(".") if found else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Access:
    """The rules of one server.

    A page of another site must not read the camera through the user's browser. It is kept out three times: its Origin is not
    ours, the cookie is not sent along, and a name of its own that it lets point to this machine (DNS rebinding) is not one of
    ours.

    Attributes:
        host: address that is served on.
        token: what a visitor has to know; empty where everybody on this machine may look.
        names: by which the machine is reached beside its host name and addresses.
        tls: whether it is https.
    """

    host: str
    token: str = ""
    names: tuple[str, ...] = ()
    tls: bool = False
    _known: frozenset[str] = field(init=False, repr=False, default=frozenset())

    def __post_init__(self) -> None:
        known = {*_LOOPBACK_NAMES, *(name.strip().lower() for name in self.names), self.host.lower()}
        if not is_loopback(self.host):
            own = socket.gethostname().lower()
            known |= {own, f"{own}.local"}
        object.__setattr__(self, "_known", frozenset(known - {""}))

    @property
    def scheme(self) -> str:
        return "https" if self.tls else "http"

    def is_ours(self, host: str) -> bool:
        """Whether a Host header names this server. An address does: whoever is reached by one has not been renamed."""
        name = parted_host(host)
        if _is_address(name):
            # 127.0.0.1 says as little of other addresses as a name: what is served on loopback is asked for there.
            return not is_loopback(self.host) or is_loopback(name.strip("[]"))
        return name in self._known

    def is_same_site(self, origin: str | None, host: str, fetch_site: str | None) -> bool:
        """Whether a request comes from our own page, or from no page at all.

        Args:
            origin, host, fetch_site: the headers Origin, Host and Sec-Fetch-Site, None where they are missing.
        """
        if origin is not None and origin.lower() != f"{self.scheme}://{host}".lower():
            return False
        return fetch_site in (None, "same-origin", "none")

    @property
    def cookie(self) -> str:
        """The value that says that a browser has shown the token."""
        return hmac.new(self.token.encode(), b"fer_ros page", hashlib.sha256).hexdigest()

    def knows(self, token: str) -> bool:
        """Whether a token is the right one."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def lets_in(self, cookie: str | None, authorization: str | None) -> bool:
        """Whether a request's cookie or Authorization header shows the token; all are let in where there is none."""
        if not self.token:
            return True
        if cookie is not None and hmac.compare_digest(cookie.encode("utf-8", "replace"), self.cookie.encode()):
            return True
        return authorization is not None and authorization.startswith("Bearer ") and self.knows(authorization[7:])


class Bucket:
    """How often something may happen: `most` times at once, `rate` times a second in the long run."""

    def __init__(self, rate: float, most: float, now: Callable[[], float] = time.monotonic):
        self._rate, self._most, self._now = rate, most, now
        self._left, self._at = most, now()

    def has(self, amount: float = 1) -> bool:
        """Whether so much may happen now."""
        now = self._now()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left >= amount

    def take(self, amount: float = 1) -> bool:
        """Whether so much may happen now; it then counts."""
        if not self.has(amount):
            return False
        self._left -= amount
        return True


class Buckets:
    """A bucket for each address. Remembers a bounded number of them."""

    _REMEMBERED = 256

    def __init__(self, rate: float, most: float, now: Callable[[], float] = time.monotonic):
        self._make: Callable[[], Bucket] = lambda: Bucket(rate, most, now)
        self._buckets: dict[str, Bucket] = {}

    def __getitem__(self, address: str) -> Bucket:
        bucket = self._buckets.pop(address, None) or self._make()
        self._buckets[address] = bucket  # the last used stand last
        while len(self._buckets) > self._REMEMBERED:
            del self._buckets[next(iter(self._buckets))]
        return bucket


def addresses(host: str, port: int, tls: bool, token: str, own: Iterable[str] | None = None) -> list[str]:
    """Where a browser finds the page. The token stands behind `#`, which browsers send to no server.

    Args:
        host: address that is served on; 0.0.0.0 and :: stand for all of the machine's.
        own: the machine's addresses; found out where they are not given.
    """
    everywhere = host in ("0.0.0.0", "::", "")
    hosts = [host] if not everywhere else own_addresses() if own is None else list(own)
    end = f"/#token={token}" if token else "/"
    return [f"{'https' if tls else 'http'}://{f'[{one}]' if ':' in one else one}:{port}{end}" for one in hosts]


def invitation(address: str, name: str = "") -> str:
    """What a terminal shows for an address with its token.

    Args:
        name: of the camera whose page it is, where there are several.
    """
    return f"open {address} for {name}" if name else f"open {address}"


def is_invitation(text: str) -> bool:
    """Whether a line is of one: an address of a page with its token and no other secret, or a part of its QR code."""
    return re.fullmatch(rf"open https?://[^\s/@]+/#token=[A-Za-z0-9_-]{{{_SHORTEST},128}}( for [A-Za-z0-9_/]+)?|[█▀▄ ]+",
                        text) is not None


def own_addresses() -> list[str]:
    """The address that other machines see this one by, or else its name. Nothing is sent to find it out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # reserved for documents: only the route is looked up
            return [probe.getsockname()[0]]
        except OSError:
            return [socket.gethostname()]


def qr_code(text: str) -> str:
    """A QR code in half blocks, for a terminal; empty where segno is not installed."""
    try:
        segno: Any = importlib.import_module("segno")
    except ImportError:
        return ""
    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] * (len(rows) % 2)
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}  # light is drawn: terminals are dark, as a rule
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(blocks[bool(a), bool(b)] for a, b in zip(*pair, strict=True)) for pair in pairs)
