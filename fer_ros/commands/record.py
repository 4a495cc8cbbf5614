# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros record`: the topics of a running graph into a bag."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from fer_ros.commands.arguments import seconds
from fer_ros.commands.left_behind import tell_of_left_behind
from fer_ros.commands.status import NO_ROS
from fer_ros.commands.view import View
from fer_ros.dds import is_local, privacy_environment
from fer_ros.graph import webcam_graph
from fer_ros.system.signals import Asked, on_end
from fer_ros.words import one_line

if TYPE_CHECKING:
    from fer_ros.bags.recorder import BagRecorder

_PATIENCE = 60.0  # seconds without any message after which a recording of limited duration ends
_SILENCE = 5.0  # seconds after which it is said that a topic has no publisher
_TOGETHER = 3.0  # seconds that the first messages of all topics may be apart: one end of a connection is found before another


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("record", help="record the topics of a running graph",
                                 description="Write images, camera info, faces, emotions and events of a running graph to an "
                                 "MCAP bag, which `fer-ros replay`, `fer-ros annotate`, `ros2 bag` and Foxglove open. Ctrl-C "
                                 "ends it.")
    parser.add_argument("-o", "--out", type=Path, metavar="BAG",
                        help="a new folder, or a file ending in .mcap (default: fer_ and the time, here)")
    parser.add_argument("--force", action="store_true", help="overwrite a bag that is there, once the new one is complete")
    images = parser.add_mutually_exclusive_group()
    images.add_argument("--no-images", action="store_true", help="leave out the camera's images (27 MB/s at 640x480, 30 Hz)")
    images.add_argument("--compressed", action="store_true", help="record image_raw/compressed in place of the raw images: "
                        "a small part of their size (the camera node's compressed_quality), and not the same to the last bit")
    parser.add_argument("--overlay", action="store_true", help="record overlay/compressed, too")
    parser.add_argument("--duration", type=seconds, metavar="S",
                        help="end so many seconds after all topics have begun; if nothing comes at all, after a minute")
    parser.add_argument("--namespace", default="", help="before /camera and /fer")
    parser.set_defaults(command=main)


def main(options: argparse.Namespace) -> int:
    try:
        from fer_ros.bags.recorder import BagRecorder
    except ImportError as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1
    try:
        # As `fer-ros run`, so that what is recorded is this machine's graph and nobody else's.
        os.environ.update(privacy_environment(os.environ))
        prefix = webcam_graph({}, namespace=options.namespace).prefix
        out = options.out or Path(f"fer_{datetime.now():%Y_%m_%d-%H_%M_%S}")
        tell_of_left_behind(out)
        ending = Asked()
        with on_end(ending), BagRecorder(out, options.force) as bag:
            return _record(bag, prefix, options, ending)
    except ImportError as error:
        print(NO_ROS.format(error=error), file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(f"fer-ros: {error}", file=sys.stderr)
        return 1


def _record(bag: BagRecorder, prefix: str, options: argparse.Namespace, ending: Asked) -> int:
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image
    from vision_msgs.msg import Detection2DArray

    from fer_ros.msg import EmotionArray, EmotionEvent
    from fer_ros.ros import names
    from fer_ros.ros.guard import spin_once
    from fer_ros.ros.joining import join
    from fer_ros.ros.recorder import Recorder

    wanted = {names.FACES: Detection2DArray, names.EMOTIONS: EmotionArray, names.CAMERA_INFO: CameraInfo}
    rare = {names.EVENTS: EmotionEvent}
    if options.compressed:
        wanted[names.IMAGE_COMPRESSED] = CompressedImage
    elif not options.no_images:
        wanted[names.IMAGE] = Image
    if options.overlay:
        wanted[names.OVERLAY_COMPRESSED] = CompressedImage
    join()
    try:
        with View(f"fer-ros record {bag.path}") as view:
            def warn(text: str) -> None:
                view.say(f"fer-ros: {one_line(text)}", "yellow")

            early = (names.FACES, names.EMOTIONS, names.EVENTS)
            recorder = Recorder({**wanted, **rare}, prefix, early, bag.write, warn)
            executor = SingleThreadedExecutor()
            executor.add_node(recorder)
            started, first, begun, explained, shown = time.monotonic(), None, None, False, 0.0
            try:
                while not (ending.asked or bag.cut):
                    spin_once(executor, 0.05, lambda error: warn(str(error)))
                    recorder.check()
                    now = time.monotonic()
                    if bag.counts and first is None:
                        first = now
                    all_came = bag.counts.keys() >= set(map(recorder.name, wanted))
                    if first is not None and begun is None and (all_came or now - first > _TOGETHER):
                        begun = now
                    if begun is not None and options.duration is not None and now - begun >= options.duration:
                        break
                    if first is None and options.duration is not None and now - started > max(_PATIENCE, options.duration):
                        break
                    if not explained and now - started > _SILENCE:
                        explained = True
                        recorder.explain()
                    if now - shown > 0.2:
                        shown = now
                        view.waiting(_told(bag.counts, bag.size))
            finally:
                executor.shutdown(timeout_sec=0)
                recorder.destroy_node()
                _close(bag, set(map(recorder.name, wanted)), view)
    finally:
        rclpy.try_shutdown()
    return 0 if bag.counts else 1


def _close(bag: BagRecorder, wanted: set[str], view: View) -> None:
    """Finish what was recorded, however the recording ended, and say what it is. Raises BagError where not all is there."""
    came = set(bag.counts)
    bag.close()
    if not came:
        view.say("nothing recorded: no message came")
        if is_local(os.environ):
            view.say("only this machine was listened to: ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET listens to others, too")
        return
    silent = sorted(wanted - came)
    if silent:
        view.say(f"fer-ros: nothing came on {', '.join(silent)}", "yellow")
    view.say(f"recorded {_told(bag.counts, bag.size)} to {bag.path}")


def _told(counts: dict[str, int], size: int) -> str:
    if not counts:
        return "waiting for the first message ..."
    return f"{', '.join(f'{topic} {count}' for topic, count in sorted(counts.items()))} ({size / 1e6:.1f} MB)"
