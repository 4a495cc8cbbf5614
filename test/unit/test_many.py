# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Many recordings: each once, whole or named with its reason, on from where it was interrupted, as if each were alone."""

from __future__ import annotations

import contextlib
import csv
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fer_ros.cli import main, parser
from fer_ros.commands.annotate_many import are_many
from fer_ros.drawing.overlay import OverlayStyle
from fer_ros.graph import default_params_file
from fer_ros.many import inputs
from fer_ros.many.collection import Collection
from fer_ros.many.crew import Crew, CrewError, Finished, Progress
from fer_ros.many.inputs import Input, find
from fer_ros.many.work import DONE, FAILED, DiskFull, Model, Task, annotate
from fer_ros.parameters.params_file import parameters
from fer_ros.parameters.privacy_params import PrivacyParams
from fer_ros.perception.pipeline import PARAMS
from fer_ros.resources import executable
from fer_ros.system.files import OutputError

parquet = pytest.importorskip("pyarrow.parquet")
dataset = pytest.importorskip("pyarrow.dataset")


@pytest.fixture
def clips(demo_images, write_video, tmp_path) -> Path:
    """A folder with three short videos, two of one name, and one that is none."""
    folder = tmp_path / "clips"
    (folder / "monday").mkdir(parents=True)
    write_video(folder / "a.mp4", demo_images[:10])
    write_video(folder / "monday" / "a.mp4", demo_images[30:40])
    write_video(folder / "monday" / "b.avi", demo_images[:5])
    (folder / "damaged.mp4").write_text("no video")
    (folder / "notes.txt").write_text("of no interest")
    return folder


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["annotate", *map(str, arguments)])
    return ended.value.code


def table(folder: Path) -> dict[str, dict[str, str]]:
    """recordings.csv by the recordings' file names."""
    with open(folder / "recordings.csv", newline="", encoding="utf-8") as file:
        return {os.path.relpath(row["recording"], folder.parent / "clips"): row for row in csv.DictReader(file)}


def faces(folder: Path) -> list[dict]:
    return dataset.dataset(folder / "faces").to_table().to_pylist()


def names(found: list[Input], folder: Path) -> list[str]:
    return [os.path.relpath(one.source, folder) for one in found]


def task(**options: object) -> Task:
    known = {**PARAMS, "overlay_node": (OverlayStyle, PrivacyParams)}
    return Task.of(parameters(known, [default_params_file()]), **options)


# Which recordings are meant.


def test_a_folder_means_the_recordings_below_it(clips, tmp_path):
    found, refused = find([str(clips)], tmp_path / "out")
    assert names(found, clips) == ["a.mp4", "damaged.mp4", "monday/a.mp4", "monday/b.avi"]
    assert not refused


def test_a_pattern_means_the_recordings_that_match(clips, tmp_path):
    found, refused = find([f"{clips}/**/a.*", f"{clips}/*.mkv"], tmp_path / "out")
    assert names(found, clips) == ["a.mp4", "monday/a.mp4"]
    assert [one.reason for one in refused] == ["no recording matches this pattern"]


def test_a_recording_is_taken_once_whatever_leads_to_it(clips, tmp_path):
    (clips / "again").symlink_to(clips)
    (clips / "monday" / "link.mp4").symlink_to(clips / "a.mp4")
    (clips / "self").symlink_to("self")
    found, refused = find([str(clips), str(clips / "a.mp4"), f"{clips}/again/monday"], tmp_path / "out")
    assert names(found, clips) == ["a.mp4", "damaged.mp4", "monday/a.mp4", "monday/b.avi"]
    assert [one.reason for one in refused] == ["it is a link that leads nowhere"]


def test_bags_and_folders_of_pictures_are_one_recording_each(clips, demo_bag, tmp_path):
    shutil.copytree(demo_bag, clips / "talk")
    (clips / "pictures").mkdir()
    for name in ("1.png", "2.png"):
        (clips / "pictures" / name).write_bytes(b"")
    (clips / "monday" / "cover.jpg").write_bytes(b"")
    found, _ = find([str(clips)], tmp_path / "out")
    assert {"talk", "pictures"} <= set(names(found, clips))
    assert len(found) == 6


def test_two_recordings_of_one_name_have_files_of_different_names(clips, tmp_path):
    found, _ = find([str(clips)], tmp_path / "out")
    alone, _ = find([str(clips / "monday" / "a.mp4")], tmp_path / "out")
    assert len({one.name for one in found}) == len(found)
    assert alone[0].name in {one.name for one in found}, "which are the same whatever else is annotated"


def test_a_name_that_is_no_text_is_no_obstacle(clips, tmp_path):
    shutil.copy(clips / "a.mp4", os.fsencode(clips) + b"/\xff\n.mp4")
    (found,), _ = find([os.fsdecode(os.fsencode(clips) + b"/\xff\n.mp4")], tmp_path / "out")
    assert found.shown.isprintable() and found.shown.encode("utf-8")
    assert found.name.isascii()


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_taken(clips, tmp_path, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("monday"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(inputs.os, "scandir", refuse)
    found, refused = find([str(clips)], tmp_path / "out")
    assert names(found, clips) == ["a.mp4", "damaged.mp4"]
    assert [(one.shown, one.reason) for one in refused] == [
        (str(clips / "monday"), "the folder cannot be read: Permission denied")]


@pytest.mark.parametrize(("source", "why"), [
    ("0", "it is a camera"), ("rtsp://me:secret@cam/1", "it is a stream"), ("none.mp4", "does not exist"),
    ("/dev/null", "camera"), ("", "empty"), ("nosuch://bucket/a.mp4", "fsspec"),
])
def test_what_is_no_recording_is_named_with_the_reason(source, why, tmp_path):
    found, (refused,) = find([source], tmp_path / "out")
    assert not found
    assert why in refused.reason
    assert "secret" not in refused.shown + refused.reason


@pytest.mark.parametrize(("source", "there"), [
    ("s3://bucket/a.mp4", True), ("S3://bucket", True), ("memory://a/*.mcap", True), ("nosuch://a", True), ("a.mp4", False),
    ("file:///a.mp4", False), ("FILE:///a.mp4", False), ("rtsp://camera/1", False), ("HTTP://host/a.mp4", False)])
def test_what_lies_in_a_store_is_annotated_as_many_are(source, there):
    assert inputs.is_in_store(source) == are_many(parser().parse_args(["annotate", source])) == there


@pytest.mark.parametrize("address", ["memory://capitals/a.mp4", "MEMORY://capitals/a.mp4", "Memory://capitals/*.mp4"])
def test_what_lies_in_a_store_is_found_whatever_the_capitals_of_its_scheme(address, tmp_path):
    pytest.importorskip("fsspec").filesystem("memory").pipe("/capitals/a.mp4", b"x")
    (found,), refused = find([address], tmp_path / "out")
    assert not refused
    assert found.source == "memory:///capitals/a.mp4"


def test_answers_are_not_taken_for_recordings(clips, tmp_path):
    (clips / "out" / "bags").mkdir(parents=True)
    (clips / "out" / "bags" / "x.mcap").write_bytes(b"x")
    found, _ = find([str(clips)], clips / "out")
    assert len(found) == 4
    _, (refused,) = find([str(clips / "out" / "bags" / "x.mcap")], clips / "out")
    assert "where the answers go" in refused.reason


# What is done of them.


def test_each_recording_is_answered_as_if_it_were_alone(clips, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(clips, "--out", out, "--jobs", 2) == 1
    said = capsys.readouterr()
    assert sum(line.startswith(f"{i}/4 ") for i in range(1, 5) for line in said.out.splitlines()) == 4
    assert "3 of 4 recordings annotated, 1 failed: 25 images" in said.out
    assert "damaged.mp4: source" in said.err and "--retry-failed" in said.err
    rows = table(out)
    assert {name: row["status"] for name, row in rows.items()} == {
        "a.mp4": "done", "damaged.mp4": "failed", "monday/a.mp4": "done", "monday/b.avi": "done"}
    assert "is not a video" in rows["damaged.mp4"]["reason"]
    found = faces(out)
    for name in ("a.mp4", "monday/a.mp4", "monday/b.avi"):
        assert run(clips / name, "-o", tmp_path / "alone.mcap", "--table", tmp_path / "alone.parquet",
                   "--events", tmp_path / "events.parquet", "--force") == 0
        alone = parquet.read_table(tmp_path / "alone.parquet").to_pylist()
        assert alone
        assert [row for row in found if row["recording"] == str(clips / name)] == [
            {"recording": str(clips / name), **row} for row in alone]
        events = dataset.dataset(out / "events").to_table().to_pylist()
        assert [row for row in events if row["recording"] == str(clips / name)] == [
            {"recording": str(clips / name), **row} for row in parquet.read_table(tmp_path / "events.parquet").to_pylist()]
        assert (out / "bags" / f"{rows[name]['name']}.mcap").read_bytes() == (tmp_path / "alone.mcap").read_bytes()
    assert len(found) == sum(row["recording"] == str(clips / name) for row in found for name in rows)


@pytest.mark.parametrize("out", ["talks:1", "2026-11-27T12:30", "50%d"])
def test_what_looks_like_an_address_is_a_folder(clips, tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    shutil.copy(clips / "a.mp4", "monday:1.mp4")
    assert run("monday:1.mp4", clips / "a.mp4", "--out", out, "--no-bags") == 0
    assert {Path(row["recording"]).name for row in faces(tmp_path / out)} == {"monday:1.mp4", "a.mp4"}


def test_what_is_whole_is_not_done_again(clips, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(clips, "--out", out, "--no-bags") == 1
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*-*.*")}
    capsys.readouterr()
    assert run(clips, "--out", out, "--no-bags") == 1
    said = capsys.readouterr()
    assert "done already: 4 of 4 recordings" in said.out and "damaged.mp4" in said.err
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*-*.*")} == before
    # One lost a file, one has changed, and what failed is to be tried again: it is whole by now.
    rows = table(out)
    (out / "faces" / f"{rows['a.mp4']['name']}.parquet").unlink()
    shutil.copy(clips / "a.mp4", clips / "monday" / "b.avi")
    about = os.stat(clips / "damaged.mp4")
    (clips / "damaged.mp4").write_bytes((clips / "a.mp4").read_bytes())
    os.utime(clips / "damaged.mp4", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert run(clips, "--out", out, "--no-bags", "--retry-failed") == 0
    assert "done already: 1 of 4" in capsys.readouterr().out
    assert {name: row["images"] for name, row in table(out).items()} == {
        "a.mp4": "10", "damaged.mp4": "10", "monday/a.mp4": "10", "monday/b.avi": "10"}


def test_a_folder_of_another_run_is_left_alone(clips, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(clips / "a.mp4", "--out", out, "--no-bags") == 0
    before = faces(out)
    assert run(clips / "a.mp4", "--out", out, "--no-bags", "--set", "label_hold=0.5",
               "--set", "emotion_node.model=emotion_fer2013.onnx") == 1
    said = capsys.readouterr().err
    assert "label_hold 0.3, now 0.5" in said and "emotion_fer2013.onnx" in said and "--force" in said
    assert faces(out) == before
    assert run(clips / "monday" / "a.mp4", "--out", out, "--no-bags", "--set", "label_hold=0.5", "--force") == 0
    assert {row["recording"] for row in faces(out)} == {str(clips / "monday" / "a.mp4")}, "of one run alone"


def test_a_folder_that_holds_something_else_is_left_alone(clips, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("dear diary")
    assert run(clips, "--out", tmp_path / "mine", "--force") == 1
    assert "not from annotate (it holds diary.txt)" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["diary.txt"]


def test_a_folder_in_which_another_command_writes_is_left_alone(tmp_path):
    first, second = (Collection(tmp_path / "out", {"fer_ros": "1"}) for _ in range(2))
    with first, pytest.raises(OutputError, match="another fer-ros annotate writes"), second:
        pass
    with Collection(tmp_path / "out", {"fer_ros": "1"}):
        pass


@pytest.mark.parametrize("record", ["", "{", "[]", '{"source": 1}', '{"source": "a", "mark": "b", "outcome": {"status": "x"}, '
                                    '"files": {}}'])
def test_a_damaged_record_counts_as_none(record, tmp_path):
    given = Input("/a.mp4", "b")
    with Collection(tmp_path / "out", {"fer_ros": "1"}):
        pass
    (tmp_path / "out" / "records" / f"{given.name}.json").write_text(record)
    with Collection(tmp_path / "out", {"fer_ros": "1"}) as collection:
        assert collection.record(given) is None


def test_a_damaged_description_of_the_run_is_said(tmp_path):
    with Collection(tmp_path / "out", {"fer_ros": "1"}):
        pass
    (tmp_path / "out" / "fer_ros.json").write_text("{")
    with pytest.raises(OutputError, match="is damaged"), Collection(tmp_path / "out", {"fer_ros": "1"}):
        pass


@pytest.mark.parametrize(("arguments", "text"), [
    (["--jobs", "2"], "name it with --out DIR"),
    (["--out", "x.mcap", "--jobs", "2"], "named like a bag"),
    (["s3://bucket/b.mp4", "-o", "x.mcap"], "named like a bag"),
    (["--out", "out", "--table", "x.csv"], "--table is of one recording"),
    (["--out", "out", "--overlay", "--no-bags"], "leave out --no-bags"),
    (["--out", "out", "--scheduler", "tcp://127.0.0.1:1", "--jobs", "2"], "--jobs is for this machine"),
    (["--out", "out", "--set", "emotion_node.model=none.onnx"], "none.onnx not found"),
    (["--out", "a.mp4/out"], "cannot write"),
])
def test_arguments_that_make_no_sense_are_refused_in_one_line(arguments, text, clips, monkeypatch, capsys):
    monkeypatch.chdir(clips)
    before = sorted(clips.rglob("*"))
    assert run("a.mp4", *arguments) == 1
    said = capsys.readouterr().err
    assert text in said and said.count("\n") == 1
    assert sorted(clips.rglob("*")) == before


def test_nothing_to_annotate_is_said(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", tmp_path / "none.mp4", "--out", tmp_path / "out") == 1
    assert "there is nothing to annotate" in capsys.readouterr().err


def spawned_by(parent: int) -> list[int]:
    """The processes that multiprocessing has started for another."""
    children = [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    spawned = [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert spawned
    return spawned


def blocked(pid: int, number: int) -> bool:
    """Whether a signal does not come through to a process."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(status["SigBlk"], 16) >> (number - 1) & 1)


def nobody_is_left(group: int) -> bool:
    """Whether all processes of a group are gone within a minute."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing_running_and_goes_on_later(number, clips, tmp_path):
    out = tmp_path / "out"
    (clips / "damaged.mp4").unlink()
    for i in range(20):
        shutil.copy(clips / "a.mp4", clips / f"more{i}.mp4")
    command = [sys.executable, "-u", "-c", "from fer_ros.cli import main; main()", "annotate", str(clips), "--out", str(out),
               "--jobs", "2", "--no-bags"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
                          start_new_session=True) as process:
        while not (line := process.stdout.readline()).startswith("1/23 "):
            assert line, process.stderr.read()
        assert all(blocked(child, signal.SIGINT) and blocked(child, signal.SIGHUP) for child in spawned_by(process.pid))
        os.killpg(process.pid, number)  # as the terminal does: all processes get it
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 130, errors
    assert "interrupted; the same command goes on from here" in errors and "Traceback" not in errors
    assert nobody_is_left(process.pid)
    assert not list(out.glob(".work-*"))
    kept = {path: path.stat().st_mtime_ns for path in (out / "records").iterdir()}
    assert 1 <= len(kept) < 23
    assert run(clips, "--out", out, "--no-bags") == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(table(out)) == 23


def test_the_installed_command_starts_its_processes(clips, tmp_path):
    """As `ros2 run fer_ros fer-ros` starts it: each process that it spawns reads the command's own file first."""
    command = [sys.executable, executable("fer-ros"), "annotate", clips / "a.mp4", clips / "monday", "--out", tmp_path / "out",
               "--jobs", "2", "--no-bags"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "3 of 3 recordings annotated" in done.stdout


# The processes.


@pytest.fixture
def room(tmp_path) -> Path:
    (tmp_path / "room").mkdir()
    return tmp_path / "room"


@pytest.fixture
def two(clips, tmp_path) -> list[Input]:
    found, _ = find([str(clips / "a.mp4"), str(clips / "monday" / "a.mp4")], tmp_path / "out")
    return found


def kill_whoever_has(given: Input, times: int, of: Crew) -> Callable[[Progress | Finished], None]:
    left = [times]

    def look(event: Progress | Finished) -> None:
        if isinstance(event, Progress) and event.given == given and left[0]:
            left[0] -= 1
            (member,) = [one for one in of._members if one.given == given]
            os.kill(member.process.pid, signal.SIGKILL)

    return look


@pytest.mark.parametrize(("times", "status"), [(1, DONE), (2, FAILED)])
def test_a_process_that_dies_costs_its_recording_in_hand_and_nothing_else(times, status, two, room):
    with Crew(task(bags=False), 2, room) as workers:
        look = kill_whoever_has(two[0], times, workers)
        finished = {}
        for event in workers.work(two):
            look(event)
            if isinstance(event, Finished):
                finished[event.given] = event.outcome
    assert finished[two[1]].status == DONE
    assert finished[two[0]].status == status
    assert status == DONE or "the process that had it died each time (SIGKILL)" in finished[two[0]].reason
    assert not multiprocessing.active_children()


def test_processes_that_cannot_begin_are_said(two, room):
    chosen = task(bags=False)
    changed = Task(chosen.params, chosen.detector, Model(chosen.emotions.path, "0" * 64))
    with Crew(changed, 1, room) as workers, pytest.raises(CrewError, match="cannot begin"):
        list(workers.work(two))


def test_the_model_is_the_one_that_was_chosen_and_no_other(tmp_path):
    chosen = task()
    copy = tmp_path / "mine.onnx"
    shutil.copy(chosen.emotions.path, copy)
    model = Model.of(str(copy))
    assert model.sha256 == chosen.emotions.sha256
    copy.write_bytes(b"another")
    with pytest.raises(ValueError, match="is not the model that was chosen"):
        model.content()
    assert "auto" not in json.dumps(chosen.about())


@pytest.fixture
def full(tmp_path) -> Iterator[Path]:
    path = tmp_path / "disk"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", path], check=False, capture_output=True).returncode:
        pytest.skip("only root can make a disk that is full")
    yield path
    subprocess.run(["umount", path], check=True)


@pytest.mark.parametrize("bags", [True, False])
def test_a_full_disk_is_no_fault_of_the_recording(bags, two, full):
    (full / "in_hand").mkdir()
    with contextlib.suppress(OSError), open(full / "ballast", "wb", buffering=0) as ballast:
        while ballast.write(bytes(4096)):
            continue
    chosen = task(bags=bags)
    with pytest.raises(DiskFull):
        annotate(two[0], chosen, chosen.params_with(lambda model: Path(model.path)), full / "in_hand")


def test_a_full_disk_ends_the_run_which_goes_on_when_there_is_room(clips, full, tmp_path, capsys):
    (full / "out").mkdir()
    (full / "ballast").write_bytes(bytes(850 * 1024))  # less is left than is looked for after a failure
    assert run(clips, "--out", full / "out") == 1
    assert "No space left on device: make room" in capsys.readouterr().err
    records = [json.loads(path.read_text()) for path in (full / "out" / "records").iterdir()]
    assert "failed" not in [one["outcome"]["status"] for one in records if "damaged" not in one["source"]]
    (full / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=20M", full], check=True)
    assert run(clips, "--out", full / "out") == 1
    assert [one["status"] for one in table(full / "out").values()].count("done") == 3


def test_nothing_of_the_cluster_is_imported_here():
    code = ("import sys; from fer_ros.cli import parser; parser(); import fer_ros.commands.annotate_many, fer_ros.many.crew; "
            "sys.exit(any(name.split('.')[0] in ('dask', 'distributed', 'fsspec') for name in sys.modules))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_an_hour_costs_is_measured(clips, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main(["bench", "many", str(clips / "a.mp4"), "--recordings", "2", "--jobs", "1", "2", "--json",
              str(tmp_path / "b.json")])
    assert ended.value.code == 0
    rows = json.loads((tmp_path / "b.json").read_text())
    assert [(row["way"], row["number"], row["recordings"]) for row in rows] == [("processes", 1, 2), ("processes", 2, 2)]
    for row in rows:
        assert row["video"] == pytest.approx(2 * 9 / 25)
        assert row["cpu"] > 0 and row["speed"] == pytest.approx(row["video"] / row["seconds"])
