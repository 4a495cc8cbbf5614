# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Images come in as whoever publishes them offers: raw or compressed, reliable or not."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros import dds
from fer_ros.dds import PROFILE_VARIABLES
from fer_ros.media.encodings import ImageError
from fer_ros.msg import EmotionArray
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.hri import HriNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode
from fer_ros.nodes.web import WebNode
from fer_ros.parameters.node_params import ImageInputParams
from fer_ros.ros import exchange as exchange_module
from fer_ros.ros.exchange import Exchange, PackedImage
from fer_ros.ros.image_input import explain_no_images, image_sources
from fer_ros.ros.images import size_of, to_bgr, to_jpeg
from fer_ros.ros.losses import LossMeter, cure

RELIABLE, BEST_EFFORT = (QoSProfile(depth=10, reliability=getattr(ReliabilityPolicy, name))
                         for name in ("RELIABLE", "BEST_EFFORT"))


def packed(pixels: np.ndarray, sec: int, kind: str = "jpeg") -> CompressedImage:
    header = Header(frame_id="camera_optical_frame")
    header.stamp.sec = sec
    if kind == "jpeg":
        return to_jpeg(pixels, header, 95)
    return CompressedImage(header=header, format=f"bgr8; {kind} compressed bgr8",
                           data=cv2.imencode(f".{kind}", pixels)[1].tobytes())


@pytest.fixture
def told(monkeypatch):
    """What a node logs, by level."""
    def of(node) -> dict[str, list[str]]:
        said: dict[str, list[str]] = {"info": [], "warning": [], "error": []}
        for level, texts in said.items():
            monkeypatch.setattr(type(node.get_logger()), level, lambda self, text, texts=texts, **_: texts.append(text))
        return said

    return of


def asked(bench, topic: str) -> list[tuple[str, str]]:
    """What the subscribers of a topic ask for: type and reliability."""
    return [(info.topic_type.rpartition("/")[2], info.qos_profile.reliability.name)
            for info in bench.tester.get_subscriptions_info_by_topic(topic) if info.node_name != "tester"]


def send_until(bench, publisher, make, heard, what: str) -> None:
    """Publish images, each with a new stamp, until one of them is answered."""
    for sec in range(1, 400):
        publisher.publish(make(sec))
        bench.spin(0.1)
        if heard():
            return
    pytest.fail(f"waited in vain for {what}")


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_compressed_images_are_taken_where_nobody_publishes_raw_ones(bench, astronaut, kind, told):
    node = bench.add(FaceDetectorNode, remap="image:=/camera/image_raw", silence_timeout=60.0)
    said = told(node)
    faces = bench.listen(Detection2DArray, "faces")
    driver = bench.stranger(CompressedImage, "/camera/image_raw/compressed")
    bench.wait_for(driver.get_subscription_count, "the detector")
    driver.publish(packed(astronaut, 7, kind))
    bench.wait_for(lambda: faces, "its faces")
    assert faces[0].header.stamp.sec == 7 and len(faces[0].detections) == 1
    bench.wait_for(lambda: said["info"], "a word about it")
    bench.spin(0.5)
    assert said["info"] == ["images come from /camera/image_raw/compressed (compressed, reliable, as /stranger publishes "
                            "them)"]
    assert not said["warning"]
    assert asked(bench, "/camera/image_raw") == []  # one kind alone is taken


def test_raw_images_come_first_and_it_follows_what_comes_and_goes(bench, astronaut, message_of):
    bench.add(FaceDetectorNode)
    faces = bench.listen(Detection2DArray, "faces")
    compressed = bench.stranger(CompressedImage, "image/compressed")
    bench.wait_for(compressed.get_subscription_count, "the detector at the compressed images")
    raw = bench.stranger(Image, "image")
    bench.wait_for(raw.get_subscription_count, "the detector at the raw images")
    bench.wait_for(lambda: not compressed.get_subscription_count(), "it to leave the compressed ones")
    raw.publish(message_of(astronaut, sec=3))
    bench.wait_for(lambda: faces, "faces of a raw image")
    _, node = bench._strangers[-1]
    node.destroy_publisher(raw)
    bench.wait_for(compressed.get_subscription_count, "the detector back at the compressed images")
    compressed.publish(packed(astronaut, 5))
    bench.wait_for(lambda: len(faces) > 1, "faces of a compressed image")
    assert [message.header.stamp.sec for message in faces] == [3, 5]


def test_it_looks_seldom_who_publishes_while_images_come(bench, message_of, astronaut):
    node = bench.add(FaceDetectorNode)
    driver = bench.stranger(Image, "image")
    bench.wait_for(driver.get_subscription_count, "the detector")
    image = message_of(astronaut, 1)

    def come() -> bool:
        image.header.stamp.sec += 1
        driver.publish(image)
        return node._follow_timer.timer_period_ns == 10**9

    bench.wait_for(come, "fewer looks")
    bench.wait_for(lambda: node._follow_timer.timer_period_ns < 10**9, "more of them where no images come")


def test_a_driver_of_both_is_asked_for_raw_images_from_the_start(bench, told):
    node = bench.add(FaceDetectorNode)
    said = told(node)
    bench.stranger(CompressedImage, "image/compressed")
    raw = bench.stranger(Image, "image")
    bench.wait_for(raw.get_subscription_count, "the detector")
    bench.wait_for(lambda: said["info"], "a word about it")
    bench.spin(1.0)
    assert said["info"] == ["images come from /image (reliable, as /stranger publishes them)"]


def test_the_topic_itself_may_be_one_of_compressed_images(bench, astronaut):
    bench.add(FaceDetectorNode, remap="image:=/camera/image_raw/compressed")
    faces = bench.listen(Detection2DArray, "faces")
    driver = bench.stranger(CompressedImage, "/camera/image_raw/compressed")
    send_until(bench, driver, functools.partial(packed, astronaut), lambda: faces, "faces")
    assert len(faces[0].detections) == 1


@pytest.mark.parametrize(("rules", "transport", "wanted"), [
    ([], "auto", ["/robot/image", "/robot/image/compressed", "/robot/image"]),
    ([], "raw", ["/robot/image"]),
    ([], "compressed", ["/robot/image/compressed", "/robot/image"]),
    (["image:=/camera/image_raw"], "compressed", ["/camera/image_raw/compressed", "/camera/image_raw"]),
    (["image:=cam"], "compressed", ["/robot/cam/compressed", "/robot/cam"]),
    (["image:=/cam", "image/compressed:=/elsewhere/jpeg"], "compressed", ["/elsewhere/jpeg", "/cam"]),
])
def test_names_are_those_of_image_transport(bench, rules, transport, wanted):
    arguments = [word for rule in ["__ns:=/robot", *rules] for word in ("-r", rule)]
    node = FaceDetectorNode(cli_args=["--ros-args", *arguments])
    try:
        assert [source.topic for source in image_sources(node, "image", transport)] == wanted
    finally:
        node.destroy_node()


def test_what_is_asked_for_is_taken_and_nothing_else(bench, astronaut, message_of, told):
    node = bench.add(FaceDetectorNode, image_transport="compressed", silence_timeout=0.5, diagnostics_period=0.1)
    said = told(node)
    raw = bench.stranger(Image, "image")
    bench.wait_for(lambda: any("somebody" in text for text in said["warning"]), "a word about the raw images")
    assert said["warning"][-1] == ("nobody publishes /image/compressed as image_transport: compressed asks for, and somebody "
                                   "/image: image_transport: auto takes that")
    assert raw.get_subscription_count() == 0


def test_a_raw_input_says_what_would_take_compressed_images(bench):
    bench.stranger(CompressedImage, "image/compressed")
    bench.wait_for(lambda: bench.tester.count_publishers("/image/compressed"), "the driver")
    text = explain_no_images(bench.tester, "image", ImageInputParams(image_transport="raw"))
    assert text == ("nobody publishes /image as image_transport: raw asks for, and somebody /image/compressed: "
                    "image_transport: auto takes that")


def test_a_silence_names_both_topics(bench, told):
    node = bench.add(FaceDetectorNode, remap="image:=/cam/image_raw", silence_timeout=0.5, diagnostics_period=0.1)
    said = told(node)
    bench.wait_for(lambda: said["warning"], "a word about the silence")
    assert said["warning"][0].startswith("nobody publishes /cam/image_raw or /cam/image_raw/compressed: is its node running")


def test_it_asks_for_what_the_publishers_offer_and_follows_them(bench, told):
    node = bench.add(FaceDetectorNode, silence_timeout=60.0)
    said = told(node)
    assert node.params[ImageInputParams].image_reliability == "auto"
    first = bench.stranger(Image, "image", BEST_EFFORT)
    bench.wait_for(lambda: asked(bench, "/image") == [("Image", "BEST_EFFORT")], "it to ask for less")
    bench.wait_for(lambda: said["info"], "a word about it")
    reliable = bench.stranger(Image, "image", RELIABLE)
    bench.wait_for(reliable.get_subscription_count, "the second driver to be heard, too")
    bench.spin(1.5)  # if it now asked for more, the first one would be refused
    bench.wait_for(lambda: asked(bench, "/image") == [("Image", "BEST_EFFORT")], "it to ask both for less")
    bench._strangers[0][1].destroy_publisher(first)
    bench.wait_for(lambda: asked(bench, "/image") == [("Image", "RELIABLE")], "it to ask for more")
    bench.wait_for(lambda: len(said["info"]) > 1, "a word about the change")
    assert said["info"] == ["images come from /image (best effort, as /stranger publishes them)",
                            "images come from /image (reliable, as /stranger publishes them)"]
    assert not said["warning"] and not said["error"]


def test_a_reliable_driver_meets_one_subscription_that_stays(bench, astronaut, message_of):
    """So that of its first images none is lost, either."""
    node = bench.add(FaceDetectorNode)
    made = []
    create = node.create_subscription
    node.create_subscription = lambda kind, topic, *rest, **named: made.append(topic) or create(kind, topic, *rest, **named)
    faces = bench.listen(Detection2DArray, "faces")
    driver = bench.stranger(Image, "image", RELIABLE)
    bench.wait_for(driver.get_subscription_count, "the detector")
    driver.publish(message_of(astronaut, sec=1))
    bench.wait_for(lambda: faces, "the first image's faces")
    bench.spin(1.0)
    assert faces[0].header.stamp.sec == 1 and made == []


def test_what_the_user_has_set_stays(bench):
    bench.add(FaceDetectorNode, image_reliability="best_effort")
    driver = bench.stranger(Image, "image", RELIABLE)
    bench.wait_for(driver.get_subscription_count, "the detector")
    bench.spin(1.0)
    assert asked(bench, "/image") == [("Image", "BEST_EFFORT")]


def test_a_damaged_picture_is_one_error_and_the_next_one_is_read(bench, astronaut, told):
    node = bench.add(FaceDetectorNode, diagnostics_period=0.1)
    said = told(node)
    faces = bench.listen(Detection2DArray, "faces")
    driver = bench.stranger(CompressedImage, "image/compressed")
    bench.wait_for(driver.get_subscription_count, "the detector")
    for sec in (1, 2):
        damaged = packed(astronaut, sec)
        damaged.data = damaged.data[:len(damaged.data) // 2]
        driver.publish(damaged)
        bench.wait_for(lambda sec=sec: node.diagnostics.total("errors") == sec, "an error")
    driver.publish(packed(astronaut, 3))
    bench.wait_for(lambda: faces, "the faces of the whole one")
    assert faces[0].header.stamp.sec == 3
    assert len(said["error"]) == 1 and "compressed image of format" in said["error"][0] and "damaged" in said["error"][0]


@pytest.fixture
def one_process(bench):
    """The graph in one process, on images of others."""
    pipeline = bench.add(PipelineNode, start=False, image_node="none", web=False)
    nodes = pipeline.nodes()
    for node in nodes:
        bench.executor.add_node(node)
        bench.nodes.append(node)
    for node in (pipeline, *nodes):
        node.trigger_configure()
        node.trigger_activate()
    return pipeline, nodes


def test_one_process_decodes_a_picture_once_for_all_its_nodes(bench, one_process, astronaut, monkeypatch):
    decoded = []
    decode = exchange_module.decompressed
    monkeypatch.setattr(exchange_module, "decompressed", lambda *given: decoded.append(1) or decode(*given))
    emotions, overlay = bench.listen(EmotionArray, "/fer/emotions"), bench.listen(Image, "/fer/overlay")
    driver = bench.stranger(CompressedImage, "image/compressed")
    bench.wait_for(driver.get_subscription_count, "the graph")
    sent = 0
    while not (emotions and overlay):
        sent += 1
        assert sent < 200
        driver.publish(packed(astronaut, sent))
        bench.wait_for(lambda sent=sent: len(decoded) == sent, "the picture")
        bench.spin(0.3)
    assert len(emotions[-1].emotions) == 1
    assert len(decoded) == sent


def test_in_one_process_a_damaged_picture_is_one_error_of_one_node(bench, one_process, astronaut):
    pipeline, nodes = one_process
    driver = bench.stranger(CompressedImage, "image/compressed")
    bench.wait_for(driver.get_subscription_count, "the graph")
    driver.publish(CompressedImage(header=packed(astronaut, 1).header, format="jpeg", data=b"\xff\xd8\xff damaged"))
    bench.wait_for(lambda: pipeline.diagnostics.total("errors"), "the error")
    bench.spin(0.5)
    assert [node.diagnostics.total("errors") for node in (pipeline, *nodes)] == [1] + [0] * len(nodes)


def test_a_picture_that_waits_for_its_faces_is_decoded_only_where_there_are_any(bench, astronaut, monkeypatch, message_of):
    decoded = []
    decode = exchange_module.decompressed
    monkeypatch.setattr(exchange_module, "decompressed", lambda *given: decoded.append(1) or decode(*given))
    bench.add(EmotionNode)
    emotions = bench.listen(EmotionArray, "emotions")
    driver = bench.stranger(CompressedImage, "image/compressed")
    bench.wait_for(driver.get_subscription_count, "the emotion node")
    speak = bench.speak(Detection2DArray, "faces")
    image = packed(astronaut, 1)
    driver.publish(image)
    speak(Detection2DArray(header=image.header))
    bench.wait_for(lambda: emotions, "an answer")
    assert not emotions[0].emotions and not decoded


def test_each_node_that_takes_images_takes_compressed_ones(bench, astronaut):
    for node_class in (EmotionNode, OverlayNode, HriNode, WebNode, FaceDetectorNode):
        bench.add(node_class, **({"port": 0} if node_class is WebNode else {}))
    overlay, emotions = bench.listen(Image, "overlay"), bench.listen(EmotionArray, "emotions")
    driver = bench.stranger(CompressedImage, "image/compressed")
    bench.wait_for(lambda: driver.get_subscription_count() == 4, "detector, emotion, overlay and hri node")
    send_until(bench, driver, functools.partial(packed, astronaut), lambda: overlay and emotions, "the overlay")
    assert overlay[0].width == 640
    bench.wait_for(lambda: any("/humans/faces/" in name for name, _ in bench.tester.get_topic_names_and_types()),
                   "topics of REP-155")
    assert not any(node.diagnostics.total("errors") for node in bench.nodes)


def test_a_packed_image_tells_its_size_and_refuses_what_is_none(astronaut):
    image = PackedImage(packed(astronaut, 1))
    assert size_of(image) == (640, 480) and "pixels" not in vars(image)
    assert to_bgr(image) is to_bgr(image)
    broken = PackedImage(CompressedImage(format="jpeg", data=b"hello"))
    for look in (size_of, to_bgr):
        with pytest.raises(ImageError, match="no picture"):
            look(broken)


def test_images_of_the_same_process_come_as_they_are(bench):
    exchange = Exchange()
    exchange.topics.add("/image")
    bench.add(FaceDetectorNode, exchange=exchange, image_transport="compressed")
    assert exchange.listeners("/image")
    assert asked(bench, "/image") == asked(bench, "/image/compressed") == []


def test_the_share_of_what_is_lost_is_that_of_lately():
    now = [0.0]
    meter = LossMeter(lambda: now[0])

    def second(come: int, lost: int) -> float:
        for _ in range(come):
            meter.come()
        meter.lose(lost)
        now[0] += 1
        meter.look()
        return meter.share

    assert [second(10, 20) for _ in range(5)][-1] == pytest.approx(2 / 3)
    assert [second(30, 0) for _ in range(5)][-1] == 0
    assert [second(3000, 5) for _ in range(5)][-1] == 0  # a start, a hiccup
    assert [second(1, 1) for _ in range(5)][-1] == 0  # too few to tell
    assert second(30, 30) > 0.4


def test_the_cure_names_the_profile_that_this_fast_dds_reads(monkeypatch, tmp_path):
    (tmp_path / "libfastdds.so").touch()
    kilted = cure(False, {"LD_LIBRARY_PATH": str(tmp_path)})
    monkeypatch.setattr(dds, "_has_fast_dds_3", lambda environment: False)
    jazzy = cure(False, {})  # PyPI's wheels set no ROS_DISTRO
    assert "let it publish them reliable" in jazzy and "image_transport: compressed" in jazzy
    assert f"{PROFILE_VARIABLES[1]}=" in jazzy and "fastdds2.xml" in jazzy
    assert f"{PROFILE_VARIABLES[0]}=" in kilted and "fastdds3.xml" in kilted
    assert "fastdds" not in cure(False, {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"})
    assert "history depth" in cure(True, {})


DRIVER = textwrap.dedent("""
    import array, time
    import rclpy
    from rclpy.qos import QoSProfile, ReliabilityPolicy
    from sensor_msgs.msg import Image
    rclpy.init()
    node = rclpy.create_node("lossy_driver")
    publisher = node.create_publisher(Image, "image", QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    image = Image(height=1080, width=1920, step=5760, encoding="bgr8", data=array.array("B", bytes(1080 * 5760)))
    while True:
        image.header.stamp.sec += 1
        publisher.publish(image)
        time.sleep(0.03)
""")


@pytest.mark.skipif("fastrtps" not in os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp"), reason="loss of Fast DDS")
def test_a_driver_whose_images_get_lost_is_named_once_with_its_rate_and_the_cure(bench, told):
    node = bench.add(FaceDetectorNode, diagnostics_period=0.2, silence_timeout=60.0)
    said = told(node)
    reports = bench.listen(DiagnosticArray, "/diagnostics")
    environment = {name: value for name, value in os.environ.items() if name not in PROFILE_VARIABLES}
    driver = subprocess.Popen([sys.executable, "-c", DRIVER], env=environment)
    try:
        bench.wait_for(lambda: said["warning"], "the warning")
        bench.spin(3.0)
    finally:
        driver.kill()
        driver.wait()
    assert len(said["warning"]) == 1
    warning = said["warning"][0]
    assert warning.startswith("/lossy_driver: ") and "% of the images on /image, published best effort" in warning
    assert "image_transport: compressed" in warning
    assert node.diagnostics.total("lost") > 0
    status = [one for message in reports for one in message.status if one.name == "/face_detector_node"]
    assert any(one.level == DiagnosticStatus.WARN and "% of /image lost on the way" in one.message for one in status)
