# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How far a graph reaches: two network namespaces with a cable between them stand for two machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_ros.dds import uses_fast_dds
from fer_ros.resources import executable

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


@pytest.fixture
def heard_there(machines, tmp_path) -> Callable[..., dict[str, tuple[list[str], int, int]]]:
    """What a peer on the second machine, which names the first one, finds: nodes, messages, and packets on the cable."""

    def listen(domains: dict[str, int], wanted: list[str], seconds: float = 60) -> dict[str, tuple[list[str], int, int]]:
        script = tmp_path / "listener.py"
        script.write_text(LISTENER)
        environment = machines.environment({"ROS_STATIC_PEERS": machines.OURS})
        command = machines.command(machines.there, sys.executable, script, json.dumps(domains), json.dumps(wanted), seconds,
                                   machines.OURS)
        done = subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True)
        return {name: tuple(found) for name, found in json.loads(done.stdout).items()}

    return listen


def has_joined(process, domain: int) -> bool:
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
    "a peer": ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": "10.77.0.2"}, ("emotion_node",)),
}


@pytest.mark.skipif(os.environ.get("ROS_DISTRO") == "humble", reason="Humble knows neither ranges nor peers")
@pytest.mark.skipif(not uses_fast_dds(os.environ), reason="another RMW decides for itself how far topics reach")
def test_nothing_leaves_this_machine_unless_it_is_asked_for(machines, start, heard_there):
    first = 1 + os.getpid() % 80
    domains = {name: first + number for number, name in enumerate({**LOCAL, **WIDER})}
    for name, (variables, (command, *arguments)) in {**LOCAL, **WIDER}.items():
        process = start(machines.here, {**variables, "ROS_DOMAIN_ID": str(domains[name])}, executable(command), *arguments)
        process.wait_for(lambda p=process, d=domains[name]: has_joined(p, d), f"{name} to join the domain {domains[name]}")
        if name == "run":
            process.wait_for(lambda p=process: "face" in p.text, "a face")
    found = heard_there(domains, list(WIDER))
    assert {name: found[name] for name in LOCAL} == dict.fromkeys(LOCAL, ([], 0, 0))
    for name in WIDER:
        assert found[name][1] > 0, f"nobody hears {name}: {found[name]}"
