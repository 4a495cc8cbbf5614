# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The page's server: static files, one websocket a page, and what is fetched as a file. Runs in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import math
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from fer_ros.system.priority import give_way
from fer_ros.web.access import Access, Bucket, Buckets, addresses
from fer_ros.web.connections import Connections
from fer_ros.web.live import Control, Live, Refused, Seen

_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_LARGEST = 16 * 1024  # bytes of a request's body and of a websocket's message
_IN_FLIGHT = 2  # pictures that a page has not acknowledged
_PATIENCE = 10.0  # seconds for the graph to do what a page asks for
_BODY = 5.0  # seconds for a request's body to come
_TRIES = (0.2, 10.0)  # wrong tokens a second from an address, and at once
_REQUESTS = (30.0, 400.0)  # of an address, likewise
_DOWNLOADS = 4  # at once
_COOKIE = "fer_ros_"  # the beginning of its name
_DOWNLOAD = (60.0, 64 * 1024)  # seconds, and bytes a second beyond those, that a download may take at most
_QUIET = logging.getLogger("fer_ros.web")
_QUIET.addHandler(logging.NullHandler())
_QUIET.propagate = False  # or everybody who sends nonsense would fill the log

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Settings:
    """Of one server; see `fer_ros.parameters.web_params.WebParams`."""

    port: int = 0
    control: bool = True
    max_clients: int = 16
    certificate: str = ""
    key: str = ""


class CannotServe(ValueError):
    """The page cannot be served; the text says why and what to do."""


class _Page:
    """One open page: what it has seen, and what it may do how often."""

    def __init__(self, socket: web.WebSocketResponse):
        self.socket = socket
        self.seen = Seen()
        self.wake = asyncio.Event()
        self.wake.set()
        self.watching = True
        self.sent = self.acknowledged = self.shown = 0  # pictures: how many, how many of them, the newest one's number
        self.messages, self.wishes = Bucket(150, 300), Bucket(10, 40)
        self.working: set[asyncio.Task[None]] = set()


class _Video(web.FileResponse):
    """A file that may take longer than a connection may be idle, and not for ever.

    Args:
        sending: what holds while a request is answered with it.
    """

    def __init__(self, path: Path, sending: Callable[[web.Request], contextlib.AbstractContextManager[None]]):
        super().__init__(path, headers={"Content-Disposition": f'attachment; filename="{path.name}"'})
        least, rate = _DOWNLOAD
        self._sending, self._limit = sending, least + path.stat().st_size / rate

    async def prepare(self, request: Any) -> Any:
        with self._sending(request):
            try:
                return await asyncio.wait_for(super().prepare(request), self._limit)
            except asyncio.TimeoutError:
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionAbortedError from None


class Server:
    """Serves the page of one graph.

    Args:
        hello: what a page is told first, beside what it may do: labels, colours and so on.
    """

    def __init__(self, live: Live, control: Control, access: Access, settings: Settings, hello: Mapping[str, Any]):
        self._live, self._control, self._access, self._settings = live, control, access, settings
        self._hello = {**hello, "type": "hello", "control": settings.control, "begun": live.begun}
        self._pages: set[_Page] = set()
        self._tries, self._requests = Buckets(*_TRIES), Buckets(*_REQUESTS)
        self._downloads = 0
        self._listening: list[socket.socket] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        # Blocking: what a page asks of the graph takes as long as the graph does.
        self._workers = ThreadPoolExecutor(4, thread_name_prefix="web")
        self._files = {f"/{path.name}" if path.name != "index.html" else "/": (path.read_bytes(), _TYPES[path.suffix])
                       for path in _PAGE.iterdir() if path.suffix in _TYPES}
        self.port = 0
        self.refused = 0

    # Called by the node.

    def start(self) -> None:
        """Serve until `stop`. Raises CannotServe."""
        context = self._context()
        self._bind()
        begun = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(context, begun), name="web", daemon=True)
        self._thread.start()
        begun.wait()
        self._live.on_change(self._notify)

    def stop(self) -> None:
        """End every connection and the thread."""
        self._live.on_change(lambda: None)
        if self._thread is not None and self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)
        self._thread = None
        for one in self._listening:
            one.close()
        self._listening.clear()
        self._workers.shutdown(wait=False, cancel_futures=True)

    @property
    def clients(self) -> int:
        """Pages that are open."""
        return len(self._pages)

    @property
    def _cookie(self) -> str:
        """Its name. Browsers send a cookie to every port of a host, where the page of another camera may be."""
        return f"{_COOKIE}{self.port}"

    def addresses(self) -> list[str]:
        """Where the page is, with the token."""
        return addresses(self._access.host, self.port, self._access.tls, self._access.token)

    # Starting.

    def _context(self) -> ssl.SSLContext | None:
        if not self._settings.certificate:
            if self._settings.key:
                raise CannotServe("tls_key needs tls_certificate, or the page would not be https: name both")
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self._settings.certificate, self._settings.key or None, password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            raise CannotServe(f"tls_certificate and tls_key cannot be used: {error}: name a certificate and its unencrypted "
                              "private key, both in PEM") from None
        return context

    def _bind(self) -> None:
        host, port = self._access.host, self._settings.port
        where = f"{host or 'every address'}, port {port}"
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = found[0]
            listening = socket.socket(family, kind, protocol)
            self._listening.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(64)
            listening.setblocking(False)
        except OSError as error:
            for one in self._listening:
                one.close()
            self._listening.clear()
            raise CannotServe(f"the page cannot be served on {where}: {error.strerror or error}: choose another port or "
                              "host") from None
        self.port = listening.getsockname()[1]

    def _run(self, context: ssl.SSLContext | None, begun: threading.Event) -> None:
        give_way()
        asyncio.run(self._serve(context, begun))

    async def _serve(self, context: ssl.SSLContext | None, begun: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(lambda loop, about: self._count_refused())
        app = web.Application(middlewares=[self._guard], client_max_size=_LARGEST, logger=_QUIET)
        app.on_response_prepare.append(self._add_headers)
        app.router.add_post("/login", self._login)
        app.router.add_get("/live", self._socket)
        app.router.add_get("/parameters.yaml", self._parameter_file)
        app.router.add_get("/recordings/{name}", self._recording)
        app.router.add_get("/{name:[a-z]*[.]?[a-z]*}", self._static)
        runner = web.AppRunner(app, access_log=None, logger=_QUIET, handle_signals=False, keepalive_timeout=10)
        await runner.setup()
        assert runner.server is not None  # `setup` has made it
        self._connections = Connections(runner.server, self._count_refused)
        self._connections.serve(self._listening, context)
        begun.set()
        await self._stop.wait()
        for page in list(self._pages):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(page.socket.close(code=WSCloseCode.GOING_AWAY), 0.5)
        await self._connections.close()
        await runner.cleanup()

    # Every request.

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        with self._connections.busy(request.transport):
            host = request.headers.get("Host", "")
            if not self._requests[request.remote or ""].take():
                self.refused += 1
                return _last(web.Response(status=429, text="Too many requests: wait a moment.\n"))
            if not self._access.is_ours(host):
                self.refused += 1
                return web.Response(status=421, text="This server has another name. Open its own address.\n")
            try:
                return await handler(request)
            except web.HTTPException:
                self.refused += 1
                raise
            except (asyncio.CancelledError, ConnectionError):
                raise
            except Exception:
                self.refused += 1
                return web.Response(status=400, text="This request cannot be followed.\n")

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        host, scheme = request.headers.get("Host", ""), "wss" if self._access.tls else "ws"
        sources = f"'self' {scheme}://{host}" if self._access.is_ours(host) else "'self'"
        response.headers.update({
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
                                       f"connect-src {sources}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
                                       "require-trusted-types-for 'script'; trusted-types 'none'",
            "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp", "Cache-Control": "no-store", "Server": "fer_ros",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        })
        if self._access.tls:
            response.headers["Strict-Transport-Security"] = "max-age=86400"

    def _check_site(self, request: web.Request) -> None:
        headers = request.headers
        if not self._access.is_same_site(headers.get("Origin"), headers.get("Host", ""), headers.get("Sec-Fetch-Site")):
            raise web.HTTPForbidden(text="Another site's page may not ask for this.\n")

    def _check_visitor(self, request: web.Request) -> None:
        self._check_site(request)
        authorization = request.headers.get("Authorization")
        if authorization is not None:
            self._check_tries(request)
        # That of another camera's page opens this one, too, where both have the same token.
        cookies = [value for name, value in request.cookies.items() if name.startswith(_COOKIE)]
        if not any(self._access.lets_in(cookie, authorization) for cookie in (None, *cookies)):
            if authorization is not None:
                self._tries[request.remote or ""].take()
            raise web.HTTPUnauthorized(text="The page needs its token: open the address that was printed when it started.\n")

    def _check_tries(self, request: web.Request) -> None:
        """Refuse the right token, too, to an address that guesses."""
        if not self._tries[request.remote or ""].has():
            raise web.HTTPTooManyRequests(text="Too many wrong tokens: wait a minute.\n")

    async def _static(self, request: web.Request) -> web.Response:
        found = self._files.get(request.path)
        if found is None:
            raise web.HTTPNotFound(text="There is no such page.\n")
        return web.Response(body=found[0], content_type=found[1], charset="utf-8")

    async def _login(self, request: web.Request) -> web.Response:
        self._check_site(request)
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType
        self._check_tries(request)
        body = await asyncio.wait_for(request.json(), _BODY)
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not self._access.knows(token):
            self._tries[request.remote or ""].take()
            raise web.HTTPUnauthorized(text="This is not the token.\n")
        response = web.Response(status=204)
        response.set_cookie(self._cookie, self._access.cookie, httponly=True, samesite="Strict", secure=self._access.tls,
                            max_age=7 * 86400)
        return response

    async def _parameter_file(self, request: web.Request) -> web.Response:
        self._check_visitor(request)
        text = await self._ask(self._control.parameter_file)
        return web.Response(text=text, content_type="application/yaml",
                            headers={"Content-Disposition": 'attachment; filename="fer.yaml"'})

    async def _recording(self, request: web.Request) -> web.StreamResponse:
        self._check_visitor(request)
        known = await self._ask(self._control.recordings)
        path = known.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound(text="There is no such recording.\n")
        if self._downloads >= _DOWNLOADS:
            raise web.HTTPServiceUnavailable(text="Too many videos are being fetched: try again when one has come.\n")
        return _Video(path, self._sending)

    @contextlib.contextmanager
    def _sending(self, request: web.Request) -> Iterator[None]:
        self._downloads += 1
        try:
            with self._connections.busy(request.transport):
                yield
        finally:
            self._downloads -= 1

    # Pages.

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._check_visitor(request)
        if len(self._pages) >= self._settings.max_clients:
            raise web.HTTPServiceUnavailable(text="Too many pages are open: close one (max_clients allows more).\n")
        page = _Page(web.WebSocketResponse(max_msg_size=_LARGEST, heartbeat=20, compress=False, timeout=2, autoping=False))
        self._pages.add(page)
        self._count_watchers()
        sender = None
        try:
            await page.socket.prepare(request)
            sender = asyncio.ensure_future(self._send(page))
            async for message in page.socket:
                if not page.messages.take():
                    await page.socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many messages")
                    break
                if message.type == WSMsgType.PING:
                    await page.socket.pong(message.data)
                elif message.type != WSMsgType.PONG and not (
                        message.type == WSMsgType.TEXT and await self._hear(page, message.data)):
                    self.refused += 1
                    await page.socket.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"not understood")
                    break
        finally:
            self._pages.discard(page)
            self._count_watchers()
            for task in [*page.working, *([sender] if sender else [])]:
                task.cancel()
        return page.socket

    async def _send(self, page: _Page) -> None:
        """Send a page what is new as fast as it takes it, the newest picture only."""
        try:
            await page.socket.send_str(json.dumps(self._hello))
            while not page.socket.closed:
                await page.wake.wait()
                page.wake.clear()
                for text in self._live.news(page.seen):
                    await page.socket.send_str(text)
                picture = self._live.picture
                if not page.watching or picture is None or picture.number <= page.shown:
                    continue
                if page.sent - page.acknowledged >= _IN_FLIGHT:
                    continue  # woken again by its acknowledgement
                self._live.frames_dropped += picture.number - page.shown - 1 if page.shown else 0
                self._live.frames_sent += 1
                page.shown, page.sent = picture.number, page.sent + 1
                await page.socket.send_bytes(picture.message)
        except (ConnectionError, RuntimeError):  # it is gone
            pass

    async def _hear(self, page: _Page, text: str) -> bool:
        """Follow a page's message. Whether it was one."""
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return False
        if not isinstance(said, dict):
            return False
        kind = said.get("type")
        if kind == "seen":
            page.acknowledged = min(page.sent, page.acknowledged + 1)
            page.wake.set()
        elif kind == "watch" and isinstance(said.get("on"), bool):
            page.watching = said["on"]
            page.acknowledged = page.sent
            page.wake.set()
            self._count_watchers()
        elif isinstance(said.get("id"), int) and (wish := self._wish(said)) is not None:
            if refusal := self._refusal(page):  # said here and now: who does not read it is not read either
                await self._done(page, said["id"], refusal)
            else:
                task = asyncio.ensure_future(self._fulfil(page, said["id"], wish))
                page.working.add(task)
                task.add_done_callback(page.working.discard)
        else:
            return False
        return True

    def _wish(self, said: dict[str, Any]) -> Callable[[], None] | None:
        """What a message asks of the graph; None where it asks for nothing that there is."""
        kind, node, name, value, on = (said.get(key) for key in ("type", "node", "name", "value", "on"))
        plain = isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
        if kind == "set" and isinstance(node, str) and isinstance(name, str) and plain:
            return functools.partial(self._control.set_parameter, node, name, value)
        if kind == "switch" and isinstance(node, str) and isinstance(on, bool):
            return functools.partial(self._control.switch, node, on)
        if kind == "record" and isinstance(on, bool):
            return functools.partial(self._control.record, on)
        return None

    def _refusal(self, page: _Page) -> str:
        """Why a page may not change anything now; empty where it may."""
        if not self._settings.control:
            return "this page only shows: web_control is false"
        if not page.wishes.take() or len(page.working) >= 8:
            return "too many changes at once: wait a moment"
        return ""

    async def _fulfil(self, page: _Page, number: int, wish: Callable[[], None]) -> None:
        reason = ""
        try:
            await self._ask(wish)
        except Refused as error:
            reason = str(error)
        await self._done(page, number, reason)

    @staticmethod
    async def _done(page: _Page, number: int, reason: str) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await page.socket.send_str(json.dumps({"type": "done", "id": number, "ok": not reason, "reason": reason}))

    async def _ask(self, what: Callable[[], Any]) -> Any:
        """Ask the graph, in a thread that may wait. Raises Refused."""
        assert self._loop is not None  # this runs in it
        try:
            return await asyncio.wait_for(self._loop.run_in_executor(self._workers, what), _PATIENCE)
        except Refused:
            raise
        except asyncio.TimeoutError:
            raise Refused("the node does not answer") from None
        except Exception as error:
            raise Refused(f"it could not be done: {type(error).__name__}") from None

    def _count_watchers(self) -> None:
        self._live.watchers = sum(page.watching for page in self._pages)

    def _count_refused(self) -> None:
        self.refused += 1

    def _notify(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for page in self._pages:
            page.wake.set()


def _last(response: web.Response) -> web.Response:
    """An answer after which the connection ends."""
    response.force_close()
    return response
