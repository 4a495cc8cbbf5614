# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What variables and files alone let `fer-ros doctor` say of other machines; test/system/test_two_machines.py has the rest."""

from __future__ import annotations

import socket

import pytest

from fer_ros import dds
from fer_ros.commands.doctor_peers import BAD, OK, confines, of_buffers, of_server, of_variables, server


@pytest.mark.parametrize(("variables", "words"), [
    ({"ROS_DOMAIN_ID": "300"}, "ROS_DOMAIN_ID '300' is a number from 0 to 232"),
    ({"ROS_DOMAIN_ID": "seven"}, "ROS_DOMAIN_ID 'seven' is a number from 0 to 232"),
    ({"ROS_LOCALHOST_ONLY": "1", "ROS_STATIC_PEERS": "10.0.0.5"}, "ROS then ignores ROS_STATIC_PEERS"),
    ({"ROS_LOCALHOST_ONLY": "1", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}, "ignores ROS_AUTOMATIC_DISCOVERY_RANGE"),
    ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "subnet"}, "ROS_AUTOMATIC_DISCOVERY_RANGE=subnet is none of SUBNET"),
    ({"ROS_AUTOMATIC_DISCOVERY_RANGE": "OFF", "ROS_STATIC_PEERS": "10.0.0.5"}, "OFF reaches nobody, ROS_STATIC_PEERS"),
    ({"ROS_DISTRO": "humble", "ROS_STATIC_PEERS": "10.0.0.5"}, "Humble knows neither"),
    ({"ROS_STATIC_PEERS": "10.0.0.5,10.0.0.6"}, "separated by semicolons"),
])
def test_variables_that_work_against_their_user_are_named(variables, words):
    assert [words in f"{what} {more}" for _, what, more in of_variables(variables)] == [True]


@pytest.mark.parametrize("variables", [
    {}, {"ROS_DOMAIN_ID": "7", "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET", "ROS_STATIC_PEERS": "10.0.0.5;robot"},
    {"ROS_LOCALHOST_ONLY": "1"}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, {"ROS_LOCALHOST_ONLY": "0"},
])
def test_variables_that_fit_need_no_word(variables):
    assert list(of_variables(variables)) == []


def test_a_profile_that_lets_nothing_out_is_found(tmp_path):
    for variable in dds.PROFILE_VARIABLES:
        for images in (True, False):
            assert confines(dds.profile(variable, local=True, images=images)) == "binds UDP to the loopback interface"
            assert confines(dds.profile(variable, local=False, images=images)) == ""
    memory = tmp_path / "memory.xml"
    memory.write_text("<dds><profiles><transport_descriptors><transport_descriptor><transport_id>a</transport_id><type>SHM</type>"
                      "</transport_descriptor></transport_descriptors><participant><rtps><useBuiltinTransports>false"
                      "</useBuiltinTransports></rtps></participant></profiles></dds>")
    assert confines(memory) == "has shared memory as its only transport"
    memory.write_text("no XML")
    assert confines(memory) == confines(tmp_path / "none.xml") == ""


@pytest.mark.parametrize(("entry", "made"), [
    ("10.0.0.5", ("UDP", "10.0.0.5", 11811)), ("10.0.0.5:11888", ("UDP", "10.0.0.5", 11888)),
    ("robot", ("UDP", "robot", 11811)), ("TCPv4:[10.0.0.5]:42101", ("TCP", "10.0.0.5", 42101)),
    ("TCPv4:[10.0.0.5]", ("TCP", "10.0.0.5", 42100)), ("UDPv4:[10.0.0.5]:9", ("UDP", "10.0.0.5", 9)),
])
def test_a_discovery_server_is_read_as_fast_dds_reads_it(entry, made):
    assert server(entry) == made


def test_a_discovery_server_is_tried_by_the_transport_that_it_is_named_with():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        for kind, state, words in (("TCPv4", OK, "TCP; it accepts connections"), ("UDPv4", BAD, "(Connection refused)")):
            [(found, what, more)] = of_server({dds.SERVER: f"{kind}:[127.0.0.1]:{port}"})
            assert found == state and words in f"{what} {more}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        for kind, state, words in (("TCPv4", BAD, "(Connection refused)"), ("UDPv4", OK, "UDP; UDP is not refused")):
            [(found, what, more)] = of_server({dds.SERVER: f"{kind}:[127.0.0.1]:{port}"})
            assert found == state and words in f"{what} {more}"
    [(found, what, _)] = of_server({dds.SERVER: "TCPv4:[..]:1"})
    assert found == BAD and "no discovery server at ..:1" in what


def test_too_small_a_buffer_for_images_is_told(tmp_path):
    setting = tmp_path / "rmem_max"
    setting.write_text("212992\n")
    [(_, what, more)] = of_buffers(setting)
    assert "208 kB" in what and "net.core.rmem_max=4194304" in more
    setting.write_text("4194304\n")
    assert list(of_buffers(setting)) == list(of_buffers(tmp_path / "none")) == []
