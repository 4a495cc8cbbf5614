# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The page's server: what it gives to whom, and that a hostile client costs a connection and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

aiohttp = pytest.importorskip("aiohttp", reason="the live page needs more packages (pip install 'fer_ros[web]')")

from fer_ros.types import APPEARED, Box, Emotion, EmotionEvent  # noqa: E402
from fer_ros.web import server as server_module  # noqa: E402
from fer_ros.web.access import Access  # noqa: E402
from fer_ros.web.live import Control, Live, Refused, head_of  # noqa: E402
from fer_ros.web.server import CannotServe, Server, Settings  # noqa: E402

TOKEN = "t" * 27
HAPPY = np.array([0, 0, 0, 0.9, 0, 0.1, 0], np.float32)
FACE = Emotion("1", Box(100, 100, 50, 60), 0.9, "happy", 0.9, HAPPY, HAPPY)


class Graph(Control):
    """Remembers what it was asked for."""

    def __init__(self, folder: Path):
        self.asked: list[tuple] = []
        self.folder = folder

    def set_parameter(self, node: str, name: str, value: Any) -> None:
        self.asked.append((node, name, value))
        if value == 99:
            raise Refused(f"{name} must be from 0 to 1, not 99")
        if value == "crash":
            raise RuntimeError("a secret of the graph")

    def switch(self, node: str, on: bool) -> None:
        self.asked.append((node, on))

    def record(self, on: bool) -> None:
        self.asked.append(("record", on))

    def parameter_file(self) -> str:
        return "/**/emotion_node: {}\n"

    def recordings(self) -> dict[str, Path]:
        return {path.name: path for path in self.folder.glob("*.mp4")}


class Site:
    """A server with what it serves."""

    def __init__(self, folder: Path, token: str = "", **settings: Any):
        self.live, self.graph = Live(begun=1.0), Graph(folder)
        tls = bool(settings.get("certificate"))
        self.server = Server(
            self.live,
            self.graph,
            Access("127.0.0.1", token, tls=tls),
            Settings(**settings),
            {"labels": ["happy"], "colors": {}},
        )
        self.server.start()
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.port}"

    def frame(self, jpeg: bytes = b"\xff\xd8jpeg", stamp: float = 1.25) -> None:
        self.live.show(jpeg, stamp, (640, 480), head_of([FACE]), 0.01)

    def raw(self, data: bytes, wait: float = 10.0) -> bytes:
        """Send bytes; what comes back until the connection ends."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=wait) as connection:
            try:
                connection.sendall(data)
                found = b""
                while more := connection.recv(65536):
                    found += more
            except (ConnectionError, TimeoutError):
                return b""
        return found


@pytest.fixture
def make(tmp_path) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def made(token: str = "", **settings: Any) -> Site:
        sites.append(Site(tmp_path, token, **settings))
        return sites[-1]

    yield made
    for site in sites:
        site.server.stop()


def run(work: Any) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


async def fetch(method: str, url: str, **more: Any) -> tuple[int, dict, bytes]:
    async with aiohttp.ClientSession() as session, session.request(method, url, allow_redirects=False, **more) as answer:
        return answer.status, dict(answer.headers), await answer.read()


def status(method: str, url: str, **more: Any) -> int:
    return run(fetch(method, url, **more))[0]


class Page:
    """A client as the page is one. An asynchronous context manager."""

    def __init__(self, site: Site, **more: Any):
        self._site, self._more = site, more

    async def __aenter__(self) -> Page:
        self._session = aiohttp.ClientSession()
        try:
            self.socket = await self._session.ws_connect(f"{self._site.base}/live", **self._more)
        except BaseException:
            await self._session.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        await self._session.close()

    async def say(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def hear(self, kind: str) -> Any:
        """The next message of a type; `picture` gives (head, JPEG)."""
        while True:
            message = await self.socket.receive(timeout=30)
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), (
                f"closed: {message.data} {message.extra}"
            )
            if message.type == aiohttp.WSMsgType.BINARY:
                if kind == "picture":
                    (length,) = struct.unpack_from("<I", message.data)
                    return json.loads(message.data[4 : 4 + length]), message.data[4 + length :]
            elif json.loads(message.data)["type"] == kind:
                return json.loads(message.data)

    async def wish(self, **message: Any) -> str:
        await self.say(id=1, **message)
        done = await self.hear("done")
        assert done["ok"] == (not done["reason"])
        return done["reason"]

    async def closed(self) -> int:
        """The code with which the server closes."""
        while not self.socket.closed:
            await self.socket.receive(timeout=30)
        return self.socket.close_code


# What it gives.


def test_the_page_and_all_its_files_come_from_here(make):
    site = make()
    code, headers, body = run(fetch("GET", f"{site.base}/"))
    assert code == 200 and headers["Content-Type"].startswith("text/html")
    for path in ("/main.js", "/style.css", "/icon.svg"):
        assert path.encode() in body
        assert status("GET", site.base + path) == 200
    for file in Path(server_module.__file__).parent.joinpath("page").iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text.replace('location.protocol === "https:"', "") and "//cdn" not in text, file


@pytest.mark.parametrize(
    "path",
    [
        "/../server.py",
        "/..%2fserver.py",
        "/%2e%2e/server.py",
        "//etc/passwd",
        "/index.html",
        "/server.py",
        "/recordings/",
        "/live/x",
        "/recordings/..%2f..%2fetc%2fpasswd",
        "/recordings/nothing.mp4",
        "/style.css/",
        "/%00",
    ],
)
def test_nothing_else_does(make, path):
    site = make()
    answer = site.raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400", b"HTTP/1.0 400")), answer[:200]
    assert b"root:" not in answer and b"import" not in answer


def test_a_picture_comes_with_the_answers_of_the_very_same_frame(make):
    site = make()

    async def look() -> None:
        async with Page(site) as page:
            await page.hear("hello")
            for i in range(5):
                site.frame(b"%d" % i, stamp=float(i))
                head, jpeg = await page.hear("picture")
                await page.say(type="seen")
                assert (head["stamp"], jpeg) == (i, b"%d" % i)
                assert head["faces"] == [{"id": "1", "box": [75, 70, 125, 130], "label": "happy", "confidence": 0.9}]
                assert head["size"] == [640, 480]

    run(look())


def test_who_comes_late_is_told_of_the_last_minutes(make):
    site = make()
    for i in range(40):
        site.live.answer(100 + 0.1 * i, [FACE])
    site.live.happened(EmotionEvent(APPEARED, "1", 100.0, "happy", "", 0.9, 0.0))
    site.live.tell("notice", {"text": "all is well"})
    site.live.summarise()

    async def look() -> None:
        async with Page(site) as page:
            hello = await page.hear("hello")
            assert hello["control"] is True and hello["begun"] == 1.0
            samples = (await page.hear("samples"))["samples"]
            assert len(samples) == pytest.approx(20, abs=1) and samples[0][2][0][:2] == ["1", 3]
            assert (await page.hear("events"))["events"][0]["kind"] == "appeared"
            assert (await page.hear("notice"))["content"]["text"] == "all is well"
            assert (await page.hear("summary"))["content"][0]["face"] == "1"

    run(look())


def test_what_a_page_asks_for_is_done_or_refused_with_the_nodes_reason(make):
    site = make()

    async def ask() -> None:
        async with Page(site) as page:
            assert await page.wish(type="set", node="/fer/emotion_node", name="stickiness", value=2.5) == ""
            assert "from 0 to 1" in await page.wish(type="set", node="/fer/emotion_node", name="stickiness", value=99)
            reason = await page.wish(type="set", node="/fer/emotion_node", name="x", value="crash")
            assert reason and "secret" not in reason
            assert await page.wish(type="switch", node="/camera/camera_node", on=False) == ""
            assert await page.wish(type="record", on=True) == ""

    run(ask())
    assert site.graph.asked == [
        ("/fer/emotion_node", "stickiness", 2.5),
        ("/fer/emotion_node", "stickiness", 99),
        ("/fer/emotion_node", "x", "crash"),
        ("/camera/camera_node", False),
        ("record", True),
    ]


def test_a_page_that_only_shows_changes_nothing(make):
    site = make(control=False)

    async def ask() -> None:
        async with Page(site) as page:
            assert (await page.hear("hello"))["control"] is False
            for wish in (
                {"type": "set", "node": "/n", "name": "x", "value": 1},
                {"type": "switch", "node": "/n", "on": False},
                {"type": "record", "on": True},
            ):
                assert "web_control" in await page.wish(**wish)

    run(ask())
    assert site.graph.asked == []


def test_files_are_fetched_under_their_names(make, tmp_path):
    (tmp_path / "fer_20260101_000000.mp4").write_bytes(b"video")
    site = make()
    code, headers, body = run(fetch("GET", f"{site.base}/recordings/fer_20260101_000000.mp4"))
    assert (code, body) == (200, b"video") and "attachment" in headers["Content-Disposition"]
    assert run(fetch("GET", f"{site.base}/parameters.yaml"))[2] == b"/**/emotion_node: {}\n"
    code, headers, body = run(fetch("GET", f"{site.base}/recordings/fer_20260101_000000.mp4", headers={"Range": "bytes=1-3"}))
    assert (code, body) == (206, b"ide") and "Content-Security-Policy" in headers
    wrong = {"Range": "bytes=9-"}
    assert status("GET", f"{site.base}/recordings/fer_20260101_000000.mp4", headers=wrong) == 416


def test_a_video_comes_however_long_it_takes(make, tmp_path):
    """Longer than a connection may be idle."""
    content = random.Random(1).randbytes(12_000_000)
    (tmp_path / "fer_20260101_000000.mp4").write_bytes(content)
    site = make()
    site.server._connections._idle = 0.5
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=30) as slow:
        slow.sendall(b"GET /recordings/fer_20260101_000000.mp4 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        time.sleep(2)
        found = b""
        while more := slow.recv(1 << 20):
            found += more
    assert found.endswith(content)


def test_videos_that_nobody_takes_keep_nobody_out(make, tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "_DOWNLOAD", (1.0, 1e12))
    with (tmp_path / "fer_20260101_000000.mp4").open("wb") as large:
        large.truncate(1 << 30)
    (tmp_path / "fer_20260101_000001.mp4").write_bytes(b"video")
    site = make()
    stuck = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(server_module._DOWNLOADS)]
    try:
        for one in stuck:
            one.sendall(b"GET /recordings/fer_20260101_000000.mp4 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(12) == b"HTTP/1.1 200"
        assert status("GET", f"{site.base}/recordings/fer_20260101_000001.mp4") == 503
        assert alive(site)
        deadline = time.monotonic() + 30
        while site.server._downloads and time.monotonic() < deadline:
            time.sleep(0.05)
        assert status("GET", f"{site.base}/recordings/fer_20260101_000001.mp4") == 200
    finally:
        for one in stuck:
            one.close()


# Whom it gives it to.


def test_every_answer_forbids_what_a_page_of_ours_does_not_need(make):
    site = make()
    for path in ("/", "/main.js", "/nothing", "/live"):
        _, headers, _ = run(fetch("GET", site.base + path))
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy and "http:" not in policy and "*" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in headers
        assert "aiohttp" not in headers["Server"]


@pytest.mark.parametrize("path", ["/", "/live", "/parameters.yaml", "/main.js"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8642", "10.1.2.3", ""])
def test_another_name_for_this_machine_is_answered_with_nothing(make, path, host):
    site = make()
    code, _, body = run(fetch("GET", site.base + path, headers={"Host": host}))
    assert code == 421 and b"<html" not in body


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_reads_nothing(make, headers):
    site = make()

    async def open_live() -> int:
        try:
            async with Page(site, headers=headers):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status

    assert run(open_live()) == 403
    assert status("GET", f"{site.base}/parameters.yaml", headers=headers) == 403
    assert status("GET", f"{site.base}/recordings/x.mp4", headers=headers) == 403
    assert status("POST", f"{site.base}/login", headers=headers, json={"token": ""}) == 403


def test_without_the_token_nothing_is_seen(make):
    site = make(TOKEN)
    assert status("GET", f"{site.base}/") == 200  # the page that asks for it
    for path in ("/live", "/parameters.yaml", "/recordings/x.mp4"):
        assert status("GET", site.base + path) == 401
        assert status("GET", site.base + path, cookies={f"fer_ros_{site.server.port}": "x"}) == 401
        assert status("GET", f"{site.base}{path}?token={TOKEN}") == 401

    async def open_live() -> int:
        try:
            async with Page(site):
                return 101
        except aiohttp.WSServerHandshakeError as error:
            return error.status

    assert run(open_live()) == 401


def test_the_token_opens_the_page_once_and_the_cookie_from_then_on(make):
    site = make(TOKEN)

    async def enter() -> None:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.post(f"{site.base}/login", json={"token": "wrong" * 5}) as answer:
                assert answer.status == 401 and not answer.cookies
            async with session.post(f"{site.base}/login", json={"token": TOKEN}) as answer:
                assert answer.status == 204
                cookie = answer.cookies[f"fer_ros_{site.server.port}"]
                assert cookie["httponly"] and cookie["samesite"] == "Strict" and TOKEN not in cookie.value
            async with session.ws_connect(f"{site.base}/live") as live:
                assert json.loads((await live.receive()).data)["type"] == "hello"

    run(enter())
    assert status("GET", f"{site.base}/parameters.yaml", headers={"Authorization": f"Bearer {TOKEN}"}) == 200


def test_pages_of_several_cameras_are_open_in_one_browser(make):
    """Browsers send a cookie to every port."""
    sites = [make(TOKEN), make("u" * 27)]

    async def enter() -> list[int]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            for site, token in zip(sites, (TOKEN, "u" * 27), strict=True):
                async with session.post(f"{site.base}/login", json={"token": token}) as answer:
                    assert answer.status == 204
            found = []
            for site in sites:
                async with session.get(f"{site.base}/parameters.yaml") as answer:
                    found.append(answer.status)
            return found

    assert run(enter()) == [200, 200]


def test_who_was_let_in_to_a_page_is_let_in_to_another_with_the_same_token(make):
    first, same, other = make(TOKEN), make(TOKEN), make("u" * 27)

    async def enter() -> list[int]:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            async with session.post(f"{first.base}/login", json={"token": TOKEN}) as answer:
                assert answer.status == 204
            found = []
            for site in (same, other):
                async with session.get(f"{site.base}/parameters.yaml") as answer:
                    found.append(answer.status)
            return found

    assert run(enter()) == [200, 401]


@pytest.mark.parametrize("way", ["login", "header"])
def test_who_guesses_is_told_to_wait_and_others_are_not(make, way):
    site = make(TOKEN)

    def enter(token: str, **more: Any) -> int:
        if way == "login":
            return status("POST", f"{site.base}/login", json={"token": token}, **more)
        return status("GET", f"{site.base}/parameters.yaml", headers={"Authorization": f"Bearer {token}"}, **more)

    assert {enter(TOKEN) for _ in range(15)} <= {200, 204}
    codes = [enter(f"{i:020}") for i in range(15)]
    assert codes[0] == 401 and codes[-1] == 429
    assert enter(TOKEN) == 429  # or guessing would go on

    async def from_elsewhere() -> int:
        connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(f"{site.base}/login", json={"token": TOKEN}) as answer,
        ):
            return answer.status

    assert run(from_elsewhere()) == 204


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"token": 5}', b'{"token": null}', b"[" * 9000, b"\xff\xfe", b"x" * 50000]
)
def test_a_login_that_is_none_is_refused(make, body):
    site = make(TOKEN)
    assert status("POST", f"{site.base}/login", data=body, headers={"Content-Type": "application/json"}) in (400, 401, 413)


def test_neither_the_token_nor_an_attack_gets_into_a_log(make, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    site = make(TOKEN)
    status("POST", f"{site.base}/login", json={"token": TOKEN})
    status("GET", f"{site.base}/#token={TOKEN}")
    site.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nBad header\r\n\r\n", 1.0)
    site.raw(b"\x16\x03\x01" + b"\x00" * 500, 1.0)
    assert TOKEN not in caplog.text
    assert capfd.readouterr() == ("", "")


def test_with_a_certificate_it_is_https(make, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    try:
        subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-keyout",
                key,
                "-out",
                certificate,
            ],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not here to make a certificate")
    site = make(TOKEN, certificate=str(certificate), key=str(key))
    trusted = ssl.create_default_context()
    trusted.check_hostname, trusted.verify_mode = False, ssl.CERT_NONE
    code, headers, _ = run(fetch("GET", f"{site.base}/", ssl=trusted))
    assert code == 200 and "Strict-Transport-Security" in headers and "wss://" in headers["Content-Security-Policy"]

    async def enter() -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{site.base}/login", json={"token": TOKEN}, ssl=trusted) as answer,
        ):
            assert answer.cookies[f"fer_ros_{site.server.port}"]["secure"]

    run(enter())
    site.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 1.0)  # plain, to a server that speaks TLS
    assert run(fetch("GET", f"{site.base}/", ssl=trusted))[0] == 200
    assert site.server.addresses()[0].startswith("https://")


@pytest.mark.parametrize("certificate", ["/nowhere.pem", "broken.pem"])
def test_a_certificate_that_is_none_is_told_of(make, tmp_path, certificate):
    (tmp_path / "broken.pem").write_text("no certificate")
    with pytest.raises(CannotServe, match="tls_certificate and tls_key cannot be used"):
        make(certificate=str(tmp_path / certificate))


def test_a_key_without_a_certificate_is_no_tls(make):
    with pytest.raises(CannotServe, match="tls_key needs tls_certificate"):
        make(key="key.pem")


def test_it_is_served_on_ipv6(tmp_path):
    server = Server(Live(), Graph(tmp_path), Access("::1"), Settings(), {})
    try:
        server.start()
    except CannotServe as error:
        pytest.skip(f"no IPv6 here: {error}")
    try:
        (address,) = server.addresses()
        assert address == f"http://[::1]:{server.port}/"
        assert status("GET", address) == 200
        assert status("GET", address, headers={"Host": "[2001:db8::1]"}) == 421
    finally:
        server.stop()


def test_a_port_that_is_taken_is_told_of(make):
    site = make()
    with pytest.raises(CannotServe, match=f"port {site.server.port}: .*choose another port"):
        make(port=site.server.port)


def test_a_host_that_is_none_is_told_of(tmp_path):
    server = Server(Live(), Control(), Access("no.such.host.invalid", TOKEN), Settings(), {})
    with pytest.raises(CannotServe, match="choose another port or host"):
        server.start()


# What it does not let happen.


def alive(site: Site) -> bool:
    """Whether a well-behaved page is served."""

    async def look() -> bool:
        async with Page(site) as page:
            await page.hear("hello")
            site.frame(stamp=time.time())
            await page.hear("picture")
            return await page.wish(type="switch", node="/n", on=True) == ""

    return run(look())


NONSENSE = [
    "",
    "x",
    "[]",
    "null",
    "1",
    '"set"',
    "{}",
    '{"type": 5}',
    '{"type": "nothing"}',
    '{"type": "set"}',
    "[" * 10000,
    '{"a":' * 3000,
    '{"type": "set", "id": 1, "node": 1, "name": "x", "value": 1}',
    '{"type": "set", "id": "1", "node": "n", "name": "x", "value": 1}',
    '{"type": "set", "id": 1, "node": "n", "name": "x", "value": NaN}',
    '{"type": "set", "id": 1, "node": "n", "name": "x", "value": {}}',
    '{"type": "set", "id": 1, "node": "n", "name": "x"}',
    '{"type": "switch", "id": 1, "node": "n", "on": "yes"}',
    '{"type": "watch", "on": 1}',
    '{"type": "record", "id": 1}',
    "\x00",
    "9" * 5000,
]


@pytest.mark.parametrize("text", NONSENSE, ids=range(len(NONSENSE)))
def test_a_page_that_speaks_nonsense_is_closed(make, text):
    site = make()

    async def speak() -> int:
        async with Page(site) as page:
            await page.socket.send_str(text)
            return await page.closed()

    assert run(speak()) in (1003, 1009)
    assert site.graph.asked == []
    assert alive(site)


def test_bytes_and_large_messages_are_closed(make):
    site = make()

    async def speak(data: bytes | str) -> int:
        async with Page(site) as page:
            await (page.socket.send_bytes(data) if isinstance(data, bytes) else page.socket.send_str(data))
            return await page.closed()

    assert run(speak(b"\x00" * 100)) == 1003
    assert run(speak('{"type": "seen", "x": "' + "x" * 100_000 + '"}')) == 1009
    assert alive(site)


def test_a_flood_of_messages_is_closed(make):
    site = make()

    async def flood() -> int:
        async with Page(site) as page:
            with contextlib.suppress(ConnectionError):  # it is closed in the midst of it
                for _ in range(2000):
                    await page.say(type="seen")
            return await page.closed()

    assert run(flood()) in (1006, 1008)  # old clients do not read the last message where they cannot write
    assert alive(site)


def test_a_flood_of_pings_is_closed(make):
    site = make()

    async def flood() -> int:
        async with Page(site) as page:
            await page.socket.ping(b"one is answered")
            with contextlib.suppress(ConnectionError):
                for _ in range(2000):
                    await page.socket.ping()
            return await page.closed()

    assert run(flood()) in (1006, 1008)
    assert alive(site)


OPEN_LIVE = (
    b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


def masked(text: bytes, code: int = 0x81) -> bytes:
    """A frame of a websocket, of fewer than 126 bytes, as a client sends it."""
    return bytes([code, 0x80 | len(text), 0, 0, 0, 0]) + text


def pour(site: Site, start: bytes, again: bytes, seconds: float) -> tuple[int, bool]:
    """Send the same over and over without reading; how many bytes were taken, and whether the connection was ended."""
    sent, until = 0, time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=1) as connection:
        try:
            connection.sendall(start)
            while time.monotonic() < until:
                sent += connection.send(again)
        except TimeoutError:
            pass
        except ConnectionError:
            return sent, True
    return sent, False


@pytest.mark.parametrize("part", [
    masked(b"", 0x00) * 1000,  # goes on, and never ends
    masked(b"x" * 100, 0x01),
    masked(b"") * 500,
], ids=["empty continuations", "fragments", "empty messages"])
def test_what_never_becomes_a_message_is_ended(make, part):
    site = make()
    sent, ended = pour(site, OPEN_LIVE + masked(b"", 0x01), part, 20)
    assert ended and sent < 20_000_000
    assert alive(site)


@pytest.mark.parametrize("part", [b"X: y\r\n" * 100, b"X" * 10_000, b"Cookie: " + b"a=b; " * 1000 + b"\r\n"])
def test_headers_without_an_end_are_ended(make, part):
    site = make()
    _, ended = pour(site, b"GET / HTTP/1.1\r\nHost: localhost\r\n", part, 20)
    assert ended
    assert alive(site)


def test_a_page_that_asks_and_reads_no_answer_is_not_remembered(make):
    site = make()
    wish = json.dumps({"type": "set", "id": 1, "node": "/n", "name": "x", "value": 1.5}).encode()
    most = []
    watcher = threading.Thread(target=pour, args=(site, OPEN_LIVE, masked(wish), 3), daemon=True)
    watcher.start()
    while watcher.is_alive():
        most.append(sum(len(page.working) for page in list(site.server._pages)))
        time.sleep(0.01)
    assert max(most) <= 8
    assert len(site.graph.asked) < 100
    assert alive(site)


def test_a_flood_of_requests_is_refused_and_open_pages_go_on(make, monkeypatch):
    monkeypatch.setattr(server_module, "_REQUESTS", (0.1, 400.0))  # as if the machine were quick
    site = make()

    async def flood() -> None:
        async with Page(site) as page, aiohttp.ClientSession() as session:
            await page.hear("hello")
            codes = []
            for i in range(600):
                async with session.get(f"{site.base}/style.css") as answer:
                    codes.append(answer.status)
                if i % 100 == 0:
                    site.frame(stamp=float(i))
                    assert (await page.hear("picture"))[0]["stamp"] == i
                    await page.say(type="seen")
            assert codes[:300] == [200] * 300 and codes[-1] == 429

    run(flood())


def test_a_flood_of_wishes_does_not_reach_the_graph(make):
    site = make()

    async def flood() -> int:
        async with Page(site) as page:
            for i in range(200):
                await page.say(type="set", id=i, node="/n", name="x", value=i + 0.5)
            answers = [await page.hear("done") for _ in range(200)]
            return sum(not answer["ok"] for answer in answers)

    assert run(flood()) > 100
    assert len(site.graph.asked) < 100


def test_pages_beyond_the_limit_are_told_so_and_room_is_made(make):
    site = make(max_clients=2)

    async def crowd() -> None:
        async with Page(site), Page(site):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with Page(site):
                    pass
            assert refused.value.status == 503

    run(crowd())
    deadline = time.monotonic() + 30
    while site.server.clients and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(site)


def test_connections_that_say_nothing_keep_nobody_out(make):
    site = make()
    idle = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(300)]
    try:
        idle[0].sendall(b"GET / HTTP/1.1\r\nHost: local")  # and never goes on
        assert alive(site)
        assert len(site.server._connections) <= 129
    finally:
        for one in idle:
            one.close()


def test_a_request_that_never_ends_is_ended(make):
    site = make()
    site.server._connections._idle = 0.5
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=30) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        with contextlib.suppress(ConnectionError):
            assert slow.recv(100) == b""
    assert alive(site)


def test_frames_are_dropped_for_a_slow_page_and_never_queued(make):
    """One page takes nothing, another goes on; the slow one has the newest picture when it wakes up."""
    site = make()
    large = bytes(200_000)

    async def watch() -> None:
        async with Page(site) as slow, Page(site) as quick:
            await slow.hear("hello")
            for i in range(300):
                site.frame(large, stamp=float(i))
                head, _ = await quick.hear("picture")
                assert head["stamp"] == i
                await quick.say(type="seen")
            stamps = [(await slow.hear("picture"))[0]["stamp"] for _ in range(2)]
            for _ in range(2):
                await slow.say(type="seen")
            stamps.append((await slow.hear("picture"))[0]["stamp"])
            assert stamps[-1] == 299 and stamps[0] < 5 and stamps[1] < 10

    run(watch())
    assert site.live.frames_dropped > 250


def test_pictures_are_wanted_only_while_a_page_shows_them(make):
    site = make()

    async def watch() -> None:
        assert site.live.watchers == 0
        async with Page(site) as page:
            await page.hear("hello")
            assert site.live.watchers == 1
            await page.say(type="watch", on=False)
            await page.wish(type="switch", node="/n", on=True)
            assert site.live.watchers == 0

    run(watch())


def test_random_bytes_cost_a_connection_and_nothing_else(make):
    """As HTTP, and as frames of an open websocket."""
    site = make()
    random_ = random.Random(14)
    parts = [
        b"GET ",
        b"POST ",
        b"/",
        b"/live",
        b"/login",
        b" HTTP/1.1\r\n",
        b"Host: localhost\r\n",
        b"Content-Length: 99999999\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"ffffffffffffffff\r\n",
        b"\x00",
        b"Cookie: fer_ros_1=\xff\r\n",
        b"Content-Length: -1\r\n",
        b"Connection: close\r\n",
        b"Upgrade: websocket\r\n",
        b"Sec-WebSocket-Key: x\r\n",
        b"Origin: \r\n",
    ]
    before = threading.active_count()
    for i in range(300):
        made = b"".join(random_.choices(parts, k=random_.randint(1, 12)))
        data = bytearray(made if i % 3 else OPEN_LIVE + random_.randbytes(random_.randint(1, 400)))
        for _ in range(random_.randint(0, 4)):
            data[random_.randrange(len(data))] = random_.randrange(256)
        with socket.create_connection(("127.0.0.1", site.server.port), timeout=5) as connection:
            connection.sendall(bytes(data))
    assert alive(site)
    assert threading.active_count() <= before + 4
    deadline = time.monotonic() + 30
    while len(site.server._connections) > 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert site.graph.asked == [("/n", True)]


def test_it_ends_at_once_whatever_is_open(make):
    site = make()
    idle = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(20)]

    async def stay() -> None:
        async with Page(site) as page:
            await page.hear("hello")
            began = time.monotonic()
            await asyncio.to_thread(site.server.stop)
            assert time.monotonic() - began < 8

    try:
        run(stay())
    finally:
        for one in idle:
            one.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.server.port), timeout=2)
