# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A camera on one machine, faces and emotions on another: two network namespaces with a cable between them stand for them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer_ros.dds import uses_fast_dds
from fer_ros.resources import executable

pytestmark = [
    pytest.mark.skipif(os.environ.get("ROS_DISTRO") == "humble", reason="Humble knows neither ranges nor peers"),
    pytest.mark.skipif(not uses_fast_dds(os.environ), reason="another RMW finds machines in other ways"),
]
DOMAIN = str(1 + os.getpid() % 90)
OTHER_DOMAIN = str(1 + (os.getpid() + 1) % 90)
SUBNET = {"ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
HERE, THERE = "10.77.0.1", "10.77.0.2"
SERVER = {"ROS_DISCOVERY_SERVER": f"{THERE}:11811"}

LISTENER = """
import json, sys, time
import rclpy
from fer_ros.msg import EmotionArray
from vision_msgs.msg import Detection2DArray

rclpy.init()
node, stamps = rclpy.create_node("listener"), {"faces": {}, "emotions": {}}

def heard(name, message, many):
    stamp = message.header.stamp
    stamps[name][stamp.sec * 10**9 + stamp.nanosec] = many(message)

node.create_subscription(Detection2DArray, "/fer/faces", lambda m: heard("faces", m, lambda m: len(m.detections)), 50)
node.create_subscription(EmotionArray, "/fer/emotions",
                         lambda m: heard("emotions", m, lambda m: [e.label for e in m.emotions]), 50)
end = time.monotonic() + 120
while time.monotonic() < end and min(map(len, stamps.values())) < int(sys.argv[1]):
    rclpy.spin_once(node, timeout_sec=0.2)
print(json.dumps({name: sorted(found.items()) for name, found in stamps.items()}))
"""
IDLE = """
import time
import rclpy
from rclpy.signals import SignalHandlerOptions

rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
node = rclpy.create_node("peer")
print("there", flush=True)
time.sleep(600)
"""
JPEG = """
import sys, time
import cv2, rclpy
from sensor_msgs.msg import CompressedImage
from fer_ros import open_source

rclpy.init()
node = rclpy.create_node("driver")
publisher = node.create_publisher(CompressedImage, "/camera/image_raw/compressed", 5)
while True:
    with open_source("demo") as source:
        for frame in source:
            message = CompressedImage(format="bgr8; jpeg compressed bgr8", data=cv2.imencode(".jpg", frame.image)[1].tobytes())
            message.header.stamp = node.get_clock().now().to_msg()
            message.header.frame_id = "camera_optical_frame"
            publisher.publish(message)
            time.sleep(0.2)
"""


@pytest.fixture
def server(machines):
    """Fast DDS's discovery server on the other machine."""
    program = shutil.which("fast-discovery-server") or Path(sys.executable).with_name("fast-discovery-server")
    folders = {path.parent for name in ("libfastrtps.so*", "libfastdds.so*", "libtinyxml2-*")
               for path in Path(sys.prefix, "lib").rglob(name)}
    environment = machines.environment({"LD_LIBRARY_PATH": ":".join(map(str, folders))}) if folders else None
    try:
        process = subprocess.Popen(machines.command(machines.there, program, "-i", "0", "-l", THERE, "-p", "11811"),
                                   env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as error:
        pytest.skip(f"no fast-discovery-server: {error}")
    if "running" not in (line := process.stdout.readline()):
        process.wait()
        pytest.skip(f"fast-discovery-server does not start: {line.strip()}")
    yield
    process.terminate()
    process.communicate()


WAYS = {
    "multicast": (SUBNET, SUBNET),
    "peers": ({"ROS_STATIC_PEERS": HERE}, {"ROS_STATIC_PEERS": THERE}),
    "one names the other": (SUBNET, {"ROS_STATIC_PEERS": THERE}),
    "server": (SERVER, SERVER),
}


@pytest.mark.parametrize("way", WAYS)
def test_faces_and_emotions_come_of_a_camera_on_another_machine(machines, start, request, tmp_path, way):
    if way == "server":
        request.getfixturevalue("server")
    there, here = ({**variables, "ROS_DOMAIN_ID": DOMAIN} for variables in WAYS[way])
    start(machines.there, there, executable("camera_node"), "--ros-args", "-r", "__ns:=/camera", "-p", "source:=demo",
          "-p", "loop:=true", "-p", "fps:=5.0")
    found = answers(machines, start, here, tmp_path)
    # What is lost of an image on the way is lost as a whole: five a second are no work that would excuse it.
    assert gaps(found["emotions"], 0.2) == []
    assert gaps(found["faces"], 0.2) == []


def test_a_compressed_camera_on_another_machine_is_understood(machines, start, tmp_path):
    from fer_ros.parameters.graph_params import parameters_of

    if "image_transport" not in parameters_of("pipeline_node"):
        pytest.skip("this version takes no compressed images")
    script = tmp_path / "driver.py"
    script.write_text(JPEG)
    start(machines.there, {**SUBNET, "ROS_DOMAIN_ID": DOMAIN}, script)
    answers(machines, start, {**SUBNET, "ROS_DOMAIN_ID": DOMAIN}, tmp_path)


def answers(machines, start, variables: dict[str, str], folder: Path) -> dict[str, list]:
    """Stamps and contents of what a graph on this machine says of the images of the other's camera."""
    run = start(machines.here, variables, executable("fer-ros"), "run", "--image", "/camera/image_raw")
    script = folder / "listener.py"
    script.write_text(LISTENER)
    listener = start(machines.here, variables, script, 25)
    assert listener.wait() == 0, listener.text
    found = json.loads(listener.text.splitlines()[-1])
    assert len(found["emotions"]) >= 25, f"only {found} came; fer-ros run said:\n{run.text}"
    labels = {label for _, faces in found["emotions"] for label in faces}
    assert labels & {"happy", "neutral", "uncertain"}, found["emotions"]
    faces = dict(found["faces"])
    assert all(len(labels) == faces[stamp] for stamp, labels in found["emotions"] if stamp in faces)
    return found


def gaps(answers: list, period: float) -> list[float]:
    """Times between two answers in which an image is missing, in seconds; the first ones, when all join, do not count."""
    stamps = [stamp for stamp, _ in answers][5:]
    return [(b - a) / 1e9 for a, b in itertools.pairwise(stamps) if (b - a) / 1e9 > 1.5 * period]


def doctor(machines, start, variables: dict[str, str], *arguments: str) -> str:
    command = start(machines.here, {"ROS_DOMAIN_ID": DOMAIN, **variables}, executable("fer-ros"), "doctor", *arguments)
    command.wait()
    return command.text


def test_doctor_says_that_a_machine_is_seen(machines, start):
    peer = start(machines.there, {**SUBNET, "ROS_DOMAIN_ID": DOMAIN}, "-c", IDLE)
    peer.wait_for(lambda: "there" in peer.text, "the other machine's node")
    for said in (doctor(machines, start, SUBNET), doctor(machines, start, SUBNET, "--peer", THERE),
                 doctor(machines, start, {"ROS_STATIC_PEERS": THERE})):
        assert f"ok      {THERE} answers in domain {DOMAIN} 1 participant, Fast DDS" in said
        assert not any(line.startswith("missing") and THERE in line for line in said.splitlines())


UDP = ("dst", "0.0.0.0/0", "proto", "udp")
REASONS = {
    "another domain": ({"ROS_DOMAIN_ID": OTHER_DOMAIN}, None, (), f"{THERE} is in domain {DOMAIN}, and this shell is in "),
    "multicast": ({}, "there", ("dst", "239.255.0.1/32"), f"multicast does not pass to {THERE}, and by it machines find each"),
    "its firewall": ({}, "there", UDP, f"{THERE} is there, and UDP gets no answer: a firewall drops it"),
    "our firewall": ({}, "here", UDP, f"somebody listens at {THERE} in domain {DOMAIN}, and no answer comes back"),
    "everything": ({}, "there", ("dst", "0.0.0.0/0"), f"{THERE} is silent: it is off, or a firewall drops what comes"),
    "this machine alone": ({"ROS_AUTOMATIC_DISCOVERY_RANGE": ""}, None, (),
                           f"nothing of this machine reaches {THERE}: fer-ros keeps to its machine unless you say otherwise"),
    "localhost only": ({"ROS_LOCALHOST_ONLY": "1"}, None, (), f"{THERE}: ROS_LOCALHOST_ONLY=1 ROS_AUTOMATIC_DISCOVERY_RANGE="),
    "no server": ({"ROS_DISCOVERY_SERVER": f"{THERE}:11811"}, None, (), f"no discovery server at {THERE}:11811 (Conn"),
}


ASK = """
import os, sys
from fer_ros import dds
from fer_ros.commands.doctor_peers import of_peer, of_server, of_variables

environment = {**os.environ, **dds.privacy_environment(os.environ)}
for check in of_variables(environment), of_server(environment), of_peer(sys.argv[1], environment):
    for state, what, more in check:
        print(f"{state:8}{what} {more}")
"""


def test_doctor_says_why_a_machine_is_not_seen(machines, start):
    peer = start(machines.there, {**SUBNET, "ROS_DOMAIN_ID": DOMAIN}, "-c", IDLE)
    peer.wait_for(lambda: "there" in peer.text, "the other machine's node")
    said = {}
    for reason, (variables, blocking, what, words) in REASONS.items():
        for machine in (machines.here, machines.there):
            machines.block(machine, *(what if blocking == {machines.here: "here", machines.there: "there"}[machine] else ()))
        command = start(machines.here, {"ROS_DOMAIN_ID": DOMAIN, **SUBNET, **variables}, "-c", ASK, THERE)
        command.wait()
        lines = command.text.splitlines()
        said[reason] = [line for line in lines if line.startswith("missing") and words in line] or command.text
    assert {reason: lines for reason, lines in said.items() if isinstance(lines, str)} == {}


def test_doctor_says_that_nobody_is_there(machines, start):
    told = doctor(machines, start, SUBNET, "--peer", THERE, "--peer", "10.77.0.9", "--peer", "10.99.0.1")
    assert f"missing {THERE} is there, and nobody listens on its network in domain {DOMAIN} or any other" in told
    assert "missing no machine answers at 10.77.0.9" in told
    assert "missing no way to 10.99.0.1 (Network is unreachable)" in told


def test_doctor_finds_a_zenoh_router_where_this_shell_has_dds(machines, start):
    router = start(machines.there, {}, "-c", "import socket, time; s = socket.create_server(('', 7447)); "
                   "print('there', flush=True); time.sleep(600)")
    router.wait_for(lambda: "there" in router.text, "the port of a router")
    assert f"missing {THERE} has a Zenoh router (port 7447) and no DDS" in doctor(machines, start, SUBNET, "--peer", THERE)
    rmw = {**SUBNET, "RMW_IMPLEMENTATION": "rmw_zenoh_cpp"}
    told = doctor(machines, start, rmw, "--peer", THERE)
    assert f"ok      {THERE} has a Zenoh router (port 7447)" in told
    # rcl ends every process that loads it then, and doctor is there to say so.
    if not any(Path(prefix, "lib", "librmw_zenoh_cpp.so").exists()
               for prefix in (sys.prefix, *os.environ.get("AMENT_PREFIX_PATH", "").split(":"))):
        assert "missing RMW_IMPLEMENTATION=rmw_zenoh_cpp is not installed" in told


def test_doctor_finds_another_definition_of_a_message(machines, start, tmp_path):
    """A graph of another version there: the same names, other fields."""
    share = Path(sys.prefix) / "share" / "fer_ros" / "msg" / "EmotionArray.json"
    if not share.is_file():
        pytest.skip("this installation does not say the hashes of its types")
    start(machines.there, {**SUBNET, "ROS_DOMAIN_ID": DOMAIN}, executable("emotion_node"))
    deadline = time.monotonic() + 120
    # The same installation is on both machines: here its own hash is made another one.
    changed = tmp_path / "doctor.py"
    changed.write_text("from fer_ros.ros import type_hashes\n"
                       "own = type_hashes.installed\n"
                       "type_hashes.installed = lambda name: own(name)[:-4] + '0000' if 'Emotion' in name else own(name)\n"
                       "import sys\nfrom fer_ros.cli import main\nsys.exit(main(sys.argv[1:]))\n")
    while True:
        told = start(machines.here, {**SUBNET, "ROS_DOMAIN_ID": DOMAIN}, changed, "doctor", "--peer", THERE)
        told.wait()
        wanted = "/emotion_node has another definition of fer_ros/msg/EmotionArray on /emotions"
        if wanted in told.text or time.monotonic() > deadline:
            break
    assert f"missing {wanted}" in told.text
    assert "std_msgs" not in told.text.partition("has another definition")[2]
