# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What `fer-ros run` shows: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fer_ros.run_summary import Summary
from fer_ros.types import Emotion
from fer_ros.words import counted

# The overlay's palette, as far as it can be read in a terminal; the name of the emotion stands beside it anyway.
_COLOURS = {
    "angry": "#d55e00", "disgust": "#009e73", "fear": "#cc79a7", "happy": "#f0e442", "sad": "#0072b2",
    "surprise": "#e69f00", "neutral": "#c5c5c5", "uncertain": "#888888",
}
_BAR = 20
_LINES = 20  # faces of a frame that are shown
_STORIES, _CHAPTERS = 8, 10  # faces, and changes of a face, that the closing account tells of


class View:
    """Shows a run; a context manager. Thread-safe as far as rich's console is."""

    def __init__(self, title: str, console: Console | None = None):
        self._title = title
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True) if self._console.is_terminal else None
        self._drawn = 0.0

    def __enter__(self) -> View:
        if self._live:
            self._live.start()
        else:
            self.say(self._title)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, text: str, style: str = "") -> None:
        """A line that stays."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def waiting(self, text: str) -> None:
        """What is being waited for; seen in a terminal only."""
        if self._live:
            self._live.update(Text(text, style="dim"), refresh=True)

    def frame(self, emotions: Sequence[Emotion], new: Sequence[Emotion], summary: Summary, latency: float) -> None:
        """Show a frame: the live table, at most ten times a second, or a line for each label that is new."""
        if self._live is None:
            assert summary.first_stamp is not None and summary.last_stamp is not None  # it counts this frame
            at = summary.last_stamp - summary.first_stamp
            for one in new[:_LINES]:
                self.say(f"{at:7.2f} s  face {one.face_id:>3}  {one.label:<9}  {one.confidence:4.0%}")
            if len(new) > _LINES:
                self.say(f"{at:7.2f} s  and {counted(len(new) - _LINES, 'more face')}")
            return
        now = time.monotonic()
        if now - self._drawn >= 0.1:
            self._drawn = now
            self._live.update(Group(*self._render(emotions, summary, latency)), refresh=True)

    def _render(self, emotions: Sequence[Emotion], summary: Summary, latency: float) -> list[RenderableType]:
        head = Text.assemble(
            (self._title, "bold"),
            f"   {counted(summary.frames, 'frame')}   {summary.fps:.1f} fps",
            "" if math.isnan(latency) else f"   {latency * 1e3:.0f} ms",
            overflow="ellipsis",
        )
        table = Table("face", "emotion", "", "sure", "at", box=None, padding=(0, 2, 0, 0))
        for one in sorted(emotions, key=lambda e: (len(e.face_id), e.face_id))[:_LINES]:
            colour = _COLOURS.get(one.label, "")
            full = round(_BAR * min(max(one.confidence, 0.0), 1.0)) if math.isfinite(one.confidence) else 0
            bar = Text("█" * full, style=colour) + Text("░" * (_BAR - full), style="dim")
            # As Text: rich reads brackets in a plain string as markup, and these come from outside.
            table.add_row(Text(one.face_id), Text(one.label, style=f"bold {colour}"), bar, f"{one.confidence:.0%}",
                          f"{one.box.cx:.0f}, {one.box.cy:.0f}")
        return [head, table if emotions else Text("no face", style="dim")]

    def summary(self, summary: Summary) -> None:
        """The closing account."""
        first = summary.first_stamp
        if first is None:
            self.say("no frame was answered")
            return
        p50, p95 = (summary.latency(percentile) * 1e3 for percentile in (50, 95))
        self.say(
            f"{counted(summary.frames, 'frame')} in {summary.duration:.1f} s ({summary.fps:.1f} fps), "
            + ("faces without ids" if summary.shown and not summary.faces else counted(len(summary.faces), "face"))
            + ("" if math.isnan(p50) else f", latency p50 {p50:.1f} ms, p95 {p95:.1f} ms")
        )
        for label, shown in sorted(summary.shown.items(), key=lambda one: one[1], reverse=True):
            self.say(f"  {label:<9} {shown:6.1f} s" + (" over all faces" if len(summary.faces) != 1 else ""))
        for face in sorted(summary.faces, key=lambda name: (len(name), name))[:_STORIES]:
            changes = [(stamp - first, label) for stamp, who, label in summary.changes if who == face]
            story = [f"{label} from {stamp:.1f} s" for stamp, label in changes]
            kept = story if len(story) <= _CHAPTERS else [*story[: _CHAPTERS // 2], "...", *story[-_CHAPTERS // 2 :]]
            self.say(f"  face {face}: {', '.join(kept)}")
        if len(summary.faces) > _STORIES:
            self.say(f"  and {counted(len(summary.faces) - _STORIES, 'more face')}")
