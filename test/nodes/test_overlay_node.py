import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from fer_ros.labels import EMOTIONS
from fer_ros.msg import Emotion, EmotionArray
from fer_ros.nodes.overlay import OverlayNode
from fer_ros.ros.images import to_bgr


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
