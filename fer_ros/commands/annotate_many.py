# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""`fer-ros annotate` of many recordings: into one folder, here or on a cluster, and on from where it was interrupted."""

from __future__ import annotations

import argparse
import contextlib
import glob
import importlib
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from fer_ros.commands.arguments import count
from fer_ros.commands.status import INTERRUPTED, SKIPPED
from fer_ros.models.terms import news
from fer_ros.version import __version__
from fer_ros.words import counted

if TYPE_CHECKING:
    from fer_ros.many.cluster import Cluster
    from fer_ros.many.collection import Collection
    from fer_ros.many.crew import Crew, Finished
    from fer_ros.many.inputs import Input, Refused
    from fer_ros.many.work import Outcome, Params, Task

_LISTED = 20  # recordings that failed, at the end of a run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What counts for several recordings alone."""
    group = parser.add_argument_group(
        "several recordings", "Several names, a pattern in quotes, or --out DIR (a name without .mcap): every bag and video, "
        "of folders those in them, too, is annotated into DIR, as Parquet data sets DIR/faces and DIR/events, DIR/bags and "
        "DIR/recordings.csv. The same command goes on where it was interrupted.")
    group.add_argument("--jobs", type=count, metavar="N", help="how many are annotated at a time (default: one for each "
                       "processor)")
    group.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, tcp://host:8786, that annotates them")
    group.add_argument("--retry-failed", action="store_true", help="try those again that failed")
    group.add_argument("--no-bags", action="store_true", help="write the data sets alone, and no .mcap of each recording")


def are_many(options: argparse.Namespace) -> bool:
    """Whether the arguments mean several recordings."""
    from fer_ros.many.inputs import is_in_store

    sources, out = options.source, options.out
    into_folder = out is not None and (out.is_dir() or not out.suffix)
    alone = len(sources) == 1 and not is_in_store(sources[0]) and (
        "://" in sources[0] or os.path.lexists(sources[0]) or not glob.has_magic(sources[0]))
    asked = options.jobs or options.scheduler or options.retry_failed or options.no_bags
    return bool(not alone or into_folder or asked)


def annotate_many(options: argparse.Namespace, params: Params) -> int:
    """Raises ValueError, OSError where nothing can be begun."""
    from fer_ros.many.collection import Collection
    from fer_ros.many.inputs import find
    from fer_ros.many.work import Task

    _check(options)
    task = Task.of(params, topic=options.topic, bags=not options.no_bags, overlay=options.overlay, ids=_ids(options, params))
    given, refused = find(options.source, options.out)
    with Collection(options.out, {"fer_ros": __version__, **task.about()}, options.force) as collection:
        if given and (terms := news(Path(task.emotions.path))):
            print(f"fer-ros: {terms}", file=sys.stderr)
        run = _Run(options, task, collection, given, refused)
        return run()


def _check(options: argparse.Namespace) -> None:
    """Raises ValueError where the arguments do not go together."""
    if options.out is None:
        raise ValueError("several recordings are annotated into a folder: name it with --out DIR")
    if options.out.suffix.lower() == ".mcap" and not options.out.is_dir():
        raise ValueError(f"several recordings are annotated into a folder, and '{options.out}' is named like a bag: --out DIR")
    for name in ("table", "events", "record"):
        if getattr(options, name) is not None:
            raise ValueError(f"--{name} is of one recording: of several, faces and events are Parquet data sets in --out DIR")
    if options.no_bags and options.overlay:
        raise ValueError("--overlay is written into the bags: leave out --no-bags")
    if options.scheduler and options.overlay:
        raise ValueError("--overlay would send every picture through the scheduler: leave out --scheduler")
    if options.scheduler and options.jobs:
        raise ValueError("--jobs is for this machine: how many a cluster annotates at a time is up to its workers")
    try:
        importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise ValueError("the data sets need pyarrow: pip install pyarrow") from None


def _ids(options: argparse.Namespace, params: Params) -> bool:
    from fer_ros.parameters.privacy_params import IdParams
    from fer_ros.perception.pipeline import EMOTION

    return bool(params[EMOTION][IdParams].publish_ids and not options.no_ids)


class _Run:
    """One command: what there is to do, and what is said of it."""

    def __init__(self, options: argparse.Namespace, task: Task, collection: Collection, given: Sequence[Input],
                 refused: Sequence[Refused]):
        from fer_ros.many.work import FAILED

        self._options, self._task, self._collection = options, task, collection
        self._given, self._refused = given, refused
        records = {one.name: record for one in given if (record := collection.record(one)) is not None}
        self.outcomes: dict[str, Outcome] = {name: record.outcome for name, record in records.items()
                                             if not (options.retry_failed and record.outcome.status == FAILED)}
        self._todo = [one for one in given if one.name not in self.outcomes]
        self._before = len(self.outcomes)
        self._started = time.monotonic()

    def __call__(self) -> int:
        from fer_ros.many.crew import CrewError
        from fer_ros.many.work import DiskFull

        for refused in self._refused:
            print(f"fer-ros: {refused.shown}: {refused.reason}", file=sys.stderr)
        if not self._given:
            raise ValueError("there is nothing to annotate")
        if self._before:
            _console().print(f"done already: {self._before} of {counted(len(self._given), 'recording')}")
        ended = ""
        try:
            if self._todo:
                self._work()
        except DiskFull as error:
            ended = f"{error.strerror}: make room in {self._options.out}"
        except CrewError as error:
            ended = str(error)
        except KeyboardInterrupt:
            self._tell_of_end("interrupted")
            return INTERRUPTED
        return self._tell_of_end(ended)

    def _work(self) -> None:
        from fer_ros.many.crew import Finished

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=_console(), transient=True) as bar:
            every = bar.add_task("all recordings", total=len(self._given), completed=self._before)
            in_hand: dict[str, TaskID] = {}
            with self._workers() as workers, contextlib.closing(workers.work(self._todo)) as events:
                for event in events:
                    name = event.given.name
                    if name not in in_hand:
                        in_hand[name] = bar.add_task(_short(event.given), total=None)
                    if not isinstance(event, Finished):
                        bar.update(in_hand[name], completed=event.images, total=event.of or None)
                        continue
                    bar.remove_task(in_hand.pop(name))
                    self._finish(event)
                    bar.advance(every)

    @contextlib.contextmanager
    def _workers(self) -> Iterator[Crew | Cluster]:
        from fer_ros.many.crew import Crew, CrewError

        room = self._collection.room()
        if not self._options.scheduler:
            jobs = self._options.jobs or len(os.sched_getaffinity(0))
            with Crew(self._task, jobs, room) as crew:
                yield crew
            return
        try:
            from fer_ros.many.cluster import Cluster
        except ImportError:
            raise CrewError("--scheduler needs Dask: pip install 'fer_ros[cluster]'") from None
        with Cluster(self._options.scheduler, self._task, room, _tell) as cluster:
            yield cluster

    def _finish(self, event: Finished) -> None:
        self._collection.put(event.given, event.outcome, event.folder)
        self.outcomes[event.given.name] = event.outcome
        _console().print(f"{len(self.outcomes)}/{len(self._given)} {event.given.shown}: {_in_words(event.outcome)}",
                         markup=False)
        for notice in event.outcome.notices:
            print(f"fer-ros: {notice}", file=sys.stderr)

    def _tell_of_end(self, ended: str) -> int:
        """Write the table, say what has become of all of them; the exit status."""
        from fer_ros.many.work import CUT, DONE, FAILED

        try:
            self._collection.write_table(self._given)
        except OSError as error:
            ended = ended or f"the table of recordings cannot be written: {error.strerror or error}"
        found = Counter(one.status for one in self.outcomes.values())
        images, seconds = (sum(getattr(one, name) for one in self.outcomes.values()) for name in ("images", "seconds"))
        left = len(self._given) - len(self.outcomes)
        rest = [f"{number} {words}" for number, words in ((found[CUT], "damaged and annotated in part"),
                                                           (found[FAILED], "failed"), (left, "left to do")) if number]
        _console().print(f"{found[DONE]} of {counted(len(self._given), 'recording')} annotated"
                         + "".join(f", {one}" for one in rest)
                         + f": {counted(images, 'image')} of {_span(seconds)}, {len(self.outcomes) - self._before} now in "
                         f"{_span(time.monotonic() - self._started)}: {self._options.out}", markup=False)
        self._list_failed()
        if ended:
            print(f"fer-ros: {ended}" + ("; the same command goes on from here" if left else ""), file=sys.stderr)
        if ended or found[CUT] or found[FAILED] or self._refused or left:
            return 1
        return SKIPPED if any(one.skipped for one in self.outcomes.values()) else 0

    def _list_failed(self) -> None:
        from fer_ros.many.work import FAILED

        failed = [one for one in self._given if one.name in self.outcomes and self.outcomes[one.name].status == FAILED]
        for one in failed[:_LISTED]:
            print(f"fer-ros: failed: {one.shown}: {self.outcomes[one.name].reason}", file=sys.stderr)
        if len(failed) > _LISTED:
            print(f"fer-ros: and {len(failed) - _LISTED} more, see {self._options.out}/recordings.csv", file=sys.stderr)
        if failed and not self._options.retry_failed:
            print("fer-ros: --retry-failed tries what failed again", file=sys.stderr)


def _tell(text: str) -> None:
    print(f"fer-ros: {text}", file=sys.stderr)


def _in_words(outcome: Outcome) -> str:
    from fer_ros.many.work import CUT, FAILED

    if outcome.status == FAILED:
        return f"failed: {outcome.reason}"
    skipped = f", {counted(outcome.skipped, 'image')} could not be read" if outcome.skipped else ""
    cut = f"; {outcome.reason}" if outcome.status == CUT else ""
    return (f"{counted(outcome.images, 'image')} of {outcome.seconds:.1f} s in {outcome.spent:.1f} s, "
            f"{counted(outcome.faces, 'face')}{skipped}{cut}")


def _short(given: Input) -> str:
    """A name as the progress bar shows it."""
    shown = given.shown if len(given.shown) <= 40 else f"...{given.shown[-37:]}"
    return shown.replace("[", "\\[")


def _span(seconds: float) -> str:
    """A time in the unit that suits it.

    >>> _span(3.14), _span(600), _span(36000)
    ('3.1 s', '10.0 min', '10.0 h')
    """
    unit, name = (3600, "h") if seconds >= 3600 else (60, "min") if seconds >= 120 else (1, "s")
    return f"{seconds / unit:.1f} {name}"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True)
