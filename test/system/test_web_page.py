# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The live page in a real browser, on a graph that runs as a user starts it."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_ros.perception.detector import FaceDetector
from fer_ros.perception.smoothing import SmoothingParams
from fer_ros.resources import executable
from fer_ros.types import Box, intersection_over_union

pytest.importorskip("aiohttp", reason="the live page needs more packages (pip install 'fer_ros[web]')")
playwright = pytest.importorskip("playwright.sync_api", reason="no browser can be driven: pip install playwright")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)")

PATIENCE = 120_000  # milliseconds
# Listens as any other node would, and tells what each stamp shows.
LISTENER = """
import rclpy
from rclpy.node import Node
from fer_ros.msg import EmotionArray

rclpy.init()
node = Node("listener")
node.create_subscription(EmotionArray, "/fer/emotions", lambda message: print(
    message.header.stamp.sec, message.header.stamp.nanosec, *(one.label for one in message.emotions), flush=True), 100)
rclpy.spin(node)
"""
GET = """
import sys, rclpy
from rcl_interfaces.srv import GetParameters
from rclpy.node import Node

rclpy.init()
node = Node("asker")
client = node.create_client(GetParameters, sys.argv[1] + "/get_parameters")
assert client.wait_for_service(60)
future = client.call_async(GetParameters.Request(names=[sys.argv[2]]))
rclpy.spin_until_future_complete(node, future, timeout_sec=60)
print("value", future.result().values[0].double_value)
"""

# Seven pages as of other devices, and one that opens the picture and never reads it.
PAGES = """
import asyncio, sys, aiohttp

async def watch(session, counts, i):
    async with session.ws_connect(sys.argv[1] + "live") as page:
        async for message in page:
            if message.type == aiohttp.WSMsgType.BINARY:
                counts[i] += 1
                await page.send_str('{"type": "seen"}')

async def main():
    counts = [0] * 7
    async with aiohttp.ClientSession() as session, session.ws_connect(sys.argv[1] + "live"):
        pages = [asyncio.ensure_future(watch(session, counts, i)) for i in range(7)]
        while True:
            await asyncio.sleep(0.5)
            print("fewest", min(counts), flush=True)

asyncio.run(main())
"""


LONG = "videos_in_a_folder_whose_name_is_longer_than_a_line_of_a_phone"


@pytest.fixture
def graph(fer_ros, tmp_path) -> str:
    """The address of a running graph's page; it plays the demo clip over and over."""
    command = fer_ros("run", "--source", "demo", "--loop", "--web", "--web-port", "0",
                      "--set", f"web_node.recordings={tmp_path / LONG}")
    command.wait_for(lambda: re.search(r"the page is on (http://\S+)", command.text), "the page's address")
    return re.search(r"the page is on (http://\S+)", command.text)[1]


class Tab:
    """One tab of a browser, and what went wrong in it."""

    def __init__(self, context: object, address: str):
        self.address, self.page = address, context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text)
                     if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.set_default_timeout(PATIENCE)
        self.page.goto(address)

    def wait(self, condition: str) -> None:
        """For an expression of JavaScript to become true."""
        # Not wait_for_function: the page's own policy keeps a browser from evaluating strings.
        deadline = time.monotonic() + PATIENCE / 1000
        while not self.page.evaluate(condition):
            assert time.monotonic() < deadline, f"waited in vain for {condition}; faults: {self.faults}"
            self.page.wait_for_timeout(50)

    @property
    def frames(self) -> int:
        return int(self.page.evaluate("document.getElementById('picture').dataset.frames ?? 0"))

    def wait_for_pictures(self, more: int = 3) -> None:
        self.wait(f"(document.getElementById('picture').dataset.frames ?? 0) >= {self.frames + more}")

    def hold(self, on: bool = True) -> None:
        """Stand still, as a page in the background does."""
        self.page.evaluate("""(on) => {
            Object.defineProperty(document, "hidden", { value: on, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""", on)

    def shot(self) -> np.ndarray:
        """The picture as it is seen, HxWx3 BGR."""
        data = self.page.locator("#boxes").screenshot()
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


@pytest.fixture
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def open_tab(graph, browser) -> Callable[..., Tab]:
    return lambda width=1440, height=900, **more: Tab(
        browser.new_context(viewport={"width": width, "height": height}, **more), graph)


CAMERAS = """
/pipeline_node: {ros__parameters: {cameras: "left, right", web: true, overlay: false}}
/**/camera_node: {ros__parameters: {source: demo, loop: true}}
/**/web_node: {ros__parameters: {host: "0.0.0.0", port: 0}}
"""


def test_a_cameras_page_leads_to_the_others_which_ask_for_no_token_again(python, browser, tmp_path):
    (tmp_path / "several.yaml").write_text(CAMERAS)
    command = python(executable("pipeline_node"), "--ros-args", "--params-file", tmp_path / "several.yaml")
    command.wait_for(lambda: len(invitations(command.text)) == 2, "the addresses of both pages")
    addresses = invitations(command.text)
    tab = Tab(browser.new_context(viewport={"width": 360, "height": 800}), addresses["left"])
    tab.wait_for_pictures()
    assert tab.page.title() == "left - fer_ros live"
    tab.wait("document.querySelectorAll('#pages a').length === 2")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 360
    tab.page.get_by_role("link", name="right").click()
    tab.page.wait_for_url(addresses["right"].partition("#")[0])
    tab.wait_for_pictures()
    assert tab.page.title() == "right - fer_ros live"
    assert tab.page.locator("#pages a[aria-current]").inner_text() == "right"
    assert [fault for fault in tab.faults if "Cross-Origin-Opener-Policy" not in fault] == []  # which asks for https


def invitations(text: str) -> dict[str, str]:
    """The addresses of pages by the names of their cameras."""
    return {name: address for address, name in re.findall(r"^open (\S+) for (\S+)$", text, re.MULTILINE)}


def test_the_picture_moves_with_boxes_over_the_faces_and_nothing_comes_from_elsewhere(open_tab, graph):
    tab = open_tab()
    tab.wait_for_pictures(10)
    moving = {tab.shot().tobytes() for _ in range(4)}
    assert len(moving) > 1
    detector = FaceDetector()
    overlap = 0.0
    for _ in range(10):  # nobody is in view of a part of the clip
        tab.wait_for_pictures(20)
        tab.hold()
        tab.page.wait_for_timeout(500)
        drawn = tab.page.evaluate("JSON.parse(document.getElementById('picture').dataset.faces ?? '[]')")
        picture = tab.shot()
        scale = picture.shape[1] / tab.page.evaluate("document.getElementById('image').width")
        tab.hold(False)
        faces = detector(picture)
        if drawn and faces:
            boxes = [Box((x0 + x1) / 2 * scale, (y0 + y1) / 2 * scale, (x1 - x0) * scale, (y1 - y0) * scale)
                     for x0, y0, x1, y1 in (one["box"] for one in drawn)]
            overlap = min(max(intersection_over_union(face.box, box) for face in faces) for box in boxes)
            left, top, _, bottom = (round(value) for value in boxes[0].xyxy)
            edge = picture[(top + bottom) // 2, max(0, left - 3) : left + 4].astype(int)
            color = tab.page.evaluate("""(label) => [...document.querySelectorAll("#legend li")]
                .find((one) => one.textContent === label)?.style.getPropertyValue("--hue")""", drawn[0]["label"])
            if overlap > 0.5 and color:
                assert near(edge, color)
                break
    assert overlap > 0.5
    host = urllib.parse.urlsplit(graph).netloc
    assert {urllib.parse.urlsplit(url).netloc for url in tab.requests if not url.startswith("blob:")} == {host}
    assert tab.faults == []


def near(pixels: np.ndarray, color: str) -> bool:
    """Whether one of some BGR pixels has a CSS colour, as far as its line is anti-aliased."""
    wanted = np.array([int(color.strip()[i : i + 2], 16) for i in (5, 3, 1)])
    return bool((np.abs(pixels - wanted).max(axis=1) < 70).any())


def heard(listener: object) -> dict[float, list[str]]:
    """What was published for each stamp."""
    lines = [line.split() for line in listener.text.splitlines() if line[:1].isdigit()]
    return {round(int(sec) + int(nanosec) * 1e-9, 3): found for sec, nanosec, *found in lines}


def test_when_somebody_smiles_the_page_says_so_for_the_same_image(open_tab, python):
    listener = python("-c", LISTENER)

    tab = open_tab()
    tab.wait("JSON.parse(document.getElementById('picture').dataset.faces ?? '[]').some((one) => one.label === 'happy')")
    tab.wait("[...document.querySelectorAll('.chip')].some((one) => one.textContent === 'happy')")
    tab.wait("document.querySelector('#summary .lead').textContent.includes('Happy: ')")
    tab.wait("document.querySelectorAll('#events li').length > 0")
    listener.wait_for(lambda: heard(listener), "answers")
    tab.page.evaluate("""() => {
        const picture = document.getElementById("picture");
        window.seen = [];
        new MutationObserver(() => window.seen.push([picture.dataset.stamp, picture.dataset.faces]))
            .observe(picture, { attributes: true, attributeFilter: ["data-faces"] });
    }""")

    def both() -> dict[float, str]:
        """What the page said of images of which the listener heard, too: on a busy machine each misses some."""
        shown = {round(float(stamp), 3): faces for stamp, faces in tab.page.evaluate("window.seen")}
        return {stamp: faces for stamp, faces in shown.items() if stamp in heard(listener)}

    deadline = time.monotonic() + PATIENCE / 1000
    while not (common := both()):
        assert time.monotonic() < deadline, "no image of which both tell"
        tab.page.wait_for_timeout(50)
    for stamp, faces in common.items():
        assert [one["label"] for one in json.loads(faces)] == heard(listener)[stamp]
    assert tab.faults == []


def test_a_slider_changes_the_nodes_parameter_and_a_refusal_shows_its_reason(open_tab, python):
    tab = open_tab()
    page = tab.page
    page.get_by_role("tab", name="Controls").click()
    page.get_by_role("searchbox").fill("confidence threshold")
    row = page.locator('[data-parameter="/fer/emotion_node.confidence_threshold"]')
    row.wait_for(state="visible")
    assert page.locator('[data-parameter="/fer/emotion_node.stickiness"]').is_hidden()
    slider = row.get_by_role("slider")
    slider.focus()
    for _ in range(10):
        slider.press("ArrowRight")
    row.get_by_role("button", name=re.compile("Reset")).wait_for(state="visible")
    tab.wait("document.querySelector('[data-parameter=\"/fer/emotion_node.confidence_threshold\"] .fault').textContent === ''")
    shown = float(row.get_by_role("spinbutton").input_value())
    assert shown > SmoothingParams().confidence_threshold

    def value() -> float:
        asker = python("-c", GET, "/fer/emotion_node", "confidence_threshold")
        asker.wait()
        return float(asker.text.split()[-1])

    deadline = time.monotonic() + 60
    while value() != pytest.approx(shown) and time.monotonic() < deadline:
        continue
    assert value() == pytest.approx(shown)
    row.get_by_role("spinbutton").fill("7")
    row.get_by_role("spinbutton").press("Enter")
    fault = row.get_by_role("alert")
    tab.wait("document.querySelector('.parameter.refused .fault')?.textContent.length > 0")
    assert "confidence_threshold must be from 0 to 1" in fault.text_content()
    assert value() == pytest.approx(shown)
    row.get_by_role("button", name=re.compile("Reset")).click()
    row.get_by_role("button", name=re.compile("Reset")).wait_for(state="hidden")
    assert value() == pytest.approx(SmoothingParams().confidence_threshold)
    assert tab.faults == []


def test_a_switch_turns_the_camera_off_and_the_page_says_so(open_tab):
    tab = open_tab()
    tab.wait_for_pictures()
    camera = tab.page.get_by_role("switch", name="Camera")
    # A picture can be there before the camera's first report, and a switch that is off cannot be switched off.
    tab.wait("document.querySelector('#switches [title$=camera_node] input')?.checked")
    camera.uncheck()
    tab.wait("document.getElementById('notice-text').textContent === 'The camera is switched off.'")
    tab.page.get_by_role("button", name="Switch on").click()
    tab.wait_for_pictures()
    tab.wait("document.getElementById('notice').hidden")


def test_a_report_from_before_does_not_switch_back(open_tab):
    """The node has done it, but what it said last before that is still what the page hears."""
    tab = open_tab()
    checked = tab.page.evaluate("""async () => {
        const { Switches } = await import("/controls.js");
        const switches = new Switches({ wish: async () => "" });
        const hear = (message) => switches.show([{ name: "/a/emotion_node", kind: "emotion_node", message }], true);
        const seen = [];
        hear("active");
        const { input } = switches.made.get("/a/emotion_node");
        input.click();
        await new Promise((done) => setTimeout(done, 1000));
        hear("active");
        seen.push(input.checked);
        hear("inactive");
        seen.push(input.checked);
        hear("active");  // somebody else has switched it on
        seen.push(input.checked);
        return seen;
    }""")
    assert checked == [False, False, True] and tab.faults == []


def test_a_recording_is_made_and_fetched(open_tab):
    tab = open_tab()
    tab.wait_for_pictures()
    tab.page.get_by_role("button", name="Record", exact=True).click()
    tab.wait("/Recording, [1-9]/.test(document.getElementById('record-said').textContent)")
    tab.wait_for_pictures(20)
    tab.page.get_by_role("button", name="Stop recording").click()
    tab.page.get_by_role("tab", name="Videos").click()
    with tab.page.expect_download() as fetched:
        tab.page.get_by_role("link", name=re.compile(r"fer_\d+_\d+\.mp4")).click()
    video = cv2.VideoCapture(str(fetched.value.path()))
    there, picture = video.read()
    video.release()
    assert there and picture.shape == (480, 640, 3)
    assert tab.faults == []


def test_lanes_are_read_with_the_keyboard(open_tab):
    tab = open_tab()
    tab.wait("document.querySelectorAll('.chart').length > 0")
    tab.wait_for_pictures(60)
    chart = tab.page.locator(".chart").first
    chart.focus()
    chart.press("ArrowLeft")
    assert re.match(r"\d.* ago: ", chart.get_attribute("aria-valuetext"))
    assert tab.page.locator("#tip").is_visible()
    chart.press("Escape")
    assert tab.page.locator("#tip").is_hidden()


def test_it_fits_and_has_no_serious_fault_for_anybody(open_tab):
    """On a phone and a desk, dark and light, in every part: axe-core looks (where AXE_CORE names its axe.min.js), and nothing
    has to be scrolled sideways."""
    for width, scheme in itertools.product((360, 1440), ("dark", "light")):
        look_at(open_tab(width, 800, color_scheme=scheme), width, scheme)


def look_at(tab: Tab, width: int, scheme: str) -> None:
    tab.wait_for_pictures(10)
    light = cv2.imdecode(np.frombuffer(tab.page.locator(".bar").screenshot(), np.uint8), 0).mean() / 255
    assert bool(light > 0.8) == (scheme == "light")
    axe = os.environ.get("AXE_CORE", "")
    for name in ("People", "Health", "Controls", "Videos"):
        tab.page.get_by_role("tab", name=name).click()
        tab.page.wait_for_timeout(1200)
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, name
        if folder := os.environ.get("FER_ROS_SCREENSHOTS"):
            tab.page.screenshot(path=str(Path(folder) / f"page_{width}_{scheme}_{name.lower()}.png"), full_page=True)
        if axe:
            tab.page.evaluate(Path(axe).read_text(encoding="utf-8") + "; 0")
            found = tab.page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
            serious = {one["id"]: [node["html"][:150] for node in one["nodes"]][:3] for one in found
                       if one["impact"] in ("serious", "critical")}
            assert serious == {}, (name, width, scheme)
    assert tab.faults == []
    tab.page.context.close()


def test_a_browser_and_eight_more_pages_cost_the_graph_no_frame(open_tab, graph, python):
    listener, pages = python("-c", LISTENER), python("-c", PAGES, graph)
    tab = open_tab(800, 600)
    pages.wait_for(lambda: max(map(int, re.findall(r"fewest (\d+)", pages.text)), default=0) >= 60, "pictures on every page")
    tab.wait_for_pictures(10)
    listener.wait_for(lambda: len(heard(listener)) >= 300, "300 answers")
    stamps = sorted(heard(listener))
    lost = sum(later - sooner > 1.5 / 30 for sooner, later in itertools.pairwise(stamps))
    assert lost <= 1 + (stamps[-1] - stamps[0]) // 12  # the clip begins again every 12 s, not just one frame later
    assert tab.faults == []


def test_several_pages_at_once_see_the_same(open_tab):
    tabs = [open_tab(800, 600) for _ in range(3)]
    for tab in tabs:
        tab.wait_for_pictures(5)
    assert all(tab.faults == [] for tab in tabs)
