# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""What a command writes: never over what it reads, nothing that is there without --force, and whole or not at all."""

from __future__ import annotations

import ast
import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

import fer_ros
from fer_ros.system import files as module
from fer_ros.system.files import Output, OutputError, check_output, check_outputs, filling, replacing, write_text

PACKAGE = Path(fer_ros.__file__).parent


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def video(tmp_path) -> Path:
    """A file in a folder of its own, to be read."""
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "my video.mp4"
    path.write_text("precious")
    return path


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("kind", ["path", "relative", "dots", "link", "hard link", "linked folder", "descriptor"])
def test_a_source_is_not_written_under_any_of_its_names(video, tmp_path, monkeypatch, kind, force):
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other.mp4"
    handle = os.open(video, os.O_RDONLY)
    try:
        if kind == "link":
            other.symlink_to(video)
        elif kind == "hard link":
            os.link(video, other)
        elif kind == "linked folder":
            (tmp_path / "here").symlink_to(video.parent)
        name = {"path": video, "relative": Path("in/my video.mp4"), "dots": Path("in/../in/my video.mp4"), "link": other,
                "hard link": other, "linked folder": Path("here/my video.mp4"), "descriptor": Path(f"/proc/self/fd/{handle}")}
        with pytest.raises(OutputError, match="name another"):
            check_output(name[kind], force=force, sources=[str(video)])
    finally:
        os.close(handle)


@pytest.mark.parametrize("source", [
    "{path}", " {path} ", "file://{path}", "file://{quoted}", "FILE://{quoted}", "file://localhost{quoted}", "{relative}",
    "file://{relative}", "${{IT}}", "@source.txt",
])
def test_a_source_is_known_however_it_is_named(video, tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IT", str(video))
    Path("source.txt").write_text(f"{video}\n")
    named = source.format(path=video, quoted=quote(str(video)).replace("e", "%65"), relative="in/my video.mp4")
    with pytest.raises(OutputError, match="is what is read"):
        check_output(video, force=True, sources=[named])


def test_the_file_that_names_the_source_stays(video, tmp_path):
    file = tmp_path / "camera.csv"
    file.write_text("rtsp://me:s3cret@cam/live")
    with pytest.raises(OutputError, match="is what is read"):
        check_output(file, force=True, sources=[f"@{file}"])


def test_a_source_in_the_users_home_is_known(video, monkeypatch):
    monkeypatch.setenv("HOME", str(video.parent))
    with pytest.raises(OutputError, match="is what is read"):
        check_output(video, force=True, sources=["~/my video.mp4"])


@pytest.mark.parametrize("kind", ["in it", "below", "link to it", "hard link to it"])
def test_a_file_in_a_folder_that_is_read_is_not_replaced(tmp_path, kind):
    image = tmp_path / "in" / "more" / "a.png"
    image.parent.mkdir(parents=True)
    image.write_text("precious")
    other = tmp_path / "b.png"
    if kind == "link to it":
        other.symlink_to(image)
    elif kind == "hard link to it":
        os.link(image, other)
    out = other if "link" in kind else image
    with pytest.raises(OutputError, match="is what is read, or lies in it"):
        check_output(out, force=True, sources=[image.parent if kind == "in it" else tmp_path / "in"])


def test_a_new_file_may_lie_beside_images_but_not_in_a_bag(tmp_path):
    check_output(tmp_path / "new.mcap", sources=[tmp_path])
    (tmp_path / "metadata.yaml").write_text("")
    bag = tmp_path / "bag.mcap"
    bag.write_text("")
    for source in (tmp_path, bag):
        for name in ("new.mcap", "metadata.yaml"):
            with pytest.raises(OutputError, match="is what is read, or lies in it"):
                check_output(tmp_path / name, force=True, sources=[source])


def test_the_demo_clip_is_a_source_too(share):
    with pytest.raises(OutputError, match=r"is what is read, or lies in it \(demo\)"):
        check_output(share / "demo" / "demo.mp4", force=True, sources=["demo"])


def test_what_is_there_is_replaced_by_force_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("older")
    with pytest.raises(OutputError, match=r"a\.txt is there already: name another, or --force"):
        write_text(path, "new")
    assert path.read_text() == "older"
    write_text(path, "new", force=True)
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "victim").write_text("precious")
    for target in ("victim", "nowhere"):
        path = tmp_path / f"to_{target}.txt"
        path.symlink_to(tmp_path / target)
        with pytest.raises(OutputError, match="is there already"):
            write_text(path, "new")
        write_text(path, "new", force=True)
        assert path.read_text() == "new"
        assert not path.is_symlink()
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("make", "text"), [
    (lambda path: path.mkdir(), "is a folder"), (os.mkfifo, "is a pipe"),
    (lambda path: path.symlink_to("/dev/full"), "a device"), (lambda path: path.symlink_to("/dev/null"), "a device"),
    (lambda path: path.symlink_to(path), "[Tt]oo many"),
])
def test_what_is_not_a_file_is_never_replaced(tmp_path, make, text):
    path = tmp_path / "a.json"
    make(path)
    for force in (False, True):
        with pytest.raises(OutputError, match=text):
            write_text(path, "new", force)
    assert names(tmp_path) == ["a.json"]


@pytest.mark.parametrize("name", ["/dev/null", "/dev/full", "/dev/stdout", "/dev/stderr"])
def test_devices_stay(name):
    kind = os.stat(name).st_mode
    with pytest.raises(OutputError, match=r"cannot write|is there already"):
        check_output(Path(name), force=False)
    if not stat.S_ISREG(kind):
        with pytest.raises(OutputError, match="cannot write"):
            check_output(Path(name), force=True)


@pytest.mark.parametrize("name", ["", ".", "..", "none/a.txt", "a.txt/b.txt", "x" * 300])
def test_a_name_that_cannot_work_is_one_error(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        check_output(Path(name), force=True)


def test_a_long_name_can_be_written(tmp_path):
    name = "ä" * 120 + ".txt"
    write_text(tmp_path / name, "x")
    assert names(tmp_path) == [name]


def test_two_outputs_of_one_command_have_two_names(tmp_path):
    (tmp_path / "here").symlink_to(tmp_path)
    with pytest.raises(OutputError, match="two outputs have one name"):
        check_outputs([tmp_path / "a", tmp_path / "here" / "a"])


def test_nobody_can_foresee_where_it_is_written_or_put_something_there(tmp_path):
    places = []
    for _ in range(2):
        with replacing(tmp_path / "t.csv", force=True) as partial:
            places.append(partial.parent)
            assert stat.S_IMODE(partial.parent.stat().st_mode) == 0o700
            assert not partial.exists()
            partial.write_text("x")
    assert len(set(places)) == 2
    assert names(tmp_path) == ["t.csv"]


def test_a_new_file_has_the_users_usual_permissions_and_a_replaced_one_keeps_its_own(tmp_path):
    before = os.umask(0o027)
    try:
        path = tmp_path / "a.txt"
        write_text(path, "x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        write_text(path, "y", force=True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_file_that_appears_meanwhile_is_left_as_it_is_and_nothing_is_lost(tmp_path):
    path = tmp_path / "a.mp4"
    output = Output(path, keep=True)
    output.scratch.write_text("mine")
    path.write_text("theirs")
    (tmp_path / "a-2.mp4").write_text("theirs, too")
    with pytest.raises(OutputError, match=r"what was written is .*a-3\.mp4; name another, or --force"):
        output.publish()
    assert path.read_text() == "theirs"
    assert (tmp_path / "a-3.mp4").read_text() == "mine"
    assert names(tmp_path) == ["a-2.mp4", "a-3.mp4", "a.mp4"]


def test_who_comes_second_to_a_name_is_told_at_once(tmp_path):
    path = tmp_path / "a.mp4"
    with Output(path) as first:
        first.scratch.write_text("first")
        for force in (False, True):
            with pytest.raises(OutputError, match="is being written by another process: name another"):
                Output(path, force=force)
        with Output(tmp_path / "b.mp4") as other:
            other.scratch.write_text("other")
    assert path.read_text() == "first"
    assert names(tmp_path) == ["a.mp4", "b.mp4"]
    with Output(path, force=True) as third:  # the name is free again
        third.scratch.write_text("third")
    assert path.read_text() == "third"


def test_a_disk_without_hard_links_does_as_well(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(module.os, "link", refuse)
    path = tmp_path / "a.txt"
    write_text(path, "x")
    assert path.read_text() == "x"
    output = Output(tmp_path / "b.txt")
    output.scratch.write_text("mine")
    (tmp_path / "b.txt").write_text("theirs")
    with pytest.raises(OutputError, match="is there already"):
        output.publish()
    assert (tmp_path / "b.txt").read_text() == "theirs"
    assert names(tmp_path) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt()])
def test_what_fails_leaves_nothing(tmp_path, error):
    for write in (replacing(tmp_path / "a.txt"), filling(tmp_path / "more")):
        with pytest.raises(type(error)), write as partial:
            (partial if partial.suffix else partial / "b.txt").write_text("x")
            raise error
    assert names(tmp_path) == ["more"]
    assert names(tmp_path / "more") == []


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "fsync", full)  # some disks say so only then
    with pytest.raises(OutputError, match=r"cannot write '.*a\.txt': No space left on device"):
        write_text(tmp_path / "a.txt", "x")
    assert names(tmp_path) == []


def test_several_files_get_their_names_together(tmp_path):
    with filling(tmp_path / "out") as scratch:
        for name in "ab":
            (scratch / f"{name}.txt").write_text("first")
        assert len(names(tmp_path / "out")) == 1
    assert names(tmp_path / "out") == ["a.txt", "b.txt"]
    with pytest.raises(OutputError, match=r"b\.txt is there already"), filling(tmp_path / "out") as scratch:
        for name in "cb":
            (scratch / f"{name}.txt").write_text("second")
    assert names(tmp_path / "out") == ["a.txt", "b.txt"]
    assert (tmp_path / "out" / "b.txt").read_text() == "first"


def test_a_folder_is_published_whole_and_replaces_one_by_force(tmp_path):
    def write(text: str, force: bool = False) -> None:
        with Output(tmp_path / "bag", folder=True, force=force) as output:
            output.scratch.mkdir()
            (output.scratch / text).write_text(text)

    write("first")
    with pytest.raises(OutputError, match="is there already"):
        write("second")
    write("second", force=True)
    assert names(tmp_path) == ["bag"]
    assert names(tmp_path / "bag") == ["second"]


HOLDS = """
import sys, time
from pathlib import Path
from fer_ros.system.files import Output
output = Output(Path(sys.argv[1]))
output.scratch.write_text("half")
print("ready", flush=True)
{then}
"""


@pytest.mark.parametrize("then", ["raise SystemExit(3)", "raise RuntimeError", "pass"])
def test_a_process_that_ends_without_publishing_leaves_nothing(tmp_path, then):
    subprocess.run([sys.executable, "-c", HOLDS.format(then=then), tmp_path / "a.txt"], cwd=tmp_path, check=False,
                   capture_output=True)
    assert names(tmp_path) == []


def test_the_name_is_free_after_a_process_was_killed(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDS.format(then="time.sleep(600)"), tmp_path / "a.txt"], cwd=tmp_path,
                              stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout.readline() == "ready\n"
        with pytest.raises(OutputError, match="is being written by another process"):
            Output(tmp_path / "a.txt")
        holder.send_signal(signal.SIGKILL)
    write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").read_text() == "x"


def opens_text(call: ast.Call) -> bool:
    """Whether a call reads or writes a file as text."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text"):
        return True
    modes = [word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)
             and word.value and set(word.value) <= set("rwxabt+")]
    modes += [word.value.value for word in call.keywords if word.arg == "mode" and isinstance(word.value, ast.Constant)]
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        return "b" not in "".join(modes)
    opens = isinstance(call.func, ast.Attribute) and call.func.attr == "open" and ast.unparse(call.func.value) != "av"
    return opens and bool(modes) and "b" not in "".join(modes)


@pytest.mark.parametrize("file", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_text_is_read_and_written_in_a_named_encoding(file):
    """Else what it says depends on the machine's language."""
    calls = [node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    lines = [call.lineno for call in calls if opens_text(call) and "encoding" not in {word.arg for word in call.keywords}]
    assert not lines, f"{file}: lines {lines}"
