# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""DDS participants are asked who they are, by sockets alone."""

from __future__ import annotations

import random
import socket
import struct
import threading

import pytest

from fer_ros.system import announcements
from fer_ros.system.announcements import Announcement, ask, read, tcp_error, udp_error

# What a participant of Fast DDS 2.14 in domain 160 says of itself: header, INFO_DST, DATA with parameters in no order of ours.
PREFIX = bytes.fromhex("010f78fdb3100cf400000000")


def announcement(vendor: bytes = b"\x01\x0f", domain: int | None = 160, order: str = "<", port: int = 47410) -> bytes:
    def parameter(number: int, value: bytes) -> bytes:
        return struct.pack(f"{order}HH", number, len(value)) + value

    listed = parameter(0x62, b"\x06\0\0\0peer\0\0\0\0") + parameter(
        0x32, struct.pack(f"{order}iI12x", 1, port) + socket.inet_aton("10.0.0.5"))
    if domain is not None:
        listed += parameter(0x0F, struct.pack(f"{order}I", domain))
    body = (bytes(2) + struct.pack(f"{order}H", 16) + bytes.fromhex("000100c7000100c2") + bytes(8)
            + (b"\0\3" if order == "<" else b"\0\2") + bytes(2) + listed + parameter(1, b""))
    little = order == "<"
    return (b"RTPS\x02\x02" + vendor + PREFIX + struct.pack(f"{order}BBH", 0x0E, little, 12) + bytes(12)
            + struct.pack(f"{order}BBH", 0x15, 4 | little, len(body)) + body)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_participant_says_its_domain_and_its_maker(order):
    assert read(announcement(order=order)) == Announcement(PREFIX, 0x010F, 160)
    assert read(announcement(b"\x01\x10", None, order)) == Announcement(PREFIX, 0x0110, 160)  # by its port
    assert read(announcement(domain=None, port=9)) == Announcement(PREFIX, 0x010F, None)


def test_what_is_no_announcement_is_none_and_nothing_is_raised():
    whole, chance = announcement(), random.Random(1)
    assert read(b"") is None and read(b"hello") is None and read(whole[:20]) is None
    for length in range(len(whole)):
        read(whole[:length])
    for _ in range(2000):
        broken = bytearray(whole)
        broken[chance.randrange(20, len(whole))] = chance.randrange(256)
        read(bytes(broken))


def test_a_participant_that_is_asked_answers(monkeypatch):
    """The question is itself an announcement, with a place for the answer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        monkeypatch.setattr(announcements, "unicast_port", lambda domain, number: peer.getsockname()[1])
        asked = []

        def answer() -> None:
            question = peer.recv(65535)
            asked.append(read(question))
            at = question.index(struct.pack("<HH", 0x32, 24))
            port = struct.unpack_from("<I", question, at + 8)[0]
            peer.sendto(announcement(), (socket.inet_ntoa(question[at + 24 : at + 28]), port))

        answering = threading.Thread(target=answer)
        answering.start()
        found = ask("127.0.0.1", [160], 1, 2.0, "127.0.0.1")
        answering.join()
    assert asked != [None]
    assert found.by_unicast == {PREFIX: Announcement(PREFIX, 0x010F, 160)}
    assert found.errors == set()


def test_a_port_at_which_nobody_listens_is_told_from_one_that_is_silent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, socket.create_server(("127.0.0.1", 0)) as server:
        silent.bind(("127.0.0.1", 0))
        assert udp_error("127.0.0.1", silent.getsockname()[1]) == 0
        assert tcp_error("127.0.0.1", server.getsockname()[1]) == 0
        ports = silent.getsockname()[1], server.getsockname()[1]
    assert udp_error("127.0.0.1", ports[0]) == 111
    assert tcp_error("127.0.0.1", ports[1]) == 111
