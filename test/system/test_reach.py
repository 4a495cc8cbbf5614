"""How far a graph reaches: two network namespaces with a cable between them stand for two machines."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_ros.dds import uses_fast_dds
from fer_ros.resources import executable

OURS, THEIRS = "10.77.0.1", "10.77.0.2"
SAID = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER",
        "FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")
LISTENER = """
import json, socket, struct, sys, threading, time
import rclpy
from rclpy.executors import SingleThreadedExecutor
from diagnostic_msgs.msg import DiagnosticArray

domains, wanted, seconds = json.loads(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
packets, ended = {name: 0 for name in domains}, False

def watch():
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    cable.settimeout(0.2)
    while not ended:
        try:
            packet, (device, *_) = cable.recvfrom(2048)
        except TimeoutError:
            continue
        first = not struct.unpack_from("!H", packet, 6)[0] & 0x1FFF  # later fragments of a datagram have no port in them
        if (device == "fer0" and first and packet[9] == socket.IPPROTO_UDP
                and socket.inet_ntoa(packet[12:16]) == sys.argv[4]):
            port = struct.unpack_from("!H", packet, 4 * (packet[0] & 15) + 2)[0]
            for name, domain in domains.items():
                packets[name] += (port - 7400) // 250 == domain

watcher = threading.Thread(target=watch)
watcher.start()
nodes, heard = {}, {name: 0 for name in domains}
for name, domain in domains.items():
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    node, executor = rclpy.create_node("listener", context=context), SingleThreadedExecutor(context=context)
    def count(message, name=name):
        heard[name] += 1
    node.create_subscription(DiagnosticArray, "/diagnostics", count, 10)
    executor.add_node(node)
    nodes[name] = node, executor
end, settled = time.monotonic() + seconds, False
while time.monotonic() < end:
    for _, executor in nodes.values():
        executor.spin_once(timeout_sec=0.02)
    if not settled and all(heard[name] for name in wanted):
        settled, end = True, time.monotonic() + 6  # time for what must not come
ended = True
watcher.join()
print(json.dumps({name: [sorted(set(node.get_node_names()) - {"listener"}), heard[name], packets[name]]
                  for name, (node, _) in nodes.items()}))
"""


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


class Machines:
    """Two network namespaces. A process in one has no shared memory in common with one in the other."""

    def __init__(self, name: str):
        self.here, self.there = f"{name}a", f"{name}b"

    def connect(self) -> None:
        for name in (self.here, self.there):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("link", "add", "fer0", "netns", self.here, "type", "veth", "peer", "name", "fer0", "netns", self.there)
        for name, address in ((self.here, OURS), (self.there, THEIRS)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "fer0")
            ip("-n", name, "link", "set", "fer0", "up")

    def command(self, name: str, *command: object) -> list[str]:
        """A command as it runs on one of the machines."""
        own_memory = 'mount -t tmpfs tmpfs /dev/shm && exec "$@"'
        return ["ip", "netns", "exec", name, "unshare", "-m", "sh", "-c", own_memory, "sh", *map(str, command)]

    def close(self) -> None:
        for name in (self.here, self.there):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@pytest.fixture
def machines() -> Iterator[Machines]:
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        pytest.skip("network namespaces need root, iproute2 and util-linux")
    made = Machines(f"fer{os.getpid()}")
    try:
        try:
            made.connect()
            subprocess.run(made.command(made.here, "true"), check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be made here: {error.stderr.strip()}")
        yield made
    finally:
        made.close()


@pytest.fixture
def start(machines, tmp_path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Starts a command of fer_ros on the first machine, with no more said than the variables given."""
    started: list[subprocess.Popen] = []

    def begin(variables: dict[str, str], *command: object) -> subprocess.Popen:
        environment = {name: value for name, value in os.environ.items() if name not in SAID} | variables
        output = tmp_path / f"output-{len(started)}.txt"
        with output.open("w") as file:
            process = subprocess.Popen(machines.command(machines.here, *command), env=environment, cwd=tmp_path, stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        process.output = output
        started.append(process)
        return process

    yield begin
    for process in started:
        process.terminate()
    for process in started:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def heard_there(machines, tmp_path) -> Callable[..., dict[str, tuple[list[str], int, int]]]:
    """What a peer on the second machine, which names the first one, finds: nodes, messages, and packets on the cable."""

    def listen(domains: dict[str, int], wanted: list[str], seconds: float = 60) -> dict[str, tuple[list[str], int, int]]:
        script = tmp_path / "listener.py"
        script.write_text(LISTENER)
        environment = {name: value for name, value in os.environ.items() if name not in SAID} | {"ROS_STATIC_PEERS": OURS}
        command = machines.command(machines.there, sys.executable, script, json.dumps(domains), json.dumps(wanted), seconds,
                                   OURS)
        done = subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True)
        return {name: tuple(found) for name, found in json.loads(done.stdout).items()}

    return listen


def wait_for(condition: Callable[[], object], what: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline or process.poll() is not None:
            pytest.fail(f"waited in vain for {what}; it printed:\n{process.output.read_text()}")
        time.sleep(0.1)


def has_joined(process: subprocess.Popen, domain: int) -> bool:
    """Whether a process in the network namespace of this one listens in a domain."""
    ports = range(7410 + 250 * domain, 7650 + 250 * domain)
    rows = Path(f"/proc/{process.pid}/net/udp").read_text().splitlines()[1:]
    return any(int(row.split()[1].rpartition(":")[2], 16) in ports for row in rows)


LOCAL = {
    "run": ({}, ("fer-ros", "run", "--source", "demo", "--loop")),
    "record": ({}, ("fer-ros", "record", "-o", "bag")),
    "LOCALHOST": ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, ("pipeline_node",)),
    "LOCALHOST_ONLY": ({"ROS_LOCALHOST_ONLY": "1"}, ("face_detector_node",)),
    "misspelt": ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "localhost"}, ("emotion_node",)),
}
WIDER = {
    "SUBNET": ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, ("emotion_node",)),
    "SYSTEM_DEFAULT": ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "SYSTEM_DEFAULT"}, ("emotion_node",)),
    "a peer": ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": THEIRS}, ("emotion_node",)),
}


@pytest.mark.skipif(os.environ.get("ROS_DISTRO") == "humble", reason="Humble knows neither ranges nor peers")
@pytest.mark.skipif(not uses_fast_dds(os.environ), reason="another RMW decides for itself how far topics reach")
def test_nothing_leaves_this_machine_unless_it_is_asked_for(start, heard_there):
    first = 1 + os.getpid() % 80
    domains = {name: first + number for number, name in enumerate({**LOCAL, **WIDER})}
    for name, (variables, (command, *arguments)) in {**LOCAL, **WIDER}.items():
        process = start({**variables, "ROS_DOMAIN_ID": str(domains[name])}, sys.executable, executable(command), *arguments)
        wait_for(lambda p=process, d=domains[name]: has_joined(p, d), f"{name} to join the domain {domains[name]}", process)
        if name == "run":
            wait_for(lambda p=process: "face" in p.output.read_text(), "a face", process)
    found = heard_there(domains, list(WIDER))
    assert {name: found[name] for name in LOCAL} == dict.fromkeys(LOCAL, ([], 0, 0))
    for name in WIDER:
        assert found[name][1] > 0, f"nobody hears {name}: {found[name]}"
