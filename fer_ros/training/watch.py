# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""How a run is followed: in the terminal, in TensorBoard, as pictures in its folder."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fer_ros.system.signals import Asked
from fer_ros.training import plots, summary
from fer_ros.training.train import Epoch, Run, Watcher

CURVES = "curves.png"
BOARD = "tensorboard"


class Everyone(Watcher):
    """Passes everything on to several."""

    def __init__(self, *watchers: Watcher):
        self._watchers = watchers

    def begin(self, run: Run) -> None:
        for watcher in self._watchers:
            watcher.begin(run)

    def step(self, done: int, steps: int) -> None:
        for watcher in self._watchers:
            watcher.step(done, steps)

    def epoch(self, run: Run, epoch: Epoch) -> None:
        for watcher in self._watchers:
            watcher.epoch(run, epoch)


class Interrupts(Watcher):
    """Stops a run between two steps, where nothing is half done, once somebody has asked for that.

    Python raises KeyboardInterrupt in whatever runs just then, and libraries swallow it or make another error of it.
    """

    def __init__(self, ending: Asked):
        self._ending = ending

    def _look(self) -> None:
        if self._ending.asked:
            raise KeyboardInterrupt

    def begin(self, run: Run) -> None:
        self._look()

    def step(self, done: int, steps: int) -> None:
        self._look()

    def epoch(self, run: Run, epoch: Epoch) -> None:
        self._look()


class Terminal(Watcher, AbstractContextManager["Terminal"]):
    """A line for each epoch and, on a terminal, bars for the epoch and the run."""

    def __init__(self, console: Console):
        self._console = console
        self._bars = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                              console=console, transient=True, disable=not console.is_terminal)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._bars.stop()
        if kind is KeyboardInterrupt:
            self._say("stopped: the same command goes on after the last finished epoch")

    def begin(self, run: Run) -> None:
        done = len(run.history)
        if done:
            self._say(f"continuing after epoch {done} of {run.recipe.epochs}")
        self._say(f"{len(run.training):,} training and {len(run.validation):,} validation faces, {run.place.text}")
        self._began, self._before = time.monotonic(), done
        self._run = self._bars.add_task("run  ", total=run.recipe.epochs, completed=done)
        self._epoch = self._bars.add_task("epoch", total=run.steps)
        self._bars.start()

    def step(self, done: int, steps: int) -> None:
        self._bars.update(self._epoch, completed=done)

    def epoch(self, run: Run, epoch: Epoch) -> None:
        self._bars.update(self._run, completed=epoch.number)
        heads = "".join(f"  {head} {values['accuracy']:.1%} (balanced {values['balanced']:.1%})"
                        for head, values in epoch.validation.items())
        best = "  best" if run.best is epoch else ""
        each = (time.monotonic() - self._began) / (epoch.number - self._before)
        left = duration(each * (run.recipe.epochs - epoch.number))
        self._say(f"epoch {epoch.number:>{len(str(run.recipe.epochs))}}  loss {epoch.loss:.4f}{heads}  {epoch.seconds:.0f} s, "
                  f"{left} left{best}")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)


class Board(Watcher):
    """Scalars for TensorBoard: `tensorboard --logdir RUN/tensorboard`."""

    def begin(self, run: Run) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # What an interrupted process had written past its last checkpoint is hidden.
        self._writer = SummaryWriter(str(run.folder / BOARD), purge_step=len(run.history) + 1)

    def epoch(self, run: Run, epoch: Epoch) -> None:
        for name, value in epoch.row().items():
            if name != "epoch":
                head, _, what = name.partition("_")
                self._writer.add_scalar(f"{head}/{what}" if head in epoch.validation else f"run/{name}", value, epoch.number)
        self._writer.flush()


class Pictures(Watcher):
    """The network, and the curves, drawn anew after each epoch, so that they are there whenever a run stops."""

    def begin(self, run: Run) -> None:
        summary.write(run.network, run.recipe.architecture, run.folder)

    def epoch(self, run: Run, epoch: Epoch) -> None:
        plots.curves([e.row() for e in run.history], run.best.number, run.folder / CURVES)


def duration(seconds: float) -> str:
    """As people read it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
