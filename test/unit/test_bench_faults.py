# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The campaign of faults sees what is not right, keeps it, and tries it again."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from fer_ros.bags.reader import BagError
from fer_ros.bench import faults
from fer_ros.bench.faults_files import Files
from fer_ros.bench.faults_mutation import mutated, mutated_text

kept_open, of_a_peer = [], []  # by the trial below


def raised_in_a_library() -> None:
    int("no number")


def many_lines() -> None:
    error = BagError("")
    error.args = ("a\nb",)
    raise error


def opened_once() -> None:
    if not of_a_peer:
        of_a_peer.append(open(os.devnull))  # noqa: SIM115


ACTS = {
    "read": lambda path: "",
    "refused": lambda path: (_ for _ in ()).throw(BagError(f"{path} is wrong")),
    "wrong answer": lambda path: "answers nonsense",
    "TypeError": lambda path: None + 1,
    "a library's ValueError": lambda path: raised_in_a_library(),
    "many lines": lambda path: many_lines(),
    "no word": lambda path: (_ for _ in ()).throw(BagError(" ")),
    "exit": lambda path: (_ for _ in ()).throw(SystemExit(4)),
    "crash": lambda path: os.abort(),
    "hang": lambda path: time.sleep(1000),
    "memory": lambda path: len(b"x" * (9 << 27)) and "",
    "open file": lambda path: kept_open.append(open(path)) or "",  # noqa: SIM115
    "file of a peer": lambda path: opened_once() or "",
    "file for a moment": lambda path: threading.Timer(0.5, open(path).close).start() or "",  # noqa: SIM115
    "left file": lambda path: (Path(os.environ["TMPDIR"]) / "left.txt").write_text("x") and "",
}


class Acts:
    """A trial whose kinds say what happens."""

    kinds = tuple(ACTS)

    def make(self, kind: str, rng: random.Random, folder: Path) -> Path:
        path = folder / "input.bin"
        path.write_bytes(rng.randbytes(8))
        return path

    def read(self, kind: str, path: Path) -> str:
        return ACTS[kind](path)

    def close(self) -> None:
        pass


PART = faults.Part("acts", f"{Path(__file__).stem}:Acts")


@pytest.fixture(scope="module")
def importable():
    """This file, in a worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield


@pytest.fixture(scope="module")
def found(importable, tmp_path_factory) -> tuple[dict[str, faults.Tally], Path]:
    keep = tmp_path_factory.mktemp("keep")
    others = [kind for kind in ACTS if kind != "hang"]
    tallies = faults.campaign(PART, 2 * len(others), 3, 2, keep, only=others)
    # What hangs has a deadline of its own: on a busy machine the others may take long.
    return tallies | faults.campaign(replace(PART, deadline=3.0), 2, 3, 1, keep, only=["hang"]), keep


@pytest.mark.parametrize(("kind", "words"), [
    ("wrong answer", "answers nonsense"),
    ("TypeError", "TypeError escapes from test_bench_faults.py"),
    ("a library's ValueError", "ValueError escapes from test_bench_faults.py"),
    ("many lines", "is not one line of text"),
    ("no word", "says nothing"),
    ("exit", "SystemExit(4) escapes"),
    ("crash", "ends the process with SIGABRT"),
    ("hang", "hangs for more than 3 s"),
    ("memory", "MiB of memory"),
    ("open file", "leaves 1 file open: "),
    ("left file", "leaves left.txt"),
])
def test_what_is_not_right_is_found_and_the_campaign_goes_on(found, kind, words):
    tally = found[0][kind]
    assert tally.tried == 2
    assert [words in one.reason for one in tally.findings] == [True, True], tally.findings


@pytest.mark.parametrize(("kind", "refused"), [("read", 0), ("refused", 2), ("file for a moment", 0), ("file of a peer", 0)])
def test_what_is_read_or_refused_as_it_should_be_is_right(found, kind, refused):
    tally = found[0][kind]
    assert (tally.tried, tally.refused, tally.findings) == (2, refused, [])


def test_what_failed_is_kept_and_can_be_tried_again(found):
    finding = found[0]["TypeError"].findings[0]
    folder = Path(finding.kept)
    assert folder.parent == found[1]
    assert json.loads((folder / "reason.json").read_text())["reason"] == finding.reason
    for place in (folder, folder / "reason.json", folder / "input.bin"):
        part, case = faults.kept(place)
        assert part == "acts"
        again = faults.campaign(PART, 1, 0, 1, None, again=[case])
        assert again["TypeError"].findings[0].reason == finding.reason
    with pytest.raises(ValueError, match=r"no input that `bench faults` has kept"):
        faults.kept(found[1] / "none")


def test_a_trial_whose_needs_are_not_installed_says_so():
    with pytest.raises(faults.Unavailable, match="No module named 'nowhere'"):
        faults.campaign(faults.Part("x", "nowhere:Trial"), 1, 0, 1, None)


@pytest.mark.parametrize("made_by", ["fer_ros.nowhere:Trial", "fer_ros.bench.faults:Nothing"])
def test_a_trial_that_is_broken_itself_is_not_skipped(made_by):
    with pytest.raises(ValueError, match=f"{made_by} ends the process with status 1") as raised:
        faults.campaign(faults.Part("x", made_by), 1, 0, 1, None)
    assert not isinstance(raised.value, faults.Unavailable)


def test_the_same_seed_makes_the_same_inputs(tmp_path):
    made = []
    for name in ("a", "b"):
        trial, contents = Files(), []
        kinds = [kind for kind in trial.kinds if kind != "video mkv"]  # in which OpenCV puts a random id
        for case in faults.cases(kinds, len(kinds) * 2, 5):
            folder = tmp_path / f"{name}-{case.number}"
            folder.mkdir()
            path = trial.make(case.kind, case.rng(), folder)
            files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
            contents.append([(file.name, file.read_bytes()) for file in files])
        made.append(contents)
    assert made[0] == made[1]
    assert len({str(content) for content in made[0]}) > len(made[0]) * 0.9


def test_what_is_sound_is_read(tmp_path, monkeypatch):
    """Or the campaign would see refusals alone."""
    monkeypatch.setattr("fer_ros.bench.faults_files.mutated", lambda data, *_: data)
    monkeypatch.setattr("fer_ros.bench.faults_files.mutated_text", lambda text, *_: text.encode())
    trial = Files()
    for kind in trial.kinds:
        if kind in ("bag messages", "bag rows"):
            continue
        read = 0
        for number in range(6):
            folder = tmp_path / f"{kind}-{number}"
            folder.mkdir()
            path = trial.make(kind, random.Random(number), folder)
            try:
                read += trial.read(kind, path) == ""
            except BagError as error:
                assert "metadata" in str(error)
        assert read, kind


def test_bytes_and_texts_are_changed():
    data = bytes(range(256)) * 20
    changed = {mutated(data, random.Random(i), [b"other" * 100]) for i in range(200)}
    assert len(changed) > 190
    assert {len(one) < len(data) for one in changed} == {True, False}
    text = "a: 1\nb: [1, 2]\nc: {d: 3}\n"
    assert len({mutated_text(text, random.Random(i), [text]) for i in range(200)}) > 150


def test_reasons_are_grouped_whatever_their_numbers():
    found = [faults.Finding("p", "k", i, 0, reason) for i, reason in enumerate(["c", "a 12 'x'", "a 7 'y'"])]
    assert list(faults.grouped(found).items()) == [("a 12 'x'", 2), ("c", 1)]
