# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool

from fer_ros.media import device
from fer_ros.media.capture import Capture
from fer_ros.media.frames import SourceUnavailable
from fer_ros.media.source_params import SourceParams
from fer_ros.nodes import camera
from fer_ros.nodes.camera import CameraNode
from fer_ros.ros import compressed
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import stamp_key

VIDEOS = Path(__file__).resolve().parents[1] / "data" / "video"
CALIBRATION = """
image_width: 640
image_height: 480
camera_name: test
distortion_model: plumb_bob
camera_matrix: {rows: 3, cols: 3, data: [500, 0, 320, 0, 500, 240, 0, 0, 1]}
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, -0.2, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [500, 0, 320, 0, 0, 500, 240, 0, 0, 0, 1, 0]}
"""


class FakeCamera:
    """A camera that gives grey images, and can be unplugged."""

    finite = False
    stamp = None
    notice = ""
    unused = ""
    name = "fake camera"
    closed = False
    plugged = True

    def read(self):
        threading.Event().wait(0.01)
        if not self.plugged:
            raise SourceUnavailable("camera fake stopped giving images: unplugged?")
        return np.full((48, 64, 3), 90, np.uint8)

    def close(self):
        self.closed = True


def test_every_image_has_its_time_its_frame_and_its_camera_info(bench):
    images, infos = bench.listen(Image, "image_raw"), bench.listen(CameraInfo, "camera_info")
    bench.add(CameraNode, source="demo", wait_for_subscribers=1, frame_id="head_optical_frame", image_depth=50)
    bench.wait_for(lambda: len(images) >= 10 and len(infos) >= 10, "ten images")
    stamps = [stamp_key(image.header) for image in images]
    assert stamps == sorted(set(stamps))
    assert {image.header.frame_id for image in images} == {"head_optical_frame"}
    assert (images[0].width, images[0].height, images[0].encoding) == (640, 480, "bgr8")
    by_stamp = {stamp_key(info.header): info for info in infos}
    info = by_stamp[stamps[5]]
    assert (info.width, info.height, info.k[0]) == (640, 480, 0.0)


def test_a_file_starts_when_its_subscribers_are_there_and_loses_no_frame(bench, astronaut):
    node = bench.add(CameraNode, source="demo", wait_for_subscribers=1, realtime=True, image_depth=50)
    bench.spin(0.5)
    assert node.diagnostics.total("frames") == 0
    images = bench.listen(Image, "image_raw")
    bench.wait_for(lambda: images, "the first image")
    assert (to_bgr(images[0]) == astronaut).all()


def test_a_durable_camera_keeps_its_first_frames_for_who_comes_late(bench, astronaut):
    node = bench.add(CameraNode, source="demo", fps=2.0, image_durability="transient_local", image_depth=100)
    bench.wait_for(lambda: node.diagnostics.total("frames") >= 3, "frames that nobody sees")
    durable = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    images = []
    bench.tester.create_subscription(Image, "image_raw", images.append, durable)
    bench.wait_for(lambda: len(images) >= 4, "the frames from the first on")
    assert (to_bgr(images[0]) == astronaut).all()


@pytest.mark.parametrize(("width", "focal_length"), [(640, 500), (800, 0)])
def test_a_calibration_reaches_camera_info_only_if_it_fits(bench, tmp_path, width, focal_length):
    file = tmp_path / "camera.yaml"
    file.write_text(CALIBRATION.replace("640", str(width)))
    infos = bench.listen(CameraInfo, "camera_info")
    bench.add(CameraNode, source="demo", camera_info_file=str(file))
    bench.wait_for(lambda: infos, "camera_info")
    assert infos[0].k[0] == focal_length
    assert infos[0].width == 640
    assert list(infos[0].d) == ([0.1, -0.2, 0, 0, 0] if focal_length else [])


def test_a_mirrored_image_has_a_mirrored_calibration(bench, tmp_path):
    file = tmp_path / "camera.yaml"
    file.write_text(CALIBRATION.replace("320", "300"))
    infos = bench.listen(CameraInfo, "camera_info")
    bench.add(CameraNode, source="demo", flip="horizontal", camera_info_file=f"file://{file}")
    bench.wait_for(lambda: infos, "camera_info")
    assert (infos[0].k[2], infos[0].k[5], infos[0].p[2]) == (339, 240, 339)


def test_compressed_images_have_the_header_and_the_camera_info_of_the_raw_ones(bench, astronaut):
    jpegs, raw = bench.listen(CompressedImage, "image_raw/compressed"), bench.listen(Image, "image_raw")
    infos = bench.listen(CameraInfo, "camera_info")
    bench.add(CameraNode, source="demo", wait_for_subscribers=1, image_depth=50)
    bench.wait_for(lambda: len(jpegs) >= 5 and len(raw) >= 5 and len(infos) >= 5, "five images of each kind")
    assert {stamp_key(jpeg.header) for jpeg in jpegs[:5]} <= {stamp_key(image.header) for image in raw}
    assert {stamp_key(jpeg.header) for jpeg in jpegs[:5]} <= {stamp_key(info.header) for info in infos}
    assert (jpegs[0].format, jpegs[0].header.frame_id) == ("bgr8; jpeg compressed bgr8", "camera_optical_frame")
    picture = cv2.imdecode(np.frombuffer(jpegs[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(picture.astype(int) - to_bgr(raw[0])).mean() < 3


@pytest.mark.parametrize(("rule", "found"), [
    ("image_raw:=picture", "/picture/compressed"), ("image_raw:=/front/image", "/front/image/compressed"),
    ("image_raw/compressed:=/jpeg", "/jpeg")])
def test_compressed_images_follow_where_the_image_is_renamed(bench, rule, found):
    jpegs = bench.listen(CompressedImage, found)
    bench.add(CameraNode, source="demo", remap=rule)
    bench.wait_for(lambda: jpegs, "a compressed image")


def test_nothing_is_compressed_while_nobody_listens(bench, monkeypatch):
    made = []
    monkeypatch.setattr(compressed, "to_jpeg", lambda *arguments: made.append(arguments))
    raw = bench.listen(Image, "image_raw")
    bench.add(CameraNode, source="demo")
    bench.wait_for(lambda: len(raw) >= 10, "ten raw images")
    assert not made


def test_raw_images_wait_for_no_compressed_one(bench, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(camera, "open_source", lambda params: FakeCamera())
    to_jpeg = compressed.to_jpeg
    monkeypatch.setattr(compressed, "to_jpeg", lambda *arguments: begun.set() or (go_on.wait(20) and to_jpeg(*arguments)))
    jpegs, raw = bench.listen(CompressedImage, "image_raw/compressed"), bench.listen(Image, "image_raw")
    node = bench.add(CameraNode, source="0", diagnostics_period=0.1)
    try:
        bench.wait_for(begun.is_set, "a first image that takes long")
        count = len(raw)
        bench.wait_for(lambda: len(raw) > count + 20, "raw images meanwhile")
        assert not jpegs
    finally:
        go_on.set()
    bench.wait_for(lambda: len(jpegs) > 2, "compressed images afterwards")
    assert node.diagnostics.total("compressed skipped") > 5


def test_the_quality_of_compressed_images_can_be_changed_while_it_runs(bench):
    jpegs = bench.listen(CompressedImage, "image_raw/compressed")
    node = bench.add(CameraNode, source="demo", wait_for_subscribers=0, compressed_quality=95, loop=True)
    bench.wait_for(lambda: jpegs, "a compressed image")
    assert node.set_parameters([Parameter("compressed_quality", value=5)])[0].successful
    bench.wait_for(lambda: len(jpegs[-1].data) < len(jpegs[0].data) / 3, "a small image")
    assert not node.set_parameters([Parameter("compressed_quality", value=0)])[0].successful


def test_controls_of_a_camera_are_changed_while_it_plays_and_wrong_ones_refused(bench, monkeypatch, tmp_path):
    changed = []

    def change(path, controls):
        if "gain" not in controls:
            raise ValueError(f"camera {path} has no control {controls}")
        changed.append((str(path), controls))

    monkeypatch.setattr(device, "set_controls", change)
    monkeypatch.setattr(camera, "open_source", lambda params: FakeCamera())
    node = bench.add(CameraNode, source="3", controls="gain=1")
    assert node.set_parameters([Parameter("controls", value="gain=2")])[0].successful
    assert node.set_parameters([Parameter("flip", value="both")])[0].successful
    refused = node.set_parameters([Parameter("controls", value="gian=2")])[0]
    assert "no control" in refused.reason
    assert "NAME=VALUE" in node.set_parameters([Parameter("controls", value="gain")])[0].reason
    assert changed == [("/dev/video3", "gain=2")]
    assert node.params[SourceParams].controls == "gain=2"


def test_parameters_that_the_source_does_not_heed_are_said_once(bench, monkeypatch):
    monkeypatch.setattr(Capture, "FIRST_WAIT", 0.05)
    opened, said, unheeded = [], [], "loop has no effect on rtsp://host/live: it is for files, folders and the demo"
    monkeypatch.setattr(FakeCamera, "unused", unheeded)
    monkeypatch.setattr(CameraNode, "say_once", lambda self, subject, text, **_: said.append(text))
    monkeypatch.setattr(camera, "open_source", lambda params: opened.append(FakeCamera()) or opened[-1])
    bench.add(CameraNode, source="rtsp://host/live", loop=True)
    for _ in range(2):
        opened[-1].plugged = False
        count = len(opened)
        bench.wait_for(lambda count=count: len(opened) > count, "the stream to be opened again")
    assert said.count(unheeded) == 1


def test_controls_of_what_is_no_camera_are_said_to_have_no_effect(bench, capfd):
    node = bench.add(CameraNode, source="demo", loop=True, fps=5.0)
    assert "no effect" not in capfd.readouterr().err
    assert node.set_parameters([Parameter("controls", value="gain=2")])[0].successful
    assert capfd.readouterr().err.count("controls has no effect on demo: it is for cameras of this machine") == 1
    node.set_parameters([Parameter("controls", value="")])
    assert "no effect" not in capfd.readouterr().err


@pytest.mark.parametrize("source", ["/no/such/file.mp4", "/etc/hostname", "/usr/include"])
def test_a_source_that_can_never_work_ends_configuration(bench, source):
    node = bench.add(CameraNode, start=False, source=source)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE


def test_a_bad_calibration_ends_configuration(bench, tmp_path):
    file = tmp_path / "camera.yaml"
    file.write_text("image_width: 640")
    node = bench.add(CameraNode, start=False, source="demo", camera_info_file=str(file))
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE


def test_a_camera_is_picked_up_when_it_comes_and_when_it_comes_back(bench, monkeypatch):
    present, opened = threading.Event(), []

    def open_source(params):
        if not present.is_set():
            raise SourceUnavailable("camera fake is not there")
        opened.append(FakeCamera())
        return opened[-1]

    monkeypatch.setattr(camera, "open_source", open_source)
    monkeypatch.setattr(Capture, "FIRST_WAIT", 0.05)
    images = bench.listen(Image, "image_raw")
    said = []
    monkeypatch.setattr(CameraNode, "say_once", lambda self, subject, text, **_: said.append(text))
    node = bench.add(CameraNode, source="0")
    bench.spin(0.2)
    assert not images
    assert node.health()[0] == DiagnosticStatus.ERROR
    assert "not there" in node.health()[1]
    present.set()
    bench.wait_for(lambda: len(images) > 2, "images of the camera that came")
    assert node.health()[0] == DiagnosticStatus.OK
    opened[0].plugged = False
    bench.wait_for(lambda: len(opened) == 2, "the camera to be opened again")
    assert opened[0].closed
    count = len(images)
    bench.wait_for(lambda: len(images) > count + 2, "images of the camera that came back")
    assert any("unplugged" in text for text in said)


def test_a_disabled_camera_is_let_go_and_comes_back(bench, monkeypatch):
    opened = []
    monkeypatch.setattr(camera, "open_source", lambda params: opened.append(FakeCamera()) or opened[-1])
    images = bench.listen(Image, "image_raw")
    bench.add(CameraNode, source="0")
    bench.wait_for(lambda: images, "images")
    answer = bench.call(SetBool, "/camera_node/enable", SetBool.Request(data=False))
    assert answer.success
    bench.wait_for(lambda: opened[0].closed, "the camera to be let go")
    bench.spin(0.1)
    images.clear()
    bench.spin(0.3)
    assert not images
    bench.call(SetBool, "/camera_node/enable", SetBool.Request(data=True))
    bench.wait_for(lambda: images, "images after it was enabled again")


def test_a_slow_folder_stops_at_once_and_publishes_nothing_afterwards(bench, tmp_path):
    for i in range(3):
        cv2.imwrite(str(tmp_path / f"{i}.png"), np.full((48, 64, 3), 90, np.uint8))
    images = bench.listen(Image, "image_raw")
    node = bench.add(CameraNode, source=str(tmp_path), fps=0.02, wait_for_subscribers=1)
    bench.wait_for(lambda: images, "the first image")
    node.trigger_deactivate()
    assert "capture" not in [thread.name for thread in threading.enumerate()]
    bench.spin(0.3)
    assert len(images) == 1


@pytest.mark.parametrize("source", [
    "rtsp://user:secret@127.0.0.1:1/stream", "rtsp://127.0.0.1:1/user=me&password=secret", "rtsp://127.0.0.1:1/live?token=secret",
    "rtsp://user:1/secret@127.0.0.1:1/stream", "rtsp://${FER_TEST_USER}@127.0.0.1:1/stream",
])
def test_a_secret_in_a_url_is_published_nowhere(bench, monkeypatch, capfd, source):
    monkeypatch.setenv("FER_TEST_USER", "me:secret")
    published, publish = [], Publisher.publish
    monkeypatch.setattr(Publisher, "publish", lambda self, message: published.append(message) or publish(self, message))
    node = bench.add(CameraNode, source=source)
    bench.wait_for(lambda: any(status.hardware_id for report in published if isinstance(report, DiagnosticArray)
                               for status in report.status), "a report")
    events = [parameter.name for event in published if isinstance(event, ParameterEvent) for parameter in event.new_parameters]
    assert "source" in events
    answer = bench.call(GetParameters, "/camera_node/get_parameters", GetParameters.Request(names=["source"]))
    assert "127.0.0.1" in answer.values[0].string_value
    logged = "".join(capfd.readouterr())  # /rosout gets the same texts
    assert "cannot be opened" in logged
    assert "secret" not in str(answer) + str(published) + logged + node.health()[1]
    assert node.params[SourceParams].source == source


def test_what_a_node_shows_of_its_source_can_be_written_back_and_a_secret_cannot(bench):
    node = bench.add(CameraNode, start=False, source="rtsp://user:secret@127.0.0.1:1/stream")
    shown = node.get_parameter("source").value
    assert "secret" not in shown
    assert node.set_parameters([Parameter("source", value=shown)])[0].successful
    assert "secret" in node.params[SourceParams].source
    for value in ("rtsp://user:other@127.0.0.1/live", "rtsp://127.0.0.1/${HOME}", "@/etc/hostname"):
        result = node.set_parameters([Parameter("source", value=value)])[0]
        assert not result.successful
        assert "when the node starts" in result.reason
    assert node.set_parameters([Parameter("source", value="demo")])[0].successful
    assert node.params[SourceParams].source == "demo"



def test_a_recordings_images_are_as_far_apart_as_it_says(bench):
    images = bench.listen(Image, "image_raw")
    bench.add(CameraNode, source=str(VIDEOS / "vfr.mp4"), wait_for_subscribers=1, image_depth=50)
    bench.wait_for(lambda: len(images) == 40, "all images")
    stamps = np.array([image.header.stamp.sec * 10**9 + image.header.stamp.nanosec for image in images])
    expected = np.concatenate([np.arange(30) / 30, 1 + np.arange(10) / 5])
    assert (stamps - stamps[0]) / 1e9 == pytest.approx(expected, abs=0.001)
    now = bench.tester.get_clock().now().nanoseconds
    assert now - 60 * 10**9 < stamps[-1] < now


def test_the_image_can_be_mirrored_while_it_runs(bench, astronaut):
    images = bench.listen(Image, "image_raw")
    bench.add(CameraNode, source="demo", fps=5.0, wait_for_subscribers=1)
    bench.wait_for(lambda: images, "images")
    request = SetParameters.Request(parameters=[Parameter("flip", value="horizontal").to_parameter_msg()])
    assert bench.call(SetParameters, "/camera_node/set_parameters", request).results[0].successful
    count = len(images)
    bench.wait_for(lambda: len(images) > count + 1, "a mirrored image")
    mirrored = to_bgr(images[-1])[:, ::-1]
    # The clip moves slowly: the mirrored image turned back looks much like the first, the mirrored one does not.
    assert np.abs(mirrored.astype(int) - astronaut).mean() < np.abs(to_bgr(images[-1]).astype(int) - astronaut).mean()


def test_a_video_on_a_web_server_waits_for_its_subscribers_too(bench, monkeypatch):
    finite = FakeCamera()
    finite.finite = True
    monkeypatch.setattr(camera, "open_source", lambda params: finite)
    node = bench.add(CameraNode, source="http://127.0.0.1/video.mp4", wait_for_subscribers=1)
    bench.spin(0.3)
    assert node.diagnostics.total("frames") == 0
    images = bench.listen(Image, "image_raw")
    bench.wait_for(lambda: images, "images")
