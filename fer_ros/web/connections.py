# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Accepts connections: a bounded number of them, and the idle ones make room, so that nobody can keep others out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fer_ros.web.access import Bucket

_SETTLED = 0.2  # seconds between two attempts while the process has no file left to open
_HANDSHAKE = 5.0  # seconds for TLS
_ACCEPTED = (200.0, 400.0)  # connections a second, and at once: the kernel keeps those that come faster
_PACE = 0.02  # seconds between two looks whether another may be accepted
_HEARD = (64.0 * 1024, 512.0 * 1024)  # bytes a second from one connection, and at once: a page sends two thousand


@dataclass
class _Open:
    since: float
    busy: int = 0


class _Metered(asyncio.Protocol):
    """Speaks for a protocol, and ends a connection that sends more than a page would: to read it would take a core."""

    def __init__(self, protocol: Any, too_much: Callable[[], None]):
        self._protocol, self._too_much, self._left = protocol, too_much, Bucket(*_HEARD)

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._left.take(len(data)):
            self._protocol.data_received(data)
        elif not self._transport.is_closing():
            self._too_much()
            self._transport.abort()

    def eof_received(self) -> bool | None:
        kept: bool | None = self._protocol.eof_received()
        return kept

    def connection_lost(self, error: Exception | None) -> None:
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


class Connections:
    """The open connections of a server.

    Args:
        protocol: makes what speaks HTTP with one.
        limit: how many there are at once; beyond it the one that has been idle longest is ended.
        refused: is called for each connection that is ended before its time.
        idle: seconds that one may be open without a whole request.
    """

    def __init__(self, protocol: Callable[[], Any], refused: Callable[[], None], limit: int = 128, idle: float = 15.0):
        self._protocol, self._refused, self._limit, self._idle = protocol, refused, limit, idle
        self._pace = Bucket(*_ACCEPTED)
        self._open: dict[Any, _Open] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closing = False

    def __len__(self) -> int:
        return len(self._open)

    def serve(self, listening: list[socket.socket], context: ssl.SSLContext | None) -> None:
        """Accept on these sockets from now on. Called in the loop's thread."""
        for one in listening:
            self._start(self._accept(one, context))
        self._start(self._reap())

    @contextlib.contextmanager
    def busy(self, transport: Any) -> Any:
        """While a request is worked on, its connection is not idle."""
        entry = self._open.get(transport)
        if entry is None:
            yield
            return
        entry.busy += 1
        try:
            yield
        finally:
            entry.busy -= 1
            entry.since = time.monotonic()

    async def close(self) -> None:
        self._closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in self._open:
            transport.abort()
        self._open.clear()

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        while not self._closing:
            while not self._pace.take():
                await asyncio.sleep(_PACE)
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError:  # no file is left to open, or the peer is gone already
                self._forget_closed()
                self._end_idle()
                await asyncio.sleep(_SETTLED)
                continue
            self._forget_closed()
            if len(self._open) + len(self._tasks) >= 2 * self._limit:  # all at work, or in the middle of TLS's handshake
                self._refused()
                connection.close()
                continue
            self._start(self._connect(connection, context))

    async def _connect(self, connection: socket.socket, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        more = {"ssl_handshake_timeout": _HANDSHAKE} if context else {}
        try:
            transport, _ = await loop.connect_accepted_socket(self._metered, connection, ssl=context, **more)
        except (OSError, ssl.SSLError):
            connection.close()
            return
        self._make_room()
        self._open[transport] = _Open(time.monotonic())

    def _metered(self) -> _Metered:
        return _Metered(self._protocol(), self._refused)

    def _forget_closed(self) -> None:
        for transport in [one for one in self._open if one.is_closing()]:
            del self._open[transport]

    def _make_room(self) -> None:
        self._forget_closed()
        if len(self._open) >= self._limit:
            self._end_idle()

    def _end_idle(self) -> None:
        """End the connection that has been idle longest."""
        idle = [(entry.since, id(transport), transport) for transport, entry in self._open.items() if not entry.busy]
        if idle:
            transport = min(idle)[2]
            del self._open[transport]
            transport.abort()
            self._refused()

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._idle / 4))
            self._forget_closed()
            late = time.monotonic() - self._idle
            for transport in [one for one, entry in self._open.items() if not entry.busy and entry.since < late]:
                del self._open[transport]
                transport.abort()
