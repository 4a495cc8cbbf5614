# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Who takes part in DDS on other machines: participants are asked to announce themselves, by sockets alone.

Each DDS answers the announcement of a participant that it does not know with its own (RTPS 2.3, Simple Participant Discovery
Protocol). The one that asks here has no topics and is forgotten after `_LEASE` seconds.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

DOMAINS = range(233)
"""Those whose ports exist."""
VENDORS = {0x0101: "RTI Connext", 0x0103: "OpenDDS", 0x010F: "Fast DDS", 0x0110: "Cyclone DDS"}

_GROUP = "239.255.0.1"
_LEASE = 3
_PROTOCOL, _VENDOR, _GUID, _METATRAFFIC, _DEFAULT, _DURATION, _ENDPOINTS, _DOMAIN = (
    0x15, 0x16, 0x50, 0x32, 0x31, 0x02, 0x58, 0x0F)
_DATA, _LITTLE, _INLINE_QOS, _WITH_DATA, _END = 0x15, 1, 2, 4, 1
_WRITER = bytes.fromhex("000100c2")  # of announcements, in every participant
_FAST_DDS = 0x010F
_SILENCE = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class Announcement:
    """What a participant says of itself.

    Attributes:
        identity: of the participant, on all networks.
        vendor: number of the DDS, see `VENDORS`.
        domain: None where it does not tell.
    """

    identity: bytes
    vendor: int
    domain: int | None


@dataclass
class Answers:
    """What came back from an address.

    Attributes:
        by_unicast, by_multicast: of those that were asked each way, by the participant's identity.
        errors: what the network said instead, as numbers of `errno`.
        listening: whether a port was silent beside others that are refused, so that somebody is behind it.
    """

    by_unicast: dict[bytes, Announcement] = field(default_factory=dict)
    by_multicast: dict[bytes, Announcement] = field(default_factory=dict)
    errors: set[int] = field(default_factory=set)
    listening: bool = False

    @property
    def all(self) -> list[Announcement]:
        return list((self.by_unicast | self.by_multicast).values())


def unicast_port(domain: int, participant: int) -> int:
    """Where a participant of a machine, numbered from 0, hears announcements."""
    return 7410 + 250 * domain + 2 * participant


def multicast_port(domain: int) -> int:
    return 7400 + 250 * domain


def own_address(peer: str) -> str:
    """This machine's IPv4 address on the way to another. Raises OSError where there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as towards:
        towards.connect((peer, 7400))
        return str(towards.getsockname()[0])


def interfaces() -> dict[str, str]:
    """IPv4 addresses by the name of their interface, without the loopback's and those that are down."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            flags = _flags(name)
            if not flags & _UP or flags & _LOOPBACK:
                continue
            with contextlib.suppress(OSError):  # it has none
                answer = fcntl.ioctl(asking.fileno(), 0x8915, struct.pack("256s", name[:15].encode()))  # SIOCGIFADDR
                found[name] = socket.inet_ntoa(answer[20:24])
    return found


_UP, _LOOPBACK = 0x1, 0x8


def _flags(name: str) -> int:
    try:
        return int(Path(f"/sys/class/net/{name}/flags").read_text(encoding="ascii"), 16)
    except OSError:
        return 0


def ask(peer: str, domains: Iterable[int], participants: int, seconds: float, own: str, patience: float = 0.0) -> Answers:
    """Ask the participants on one machine, by unicast and by multicast.

    Args:
        peer: IPv4 address.
        domains: that are asked.
        participants: how many of each domain are asked by unicast.
        seconds: to wait for answers, after the last question.
        own: what `own_address` gives for the peer.
        patience: seconds in which the network may refuse a port, for each.

    Raises:
        OSError: nothing can be sent from here.
    """
    found = Answers()
    with _asking(own) as one, _asking(own) as many:
        to_one, to_many = _announcement(one), _announcement(many)
        for domain in domains:
            with contextlib.suppress(OSError):  # of multicast alone: that nobody answers tells as much
                many.sendto(to_many, (_GROUP, multicast_port(domain)))
            # The lowest ports first: a kernel refuses only the first few, and then falls silent.
            said = [_say(to_one, peer, unicast_port(domain, number), patience) for number in range(participants)]
            found.errors.update(filter(None, said))
            found.listening |= errno.ECONNREFUSED in said and 0 in said[: said.index(errno.ECONNREFUSED)]
        for asked, packet, (address, _) in _received([one, many], seconds):
            announced = read(packet)
            if announced is not None and address == peer:
                (found.by_unicast if asked is one else found.by_multicast)[announced.identity] = announced
    return found


def ask_everybody(domains: Iterable[int], seconds: float) -> dict[str, list[Announcement]]:
    """Who answers by multicast on any network of this machine, by address; this machine itself is left out."""
    found: dict[str, dict[bytes, Announcement]] = {}
    with contextlib.ExitStack() as stack:
        own = list(interfaces().values())
        asking = [stack.enter_context(_asking(address)) for address in own]
        packets = [_announcement(sender) for sender in asking]
        for domain in domains:
            for sender, packet in zip(asking, packets, strict=True):
                with contextlib.suppress(OSError):
                    sender.sendto(packet, (_GROUP, multicast_port(domain)))
        for _, packet, (address, _) in _received(asking, seconds):
            announced = read(packet)
            if announced is not None and address not in own:
                found.setdefault(address, {})[announced.identity] = announced
    return {address: list(by_identity.values()) for address, by_identity in found.items()}


def udp_error(peer: str, port: int) -> int:
    """What the network says of a port: ECONNREFUSED where nobody listens, 0 where nothing is said."""
    return _say(b"RTPS", peer, port, 1.0)


def tcp_error(peer: str, port: int, seconds: float = 1.0) -> int:
    """0 where somebody listens; ECONNREFUSED where a machine says that nobody does."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trying:
        trying.settimeout(seconds)
        try:
            return trying.connect_ex((peer, port))
        except TimeoutError:
            return errno.ETIMEDOUT


@contextlib.contextmanager
def _asking(own: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        opened.bind((own, 0))
        yield opened


def _say(packet: bytes, peer: str, port: int, patience: float) -> int:
    """Send from a socket that hears what the network says of it within some seconds: a number of `errno`, 0 for nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as saying:
        saying.settimeout(patience)
        try:
            saying.connect((peer, port))
            saying.send(packet)
            saying.recv(1)
        except (TimeoutError, BlockingIOError):
            return 0
        except OSError as error:
            if error.errno not in _SILENCE:
                raise
            return error.errno or 0
        return 0


def _received(sockets: list[socket.socket], seconds: float) -> Iterator[tuple[socket.socket, bytes, tuple[str, int]]]:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for ready in select.select(sockets, [], [], left)[0]:
            packet, address = ready.recvfrom(65535)
            yield ready, packet, address


def _announcement(hears: socket.socket) -> bytes:
    """Of a participant without topics, which hears answers by a socket."""
    own, port = hears.getsockname()
    identity = struct.pack(">H", _FAST_DDS) + os.urandom(10)
    here = struct.pack("<iI12x", 1, port) + socket.inet_aton(own)
    parameters = [(_PROTOCOL, b"\2\3\0\0"), (_VENDOR, struct.pack(">HH", _FAST_DDS, 0)), (_GUID, identity + b"\0\0\1\xc1"),
                  (_METATRAFFIC, here), (_DEFAULT, here), (_DURATION, struct.pack("<iI", _LEASE, 0)),
                  (_ENDPOINTS, struct.pack("<I", 3)), (_END, b"")]
    listed = b"".join(struct.pack("<HH", number, len(value)) + value for number, value in parameters)
    data = struct.pack("<HH", 0, 16) + bytes.fromhex("000100c7") + _WRITER + struct.pack("<iI", 0, 1) + b"\0\3\0\0" + listed
    return b"RTPS\2\3" + identity[:2] + identity + struct.pack("<BBH", _DATA, _LITTLE | _WITH_DATA, len(data)) + data


def read(packet: bytes) -> Announcement | None:
    """A participant's announcement; None where a packet is anything else, or damaged."""
    if len(packet) < 20 or packet[:4] != b"RTPS":
        return None
    vendor, identity = struct.unpack_from(">H", packet, 6)[0], packet[8:20]
    at = 20
    while at + 4 <= len(packet):
        kind, flags = packet[at], packet[at + 1]
        order = "<" if flags & _LITTLE else ">"
        length = struct.unpack_from(f"{order}H", packet, at + 2)[0] or len(packet) - at - 4
        body = packet[at + 4 : at + 4 + length]
        if kind == _DATA and flags & _WITH_DATA and body[8:12] == _WRITER:
            return Announcement(identity, vendor, None if flags & _INLINE_QOS else _domain(body))
        at += 4 + length
    return None


def _domain(body: bytes) -> int | None:
    """As the parameters say, or the ports."""
    order, at, ports = "<" if body[20:22] == b"\0\3" else ">", 24, []
    while at + 4 <= len(body):
        number, length = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if number == _END:
            break
        if number == _DOMAIN and len(value) >= 4:
            return int(struct.unpack_from(f"{order}I", value)[0])
        if number == _METATRAFFIC and len(value) == 24:
            ports.append(struct.unpack_from(f"{order}iI", value)[1])
        at += 4 + length
    told = [(port - 7400) // 250 for port in ports if 7400 <= port < multicast_port(DOMAINS.stop)]
    return told[0] if told else None
