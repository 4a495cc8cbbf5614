# Copyright 2026 fer_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with the
# License. You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software distributed under the License is distributed on an "AS
# IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The package finds its own files, wherever it is installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import fer_ros
from fer_ros import resources
from fer_ros.resources import emotion_model, model_file, multiplies_bytes, share_directory, users_file


def test_everything_that_is_needed_is_installed(share):
    for name in ("package.xml", "config/fer.yaml", "config/fastdds.xml", "config/fastdds2.xml", "config/fastdds3.xml",
                 "demo/demo.mp4", "models/models.yaml", "models/emotion.onnx", "models/face_detection_yunet_2023mar.onnx"):
        assert (share / name).is_file(), name


def test_a_model_is_named_by_its_file_or_its_path(share, tmp_path, monkeypatch):
    assert model_file("emotion.onnx") == share / "models" / "emotion.onnx"
    mine = tmp_path / "mine.onnx"
    mine.touch()
    assert model_file(str(mine)) == mine
    monkeypatch.setenv("HOME", str(tmp_path))
    assert model_file("~/mine.onnx") == mine


@pytest.mark.parametrize(("name", "hint"), [
    ("nothing.onnx", "fer-ros models get"), ("mine.onnx", "by its path, ./NAME"),
    ("emotion", r"did you mean emotion\.onnx\?"), ("emotion.onx", r"did you mean emotion\.onnx\?"),
    ("", "'' is no model: name"), ("..", "'..' is no model: name"), ("/", "is a folder: name the file in it"),
    ("/nowhere/x.onnx", "name a file that exists"), ("./x.onnx", "name a file"),
    ("~no_such_user_at_all/x.onnx", "name a file"),
])
def test_a_model_that_is_not_there_is_said_with_what_to_do(name, hint):
    with pytest.raises(FileNotFoundError, match=hint):
        model_file(name)


def installation(prefix: Path, link: bool) -> Path:
    """A copy of the package as it is installed; modules are links where `colcon build --symlink-install` makes them so."""
    package = prefix / "lib" / "python3.99" / "site-packages" / "fer_ros"
    (package / "media").mkdir(parents=True)
    for name in ("__init__.py", "resources.py", "media/__init__.py", "media/source_name.py", "words.py"):
        source = Path(fer_ros.__file__).parent / name
        if link:
            (package / name).symlink_to(source)
        else:
            shutil.copy(source, package / name)
    return package.parent


def shared_by(packages: Path) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.insert(0, {str(packages)!r})\nfrom fer_ros import resources\n" \
           "print(resources.share_directory())"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("link", [False, True])
def test_the_files_are_those_of_the_installation_that_was_imported(tmp_path, link):
    packages = installation(tmp_path / "ws" / "install" / "fer_ros", link)
    share = tmp_path / "ws" / "install" / "fer_ros" / "share" / "fer_ros"
    share.mkdir(parents=True)
    (share / "package.xml").touch()
    assert shared_by(packages).stdout.strip() == str(share)


def test_a_source_tree_says_that_it_is_not_installed(tmp_path):
    done = shared_by(installation(tmp_path, link=False))
    assert done.returncode != 0
    assert "install the package" in done.stderr


def test_the_shared_folder_is_this_installations():
    assert Path(fer_ros.__file__).is_relative_to(share_directory().parent.parent)


def test_the_package_and_the_module_have_one_version(share):
    assert ElementTree.parse(share / "package.xml").findtext("version") == fer_ros.__version__


@pytest.mark.parametrize(("flags", "bytes_too"), [
    ("flags : fpu avx2 avx512f avx512_vnni", True), ("flags : fpu avx2 avx_vnni fma", True),
    ("flags : fpu avx2 avx512f", True), ("flags : fpu sse4_2 avx", False),
    ("Features : fp asimd asimddp", False), ("", False), (None, False)])
def test_the_processor_says_whether_it_is_made_for_bytes(monkeypatch, flags, bytes_too):
    def read(path: Path, **_: str) -> str:
        assert str(path) == "/proc/cpuinfo"
        if flags is None:
            raise FileNotFoundError
        return flags

    monkeypatch.setattr(Path, "read_text", read)
    assert multiplies_bytes.__wrapped__() is bytes_too


@pytest.mark.parametrize(("model", "provider", "bytes_too", "file"), [
    ("auto", "cpu", True, "emotion_int8.onnx"), ("auto", "cpu", False, "emotion.onnx"), ("auto", "cuda", True, "emotion.onnx"),
    ("mine.onnx", "cpu", True, "mine.onnx")])
def test_the_quantized_model_is_for_processors_that_are_made_for_it(monkeypatch, model, provider, bytes_too, file):
    monkeypatch.setattr(resources, "multiplies_bytes", lambda: bytes_too)
    assert emotion_model(model, provider) == file


def test_a_file_is_named_by_its_path_or_the_package_that_has_it(share, tmp_path, monkeypatch):
    mine = tmp_path / "share" / "my_robot"
    mine.mkdir(parents=True)
    (mine / "package.xml").touch()
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"/nowhere:{tmp_path}")
    assert users_file("package://my_robot/config/camera.yaml") == mine / "config" / "camera.yaml"
    assert users_file("package://fer_ros/config/fer.yaml") == share / "config" / "fer.yaml"
    assert users_file("file:///etc/a%20b.yaml") == Path("/etc/a b.yaml")
    with pytest.raises(FileNotFoundError, match="the package my_root is not installed"):
        users_file("package://my_root/camera.yaml")
