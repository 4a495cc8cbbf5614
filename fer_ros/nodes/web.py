# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""web_node: a live page of the graph, in any browser."""

from __future__ import annotations

import functools
import math
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fer_ros.drawing.overlay import OverlayLayout, draw_overlay
from fer_ros.media.encodings import to_jpeg
from fer_ros.media.meter import RateLimit, StageTimes
from fer_ros.media.scaling import resized
from fer_ros.media.video_recorder import RecordError
from fer_ros.msg import EmotionArray, EmotionEvent
from fer_ros.parameters.node_params import MatchingParams, PairedImageParams
from fer_ros.parameters.privacy_params import NONE, PrivacyParams
from fer_ros.parameters.web_params import WebParams
from fer_ros.ros.diagnostics import OK
from fer_ros.ros.exchange import AnyEmotions, AnyImage
from fer_ros.ros.image_input import explain_no_images
from fer_ros.ros.images import to_bgr
from fer_ros.ros.messages import emotions_from_message, event_from_message, seconds
from fer_ros.ros.node import FerNode
from fer_ros.ros.overlay_privacy import OverlayPrivacy
from fer_ros.ros.qos import RESULTS
from fer_ros.ros.spinning import main_of
from fer_ros.ros.steering import NotDone, Steering
from fer_ros.ros.veil import Veil
from fer_ros.types import Emotion
from fer_ros.types import Image as Pixels
from fer_ros.web import health
from fer_ros.web.access import TOKEN_VARIABLE, Access, checked_token, invitation, is_loopback, qr_code
from fer_ros.web.hello import hello
from fer_ros.web.history import usable, usable_event
from fer_ros.web.live import Control, Live, Refused, head_of
from fer_ros.web.pages import IN_THIS_PROCESS, Page
from fer_ros.web.recording import Recordings

if TYPE_CHECKING:
    from fer_ros.web.server import Server


class _Answer(NamedTuple):
    """A message, and what of it can be shown."""

    message: AnyEmotions
    found: list[Emotion]


class _Shown(NamedTuple):
    """What goes with an image: the faces in it, None where nobody has looked; and how old it was when they were known."""

    found: list[Emotion] | None
    latency: float | None


class WebNode(FerNode):
    NAME = "web_node"
    PARAMS = (WebParams, PrivacyParams, MatchingParams, PairedImageParams)

    _server: Server | None = None
    _page: Page | None = None

    def setup(self) -> None:
        params = self.params[WebParams]
        self._images = self.answered("emotions", self._on_answer)
        self._live, self._times = Live(), StageTimes()
        self._name = self.get_namespace().removesuffix("/fer").strip("/")  # of the camera or robot, where there are several
        self._recordings = Recordings(params.recordings, self._name)
        self._steering = Steering(self)
        self._answered = self._pictured = -math.inf  # when the last answer and the last image came
        self._missed = -math.inf  # since when images have been taken
        self._rate = RateLimit()
        self._watched = False
        self._overlay = OverlayPrivacy(self, self._steering)
        self._veil = self._new_veil()
        self._layout = OverlayLayout()  # of what is recorded
        self._ticking = [self.every(0.2, self._follow_watchers), self.every(0.5, self._look)]
        self._server = self._serve_page(params)

    def start(self) -> None:
        self.subscribe(EmotionArray, "emotions", self._on_emotions, RESULTS, local_depth=2, onlooker=True)
        self.subscribe(EmotionEvent, "events", self._on_event, RESULTS, rare=True)

    def stop(self) -> None:
        self._watched = False
        self._recordings.close()

    def apply(self) -> None:
        self._wear()

    def teardown(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        page, self._page = self._page, None
        if page is not None:
            IN_THIS_PROCESS.remove(page)
        for timer in self.__dict__.pop("_ticking", ()):
            self.destroy_timer(timer)
        steering = self.__dict__.pop("_steering", None)
        if steering is not None:
            steering.close()

    def health(self) -> tuple[bytes, str, Mapping[str, object]]:
        assert self._server is not None  # an active node has one
        return OK, "active" if self._server.clients else "idle: no page is open", {
            "pages": self._server.clients, "subscribers": self._server.clients,
            "pictures sent": self._live.frames_sent, "pictures left out": self._live.frames_dropped,
            "refused requests": self._server.refused, "dropped": self._images.dropped,
        }

    def stage_times(self) -> Iterable[StageTimes]:
        return (self._times,)

    def _serve_page(self, params: WebParams) -> Server:
        try:
            from fer_ros.web.server import Server, Settings
        except ImportError as error:
            raise ValueError(f"the page needs more packages ({error.name}): pip install 'fer_ros[web]', or the Debian "
                             "packages python3-aiohttp and python3-segno") from None
        given = os.environ.get(TOKEN_VARIABLE, "")
        token = "" if is_loopback(params.host) and not given else checked_token(given) if given else IN_THIS_PROCESS.token()
        access = Access(params.host, token, tuple(params.names.split(",")), bool(params.tls_certificate))
        settings = Settings(params.port, params.web_control, params.max_clients, params.tls_certificate, params.tls_key)
        server = Server(self._live, _Control(self), access, settings, hello(self._name))
        server.start()
        self._page = Page(self._name, server.port, access)
        IN_THIS_PROCESS.add(self._page)
        whose = f" for {self._name}" if self._name else ""
        self.get_logger().info(f"the page is on {server.addresses()[0].partition('#')[0]}{whose}")
        if token and not given:  # to the terminal alone: what a logger is given goes to files and topics
            for address in server.addresses():
                print(f"{invitation(address, self._name)}\n{qr_code(address)}", flush=True)
        return server

    # What comes in.

    def _follow_watchers(self) -> None:
        """Take images only while a page shows them or they are recorded."""
        watched = self.active and self.enabled and (self._live.watchers > 0 or self._recordings.active)
        if self.active:
            self._overlay.look()
            self._wear()
            self._veil.follow_time()
        faces_wanted = watched and self._veil.needs_faces and not self.is_local("emotions")
        if watched == self._watched and faces_wanted == self._veil.listens:
            return
        self._images.clear()
        self._veil.listen(False)
        self._veil = self._new_veil()
        self._veil.listen(faces_wanted)
        if watched and not self._watched:
            self.subscribe_images("image", self._on_image, self.params[PairedImageParams], local_depth=1, onlooker=True)
            self._missed = time.monotonic()
        elif self._watched and not watched:
            self.unsubscribe("image")
        self._watched = watched

    def _wear(self) -> None:
        if self._veil.wear(self._privacy()):
            self._live.forget_picture()

    def _new_veil(self) -> Veil[_Shown]:
        return Veil(self, self._privacy(), lambda image, shown: self._show(image, shown), self._times)

    def _privacy(self) -> PrivacyParams | None:
        """What is done to the picture: as overlay_node does, unless this node is set to something. None: not known yet."""
        own = self.params[PrivacyParams]
        return self._overlay.params if own.anonymize == NONE else own

    def _on_image(self, message: AnyImage) -> None:
        self._pictured = time.monotonic()
        if not self.is_local("emotions"):
            self._images.add_image(message)
        if self._pictured - self._answered > 1.0:  # nobody says what is in it, but it can be seen
            self._put(message, None, None)

    def _on_emotions(self, message: AnyEmotions) -> None:
        stamp = seconds(message.header.stamp)
        found = usable(emotions_from_message(message))
        self._answered = time.monotonic()
        self.diagnostics.count("answers")
        self._live.answer(stamp, found)
        if self._watched:
            self._images.add_answer(message, _Answer(message, found))

    def _on_event(self, message: EmotionEvent) -> None:
        event = event_from_message(message)
        if event is not None and usable_event(event):
            self._live.happened(event)

    def _on_answer(self, image: AnyImage, answer: _Answer) -> None:
        self._pictured = time.monotonic()
        self._put(image, *answer)

    def _put(self, image: AnyImage, answer: AnyEmotions | None, found: list[Emotion] | None) -> None:
        """Show an image and record it, covered where that is asked for."""
        self._wear()
        self._veil.add(image, answer, _Shown(found, self.age(seconds(image.header.stamp))))

    def _show(self, image: AnyImage, shown: _Shown) -> None:
        self._picture(image, shown)
        if shown.found is not None and self._recordings.active:
            with self._times("record"):
                drawn = draw_overlay(to_bgr(image), shown.found, latency=shown.latency, layout=self._layout)
                self._recordings.write(drawn, seconds(image.header.stamp), self.params[WebParams].recording_limit)

    def _picture(self, image: AnyImage, shown: _Shown) -> None:
        """Encode a picture once for all pages."""
        params = self.params[WebParams]
        if self._live.watchers == 0 or not self._rate.passes(time.monotonic(), params.picture_rate):
            return
        with self._times("encode"):
            pixels = to_bgr(image)
            jpeg = to_jpeg(_narrowed(pixels, params.picture_width), params.picture_quality).tobytes()
        stamp = seconds(image.header.stamp)
        self._live.show(jpeg, stamp, (pixels.shape[1], pixels.shape[0]), None if shown.found is None else head_of(shown.found),
                        shown.latency)
        self.diagnostics.count("pictures")

    # What the page is told beside that.

    def _look(self) -> None:
        self._steering.look()
        now, members = time.monotonic(), dict(self._steering.members)
        come = self._pictured > self._missed or not self._watched
        away = now - max(self._pictured, self._missed) if self._watched else 0.0
        silence = ""
        has_source = any(one.kind in ("camera_node", "replay_node") for one in members.values())
        if not has_source and (away > health.STALLED or not come):
            silence = explain_no_images(self, "image", self.params[PairedImageParams])
        self._live.tell("notice", health.notice(members, now, come, away, now - self._answered, silence).to_json())
        self._live.tell("health", health.rows(members, now))
        self._live.tell("nodes", {name: {"kind": one.kind, "values": one.parameters, "given": one.given}
                                  for name, one in members.items()})
        self._live.tell("recording", self._recordings.state())
        if self._page is not None:
            self._live.tell("pages", IN_THIS_PROCESS.beside(self._page))
        self._live.summarise()


def _narrowed(image: Pixels, width: int) -> Pixels:
    """An image that is at most so wide."""
    if image.shape[1] <= width:
        return image
    return resized(image, width, max(1, round(image.shape[0] * width / image.shape[1])))


class _Control(Control):
    """What a page may ask of the graph. Called in the server's threads."""

    def __init__(self, node: WebNode):
        self._node = node

    def set_parameter(self, node: str, name: str, value: Any) -> None:
        self._steer(functools.partial(self._node._steering.set_parameter, node, name, value))

    def switch(self, node: str, on: bool) -> None:
        self._steer(functools.partial(self._node._steering.switch, node, on))

    def record(self, on: bool) -> None:
        try:
            self._node._recordings.begin() if on else self._node._recordings.end()
        except RecordError as error:
            raise Refused(str(error)) from None

    def recordings(self) -> Mapping[str, Path]:
        return self._node._recordings.files()

    def parameter_file(self) -> str:
        return self._node._steering.parameter_file()

    @staticmethod
    def _steer(work: Any) -> None:
        try:
            work()
        except NotDone as error:
            raise Refused(str(error)) from None


main = main_of(WebNode)

if __name__ == "__main__":
    main()
