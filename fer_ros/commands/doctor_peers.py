# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What `fer-ros doctor` says of other machines: whether they are seen, and if not, why."""

from __future__ import annotations

import errno
import os
import re
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from fer_ros import dds
from fer_ros.dds import LOCALHOST_ONLY, PEERS, RANGE, SERVER
from fer_ros.system import announcements
from fer_ros.system.announcements import VENDORS, Announcement, Answers
from fer_ros.words import counted, listed, one_line

OK, NOTE, BAD = "ok", "note", "missing"
Finding = tuple[str, str, str]  # state, what, more

DOMAIN = "ROS_DOMAIN_ID"
_RANGES = ("NOT_SET", "SUBNET", "SYSTEM_DEFAULT", "LOCALHOST", "OFF")
_ZENOH, _SERVER_PORT = 7447, 11811
_PARTICIPANTS = 12  # of one machine and domain that are asked
_NEIGHBOUR = 5.0  # seconds after which the kernel says that nobody has an address
_PATIENCE = 1.5  # seconds; who hears answers at once
_IMAGES = 4 * 2**20  # bytes, as the profiles ask for
_NO_SUCH_RMW = 102  # exit status of rcl
_DISCOVERY = 3.0  # seconds in which topics of other machines are found
_FIREWALL = "UDP 7400 to 65535 must pass both ways (sudo ufw allow from {peer} to any proto udp)"


def of_variables(environment: Mapping[str, str]) -> Iterator[Finding]:
    """What the variables themselves get wrong."""
    domain = environment.get(DOMAIN) or "0"
    if _domain(environment) is None:
        yield BAD, f"{DOMAIN} {domain!r}", "is a number from 0 to 232"
    reach, peers = environment.get(RANGE, ""), environment.get(PEERS, "")
    if environment.get(LOCALHOST_ONLY) == "1" and (reach not in ("", "LOCALHOST") or peers):
        named = " and ".join(name for name in (RANGE, PEERS) if environment.get(name))
        yield NOTE, f"{LOCALHOST_ONLY}=1 keeps to this machine, and ROS then ignores {named}", f"unset {LOCALHOST_ONLY}"
    elif reach and reach not in _RANGES:
        yield NOTE, f"{RANGE}={reach} is none of {', '.join(_RANGES[1:])}", "ROS takes it for LOCALHOST"
    elif reach == "OFF" and peers:
        yield NOTE, f"{RANGE}=OFF reaches nobody, {PEERS} included", f"unset {RANGE}"
    if environment.get("ROS_DISTRO") == "humble" and (reach or peers):
        yield NOTE, f"Humble knows neither {RANGE} nor {PEERS}", f"{LOCALHOST_ONLY}=0 reaches the local network"
    if "," in peers:
        yield NOTE, f"{PEERS}={peers}", "addresses are separated by semicolons"


def of_profile(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the Fast DDS profile in use lets packets out at all."""
    if not dds.uses_fast_dds(environment):
        return
    named = next((Path(environment[name]) for name in dds.PROFILE_VARIABLES if environment.get(name)), None)
    path = named or next((Path(name) for name in dds.FOUND_PROFILES if Path(name).is_file()), None)
    if path is None or (dds.users_profile(environment) is None and named is not None):
        return
    reason = confines(path)
    if reason:
        yield NOTE, f"DDS profile {path} {reason}", "no other machine can be reached with it"


def confines(profile: Path) -> str:
    """Why a Fast DDS profile keeps its process to this machine; empty where it does not."""
    try:
        tree = ElementTree.parse(profile).getroot()
    except (OSError, ElementTree.ParseError):
        return ""
    addresses = [node.text or "" for node in tree.iter() if _tag(node) == "address" or _tag(node) == "interface"]
    kinds = {(node.text or "").strip() for node in tree.iter() if _tag(node) == "type" and node.text}
    builtin = [(node.text or "").strip() for node in tree.iter() if _tag(node) == "useBuiltinTransports"]
    whitelists = [node for node in tree.iter() if _tag(node) in ("interfaceWhiteList", "allowlist")]
    if "false" in builtin and kinds and not any(kind.startswith(("UDP", "TCP")) for kind in kinds):
        return "has shared memory as its only transport"
    if "false" in builtin and whitelists and all(text.strip() in ("127.0.0.1", "lo", "localhost") for text in addresses):
        return "binds UDP to the loopback interface"
    return ""


def _tag(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]


def of_machines(peers: Sequence[str], environment: Mapping[str, str]) -> Iterator[Finding]:
    """All that can be told of other machines.

    Args:
        peers: those that the user asks about.
        environment: with which `fer-ros run` would start.
    """
    yield from of_variables(environment)
    yield from of_profile(environment)
    reaching = not dds.is_local(environment)
    if reaching:
        yield from of_buffers()
        yield from of_server(environment)
    static = [name for name in re.split("[;,]", environment.get(PEERS, "")) if name] if reaching else []
    named = list(dict.fromkeys([*peers, *static]))
    for peer in named:
        yield from of_peer(peer, environment)
    if reaching and not named:
        yield from of_everybody(environment)
    if (reaching or named) and rmw_loads():
        yield from of_types()


def of_buffers(setting: Path = Path("/proc/sys/net/core/rmem_max")) -> Iterator[Finding]:
    """Whether the system lets a socket have the room that an image from another machine takes."""
    try:
        most = int(setting.read_text(encoding="ascii"))
    except (OSError, ValueError):  # in some containers it is hidden
        return
    if most < _IMAGES:
        yield NOTE, f"UDP may buffer {most // 1024} kB: images that come from another machine get lost", (
            f"sudo sysctl -w net.core.rmem_max={_IMAGES}, and in /etc/sysctl.d to keep it")


def of_everybody(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Who answers by multicast."""
    domain = _domain(environment)
    if domain is None or environment.get(SERVER) or not dds_speaks(environment):
        return
    there = announcements.interfaces()
    if not there:
        yield BAD, "no network: no interface but the loopback has an IPv4 address", "ip addr shows them"
        return
    found = announcements.ask_everybody([domain], _PATIENCE)
    for address, answers in sorted(found.items()):
        yield OK, f"{address} answers in domain {domain}", _makers(answers)
    if found:
        return
    others = announcements.ask_everybody(announcements.DOMAINS, _PATIENCE)
    for address, answers in sorted(others.items()):
        yield NOTE, f"{address} answers in {_domains(answers)}, and this shell is in domain {domain}", f"set {DOMAIN} alike"
    if not others:
        yield NOTE, f"no other machine answers on {', '.join(f'{name} ({address})' for name, address in there.items())}", (
            "`fer-ros doctor --peer ADDRESS` says why one does not")


def of_peer(peer: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether a machine is seen, and if not, why."""
    domain = _domain(environment)
    if dds.is_local(environment):
        yield BAD, f"nothing of this machine reaches {peer}: {_keeps(environment)}", (
            f"{RANGE}=SUBNET, or {PEERS}={peer}, here; the same there with this machine's address")
    try:
        address = socket.gethostbyname(peer)
    except (OSError, UnicodeError) as error:
        yield BAD, f"{peer} has no IPv4 address ({_reason(error)})", "name its address, or add it to /etc/hosts"
        return
    told = peer if peer == address else f"{peer} ({address})"
    try:
        own = announcements.own_address(address)
    except OSError as error:
        yield BAD, f"no way to {told} ({_reason(error)})", "ip route shows the ways; is it in the same network?"
        return
    if own == address:
        yield NOTE, f"{told} is this machine", "name the other one"
        return
    if domain is None:
        return
    if environment.get(SERVER):
        yield NOTE, f"whether {told} is seen is up to the discovery server", f"set {SERVER} alike on both"
        return
    if not dds_speaks(environment):
        yield from _of_zenoh(told, address)
        return
    answers = announcements.ask(address, [domain], _PARTICIPANTS, _PATIENCE, own, patience=0.1)
    if answers.all:
        yield from _seen(told, answers, domain, environment)
    else:
        yield from _unseen(told, address, own, domain, answers)


def _seen(told: str, answers: Answers, domain: int, environment: Mapping[str, str]) -> Iterator[Finding]:
    yield OK, f"{told} answers in domain {domain}", _makers(answers.all)
    ours = _vendor(environment)
    others = sorted({VENDORS.get(one.vendor, "another DDS") for one in answers.all} - {ours})
    if ours and others:
        yield NOTE, f"{told} has {listed(others, 3)}, this shell {ours}", (
            "topics pass between them as a rule, services and large images may not: set RMW_IMPLEMENTATION alike")
    if answers.by_multicast:
        yield OK, f"multicast passes to {told}", ""
    elif environment.get(PEERS) or environment.get(SERVER):
        yield NOTE, f"multicast does not pass to {told}", f"it is not needed where {PEERS} names it"
    else:
        yield BAD, f"multicast does not pass to {told}, and by it machines find each other", (
            f"{PEERS}={told.split()[0]} here needs none; Wi-Fi that isolates its clients, VPNs and clouds do not pass it")


def _unseen(told: str, address: str, own: str, domain: int, answers: Answers) -> Iterator[Finding]:
    others = announcements.ask(address, announcements.DOMAINS, 3, _PATIENCE, own)
    elsewhere = [one for one in others.all if one.domain != domain]
    if elsewhere:
        yield BAD, f"{told} is in {_domains(elsewhere)}, and this shell is in domain {domain}", f"set {DOMAIN} alike on both"
    elif announcements.tcp_error(address, _ZENOH) == 0:
        yield BAD, f"{told} has a Zenoh router (port {_ZENOH}) and no DDS in domain {domain}", (
            "set RMW_IMPLEMENTATION alike on both, rmw_zenoh_cpp or rmw_fastrtps_cpp")
    elif answers.listening:
        yield BAD, f"somebody listens at {told} in domain {domain}, and no answer comes back", (
            f"a firewall drops it, here or there: {_FIREWALL.format(peer=address)}")
    elif errno.ECONNREFUSED in answers.errors:
        yield BAD, f"{told} is there, and nobody listens on its network in domain {domain} or any other", (
            f"start the nodes there; a graph that keeps to its machine does not listen: {RANGE}=SUBNET or {PEERS}={own} there")
    elif announcements.tcp_error(address, _ZENOH) == errno.ECONNREFUSED:
        yield BAD, f"{told} is there, and UDP gets no answer: a firewall drops it", _FIREWALL.format(peer=address)
    elif answers.errors & {errno.EACCES, errno.EPERM}:
        yield BAD, f"this machine's own firewall lets nothing out to {told}", _FIREWALL.format(peer=address)
    elif announcements.tcp_error(address, _ZENOH, _NEIGHBOUR) in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        yield BAD, f"no machine answers at {told}", f"is it on, and is that its address? ping {address}"
    else:
        yield BAD, f"{told} is silent: it is off, or a firewall drops what comes", _FIREWALL.format(peer=address)


def _of_zenoh(told: str, address: str) -> Iterator[Finding]:
    error = announcements.tcp_error(address, _ZENOH)
    if error == 0:
        yield OK, f"{told} has a Zenoh router (port {_ZENOH})", ""
    else:
        yield BAD, f"{told} has no Zenoh router on port {_ZENOH} ({os.strerror(error)})", (
            "start rmw_zenohd, of the package rmw_zenoh_cpp, there")


def of_server(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the discovery servers that are named can be reached."""
    for entry in filter(None, (part.strip() for part in environment.get(SERVER, "").split(";"))):
        kind, host, port = server(entry)
        error, how = _tried(kind, host, port)
        if error:
            yield BAD, f"no discovery server at {host}:{port} ({how})", (
                f"fastdds discovery --server-id 0 --port {port}, on the machine that {SERVER} names")
        else:
            yield OK, f"discovery server {host}:{port}", f"{kind}; {how}"


def server(entry: str) -> tuple[str, str, int]:
    """Transport, host and port of one entry of ROS_DISCOVERY_SERVER: 10.0.0.5, 10.0.0.5:11811, TCPv4:[10.0.0.5]:42100."""
    kind = "TCP" if entry.upper().startswith("TCP") else "UDP"
    bracketed = re.fullmatch(r"\w+:\[(.*)\](?::(\d+))?", entry)
    host, _, port = (bracketed[1], "", bracketed[2]) if bracketed else entry.partition(":")
    return kind, host, int(port) if port and port.isdigit() else 42100 if kind == "TCP" else _SERVER_PORT


def _tried(kind: str, host: str, port: int) -> tuple[int, str]:
    """What comes of speaking to a server by TCP or UDP: a number of `errno`, 0 for nothing against it, and in words."""
    ask, good = ((announcements.tcp_error, "it accepts connections") if kind == "TCP" else
                 (announcements.udp_error, "UDP is not refused, which is all that can be told from outside"))
    try:
        error = ask(socket.gethostbyname(host), port)
    except (OSError, UnicodeError) as reason:
        return errno.EADDRNOTAVAIL, _reason(reason)
    return error, os.strerror(error) if error else good


def of_types() -> Iterator[Finding]:
    """Who means something else by a message's name; asked of the graph itself."""
    from fer_ros.commands.visiting import joined

    try:
        with joined() as visitor:
            from fer_ros.ros.type_hashes import differing

            visitor.until(lambda: False, _DISCOVERY)
            found = differing(visitor)
    except Exception as error:  # of rclpy, which raises what the C library says, or is not there; other checks say more
        yield NOTE, f"the graph cannot be joined ({one_line(str(error), 200)})", ""
        return
    for topic, kind, node in found:
        yield BAD, f"{node} has another definition of {kind} on {topic}", (
            "what it sends cannot be read here, or is read wrongly: install the same version of the package on both machines")


@cache
def rmw_loads() -> bool:
    """Whether the middleware that RMW_IMPLEMENTATION names is there: rcl ends the process that imports it without."""
    if not os.environ.get("RMW_IMPLEMENTATION"):
        return True
    tried = subprocess.run([sys.executable, "-c", "import rclpy"], capture_output=True, check=False)
    return tried.returncode != _NO_SUCH_RMW


def dds_speaks(environment: Mapping[str, str]) -> bool:
    """Whether the middleware is one whose participants announce themselves as DDS's do."""
    return "zenoh" not in environment.get("RMW_IMPLEMENTATION", "")


def _vendor(environment: Mapping[str, str]) -> str:
    rmw = environment.get("RMW_IMPLEMENTATION") or "rmw_fastrtps_cpp"
    known = {"rmw_fastrtps": "Fast DDS", "rmw_cyclonedds": "Cyclone DDS", "rmw_connextdds": "RTI Connext"}
    return next((name for start, name in known.items() if rmw.startswith(start)), "")


def _domain(environment: Mapping[str, str]) -> int | None:
    text = environment.get(DOMAIN) or "0"
    return int(text) if text.isascii() and text.isdigit() and int(text) in announcements.DOMAINS else None


def _domains(answers: list[Announcement]) -> str:
    numbers = sorted({str(one.domain) for one in answers if one.domain is not None}, key=int)
    return f"domain {listed(numbers, 5)}" if numbers else "a domain that it does not tell"


def _makers(answers: list[Announcement]) -> str:
    names = sorted({VENDORS.get(one.vendor, "another DDS") for one in answers})
    return f"{counted(len(answers), 'participant')}, {listed(names, 3)}"


def _keeps(environment: Mapping[str, str]) -> str:
    said = [f"{name}={environment[name]}" for name in (LOCALHOST_ONLY, RANGE)
            if environment.get(name) and name not in dds.privacy_environment(os.environ)]
    return f"{' '.join(said)} keeps it to itself" if said else "fer-ros keeps to its machine unless you say otherwise"


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
