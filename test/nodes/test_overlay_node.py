# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage, Image
from vision_msgs.msg import Detection2DArray

from fer_ros.labels import EMOTIONS
from fer_ros.msg import Emotion, EmotionArray
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.ros.event_callbacks import on_match
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import faces_to_message
from fer_ros.types import Box, Face

PLAIN = 96


def emotions_at(image: Image, x: float, y: float, size: float) -> EmotionArray:
    emotion = Emotion(face_id="1", label="happy", confidence=0.9, detection_score=0.9)
    emotion.bbox.center.position.x, emotion.bbox.center.position.y = float(x), float(y)
    emotion.bbox.size_x = emotion.bbox.size_y = float(size)
    emotion.probabilities = emotion.raw_probabilities = [0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.1]
    return EmotionArray(header=image.header, labels=list(EMOTIONS), emotions=[emotion])


def test_nothing_is_done_while_nobody_subscribes(bench, astronaut, message_of):
    node = bench.add(OverlayNode)
    bench.spin(0.5)
    assert bench.tester.count_subscribers("/image") == 0
    heard = bench.listen(Image, "overlay")
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 1, "the overlay node to subscribe")
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    image = message_of(astronaut, 4)
    send_image(image)
    send_emotions(emotions_at(image, 320, 240, 120))
    bench.wait_for(lambda: heard, "an overlay")
    bench.tester.destroy_subscription(next(s for s in bench.tester.subscriptions if s.topic_name == "/overlay"))
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 0, "the overlay node to unsubscribe")
    assert node.health()[1].startswith("idle")


@pytest.mark.skipif(on_match(print) is None, reason="this rclpy does not tell of subscribers")
def test_it_is_told_of_subscribers_and_need_not_look(bench, monkeypatch):
    monkeypatch.setattr(OverlayNode, "_SELDOM", 1000.0)
    node = bench.add(OverlayNode)
    bench.spin(0.5)
    assert node._watch.timer_period_ns == 1000 * 10**9
    subscription = bench.tester.create_subscription(Image, "overlay", print, 1)
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 1, "the overlay node to subscribe")
    bench.tester.destroy_subscription(subscription)
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 0, "the overlay node to unsubscribe")


def test_where_nobody_tells_of_subscribers_it_looks(bench, monkeypatch):
    monkeypatch.setattr("fer_ros.ros.node.on_match", lambda _: None)  # as in Humble
    monkeypatch.setattr(OverlayNode, "_SELDOM", 1000.0)
    bench.add(OverlayNode)
    bench.spin(0.5)
    bench.listen(Image, "overlay")
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 1, "the overlay node to subscribe")


def test_the_overlay_is_the_image_with_the_face_marked(bench, message_of):
    heard = bench.listen(Image, "overlay")
    bench.add(OverlayNode)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    grey = np.full((480, 640, 3), 80, np.uint8)
    image = message_of(grey, 4)
    send_emotions(emotions_at(image, 320, 240, 120))
    send_image(image)
    bench.wait_for(lambda: heard, "an overlay")
    assert heard[0].header == image.header
    drawn = (to_bgr(heard[0]) != grey).any(axis=2)
    assert drawn[235:245, 255:265].any()  # the left edge of the box
    assert not drawn[220:260, 300:340].any()  # the face itself
    assert not drawn[400:, :200].any()  # far from it


def test_the_jpeg_shows_the_same(bench, message_of):
    raw, jpeg = bench.listen(Image, "overlay"), bench.listen(CompressedImage, "overlay/compressed")
    bench.add(OverlayNode)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    image = message_of(np.full((240, 320, 3), 80, np.uint8), 4)
    send_image(image)
    send_emotions(emotions_at(image, 160, 120, 60))
    bench.wait_for(lambda: raw and jpeg, "both overlays")
    decoded = cv2.imdecode(np.frombuffer(jpeg[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert jpeg[0].header == image.header
    assert np.abs(decoded.astype(int) - to_bgr(raw[0])).mean() < 4


def test_the_jpeg_moves_with_the_overlay(bench):
    node = bench.add(OverlayNode, remap="overlay:=/pictures/faces")
    assert (node._raw.topic_name, node._jpeg.topic_name) == ("/pictures/faces", "/pictures/faces/compressed")


def test_emotions_that_make_no_sense_do_not_end_it(bench, message_of):
    heard = bench.listen(Image, "overlay")
    node = bench.add(OverlayNode)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    nan = float("nan")
    for sec, (x, size) in enumerate([(nan, 50.0), (1e9, 50.0), (100.0, -3.0), (100.0, float("inf"))], start=1):
        image = message_of(np.full((240, 320, 3), 80, np.uint8), sec)
        emotions = emotions_at(image, x, 100.0, size)
        emotions.emotions[0].probabilities = [nan] * sec
        emotions.labels = ["?"]
        send_image(image)
        send_emotions(emotions)
        bench.wait_for(lambda n=sec: len(heard) == n, "an overlay all the same")
    assert node.diagnostics.total("errors") == 0


# Privacy.


def grey_image(message_of, sec: int = 4) -> Image:
    return message_of(np.full((240, 640, 3), 80, np.uint8), sec)


def plain(overlay: Image, x: int, y: int = 120, size: int = 40) -> bool:
    """Whether all of a place is under a plain box, but for the lines that are drawn on it."""
    half = size // 2
    return bool((to_bgr(overlay)[y - half : y + half, x - half : x + half] == PLAIN).all(axis=2).mean() > 0.7)


def face(x: float, name: str = "1") -> Face:
    return Face(Box(float(x), 120.0, 40.0, 40.0), 0.9, id=name)


STILL = {"anonymize": "box", "bars": False, "show_fps": False, "line_scale": 0.5}


def test_a_face_of_which_the_emotion_node_said_nothing_is_covered(bench, message_of):
    heard = bench.listen(Image, "overlay")
    bench.add(OverlayNode, **STILL)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    send_faces = bench.speak(Detection2DArray, "faces")
    image = grey_image(message_of)
    send_image(image)
    send_emotions(emotions_at(image, 100, 120, 40))
    send_faces(faces_to_message([face(100), face(500, "2")], image.header))
    bench.wait_for(lambda: heard, "an overlay")
    assert heard[0].header == image.header
    assert plain(heard[0], 100) and plain(heard[0], 500) and not plain(heard[0], 300)


def test_a_face_without_a_usable_box_hides_all(bench, message_of):
    heard = bench.listen(Image, "overlay")
    node = bench.add(OverlayNode, **STILL)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    send_faces = bench.speak(Detection2DArray, "faces")
    nan = float("nan")
    for sec, (x, size) in enumerate([(nan, 50.0), (100.0, -3.0), (100.0, float("inf")), (100.0, 0.0)], start=1):
        image = grey_image(message_of, sec)
        faces = faces_to_message([face(x)], image.header)
        faces.detections[0].bbox.size_x = size
        send_image(image)
        send_emotions(EmotionArray(header=image.header, labels=list(EMOTIONS)))
        send_faces(faces)
        bench.wait_for(lambda n=sec: len(heard) == n, "an overlay all the same")
        assert plain(heard[-1], 320, 120, 200)
    assert node.diagnostics.total("errors") == 0


def test_without_a_detector_the_faces_of_emotions_are_covered_or_all_is(bench, message_of):
    heard = bench.listen(Image, "overlay")
    node = bench.add(OverlayNode, **STILL)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    for sec, unsearched in ((4, False), (5, True)):
        node.set_parameters([Parameter("anonymize_unsearched", value=unsearched)])
        image = grey_image(message_of, sec)
        send_emotions(emotions_at(image, 100, 120, 40))
        send_image(image)
        bench.wait_for(lambda n=sec: len(heard) == n - 3, "an overlay")
        assert plain(heard[-1], 100) and plain(heard[-1], 500) == unsearched


def test_frames_whose_faces_do_not_come_any_more_are_hidden(bench, message_of):
    heard = bench.listen(Image, "overlay")
    bench.add(OverlayNode, anonymize_stale=0.2, **STILL)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    send_faces = bench.speak(Detection2DArray, "faces")
    for sec in (4, 5):
        image = grey_image(message_of, sec)
        send_image(image)
        send_emotions(emotions_at(image, 100, 120, 40))
        if sec == 4:
            send_faces(faces_to_message([face(100)], image.header))
        bench.wait_for(lambda n=sec: len(heard) == n - 3, "an overlay")
    assert not plain(heard[0], 500) and plain(heard[1], 500)


def test_privacy_is_switched_while_it_runs(bench, message_of):
    heard = bench.listen(Image, "overlay")
    node = bench.add(OverlayNode, **{**STILL, "anonymize": "none"})
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    assert bench.tester.count_subscribers("/faces") == 0  # none costs nothing
    for sec, mode in ((4, "none"), (5, "box"), (6, "none")):
        assert node.set_parameters([Parameter("anonymize", value=mode)])[0].successful
        hidden = mode == "box"
        bench.wait_for(lambda hides=hidden: bench.tester.count_subscribers("/faces") == hides, "the node to follow")
        bench.wait_for(lambda: bench.tester.count_subscribers("/emotions") == 1, "the node to subscribe")
        image, before = grey_image(message_of, sec), len(heard)

        def send_until_drawn(image=image, before=before):
            # A subscription that was just made anew may not have been found yet.
            if len(heard) == before:
                image.header.stamp.nanosec += 1
                send_image(image)
                send_emotions(emotions_at(image, 100, 120, 40))
                bench.spin(0.3)
            return len(heard) > before

        bench.wait_for(send_until_drawn, "an overlay")
        assert plain(heard[-1], 100) == hidden
    refused = node.set_parameters([Parameter("anonymize", value="mosaic")])[0]
    assert not refused.successful and "one of none, blur, pixelate, box" in refused.reason


@pytest.mark.parametrize("show_ids", [True, False])
def test_ids_are_left_out_of_the_overlay_where_that_is_asked_for(bench, message_of, show_ids):
    heard = bench.listen(Image, "overlay")
    bench.add(OverlayNode, **{**STILL, "show_ids": show_ids})
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    for sec, name in ((4, "1"), (5, "777")):
        image = grey_image(message_of, sec)
        emotions = emotions_at(image, 100, 120, 40)
        emotions.emotions[0].face_id = name
        send_image(image)
        send_emotions(emotions)
        bench.wait_for(lambda n=sec: len(heard) == n - 3, "an overlay")
    same = bool((to_bgr(heard[0]) == to_bgr(heard[1])).all())
    assert same == (not show_ids)
