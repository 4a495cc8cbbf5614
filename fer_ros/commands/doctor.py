# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros doctor`: what is missing on this machine, and how to get it."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from fer_ros import dds
from fer_ros.commands.doctor_peers import BAD, NOTE, OK, Finding, of_machines, rmw_loads
from fer_ros.models.model_files import ModelFileError, folder_of, load_catalogue, verify
from fer_ros.resources import emotion_model, model_downloads, share_directory
from fer_ros.words import has_ros2

_MARKS = {OK: "[green]ok     [/]", NOTE: "[yellow]note   [/]", BAD: "[red]missing[/]"}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("doctor", help="say what is missing and how to get it")
    parser.add_argument("--peer", action="append", default=[], metavar="HOST", help=(
        "say also whether that machine is seen, and if not, why; can be given several times. A graph that reaches other "
        "machines looks for them, and for those of ROS_STATIC_PEERS, without it"))
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    console = Console(highlight=False, soft_wrap=True)
    missing = 0
    machines = of_machines(options.peer, {**os.environ, **dds.privacy_environment(os.environ)})
    checks = (check() for check in (_python, _ros, _messages, _libraries, _models, _cameras, _dds))
    for state, what, more in itertools.chain(*checks, machines):
        console.print(f"{_MARKS[state]} {escape(what)}" + (f" [dim]{escape(more)}[/]" if more else ""))
        missing += state == BAD
    console.print(f"\n{missing} missing" if missing else "\nready: fer-ros run --source demo")
    return 1 if missing else 0


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    good = sys.version_info >= (3, 10)
    yield OK if good else BAD, f"Python {version}", "" if good else "fer_ros needs Python 3.10 or newer"


def _ros() -> Iterator[Finding]:
    if not rmw_loads():
        wanted = os.environ["RMW_IMPLEMENTATION"]
        yield BAD, f"RMW_IMPLEMENTATION={wanted} is not installed", (
            f"apt install ros-$ROS_DISTRO-{wanted.replace('_', '-')}, or unset RMW_IMPLEMENTATION")
        return
    try:
        import rclpy
        from rclpy.utilities import get_rmw_implementation_identifier
    except ImportError as error:
        yield BAD, f"rclpy ({error})", "source /opt/ros/<distro>/setup.bash, or pip install 'ros-jazzy-rclpy[fastrtps]'"
        return
    distro = os.environ.get("ROS_DISTRO", "")
    yield OK, f"rclpy {Path(rclpy.__file__).parent}", f"ROS_DISTRO={distro}" if distro else "no ROS installation sourced"
    try:
        rmw = get_rmw_implementation_identifier()
    except Exception as error:  # rclpy raises what the C library says
        yield BAD, f"rmw ({error})", "install an RMW: apt install ros-$ROS_DISTRO-rmw-fastrtps-cpp"
    else:
        fast = rmw.startswith("rmw_fastrtps")
        yield OK if fast else NOTE, rmw, "" if fast else "the shipped DDS profile is for Fast DDS; tune this one for images"
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    yield OK, f"ROS_DOMAIN_ID {domain}", ""
    there = has_ros2()
    yield OK if there else NOTE, f"the command ros2{'' if there else ' is not installed'}", "" if there else (
        "`fer-ros param`, `topics`, `echo` and `lifecycle` do for this graph what it would")
    for name, purpose in (("launch_ros", "ros2 launch fer_ros webcam.launch.py; `fer-ros run` starts the same graph"),
                          ("cv_bridge", "encodings other than the 8-bit ones"),
                          ("hri_msgs", "the topics of REP-155: hri_node and hri_faces_node")):
        found = importlib.util.find_spec(name) is not None
        yield OK if found else NOTE, f"{name}{'' if found else ' is not installed'}", "" if found else f"only for {purpose}"


def _messages() -> Iterator[Finding]:
    for package, kind in (("fer_ros.msg", "EmotionArray"), ("vision_msgs.msg", "Detection2DArray")):
        try:
            getattr(importlib.import_module(package), kind)
        except (ImportError, AttributeError) as error:
            yield BAD, f"{package}.{kind} ({error})", (
                "install the package (pip install . or colcon build), then source install/setup.bash"
            )
        else:
            yield OK, f"{package}.{kind}", ""


def _libraries() -> Iterator[Finding]:
    packages = {"cv2": "opencv-python-headless", "onnxruntime": "onnxruntime", "numpy": "numpy"}
    for name, package in packages.items():
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            yield BAD, f"{name} ({error})", f"pip install {package}"
            continue
        more = ""
        if name == "onnxruntime":
            more = ", ".join(provider.removesuffix("ExecutionProvider") for provider in module.get_available_providers())
        yield OK, f"{name} {module.__version__}", more
    found = importlib.util.find_spec("av") is not None
    yield OK if found else NOTE, f"PyAV{'' if found else ' is not installed'}", (
        "recordings are H.264" if found else
        "pip install 'fer_ros[video]', for recordings (.mp4, .mov) that browsers and phones play")


def _models() -> Iterator[Finding]:
    try:
        folder = share_directory() / "models"
        entries = load_catalogue(folder / "models.yaml").values()
    except (ModelFileError, OSError) as error:
        yield BAD, f"models ({error})", "reinstall the package"
        return
    for entry in entries:
        state = verify(entry, folder_of(entry, folder, model_downloads()))
        yield (OK if state == "ok" else BAD), f"model {entry.file}", (
            f"sha256 {entry.sha256[:12]}... as listed" if state == "ok" and entry.sha256 else
            "" if state == "ok" else f"{state} in {folder}: run `fer-ros models get`"
        )
    yield NOTE, f"model: auto is {emotion_model()}", "for this processor (emotion_node; with another provider emotion.onnx)"


def _cameras() -> Iterator[Finding]:
    from fer_ros.media import device, v4l2

    files, seen = device.device_files(), 0
    for file in files:
        if refused := device.access_refused(file):
            yield BAD, str(file), refused
            continue
        try:
            camera = v4l2.device(file, controls=False)
        except (v4l2.NoCamera, OSError):
            continue
        seen += 1
        yield OK, f"{file} {camera.name}", "`fer-ros cameras` shows what it can do"
    if not files:
        yield NOTE, "no camera (/dev/video*)", "plug one in, or use --source with a file, a URL or demo"
    elif not seen:
        yield NOTE, f"none of {', '.join(map(str, files))} gives images", "`fer-ros cameras` says why"


def _dds() -> Iterator[Finding]:
    environment = {**os.environ, **dds.privacy_environment(os.environ)}
    chosen = dds.users_profile(environment)
    try:
        # Fast DDS 3 first, then 2: which of them is there says ROS.
        own = [dds.profile(variable, local=dds.is_local(environment), images=True) for variable in dds.PROFILE_VARIABLES]
    except OSError as error:
        yield BAD, f"DDS profile ({error})", "reinstall the package"
        return
    whose = "set by you" if chosen else "fer_ros's own, for its processes that publish images"
    for profile in [chosen] if chosen else own:
        there = profile.is_file()
        yield OK if there else BAD, f"DDS profile {profile}", whose if there else f"{whose}: no such file"
    yield _reach(environment, chosen)
    yield from _shared_memory()


def _reach(environment: Mapping[str, str], chosen: Path | None) -> Finding:
    """How far the topics of `fer-ros run` reach, and who says so."""
    if not dds.is_local(environment):
        return OK, "fer-ros run reaches other machines", "as your ROS_... variables say"
    own = "your own DDS profile" if chosen else "" if dds.uses_fast_dds(environment) else "your RMW"
    own = own or next((name for name in dds.FOUND_PROFILES if Path(name).is_file()), "")
    if own:
        return NOTE, "fer-ros run asks ROS for this machine alone", f"{own} decides: fer_ros promises nothing"
    return OK, "fer-ros run keeps its topics to this machine", "ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET reaches others"


def _shared_memory() -> Iterator[Finding]:
    problems = dds.shared_memory_problems(images=True)
    for problem in problems:
        yield NOTE, "shared memory", problem
    if not problems:
        yield OK, f"{dds.SHARED_MEMORY} {shutil.disk_usage(dds.SHARED_MEMORY).free // 2**20} MiB free", ""
    dead = dds.dead_memory()
    if dead:
        yield NOTE, f"{dead / 2**20:.0f} MiB of it are of processes that are gone", "the next start gives them back"
