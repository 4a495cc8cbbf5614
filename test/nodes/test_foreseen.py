# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How large a process's images are going to be is known of one camera, and else said not to be."""

import sys
import time

import cv2
import numpy as np
import pytest

from fer_ros.media import source
from fer_ros.resources import share_directory
from fer_ros.ros import foreseen
from fer_ros.ros.foreseen import has_small_images


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Whether images are small where the process has these parameters and arguments."""

    def told(camera: str = "", process: str = "", *arguments: str) -> bool:
        files = []
        for node, values in (("camera_node", camera), ("pipeline_node", process)):
            if values:
                file = tmp_path / f"{node}.yaml"
                file.write_text(f"/**/{node}:\n  ros__parameters: {{{values}}}\n")
                files += ["--params-file", str(file)]
        monkeypatch.setattr(sys, "argv", ["camera_node", "--ros-args", *files, *arguments])
        return has_small_images()

    return told


def test_the_size_that_is_asked_for_decides(small):
    assert small("source: demo, width: 640, height: 480")
    assert small("source: 'rtsp://10.0.0.9/', width: 640, height: 480")
    assert not small("source: demo, width: 800, height: 600")
    assert not small("width: 3840, height: 2160")


def test_a_file_is_asked_for_its_own(small, tmp_path):
    assert small("source: demo")
    assert small(f"source: {share_directory() / 'demo' / 'demo.mp4'}, loop: true")
    for height, width in ((480, 640), (720, 1280)):
        cv2.imwrite(str(tmp_path / "picture.png"), np.zeros((height, width, 3), np.uint8))
        assert small(f"source: {tmp_path}/picture.png") == (height == 480)


def test_a_device_gives_what_opencv_asks_of_it(small):
    assert small()  # the default is the first device
    assert small("source: /dev/video7")
    assert not small("source: /dev/video7, width: 1280, height: 720")


@pytest.mark.parametrize("camera", ["source: 'rtsp://10.0.0.9/'", "source: FOLDER", "source: TEXT", "source: /nowhere.mp4",
                                    "source: '${NOWHERE_SET}'", "sourec: demo", "width: 640", "source: [demo"])
def test_what_only_opening_it_tells_or_is_wrong_is_not_small(small, tmp_path, camera):
    """And it is not said here: whoever opens it says what is wrong."""
    folder, text = tmp_path / "pictures", tmp_path / "notes.txt"
    folder.mkdir()
    cv2.imwrite(str(folder / "first.png"), np.zeros((480, 640, 3), np.uint8))  # the next one may be larger
    text.write_text("no video")
    assert not small(camera.replace("FOLDER", str(folder)).replace("TEXT", str(text)))


@pytest.mark.parametrize("process", ["cameras: 'left,right'", "image_node: none", "image_node: replay_node"])
def test_the_images_of_others_and_of_several_cameras_are_not_known(small, process):
    assert small("source: demo", "overlay: false")
    assert not small("source: demo", process)


@pytest.mark.parametrize("said", [("-p", "width:=3840"), ("--param", "width:=3840"), ("-r", "image:=/driver/image_raw"),
                                  ("-r", "/robot/fer/image:=/driver/image_raw"), ("-r", "__node:=left"),
                                  ("-r", "camera_node:__node:=left"), ("-r", "__name:=camera_node_2")])
def test_what_is_said_beside_the_files_may_say_something_else(small, said):
    assert not small("source: demo", "", *said)
    assert small("source: demo", "", "-r", "__ns:=/robot", "-r", "__node:=camera_node", "-r", "image_raw:=other")


def test_a_file_that_hangs_is_not_waited_for(small, monkeypatch):
    opened = source.open_source

    def late(params):
        time.sleep(5)
        return opened(params)

    monkeypatch.setattr(source, "open_source", late)
    monkeypatch.setattr(foreseen, "_PATIENCE", 0.1)
    assert not small("source: demo")
