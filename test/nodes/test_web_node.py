# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The web node in a graph: what the page is told of it, what it does to it, and that it costs nothing unasked."""

from __future__ import annotations

import asyncio
import json
import re
import struct
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from vision_msgs.msg import Detection2DArray

aiohttp = pytest.importorskip("aiohttp", reason="the live page needs more packages (pip install 'fer_ros[web]')")

from fer_ros.labels import EMOTIONS  # noqa: E402
from fer_ros.media.source import SourceParams, open_source  # noqa: E402
from fer_ros.msg import Emotion, EmotionArray, EmotionEvent  # noqa: E402
from fer_ros.nodes.camera import CameraNode  # noqa: E402
from fer_ros.nodes.emotion import EmotionNode  # noqa: E402
from fer_ros.nodes.overlay import OverlayNode  # noqa: E402
from fer_ros.nodes.web import WebNode  # noqa: E402
from fer_ros.perception.smoothing import SmoothingParams  # noqa: E402
from fer_ros.ros.exchange import Exchange, LocalEmotions, LocalFaces, LocalImage  # noqa: E402
from fer_ros.ros.messages import faces_to_message  # noqa: E402
from fer_ros.ros.overlay_privacy import OverlayPrivacy  # noqa: E402
from fer_ros.types import Box, Face  # noqa: E402
from fer_ros.types import Emotion as Shown  # noqa: E402


class Client:
    """A page in a thread of its own: what it has heard, by type; `wish` asks for something."""

    def __init__(self, port: int):
        self.heard: dict[str, Any] = {}
        self.pictures: list[tuple[dict, bytes]] = []
        self.answers: dict[int, dict] = {}
        self._port, self._number = port, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),), daemon=True)
        self._thread.start()

    async def _run(self) -> None:
        url = f"http://127.0.0.1:{self._port}/live"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as self._socket:
            async for message in self._socket:
                if message.type == aiohttp.WSMsgType.BINARY:
                    (length,) = struct.unpack_from("<I", message.data)
                    self.pictures.append((json.loads(message.data[4 : 4 + length]), message.data[4 + length :]))
                    await self._socket.send_str('{"type": "seen"}')
                    continue
                said = json.loads(message.data)
                if said["type"] == "done":
                    self.answers[said["id"]] = said
                else:
                    self.heard.setdefault(said["type"], []).append(said.get("content", said))

    def last(self, kind: str, default: Any = None) -> Any:
        return self.heard[kind][-1] if kind in self.heard else default

    def wish(self, bench, **message: Any) -> str:
        """The reason why it was not done; empty where it was."""
        self._number += 1
        text = json.dumps({"id": self._number, **message})
        asyncio.run_coroutine_threadsafe(self._socket.send_str(text), self._loop)
        bench.wait_for(lambda: self._number in self.answers, f"an answer to {message}")
        return self.answers[self._number]["reason"]

    def close(self) -> None:
        if self._loop.is_closed():
            return
        if hasattr(self, "_socket"):
            self._loop.call_soon_threadsafe(lambda: asyncio.ensure_future(self._socket.close()))
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def open_page(bench) -> Callable[[WebNode], Client]:
    clients = []

    def opened(node: WebNode) -> Client:
        clients.append(Client(node._server.port))
        bench.wait_for(lambda: "hello" in clients[-1].heard, "the page to be greeted")
        return clients[-1]

    yield opened
    for client in clients:
        client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_pages_of_several_cameras_have_names_and_lead_to_each_other(bench, open_page, capfd, monkeypatch, host):
    said = []
    left = bench.add(WebNode, start=False, remap="__ns:=/robot/left/fer", port=0, host=host)
    right = bench.add(WebNode, start=False, remap="__ns:=/robot/right/fer", port=0, host=host)
    monkeypatch.setattr(type(left.get_logger()), "info", lambda self, text, **_: said.append(text))
    for node in (left, right):
        node.trigger_configure()
        node.trigger_activate()
    ports = [node._server.port for node in (left, right)]
    assert [re.search(r"the page is on http://\S+:(\d+)/ for (\S+)", text).groups() for text in said] == [
        (str(ports[0]), "robot/left"), (str(ports[1]), "robot/right")]
    if host == "0.0.0.0":
        lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("open ")]
        found = [re.fullmatch(r"open http://\S+:(\d+)/#token=(\S+) for (\S+)", line).groups() for line in lines]
        assert [(port, name) for port, _, name in found] == [(str(ports[0]), "robot/left"), (str(ports[1]), "robot/right")]
        assert len({token for _, token, _ in found}) == 1
        return
    page = open_page(right)
    assert page.last("hello")["name"] == "robot/right"
    both = [{"name": f"robot/{name}", "port": port} for name, port in zip(("left", "right"), ports, strict=True)]
    bench.wait_for(lambda: page.last("pages") == both, "the pages of both")
    left.trigger_deactivate()
    left.trigger_cleanup()
    bench.wait_for(lambda: page.last("pages") == [], "the page that has gone to be left out")


def answer(image: Image, face: str = "1", label: str = "happy") -> EmotionArray:
    emotion = Emotion(face_id=face, label=label, confidence=0.9, detection_score=0.9)
    emotion.bbox.center.position.x, emotion.bbox.center.position.y = 200.0, 150.0
    emotion.bbox.size_x, emotion.bbox.size_y = 80.0, 100.0
    emotion.probabilities = emotion.raw_probabilities = [0.0, 0.0, 0.0, 0.9, 0.0, 0.0, 0.1]
    return EmotionArray(header=image.header, labels=list(EMOTIONS), emotions=[emotion])


def test_the_page_shows_an_image_with_its_own_answers(bench, open_page, astronaut, message_of):
    node = bench.add(WebNode, port=0)
    page = open_page(node)
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 1, "the node to take images")
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    first, second = message_of(astronaut, 4), message_of(astronaut[::-1].copy(), 5)
    send_image(first)
    send_image(second)
    send_emotions(answer(second, "2"))
    send_emotions(answer(first, "1"))
    bench.wait_for(lambda: any(head["faces"] for head, _ in page.pictures), "a picture")
    head, jpeg = next(one for one in page.pictures if one[0]["faces"])
    assert head["faces"][0]["id"] == {4: "1", 5: "2"}[head["stamp"]]
    assert head["faces"][0]["box"] == [160, 100, 240, 200] and head["size"] == [astronaut.shape[1], astronaut.shape[0]]
    assert jpeg[:2] == b"\xff\xd8"


def test_no_image_is_taken_while_no_page_is_open(bench, open_page):
    node = bench.add(WebNode, port=0)
    bench.spin(0.6)
    assert bench.tester.count_subscribers("/image") == 0 and bench.tester.count_subscribers("/emotions") == 1
    page = open_page(node)
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 1, "the node to take images")
    page.close()
    bench.wait_for(lambda: bench.tester.count_subscribers("/image") == 0, "the node to let images be")


def test_without_answers_the_picture_is_shown_and_why_is_said(bench, open_page, astronaut, message_of):
    node = bench.add(WebNode, port=0)
    page = open_page(node)
    send = bench.speak(Image, "image")
    bench.wait_for(lambda: page.pictures or send(message_of(astronaut, int(time.monotonic()))), "a picture without answers")
    assert page.pictures[0][0]["faces"] is None
    bench.wait_for(lambda: send(message_of(astronaut, 7)) or page.last("notice", {}).get("text"), "a notice")
    assert "Nobody looks for faces" in page.last("notice")["text"] and not page.last("notice")["over"]


def test_a_page_that_comes_or_goes_interrupts_no_other_topic(bench, open_page):
    node = bench.add(WebNode, port=0)
    before = list(node._inputs)
    page = open_page(node)
    bench.wait_for(lambda: len(list(node._inputs)) == len(before) + 1, "images to be taken")
    page.close()
    bench.wait_for(lambda: len(list(node._inputs)) == len(before), "images to be left")
    assert list(node._inputs) == before


def test_a_picture_is_missed_from_the_moment_that_a_page_is_open(bench, open_page):
    """Nobody has waited before: that is not for ever."""
    node = bench.add(WebNode, port=0)
    bench.add(CameraNode, source="demo", loop=True)  # what it publishes is not what the page shows
    bench.spin(0.6)
    page = open_page(node)

    def said() -> list[str]:
        return [one["text"] for one in page.heard.get("notice", ())]

    bench.wait_for(lambda: any("has come for" in text for text in said()), "the page to say that no picture comes")
    first = next(text for text in said() if "has come for" in text)
    assert float(first.split("has come for ")[1].split(" s")[0]) < 60


def test_a_topic_that_nobody_publishes_is_named(bench, open_page):
    page = open_page(bench.add(WebNode, port=0, remap="image:=/cam/picture"))
    bench.wait_for(lambda: page.last("notice", {}).get("text"), "a notice")
    assert "obody publishes /cam/picture" in page.last("notice")["text"] and page.last("notice")["over"]


def test_a_node_of_humble_tells_its_parameters(bench, open_page):
    """rclpy gives it fewer, and it answers nothing to who asks for more."""
    node = bench.add(EmotionNode)
    node._parameters.pop("start_type_description_service", None)
    page = open_page(bench.add(WebNode, port=0))
    bench.wait_for(lambda: page.last("nodes", {}).get("/emotion_node", {}).get("values"), "the parameters")
    assert page.last("nodes")["/emotion_node"]["values"]["confidence_threshold"] == SmoothingParams().confidence_threshold


def test_a_slider_changes_the_node_and_a_refusal_has_its_words(bench, open_page):
    bench.add(EmotionNode)
    page = open_page(bench.add(WebNode, port=0))
    bench.wait_for(lambda: page.last("nodes", {}).get("/emotion_node", {}).get("values"), "the parameters")
    assert page.last("nodes")["/emotion_node"]["values"]["confidence_threshold"] == SmoothingParams().confidence_threshold

    def now() -> float:
        request = GetParameters.Request(names=["confidence_threshold"])
        return bench.call(GetParameters, "/emotion_node/get_parameters", request).values[0].double_value

    assert page.wish(bench, type="set", node="/emotion_node", name="confidence_threshold", value=0.6) == ""
    assert now() == pytest.approx(0.6)
    assert page.wish(bench, type="set", node="/emotion_node", name="confidence_threshold", value=1) == ""  # a float in JSON
    assert now() == 1.0
    reason = page.wish(bench, type="set", node="/emotion_node", name="confidence_threshold", value=7.5)
    assert reason == "confidence_threshold must be from 0 to 1, not 7.5"
    reason = page.wish(bench, type="set", node="/emotion_node", name="model", value="x")
    assert "takes effect when the node is configured" in reason
    assert "has no parameter" in page.wish(bench, type="set", node="/emotion_node", name="nothing", value=1)
    assert "no node" in page.wish(bench, type="set", node="/other_node", name="enabled", value=False)
    assert now() == 1.0


def test_what_is_changed_elsewhere_is_seen_on_the_page(bench, open_page):
    emotion = bench.add(EmotionNode)
    page = open_page(bench.add(WebNode, port=0))
    bench.wait_for(lambda: page.last("nodes", {}).get("/emotion_node", {}).get("values"), "the parameters")
    emotion.set_parameters([Parameter("stickiness", value=3.5)])
    bench.wait_for(lambda: page.last("nodes")["/emotion_node"]["values"]["stickiness"] == 3.5, "the new value")


def test_what_was_changed_is_a_parameter_file_that_is_accepted(bench, open_page, tmp_path):
    from fer_ros.parameters.params_file import check

    bench.add(EmotionNode, silence_timeout=50.0)
    node = bench.add(WebNode, port=0)
    page = open_page(node)
    bench.wait_for(lambda: page.last("nodes", {}).get("/emotion_node", {}).get("values"), "the parameters")
    assert page.wish(bench, type="set", node="/emotion_node", name="stickiness", value=4.5) == ""
    text = node._server._control.parameter_file()
    (tmp_path / "mine.yaml").write_text(text)
    check(tmp_path / "mine.yaml", "")
    assert '"stickiness": 4.5' in text and "silence_timeout" not in text and "port" not in text


def test_a_switch_rests_a_node_and_wakes_it(bench, open_page):
    bench.add(EmotionNode)
    page = open_page(bench.add(WebNode, port=0))
    bench.wait_for(lambda: "/emotion_node" in page.last("nodes", {}), "the node")

    def state() -> int:
        return bench.call(GetState, "/emotion_node/get_state", GetState.Request()).current_state.id

    assert page.wish(bench, type="switch", node="/emotion_node", on=False) == ""
    assert state() == State.PRIMARY_STATE_INACTIVE
    assert page.wish(bench, type="switch", node="/emotion_node", on=True) == ""
    assert state() == State.PRIMARY_STATE_ACTIVE
    assert "cannot be switched off" in page.wish(bench, type="switch", node="/web_node", on=False)
    bench.nodes[0].trigger_deactivate()
    bench.nodes[0].trigger_shutdown()
    assert page.wish(bench, type="switch", node="/emotion_node", on=True) == (
        "/emotion_node was shut down: start its process again")


def test_hostile_reports_are_cut_short(bench, open_page):
    page = open_page(bench.add(WebNode, port=0))
    publisher = bench.tester.create_publisher(DiagnosticArray, "/diagnostics", 10)
    values = [KeyValue(key=f"k{i}" * 200, value="\x1b[2J<b>" * 2000) for i in range(500)]
    status = DiagnosticStatus(name="/camera/camera_node", message="x" * 100_000, values=values, level=b"\x07")
    strangers = [DiagnosticStatus(name=f"/other{i}/fer/emotion_node") for i in range(200)]

    def told() -> bool:
        publisher.publish(DiagnosticArray(status=[status, *strangers]))
        return any(one["name"] == "/camera/camera_node" for one in page.last("health", []))

    bench.wait_for(told, "the report")
    health = page.last("health")
    assert len(json.dumps(health)) < 60_000
    assert not any(one["name"].startswith("/other") for one in health)
    assert "\x1b" not in json.dumps(health, ensure_ascii=False)


def test_answers_that_make_no_sense_are_left_out(bench, open_page, astronaut, message_of):
    node = bench.add(WebNode, port=0)
    page = open_page(node)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    image = message_of(astronaut, 4)
    wrong = answer(image)
    wrong.emotions = [*answer(image, "good").emotions, *wrong.emotions]
    wrong.emotions[1].bbox.size_x = float("nan")
    send_image(image)
    send_emotions(wrong)
    bench.wait_for(lambda: page.pictures, "a picture")
    assert [face["id"] for face in page.pictures[0][0]["faces"]] == ["good"]


def test_an_event_is_told_and_nonsense_is_not(bench, open_page):
    page = open_page(bench.add(WebNode, port=0))
    send = bench.speak(EmotionEvent, "events")
    for kind, label, confidence in ((2, "<script>", 0.9), (99, "happy", 0.9), (2, "sad", float("nan")), (2, "happy", 0.9)):
        send(EmotionEvent(face_id="1", kind=kind, label=label, previous_label="neutral", confidence=confidence))
    bench.wait_for(lambda: "events" in page.heard, "the event")
    events = [one for message in page.heard["events"] for one in message["events"]]
    assert [(one["kind"], one["face_id"], one["label"], one["previous_label"]) for one in events] == [
        ("changed", "1", "happy", "neutral")]


def test_a_recording_is_made_and_listed(bench, open_page, astronaut, message_of, tmp_path):
    node = bench.add(WebNode, port=0, recordings=str(tmp_path / "videos"))
    page = open_page(node)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    assert page.wish(bench, type="record", on=True) == ""
    assert "runs already" in page.wish(bench, type="record", on=True)
    second = iter(range(4, 10_000))

    def play() -> bool:
        image = message_of(astronaut, next(second))
        send_image(image)
        send_emotions(answer(image))
        return page.last("recording", {}).get("frames") not in (None, "0 frames", "1 frame")

    bench.wait_for(play, "frames in the recording")
    assert page.wish(bench, type="record", on=False) == ""
    bench.wait_for(lambda: page.last("recording")["files"], "the file")
    (file,) = (tmp_path / "videos").iterdir()
    assert page.last("recording")["files"] == [{"name": file.name, "bytes": file.stat().st_size}]
    assert "nothing is being recorded" in page.wish(bench, type="record", on=False)


def test_a_recording_ends_with_the_node(bench, open_page, astronaut, message_of, tmp_path):
    node = bench.add(WebNode, port=0, recordings=str(tmp_path))
    page = open_page(node)
    send_image, send_emotions = bench.speak(Image, "image"), bench.speak(EmotionArray, "emotions")
    page.wish(bench, type="record", on=True)
    for i in range(4, 8):
        image = message_of(astronaut, i)
        send_image(image)
        send_emotions(answer(image))
    bench.wait_for(lambda: page.last("recording", {}).get("frames") == "4 frames", "the frames")
    node.release()
    assert [path.suffix for path in tmp_path.iterdir()] == [".mp4"]


# In one process


def test_nobody_waits_for_the_page_even_where_nothing_is_to_be_lost(bench, open_page, monkeypatch):
    """A node that hangs in the page's work, and a publisher that gives its frames away all the same."""
    exchange = Exchange(lossless=True)
    exchange.topics.update({"/image", "/emotions"})
    node = bench.add(WebNode, exchange=exchange, port=0)
    page = open_page(node)
    hangs, asked = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        asked.set()
        hangs.wait(60)

    monkeypatch.setattr(node, "_show", hang)
    bench.wait_for(lambda: exchange.listeners("/image"), "the node to take images")
    pixels = np.zeros((48, 64, 3), np.uint8)
    probabilities = np.full(7, 1 / 7, np.float32)
    shown = Shown("1", Box(20, 20, 10, 10), 0.9, "happy", 0.9, probabilities, probabilities)

    def give() -> None:
        for i in range(200):
            header = Image().header
            header.stamp.sec = i + 1
            image = LocalImage(header, pixels)
            exchange.put("/image", image)
            exchange.put("/emotions", LocalEmotions(header, [shown], EMOTIONS, image, LocalFaces(header, [], image)))

    giver = threading.Thread(target=give, daemon=True)
    giver.start()
    try:
        giver.join(30)
        assert not giver.is_alive() and asked.wait(30)
    finally:
        hangs.set()
    assert node.diagnostics.total("skipped") > 100
    assert page is not None


# Privacy.


def clear(jpeg: bytes, left: int, top: int, right: int, bottom: int) -> bool:
    """Whether anything of the astronaut can be seen in a part of a picture: what is under a plain box is grey."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return bool(picture[top:bottom, left:right].std() > 8)


@pytest.fixture
def play(bench, astronaut, message_of) -> Callable[..., Image]:
    """Sends the next image of the astronaut, and answers to it unless there shall be none."""
    senders: dict[type, Callable[[Any], None]] = {}
    second = iter(range(4, 10_000))

    def sent(answered: bool = True) -> Image:
        if not senders:
            senders.update({Image: bench.speak(Image, "image"), EmotionArray: bench.speak(EmotionArray, "emotions")})
        image = message_of(astronaut, next(second))
        senders[Image](image)
        if answered:
            senders[EmotionArray](answer(image))
        bench.spin(0.1)
        return image

    return sent


@pytest.mark.parametrize("whose", ["web_node", "overlay_node"])
def test_no_picture_of_a_page_shows_a_face_that_is_to_be_hidden(bench, open_page, play, whose):
    mode = {"anonymize": "box", "anonymize_stale": 0.2}
    if whose == "overlay_node":
        bench.add(OverlayNode, **mode)
    node = bench.add(WebNode, port=0, **(mode if whose == "web_node" else {}))
    page = open_page(node)
    for _ in range(10):  # the very first, before anybody has said anything of faces
        play()
    publisher = bench.speak(Detection2DArray, "faces")
    face, other = Face(Box(200.0, 150.0, 80.0, 100.0), 0.9, id="1"), Face(Box(450.0, 150.0, 80.0, 100.0), 0.9, id="2")
    shown = len(page.pictures)
    bench.wait_for(lambda: publisher(faces_to_message([face, other], play().header)) or any(
        clear(jpeg, 0, 380, 100, 480) for _, jpeg in page.pictures[shown:]), "a picture with covered faces alone")
    for _, jpeg in page.pictures:
        assert not clear(jpeg, 160, 100, 240, 200)
    for _, jpeg in page.pictures[shown + 5:]:
        assert not clear(jpeg, 410, 100, 490, 200)
    # The faces do not come any more, and then not even answers.
    seen = page.pictures[-1][0]["stamp"]
    bench.wait_for(lambda: play() and page.pictures[-1][0]["stamp"] > seen + 10, "pictures without faces")
    assert not clear(page.pictures[-1][1], 0, 0, 640, 480)
    bench.wait_for(lambda: play(answered=False) and page.pictures[-1][0]["faces"] is None, "a picture without answers")
    assert not clear(page.pictures[-1][1], 0, 0, 640, 480)


def test_a_page_shows_no_more_than_an_overlay_that_has_not_said_what_it_hides(bench, open_page, play, monkeypatch):
    silent = Node("overlay_node", start_parameter_services=False)
    monkeypatch.setattr(OverlayPrivacy, "_PATIENCE", 1.0)
    said: list[str] = []
    monkeypatch.setattr(WebNode, "say_once", lambda self, subject, text, **_: said.append(text))
    try:
        page = open_page(bench.add(WebNode, port=0))
        for _ in range(25):
            play()
        bench.wait_for(lambda: page.pictures, "a picture")
        assert not any(clear(jpeg, 0, 0, 640, 480) for _, jpeg in page.pictures)
        bench.wait_for(lambda: any("/overlay_node does not say whether it hides faces" in text for text in said), "the reason")
    finally:
        silent.destroy_node()


def test_a_page_is_hidden_as_soon_as_the_overlay_is(bench, open_page, play):
    overlay = bench.add(OverlayNode)
    page = open_page(bench.add(WebNode, port=0))

    def shows(face_is_clear: bool) -> bool:
        play()
        return bool(page.pictures) and clear(page.pictures[-1][1], 160, 100, 240, 200) == face_is_clear

    bench.wait_for(lambda: shows(True), "a clear picture")
    for mode, face_is_clear in (("box", False), ("none", True)):
        assert overlay.set_parameters([Parameter("anonymize", value=mode)])[0].successful
        bench.wait_for(lambda is_clear=face_is_clear: shows(is_clear), mode)


def test_a_page_that_is_opened_later_gets_no_picture_from_before_faces_were_hidden(bench, open_page, play):
    node = bench.add(WebNode, port=0)
    page = open_page(node)
    bench.wait_for(lambda: play() and page.pictures and clear(page.pictures[-1][1], 160, 100, 240, 200), "a clear picture")
    page.close()
    assert node.set_parameters([Parameter("anonymize", value="box")])[0].successful
    later = open_page(node)
    bench.spin(1.0)
    assert not later.pictures


def test_a_recording_of_the_page_is_covered_like_its_picture(bench, open_page, astronaut, play, tmp_path):
    node = bench.add(WebNode, port=0, recordings=str(tmp_path), anonymize="box")
    page = open_page(node)
    assert page.wish(bench, type="record", on=True) == ""
    bench.wait_for(lambda: play() and page.last("recording", {}).get("frames") not in (None, "0 frames", "1 frame"),
                   "frames in the recording")
    assert page.wish(bench, type="record", on=False) == ""
    (file,) = tmp_path.iterdir()
    with open_source(SourceParams(source=str(file), realtime=False)) as video:
        frames = [frame.image for frame in video]
    assert frames and all(frame[120:180, 170:230].std() < 15 for frame in frames)
    assert astronaut[120:180, 170:230].std() > 30


# Starting


def test_without_its_packages_it_says_what_to_install(bench, monkeypatch, capfd):
    for name in [name for name in sys.modules if name.startswith("fer_ros.web.server")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    said = []
    node = bench.add(WebNode, start=False, port=0)
    monkeypatch.setattr(type(node.get_logger()), "error", lambda self, text, **_: said.append(text))
    node.trigger_configure()
    assert "pip install 'fer_ros[web]'" in said[0] and "python3-aiohttp" in said[0]


def test_a_port_that_is_taken_fails_the_configuration(bench, monkeypatch):
    first = bench.add(WebNode, port=0)
    said = []
    second = bench.add(WebNode, start=False, port=first._server.port)
    monkeypatch.setattr(type(second.get_logger()), "error", lambda self, text, **_: said.append(text))
    second.trigger_configure()
    assert "cannot be served on 127.0.0.1" in said[0]


def test_beyond_this_machine_a_token_is_made_and_shown_to_the_terminal_alone(bench, monkeypatch, capfd):
    monkeypatch.delenv("FER_ROS_WEB_TOKEN", raising=False)
    node = bench.add(WebNode, host="0.0.0.0", port=0)
    token = node._server._access.token
    assert len(token) >= 26
    printed = capfd.readouterr()
    assert f"#token={token}" in printed.out and "█" in printed.out
    assert token not in printed.err  # where loggers write, and from there to files and topics


def test_a_token_of_ones_own_is_not_printed(bench, monkeypatch, capfd):
    monkeypatch.setenv("FER_ROS_WEB_TOKEN", "of-my-own-0123456789")
    node = bench.add(WebNode, host="0.0.0.0", port=0)
    assert node._server._access.token == "of-my-own-0123456789"
    printed = capfd.readouterr()
    assert "of-my-own" not in printed.out + printed.err


def test_a_token_that_can_be_guessed_is_refused(bench, monkeypatch):
    monkeypatch.setenv("FER_ROS_WEB_TOKEN", "1234")
    said = []
    node = bench.add(WebNode, start=False, host="0.0.0.0", port=0)
    monkeypatch.setattr(type(node.get_logger()), "error", lambda self, text, **_: said.append(text))
    node.trigger_configure()
    assert "FER_ROS_WEB_TOKEN must be" in said[0] and "1234" not in said[0]
