# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The graph in one process says what the graph in many says, and hands images on as they are."""

from __future__ import annotations

import dataclasses
import threading
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from hri_msgs.msg import IdsList
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from fer_ros.graph import cameras_graph, webcam_graph
from fer_ros.media.source import open_source
from fer_ros.media.source_params import SourceParams
from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.nodes import camera
from fer_ros.nodes.camera import CameraNode
from fer_ros.nodes.emotion import EmotionNode
from fer_ros.nodes.face_detector import FaceDetectorNode
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.nodes.pipeline import PipelineNode, _arguments
from fer_ros.nodes.replay import ReplayNode
from fer_ros.parameters.cameras_file import Camera
from fer_ros.perception.detector import DetectorParams, FaceDetector
from fer_ros.ros import names, source_node
from fer_ros.ros.exchange import Exchange, LocalImage, Worker
from fer_ros.ros.images import from_bgr, to_bgr
from fer_ros.ros.messages import faces_to_message
from fer_ros.ros.recorder import Recorder


def wait_for(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def composed(bench):
    """Detector, emotion and overlay node in one process; plays a bag to them."""

    class Composed:
        def __init__(self):
            self.exchange = Exchange(lossless=True)
            for node_class in (FaceDetectorNode, EmotionNode, OverlayNode):
                node = bench.add(node_class, start=False, remap="image:=image_raw", exchange=self.exchange)
                self.exchange.topics.update(map(node.resolve_topic_name, node.LOCAL_OUTPUTS))
            self.exchange.topics.add("/image_raw")
            for node in bench.nodes:
                node.trigger_configure()
                node.trigger_activate()
            self.faces = bench.listen(Detection2DArray, "faces", 500)
            self.emotions = bench.listen(EmotionArray, "emotions", 500)
            self.events = bench.listen(EmotionEvent, "events", 500)
            detector, emotion, _ = bench.nodes
            bench.wait_for(lambda: detector._faces.remote and emotion._emotions.remote and emotion._events.remote
                           and bench.tester.count_publishers("faces") == bench.tester.count_publishers("emotions")
                           == bench.tester.count_publishers("events") == 1, "the graph to be heard")
            bench.spin(0.3)

        def play(self, bag, **named) -> ReplayNode:
            return bench.add(ReplayNode, bag=str(bag), wait_for_subscribers=1, exchange=self.exchange, **named)

    return Composed()


def test_it_answers_each_image_as_the_annotation_does(bench, composed, demo_bag, golden, golden_events, monkeypatch):
    made = []
    monkeypatch.setattr(source_node, "from_bgr", lambda *_: made.append(1))
    composed.play(demo_bag, rate=5.0)
    bench.wait_for(lambda: len(composed.emotions) >= 45, "all answers")
    expected = golden(demo_bag)
    assert composed.faces == [faces for faces, _ in expected]
    assert composed.emotions == [emotions for _, emotions in expected]
    events = golden_events(demo_bag)
    bench.wait_for(lambda: len(composed.events) >= len(events), "all events")
    assert composed.events == events != []
    assert not made, "an image was made a message although nobody outside of the process listens"


def test_an_image_goes_out_only_to_who_listens(bench, composed, demo_bag, demo_images):
    images, overlays = [], []
    for topic, heard in (("image_raw", images), ("overlay", overlays)):
        bench.tester.create_subscription(Image, topic, heard.append, QoSProfile(depth=200))
    node = composed.play(demo_bag, rate=0.5, loop=True)
    bench.wait_for(lambda: len(images) >= 5 and len(overlays) >= 5, "images and overlays")
    assert any((to_bgr(images[-1]) == image).all() for image in demo_images)
    assert (images[-1].width, images[-1].encoding, images[-1].header.frame_id) == (320, "bgr8", "cam")
    assert (to_bgr(overlays[-1]) != 0).any()
    assert node._images.get_subscription_count() == 2  # the detector, and the tester


def test_every_face_is_covered_also_those_that_the_emotion_node_leaves_out(bench, composed, demo_bag, golden, demo_images):
    """The overlay hears of all faces within the process; the last come without a frame after them."""
    _, emotion, overlay = bench.nodes
    for node, name, value in ((emotion, "max_faces", 1), (overlay, "anonymize", "box"), (overlay, "bars", False),
                              (overlay, "show_fps", False)):
        assert node.set_parameters([Parameter(name, value=value)])[0].successful
    overlays = bench.listen(Image, "overlay", 500)
    bench.wait_for(lambda: overlay._watched, "the overlay node to see its listener")
    composed.play(demo_bag, rate=3.0)
    bench.wait_for(lambda: len(overlays) >= 45, "all overlays")
    assert max(len(message.emotions) for message in composed.emotions) == 1
    several = 0
    for message, (faces, _), clean in zip(overlays, golden(demo_bag), demo_images, strict=True):
        assert message.header == faces.header
        several += len(faces.detections) > 1
        for detection in faces.detections:
            x, y = (round(value) for value in (detection.bbox.center.position.x, detection.bbox.center.position.y))
            there = to_bgr(message)[max(y - 8, 0) : y + 8, max(x - 8, 0) : x + 8]
            assert (there == 96).all(axis=2).mean() > 0.7 and (clean[y, x] != 96).any()
    assert several


def test_without_ids_nobody_can_be_followed_and_the_answers_are_the_same(bench, composed, demo_bag, golden):
    for node in bench.nodes[:2]:
        assert node.set_parameters([Parameter("publish_ids", value=False)])[0].successful
    composed.play(demo_bag, rate=5.0)
    bench.wait_for(lambda: len(composed.emotions) >= 45 and composed.events, "all answers")
    assert {one.id for message in composed.faces for one in message.detections} == {""}
    assert {one.face_id for message in composed.emotions for one in message.emotions} == {""}
    assert {event.face_id for event in composed.events} == {""}
    expected = [emotions for _, emotions in golden(demo_bag)]
    for message in expected:
        for one in message.emotions:
            one.face_id = ""
    assert composed.emotions == expected


def test_who_comes_late_gets_what_is_durable(bench, composed, demo_bag, monkeypatch):
    made = []
    monkeypatch.setattr(source_node, "from_bgr", lambda *arguments: made.append(1) or from_bgr(*arguments))
    composed.play(demo_bag, rate=5.0, image_durability="transient_local", image_depth=60)
    bench.wait_for(lambda: len(composed.emotions) >= 45, "all answers")
    assert not made  # until somebody comes
    late = []
    bench.tester.create_subscription(Image, "image_raw", late.append,
                                     QoSProfile(depth=60, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    bench.wait_for(lambda: len(late) == 45, "all images, afterwards")


def test_a_node_that_is_stopped_hears_nothing_and_goes_on_when_it_is_started(bench, composed, demo_bag):
    detector = bench.nodes[0]
    composed.play(demo_bag, loop=True)
    bench.wait_for(lambda: len(composed.faces) > 5, "faces")
    assert [t.name for t in threading.enumerate()].count("exchange") == 2  # nobody watches the overlay
    detector.trigger_deactivate()
    bench.spin(0.3)
    composed.faces.clear()
    bench.spin(0.5)
    assert not composed.faces
    detector.trigger_activate()
    bench.wait_for(lambda: len(composed.faces) > 5, "faces again")


def test_of_what_waits_the_newest_stays_and_the_rest_is_counted():
    exchange, worker = Exchange(), Worker()
    begun, go_on, seen, skipped = threading.Event(), threading.Event(), [], []

    def slow(message):
        begun.set()
        go_on.wait(30)
        seen.append(message)

    exchange.subscribe("/x", worker, slow, 1, skipped=lambda: skipped.append(1))
    for message in range(5):
        exchange.put("/x", message)
        begun.wait(30)
    go_on.set()
    wait_for(lambda: len(seen) == 2)
    worker.end()
    assert seen == [0, 4]
    assert len(skipped) == 3


@pytest.mark.parametrize("all_of_it", [True, False])
def test_where_nothing_may_be_lost_the_giver_waits(all_of_it):
    exchange, worker = Exchange(lossless=all_of_it), Worker()
    seen, skipped = [], []
    inlet = exchange.subscribe("/x", worker, lambda message: (time.sleep(0.002), seen.append(message)), 1,
                               lossless=not all_of_it, skipped=lambda: skipped.append(1))
    for message in range(50):
        exchange.put("/x", message)
        assert inlet.waiting <= 1
    wait_for(lambda: len(seen) == 50)
    assert seen == list(range(50))
    assert not skipped
    inlet.close()
    exchange.put("/x", 50)
    worker.end()
    assert len(seen) == 50


def test_a_giver_that_waits_is_let_go_when_the_taker_ends():
    exchange, worker = Exchange(lossless=True), Worker()
    hold = threading.Event()
    inlet = exchange.subscribe("/x", worker, lambda message: hold.wait(30), 1)
    giver = threading.Thread(target=lambda: [exchange.put("/x", i) for i in range(5)])
    giver.start()
    closer = threading.Thread(target=inlet.close)
    closer.start()
    giver.join(30)
    assert not giver.is_alive()
    hold.set()
    closer.join(30)
    worker.end()
    assert not closer.is_alive()


def test_a_local_image_is_read_as_it_is():
    pixels = np.zeros((4, 4, 3), np.uint8)
    assert to_bgr(LocalImage(Header(), pixels)) is pixels


@pytest.fixture
def pipeline(bench):
    """Makes a pipeline node with rules and parameters, and its others, and starts all of them; the others by name."""

    def make(*rules, **parameters):
        node = bench.add(PipelineNode, start=False, remap=" ".join(rules), **parameters)
        others = node.nodes()
        for other in others:
            bench.executor.add_node(other)
            bench.nodes.append(other)
        for one in (node, *others):
            assert one.trigger_configure() == one.trigger_activate() == TransitionCallbackReturn.SUCCESS
        return {other.get_fully_qualified_name(): other for other in others}

    return make


def test_it_makes_the_nodes_that_the_graph_describes(pipeline):
    graph = webcam_graph({})
    made = pipeline(**graph.composed.named)
    assert set(made) == {spec.full_name for spec in graph.nodes}
    assert made["/camera/camera_node"]._images.topic_name == graph.topics.image
    assert next(iter(made["/fer/face_detector_node"]._inputs)).topic == graph.topics.image
    assert made["/fer/emotion_node"]._emotions.topic_name == graph.topics.emotions
    assert all(entry.local for node in made.values() for entry in node._inputs)


@pytest.mark.parametrize("composed", [True, False])
def test_a_users_file_wins_over_what_suits_the_graph_and_the_command_line_over_both(bench, tmp_path, composed):
    users = tmp_path / "mine.yaml"
    users.write_text("/**/camera_node: {ros__parameters: {image_depth: 7}}\n"
                     "/**: {ros__parameters: {width: 640, height: 480, autostart: true, wait_for_subscribers: 0}}\n")
    graph = webcam_graph({"source": "demo", "width": 320, "height": 240}, composed=composed)
    files = graph.processes[-1].parameter_files(users, tmp_path, lambda spec: {"autostart": False})
    node = CameraNode(cli_args=["--ros-args", "-r", "__ns:=/camera",
                                *(word for file in files for word in ("--params-file", str(file)))])
    bench.nodes.append(node)
    found = {name: node.get_parameter(name).value for name in (
        "source", "image_durability", "image_depth", "wait_for_subscribers", "width", "height", "autostart")}
    assert found == {"source": "demo", "image_durability": "transient_local", "image_depth": 7, "wait_for_subscribers": 0,
                     "width": 320, "height": 240, "autostart": False}


def test_another_drivers_images_are_taken_in_once(bench, pipeline, demo_images):
    made = pipeline(image_node="none", overlay=False)
    assert set(made) == {"/fer/face_detector_node", "/fer/emotion_node"}
    assert bench.tester.count_subscribers("/image") == 1
    emotions = bench.listen(EmotionArray, "/fer/emotions")
    bench.wait_for(lambda: made["/fer/emotion_node"]._emotions.remote, "the tester to be heard")
    give = bench.speak(Image, "/image")
    give(from_bgr(demo_images[0], Header(frame_id="front")))
    bench.wait_for(lambda: emotions, "an answer")
    assert (emotions[0].header.frame_id, emotions[0].emotions[0].label) == ("front", "happy")


def test_a_drivers_images_come_in_beside_those_of_a_source(bench, pipeline, demo_images):
    made = pipeline(cameras="left, right", topic_cameras="right", overlay=False)
    assert set(made) == {"/left/camera/camera_node", *(f"/{name}/fer/{node}" for name in ("left", "right")
                                                       for node in ("face_detector_node", "emotion_node"))}
    emotions = bench.listen(EmotionArray, "/right/fer/emotions")
    bench.wait_for(lambda: made["/right/fer/emotion_node"]._emotions.remote, "the tester to be heard")
    give = bench.speak(Image, "/right/image")
    give(from_bgr(demo_images[0], Header(frame_id="front")))
    bench.wait_for(lambda: emotions, "an answer")
    assert (emotions[0].header.frame_id, emotions[0].emotions[0].label) == ("front", "happy")
    assert bench.tester.count_subscribers("/left/image") == 0
    assert all(entry.local for node in made.values() for entry in node._inputs)


def test_where_its_image_is_remapped_the_nodes_listen_there_and_not_to_the_camera(bench, pipeline, demo_images, monkeypatch):
    monkeypatch.setattr(camera, "open_source", lambda params: open_source(SourceParams(source="demo", loop=True, fps=5.0)))
    made = pipeline("image:=/other/camera", overlay=False)
    own = bench.listen(Image, "/camera/image_raw")
    emotions = bench.listen(EmotionArray, "/fer/emotions")
    bench.wait_for(lambda: made["/fer/emotion_node"]._emotions.remote and own, "the tester to be heard, and the camera")
    give = bench.speak(Image, "/other/camera")
    assert bench.tester.count_subscribers("/other/camera") == 1
    for _ in range(3):
        give(from_bgr(demo_images[0], Header(frame_id="other")))
        bench.spin(0.3)
    bench.wait_for(lambda: emotions, "an answer")
    assert {message.header.frame_id for message in emotions} == {"other"}
    assert own[-1].header.frame_id == "camera_optical_frame"


def test_where_its_image_is_remapped_to_its_own_camera_nothing_leaves_the_process(pipeline):
    made = pipeline("image:=/camera/image_raw")
    assert all(entry.local for node in made.values() for entry in node._inputs)


def test_what_several_cameras_have_in_common_is_taken_in_once(bench, pipeline, demo_images):
    pipeline("left/image:=/one", "right/image:=/one", image_node="none", cameras="left,right", overlay=False)
    heard = [bench.listen(EmotionArray, f"/{side}/fer/emotions") for side in ("left", "right")]
    give = bench.speak(Image, "/one")
    bench.wait_for(lambda: bench.tester.count_publishers("/right/fer/emotions"), "the nodes")
    bench.spin(0.5)
    give(from_bgr(demo_images[0], Header(frame_id="one")))
    bench.wait_for(lambda: all(heard), "both answers")
    bench.spin(0.5)
    assert [len(messages) for messages in heard] == [1, 1]
    assert bench.tester.count_subscribers("/one") == 1


@pytest.mark.parametrize("faces", ["hri", "/other/faces"])
def test_it_makes_the_nodes_of_a_graph_with_another_detector(pipeline, faces):
    graph = webcam_graph({}, faces=faces, hri=True)
    made = pipeline(**graph.composed.named)
    assert set(made) == {spec.full_name for spec in graph.nodes}
    for name in ("/fer/emotion_node", "/fer/hri_node"):
        assert {entry.topic: entry.local for entry in made[name]._inputs} == {
            "/fer/hri_node": {"/fer/emotions": True},
            "/fer/emotion_node": {"/fer/faces": True} if faces == "hri" else
                                 {"/fer/faces": False, "/camera/image_raw": True},
        }[name]


def test_another_detectors_faces_find_their_image_within_the_process(bench, pipeline, demo_images):
    """The image is handed over in a thread of its own, while the faces come over ROS."""
    made = pipeline(image_node="none", face_node="none", overlay=False)
    assert set(made) == {"/fer/emotion_node"}
    heard = bench.listen(EmotionArray, "/fer/emotions")
    bench.wait_for(lambda: made["/fer/emotion_node"]._emotions.remote, "the tester to be heard")
    give_image, give_faces = bench.speak(Image, "/image"), bench.speak(Detection2DArray, "/fer/faces")
    [face] = FaceDetector(DetectorParams()).detect(demo_images[0])
    face = dataclasses.replace(face, id="somebody")

    def sent() -> bool:
        header = Header(frame_id="front", stamp=bench.tester.get_clock().now().to_msg())
        give_faces(faces_to_message([face], header))
        give_image(from_bgr(demo_images[0], header))
        bench.spin(0.05)
        return len(heard) >= 5

    bench.wait_for(sent, "answers")
    assert {(one.face_id, one.label) for message in heard for one in message.emotions} == {("somebody", "happy")}
    stamps = [(message.header.stamp.sec, message.header.stamp.nanosec) for message in heard]
    assert stamps == sorted(set(stamps))


def test_several_cameras_share_the_node_that_says_who_is_there(bench, pipeline, demo_images):
    made = pipeline(image_node="none", cameras="left, right", overlay=False, hri=True)
    graph = cameras_graph([Camera(name, {}, f"/{name}/image") for name in ("left", "right")], overlay=False, hri=True)
    assert set(made) == {spec.full_name for spec in graph.nodes}
    people = made["/fer/hri_node"]
    assert {entry.topic: entry.local for entry in people._inputs} == {"/left/fer/emotions": True, "/right/fer/emotions": True}
    lists = bench.listen(IdsList, "/humans/faces/tracked")
    bench.wait_for(lambda: people._tracked.remote, "the tester to be heard")
    give = {name: bench.speak(Image, f"/{name}/image") for name in ("left", "right")}

    def both() -> bool:
        for name, speak in give.items():
            speak(from_bgr(demo_images[0], Header(frame_id=name, stamp=bench.tester.get_clock().now().to_msg())))
        bench.spin(0.1)
        return any({name.partition("_")[0] for name in one.ids} == {"left", "right"} for one in lists)

    for name in ("left", "right"):
        made[f"/{name}/fer/face_detector_node"].set_parameters([Parameter("id_prefix", value=f"{name}_")])
    bench.wait_for(both, "a list with those of both cameras")


def test_each_of_several_cameras_has_a_page(bench, pipeline, monkeypatch):
    pytest.importorskip("aiohttp", reason="the live page needs more packages (pip install 'fer_ros[web]')")
    monkeypatch.setattr("fer_ros.nodes.pipeline._arguments", lambda *arguments: [
        *_arguments(*arguments), "-p", f"port:={0 if 'web_node' in arguments else 1}"])
    made = pipeline(image_node="none", cameras="left, right", overlay=False, web=True)
    assert {f"/{name}/fer/web_node" for name in ("left", "right")} <= set(made)
    assert made["/left/fer/web_node"]._server.port != made["/right/fer/web_node"]._server.port


def test_an_image_that_is_none_is_told_once_and_skipped(bench, pipeline, demo_images):
    pipeline(image_node="none")
    emotions = bench.listen(EmotionArray, "/fer/emotions")
    give = bench.speak(Image, "/image")
    give(Image(encoding="bgr8", width=10, height=10, step=30))
    node = bench.nodes[0]
    bench.wait_for(lambda: node.diagnostics.total("errors") == 1, "the error")
    bench.wait_for(lambda: bench.nodes[2]._emotions.remote, "the tester to be heard")
    give(from_bgr(demo_images[0], Header()))
    bench.wait_for(lambda: emotions, "an answer")


def test_where_classification_is_slow_the_newest_image_is_next_and_none_is_detected_in_vain(bench, pipeline, demo_images):
    made = pipeline(image_node="none", overlay=False)
    detector, emotion = made["/fer/face_detector_node"], made["/fer/emotion_node"]
    work = emotion._stage

    class Slow:
        classifier, times = work.classifier, work.times

        def __call__(self, *arguments):
            time.sleep(0.15)  # of fifteen images
            return work(*arguments)

    emotion._stage = Slow()
    faces, emotions = bench.listen(Detection2DArray, "/fer/faces", 200), bench.listen(EmotionArray, "/fer/emotions", 200)
    bench.wait_for(lambda: detector._faces.remote and emotion._emotions.remote, "the tester to be heard")
    give = bench.speak(Image, "/image")
    for number in range(1, 61):
        header = Header()
        header.stamp.sec = number
        give(from_bgr(demo_images[0], header))
        bench.spin(0.01)
    last = bench.nodes[0].diagnostics
    bench.wait_for(lambda: emotions and len(emotions) + detector.diagnostics.total("skipped") == last.total("images"),
                   "an answer to each image that was not skipped")
    stamps = [message.header.stamp.sec for message in emotions]
    assert stamps == sorted(stamps)
    assert detector.diagnostics.total("skipped") > 5
    assert emotion.diagnostics.total("skipped") == 0
    bench.wait_for(lambda: len(faces) == len(emotions), "as many faces as emotions")


def test_each_of_several_cameras_has_its_own_nodes(bench, pipeline, demo_images):
    made = pipeline(image_node="none", cameras="left, right", overlay=False)
    stages = ("face_detector_node", "emotion_node")
    assert set(made) == {f"/{side}/fer/{stage}" for side in ("left", "right") for stage in stages}
    heard = {side: bench.listen(EmotionArray, f"/{side}/fer/emotions") for side in ("left", "right")}
    bench.wait_for(lambda: all(made[f"/{side}/fer/emotion_node"]._emotions.remote for side in heard), "both to be heard")
    for side, image in (("left", demo_images[0]), ("right", np.zeros_like(demo_images[0]))):
        bench.speak(Image, f"/{side}/image")(from_bgr(image, Header(frame_id=side)))
    bench.wait_for(lambda: all(heard.values()), "both answers")
    assert [(m.header.frame_id, len(m.emotions)) for m in (*heard["left"], *heard["right"])] == [("left", 1), ("right", 0)]


def test_the_images_of_one_of_several_cameras_are_recorded_from_where_the_process_takes_them(bench, pipeline):
    """A name below which nothing has them: of each camera others publish them, raw or compressed, or the one camera node."""
    pipeline("left/image:=/left_driver/image_raw", "right/image:=/right_driver/image_raw", "top/image:=/top_driver/jpeg",
             cameras="left, right, top, door", topic_cameras="left, right, top", overlay=False)
    published = {"left": (Image, "/left_driver/image_raw"), "right": (CompressedImage, "/right_driver/image_raw/compressed"),
                 "top": (CompressedImage, "/top_driver/jpeg"), "door": (Image, "/door/camera/image_raw")}
    for kind, topic in published.values():
        bench.stranger(kind, topic)
    told, recorders = [], {}
    for name, (kind, _) in published.items():
        image = names.IMAGE if kind is Image else names.IMAGE_COMPRESSED
        node = Recorder({image: kind, names.CAMERA_INFO: CameraInfo}, f"/{name}", (), print, told.append)
        recorders[name] = node, image
        bench.executor.add_node(node)
    bench.wait_for(lambda: {name: node.name(image) for name, (node, image) in recorders.items()} ==
                   {name: topic for name, (_, topic) in published.items()}, "each to know the images of its camera")
    assert [recorders[name][0].name(names.CAMERA_INFO) for name in ("left", "door")] == [
        "/left_driver/camera_info", "/door/camera/camera_info"]
    assert not any("/door" in text for text in told)
    for node, _ in recorders.values():
        bench.executor.remove_node(node)
        node.destroy_node()


@pytest.mark.parametrize("cameras", ["left,left", "left,", "my camera", ","])
def test_cameras_that_cannot_be_names_are_refused(bench, cameras):
    with pytest.raises(ValueError, match="cameras must be different names"):
        bench.add(PipelineNode, start=False, cameras=cameras)


def test_a_topic_is_that_of_one_of_the_cameras(bench):
    with pytest.raises(ValueError, match=r"topic_cameras must be some of cameras \(left, right\), not 'top'"):
        bench.add(PipelineNode, start=False, cameras="left, right", topic_cameras="right, top")


def test_what_it_is_made_of_does_not_change(bench, pipeline):
    pipeline(image_node="none")
    node = bench.nodes[0]
    node.trigger_deactivate()
    node.trigger_cleanup()
    (outcome,) = node.set_parameters([Parameter("overlay", value=False)])
    assert outcome.successful
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE


def test_the_stages_tell_how_long_they_take(bench, composed, demo_bag):
    reports = bench.listen(DiagnosticArray, "/diagnostics", 500)
    composed.play(demo_bag, rate=5.0)
    bench.wait_for(lambda: len(composed.emotions) >= 45, "all answers")
    for node in bench.nodes[:2]:
        node.report()
    wanted = {"detect", "track", "convert", "publish", "align", "classify", "smooth"}

    def told():
        return {entry.key: entry.value for report in reports for status in report.status for entry in status.values}

    bench.wait_for(lambda: {f"{stage} {share}" for stage in wanted for share in ("p50", "p95")} <= set(told()), "the times")
    assert all(0 <= float(told()[f"{stage} p50"].removesuffix(" ms")) < 60_000 for stage in wanted)
    assert "latency p50" not in told()  # a recording's
