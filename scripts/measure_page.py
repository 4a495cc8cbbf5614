#!/usr/bin/env python3
# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What an open page costs the graph: the latency of its answers with and without pages, in turns. Needs fer_ros[web].

Compare lines of one run only, on a machine with nothing else to do. The pages are plain clients, in a process that gets only
what others leave of the cores: those of other devices take none of this machine's, and a browser that runs on it takes more.
`--stuck` adds one that stops reading.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import subprocess
import sys
from pathlib import Path

import aiohttp

PORT = 8699


async def page(seconds: float, stuck: bool) -> int:
    """Watch for a while; how many pictures came."""
    pictures = 0

    async def watch() -> None:
        nonlocal pictures
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{PORT}/live") as socket:
            async for message in socket:
                if stuck:
                    await asyncio.sleep(seconds)
                if message.type == aiohttp.WSMsgType.BINARY:
                    pictures += 1
                    await socket.send_str('{"type": "seen"}')

    for _ in range(200):
        try:
            await asyncio.wait_for(watch(), seconds)
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)  # it is starting
        except asyncio.TimeoutError:
            break
    return pictures


async def pages(seconds: float, clients: int, stuck: int) -> None:
    """The process of the pages; it prints how many pictures came to each."""
    print(*await asyncio.gather(*(page(seconds, slow) for slow in [False] * clients + [True] * stuck)))


async def run(source: str, seconds: float, clients: int, stuck: bool) -> str:
    """A run of the graph; its last words on frames and latency, and what the pages got."""
    command = [str(Path(sys.executable).parent / "fer-ros"), "run", "--source", source, "--loop", "--duration", str(seconds)]
    web = ["--web", "--web-port", str(PORT)] if clients or stuck else []
    graph = await asyncio.create_subprocess_exec(*command, *web, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    watching = await asyncio.create_subprocess_exec(
        "nice", "-n", "19", sys.executable, __file__, "--pages", str(clients), str(int(stuck)), str(seconds - 1),
        stdout=subprocess.PIPE) if web else None
    printed = (await graph.communicate())[0].decode()
    found = re.search(r"^\d+ frames? in .*", printed, re.MULTILINE)
    pictures = (await watching.communicate())[0].decode().strip() if watching else ""
    return f"{found[0] if found else printed}" + (f"; pictures {pictures}" if pictures else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="demo")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=1, help="pages that are open")
    parser.add_argument("--stuck", action="store_true", help="one more, which stops reading")
    parser.add_argument("--pages", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pages:
        asyncio.run(pages(float(options.pages[2]), *map(int, options.pages[:2])))
        return
    for _ in range(options.rounds):
        print("without:", asyncio.run(run(options.source, options.seconds, 0, False)), flush=True)
        print("with:   ", asyncio.run(run(options.source, options.seconds, options.clients, options.stuck)), flush=True)


if __name__ == "__main__":
    main()
