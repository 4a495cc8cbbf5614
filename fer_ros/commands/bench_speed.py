# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros bench latency | throughput | scale | overlay | bridge | peers | soak`: what the graph costs on this machine."""

from __future__ import annotations

import argparse
import contextlib
import functools
import math
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from fer_ros.commands.arguments import count, seconds
from fer_ros.commands.measuring import Rows, measured_by
from fer_ros.words import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fer_ros.bench.live_graph import Run

_DIFFERENT = 60  # frames of a film, which is played again and again


def add_to(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    latency = kinds.add_parser(
        "latency", help="from an image's stamp to its emotions in another process",
        description="The graph on a film that is played like a camera, in one process and in several, in turns. Latency, "
                    "frames without an answer, and the processor time of all its processes.",
    )
    latency.add_argument("--sizes", type=size, nargs="+", default=[(640, 480), (1920, 1080)], metavar="WxH",
                         help="of the images (default: 640x480 1920x1080)")
    latency.add_argument("--faces", type=count, nargs="+", default=[1, 5], metavar="N", help="in each (default: 1 5)")
    latency.add_argument("--fps", type=count, default=30, metavar="N", help="(default: 30)")
    latency.add_argument("--frames", type=count, default=1000, metavar="N", help="of each kind (default: 1000)")
    latency.add_argument("--turns", type=count, default=2, metavar="N", help="in which they are taken (default: 2)")
    measured_by(latency, _latency)

    throughput = kinds.add_parser(
        "throughput", help="what a frame costs beside the bare networks",
        description="Detection and emotion of a frame without any pacing, and both networks alone (one face) on inputs that "
                    "were made before, in turns; then the nodes of one process, which work at the same time, on one core and "
                    "on two.",
    )
    throughput.add_argument("--size", type=size, default=(640, 480), metavar="WxH", help="of the images (default: 640x480)")
    throughput.add_argument("--faces", type=count, default=1, metavar="N", help="in each (default: 1)")
    throughput.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes",
                            help="a parameter of the stages, which are then measured beside those without it: "
                            "emotion_node.model=emotion_int8.onnx; can be given several times")
    throughput.add_argument("--frames", type=count, default=1000, metavar="N", help="(default: 1000)")
    measured_by(throughput, _throughput)

    scale = kinds.add_parser(
        "scale", help="the cost of more faces, more pixels, more cameras",
        description="Time of a frame against the number of faces and of pixels, each beside the first; load and losses of "
                    "several cameras in one process.",
    )
    scale.add_argument("--faces", type=count, nargs="+", default=[1, 2, 4, 8, 16, 32], metavar="N",
                       help="(default: 1 2 4 8 16 32)")
    scale.add_argument("--pixels", type=size, nargs="+", metavar="WxH",
                       default=[(640, 480), (1280, 720), (1920, 1080), (3840, 2160)], help="(default: VGA to 4K)")
    scale.add_argument("--cameras", type=count, nargs="*", default=[1, 2, 3, 4], metavar="N", help="(default: 1 2 3 4)")
    scale.add_argument("--fps", type=count, default=15, metavar="N", help="of each camera (default: 15)")
    scale.add_argument("--rounds", type=count, default=240, metavar="N", help="of each kind of frame (default: 240)")
    scale.add_argument("--seconds", type=seconds, default=20.0, metavar="S", help="for each number of cameras (default: 20)")
    scale.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it (needs matplotlib)")
    measured_by(scale, _scale)

    overlay = kinds.add_parser(
        "overlay", help="what drawing costs, up to a crowd",
        description="Time of the overlay of one image against the number of faces in it, which stand anywhere, many of them "
                    "one over another.",
    )
    overlay.add_argument("--faces", type=count, nargs="+", default=[1, 4, 10, 32, 64, 300, 1000], metavar="N",
                         help="(default: 1 4 10 32 64 300 1000)")
    overlay.add_argument("--size", type=size, default=(640, 480), metavar="WxH", help="of the image (default: 640x480)")
    overlay.add_argument("--rounds", type=count, default=100, metavar="N", help="(default: 100)")
    measured_by(overlay, _overlay)

    bridge = kinds.add_parser(
        "bridge", help="messages to arrays and back",
        description="An image message as a BGR array and back: this package's way, cv_bridge's, and a plain copy, in turns.",
    )
    bridge.add_argument("--sizes", type=size, nargs="+", default=[(640, 480), (1920, 1080)], metavar="WxH",
                        help="(default: 640x480 1920x1080)")
    bridge.add_argument("--rounds", type=count, default=100, metavar="N", help="(default: 100)")
    measured_by(bridge, _bridge)

    peers = kinds.add_parser(
        "peers", help="beside fer, mediapipe, human and face-api",
        description="Detection and emotion of the demo clip's frames on the same cores, in turns of ten frames. Each peer is "
                    "installed into an environment of its own (some 3 GB in all, from PyPI and npm), and skipped with the "
                    "reason where it cannot be. With --data also which share of FER2013's PublicTest faces, enlarged, each "
                    "finds and calls as most people do (FER+).",
    )
    peers.add_argument("--env", type=Path, required=True, metavar="DIR", help="for the environments; kept for the next time")
    peers.add_argument("--only", nargs="+", metavar="NAME", help="of the peers, or a part of a name (default: all)")
    peers.add_argument("--size", type=size, default=(640, 480), metavar="WxH", help="of the frames (default: 640x480)")
    peers.add_argument("--frames", type=count, default=200, metavar="N", help="of each peer (default: 200)")
    peers.add_argument("--data", type=Path, metavar="DIR", help="with fer2013.csv and fer2013new.csv")
    peers.add_argument("--faces", type=count, default=1000, metavar="N", help="of the data, drawn by chance (default: 1000)")
    peers.add_argument("--cores", type=count, default=2, metavar="N", help="that all may use (default: 2)")
    measured_by(peers, _peers)

    footprint = kinds.add_parser(
        "footprint", help="time to the first answer, memory, and load at rest",
        description="From the start of the graph's one process, and of `fer-ros run`, to the first answer that another "
                    "process hears; then memory and load of the one process with nobody in view, and with faces.",
    )
    footprint.add_argument("--size", type=size, default=(640, 480), metavar="WxH", help="of the images (default: 640x480)")
    footprint.add_argument("--faces", type=faces, nargs="+", default=[0, 1], metavar="N", help="in view (default: 0 1)")
    footprint.add_argument("--fps", type=count, default=30, metavar="N", help="(default: 30)")
    footprint.add_argument("--starts", type=count, default=5, metavar="N", help="of each kind, in turns (default: 5)")
    footprint.add_argument("--settle", type=seconds, default=8.0, metavar="S",
                           help="until load and memory are taken: it rests once nobody has been in view for 5 s (default: 8)")
    footprint.add_argument("--seconds", type=seconds, default=20.0, metavar="S", help="for load and memory (default: 20)")
    measured_by(footprint, _footprint)

    soak = kinds.add_parser(
        "soak", help="memory and latency over a long time",
        description="The graph in one process on a film that is played like a camera: memory of the process, latency and "
                    "losses of each interval.",
    )
    soak.add_argument("--minutes", type=seconds, default=60.0, metavar="M", help="(default: 60)")
    soak.add_argument("--interval", type=seconds, default=60.0, metavar="S", help="seconds of each row (default: 60)")
    soak.add_argument("--fps", type=count, default=30, metavar="N", help="(default: 30)")
    soak.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it (needs matplotlib)")
    measured_by(soak, _soak)


def faces(text: str) -> int:
    """How many people are in view, for argparse."""
    if not (text.isdecimal() and int(text) <= 32):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of faces from 0 to 32")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """Width and height in pixels, for argparse."""
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", text)
    if not found or min(map(int, found.groups())) < 64:
        raise argparse.ArgumentTypeError(f"{text!r} is not WIDTHxHEIGHT, each from 64 to 9999")
    return int(found[1]), int(found[2])


@contextlib.contextmanager
def _film(width: int, height: int, faces: int, fps: int) -> Iterator[str]:
    from fer_ros.bench import footage

    with tempfile.TemporaryDirectory(prefix="fer_ros_bench_") as folder:
        path = Path(folder) / "film.avi"
        footage.film(path, footage.pictures(width, height, faces, _DIFFERENT, _columns(faces)), fps)
        yield str(path)


def _columns(faces: int) -> int:
    """Of the grid of faces: as large as they can be."""
    return 4 if faces <= 8 else 8


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _namespace() -> str:
    """Of this measurement alone: a graph that runs already is not disturbed."""
    return f"fer_bench_{os.getpid()}"


def _run(source: str, fps: int, frames: int, composed: bool, cameras: Sequence[str] = (), settle: float = 0.0) -> Run:
    """Of so many frames, once the graph has run for `settle` seconds."""
    from fer_ros.bench.live_graph import camera_graph, watched

    namespace = _namespace()
    graph, content = camera_graph(source, fps, composed, namespace, cameras)
    topics = [f"/{namespace}/{name}/fer/emotions" for name in cameras]
    with watched(graph, content, topics) as watch:
        if settle:
            settled = time.monotonic() + settle
            watch.spin(lambda _: time.monotonic() >= settled)
            watch.start()
        deadline = time.monotonic() + 2 * frames / fps + 10
        watch.spin(lambda answers: time.monotonic() > deadline or
                   all(one.stamps and one.stamps[-1] - one.stamps[0] >= (frames - 1) / fps for one in answers.values()))
        return watch.window()


def _latency(options: argparse.Namespace) -> tuple[Table, Rows]:
    kinds = [(pixels, faces) for pixels in options.sizes for faces in options.faces]
    taken: dict[tuple[Any, ...], list[Run]] = {}
    per_turn = math.ceil(options.frames / options.turns)
    for (width, height), faces in kinds:
        with _film(width, height, faces, options.fps) as source:
            for turn in range(options.turns):
                for composed in (True, False):
                    _say(f"{width}x{height}, {counted(faces, 'face')}, {'one process' if composed else 'several'}, "
                         f"turn {turn + 1} ...")
                    run = _run(source, options.fps, per_turn, composed)
                    taken.setdefault((width, height, faces, composed), []).append(run)
    from fer_ros.bench.timing import Spread

    table = Table("images", "faces", "processes", "p50 (ms)", "p95 (ms)", "lost", "load (cores)", "memory (MB)")
    rows = []
    for (width, height, faces, composed), runs in taken.items():
        answers = [one for run in runs for one in run.answers.values()]
        spread = Spread.of([latency for one in answers for latency in one.latencies])
        frames, lost = sum(len(one.stamps) for one in answers), sum(one.lost(options.fps) for one in answers)
        seen = sum(sum(one.faces) for one in answers) / max(frames, 1)
        load, memory = max(run.load for run in runs), max(run.memory for run in runs)
        rows.append({"width": width, "height": height, "faces": faces, "seen": seen, "composed": composed, "fps": options.fps,
                     "frames": frames + lost, "lost": lost, "p50": spread.p50, "p95": spread.p95, "load": load,
                     "memory": memory})
        table.add_row(f"{width}x{height}", f"{seen:.1f}", "one" if composed else "several", f"{1e3 * spread.p50:.1f}",
                      f"{1e3 * spread.p95:.1f}", f"{lost} of {frames + lost}", f"{load:.2f}", f"{memory / 1e6:.0f}")
    return table, rows


def _throughput(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import footage, throughput
    from fer_ros.bench.nodes import unpaced
    from fer_ros.parameters.params import assignment

    width, height = options.size
    images = footage.pictures(width, height, options.faces, 8, _columns(options.faces))
    changes = dict(map(assignment, options.changes))
    table = Table("what", "ms a frame (p95)", "frames a second", "beside the bare networks")
    rows: Rows = []
    taken, seen = throughput.measure(images, options.frames, changes)
    if seen < 0.9 * options.faces:
        raise ValueError(f"the detector sees {seen:.1f} faces in these frames, not {options.faces}: choose a larger --size")
    bare = taken["detector"].p50 + taken["classifier"].p50

    def add(what: str, took: float, told: str, rate: bool = True) -> None:
        rows.append({"what": what, "seconds": took, "ratio": took / bare})
        table.add_row(what, told, f"{1 / took:.0f}" if rate else "", f"{took / bare:.2f}")

    add("detector, bare", taken["detector"].p50, str(taken["detector"]))
    add("emotion network, bare", taken["classifier"].p50, str(taken["classifier"]))
    add("both, bare", bare, f"{1e3 * bare:.2f}")
    if changes:
        add("a frame, nothing set", taken["unchanged"].p50, str(taken["unchanged"]))
        add(f"a frame, {', '.join(options.changes)}", taken["frame"].p50, str(taken["frame"]))
        return table, rows
    add("a frame", taken["frame"].p50, str(taken["frame"]))
    for stage in throughput.STAGES:
        add(f"  {stage}", taken[stage].p50, str(taken[stage]), rate=False)
    for cores in (1, 2):
        if cores > len(os.sched_getaffinity(0)):
            _say(f"{cores} cores: this machine has not so many")
            continue
        took = unpaced(images, options.frames, cores)
        add(f"the nodes, {counted(cores, 'core')}", took, f"{1e3 * took:.2f}")
    return table, rows


def _check_plot(path: Path | None) -> None:
    """Before hours of measuring and not after them. Raises ValueError where it cannot be drawn."""
    if path is None:
        return
    from fer_ros.bench.plots import pyplot

    pyplot()
    if path.suffix.lower() != ".png":
        raise ValueError(f"cannot write '{path}': name a .png file")


def _scale(options: argparse.Namespace) -> tuple[Table, Rows]:
    _check_plot(options.plot)
    from fer_ros.bench import footage, throughput
    from fer_ros.bench.timing import alternate

    table = Table("what", "ms a frame (p95)", "beside the first", "seen", "lost", "slowest camera", "load (cores)")
    rows: Rows = []
    most = max(options.faces)
    if most > footage.MOST_FACES:
        raise ValueError(f"at most {footage.MOST_FACES} faces, not {most}")

    def compare(what: str, kinds: dict[int, Any], told: dict[int, str]) -> None:
        seen: dict[int, int] = {}

        def look(key: int, frames: Callable[[], Sized]) -> None:
            seen[key] = len(frames())

        works = {key: functools.partial(look, key, frames) for key, frames in kinds.items()}
        taken = alternate(works, -(-options.rounds // throughput.PATTERN), each=throughput.PATTERN)
        first = taken[next(iter(kinds))]
        for key, spread in taken.items():
            rows.append({"what": what, "value": key, "p50": spread.p50, "p95": spread.p95, "ratio": spread.p50 / first.p50,
                         "seen": seen[key]})
            table.add_row(told[key], str(spread), f"{spread.p50 / first.p50:.2f}", str(seen[key]), "", "", "")

    # All faces of one size, however many there are.
    compare("faces", {n: throughput.Frames(footage.pictures(640, 480, n, 8)) for n in options.faces},
            {n: f"{counted(n, 'face')}, 640x480" for n in options.faces})
    compare("pixels", {w * h: throughput.Frames(footage.pictures(w, h, 1, 4, 4)) for w, h in options.pixels},
            {w * h: f"{w}x{h}, 1 face" for w, h in options.pixels})
    for cameras in options.cameras:
        _say(f"{counted(cameras, 'camera')} ...")
        with _film(640, 480, 1, options.fps) as source:
            names = [f"camera{i + 1}" for i in range(cameras)]
            run = _run(source, options.fps, round(options.seconds * options.fps), True, names)
        answers = run.answers.values()
        lost = sum(one.lost(options.fps) for one in answers)
        frames = lost + sum(len(one.stamps) for one in answers)
        slowest = min(len(one.stamps) / (len(one.stamps) + one.lost(options.fps)) for one in answers) * options.fps
        spread = run.latency
        rows.append({"what": "cameras", "value": cameras, "fps": options.fps, "p50": spread.p50, "p95": spread.p95,
                     "lost": lost, "frames": frames, "slowest": slowest, "load": run.load})
        table.add_row(f"{counted(cameras, 'camera')}, {options.fps} Hz: latency", str(spread), "", "",
                      f"{lost} of {frames}", f"{slowest:.1f} Hz", f"{run.load:.2f}")
    if options.plot:
        from fer_ros.bench.plots import scale

        scale(rows, options.plot, options.force)
    return table, rows


def _overlay(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import drawing

    table = Table("faces", "ms an image (p95)", "ms a face")
    rows: Rows = []
    width, height = options.size
    for faces, spread in drawing.measure(options.faces, width, height, options.rounds).items():
        rows.append({"faces": faces, "p50": spread.p50, "p95": spread.p95})
        table.add_row(str(faces), str(spread), f"{1e3 * spread.p50 / faces:.3f}")
    return table, rows


def _bridge(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import bridge

    table = Table("encoding", "image", "way", "ms (p95)", "beside a copy")
    rows = []
    for width, height in options.sizes:
        for encoding in bridge.ENCODINGS:
            taken = bridge.measure(encoding, width, height, options.rounds)
            for way, spread in taken.items():
                rows.append({"encoding": encoding, "width": width, "height": height, "way": way, "p50": spread.p50,
                             "p95": spread.p95})
                table.add_row(encoding, f"{width}x{height}", way, f"{1e3 * spread.p50:.3f} ({1e3 * spread.p95:.3f})",
                              f"{spread.p50 / taken['a copy'].p50:.2f}")
    return table, rows


def _peers(options: argparse.Namespace) -> tuple[Table, Rows]:
    import numpy as np

    from fer_ros.bench import footage, peers

    wanted = [peer for peer in peers.PEERS if not options.only or any(part in peer.name for part in options.only)]
    if not wanted:
        raise ValueError(f"no peer is named {' or '.join(options.only)}: there are "
                         f"{', '.join(peer.name for peer in peers.PEERS)}")
    faces: NDArray[Any] = np.empty((0, 48, 48), np.uint8)
    truth: list[str] = []
    if options.data is not None:
        from fer_ros.labels import EMOTIONS
        from fer_ros.training.data import validation_faces

        faces, named = validation_faces(options.data, options.faces)
        truth = [EMOTIONS[label] for label in named]
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    different = 8
    width, height = options.size
    with tempfile.TemporaryDirectory(prefix="fer_ros_bench_") as folder:
        peers.write(Path(folder), footage.demo(width, height, different), faces)
        found = peers.measure(wanted, options.env.resolve(), Path(folder), different, options.frames, truth, cores, _say)
    table = Table("what", "ms a frame (p95)", "beside the first", "processors' ms", "beside the first", "faces found",
                  "right of all", "faces answered")
    rows: Rows = []
    first = next((one for one in found.values() if not one.skipped), None)
    for name, one in found.items():
        if one.skipped:
            rows.append({"name": name, "skipped": one.skipped})
            table.add_row(name, f"skipped: {one.skipped}")
            continue
        assert first is not None  # this one, or one before it
        seen = sum(one.faces) / len(one.faces)
        accuracy, answered = (one.right / one.asked, one.answered / one.asked) if one.asked else (None, None)
        ratio, busy = one.spread.p50 / first.spread.p50, one.busy_a_frame
        # Counted in hundredths of a second: of very few frames there may be none.
        busy_ratio = busy / first.busy_a_frame if first.busy else math.nan
        rows.append({"name": name, "p50": one.spread.p50, "p95": one.spread.p95, "ratio": ratio, "busy": busy,
                     "busy_ratio": busy_ratio, "faces": seen, "accuracy": accuracy, "answered": answered, "cores": len(cores)})
        table.add_row(name, str(one.spread), f"{ratio:.1f}", f"{busy * 1000:.2f}", f"{busy_ratio:.1f}", f"{seen:.2f}",
                      "" if accuracy is None else f"{accuracy:.1%}", "" if answered is None else f"{answered:.1%}")
    return table, rows


def _footprint(options: argparse.Namespace) -> tuple[Table, Rows]:
    from fer_ros.bench import footprint

    width, height = options.size
    table = Table("what", "median", "least", "most")
    rows: Rows = []
    taken: dict[str, list[float]] = {}
    with _film(width, height, 1, options.fps) as source:
        starts = {"one process": functools.partial(footprint.of_process, source, options.fps, _namespace()),
                  "fer-ros run": functools.partial(footprint.of_command, source, _namespace())}
        for turn in range(options.starts):
            for name, start in starts.items():
                _say(f"{name}, start {turn + 1} ...")
                taken.setdefault(name, []).append(start())
    for name, times in taken.items():
        median = sorted(times)[len(times) // 2]
        rows.append({"what": f"first answer, {name}", "median": median, "least": min(times), "most": max(times)})
        table.add_row(f"first answer, {name}", *(f"{one:.2f} s" for one in (median, min(times), max(times))))
    for number in options.faces:
        _say(f"{counted(number, 'face')} ...")
        with _film(width, height, number, options.fps) as source:
            run = _run(source, options.fps, round(options.seconds * options.fps), True, settle=options.settle)
        (answers,) = run.answers.values()
        rows.append({"what": "at work", "faces": number, "seen": sum(answers.faces) / max(len(answers.faces), 1),
                     "load": run.load, "memory": run.memory})
        table.add_row(f"load, {counted(number, 'face')}", f"{run.load:.1%} of a core")
        table.add_row(f"memory, {counted(number, 'face')}", f"{run.memory / 1e6:.0f} MB")
    return table, rows


def _soak(options: argparse.Namespace) -> tuple[Table, Rows]:
    _check_plot(options.plot)
    from fer_ros.bench.live_graph import camera_graph, watched

    table = Table("minute", "memory (MB)", "beside the first", "p50 (ms)", "p95 (ms)", "lost", "load (cores)")
    rows: Rows = []
    def past(end: float, _: object) -> bool:
        return time.monotonic() > end

    with _film(640, 480, 1, options.fps) as source:
        graph, content = camera_graph(source, options.fps, True, _namespace())
        with watched(graph, content) as watch:
            for number in range(1, max(round(60 * options.minutes / options.interval), 1) + 1):
                watch.start()
                end = time.monotonic() + options.interval
                watch.spin(functools.partial(past, end))
                run = watch.window()
                (answers,), spread = run.answers.values(), run.latency
                minute, lost = number * options.interval / 60, answers.lost(options.fps)
                rows.append({"minute": minute, "memory": run.memory, "p50": spread.p50, "p95": spread.p95, "lost": lost,
                             "frames": lost + len(answers.stamps), "load": run.load})
                _say(f"minute {minute:.1f}: {run.memory / 1e6:.1f} MB, p50 {1e3 * spread.p50:.1f} ms, {lost} lost")
    step = max(len(rows) // 12, 1)
    for row in [one for number, one in enumerate(rows) if number == 0 or (number + 1) % step == 0]:
        table.add_row(f"{row['minute']:.1f}", f"{row['memory'] / 1e6:.1f}", f"{row['memory'] / rows[0]['memory']:.3f}",
                      f"{1e3 * row['p50']:.1f}", f"{1e3 * row['p95']:.1f}", f"{row['lost']} of {row['frames']}",
                      f"{row['load']:.2f}")
    if options.plot:
        from fer_ros.bench.plots import soak

        soak(rows, options.plot, options.force)
    return table, rows
