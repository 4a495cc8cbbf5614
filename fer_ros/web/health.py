# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The state of the graph in words, by what its nodes report: what is said where the picture would be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

STALLED = 2.0
"""Seconds without a picture that are told."""
_LOST = 6.0  # seconds without a report
_BEHIND = 1.0  # seconds from an image to its answer that are told
_RESTING = {"inactive": "switched off", "unconfigured": "not started", "disabled": "paused",
            "finalized": "shut down until its process is started again"}
_SILENT = "nothing received on"
_WORKS = {"face_detector_node": "nobody looks for faces", "emotion_node": "nobody recognises emotions"}


class Report(Protocol):
    """A node as it last reported; see `fer_ros.ros.steering.Member`."""

    kind: str
    level: int
    message: str
    values: dict[str, str]
    heard: float


@dataclass(frozen=True)
class Notice:
    """What is said, and what can be done.

    Attributes:
        text: in words; empty where all is well.
        over: whether there is no picture, so that it stands in its place.
        action: `on` or `again` (a recording from its beginning) for the node `node`; empty where a page can do nothing.
    """

    text: str = ""
    over: bool = False
    action: str = ""
    node: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "over": self.over, "action": self.action, "node": self.node}


def notice(reports: Mapping[str, Report], now: float, picture_came: bool, picture_age: float, answer_age: float,
           silence: str) -> Notice:
    """Why there is no picture, or no answer with it.

    Args:
        reports: the graph's nodes by full name.
        now: in seconds, as `Report.heard`.
        picture_came: whether there has been a picture since somebody looks.
        picture_age, answer_age: seconds since the last picture, or since somebody looks, and since the last answer.
        silence: why nothing comes on the image topic, as the ROS graph tells it; empty where it does not.
    """
    source = next(((name, one) for name, one in reports.items() if one.kind in ("camera_node", "replay_node")), None)
    if picture_came and picture_age <= STALLED:
        return _without_answers(reports, now) if answer_age > STALLED else _late(reports)
    if source is not None:
        return _of_source(*source, now, picture_came, picture_age)
    if silence:
        return Notice(f"{silence[:1].upper()}{silence[1:]}", True)
    if not reports:
        return Notice("No node of the graph reports. Is it running, in this ROS_DOMAIN_ID?", True)
    return _missing("", picture_came, picture_age)


def _of_source(name: str, source: Report, now: float, came: bool, age: float) -> Notice:
    what = "camera" if source.kind == "camera_node" else "replay"
    if source.message in _RESTING:
        return Notice(f"The {what} is {_RESTING[source.message]}.", True, *_remedy(name, source))
    if now - source.heard > _LOST:
        return Notice(f"{name} has not reported for {now - source.heard:.0f} s: its process hangs or has ended.", True)
    state = source.values.get("source")
    if state == "ended":
        return Notice(f"{source.message}.", True, "again", name)
    if state == "unavailable":
        return Notice(f"No images from the {what}: {source.message}. It is tried again until it works.", True)
    if state == "failed":
        return Notice(f"The {what} {source.message}.", True, "again", name)
    return _missing(f", although the {what} plays: this machine may be busy", came, age)


def _remedy(name: str, resting: Report) -> tuple[str, str]:
    """The action of a notice about a node that rests, and its node: none brings back one that was shut down."""
    return ("", "") if resting.message == "finalized" else ("on", name)


def _missing(why: str, came: bool, age: float) -> Notice:
    if not came and age <= STALLED:  # it may still be on its way
        return Notice("Waiting for the first picture.", True)
    return Notice(f"No picture has come for {age:.0f} s{why}.", True)


def _without_answers(reports: Mapping[str, Report], now: float) -> Notice:
    for name, one in reports.items():
        if one.kind in _WORKS:
            if one.message in _RESTING:
                return Notice(f"{_WORKS[one.kind].capitalize()}: {one.kind} is {_RESTING[one.message]}.", False,
                              *_remedy(name, one))
            if now - one.heard > _LOST:
                return Notice(f"{_WORKS[one.kind].capitalize()}: {name} does not report any more.")
    kinds = {one.kind: one.message for one in reports.values()}
    # Another detector's faces may be taken, of whose node nobody here hears.
    if "face_detector_node" not in kinds and kinds.get("emotion_node", "").startswith(_SILENT):
        return Notice(f"No faces come: {kinds['emotion_node']}.")
    if "hri_faces_node" in kinds:
        kinds["face_detector_node"] = kinds["hri_faces_node"]
    missing = [kind for kind in _WORKS if kind not in kinds]
    if missing:
        return Notice(f"{_WORKS[missing[0]].capitalize()}: there is no {missing[0]}.")
    return Notice("There is a picture, but no answer for it: this machine may be too busy.")


def _late(reports: Mapping[str, Report]) -> Notice:
    for one in reports.values():
        behind = _seconds(one.values.get("latency p50", "")) if one.kind == "emotion_node" else 0.0
        if behind > _BEHIND:
            return Notice(f"The answers come {behind:.1f} s after their images: this machine is too busy.")
    return Notice()


def _seconds(text: str) -> float:
    """Of a report's "12.5 ms"; 0 where it is none."""
    found = re.fullmatch(r"([0-9.]{1,12}) ms", text)
    try:
        return float(found[1]) / 1000 if found else 0.0
    except ValueError:
        return 0.0


def rows(reports: Mapping[str, Report], now: float) -> list[dict[str, Any]]:
    """The nodes as the page's table shows them."""
    return [{"name": name, "kind": one.kind, "level": one.level, "message": one.message, "lost": now - one.heard > _LOST,
             "values": {key: value for key, value in one.values.items() if key not in ("process", "started")}}
            for name, one in sorted(reports.items())]
