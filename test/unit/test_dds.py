# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A process joins a graph that reaches as far as its user says, and gives back what dead processes have left."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections import namedtuple
from pathlib import Path

import pytest

from fer_ros import dds
from fer_ros.dds import (
    PROFILE_VARIABLES,
    dds_environment,
    dead_memory,
    free_dead_segments,
    is_local,
    prepare,
    privacy_environment,
    profile,
    profile_variable,
    shared_memory_problems,
    uses_fast_dds,
)
from fer_ros.resources import share_directory

RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"
LOCAL = [{RANGE: "LOCALHOST"}, {RANGE: "OFF"}, {RANGE: "localhost"}, {"ROS_LOCALHOST_ONLY": "1"},
         {RANGE: "OFF", "ROS_STATIC_PEERS": "a"},
         {"ROS_LOCALHOST_ONLY": "1", RANGE: "SUBNET"}, {"ROS_LOCALHOST_ONLY": "1", "ROS_STATIC_PEERS": "10.0.0.5"}]
WIDER = [{}, {RANGE: "SUBNET"}, {RANGE: "SYSTEM_DEFAULT"}, {"ROS_LOCALHOST_ONLY": "0"}, {"ROS_STATIC_PEERS": "10.0.0.5"},
         {RANGE: "LOCALHOST", "ROS_STATIC_PEERS": "10.0.0.5"}, {RANGE: "LOCALHOST", "ROS_DISCOVERY_SERVER": "10.0.0.5"},
         {RANGE: ""}, {"ROS_LOCALHOST_ONLY": ""}]


PUBLISHED = [(True, False), (True, True), (False, False)]
"""Whether a process publishes images, and whether they are small."""
SEGMENTS = {(True, False): dds.IMAGE_SEGMENT, (True, True): dds.SMALL_IMAGE_SEGMENT, (False, False): dds.SMALL_SEGMENT}


def files_of(environment: dict[str, str], images: bool, small: bool = False) -> list[Path]:
    """The profiles that Fast DDS 3 and 2 read."""
    made = {**environment, **dds_environment(environment, images=images, small=small)}
    return [Path(made[name]) for name in PROFILE_VARIABLES]


def profiles(*, local: bool, images: bool, small: bool = False) -> list[Path]:
    """Ours for Fast DDS 3 and 2."""
    return [profile(name, local=local, images=images, small=small) for name in PROFILE_VARIABLES]


def addresses(files: list[Path]) -> list[str]:
    """To which profiles bind UDP, each alike; empty for all."""
    first, second = ([node.text for node in ElementTree.parse(file).getroot().iter() if node.tag.endswith("}address")]
                     for file in files)
    assert first == second
    return first


def test_a_run_stays_on_this_machine_unless_the_user_says_otherwise():
    assert privacy_environment({}) == {RANGE: "LOCALHOST"}
    assert privacy_environment({"ROS_DISTRO": "humble"}) == {"ROS_LOCALHOST_ONLY": "1"}
    for name in (RANGE, "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "ROS_DISCOVERY_SERVER"):
        assert privacy_environment({name: "x"}) == {}


@pytest.fixture(autouse=True)
def _beside_fast_dds_2(monkeypatch, request):
    """Most tests are of an installation with Fast DDS 2, also where 3 is installed."""
    if "fast_dds_3" not in request.node.name:
        monkeypatch.setattr(dds, "_has_fast_dds_3", lambda environment: False)


@pytest.mark.parametrize("distro", ["", "humble", "jazzy", "kilted"])
@pytest.mark.parametrize("said", [*LOCAL, *WIDER], ids=str)
@pytest.mark.parametrize(("images", "small"), PUBLISHED)
def test_what_asks_for_this_machine_alone_binds_udp_to_it(said, images, small, distro):
    environment = {**said, "ROS_DISTRO": distro}
    made = {**environment, **dds_environment(environment, images=images, small=small)}
    local = said in LOCAL
    assert is_local(environment) == local
    assert addresses(files_of(environment, images, small)) == (["127.0.0.1"] if local else [])
    # Humble knows no range: the variable that it knows says the same.
    assert (made.get("ROS_LOCALHOST_ONLY") == "1") == (said.get("ROS_LOCALHOST_ONLY") == "1" or (local and distro == "humble"))


@pytest.mark.parametrize("distro", ["", "humble", "kilted"])
def test_the_default_of_a_run_binds_udp_to_this_machine(distro):
    environment = {"ROS_DISTRO": distro}
    assert addresses(files_of({**environment, **privacy_environment(environment)}, True)) == ["127.0.0.1"]


def test_a_process_chooses_anew_what_its_parent_chose_for_itself():
    parent = {RANGE: "LOCALHOST"}
    prepare(parent, images=False)
    assert files_of(parent, True) == profiles(local=True, images=True)
    prepare(parent, images=True, small=True)
    assert files_of(parent, True, True) == profiles(local=True, images=True, small=True)
    assert files_of(parent, True) == profiles(local=True, images=True)
    # so, too, where fer_ros's own profile for a camera driver is exported for the whole shell
    driver = profile(PROFILE_VARIABLES[1], local=False, images=True)
    for file in (driver, driver.with_name("fastdds.xml")):
        assert file.is_file()
        assert files_of({RANGE: "LOCALHOST", PROFILE_VARIABLES[1]: str(file)}, True) == profiles(local=True, images=True)


def test_fast_dds_3_is_not_given_a_profile_for_fast_dds_2(tmp_path):
    """It reads both variables, and writes errors of what it does not know any more."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libfastdds.so").touch()
    kilted = {"AMENT_PREFIX_PATH": f"/nowhere:{tmp_path}"}
    new = profile(PROFILE_VARIABLES[0], local=False, images=True)
    assert dds_environment(kilted, images=True) == {PROFILE_VARIABLES[0]: str(new)}
    old = {**kilted, PROFILE_VARIABLES[1]: str(profile(PROFILE_VARIABLES[1], local=False, images=True))}
    assert dds_environment(old, images=True) == dict.fromkeys(PROFILE_VARIABLES, str(new))
    own = {**kilted, PROFILE_VARIABLES[1]: "/etc/mine.xml"}
    assert dds_environment(own, images=True) == {PROFILE_VARIABLES[0]: "/etc/mine.xml"}
    # a workspace on PyPI's wheels: only where libraries are looked for tells
    wheels = {"AMENT_PREFIX_PATH": "/nowhere", "LD_LIBRARY_PATH": f"/nowhere/lib:{tmp_path / 'lib'}"}
    assert dds_environment(wheels, images=True) == {PROFILE_VARIABLES[0]: str(new)}
    assert profile_variable(wheels) == profile_variable(kilted) == PROFILE_VARIABLES[0]


@pytest.mark.parametrize("variable", PROFILE_VARIABLES)
def test_the_users_own_profile_wins_in_every_fast_dds(variable):
    assert files_of({variable: "/etc/mine.xml", RANGE: "LOCALHOST"}, True) == 2 * [Path("/etc/mine.xml")]
    both = {PROFILE_VARIABLES[0]: "/etc/a.xml", PROFILE_VARIABLES[1]: "/etc/b.xml"}
    assert dds_environment(both, images=True) == {}
    assert files_of({variable: ""}, True) == profiles(local=False, images=True)


@pytest.mark.parametrize("variable", PROFILE_VARIABLES)
def test_the_profiles_differ_in_reach_and_in_memory_alone(variable):
    shapes = set()
    for local in (True, False):
        for (images, small), size in SEGMENTS.items():
            root = ElementTree.parse(profile(variable, local=local, images=images, small=small)).getroot()
            assert [int(node.text) for node in root.iter() if node.tag.endswith("}segment_size")] == [size]
            shapes.add(tuple((node.tag, (node.text or "").strip()) for node in root.iter() if not node.tag.endswith(
                ("}segment_size", "}maxMessageSize", "}interfaceWhiteList", "}address"))))
    assert len(shapes) == 1


def test_processes_that_start_together_tell_it_until_they_have_found_each_other():
    files = [file for local in (True, False) for images, small in PUBLISHED
             for file in profiles(local=local, images=images, small=small)]
    for file in (*files, files[0].with_name("fastdds.xml")):
        told = ElementTree.parse(file).getroot().find(".//{*}discovery_config/{*}initialAnnouncements")
        seconds = int(told.find("{*}period/{*}sec").text) + 1e-9 * int(told.find("{*}period/{*}nanosec").text)
        assert seconds <= 0.1 and int(told.find("{*}count").text) * seconds >= 3.0, file.name


@pytest.mark.parametrize("variable", PROFILE_VARIABLES)
@pytest.mark.parametrize(("images", "small"), PUBLISHED)
def test_an_image_that_comes_from_another_machine_finds_room(variable, images, small):
    for file in (profile(variable, local=False, images=images, small=small), share_directory() / "config" / "fastdds.xml"):
        root = ElementTree.parse(file).getroot()
        room = [int(node.text) for node in root.iter() if node.tag.endswith(("}receiveBufferSize", "}sendBufferSize"))]
        assert len(room) == 2
        assert min(room) >= 4 * 640 * 480 * 3


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize(("images", "small"), PUBLISHED)
def test_the_two_fast_dds_are_told_the_same_each_in_its_words(local, images, small):
    third, second = (file.read_text() for file in profiles(local=local, images=images, small=small))
    assert third[third.index("<dds"):] == second[second.index("<dds"):].replace("heartbeatPeriod", "heartbeat_period")
    assert second.count("heartbeatPeriod") == 2
    # A driver's, which either must understand, says nothing of it.
    driver = profile(PROFILE_VARIABLES[1], local=False, images=True)
    general = driver.with_name("fastdds.xml").read_text()
    assert "heartbeat" not in general[general.index("<dds"):]


def test_another_middleware_is_none_of_ours():
    assert uses_fast_dds({}) and uses_fast_dds({"RMW_IMPLEMENTATION": "rmw_fastrtps_dynamic_cpp"})
    assert not uses_fast_dds({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"})


# Shared memory. A segment is a file, and a lock file beside it that its process has locked.


def segment(folder: Path, name: str, age: float = 60.0) -> Path:
    made = folder / name
    made.write_bytes(bytes(1000))
    lock = folder / f"{name}_el"
    lock.touch()
    os.utime(lock, (time.time() - age,) * 2)
    return made


def test_what_dead_processes_left_is_given_back(tmp_path):
    for name in ("fastrtps_0123456789abcdef", "fastdds_fedcba9876543210"):
        segment(tmp_path, name)
    assert dead_memory(tmp_path) == 2000
    free_dead_segments(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert dead_memory(tmp_path) == 0


HOLDER = """
import fcntl, sys
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


def test_what_a_living_process_uses_stays_until_it_is_killed(tmp_path):
    made = segment(tmp_path, "fastrtps_0123456789abcdef")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, f"{made}_el"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"locked\n"
    free_dead_segments(tmp_path)
    assert dead_memory(tmp_path) == 0
    assert made.exists() and Path(f"{made}_el").exists()
    holder.kill()
    holder.communicate()
    free_dead_segments(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_just_being_made_is_not_locked(tmp_path):
    made = segment(tmp_path, "fastrtps_0123456789abcdef", age=0.0)
    free_dead_segments(tmp_path)
    assert made.exists()


def test_nothing_else_is_touched(tmp_path):
    others = {
        "a segment without a lock": "fastrtps_0123456789abcdef",
        "a port": "fastrtps_port7411", "a port's lock": "fastrtps_port7411_el", "a semaphore": "sem.fastrtps_port7411_mutex",
        "another program's": "fastrtps_0123456789abcdef0", "its lock": "fastrtps_0123456789abcdef0_el", "x": "psm_1234",
    }
    for name in others.values():
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (0, 0))
    target = tmp_path / "somebody's"
    target.write_bytes(b"x")
    (tmp_path / "fastdds_0123456789abcdef").symlink_to(target)
    (tmp_path / "fastdds_0123456789abcdef_el").symlink_to(target)
    before = sorted(tmp_path.iterdir())
    free_dead_segments(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_another_users_stay(tmp_path, monkeypatch):
    made = segment(tmp_path, "fastrtps_0123456789abcdef")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    free_dead_segments(tmp_path)
    assert made.exists()


def test_what_cannot_be_removed_stays_without_a_word(tmp_path, monkeypatch):
    segment(tmp_path, "fastrtps_0123456789abcdef")
    made = segment(tmp_path, "fastrtps_0123456789abcde0")

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "unlink", refuse)
    free_dead_segments(tmp_path)
    assert made.exists()
    free_dead_segments(tmp_path / "not there")


def test_two_that_clean_up_do_not_hurt_each_other(tmp_path):
    made = segment(tmp_path, "fastrtps_0123456789abcdef")
    with open(f"{made}_el") as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # the other one is at it
        free_dead_segments(tmp_path)
    assert made.exists()


Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("images", "small"), PUBLISHED)
def test_full_shared_memory_is_told(monkeypatch, images, small):
    wanted = SEGMENTS[images, small]
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(64 * 2**20, 64 * 2**20 - wanted, wanted))
    (problem,) = shared_memory_problems(images=images, small=small)
    assert "--shm-size" in problem and "UDP" in problem and f"{wanted // 2**20} MiB free" in problem
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(2**30, 0, 2**30))
    assert shared_memory_problems(images=images, small=small) == []


def test_no_shared_memory_at_all_is_told(tmp_path):
    (problem,) = shared_memory_problems(images=True, folder=tmp_path / "shm")
    assert "No such file" in problem


def test_who_has_a_profile_or_middleware_of_his_own_is_not_told_of_ours(monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(1, 1, 0))
    monkeypatch.setattr(dds, "free_dead_segments", lambda: None)
    assert prepare({PROFILE_VARIABLES[0]: "/etc/mine.xml"}, images=True) == []
    assert prepare({"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"}, images=True) == []
    assert len(prepare({}, images=True)) == 1
