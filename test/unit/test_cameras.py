# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Cameras of this machine, tried on one that answers every request as the kernel's own header says; no hardware."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.commands import cameras
from fer_ros.media import device, v4l2
from fer_ros.media.camera_controls import named_controls
from fer_ros.media.camera_format import better_format, on_slow_bus
from fer_ros.media.source_params import SourceParams
from fer_ros.media.v4l2 import Device, Mode, PixelFormat

FAKE = Path(__file__).resolve().parents[1] / "data" / "camera" / "fake_camera.c"


@pytest.fixture(scope="session")
def fake_library(tmp_path_factory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    library = tmp_path_factory.mktemp("camera") / "fake_camera.so"
    if compiler is None or not Path("/usr/include/linux/videodev2.h").is_file():
        pytest.skip("needs a C compiler and <linux/videodev2.h>")
    subprocess.run([compiler, "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, FAKE, "-ldl"], check=True)
    return library


@pytest.fixture
def fake(fake_library, tmp_path):
    """Runs Python with a camera at `PATH`, and gives what it prints as JSON."""

    class Fake:
        path = tmp_path / "video0"
        log = tmp_path / "log"

        def run(self, *arguments: str, kind: str = "") -> subprocess.CompletedProcess:
            environment = {**os.environ, "FER_FAKE_CAMERA": str(self.path), "FER_FAKE_JPEG": str(tmp_path / "picture.jpg"),
                           "FER_FAKE_LOG": str(self.log), "FER_FAKE_KIND": kind, "LD_PRELOAD": str(fake_library)}
            return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)

        def frame(self, **parameters) -> dict:
            """The first image of the camera, what was said of it, and the error where there is none."""
            done = self.run("-c", f"""
import json
from fer_ros.media.device import DeviceSource
from fer_ros.media.source_params import SourceParams
try:
    source = DeviceSource({str(self.path)!r}, SourceParams(**{parameters!r}))
    image = source.read()
    print(json.dumps(dict(shape=image.shape, pixel=image[0, 0].tolist(), notice=source.notice)))
except Exception as error:
    print(json.dumps(dict(kind=type(error).__name__, text=str(error))))
""")
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        def told(self, what: str) -> list[str]:
            """What the driver was told, in its order."""
            lines = self.log.read_text().splitlines() if self.log.is_file() else []
            return [line.removeprefix(f"{what} ") for line in lines if line.startswith(f"{what} ")]

    with open(Fake.path, "wb") as file:
        file.truncate(17 << 20)
    cv2.imwrite(str(tmp_path / "picture.jpg"), np.full((720, 1280, 3), (200, 100, 50), np.uint8))
    return Fake()


GREY, PICTURE = [130, 130, 130], [199, 100, 50]  # as YUYV and as MJPG


def test_what_a_camera_says_of_itself_is_listed(fake):
    done = fake.run("-m", "fer_ros.cli", "cameras", "--json", str(fake.path))
    assert done.returncode == 0, done.stderr
    (row,) = map(json.loads, done.stdout.splitlines())
    assert (row["name"], row["driver"], row["bus"]) == ("Fake ?[31mCamera", "fakecam", "usb-0000:00:14.0-8")
    assert [(one["fourcc"], one["compressed"], one["read"]) for one in row["formats"]] == [
        ("YUYV", False, True), ("MJPG", True, True), ("H264", True, False)]
    assert row["formats"][0]["sizes"] == [
        {"width": width, "height": height, "rates": rates, "smallest": None}
        for width, height, rates in ((640, 480, [30.0, 15.0]), (1280, 720, [10.0]), (1920, 1080, [5.0]))]
    controls = {one["name"]: one for one in row["controls"]}
    assert list(controls) == ["brightness", "white_balance_automatic", "gain", "white_balance_temperature", "auto_exposure",
                              "exposure_time_absolute", "link_frequency", "sensor_serial"]
    assert (controls["brightness"]["minimum"], controls["brightness"]["maximum"], controls["gain"]["default"]) == (-64, 64, 16)
    assert controls["auto_exposure"]["choices"] == [
        {"value": 1, "name": "manual_mode"}, {"value": 3, "name": "aperture_priority_mode"}]
    assert controls["link_frequency"]["choices"][1] == {"value": 1, "name": "9120000000"}
    assert controls["exposure_time_absolute"]["inactive"] and controls["sensor_serial"]["read_only"]


def test_a_camera_is_shown_to_people_without_what_controls_their_terminal(fake):
    done = fake.run("-m", "fer_ros.cli", "cameras", str(fake.path))
    assert "\033" not in done.stdout
    for text in ("1280x720 at 30, 15 Hz", "H264  H.264 (not read here)", "3 (aperture_priority_mode)",
                 "3 to 2047, default 250, no effect now"):
        assert text in done.stdout


def test_the_metadata_of_a_camera_is_no_camera(fake):
    done = fake.run("-m", "fer_ros.cli", "cameras", str(fake.path), kind="metadata")
    assert done.returncode == 1
    assert "gives no images" in done.stdout


@pytest.mark.parametrize(("parameters", "shape", "pixel"), [
    ({}, [480, 640, 3], GREY),
    ({"width": 1280, "height": 720}, [720, 1280, 3], PICTURE),  # raw at 10 Hz alone
    ({"width": 1280, "height": 720, "fps": 10.0}, [720, 1280, 3], GREY),
    ({"width": 1280, "height": 720, "pixel_format": "YUYV"}, [720, 1280, 3], GREY),
    ({"width": 1280, "height": 720, "fps": 15.0, "pixel_format": "MJPG"}, [720, 1280, 3], PICTURE),
])
def test_compressed_images_are_asked_for_where_raw_ones_are_slow(fake, parameters, shape, pixel):
    frame = fake.frame(**parameters)
    assert (frame["shape"], frame["pixel"], frame["notice"]) == (shape, pixel, "")


@pytest.mark.parametrize(("parameters", "text"), [
    ({"width": 800, "height": 600}, "images of 640x480 and not 800x600: as YUYV it has 640x480 at 30 Hz, 1280x720 at 10 Hz"),
    ({"width": 1280, "height": 720, "fps": 30.0, "pixel_format": "YUYV"}, "gives 10 images a second and not 30"),
])
def test_what_a_camera_gives_in_place_of_what_was_asked_for_is_said(fake, parameters, text):
    assert text in fake.frame(**parameters)["notice"]


def test_controls_are_set_by_name_in_the_order_in_which_they_have_effect(fake):
    assert "notice" in fake.frame(controls="exposure=200, white_balance=3000, auto_white_balance=off, gain=default, "
                                           "auto_exposure=manual")
    assert fake.told("control") == ["White Balance, Automatic 0", "Auto Exposure 1", "Gain 16",
                                    "White Balance Temperature 3000", "Exposure Time, Absolute 200"]


@pytest.mark.parametrize(("parameters", "text"), [
    ({"pixel_format": "NV12"}, "has no pixel_format NV12: it has YUYV, MJPG, H264"),
    ({"pixel_format": "H264"}, "H264 is not read: camera .* has YUYV, MJPG$"),
    ({"controls": "exposur=3"}, "has no control exposur: did you mean exposure"),
    ({"controls": "brightnes=3, gain=5"}, "did you mean brightness"),
    ({"controls": "gain=200"}, "control gain must be a whole number from 0 to 100, not 200"),
    ({"controls": "gain=much"}, "control gain must be a whole number"),
    ({"controls": "gain=99"}, "control gain=99 is refused by camera .*: Input/output error"),
    ({"controls": "auto_exposure=auto"}, r"must be one of 1 \(manual_mode\), 3 \(aperture_priority_mode\), not auto"),
    ({"controls": "auto_exposure=2"}, "must be one of"),
    ({"controls": "white_balance_automatic=maybe"}, "must be true or false"),
    ({"controls": "sensor_serial=1"}, "can only be read"),
    ({"controls": "exposure=9"}, "has no effect while auto_exposure is automatic: set auto_exposure=manual_mode, too"),
    ({"controls": "exposure=9, exposure_absolute=9"}, "are the same control"),
])
def test_what_a_camera_cannot_do_is_refused_with_what_it_can(fake, parameters, text):
    error = fake.frame(**parameters)
    assert error["kind"] == "SourceError"
    assert re.search(text, error["text"]), error["text"]
    if "refused" not in text:
        assert fake.told("control") == []


# Without any camera


@pytest.mark.parametrize("text", ["gain", "gain=", "=3", "gain=1, gain=2"])
def test_controls_that_are_not_name_and_value_are_refused_before_a_camera_is_opened(text):
    with pytest.raises(ValueError, match="controls"):
        SourceParams(controls=text)


def test_controls_are_parted_by_commas_or_lines():
    assert named_controls("a=1,b = 2;\nc=Manual Mode,") == {"a": "1", "b": "2", "c": "Manual Mode"}
    assert named_controls("") == {}


def a_device(bus: str = "usb-1", **rates: dict[tuple[int, int], float]) -> Device:
    formats = [PixelFormat(fourcc, "", fourcc in ("MJPG", "H264"),
                           tuple(Mode(*size, (rate,) if rate else ()) for size, rate in modes.items()))
               for fourcc, modes in rates.items()]
    return Device(Path("/dev/video0"), "", "", bus, tuple(formats), ())


HD = (1280, 720)


@pytest.mark.parametrize(("camera", "size", "fps", "slow", "wanted"), [
    (a_device(YUYV={HD: 30.0}, MJPG={HD: 30.0}), HD, 0.0, True, "MJPG"),   # more than USB 2 carries, whatever is said
    (a_device(YUYV={HD: 30.0}, MJPG={HD: 30.0}), HD, 0.0, False, ""),      # USB 3
    (a_device(YUYV={HD: 30.0}, MJPG={HD: 30.0}), HD, 5.0, True, ""),
    (a_device(YUYV={HD: 0.0}, MJPG={HD: 0.0}), HD, 0.0, True, "MJPG"),     # a driver that names no rates
    (a_device(YUYV={HD: 60.0}, MJPG={HD: 120.0}), HD, 120.0, False, "MJPG"),
    (a_device(YUYV={(640, 480): 15.0}, MJPG={(640, 480): 30.0}), (0, 0), 0.0, True, "MJPG"),
    (a_device(YUYV={(640, 480): 30.0}, MJPG={HD: 30.0}), HD, 0.0, False, "MJPG"),
    (a_device(YUYV={HD: 30.0}), HD, 0.0, True, ""),
    (a_device(YUYV={HD: 10.0}, H264={HD: 30.0}), HD, 0.0, True, ""),       # which nobody here reads
    (a_device(YUYV={HD: 10.0}, MJPG={(640, 480): 30.0}), HD, 0.0, True, ""),
    (a_device(), HD, 0.0, True, "MJPG"),                                   # a driver that tells nothing
    (a_device(), (640, 480), 0.0, True, ""),
])
def test_raw_images_are_taken_where_they_come_as_fast(camera, size, fps, slow, wanted):
    assert better_format(camera, size, fps, slow) == wanted


def test_a_range_of_sizes_has_all_of_them():
    mode = Mode(1920, 1080, (30.0,), smallest=(32, 32))
    assert mode.has(640, 480)
    assert not mode.has(1921, 1080)


def test_only_usb_is_slow():
    assert not on_slow_bus(a_device("platform:soc"))
    assert on_slow_bus(a_device("usb-nobody knows"))


def test_a_machine_without_a_camera_is_told_so(monkeypatch, capsys):
    monkeypatch.setattr(cameras, "device_files", list)
    from fer_ros.cli import parser

    options = parser().parse_args(["cameras"])
    assert options.command(options) == 1
    assert "this machine has no camera (/dev/video*): plug one in" in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [False, True])
def test_a_camera_that_may_not_be_opened_says_which_group_may(monkeypatch, capsys, tmp_path, as_json):
    file = tmp_path / "video0"
    file.touch()
    os.chown(file, -1, 44) if os.geteuid() == 0 else None
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(device.grp, "getgrgid", lambda number: type("Group", (), {"gr_name": "video"}))
    from fer_ros.cli import parser

    options = parser().parse_args(["cameras", str(file), *(["--json"] if as_json else [])])
    assert options.command(options) == 1
    out = capsys.readouterr().out
    problem = json.loads(out)["problem"] if as_json else out
    assert "may not be opened: add your user to its group (sudo usermod -aG video $USER)" in problem


def test_a_driver_that_never_ends_its_answers_is_not_asked_for_ever(monkeypatch):
    monkeypatch.setattr(v4l2, "_ioctl", lambda descriptor, request, argument: None)
    assert len(list(v4l2._formats(0, 1))) <= 256


def test_a_camera_that_is_unplugged_while_it_is_asked_is_an_error(monkeypatch):
    def unplugged(descriptor, request, argument):
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(v4l2, "_ioctl", unplugged)
    with pytest.raises(OSError, match="No such device"):
        list(v4l2.controls_of(0))
