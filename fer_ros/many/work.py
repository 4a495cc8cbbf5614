# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What is done of one recording, wherever it is done."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fer_ros.bags.annotate import Annotator, Recording
from fer_ros.bags.errors import BagError
from fer_ros.bags.outputs import Outputs
from fer_ros.drawing.overlay import OverlayStyle
from fer_ros.many.inputs import Input
from fer_ros.many.store import Store
from fer_ros.media.frames import SourceUnavailable
from fer_ros.media.source_name import SourceError
from fer_ros.models.inference import InferenceParams
from fer_ros.parameters.privacy_params import PrivacyParams
from fer_ros.perception.classifier import ClassifierParams
from fer_ros.perception.detector import DetectorParams
from fer_ros.perception.pipeline import DETECTOR, EMOTION
from fer_ros.resources import emotion_model, model_file
from fer_ros.run_summary import Summary
from fer_ros.system.files import reason
from fer_ros.words import one_line

DONE, CUT, FAILED = "done", "cut", "failed"
"""All of a recording is annotated; what came before the place where it is damaged; nothing is."""

_ROOM = 256 * 1024  # bytes, without which there is no room for an answer
_NOTICES = 3  # of a recording, that are kept
_TOLD = 0.5  # seconds between two words on how far it is

Params = Mapping[str, Mapping[type, Any]]


class DiskFull(OSError):
    """There is no room for what was found: nothing is wrong with the recording."""


class Stopped(Exception):
    """Nobody waits for it any more."""


@dataclass(frozen=True)
class Model:
    """A network, by its content: whatever `auto` means elsewhere, this one is taken.

    Attributes:
        path: where it is on the machine that chose it.
    """

    path: str
    sha256: str

    @classmethod
    def of(cls, name_or_path: str) -> Model:
        """Raises OSError where the file cannot be read, FileNotFoundError where it is not there."""
        path = model_file(name_or_path).absolute()
        return cls(str(path), hashlib.sha256(path.read_bytes()).hexdigest())

    @property
    def file(self) -> str:
        return Path(self.path).name

    def content(self) -> bytes:
        """Raises ValueError where the file is not what it was when it was chosen."""
        return self.checked(Path(self.path).read_bytes())

    def checked(self, content: bytes) -> bytes:
        """Raises ValueError where these bytes are not the model."""
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise ValueError(f"{self.file} is not the model that was chosen: its sha256 begins with {found[:8]}, not "
                             f"{self.sha256[:8]}: it was changed while it was used")
        return content


@dataclass(frozen=True)
class Task:
    """What is to be done of every recording: whoever has this and a recording comes to the same answer.

    Attributes:
        params: of the nodes, by node and class.
        detector, emotions: the networks, in place of what `params` name.
        topic: of a bag's images; empty where it has one alone.
        bags: whether an .mcap is written of each, too; `overlay`: whether with the overlay.
        ids: whether faces keep their ids.
    """

    params: Params
    detector: Model
    emotions: Model
    topic: str = ""
    bags: bool = True
    overlay: bool = False
    ids: bool = True

    @classmethod
    def of(cls, params: Params, **options: Any) -> Task:
        """With the networks that `params` mean on this machine. Raises OSError where one is not there."""
        emotion = params[EMOTION]
        model = emotion_model(emotion[ClassifierParams].model, emotion[InferenceParams].provider)
        return cls(params, Model.of(params[DETECTOR][DetectorParams].model), Model.of(model), **options)

    def about(self) -> dict[str, Any]:
        """All that the answers depend on, for a file that says so."""
        values = {f"{node}.{name}": value for node, groups in self.params.items() for group in groups.values()
                  for name, value in dataclasses.asdict(group).items() if name != "model"}
        chosen = {f"{node}.model": f"{model.file} (sha256 {model.sha256[:12]})"
                  for node, model in ((DETECTOR, self.detector), (EMOTION, self.emotions))}
        more = {name: getattr(self, name) for name in ("topic", "bags", "overlay", "ids")}
        return dict(sorted({**values, **chosen, **more}.items()))

    def params_with(self, place: Callable[[Model], Path]) -> Params:
        """The parameters with the networks where `place` says that they are."""
        found = {node: dict(groups) for node, groups in self.params.items()}
        for node, group, model in ((DETECTOR, DetectorParams, self.detector), (EMOTION, ClassifierParams, self.emotions)):
            found[node][group] = dataclasses.replace(found[node][group], model=str(place(model)))
        return found


@dataclass(frozen=True)
class Outcome:
    """What has become of a recording.

    Attributes:
        status: DONE, CUT or FAILED.
        reason: why not DONE; one line.
        images, faces: that were annotated; skipped: images that could not be read.
        seconds: of the recording; spent: that it took.
        notices: what else a user should know.
    """

    status: str
    reason: str = ""
    images: int = 0
    skipped: int = 0
    faces: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    notices: list[str] = field(default_factory=list)


def nothing_told(images: int, of: int) -> None:
    """Nobody wants to know how far it is."""


def annotate(given: Input, task: Task, params: Params, folder: Path,
             tell: Callable[[int, int], None] = nothing_told) -> Outcome:
    """Annotate a recording into `faces.parquet`, `events.parquet` and, where that is asked for, `bag.mcap`.

    Args:
        params: the task's, with networks that are here.
        folder: an empty one; what is written lies in it.
        tell: called now and then with the images so far, and how many there are, 0 where nobody knows.

    Returns:
        What has become of it. Whatever is wrong with a recording is said there.

    Raises:
        DiskFull: there is no room in `folder`.
        Stopped: `tell` did.
    """
    started = time.monotonic()
    local = folder / "fetched"
    source = given.source
    try:
        if given.is_remote:
            local.mkdir()
            source = str(Store.of(given.source).fetch(given.source, local))
        outcome = _annotate(source, given.shown, task, params, folder, tell)
    except (DiskFull, Stopped):
        raise
    except (BagError, SourceError, SourceUnavailable, ValueError, OSError) as error:
        outcome = Outcome(FAILED, str(error))
    except Exception as error:  # a library's: what one recording does to it is no reason to give up the others
        outcome = Outcome(FAILED, f"{type(error).__name__}: {error}")

    if outcome.status == FAILED:
        _check_room(folder)

    def shown(text: str) -> str:
        return one_line(text.replace(source, given.shown)) if given.is_remote else one_line(text)

    return dataclasses.replace(outcome, reason=shown(outcome.reason), notices=[shown(one) for one in outcome.notices],
                               spent=time.monotonic() - started)


def _check_room(folder: Path) -> None:
    """Raises DiskFull where a recording failed for want of room, whatever a library has made of that."""
    try:
        with open(folder / "room", "xb") as file:
            file.write(bytes(_ROOM))
            file.flush()
        (folder / "room").unlink()
    except OSError as error:
        raise DiskFull(error.errno, reason(error)) from None


def _annotate(source: str, shown: str, task: Task, params: Params, folder: Path,
              tell: Callable[[int, int], None]) -> Outcome:
    annotator, summary, damage = Annotator(params), Summary(), ""
    drawn = params["overlay_node"]
    with Recording(source, task.topic) as recording, Outputs(
        folder / "bag.mcap" if task.bags else None, annotator.model, table=folder / "faces.parquet",
        events=folder / "events.parquet", overlay=task.overlay, privacy=drawn[PrivacyParams], style=drawn[OverlayStyle],
        ids=task.ids, more={"recording": shown},
    ) as outputs:
        try:
            told = 0.0
            for frame in recording:
                found = annotator(frame)
                outputs.write(found)
                summary.add(found.emotions, found.seconds, float("nan"))
                if time.monotonic() - told > _TOLD:
                    tell(summary.frames, recording.length)
                    told = time.monotonic()
        except BagError as error:
            if not summary.frames:
                raise
            damage = f"{error}: only what came before is annotated"
        if not summary.frames:
            raise ValueError("it holds no image that can be read" + "".join(f": {one}" for one in recording.notices[:1]))
        _, troubles = outputs.close(0, annotator.end())
        if troubles:
            raise DiskFull(errno.ENOSPC, str(troubles[0]))
    return Outcome(CUT if damage else DONE, damage, summary.frames, recording.skipped, len(summary.faces), summary.duration,
                   notices=recording.notices[:_NOTICES])
